/* The text of a hold: one spelling of it, and nothing else is read as one. */
#include <check.h>

#include "node/render.h"

Suite *suite_hold_text(void);

START_TEST(is_read_as_it_is_written)
{
    static const struct op_id ids[] = {
        {0, 0, 0}, {0, 1, 10}, {7, 12, 100}, {UINT16_MAX, UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct op_id id = {1, 1, 1};
        ck_assert(render_parse_hold(&id, render_hold(ids[i]).text));
        ck_assert(op_equal(id, ids[i]));
    }
    ck_assert_str_eq(render_hold(ids[2]).text, "7.12.100");
    ck_assert_str_eq(render_hold(ids[3]).text, "65535.18446744073709551615.18446744073709551615");
}
END_TEST

START_TEST(nothing_else_is_a_hold)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1.2",
                                        "1.2.",
                                        ".1.2",
                                        "1..2",
                                        "1.2.3.",
                                        "1.2.3.4",
                                        " 1.2.3",
                                        "1.2.3 ",
                                        "01.2.3",
                                        "1.02.3",
                                        "1.2.00",
                                        "+1.2.3",
                                        "-1.2.3",
                                        "1.2.0x3",
                                        "65536.1.1",
                                        "1.2.3\n",
                                        "1,2,3",
                                        "1.18446744073709551616.1",
                                        "1.1.99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct op_id id = {3, 4, 5};
        ck_assert_msg(!render_parse_hold(&id, texts[i]), "%s", texts[i]);
        ck_assert(op_equal(id, (struct op_id){3, 4, 5}));
    }
}
END_TEST

Suite *suite_hold_text(void)
{
    Suite *suite = suite_create("hold_text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, is_read_as_it_is_written);
    tcase_add_test(tcase, nothing_else_is_a_hold);
    suite_add_tcase(suite, tcase);
    return suite;
}
