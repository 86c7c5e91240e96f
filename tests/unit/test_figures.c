/* What the agent counts for metrics: histograms, outcomes, notices; and readers' places in the row
 * of events. */
#include <check.h>

#include "node/events.h"
#include "node/figures.h"

Suite *suite_figures(void);

START_TEST(each_bound_takes_what_is_at_most_it)
{
    struct histogram h = {0};
    histogram_add_us(&h, 0);
    histogram_add_us(&h, 100);
    histogram_add_us(&h, 101);
    histogram_add_us(&h, UINT64_C(300000001));
    ck_assert_uint_eq(h.counts[0], 2);
    ck_assert_uint_eq(h.counts[1], 1);
    ck_assert_uint_eq(h.counts[HISTOGRAM_BOUNDS], 1);
    ck_assert_uint_eq(h.sum_us, 300000202);
    histogram_add_span(&h, (struct span){-5});
    histogram_add_span(&h, SPAN_MS(1));
    ck_assert_uint_eq(h.counts[0], 3);
    ck_assert_uint_eq(h.counts[3], 1);
    for (int i = 1; i < HISTOGRAM_BOUNDS; i++)
        ck_assert_uint_gt(histogram_bounds_us[i], histogram_bounds_us[i - 1]);
}
END_TEST

START_TEST(outcomes_go_by_the_error)
{
    static const struct {
        const char *error;
        enum figures_outcome outcome;
    } all[] = {{NULL, FIGURES_GRANTED},
               {"org.holdfast.Busy", FIGURES_BUSY},
               {"org.holdfast.TimedOut", FIGURES_TIMED_OUT},
               {"org.holdfast.NoMajority", FIGURES_NO_MAJORITY},
               {"org.holdfast.QueueFull", FIGURES_REFUSED},
               {"", FIGURES_REFUSED}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct figures f = {0};
        figures_waited(&f, all[i].error, SPAN_MS(2));
        ck_assert_uint_eq(f.waits[all[i].outcome].sum_us, 2000);
        ck_assert_str_ne(figures_outcome_text(all[i].outcome), "");
    }
}
END_TEST

/* M3: gossip's verdict and this node's own finding are counted apart. */
START_TEST(notices_are_counted)
{
    struct figures f = {0};
    struct notice n = {.kind = NOTICE_MEMBER,
                       .change = {.before = MEMBER_SUSPECT, .after = MEMBER_DEAD}};
    figures_notice(&f, &n);
    n.change.before = MEMBER_ALIVE;
    figures_notice(&f, &n);
    ck_assert_uint_eq(f.changes[MEMBER_DEAD], 2);
    ck_assert_uint_eq(f.suspicions[MEMBER_DEAD], 1);
    ck_assert_uint_eq(f.reaches[0] + f.reaches[1], 0);
    figures_notice(&f, &(struct notice){.kind = NOTICE_REACH, .number = 0});
    figures_notice(&f, &(struct notice){.kind = NOTICE_PROOF, .executed = true});
    figures_notice(&f, &(struct notice){.kind = NOTICE_STANDING, .number = 99});
    figures_notice(&f, &(struct notice){.kind = NOTICE_OPINION, .opinion = OPINION_ANSWERS});
    ck_assert_uint_eq(f.reaches[0], 1);
    ck_assert_uint_eq(f.proofs[1], 1);
    ck_assert_uint_eq(f.opinions[OPINION_ANSWERS], 1);
}
END_TEST

START_TEST(places)
{
    struct events *events = events_new(), *others = events_new();
    struct events_place place;
    static const char *const bad[] = {
        "", ":", "x", "-1", "1:", "1:2:3", "g:1", "ABC:1", "1234567890123456789"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert(!events_place_parse(events, &place, bad[i]));
    ck_assert(events_place_parse(events, &place, "0"));
    ck_assert(place.resumed && !place.missed && place.after == 0);
    /* Beyond the newest, and another start's: whoever comes from there has missed something. */
    ck_assert(events_place_parse(events, &place, "7"));
    ck_assert(place.missed && place.after == 0);
    ck_assert(events_place_parse(others, &place, "0123456789abcdef:0"));
    ck_assert(place.missed);
    events_free(events);
    events_free(others);
}
END_TEST

Suite *suite_figures(void)
{
    Suite *s = suite_create("figures");
    TCase *c = tcase_create("figures");
    tcase_add_test(c, each_bound_takes_what_is_at_most_it);
    tcase_add_test(c, outcomes_go_by_the_error);
    tcase_add_test(c, notices_are_counted);
    tcase_add_test(c, places);
    suite_add_tcase(s, c);
    return s;
}
