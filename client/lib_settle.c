/*
 * Settling: what the agent has of this session, and what is known here, become the same.
 *
 * Grants get lost: their reply is on its way when the connection breaks, or when a caller gives up.
 * So after each such end the keeper asks for the session's operations, and releases those that
 * stand for no hold and no call. That is safe at any time: an Acquire is in hf->calls before it is
 * sent, and its hold is in hf->holds before it leaves there; so what the agent told of, and is in
 * neither, is nobody's. Only a call that does not know its id yet could be anybody of its name:
 * then it is looked at again a little later.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "client/lib.h"

enum { SETTLE_FIRST_MS = 100, SETTLE_MAX_MS = 5000 };

/* What is to be released. */
struct due {
    char id[LIB_ID_SIZE];
    bool unclean;
    struct hf_hold *hold; /* FORGOTTEN, the keeper's to free; NULL: a grant that nobody heard of */
};

struct dues {
    struct due *list;
    size_t count;
    size_t room;
    bool failed;      /* out of memory: not all of them are here */
    bool unclear;     /* some could not be told yet */
    int64_t asked_ms; /* when the agent was asked, by lib_boot_ms() */
};

void lib_settle_soon(struct hf *hf)
{
    int64_t at_ms = lib_after_ms(SETTLE_FIRST_MS);
    hf->settle_wait_ms = SETTLE_FIRST_MS;
    if (hf->settle_at_ms > at_ms)
        hf->settle_at_ms = at_ms;
    lib_keeper_wake(hf);
}

/* With `lock` held: this one did not suffice. */
static void settle_again(struct hf *hf)
{
    hf->settle_at_ms = lib_after_ms(hf->settle_wait_ms);
    hf->settle_wait_ms *= 2;
    if (hf->settle_wait_ms > SETTLE_MAX_MS)
        hf->settle_wait_ms = SETTLE_MAX_MS;
}

static void due_add(struct dues *dues, const char *id, struct hf_hold *hold)
{
    if (dues->count == dues->room) {
        size_t room = dues->room ? 2 * dues->room : 16;
        struct due *list = realloc(dues->list, room * sizeof *list);
        if (!list) {
            dues->failed = true;
            return;
        }
        dues->list = list;
        dues->room = room;
    }
    struct due *due = &dues->list[dues->count++];
    *due = (struct due){.hold = hold, .unclean = hold && hold->unclean};
    memcpy(due->id, id, sizeof due->id);
}

/* --- What the agent has, and what is known here; all with `lock` held --- */

/* A call that may stand for the operation; *sure: it does. */
static bool call_for(const struct hf *hf, const struct lib_operation *op, bool *sure)
{
    const struct lib_call *call;
    bool perhaps = false;
    *sure = false;
    DL_FOREACH(hf->calls, call)
    {
        *sure = *sure || strcmp(call->id, op->id) == 0;
        for (size_t i = 0; i < call->count && call->id[0] == '\0'; i++)
            perhaps = perhaps || strcmp(call->names[i], op->name) == 0;
    }
    return *sure || perhaps;
}

/* What became of a change whose answer was lost; nobody waits for one now. */
static void compare_changed(struct hf_hold *hold, struct dues *dues, const struct lib_operation *op)
{
    if (op->state == LIB_OPERATION_CONVERTING || op->state == LIB_OPERATION_PASSING)
        dues->unclear = true;
    if (op->state != LIB_OPERATION_HELD)
        return;
    if (hold->state == LIB_PASSING)
        hold->state = LIB_HELD;
    hold->mode = op->now.mode;
    hold->grant.token = op->now.token;
}

/* What the agent listed may be older than what the change's own answer said. */
static bool changed_meanwhile(const struct hf_hold *hold)
{
    return hold->uses > 0 || hold->changes != hold->asked;
}

static void compare_operation(struct hf *hf, struct dues *dues, const struct lib_operation *op)
{
    struct hf_hold *hold = lib_hold_find(hf, op->id);
    bool sure;
    if (hold) {
        hold->listed = true;
        lib_lease_said(hold, dues->asked_ms, op->left_ms);
        if (!changed_meanwhile(hold))
            compare_changed(hold, dues, op);
        return;
    }
    bool called = call_for(hf, op, &sure);
    if (sure || op->state == LIB_OPERATION_DROPPING)
        return;
    if (called || op->state != LIB_OPERATION_HELD)
        dues->unclear = true; /* it is told its id, or on its way out */
    else
        due_add(dues, op->id, NULL);
}

static void compare(struct hf *hf, struct dues *dues, const json_t *operations)
{
    struct lib_operation op;
    struct hf_hold *hold;
    size_t index;
    json_t *operation;
    DL_FOREACH(hf->holds, hold)
    hold->listed = false;
    json_array_foreach(operations, index, operation)
    {
        if (lib_reply_operation(&op, operation, hf->session.name))
            compare_operation(hf, dues, &op);
    }
}

/*
 * What is not there was handed over, or, after a resume, is lost: nothing can have been granted
 * since. A hand-over that is under way is asked for again, and learns then.
 */
static void lose_unlisted(struct hf *hf, bool resumed)
{
    struct hf_hold *hold;
    DL_FOREACH(hf->holds, hold)
    {
        if (!hold->listed && hold->state == LIB_PASSING && !changed_meanwhile(hold))
            lib_hold_lose(hold, "it was handed over");
        else if (!hold->listed && hold->state == LIB_HELD && resumed)
            lib_hold_lose(hold, "the agent does not know this hold any more");
    }
}

