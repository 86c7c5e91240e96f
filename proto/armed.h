/*
 * A node under a watchdog (F6c, F7): what it states of itself, what jurors keep of that and say
 * later, and when its device may be petted.
 *
 *   the node     acts under no lock --signs B and W--> tells the jurors --q stored it--> may hold
 *   the juror    stores it durably, one for each life; once it voted and H has passed it says so
 *   the device   is petted just after s* advanced, while now <= s* + p; or while nothing is held
 *
 * A life is armed once, before anything acts under it, with numbers that do not change: a run that
 * finds others, or a device that was closed meanwhile, ends what is held and takes a new life. So
 * does a run without a watchdog: to withdraw is to surrender.
 *
 * An idle pet moves the reset away from s*, so no grant is told after one until a renewal that was
 * sent later is acknowledged. Arming is such a pet.
 */
#ifndef PROTO_ARMED_H
#define PROTO_ARMED_H

#include "proto/inequality.h"
#include "proto/juror.h"

struct asker;

struct armed_entry {
    struct armed statement; /* life 0: none */
    uint64_t lsn;
};

struct armory {
    struct core *core;
    const struct juror *juror;
    const struct asker *asker;
    struct armed_entry *entries; /* by index in the roster; this node's own too */
    struct fence_times times;
    /* This node's own. */
    uint32_t stored; /* jurors that have its statement durably */
    struct instant send_at;
    struct span wait;
    struct instant on;      /* s* of the last pet that rests on one; */
    struct instant idle_at; /*   the last one while nothing was held, or the device's start */
    struct instant petted;  /* the last one at all */
    bool barred;            /* nothing is petted any more: see armory_bar */
    bool pet;               /* for the next effects: */
    struct instant pet_until;
};

size_t armory_bytes(const struct peer_config *config);
void armory_init(struct armory *a, struct core *core, const struct juror *juror,
                 const struct asker *asker, void *memory);
/* Records ARMED. */
void armory_load(struct armory *a, const struct record *record, uint64_t lsn);
/* All is loaded, and this node's life is what it is. True if what is held must end, and the life
 * with it: it was armed by another device, or with other numbers, or no watchdog is there now. */
bool armory_start(struct armory *a, struct instant now);
/* Another life is this node's: it is not armed yet. */
void armory_life_changed(struct armory *a, struct instant now);
/* The store turned out to be behind, and an earlier run of this boot had the device: what acts
 * under that run's holds is not known here. From now on nobody pets: the machine is reset. */
void armory_bar(struct armory *a);
/* Messages ARMED; SILENCE that ask. */
void armory_take(struct armory *a, struct instant now, uint16_t from, const struct message *m);
/* Signs for this life if it may, and decides whether to pet. */
void armory_step(struct armory *a, struct instant now);
struct instant armory_deadline(const struct armory *a);
/* The pet was handed to the driver. */
void armory_taken(struct armory *a);
/* The record of one node's statement; false if there is none. It points at `bytes`. */
bool armory_record(const struct armory *a, size_t index, struct record *out,
                   uint8_t bytes[ARMED_BYTES]);

/* H of that life: as its own statement has it, if this node knows one, and never less than what
 * follows from the detection target. */
struct span armory_hand_over(const struct core *c, uint16_t slot, uint64_t life);
/* This node has a watchdog: whatever it holds may pass on by it. */
static inline bool armed_here(const struct core *c)
{
    return c->config.watchdog.ns > 0;
}
/* F7: whether a grant may be told to a client under a watchdog. */
bool armory_may_tell(const struct armory *a, struct instant now);

#endif
