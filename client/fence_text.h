/*
 * What is said about dead holders and the orders against them, made out of the API's types Mark,
 * Stale and Order (client/org.holdfast.varlink). Pure: a JSON value goes in, text comes out, cut at
 * `size` and always terminated. A member that is missing reads as empty or 0.
 */
#ifndef CLIENT_FENCE_TEXT_H
#define CLIENT_FENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum {
    FENCE_TEXT_LINE_MAX = 2048, /* room for any line of these */
    FENCE_TEXT_NODE_MAX = 63    /* bytes of a node's name */
};

/*
 * One line on what a request waits for, of a waiting reply to Acquire: place and holders, the dead
 * holder in the way and what is done about it, or why this node may not ask. "" if the reply says
 * nothing of that, as when the lock's voters are asked again.
 */
void fence_text_waiting(char *text, size_t size, const json_t *reply);

/* The dead holder that is in the way, of a Stale; "" if there is none (null). */
void fence_text_stale(char *text, size_t size, const json_t *stale);

/*
 * Whose hold ended uncleanly, and by what, of a Mark: "hv3 (life 4), exclusive, token 17: ...". ""
 * if there is none (null).
 */
void fence_text_mark(char *text, size_t size, const json_t *mark);

/*
 * The value of HOLDFAST_UNCLEAN, of a Mark: "NODE/LIFE MODE BY PROOF", four words with one space
 * between; PROOF is "-" where there is none. False, and "", if there is no mark (null) or it does
 * not fit: a word that is cut short would be a lie.
 */
bool fence_text_unclean(char *text, size_t size, const json_t *mark);

/* "4.2 s", or "never" for a negative one. */
void fence_text_age(char *text, size_t size, long long ms);

/* "a, b" of a list of strings; "" for none. */
void fence_text_list(char *text, size_t size, const json_t *strings);

/* Who carried an Order out, or tried to, as its receipt or the last report says; "-" if nobody. */
void fence_text_executor(char *text, size_t size, const json_t *order);

/*
 * "NODE" or "NODE/LIFE" in two: `node` gets the name, `life` 0 where none is given. False if it is
 * neither.
 */
bool fence_text_target(const char *text, char node[FENCE_TEXT_NODE_MAX + 1], long *life);

#endif
