#include "sim/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TELL_MS = 500 };

void progress_tell(struct progress *p, uint64_t done, uint64_t total, uint64_t failures)
{
    struct timespec t;
    if (!isatty(STDERR_FILENO) || clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return;
    int64_t now = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    if (now - p->told_ns < TELL_MS * INT64_C(1000000))
        return;
    p->told_ns = now;
    fprintf(stderr, "\r%llu of %llu seeds, %llu failures\033[K", (unsigned long long)done,
            (unsigned long long)total, (unsigned long long)failures);
}

void progress_end(struct progress *p)
{
    if (p->told_ns != 0)
        fputs("\r\033[K", stderr);
    p->told_ns = 0;
}
