/* Requests to the executor and its answers: see executor_wire.h. */
#include "node/executor_wire.h"

#include <string.h>

#include "proto/must.h"

static bool wire_info_valid(struct view info)
{
    for (size_t i = 0; i < info.size; i++)
        if (info.bytes[i] < 0x20 || info.bytes[i] == 0x7f)
            return false;
    return true;
}

size_t executor_request_encode(uint8_t out[EXECUTOR_REQUEST_MAX],
                               const struct executor_request *request)
{
    struct writer w = writer_init(out, EXECUTOR_REQUEST_MAX);
    write_u8(&w, EXECUTOR_VERSION);
    write_u8(&w, (uint8_t)request->type);
    write_u64(&w, request->id);
    if (request->type == EXECUTOR_RUN) {
        must(request->info.size <= EXECUTOR_INFO_MAX && request->cert.size <= ORDER_CERT_BYTES_MAX);
        write_u8(&w, (uint8_t)request->kind);
        write_u8(&w, request->action);
        write_u16(&w, request->slot);
        write_u64(&w, request->life);
        write_u64(&w, (uint64_t)request->begin_by.ns);
        write_u64(&w, (uint64_t)request->end_by.ns);
        write_u8(&w, (uint8_t)request->info.size);
        write_copy(&w, request->info.bytes, request->info.size);
        write_u16(&w, (uint16_t)request->cert.size);
        write_copy(&w, request->cert.bytes, request->cert.size);
    } else if (request->type == EXECUTOR_ASK_PART) {
        write_u32(&w, request->index);
    }
    must(!w.failed);
    return writer_size(&w);
}

static struct view wire_view(struct reader *r, size_t size, size_t most)
{
    const uint8_t *bytes = size <= most ? read_view(r, size) : NULL;
    if (size > most)
        reader_fail(r);
    return (struct view){bytes, bytes ? size : 0};
}

static struct instant wire_read_instant(struct reader *r)
{
    uint64_t ns = read_u64(r);
    if (ns >= INT64_MAX)
        reader_fail(r);
    return (struct instant){r->failed ? 0 : (int64_t)ns};
}

static void wire_read_run(struct executor_request *out, struct reader *r)
{
    uint8_t kind = read_u8(r);
    if (kind < EXECUTOR_OFF || kind > EXECUTOR_ON)
        reader_fail(r);
    out->kind = (enum executor_kind)kind;
    out->action = read_u8(r);
    out->slot = read_u16(r);
    out->life = read_u64(r);
    out->begin_by = wire_read_instant(r);
    out->end_by = wire_read_instant(r);
    out->info = wire_view(r, read_u8(r), EXECUTOR_INFO_MAX);
    if (!wire_info_valid(out->info))
        reader_fail(r);
    out->cert = wire_view(r, read_u16(r), ORDER_CERT_BYTES_MAX);
}

bool executor_request_decode(struct executor_request *out, const uint8_t *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    *out = (struct executor_request){0};
    if (read_u8(&r) != EXECUTOR_VERSION)
        reader_fail(&r);
    uint8_t type = read_u8(&r);
    out->id = read_u64(&r);
    if (type < EXECUTOR_RUN || type > EXECUTOR_ASK_PART)
        reader_fail(&r);
    out->type = (enum executor_request_type)type;
    if (!r.failed && type == EXECUTOR_RUN)
        wire_read_run(out, &r);
    else if (!r.failed && type == EXECUTOR_ASK_PART)
        out->index = read_u32(&r);
    if (reader_done(&r))
        return true;
    *out = (struct executor_request){0};
    return false;
}

/* --- Answers --- */

static void wire_write_result(struct writer *w, const struct executor_answer *a)
{
    size_t size = strnlen(a->text, FENCE_TEXT_MAX);
    write_u8(w, (uint8_t)a->outcome);
    write_padded(w, a->device, DEVICE_SIZE);
    write_u8(w, (uint8_t)size);
    write_copy(w, a->text, size);
}

static void wire_write_state(struct writer *w, const struct executor_state *state)
{
    write_u32(w, state->running);
    write_u32(w, state->acts);
    write_u64(w, state->runs);
    write_u64(w, state->refusals);
    write_u64(w, state->malformed);
    write_u64(w, state->strangers);
}

