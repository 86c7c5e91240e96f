/* What the agent says, taken apart: see lib_reply.h. */
#include "client/lib_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib_base64.h"

/* --- Members --- */

static const char *reply_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static uint64_t reply_number(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number > 0 ? (uint64_t)number : 0;
}

static uint32_t reply_count(const json_t *object, const char *key)
{
    uint64_t number = reply_number(object, key);
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* A copy that is whole; false, and "", for what does not fit: a part of an id is another id. */
static bool reply_copy(char *out, size_t size, const json_t *object, const char *key)
{
    const char *text = reply_text(object, key);
    size_t length = strlen(text);
    memset(out, 0, size);
    if (length >= size)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

/* --- Modes --- */

static const struct {
    enum hf_mode mode;
    const char *text;
} modes[] = {{HF_EXCLUSIVE, "exclusive"},
             {HF_SHARED, "shared"},
             {HF_COUNTED, "counted"},
             {HF_NL, "NL"},
             {HF_CR, "CR"},
             {HF_CW, "CW"},
             {HF_PW, "PW"}};

const char *lib_mode_text(enum hf_mode mode)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (modes[i].mode == mode)
            return modes[i].text;
    return NULL;
}

enum hf_mode lib_mode_parse(const char *text)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (strcmp(modes[i].text, text) == 0)
            return modes[i].mode;
    return HF_OTHER;
}

/* --- Lines for people --- */

/* Adds to a line, which is cut when it is full. */
__attribute__((format(printf, 2, 3))) static void line_add(char line[LIB_TEXT_SIZE],
                                                           const char *format, ...)
{
    size_t at = strlen(line);
    va_list list;
    va_start(list, format);
    vsnprintf(line + at, LIB_TEXT_SIZE - at, format, list);
    va_end(list);
}

/* "held by hv2 (shared), hv3 (counted 4)"; "held by somebody" if there is no list. */
static void line_holders(char line[LIB_TEXT_SIZE], const json_t *parties)
{
    size_t index;
    json_t *party;
    line_add(line, "held by ");
    json_array_foreach(parties, index, party)
    {
        uint32_t limit = reply_count(party, "limit");
        line_add(line, "%s%s (%s", index ? ", " : "", reply_text(party, "node"),
                 reply_text(party, "mode"));
        if (limit > 0)
            line_add(line, " %u", limit);
        line_add(line, ")");
    }
    if (json_array_size(parties) == 0)
        line_add(line, "somebody");
}

static enum hf_why why_of(const json_t *p)
{
    static const struct {
        const char *reason;
        enum hf_why why;
    } reasons[] = {{"queued", HF_WHY_QUEUED},
                   {"no-majority", HF_WHY_NO_MAJORITY},
                   {"standing", HF_WHY_STANDING},
                   {"starting", HF_WHY_STARTING}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].reason, reply_text(p, "reason")) == 0)
            return reasons[i].why;
    return HF_WHY_UNKNOWN;
}

/* What is waited for, of a waiting reply or of TimedOut. */
static void line_waiting(char line[LIB_TEXT_SIZE], const json_t *p)
{
    const char *stale = reply_text(json_object_get(p, "stale"), "text");
    uint32_t place = reply_count(p, "place");
    const json_t *cohort = json_object_get(p, "cohort");
    switch (why_of(p)) {
    case HF_WHY_QUEUED:
        if (place > 0)
            line_add(line, "place %u in the queue, ", place);
        line_holders(line, json_object_get(p, "holders"));
        break;
    case HF_WHY_NO_MAJORITY:
        line_add(line, "no majority of the lock's voters answers");
        if (cohort)
            line_add(line, ": %u of %u", reply_count(p, "reachable"), reply_count(p, "cohort"));
        break;
    case HF_WHY_STANDING:
        line_add(line, "too few jurors acknowledge this node");
        break;
    case HF_WHY_STARTING:
        line_add(line, "this node's life does not count yet");
        break;
    case HF_WHY_UNKNOWN:
    case HF_WHY_AWAY:
        line_add(line, "the lock's voters are being asked");
        break;
    }
    if (*stale)
        line_add(line, ": %s", stale);
}

static void line_busy(char line[LIB_TEXT_SIZE], const json_t *p)
{
    const char *stale = reply_text(json_object_get(p, "stale"), "text");
    line_holders(line, json_object_get(p, "holders"));
    if (*stale)
        line_add(line, ": %s", stale);
}

