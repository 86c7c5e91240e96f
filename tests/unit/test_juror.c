/*
 * The juror, as plays (peer_play.h, fence_play.h): what it asks of itself before it votes (F2 a-e,
 * F8), and that a vote is durable before it is sent and final afterwards. Node 0 accuses by hand,
 * JUROR is looked at, TARGET is what it is about. Its book is in test_book.c.
 */
#include <stdio.h>

#include "tests/unit/fence_play.h"

Suite *suite_juror(void);

/* VOTE: V, rounded up. */
enum { JUROR = 1, TARGET = 2, DETECT = 4 * STAGE_SECOND, VOTE = 4640, LOOK = 600, ACTION = 1 << 1 };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 21);
    s->policy = LOCK_STALE_FENCE;
}

static void three_jurors(struct roster *roster)
{
    for (size_t i = 0; i < roster->node_count; i++)
        roster->nodes[i].juror = i < 3;
}

static void open_seven_under(void (*change)(struct roster *roster))
{
    s = stage_begin_under(7, 22, change);
    stage_start_all(s);
    s->policy = LOCK_STALE_FENCE;
}

/* Seven that vote; the first three are the jurors. */
static void open_three_of_seven(void)
{
    open_seven_under(three_jurors);
}

static void open_seven(void)
{
    open_seven_under(NULL);
}

static void close_stage(void)
{
    stage_end(s);
}

/* --- Accusing --- */

static const char *name_of(size_t accuser)
{
    return stage_name_of(s, accuser);
}

static void accuse_about(size_t accuser, size_t juror, size_t target, uint64_t life,
                         const char *lock)
{
    struct message m = {
        .type = WIRE_ACCUSE,
        .accuse = {.slot = stage_slot(target), .life = life, .name = stage_view(lock)}};
    stage_say(s, accuser, juror, &m);
}

static void accuse(size_t juror, size_t target)
{
    accuse_about(0, juror, target, 1, name_of(0));
}

static uint64_t answers(size_t accuser)
{
    return s->nodes[accuser].heard[WIRE_OPINION] + s->nodes[accuser].heard[WIRE_VOTE];
}

/* What the juror says in answer, in the end; fails if it says nothing. */
static enum opinion opinion_about(size_t juror, size_t target, uint64_t life)
{
    struct stage_node *n = &s->nodes[0];
    uint64_t before = answers(0), votes = n->heard[WIRE_VOTE];
    accuse_about(0, juror, target, life, name_of(0));
    for (int i = 0; i < 8 && answers(0) == before; i++)
        stage_run(s, LOOK / 6);
    ck_assert_uint_eq(answers(0), before + 1);
    bool voted = n->heard[WIRE_VOTE] > votes;
    enum wire_type type = voted ? WIRE_VOTE : WIRE_OPINION;
    ck_assert_uint_eq(n->last_from[type], stage_slot(juror));
    return voted ? n->last[WIRE_VOTE].vote.evidence.opinion
                 : n->last[WIRE_OPINION].opinion.evidence.opinion;
}

static enum opinion opinion_of(size_t juror, size_t target)
{
    return opinion_about(juror, target, 1);
}

/* The target's agent is dead, everybody knows it, and every renewal is older than D. */
static void bury(size_t target)
{
    stage_kill(s, target);
    stage_await_dead(s, target);
    stage_run(s, DETECT);
}

/* --- What it asks of itself (F2) --- */

START_TEST(it_votes_on_its_own_evidence)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    bury(TARGET);
    uint64_t pokes = s->nodes[JUROR].sent[WIRE_POKE], doubts = s->nodes[JUROR].sent[WIRE_DOUBT];
    uint64_t renewals = s->nodes[JUROR].sent[WIRE_RENEW];
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    /* Its own probes, direct and relayed, and its own renewals, all sent in this inquiry. */
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_POKE], pokes + 2);
    ck_assert_uint_ge(s->nodes[JUROR].sent[WIRE_DOUBT], doubts + 4);
    ck_assert_uint_gt(s->nodes[JUROR].sent[WIRE_RENEW], renewals);
    const struct wire_vote *vote = &s->nodes[0].last[WIRE_VOTE].vote;
    ck_assert_uint_eq(vote->slot, stage_slot(TARGET));
    ck_assert_uint_eq(vote->life, 1);
    ck_assert_uint_ge(vote->age_ms, VOTE - 1);
    ck_assert_uint_ge(vote->evidence.renewal_ms, VOTE - 1);
    ck_assert_uint_eq(vote->evidence.direct, 2);
    ck_assert_uint_ge(vote->evidence.acknowledged, 3);
    ck_assert_uint_eq(vote->evidence.alive, 4);
    ck_assert_uint_eq(vote->evidence.brake, 1);
    ck_assert_uint_eq(vote->allows, (1u << ACTION_RETIRE) | ACTION);
    ck_assert_uint_eq(s->nodes[JUROR].notices[NOTICE_VOTED], 1);
}
END_TEST

