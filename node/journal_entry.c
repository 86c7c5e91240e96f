#include "node/journal_entry.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct entry {
    char *out;
    size_t size;
};

/* One field, or nothing of it. A value of one line needs no length before it, and no value here has
 * a newline: log_value escapes them, and the rest is ours. */
static void add(struct entry *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct entry *e, const char *format, ...)
{
    va_list arguments;
    size_t room = JOURNAL_ENTRY_SIZE - e->size;
    va_start(arguments, format);
    int size = vsnprintf(e->out + e->size, room, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < room && !memchr(e->out + e->size, '\n', (size_t)size - 1))
        e->size += (size_t)size;
}

static bool is_key(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-' || c == '_';
}

/* The value at `from` without its quotes and the escapes of quotes and backslashes; what follows.
 */
static const char *take_value(char *value, size_t room, const char *from)
{
    bool quoted = *from == '"';
    size_t at = 0;
    for (from += quoted; *from && *from != (quoted ? '"' : ' '); from++) {
        if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        if (at + 1 < room)
            value[at++] = *from;
    }
    value[at] = '\0';
    return quoted && *from ? from + 1 : from;
}

/* "key" of "key=..." as a field's name; false if it is none. */
static bool take_key(char *key, size_t room, const char **from)
{
    const char *c = *from;
    size_t at = 0;
    for (; is_key(*c); c++)
        if (at + 1 < room)
            key[at++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    key[at] = '\0';
    if (at == 0 || *c != '=')
        return false;
    *from = c + 1;
    return true;
}

size_t journal_entry(char out[JOURNAL_ENTRY_SIZE], int priority, const char *program,
                     const char *event, const char *pairs)
{
    struct entry e = {out, 0};
    char key[48], value[1536];
    add(&e, "MESSAGE=%s %s\n", event, pairs);
    add(&e, "PRIORITY=%d\n", priority);
    add(&e, "SYSLOG_IDENTIFIER=%s\n", program);
    add(&e, "HOLDFAST_EVENT=%s\n", event);
    while (*pairs) {
        if (take_key(key, sizeof key, &pairs)) {
            pairs = take_value(value, sizeof value, pairs);
            add(&e, "HOLDFAST_%s=%s\n", key, value);
        }
        while (*pairs && *pairs != ' ')
            pairs++;
        while (*pairs == ' ')
            pairs++;
    }
    return e.size;
}