static void line_majority(char line[LIB_TEXT_SIZE], const json_t *p)
{
    line_add(line, "%u of %u voters answer", reply_count(p, "reachable"), reply_count(p, "cohort"));
}

static void line_reason(char line[LIB_TEXT_SIZE], const json_t *p)
{
    line_add(line, "%s", reply_text(p, "reason"));
}

static void line_full(char line[LIB_TEXT_SIZE], const json_t *p)
{
    (void)p;
    line_add(line, "its queue, or the agent's table of operations, is full");
}

static void line_parameter(char line[LIB_TEXT_SIZE], const json_t *p)
{
    line_add(line, "the agent does not take this value of '%s'", reply_text(p, "parameter"));
}

static void line_token(char line[LIB_TEXT_SIZE], const json_t *p)
{
    if (json_is_true(json_object_get(p, "forgotten")))
        line_add(line, "it was forgotten since, and ");
    line_add(line, "its token is %llu by now", (unsigned long long)reply_number(p, "token"));
}

static void line_too_long(char line[LIB_TEXT_SIZE], const json_t *p)
{
    line_add(line, "%s: at most %u bytes", reply_text(p, "what"), reply_count(p, "most"));
}

static void line_deadlock(char line[LIB_TEXT_SIZE], const json_t *p)
{
    line_add(line, "it would wait for who waits for it: ");
    line_holders(line, json_object_get(p, "holders"));
}

static void line_unstable(char line[LIB_TEXT_SIZE], const json_t *p)
{
    const json_t *holders = json_object_get(p, "holders");
    line_add(line, "%s", reply_text(p, "reason"));
    if (json_array_size(holders) > 0) {
        line_add(line, ": ");
        line_holders(line, holders);
    }
}

static void line_full_info(char line[LIB_TEXT_SIZE], const json_t *p)
{
    (void)p;
    line_add(line, "the infos of all that hold the lock and wait for it take too much room");
}

static void line_session(char line[LIB_TEXT_SIZE], const json_t *p)
{
    (void)p;
    line_add(line, "the agent has ended this session");
}

/* --- Errors --- */

bool lib_reply_is(const struct varlink_reply *reply, const char *error)
{
    size_t size = sizeof LIB_INTERFACE - 1;
    return strncmp(reply->error, LIB_INTERFACE, size) == 0 &&
           strcmp(reply->error + size, error) == 0;
}

enum hf_result lib_reply_error(const struct varlink_reply *reply, char detail[LIB_TEXT_SIZE])
{
    static const struct {
        const char *error;
        enum hf_result result;
        void (*line)(char line[LIB_TEXT_SIZE], const json_t *p);
    } errors[] = {
        {LIB_INTERFACE "Busy", HF_BUSY, line_busy},
        {LIB_INTERFACE "TimedOut", HF_TIMED_OUT, line_waiting},
        {LIB_INTERFACE "NoMajority", HF_NO_MAJORITY, line_majority},
        {LIB_INTERFACE "QueueFull", HF_QUEUE_FULL, line_full},
        {LIB_INTERFACE "BadName", HF_BAD_NAME, line_reason},
        {LIB_INTERFACE "BadMode", HF_BAD_MODE, line_reason},
        {LIB_INTERFACE "BadLimit", HF_BAD_LIMIT, line_reason},
        {LIB_INTERFACE "BadTtl", HF_BAD_OPTION, line_reason},
        {LIB_INTERFACE "BadAction", HF_BAD_OPTION, line_reason},
        {LIB_INTERFACE "TooMuchInfo", HF_QUEUE_FULL, line_full_info},
        {LIB_INTERFACE "NotReady", HF_NOT_READY, line_reason},
        {LIB_INTERFACE "LogFailed", HF_LOG_FAILED, line_reason},
        {LIB_INTERFACE "NotPermitted", HF_NOT_PERMITTED, line_reason},
        {LIB_INTERFACE "NoSuchHold", HF_LOST, line_reason},
        {LIB_INTERFACE "NoSuchSession", HF_UNREACHABLE, line_session},
        {LIB_INTERFACE "TokenMoved", HF_MOVED, line_token},
        {LIB_INTERFACE "Unstable", HF_UNSTABLE, line_unstable},
        {LIB_INTERFACE "TooLong", HF_TOO_LONG, line_too_long},
        {LIB_INTERFACE "NotWriter", HF_NOT_WRITER, line_reason},
        {LIB_INTERFACE "Deadlock", HF_DEADLOCK, line_deadlock},
        {LIB_INTERFACE "OtherMark", HF_OTHER_MARK, line_reason},
        {LIB_INTERFACE "NoSuchWaiter", HF_NO_SUCH_WAITER, line_reason},
        {LIB_INTERFACE "ChangeUnderWay", HF_CHANGING, line_reason},
        {LIB_INTERFACE "TooManyNames", HF_TOO_MANY, line_reason},
        {"org.varlink.service.InvalidParameter", HF_BAD_OPTION, line_parameter},
        {"org.varlink.service.PermissionDenied", HF_NOT_PERMITTED, line_reason},
    };
    detail[0] = '\0';
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(reply->error, errors[i].error) == 0) {
            const char *name = reply_text(reply->parameters, "name");
            if (*name) /* several were asked for */
                line_add(detail, "%s: ", name);
            errors[i].line(detail, reply->parameters);
            return errors[i].result;
        }
    line_add(detail, "the agent said '%s'", reply->error);
    return HF_GARBLED;
}

