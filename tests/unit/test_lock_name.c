/* Names of locks: 1 to LOCK_NAME_MAX bytes of UTF-8 (RFC 3629) without control characters. */
#include <check.h>
#include <stdlib.h>

#include "proto/lock.h"

Suite *suite_lock_name(void);

static const struct {
    const char *bytes;
    bool valid;
} names[] = {
    {"image", true},
    {"a", true},
    {" spaces and / slashes ", true},
    {"", false},
    {"\x1f", false}, /* C0 controls and DEL */
    {"a\tb", false},
    {"\x7f", false},
    {"\x80", false}, /* a continuation byte alone */
    {"\xbf", false},
    {"\xc0\x80", false}, /* overlong */
    {"\xc1\xbf", false},
    {"\xc2\x80", false}, /* U+0080..U+009F: C1 controls */
    {"\xc2\x9f", false},
    {"\xc2\xa0", true},
    {"\xc3\xbc", true},
    {"\xdf\xbf", true},
    {"\xc3", false}, /* cut */
    {"\xc3\x28", false},
    {"\xe0\x80\x80", false}, /* overlong */
    {"\xe0\x9f\xbf", false},
    {"\xe0\xa0\x80", true},
    {"\xe2\x82\xac", true},
    {"\xe2\x82", false},
    {"\xe2\x28\xa1", false},
    {"\xe2\x82\x28", false},
    {"\xed\x9f\xbf", true},
    {"\xed\xa0\x80", false}, /* surrogates */
    {"\xed\xbf\xbf", false},
    {"\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x80\x80\x80", false}, /* overlong */
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf0\x90\x80\x80", true},
    {"\xf0\x9f\x94\x92", true},
    {"\xf0\x9f\x94", false},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xfe", false},
    {"\xff", false},
    {"ok\xc3\xbc\xff", false},
};

/* loop test: _i is the row. Alone, between others, and at the very end of its memory. */
START_TEST(names_are_utf8)
{
    size_t size = strlen(names[_i].bytes);
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, names[_i].bytes, size);
    uint8_t *tight = realloc(exact, size ? size : 1);
    ck_assert_int_eq(lock_name_valid((struct view){tight, size}), names[_i].valid);
    uint8_t longer[32] = "x";
    memcpy(longer + 1, tight, size);
    longer[size + 1] = 'y';
    if (size)
        ck_assert_int_eq(lock_name_valid((struct view){longer, size + 2}), names[_i].valid);
    free(tight);
}
END_TEST

START_TEST(names_have_a_length)
{
    uint8_t name[LOCK_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    ck_assert(lock_name_valid((struct view){name, LOCK_NAME_MAX}));
    ck_assert(!lock_name_valid((struct view){name, LOCK_NAME_MAX + 1}));
    name[3] = '\0';
    ck_assert(!lock_name_valid((struct view){name, 5}));
}
END_TEST

Suite *suite_lock_name(void)
{
    Suite *suite = suite_create("lock_name");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, names_are_utf8, 0, sizeof names / sizeof names[0]);
    tcase_add_test(all, names_have_a_length);
    suite_add_tcase(suite, all);
    return suite;
}
