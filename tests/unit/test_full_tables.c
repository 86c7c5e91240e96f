/*
 * Logs that name more than the tables of fencing have room for. What must not be left out (F3, F9)
 * refuses the whole log, as it does for locks; what is over by a record before it has made room, as
 * it did when that log was written; the rest bars more than it has to, or gives way.
 */
#include "tests/unit/fence_play.h"

#include <stdlib.h>

#include "proto/inquiry.h"
#include "proto/peer_internal.h"
#include "proto/places.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_full_tables(void);

enum { SELF = 0, TARGET = 3, LOG_MAX = 4 * 1024 * 1024 };

static struct stage *s;
static struct stage_node *n;
static struct writer out;
static uint8_t *bytes;
static struct peer *peer;
static void *memory;
static uint64_t lsn;

static void end_sessions(struct roster *roster)
{
    fixture_session_action(roster);
}

/* A log of its own with a header and no record. */
static void open_log(void)
{
    s = stage_begin_under(5, 11, end_sessions);
    stage_start_all(s);
    n = &s->nodes[SELF];
    struct votelog_reader reader;
    ck_assert_int_eq(votelog_open(&reader, n->disk.synced, n->disk.synced_size), VOTELOG_RECORD);
    struct votelog_header header = reader.header;
    header.first_lsn = 1;
    header.base_lsn = 0;
    bytes = malloc(LOG_MAX);
    memory = malloc(peer_size(&n->config));
    votelog_header_encode(bytes, &header);
    out = writer_init(bytes + VOTELOG_HEADER_SIZE, LOG_MAX - VOTELOG_HEADER_SIZE);
    lsn = 0;
}

static void close_log(void)
{
    stage_end(s);
    free(bytes);
    free(memory);
}

static void put(const struct record *record)
{
    static uint8_t payload[VOTELOG_PAYLOAD_MAX];
    struct writer w = writer_init(payload, sizeof payload);
    struct votelog_reader reader;
    record_encode(&w, record);
    ck_assert(!w.failed);
    votelog_open(&reader, bytes, VOTELOG_HEADER_SIZE);
    votelog_record_encode(&out, &reader.header.store, ++lsn, 0, payload, writer_size(&w));
    ck_assert(!out.failed);
}

static enum peer_recovery recover(void)
{
    peer = peer_init(memory, &n->config);
    return peer_recover(peer, bytes, VOTELOG_HEADER_SIZE + writer_size(&out));
}

static struct scope session(uint64_t number)
{
    return (struct scope){.session = number, .action = 2};
}

/* --- What is put into it --- */

static void put_executed(uint64_t life, uint64_t number)
{
    struct record record = {.kind = RECORD_EXECUTED,
                            .executed = {.slot = stage_slot(TARGET), .life = life}};
    if (number)
        record.executed.scope = session(number);
    put(&record);
}

/* It says that its lives below are over. */
static void put_end(uint64_t life)
{
    uint8_t proof_bytes[PROOF_BYTES_MAX];
    struct proof proof = stage_end_statement(s, TARGET, life);
    struct record record = {
        .kind = RECORD_PROOF,
        .proof = {.bytes = {proof_bytes, stage_proof_bytes(proof_bytes, &proof)}}};
    put(&record);
}

static struct order_cert order_of(uint64_t life, uint64_t number)
{
    struct order_cert cert = stage_order(s, TARGET, life, 3, 1u << 1);
    if (number)
        cert.order.scope = session(number); /* what is read is not verified again */
    return cert;
}

static void put_order(uint64_t life, uint64_t number)
{
    uint8_t cert_bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = order_of(life, number);
    struct record record = {.kind = RECORD_ORDER,
                            .order = {.cert = {cert_bytes, stage_order_bytes(cert_bytes, &cert)}}};
    put(&record);
}

static void put_receipt(uint64_t life, uint64_t number)
{
    uint8_t proof_bytes[PROOF_BYTES_MAX];
    struct order_cert cert = order_of(life, number);
    struct proof proof = stage_receipt(s, &cert, 1);
    struct record record = {
        .kind = RECORD_PROOF,
        .proof = {.bytes = {proof_bytes, stage_proof_bytes(proof_bytes, &proof)}}};
    put(&record);
}

static void put_inhibitor(unsigned scope, uint32_t left_ms)
{
    struct record record = {.kind = RECORD_INHIBITOR,
                            .inhibitor = {.kind = INHIBIT_DRAIN,
                                          .scope = (uint16_t)scope,
                                          .version = 1,
                                          .on = true,
                                          .left_ms = left_ms}};
    put(&record);
}

static size_t inhibitors(void)
{
    return peer->fencing.inhibitors.count;
}

static size_t executions(uint64_t life)
{
    size_t count = 0;
    for (size_t i = 0; i < peer->fencing.executor.count; i++)
        count +=
            peer->fencing.executor.table[i].used && peer->fencing.executor.table[i].life == life;
    return count;
}

/* --- Executions: F9, an act that is left out would be done again --- */

