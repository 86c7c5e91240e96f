/*
 * The trace of a run: a hash over everything that happened (S19), and, when somebody wants to read
 * it, a timeline. Text costs more than the run itself, so bulk runs keep the hash only; a seed that
 * failed is run again with text, which is the same run.
 *
 * Nothing that depends on the cipher goes into the hash, so that runs with real and with bulk
 * crypto give the same hash and check one another.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TRACE_LINE_SIZE = 200, TRACE_LINES = 40 };

enum trace_text {
    TRACE_HASH_ONLY,
    TRACE_KEEP, /* the last lines are kept */
    TRACE_PRINT /* and every line is printed */
};

struct trace {
    uint64_t hash;
    uint64_t count; /* things that were hashed */
    enum trace_text text;
    size_t line_count;
    char lines[TRACE_LINES][TRACE_LINE_SIZE];
};

void trace_init(struct trace *t, uint64_t seed, enum trace_text text);
void trace_numbers(struct trace *t, uint64_t a, uint64_t b, uint64_t c);
void trace_bytes(struct trace *t, const void *bytes, size_t size);
/* One line of the timeline, without its newline. */
void trace_line(struct trace *t, int64_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints the lines that were kept. */
void trace_tail(const struct trace *t, FILE *out);

#endif
