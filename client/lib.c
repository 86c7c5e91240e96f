/* Connections: see holdfast.h; how they work stands in lib.h. */
#include "client/lib.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

static const char *open_path(const char *path)
{
    const char *named = secure_getenv("HOLDFAST_SOCKET");
    if (path)
        return path;
    return named && *named ? named : LIB_SOCKET_DEFAULT;
}

/* Memory and descriptors; nothing is shared with anybody yet. */
static struct hf *open_empty(const char *path)
{
    pthread_condattr_t attributes;
    struct hf *hf = calloc(1, sizeof *hf);
    if (!hf)
        return NULL;
    hf->pid = getpid();
    hf->path = strdup(path);
    hf->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    hf->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    hf->watch.fd = -1;
    hf->patience_ms = LIB_PATIENCE_MS;
    hf->settle_at_ms = hf->lease_at_ms = INT64_MAX;
    pthread_mutex_init(&hf->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hf->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return hf;
}

static void close_all(struct hf *hf)
{
    struct hf_hold *hold, *next;
    DL_FOREACH_SAFE(hf->holds, hold, next)
    lib_hold_free(hold);
    lib_link_free_all(hf->idle);
    lib_event_forget_all(hf);
    varlink_close(&hf->watch);
    if (hf->event_fd >= 0)
        close(hf->event_fd);
    if (hf->wake_fd >= 0)
        close(hf->wake_fd);
    pthread_cond_destroy(&hf->changed);
    pthread_mutex_destroy(&hf->lock);
    explicit_bzero(&hf->session, sizeof hf->session);
    free(hf->path);
    free(hf);
}

enum hf_result hf_open(const char *path, struct hf **out)
{
    *out = NULL;
    struct hf *hf = open_empty(open_path(path));
    if (!hf)
        return lib_fail(HF_NO_MEMORY, "no memory is left");
    enum hf_result result = HF_OK;
    if (!hf->path || hf->event_fd < 0 || hf->wake_fd < 0)
        result = lib_fail(HF_NO_MEMORY, "no memory, or no descriptor, is left");
    if (result == HF_OK)
        result = lib_keeper_start(hf);
    if (result == HF_OK)
        *out = hf;
    else
        close_all(hf);
    return result;
}

enum hf_result hf_close(struct hf *hf)
{
    if (!hf)
        return HF_OK;
    if (lib_check_process(hf) != HF_OK) {
        /* The parent's threads may have been in the midst of anything: no memory is touched. */
        close(hf->watch.fd);
        close(hf->event_fd);
        close(hf->wake_fd);
        return HF_OK;
    }
    lib_keeper_stop(hf);
    enum hf_result result = HF_OK;
    if (hf->unsettled)
        result = lib_fail(HF_UNREACHABLE, "the agent at %s did not confirm the release", hf->path);
    close_all(hf);
    return result;
}

enum hf_result hf_set_patience(struct hf *hf, int64_t patience_ms)
{
    enum hf_result result = lib_check_process(hf);
    if (result != HF_OK)
        return result;
    if (patience_ms < 0)
        return lib_fail(HF_BAD_OPTION, "patience_ms: %lld is negative", (long long)patience_ms);
    pthread_mutex_lock(&hf->lock);
    hf->patience_ms = patience_ms;
    pthread_mutex_unlock(&hf->lock);
    return HF_OK;
}

enum hf_result hf_cancel(struct hf *hf)
{
    const struct lib_call *call;
    enum hf_result result = lib_check_process(hf);
    if (result != HF_OK)
        return result;
    pthread_mutex_lock(&hf->lock);
    hf->cancels++;
    DL_FOREACH(hf->calls, call)
    {
        if (!call->fixed)
            shutdown(call->fd, SHUT_RDWR);
    }
    pthread_cond_broadcast(&hf->changed);
    pthread_mutex_unlock(&hf->lock);
    return HF_OK;
}