START_TEST(executions_that_fit_are_kept)
{
    for (uint64_t life = 1; life <= PLACES_ORDERS; life++)
        put_executed(life, 0);
    put_executed(1, 0); /* said twice */
    ck_assert_int_eq(recover(), RECOVERED);
    for (uint64_t life = 1; life <= PLACES_ORDERS; life++)
        ck_assert_uint_eq(executions(life), 1);
    put_executed(PLACES_ORDERS + 1, 0);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
}
END_TEST

START_TEST(executions_against_what_is_over_make_room)
{
    for (uint64_t life = 1; life <= PLACES_ORDERS; life++)
        put_executed(life, 0);
    put_end(4); /* 1 to 3 are over */
    for (uint64_t life = 1; life <= 3; life++)
        put_executed(PLACES_ORDERS + life, 0);
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_uint_eq(executions(1), 0);
    ck_assert_uint_eq(executions(4), 1);
    ck_assert_uint_eq(executions(PLACES_ORDERS + 3), 1);
}
END_TEST

START_TEST(executions_about_sessions_have_half)
{
    for (uint64_t number = 1; number <= PLACES_ORDERS / 2; number++)
        put_executed(1, number);
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_uint_eq(executions(1), PLACES_ORDERS / 2);
    put_executed(1, PLACES_ORDERS / 2 + 1);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
}
END_TEST

/* --- The docket: F3, an order that is left out would bind nobody --- */

START_TEST(orders_that_fit_are_kept)
{
    struct order_view view;
    size_t cursor = 0, count = 0;
    for (uint64_t life = 1; life <= PLACES_ORDERS; life++)
        put_order(life, 0);
    put_order(1, 0);
    ck_assert_int_eq(recover(), RECOVERED);
    while (peer_next_order(peer, &cursor, &view))
        count++;
    ck_assert_uint_eq(count, PLACES_ORDERS);
    put_order(PLACES_ORDERS + 1, 0);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
}
END_TEST

START_TEST(orders_that_are_carried_out_make_room)
{
    for (uint64_t life = 1; life <= PLACES_ORDERS; life++)
        put_order(life, 0);
    put_receipt(2, 0);
    put_order(PLACES_ORDERS + 1, 0);
    put_order(PLACES_ORDERS + 2, 0);
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_ptr_null(docket_find(&peer->fencing.docket, stage_slot(TARGET), 1));
    ck_assert_ptr_null(docket_find(&peer->fencing.docket, stage_slot(TARGET), 2));
    ck_assert_ptr_nonnull(
        docket_find(&peer->fencing.docket, stage_slot(TARGET), PLACES_ORDERS + 2));
    put_order(PLACES_ORDERS + 3, 0);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
}
END_TEST

START_TEST(orders_about_sessions_have_half)
{
    for (uint64_t number = 1; number <= PLACES_ORDERS / 2; number++)
        put_order(1, number);
    put_receipt(1, 1);
    put_order(1, PLACES_ORDERS);
    ck_assert_int_eq(recover(), RECOVERED);
    put_order(1, PLACES_ORDERS + 1);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
}
END_TEST

/* --- Proofs about sessions: F5, a state may name one --- */

START_TEST(proofs_about_sessions)
{
    for (uint64_t number = 1; number <= ENDED_MAX; number++)
        put_receipt(7, number);
    put_receipt(7, 1);
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_uint_eq(peer->fencing.ended.used, ENDED_MAX);
    struct writer kept = out;
    put_receipt(7, ENDED_MAX + 1);
    ck_assert_int_eq(recover(), RECOVERY_TOO_LARGE);
    out = kept;
    lsn--;
    put_end(8); /* the whole life: what was about its sessions makes room */
    put_receipt(9, 1);
    ck_assert_int_eq(recover(), RECOVERED);
    struct scope scope = session(1);
    ck_assert_ptr_nonnull(ended_of(&peer->fencing.ended, stage_slot(TARGET), 9, &scope));
    ck_assert_ptr_null(ended_of(&peer->fencing.ended, stage_slot(TARGET), 7, &scope));
}
END_TEST

/* --- What a juror keeps about sessions --- */

static void put_window(uint64_t number, uint32_t span_ms)
{
    struct record record = {.kind = RECORD_WINDOW,
                            .window = {.slot = stage_slot(TARGET),
                                       .life = 1,
                                       .executor = stage_slot(1),
                                       .span_ms = span_ms,
                                       .scope = session(number)}};
    put(&record);
}

static void put_vote(uint64_t number)
{
    struct record record = {
        .kind = RECORD_VOTE,
        .vote = {.slot = stage_slot(TARGET), .life = 1, .scope = session(number)}};
    put(&record);
}

static size_t files(void)
{
    size_t count = 0;
    for (size_t i = 0; i < SCOPES_MAX; i++)
        count += peer->fencing.scopes.files[i].used;
    return count;
}

/* F9: a window without a place counts for the whole life. F2: no renewal of that life is
 * acknowledged, though the vote itself has no place. */
