/*
 * Watchers: who probes whom at fixed times, beside SWIM's round of random probes.
 *
 * With random probes a member's next one is a matter of luck, and luck is most of detection's tail.
 * Here each member has a few watchers, on as many rings (as in Rapid, ATC 2018): on ring r, member
 * i is watched by member i + offset(r) in the roster's order, or by the next behind it that lives.
 * Both ends reckon it alike from the roster and what they hold alive; where their views differ for
 * a moment, a probe more or less is sent.
 *
 * Staggered: a watcher of ring r is told by the one it watches, in each answer, when to come again,
 * so that one of the `rings` comes every `period` (watch_wait). No clocks are compared: the watched
 * one reckons by its own, and says a span.
 */
#ifndef PROTO_WATCH_H
#define PROTO_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/time.h"

enum {
    WATCH_RINGS_MAX = 4,
    WATCHED_MAX = 24 /* by one node: more than WATCH_RINGS_MAX only where its neighbours are dead */
};

struct watched {
    uint16_t member; /* index into the roster */
    uint8_t ring;
    struct instant next; /* when it is probed again */
};

struct watch {
    uint8_t rings;
    size_t offsets[WATCH_RINGS_MAX];
    struct watched table[WATCHED_MAX];
    size_t count;
    bool stale; /* somebody's state changed: reckon anew */
};

/* Rings for `members` members, at most WATCH_RINGS_MAX; the offsets are drawn from `seed`, the same
 * at all. */
void watch_init(struct watch *w, size_t members, uint32_t rings, uint64_t seed);
/* Whom `self` watches when `live(context, member)` says who lives; those that it watched already
 * keep their times, new ones get one within a turn, from `random`. */
void watch_reckon(struct watch *w, size_t members, size_t self,
                  bool (*live)(const void *context, size_t member), const void *context,
                  struct instant now, struct span turn, uint64_t random);
/* The earliest; INSTANT_NEVER if it watches nobody. */
struct instant watch_deadline(const struct watch *w);
struct watched *watch_find(struct watch *w, size_t member);
/* How long until the watcher of `ring` shall come again: half a turn to one and a half, then always
 * a turn. A turn is `rings` periods. */
struct span watch_wait(struct instant now, uint8_t ring, uint8_t rings, struct span period);

#endif
