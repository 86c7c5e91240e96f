/*
 * Asking for what may have to be waited for (Acquire, AcquireAll, Convert): one call after the
 * other, until one of them is answered for good.
 *
 *     take a link --> the call --> "waiting" ... --> its last answer, which kind->final takes
 *         ^                            |                     |
 *         +---- the link failed <------+                     | it was of an agent, or a session,
 *         +--------------------------------------------------+ of before
 *
 * Whatever ends without the agent's last answer may have been granted after all: a settle then
 * finds out what became of it.
 */
#include "client/lib_ask.h"

#include <string.h>

#include <utlist.h>

/* --- What is asked for --- */

enum hf_result lib_ask_options(struct hf_options *out, const struct hf_options *options)
{
    *out = (struct hf_options){.size = sizeof *out};
    if (!options)
        return HF_OK;
    if (options->size < sizeof options->size)
        return lib_fail(HF_BAD_OPTION, "size: %zu is not that of a struct hf_options",
                        options->size);
    const unsigned char *bytes = (const unsigned char *)options;
    for (size_t i = sizeof *out; i < options->size; i++)
        if (bytes[i] != 0)
            return lib_fail(HF_BAD_OPTION, "an option that this library does not know is set");
    memcpy(out, options, options->size < sizeof *out ? options->size : sizeof *out);
    out->size = sizeof *out;
    if (!lib_mode_text(out->mode))
        return lib_fail(HF_BAD_MODE, "mode: there is none with the number %d", (int)out->mode);
    if ((out->mode == HF_COUNTED) != (out->limit > 0))
        return lib_fail(HF_BAD_LIMIT, "limit: a counted lock needs one, and no other has one");
    if (out->timeout_ms < 0)
        return lib_fail(HF_BAD_OPTION, "timeout_ms: %lld is negative", (long long)out->timeout_ms);
    return HF_OK;
}

void lib_ask_init(struct lib_ask *ask, const char *const *names, struct hf_hold **holds,
                  size_t count)
{
    *ask = (struct lib_ask){.hf = holds[0]->hf,
                            .give_up_ms = INT64_MAX,
                            .call = {.names = names, .count = count},
                            .holds = holds};
    pthread_mutex_lock(&ask->hf->lock);
    ask->cancels = ask->hf->cancels;
    pthread_mutex_unlock(&ask->hf->lock);
}

/* What all of them take. */
static json_t *ask_parameters(const struct lib_ask *ask)
{
    int64_t left_ms = ask->deadline_ms - lib_now_ms();
    json_t *p = ask->kind->parameters(ask);
    json_object_set_new(p, "mode", json_string(lib_mode_text(ask->options->mode)));
    if (ask->options->limit > 0)
        json_object_set_new(p, "limit", json_integer(ask->options->limit));
    if (ask->try)
        json_object_set_new(p, "try", json_true());
    else if (ask->deadline_ms != INT64_MAX)
        json_object_set_new(p, "timeout_ms", json_integer(left_ms > 0 ? left_ms : 0));
    return p;
}

/* --- Waiting --- */

static void tell_waiting(struct lib_ask *ask, const struct hf_waiting *waiting)
{
    const struct hf_options *o = ask->options;
    if (o->waiting && !ask->try && o->waiting(o->context, waiting) != 0)
        ask->gave_up = !ask->kind->fixed;
}

static void tell_away(struct lib_ask *ask)
{
    const struct hf_waiting away = {.size = sizeof away,
                                    .name = ask->call.names[0],
                                    .why = HF_WHY_AWAY,
                                    .stale = "",
                                    .text = "the agent is away"};
    tell_waiting(ask, &away);
}

static enum hf_result gave_up(void)
{
    return lib_fail(HF_CANCELLED, "the waiting callback gave up");
}

static enum hf_result was_cancelled(void)
{
    return lib_fail(HF_CANCELLED, "hf_cancel() was called");
}

static enum hf_result hear_waiting(struct lib_ask *ask, const struct varlink_reply *reply)
{
    struct lib_waiting waiting;
    if (!lib_waiting_init(&waiting, reply->parameters))
        return lib_fail(HF_NO_MEMORY, "no memory is left");
    if (ask->call.count == 1)
        waiting.told.name = ask->call.names[0];
    ask->give_up_ms = INT64_MAX;
    pthread_mutex_lock(&ask->hf->lock);
    memcpy(ask->call.id, waiting.id, sizeof ask->call.id);
    pthread_mutex_unlock(&ask->hf->lock);
    tell_waiting(ask, &waiting.told);
    lib_waiting_deinit(&waiting);
    return ask->gave_up ? gave_up() : HF_OK;
}

/* Until there is something to read, or the agent is late. */
static enum varlink_status await(const struct lib_ask *ask, struct varlink *agent,
                                 struct varlink_reply *reply)
{
    enum varlink_status status;
    int64_t late_ms = ask->deadline_ms;
    if (late_ms < INT64_MAX - LIB_TRY_MS)
        late_ms += ask->try ? LIB_TRY_MS : LIB_LATE_MS;
    do
        status = varlink_receive(agent, reply, lib_left_ms(late_ms));
    while (status == VARLINK_AGAIN && lib_left_ms(late_ms) != 0);
    return status;
}

/* --- One call --- */

