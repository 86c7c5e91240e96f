/* Talking to the local agent: see agent.h. */
#include "client/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "client/fence_text.h"
#include "client/refused.h"
#include "proto/lock.h"

enum { LATE_MS = 3 * 1000 }; /* how much later than the deadline the agent may answer */

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long json_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool json_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

void json_print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

const char *agent_mode(char text[AGENT_MODE_SIZE], const json_t *party)
{
    long long limit = json_number(party, "limit");
    if (limit > 0)
        snprintf(text, AGENT_MODE_SIZE, "%s %lld", json_text(party, "mode"), limit);
    else
        snprintf(text, AGENT_MODE_SIZE, "%s", json_text(party, "mode"));
    return text;
}

const char *agent_data(char text[AGENT_DATA_SIZE], const json_t *party)
{
    unsigned char bytes[LOCK_DATA_MAX];
    size_t size = 0;
    const char *data = json_text(party, "data"), *end;
    bool read = sodium_base642bin(bytes, sizeof bytes, data, strlen(data), NULL, &size, &end,
                                  sodium_base64_VARIANT_ORIGINAL) == 0 &&
                !*end;
    if (read && lock_name_valid((struct view){bytes, size}))
        snprintf(text, AGENT_DATA_SIZE, "%.*s", (int)size, (const char *)bytes);
    else
        snprintf(text, AGENT_DATA_SIZE, "%s%.100s", *data ? "base64:" : "", data);
    return text;
}

const char *agent_policy(char text[AGENT_POLICY_SIZE], const json_t *party)
{
    long long ms = json_number(party, "ttl_ms");
    const char *policy = json_text(party, "policy"), *action = json_text(party, "action");
    if (*action)
        snprintf(text, AGENT_POLICY_SIZE, "%s %s %s", policy, action, json_text(party, "info"));
    else if (ms % 1000 != 0)
        snprintf(text, AGENT_POLICY_SIZE, "%s %lld.%03llds", policy, ms / 1000, ms % 1000);
    else if (ms > 0)
        snprintf(text, AGENT_POLICY_SIZE, "%s %llds", policy, ms / 1000);
    else
        snprintf(text, AGENT_POLICY_SIZE, "%s", policy);
    return text;
}

