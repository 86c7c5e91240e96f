/*
 * Changing a hold: conversion, value, mark, handing over.
 *
 * A change may be under way in one thread while another releases the hold: so each counts as a use
 * of it, and who uses it last frees it.
 */
#include <string.h>

#include "client/lib_ask.h"
#include "client/lib_base64.h"

/* HF_OK: it is held, and stays in memory until change_end(). */
static enum hf_result change_begin(struct hf_hold *hold, enum lib_hold_state state)
{
    enum hf_result result = lib_check_process(hold->hf);
    if (result != HF_OK)
        return result;
    pthread_mutex_lock(&hold->hf->lock);
    if (hold->state == LIB_HELD) {
        hold->state = state;
        hold->uses++;
    } else {
        result = lib_fail(hold->state == LIB_PASSING ? HF_CHANGING : HF_LOST, "it is not held");
    }
    pthread_mutex_unlock(&hold->hf->lock);
    return result;
}

static void change_end(struct hf_hold *hold)
{
    struct hf *hf = hold->hf;
    pthread_mutex_lock(&hf->lock);
    hold->changes++;
    bool last = --hold->uses == 0 && hold->removed;
    pthread_mutex_unlock(&hf->lock);
    if (last)
        lib_hold_free(hold);
}

/* A plain change. *again: it was asked more than once, so the first time may have done it. */
static enum hf_result change_ask(struct hf_hold *hold, const char *method, json_t *p, bool *again)
{
    struct varlink_reply reply;
    pthread_mutex_lock(&hold->hf->lock);
    int64_t until_ms = lib_after_ms(hold->hf->patience_ms);
    pthread_mutex_unlock(&hold->hf->lock);
    json_object_set_new(p, "hold", json_string(hold->grant.id));
    enum hf_result result = lib_request(hold->hf, method, p, until_ms, &reply, again);
    if (result != HF_OK)
        return result;
    if (reply.error[0] != '\0')
        result = lib_fail_reply(&reply);
    json_decref(reply.parameters);
    return result;
}

/* --- Conversion --- */

static json_t *convert_parameters(const struct lib_ask *ask)
{
    return json_pack("{s:s}", "hold", ask->holds[0]->grant.id);
}

static enum lib_answer convert_granted(struct lib_ask *ask, unsigned generation, const json_t *p,
                                       enum hf_result *result)
{
    struct lib_conversion now;
    (void)generation; /* what the agent's store says of a hold, it says in every run */
    bool good = lib_reply_conversion(&now, p);
    pthread_mutex_lock(&ask->hf->lock);
    lib_ask_end(ask);
    if (good) {
        ask->holds[0]->mode = now.mode;
        ask->holds[0]->grant.token = now.token;
    } else {
        lib_settle_soon(ask->hf);
    }
    pthread_mutex_unlock(&ask->hf->lock);
    *result =
        good ? HF_OK : lib_fail(HF_GARBLED, "the agent's answer to Convert is not understood");
    return LIB_ANSWER_FINAL;
}

static enum lib_answer convert_refused(struct lib_ask *ask, const struct varlink_reply *reply)
{
    /* Asked a second time: the first is under way still. */
    if (lib_reply_is(reply, "ChangeUnderWay") && ask->attempts > 1)
        return LIB_ANSWER_AGAIN;
    if (lib_reply_is(reply, "NoMajority")) {
        pthread_mutex_lock(&ask->hf->lock);
        lib_settle_soon(ask->hf);
        pthread_mutex_unlock(&ask->hf->lock);
    }
    return LIB_ANSWER_FINAL;
}

static const struct lib_ask_kind kind_convert = {.method = LIB_INTERFACE "Convert",
                                                 .fixed = true,
                                                 .parameters = convert_parameters,
                                                 .granted = convert_granted,
                                                 .refused = convert_refused};

static enum hf_result convert(struct hf_hold *hold, const struct hf_options *given, bool try)
{
    struct hf_options options;
    struct lib_ask ask;
    enum hf_result result = lib_ask_options(&options, given);
    if (result == HF_OK &&
        (options.stale != HF_STALE_DEFAULT || options.pid != 0 || options.head ||
         options.if_token != 0 || options.data_size != 0 || options.spare || options.ttl_ms != 0))
        result = lib_fail(HF_BAD_OPTION, "only mode, limit, timeout_ms and waiting can be given");
    if (result == HF_OK)
        result = change_begin(hold, LIB_HELD);
    if (result != HF_OK)
        return result;
    const char *name = hold->name;
    lib_ask_init(&ask, &name, &hold, 1);
    result = lib_ask_run(&ask, &kind_convert, &options, try);
    change_end(hold);
    return result;
}

