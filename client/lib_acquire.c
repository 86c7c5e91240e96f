/* Taking a lock, or several. */
#include <stdlib.h>
#include <string.h>

#include "client/lib_ask.h"
#include "client/lib_base64.h"

static const char *const policies[] = {[HF_STALE_HOLD] = "hold",
                                       [HF_STALE_FENCE] = "fence",
                                       [HF_STALE_EXPIRE] = "expire",
                                       [HF_STALE_ACTION] = "action"};

/* What one and several take alike, beside the names. */
static void add_options(json_t *p, const struct hf_options *o)
{
    char data[LIB_BASE64_SIZE(HF_DATA_MAX)];
    if (o->stale != HF_STALE_DEFAULT)
        json_object_set_new(p, "stale", json_string(policies[o->stale]));
    if (o->ttl_ms > 0)
        json_object_set_new(p, "ttl_ms", json_integer(o->ttl_ms));
    if (o->action)
        json_object_set_new(p, "action", json_string(o->action));
    if (o->info)
        json_object_set_new(p, "info", json_string(o->info));
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
    if (o->spare)
        json_object_set_new(p, "spare", json_true());
}

static json_t *acquire_parameters(const struct lib_ask *ask)
{
    json_t *p = json_pack("{s:s}", "name", ask->call.names[0]);
    add_options(p, ask->options);
    return p;
}

static json_t *acquire_all_parameters(const struct lib_ask *ask)
{
    json_t *names = json_array();
    for (size_t i = 0; i < ask->call.count; i++)
        json_array_append_new(names, json_string(ask->call.names[i]));
    json_t *p = json_pack("{s:o}", "names", names);
    add_options(p, ask->options);
    return p;
}

/* Held, if the agent that says so is the present one still; else a settle gives it back. `good`:
 * the answer was understood, and the holds filled from it. */
static enum lib_answer take_grants(struct lib_ask *ask, unsigned generation, bool good,
                                   enum hf_result *result)
{
    bool added = good;
    pthread_mutex_lock(&ask->hf->lock);
    lib_ask_end(ask);
    for (size_t i = 0; added && i < ask->call.count; i++)
        added = lib_hold_add(ask->holds[i], generation); /* all of them, or not even the first */
    if (!added)
        lib_settle_soon(ask->hf);
    pthread_mutex_unlock(&ask->hf->lock);
    *result =
        good ? HF_OK : lib_fail(HF_GARBLED, "the agent's answer to Acquire is not understood");
    return good && !added ? LIB_ANSWER_AGAIN : LIB_ANSWER_FINAL;
}

static enum lib_answer acquire_granted(struct lib_ask *ask, unsigned generation, const json_t *p,
                                       enum hf_result *result)
{
    return take_grants(ask, generation, lib_reply_grant(&ask->holds[0]->grant, p), result);
}

static enum lib_answer acquire_all_granted(struct lib_ask *ask, unsigned generation,
                                           const json_t *p, enum hf_result *result)
{
    size_t count = ask->call.count;
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = lib_reply_grant_of(&ask->holds[i]->grant, p, count, i);
    return take_grants(ask, generation, good, result);
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
static const struct lib_ask_kind kind_acquire_all = {.method = LIB_INTERFACE "AcquireAll",
                                                     .parameters = acquire_all_parameters,
                                                     .granted = acquire_all_granted,
                                                     .refused = acquire_refused};

static enum hf_result check_options(const struct hf_options *o)
{
    if (o->stale < HF_STALE_DEFAULT || o->stale > HF_STALE_ACTION)
        return lib_fail(HF_BAD_OPTION, "stale: there is no policy with the number %d",
                        (int)o->stale);
    if ((o->stale == HF_STALE_ACTION) != (o->action != NULL) || (o->info && !o->action))
        return lib_fail(HF_BAD_OPTION, "action: HF_STALE_ACTION takes one, and nothing else does");
    if (o->ttl_ms < 0)
        return lib_fail(HF_BAD_OPTION, "ttl_ms: it is 1000 to 3600000");
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
static struct hf_hold *hold_new(struct hf *hf, const char *name, const struct hf_options *options)
{
    struct hf_hold *hold = calloc(1, sizeof *hold);
    if (!hold)
        return NULL;
    hold->hf = hf;
    hold->mode = options->mode;
    hold->ttl_ms = lib_lease_ttl(options);
    hold->name = strdup(name);
    if (hold->name)
        return hold;
    lib_hold_free(hold);
    return NULL;
}

static void free_holds(struct hf_hold **holds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lib_hold_free(holds[i]);
        holds[i] = NULL;
    }
}

/* `out` has room for `count`, which is at least 1. */
static enum hf_result acquire(struct hf *hf, const char *const *names, size_t count,
                              const struct lib_ask_kind *kind, const struct hf_options *options,
                              bool try, struct hf_hold **out)
{
    struct lib_ask ask;
    enum hf_result result = HF_OK;
    for (size_t i = 0; i < count; i++)
        out[i] = NULL;
    for (size_t i = 0; result == HF_OK && i < count; i++)
        result = lib_check_name(names[i]);
    for (size_t i = 0; result == HF_OK && i < count; i++) {
        out[i] = hold_new(hf, names[i], options);
        if (!out[i])
            result = lib_fail(HF_NO_MEMORY, "no memory is left");
    }
    if (result == HF_OK) {
        lib_ask_init(&ask, names, out, count);
        result = lib_ask_run(&ask, kind, options, try);
    }
    if (result != HF_OK)
        free_holds(out, count);
    return result;
}

static enum hf_result acquire_one(struct hf *hf, const char *name, const struct hf_options *given,
                                  bool try, struct hf_hold **out)
{
    struct hf_options options;
    *out = NULL;
    enum hf_result result = lib_check_process(hf);
    if (result == HF_OK)
        result = lib_ask_options(&options, given);
    if (result == HF_OK)
        result = check_options(&options);
    return result == HF_OK ? acquire(hf, &name, 1, &kind_acquire, &options, try, out) : result;
}

static enum hf_result acquire_all(struct hf *hf, const char *const *names, size_t count,
                                  const struct hf_options *given, bool try, struct hf_hold **out)
{
    struct hf_options options;
    memset(out, 0, count * sizeof *out);
    enum hf_result result = lib_check_process(hf);
    if (result == HF_OK)
        result = lib_ask_options(&options, given);
    if (result == HF_OK)
        result = check_options(&options);
    if (result == HF_OK && options.if_token != 0)
        result = lib_fail(HF_BAD_OPTION, "if_token: it goes with one lock");
    if (result == HF_OK && count > HF_NAMES_MAX)
        result = lib_fail(HF_TOO_MANY, "at most %d", (int)HF_NAMES_MAX);
    if (result != HF_OK || count == 0)
        return result;
    return acquire(hf, names, count, &kind_acquire_all, &options, try, out);
}

enum hf_result hf_acquire(struct hf *hf, const char *name, const struct hf_options *options,
                          struct hf_hold **out)
{
    return acquire_one(hf, name, options, false, out);
}

enum hf_result hf_try(struct hf *hf, const char *name, const struct hf_options *options,
                      struct hf_hold **out)
{
    return acquire_one(hf, name, options, true, out);
}

enum hf_result hf_acquire_all(struct hf *hf, const char *const *names, size_t count,
                              const struct hf_options *options, struct hf_hold **out)
{
    return acquire_all(hf, names, count, options, false, out);
}

enum hf_result hf_try_all(struct hf *hf, const char *const *names, size_t count,
                          const struct hf_options *options, struct hf_hold **out)
{
    return acquire_all(hf, names, count, options, true, out);
}
