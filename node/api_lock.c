/* The methods that take and give: sessions, Acquire, Release, Watch. */
#include "node/api.h"

#include <stdio.h>

#include "node/render.h"

static void api_refuse(struct varlink_call *call, enum session_status status)
{
    const char *reason = "";
    switch (status) {
    case SESSION_OK:
    case SESSION_UNKNOWN:
        varlink_error(call, "org.holdfast.NoSuchSession", NULL);
        return;
    case SESSION_UNSEEN:
        reason = "the agent cannot see the process that connected (it has ended, or runs in a pid "
                 "namespace of its own), so it could not watch its locks";
        break;
    case SESSION_OTHER_USER:
        reason = "the session is another user's";
        break;
    case SESSION_OTHER_PROCESS:
        reason = "only a process that acts under all of the session's locks can resume it";
        break;
    case SESSION_TAKEN:
        reason = "this connection is in another session";
        break;
    case SESSION_FULL:
        reason = "this user has too many sessions; those whose client is gone count until their "
                 "processes have ended";
        break;
    }
    varlink_error(call, "org.holdfast.NotPermitted", json_pack("{s:s}", "reason", reason));
}

void api_open_session(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    enum session_status status;
    struct session *s = session_of(&api_of(call)->sessions, call->connection, &status);
    if (!s)
        api_refuse(call, status);
    else
        varlink_reply(call, json_pack("{s:s s:s}", "session", s->name, "secret", s->secret));
}

void api_join_session(struct varlink_call *call, const json_t *parameters)
{
    bool resumed = false;
    enum session_status status = session_join(&api_of(call)->sessions, call->connection,
                                              frame_string(parameters, "secret", ""), &resumed);
    if (status != SESSION_OK) {
        api_refuse(call, status);
        return;
    }
    varlink_reply(call, json_pack("{s:s s:b}", "session", session_present(call->connection)->name,
                                  "resumed", resumed));
}

static void api_bad_mode(struct varlink_call *call, const char *mode)
{
    json_t *modes = json_array();
    for (int i = 0; i < LOCK_MODES; i++)
        json_array_append_new(modes, json_string(lock_mode_text((enum lock_mode)i)));
    varlink_error(call, "org.holdfast.BadMode",
                  json_pack("{s:s s:o s:s}", "mode", mode, "modes", modes, "reason",
                            "there is no such mode; the modes are " LOCK_MODE_NAMES));
}

bool api_mode(struct varlink_call *call, const json_t *parameters, enum lock_mode *out,
              uint16_t *out_limit)
{
    const char *mode = frame_string(parameters, "mode", "exclusive");
    int64_t limit = frame_int(parameters, "limit", 0);
    bool given = frame_has(parameters, "limit");
    const char *reason = NULL;
    char range[80];
    if (!lock_mode_parse(out, mode)) {
        api_bad_mode(call, mode);
        return false;
    }
    if (given && *out != LOCK_COUNTED) {
        reason = "only a counted lock has a limit";
    } else if (*out == LOCK_COUNTED && !given) {
        reason = "a counted lock needs a limit: how many may hold it together";
    } else if (given && (limit < 1 || limit > LOCK_COUNT_MAX)) {
        snprintf(range, sizeof range, "the limit of a counted lock is 1 to %d, not %lld",
                 (int)LOCK_COUNT_MAX, (long long)limit);
        reason = range;
    }
    if (reason)
        varlink_error(call, "org.holdfast.BadLimit",
                      json_pack("{s:s s:i}", "reason", reason, "most", (int)LOCK_COUNT_MAX));
    else
        *out_limit = (uint16_t)limit;
    return !reason;
}

static bool api_bad_action(struct varlink_call *call, const struct roster *roster,
                           const char *reason)
{
    json_t *names = json_array();
    for (uint8_t i = 1; i <= roster->action_count; i++)
        if (roster_ends_sessions(roster, i))
            json_array_append_new(names, json_string(roster_action_name(roster, i)));
    varlink_error(call, "org.holdfast.BadAction",
                  json_pack("{s:s s:o}", "reason", reason, "actions", names));
    return false;
}

