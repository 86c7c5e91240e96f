/*
 * Codecs of the field kinds that the lists in wire.h and record.h are made of: put_KIND and
 * get_KIND. Names and blobs that are read point into the buffer.
 */
#ifndef PROTO_FIELDS_H
#define PROTO_FIELDS_H

#include "crypto/bytes.h"
#include "crypto/key.h"
#include "crypto/roster.h"
#include "proto/fence.h"
#include "proto/id.h"
#include "proto/limits.h"

struct nonce {
    uint8_t bytes[16];
};

typedef uint8_t field_u8;
typedef uint16_t field_u16;
typedef uint32_t field_u32;
typedef uint64_t field_u64;
typedef bool field_flag;
typedef struct ballot field_ballot;
typedef struct op_id field_op;
typedef struct view field_name;
typedef struct view field_blob;
typedef struct view field_locks;
typedef struct nonce field_nonce;
typedef struct signature field_sig;
typedef struct evidence field_evidence;
typedef struct address field_addr;
typedef struct scope field_scope;
typedef struct scope_word field_scope_word;

#define FIELD_MEMBER(kind, field) field_##kind field;

static inline void put_u8(struct writer *w, uint8_t v)
{
    write_u8(w, v);
}
static inline void put_u16(struct writer *w, uint16_t v)
{
    write_u16(w, v);
}
static inline void put_u32(struct writer *w, uint32_t v)
{
    write_u32(w, v);
}
static inline void put_u64(struct writer *w, uint64_t v)
{
    write_u64(w, v);
}
static inline void put_flag(struct writer *w, bool v)
{
    write_u8(w, v ? 1 : 0);
}
static inline void put_ballot(struct writer *w, struct ballot v)
{
    write_u32(w, v.epoch);
    write_u64(w, v.round);
    write_u16(w, v.slot);
}
static inline void put_op(struct writer *w, struct op_id v)
{
    write_u16(w, v.slot);
    write_u64(w, v.life);
    write_u64(w, v.counter);
}
static inline void put_name(struct writer *w, struct view v)
{
    if (v.size == 0 || v.size > LOCK_NAME_MAX)
        w->failed = true;
    write_u8(w, (uint8_t)v.size);
    write_copy(w, v.bytes, v.size);
}
static inline void put_blob(struct writer *w, struct view v)
{
    if (v.size > UINT16_MAX)
        w->failed = true;
    write_u16(w, (uint16_t)v.size);
    write_copy(w, v.bytes, v.size);
}
/* A list of locks is a blob of these, one after the other: seq u64, name. */
static inline void put_lock(struct writer *w, uint64_t seq, struct view name)
{
    write_u64(w, seq);
    put_name(w, name);
}
static inline void put_locks(struct writer *w, struct view v)
{
    put_blob(w, v);
}
static inline void put_nonce(struct writer *w, struct nonce v)
{
    write_copy(w, v.bytes, sizeof v.bytes);
}
static inline void put_sig(struct writer *w, struct signature v)
{
    write_copy(w, v.bytes, sizeof v.bytes);
}

static inline void put_evidence(struct writer *w, struct evidence v)
{
    write_u8(w, (uint8_t)v.opinion);
    write_u32(w, v.renewal_ms);
    write_u32(w, v.heard_ms);
    write_u8(w, v.direct);
    write_u8(w, v.relays);
    write_u8(w, v.silent);
    write_u8(w, v.acknowledged);
    write_u16(w, v.alive);
    write_u16(w, v.brake);
}
static inline void put_addr(struct writer *w, struct address v)
{
    write_copy(w, v.ip, sizeof v.ip);
    write_u16(w, v.port);
}

static inline void put_scope(struct writer *w, struct scope v)
{
    scope_encode(w, &v);
}
static inline void put_scope_word(struct writer *w, struct scope_word v)
{
    scope_word_encode(w, &v);
}

static inline uint8_t get_u8(struct reader *r)
{
    return read_u8(r);
}
static inline uint16_t get_u16(struct reader *r)
{
    return read_u16(r);
}
static inline uint32_t get_u32(struct reader *r)
{
    return read_u32(r);
}
static inline uint64_t get_u64(struct reader *r)
{
    return read_u64(r);
}
static inline bool get_flag(struct reader *r)
{
    return read_flag(r);
}
static inline struct ballot get_ballot(struct reader *r)
{
    struct ballot b = {0};
    b.epoch = read_u32(r);
    b.round = read_u64(r);
    b.slot = read_u16(r);
    return b;
}
static inline struct op_id get_op(struct reader *r)
{
    struct op_id id = {0};
    id.slot = read_u16(r);
    id.life = read_u64(r);
    id.counter = read_u64(r);
    return id;
}
static inline struct view get_name(struct reader *r)
{
    struct view v = {0};
    v.size = read_u8(r);
    if (v.size == 0)
        reader_fail(r);
    v.bytes = read_view(r, v.size);
    return v;
}
static inline struct view get_blob(struct reader *r)
{
    struct view v = {0};
    v.size = read_u16(r);
    v.bytes = read_view(r, v.size);
    return v;
}
/* The next lock of a list; false at its end, or if it is none (and the reader failed). */
static inline bool get_lock(struct reader *r, uint64_t *seq, struct view *name)
{
    if (reader_left(r) == 0)
        return false;
    *seq = read_u64(r);
    *name = get_name(r);
    return !r->failed;
}
static inline struct view get_locks(struct reader *r)
{
    struct view v = get_blob(r), name;
    struct reader list = reader_init(v.bytes, r->failed ? 0 : v.size);
    uint64_t seq;
    while (get_lock(&list, &seq, &name))
        ;
    if (list.failed)
        reader_fail(r);
    return v;
}
static inline struct nonce get_nonce(struct reader *r)
{
    struct nonce v;
    read_copy(r, v.bytes, sizeof v.bytes);
    return v;
}
static inline struct signature get_sig(struct reader *r)
{
    struct signature v;
    read_copy(r, v.bytes, sizeof v.bytes);
    return v;
}

static inline struct evidence get_evidence(struct reader *r)
{
    struct evidence v = {.opinion = (enum opinion)read_u8(r)};
    if (v.opinion >= OPINIONS) {
        reader_fail(r);
        v.opinion = OPINION_VOTES;
    }
    v.renewal_ms = read_u32(r);
    v.heard_ms = read_u32(r);
    v.direct = read_u8(r);
    v.relays = read_u8(r);
    v.silent = read_u8(r);
    v.acknowledged = read_u8(r);
    v.alive = read_u16(r);
    v.brake = read_u16(r);
    return v;
}
static inline struct address get_addr(struct reader *r)
{
    struct address v = {0};
    read_copy(r, v.ip, sizeof v.ip);
    v.port = read_u16(r);
    return v;
}
static inline struct scope get_scope(struct reader *r)
{
    struct scope v;
    scope_decode(&v, r);
    return v;
}
static inline struct scope_word get_scope_word(struct reader *r)
{
    struct scope_word v;
    scope_word_decode(&v, r);
    return v;
}

#endif
