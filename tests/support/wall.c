/* A wall clock that is wrong by $HOLDFAST_TEST_WALL seconds, for whatever is started with this
 * before it (LD_PRELOAD). The clocks that count spans are let alone. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The C library's clock_gettime(), whose declaration names its parameters otherwise. */
int wall_gettime(clockid_t id, struct timespec *t) __asm__("clock_gettime");

int wall_gettime(clockid_t id, struct timespec *t)
{
    const char *wrong = getenv("HOLDFAST_TEST_WALL");
    int result = (int)syscall(SYS_clock_gettime, id, t);
    if (result == 0 && id == CLOCK_REALTIME && wrong)
        t->tv_sec += atol(wrong);
    return result;
}
