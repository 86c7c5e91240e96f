/* The one event loop in which all clients of all systems work. */
#ifndef TESTS_BENCH_PEER_LOOP_H
#define TESTS_BENCH_PEER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;

/* Makes the loop, or a new one in a child of fork. */
void loop_init(void);
/* From now on SIGINT and SIGTERM end every wait. */
void loop_catch_signals(void);
struct event_base *loop_base(void);
/* True once a signal asked for the end. */
bool loop_interrupted(void);
/* Runs the loop until *flag, or `timeout_ms` passed. False if *flag is not set then. */
bool loop_wait(const bool *flag, int timeout_ms);
/* Runs the loop for so long; false if it was interrupted. */
bool loop_run(int span_ms);

int64_t loop_now_ns(void); /* CLOCK_MONOTONIC */

/* Calls `call` once from the loop, `delay_us` from now. */
void loop_after(int delay_us, void (*call)(void *context), void *context);

/* One line on stderr. */
void loop_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
