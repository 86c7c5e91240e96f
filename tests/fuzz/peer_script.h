/*
 * What fuzz_peer and seed_peer have in common: the script that an input is, and the cluster it
 * plays in.
 *
 * A cluster of three (slots 1, 3, 5 of tests/unit/crypto_fixture.h) of which slot 1 is the peer
 * that is tested. An input is a row of steps, each an opcode and its arguments; what is cut off
 * counts as zero.
 */
#ifndef TESTS_FUZZ_PEER_SCRIPT_H
#define TESTS_FUZZ_PEER_SCRIPT_H

#include "proto/id.h"
#include "tests/unit/crypto_fixture.h"

enum { SCRIPT_NODES = 3, SCRIPT_SELF = 1, SCRIPT_SHARDS = 8, SCRIPT_NAMES = 8, SCRIPT_OPS = 8 };

enum script_step {
    STEP_FROM_3,      /* size u16, then messages as in an opened datagram, from slot 3 */
    STEP_FROM_5,      /* the same, from slot 5 */
    STEP_TICK,        /* ms u16 pass, and the deadline is served */
    STEP_DURABLE,     /* all that was written is durable */
    STEP_SEGMENT,     /* a new segment is written, and must be recovered whole */
    STEP_ACQUIRE,     /* name u8, flags u8: bit 0 exclusive, bit 1 try, bit 2 a deadline of 1 s */
    STEP_DROP,        /* u8: which of the operations that were accepted */
    STEP_SHOW,        /* name u8 */
    STEP_REFUSED,     /* u8: whose port, 3 or 5 */
    STEP_RAW,         /* size u16, then a datagram as it is */
    STEP_SYNC_FAILED, /* once in a run */
    STEP_LEAVE,
    STEPS
};

/* Names that clients of the peer ask for; messages may name any. */
static inline struct view script_name(uint8_t n)
{
    static const char *const names[SCRIPT_NAMES] = {"a", "b", "c",     "d",
                                                    "e", "f", "image", "image/2"};
    const char *name = names[n % SCRIPT_NAMES];
    return (struct view){(const uint8_t *)name, strlen(name)};
}

static inline void script_roster(struct roster *roster, struct cluster_id *cluster)
{
    fixture_roster(roster, SCRIPT_NODES, 1);
    roster->shard_count = SCRIPT_SHARDS;
    memset(cluster, 0xc1, sizeof *cluster);
}

#endif
