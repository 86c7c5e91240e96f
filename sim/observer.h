/*
 * The observer: it knows the truth, hears every message, and lets the checks judge. It never
 * changes what happens.
 */
#ifndef SIM_OBSERVER_H
#define SIM_OBSERVER_H

#include "proto/peer.h"
#include "sim/history.h"
#include "sim/image.h"
#include "sim/lives.h"

struct search;

struct promise_seen {
    struct ballot ballot;
    uint32_t bits;  /* machines that durably promised it */
    bool preempted; /* a voter refused it */
    struct promise_seen *older;
};

/* L10: what the voters of a shard were told last to drop. */
enum { FORGET_BYTES_MAX = 1400 };
struct forget_seen {
    struct ballot ballot;
    uint32_t round;
    int64_t at; /* when it was seen first */
    size_t size;
    uint8_t bytes[FORGET_BYTES_MAX];
};

/* What a member has signed about itself (check_s20_words.c). */
struct word_said {
    uint64_t life;
    uint32_t incarnation; /* the highest of that life */
    bool left;            /* it said so, in that life */
};

struct observer {
    struct history history;
    struct search *search; /* linear.c */
    struct lives lives;
    struct word_said words[MACHINES_MAX];
    struct promise_seen *promises[SHARDS_MAX];
    struct forget_seen forgets[SHARDS_MAX];
    int64_t served_since[SHARDS_MAX]; /* when it took it */
    uint16_t served_by[SHARDS_MAX];   /* slot of the last coordinator; SLOT_NONE before the first */
    struct name *window[NAMES_WIDTH_MAX]; /* the names that clients choose from */
    struct image scratch_image;
    struct image scratch_before;
    struct lock_state scratch_state;
    uint8_t scratch_bytes[LOCK_STATE_BYTES_MAX];
};

/* What is known of a ballot of a shard. */
struct promise_seen *observer_promise(struct world *w, uint32_t shard, struct ballot ballot);
void observer_open(struct world *w);
/* A new run of a peer: hears what it says. */
void observer_attach(struct machine *m);
void observer_notice(struct world *w, struct machine *m, const struct notice *n);
/* An order is in a machine's log. */
void observer_order(struct world *w, struct machine *m, struct view bytes);
/* An entry is durable at a machine. */
void observer_durable(struct world *w, struct machine *m, const struct image_entry *e);
/* A device says that a machine is off, and it is on (A4). */
void observer_lied(struct world *w, const struct machine *target, uint64_t life);
/* Its store is lost, and with it the releases that it had acknowledged and not yet passed on: the
 * design keeps them on that one store, so what they held may stay held too. */
void observer_store_lost(struct world *w, struct machine *m);

#endif
