/*
 * The unit tests' runner. Every suite of this directory runs in one SRunner, so that the output
 * ends in Check's own closing line; with arguments, only the suites that they name; with
 * "--share K/N", each Nth of them from the Kth on, so that N runs share the work. The list is made
 * by tests/unit.mk from the files. Exit status 1 if a check failed, 64 if no suite has that name.
 */
#include <check.h>
#include <signal.h>
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

/*
 * Check writes where a test stands to a file with each assertion that holds, to say so if the test
 * crashes: a system call for each of millions. Here it is noted, and written by who crashes
 * (linked with --wrap=_mark_point, tests/unit.mk).
 */
void write_mark(const char *file, int line) __asm__("__real__mark_point");
void note_mark(const char *file, int line) __asm__("__wrap__mark_point");

static struct {
    const char *volatile file;
    volatile int line;
} mark;

void note_mark(const char *file, int line)
{
    mark.file = file;
    mark.line = line;
}

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { CRASHES = sizeof crashes / sizeof crashes[0] };
static struct sigaction before[CRASHES]; /* a sanitizer's */

/* It crashes again, in the same place, when this returns. */
static void crashed(int signo)
{
    if (mark.file)
        write_mark(mark.file, mark.line);
    for (size_t i = 0; i < CRASHES; i++)
        if (crashes[i] == signo)
            sigaction(signo, &before[i], NULL);
}

static void note_crashes(void)
{
    const struct sigaction noted = {.sa_handler = crashed};
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &noted, &before[i]);
}

void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must(%s) failed\n", file, line, condition);
    abort();
}

/* False if there is no suite of that name. */
static bool add(SRunner *runner, const char *name)
{
    for (size_t i = 0; i < SUITES; i++) {
        if (strcmp(suites[i].name, name) == 0) {
            srunner_add_suite(runner, suites[i].make());
            return true;
        }
    }
    return false;
}

/* `first` counts from 1. */
static void add_share(SRunner *runner, size_t first, size_t shares)
{
    for (size_t i = first - 1; i < SUITES; i += shares)
        srunner_add_suite(runner, suites[i].make());
}

static bool add_wanted(SRunner *runner, int argc, char **argv)
{
    size_t first = 1, shares = 1;
    if (argc == 3 && strcmp(argv[1], "--share") == 0) {
        if (sscanf(argv[2], "%zu/%zu", &first, &shares) != 2 || first < 1 || first > shares) {
            fprintf(stderr, "unit: --share takes K/N, with K from 1 to N\n");
            return false;
        }
        argc = 1;
    }
    for (int i = 1; i < argc; i++) {
        if (!add(runner, argv[i])) {
            fprintf(stderr, "unit: there is no suite \"%s\"\n", argv[i]);
            return false;
        }
    }
    if (argc == 1)
        add_share(runner, first, shares);
    return true;
}

int main(int argc, char **argv)
{
    setenv("CK_DEFAULT_TIMEOUT", TEST_LIMIT_SECONDS, 0); /* read by each tcase_create() */
    note_crashes();
    SRunner *runner = srunner_create(NULL);
    if (!add_wanted(runner, argc, argv)) {
        srunner_free(runner);
        return EXIT_USAGE;
    }
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
