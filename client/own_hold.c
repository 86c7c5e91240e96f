/* A hold of the `holdfast lock` that this process runs under: see own_hold.h. */
#include "client/own_hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"

enum {
    PATIENCE_MS = 15 * 1000, /* the agent cancels such a change after 5 s, which takes 3 s more if
                                nobody answers */
    VARIABLE_SIZE = 32
};

/* NULL if it is not there, or empty. */
static const char *variable(const char *stem, int number)
{
    char full[VARIABLE_SIZE];
    if (number > 0)
        snprintf(full, sizeof full, "%s_%d", stem, number);
    else
        snprintf(full, sizeof full, "%s", stem);
    const char *value = getenv(full);
    return value && *value ? value : NULL;
}

/* How many locks the COMMAND runs under, if its variables have numbers; else 0. */
static int numbered(void)
{
    const char *text = variable(OWN_HOLD_ENV_COUNT, 0);
    long count;
    return text && parse_number(text, 1, 9999, &count) ? (int)count : 0;
}

/* The number of that hold's variables, or -1. */
static int find_number(const char *id)
{
    const char *only = variable(OWN_HOLD_ENV, 0);
    if (only && strcmp(only, id) == 0)
        return 0;
    for (int i = numbered(); i > 0; i--) {
        const char *value = variable(OWN_HOLD_ENV, i);
        if (value && strcmp(value, id) == 0)
            return i;
    }
    return -1;
}

const char *own_hold_env(const struct own_hold *h, const char *stem)
{
    return h->number >= 0 ? variable(stem, h->number) : NULL;
}

const char *own_hold_subject(const struct own_hold *h)
{
    return h->name[0] ? h->name : h->id;
}

/* The lock's name: of the environment, else of what the session holds, which was joined. */
static void find_name(struct own_hold *h)
{
    struct varlink_reply reply;
    const json_t *op;
    size_t index;
    const char *known = own_hold_env(h, OWN_HOLD_ENV_NAME);
    if (known) {
        snprintf(h->name, sizeof h->name, "%s", known);
        return;
    }
    if (varlink_call(&h->agent, AGENT_INTERFACE "ListSession", NULL, &reply, AGENT_TIMEOUT_MS) !=
        VARLINK_OK)
        return;
    json_array_foreach(json_object_get(reply.parameters, "operations"), index, op)
    {
        if (strcmp(json_text(op, "hold"), h->id) == 0)
            snprintf(h->name, sizeof h->name, "%s", json_text(op, "name"));
    }
    json_decref(reply.parameters);
}

static int join(struct own_hold *h, const char *secret)
{
    struct varlink_reply reply;
    int code = agent_open(&h->agent, h->cli);
    if (code != EXIT_OK)
        return code;
    enum varlink_status status =
        varlink_call(&h->agent, AGENT_INTERFACE "JoinSession", json_pack("{s:s}", "secret", secret),
                     &reply, AGENT_TIMEOUT_MS);
    if (status != VARLINK_OK) {
        code = agent_failed(h->cli, status);
    } else {
        if (reply.error[0] != '\0')
            code = own_hold_refused(h, &reply, NULL);
        json_decref(reply.parameters);
    }
    if (code != EXIT_OK)
        own_hold_close(h);
    return code;
}

int own_hold_open(struct own_hold *h, const struct cli *cli, const char *id)
{
    const char *secret = variable(OWN_HOLD_ENV_SESSION, 0);
    *h = (struct own_hold){.cli = cli, .id = id ? id : variable(OWN_HOLD_ENV, 0)};
    h->agent.fd = -1;
    if (h->id == NULL && numbered() > 0)
        return usage_error(cli, "HOLD is missing: one of HOLDFAST_HOLD_1 to HOLDFAST_HOLD_%d",
                           numbered());
    if (h->id == NULL || secret == NULL)
        return usage_error(cli,
                           "%s is not set: this is for a COMMAND that runs under 'holdfast lock'",
                           h->id ? OWN_HOLD_ENV_SESSION : OWN_HOLD_ENV);
    h->number = find_number(h->id);
    int code = join(h, secret);
    if (code == EXIT_OK)
        find_name(h);
    return code;
}

void own_hold_close(struct own_hold *h)
{
    varlink_close(&h->agent);
}

int own_hold_refused(struct own_hold *h, const struct varlink_reply *reply,
                     const struct own_hold_doubt *doubt)
{
    const char *subject = own_hold_subject(h);
    if (agent_error_is(reply, "NoSuchHold") || agent_error_is(reply, "NoSuchSession")) {
        say("%s: it is not held (any more) by this session", subject);
        return EXIT_LOST;
    }
    if (doubt && agent_error_is(reply, "TimedOut")) {
        say("%s: no answer in time: %s", subject, doubt->timed_out);
        return EXIT_NOT_GRANTED;
    }
    if (doubt && agent_error_is(reply, "NoMajority")) {
        say("%s: no majority confirmed it: %s", subject, doubt->no_majority);
        return EXIT_NO_MAJORITY;
    }
    return agent_unready(&h->agent, reply, subject);
}

int own_hold_call(struct own_hold *h, const char *method, json_t *parameters,
                  const struct own_hold_doubt *doubt)
{
    char full[64];
    struct varlink_reply reply;
    int code = EXIT_OK;
    snprintf(full, sizeof full, AGENT_INTERFACE "%s", method);
    json_object_set_new(parameters, "hold", json_string(h->id));
    enum varlink_status status = varlink_call(&h->agent, full, parameters, &reply, PATIENCE_MS);
    if (status != VARLINK_OK)
        return agent_failed(h->cli, status);
    if (reply.error[0] != '\0')
        code = own_hold_refused(h, &reply, doubt);
    json_decref(reply.parameters);
    return code;
}
