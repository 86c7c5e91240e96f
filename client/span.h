/* Spans and times of day as operators type them. */
#ifndef CLIENT_SPAN_H
#define CLIENT_SPAN_H

#include <stdbool.h>

/* "90", "90s", "15m", "2h", "3d": at least a second. False for anything else. */
bool span_parse(const char *text, long long *out_ms);
/* How long from now until "HH:MM" (today, or tomorrow if that has passed), "YYYY-MM-DDTHH:MM" or
 * "@SECONDS" since the epoch; local time. False for anything else, or what has passed. */
bool span_parse_until(const char *text, long long *out_ms);
/* "59 min", "2 h". */
enum { SPAN_TEXT_SIZE = 32 };
void span_text(char out[SPAN_TEXT_SIZE], long long ms);

#endif
