/* The words of `holdfast why`: lists of lines, and how holders and waiters are called. Pure. */
#ifndef CLIENT_WHY_TEXT_H
#define CLIENT_WHY_TEXT_H

#include <stddef.h>

#include <jansson.h>

enum {
    WHY_LINE_MAX = 2048,
    WHY_NAME_MAX = 160, /* of one party */
    WHY_NAMES_MAX = 768 /* of several */
};

/* Appends a line to a list of strings; one that is too long is cut. */
void why_line(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number that says how many: 0 if it is negative, or missing. */
long long why_count(const json_t *object, const char *key);

/* "hv2", or "hv2's 1.4.17" where several holds or requests are of that node; cut at WHY_NAME_MAX.
 */
const char *why_name(char text[WHY_NAME_MAX], const json_t *lock, const json_t *party);
/* "hv1, hv2 and hv3"; of many the first ones, "and 7 more". `parties`: a list of Party. */
const char *why_names(char text[WHY_NAMES_MAX], const json_t *lock, const json_t *parties);
/* What a party tells about itself, in quotes and with a comma before: `, "vm-7"`; "" if nothing. */
const char *why_data(char text[WHY_NAME_MAX], const json_t *party);

#endif
