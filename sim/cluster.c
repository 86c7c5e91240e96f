/* The cluster of a run: see cluster.h. */
#include "sim/cluster.h"

#include "proto/must.h"
#include "proto/record.h"
#include "proto/votelog.h"

#include <stdio.h>
#include <string.h>

uint16_t cluster_slot(size_t index)
{
    return (uint16_t)(3 * index + 1);
}

int cluster_index(const struct cluster *c, uint16_t slot)
{
    return slot % 3 == 1 && slot / 3 < c->roster.node_count ? slot / 3 : -1;
}

static void make_node(struct cluster *c, size_t index, struct random *r)
{
    struct roster_node *node = &c->roster.nodes[index];
    uint8_t seed[KEY_SEED_SIZE];
    random_bytes(r, seed, sizeof seed);
    key_pair_make(&c->keys[index], seed);
    node->slot = cluster_slot(index);
    snprintf(node->name, sizeof node->name, "n%u", (unsigned)index + 1);
    node->key = c->keys[index].public;
    random_bytes(r, node->store.bytes, sizeof node->store.bytes);
    random_bytes(r, node->machine.bytes, sizeof node->machine.bytes);
    node->address.ip[10] = node->address.ip[11] = 0xff;
    node->address.ip[12] = 127;
    node->address.ip[15] = (uint8_t)(index + 1);
    node->address.port = 7400;
    node->votes = true;
    node->executes = true;
    snprintf(node->device, sizeof node->device, "bmc-%u", (unsigned)index + 1);
}

/* What a story says of them. */
static void name_nodes(struct cluster *c, const struct story *story)
{
    bool jurors = false;
    for (size_t i = 0; i < c->roster.node_count; i++) {
        struct roster_node *node = &c->roster.nodes[i];
        snprintf(node->name, sizeof node->name, "%s", story->nodes[i]);
        node->votes = !story->voters || story->voters >> i & 1;
        node->juror = story->jurors >> i & 1;
        jurors |= node->juror;
    }
    if (!jurors)
        roster_default_jurors(&c->roster);
}

void cluster_make(struct cluster *c, const struct parameters *p, const struct story *story,
                  uint64_t seed, struct pool *pool)
{
    struct random r;
    uint8_t operator_seed[KEY_SEED_SIZE];
    random_init(&r, seed, STREAM_CLUSTER);
    random_bytes(&r, operator_seed, sizeof operator_seed);
    key_pair_make(&c->operator_key, operator_seed);

    c->roster = (struct roster){.epoch = 1,
                                .shard_count = (uint16_t)p->shards,
                                .cohort_size = (uint8_t)p->cohort,
                                .least_version = 1,
                                .lab = true,
                                .detect_ms = (uint16_t)p->detect_ms,
                                .action_count = 1,
                                .actions = {"power"},
                                .operator_count = 1,
                                .operators = {c->operator_key.public},
                                .node_count = p->nodes};
    for (size_t i = 0; i < p->nodes; i++)
        make_node(c, i, &r);
    if (p->action_permille) {
        c->roster.action_count = ACTION_END_SESSION;
        memcpy(c->roster.actions[ACTION_END_SESSION - 1], "end-session", sizeof "end-session");
        c->roster.session_actions = 1u << (ACTION_END_SESSION - 1);
    }
    if (p->ladder) {
        char *name = c->roster.actions[c->roster.action_count++];
        memcpy(name, "outlet", sizeof "outlet");
    }
    if (story)
        name_nodes(c, story);
    else
        roster_default_jurors(&c->roster);

    uint8_t *bytes = pool_take(pool, ROSTER_BYTES_MAX);
    c->digest = digest_of(bytes, roster_encode(bytes, &c->roster));
    memcpy(c->id.bytes, c->digest.bytes, sizeof c->id.bytes);
    cohorts_init(&c->cohorts, pool_take(pool, cohorts_bytes(&c->roster)), &c->roster, &c->id);
    c->majority = c->cohorts.size / 2 + 1;
}

uint32_t cluster_cohort_bits(const struct cluster *c, uint32_t shard)
{
    const uint16_t *row = cohort_of(&c->cohorts, shard);
    uint32_t bits = 0;
    for (size_t i = 0; i < c->cohorts.size; i++) {
        int index = cluster_index(c, row[i]);
        must(index >= 0);
        bits |= UINT32_C(1) << index;
    }
    return bits;
}

size_t cluster_store(uint8_t out[CLUSTER_STORE_MAX], const struct store_id *store)
{
    struct votelog_header header = {
        .store = *store, .slot = SLOT_NONE, .first_lsn = 1, .base_lsn = 1};
    struct record record = {.kind = RECORD_STORE, .store = {.adopted = 1}};
    uint8_t payload[64];
    struct writer p = writer_init(payload, sizeof payload);
    record_encode(&p, &record);
    votelog_header_encode(out, &header);
    struct writer w =
        writer_init(out + VOTELOG_HEADER_SIZE, CLUSTER_STORE_MAX - VOTELOG_HEADER_SIZE);
    votelog_record_encode(&w, store, 1, 0, payload, writer_size(&p));
    must(!w.failed);
    return VOTELOG_HEADER_SIZE + writer_size(&w);
}
