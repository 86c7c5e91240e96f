/*
 * The vote log's file and its sync thread: see store.h.
 *
 * Two batches of fixed size change places: the loop fills `filling` under the mutex while the
 * thread writes `writing` without it. So the mutex is never held over a system call that may wait,
 * and the number of records in one sync follows from the disk's own speed: what came in while the
 * last sync ran shares the next.
 *
 *   loop    append append append        append ...
 *   thread        [pwrite fdatasync 1][pwrite fdatasync 2, 3]
 *
 * A batch holds at most one segment, with the appends before and after it. That is enough: a fresh
 * segment has room for more than a full queue, so the next one is not wanted while it still waits.
 */
#include "node/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/thread.h"
#include "node/write_whole.h"
#include "proto/must.h"
#include "proto/votelog.h"

enum {
    FILE_MAX = 1024 * 1024 * 1024, /* a votes.log beyond this is not ours to read */
    DAMAGED_MAX = 1000,            /* names tried for a damaged log */
    BUCKETS = 32,                  /* bucket i counts syncs below 2^i us; the last takes the rest */
    HISTOGRAM_MAX = 1000,          /* syncs counted before all buckets are halved */
    ZEROS_AHEAD = 128 * 1024       /* written before the records get there */
};

_Static_assert(STORE_QUEUE_MAX <=
                   STORE_CAPACITY_MIN / STORE_CAPACITY_FACTOR * (STORE_CAPACITY_FACTOR - 1),
               "a fresh segment has room for a full queue");
_Static_assert((size_t)STORE_SEGMENT_MAX *STORE_CAPACITY_FACTOR <= FILE_MAX,
               "what is written can be read");

static const char LOG[] = "votes.log";
static const char LOG_NEW[] = "votes.new";
static const char LOCK[] = "lock";

struct batch {
    uint8_t *bytes; /* room for STORE_QUEUE_MAX; pages that are not used cost nothing */
    size_t size;
    uint64_t lsn;           /* of the last append */
    uint64_t appends;       /* calls */
    enum store_haste haste; /* of the most urgent append */
    bool awaited;           /* somebody waits for it to be written */
    struct timespec due; /* CLOCK_MONOTONIC: when appends that nobody waits for are synced anyway */
    uint8_t *segment;    /* NULL if none */
    size_t segment_size;
    uint64_t segment_lsn;
    size_t split;           /* appends up to here belong to the old segment */
    uint64_t split_lsn;     /* of the last of those */
    uint64_t split_appends; /* calls among those */
};

/* What is in the file and not synced. */
struct written {
    size_t bytes; /* 0: nothing is */
    uint64_t lsn;
    uint64_t appends;
    struct timespec due;
};

struct store {
    /* Fixed while open. */
    int dir_fd;
    int lock_fd;
    int event_fd;
    pthread_t thread;

    /* The loop's. */
    uint8_t *recovered; /* what store_open read, until store_recovered */
    size_t used;        /* of the newest segment, queued bytes included */
    size_t capacity;    /* 0 until the first segment was queued */
    uint64_t last_lsn;  /* highest that was queued */

    /* The thread's. */
    int log_fd; /* -1 until the first segment is written */
    size_t log_end;
    size_t log_zeroed;      /* bytes of it up to here were written, records or zeros */
    size_t log_size;        /* preallocated */
    struct written written; /* and not synced yet */
    bool broken;            /* a write or sync failed: nothing is written any more */

    /* Shared, under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct batch *filling;
    struct batch *writing; /* the thread's between two swaps */
    struct batch batches[2];
    bool closing;
    bool asleep; /* the thread waits for as long as nothing comes */
    struct store_news news;
    uint32_t histogram[BUCKETS];
    uint32_t histogram_total;
};

