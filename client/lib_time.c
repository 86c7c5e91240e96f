/* Deadlines of libholdfast: milliseconds of CLOCK_MONOTONIC, which condition variables take too. */
#include <limits.h>
#include <time.h>

#include "client/lib.h"

int64_t lib_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t lib_after_ms(int64_t ms)
{
    int64_t now = lib_now_ms();
    return ms > INT64_MAX - now ? INT64_MAX : now + ms;
}

int lib_left_ms(int64_t deadline_ms)
{
    if (deadline_ms == INT64_MAX)
        return -1;
    int64_t left = deadline_ms - lib_now_ms();
    if (left < 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}
