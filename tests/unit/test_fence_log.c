/*
 * The fence log on real files: what was logged is read back after a restart, a torn tail is cut
 * off, a file that was altered is kept aside and told, a full disk ends the log and nothing else.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/fence_log.h"
#include "proto/limits.h"

Suite *suite_fence_log(void);

enum { PATH_SIZE = 256, SLOT = 5 };

static const struct cluster_id cluster = {{1, 2, 3}};
static char dir[PATH_SIZE];
static struct event_base *base;
static struct fence_log *log_;
static unsigned logged, troubles;
static char told[512];
static struct fence_check result;
static bool checked;

static const char *path_of(const char *name)
{
    static char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void on_logged(void *context)
{
    (void)context;
    logged++;
}

static void on_trouble(void *context, const char *text)
{
    (void)context;
    troubles++;
    snprintf(told, sizeof told, "%s", text);
}

static void open_log(void)
{
    struct fence_log_hooks hooks = {NULL, on_logged, on_trouble};
    log_ = fence_log_open(base, dir, &cluster, SLOT, &hooks);
}

static void close_log(void)
{
    fence_log_close(log_);
    log_ = NULL;
}

static void reopen(void)
{
    close_log();
    open_log();
}

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/holdfast-fence-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    base = event_base_new();
    logged = troubles = 0;
    told[0] = '\0';
    checked = false;
    open_log();
}

static void teardown(void)
{
    close_log();
    event_base_free(base);
    DIR *d = opendir(dir);
    const struct dirent *entry;
    while (d && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            unlink(path_of(entry->d_name));
    if (d)
        closedir(d);
    rmdir(dir);
}

/* A note that says `number`, with `filler` bytes behind it. */
static void add(unsigned number, size_t filler)
{
    char text[FENCE_STEP_TEXT_MAX];
    memset(text, 'x', sizeof text);
    int n = snprintf(text, sizeof text, "%u ", number);
    text[n] = 'x';
    struct fence_step step = {.kind = FENCE_STEP_NOTE,
                              .note = {.slot = 1, .life = 2, .by = SLOT_NONE}};
    step.note.text = (struct view){(const uint8_t *)text, (size_t)n + filler};
    fence_log_add(log_, &step);
}

