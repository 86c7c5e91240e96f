/*
 * What is said about the node of a hold, made out of the API's type Member. Pure: JSON goes in,
 * text comes out, cut at `size` and always terminated.
 */
#ifndef CLIENT_MEMBER_TEXT_H
#define CLIENT_MEMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum { MEMBER_TEXT_MAX = 256 };

/* The member of that name, of a list; NULL if there is none. */
const json_t *member_find(const json_t *members, const char *node);

/* The life of a hold, which stands in its id: "SLOT.LIFE.COUNTER". 0 if it is no such id. */
long long member_hold_life(const char *hold);

/*
 * Why the node of a hold of that life may not answer for it: "hv2 is suspected since 3 s, by hv3";
 * "" (and false) if it is alive under that life, or nothing is known of it. Without `times` the
 * text is the same as long as nothing has happened.
 */
bool member_text(char *text, size_t size, const json_t *member, long long life, bool times);

/* "3 s", "14 min", "5 h": how long something lasts already. */
void member_text_span(char *text, size_t size, long long ms);

#endif
