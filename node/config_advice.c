/* What to do about a mistake in the file: see config_advice.h. */
#include "node/config_advice.h"

#include <stdio.h>
#include <string.h>

/* Edits that make one word of the other; words are cut at CONFIG_WORD_MAX. */
static size_t config_distance(const char *a, const char *b)
{
    enum { CONFIG_WORD_MAX = 32 };
    size_t row[CONFIG_WORD_MAX + 1];
    size_t m = strnlen(a, CONFIG_WORD_MAX), n = strnlen(b, CONFIG_WORD_MAX);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            corner = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

/* The option of this section that was meant, perhaps; NULL if none is near. */
static const char *config_nearest(const cfg_t *cfg, const char *word)
{
    enum { CONFIG_NEAR = 2 };
    const char *nearest = NULL;
    size_t least = CONFIG_NEAR + 1;
    for (const cfg_opt_t *opt = cfg->opts; opt && opt->name; opt++) {
        size_t distance = config_distance(word, opt->name);
        if (distance < least) {
            least = distance;
            nearest = opt->name;
        }
    }
    return nearest;
}

void config_advice(char *advice, size_t size, const cfg_t *cfg, const char *text)
{
    char word[64];
    const char *nearest = NULL;
    *advice = '\0';
    if (strstr(text, "duplicate title"))
        snprintf(advice, size, "; give each its own name, or join them");
    else if (strstr(text, "premature end of file"))
        snprintf(advice, size, "; a quote, a list or a section before it is not closed");
    else if (strstr(text, "invalid integer value"))
        snprintf(advice, size, "; it takes a whole number, without a unit");
    else if (cfg && sscanf(text, "no such option '%63[^']'", word) == 1)
        nearest = config_nearest(cfg, word);
    if (nearest)
        snprintf(advice, size, "; is %s meant?", nearest);
    else if (strstr(text, "no such option"))
        snprintf(advice, size, "; holdfast.conf(5) lists them");
}
