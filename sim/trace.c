/* The trace of a run: see trace.h. */
#include "sim/trace.h"

#include "crypto/hash.h"

#include <stdarg.h>
#include <string.h>

void trace_init(struct trace *t, uint64_t seed, enum trace_text text)
{
    memset(t, 0, sizeof *t);
    t->hash = seed;
    t->text = text;
}

void trace_bytes(struct trace *t, const void *bytes, size_t size)
{
    uint8_t key[HASH_KEY_SIZE] = {0};
    for (size_t i = 0; i < 8; i++)
        key[i] = (uint8_t)(t->hash >> 8 * i);
    t->hash = hash64(key, bytes, size);
    t->count++;
}

/* Numbers are mixed by multiplication: cheaper than SipHash, and only equality matters. */
void trace_numbers(struct trace *t, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t h = t->hash;
    h = (h ^ a) * UINT64_C(0x9fb21c651e98df25);
    h = (h ^ h >> 29 ^ b) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ h >> 32 ^ c) * UINT64_C(0x9e3779b97f4a7c15);
    t->hash = h ^ h >> 31;
    t->count++;
}

void trace_line(struct trace *t, int64_t now, const char *format, ...)
{
    if (t->text == TRACE_HASH_ONLY)
        return;
    char *line = t->lines[t->line_count++ % TRACE_LINES];
    int used = snprintf(line, TRACE_LINE_SIZE, "%4lld.%06lld ", (long long)(now / 1000000000),
                        (long long)(now % 1000000000 / 1000));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, TRACE_LINE_SIZE - (size_t)used, format, arguments);
    va_end(arguments);
    if (t->text == TRACE_PRINT)
        puts(line);
}

void trace_tail(const struct trace *t, FILE *out)
{
    size_t first = t->line_count > TRACE_LINES ? t->line_count - TRACE_LINES : 0;
    for (size_t i = first; i < t->line_count; i++)
        fprintf(out, "    %s\n", t->lines[i % TRACE_LINES]);
}
