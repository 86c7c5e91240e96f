/*
 * The keeper: owns the session, hears what happens to its holds, and takes it up again when the
 * agent comes back.
 *
 *     READY --its connection ends--> AWAY --connect, resume or open anew, settle, Watch--> READY
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include <utlist.h>

#include "client/lib.h"

enum {
    KEEPER_RETRY_FIRST_MS = 20, /* between two attempts to connect, doubled up to */
    KEEPER_RETRY_MAX_MS = 500,
    KEEPER_LASTS_MS = 1000, /* until a connection counts as good */
    KEEPER_JOIN_MS = 50,    /* until the agent has noticed that our old connection is gone */
    KEEPER_STACK = 256 * 1024
};

void lib_keeper_wake(struct hf *hf)
{
    (void)eventfd_write(hf->wake_fd, 1);
}

static void keeper_sleep(const struct hf *hf, int ms)
{
    struct pollfd p = {.fd = hf->wake_fd, .events = POLLIN};
    poll(&p, 1, ms);
}

/* --- The session --- */

/* A plain call on the keeper's connection; an error reply counts as an answer. */
static enum hf_result keeper_call(struct hf *hf, const char *method, json_t *parameters,
                                  struct varlink_reply *reply)
{
    int ms = lib_lease_bound_ms(hf, LIB_QUICK_MS);
    enum varlink_status status = varlink_call(&hf->watch, method, parameters, reply, ms);
    return status == VARLINK_OK ? HF_OK : lib_fail_status(hf, status);
}

static enum hf_result keeper_take_session(struct lib_session *session, struct varlink_reply *reply)
{
    enum hf_result result = HF_OK;
    if (reply->error[0] != '\0')
        result = lib_fail_reply(reply);
    else if (!lib_reply_session(session, reply->parameters))
        result = lib_fail(HF_GARBLED, "the agent's session is not understood");
    json_decref(reply->parameters);
    return result;
}

static enum hf_result keeper_open_session(struct hf *hf)
{
    struct varlink_reply reply;
    struct lib_session session = {0};
    enum hf_result result = keeper_call(hf, LIB_INTERFACE "OpenSession", NULL, &reply);
    if (result == HF_OK)
        result = keeper_take_session(&session, &reply);
    if (result == HF_OK) {
        pthread_mutex_lock(&hf->lock);
        hf->session = session;
        pthread_mutex_unlock(&hf->lock);
    }
    explicit_bzero(session.secret, sizeof session.secret);
    return result;
}

/* The session cannot be resumed: nothing of it is held any more. */
static void keeper_lose_session(struct hf *hf, const char *why)
{
    struct hf_hold *hold, *next;
    pthread_mutex_lock(&hf->lock);
    DL_FOREACH_SAFE(hf->holds, hold, next)
    {
        hold->left_behind = true;
        hold->lapsed = false;
        lib_hold_lose(hold, why);
        if (hold->state == LIB_FORGOTTEN && lib_hold_remove(hold))
            lib_hold_free(hold);
    }
    hf->settle_at_ms = INT64_MAX;
    explicit_bzero(&hf->session, sizeof hf->session);
    pthread_mutex_unlock(&hf->lock);
}

/* Takes the session up again. HF_OK with *resumed false: it is over, and everything in it. */
static enum hf_result keeper_resume(struct hf *hf, bool *resumed)
{
    int64_t until_ms = lib_after_ms(LIB_QUICK_MS);
    *resumed = false;
    do {
        struct varlink_reply reply;
        struct lib_session session = {0};
        json_t *p = json_pack("{s:s}", "secret", hf->session.secret);
        enum hf_result result = keeper_call(hf, LIB_INTERFACE "JoinSession", p, &reply);
        if (result != HF_OK)
            return result;
        bool refused = reply.error[0] != '\0';
        result = keeper_take_session(&session, &reply);
        *resumed = result == HF_OK && session.resumed;
        if (*resumed)
            return HF_OK;
        if (refused) {
            keeper_lose_session(hf, hf_error_detail());
            return HF_OK;
        }
        if (result != HF_OK)
            return result;
        /* It has an owner still: the agent has yet to see the end of our old connection. */
        poll(NULL, 0, KEEPER_JOIN_MS);
    } while (lib_left_ms(until_ms) != 0);
    return lib_fail(HF_UNREACHABLE, "the agent does not see that our old connection ended");
}