/* F2a: not while a renewal is younger than V. */
START_TEST(a_renewal_within_the_detection_target)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 10 * STAGE_SECOND);
    stage_kill(s, TARGET);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_RENEWED);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_RENEWED);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
}
END_TEST

/* F2a: what came before its own start it does not know, so that counts as a renewal. */
START_TEST(after_its_own_start_it_waits_as_long)
{
    bury(TARGET);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    ck_assert(stage_until(s, stage_all_settled, NULL, 2 * STAGE_SECOND));
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_RENEWED);
    stage_await_dead(s, TARGET);
    stage_run(s, VOTE);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
}
END_TEST

/* F2b: its own view, not the accuser's. */
START_TEST(a_view_that_is_not_dead)
{
    stage_run(s, 2 * DETECT);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_NOT_DEAD);
    accuse_about(0, JUROR, TARGET, 2, name_of(0)); /* of a life that it never heard of */
    ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_NOT_DEAD);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_DOUBT], 0); /* it did not even look */
}
END_TEST

static bool suspected(struct stage *stage, void *context)
{
    (void)context;
    return stage_member(stage, JUROR, TARGET) == MEMBER_SUSPECT;
}

static bool dead(struct stage *stage, void *context)
{
    (void)context;
    return stage_member(stage, JUROR, TARGET) == MEMBER_DEAD;
}

/*
 * What takes time is done while the suspicion runs, and nothing is signed before it ends (F2). loop
 * test: the look is fresh when it does, so that the vote comes at once (0); it is old (1).
 */
START_TEST(it_looks_while_the_target_is_suspect)
{
    stage_run(s, 2 * DETECT);
    stage_kill(s, TARGET);
    ck_assert(stage_until(s, suspected, NULL, 10 * STAGE_SECOND));
    for (int looks = 0; looks < (_i == 1 ? 1 : 20) && !dead(s, NULL); looks++) {
        accuse(JUROR, TARGET);
        stage_until(s, dead, NULL, LOOK / 2);
        stage_until(s, dead, NULL, LOOK / 2);
        if (dead(s, NULL))
            break;
        ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
        ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_NOT_DEAD);
        ck_assert_uint_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.direct, 2);
    }
    ck_assert(stage_until(s, dead, NULL, 20 * STAGE_SECOND));
    stage_run(s, 5);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), _i == 1 ? 0 : 1);
    ck_assert_uint_eq(s->nodes[0].heard[WIRE_VOTE], _i == 1 ? 0 : 1);
}
END_TEST

static bool renewed_again(struct stage *stage, void *context)
{
    return stage->nodes[JUROR].heard[WIRE_RENEW] > *(const uint64_t *)context;
}

/*
 * F2: the last of its timers is V since the renewal. It looks just before that ends, on one
 * accusation, and votes when it does; and whoever accused last hears of it, should the one before
 * be lost. Not if the target is heard again meanwhile (loop test 1).
 */
START_TEST(it_looks_before_the_renewals_timer_ends)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    uint64_t renewals = s->nodes[JUROR].heard[WIRE_RENEW];
    ck_assert(stage_until(s, renewed_again, &renewals, DETECT));
    struct instant renewed = s->now;
    stage_pause(s, TARGET, true);
    ck_assert(stage_until(s, dead, NULL, DETECT - LOOK));
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_RENEWED);
    accuse_about(3, JUROR, TARGET, 1, name_of(3));
    uint64_t pokes = s->nodes[JUROR].sent[WIRE_POKE];
    stage_run(s, (renewed.ns - s->now.ns) / 1000000 + VOTE - 10);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_POKE], pokes + 2);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
    if (_i == 1)
        stage_pause(s, TARGET, false);
    stage_run(s, 20);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), _i == 0);
    ck_assert_uint_eq(s->nodes[3].heard[WIRE_VOTE], _i == 0);
    ck_assert_uint_eq(s->nodes[0].heard[WIRE_VOTE], 0);
}
END_TEST