static uint32_t micros_between(const struct timespec *a, const struct timespec *b)
{
    int64_t us = (int64_t)(b->tv_sec - a->tv_sec) * 1000000 + (b->tv_nsec - a->tv_nsec) / 1000;
    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* Halving keeps the figures about the recent past without keeping the values. */
static void histogram_add(struct store *store, uint32_t us)
{
    int bucket = us == 0 ? 0 : 32 - __builtin_clz(us);
    store->histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (++store->histogram_total < HISTOGRAM_MAX)
        return;
    store->histogram_total = 0;
    for (int i = 0; i < BUCKETS; i++) {
        store->histogram[i] /= 2;
        store->histogram_total += store->histogram[i];
    }
}

static uint32_t histogram_percentile(const struct store *store, uint32_t percent)
{
    uint64_t wanted = (uint64_t)store->histogram_total * percent;
    uint64_t seen = 0;
    for (int i = 0; i < BUCKETS && store->histogram_total > 0; i++) {
        seen += store->histogram[i];
        if (seen * 100 >= wanted)
            return UINT32_C(1) << i;
    }
    return 0;
}

/* With the mutex held. The first failure is the one that is told. */
static void fail_locked(struct store *store, const char *at, int error)
{
    if (!store->news.failed) {
        store->news.failed = true;
        store->news.failed_at = at;
        store->news.error = error;
    }
    eventfd_write(store->event_fd, 1);
}

/* The thread's way to fail; false, so that callers can return it. */
static bool fail(struct store *store, const char *at, int error)
{
    store->broken = true;
    pthread_mutex_lock(&store->mutex);
    fail_locked(store, at, error);
    pthread_mutex_unlock(&store->mutex);
    return false;
}

/*
 * Zeros are written some way ahead of the records, where the file holds nothing but zeros anyway:
 * the first write to a page that was only preallocated changes the file's extents too, and each
 * sync after it would have to write those as well.
 */
static int write_zeros(struct store *store, size_t end)
{
    static const uint8_t zeros[ZEROS_AHEAD];
    size_t ahead = end + ZEROS_AHEAD < store->log_size ? end + ZEROS_AHEAD : store->log_size;
    if (end <= store->log_zeroed || ahead <= end)
        return 0;
    store->log_zeroed = ahead;
    return write_whole(store->log_fd, zeros, ahead - end, end);
}

/* Puts records behind the current segment's last. */
static bool write_records(struct store *store, const uint8_t *bytes, size_t size, uint64_t lsn,
                          uint64_t appends)
{
    if (size == 0)
        return true;
    int error = write_whole(store->log_fd, bytes, size, store->log_end);
    if (error == 0)
        error = write_zeros(store, store->log_end + size);
    if (error != 0)
        return fail(store, "write votes.log", error);
    store->log_end += size;
    store->written.bytes += size;
    store->written.lsn = lsn;
    store->written.appends += appends;
    return true;
}

/* There is news. Without the mutex: whoever is woken by it takes that first. */
static void unlock_and_tell(struct store *store)
{
    pthread_mutex_unlock(&store->mutex);
    eventfd_write(store->event_fd, 1);
}

static void tell_written(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->news.written_lsn = store->written.lsn;
    unlock_and_tell(store);
}

/* Syncs what was written, and says so (L6). */
static bool sync_records(struct store *store)
{
    if (store->written.bytes == 0)
        return true;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if (fdatasync(store->log_fd) != 0)
        return fail(store, "fdatasync votes.log", errno);
    clock_gettime(CLOCK_MONOTONIC, &after);

    pthread_mutex_lock(&store->mutex);
    struct store_figures *figures = &store->news.figures;
    figures->last_us = micros_between(&before, &after);
    histogram_add(store, figures->last_us);
    histogram_add_us(&figures->sync_times, figures->last_us);
    figures->syncs++;
    figures->appends += store->written.appends;
    figures->bytes += store->written.bytes;
    store->news.durable_lsn = store->news.written_lsn = store->written.lsn;
    unlock_and_tell(store);
    store->written = (struct written){0};
    return true;
}

static size_t capacity_for(size_t size)
{
    size_t wanted = size * STORE_CAPACITY_FACTOR;
    return wanted > STORE_CAPACITY_MIN ? wanted : STORE_CAPACITY_MIN;
}

/* votes.new, whole and synced; its descriptor, or -1 and what failed. */
static int write_new_segment(struct store *store, const uint8_t *bytes, size_t size)
{
    int fd =
        openat(store->dir_fd, LOG_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail(store, "create votes.new", errno);
        return -1;
    }
    /* Space is taken now, so that a full disk fails here and not at a vote. */
    int error = posix_fallocate(fd, 0, (off_t)capacity_for(size));
    if (error != 0) {
        fail(store, "allocate votes.new", error);
        goto out;
    }
    error = write_whole(fd, bytes, size, 0);
    if (error != 0) {
        fail(store, "write votes.new", error);
        goto out;
    }
    if (fdatasync(fd) != 0) {
        fail(store, "fdatasync votes.new", errno);
        goto out;
    }
    return fd;
out:
    close(fd);
    unlinkat(store->dir_fd, LOG_NEW, 0); /* gives a full disk its space back */
    return -1;
}

static bool switch_segment(struct store *store, const struct batch *batch)
{
    int fd = write_new_segment(store, batch->segment, batch->segment_size);
    if (fd < 0)
        return false;
    if (store->log_fd >= 0)
        close(store->log_fd);
    store->log_fd = fd;
    store->log_end = store->log_zeroed = batch->segment_size;
    store->log_size = capacity_for(batch->segment_size);
    if (renameat(store->dir_fd, LOG_NEW, store->dir_fd, LOG) != 0)
        return fail(store, "rename votes.new", errno);
    if (fsync(store->dir_fd) != 0)
        return fail(store, "fsync the directory of votes.log", errno);

    pthread_mutex_lock(&store->mutex);
    store->news.figures.syncs++;
    store->news.figures.segments++;
    store->news.durable_lsn = store->news.written_lsn = batch->segment_lsn;
    unlock_and_tell(store);
    return true;
}

/* Records alone: they may stay in the page cache, if nobody waits for more. */
static bool write_appends(struct store *store, const struct batch *batch)
{
    if (store->written.bytes == 0)
        store->written.due = batch->due;
    if (!write_records(store, batch->bytes, batch->size, batch->lsn, batch->appends))
        return false;
    if (batch->awaited)
        tell_written(store);
    return batch->haste < STORE_SYNCED || sync_records(store);
}

/* In the order in which it was queued: the old segment's records, the new segment, its records. */
static bool write_batch(struct store *store, const struct batch *batch)
{
    if (!batch->segment)
        return write_appends(store, batch);
    return write_records(store, batch->bytes, batch->split, batch->split_lsn,
                         batch->split_appends) &&
           sync_records(store) && switch_segment(store, batch) &&
           write_records(store, batch->bytes + batch->split, batch->size - batch->split, batch->lsn,
                         batch->appends - batch->split_appends) &&
           sync_records(store);
}

static void batch_clear(struct batch *batch)
{
    free(batch->segment);
    *batch = (struct batch){.bytes = batch->bytes};
}

static struct timespec lazy_due(void)
{
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_sec += STORE_LAZY_MS / 1000;
    return due;
}

/* With the mutex held. Nothing is there: the thread looks again by itself, so that appends that
 * nobody waits for need not wake it, and sleeps for longer only once it found nothing. */
static void wait_for_any(struct store *store)
{
    struct timespec due = lazy_due();
    while (!store->closing && store->filling->haste == STORE_LATER && store->filling->size == 0) {
        if (store->asleep)
            pthread_cond_wait(&store->wake, &store->mutex);
        else
            store->asleep = pthread_cond_timedwait(&store->wake, &store->mutex, &due) != 0;
    }
    store->asleep = false;
}

/* With the mutex held. False: there is nothing to write or sync and there will not be. */
static bool wait_for_work(struct store *store)
{
    bool unsynced = store->written.bytes > 0 && !store->broken;
    while (!store->closing && store->filling->haste == STORE_LATER) {
        const struct timespec *due = unsynced ? &store->written.due : &store->filling->due;
        if (store->filling->size == 0 && !unsynced)
            wait_for_any(store);
        else if (pthread_cond_timedwait(&store->wake, &store->mutex, due) != 0)
            store->filling->haste = STORE_SYNCED;
    }
    if (store->closing)
        store->filling->haste = STORE_SYNCED;
    return store->filling->size > 0 || store->filling->segment || unsynced;
}

static void *sync_thread(void *argument)
{
    struct store *store = argument;
    pthread_mutex_lock(&store->mutex);
    while (wait_for_work(store)) {
        struct batch *batch = store->filling;
        store->filling = store->writing;
        store->writing = batch;
        pthread_mutex_unlock(&store->mutex);
        if (!store->broken)
            write_batch(store, batch);
        batch_clear(batch);
        pthread_mutex_lock(&store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

bool store_append(struct store *store, const void *bytes, size_t size, uint64_t lsn,
                  enum store_haste haste)
{
    bool taken = false, wakes = false;
    pthread_mutex_lock(&store->mutex);
    struct batch *batch = store->filling;
    if (store->news.failed)
        goto out;
    must(size > 0 && lsn > store->last_lsn);
    must(store->used + size <= store->capacity);
    if (size > STORE_QUEUE_MAX - batch->size) {
        fail_locked(store, "queue for votes.log", ENOBUFS);
        goto out;
    }
    if (batch->size == 0)
        batch->due = lazy_due();
    memcpy(batch->bytes + batch->size, bytes, size);
    batch->size += size;
    batch->lsn = lsn;
    batch->appends++;
    batch->awaited |= haste == STORE_WRITTEN;
    /* Records that nobody waits for must not fill the queue either. */
    if (batch->size > STORE_QUEUE_MAX / 2)
        haste = STORE_SYNCED;
    if (haste > batch->haste)
        batch->haste = haste;
    wakes = store->asleep || batch->haste > STORE_LATER;
    store->used += size;
    store->last_lsn = lsn;
    taken = true;
out:
    pthread_mutex_unlock(&store->mutex);
    if (wakes) /* without the mutex, which the thread takes first */
        pthread_cond_signal(&store->wake);
    return taken;
}

bool store_segment(struct store *store, const void *bytes, size_t size, uint64_t lsn)
{
    must(size >= VOTELOG_HEADER_SIZE && size <= STORE_SEGMENT_MAX);
    uint8_t *copy = malloc(size);
    if (copy)
        memcpy(copy, bytes, size);

    bool taken = false;
    pthread_mutex_lock(&store->mutex);
    struct batch *batch = store->filling;
    if (store->news.failed)
        goto out;
    if (!copy) {
        fail_locked(store, "memory for votes.new", ENOMEM);
        goto out;
    }
    must(lsn >= store->last_lsn);
    must(!batch->segment); /* a fresh segment has room for a full queue */
    batch->segment = copy;
    batch->segment_size = size;
    batch->segment_lsn = lsn;
    batch->split = batch->size;
    batch->split_lsn = batch->lsn;
    batch->split_appends = batch->appends;
    batch->haste = STORE_SYNCED;
    pthread_cond_signal(&store->wake);
    store->used = size;
    store->capacity = capacity_for(size);
    store->last_lsn = lsn;
    taken = true;
out:
    pthread_mutex_unlock(&store->mutex);
    if (!taken)
        free(copy);
    return taken;
}

size_t store_used(const struct store *store)
{
    return store->used;
}

size_t store_capacity(const struct store *store)
{
    return store->capacity;
}

int store_event_fd(const struct store *store)
{
    return store->event_fd;
}

void store_poll(struct store *store, struct store_news *out)
{
    eventfd_t ignored;
    pthread_mutex_lock(&store->mutex);
    eventfd_read(store->event_fd, &ignored);
    *out = store->news;
    out->figures.p50_us = histogram_percentile(store, 50);
    out->figures.p99_us = histogram_percentile(store, 99);
    pthread_mutex_unlock(&store->mutex);
}

static enum store_status trouble_at(struct store_trouble *trouble, enum store_status status,
                                    const char *what, int error)
{
    trouble->what = what;
    trouble->error = error;
    return status;
}

static enum store_status open_dir(struct store *store, const char *dir,
                                  struct store_trouble *trouble)
{
    struct stat st;
    store->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->dir_fd < 0 || fstat(store->dir_fd, &st) != 0)
        return trouble_at(trouble, STORE_NO_DIR, "directory", errno);
    if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
        return trouble_at(trouble, STORE_EXPOSED, "directory", 0);
    return STORE_OK;
}

/* The pid is for people; what excludes a second agent is the flock, which dies with its process. */
static enum store_status take_lock(struct store *store, struct store_trouble *trouble)
{
    char pid[16];
    int size;
    store->lock_fd = openat(store->dir_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return trouble_at(trouble, STORE_UNREADABLE, LOCK, errno);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        if (error != EWOULDBLOCK)
            return trouble_at(trouble, STORE_UNREADABLE, LOCK, error);
        ssize_t n = pread(store->lock_fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        trouble->holder = (int)strtol(pid, NULL, 10);
        return trouble_at(trouble, STORE_LOCKED, LOCK, error);
    }
    size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(store->lock_fd, 0) != 0 || pwrite(store->lock_fd, pid, (size_t)size, 0) != size)
        return trouble_at(trouble, STORE_UNREADABLE, LOCK, errno);
    return STORE_OK;
}

/* Read and not mapped: a bad sector is an errno here and would be a SIGBUS there. */
static enum store_status read_log(struct store *store, struct store_trouble *trouble,
                                  struct view *log)
{
    struct stat st;
    enum store_status status = STORE_UNREADABLE;
    trouble->what = LOG;
    int fd = openat(store->dir_fd, LOG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        trouble->error = errno;
        return errno == ENOENT ? STORE_MISSING : STORE_UNREADABLE;
    }
    if (fstat(fd, &st) != 0)
        goto out;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
        goto out;
    }
    store->recovered = malloc((size_t)st.st_size + 1);
    if (!store->recovered)
        goto out;
    size_t size = 0;
    while (size < (size_t)st.st_size) {
        ssize_t n = read(fd, store->recovered + size, (size_t)st.st_size - size);
        if (n < 0)
            goto out;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *log = (struct view){store->recovered, size};
    status = STORE_OK;
out:
    trouble->error = status == STORE_OK ? 0 : errno;
    close(fd);
    return status;
}

static struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->dir_fd = store->lock_fd = store->log_fd = -1;
    store->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    store->filling = &store->batches[0];
    store->writing = &store->batches[1];
    store->batches[0].bytes = malloc(STORE_QUEUE_MAX);
    store->batches[1].bytes = malloc(STORE_QUEUE_MAX);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&store->mutex, NULL);
    return store;
}

/* Everything but the thread. */
static void store_free(struct store *store)
{
    const int fds[] = {store->log_fd, store->event_fd, store->dir_fd, store->lock_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    for (int i = 0; i < 2; i++) {
        batch_clear(&store->batches[i]);
        free(store->batches[i].bytes);
    }
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->mutex);
    free(store->recovered);
    free(store);
}

enum store_status store_open(const char *dir, struct store_trouble *trouble, struct store **out,
                             struct view *log)
{
    struct view found = {NULL, 0};
    *trouble = (struct store_trouble){.what = "memory", .error = ENOMEM};
    struct store *store = store_new();
    if (!store)
        return STORE_UNREADABLE;
    enum store_status status = STORE_UNREADABLE;
    if (store->event_fd < 0 || !store->batches[0].bytes || !store->batches[1].bytes)
        goto out;
    status = open_dir(store, dir, trouble);
    if (status == STORE_OK)
        status = take_lock(store, trouble);
    if (status == STORE_OK)
        status = read_log(store, trouble, &found);
    if (status != STORE_OK && status != STORE_MISSING)
        goto out;
    /* An agent that died between a rename and this left a segment that a power loss may take back;
     * what is recovered from it counts as durable. */
    if (fsync(store->dir_fd) != 0) {
        status = trouble_at(trouble, STORE_UNREADABLE, "fsync the directory", errno);
        goto out;
    }
    int error = thread_start(&store->thread, "holdfast-sync", sync_thread, store);
    if (error != 0) {
        status = trouble_at(trouble, STORE_UNREADABLE, "thread", error);
        goto out;
    }
    *out = store;
    *log = found;
    return status;
out:
    store_free(store);
    return status;
}

bool store_error_is_room(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

void store_recovered(struct store *store)
{
    free(store->recovered);
    store->recovered = NULL;
}

int store_replace_lost(struct store *store, char name[STORE_NAME_SIZE])
{
    must(store->capacity == 0);
    for (int n = 1; n <= DAMAGED_MAX; n++) {
        snprintf(name, STORE_NAME_SIZE, "votes.log.damaged-%d", n);
        if (renameat2(store->dir_fd, LOG, store->dir_fd, name, RENAME_NOREPLACE) == 0)
            return fsync(store->dir_fd) == 0 ? 0 : errno;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

bool store_close(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->closing = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    bool durable = !store->news.failed && store->news.durable_lsn == store->last_lsn;
    store_free(store);
    return durable;
}
