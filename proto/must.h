/*
 * `must(x)`: a bug of ours. Never compiled out; aborts, since a restart from the durable store is
 * safe and going on is not. Input of others is never checked with it: that gets a verdict and a
 * counter.
 */
#ifndef PROTO_MUST_H
#define PROTO_MUST_H

#define must(condition)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            must_failed(#condition, __FILE__, __LINE__);                                           \
    } while (0)

/* Provided by the driver (node/, sim/, tests): says what failed and ends the process. */
_Noreturn void must_failed(const char *condition, const char *file, int line);

#endif
