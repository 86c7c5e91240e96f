/* The locks that one `holdfast lock` asks for and holds: see held.h. */
#include "client/held.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"

const char *held_twice(const struct held *held)
{
    for (size_t i = 0; i < held->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(held->locks[i].name, held->locks[k].name) == 0)
                return held->locks[i].name;
    return NULL;
}

static bool take_one(struct held_lock *lock, json_t *from)
{
    const char *hold = json_text(from, "hold");
    snprintf(lock->hold, sizeof lock->hold, "%s", hold);
    lock->token = (unsigned long long)json_number(from, "token");
    lock->unclean = json_object_get(from, "unclean");
    lock->value = json_object_get(from, "value");
    return *hold && strlen(hold) < sizeof lock->hold;
}

bool held_take(struct held *held, json_t *reply)
{
    json_t *holds = json_object_get(reply, "holds");
    bool good = !held->several || json_array_size(holds) == held->count;
    held->reply = reply;
    for (size_t i = 0; good && i < held->count; i++) {
        json_t *from = held->several ? json_array_get(holds, i) : reply;
        good = take_one(&held->locks[i], from) &&
               (!held->several || strcmp(json_text(from, "name"), held->locks[i].name) == 0);
    }
    if (!good)
        held_drop(held);
    return good;
}

void held_drop(struct held *held)
{
    json_decref(held->reply);
    held->reply = NULL;
}

struct held_lock *held_find(struct held *held, const char *hold)
{
    for (size_t i = 0; i < held->count; i++)
        if (strcmp(held->locks[i].hold, hold) == 0)
            return &held->locks[i];
    return NULL;
}

const char *held_subject(const struct held *held, const json_t *reply)
{
    const char *waiting = json_text(reply, "waiting_for"), *name = json_text(reply, "name");
    if (*waiting)
        return waiting;
    if (*name)
        return name;
    return held->several ? NULL : held->locks[0].name;
}

void held_print(const struct held *held, json_t *out)
{
    json_t *list = json_array();
    for (size_t i = 0; i < held->count; i++) {
        const struct held_lock *lock = &held->locks[i];
        json_t *one = json_pack("{s:s, s:s, s:I, s:O, s:O, s:b}", "name", lock->name, "hold",
                                lock->hold, "token", (json_int_t)lock->token, "unclean",
                                json_is_object(lock->unclean) ? lock->unclean : json_null(),
                                "value", json_is_object(lock->value) ? lock->value : json_null(),
                                "passed", (int)lock->passed);
        if (!held->several)
            json_object_update(out, one);
        else
            json_array_append(list, one);
        json_decref(one);
    }
    if (held->several)
        json_object_set(out, "locks", list);
    json_decref(list);
}
