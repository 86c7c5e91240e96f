/* The fence log's files, and the thread that writes them: see fence_file.h. */
#include "node/fence_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utlist.h>

#include "node/thread.h"
#include "node/write_whole.h"
#include "proto/limits.h"
#include "proto/must.h"

enum { ASIDE_MAX = 100 }; /* files that were kept aside; then the last gives way */

static const char FILE_NEW[] = "fence.new";
static const char *const names[] = {
    [FENCE_FILE_NOW] = "fence.log", [FENCE_FILE_OLD] = "fence.log.old"};

enum job_kind { JOB_APPEND, JOB_ROTATE, JOB_CHECK };

struct job {
    enum job_kind kind;
    struct chain_tip tip; /* CHECK */
    uint64_t handle;
    struct job *next;
    size_t size;
    uint8_t bytes[];
};

struct result {
    uint64_t handle;
    struct fence_check check;
    struct result *next;
};

struct fence_file {
    int dir_fd;
    int event_fd;
    pthread_t thread;
    bool running;
    /* The thread's. */
    int fd; /* of fence.log */
    size_t end;
    /* Under the mutex. */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct job *jobs;
    size_t queued;
    struct result *results;
    bool closing;
    bool stopped;
    int error;
    const char *failed_at;
};

/* --- Files --- */

static int read_whole(int fd, uint8_t **bytes, size_t *size)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode) || st.st_size > FENCE_LOG_FILE_MAX)
        return EFBIG;
    uint8_t *out = malloc((size_t)st.st_size + 1);
    size_t at = 0;
    while (out && at < (size_t)st.st_size) {
        ssize_t n = pread(fd, out + at, (size_t)st.st_size - at, (off_t)at);
        if (n < 0) {
            int error = errno;
            free(out);
            return error;
        }
        if (n == 0)
            break;
        at += (size_t)n;
    }
    *bytes = out;
    *size = at;
    return out ? 0 : ENOMEM;
}

