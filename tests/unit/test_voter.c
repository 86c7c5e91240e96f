/*
 * The voter, spoken to by hand (L0 - L3, L6, L7): a real voter with a core around it, five nodes,
 * one shard. Node 0 is the voter; 1 to 4 are coordinators that send what the test says.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/voter.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_voter(void);

enum { MAX_LOCKS = 4, OUTBOX_SIZE = 1 << 18, ARENA_SIZE = 1 << 16, RECORDS_SIZE = 1 << 18 };

static struct core core;
static struct voter voter;
static struct roster roster;
static void *memory[4];
static uint8_t cohort_memory[64 * 5 * 2];

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

static void begin_voter(size_t cohort_size)
{
    memset(&core, 0, sizeof core);
    fixture_roster(&roster, 6, 1);
    roster.shard_count = 1;
    roster.cohort_size = (uint8_t)cohort_size;
    roster.nodes[5].votes = false;
    core.config = (struct peer_config){.roster = &roster, .self = slot(0), .max_locks = MAX_LOCKS};
    core.store = STORE_VOTING;
    ck_assert_uint_le(cohorts_bytes(&roster), sizeof cohort_memory);
    cohorts_init(&core.cohorts, cohort_memory, &roster, &core.config.cluster);
    memory[0] = malloc(OUTBOX_SIZE);
    memory[1] = malloc(RECORDS_SIZE);
    memory[2] = malloc(ARENA_SIZE);
    memory[3] = malloc(voter_bytes(&core.config));
    outbox_init(&core.outbox, memory[0], OUTBOX_SIZE, 0);
    journal_init(&core.journal, memory[1], RECORDS_SIZE);
    arena_init(&core.arena, memory[2], ARENA_SIZE);
    voter_init(&voter, &core, memory[3]);
    struct record genesis = {.kind = RECORD_STORE, .store = {.adopted = 1}};
    ck_assert(voter_load(&voter, &genesis, 0));
}

static void set_up(void)
{
    begin_voter(5);
}

static void tear_down(void)
{
    for (size_t i = 0; i < 4; i++)
        free(memory[i]);
}

static struct ballot ballot(uint64_t round, size_t node)
{
    return (struct ballot){.epoch = 1, .round = round, .slot = slot(node)};
}

static struct view name_view(const char *name)
{
    return (struct view){(const uint8_t *)name, strlen(name)};
}

/* --- Speaking --- */

static void prepare(struct ballot b, size_t from)
{
    struct message m = {.type = WIRE_PREPARE, .prepare = {.shard = 0, .ballot = b}};
    voter_take(&voter, slot(from), &m);
}

static void ask_read(struct ballot b, const char *name, size_t from)
{
    struct message m = {.type = WIRE_READ, .read = {.ballot = b, .name = name_view(name)}};
    voter_take(&voter, slot(from), &m);
}

static void confirm(struct ballot b, size_t from)
{
    struct message m = {.type = WIRE_CONFIRM, .confirm = {.shard = 0, .ballot = b, .round = 7}};
    voter_take(&voter, slot(from), &m);
}

/* A state with `token`, held by nobody. */
static struct view state_of(uint64_t token)
{
    static uint8_t bytes[64];
    static struct lock_state state;
    lock_init(&state);
    state.token = token;
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    return (struct view){bytes, writer_size(&w)};
}

static void accept(struct ballot b, uint64_t seq, const char *name, uint64_t token, size_t from)
{
    struct message m = {
        .type = WIRE_ACCEPT,
        .accept = {.ballot = b, .seq = seq, .name = name_view(name), .state = state_of(token)}};
    voter_take(&voter, slot(from), &m);
}

/* --- Hearing --- */

static void sync_now(void)
{
    core.journal.durable = core.journal.lsn;
    outbox_durable(&core.outbox, core.journal.lsn);
}

/* The next answer to that node; WIRE_NONE if there is none. */
static struct message hear(size_t to)
{
    struct outbox_entry entry;
    struct message m = {.type = WIRE_NONE};
    if (!outbox_next(&core.outbox, &entry))
        return m;
    ck_assert_uint_eq(entry.to, slot(to));
    struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
    ck_assert(wire_decode(&m, &r));
    return m;
}

