/*
 * Makes a failing seed small: the seed's world and its faults become a story, and then whatever can
 * be left out while the same check still breaks is left out.
 *
 *   1. the seed runs once, and everything that began is written down: a story
 *   2. the story runs: it must fail by the same check, or nothing can be shrunk
 *   3. by turns: fewer faults, a shorter run, a quieter network, fewer clients, names, nodes
 *   4. what is left is said in an operator's words, with round times, where it fails all the same
 *
 * Greedy, and bounded by a number of runs; each runs in a process of its own.
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "sim/run.h"
#include "sim/story.h"

struct shrink {
    const struct story *story; /* the smallest that fails so far */
    struct verdict verdict;    /* how it fails */
    uint64_t runs;
    uint64_t runs_max;
    size_t acts_before; /* of the seed */
};

/* The seed's world and faults as a story. False: the seed does not fail. */
bool shrink_record(uint64_t seed, const struct world_options *options, struct story *out,
                   struct verdict *verdict);
/* Shrinks `story`, in place. False: as a story it does not fail in the same way. */
bool shrink_story(struct shrink *s, struct story *story);

#endif
