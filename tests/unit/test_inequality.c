/* The times of the lock side, and the inequality between them (F7, the inequality). */
#include <check.h>

#include "proto/inequality.h"

Suite *suite_inequality(void);

static int64_t ms(struct span span)
{
    return span.ns / 1000000;
}

START_TEST(the_design_s_own_example)
{
    struct fence_times t;
    fence_times_derive(&t, SPAN_MS(4000));
    ck_assert_int_eq(ms(t.renew), 400);
    ck_assert_int_eq(ms(t.again), 100);
    ck_assert_int_eq(ms(t.answer), 133);
    ck_assert_int_eq(ms(t.warn), 2317);
    ck_assert_int_eq(ms(t.lose), 4635); /* 4.002 + 0.4 + 0.1 + 0.133 s */
    ck_assert_int_eq(ms(t.vote), 4639);
    ck_assert_int_eq(ms(t.late), 666);
    ck_assert_int_eq(ms(t.watchdog), 7000); /* ceil(6635 / 0.9995) in seconds */
    ck_assert_int_eq(ms(t.reset), 9333);    /* 0.333 + 1 + 7 + 1 s */
    ck_assert_int_eq(ms(t.hand_over), 10342);
}
END_TEST

START_TEST(every_target_keeps_every_rule)
{
    for (int64_t detect = 1000; detect <= 60000; detect++) {
        struct fence_times t;
        fence_times_derive(&t, SPAN_MS(detect));
        ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULES);
    }
}
END_TEST

/* A longer F and V come out of what W's whole seconds leave: it is what F = D would need, or 1 s
 * more (design: the aims of a watchdog alone are 11, 13 and 16 s). */
START_TEST(the_default_targets_keep_the_aims)
{
    static const struct {
        int64_t detect, watchdog, hand_over_most;
    } rows[] = {{4000, 7000, 11000}, {6000, 9000, 13000}, {7500, 11000, 16000}};
    for (size_t i = 0; i < 3; i++) {
        struct fence_times t;
        fence_times_derive(&t, SPAN_MS(rows[i].detect));
        ck_assert_int_eq(ms(t.watchdog), rows[i].watchdog);
        ck_assert_int_le(ms(t.hand_over), rows[i].hand_over_most - 400); /* votes, and a round */
    }
}
END_TEST

START_TEST(each_rule_can_be_broken)
{
    struct fence_times good, t;
    fence_times_derive(&good, SPAN_MS(6000));
    t = good;
    t.renew.ns = t.lose.ns / 3 + 1;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_RENEW);
    t = good;
    t.renew.ns++;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_OUTLAST);
    t = good;
    t.lose.ns--;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_OUTLAST);
    t = good;
    t.lose.ns += 1000;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_LOSE);
    t = good;
    t.vote.ns--;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_LOSE);
    t = good;
    t.kill.ns += SPAN_MS(1000).ns;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_SOFT);
    t = good;
    t.hand_over.ns--;
    ck_assert_int_eq(fence_rule_broken(&t), FENCE_RULE_HAND_OVER);
}
END_TEST

Suite *suite_inequality(void)
{
    Suite *suite = suite_create("inequality");
    TCase *t = tcase_create("times");
    tcase_add_test(t, the_design_s_own_example);
    tcase_add_test(t, every_target_keeps_every_rule);
    tcase_add_test(t, the_default_targets_keep_the_aims);
    tcase_add_test(t, each_rule_can_be_broken);
    suite_add_tcase(suite, t);
    return suite;
}