static void expect_nothing(void)
{
    struct outbox_entry entry;
    ck_assert(!outbox_next(&core.outbox, &entry));
}

static void expect_promise(struct ballot b, size_t to)
{
    struct message m = hear(to);
    ck_assert_int_eq(m.type, WIRE_PROMISE);
    ck_assert(ballot_equal(m.promise.ballot, b));
    ck_assert_uint_eq(m.promise.adopted, 1);
}

static void expect_refusal(struct ballot b, struct ballot promised, size_t to)
{
    struct message m = hear(to);
    ck_assert_int_eq(m.type, WIRE_REFUSE);
    ck_assert(ballot_equal(m.refuse.ballot, b));
    ck_assert(ballot_equal(m.refuse.promised, promised));
}

static void expect_accepted(struct ballot b, uint64_t seq, size_t to)
{
    struct message m = hear(to);
    ck_assert_int_eq(m.type, WIRE_ACCEPTED);
    ck_assert(ballot_equal(m.accepted.ballot, b));
    ck_assert_uint_eq(m.accepted.seq, seq);
}

static void expect_stored(struct ballot b, struct ballot version, uint64_t seq, uint64_t token,
                          size_t to)
{
    struct message m = hear(to);
    ck_assert_int_eq(m.type, WIRE_STORED);
    ck_assert(ballot_equal(m.stored.ballot, b));
    ck_assert(ballot_equal(m.stored.version, version));
    ck_assert_uint_eq(m.stored.seq, seq);
    static struct lock_state state;
    ck_assert(lock_decode(&state, m.stored.state));
    ck_assert_uint_eq(state.token, token);
}

/* --- L1 --- */

START_TEST(a_promise_leaves_once_it_is_durable)
{
    prepare(ballot(1, 1), 1);
    expect_nothing();
    ck_assert(core.journal.sync_wanted);
    ck_assert(ballot_equal(voter_promised(&voter, 0), ballot(1, 1)));
    sync_now();
    expect_promise(ballot(1, 1), 1);
    expect_nothing();
}
END_TEST

START_TEST(a_promise_is_repeated_and_written_once)
{
    prepare(ballot(1, 1), 1);
    prepare(ballot(1, 1), 1);
    expect_nothing();
    sync_now();
    expect_promise(ballot(1, 1), 1);
    expect_promise(ballot(1, 1), 1);
    uint64_t lsn = core.journal.lsn;
    prepare(ballot(1, 1), 1);
    expect_promise(ballot(1, 1), 1);
    ck_assert_uint_eq(core.journal.lsn, lsn);
}
END_TEST

START_TEST(a_lower_ballot_is_refused)
{
    prepare(ballot(2, 2), 2);
    sync_now();
    expect_promise(ballot(2, 2), 2);
    prepare(ballot(1, 4), 4);
    expect_refusal(ballot(1, 4), ballot(2, 2), 4);
    prepare(ballot(2, 1), 1); /* equal rounds: the slot decides */
    expect_refusal(ballot(2, 1), ballot(2, 2), 1);
    prepare(ballot(2, 3), 3);
    sync_now();
    expect_promise(ballot(2, 3), 3);
    ck_assert_uint_eq(core.counters.refusals, 2);
}
END_TEST

/* A refusal names a promise, so it waits for it too. */
START_TEST(a_refusal_waits_for_the_promise_that_it_names)
{
    prepare(ballot(5, 2), 2);
    prepare(ballot(1, 1), 1);
    expect_nothing();
    sync_now();
    expect_promise(ballot(5, 2), 2);
    expect_refusal(ballot(1, 1), ballot(5, 2), 1);
}
END_TEST

/* --- L2 --- */

