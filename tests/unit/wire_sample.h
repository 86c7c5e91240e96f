/* One message of each type with every field set, for tests and as seeds for the fuzzer; the log's
 * records are filled with the same values. */
#ifndef TESTS_UNIT_WIRE_SAMPLE_H
#define TESTS_UNIT_WIRE_SAMPLE_H

#include "proto/wire.h"

static const uint8_t wire_sample_text[] = "image/debian-12.qcow2";

static inline uint8_t wire_sample_u8(uint64_t n)
{
    return (uint8_t)(17 * n + 1);
}
static inline uint16_t wire_sample_u16(uint64_t n)
{
    return (uint16_t)(0x1102 + n);
}
static inline uint32_t wire_sample_u32(uint64_t n)
{
    return (uint32_t)(0x21030405 + n);
}
static inline uint64_t wire_sample_u64(uint64_t n)
{
    return UINT64_C(0xf102030405060708) + n;
}
static inline bool wire_sample_flag(uint64_t n)
{
    return n % 2 == 0;
}
static inline struct ballot wire_sample_ballot(uint64_t n)
{
    return (struct ballot){wire_sample_u32(n), wire_sample_u64(n), wire_sample_u16(n)};
}
static inline struct op_id wire_sample_op(uint64_t n)
{
    return (struct op_id){wire_sample_u16(n), wire_sample_u64(n), wire_sample_u64(n + 9)};
}
static inline struct view wire_sample_name(uint64_t n)
{
    return (struct view){wire_sample_text, 5 + n};
}
static inline struct view wire_sample_blob(uint64_t n)
{
    return (struct view){wire_sample_text, n};
}
/* Of two locks, or none. */
static inline struct view wire_sample_locks(uint64_t n)
{
    static const uint8_t locks[] = {1, 0, 0, 0, 0, 0, 0, 0xf1, 2, 'm', '1', /* seq, size, name */
                                    2, 0, 0, 0, 0, 0, 0, 0xf2, 3, 'm', '2', '3'};
    return (struct view){locks, n ? sizeof locks : 0};
}
static inline struct nonce wire_sample_nonce(uint64_t n)
{
    struct nonce v;
    memset(v.bytes, (int)(n + 1), sizeof v.bytes);
    v.bytes[15] = 0xee;
    return v;
}
static inline struct signature wire_sample_sig(uint64_t n)
{
    struct signature v;
    memset(v.bytes, (int)(n + 1), sizeof v.bytes);
    v.bytes[63] = 0xee;
    return v;
}

static inline struct evidence wire_sample_evidence(uint64_t n)
{
    return (struct evidence){.opinion = (enum opinion)(n % OPINIONS),
                             .renewal_ms = wire_sample_u32(n),
                             .heard_ms = wire_sample_u32(n + 1),
                             .direct = wire_sample_u8(n),
                             .relays = wire_sample_u8(n + 1),
                             .silent = wire_sample_u8(n + 2),
                             .acknowledged = wire_sample_u8(n + 3),
                             .alive = wire_sample_u16(n),
                             .brake = wire_sample_u16(n + 1)};
}

static inline struct address wire_sample_addr(uint64_t n)
{
    struct address v = {.port = wire_sample_u16(n)};
    memset(v.ip, (int)(n + 1), sizeof v.ip);
    return v;
}

static inline struct scope wire_sample_scope(uint64_t n)
{
    struct scope v;
    scope_make(&v, 7 + n, (uint8_t)(n + 1), wire_sample_text, 5);
    return v;
}
static inline struct scope_word wire_sample_scope_word(uint64_t n)
{
    return (struct scope_word){wire_sample_scope(n), wire_sample_sig(n)};
}

/* `type` is one of WIRE_MESSAGES. */
static inline struct message wire_sample(enum wire_type type)
{
    struct message m = {.type = type};
    uint64_t n = 0;
    switch (type) {
    case WIRE_NONE:
    case WIRE_TYPES:
        break;
#define WIRE_SAMPLE_FIELD(kind, field) to->field = wire_sample_##kind(n++);
#define WIRE_SAMPLE_CASE(NAME, name)                                                               \
    case WIRE_##NAME: {                                                                            \
        struct wire_##name *to = &m.name;                                                          \
        WIRE_FIELDS_##name(WIRE_SAMPLE_FIELD) break;                                               \
    }
        WIRE_MESSAGES(WIRE_SAMPLE_CASE)
#undef WIRE_SAMPLE_CASE
#undef WIRE_SAMPLE_FIELD
    }
    return m;
}

#endif
