/*
 * The quantities of a world that a seed drew, by name: `drawn KEY NUMBER` lines, so that a failing
 * seed can be written down as a story. Spans are nanoseconds, shares are per mille.
 */
#ifndef SIM_STORY_DRAWN_H
#define SIM_STORY_DRAWN_H

#include "sim/profile.h"

/* What it may be. False: there is no such quantity. */
bool drawn_limits(const char *key, uint64_t *low, uint64_t *high);
void drawn_set(struct parameters *p, const char *key, uint64_t value);
/* Makes quantity `index` what it is in `base`, a range's two ends at once. False: it is so already,
 * or `index` is behind the last (*end). */
bool drawn_reset(struct parameters *p, const struct parameters *base, size_t index, bool *end);
/* Those in which `p` and `base` differ, one line for each. */
void drawn_write(const struct parameters *p, const struct parameters *base, FILE *out);

#endif