START_TEST(reads_are_answered_under_the_promised_ballot_only)
{
    ask_read(ballot(1, 1), "image", 1); /* never promised */
    sync_now();
    expect_nothing();
    prepare(ballot(1, 1), 1);
    ask_read(ballot(1, 1), "image", 1); /* promised, not durable */
    expect_nothing();
    sync_now();
    expect_promise(ballot(1, 1), 1);
    expect_stored(ballot(1, 1), (struct ballot){0}, 0, 0, 1);
    prepare(ballot(2, 2), 2);
    sync_now();
    expect_promise(ballot(2, 2), 2);
    ask_read(ballot(1, 1), "image", 1);
    expect_refusal(ballot(1, 1), ballot(2, 2), 1);
    ask_read(ballot(3, 3), "image", 3);
    expect_nothing();
}
END_TEST

START_TEST(a_read_waits_for_what_it_shows)
{
    prepare(ballot(1, 1), 1);
    sync_now();
    expect_promise(ballot(1, 1), 1);
    accept(ballot(1, 1), 1, "image", 9, 1);
    ask_read(ballot(1, 1), "image", 1);
    expect_nothing();
    sync_now();
    expect_accepted(ballot(1, 1), 1, 1);
    expect_stored(ballot(1, 1), ballot(1, 1), 1, 9, 1);
}
END_TEST

/* --- L3 --- */

START_TEST(an_accept_is_durable_before_it_is_answered)
{
    accept(ballot(1, 1), 1, "image", 3, 1);
    expect_nothing();
    sync_now();
    expect_accepted(ballot(1, 1), 1, 1);
    ck_assert_uint_eq(core.counters.accepts, 1);
}
END_TEST

START_TEST(an_accept_raises_the_promise)
{
    prepare(ballot(1, 1), 1);
    accept(ballot(4, 2), 1, "image", 3, 2);
    ck_assert(ballot_equal(voter_promised(&voter, 0), ballot(4, 2)));
    sync_now();
    expect_promise(ballot(1, 1), 1);
    expect_accepted(ballot(4, 2), 1, 2);
    prepare(ballot(3, 3), 3);
    expect_refusal(ballot(3, 3), ballot(4, 2), 3);
    accept(ballot(1, 1), 1, "another", 3, 1);
    expect_refusal(ballot(1, 1), ballot(4, 2), 1);
}
END_TEST

START_TEST(the_highest_sequence_is_kept_and_named)
{
    accept(ballot(1, 1), 3, "image", 30, 1);
    accept(ballot(1, 1), 2, "image", 20, 1); /* overtaken on the way */
    sync_now();
    expect_accepted(ballot(1, 1), 3, 1);
    expect_accepted(ballot(1, 1), 3, 1);
    uint64_t lsn = core.journal.lsn;
    accept(ballot(1, 1), 3, "image", 31, 1); /* no second state under one number */
    expect_accepted(ballot(1, 1), 3, 1);
    ck_assert_uint_eq(core.journal.lsn, lsn);
    prepare(ballot(1, 1), 1);
    expect_promise(ballot(1, 1), 1);
    ask_read(ballot(1, 1), "image", 1);
    expect_stored(ballot(1, 1), ballot(1, 1), 3, 30, 1);
}
END_TEST

static enum voter_vote vote(struct ballot b, uint64_t seq)
{
    return voter_vote(&voter, name_view("lock"), b, seq);
}

/* What this node's own grants may rest on: just what an answer would say (provisional.h). */
START_TEST(its_own_vote_is_what_it_would_answer)
{
    struct ballot b = ballot(1, 1), higher = ballot(2, 2);
    ck_assert_int_eq(vote(b, 7), VOTE_AWAITED);
    accept(b, 7, "lock", 1, 1);
    ck_assert_int_eq(vote(b, 7), VOTE_AWAITED);
    sync_now();
    ck_assert_int_eq(vote(b, 7), VOTE_DURABLE);
    ck_assert_int_eq(vote(b, 6), VOTE_DURABLE); /* L3 */
    ck_assert_int_eq(vote(b, 8), VOTE_AWAITED);
    ck_assert_int_eq(vote(higher, 7), VOTE_AWAITED);
    ck_assert_int_eq(voter_vote(&voter, name_view("other"), b, 7), VOTE_AWAITED);
    prepare(higher, 2);
    ck_assert_int_eq(vote(b, 7), VOTE_DURABLE); /* it was accepted before that was promised */
    ck_assert_int_eq(vote(b, 8), VOTE_NEVER);
    accept(higher, 1, "lock", 2, 2);
    sync_now();
    ck_assert_int_eq(vote(b, 7), VOTE_NEVER); /* perhaps it was true: that is not known here */
    ck_assert_int_eq(vote(higher, 1), VOTE_DURABLE);
    core.store = STORE_FAILED;
    ck_assert_int_eq(vote(higher, 1), VOTE_NEVER);
}
END_TEST