enum hf_result hf_convert(struct hf_hold *hold, const struct hf_options *options)
{
    return convert(hold, options, false);
}

enum hf_result hf_try_convert(struct hf_hold *hold, const struct hf_options *options)
{
    return convert(hold, options, true);
}

/* --- Value and mark --- */

enum hf_result hf_set_value(struct hf_hold *hold, const void *bytes, size_t size)
{
    char text[LIB_BASE64_SIZE(HF_VALUE_MAX)];
    bool again;
    if (size > HF_VALUE_MAX)
        return lib_fail(HF_TOO_LONG, "value: at most %d bytes", (int)HF_VALUE_MAX);
    enum hf_result result = change_begin(hold, LIB_HELD);
    if (result != HF_OK)
        return result;
    lib_base64_encode(text, bytes, size);
    result = change_ask(hold, LIB_INTERFACE "SetValue", json_pack("{s:s}", "value", text), &again);
    if (result == HF_OK) {
        struct hf_value *value = &hold->grant.value;
        pthread_mutex_lock(&hold->hf->lock);
        hold->grant.has_value = true;
        *value = (struct hf_value){
            .size = sizeof *value, .token = hold->grant.token, .valid = true, .byte_count = size};
        if (size > 0)
            memcpy(value->bytes, bytes, size);
        pthread_mutex_unlock(&hold->hf->lock);
    }
    change_end(hold);
    return result;
}

enum hf_result hf_clear_mark(struct hf_hold *hold)
{
    struct hf_unclean mark = {.size = sizeof mark};
    bool again;
    enum hf_result result = change_begin(hold, LIB_HELD);
    if (result != HF_OK)
        return result;
    if (hf_hold_unclean(hold, &mark)) {
        json_t *p = json_pack("{s:i, s:I, s:I}", "slot", (int)mark.slot, "life",
                              (json_int_t)mark.life, "token", (json_int_t)mark.token);
        result = change_ask(hold, LIB_INTERFACE "ClearMark", p, &again);
    }
    if (result == HF_OK) {
        pthread_mutex_lock(&hold->hf->lock);
        hold->grant.unclean = false;
        pthread_mutex_unlock(&hold->hf->lock);
    }
    change_end(hold);
    return result;
}

/* --- Handing over --- */

/* Whether a refusal says for sure that the hold stays where it is. */
static bool transfer_refused(enum hf_result result, bool again)
{
    static const enum hf_result sure[] = {HF_NO_SUCH_WAITER, HF_BUSY,       HF_TIMED_OUT,
                                          HF_BAD_OPTION,     HF_QUEUE_FULL, HF_NOT_READY};
    for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++)
        if (result == sure[i])
            return true;
    return result == HF_CHANGING && !again;
}

/* With `lock` held: what the answer means. */
static enum hf_result transfer_over(struct hf_hold *hold, enum hf_result result, bool again)
{
    if (hold->state != LIB_PASSING) /* lost meanwhile, or released */
        return hold->left_behind
                   ? lib_fail(HF_UNKNOWN, "the session ended while it was handed over")
                   : lib_fail(HF_LOST, "it was lost while it was handed over");
    if (result == HF_LOST && again)
        return HF_OK; /* the first time did it, though its answer was lost */
    if (result == HF_LOST)
        lib_hold_lose(hold, "the agent does not know this hold any more");
    else if (transfer_refused(result, again))
        hold->state = LIB_HELD;
    else if (result != HF_OK)
        lib_settle_soon(hold->hf);
    return result == HF_CHANGING && again ? lib_fail(HF_UNKNOWN, "it is being handed over still")
                                          : result;
}

enum hf_result hf_transfer(struct hf_hold *hold, const char *to)
{
    struct hf *hf = hold->hf;
    bool again = false;
    json_t *p = json_pack("{s:s}", "to", to);
    if (!p)
        return lib_fail(HF_BAD_OPTION, "to: this is no id of a waiter");
    enum hf_result result = change_begin(hold, LIB_PASSING);
    if (result != HF_OK) {
        json_decref(p);
        return result;
    }
    result = change_ask(hold, LIB_INTERFACE "Transfer", p, &again);
    pthread_mutex_lock(&hf->lock);
    result = transfer_over(hold, result, again);
    if (result == HF_OK)
        lib_hold_remove(hold);
    pthread_mutex_unlock(&hf->lock);
    change_end(hold);
    return result;
}