static unsigned number_of(const struct fence_log_entry *entry)
{
    char text[16] = "";
    size_t size = entry->step.note.text.size;
    memcpy(text, entry->step.note.text.bytes, size < sizeof text - 1 ? size : sizeof text - 1);
    return entry->step.kind == FENCE_STEP_NOTE ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static size_t count_notes(void)
{
    struct fence_log_entry entry;
    uint64_t after = 0;
    size_t count = 0;
    while (fence_log_next(log_, after, &entry)) {
        ck_assert_uint_gt(entry.seq, after);
        after = entry.seq;
        count += entry.step.kind == FENCE_STEP_NOTE;
    }
    return count;
}

static void on_checked(void *context, const struct fence_check *check)
{
    (void)context;
    result = *check;
    checked = true;
}

static bool check_disk(void)
{
    checked = false;
    ck_assert_uint_ne(fence_log_check(log_, on_checked, NULL), 0);
    while (!checked)
        event_base_loop(base, EVLOOP_ONCE);
    return result.good;
}

static off_t size_of(const char *name)
{
    struct stat st;
    return stat(path_of(name), &st) == 0 ? st.st_size : -1;
}

static void flip(const char *name, off_t at)
{
    uint8_t byte;
    int fd = open(path_of(name), O_RDWR);
    ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

START_TEST(test_what_was_logged_is_there_after_a_restart)
{
    struct fence_log_entry entry;
    struct fence_log_figures f;
    for (unsigned i = 1; i <= 3; i++)
        add(i, 10);
    add(2, 10); /* the same again: left out */
    ck_assert_uint_eq(logged, 3);
    ck_assert(check_disk());
    ck_assert_uint_eq(result.last, 3);
    reopen();
    add(4, 0);
    for (unsigned i = 1; i <= 4; i++) {
        ck_assert(fence_log_next(log_, i - 1, &entry));
        ck_assert_uint_eq(entry.seq, i);
        ck_assert_uint_eq(number_of(&entry), i);
        ck_assert_uint_gt(entry.time_ms, 1500000000000);
    }
    ck_assert(!fence_log_next(log_, 4, &entry));
    ck_assert(!fence_log_next(log_, UINT64_MAX, &entry));
    fence_log_figures(log_, &f);
    ck_assert_uint_eq(f.first, 1);
    ck_assert_uint_eq(f.last, 4);
    ck_assert_uint_eq(f.lost, 0);
    ck_assert(!f.stopped && troubles == 0);
    ck_assert(check_disk());
}
END_TEST

START_TEST(test_a_torn_tail_is_cut_off_quietly)
{
    for (unsigned i = 1; i <= 3; i++)
        add(i, 10);
    close_log();
    off_t whole = size_of("fence.log");
    ck_assert_int_eq(truncate(path_of("fence.log"), whole - 7), 0);
    open_log();
    ck_assert_uint_eq(count_notes(), 2);
    add(9, 0);
    ck_assert(check_disk());
    reopen();
    ck_assert_uint_eq(count_notes(), 3);
    ck_assert_uint_eq(troubles, 0);
}
END_TEST

START_TEST(test_a_file_that_was_altered_is_kept_aside)
{
    struct fence_log_entry entry;
    for (unsigned i = 1; i <= 3; i++)
        add(i, 10);
    close_log();
    flip("fence.log", size_of("fence.log") - 40);
    open_log();
    ck_assert_uint_eq(troubles, 1);
    ck_assert_ptr_nonnull(strstr(told, "found broken"));
    ck_assert_int_gt(size_of("fence.log.broken-1"), 0);
    ck_assert_uint_eq(count_notes(), 0);
    ck_assert(fence_log_next(log_, 0, &entry)); /* it goes on behind the last good record */
    ck_assert_int_eq(entry.step.kind, FENCE_STEP_GAP);
    ck_assert_uint_eq(entry.seq, 3);
    add(4, 0);
    ck_assert(check_disk());
    reopen();
    ck_assert_uint_eq(troubles, 1);
    ck_assert_uint_eq(count_notes(), 1);
}
END_TEST

START_TEST(test_a_file_of_another_node_is_none_of_ours)
{
    add(1, 0);
    close_log();
    struct fence_log_hooks hooks = {NULL, on_logged, on_trouble};
    log_ = fence_log_open(base, dir, &cluster, SLOT + 1, &hooks);
    ck_assert_uint_eq(troubles, 1);
    ck_assert_uint_eq(count_notes(), 0);
    ck_assert_int_gt(size_of("fence.log.broken-1"), 0);
}
END_TEST

START_TEST(test_what_changes_under_the_agent_is_found)
{
    for (unsigned i = 1; i <= 3; i++)
        add(i, 10);
    ck_assert(check_disk());
    flip("fence.log", size_of("fence.log") - 40);
    ck_assert(!check_disk());
    ck_assert_ptr_nonnull(strstr(result.text, "fence.log"));
    flip("fence.log", size_of("fence.log") - 40);
    ck_assert(check_disk());
    /* A whole record less: nothing in the file shows it, but the agent knows what it wrote. */
    struct chain_record record;
    static uint8_t bytes[4096];
    int fd = open(path_of("fence.log"), O_RDWR);
    ssize_t size = read(fd, bytes, sizeof bytes);
    size_t at = CHAIN_HEADER_SIZE, last = at;
    while (at < (size_t)size && chain_peek(bytes, (size_t)size, at, &record)) {
        last = at;
        at += CHAIN_FRAME_SIZE + record.size + DIGEST_SIZE;
    }
    ck_assert_int_eq(ftruncate(fd, (off_t)last), 0);
    close(fd);
    ck_assert(!check_disk());
    ck_assert_ptr_nonnull(strstr(result.text, "it was cut"));
}
END_TEST

START_TEST(test_it_is_bounded_and_the_files_are_one_chain)
{
    struct fence_log_figures f;
    unsigned count = 3 * FENCE_LOG_FILE_MAX / 2000;
    for (unsigned i = 1; i <= count; i++) {
        add(i, 1900);
        if (i % 50 == 0)
            ck_assert(check_disk()); /* the queue is bounded, too */
    }
    ck_assert(check_disk());
    ck_assert_int_le(size_of("fence.log"), FENCE_LOG_FILE_MAX);
    ck_assert_int_gt(size_of("fence.log.old"), FENCE_LOG_FILE_MAX - 4096);
    fence_log_figures(log_, &f);
    ck_assert_uint_eq(f.last, count);
    ck_assert_uint_gt(f.first, 1);
    ck_assert_uint_eq(f.lost, 0);
    ck_assert_uint_eq(count_notes(), f.last - f.first + 1);
    reopen();
    ck_assert_uint_eq(count_notes(), f.last - f.first + 1);
    ck_assert(check_disk());
    ck_assert_uint_eq(result.first, f.first);
    flip("fence.log.old", 5000);
    ck_assert(!check_disk());
    close_log();
    open_log();
    ck_assert_uint_eq(troubles, 1);
    ck_assert(check_disk());
}
END_TEST

START_TEST(test_a_crash_while_files_change_places)
{
    for (unsigned i = 1; i <= 3; i++)
        add(i, 10);
    close_log();
    char from[2 * PATH_SIZE];
    snprintf(from, sizeof from, "%s", path_of("fence.log"));
    ck_assert_int_eq(rename(from, path_of("fence.log.old")), 0);
    open_log();
    add(4, 0);
    ck_assert_uint_eq(count_notes(), 4);
    ck_assert(check_disk());
    ck_assert_uint_eq(result.first, 1);
    ck_assert_uint_eq(result.last, 4);
    ck_assert_uint_eq(troubles, 0);
}
END_TEST

START_TEST(test_a_full_disk_ends_the_log_alone)
{
    struct fence_log_figures f;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    add(1, 10);
    ck_assert(check_disk());
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = (rlim_t)size_of("fence.log") + 10;
    /* No assertion while it holds: the runner keeps a file of its own. */
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    add(2, 100);
    while (troubles == 0)
        event_base_loop(base, EVLOOP_ONCE);
    add(3, 10);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    fence_log_figures(log_, &f);
    ck_assert_ptr_nonnull(strstr(told, "not written any more"));
    ck_assert(f.stopped);
    ck_assert_uint_ge(f.lost, 1);
    ck_assert_uint_eq(troubles, 1);
    reopen(); /* what was written half is a torn tail */
    ck_assert_uint_eq(count_notes(), 1);
    add(4, 10);
    ck_assert(check_disk());
}
END_TEST

START_TEST(test_without_a_directory_steps_are_counted)
{
    struct fence_log_hooks hooks = {NULL, on_logged, on_trouble};
    struct fence_log_figures f;
    struct fence_log_entry entry;
    close_log();
    log_ = fence_log_open(base, path_of("nowhere"), &cluster, SLOT, &hooks);
    ck_assert_uint_eq(troubles, 1);
    add(1, 0);
    fence_log_figures(log_, &f);
    ck_assert(f.stopped);
    ck_assert_uint_eq(f.lost, 1);
    ck_assert_uint_eq(fence_log_check(log_, on_checked, NULL), 0);
    ck_assert(!fence_log_next(log_, 0, &entry));
}
END_TEST

Suite *suite_fence_log(void)
{
    Suite *suite = suite_create("fence_log");
    TCase *tests = tcase_create("fence_log");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_what_was_logged_is_there_after_a_restart);
    tcase_add_test(tests, test_a_torn_tail_is_cut_off_quietly);
    tcase_add_test(tests, test_a_file_that_was_altered_is_kept_aside);
    tcase_add_test(tests, test_a_file_of_another_node_is_none_of_ours);
    tcase_add_test(tests, test_what_changes_under_the_agent_is_found);
    tcase_add_test(tests, test_it_is_bounded_and_the_files_are_one_chain);
    tcase_add_test(tests, test_a_crash_while_files_change_places);
    tcase_add_test(tests, test_a_full_disk_ends_the_log_alone);
    tcase_add_test(tests, test_without_a_directory_steps_are_counted);
    suite_add_tcase(suite, tests);
    return suite;
}