int fence_file_read(struct fence_file *f, enum fence_file_which which, uint8_t **bytes,
                    size_t *size)
{
    *bytes = NULL;
    *size = 0;
    int fd = openat(f->dir_fd, names[which], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = read_whole(fd, bytes, size);
    close(fd);
    return error;
}

int fence_file_aside(struct fence_file *f, enum fence_file_which which,
                     char name[FENCE_FILE_NAME_SIZE])
{
    for (int n = 1; n <= ASIDE_MAX; n++) {
        snprintf(name, FENCE_FILE_NAME_SIZE, "fence.log.broken-%d", n);
        unsigned flags = n < ASIDE_MAX ? RENAME_NOREPLACE : 0;
        if (renameat2(f->dir_fd, names[which], f->dir_fd, name, flags) == 0)
            return fsync(f->dir_fd) == 0 ? 0 : errno;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

/* Becomes the current file; the descriptor, or -1 with errno. */
static int make_current(struct fence_file *f, const uint8_t *header)
{
    const int flags = O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(f->dir_fd, FILE_NEW, flags, 0600);
    if (fd < 0)
        return -1;
    int error = write_whole(fd, header, CHAIN_HEADER_SIZE, 0);
    if (!error && fdatasync(fd) != 0)
        error = errno;
    if (!error &&
        renameat(f->dir_fd, names[FENCE_FILE_NOW], f->dir_fd, names[FENCE_FILE_OLD]) != 0 &&
        errno != ENOENT)
        error = errno;
    if (!error && renameat(f->dir_fd, FILE_NEW, f->dir_fd, names[FENCE_FILE_NOW]) != 0)
        error = errno;
    if (!error && fsync(f->dir_fd) != 0)
        error = errno;
    if (!error)
        return fd;
    close(fd);
    unlinkat(f->dir_fd, FILE_NEW, 0);
    errno = error;
    return -1;
}

int fence_file_begin(struct fence_file *f, const uint8_t header[CHAIN_HEADER_SIZE])
{
    int fd = make_current(f, header);
    if (fd < 0)
        return errno;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = fd;
    f->end = CHAIN_HEADER_SIZE;
    return 0;
}

int fence_file_resume(struct fence_file *f, size_t size)
{
    f->fd = openat(f->dir_fd, names[FENCE_FILE_NOW], O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    f->end = size;
    if (f->fd < 0 || ftruncate(f->fd, (off_t)size) != 0 || fdatasync(f->fd) != 0)
        return errno;
    return 0;
}

/* --- The check --- */

/* One file: its records are counted into *out. False: `text` says what is wrong. */
static bool judge_one(struct fence_check *out, struct chain_reader *reader, const char *name,
                      const uint8_t *bytes, size_t size)
{
    struct chain_record record;
    enum chain_verdict verdict = chain_open(reader, bytes, size);
    if (verdict == CHAIN_END) {
        while ((verdict = chain_next(reader, &record)) == CHAIN_RECORD)
            *out = (struct fence_check){
                .first = out->first ? out->first : record.seq,
                .last = record.seq,
                .digest = record.digest,
            };
    }
    if (verdict != CHAIN_END)
        snprintf(out->text, sizeof out->text, "%s, byte %zu, behind record %" PRIu64 ": %s", name,
                 reader->at, out->last, chain_verdict_text(verdict));
    return verdict == CHAIN_END;
}

void fence_file_judge(struct fence_check *out, const uint8_t *old, size_t old_size,
                      const uint8_t *now, size_t now_size, const struct chain_tip *tip)
{
    struct chain_reader before, reader;
    *out = (struct fence_check){0};
    if (old_size && !judge_one(out, &before, names[FENCE_FILE_OLD], old, old_size))
        return;
    if (!judge_one(out, &reader, names[FENCE_FILE_NOW], now, now_size))
        return;
    if (old_size && !chain_follows(&reader.head, &before.tip)) {
        snprintf(out->text, sizeof out->text, "%s does not follow on %s", names[FENCE_FILE_NOW],
                 names[FENCE_FILE_OLD]);
        return;
    }
    if (tip && (tip->next != reader.tip.next ||
                memcmp(tip->digest.bytes, reader.tip.digest.bytes, DIGEST_SIZE) != 0)) {
        snprintf(out->text, sizeof out->text,
                 "the file ends in record %" PRIu64 ", but the agent wrote %" PRIu64
                 ": it was cut, or is another file",
                 reader.tip.next - 1, tip->next - 1);
        return;
    }
    out->good = true;
    snprintf(out->text, sizeof out->text, "%s", chain_verdict_text(CHAIN_END));
}

static void check(struct fence_file *f, const struct job *job)
{
    struct result *result = calloc(1, sizeof *result);
    uint8_t *old, *now;
    size_t old_size, now_size;
    must(result);
    result->handle = job->handle;
    int old_error = fence_file_read(f, FENCE_FILE_OLD, &old, &old_size);
    int error = fence_file_read(f, FENCE_FILE_NOW, &now, &now_size);
    if (error || (old_error && old_error != ENOENT))
        snprintf(result->check.text, sizeof result->check.text, "%s cannot be read: %s",
                 names[error ? FENCE_FILE_NOW : FENCE_FILE_OLD],
                 strerror(error ? error : old_error));
    else
        fence_file_judge(&result->check, old, old_size, now, now_size, &job->tip);
    free(old);
    free(now);
    pthread_mutex_lock(&f->mutex);
    LL_APPEND(f->results, result);
    eventfd_write(f->event_fd, 1);
    pthread_mutex_unlock(&f->mutex);
}

/* --- The thread --- */

static void fail(struct fence_file *f, const char *at, int error)
{
    pthread_mutex_lock(&f->mutex);
    f->stopped = true;
    f->failed_at = at;
    f->error = error;
    eventfd_write(f->event_fd, 1);
    pthread_mutex_unlock(&f->mutex);
}

static bool append(struct fence_file *f, const struct job *job)
{
    int error = write_whole(f->fd, job->bytes, job->size, f->end);
    if (error)
        fail(f, "write fence.log", error);
    f->end += job->size;
    return !error;
}

static bool sync_file(struct fence_file *f)
{
    if (fdatasync(f->fd) == 0)
        return true;
    fail(f, "fdatasync fence.log", errno);
    return false;
}

static bool rotate(struct fence_file *f, const struct job *job)
{
    int error = fence_file_begin(f, job->bytes);
    if (error)
        fail(f, "begin fence.log", error);
    return !error;
}

/* All that waited, with one sync for what was appended. */
static void work(struct fence_file *f, struct job *jobs)
{
    struct job *job, *next;
    bool good = !f->stopped, unsynced = false;
    LL_FOREACH_SAFE(jobs, job, next)
    {
        if (unsynced && job->kind != JOB_APPEND)
            good = sync_file(f);
        if (job->kind == JOB_CHECK)
            check(f, job);
        else if (good)
            good = job->kind == JOB_APPEND ? append(f, job) : rotate(f, job);
        unsynced = good && job->kind == JOB_APPEND;
        free(job);
    }
    if (unsynced)
        sync_file(f);
}

static void *run(void *argument)
{
    struct fence_file *f = argument;
    pthread_mutex_lock(&f->mutex);
    while (f->jobs || !f->closing) {
        struct job *jobs = f->jobs;
        if (!jobs) {
            pthread_cond_wait(&f->wake, &f->mutex);
            continue;
        }
        f->jobs = NULL;
        f->queued = 0;
        pthread_mutex_unlock(&f->mutex);
        work(f, jobs);
        pthread_mutex_lock(&f->mutex);
    }
    pthread_mutex_unlock(&f->mutex);
    return NULL;
}

/* --- The loop's side --- */

static bool queue(struct fence_file *f, enum job_kind kind, const void *bytes, size_t size,
                  const struct chain_tip *tip, uint64_t handle)
{
    struct job *job = calloc(1, sizeof *job + size);
    must(job);
    *job = (struct job){.kind = kind, .handle = handle, .size = size};
    if (tip)
        job->tip = *tip;
    if (size)
        memcpy(job->bytes, bytes, size);
    pthread_mutex_lock(&f->mutex);
    bool takes = kind == JOB_CHECK || !f->stopped;
    bool taken = takes && f->queued + sizeof *job + size <= FENCE_FILE_QUEUE_MAX;
    if (taken) {
        LL_APPEND(f->jobs, job);
        f->queued += sizeof *job + size;
        pthread_cond_signal(&f->wake);
    }
    pthread_mutex_unlock(&f->mutex);
    if (!taken)
        free(job);
    return taken;
}

bool fence_file_append(struct fence_file *f, const void *bytes, size_t size)
{
    return queue(f, JOB_APPEND, bytes, size, NULL, 0);
}

bool fence_file_rotate(struct fence_file *f, const uint8_t header[CHAIN_HEADER_SIZE])
{
    return queue(f, JOB_ROTATE, header, CHAIN_HEADER_SIZE, NULL, 0);
}

bool fence_file_check(struct fence_file *f, const struct chain_tip *tip, uint64_t handle)
{
    return queue(f, JOB_CHECK, NULL, 0, tip, handle);
}

int fence_file_event_fd(const struct fence_file *f)
{
    return f->event_fd;
}

bool fence_file_poll(struct fence_file *f, struct fence_file_news *out)
{
    eventfd_t ignored;
    pthread_mutex_lock(&f->mutex);
    struct result *result = f->results;
    *out = (struct fence_file_news){
        .stopped = f->stopped, .error = f->error, .failed_at = f->failed_at, .checked = result};
    if (result) {
        LL_DELETE(f->results, result);
        out->handle = result->handle;
        out->check = result->check;
    }
    bool more = f->results != NULL;
    if (!more)
        eventfd_read(f->event_fd, &ignored);
    pthread_mutex_unlock(&f->mutex);
    free(result);
    return more;
}

/* --- Start and end --- */

struct fence_file *fence_file_open(const char *dir)
{
    struct fence_file *f = calloc(1, sizeof *f);
    must(f);
    f->fd = -1;
    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->wake, NULL);
    f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->event_fd = f->dir_fd < 0 ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int error = f->event_fd < 0 ? errno : thread_start(&f->thread, "holdfast-fence", run, f);
    f->running = error == 0;
    if (!error)
        return f;
    fence_file_close(f);
    errno = error;
    return NULL;
}

void fence_file_close(struct fence_file *f)
{
    struct job *job, *next_job;
    struct result *result, *next;
    pthread_mutex_lock(&f->mutex);
    f->closing = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->mutex);
    if (f->running)
        pthread_join(f->thread, NULL);
    LL_FOREACH_SAFE(f->jobs, job, next_job)
    free(job);
    LL_FOREACH_SAFE(f->results, result, next)
    free(result);
    const int fds[] = {f->fd, f->event_fd, f->dir_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->mutex);
    free(f);
}
