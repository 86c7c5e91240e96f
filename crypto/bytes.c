/* Byte cursors: see bytes.h. */
#include "crypto/bytes.h"

#include <string.h>

struct reader reader_init(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    return (struct reader){.at = p, .end = size ? p + size : p, .failed = false};
}

size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

void reader_fail(struct reader *r)
{
    r->failed = true;
}

const uint8_t *read_view(struct reader *r, size_t size)
{
    if (r->failed || (size_t)(r->end - r->at) < size) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += size;
    return p;
}

/* A value whose bytes in memory are little-endian; its own inverse. */
static inline uint64_t little(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(v);
#else
    return v;
#endif
}

/* Little-endian value of `size` bytes, at most 8. Inlined it is one load: wherever messages are
 * looked at, much of the work is in here. */
static inline __attribute__((always_inline)) uint64_t read_little(struct reader *r, size_t size)
{
    const uint8_t *p = read_view(r, size);
    uint64_t v = 0;
    if (p)
        memcpy(&v, p, size);
    return little(v);
}

uint8_t read_u8(struct reader *r)
{
    return (uint8_t)read_little(r, 1);
}

uint16_t read_u16(struct reader *r)
{
    return (uint16_t)read_little(r, 2);
}

uint32_t read_u32(struct reader *r)
{
    return (uint32_t)read_little(r, 4);
}

uint64_t read_u64(struct reader *r)
{
    return read_little(r, 8);
}

bool read_flag(struct reader *r)
{
    uint8_t v = read_u8(r);
    if (v > 1)
        r->failed = true;
    return v == 1;
}

void read_copy(struct reader *r, void *out, size_t size)
{
    const uint8_t *p = read_view(r, size);
    if (p && size)
        memcpy(out, p, size);
    else if (size)
        memset(out, 0, size);
}

struct writer writer_init(void *bytes, size_t size)
{
    uint8_t *p = bytes;
    return (struct writer){.start = p, .at = p, .end = size ? p + size : p, .failed = false};
}

size_t writer_size(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

size_t writer_left(const struct writer *w)
{
    return w->failed ? 0 : (size_t)(w->end - w->at);
}

void write_copy(struct writer *w, const void *bytes, size_t size)
{
    if (w->failed || (size_t)(w->end - w->at) < size) {
        w->failed = true;
        return;
    }
    if (size)
        memcpy(w->at, bytes, size);
    w->at += size;
}

static inline __attribute__((always_inline)) void write_little(struct writer *w, uint64_t v,
                                                               size_t size)
{
    v = little(v);
    write_copy(w, &v, size);
}

void write_u8(struct writer *w, uint8_t v)
{
    write_little(w, v, 1);
}

void write_u16(struct writer *w, uint16_t v)
{
    write_little(w, v, 2);
}

void write_u32(struct writer *w, uint32_t v)
{
    write_little(w, v, 4);
}

void write_u64(struct writer *w, uint64_t v)
{
    write_little(w, v, 8);
}

void write_padded(struct writer *w, const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    write_copy(w, text, length);
    for (size_t i = length; i < size; i++)
        write_u8(w, 0);
}