/* Makes the call known, so that it can be cancelled. False: it is already. */
static bool call_begin(struct lib_ask *ask, const struct lib_link *link)
{
    pthread_mutex_lock(&ask->hf->lock);
    bool go_on = ask->call.fixed || ask->hf->cancels == ask->cancels;
    if (go_on) {
        ask->call.fd = link->agent.fd;
        if (ask->call.fixed) /* the hold's; else it is not known yet */
            memcpy(ask->call.id, ask->holds[0]->grant.id, sizeof ask->call.id);
        else
            ask->call.id[0] = '\0';
        ask->attempts++;
        DL_APPEND(ask->hf->calls, &ask->call);
    }
    pthread_mutex_unlock(&ask->hf->lock);
    return go_on;
}

void lib_ask_end(struct lib_ask *ask)
{
    DL_DELETE(ask->hf->calls, &ask->call);
}

static void call_end(struct lib_ask *ask, bool answered)
{
    pthread_mutex_lock(&ask->hf->lock);
    lib_ask_end(ask);
    if (!answered)
        lib_settle_soon(ask->hf);
    pthread_mutex_unlock(&ask->hf->lock);
}

static enum lib_answer take_final(struct lib_ask *ask, unsigned generation,
                                  const struct varlink_reply *reply, enum hf_result *result)
{
    if (reply->error[0] == '\0')
        return ask->kind->granted(ask, generation, reply->parameters, result);
    *result = lib_fail_reply(reply);
    call_end(ask, true);
    /* The session is about to be resumed. */
    if (lib_reply_is(reply, "NoSuchSession"))
        return LIB_ANSWER_AGAIN;
    return ask->kind->refused(ask, reply);
}

static bool cancelled(struct lib_ask *ask)
{
    pthread_mutex_lock(&ask->hf->lock);
    bool yes = !ask->call.fixed && ask->hf->cancels != ask->cancels;
    pthread_mutex_unlock(&ask->hf->lock);
    return yes;
}

/* Replies, until the last one or the link's end. *whole: the link may be used again. */
static enum lib_answer hear(struct lib_ask *ask, struct lib_link *link, enum hf_result *result,
                            bool *whole)
{
    for (;;) {
        struct varlink_reply reply;
        enum varlink_status status = await(ask, &link->agent, &reply);
        if (status != VARLINK_OK) {
            call_end(ask, false);
            bool ended = status == VARLINK_CLOSED && cancelled(ask);
            *result = ended ? was_cancelled() : lib_fail_status(ask->hf, status);
            return status == VARLINK_CLOSED && !ended ? LIB_ANSWER_AGAIN : LIB_ANSWER_FINAL;
        }
        enum lib_answer answer = LIB_ANSWER_FINAL;
        *whole = !reply.continues;
        if (*whole)
            answer = take_final(ask, link->generation, &reply, result);
        else
            *result = hear_waiting(ask, &reply);
        json_decref(reply.parameters);
        if (*whole)
            return answer;
        if (*result != HF_OK) {
            call_end(ask, false);
            return LIB_ANSWER_FINAL;
        }
    }
}

static enum lib_answer ask_over(struct lib_ask *ask, struct lib_link *link, enum hf_result *result,
                                bool *whole)
{
    *whole = !call_begin(ask, link);
    if (*whole) {
        *result = was_cancelled();
        return LIB_ANSWER_FINAL;
    }
    enum varlink_status status = varlink_send(&link->agent, ask->kind->method, ask_parameters(ask),
                                              ask->try ? VARLINK_PLAIN : VARLINK_MORE);
    if (status == VARLINK_OK)
        return hear(ask, link, result, whole);
    call_end(ask, false);
    *result = lib_fail_status(ask->hf, status);
    return status == VARLINK_CLOSED ? LIB_ANSWER_AGAIN : LIB_ANSWER_FINAL;
}

/* --- All of it --- */

/* Until when the agent may be away. */
static int64_t ask_patience(struct lib_ask *ask, bool *away)
{
    pthread_mutex_lock(&ask->hf->lock);
    *away = ask->hf->state == LIB_AWAY;
    if (ask->give_up_ms == INT64_MAX)
        ask->give_up_ms = lib_after_ms(ask->try ? LIB_LATE_MS : ask->hf->patience_ms);
    pthread_mutex_unlock(&ask->hf->lock);
    return ask->give_up_ms < ask->deadline_ms || ask->try ? ask->give_up_ms : ask->deadline_ms;
}

static enum hf_result ask_until_final(struct lib_ask *ask)
{
    for (;;) {
        struct lib_link *link;
        bool away, whole;
        int64_t until_ms = ask_patience(ask, &away);
        if (away)
            tell_away(ask);
        if (ask->gave_up)
            return gave_up();
        unsigned cancels = ask->call.fixed ? UINT_MAX : ask->cancels;
        enum hf_result result = lib_link_take(ask->hf, until_ms, cancels, &link);
        if (result != HF_OK)
            return result;
        unsigned generation = link->generation;
        enum lib_answer answer = ask_over(ask, link, &result, &whole);
        lib_link_give(ask->hf, link, whole && answer == LIB_ANSWER_FINAL);
        if (answer == LIB_ANSWER_FINAL)
            return result;
        if (lib_left_ms(until_ms) == 0)
            return result == HF_OK ? lib_fail(HF_UNREACHABLE, "the agent went away") : result;
        lib_link_pause(ask->hf, generation, until_ms);
    }
}

enum hf_result lib_ask_run(struct lib_ask *ask, const struct lib_ask_kind *kind,
                           const struct hf_options *options, bool try)
{
    int64_t timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : INT64_MAX;
    ask->kind = kind;
    ask->options = options;
    ask->try = try;
    ask->deadline_ms = lib_after_ms(try ? 0 : timeout_ms);
    ask->call.fixed = kind->fixed;
    return ask_until_final(ask);
}
