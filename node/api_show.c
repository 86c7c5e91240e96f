/* The methods that look at one lock, as a majority of its voters knows it: Show, Stamp, Validate.
 */
#include "node/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/render.h"
#include "node/render_fence.h"
#include "proto/must.h"

#define SHOW_AGAIN SPAN_MS(100) /* a look that comes too early is asked again */

enum { SHOW_TIMEOUT_MS = 5000 }; /* of one that names none: nobody wants to look for ever */

void api_bad_name(struct varlink_call *call)
{
    varlink_error(call, "org.holdfast.BadName",
                  json_pack("{s:s}", "reason",
                            "a name is 1 to 255 bytes of UTF-8 without control characters"));
}

struct api_show;

/* Answers the call, given what the lock was. */
typedef void (*api_shown)(const struct api_show *show, const struct answer *answer);

struct api_show {
    struct api *api;
    api_shown shown;
    uint64_t stamp; /* Validate: as given */
    struct varlink_call *call;
    uint64_t handle;
    struct instant deadline;
    struct alarm again; /* while this node's life does not count */
    char name[LOCK_NAME_MAX + 1];
};

static void api_show_end(struct api_show *show)
{
    agent_forget(show->api->agent, show->handle);
    clock_clear(show->api->sessions.clock, &show->again);
    free(show);
}

static void api_show_cancelled(struct varlink_call *call)
{
    api_show_end(call->owner);
}

/* False: the time of the call is over. */
static bool api_show_again(struct api_show *show)
{
    struct instant again = instant_after(clock_now(), SHOW_AGAIN);
    agent_forget(show->api->agent, show->handle);
    show->handle = 0;
    if (instant_reached(again, show->deadline))
        return false;
    clock_set(show->api->sessions.clock, &show->again, again);
    return true;
}

static void api_show_answer(void *context, const struct answer *answer)
{
    struct api_show *show = context;
    struct varlink_call *call = show->call;
    switch (answer->kind) {
    case ANSWER_SHOWN:
        show->shown(show, answer);
        break;
    case ANSWER_TIMED_OUT:
        varlink_error(call, "org.holdfast.TimedOut",
                      json_pack("{s:s s:i s:[] s:o}", "reason", "unknown", "place", 0, "holders",
                                "stale", render_fence_stale(show->api->agent, &answer->stale)));
        break;
    case ANSWER_NO_MAJORITY:
        varlink_error(call, "org.holdfast.NoMajority",
                      json_pack("{s:I s:I}", "reachable", (json_int_t)answer->reachable, "cohort",
                                (json_int_t)answer->cohort));
        break;
    case ANSWER_FULL:
        varlink_error(call, "org.holdfast.QueueFull", NULL);
        break;
    case ANSWER_NOT_READY:
        if (api_show_again(show))
            return;
        varlink_error(call, "org.holdfast.NotReady",
                      json_pack("{s:s}", "reason", "this node's life does not count yet"));
        break;
    case ANSWER_LOG_FAILED:
        varlink_error(call, "org.holdfast.LogFailed",
                      json_pack("{s:s}", "reason", RENDER_LOG_FAILED));
        break;
    case ANSWER_BAD_NAME:
        api_bad_name(call);
        break;
    case ANSWER_INFO_FULL:
    case ANSWER_ACCEPTED:
    case ANSWER_WAITING:
    case ANSWER_GRANTED:
    case ANSWER_BUSY:
    case ANSWER_DROPPED:
    case ANSWER_UNKNOWN:
    case ANSWER_BLOCKING:
    case ANSWER_LIFE_ENDED:
    case ANSWER_AT_RISK:
    case ANSWER_SAFE:
    case ANSWER_LOST:
    case ANSWER_CHANGED:
    case ANSWER_CHANGING:
    case ANSWER_MOVED:
    case ANSWER_FORGOTTEN:
    case ANSWER_DEADLOCK:
    case ANSWER_NOT_WRITER:
    case ANSWER_OTHER_MARK:
    case ANSWER_NO_WAITER:
    case ANSWER_PASSED:
    case ANSWER_NOT_HELD:
    case ANSWER_SUBMITTED:
    case ANSWER_REFUSED:
    case ANSWER_DRAINED:
    case ANSWER_DRAINING:
        return; /* not about a Show, or not the end of it */
    }
    api_show_end(show);
}

