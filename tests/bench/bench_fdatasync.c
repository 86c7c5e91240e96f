/*
 * The disk's own speed, to set beside the agent's: 1,000 times (append 200 bytes, fdatasync) into a
 * file that was preallocated as the store does it, in the folder given. Prints one line:
 *
 *   fdatasync_p50_us N fdatasync_p99_us N
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 1000, RECORD = 200, CAPACITY = 16 * 1024 * 1024 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* 0, or the errno of what failed. */
static int measure(int fd, int64_t spans_ns[ROUNDS])
{
    uint8_t record[RECORD];
    memset(record, 0xa5, sizeof record);
    int error = posix_fallocate(fd, 0, CAPACITY);
    if (error != 0)
        return error;
    if (fdatasync(fd) != 0)
        return errno;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t start = now_ns();
        ssize_t n = pwrite(fd, record, sizeof record, (off_t)i * RECORD);
        if (n != RECORD)
            return n < 0 ? errno : EIO;
        if (fdatasync(fd) != 0)
            return errno;
        spans_ns[i] = now_ns() - start;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static int64_t spans_ns[ROUNDS];
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: bench_fdatasync DIR\n");
        return 64;
    }
    snprintf(path, sizeof path, "%s/bench-fdatasync-XXXXXX", argv[1]);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "bench_fdatasync: %s: %s\n", path, strerror(errno));
        return 1;
    }
    unlink(path); /* gone with the process, however it ends */
    int error = measure(fd, spans_ns);
    close(fd);
    if (error != 0) {
        fprintf(stderr, "bench_fdatasync: %s: %s\n", path, strerror(error));
        return 1;
    }
    qsort(spans_ns, ROUNDS, sizeof spans_ns[0], by_size);
    printf("fdatasync_p50_us %lld fdatasync_p99_us %lld\n",
           (long long)(spans_ns[ROUNDS / 2] / 1000),
           (long long)(spans_ns[ROUNDS * 99 / 100] / 1000));
    return 0;
}