/* --- Replies --- */

static void waiting_party(struct lib_party *out, const json_t *party)
{
    out->party = (struct hf_party){.node = reply_text(party, "node"),
                                   .hold = reply_text(party, "hold"),
                                   .mode = lib_mode_parse(reply_text(party, "mode")),
                                   .limit = reply_count(party, "limit"),
                                   .token = reply_number(party, "token"),
                                   .data = out->data};
    (void)lib_base64_decode(out->data, sizeof out->data, &out->party.data_size,
                            reply_text(party, "data"));
}

bool lib_waiting_init(struct lib_waiting *out, const json_t *p)
{
    const json_t *holders = json_object_get(p, "holders");
    size_t count = json_array_size(holders);
    *out = (struct lib_waiting){0};
    out->parties = count ? calloc(count, sizeof *out->parties) : NULL;
    out->list = count ? calloc(count, sizeof *out->list) : NULL;
    if (count > 0 && (!out->parties || !out->list)) {
        lib_waiting_deinit(out);
        return false;
    }
    for (size_t index = 0; index < count; index++) {
        waiting_party(&out->parties[index], json_array_get(holders, index));
        out->list[index] = &out->parties[index].party;
    }
    (void)reply_copy(out->id, sizeof out->id, p, "hold");
    line_waiting(out->text, p);
    out->told = (struct hf_waiting){.size = sizeof out->told,
                                    .name = reply_text(p, "waiting_for"),
                                    .why = why_of(p),
                                    .place = reply_count(p, "place"),
                                    .reachable = reply_count(p, "reachable"),
                                    .cohort = reply_count(p, "cohort"),
                                    .holder_count = count,
                                    .holders = out->list,
                                    .stale = reply_text(json_object_get(p, "stale"), "text"),
                                    .text = out->text};
    return true;
}

void lib_waiting_deinit(struct lib_waiting *waiting)
{
    free(waiting->parties);
    free(waiting->list);
    *waiting = (struct lib_waiting){0};
}

/* False: there is none, or it is not understood. */
static bool reply_value(struct hf_value *out, const json_t *p)
{
    const json_t *value = json_object_get(p, "value");
    *out = (struct hf_value){.size = sizeof *out,
                             .token = reply_number(value, "token"),
                             .valid = json_is_true(json_object_get(value, "valid"))};
    return json_is_object(value) && lib_base64_decode(out->bytes, sizeof out->bytes,
                                                      &out->byte_count, reply_text(value, "bytes"));
}

static void reply_mark(struct hf_unclean *out, const json_t *mark)
{
    *out = (struct hf_unclean){.size = sizeof *out,
                               .slot = reply_count(mark, "slot"),
                               .life = reply_number(mark, "life"),
                               .token = reply_number(mark, "token"),
                               .mode = lib_mode_parse(reply_text(mark, "mode"))};
    (void)reply_copy(out->node, sizeof out->node, mark, "node");
    (void)reply_copy(out->by, sizeof out->by, mark, "by");
    (void)reply_copy(out->proof, sizeof out->proof, mark, "proof");
}