/* Reads what is to be done under the policy `action`, and only under it. False: the call was
 * answered. */
static bool api_action(struct varlink_call *call, const json_t *parameters,
                       struct operation_request *out)
{
    const struct roster *roster = agent_identity(api_of(call)->agent)->roster;
    const char *name = frame_string(parameters, "action", "");
    const char *info = frame_string(parameters, "info", "");
    bool given = frame_has(parameters, "action") || frame_has(parameters, "info");
    int action = roster_action(roster, name);
    if (out->policy != LOCK_STALE_ACTION)
        return !given || api_bad_action(call, roster, "only the policy action has an action");
    if (action < 0 || !roster_ends_sessions(roster, (uint8_t)action))
        return api_bad_action(call, roster, "the roster has no such action for sessions");
    if (strlen(info) > SCOPE_INFO_MAX) {
        varlink_error(call, "org.holdfast.TooLong",
                      json_pack("{s:s s:i}", "what", "info", "most", (int)SCOPE_INFO_MAX));
        return false;
    }
    if (!scope_make(&out->scope, 1, (uint8_t)action, info, strlen(info)))
        return api_bad_action(call, roster, "an info is UTF-8 without control characters");
    return true;
}

/* Reads the stale policy and its TTL. False: the call was answered. */
static bool api_stale(struct varlink_call *call, const json_t *parameters,
                      struct operation_request *out)
{
    int policy = lock_mode_writes(out->mode) ? LOCK_STALE_FENCE : LOCK_STALE_EXPIRE;
    const char *stale =
        frame_string(parameters, "stale", lock_policy_text((enum lock_policy)policy));
    int64_t ttl_ms = frame_int(parameters, "ttl_ms", LEASE_TTL_DEFAULT_MS);
    bool given = frame_has(parameters, "ttl_ms");
    char reason[96];
    for (policy = 0; policy < LOCK_POLICIES; policy++)
        if (strcmp(stale, lock_policy_text((enum lock_policy)policy)) == 0)
            break;
    if (policy == LOCK_POLICIES) {
        varlink_invalid(call, "stale");
        return false;
    }
    out->policy = (enum lock_policy)policy;
    if (policy != LOCK_STALE_EXPIRE && !given)
        return true;
    if (policy != LOCK_STALE_EXPIRE)
        snprintf(reason, sizeof reason, "only the policy expire has a TTL, not %s", stale);
    else if (ttl_ms < LEASE_TTL_MIN_MS || ttl_ms > LEASE_TTL_MAX_MS)
        snprintf(reason, sizeof reason, "a TTL is %d to %d ms, not %lld", (int)LEASE_TTL_MIN_MS,
                 (int)LEASE_TTL_MAX_MS, (long long)ttl_ms);
    else
        out->ttl_ms = (uint32_t)ttl_ms;
    if (out->ttl_ms == 0)
        varlink_error(call, "org.holdfast.BadTtl",
                      json_pack("{s:s s:i s:i}", "reason", reason, "least", (int)LEASE_TTL_MIN_MS,
                                "most", (int)LEASE_TTL_MAX_MS));
    return out->ttl_ms != 0;
}

bool api_acquire_request(struct varlink_call *call, const json_t *parameters,
                         struct operation_request *out)
{
    *out = (struct operation_request){.name = frame_string(parameters, "name", ""),
                                      .try = frame_bool(parameters, "try", false),
                                      .head = frame_bool(parameters, "head", false),
                                      .spare = frame_bool(parameters, "spare", false),
                                      .deadline = INSTANT_NEVER};
    if (api_of(call)->stopping) {
        varlink_error(call, "org.holdfast.NotReady", json_pack("{s:s}", "reason", RENDER_STOPPING));
        return false;
    }
    if (!api_mode(call, parameters, &out->mode, &out->limit))
        return false;
    if (!api_stale(call, parameters, out) || !api_action(call, parameters, out))
        return false;
    if (frame_has(parameters, "timeout_ms") &&
        !api_deadline(&out->deadline, frame_int(parameters, "timeout_ms", 0))) {
        varlink_invalid(call, "timeout_ms");
        return false;
    }
    return true;
}

