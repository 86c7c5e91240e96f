/* Shards and cohorts: see cohort.h. */
#include "proto/cohort.h"

#include "crypto/bytes.h"
#include "proto/floor.h"
#include "proto/mutant.h"

size_t cohorts_bytes(const struct roster *roster)
{
    return roster_shard_count(roster) * roster_cohort_size(roster) * sizeof(uint16_t);
}

/* Weight of a voter in a shard: no roster hash, key or address in it. */
static uint64_t weight(const struct cohorts *c, uint32_t shard, uint16_t slot)
{
    uint8_t bytes[6];
    struct writer w = writer_init(bytes, sizeof bytes);
    write_u32(&w, shard);
    write_u16(&w, slot);
    return hash64(c->hash_key, bytes, sizeof bytes);
}

/* Inserts every voter into the row, kept in descending order of weight (ties: lower slot first). */
static void fill_row(const struct cohorts *c, const struct roster *roster, uint32_t shard)
{
    uint64_t weights[ROSTER_COHORT_MAX];
    uint16_t *row = c->slots + (size_t)shard * c->size;
    size_t filled = 0;
    for (size_t n = 0; n < roster->node_count; n++) {
        if (!roster->nodes[n].votes)
            continue;
        uint64_t w = weight(c, shard, roster->nodes[n].slot);
        size_t at = filled;
        while (at > 0 && weights[at - 1] < w)
            at--;
        if (at == c->size)
            continue;
        size_t last = filled < c->size ? filled++ : c->size - 1;
        for (size_t i = last; i > at; i--) {
            weights[i] = weights[i - 1];
            row[i] = row[i - 1];
        }
        weights[at] = w;
        row[at] = roster->nodes[n].slot;
    }
}

void cohorts_init(struct cohorts *c, void *memory, const struct roster *roster,
                  const struct cluster_id *cluster)
{
    memcpy(c->hash_key, cluster->bytes, sizeof c->hash_key);
    c->shard_count = roster_shard_count(roster);
    c->size = roster_cohort_size(roster);
    c->slots = memory;
    for (uint32_t shard = 0; shard < c->shard_count; shard++)
        fill_row(c, roster, shard);
}

uint32_t cohort_shard(const struct cohorts *c, struct view name)
{
    uint32_t shard;
    if (floor_shard(name, &shard) && shard < c->shard_count)
        return shard;
    return (uint32_t)(hash64(c->hash_key, name.bytes, name.size) % c->shard_count);
}

const uint16_t *cohort_of(const struct cohorts *c, uint32_t shard)
{
    return c->slots + (size_t)shard * c->size;
}

int cohort_index(const struct cohorts *c, uint32_t shard, uint16_t slot)
{
    const uint16_t *row = cohort_of(c, shard);
    for (size_t i = 0; i < c->size; i++)
        if (row[i] == slot)
            return (int)i;
    return -1;
}

size_t cohort_majority(const struct cohorts *c)
{
    if (MUTANT(1)) /* "quorum = n/2" */
        return c->size / 2 ? c->size / 2 : 1;
    return c->size / 2 + 1;
}