/* A stored state of another ballot is no answer: only what is stored of this very one. */
START_TEST(the_ballot_goes_before_the_sequence)
{
    accept(ballot(1, 1), 900, "image", 1, 1);
    accept(ballot(2, 2), 1, "image", 2, 2);
    sync_now();
    expect_accepted(ballot(1, 1), 900, 1);
    expect_accepted(ballot(2, 2), 1, 2);
    accept(ballot(1, 1), 901, "image", 3, 1);
    expect_refusal(ballot(1, 1), ballot(2, 2), 1);
    prepare(ballot(3, 3), 3);
    ask_read(ballot(3, 3), "image", 3);
    sync_now();
    expect_promise(ballot(3, 3), 3);
    expect_stored(ballot(3, 3), ballot(2, 2), 1, 2, 3);
}
END_TEST

START_TEST(what_is_no_state_is_not_stored)
{
    static const uint8_t rubbish[] = {9, 9, 9};
    struct message m = {.type = WIRE_ACCEPT,
                        .accept = {.ballot = ballot(1, 1),
                                   .seq = 1,
                                   .name = name_view("image"),
                                   .state = {rubbish, sizeof rubbish}}};
    voter_take(&voter, slot(1), &m);
    m.accept.state = state_of(1);
    m.accept.name = name_view("a\nb");
    voter_take(&voter, slot(1), &m);
    sync_now();
    expect_nothing();
    ck_assert_uint_eq(core.counters.drop_malformed, 1);
    ck_assert_uint_eq(voter.registers.count, 0);
    ck_assert(ballot_none(voter_promised(&voter, 0)));
}
END_TEST

/* Full is silence, and what is there goes on. */
START_TEST(full_registers_take_no_new_name)
{
    static const char *const names[MAX_LOCKS + 1] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i <= MAX_LOCKS; i++)
        accept(ballot(1, 1), 1, names[i], i + 1, 1);
    sync_now();
    for (size_t i = 0; i < MAX_LOCKS; i++)
        expect_accepted(ballot(1, 1), 1, 1);
    expect_nothing();
    ck_assert_uint_eq(core.counters.register_full, 1);
    ck_assert_uint_eq(core.told.notice_count, 1);
    ck_assert_int_eq(core.told.notices[0].kind, NOTICE_FULL);
    accept(ballot(1, 1), 2, "a", 7, 1);
    sync_now();
    expect_accepted(ballot(1, 1), 2, 1);
    accept(ballot(1, 1), 2, "e", 7, 1);
    sync_now();
    expect_nothing();
    ck_assert_uint_eq(core.told.notice_count, 1);
}
END_TEST

START_TEST(confirm_means_still_promised_and_durable)
{
    confirm(ballot(1, 1), 1);
    sync_now();
    expect_nothing();
    prepare(ballot(1, 1), 1);
    confirm(ballot(1, 1), 1);
    expect_nothing();
    sync_now();
    expect_promise(ballot(1, 1), 1);
    struct message m = hear(1);
    ck_assert_int_eq(m.type, WIRE_CONFIRMED);
    ck_assert_uint_eq(m.confirmed.round, 7);
    accept(ballot(2, 2), 1, "image", 1, 2);
    confirm(ballot(1, 1), 1);
    sync_now();
    expect_accepted(ballot(2, 2), 1, 2);
    expect_refusal(ballot(1, 1), ballot(2, 2), 1);
}
END_TEST

/* --- L0, L7 --- */