/* F2b: a probe of its own is answered. */
START_TEST(a_direct_probe_that_is_answered)
{
    stage_pause(s, TARGET, true);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    stage_pause(s, TARGET, false);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_ANSWERS);
}
END_TEST

/* F2b: its own way to the target is cut, that of others is not. */
START_TEST(a_relayed_probe_that_is_answered)
{
    stage_pause(s, TARGET, true);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    stage_cut(s, JUROR, TARGET, true);
    stage_pause(s, TARGET, false);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_ANSWERS);
}
END_TEST

/* F2c: whoever is cut off himself says nothing about others. */
START_TEST(its_own_renewals_are_not_acknowledged)
{
    struct stage_filter deaf[] = {{STAGE_NONE, JUROR, STAGE_TYPE(RENEWED), FATE_LOSE, false}, {0}};
    bury(TARGET);
    s->way = stage_filters;
    s->way_context = deaf;
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_CUT_OFF);
    s->way = NULL;
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
}
END_TEST

/* F2c: a quorum of jurors is not yet a majority of the roster. */
START_TEST(few_are_alive)
{
    for (size_t i = 3; i < 7; i++)
        stage_kill(s, i);
    for (size_t i = 3; i < 7; i++)
        stage_await_dead(s, i);
    stage_run(s, DETECT);
    ck_assert_int_eq(opinion_of(JUROR, 3), OPINION_FEW_ALIVE);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.alive, 3);
    ck_assert_uint_ge(s->nodes[0].last[WIRE_OPINION].opinion.evidence.acknowledged, 2);
}
END_TEST

/* F2d: what a juror saw while it was starved is worth nothing. */
START_TEST(its_own_loop_was_late)
{
    bury(TARGET);
    accuse(JUROR, TARGET);
    stage_run(s, 50);
    stage_pause(s, JUROR, true);
    stage_run(s, STAGE_SECOND);
    stage_pause(s, JUROR, false);
    stage_run(s, LOOK);
    ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_LATE);
    ck_assert_uint_eq(s->nodes[JUROR].last_notice[NOTICE_OPINION].opinion, OPINION_LATE);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
}
END_TEST

/* F2e: only a voter of the lock that it names may ask. */
START_TEST(an_accuser_without_a_stake)
{
    bury(TARGET);
    const char *lock = NULL;
    static char text[32];
    for (int i = 0; !lock; i++) {
        snprintf(text, sizeof text, "image-%d", i);
        if (stage_place(s, text, 0) < 0)
            lock = text;
    }
    accuse_about(0, JUROR, TARGET, 1, lock);
    stage_run(s, LOOK);
    ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_NO_STAKE);
    /* An old vote is not repeated to it either. */
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    uint64_t votes = s->nodes[JUROR].sent[WIRE_VOTE];
    accuse_about(0, JUROR, TARGET, 1, lock);
    stage_run(s, LOOK);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_VOTE], votes);
}
END_TEST

/* F3: a life that is over needs no vote; whoever asks is told the proof. */
START_TEST(a_life_that_is_over)
{
    stage_power_cut(s, TARGET);
    stage_start(s, TARGET);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    stage_run(s, DETECT);
    uint64_t proofs = s->nodes[JUROR].sent[WIRE_PROOF];
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_OVER);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_PROOF], proofs + 1);
}
END_TEST

/* Nonsense, and accusations to who is no juror, change nothing. */
START_TEST(what_cannot_be_accused)
{
    bury(TARGET);
    uint64_t before = answers(0);
    accuse_about(0, JUROR, JUROR, 1, name_of(0)); /* itself */
    accuse_about(0, JUROR, TARGET, 0, name_of(0));
    struct message m = {.type = WIRE_ACCUSE,
                        .accuse = {.slot = 200, .life = 1, .name = stage_view("x")}};
    stage_say(s, 0, JUROR, &m);
    accuse(6, TARGET); /* a voter, but no juror */
    stage_run(s, LOOK);
    ck_assert_uint_eq(answers(0), before);
    ck_assert_uint_eq(stage_counters(s, JUROR)->drop_role, 3);
}
END_TEST

/* --- A vote is final (F2) --- */

START_TEST(a_vote_is_durable_before_it_is_sent)
{
    bury(TARGET);
    stage_sync(s, JUROR, SYNC_HELD);
    accuse(JUROR, TARGET);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_VOTE], 0);
    ck_assert_uint_eq(s->nodes[JUROR].notices[NOTICE_VOTED], 1);
    stage_sync(s, JUROR, SYNC_PROMPT);
    stage_run(s, 50);
    ck_assert_uint_eq(s->nodes[JUROR].sent[WIRE_VOTE], 1);
}
END_TEST

