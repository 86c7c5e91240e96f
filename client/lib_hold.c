/* Holds: what is known of them, and how they are given up. */
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "client/lib.h"

enum { NAME_MAX_BYTES = 255 };

enum hf_result lib_check_name(const char *name)
{
    json_t *text = strlen(name) <= NAME_MAX_BYTES ? json_string(name) : NULL;
    json_decref(text);
    if (text)
        return HF_OK;
    return lib_fail(HF_BAD_NAME, "a name is 1 to %d bytes of UTF-8 without control characters",
                    (int)NAME_MAX_BYTES);
}

struct hf_hold *lib_hold_find(const struct hf *hf, const char *id)
{
    struct hf_hold *hold;
    DL_FOREACH(hf->holds, hold)
    {
        if (strcmp(hold->grant.id, id) == 0)
            return hold;
    }
    return NULL;
}

void lib_hold_lose(struct hf_hold *hold, const char *reason)
{
    if (hold->state != LIB_HELD && hold->state != LIB_PASSING)
        return;
    hold->state = LIB_LOST;
    lib_event_put(hold->hf, HF_EVENT_LOST, hold, hold->mode, reason);
}

void lib_hold_hear(struct hf_hold *hold, const struct lib_event *event)
{
    if (event->kind == HF_EVENT_LOST)
        lib_hold_lose(hold, event->reason);
    else if (event->kind == LIB_EVENT_PASSED && hold->uses == 0) /* else its call is answered */
        lib_hold_lose(hold, "it was handed over");
    if (hold->state != LIB_HELD || event->kind == LIB_EVENT_PASSED)
        return;
    if (event->kind == HF_EVENT_AT_RISK || event->kind == HF_EVENT_SAFE)
        hold->at_risk = event->kind == HF_EVENT_AT_RISK;
    lib_event_put(hold->hf, (enum hf_event_kind)event->kind, hold, event->mode, event->reason);
}

bool lib_hold_add(struct hf_hold *hold, unsigned generation)
{
    struct hf *hf = hold->hf;
    if (hf->state != LIB_READY || hf->generation != generation)
        return false;
    DL_APPEND(hf->holds, hold);
    lib_lease_granted(hold);
    size_t first = hf->early_count > LIB_EARLY_MAX ? hf->early_count - LIB_EARLY_MAX : 0;
    for (size_t i = first; i < hf->early_count; i++) {
        const struct lib_event *event = &hf->early[i % LIB_EARLY_MAX];
        if (strcmp(event->id, hold->grant.id) == 0)
            lib_hold_hear(hold, event);
    }
    return true;
}

bool lib_hold_remove(struct hf_hold *hold)
{
    lib_event_forget(hold->hf, hold);
    DL_DELETE(hold->hf->holds, hold);
    hold->removed = true;
    return hold->uses == 0;
}

void lib_hold_free(struct hf_hold *hold)
{
    if (hold)
        free(hold->name);
    free(hold);
}

/* --- Giving up --- */

/* What the agent's last word on a Release means. */
static enum hf_result release_result(const struct hf_hold *hold, const struct varlink_reply *reply,
                                     bool again)
{
    if (reply->error[0] == '\0')
        return HF_OK;
    if (!lib_reply_is(reply, "NoSuchHold"))
        return lib_fail_reply(reply);
    if (hold->left_behind)
        return lib_fail(HF_UNKNOWN, "the session ended while the lock was being released");
    /* Asked a second time: the first time did it, though its answer was lost. */
    return again ? HF_OK : lib_fail(HF_LOST, "the agent does not know this hold any more");
}

/* Asks for the release; the hold is RELEASING. */
static enum hf_result release_ask(struct hf_hold *hold)
{
    struct hf *hf = hold->hf;
    struct varlink_reply reply;
    bool again;
    pthread_mutex_lock(&hf->lock);
    int64_t until_ms = lib_after_ms(hf->patience_ms);
    pthread_mutex_unlock(&hf->lock);
    json_t *p = json_pack("{s:s}", "hold", hold->grant.id);
    if (hold->unclean)
        json_object_set_new(p, "unclean", json_true());
    enum hf_result result = lib_request(hf, LIB_INTERFACE "Release", p, until_ms, &reply, &again);
    if (result != HF_OK)
        return result;
    pthread_mutex_lock(&hf->lock);
    result = release_result(hold, &reply, again);
    pthread_mutex_unlock(&hf->lock);
    json_decref(reply.parameters);
    return result;
}

