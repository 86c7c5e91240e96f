/* Memory by the page: what is given back reads as before. */
#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "node/pages.h"

Suite *suite_pages(void);

enum { PAGES = 1500 }; /* more than are looked at at once */

START_TEST(only_zeros_are_given_back)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = PAGES * page - 100, kept = 0, changed = 0;
    unsigned char present[PAGES];
    unsigned char *memory = pages_get(size);
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0, size);
    for (size_t at = 0; at < size; at += 100 * page)
        memory[at + at / 100 % page] = 1;
    pages_trim(memory, size);
    ck_assert_int_eq(mincore(memory, size, present), 0);
    for (size_t i = 0; i < PAGES; i++)
        kept += present[i] & 1;
    ck_assert_uint_eq(kept, PAGES / 100 + 1); /* and the last, which is not whole */
    for (size_t at = 0; at < size; at++) {
        size_t start = at / (100 * page) * 100 * page;
        changed += memory[at] != (at == start + start / 100 % page);
    }
    ck_assert_uint_eq(changed, 0);
    memory[size - 1] = 2;
    pages_put(memory, size);
}
END_TEST

Suite *suite_pages(void)
{
    Suite *suite = suite_create("pages");
    TCase *tcase = tcase_create("trim");
    tcase_add_test(tcase, only_zeros_are_given_back);
    suite_add_tcase(suite, tcase);
    return suite;
}
