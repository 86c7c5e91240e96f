/* The vote log's records: codec, generated from the list in record.h. */
#include "proto/record.h"

#define PUT_FIELD(kind, field) put_##kind(w, m->field);
#define GET_FIELD(kind, field) m->field = get_##kind(r);
#define CODEC(NAME, name)                                                                          \
    static void encode_##name(struct writer *w, const struct record_##name *m)                     \
    {                                                                                              \
        RECORD_FIELDS_##name(PUT_FIELD)                                                            \
    }                                                                                              \
    static void decode_##name(struct record_##name *m, struct reader *r)                           \
    {                                                                                              \
        RECORD_FIELDS_##name(GET_FIELD)                                                            \
    }
RECORD_KINDS(CODEC)
#undef CODEC

void record_encode(struct writer *w, const struct record *record)
{
    write_u8(w, (uint8_t)record->kind);
    switch (record->kind) {
    case RECORD_NONE:
    case RECORD_KINDS_END:
        w->failed = true;
        break;
#define ENCODE_CASE(NAME, name)                                                                    \
    case RECORD_##NAME:                                                                            \
        encode_##name(w, &record->name);                                                           \
        break;
        RECORD_KINDS(ENCODE_CASE)
#undef ENCODE_CASE
    }
}

bool record_decode(struct record *out, struct view payload)
{
    struct reader r = reader_init(payload.bytes, payload.size);
    memset(out, 0, sizeof *out);
    uint8_t kind = read_u8(&r);
    switch (kind) {
#define DECODE_CASE(NAME, name)                                                                    \
    case RECORD_##NAME:                                                                            \
        decode_##name(&out->name, &r);                                                             \
        break;
        RECORD_KINDS(DECODE_CASE)
#undef DECODE_CASE
    default: /* an integer from the disk, not an enum */
        reader_fail(&r);
    }
    out->kind = (enum record_kind)kind;
    return reader_done(&r);
}