static enum hf_result release(struct hf_hold *hold, bool unclean)
{
    enum hf_result result = hold ? lib_check_process(hold->hf) : HF_OK;
    if (!hold || result != HF_OK)
        return result;
    struct hf *hf = hold->hf;
    pthread_mutex_lock(&hf->lock);
    bool lost = hold->state == LIB_LOST, lapsed = hold->lapsed;
    hold->state = LIB_RELEASING;
    hold->unclean = unclean;
    lib_event_forget(hf, hold);
    pthread_mutex_unlock(&hf->lock);
    result = lost ? lib_fail(HF_LOST, "it was lost before it was released") : release_ask(hold);
    pthread_mutex_lock(&hf->lock);
    bool over = result == HF_OK || result == HF_LOST || result == HF_UNKNOWN, unused = false;
    if (over && !lapsed) {
        unused = lib_hold_remove(hold);
    } else {
        hold->state = LIB_FORGOTTEN;
        lib_settle_soon(hf);
    }
    pthread_mutex_unlock(&hf->lock);
    if (unused)
        lib_hold_free(hold);
    return result;
}

enum hf_result hf_release(struct hf_hold *hold)
{
    return release(hold, false);
}

enum hf_result hf_release_unclean(struct hf_hold *hold)
{
    return release(hold, true);
}

/* --- Looking --- */

enum hf_result hf_held(const struct hf_hold *hold)
{
    struct hf *hf = hold->hf;
    enum hf_result result = lib_check_process(hf);
    if (result != HF_OK)
        return result;
    pthread_mutex_lock(&hf->lock);
    lib_lease_away(hf);
    if (hold->state == LIB_PASSING)
        result = lib_fail(HF_UNKNOWN, "it is being handed over");
    else if (hold->state != LIB_HELD)
        result = lib_fail(HF_LOST, "it was lost");
    else if (hf->state != LIB_READY)
        result = lib_fail(HF_UNKNOWN, "the agent at %s is away", hf->path);
    else if (lib_lease_over(hold))
        result = lib_fail(HF_UNKNOWN, "the agent has not said for long that its lease is renewed");
    else if (hold->at_risk)
        result = lib_fail(HF_AT_RISK, "too few jurors acknowledge this node");
    pthread_mutex_unlock(&hf->lock);
    return result;
}

const char *hf_hold_name(const struct hf_hold *hold)
{
    return hold->name;
}

const char *hf_hold_id(const struct hf_hold *hold)
{
    return hold->grant.id;
}

uint64_t hf_hold_token(const struct hf_hold *hold)
{
    pthread_mutex_lock(&hold->hf->lock);
    uint64_t token = hold->grant.token;
    pthread_mutex_unlock(&hold->hf->lock);
    return token;
}

enum hf_mode hf_hold_mode(const struct hf_hold *hold)
{
    pthread_mutex_lock(&hold->hf->lock);
    enum hf_mode mode = hold->mode;
    pthread_mutex_unlock(&hold->hf->lock);
    return mode;
}

/* Into a struct of any age, which says its size at its beginning. */
static void copy_out(void *out, const void *ours, size_t our_size)
{
    size_t size = *(const size_t *)out;
    memset(out, 0, size);
    memcpy(out, ours, size < our_size ? size : our_size);
    *(size_t *)out = size;
}

bool hf_hold_unclean(const struct hf_hold *hold, struct hf_unclean *out)
{
    pthread_mutex_lock(&hold->hf->lock);
    bool unclean = hold->grant.unclean;
    if (unclean && out)
        copy_out(out, &hold->grant.mark, sizeof hold->grant.mark);
    pthread_mutex_unlock(&hold->hf->lock);
    return unclean;
}

bool hf_hold_value(const struct hf_hold *hold, struct hf_value *out)
{
    pthread_mutex_lock(&hold->hf->lock);
    bool has_value = hold->grant.has_value;
    if (has_value && out)
        copy_out(out, &hold->grant.value, sizeof hold->grant.value);
    pthread_mutex_unlock(&hold->hf->lock);
    return has_value;
}
