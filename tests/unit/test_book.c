/*
 * The juror's book of lives, and what it says to executors (F4, F9), as plays (peer_play.h,
 * fence_play.h): JUROR is spoken to by hand, TARGET is what it is about.
 */
#include "tests/unit/fence_play.h"

#include "proto/peer_internal.h"

Suite *suite_book(void);

enum { JUROR = 1, TARGET = 2 };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 21);
    s->policy = LOCK_STALE_FENCE;
}

static void close_stage(void)
{
    stage_end(s);
}

/* The target's agent is dead, and everybody knows it. */
static void bury(size_t target)
{
    stage_kill(s, target);
    stage_await_dead(s, target);
    stage_run(s, 4 * STAGE_SECOND);
}

/* --- The book --- */

static struct wire_life_stored claim(size_t from, uint64_t life, uint8_t nonce)
{
    struct message m = {.type = WIRE_LIFE_CLAIM, .life_claim = {.life = life}};
    memset(m.life_claim.life_nonce.bytes, nonce, sizeof m.life_claim.life_nonce.bytes);
    uint64_t before = s->nodes[from].heard[WIRE_LIFE_STORED];
    stage_say(s, from, JUROR, &m);
    stage_run(s, 10);
    if (s->nodes[from].heard[WIRE_LIFE_STORED] == before)
        return (struct wire_life_stored){0};
    return s->nodes[from].last[WIRE_LIFE_STORED].life_stored;
}

START_TEST(a_number_has_one_nonce)
{
    struct wire_life_stored stored = claim(TARGET, 1, 0xee); /* another machine with its key */
    ck_assert_uint_eq(stored.life, 1);
    ck_assert(!stored.same);
    stored = claim(3, 9, 0xaa); /* a node may go up as it likes */
    ck_assert(stored.life == 9 && stored.same);
    stored = claim(3, 9, 0xaa);
    ck_assert(stored.life == 9 && stored.same);
    stored = claim(3, 9, 0xab);
    ck_assert(stored.life == 9 && !stored.same);
    stored = claim(3, 8, 0xaa);
    ck_assert(stored.life == 9 && !stored.same);
    ck_assert_uint_eq(claim(3, 0, 0xaa).life, 0); /* no life */
    ck_assert_uint_eq(claim(3, UINT64_C(1) << 62, 0xaa).life, 0);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    stage_run(s, 5 * STAGE_SECOND);
    stored = claim(3, 9, 0xab);
    ck_assert(stored.life == 9 && !stored.same);
}
END_TEST

START_TEST(the_book_is_durable_before_it_is_told)
{
    stage_sync(s, JUROR, SYNC_HELD);
    ck_assert_uint_eq(claim(3, 9, 0xaa).life, 0);
    uint64_t before = s->nodes[3].heard[WIRE_LIFE_STORED];
    stage_sync(s, JUROR, SYNC_PROMPT);
    stage_run(s, 10);
    ck_assert_uint_gt(s->nodes[3].heard[WIRE_LIFE_STORED], before);
}
END_TEST

/* --- Executors (F9) --- */

static uint64_t ask_to_act(size_t executor, uint64_t life, uint32_t span_ms)
{
    struct message m = {
        .type = WIRE_EXEC_ASK,
        .exec_ask = {.slot = stage_slot(TARGET), .life = life, .nonce = 5, .span_ms = span_ms}};
    uint64_t before = s->nodes[JUROR].sent[WIRE_EXEC_OK];
    stage_say(s, executor, JUROR, &m);
    stage_run(s, 10);
    return s->nodes[JUROR].sent[WIRE_EXEC_OK] - before;
}

static void give_order(uint64_t life, uint32_t allows)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = stage_order(s, TARGET, life, 3, allows);
    struct message m = {.type = WIRE_ORDER,
                        .order = {.cert = {bytes, stage_order_bytes(bytes, &cert)}}};
    stage_say(s, 0, JUROR, &m);
    stage_run(s, 10);
}

/* F4: only on an order that it has seen certified for an action, and only to an executor. */
START_TEST(it_lets_nobody_act_without_an_order)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    ck_assert_uint_eq(ask_to_act(3, 1, 1000), 0);
    give_order(1, 1u << ACTION_RETIRE);
    ck_assert_uint_eq(ask_to_act(3, 1, 1000), 0);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 1000), 1);
    ck_assert_uint_eq(ask_to_act(3, 2, 1000), 0); /* another life */
    ck_assert_uint_eq(ask_to_act(3, 1, 1000000), 0);
}
END_TEST

/* F9: while somebody may act on the old life, no higher one is taken into the book. */
START_TEST(a_window_withholds_a_claim)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 5000), 1);
    stage_power_cut(s, TARGET);
    s->nodes[JUROR].heard[WIRE_LIFE_CLAIM] = 0;
    stage_start(s, TARGET);
    stage_run(s, 6 * STAGE_SECOND); /* 2 s to begin, 5 s to act */
    ck_assert_uint_gt(s->nodes[JUROR].heard[WIRE_LIFE_CLAIM], 0);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 0);
    ck_assert_uint_eq(ask_to_act(4, 1, 5000), 0); /* nor does it let anybody else begin */
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 2);
    ck_assert_uint_eq(ask_to_act(3, 1, 5000), 0); /* it lives again: nobody may act any more (F3) */
}
END_TEST

