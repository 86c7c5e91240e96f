/* Events that nobody has taken yet, and the descriptor that says that there are some. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utlist.h>

#include "client/lib.h"

static void event_free(struct hf *hf, struct lib_queued *queued)
{
    eventfd_t nothing;
    DL_DELETE(hf->events, queued);
    free(queued);
    if (!hf->events)
        (void)eventfd_read(hf->event_fd, &nothing);
}

void lib_event_put(struct hf *hf, enum hf_event_kind kind, struct hf_hold *hold, enum hf_mode mode,
                   const char *reason)
{
    struct lib_queued *queued, *next;
    struct lib_queued *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return; /* hf_held() knows all the same */
    DL_FOREACH_SAFE(hf->events, queued, next)
    {
        if (queued->kind == kind && queued->hold == hold)
            event_free(hf, queued);
    }
    fresh->kind = kind;
    fresh->hold = hold;
    fresh->mode = mode;
    snprintf(fresh->reason, sizeof fresh->reason, "%s", reason);
    if (!hf->events)
        (void)eventfd_write(hf->event_fd, 1);
    DL_APPEND(hf->events, fresh);
    pthread_cond_broadcast(&hf->changed);
}

void lib_event_forget(struct hf *hf, const struct hf_hold *hold)
{
    struct lib_queued *queued, *next;
    DL_FOREACH_SAFE(hf->events, queued, next)
    {
        if (queued->hold == hold)
            event_free(hf, queued);
    }
}

void lib_event_forget_all(struct hf *hf)
{
    struct lib_queued *queued, *next;
    DL_FOREACH_SAFE(hf->events, queued, next)
    event_free(hf, queued);
}

int hf_fd(struct hf *hf)
{
    return lib_check_process(hf) == HF_OK ? hf->event_fd : -1;
}

/* What a newer program's struct has behind ours is empty. */
static void event_copy(struct hf_event *out, const struct lib_queued *queued)
{
    size_t size = out->size;
    memset(out, 0, size);
    out->size = size;
    out->kind = queued->kind;
    out->hold = queued->hold;
    out->mode = queued->mode;
    snprintf(out->reason, sizeof out->reason, "%s", queued->reason);
}

enum hf_result hf_next_event(struct hf *hf, struct hf_event *out, int timeout_ms)
{
    int64_t until_ms = timeout_ms < 0 ? INT64_MAX : lib_after_ms(timeout_ms);
    enum hf_result result = lib_check_process(hf);
    if (result != HF_OK)
        return result;
    if (out->size < sizeof *out)
        return lib_fail(HF_BAD_OPTION, "size: %zu is not that of a struct hf_event", out->size);
    pthread_mutex_lock(&hf->lock);
    unsigned cancels = hf->cancels;
    while (!hf->events && hf->cancels == cancels && lib_left_ms(until_ms) != 0)
        lib_wait_changed(hf, until_ms);
    struct lib_queued *first = hf->events;
    if (first) {
        event_copy(out, first);
        event_free(hf, first);
    } else if (hf->cancels != cancels) {
        result = lib_fail(HF_CANCELLED, "hf_cancel() was called");
    } else {
        result = lib_fail(HF_TIMED_OUT, "nothing has happened");
    }
    pthread_mutex_unlock(&hf->lock);
    return result;
}
