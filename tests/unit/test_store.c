/*
 * The store on real files: what it called durable is read back, one sync serves many, a second
 * agent is kept out, and a failure is latched.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/store.h"
#include "proto/votelog.h"

Suite *suite_store(void);

enum { PATH_SIZE = 256, PAYLOAD = 100, NOBODY = 65534 };

static const struct store_id id = {{9, 8, 7, 6, 5, 4, 3, 2, 1}};
static char dir[PATH_SIZE];

static const char *path_of(const char *name)
{
    static char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void setup(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/holdfast-store-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    static const char *const names[] = {
        "votes.log",           "votes.new",       "lock",       "votes.log.damaged-1",
        "votes.log.damaged-2", "image/votes.log", "image/lock", "image/votes.new"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_of(names[i]));
    rmdir(path_of("image"));
    rmdir(dir);
}

/* The payload of record `lsn`: its number, then filler. */
static void add_record(struct writer *w, uint64_t lsn, uint64_t durable)
{
    uint8_t payload[PAYLOAD] = {0};
    struct writer p = writer_init(payload, sizeof payload);
    write_u64(&p, lsn * 31);
    votelog_record_encode(w, &id, lsn, durable, payload, sizeof payload);
}

/* Queues a segment whose snapshot is records first..base. */
static bool put_segment(struct store *store, uint64_t first, uint64_t base)
{
    static uint8_t bytes[64 * 1024];
    struct votelog_header header = {.store = id, .slot = 1, .first_lsn = first, .base_lsn = base};
    votelog_header_encode(bytes, &header);
    struct writer w = writer_init(bytes, sizeof bytes);
    w.at += VOTELOG_HEADER_SIZE;
    for (uint64_t lsn = first; lsn <= base; lsn++)
        add_record(&w, lsn, first - 1);
    ck_assert(!w.failed);
    return store_segment(store, bytes, writer_size(&w), base);
}

static bool put_record(struct store *store, uint64_t lsn, uint64_t durable, enum store_haste haste)
{
    uint8_t bytes[PAYLOAD + VOTELOG_RECORD_OVERHEAD];
    struct writer w = writer_init(bytes, sizeof bytes);
    add_record(&w, lsn, durable);
    ck_assert(!w.failed);
    return store_append(store, bytes, writer_size(&w), lsn, haste);
}

static struct store *open_in(const char *where, enum store_status expected, struct view *log)
{
    struct store_trouble trouble;
    struct store *store = NULL;
    ck_assert_int_eq(store_open(where, &trouble, &store, log), expected);
    return store;
}

/* Waits until the store is durable up to `lsn` or has failed. */
static struct store_news await(struct store *store, uint64_t lsn)
{
    struct store_news news;
    for (;;) {
        store_poll(store, &news);
        if (news.failed || news.durable_lsn >= lsn)
            return news;
        struct pollfd pfd = {.fd = store_event_fd(store), .events = POLLIN};
        ck_assert_int_eq(poll(&pfd, 1, -1), 1);
    }
}

static struct store_news await_written(struct store *store, uint64_t lsn)
{
    struct store_news news;
    for (;;) {
        store_poll(store, &news);
        if (news.written_lsn >= lsn || news.failed)
            return news;
        struct pollfd pfd = {.fd = store_event_fd(store), .events = POLLIN};
        ck_assert_int_eq(poll(&pfd, 1, -1), 1);
    }
}

/* A store whose first segment holds the snapshot 1..3, durable. */
static struct store *open_fresh(void)
{
    struct view log;
    struct store *store = open_in(dir, STORE_MISSING, &log);
    ck_assert_uint_eq(log.size, 0);
    ck_assert_uint_eq(store_capacity(store), 0);
    ck_assert(put_segment(store, 1, 3));
    ck_assert_uint_eq(await(store, 3).durable_lsn, 3);
    return store;
}

/* The last lsn of a log whose records are as add_record made them; `ended` says how it ended. */
static uint64_t last_of(struct view log, uint64_t first, enum votelog_verdict *ended)
{
    struct votelog_reader reader;
    struct votelog_record record = {.lsn = 0};
    ck_assert_int_eq(votelog_open(&reader, log.bytes, log.size), VOTELOG_RECORD);
    ck_assert_uint_eq(reader.header.first_lsn, first);
    uint64_t last = first - 1;
    while ((*ended = votelog_next(&reader, &record)) == VOTELOG_RECORD) {
        struct reader p = reader_init(record.payload.bytes, record.payload.size);
        ck_assert_uint_eq(record.lsn, last + 1);
        ck_assert_uint_eq(record.payload.size, PAYLOAD);
        ck_assert_uint_eq(read_u64(&p), record.lsn * 31);
        last = record.lsn;
    }
    return last;
}

