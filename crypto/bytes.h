/*
 * Byte cursors: the one way in which Holdfast reads and writes bytes of a fixed meaning.
 *
 * A reader or a writer checks every step against its bounds and *latches* the first failure: later
 * calls do nothing and reads give zero, so that a decoder reads like its schema and asks once, at
 * the end, whether all was well (`reader_done`). Integers are little-endian. There is exactly one
 * encoding of a value: decoders use `reader_done`, which also refuses trailing bytes.
 *
 * After OpenBSD's ibuf and s2n's stuffer.
 */
#ifndef CRYPTO_BYTES_H
#define CRYPTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *at;  /* next byte to read; the buffer stays the caller's */
    const uint8_t *end; /* one past the last byte */
    bool failed;        /* latched: something was asked that is not there */
};

struct writer {
    uint8_t *start;
    uint8_t *at;  /* next byte to write */
    uint8_t *end; /* one past the room */
    bool failed;  /* latched: something did not fit */
};

/* What every message is read and written by stands here, to be inlined: with bounds that are known
 * a field is one comparison and one load or store. */

static inline struct reader reader_init(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    return (struct reader){.at = p, .end = size ? p + size : p, .failed = false};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* True if nothing failed and every byte was read. */
static inline bool reader_done(const struct reader *r)
{
    return !r->failed && r->at == r->end;
}

/* Latches a failure from outside: a value that was read is not allowed. */
static inline void reader_fail(struct reader *r)
{
    r->failed = true;
}

/* Points into the buffer; NULL (and failed) if `size` bytes are not there. */
static inline const uint8_t *read_view(struct reader *r, size_t size)
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
static inline uint64_t bytes_little(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(v);
#else
    return v;
#endif
}

/* Little-endian value of `size` bytes, at most 8. Inlined it is one load. */
static inline __attribute__((always_inline)) uint64_t read_little(struct reader *r, size_t size)
{
    const uint8_t *p = read_view(r, size);
    uint64_t v = 0;
    if (p)
        memcpy(&v, p, size);
    return bytes_little(v);
}

static inline uint8_t read_u8(struct reader *r)
{
    return (uint8_t)read_little(r, 1);
}

static inline uint16_t read_u16(struct reader *r)
{
    return (uint16_t)read_little(r, 2);
}

static inline uint32_t read_u32(struct reader *r)
{
    return (uint32_t)read_little(r, 4);
}

static inline uint64_t read_u64(struct reader *r)
{
    return read_little(r, 8);
}

/* A byte that must be 0 or 1. */
static inline bool read_flag(struct reader *r)
{
    uint8_t v = read_u8(r);
    if (v > 1)
        r->failed = true;
    return v == 1;
}

/* Copies `size` bytes to `out`; fills it with zero if they are not there. */
void read_copy(struct reader *r, void *out, size_t size);

static inline struct writer writer_init(void *bytes, size_t size)
{
    uint8_t *p = bytes;
    return (struct writer){.start = p, .at = p, .end = size ? p + size : p, .failed = false};
}

/* Bytes written so far. */
static inline size_t writer_size(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return w->failed ? 0 : (size_t)(w->end - w->at);
}

static inline void write_copy(struct writer *w, const void *bytes, size_t size)
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
    v = bytes_little(v);
    write_copy(w, &v, size);
}

static inline void write_u8(struct writer *w, uint8_t v)
{
    write_little(w, v, 1);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
    write_little(w, v, 2);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
    write_little(w, v, 4);
}

static inline void write_u64(struct writer *w, uint64_t v)
{
    write_little(w, v, 8);
}

/* A text of at most `size` bytes, filled up with NULs: what lies behind its NUL is not written. */
void write_padded(struct writer *w, const char *text, size_t size);

#endif