static void wire_write_part(struct writer *w, const struct executor_part *part)
{
    write_u32(w, part->count);
    write_u8(w, (uint8_t)part->kind);
    write_u8(w, part->good);
    write_u16(w, part->slot);
    write_u32(w, part->age_ms);
    write_padded(w, part->name, EXECUTOR_NAME_SIZE);
}

size_t executor_answer_encode(uint8_t out[EXECUTOR_ANSWER_MAX], const struct executor_answer *a)
{
    struct writer w = writer_init(out, EXECUTOR_ANSWER_MAX);
    write_u8(&w, EXECUTOR_VERSION);
    write_u8(&w, (uint8_t)a->type);
    write_u64(&w, a->id);
    switch (a->type) {
    case EXECUTOR_ENDED:
        wire_write_result(&w, a);
        break;
    case EXECUTOR_STATE:
        wire_write_state(&w, &a->state);
        break;
    case EXECUTOR_PART:
        wire_write_part(&w, &a->part);
        wire_write_result(&w, a);
        break;
    }
    must(!w.failed);
    return writer_size(&w);
}

static bool wire_text_valid(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

static void wire_read_padded(struct reader *r, char *out, size_t size)
{
    read_copy(r, out, size);
    for (size_t i = strnlen(out, size); i < size; i++)
        if (out[i])
            reader_fail(r);
    if (strnlen(out, size) == size)
        reader_fail(r);
}

static void wire_read_result(struct executor_answer *out, struct reader *r)
{
    uint8_t outcome = read_u8(r);
    if (outcome != RUN_UNKNOWN && outcome != RUN_OFF && outcome != RUN_ON)
        reader_fail(r);
    out->outcome = (enum run_outcome)outcome;
    wire_read_padded(r, out->device, DEVICE_SIZE);
    if (out->device[0] && !roster_device_valid(out->device))
        reader_fail(r);
    uint8_t size = read_u8(r);
    if (size > FENCE_TEXT_MAX)
        reader_fail(r);
    else
        read_copy(r, out->text, size);
    if (!r->failed && !wire_text_valid(out->text, size))
        reader_fail(r);
}

static void wire_read_state(struct executor_state *out, struct reader *r)
{
    out->running = read_u32(r);
    out->acts = read_u32(r);
    out->runs = read_u64(r);
    out->refusals = read_u64(r);
    out->malformed = read_u64(r);
    out->strangers = read_u64(r);
}

static void wire_read_part(struct executor_part *out, struct reader *r)
{
    out->count = read_u32(r);
    uint8_t kind = read_u8(r);
    if (kind > EXECUTOR_PART_DEVICE)
        reader_fail(r);
    out->kind = (enum executor_part_kind)kind;
    out->good = read_flag(r);
    out->slot = read_u16(r);
    out->age_ms = read_u32(r);
    wire_read_padded(r, out->name, EXECUTOR_NAME_SIZE);
    if (!r->failed && !wire_text_valid(out->name, strlen(out->name)))
        reader_fail(r);
}

bool executor_answer_decode(struct executor_answer *out, const uint8_t *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    *out = (struct executor_answer){0};
    if (read_u8(&r) != EXECUTOR_VERSION)
        reader_fail(&r);
    uint8_t type = read_u8(&r);
    out->id = read_u64(&r);
    if (type < EXECUTOR_ENDED || type > EXECUTOR_PART)
        reader_fail(&r);
    out->type = (enum executor_answer_type)type;
    if (!r.failed && type == EXECUTOR_STATE)
        wire_read_state(&out->state, &r);
    if (!r.failed && type == EXECUTOR_PART)
        wire_read_part(&out->part, &r);
    if (!r.failed && type != EXECUTOR_STATE)
        wire_read_result(out, &r);
    if (reader_done(&r))
        return true;
    *out = (struct executor_answer){0};
    return false;
}

const char *executor_outcome_text(unsigned outcome)
{
    static const char *const words[] = {
        [RUN_UNKNOWN] = "unknown", [RUN_OFF] = "off", [RUN_ON] = "on"};
    return outcome < sizeof words / sizeof *words ? words[outcome] : words[RUN_UNKNOWN];
}