/* The same juror's renewals for the target: how many it acknowledged since. */
static uint64_t acknowledged(void)
{
    return s->nodes[JUROR].sent[WIRE_RENEWED];
}

static void renew(size_t from, uint64_t life)
{
    struct message m = {.type = WIRE_RENEW, .renew = {.life = life, .seq = 7}};
    stage_say(s, from, JUROR, &m);
}

/*
 * loop test: it hears the life again (0), also after a restart from its log (1). It never again
 * acknowledges it, and says so.
 */
START_TEST(after_a_vote_no_renewal_is_acknowledged)
{
    uint64_t life, held = stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    stage_pause(s, TARGET, true);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    if (_i == 1) {
        stage_run(s, 100);
        stage_kill(s, JUROR);
        ck_assert_int_eq(stage_start(s, JUROR), RECOVERED);
        ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    }
    ck_assert(peer_vote(s->nodes[JUROR].peer, stage_slot(TARGET), &life));
    ck_assert_uint_eq(life, 1);
    uint64_t before = acknowledged(), heard = s->nodes[JUROR].heard[WIRE_RENEW];
    stage_pause(s, TARGET, false);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_gt(s->nodes[JUROR].heard[WIRE_RENEW], heard);
    ck_assert_uint_eq(acknowledged(), before);
    ck_assert_uint_gt(s->nodes[TARGET].heard[WIRE_VOTED], 0);
    ck_assert_uint_eq(s->nodes[TARGET].last[WIRE_VOTED].voted.life, 1);
    ck_assert_uint_eq(s->nodes[TARGET].last_from[WIRE_VOTED], stage_slot(JUROR));
    /* The next life is another's affair. */
    stage_drop_unclean(s, TARGET, stage_id(s, held));
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, TARGET).life, 2);
    before = acknowledged();
    renew(TARGET, 2);
    ck_assert_uint_eq(acknowledged(), before + 1);
    renew(TARGET, 1);
    ck_assert_uint_eq(acknowledged(), before + 1);
}
END_TEST

/* Two cuts, one after the other, must not add up against a node that never lost its majority: who
 * voted at the first does not acknowledge during the second. */
START_TEST(a_bound_target_warns_until_it_holds_nothing)
{
    uint64_t held = stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    stage_pause(s, TARGET, true);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    stage_pause(s, TARGET, false);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert(stage_status(s, TARGET).bound);
    ck_assert_uint_eq(stage_status(s, TARGET).life, 1);
    uint64_t asked = stage_acquire(s, TARGET, "another", LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_answer(s, asked, ANSWER_LIFE_ENDED));
    stage_drop_unclean(s, TARGET, stage_id(s, held));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, TARGET).life, 2);
    ck_assert(!stage_status(s, TARGET).bound);
}
END_TEST

/* F3: whoever is under a vote himself signs nothing more in this life. */
START_TEST(a_bound_juror_signs_nothing)
{
    stage_hold(s, JUROR, "own", LOCK_EXCLUSIVE); /* so that it cannot surrender */
    bury(TARGET);
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = 1}};
    stage_say(s, 3, JUROR, &voted);
    ck_assert(stage_status(s, JUROR).bound);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_BOUND);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
}
END_TEST

/* It is bound while it looks: no vote comes of it. */
START_TEST(a_juror_that_is_bound_meanwhile_signs_nothing)
{
    stage_hold(s, JUROR, "own", LOCK_EXCLUSIVE);
    bury(TARGET);
    accuse(JUROR, TARGET);
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = 1}};
    stage_say(s, 3, JUROR, &voted);
    stage_run(s, LOOK);
    ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_BOUND);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
}
END_TEST

/* F2: a vote stands, and is told again to who asks, also by whoever is bound by now; but not within
 * a freeze (F8), nor to a node without a stake (F2e). Seed 601526. */
START_TEST(a_vote_is_told_again_but_not_within_a_freeze)
{
    struct message freeze = {.type = WIRE_INHIBIT,
                             .inhibit = {.kind = INHIBIT_FREEZE,
                                         .scope = SLOT_NONE,
                                         .version = 1,
                                         .by = stage_slot(3),
                                         .on = true,
                                         .left_ms = 10 * STAGE_SECOND}};
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = 1}};
    stage_hold(s, JUROR, "own", LOCK_EXCLUSIVE); /* so that it cannot surrender */
    bury(TARGET);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    stage_say(s, 3, JUROR, &voted);
    ck_assert(stage_status(s, JUROR).bound);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    stage_say(s, 3, JUROR, &freeze);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_FROZEN);
    stage_run(s, 11 * STAGE_SECOND);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
}
END_TEST

