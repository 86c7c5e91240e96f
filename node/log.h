/*
 * The log: one line on stderr for each event that matters, in logfmt: `event key=value key="two
 * words"`.
 *
 * Under systemd (JOURNAL_STREAM is set) each is an entry of the journal with a field for each key
 * (journal_entry.h), or, where the journal's socket is not there, a line that starts with its
 * priority as "<N>" (sd-daemon(3)); else a line starts with the time, ISO 8601 in UTC with
 * milliseconds, and the level. Each event's lines are rate-limited by themselves, so that a storm
 * of one kind hides no other; what was left out is said as `suppressed=N`. Secrets are never
 * logged.
 */
#ifndef NODE_LOG_H
#define NODE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* False if `text` is none of debug, info, warning, error. */
bool log_level_parse(enum log_level *out, const char *text);
const char *log_level_text(enum log_level level);

/* Lines below `level` are left out from now on. */
void log_open(enum log_level level);

/* `event`: a static word. `format` makes the key=value pairs; use log_value for text of others. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum { LOG_VALUE_SIZE = 320 };
struct log_value {
    char text[LOG_VALUE_SIZE];
};
/* Bytes of any kind as a quoted value, cut if too long; quotes, backslashes and controls are
 * escaped. */
struct log_value log_value(const void *bytes, size_t size);

/* The present wall-clock time as "2014-06-14T08:00:00.123Z". */
enum { LOG_TIME_SIZE = 32 };
void log_time(char out[LOG_TIME_SIZE]);

#endif
