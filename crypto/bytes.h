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

struct reader reader_init(const void *bytes, size_t size);
size_t reader_left(const struct reader *r);
/* True if nothing failed and every byte was read. */
bool reader_done(const struct reader *r);
/* Latches a failure from outside: a value that was read is not allowed. */
void reader_fail(struct reader *r);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* A byte that must be 0 or 1. */
bool read_flag(struct reader *r);
/* Copies `size` bytes to `out`; fills it with zero if they are not there. */
void read_copy(struct reader *r, void *out, size_t size);
/* Points into the buffer; NULL (and failed) if `size` bytes are not there. */
const uint8_t *read_view(struct reader *r, size_t size);

struct writer writer_init(void *bytes, size_t size);
size_t writer_size(const struct writer *w); /* bytes written so far */
size_t writer_left(const struct writer *w);
void write_u8(struct writer *w, uint8_t v);
void write_u16(struct writer *w, uint16_t v);
void write_u32(struct writer *w, uint32_t v);
void write_u64(struct writer *w, uint64_t v);
void write_copy(struct writer *w, const void *bytes, size_t size);
/* A text of at most `size` bytes, filled up with NULs: what lies behind its NUL is not written. */
void write_padded(struct writer *w, const char *text, size_t size);

#endif