/* L7: a store that may not vote says nothing at all. */
START_TEST(a_failed_store_signs_nothing)
{
    bury(TARGET);
    stage_sync(s, JUROR, SYNC_FAILS);
    stage_hold(s, 3, "another", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, JUROR).store, STORE_FAILED);
    uint64_t before = answers(0);
    accuse(JUROR, TARGET);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(answers(0), before);
    uint64_t renewed = acknowledged();
    renew(3, 1);
    ck_assert_uint_eq(acknowledged(), renewed);
}
END_TEST

/* --- Limits (F8) --- */

static uint32_t last_allows(void)
{
    return s->nodes[0].last[WIRE_VOTE].vote.allows;
}

/* The vote as it stands comes at once; one that allows more takes a new look (F2). */
static void vote_comes_to_allow(size_t target, uint32_t mask)
{
    uint64_t votes = s->nodes[0].heard[WIRE_VOTE];
    uint32_t before = last_allows();
    ck_assert_int_eq(opinion_of(JUROR, target), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), before);
    stage_run(s, LOOK);
    ck_assert_uint_eq(s->nodes[0].heard[WIRE_VOTE], votes + 2);
    ck_assert_uint_eq(last_allows(), mask);
}

/* Two at once it allows; the third may only be asked to retire, until one of them has come back. */
START_TEST(no_more_than_the_limit_at_once)
{
    stage_run(s, 15 * STAGE_SECOND); /* it hears every life itself */
    for (size_t i = 4; i < 7; i++)
        stage_kill(s, i);
    for (size_t i = 4; i < 7; i++)
        stage_await_dead(s, i);
    stage_run(s, DETECT);
    /* All three became unreachable lately: the count is 3, the limit 2. */
    ck_assert_int_eq(opinion_of(JUROR, 6), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), 1u << ACTION_RETIRE);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.evidence.brake, 3);
    stage_power_cut(s, 4);
    stage_start(s, 4);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_over(s, JUROR, 4), 1);
    vote_comes_to_allow(6, (1u << ACTION_RETIRE) | ACTION);
    ck_assert_uint_eq(stage_counters(s, JUROR)->fence_votes, 1);
}
END_TEST

/* A node that was unreachable ten minutes ago is not counted any more. */
START_TEST(the_count_looks_back_ten_minutes)
{
    for (size_t i = 4; i < 7; i++)
        stage_kill(s, i);
    for (size_t i = 4; i < 7; i++)
        stage_await_dead(s, i);
    stage_run(s, 601 * STAGE_SECOND);
    ck_assert_int_eq(opinion_of(JUROR, 6), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), (1u << ACTION_RETIRE) | ACTION);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.evidence.brake, 1);
    ck_assert_int_eq(opinion_of(JUROR, 5), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), (1u << ACTION_RETIRE) | ACTION);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.evidence.brake, 2);
    ck_assert_int_eq(opinion_of(JUROR, 4), OPINION_VOTES); /* its own votes count */
    ck_assert_uint_eq(last_allows(), 1u << ACTION_RETIRE);
}
END_TEST

static void hand_end(size_t node, uint64_t life)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct proof proof = stage_end_statement(s, node, life);
    stage_submit(s, JUROR, PROOF_FILE_MAGIC, bytes, stage_proof_bytes(bytes, &proof));
    stage_run(s, 100);
}

/*
 * Life 2 of a node is counted; then the juror hears that life 1 was over, which was stated while
 * it was cut off. That is no end of life 2, which stays in the count until its own end is stated:
 * because it became unreachable (loop 0), or because the juror voted against it (loop 1).
 */