void agent_parties(char *text, size_t size, const json_t *parties)
{
    size_t at = 0, index;
    char mode[AGENT_MODE_SIZE];
    json_t *party;
    text[0] = '\0';
    json_array_foreach(parties, index, party)
    {
        int n = snprintf(text + at, size - at, "%s%s (%s)", index ? ", " : "",
                         json_text(party, "node"), agent_mode(mode, party));
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

int agent_failed(const struct cli *cli, enum varlink_status status)
{
    const char *text = varlink_status_text(status);
    switch (status) {
    case VARLINK_UNREACHABLE:
        say("%s at %s: %s (is holdfastd running? --socket or HOLDFAST_SOCKET names another)", text,
            cli->socket, strerror(errno));
        return EXIT_UNREACHABLE;
    case VARLINK_FORBIDDEN:
        say("%s: %s: %s (join the socket's group)", text, cli->socket, strerror(errno));
        return EXIT_NOT_PERMITTED;
    case VARLINK_AGAIN:
    case VARLINK_CLOSED:
    case VARLINK_GARBLED:
        say("%s at %s", text, cli->socket);
        return EXIT_UNREACHABLE;
    case VARLINK_OK:
    case VARLINK_LONG_PATH:
    case VARLINK_TOO_LARGE:
        break;
    }
    say("%s", text);
    return EXIT_USAGE;
}

int agent_open(struct varlink *v, const struct cli *cli)
{
    enum varlink_status status = varlink_open(v, cli->socket);
    return status == VARLINK_OK ? EXIT_OK : agent_failed(cli, status);
}

/* "image/x: " before what is said of a lock. */
static void say_of(const char *subject, const char *text)
{
    say("%s%s%s", subject ? subject : "", subject ? ": " : "", text);
}

static int refused_busy(const char *subject, const json_t *p)
{
    char parties[1024], stale[FENCE_TEXT_LINE_MAX];
    fence_text_stale(stale, sizeof stale, json_object_get(p, "stale"));
    agent_parties(parties, sizeof parties, json_object_get(p, "holders"));
    say("%s is held by %s%s%s", subject ? subject : "the lock", *parties ? parties : "somebody",
        *stale ? ": " : "", stale);
    return EXIT_NOT_GRANTED;
}

static int refused_late(const char *subject, const json_t *p)
{
    char parties[1024], stale[FENCE_TEXT_LINE_MAX];
    const char *reason = json_text(p, "reason"), *why = "";
    fence_text_stale(stale, sizeof stale, json_object_get(p, "stale"));
    agent_parties(parties, sizeof parties, json_object_get(p, "holders"));
    if (strcmp(reason, "unknown") == 0)
        why = ": its voters did not answer";
    else if (strcmp(reason, "standing") == 0)
        why = ": too few jurors acknowledge this node";
    else if (strcmp(reason, "starting") == 0)
        why = ": this node's life does not count yet";
    say("%s was not granted in time%s%s%s%s%s", subject ? subject : "the lock", why,
        *parties ? ", held by " : "", parties, *stale ? ": " : "", stale);
    return EXIT_NOT_GRANTED;
}

static int refused_no_majority(const char *subject, const json_t *p)
{
    char text[128];
    snprintf(text, sizeof text,
             "no majority: %lld of %lld reachable; 'holdfast members' says who is missing",
             json_number(p, "reachable"), json_number(p, "cohort"));
    say_of(subject, text);
    return EXIT_NO_MAJORITY;
}

static int refused_reason(const char *subject, const json_t *p, const char *what, int code)
{
    char text[2048];
    const char *reason = json_text(p, "reason");
    snprintf(text, sizeof text, "%s%s%s", what, *reason ? ": " : "", reason);
    say_of(subject, text);
    return code;
}

/* What there is instead. */
static int refused_action(const char *subject, const json_t *p)
{
    char names[ROSTER_ACTIONS_MAX * (ROSTER_ACTION_SIZE + 2)] = "";
    size_t at = 0, index;
    const json_t *name;
    json_array_foreach(json_object_get(p, "actions"), index, name)
    {
        if (at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", index ? ", " : "",
                                   json_string_value(name));
    }
    say("%s%s%s; for sessions there is: %s", subject ? subject : "", subject ? ": " : "",
        json_text(p, "reason"), *names ? names : "none");
    return EXIT_USAGE;
}

int agent_refused(const struct varlink_reply *reply, const char *subject)
{
    const json_t *p = reply->parameters;
    const char *name = reply->error;
    bool ours = strncmp(name, AGENT_INTERFACE, strlen(AGENT_INTERFACE)) == 0;
    const char *error = ours ? name + strlen(AGENT_INTERFACE) : name;
    if (ours && strcmp(error, "Busy") == 0)
        return refused_busy(subject, p);
    if (ours && strcmp(error, "TimedOut") == 0)
        return refused_late(subject, p);
    if (ours && strcmp(error, "NoMajority") == 0)
        return refused_no_majority(subject, p);
    if (ours && strcmp(error, "BadName") == 0)
        return refused_reason(subject, p, "this is not a name for a lock", EXIT_USAGE);
    if (ours && strcmp(error, "TooManyNames") == 0)
        return refused_reason(subject, p, "too many locks", EXIT_USAGE);
    if (ours && strcmp(error, "BadMode") == 0)
        return refused_reason(subject, p, "this is not a mode of locks", EXIT_USAGE);
    if (ours && strcmp(error, "BadLimit") == 0)
        return refused_reason(subject, p, "this is not a limit of a counted lock", EXIT_USAGE);
    if (ours && strcmp(error, "BadTtl") == 0)
        return refused_reason(subject, p, "this is not a TTL of a lock that expires", EXIT_USAGE);
    if (ours && strcmp(error, "BadAction") == 0)
        return refused_action(subject, p);
    if (ours && strcmp(error, "TooMuchInfo") == 0)
        return refused_reason(subject, p,
                              "the infos of all that hold it and wait for it take too much room",
                              EXIT_ERROR);
    if (ours && strcmp(error, "NotPermitted") == 0)
        return refused_reason(subject, p, "not permitted", EXIT_NOT_PERMITTED);
    if (strcmp(error, "org.varlink.service.PermissionDenied") == 0)
        return refused_reason(subject, p, "not permitted", EXIT_NOT_PERMITTED);
    if (ours && strcmp(error, "QueueFull") == 0)
        return refused_reason(subject, p, "its queue, or the agent's table, is full", EXIT_ERROR);
    if (ours && strcmp(error, "NotReady") == 0)
        return refused_reason(subject, p, "the agent is not ready", EXIT_ERROR);
    if (ours && strcmp(error, "LogFailed") == 0)
        return refused_reason(subject, p, "the agent's log failed", EXIT_ERROR);
    if (ours && strcmp(error, "Refused") == 0) {
        say("%s refused it: %s", json_text(p, "node"), json_text(p, "text"));
        return EXIT_ERROR;
    }
    if (ours && strcmp(error, "NoSuchOrder") == 0)
        return refused_reason(subject, p, "no such order is known here", EXIT_ERROR);
    int code = refused_change(reply, subject);
    if (code >= 0)
        return code;
    char *details = json_dumps(p, JSON_COMPACT);
    say("the agent refused: %s %s", error, details ? details : "");
    free(details);
    return EXIT_ERROR;
}

int agent_unready(struct varlink *v, const struct varlink_reply *reply, const char *subject)
{
    struct varlink_reply status;
    if (!agent_error_is(reply, "NotReady") ||
        varlink_call(v, AGENT_INTERFACE "Status", NULL, &status, AGENT_TIMEOUT_MS) != VARLINK_OK)
        return agent_refused(reply, subject);
    bool alone = status.error[0] == '\0' && !json_flag(status.parameters, "majority");
    if (alone)
        say("%s%sno majority: %lld of %lld reachable; 'holdfast members' says who is missing",
            subject ? subject : "", subject ? ": " : "",
            json_number(status.parameters, "voters_alive"),
            json_number(status.parameters, "voters"));
    json_decref(status.parameters);
    return alone ? EXIT_NO_MAJORITY : agent_refused(reply, subject);
}

bool agent_error_is(const struct varlink_reply *reply, const char *error)
{
    size_t size = strlen(AGENT_INTERFACE);
    return strncmp(reply->error, AGENT_INTERFACE, size) == 0 &&
           strcmp(reply->error + size, error) == 0;
}

static int call(struct varlink *v, const struct cli *cli, const char *subject, const char *method,
                json_t *parameters, json_t **out)
{
    char full[64];
    struct varlink_reply reply;
    snprintf(full, sizeof full, AGENT_INTERFACE "%s", method);
    enum varlink_status status = varlink_call(v, full, parameters, &reply, AGENT_TIMEOUT_MS);
    if (status != VARLINK_OK)
        return agent_failed(cli, status);
    if (reply.error[0] != '\0') {
        int code = agent_refused(&reply, subject);
        json_decref(reply.parameters);
        return code;
    }
    *out = reply.parameters;
    return EXIT_OK;
}

int agent_call(struct varlink *v, const struct cli *cli, const char *method, json_t *parameters,
               json_t **out)
{
    return call(v, cli, NULL, method, parameters, out);
}

int agent_follow(struct varlink *v, const struct cli *cli, const char *method, json_t *parameters,
                 agent_take take)
{
    char full[64];
    snprintf(full, sizeof full, AGENT_INTERFACE "%s", method);
    enum varlink_status status = varlink_send(v, full, parameters, VARLINK_MORE);
    while (status == VARLINK_OK) {
        struct varlink_reply reply;
        status = varlink_receive(v, &reply, -1);
        if (status != VARLINK_OK)
            break;
        bool refused = reply.error[0] != '\0';
        int code = refused ? agent_refused(&reply, NULL) : EXIT_OK;
        bool more = !refused && take(cli, reply.parameters) && reply.continues;
        json_decref(reply.parameters);
        if (!more)
            return code;
    }
    return agent_failed(cli, status);
}

int agent_ask_about(const struct cli *cli, const char *subject, const char *method,
                    json_t *parameters, json_t **out)
{
    struct varlink v;
    int code = agent_open(&v, cli);
    if (code != EXIT_OK) {
        json_decref(parameters);
        return code;
    }
    code = call(&v, cli, subject, method, parameters, out);
    varlink_close(&v);
    return code;
}

int agent_ask_lock(const struct cli *cli, const char *method, json_t *parameters, long long wait_ms,
                   json_t **out)
{
    char full[64], name[LOCK_NAME_MAX + 1];
    struct varlink v;
    struct varlink_reply reply;
    int code = agent_open(&v, cli);
    if (code != EXIT_OK) {
        json_decref(parameters);
        return code;
    }
    snprintf(full, sizeof full, AGENT_INTERFACE "%s", method);
    snprintf(name, sizeof name, "%s", json_text(parameters, "name"));
    json_object_set_new(parameters, "timeout_ms", json_integer(wait_ms));
    enum varlink_status status = varlink_call(&v, full, parameters, &reply, (int)wait_ms + LATE_MS);
    if (status != VARLINK_OK) {
        code = agent_failed(cli, status);
    } else if (reply.error[0] == '\0') {
        *out = reply.parameters;
    } else {
        code = agent_unready(&v, &reply, name);
        json_decref(reply.parameters);
    }
    varlink_close(&v);
    return code;
}

int agent_ask(const struct cli *cli, const char *method, json_t *parameters, json_t **out)
{
    return agent_ask_about(cli, NULL, method, parameters, out);
}
