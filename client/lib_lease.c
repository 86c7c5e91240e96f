/*
 * Until when holds under `expire` last if the agent says nothing more.
 *
 * An agent renews leases in silence, and may hang for a while before it dies. So the keeper asks
 * for the session's operations four times in a TTL (a settle does so), and counts a lease's end
 * from when it asked. Before the first answer it is half a TTL after the grant: one that is half
 * over is told as at risk with its grant. While the agent is away a hold is lost at that end: then
 * others may be let in, and no agent is there to stop what acts under it.
 */
#include <time.h>

#include <utlist.h>

#include "client/lib.h"
#include "proto/limits.h"

enum {
    LEASE_ASK_PART = 4,
    LEASE_LOSE_MS = 20 /* so much before its end, for the program to hear of it */
};

int64_t lib_boot_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t lib_lease_ttl(const struct hf_options *o)
{
    bool writes = o->mode == HF_EXCLUSIVE || o->mode == HF_PW || o->mode == HF_CW;
    if (o->stale != HF_STALE_EXPIRE && (o->stale != HF_STALE_DEFAULT || writes))
        return 0;
    return o->ttl_ms > 0 ? o->ttl_ms : LEASE_TTL_DEFAULT_MS;
}

/* Has the keeper ask when the soonest question is due. */
static void lease_plan(struct hf *hf, const struct hf_hold *hold)
{
    int64_t at_ms = lib_after_ms(hold->ttl_ms / LEASE_ASK_PART);
    if (hf->lease_at_ms > at_ms)
        hf->lease_at_ms = at_ms;
}

void lib_lease_granted(struct hf_hold *hold)
{
    struct hf *hf = hold->hf;
    int64_t before_ms = hf->lease_at_ms;
    if (hold->ttl_ms == 0)
        return;
    hold->end_ms = lib_boot_ms() + hold->ttl_ms / 2;
    lease_plan(hf, hold);
    if (hf->lease_at_ms < before_ms)
        lib_keeper_wake(hf);
}

void lib_lease_said(struct hf_hold *hold, int64_t asked_ms, int64_t left_ms)
{
    int64_t end_ms = asked_ms + (left_ms < hold->ttl_ms ? left_ms : hold->ttl_ms);
    if (end_ms > hold->end_ms) /* what was said once stays true */
        hold->end_ms = end_ms;
}

void lib_lease_due(struct hf *hf)
{
    const struct hf_hold *hold;
    pthread_mutex_lock(&hf->lock);
    if (hf->lease_at_ms != INT64_MAX && lib_left_ms(hf->lease_at_ms) == 0) {
        hf->lease_at_ms = INT64_MAX;
        DL_FOREACH(hf->holds, hold)
        {
            if (hold->ttl_ms > 0 && hold->state == LIB_HELD)
                lease_plan(hf, hold);
        }
        if (hf->lease_at_ms != INT64_MAX)
            hf->settle_at_ms = lib_now_ms();
    }
    pthread_mutex_unlock(&hf->lock);
}

bool lib_lease_over(const struct hf_hold *hold)
{
    return hold->ttl_ms > 0 && lib_boot_ms() >= hold->end_ms - LEASE_LOSE_MS;
}

void lib_lease_away(struct hf *hf)
{
    struct hf_hold *hold;
    if (hf->state != LIB_AWAY)
        return;
    DL_FOREACH(hf->holds, hold)
    {
        if (hold->state != LIB_HELD || !lib_lease_over(hold))
            continue;
        hold->lapsed = true;
        lib_hold_lose(hold, "its lease is over, and the agent is away");
    }
}

int lib_lease_bound_ms(struct hf *hf, int ms)
{
    const struct hf_hold *hold;
    pthread_mutex_lock(&hf->lock);
    lib_lease_away(hf);
    DL_FOREACH(hf->holds, hold)
    {
        int64_t left_ms = hold->end_ms - LEASE_LOSE_MS - lib_boot_ms();
        if (hf->state == LIB_AWAY && hold->state == LIB_HELD && hold->ttl_ms > 0 && left_ms < ms)
            ms = left_ms > 0 ? (int)left_ms : 0;
    }
    pthread_mutex_unlock(&hf->lock);
    return ms;
}