/* What the request names beside the lock and the mode. False: the call was answered. */
bool api_acquire_wishes(struct varlink_call *call, const json_t *parameters,
                        struct operation_request *out)
{
    int64_t token = frame_int(parameters, "if_token", 0);
    if (token < 0 || (token == 0 && frame_has(parameters, "if_token"))) {
        varlink_invalid(call, "if_token");
        return false;
    }
    out->expect = (uint64_t)token;
    return api_bytes(call, parameters, "data", LOCK_DATA_MAX, &out->data);
}

bool api_acquire_holder(struct varlink_call *call, const json_t *parameters, struct session **out,
                        struct holder *holder)
{
    enum session_status status;
    const char *why;
    int64_t pid = frame_int(parameters, "pid", 0);
    if (pid < 0 || pid > INT32_MAX || (pid == 0 && frame_has(parameters, "pid"))) {
        varlink_invalid(call, "pid");
        return false;
    }
    *out = session_of(&api_of(call)->sessions, call->connection, &status);
    if (!*out) {
        api_refuse(call, status);
        return false;
    }
    if (session_holder(*out, call->connection, (pid_t)pid, holder, &why))
        return true;
    varlink_error(call, "org.holdfast.NotPermitted", json_pack("{s:s}", "reason", why));
    return false;
}

void api_acquire(struct varlink_call *call, const json_t *parameters)
{
    struct operation_request request;
    struct session *session;
    struct holder holder;
    if (!api_acquire_request(call, parameters, &request) ||
        !api_acquire_wishes(call, parameters, &request) ||
        !api_acquire_holder(call, parameters, &session, &holder))
        return;
    request.holder = &holder;
    operation_ask(&api_of(call)->sessions.operations, session, call, &request);
}

void api_release(struct varlink_call *call, const json_t *parameters)
{
    const char *hold = frame_string(parameters, "hold", "");
    const struct session *s = session_present(call->connection);
    struct op_id id;
    struct operation *op = NULL;
    if (render_parse_hold(&id, hold))
        op = operation_find(&api_of(call)->sessions.operations, id);
    /* A hold that was lost is no longer the client's to release: its processes are being stopped.
     * One that it was not told of is not yet. */
    if (!op || op->session != s || op->lost || operation_untold(op))
        varlink_error(call, "org.holdfast.NoSuchHold", json_pack("{s:s}", "hold", hold));
    else
        operation_drop(op, call, frame_bool(parameters, "unclean", false));
}

/* The kinds of events that are wanted, in bits: all, unless they are named. 0: the call was
 * answered.
 */
static uint32_t api_kinds(struct varlink_call *call, const json_t *parameters)
{
    const json_t *list = frame_strings(parameters, "kinds");
    uint32_t kinds = list ? 0 : UINT32_MAX;
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t kind = session_kind(json_string_value(json_array_get(list, i)));
        if (!kind) {
            kinds = 0;
            break;
        }
        kinds |= kind;
    }
    if (!kinds)
        varlink_invalid(call, "kinds");
    return kinds;
}

void api_watch(struct varlink_call *call, const json_t *parameters)
{
    uint32_t kinds = api_kinds(call, parameters);
    struct session *s = session_present(call->connection);
    if (!kinds)
        return;
    if (!s)
        varlink_error(call, "org.holdfast.NoSuchSession", NULL);
    else
        session_watch(s, call, kinds, frame_string(parameters, "prefix", ""));
}
