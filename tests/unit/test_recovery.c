/*
 * What peer_recover() makes of a log by itself (L6, L7): cut anywhere, written anew as a segment,
 * of another store, or too large.
 */
#include "tests/unit/peer_play.h"

#include <stdlib.h>

#include "proto/record.h"

Suite *suite_recovery(void);

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 3);
}

static void close_stage(void)
{
    stage_end(s);
}

/* What each synced prefix of a log must bring back, at least. */
struct mark {
    size_t size; /* of the log when it was synced */
    struct ballot promised;
    uint64_t seq;
};

/* Where a log's snapshot ends: what is cut off behind it is a torn write, before it a lost store.
 */
static size_t snapshot_end(const struct stage_disk *d)
{
    struct votelog_reader reader;
    struct votelog_record entry = {0};
    ck_assert_int_eq(votelog_open(&reader, d->synced, d->synced_size), VOTELOG_RECORD);
    while (entry.lsn < reader.header.base_lsn)
        ck_assert_int_eq(votelog_next(&reader, &entry), VOTELOG_RECORD);
    return reader.at;
}

/* A log cut at any byte behind its snapshot is whole or torn, and brings back all that was synced.
 */
START_TEST(a_log_cut_at_any_byte)
{
    const char *name = stage_name_of(s, 0);
    struct stage_node *n = &s->nodes[3];
    struct mark marks[8];
    size_t first = n->disk.synced_size, snapshot = snapshot_end(&n->disk);
    uint32_t shard = peer_shard(n->peer, stage_view(name));
    for (size_t i = 0; i < 8; i++) {
        struct view state;
        struct ballot ballot;
        stage_hold(s, 1, name, LOCK_SHARED);
        stage_run(s, 100);
        marks[i] =
            (struct mark){.size = n->disk.synced_size, .promised = peer_promised(n->peer, shard)};
        ck_assert(peer_register(n->peer, stage_view(name), &ballot, &marks[i].seq, &state));
    }
    void *memory = malloc(peer_size(&n->config));
    for (size_t size = first; size <= n->disk.synced_size; size++) {
        struct peer *peer = peer_init(memory, &n->config);
        enum peer_recovery recovery = peer_recover(peer, n->disk.synced, size);
        ck_assert(recovery == RECOVERED || recovery == RECOVERED_TORN);
        for (size_t i = 0; i < 8 && marks[i].size <= size; i++) {
            struct view state;
            struct ballot ballot;
            uint64_t seq;
            ck_assert_int_ge(ballot_compare(peer_promised(peer, shard), marks[i].promised), 0);
            ck_assert(peer_register(peer, stage_view(name), &ballot, &seq, &state));
            ck_assert_uint_ge(seq, marks[i].seq);
        }
    }
    for (size_t size = 0; size < snapshot; size += 7) {
        struct peer *peer = peer_init(memory, &n->config);
        ck_assert_int_eq(peer_recover(peer, n->disk.synced, size), RECOVERY_LOST);
    }
    free(memory);
}
END_TEST

/* A segment written anew brings back the same state as the log that it replaces. */
START_TEST(a_segment_is_the_log)
{
    uint64_t held = stage_hold(s, 3, "image", LOCK_EXCLUSIVE);
    for (size_t i = 0; i < 5; i++)
        stage_hold(s, i, "shared", LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    struct stage_node *n = &s->nodes[3];
    size_t room = peer_segment_size(n->peer);
    uint8_t *bytes = malloc(room);
    uint64_t lsn;
    size_t size = peer_segment(n->peer, bytes, room, &lsn);
    ck_assert_uint_le(size, room);
    ck_assert_uint_eq(lsn, stage_status(s, 3).lsn);
    void *memory = malloc(peer_size(&n->config));
    struct peer *again = peer_init(memory, &n->config);
    ck_assert_int_eq(peer_recover(again, bytes, size), RECOVERED);
    size_t cursor = 0, count = 0;
    struct view name, state, other_state;
    struct ballot ballot, other_ballot;
    uint64_t seq, other_seq;
    while (peer_next_register(n->peer, &cursor, &name, &ballot, &seq, &state)) {
        ck_assert(peer_register(again, name, &other_ballot, &other_seq, &other_state));
        ck_assert(ballot_equal(ballot, other_ballot) && seq == other_seq);
        ck_assert(view_equal(state, other_state));
        count++;
    }
    ck_assert_uint_eq(count, 2);
    for (uint32_t shard = 0; shard < 64; shard++)
        ck_assert(ballot_equal(peer_promised(n->peer, shard), peer_promised(again, shard)));
    struct op_view view;
    cursor = 0;
    count = 0;
    while (peer_next_op(again, &cursor, &view))
        count++;
    ck_assert_uint_eq(count, 2);
    (void)held;
    free(memory);
    free(bytes);
}
END_TEST

START_TEST(stores_of_others_are_refused)
{
    struct stage_node *n = &s->nodes[3], *other = &s->nodes[2];
    void *memory = malloc(peer_size(&n->config));
    struct peer *peer = peer_init(memory, &n->config);
    ck_assert_int_eq(peer_recover(peer, other->disk.synced, other->disk.synced_size),
                     RECOVERY_FOREIGN);
    struct peer_config foreign = n->config;
    memset(&foreign.cluster, 0xee, sizeof foreign.cluster);
    peer = peer_init(memory, &foreign);
    ck_assert_int_eq(peer_recover(peer, n->disk.synced, n->disk.synced_size), RECOVERY_FOREIGN);
    struct peer_config narrow = n->config;
    narrow.max_locks = 1;
    stage_hold(s, 0, "one", LOCK_SHARED);
    stage_hold(s, 0, "two", LOCK_SHARED);
    stage_run(s, 100);
    free(memory);
    memory = malloc(peer_size(&narrow));
    peer = peer_init(memory, &narrow);
    ck_assert_int_eq(peer_recover(peer, n->disk.synced, n->disk.synced_size), RECOVERY_TOO_LARGE);
    free(memory);
}
END_TEST

Suite *suite_recovery(void)
{
    Suite *suite = suite_create("recovery");
    TCase *logs = tcase_create("logs");
    tcase_add_checked_fixture(logs, open_five, close_stage);
    tcase_add_test(logs, a_log_cut_at_any_byte);
    tcase_add_test(logs, a_segment_is_the_log);
    tcase_add_test(logs, stores_of_others_are_refused);
    suite_add_tcase(suite, logs);
    return suite;
}