static void expect_dropped(struct message *m, uint16_t from)
{
    uint64_t before = core.counters.drop_role;
    voter_take(&voter, from, m);
    sync_now();
    expect_nothing();
    ck_assert_uint_eq(core.counters.drop_role, before + 1);
    ck_assert(ballot_none(voter_promised(&voter, 0)));
    ck_assert_uint_eq(core.journal.lsn, 0);
}

START_TEST(ballots_of_others_and_of_nobody_are_dropped)
{
    struct message m = {.type = WIRE_PREPARE, .prepare = {.ballot = ballot(1, 1)}};
    expect_dropped(&m, slot(2)); /* not its own */
    m.prepare.ballot.epoch = 2;
    expect_dropped(&m, slot(1)); /* of a roster that is not held certified */
    m.prepare.ballot.epoch = 0;
    expect_dropped(&m, slot(1));
    m.prepare.ballot = ballot(1, 1);
    m.prepare.shard = 1;
    expect_dropped(&m, slot(1)); /* no such shard */
    m.prepare.shard = 0;
    m.prepare.ballot = ballot(1, 5);
    expect_dropped(&m, slot(5)); /* it does not vote, so it sits in no cohort */
    m.prepare.ballot = ballot((uint64_t)ROUND_STEP_MAX + 1, 1);
    expect_dropped(&m, slot(1)); /* it would use up the ballots */
    m.prepare.ballot = ballot(UINT64_MAX, 1);
    expect_dropped(&m, slot(1));
    m.prepare.ballot = ballot(ROUND_STEP_MAX, 1);
    voter_take(&voter, slot(1), &m);
    sync_now();
    expect_promise(ballot(ROUND_STEP_MAX, 1), 1);
}
END_TEST

START_TEST(accepts_and_reads_are_held_to_the_same)
{
    struct message m = {
        .type = WIRE_ACCEPT,
        .accept = {
            .ballot = ballot(1, 1), .seq = 1, .name = name_view("image"), .state = state_of(1)}};
    expect_dropped(&m, slot(2));
    m.accept.ballot.epoch = 2;
    expect_dropped(&m, slot(1));
    m.accept.ballot = ballot(1, 5);
    expect_dropped(&m, slot(5));
    m = (struct message){.type = WIRE_READ,
                         .read = {.ballot = ballot(1, 1), .name = name_view("i")}};
    expect_dropped(&m, slot(2));
    m = (struct message){.type = WIRE_CONFIRM, .confirm = {.ballot = ballot(1, 1)}};
    expect_dropped(&m, slot(2));
}
END_TEST

/* With cohorts of three, two of five sit in none of this shard's. */
START_TEST(who_is_not_of_the_cohort_neither_asks_nor_answers)
{
    tear_down();
    begin_voter(3);
    size_t inside = SIZE_MAX, outside = SIZE_MAX;
    for (size_t i = 1; i < 5; i++) {
        if (cohort_index(&core.cohorts, 0, slot(i)) >= 0)
            inside = i;
        else
            outside = i;
    }
    struct message m = {.type = WIRE_PREPARE, .prepare = {.ballot = ballot(1, outside)}};
    expect_dropped(&m, slot(outside));
    bool self = cohort_index(&core.cohorts, 0, slot(0)) >= 0;
    m.prepare.ballot = ballot(1, inside);
    if (self) {
        voter_take(&voter, slot(inside), &m);
        sync_now();
        expect_promise(ballot(1, inside), inside);
    } else {
        expect_dropped(&m, slot(inside));
    }
    core.config.self = self ? slot(outside) : core.config.self;
    m.prepare.ballot = ballot(2, inside);
    voter_take(&voter, slot(inside), &m);
    sync_now();
    expect_nothing();
}
END_TEST

/* loop test: _i is a store's state. */
START_TEST(only_a_voting_store_votes)
{
    core.store = (enum store_state)_i;
    prepare(ballot(1, 1), 1);
    accept(ballot(1, 1), 1, "image", 1, 1);
    ask_read(ballot(1, 1), "image", 1);
    confirm(ballot(1, 1), 1);
    sync_now();
    struct outbox_entry entry;
    bool spoke = outbox_next(&core.outbox, &entry);
    ck_assert_int_eq(spoke, _i == STORE_VOTING);
    ck_assert_int_eq(core.journal.lsn > 0, _i == STORE_VOTING);
}
END_TEST