START_TEST(windows_and_votes_without_a_place_bar_the_life)
{
    for (uint64_t number = 1; number <= SCOPES_MAX; number++)
        put_window(number, 5000);
    put_window(SCOPES_MAX + 1, 9000);
    put_vote(SCOPES_MAX + 2);
    ck_assert_int_eq(recover(), RECOVERED);
    const struct dossier *d = juror_dossier(&peer->fencing.juror, stage_slot(TARGET));
    ck_assert_uint_eq(files(), SCOPES_MAX);
    ck_assert_uint_eq(d->window_life, 1);
    ck_assert_int_eq(d->window_span.ns, SPAN_MS(9000).ns);
    ck_assert_uint_eq(d->scoped, 1);
}
END_TEST

/* Windows that were closed are nobody's any more: they keep no vote out. */
START_TEST(closed_windows_make_room)
{
    for (uint64_t number = 1; number <= SCOPES_MAX; number++) {
        put_window(number, 5000);
        put_window(number, 0);
    }
    put_vote(SCOPES_MAX + 1);
    put_window(SCOPES_MAX + 2, 5000);
    ck_assert_int_eq(recover(), RECOVERED);
    const struct dossier *d = juror_dossier(&peer->fencing.juror, stage_slot(TARGET));
    ck_assert_uint_eq(d->window_life, 0);
    size_t voted = 0, open = 0;
    for (size_t i = 0; i < SCOPES_MAX; i++) {
        voted += peer->fencing.scopes.files[i].voted;
        open += peer->fencing.scopes.files[i].window;
    }
    ck_assert_uint_eq(voted, 1);
    ck_assert_uint_eq(open, 1);
}
END_TEST

/* --- Inhibitors --- */

/* One node after the other is drained, for weeks: what is over is named so, and makes room. */
START_TEST(inhibitors_that_are_over_make_room)
{
    for (unsigned scope = 1; scope <= 3 * INHIBITORS_MAX; scope++) {
        put_inhibitor(scope, 60000);
        if (scope > 1)
            put_inhibitor(scope - 1, 0);
    }
    put_inhibitor(999, 0); /* of one that is not there */
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_uint_eq(inhibitors(), 1);
}
END_TEST

/* A log that does not say what is over: those with the least left give way, and the node starts. */
START_TEST(inhibitors_beyond_the_table_give_way)
{
    for (unsigned scope = 1; scope <= INHIBITORS_MAX; scope++)
        put_inhibitor(scope, scope == 7 ? 10 : 60000u + scope);
    put_inhibitor(100, 70000);
    ck_assert_int_eq(recover(), RECOVERED);
    ck_assert_uint_eq(inhibitors(), INHIBITORS_MAX);
    bool seventh = false, last = false;
    for (size_t i = 0; i < INHIBITORS_MAX; i++) {
        seventh |= peer->fencing.inhibitors.table[i].scope == 7;
        last |= peer->fencing.inhibitors.table[i].scope == 100;
    }
    ck_assert(!seventh && last);
}
END_TEST

/* That an inhibitor is over is in the log of whoever knew it. */
START_TEST(the_end_of_an_inhibitor_is_written)
{
    struct event e = {.kind = EVENT_INHIBIT};
    e.inhibit.handle = 77;
    e.inhibit.kind = INHIBIT_DRAIN;
    e.inhibit.scope = stage_slot(TARGET);
    e.inhibit.on = true;
    e.inhibit.span_ms = 2000;
    stage_event(s, 1, &e);
    stage_run(s, 10 * STAGE_SECOND);
    struct votelog_reader reader;
    struct votelog_record entry;
    size_t said = 0, ended = 0;
    ck_assert_int_eq(votelog_open(&reader, n->disk.written, n->disk.written_size), VOTELOG_RECORD);
    while (votelog_next(&reader, &entry) == VOTELOG_RECORD) {
        struct record record;
        ck_assert(record_decode(&record, entry.payload));
        if (record.kind != RECORD_INHIBITOR)
            continue;
        said += record.inhibitor.left_ms > 0;
        ended += record.inhibitor.left_ms == 0 && record.inhibitor.promise_ms == 0;
    }
    ck_assert_uint_gt(said, 0);
    ck_assert_uint_eq(ended, 1);
}
END_TEST

Suite *suite_full_tables(void)
{
    Suite *suite = suite_create("full_tables");
    TCase *t = tcase_create("full_tables");
    tcase_add_checked_fixture(t, open_log, close_log);
    tcase_add_test(t, executions_that_fit_are_kept);
    tcase_add_test(t, executions_against_what_is_over_make_room);
    tcase_add_test(t, executions_about_sessions_have_half);
    tcase_add_test(t, orders_that_fit_are_kept);
    tcase_add_test(t, orders_that_are_carried_out_make_room);
    tcase_add_test(t, orders_about_sessions_have_half);
    tcase_add_test(t, proofs_about_sessions);
    tcase_add_test(t, windows_and_votes_without_a_place_bar_the_life);
    tcase_add_test(t, closed_windows_make_room);
    tcase_add_test(t, inhibitors_that_are_over_make_room);
    tcase_add_test(t, inhibitors_beyond_the_table_give_way);
    tcase_add_test(t, the_end_of_an_inhibitor_is_written);
    suite_add_tcase(suite, t);
    return suite;
}
