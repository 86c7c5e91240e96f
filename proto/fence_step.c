/* The steps of the fence log: codec, generated from the list in fence_step.h. */
#include "proto/fence_step.h"

#include <stddef.h>

static inline void put_hash(struct writer *w, struct digest v)
{
    write_copy(w, v.bytes, DIGEST_SIZE);
}

static inline struct digest get_hash(struct reader *r)
{
    struct digest v;
    read_copy(r, v.bytes, DIGEST_SIZE);
    return v;
}

#define PUT_FIELD(kind, field) put_##kind(w, m->field);
#define GET_FIELD(kind, field) m->field = get_##kind(r);
#define CODEC(NAME, name)                                                                          \
    static void encode_##name(struct writer *w, const struct fence_step_##name *m)                 \
    {                                                                                              \
        FENCE_STEP_FIELDS_##name(PUT_FIELD)                                                        \
    }                                                                                              \
    static void decode_##name(struct fence_step_##name *m, struct reader *r)                       \
    {                                                                                              \
        FENCE_STEP_FIELDS_##name(GET_FIELD)                                                        \
    }                                                                                              \
    _Static_assert(offsetof(struct fence_step_##name, life) ==                                     \
                       offsetof(struct fence_step_about, life),                                    \
                   "each begins with whom it is about");
FENCE_STEP_KINDS(CODEC)
#undef CODEC

const char *fence_step_word(enum fence_step_kind kind)
{
    static const char *const words[] = {
#define FENCE_STEP_WORD(NAME, name) [FENCE_STEP_##NAME] = #name,
        FENCE_STEP_KINDS(FENCE_STEP_WORD)
#undef FENCE_STEP_WORD
    };
    return kind > FENCE_STEP_NONE && kind < FENCE_STEP_KINDS_END ? words[kind] : "none";
}

void fence_step_encode(struct writer *w, const struct fence_step *step)
{
    size_t before = writer_size(w);
    write_u8(w, (uint8_t)step->kind);
    switch (step->kind) {
    case FENCE_STEP_NONE:
    case FENCE_STEP_KINDS_END:
        w->failed = true;
        break;
#define ENCODE_CASE(NAME, name)                                                                    \
    case FENCE_STEP_##NAME:                                                                        \
        encode_##name(w, &step->name);                                                             \
        break;
        FENCE_STEP_KINDS(ENCODE_CASE)
#undef ENCODE_CASE
    }
    if (writer_size(w) - before > FENCE_STEP_BYTES_MAX)
        w->failed = true;
}

bool fence_step_decode(struct fence_step *out, struct view bytes)
{
    struct reader r = reader_init(bytes.bytes, bytes.size);
    memset(out, 0, sizeof *out);
    if (bytes.size > FENCE_STEP_BYTES_MAX)
        return false;
    uint8_t kind = read_u8(&r);
    switch (kind) {
#define DECODE_CASE(NAME, name)                                                                    \
    case FENCE_STEP_##NAME:                                                                        \
        decode_##name(&out->name, &r);                                                             \
        break;
        FENCE_STEP_KINDS(DECODE_CASE)
#undef DECODE_CASE
    default: /* an integer from the disk, not an enum */
        reader_fail(&r);
    }
    out->kind = (enum fence_step_kind)kind;
    return reader_done(&r);
}

void fence_steps_put(struct writer *w, const struct fence_step *step)
{
    uint8_t bytes[FENCE_STEP_BYTES_MAX + 1];
    struct writer one = writer_init(bytes, sizeof bytes);
    fence_step_encode(&one, step);
    if (one.failed)
        w->failed = true;
    write_u16(w, (uint16_t)writer_size(&one));
    write_copy(w, bytes, writer_size(&one));
}

bool fence_steps_next(struct view *list, struct view *out)
{
    struct reader r = reader_init(list->bytes, list->size);
    if (reader_left(&r) == 0)
        return false;
    out->size = read_u16(&r);
    out->bytes = read_view(&r, out->size);
    *list = (struct view){r.at, reader_left(&r)};
    return !r.failed;
}