/* --- Loading --- */

/* What was written brings back what was promised, in whatever a later run does with it. */
START_TEST(records_bring_it_back)
{
    static struct voter again;
    struct record promise = {.kind = RECORD_PROMISE,
                             .promise = {.shard = 0, .promised = ballot(3, 3), .adopted = 1}};
    struct record accepted = {.kind = RECORD_ACCEPT,
                              .accept = {.shard = 0,
                                         .ballot = ballot(2, 2),
                                         .seq = 5,
                                         .name = name_view("image"),
                                         .state = state_of(4)}};
    void *fresh = malloc(voter_bytes(&core.config));
    voter_init(&again, &core, fresh);
    ck_assert(voter_load(&again, &promise, 1));
    ck_assert(voter_load(&again, &accepted, 2));
    /* The accept's ballot is the lower one: the promise stays (L3). */
    ck_assert(ballot_equal(voter_promised(&again, 0), ballot(3, 3)));
    accepted.accept.ballot = ballot(1, 1);
    accepted.accept.seq = 9;
    ck_assert(voter_load(&again, &accepted, 3));
    ck_assert_uint_eq(again.registers.count, 1);
    ck_assert(ballot_equal(again.registers.entries[0].ballot, ballot(2, 2)));
    accepted.accept.ballot = ballot(4, 1);
    ck_assert(voter_load(&again, &accepted, 4));
    ck_assert(ballot_equal(voter_promised(&again, 0), ballot(4, 1)));
    ck_assert(ballot_equal(again.registers.entries[0].ballot, ballot(4, 1)));
    promise.promise.shard = 1; /* of no shard of this roster */
    ck_assert(voter_load(&again, &promise, 5));
    free(fresh);
}
END_TEST

START_TEST(too_many_records_are_said)
{
    static const char *const names[MAX_LOCKS + 1] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i <= MAX_LOCKS; i++) {
        struct record r = {.kind = RECORD_ACCEPT,
                           .accept = {.ballot = ballot(1, 1),
                                      .seq = 1,
                                      .name = name_view(names[i]),
                                      .state = state_of(1)}};
        ck_assert_int_eq(voter_load(&voter, &r, i + 1), i < MAX_LOCKS);
    }
}
END_TEST

Suite *suite_voter(void)
{
    Suite *suite = suite_create("voter");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, tear_down);
    tcase_add_test(rules, a_promise_leaves_once_it_is_durable);
    tcase_add_test(rules, a_promise_is_repeated_and_written_once);
    tcase_add_test(rules, a_lower_ballot_is_refused);
    tcase_add_test(rules, a_refusal_waits_for_the_promise_that_it_names);
    tcase_add_test(rules, reads_are_answered_under_the_promised_ballot_only);
    tcase_add_test(rules, a_read_waits_for_what_it_shows);
    tcase_add_test(rules, an_accept_is_durable_before_it_is_answered);
    tcase_add_test(rules, an_accept_raises_the_promise);
    tcase_add_test(rules, the_highest_sequence_is_kept_and_named);
    tcase_add_test(rules, its_own_vote_is_what_it_would_answer);
    tcase_add_test(rules, the_ballot_goes_before_the_sequence);
    tcase_add_test(rules, what_is_no_state_is_not_stored);
    tcase_add_test(rules, full_registers_take_no_new_name);
    tcase_add_test(rules, confirm_means_still_promised_and_durable);
    tcase_add_test(rules, ballots_of_others_and_of_nobody_are_dropped);
    tcase_add_test(rules, accepts_and_reads_are_held_to_the_same);
    tcase_add_test(rules, who_is_not_of_the_cohort_neither_asks_nor_answers);
    tcase_add_loop_test(rules, only_a_voting_store_votes, STORE_CHECKING, STORE_FAILED + 1);
    tcase_add_test(rules, records_bring_it_back);
    tcase_add_test(rules, too_many_records_are_said);
    suite_add_tcase(suite, rules);
    return suite;
}
