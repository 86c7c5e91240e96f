/* Taking a session up again: see resume.h. */
#include "client/resume.h"

#include <string.h>

#include "client/agent.h"
#include "client/waiting.h"

static enum resume join(struct varlink *agent, const char *secret, int ms)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s}", "secret", secret);
    if (varlink_call(agent, AGENT_INTERFACE "JoinSession", p, &reply, ms) != VARLINK_OK)
        return RESUME_AGAIN;
    enum resume found = reply.error[0] != '\0'                   ? RESUME_OVER
                        : json_flag(reply.parameters, "resumed") ? RESUME_DONE
                                                                 : RESUME_AGAIN;
    json_decref(reply.parameters);
    return found;
}

enum resume resume_try(struct varlink *agent, struct watch *watch, const char *socket, int ms)
{
    long long until_ms = waiting_now_ms() + ms;
    varlink_close(agent);
    watch_close(watch);
    if (varlink_open(agent, socket) != VARLINK_OK)
        return RESUME_AGAIN;
    enum resume found = join(agent, watch->secret, ms);
    long long left_ms = until_ms - waiting_now_ms();
    if (found == RESUME_DONE && !watch_again(watch, socket, left_ms > 0 ? (int)left_ms : 0))
        found = RESUME_AGAIN;
    if (found != RESUME_DONE)
        varlink_close(agent);
    return found;
}

static bool listed(const json_t *operations, const char *hold)
{
    size_t index;
    const json_t *operation;
    json_array_foreach(operations, index, operation)
    {
        if (strcmp(json_text(operation, "hold"), hold) == 0)
            return strcmp(json_text(operation, "state"), "dropping") != 0;
    }
    return false;
}

const struct held_lock *resume_missing(struct varlink *agent, const struct held *held, int ms,
                                       bool *known)
{
    struct varlink_reply reply;
    const struct held_lock *missing = NULL;
    *known = varlink_call(agent, AGENT_INTERFACE "ListSession", NULL, &reply, ms) == VARLINK_OK;
    if (!*known)
        return NULL;
    const json_t *operations = json_object_get(reply.parameters, "operations");
    *known = json_is_array(operations);
    for (size_t i = 0; *known && i < held->count && !missing; i++)
        if (!held->locks[i].passed && !listed(operations, held->locks[i].hold))
            missing = &held->locks[i];
    json_decref(reply.parameters);
    return missing;
}

void resume_let_go(struct varlink *agent)
{
    struct varlink_reply list, reply;
    size_t index;
    const json_t *operation;
    if (varlink_call(agent, AGENT_INTERFACE "ListSession", NULL, &list, RESUME_ANSWER_MS) !=
        VARLINK_OK)
        return;
    json_array_foreach(json_object_get(list.parameters, "operations"), index, operation)
    {
        json_t *p = json_pack("{s:s}", "hold", json_text(operation, "hold"));
        if (varlink_call(agent, AGENT_INTERFACE "Release", p, &reply, RESUME_ANSWER_MS) !=
            VARLINK_OK)
            break;
        json_decref(reply.parameters);
    }
    json_decref(list.parameters);
}