/* Opens what is in `where`, expects a clean log of first..last, closes it. */
static void expect_log(const char *where, uint64_t first, uint64_t last)
{
    struct view log;
    enum votelog_verdict ended;
    struct store *store = open_in(where, STORE_OK, &log);
    ck_assert_uint_eq(last_of(log, first, &ended), last);
    ck_assert_int_eq(ended, VOTELOG_END);
    store_recovered(store);
    ck_assert(store_close(store));
}

START_TEST(append_and_reopen)
{
    struct store *store = open_fresh();
    ck_assert_uint_eq(store_capacity(store), STORE_CAPACITY_MIN);
    size_t used = store_used(store);
    for (uint64_t lsn = 4; lsn <= 20; lsn++) {
        ck_assert(put_record(store, lsn, lsn - 1, STORE_SYNCED));
        struct store_news news = await(store, lsn);
        ck_assert(!news.failed);
        ck_assert_uint_eq(news.durable_lsn, lsn);
    }
    ck_assert_uint_eq(store_used(store), used + 17 * (PAYLOAD + VOTELOG_RECORD_OVERHEAD));
    ck_assert(store_close(store));

    struct stat st;
    ck_assert_int_eq(stat(path_of("votes.log"), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(st.st_size, STORE_CAPACITY_MIN);
    expect_log(dir, 1, 20);
}
END_TEST

START_TEST(one_sync_serves_many)
{
    struct store *store = open_fresh();
    uint64_t syncs = await(store, 3).figures.syncs;
    for (uint64_t lsn = 4; lsn < 503; lsn++)
        ck_assert(put_record(store, lsn, 3, STORE_LATER));
    ck_assert(put_record(store, 503, 3, STORE_SYNCED));
    struct store_news news = await(store, 503);
    ck_assert_uint_eq(news.figures.appends, 500);
    ck_assert_uint_eq(news.figures.bytes, 500 * (PAYLOAD + VOTELOG_RECORD_OVERHEAD));
    ck_assert_uint_lt(news.figures.syncs - syncs, 500);
    ck_assert_uint_gt(news.figures.p50_us, 0);
    ck_assert_uint_ge(news.figures.p99_us, news.figures.p50_us);
    ck_assert(store_close(store));
    expect_log(dir, 1, 503);
}
END_TEST

/* Nobody asks for a sync, and yet it comes. */
START_TEST(lazy_appends_become_durable)
{
    struct store *store = open_fresh();
    ck_assert(put_record(store, 4, 3, STORE_LATER));
    ck_assert(put_record(store, 5, 3, STORE_LATER));
    ck_assert_uint_eq(await(store, 5).durable_lsn, 5);
    ck_assert(put_record(store, 6, 5, STORE_LATER));
    ck_assert(store_close(store));
    expect_log(dir, 1, 6);
}
END_TEST

/* It is in the file, and told; the sync comes with the next that somebody waits for, or late. */
START_TEST(written_is_told_before_it_is_durable)
{
    struct store *store = open_fresh();
    uint64_t syncs = await(store, 3).figures.syncs;
    ck_assert(put_record(store, 4, 3, STORE_WRITTEN));
    struct store_news news = await_written(store, 4);
    ck_assert_uint_eq(news.durable_lsn, 3);
    ck_assert(put_record(store, 5, 3, STORE_WRITTEN));
    ck_assert(put_record(store, 6, 3, STORE_SYNCED));
    news = await(store, 6);
    ck_assert_uint_eq(news.written_lsn, 6);
    ck_assert_uint_eq(news.figures.syncs, syncs + 1);
    ck_assert_uint_eq(news.figures.appends, 3);
    ck_assert(put_record(store, 7, 6, STORE_WRITTEN));
    ck_assert_uint_eq(await(store, 7).durable_lsn, 7);
    ck_assert(put_record(store, 8, 7, STORE_WRITTEN));
    ck_assert_uint_ge(await_written(store, 8).written_lsn, 8);
    ck_assert(store_close(store));
    expect_log(dir, 1, 8);
}
END_TEST

START_TEST(segments_take_their_place_in_order)
{
    struct store *store = open_fresh();
    ck_assert(put_record(store, 4, 3, STORE_SYNCED));
    ck_assert(put_record(store, 5, 3, STORE_LATER));
    ck_assert(put_segment(store, 6, 8));
    size_t used = store_used(store);
    ck_assert(put_record(store, 9, 3, STORE_LATER));
    ck_assert_uint_gt(store_used(store), used);
    ck_assert(put_record(store, 10, 3, STORE_SYNCED));
    struct store_news news = await(store, 10);
    ck_assert_uint_eq(news.durable_lsn, 10);
    ck_assert_uint_eq(news.figures.segments, 2);
    ck_assert_uint_eq(news.figures.appends, 4);
    ck_assert_int_ne(access(path_of("votes.new"), F_OK), 0);
    ck_assert(store_close(store));
    expect_log(dir, 6, 10);
}
END_TEST

START_TEST(large_segments_get_room)
{
    enum { SIZE = 5 * 1024 * 1024 };
    uint8_t *bytes = calloc(1, SIZE);
    struct store *store = open_fresh();
    ck_assert(store_segment(store, bytes, SIZE, 4));
    ck_assert_uint_eq(store_capacity(store), (size_t)SIZE * STORE_CAPACITY_FACTOR);
    ck_assert_uint_eq(await(store, 4).durable_lsn, 4);
    ck_assert(store_close(store));
    struct stat st;
    ck_assert_int_eq(stat(path_of("votes.log"), &st), 0);
    ck_assert_int_eq(st.st_size, SIZE * STORE_CAPACITY_FACTOR);
    free(bytes);
}
END_TEST

START_TEST(second_open_is_refused)
{
    struct store *store = open_fresh(), *second = NULL;
    struct store_trouble trouble;
    struct view log;
    char text[STORE_TEXT_SIZE], pid[16];
    enum store_status status = store_open(dir, &trouble, &second, &log);
    ck_assert_int_eq(status, STORE_LOCKED);
    ck_assert_ptr_null(second);
    ck_assert_int_eq(trouble.holder, getpid());
    store_status_text(text, sizeof text, status, &trouble, dir);
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    ck_assert_ptr_nonnull(strstr(text, dir));
    ck_assert_ptr_nonnull(strstr(text, pid));

    ck_assert(put_record(store, 4, 3, STORE_SYNCED)); /* the first goes on */
    ck_assert(store_close(store));
    expect_log(dir, 1, 4);
}
END_TEST

/* What a crash now would leave: the files as they are while the store is open. */
static void take_image(void)
{
    static uint8_t bytes[STORE_CAPACITY_MIN];
    int in = open(path_of("votes.log"), O_RDONLY);
    ck_assert_int_ge(in, 0);
    ck_assert_int_eq(read(in, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(in);
    if (mkdir(path_of("image"), 0700) != 0)
        ck_assert_int_eq(errno, EEXIST);
    int out = open(path_of("image/votes.log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(out, 0);
    ck_assert_int_eq(write(out, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    close(out);
}

START_TEST(crash_images_hold_what_was_durable)
{
    char image[PATH_SIZE + 8];
    snprintf(image, sizeof image, "%s/image", dir);
    struct store *store = open_fresh();
    take_image();
    expect_log(image, 1, 3);
    for (uint64_t lsn = 4; lsn <= 24; lsn += 4) {
        for (uint64_t i = 0; i < 4; i++)
            ck_assert(put_record(store, lsn + i, lsn - 1, i == 3 ? STORE_SYNCED : STORE_LATER));
        await(store, lsn + 3);
        take_image();
        expect_log(image, 1, lsn + 3);
    }
    ck_assert(put_segment(store, 28, 30));
    await(store, 30);
    take_image();
    expect_log(image, 28, 30);
    ck_assert(store_close(store));
}
END_TEST

/* Recovery from a torn tail begins a segment; the remains of the old one never come back. */
START_TEST(torn_tail_is_left_behind)
{
    struct store *store = open_fresh();
    for (uint64_t lsn = 4; lsn <= 9; lsn++)
        ck_assert(put_record(store, lsn, 3, lsn == 9 ? STORE_SYNCED : STORE_LATER));
    await(store, 9);
    ck_assert(store_close(store));
    int fd = open(path_of("votes.log"), O_RDWR);
    off_t seventh = VOTELOG_HEADER_SIZE + 6 * (PAYLOAD + VOTELOG_RECORD_OVERHEAD);
    ck_assert_int_eq(pwrite(fd, "\xff\xff\xff", 3, seventh + 30), 3);
    close(fd);
    fd = open(path_of("votes.new"), O_WRONLY | O_CREAT, 0600); /* a crash in mid-segment left it */
    ck_assert_int_eq(write(fd, "half", 4), 4);
    close(fd);

    struct view log;
    enum votelog_verdict ended;
    store = open_in(dir, STORE_OK, &log);
    ck_assert_uint_eq(last_of(log, 1, &ended), 6);
    ck_assert_int_eq(ended, VOTELOG_TORN);
    store_recovered(store);
    ck_assert(put_segment(store, 7, 8));
    ck_assert(put_record(store, 9, 8, STORE_SYNCED));
    ck_assert_uint_eq(await(store, 9).durable_lsn, 9);
    ck_assert(store_close(store));
    expect_log(dir, 7, 9);
}
END_TEST

START_TEST(first_write_must_be_a_segment)
{
    struct view log;
    struct store *store = open_in(dir, STORE_MISSING, &log);
    put_record(store, 4, 3, STORE_SYNCED); /* aborts: the capacity is 0 */
}
END_TEST

/* Checks that the store has failed for good with `error`, and closes it. */
static void expect_failed(struct store *store, int error, uint64_t durable)
{
    struct store_news news = await(store, UINT64_MAX);
    ck_assert(news.failed);
    ck_assert_int_eq(news.error, error);
    ck_assert_ptr_nonnull(news.failed_at);
    ck_assert_uint_eq(news.durable_lsn, durable);
    ck_assert(!put_record(store, 1000, 3, STORE_SYNCED));
    ck_assert(!put_segment(store, 1000, 1001));
    store_poll(store, &news);
    ck_assert_uint_eq(news.durable_lsn, durable);
    ck_assert_int_eq(news.error, error);
    ck_assert(!store_close(store));
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The snapshot is large, since the limit holds for the file of Check's own messages as well. */
START_TEST(full_disk_at_an_append)
{
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = open_fresh();
    ck_assert(put_segment(store, 4, 403));
    ck_assert(put_record(store, 404, 403, STORE_SYNCED));
    await(store, 404);
    limit_files(store_used(store));
    ck_assert(put_record(store, 405, 404, STORE_SYNCED));
    await(store, 405);
    limit_files(RLIM_INFINITY); /* room again, but a failure is for good */
    expect_failed(store, EFBIG, 404);
    expect_log(dir, 4, 404);
}
END_TEST

START_TEST(full_disk_at_a_segment)
{
    signal(SIGXFSZ, SIG_IGN);
    struct store *store = open_fresh();
    ck_assert(put_record(store, 4, 3, STORE_SYNCED));
    await(store, 4);
    limit_files(STORE_CAPACITY_MIN / 2);
    ck_assert(put_segment(store, 5, 7));
    await(store, 7);
    limit_files(RLIM_INFINITY);
    expect_failed(store, EFBIG, 4);
    ck_assert_int_ne(access(path_of("votes.new"), F_OK), 0);
    expect_log(dir, 1, 4); /* the old segment was not touched */
}
END_TEST

START_TEST(full_queue_fails)
{
    uint8_t *bytes = calloc(1, STORE_QUEUE_MAX + 1);
    struct store *store = open_fresh();
    ck_assert(!store_append(store, bytes, STORE_QUEUE_MAX + 1, 4, STORE_SYNCED));
    expect_failed(store, ENOBUFS, 3);
    free(bytes);
}
END_TEST

START_TEST(lost_directory_fails)
{
    struct store *store = open_fresh();
    unlink(path_of("votes.log"));
    unlink(path_of("lock"));
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert(put_segment(store, 4, 5));
    expect_failed(store, ENOENT, 3);
}
END_TEST

START_TEST(unwritable_directory)
{
    bool root = geteuid() == 0;
    ck_assert_int_eq(chmod(dir, 0500), 0);
    if (root)
        ck_assert(chown(dir, NOBODY, NOBODY) == 0 && seteuid(NOBODY) == 0);
    struct store_trouble trouble;
    struct store *store = NULL;
    struct view log;
    char text[STORE_TEXT_SIZE];
    enum store_status status = store_open(dir, &trouble, &store, &log);
    if (root)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(dir, 0700), 0);
    /* Below a $TMPDIR that only root may enter, the directory itself is out of reach. */
    ck_assert(status == STORE_UNREADABLE || (root && status == STORE_NO_DIR));
    ck_assert_int_eq(trouble.error, EACCES);
    store_status_text(text, sizeof text, status, &trouble, dir);
    ck_assert_ptr_nonnull(strstr(text, "Permission denied"));
}
END_TEST

static void expect_refused(const char *where, enum store_status expected, int error)
{
    struct store_trouble trouble;
    struct store *store = NULL;
    struct view log;
    char text[STORE_TEXT_SIZE];
    ck_assert_int_eq(store_open(where, &trouble, &store, &log), expected);
    ck_assert_ptr_null(store);
    ck_assert_int_eq(trouble.error, error);
    store_status_text(text, sizeof text, expected, &trouble, where);
    ck_assert_ptr_nonnull(strstr(text, where));
}

START_TEST(what_cannot_be_opened)
{
    char none[PATH_SIZE + 8];
    snprintf(none, sizeof none, "%s/none", dir);
    expect_refused(none, STORE_NO_DIR, ENOENT);

    chmod(dir, 0750);
    expect_refused(dir, STORE_EXPOSED, 0);
    chmod(dir, 0700);

    mkdir(path_of("votes.log"), 0700);
    expect_refused(dir, STORE_UNREADABLE, EINVAL);
    rmdir(path_of("votes.log"));
    ck_assert_int_eq(symlink("/dev/zero", path_of("votes.log")), 0);
    expect_refused(dir, STORE_UNREADABLE, ELOOP);

    /* The lock of an open that failed is free again. */
    unlink(path_of("votes.log"));
    ck_assert(store_close(open_fresh()));
}
END_TEST

static void write_file(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(damaged_logs_are_moved_aside)
{
    char name[STORE_NAME_SIZE], text[8] = {0};
    struct view log;
    write_file("votes.log", "second");
    write_file("votes.log.damaged-1", "first");
    struct store *store = open_in(dir, STORE_OK, &log);
    struct votelog_reader reader;
    ck_assert_int_eq(votelog_open(&reader, log.bytes, log.size), VOTELOG_NOT_A_STORE);
    store_recovered(store);
    ck_assert_int_eq(store_replace_lost(store, name), 0);
    ck_assert_str_eq(name, "votes.log.damaged-2");
    ck_assert_int_eq(store_replace_lost(store, name), ENOENT);
    ck_assert(put_segment(store, 1, 2));
    ck_assert(store_close(store));

    expect_log(dir, 1, 2);
    int fd = open(path_of("votes.log.damaged-1"), O_RDONLY);
    ck_assert_int_eq(read(fd, text, sizeof text - 1), 5);
    ck_assert_str_eq(text, "first");
    close(fd);
    fd = open(path_of("votes.log.damaged-2"), O_RDONLY);
    ck_assert_int_eq(read(fd, text, sizeof text - 1), 6);
    ck_assert_str_eq(text, "second");
    close(fd);
}
END_TEST

Suite *suite_store(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, append_and_reopen);
    tcase_add_test(tcase, one_sync_serves_many);
    tcase_add_test(tcase, lazy_appends_become_durable);
    tcase_add_test(tcase, written_is_told_before_it_is_durable);
    tcase_add_test(tcase, segments_take_their_place_in_order);
    tcase_add_test(tcase, large_segments_get_room);
    tcase_add_test(tcase, second_open_is_refused);
    tcase_add_test(tcase, crash_images_hold_what_was_durable);
    tcase_add_test(tcase, torn_tail_is_left_behind);
    tcase_add_test(tcase, full_disk_at_an_append);
    tcase_add_test(tcase, full_disk_at_a_segment);
    tcase_add_test(tcase, full_queue_fails);
    tcase_add_test(tcase, lost_directory_fails);
    tcase_add_test(tcase, unwritable_directory);
    tcase_add_test(tcase, what_cannot_be_opened);
    tcase_add_test(tcase, damaged_logs_are_moved_aside);
    suite_add_tcase(suite, tcase);

    TCase *bugs = tcase_create("bugs of the caller");
    tcase_add_unchecked_fixture(bugs, setup, teardown);
    tcase_add_test_raise_signal(bugs, first_write_must_be_a_segment, SIGABRT);
    suite_add_tcase(suite, bugs);
    return suite;
}