static enum hf_result keeper_watch(struct hf *hf)
{
    enum varlink_status status =
        varlink_send(&hf->watch, LIB_INTERFACE "Watch",
                     json_pack("{s:[s s s s s s]}", "kinds", "blocking", "at-risk", "safe",
                               "passed", "lost", "draining"),
                     VARLINK_MORE);
    return status == VARLINK_OK ? HF_OK : lib_fail_status(hf, status);
}

/* From nothing to a session that is watched. On failure the connection is closed. */
static enum hf_result keeper_connect(struct hf *hf)
{
    bool resumed = false;
    enum varlink_status status = varlink_open(&hf->watch, hf->path);
    if (status != VARLINK_OK)
        return lib_fail_status(hf, status);
    enum hf_result result = HF_OK;
    if (hf->session.secret[0] != '\0')
        result = keeper_resume(hf, &resumed);
    if (result == HF_OK && !resumed)
        result = keeper_open_session(hf);
    /* What is not settled yet is so later; what matters here is that the connection is good. */
    if (result == HF_OK && resumed)
        (void)lib_settle(hf, &hf->watch, LIB_SETTLE_RESUMED);
    if (result == HF_OK)
        result = keeper_watch(hf);
    if (result != HF_OK)
        varlink_close(&hf->watch);
    return result;
}

/* --- Away and back --- */

static void keeper_away(struct hf *hf, const char *reason)
{
    varlink_close(&hf->watch);
    pthread_mutex_lock(&hf->lock);
    struct lib_link *links = hf->idle;
    hf->idle = NULL;
    hf->idle_count = 0;
    hf->generation++;
    hf->state = LIB_AWAY;
    lib_event_put(hf, HF_EVENT_AWAY, NULL, HF_EXCLUSIVE, reason);
    pthread_cond_broadcast(&hf->changed);
    pthread_mutex_unlock(&hf->lock);
    lib_link_free_all(links);
}

static void keeper_back(struct hf *hf)
{
    struct hf_hold *hold;
    pthread_mutex_lock(&hf->lock);
    DL_FOREACH(hf->holds, hold)
    hold->at_risk = false; /* Watch says it anew */
    hf->state = LIB_READY;
    if (hf->lease_at_ms != INT64_MAX)
        hf->lease_at_ms = lib_now_ms();
    lib_event_put(hf, HF_EVENT_RECONNECTED, NULL, HF_EXCLUSIVE, "");
    pthread_cond_broadcast(&hf->changed);
    pthread_mutex_unlock(&hf->lock);
}

/* --- Events --- */

static void keeper_hear(struct hf *hf, const struct lib_event *event)
{
    if (event->kind == LIB_EVENT_NONE)
        return;
    pthread_mutex_lock(&hf->lock);
    struct hf_hold *hold = lib_hold_find(hf, event->id);
    if (hold)
        lib_hold_hear(hold, event);
    else /* its grant may be in another thread's hands still */
        hf->early[hf->early_count++ % LIB_EARLY_MAX] = *event;
    pthread_mutex_unlock(&hf->lock);
}

/* All that was received. False: the stream is over, and *reason (static) says why. */
static bool keeper_take(struct hf *hf, const char **reason)
{
    for (;;) {
        struct varlink_reply reply;
        struct lib_event event;
        enum varlink_status status = varlink_take(&hf->watch, &reply);
        if (status == VARLINK_AGAIN)
            return true;
        *reason = varlink_status_text(status);
        if (status != VARLINK_OK)
            return false;
        bool good = reply.error[0] == '\0' && lib_reply_event(&event, reply.parameters);
        if (good)
            keeper_hear(hf, &event);
        bool last = !reply.continues;
        json_decref(reply.parameters);
        *reason = "the agent ended the session";
        if (last || !good)
            return false;
    }
}

