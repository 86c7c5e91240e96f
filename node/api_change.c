/* The methods that change a hold, or what stays with its lock: Convert, SetValue, ClearMark,
 * Transfer. */
#include <sodium.h>
#include <string.h>

#include "node/api.h"
#include "node/change.h"
#include "node/render.h"
#include "proto/must.h"

/* The hold that a call names, if its session has it. NULL: the call was answered. */
static struct operation *api_hold(struct varlink_call *call, const json_t *parameters)
{
    const char *hold = frame_string(parameters, "hold", "");
    const struct session *s = session_present(call->connection);
    struct op_id id;
    struct operation *op = NULL;
    if (render_parse_hold(&id, hold))
        op = operation_find(&api_of(call)->sessions.operations, id);
    if (op && op->session == s && op->state == OPERATION_HELD && !op->lost && !operation_untold(op))
        return op;
    varlink_error(call, "org.holdfast.NoSuchHold", json_pack("{s:s}", "hold", hold));
    return NULL;
}

void api_convert(struct varlink_call *call, const json_t *parameters)
{
    struct event event = {.kind = EVENT_CHANGE, .change.kind = CHANGE_CONVERT};
    event.change.try = frame_bool(parameters, "try", false);
    event.change.deadline = INSTANT_NEVER;
    if (!api_mode(call, parameters, &event.change.mode, &event.change.limit))
        return;
    if (frame_has(parameters, "timeout_ms") &&
        !api_deadline(&event.change.deadline, frame_int(parameters, "timeout_ms", 0))) {
        varlink_invalid(call, "timeout_ms");
        return;
    }
    struct operation *op = api_hold(call, parameters);
    if (op)
        change_ask(op, call, &event);
}

/* Such a change is made, or refused, as soon as a majority can be asked. */
static struct event api_prompt_change(enum change_kind kind)
{
    return (struct event){
        .kind = EVENT_CHANGE,
        .change = {.kind = kind, .deadline = instant_after(clock_now(), API_PROMPT)}};
}

bool api_bytes(struct varlink_call *call, const json_t *parameters, const char *what, size_t most,
               struct view *out)
{
    static uint8_t bytes[LOCK_VALUE_MAX + 2]; /* what three more characters of base64 can make */
    const char *text = frame_string(parameters, what, ""), *end;
    size_t size = 0, room = most + 2;
    must(room <= sizeof bytes);
    if (strlen(text) > (most + 2) / 3 * 4) {
        size = room;
    } else if (sodium_base642bin(bytes, room, text, strlen(text), NULL, &size, &end,
                                 sodium_base64_VARIANT_ORIGINAL) != 0 ||
               *end) {
        varlink_invalid(call, what);
        return false;
    }
    if (size > most)
        varlink_error(call, "org.holdfast.TooLong",
                      json_pack("{s:s s:I}", "what", what, "most", (json_int_t)most));
    *out = (struct view){bytes, size};
    return size <= most;
}

void api_set_value(struct varlink_call *call, const json_t *parameters)
{
    struct event event = api_prompt_change(CHANGE_WRITE);
    if (!api_bytes(call, parameters, "value", LOCK_VALUE_MAX, &event.change.value))
        return;
    struct operation *op = api_hold(call, parameters);
    if (op)
        change_ask(op, call, &event);
}

void api_clear_mark(struct varlink_call *call, const json_t *parameters)
{
    struct event event = api_prompt_change(CHANGE_CLEAR);
    int64_t slot = frame_int(parameters, "slot", -1);
    int64_t life = frame_int(parameters, "life", -1);
    int64_t token = frame_int(parameters, "token", -1);
    if (slot < 0 || slot > UINT16_MAX || life < 0 || token < 0) {
        varlink_invalid(call, slot < 0 || slot > UINT16_MAX ? "slot" : life < 0 ? "life" : "token");
        return;
    }
    event.change.mark = (struct op_id){.slot = (uint16_t)slot, .life = (uint64_t)life};
    event.change.mark_token = (uint64_t)token;
    struct operation *op = api_hold(call, parameters);
    if (op)
        change_ask(op, call, &event);
}

void api_transfer(struct varlink_call *call, const json_t *parameters)
{
    struct event event = api_prompt_change(CHANGE_TRANSFER);
    if (!render_parse_hold(&event.change.to, frame_string(parameters, "to", ""))) {
        varlink_invalid(call, "to");
        return;
    }
    struct operation *op = api_hold(call, parameters);
    if (op)
        change_ask(op, call, &event);
}