/* The window outlives a restart of the juror: all of it is to come again. */
START_TEST(a_window_survives_a_restart)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 5000), 1);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    ck_assert(stage_until(s, stage_all_settled, NULL, 6 * STAGE_SECOND));
    stage_power_cut(s, TARGET);
    stage_start(s, TARGET);
    stage_run(s, 100);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 0);
    stage_run(s, 8 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 2);
}
END_TEST

/* Of two executors the one that may take longer counts, after a restart too. */
START_TEST(of_two_windows_the_longer_survives)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(_i ? 4 : 3, 1, 12000), 1);
    ck_assert_uint_eq(ask_to_act(_i ? 3 : 4, 1, 1000), 0); /* while the first may still begin */
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(ask_to_act(_i ? 3 : 4, 1, 1000), 1);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    ck_assert(stage_until(s, stage_all_settled, NULL, 6 * STAGE_SECOND));
    stage_power_cut(s, TARGET);
    stage_start(s, TARGET);
    stage_run(s, 4 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 0);
    stage_run(s, 11 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 2);
}
END_TEST

/* The node obeyed, began its next life, and an order came against that too: whoever may act on the
 * first one still may, so the second does not count before that is over, nor after a restart. */
START_TEST(the_window_of_a_later_life_closes_no_earlier_one)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 12000), 1);
    stage_power_cut(s, TARGET);
    stage_start(s, TARGET);
    stage_run(s, STAGE_SECOND);
    give_order(2, 3);
    const struct docket_entry *second =
        docket_find(s->nodes[JUROR].peer->core.docket, stage_slot(TARGET), 2);
    ck_assert_int_gt(second->yes_until.ns, 0); /* the juror's own executor was first to ask */
    if (_i) {
        stage_kill(s, JUROR);
        stage_start(s, JUROR);
        stage_run(s, STAGE_SECOND);
    }
    stage_run(s, 4 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 0);
    stage_run(s, 12 * STAGE_SECOND);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 2);
}
END_TEST

static void report_from(size_t executor, enum run_stage stage)
{
    struct message m = {.type = WIRE_EXEC_REPORT,
                        .exec_report = {.slot = stage_slot(TARGET),
                                        .life = 1,
                                        .stage = (uint8_t)stage,
                                        .text = stage_view("as the script says")}};
    stage_say(s, executor, JUROR, &m);
    stage_run(s, 10);
}

/* Who asked says that it has acted: the window closes by its word, by no other's, and not because a
 * driver failed, whose effect may come late. */
START_TEST(a_window_is_closed_by_who_opened_it)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 50000), 1);
    stage_power_cut(s, TARGET);
    stage_start(s, TARGET);
    stage_run(s, STAGE_SECOND);
    report_from(4, RUN_DONE);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, 0);
    report_from(3, _i ? RUN_FAILED : RUN_DONE);
    ck_assert_uint_eq(claim(TARGET, 2, 0xaa).life, _i ? 0 : 2);
}
END_TEST

/* F9: while an executor that said that it begins has its time, no second one is let; by its own
 * word it may ask again, and when it failed, or its time is over, the next one may. */
static void begins(size_t executor, uint32_t span_ms)
{
    struct message m = {.type = WIRE_EXEC_REPORT,
                        .exec_report = {.slot = stage_slot(TARGET),
                                        .life = 1,
                                        .stage = RUN_BEGAN,
                                        .span_ms = span_ms,
                                        .text = stage_view("off, then a status query")}};
    stage_say(s, executor, JUROR, &m);
    stage_run(s, 10);
}

START_TEST(one_acts_at_a_time)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    ck_assert_uint_eq(ask_to_act(3, 1, 5000), 1);
    begins(3, 5000);
    ck_assert_uint_eq(ask_to_act(4, 1, 5000), 0);
    ck_assert_uint_eq(ask_to_act(3, 1, 5000), 1);
    if (_i)
        report_from(3, RUN_FAILED);
    else
        stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(ask_to_act(4, 1, 5000), 1);
}
END_TEST

/* Two got their yes before either said that it began: who fails first ends its own time alone. */
START_TEST(who_fails_ends_nobody_elses_time)
{
    stage_tools(s, TOOL_HANGS);
    bury(TARGET);
    give_order(1, 3);
    begins(3, 5000);
    begins(4, 5000);
    report_from(3, RUN_FAILED);
    ck_assert_uint_eq(ask_to_act(0, 1, 5000), 0);
    report_from(4, RUN_FAILED);
    ck_assert_uint_eq(ask_to_act(0, 1, 5000), 1);
}
END_TEST

Suite *suite_book(void)
{
    Suite *suite = suite_create("book");
    TCase *book = tcase_create("book");
    tcase_add_checked_fixture(book, open_five, close_stage);
    tcase_add_test(book, a_number_has_one_nonce);
    tcase_add_test(book, the_book_is_durable_before_it_is_told);
    tcase_add_test(book, it_lets_nobody_act_without_an_order);
    tcase_add_test(book, a_window_withholds_a_claim);
    tcase_add_test(book, a_window_survives_a_restart);
    tcase_add_loop_test(book, of_two_windows_the_longer_survives, 0, 2);
    tcase_add_loop_test(book, the_window_of_a_later_life_closes_no_earlier_one, 0, 2);
    tcase_add_loop_test(book, a_window_is_closed_by_who_opened_it, 0, 2);
    tcase_add_loop_test(book, one_acts_at_a_time, 0, 2);
    tcase_add_test(book, who_fails_ends_nobody_elses_time);
    suite_add_tcase(suite, book);
    return suite;
}