static void add_forgotten(struct hf *hf, struct dues *dues)
{
    struct hf_hold *hold;
    DL_FOREACH(hf->holds, hold)
    {
        if (hold->state == LIB_FORGOTTEN)
            due_add(dues, hold->grant.id, hold);
    }
}

/* --- Talking to the agent --- */

static bool settle_call(struct hf *hf, struct varlink *agent, const char *method,
                        json_t *parameters, struct varlink_reply *reply)
{
    int ms = lib_lease_bound_ms(hf, LIB_QUICK_MS);
    return varlink_call(agent, method, parameters, reply, ms) == VARLINK_OK;
}

static bool release_due(struct hf *hf, struct varlink *agent, const struct due *due)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s}", "hold", due->id);
    if (due->unclean)
        json_object_set_new(p, "unclean", json_true());
    if (!settle_call(hf, agent, LIB_INTERFACE "Release", p, &reply))
        return false;
    bool over = reply.error[0] == '\0' || lib_reply_is(&reply, "NoSuchHold");
    json_decref(reply.parameters);
    if (over && due->hold) {
        pthread_mutex_lock(&hf->lock);
        bool unused = lib_hold_remove(due->hold);
        pthread_mutex_unlock(&hf->lock);
        if (unused)
            lib_hold_free(due->hold);
    }
    return over;
}

static bool list(struct hf *hf, struct varlink *agent, struct varlink_reply *reply)
{
    if (!settle_call(hf, agent, LIB_INTERFACE "ListSession", NULL, reply))
        return false;
    if (reply->error[0] == '\0' && json_is_array(json_object_get(reply->parameters, "operations")))
        return true;
    json_decref(reply->parameters);
    return false;
}

static void note_changes(struct hf *hf)
{
    struct hf_hold *hold;
    pthread_mutex_lock(&hf->lock);
    DL_FOREACH(hf->holds, hold)
    hold->asked = hold->changes;
    pthread_mutex_unlock(&hf->lock);
}

bool lib_settle(struct hf *hf, struct varlink *agent, enum lib_settle_kind kind)
{
    struct dues dues = {.asked_ms = lib_boot_ms()};
    struct varlink_reply reply = {0};
    note_changes(hf);
    bool good = kind == LIB_SETTLE_KNOWN || list(hf, agent, &reply);
    pthread_mutex_lock(&hf->lock);
    if (good) {
        add_forgotten(hf, &dues);
        if (kind != LIB_SETTLE_KNOWN) {
            compare(hf, &dues, json_object_get(reply.parameters, "operations"));
            lose_unlisted(hf, kind == LIB_SETTLE_RESUMED);
        }
    }
    pthread_mutex_unlock(&hf->lock);
    json_decref(reply.parameters);
    for (size_t i = 0; good && i < dues.count; i++)
        good = release_due(hf, agent, &dues.list[i]);
    free(dues.list);
    bool settled = good && !dues.failed && !dues.unclear;
    pthread_mutex_lock(&hf->lock);
    if (!settled)
        settle_again(hf);
    pthread_mutex_unlock(&hf->lock);
    return settled;
}

/* Over a link of the pool. */
static bool settle_over_link(struct hf *hf, enum lib_settle_kind kind, int64_t until_ms)
{
    struct lib_link *link;
    if (lib_link_take(hf, until_ms, UINT32_MAX, &link) != HF_OK)
        return false;
    bool settled = lib_settle(hf, &link->agent, kind);
    lib_link_give(hf, link, settled);
    return settled;
}

void lib_settle_due(struct hf *hf)
{
    pthread_mutex_lock(&hf->lock);
    bool due = hf->state == LIB_READY && lib_left_ms(hf->settle_at_ms) == 0;
    if (due)
        hf->settle_at_ms = INT64_MAX;
    pthread_mutex_unlock(&hf->lock);
    if (due && !settle_over_link(hf, LIB_SETTLE_LIST, lib_after_ms(LIB_QUICK_MS))) {
        pthread_mutex_lock(&hf->lock);
        if (hf->settle_at_ms == INT64_MAX)
            settle_again(hf);
        pthread_mutex_unlock(&hf->lock);
    }
}

bool lib_settle_wanted(struct hf *hf)
{
    struct hf_hold *hold;
    pthread_mutex_lock(&hf->lock);
    bool wanted = hf->settle_at_ms != INT64_MAX;
    DL_FOREACH(hf->holds, hold)
    wanted = wanted || hold->lapsed || (hold->state != LIB_LOST && hold->state != LIB_RELEASING);
    pthread_mutex_unlock(&hf->lock);
    return wanted;
}

bool lib_settle_all(struct hf *hf, int64_t until_ms)
{
    struct hf_hold *hold;
    bool wanted = lib_settle_wanted(hf);
    pthread_mutex_lock(&hf->lock);
    enum lib_settle_kind kind = hf->settle_at_ms == INT64_MAX ? LIB_SETTLE_KNOWN : LIB_SETTLE_LIST;
    DL_FOREACH(hf->holds, hold)
    {
        if (hold->state == LIB_HELD || hold->state == LIB_PASSING || hold->lapsed)
            hold->state = LIB_FORGOTTEN;
    }
    pthread_mutex_unlock(&hf->lock);
    while (wanted && !settle_over_link(hf, kind, until_ms)) {
        if (lib_left_ms(until_ms) == 0)
            return false;
        poll(NULL, 0, SETTLE_FIRST_MS);
    }
    return true;
}
