/* Spans and times of day: see span.h. */
#include "client/span.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/command.h"
#include "client/member_text.h"

bool span_parse(const char *text, long long *out_ms)
{
    static const struct {
        const char *unit;
        long seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
    size_t digits = strspn(text, "0123456789");
    char number[12];
    long value;
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!parse_number(number, 1, 366L * 86400, &value))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text + digits, units[i].unit) == 0) {
            *out_ms = 1000LL * value * units[i].seconds;
            return true;
        }
    return false;
}

bool span_parse_until(const char *text, long long *out_ms)
{
    time_t now = time(NULL), then;
    struct tm tm;
    long epoch;
    localtime_r(&now, &tm);
    const char *end = text[0] == '@' ? NULL : strptime(text, "%H:%M", &tm);
    if (text[0] == '@') {
        if (!parse_number(text + 1, 0, __LONG_MAX__, &epoch))
            return false;
        then = epoch;
    } else if (end && *end == '\0') {
        tm.tm_sec = 0;
        tm.tm_isdst = -1;
        then = mktime(&tm);
        if (then <= now) {
            tm.tm_mday++;
            tm.tm_isdst = -1;
            then = mktime(&tm);
        }
    } else {
        memset(&tm, 0, sizeof tm);
        end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
        if (!end || *end != '\0')
            return false;
        tm.tm_isdst = -1;
        then = mktime(&tm);
    }
    *out_ms = (long long)(then - now) * 1000;
    return then > now;
}

void span_text(char out[SPAN_TEXT_SIZE], long long ms)
{
    member_text_span(out, SPAN_TEXT_SIZE, ms);
}