static void api_show_ask(void *context)
{
    struct api_show *show = context;
    struct event event = {.kind = EVENT_SHOW};
    event.show.name = api_view(show->name);
    event.show.deadline = show->deadline;
    show->handle = agent_ask(show->api->agent, &event, api_show_answer, show);
}

/* NULL: the call was answered with what is wrong about it. */
static struct api_show *api_show_new(struct varlink_call *call, const json_t *parameters,
                                     api_shown shown)
{
    const char *name = frame_string(parameters, "name", "");
    struct instant deadline;
    if (!api_deadline(&deadline, frame_int(parameters, "timeout_ms", SHOW_TIMEOUT_MS))) {
        varlink_invalid(call, "timeout_ms");
        return NULL;
    }
    if (!lock_name_valid(api_view(name))) {
        api_bad_name(call);
        return NULL;
    }
    struct api_show *show = calloc(1, sizeof *show);
    must(show);
    show->api = api_of(call);
    show->shown = shown;
    show->call = call;
    memcpy(show->name, name, strlen(name) + 1);
    call->owner = show;
    call->cancel = api_show_cancelled;
    show->deadline = deadline;
    show->again = (struct alarm){.ring = api_show_ask, .context = show};
    return show;
}

/* --- Show --- */

static void api_shown_lock(const struct api_show *show, const struct answer *answer)
{
    varlink_reply(
        show->call,
        json_pack("{s:o}", "lock", render_lock(show->api->agent, api_view(show->name), answer)));
}

void api_show(struct varlink_call *call, const json_t *parameters)
{
    struct api_show *show = api_show_new(call, parameters, api_shown_lock);
    if (show)
        api_show_ask(show);
}

/* --- Stamp, Validate: the optimistic read (design section 6) --- */

/* Why the data may be in the midst of a change, or half written; NULL if it is not. */
static const char *api_unstable(const struct lock_state *state)
{
    switch (lock_stability(state)) {
    case LOCK_STABLE:
        return NULL;
    case LOCK_BEING_WRITTEN:
        return "somebody holds it in a mode that writes: wait until it is released, or take the "
               "lock";
    case LOCK_LEFT_UNCLEAN:
        return "its last writing holder went uncleanly: take the lock, look at the data, and clear "
               "the mark";
    }
    return NULL;
}

static void api_stamped(const struct api_show *show, const struct answer *answer)
{
    const struct lock_state *s = answer->state;
    const char *why = api_unstable(s);
    char stamp[24];
    if (why) {
        varlink_error(show->call, "org.holdfast.Unstable",
                      json_pack("{s:s s:o s:o}", "reason", why, "holders",
                                render_lock_holders(show->api->agent, s), "mark",
                                render_fence_mark(show->api->agent, &s->mark)));
        return;
    }
    snprintf(stamp, sizeof stamp, "%" PRIu64, s->generation);
    varlink_reply(show->call, json_pack("{s:s s:I s:o}", "stamp", stamp, "token",
                                        (json_int_t)s->token, "value", render_value(&s->value)));
}

static void api_validated(const struct api_show *show, const struct answer *answer)
{
    varlink_reply(show->call,
                  json_pack("{s:b}", "valid", (int)(answer->state->generation == show->stamp)));
}

void api_stamp(struct varlink_call *call, const json_t *parameters)
{
    struct api_show *show = api_show_new(call, parameters, api_stamped);
    if (show)
        api_show_ask(show);
}

void api_validate(struct varlink_call *call, const json_t *parameters)
{
    const char *text = frame_string(parameters, "stamp", "");
    uint64_t stamp = 0;
    int used = 0;
    if (sscanf(text, "%20[0-9]%n", (char[21]){0}, &used) != 1 || text[used] ||
        sscanf(text, "%" SCNu64, &stamp) != 1) {
        varlink_invalid(call, "stamp");
        return;
    }
    struct api_show *show = api_show_new(call, parameters, api_validated);
    if (!show)
        return;
    show->stamp = stamp;
    api_show_ask(show);
}
