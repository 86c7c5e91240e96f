/* Who may call which method: the table and the rules of access.h, applied to a call. */
#include "node/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/log.h"
#include "proto/must.h"

enum { PEER_GROUPS = 64 }; /* room without asking for memory */

/* SO_PEERGROUPS (Linux 4.13; socket(7) does not list it): the supplementary groups that the peer
 * had when it connected. Returns their bytes; 0 without any, or where the kernel does not tell. */
static size_t peer_groups(int fd, gid_t *groups, size_t size, socklen_t *needed)
{
    socklen_t length = (socklen_t)size;
    bool got = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0;
    *needed = !got && errno == ERANGE ? length : 0;
    return got ? length : 0;
}

/* The badge of a peer whose groups, but for the primary one, begin at groups[1]. */
static uint64_t badge_of(const struct agent *agent, const struct ucred *peer, gid_t *groups,
                         size_t bytes)
{
    struct access_peer who = {peer->uid, 1 + bytes / sizeof *groups, groups};
    groups[0] = peer->gid;
    return access_badge(&agent_config(agent)->access, &who, geteuid());
}

uint64_t api_badge(const struct varlink_connection *connection)
{
    const struct api *api = varlink_context(connection);
    const struct ucred *peer = varlink_peer(connection);
    gid_t few[1 + PEER_GROUPS];
    socklen_t needed;
    size_t bytes = peer_groups(varlink_fd(connection), few + 1, sizeof few - sizeof *few, &needed);
    if (needed == 0)
        return badge_of(api->agent, peer, few, bytes);
    gid_t *many = malloc(sizeof *many + needed);
    must(many);
    bytes = peer_groups(varlink_fd(connection), many + 1, needed, &needed);
    uint64_t badge = badge_of(api->agent, peer, many, bytes);
    free(many);
    return badge;
}

/* Answers with why not, and logs it. */
static void api_deny(struct varlink_call *call, const char *method, const struct access_wish *wish)
{
    char reason[ACCESS_REASON_SIZE];
    const struct config *config = agent_config(api_of(call)->agent);
    const struct ucred *peer = varlink_peer(call->connection);
    access_reason(reason, &config->access, varlink_badge(call->connection), peer->uid, wish,
                  config->path);
    log_event(LOG_LEVEL_WARNING, "not-permitted", "pid=%d uid=%u method=%s right=%s why=%s",
              (int)peer->pid, (unsigned)peer->uid, method, access_right_text(wish->right),
              log_value(reason, strlen(reason)).text);
    varlink_error(call, "org.holdfast.NotPermitted", json_pack("{s:s}", "reason", reason));
}

/* One wish of a call. False: the call was answered with why not. */
static bool api_grants(struct varlink_call *call, const char *method, enum access_right right,
                       const char *name)
{
    const struct access *access = &agent_config(api_of(call)->agent)->access;
    struct access_wish wish = {right, name};
    if (access_allows(access, varlink_badge(call->connection), &wish))
        return true;
    api_deny(call, method, &wish);
    return false;
}

bool api_permits(struct varlink_call *call, const char *method, const json_t *parameters)
{
    const char *short_name = method + strlen(API_INTERFACE ".");
    const struct access_method *needs = access_method_find(short_name);
    const json_t *names = frame_strings(parameters, "names"), *name;
    size_t i;
    if (!needs)
        return api_grants(call, short_name, ACCESS_ADMIN, NULL);
    if (!api_grants(call, short_name, needs->right, frame_string(parameters, "name", NULL)))
        return false;
    json_array_foreach((json_t *)(uintptr_t)names, i, name)
    {
        if (!api_grants(call, short_name, needs->right, json_string_value(name)))
            return false;
    }
    return !needs->admin || !frame_bool(parameters, needs->admin, false) ||
           api_grants(call, short_name, ACCESS_ADMIN, NULL);
}
