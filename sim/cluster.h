/*
 * The cluster of a run: its roster, keys and the stores as `holdfast keygen` makes them, all drawn
 * from the seed.
 */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include "crypto/roster.h"
#include "proto/cohort.h"
#include "sim/pool.h"
#include "sim/profile.h"
#include "sim/story.h"

/* Of the roster, where clients ask under `action`. */
enum { ACTION_END_SESSION = 2 };

struct cluster {
    struct roster roster;
    struct digest digest;
    struct cluster_id id;
    struct key_pair keys[MACHINES_MAX];
    struct key_pair operator_key;
    struct cohorts cohorts; /* as the roster names them: the observer's own copy */
    size_t majority;        /* of a cohort; counted here and not in the core (S6) */
};

/* `story`: its names, voters and jurors; NULL: n1, n2, ..., all vote. */
void cluster_make(struct cluster *c, const struct parameters *p, const struct story *story,
                  uint64_t seed, struct pool *pool);
/* The slot of the machine `index`; slots are not indexes, so that nothing mixes them up unseen. */
uint16_t cluster_slot(size_t index);
/* The machine of a slot; -1 if it is none. */
int cluster_index(const struct cluster *c, uint16_t slot);
/* Bit i: machine i sits in the shard's cohort. */
uint32_t cluster_cohort_bits(const struct cluster *c, uint32_t shard);
/* A store that was just made: header and one record. Returns its size. */
enum { CLUSTER_STORE_MAX = 512 };
size_t cluster_store(uint8_t out[CLUSTER_STORE_MAX], const struct store_id *store);

#endif