static bool reply_held(const json_t *p)
{
    return strcmp(reply_text(p, "state"), "held") == 0;
}

static bool reply_hold(struct lib_grant *out, const json_t *hold)
{
    const json_t *mark = json_object_get(hold, "unclean");
    *out =
        (struct lib_grant){.token = reply_number(hold, "token"), .unclean = json_is_object(mark)};
    if (out->unclean)
        reply_mark(&out->mark, mark);
    out->has_value = reply_value(&out->value, hold);
    return out->token > 0 && reply_copy(out->id, sizeof out->id, hold, "hold") &&
           out->id[0] != '\0';
}

bool lib_reply_grant(struct lib_grant *out, const json_t *p)
{
    return reply_hold(out, p) && reply_held(p);
}

bool lib_reply_grant_of(struct lib_grant *out, const json_t *p, size_t count, size_t index)
{
    const json_t *holds = json_object_get(p, "holds");
    return reply_held(p) && json_array_size(holds) == count &&
           reply_hold(out, json_array_get(holds, index));
}

bool lib_reply_conversion(struct lib_conversion *out, const json_t *p)
{
    *out = (struct lib_conversion){.mode = lib_mode_parse(reply_text(p, "mode")),
                                   .token = reply_number(p, "token")};
    return reply_held(p) && out->token > 0 && out->mode != HF_OTHER;
}

bool lib_reply_stamp(struct hf_stamp *out, const json_t *p)
{
    *out = (struct hf_stamp){.size = sizeof *out, .token = reply_number(p, "token")};
    out->has_value = reply_value(&out->value, p);
    return reply_copy(out->stamp, sizeof out->stamp, p, "stamp") && out->stamp[0] != '\0';
}

bool lib_reply_valid(bool *valid, const json_t *p)
{
    const json_t *said = json_object_get(p, "valid");
    *valid = json_is_true(said);
    return json_is_boolean(said);
}

bool lib_reply_event(struct lib_event *out, const json_t *p)
{
    static const struct {
        const char *text;
        int kind;
    } kinds[] = {{"blocking", HF_EVENT_BLOCKING}, {"at-risk", HF_EVENT_AT_RISK},
                 {"safe", HF_EVENT_SAFE},         {"passed", LIB_EVENT_PASSED},
                 {"draining", HF_EVENT_DRAINING}, {"lost", HF_EVENT_LOST}};
    const json_t *event = json_object_get(p, "event");
    *out = (struct lib_event){.mode = lib_mode_parse(reply_text(event, "mode"))};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(reply_text(event, "kind"), kinds[i].text) == 0)
            out->kind = kinds[i].kind;
    snprintf(out->reason, sizeof out->reason, "%s", reply_text(event, "reason"));
    return json_is_object(event) && reply_copy(out->id, sizeof out->id, event, "hold");
}

bool lib_reply_session(struct lib_session *out, const json_t *p)
{
    if (json_object_get(p, "secret") &&
        (!reply_copy(out->secret, sizeof out->secret, p, "secret") || out->secret[0] == '\0'))
        return false;
    out->resumed = json_is_true(json_object_get(p, "resumed"));
    return reply_copy(out->name, sizeof out->name, p, "session") && out->name[0] != '\0';
}

bool lib_reply_operation(struct lib_operation *out, const json_t *operation, const char *session)
{
    static const struct {
        const char *text;
        enum lib_operation_state state;
    } states[] = {{"held", LIB_OPERATION_HELD},
                  {"converting", LIB_OPERATION_CONVERTING},
                  {"passing", LIB_OPERATION_PASSING},
                  {"dropping", LIB_OPERATION_DROPPING}};
    json_int_t left_ms = json_integer_value(json_object_get(operation, "left_ms"));
    *out = (struct lib_operation){
        .name = reply_text(operation, "name"),
        .state = LIB_OPERATION_ASKED,
        .left_ms = left_ms > 0 ? left_ms : 0,
        .now = {lib_mode_parse(reply_text(operation, "mode")), reply_number(operation, "token")}};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(reply_text(operation, "state"), states[i].text) == 0)
            out->state = states[i].state;
    return strcmp(reply_text(operation, "session"), session) == 0 &&
           reply_copy(out->id, sizeof out->id, operation, "hold") && out->id[0] != '\0';
}
