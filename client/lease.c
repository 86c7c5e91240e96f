/* The ends of leases, as the agent said them last: see lease.h. */
#include "client/lease.h"

#include <string.h>

#include "client/agent.h"
#include "client/waiting.h"

enum { ASK_PART = 4 }; /* so often in a TTL: it is renewed more seldom than that */

void lease_begin(struct lease *l, struct held *held, long long ttl_ms)
{
    long long now_ms = waiting_now_ms();
    *l = (struct lease){.ttl_ms = ttl_ms, .ask_at_ms = now_ms + ttl_ms / ASK_PART};
    for (size_t i = 0; i < held->count; i++)
        held->locks[i].end_ms = now_ms + ttl_ms / 2;
}

bool lease_ask(struct lease *l, struct varlink *agent)
{
    long long now_ms = waiting_now_ms();
    if (l->ttl_ms == 0 || l->asked_ms != 0 || now_ms < l->ask_at_ms)
        return true;
    l->asked_ms = now_ms;
    l->ask_at_ms = now_ms + l->ttl_ms / ASK_PART;
    return varlink_send(agent, AGENT_INTERFACE "ListSession", NULL, VARLINK_PLAIN) == VARLINK_OK;
}

long long lease_sleep_ms(const struct lease *l)
{
    if (l->ttl_ms == 0 || l->asked_ms != 0)
        return -1;
    long long left_ms = l->ask_at_ms - waiting_now_ms();
    return left_ms > 0 ? left_ms : 0;
}

void lease_take(struct lease *l, struct held *held, const json_t *reply)
{
    size_t index;
    const json_t *operation;
    if (l->asked_ms == 0)
        return;
    json_array_foreach(json_object_get(reply, "operations"), index, operation)
    {
        struct held_lock *lock = held_find(held, json_text(operation, "hold"));
        long long left_ms = json_number(operation, "left_ms");
        long long end_ms = l->asked_ms + (left_ms < l->ttl_ms ? left_ms : l->ttl_ms);
        if (lock && end_ms > lock->end_ms) /* what was said once stays true */
            lock->end_ms = end_ms;
    }
    l->asked_ms = 0;
}

bool lease_settle(struct lease *l, struct held *held, struct varlink *agent, int ms)
{
    struct varlink_reply reply;
    if (l->asked_ms == 0)
        return true;
    if (varlink_receive(agent, &reply, ms) != VARLINK_OK)
        return false;
    lease_take(l, held, reply.parameters);
    json_decref(reply.parameters);
    return true;
}

void lease_again(struct lease *l)
{
    l->asked_ms = 0;
    l->ask_at_ms = waiting_now_ms();
}

long long lease_left_ms(const struct lease *l, const struct held *held)
{
    long long now_ms = waiting_now_ms(), left_ms = l->ttl_ms;
    if (l->ttl_ms == 0)
        return -1;
    for (size_t i = 0; i < held->count; i++)
        if (!held->locks[i].passed && held->locks[i].end_ms - now_ms < left_ms)
            left_ms = held->locks[i].end_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

bool lease_at_risk(const struct lease *l, const struct held *held)
{
    bool at_risk = false;
    for (size_t i = 0; l->ttl_ms > 0 && i < held->count; i++)
        at_risk = at_risk || (held->locks[i].at_risk && !held->locks[i].passed);
    return at_risk;
}
