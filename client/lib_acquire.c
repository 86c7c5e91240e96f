/* Taking a lock. */
#include <stdlib.h>
#include <string.h>

#include "client/lib_ask.h"
#include "client/lib_base64.h"

static json_t *acquire_parameters(const struct lib_ask *ask)
{
    const struct hf_options *o = ask->options;
    char data[LIB_BASE64_SIZE(HF_DATA_MAX)];
    json_t *p = json_pack("{s:s}", "name", ask->hold->name);
    if (o->stale != HF_STALE_DEFAULT)
        json_object_set_new(p, "stale", json_string(o->stale == HF_STALE_HOLD ? "hold" : "fence"));
    if (o->pid > 0)
        json_object_set_new(p, "pid", json_integer(o->pid));
    if (o->head)
        json_object_set_new(p, "head", json_true());
    if (o->if_token > 0)
        json_object_set_new(p, "if_token", json_integer((json_int_t)o->if_token));
    if (o->data_size > 0) {
        lib_base64_encode(data, o->data, o->data_size);
        json_object_set_new(p, "data", json_string(data));
    }
    return p;
}

/* Held, if the agent that says so is the present one still; else a settle gives it back. */
static enum lib_answer acquire_granted(struct lib_ask *ask, unsigned generation, const json_t *p,
                                       enum hf_result *result)
{
    bool good = lib_reply_grant(&ask->hold->grant, p);
    pthread_mutex_lock(&ask->hf->lock);
    lib_ask_end(ask);
    bool added = good && lib_hold_add(ask->hold, generation);
    if (!added)
        lib_settle_soon(ask->hf);
    pthread_mutex_unlock(&ask->hf->lock);
    *result =
        good ? HF_OK : lib_fail(HF_GARBLED, "the agent's answer to Acquire is not understood");
    return good && !added ? LIB_ANSWER_AGAIN : LIB_ANSWER_FINAL;
}

/* A request falls with its node's life; the next one is of the new life. */
static enum lib_answer acquire_refused(struct lib_ask *ask, const struct varlink_reply *reply)
{
    (void)ask;
    return lib_reply_is(reply, "NoSuchHold") ? LIB_ANSWER_AGAIN : LIB_ANSWER_FINAL;
}

static const struct lib_ask_kind kind_acquire = {.method = LIB_INTERFACE "Acquire",
                                                 .parameters = acquire_parameters,
                                                 .granted = acquire_granted,
                                                 .refused = acquire_refused};

static enum hf_result check_options(const struct hf_options *o)
{
    if (o->stale != HF_STALE_DEFAULT && o->stale != HF_STALE_HOLD && o->stale != HF_STALE_FENCE)
        return lib_fail(HF_BAD_OPTION, "stale: there is no policy with the number %d",
                        (int)o->stale);
    if (o->pid < 0)
        return lib_fail(HF_BAD_OPTION, "pid: %d is no process", (int)o->pid);
    if (o->if_token > INT64_MAX)
        return lib_fail(HF_BAD_OPTION, "if_token: there are no such tokens");
    if (o->data_size > HF_DATA_MAX)
        return lib_fail(HF_TOO_LONG, "data: at most %d bytes", (int)HF_DATA_MAX);
    if (o->data_size > 0 && !o->data)
        return lib_fail(HF_BAD_OPTION, "data: there is none, but data_size is set");
    return HF_OK;
}

/* The hold that is to be. NULL: out of memory. */
static struct hf_hold *hold_new(struct hf *hf, const char *name, enum hf_mode mode)
{
    struct hf_hold *hold = calloc(1, sizeof *hold);
    if (!hold)
        return NULL;
    hold->hf = hf;
    hold->mode = mode;
    hold->name = strdup(name);
    if (hold->name)
        return hold;
    lib_hold_free(hold);
    return NULL;
}

static enum hf_result acquire(struct hf *hf, const char *name, const struct hf_options *given,
                              bool try, struct hf_hold **out)
{
    struct hf_options options;
    struct lib_ask ask;
    *out = NULL;
    enum hf_result result = lib_check_process(hf);
    if (result == HF_OK)
        result = lib_check_name(name);
    if (result == HF_OK)
        result = lib_ask_options(&options, given);
    if (result == HF_OK)
        result = check_options(&options);
    if (result != HF_OK)
        return result;
    struct hf_hold *hold = hold_new(hf, name, options.mode);
    if (!hold)
        return lib_fail(HF_NO_MEMORY, "no memory is left");
    lib_ask_init(&ask, hold, &kind_acquire, &options, try);
    result = lib_ask(&ask);
    if (result == HF_OK)
        *out = hold;
    else
        lib_hold_free(hold);
    return result;
}

enum hf_result hf_acquire(struct hf *hf, const char *name, const struct hf_options *options,
                          struct hf_hold **out)
{
    return acquire(hf, name, options, false, out);
}

enum hf_result hf_try(struct hf *hf, const char *name, const struct hf_options *options,
                      struct hf_hold **out)
{
    return acquire(hf, name, options, true, out);
}
