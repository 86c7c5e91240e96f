/* AcquireAll: several locks at once. */
#include "node/api.h"

#include <stdio.h>
#include <string.h>

#include "node/several.h"

static void api_bad_names(struct varlink_call *call, const char *reason)
{
    varlink_error(call, "org.holdfast.BadName", json_pack("{s:s}", "reason", reason));
}

static void api_too_many_names(struct varlink_call *call, size_t count)
{
    char reason[128];
    snprintf(reason, sizeof reason, "%zu names; at most %d can be taken at once", count,
             (int)SEVERAL_MAX);
    varlink_error(call, "org.holdfast.TooManyNames",
                  json_pack("{s:i s:s}", "most", (int)SEVERAL_MAX, "reason", reason));
}

/* Reads the names, which stay the parameters' own. 0: the call was answered. */
static size_t api_names(struct varlink_call *call, const json_t *parameters,
                        const char *names[SEVERAL_MAX])
{
    const json_t *list = frame_strings(parameters, "names");
    size_t count = json_array_size(list), order[SEVERAL_MAX];
    char reason[LOCK_NAME_MAX + 64];
    if (count > SEVERAL_MAX) {
        api_too_many_names(call, count);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!lock_name_valid((struct view){(const uint8_t *)names[i], strlen(names[i])})) {
            api_bad_names(call, "a name is 1 to 255 bytes of UTF-8 without control characters");
            return 0;
        }
    }
    const char *twice = several_order(order, names, count);
    if (count == 0)
        api_bad_names(call, "names is an empty list; name one lock at least");
    if (!twice)
        return count;
    snprintf(reason, sizeof reason, "%s is there twice; name each lock once", twice);
    api_bad_names(call, reason);
    return 0;
}

void api_acquire_all(struct varlink_call *call, const json_t *parameters)
{
    struct sessions *sessions = &api_of(call)->sessions;
    const char *names[SEVERAL_MAX];
    struct several_wish wish = {.names = names};
    struct session *session;
    struct holder holder;
    wish.count = api_names(call, parameters, names);
    if (wish.count == 0 || !api_acquire_request(call, parameters, &wish.request) ||
        !api_acquire_wishes(call, parameters, &wish.request) ||
        !api_acquire_holder(call, parameters, &session, &holder))
        return;
    wish.request.holder = &holder;
    several_ask(&sessions->operations, session, call, &wish);
}
