/* The wire format's codec, generated from the list in wire.h. */
#include "proto/wire.h"

#include "proto/mutant.h"

#define PUT_FIELD(kind, field) put_##kind(w, m->field);
#define GET_FIELD(kind, field) m->field = get_##kind(r);
#define CODEC(NAME, name)                                                                          \
    static void encode_##name(struct writer *w, const struct wire_##name *m)                       \
    {                                                                                              \
        WIRE_FIELDS_##name(PUT_FIELD)                                                              \
    }                                                                                              \
    static void decode_##name(struct wire_##name *m, struct reader *r)                             \
    {                                                                                              \
        WIRE_FIELDS_##name(GET_FIELD)                                                              \
    }
WIRE_MESSAGES(CODEC)
#undef CODEC

const char *wire_name(enum wire_type type)
{
    static const char *const names[WIRE_TYPES] = {[WIRE_NONE] = "none",
#define NAME_ENTRY(NAME, name) [WIRE_##NAME] = #name,
                                                  WIRE_MESSAGES(NAME_ENTRY)
#undef NAME_ENTRY
    };
    return type < WIRE_TYPES ? names[type] : "unknown";
}

void wire_encode(struct writer *w, const struct message *m)
{
    struct writer body = *w;
    write_u8(&body, (uint8_t)m->type);
    write_u16(&body, 0);
    uint8_t *after_header = body.at;
    switch (m->type) {
    case WIRE_NONE:
    case WIRE_TYPES:
        body.failed = true;
        break;
#define ENCODE_CASE(NAME, name)                                                                    \
    case WIRE_##NAME:                                                                              \
        encode_##name(&body, &m->name);                                                            \
        break;
        WIRE_MESSAGES(ENCODE_CASE)
#undef ENCODE_CASE
    }
    if (body.failed || body.at - after_header > MESSAGE_MAX) {
        w->failed = true;
        return;
    }
    struct writer size = writer_init(after_header - 2, 2);
    write_u16(&size, (uint16_t)(body.at - after_header));
    *w = body;
}

bool wire_decode(struct message *out, struct reader *r)
{
    uint8_t type = read_u8(r);
    uint16_t size = read_u16(r);
    const uint8_t *bytes = read_view(r, size);
    if (!bytes)
        return false;
    struct reader body = reader_init(bytes, size);
    /* Only what belongs to its type is zeroed: most messages are far smaller than the largest one,
     * and to zero all of it was half of the work. */
    switch (type) {
#define DECODE_CASE(NAME, name)                                                                    \
    case WIRE_##NAME:                                                                              \
        memset(&out->name, 0, sizeof out->name);                                                   \
        decode_##name(&out->name, &body);                                                          \
        break;
        WIRE_MESSAGES(DECODE_CASE)
#undef DECODE_CASE
    default: /* an integer from the network, not an enum */
        reader_fail(&body);
    }
    out->type = (enum wire_type)type;
    if (!reader_done(&body))
        reader_fail(r);
    return !r->failed;
}

void wire_member_statement(uint8_t out[MEMBER_STATEMENT_SIZE], const struct wire_alive *alive)
{
    struct writer w = writer_init(out, MEMBER_STATEMENT_SIZE);
    put_u16(&w, alive->slot);
    put_u64(&w, alive->life);
    put_nonce(&w, alive->life_nonce);
    put_u32(&w, alive->incarnation);
    put_flag(&w, alive->left && !MUTANT(93)); /* "leaving is not signed" */
}
