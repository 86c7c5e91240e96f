/*
 * The unit tests' runner. Every suite of this directory runs in one SRunner, so that the output
 * ends in Check's own closing line; with arguments, only the suites that they name. The list is
 * made by tests/unit.mk from the files. Exit status 1 if a check failed, 64 if no suite has that
 * name.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/must.h"

#define SUITE(name) Suite *suite_##name(void);
#include "suites.h"
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, suite_##name},
#include "suites.h"
#undef SUITE
};

enum { SUITES = sizeof suites / sizeof suites[0], EXIT_USAGE = 64 };

/* Ends a test that hangs. Check's own four seconds would measure how busy the machine is. */
#define TEST_LIMIT_SECONDS "300"

void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must(%s) failed\n", file, line, condition);
    abort();
}

/* Adds the suite of that name, or all of them for NULL. False if there is none. */
static bool add(SRunner *runner, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < SUITES; i++) {
        if (name && strcmp(suites[i].name, name) != 0)
            continue;
        srunner_add_suite(runner, suites[i].make());
        found = true;
    }
    return found;
}

int main(int argc, char **argv)
{
    setenv("CK_DEFAULT_TIMEOUT", TEST_LIMIT_SECONDS, 0); /* read by each tcase_create() */
    SRunner *runner = srunner_create(NULL);
    for (int i = 1; i < argc; i++) {
        if (!add(runner, argv[i])) {
            fprintf(stderr, "unit: there is no suite \"%s\"\n", argv[i]);
            srunner_free(runner);
            return EXIT_USAGE;
        }
    }
    if (argc == 1)
        add(runner, NULL);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
