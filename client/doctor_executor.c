/* See doctor_executor.h. */
#include "client/doctor_executor.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"

enum {
    CHECK_TIMEOUT_MS = 45000, /* longer than the agent waits for the executor */
    NAMES_SIZE = 256
};

static void not_there(struct findings *f, const char *text)
{
    finding(f, FINDING_BAD, "executor", "does not answer: %s", *text ? text : "it was never asked");
    finding_mend(f, "start it (systemctl start holdfast-executor); meanwhile this node carries no "
                    "order out");
}

/* --- Each of its parts --- */

static void one_action(struct findings *f, const json_t *a)
{
    const char *name = json_text(a, "action"), *by = json_text(a, "by");
    if (strcmp(by, "nothing") == 0) {
        finding(f, FINDING_BAD, "executor", "action %s: %s", name, json_text(a, "text"));
        finding_mend(f, "add a section: action \"%s\" { ... }, and start the executor anew", name);
    } else if (!json_flag(a, "good")) {
        finding(f, FINDING_BAD, "executor", "action %s: its script cannot be run: %s", name,
                json_text(a, "text"));
        finding_mend(f, "see 'exec' of that action in the configuration");
    } else {
        finding(f, FINDING_OK, "executor", "action %s: by %s", name,
                strcmp(by, "script") == 0 ? "a script, which can be run" : "devices");
    }
}

static const char *device_mend(const json_t *d)
{
    if (strcmp(json_text(d, "state"), "off") == 0)
        return "its status cannot be believed: look at which machine it is wired to";
    if (strcmp(json_text(d, "state"), "on") == 0)
        return "give the roster this device, or the section the right one";
    return "try its fence agent by hand; see its section in the configuration, its secrets, and "
           "the "
           "network that it is in";
}

static void one_device(struct findings *f, const json_t *d)
{
    const char *name = json_text(d, "device"), *node = json_text(d, "node");
    if (json_flag(d, "good")) {
        finding(f, FINDING_OK, "device", "%s: %s is %s, and it is the roster's %s", name, node,
                json_text(d, "state"), json_text(d, "identity"));
        return;
    }
    finding(f, FINDING_BAD, "device", "%s of %s: %s", name, node, json_text(d, "text"));
    finding_mend(f, "%s", device_mend(d));
}

/* One line for all that are well. */
static void targets(struct findings *f, const json_t *list)
{
    char names[NAMES_SIZE] = "";
    size_t index, at = 0, good = 0;
    const json_t *t;
    json_array_foreach(list, index, t)
    {
        const char *name = json_text(t, "node");
        if (!json_flag(t, "good")) {
            finding(f, FINDING_BAD, "executor", "cannot switch %s off: %s", name,
                    json_text(t, "text"));
            finding_mend(f, "name a device of it in the roster, and how to drive it in the "
                            "configuration");
            continue;
        }
        int more = snprintf(names + at, sizeof names - at, "%s%s", good ? ", " : "", name);
        at = (size_t)more < sizeof names - at ? at + (size_t)more : at;
        names[at] = '\0'; /* a name that does not fit is left out */
        good++;
    }
    if (good > 0)
        finding(f, FINDING_OK, "executor", "may execute for %zu of %zu other nodes: %s", good,
                json_array_size(list), names);
}

static void counted(struct findings *f, const json_t *executor)
{
    long long garbage = json_number(executor, "malformed");
    long long strangers = json_number(executor, "strangers");
    if (garbage + strangers == 0) {
        finding(f, FINDING_OK, "executor", "answers; %lld orders carried out, %lld refused",
                json_number(executor, "runs"), json_number(executor, "refusals"));
        return;
    }
    finding(f, FINDING_WARNING, "executor",
            "answers; %lld packets were no message, %lld connections came from other users",
            garbage, strangers);
    finding_mend(f, "see `malformed` and `stranger` in its log: nobody but the agent should ask");
}

static void all_parts(struct findings *f, const json_t *check)
{
    size_t index;
    const json_t *one;
    counted(f, json_object_get(check, "executor"));
    json_array_foreach(json_object_get(check, "actions"), index, one) one_action(f, one);
    json_array_foreach(json_object_get(check, "devices"), index, one) one_device(f, one);
    targets(f, json_object_get(check, "targets"));
}

/* --- The question --- */

/* False: said why not. */
static bool ask(struct findings *f, const struct cli *cli, struct varlink_reply *reply)
{
    struct varlink v;
    enum varlink_status status = varlink_open(&v, cli->socket);
    if (status == VARLINK_OK)
        status = varlink_call(&v, AGENT_INTERFACE "CheckExecutor", NULL, reply, CHECK_TIMEOUT_MS);
    varlink_close(&v);
    if (status == VARLINK_OK && !reply->error[0])
        return true;
    bool refused = status == VARLINK_OK && agent_error_is(reply, "NotPermitted");
    finding(f, FINDING_UNKNOWN, "executor", "was not asked: %s",
            refused                ? json_text(reply->parameters, "reason")
            : status == VARLINK_OK ? reply->error
                                   : varlink_status_text(status));
    finding_mend(f, refused ? "ask as root, or as a user with the right 'fence'"
                            : "restart the agent after an upgrade: it loses no lock");
    if (status == VARLINK_OK)
        json_decref(reply->parameters);
    return false;
}

void doctor_executor(struct findings *f, const struct cli *cli, const json_t *status)
{
    const json_t *executor = json_object_get(status, "executor");
    struct varlink_reply reply;
    if (!json_flag(executor, "wanted")) {
        finding(f, FINDING_NOTE, "executor",
                "none: the roster has no action that this node may carry out");
        return;
    }
    if (!ask(f, cli, &reply))
        return;
    if (json_flag(reply.parameters, "answered"))
        all_parts(f, reply.parameters);
    else
        not_there(f, json_text(reply.parameters, "text"));
    json_decref(reply.parameters);
}
