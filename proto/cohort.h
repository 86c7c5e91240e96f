/*
 * Shards and cohorts (design section 2): which voters keep a lock.
 *
 * shard = keyed hash(name) mod S. The cohort of a shard is the top k voters by H(cluster, shard,
 * slot) (rendezvous hashing, Thaler and Ravishankar 1998), so that a new voter moves only its share
 * of shards. All cohorts are computed once, when the roster is taken.
 */
#ifndef PROTO_COHORT_H
#define PROTO_COHORT_H

#include "crypto/roster.h"
#include "proto/id.h"

struct cohorts {
    uint8_t hash_key[HASH_KEY_SIZE]; /* of the cluster */
    uint32_t shard_count;
    size_t size;     /* k: members of each cohort */
    uint16_t *slots; /* shard_count rows of `size` slots, best first */
};

size_t cohorts_bytes(const struct roster *roster);
/* `memory`: cohorts_bytes bytes, aligned for uint16_t. */
void cohorts_init(struct cohorts *c, void *memory, const struct roster *roster,
                  const struct cluster_id *cluster);
/* Also of a floor (proto/floor). */
uint32_t cohort_shard(const struct cohorts *c, struct view name);
const uint16_t *cohort_of(const struct cohorts *c, uint32_t shard);
/* Place of `slot` in the shard's cohort, or -1. */
int cohort_index(const struct cohorts *c, uint32_t shard, uint16_t slot);
/* floor(k/2) + 1: of the cohort as the roster names it, never of those alive (L0). */
size_t cohort_majority(const struct cohorts *c);

#endif
