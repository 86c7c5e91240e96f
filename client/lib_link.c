/* Links: connections that joined the session, one for each call that is under way. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/lib.h"

void lib_wait_changed(struct hf *hf, int64_t until_ms)
{
    if (until_ms == INT64_MAX) {
        pthread_cond_wait(&hf->changed, &hf->lock);
        return;
    }
    struct timespec t = {.tv_sec = until_ms / 1000, .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_cond_timedwait(&hf->changed, &hf->lock, &t);
}

static void link_free(struct lib_link *link)
{
    varlink_close(&link->agent);
    free(link);
}

void lib_link_free_all(struct lib_link *links)
{
    while (links) {
        struct lib_link *next = links->next;
        link_free(links);
        links = next;
    }
}

/* Connects and joins. VARLINK_OK with an error in `reply`: the agent refused. */
static enum varlink_status link_join(struct lib_link *link, const struct hf *hf, const char *secret,
                                     struct varlink_reply *reply)
{
    enum varlink_status status = varlink_open(&link->agent, hf->path);
    if (status != VARLINK_OK)
        return status;
    return varlink_call(&link->agent, LIB_INTERFACE "JoinSession",
                        json_pack("{s:s}", "secret", secret), reply, LIB_QUICK_MS);
}

/* HF_UNREACHABLE: may come right, as soon as the keeper has noticed or the agent has room. */
static enum hf_result link_open(struct hf *hf, const char *secret, struct lib_link **out)
{
    struct varlink_reply reply;
    struct lib_link *link = calloc(1, sizeof *link);
    if (!link)
        return lib_fail(HF_NO_MEMORY, "no memory is left");
    enum varlink_status status = link_join(link, hf, secret, &reply);
    enum hf_result result = HF_OK;
    if (status != VARLINK_OK) {
        result = lib_fail_status(hf, status);
    } else {
        if (reply.error[0] != '\0')
            result = lib_fail_reply(&reply);
        json_decref(reply.parameters);
    }
    if (result == HF_OK)
        *out = link;
    else
        link_free(link);
    return result;
}

/* With `lock` held: a link of the pool, or NULL. */
static struct lib_link *link_idle(struct hf *hf)
{
    struct lib_link *link = hf->idle;
    if (link) {
        hf->idle = link->next;
        hf->idle_count--;
    }
    return link;
}

/* With `lock` held: HF_OK once the session is there. */
static enum hf_result link_await(struct hf *hf, int64_t until_ms, unsigned cancels)
{
    while (hf->state == LIB_AWAY && hf->cancels <= cancels && lib_left_ms(until_ms) != 0)
        lib_wait_changed(hf, until_ms);
    if (hf->cancels > cancels)
        return lib_fail(HF_CANCELLED, "hf_cancel() was called");
    if (hf->state == LIB_READY)
        return HF_OK;
    return lib_fail(HF_UNREACHABLE, "the agent at %s went away and has not come back", hf->path);
}

enum hf_result lib_link_take(struct hf *hf, int64_t until_ms, unsigned cancels,
                             struct lib_link **out)
{
    for (;;) {
        char secret[LIB_SECRET_SIZE];
        *out = NULL;
        pthread_mutex_lock(&hf->lock);
        enum hf_result result = link_await(hf, until_ms, cancels);
        unsigned generation = hf->generation;
        if (result == HF_OK)
            *out = link_idle(hf);
        memcpy(secret, hf->session.secret, sizeof secret);
        pthread_mutex_unlock(&hf->lock);
        if (result != HF_OK || *out)
            return result;
        result = link_open(hf, secret, out);
        explicit_bzero(secret, sizeof secret);
        if (result == HF_OK)
            (*out)->generation = generation;
        if (result != HF_UNREACHABLE || lib_left_ms(until_ms) == 0)
            return result;
        lib_link_pause(hf, generation, until_ms);
    }
}

void lib_link_give(struct hf *hf, struct lib_link *link, bool reusable)
{
    pthread_mutex_lock(&hf->lock);
    if (reusable && link->generation == hf->generation && hf->idle_count < LIB_LINKS_IDLE) {
        link->next = hf->idle;
        hf->idle = link;
        hf->idle_count++;
        link = NULL;
    }
    pthread_mutex_unlock(&hf->lock);
    if (link)
        link_free(link);
}

void lib_link_pause(struct hf *hf, unsigned generation, int64_t until_ms)
{
    int64_t retry_ms = lib_after_ms(LIB_RETRY_MS);
    pthread_mutex_lock(&hf->lock);
    unsigned cancels = hf->cancels;
    int64_t end_ms = retry_ms < until_ms ? retry_ms : until_ms;
    while (hf->generation == generation && hf->cancels == cancels && lib_left_ms(end_ms) != 0)
        lib_wait_changed(hf, end_ms);
    pthread_mutex_unlock(&hf->lock);
}

/* One attempt. HF_UNREACHABLE: may come right. */
static enum hf_result request_once(struct hf *hf, const char *method, json_t *parameters,
                                   int64_t until_ms, struct varlink_reply *out,
                                   unsigned *generation)
{
    struct lib_link *link;
    enum hf_result result = lib_link_take(hf, until_ms, UINT_MAX, &link);
    if (result != HF_OK)
        return result;
    *generation = link->generation;
    enum varlink_status status =
        varlink_call(&link->agent, method, json_incref(parameters), out, lib_left_ms(until_ms));
    bool ended = status == VARLINK_OK && lib_reply_is(out, "NoSuchSession");
    lib_link_give(hf, link, status == VARLINK_OK && !ended);
    if (status != VARLINK_OK)
        return lib_fail_status(hf, status);
    if (!ended)
        return HF_OK;
    result = lib_fail_reply(out);
    json_decref(out->parameters);
    return result;
}

enum hf_result lib_request(struct hf *hf, const char *method, json_t *parameters, int64_t until_ms,
                           struct varlink_reply *out, bool *again)
{
    unsigned generation = 0;
    enum hf_result result = request_once(hf, method, parameters, until_ms, out, &generation);
    *again = false;
    while (result == HF_UNREACHABLE && lib_left_ms(until_ms) != 0) {
        lib_link_pause(hf, generation, until_ms);
        *again = true;
        result = request_once(hf, method, parameters, until_ms, out, &generation);
    }
    json_decref(parameters);
    return result;
}
