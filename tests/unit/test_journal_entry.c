/* The journal's entries: fields out of a line. */
#include <check.h>
#include <string.h>

#include "node/journal_entry.h"

Suite *suite_journal_entry(void);

static char entry[JOURNAL_ENTRY_SIZE + 1];

static void make(const char *event, const char *pairs)
{
    entry[journal_entry(entry, 4, "holdfastd", event, pairs)] = '\0';
}

START_TEST(fields)
{
    make("stop-waits", "signal=15 lock=\"a \\\"b\\\" \\\\ c\" why=\"two words\" with-dash=x");
    ck_assert_str_eq(entry, "MESSAGE=stop-waits signal=15 lock=\"a \\\"b\\\" \\\\ c\" "
                            "why=\"two words\" with-dash=x\n"
                            "PRIORITY=4\n"
                            "SYSLOG_IDENTIFIER=holdfastd\n"
                            "HOLDFAST_EVENT=stop-waits\n"
                            "HOLDFAST_SIGNAL=15\n"
                            "HOLDFAST_LOCK=a \"b\" \\ c\n"
                            "HOLDFAST_WHY=two words\n"
                            "HOLDFAST_WITH_DASH=x\n");
}
END_TEST

START_TEST(what_is_no_pair)
{
    make("started", "");
    ck_assert_str_eq(entry, "MESSAGE=started \nPRIORITY=4\nSYSLOG_IDENTIFIER=holdfastd\n"
                            "HOLDFAST_EVENT=started\n");
    make("x", "words =y Key=z open=\"no end");
    ck_assert_ptr_nonnull(strstr(entry, "MESSAGE=x words =y Key=z open=\"no end\n"));
    ck_assert_ptr_null(strstr(entry, "HOLDFAST_KEY"));
    ck_assert_ptr_null(strstr(entry, "HOLDFAST_WORDS"));
    ck_assert_ptr_nonnull(strstr(entry, "HOLDFAST_OPEN=no end\n"));
}
END_TEST

/* No text can begin a field of its own. */
START_TEST(no_forged_field)
{
    make("x", "lock=\"a\nPRIORITY=0\" b=1");
    ck_assert_ptr_null(strstr(entry, "\nPRIORITY=0"));
    ck_assert_ptr_nonnull(strstr(entry, "HOLDFAST_B=1\n"));
}
END_TEST

START_TEST(what_does_not_fit)
{
    static char pairs[2 * JOURNAL_ENTRY_SIZE];
    memset(pairs, 'a', sizeof pairs - 1);
    static const char first[] = "long=", second[] = " b=1 ";
    memcpy(pairs, first, sizeof first - 1);
    memcpy(pairs + 2000, second, sizeof second - 1);
    make("x", pairs);
    ck_assert_uint_lt(strlen(entry), JOURNAL_ENTRY_SIZE);
    ck_assert_int_eq(entry[strlen(entry) - 1], '\n');
    ck_assert_ptr_null(strstr(entry, "MESSAGE="));
    ck_assert_ptr_nonnull(strstr(entry, "HOLDFAST_B=1\n"));
}
END_TEST

Suite *suite_journal_entry(void)
{
    Suite *s = suite_create("journal_entry");
    TCase *t = tcase_create("journal_entry");
    tcase_add_test(t, fields);
    tcase_add_test(t, what_is_no_pair);
    tcase_add_test(t, no_forged_field);
    tcase_add_test(t, what_does_not_fit);
    suite_add_tcase(s, t);
    return s;
}