START_TEST(the_end_of_an_earlier_life_frees_no_place)
{
    struct stage_filter no_proofs[] = {{STAGE_NONE, JUROR, STAGE_TYPE(PROOF), FATE_LOSE, false},
                                       {0}};
    const uint32_t all = (1u << ACTION_RETIRE) | ACTION;
    s->way = stage_filters;
    s->way_context = no_proofs;
    stage_power_cut(s, 4);
    stage_start(s, 4);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    stage_run(s, 15 * STAGE_SECOND); /* it hears every life itself */
    for (size_t i = 4; i < 7; i++)
        stage_kill(s, i);
    for (size_t i = 4; i < 7; i++)
        stage_await_dead(s, i);
    stage_run(s, _i ? 601 * STAGE_SECOND : DETECT);
    if (_i) {
        ck_assert_int_eq(opinion_about(JUROR, 4, 2), OPINION_VOTES);
        ck_assert_int_eq(opinion_of(JUROR, 5), OPINION_VOTES);
        ck_assert_uint_eq(last_allows(), all);
    }
    ck_assert_uint_eq(stage_over(s, JUROR, 4), 0);
    hand_end(4, 2);
    ck_assert_uint_eq(stage_over(s, JUROR, 4), 1);
    ck_assert_int_eq(opinion_of(JUROR, 6), OPINION_VOTES);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.evidence.brake, 3);
    ck_assert_uint_eq(last_allows(), 1u << ACTION_RETIRE);
    hand_end(4, 3);
    ck_assert_uint_eq(stage_over(s, JUROR, 4), 2);
    vote_comes_to_allow(6, all);
}
END_TEST

/* A juror that has not heard this life since its own start waits ten minutes: boots take long. */
START_TEST(an_unheard_life_has_ten_minutes)
{
    bury(TARGET);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    stage_await_dead(s, TARGET);
    stage_run(s, 2 * DETECT);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), 1u << ACTION_RETIRE);
    stage_run(s, 300 * STAGE_SECOND);
    ck_assert_int_eq(opinion_of(JUROR, TARGET), OPINION_VOTES);
    ck_assert_uint_eq(last_allows(), 1u << ACTION_RETIRE);
    stage_run(s, 301 * STAGE_SECOND);
    vote_comes_to_allow(TARGET, (1u << ACTION_RETIRE) | ACTION);
}
END_TEST

Suite *suite_juror(void)
{
    Suite *suite = suite_create("juror");
    TCase *asks = tcase_create("what it asks of itself");
    tcase_add_checked_fixture(asks, open_five, close_stage);
    tcase_add_test(asks, it_votes_on_its_own_evidence);
    tcase_add_test(asks, a_renewal_within_the_detection_target);
    tcase_add_test(asks, after_its_own_start_it_waits_as_long);
    tcase_add_test(asks, a_view_that_is_not_dead);
    tcase_add_loop_test(asks, it_looks_while_the_target_is_suspect, 0, 2);
    tcase_add_loop_test(asks, it_looks_before_the_renewals_timer_ends, 0, 2);
    tcase_add_test(asks, a_direct_probe_that_is_answered);
    tcase_add_test(asks, a_relayed_probe_that_is_answered);
    tcase_add_test(asks, its_own_renewals_are_not_acknowledged);
    tcase_add_test(asks, its_own_loop_was_late);
    tcase_add_test(asks, a_life_that_is_over);
    suite_add_tcase(suite, asks);

    TCase *few = tcase_create("three jurors of seven");
    tcase_add_checked_fixture(few, open_three_of_seven, close_stage);
    tcase_add_test(few, few_are_alive);
    tcase_add_test(few, an_accuser_without_a_stake);
    tcase_add_test(few, what_cannot_be_accused);
    suite_add_tcase(suite, few);

    TCase *final = tcase_create("final");
    tcase_add_checked_fixture(final, open_five, close_stage);
    tcase_add_test(final, a_vote_is_durable_before_it_is_sent);
    tcase_add_loop_test(final, after_a_vote_no_renewal_is_acknowledged, 0, 2);
    tcase_add_test(final, a_bound_target_warns_until_it_holds_nothing);
    tcase_add_test(final, a_bound_juror_signs_nothing);
    tcase_add_test(final, a_juror_that_is_bound_meanwhile_signs_nothing);
    tcase_add_test(final, a_vote_is_told_again_but_not_within_a_freeze);
    tcase_add_test(final, a_failed_store_signs_nothing);
    suite_add_tcase(suite, final);

    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, open_seven, close_stage);
    tcase_add_test(limits, no_more_than_the_limit_at_once);
    tcase_add_test(limits, the_count_looks_back_ten_minutes);
    tcase_add_loop_test(limits, the_end_of_an_earlier_life_frees_no_place, 0, 2);
    tcase_add_test(limits, an_unheard_life_has_ten_minutes);
    suite_add_tcase(suite, limits);
    return suite;
}
