/* Many fall silent at once: what one swim says about them, and how it finds out how far it is cut
 * off. */
#include "tests/unit/swim_play.h"

enum { ALL = 31, SILENT_FROM = 4 }; /* hv1 speaks; hv2 to hv4 are well; 27 others */
static const size_t hv1 = 0, hv2 = 1;

static struct swim *ours(struct play *p)
{
    return p->actors[hv1].swim;
}

static void hand(struct play *p, size_t from, const struct message *m)
{
    swim_take(ours(p), p->now, play_slot(from), m);
}

static struct message said(struct play *p, size_t *to)
{
    struct outbox_entry entry;
    struct message m = {.type = WIRE_NONE};
    if (!outbox_next(&p->actors[hv1].outbox, &entry))
        return m;
    *to = (size_t)(entry.to - play_slot(0)) / 3;
    struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
    ck_assert(wire_decode(&m, &r));
    return m;
}

static void drain(struct play *p)
{
    size_t to;
    while (said(p, &to).type != WIRE_NONE)
        continue;
}

/* hv1 has started, knows everybody's word and has told it often enough. */
static struct play *monologue(void)
{
    struct play *p = play_begin(ALL, 27);
    play_boot(p, hv1);
    for (size_t i = 1; i < ALL; i++) {
        struct message m = play_word(p, i, i, 1, 0, false);
        swim_recall(ours(p), p->now, &m.alive);
    }
    play_start(p, hv1, 1);
    drain(p);
    return p;
}

static void accuse(struct play *p, size_t count)
{
    for (size_t i = SILENT_FROM; i < SILENT_FROM + count; i++) {
        struct message m = play_accusation(WIRE_SUSPECT, i, 1, 0, hv2);
        hand(p, hv2, &m);
    }
    drain(p);
}

/* What rides with the answer to a probe of hv2's: words and suspicions of the accused. */
static void told_with_answer(struct play *p, size_t *words, size_t *suspicions)
{
    struct message ping = {.type = WIRE_PING, .ping = {.seq = 1, .life = 1}};
    size_t to;
    *words = *suspicions = 0;
    hand(p, hv2, &ping);
    for (struct message m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to)) {
        ck_assert_uint_eq(to, hv2);
        *words += m.type == WIRE_ALIVE && m.alive.slot >= play_slot(SILENT_FROM);
        *suspicions += m.type == WIRE_SUSPECT;
    }
}

START_TEST(hearsay_about_few_comes_with_their_words)
{
    struct play *p = monologue();
    size_t words, suspicions;
    accuse(p, 3);
    told_with_answer(p, &words, &suspicions);
    ck_assert_uint_eq(suspicions, 3);
    ck_assert_uint_eq(words, 3);
    play_end(p);
}
END_TEST

START_TEST(hearsay_about_many_goes_alone)
{
    struct play *p = monologue();
    size_t words, suspicions;
    accuse(p, ALL - SILENT_FROM);
    told_with_answer(p, &words, &suspicions);
    ck_assert_uint_eq(suspicions, GOSSIP_PER_CROWDED);
    ck_assert_uint_eq(words, 0);
    play_end(p);
}
END_TEST

START_TEST(digests_go_to_who_is_no_suspect)
{
    struct play *p = monologue();
    unsigned suspects = 0, all = 0;
    accuse(p, ALL - SILENT_FROM);
    while (all < 3) {
        size_t to;
        p->now = swim_deadline(ours(p));
        swim_heard(ours(p), p->now, play_slot(hv2));
        swim_step(ours(p), p->now);
        for (struct message m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to)) {
            all += m.type == WIRE_DIGEST;
            suspects += m.type == WIRE_DIGEST && to >= SILENT_FROM;
        }
    }
    ck_assert_uint_eq(suspects, 0);
    play_end(p);
}
END_TEST

static size_t counted(const struct play *p, enum member_state state)
{
    size_t count = 0;
    for (size_t i = 1; i < ALL; i++)
        count += play_view(p, hv1, i).state == state;
    return count;
}

/* hv2 is heard all the time, so hv1 is not alone, and its local health is bad: it would wait longer
 * and longer for answers. */
START_TEST(cut_off_is_not_slow)
{
    struct play *p = monologue();
    struct instant end = instant_after(p->now, SPAN_MS(15000));
    for (;;) {
        p->now = swim_deadline(ours(p));
        if (instant_reached(p->now, end) || counted(p, MEMBER_ALIVE) == 1)
            break;
        swim_heard(ours(p), p->now, play_slot(hv2));
        swim_step(ours(p), p->now);
        size_t to;
        for (struct message m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to)) {
            struct message ack = {.type = WIRE_ACK, .ack = {.seq = m.ping.seq, .life = 1}};
            if (m.type == WIRE_PING && to == hv2)
                hand(p, to, &ack);
        }
    }
    ck_assert_uint_eq(counted(p, MEMBER_ALIVE), 1);
    play_end(p);
}
END_TEST

Suite *suite_swim_crowd(void);

Suite *suite_swim_crowd(void)
{
    Suite *suite = suite_create("swim_crowd");
    TCase *t = tcase_create("crowd");
    tcase_add_test(t, hearsay_about_few_comes_with_their_words);
    tcase_add_test(t, hearsay_about_many_goes_alone);
    tcase_add_test(t, digests_go_to_who_is_no_suspect);
    tcase_add_test(t, cut_off_is_not_slow);
    suite_add_tcase(suite, t);
    return suite;
}
