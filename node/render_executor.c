/* What is said about the executor: see render_executor.h. */
#include "node/render_executor.h"

#include <stdio.h>
#include <string.h>

#include "proto/peer.h"

enum { RENDER_TEXT_SIZE = 512 };

json_t *render_executor(const struct executor_probe_view *v)
{
    bool asked = v->since.ns != 0;
    json_int_t since = asked ? span_between(v->since, clock_now()).ns / 1000000 : -1;
    return json_pack("{s:b s:b s:s s:I s:I s:I s:I s:I s:I s:I}", "wanted", v->wanted, "reachable",
                     v->reachable, "text", v->text, "since_ms", since, "running",
                     (json_int_t)v->state.running, "acts", (json_int_t)v->state.acts, "runs",
                     (json_int_t)v->state.runs, "refusals", (json_int_t)v->state.refusals,
                     "malformed", (json_int_t)v->state.malformed, "strangers",
                     (json_int_t)v->state.strangers);
}

/* --- Actions --- */

static const char *part_kind_text(enum executor_part_kind kind)
{
    switch (kind) {
    case EXECUTOR_PART_SCRIPT:
        return "script";
    case EXECUTOR_PART_DEVICES:
        return "devices";
    case EXECUTOR_PART_DEVICE:
        return "device";
    case EXECUTOR_PART_MISSING:
    case EXECUTOR_PART_NONE:
        break;
    }
    return "nothing";
}

/* It ends machines, not only sessions. */
static bool part_ends_machines(const struct roster *roster, const struct executor_answer *a)
{
    int index = roster_action(roster, a->part.name);
    return index > 0 && !roster_ends_sessions(roster, (uint8_t)index);
}

static json_t *render_action(const struct roster *roster, const struct executor_answer *a)
{
    return json_pack("{s:s s:s s:b s:b s:s}", "action", a->part.name, "by",
                     part_kind_text(a->part.kind), "session", !part_ends_machines(roster, a),
                     "good", a->part.good, "text", a->text);
}

/* --- Devices --- */

/* It said off, and the members hear its machine. */
static bool device_lies(const struct agent *agent, const struct executor_answer *a)
{
    struct member_view m;
    if (a->outcome != RUN_OFF || a->part.slot == SLOT_NONE)
        return false;
    peer_member(agent_peer(agent), a->part.slot, &m);
    return m.state == MEMBER_ALIVE;
}

static bool device_good(const struct agent *agent, const struct executor_answer *a)
{
    return a->part.good && !device_lies(agent, a);
}

static json_t *render_device(const struct agent *agent, const struct executor_answer *a)
{
    const struct roster *roster = agent_identity(agent)->roster;
    char text[RENDER_TEXT_SIZE];
    int node = roster_find(roster, a->part.slot);
    const char *name = node < 0 ? "" : roster->nodes[node].name;
    bool lies = device_lies(agent, a);
    snprintf(text, sizeof text, "%s%s%s%s", a->text, lies ? ", yet " : "", lies ? name : "",
             lies ? " is alive: it lies, is another machine's, or that went off a moment ago" : "");
    return json_pack("{s:s s:s s:s s:s s:s s:b s:I s:s}", "device", a->part.name, "node", name,
                     "state", executor_outcome_text(a->outcome), "identity", a->device, "expected",
                     node < 0 ? "" : roster->nodes[node].device, "good", device_good(agent, a),
                     "age_ms", (json_int_t)a->part.age_ms, "text", text);
}

/* --- Targets --- */

struct target_ways {
    bool action;      /* the roster has one that ends machines, and the configuration too */
    bool script;      /* by a script that can be run */
    unsigned devices; /* of that node */
    unsigned good;    /* of these, those that work */
};

static struct target_ways ways_of(const struct agent *agent, const struct roster_node *node,
                                  const struct executor_answer *parts, size_t count)
{
    const struct roster *roster = agent_identity(agent)->roster;
    struct target_ways ways = {0};
    bool by_devices = false;
    for (size_t i = 0; i < count; i++) {
        const struct executor_answer *a = &parts[i];
        bool ends = a->part.kind != EXECUTOR_PART_DEVICE && part_ends_machines(roster, a);
        ways.action = ways.action || (ends && a->part.kind != EXECUTOR_PART_MISSING);
        ways.script = ways.script || (ends && a->part.kind == EXECUTOR_PART_SCRIPT && a->part.good);
        by_devices = by_devices || (ends && a->part.kind == EXECUTOR_PART_DEVICES);
        if (a->part.kind != EXECUTOR_PART_DEVICE || a->part.slot != node->slot || !by_devices)
            continue;
        ways.devices++;
        ways.good += device_good(agent, a);
    }
    return ways;
}

static json_t *render_target(const struct agent *agent, const struct roster_node *node,
                             const struct executor_answer *parts, size_t count)
{
    struct target_ways ways = ways_of(agent, node, parts, count);
    bool good = node->device[0] && (ways.script || ways.good > 0);
    char text[RENDER_TEXT_SIZE];
    if (!node->device[0])
        snprintf(text, sizeof text, "the roster names no device for it: no receipt would count");
    else if (!ways.action)
        snprintf(text, sizeof text, "no action that ends machines is configured here");
    else if (ways.devices > 0)
        snprintf(text, sizeof text, "%u of %u devices work%s", ways.good, ways.devices,
                 ways.script ? ", and a script" : "");
    else
        snprintf(text, sizeof text, "%s",
                 ways.script
                     ? "by a script, which nobody has tried"
                     : "no device of it, and no script that can be run, is configured here");
    return json_pack("{s:s s:b s:s}", "node", node->name, "good", good, "text", text);
}

json_t *render_executor_check(const struct agent *agent, const struct executor_probe_view *view,
                              const struct executor_answer *parts, size_t count, const char *why)
{
    const struct identity *id = agent_identity(agent);
    json_t *actions = json_array(), *devices = json_array(), *targets = json_array();
    for (size_t i = 0; i < count; i++) {
        if (parts[i].part.kind == EXECUTOR_PART_DEVICE)
            json_array_append_new(devices, render_device(agent, &parts[i]));
        else if (parts[i].part.kind != EXECUTOR_PART_NONE)
            json_array_append_new(actions, render_action(id->roster, &parts[i]));
    }
    for (size_t i = 0; !why && i < id->roster->node_count; i++)
        if (id->roster->nodes[i].slot != id->self)
            json_array_append_new(targets,
                                  render_target(agent, &id->roster->nodes[i], parts, count));
    return json_pack("{s:o s:b s:s s:o s:o s:o}", "executor", render_executor(view), "answered",
                     why == NULL, "text", why ? why : "", "actions", actions, "devices", devices,
                     "targets", targets);
}
