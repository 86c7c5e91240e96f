/*
 * The part of `holdfast why` about holders whose node does not answer: how it is, how far the order
 * against it has come, and what has to happen before its hold is over. Pure; what goes in is that
 * of why_explain().
 */
#ifndef CLIENT_WHY_STALE_H
#define CLIENT_WHY_STALE_H

#include <stdbool.h>

#include <jansson.h>

/* Whether a holder cannot be expected to release by itself: its node is suspected, dead, has left,
 * was never heard of, or runs under a later life. */
bool why_stale_is(const json_t *facts, const json_t *holder);

/* Appends how the nodes of the holders are, one line for each that is not well, and how far the
 * order has come. */
void why_stale_text(const json_t *facts, json_t *text);

/* Appends what has to happen before the hold of `holder`, for which why_stale_is(), is over. */
void why_stale_next(const json_t *facts, const json_t *holder, json_t *next);
/* Whether the jurors are asked for the sake of a hold under that policy. */
bool why_stale_fences(const char *policy);

#endif
