/* The words of `holdfast why`: see why_text.h. */
#include "client/why_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/agent.h"

enum { NAMES_SHOWN = 6 };

void why_line(json_t *list, const char *format, ...)
{
    char text[WHY_LINE_MAX];
    va_list ap;
    va_start(ap, format);
    int written = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    size_t size = written < 0 ? 0 : strlen(text);
    json_t *line = json_stringn(text, size);
    /* One that was cut may end within a character. */
    for (int i = 0; !line && i < 3 && size > 0; i++)
        line = json_stringn(text, --size);
    if (line)
        json_array_append_new(list, line);
}

long long why_count(const json_t *object, const char *key)
{
    long long count = json_number(object, key);
    return count > 0 ? count : 0;
}

/* How many of a list are of that node. */
static size_t count_node(const json_t *list, const char *node)
{
    const json_t *party;
    size_t index, count = 0;
    json_array_foreach(list, index, party)
    {
        count += strcmp(json_text(party, "node"), node) == 0;
    }
    return count;
}

const char *why_name(char text[WHY_NAME_MAX], const json_t *lock, const json_t *party)
{
    const char *node = json_text(party, "node");
    /* One that converts is among the holders too. */
    size_t count = count_node(json_object_get(lock, "holders"), node) +
                   count_node(json_object_get(lock, "waiters"), node);
    if (count > 1)
        snprintf(text, WHY_NAME_MAX, "%s's %s", node, json_text(party, "hold"));
    else
        snprintf(text, WHY_NAME_MAX, "%s", node);
    return text;
}

const char *why_names(char text[WHY_NAMES_MAX], const json_t *lock, const json_t *parties)
{
    const json_t *party;
    size_t index, count = json_array_size(parties), at = 0;
    char name[WHY_NAME_MAX];
    text[0] = '\0';
    json_array_foreach(parties, index, party)
    {
        const char *before = index == 0 ? "" : index + 1 == count ? " and " : ", ";
        if (index == NAMES_SHOWN && count > NAMES_SHOWN + 1) {
            snprintf(text + at, WHY_NAMES_MAX - at, " and %zu more", count - index);
            return text;
        }
        int n = snprintf(text + at, WHY_NAMES_MAX - at, "%s%.100s", before,
                         why_name(name, lock, party));
        at += n > 0 ? (size_t)n : 0;
    }
    return text;
}

const char *why_data(char text[WHY_NAME_MAX], const json_t *party)
{
    char data[AGENT_DATA_SIZE];
    agent_data(data, party);
    snprintf(text, WHY_NAME_MAX, "%s%s%s", *data ? ", \"" : "", data, *data ? "\"" : "");
    return text;
}