static void keeper_listen(struct hf *hf)
{
    const char *reason;
    pthread_mutex_lock(&hf->lock);
    int64_t at_ms = hf->settle_at_ms < hf->lease_at_ms ? hf->settle_at_ms : hf->lease_at_ms;
    pthread_mutex_unlock(&hf->lock);
    struct pollfd p[2] = {{.fd = hf->watch.fd, .events = POLLIN},
                          {.fd = hf->wake_fd, .events = POLLIN}};
    poll(p, 2, lib_left_ms(at_ms));
    if (p[0].revents != 0) {
        enum varlink_status status = varlink_fill(&hf->watch);
        bool good = keeper_take(hf, &reason);
        if (status != VARLINK_OK || !good) {
            keeper_away(hf, good ? varlink_status_text(status) : reason);
            return;
        }
    }
    lib_lease_due(hf);
    lib_settle_due(hf);
}

/* --- The thread --- */

static bool keeper_closing(struct hf *hf)
{
    eventfd_t nothing;
    (void)eventfd_read(hf->wake_fd, &nothing);
    pthread_mutex_lock(&hf->lock);
    bool closing = hf->closing;
    pthread_mutex_unlock(&hf->lock);
    return closing;
}

/* Between attempts to connect, and before a connection that did not last is made anew. */
struct pause {
    int ms; /* 0: none */
    int64_t connected_ms;
};

static void pause_more(struct pause *pause)
{
    int more_ms = pause->ms ? 2 * pause->ms : KEEPER_RETRY_FIRST_MS;
    pause->ms = more_ms < KEEPER_RETRY_MAX_MS ? more_ms : KEEPER_RETRY_MAX_MS;
}

/* Connects if it must, and hears what there is. */
static void keeper_turn(struct hf *hf, struct pause *pause, int64_t until_ms)
{
    if (hf->watch.fd >= 0) {
        keeper_listen(hf);
        if (lib_now_ms() - pause->connected_ms > KEEPER_LASTS_MS)
            pause->ms = 0;
        return;
    }
    int left_ms = lib_left_ms(until_ms);
    int sleep_ms = left_ms >= 0 && left_ms < pause->ms ? left_ms : pause->ms;
    keeper_sleep(hf, lib_lease_bound_ms(hf, sleep_ms));
    if (keeper_connect(hf) == HF_OK)
        keeper_back(hf);
    pause->connected_ms = lib_now_ms();
    pause_more(pause);
}

static void *keeper_run(void *context)
{
    struct hf *hf = context;
    struct pause pause = {.connected_ms = lib_now_ms()};
    while (!keeper_closing(hf))
        keeper_turn(hf, &pause, INT64_MAX);
    int64_t until_ms = lib_after_ms(LIB_CLOSE_MS);
    while (hf->watch.fd < 0 && lib_settle_wanted(hf) && lib_left_ms(until_ms) != 0)
        keeper_turn(hf, &pause, until_ms);
    hf->unsettled = !lib_settle_all(hf, until_ms);
    varlink_close(&hf->watch);
    return NULL;
}

enum hf_result lib_keeper_start(struct hf *hf)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    enum hf_result result = keeper_connect(hf);
    if (result != HF_OK)
        return result;
    hf->state = LIB_READY;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, KEEPER_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&hf->keeper, &attributes, keeper_run, hf);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        return HF_OK;
    varlink_close(&hf->watch);
    return lib_fail(HF_NO_MEMORY, "no thread can be started: %s", strerror(error));
}

void lib_keeper_stop(struct hf *hf)
{
    pthread_mutex_lock(&hf->lock);
    hf->closing = true;
    pthread_mutex_unlock(&hf->lock);
    lib_keeper_wake(hf);
    pthread_join(hf->keeper, NULL);
}
