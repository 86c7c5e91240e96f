/* What the driver is told with the next effects: bounded both ways. */
#include <check.h>

#include "proto/told.h"

Suite *suite_told(void);

static struct told told;

START_TEST(answers_come_in_order_until_full)
{
    for (uint64_t i = 0; i < EFFECTS_ANSWERS_MAX; i++) {
        struct answer *a = told_answer(&told, ANSWER_GRANTED, i);
        ck_assert_ptr_nonnull(a);
        ck_assert_uint_eq(a->coordinator, SLOT_NONE);
        a->token = i + 1;
    }
    ck_assert_ptr_null(told_answer(&told, ANSWER_GRANTED, 999));
    ck_assert_uint_eq(told.answer_count, EFFECTS_ANSWERS_MAX);
    for (uint64_t i = 0; i < EFFECTS_ANSWERS_MAX; i++)
        ck_assert_uint_eq(told.answers[i].handle, i);
    told_clear(&told);
    struct answer *again = told_answer(&told, ANSWER_BUSY, 7);
    ck_assert_ptr_eq(again, &told.answers[0]);
    ck_assert_uint_eq(again->token, 0); /* nothing of the one before */
}
END_TEST

/* The first ones are kept: they tell how it began. Each loss is counted. */
START_TEST(notices_that_do_not_fit_are_counted)
{
    for (uint64_t i = 0; i < EFFECTS_NOTICES_MAX + 10; i++)
        told_notice(&told, NOTICE_COORDINATOR)->number = i;
    ck_assert_uint_eq(told.notice_count, EFFECTS_NOTICES_MAX);
    ck_assert_uint_eq(told.dropped, 10);
    for (uint64_t i = 0; i + 1 < EFFECTS_NOTICES_MAX; i++)
        ck_assert_uint_eq(told.notices[i].number, i);
    told_clear(&told);
    struct notice *n = told_notice(&told, NOTICE_FULL);
    ck_assert_uint_eq(told.notice_count, 1);
    ck_assert_int_eq(n->kind, NOTICE_FULL);
    ck_assert_uint_eq(n->slot, SLOT_NONE);
    ck_assert_uint_eq(n->number, 0);
}
END_TEST

Suite *suite_told(void)
{
    Suite *suite = suite_create("told");
    TCase *bounds = tcase_create("bounds");
    tcase_add_test(bounds, answers_come_in_order_until_full);
    tcase_add_test(bounds, notices_that_do_not_fit_are_counted);
    suite_add_tcase(suite, bounds);
    return suite;
}
