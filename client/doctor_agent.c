/* See doctor_agent.h. */
#include "client/doctor_agent.h"

#include <string.h>

#include "client/agent.h"
#include "client/member_list.h"
#include "client/span.h"
#include "crypto/version.h"

enum {
    /* Every grant waits for one sync, and a disk whose syncs take longer than a heartbeat makes
       its node look dead. */
    SYNC_WARN_US = 50000,
    RTT_WARN_US = 100000
};

void doctor_version(struct findings *f, const json_t *status)
{
    const char *version = json_text(status, "version");
    if (strcmp(version, HOLDFAST_VERSION) == 0) {
        finding(f, FINDING_OK, "agent", "%s, holdfastd %s, up %lld s", json_text(status, "node"),
                version, json_number(status, "uptime_ms") / 1000);
        return;
    }
    finding(f, FINDING_WARNING, "agent", "%s is holdfastd %s, this is holdfast %s",
            json_text(status, "node"), version, HOLDFAST_VERSION);
    finding_mend(f, "restart the agent after an upgrade: it loses no lock");
}

void doctor_store(struct findings *f, const json_t *status)
{
    const char *store = json_text(status, "store");
    long long p50 = json_number(status, "sync_p50_us"), p99 = json_number(status, "sync_p99_us");
    if (strcmp(store, "checking") == 0) {
        finding(f, FINDING_WARNING, "store", "checking: a majority has not said yet what it knows");
        finding_mend(f, "wait, or see why the peers are not reached");
    } else if (strcmp(store, "voting") != 0) {
        finding(f, FINDING_BAD, "store", "%s: %s", store, json_text(status, "store_text"));
        finding_mend(f, strcmp(store, "failed") == 0
                            ? "this node votes no more: make room or mend the disk, then restart "
                              "the agent (a restart keeps all locks)"
                            : "this node votes no more; see 'The store' in holdfastd(8)");
    } else if (p99 > SYNC_WARN_US) {
        finding(f, FINDING_WARNING, "store", "votes; syncs take %lld us, p99 %lld us", p50, p99);
        finding_mend(f, "put it on a disk with a fast flush: every grant waits for one");
    } else {
        finding(f, FINDING_OK, "store", "votes; %lld syncs, p50 %lld us, p99 %lld us",
                json_number(status, "syncs"), p50, p99);
    }
}

void doctor_majority(struct findings *f, const json_t *status)
{
    long long alive = json_number(status, "voters_alive"), voters = json_number(status, "voters");
    if (!json_flag(status, "majority")) {
        finding(f, FINDING_BAD, "majority", "%lld of %lld voters alive: nothing is granted", alive,
                voters);
        finding_mend(f,
                     "see 'peers'; with the port open and the agents up it comes back by itself");
    } else if (2 * (alive - 1) <= voters) {
        finding(f, FINDING_WARNING, "majority",
                "%lld of %lld voters alive: one more, and it is lost", alive, voters);
        finding_mend(f, "start those that are away; see 'peers'");
    } else {
        finding(f, FINDING_OK, "majority", "%lld of %lld voters alive", alive, voters);
    }
    if (voters < 3) {
        finding(f, FINDING_WARNING, "majority", "a cluster of %lld has none without the dead one",
                voters);
        finding_mend(f, "add a third node; one that hosts nothing will do");
    }
}

void doctor_life(struct findings *f, const json_t *status)
{
    if (json_flag(status, "bound")) {
        finding(f, FINDING_BAD, "life", "a juror voted against this life, or an order is out");
        finding_mend(f,
                     "it takes no new lock before it begins a new life, as soon as it holds "
                     "nothing; see holdfast fence show %s",
                     json_text(status, "node"));
    } else if (!json_flag(status, "life_counts")) {
        finding(f, FINDING_BAD, "life",
                "%lld does not count yet: a majority of the jurors has not "
                "stored it",
                json_number(status, "life"));
        finding_mend(f, "wait, or see why the jurors are not reached");
    } else if (json_flag(status, "standing_wanted") && !json_flag(status, "standing")) {
        finding(f, FINDING_BAD, "life", "no standing: %lld of %lld jurors acknowledge this node",
                json_number(status, "acknowledging"), json_number(status, "jurors"));
        finding_mend(f, "what it holds under 'fence' is lost; see why the jurors are not reached");
    } else {
        finding(f, FINDING_OK, "life", "%lld, acknowledged by the jurors",
                json_number(status, "life"));
    }
}

/* What administrators inhibit: right as long as they remember it. */
void doctor_inhibitors(struct findings *f, const json_t *status)
{
    const json_t *i;
    size_t index;
    json_array_foreach(json_object_get(status, "inhibitors"), index, i)
    {
        const char *kind = json_text(i, "kind"), *node = json_text(i, "node");
        bool freeze = strcmp(kind, "freeze") == 0;
        char left[SPAN_TEXT_SIZE];
        span_text(left, json_number(i, "left_ms"));
        if (!json_flag(i, "on"))
            continue;
        finding(f, freeze ? FINDING_WARNING : FINDING_NOTE, "inhibited",
                "%s of %s for %s yet, said at %s by %s: %s", kind, *node ? node : "all nodes", left,
                json_text(i, "by"), json_text(i, "who"),
                *json_text(i, "reason") ? json_text(i, "reason") : "no reason was given");
        if (freeze)
            finding_mend(f, "locks of a node that dies wait meanwhile: holdfast fence thaw%s%s",
                         *node ? " --node " : "", node);
        else if (strcmp(kind, "drain") == 0)
            finding_mend(f, "it takes no new locks: holdfast undrain %s", node);
        else
            finding_mend(f, "it is not switched off if it dies: holdfast maintenance %s off", node);
    }
}

/* --- What was dropped --- */

/* Counters that say of an operator's mistake, not of a network's habits. */
static const struct {
    const char *counter, *text, *mend;
} drops[] = {
    {"drop_sender", "datagrams from a slot that the roster does not name",
     "some node has another roster: compare `holdfast roster check` on all"},
    {"drop_unsealed", "datagrams that do not open",
     "a node with another key, cluster or clone of this one sends here; or somebody probes the "
     "port"},
    {"drop_epoch", "datagrams of another roster epoch",
     "some node has an older or newer roster: give all the same"},
    {"api_denied", "calls that access refused", "see `not-permitted` in the agent's log"},
    {"register_full", "locks refused since max-locks or register-bytes was reached",
     "raise them in the configuration"},
    {"requests_full", "requests refused since this coordinator was full",
     "raise max-operations in the configuration"},
    {"alarms", "alarms", "see holdfast events: each says what it is about"},
};

void doctor_drops(struct findings *f, const json_t *status)
{
    const json_t *counters = json_object_get(status, "counters");
    bool any = false;
    for (size_t i = 0; i < sizeof drops / sizeof drops[0]; i++) {
        long long count = json_number(counters, drops[i].counter);
        if (count == 0)
            continue;
        any = true;
        finding(f, FINDING_WARNING, "counters", "%lld %s since the agent started", count,
                drops[i].text);
        finding_mend(f, "%s", drops[i].mend);
    }
    if (!any)
        finding(f, FINDING_OK, "counters", "nothing foreign, refused or alarming since it started");
}

/* --- Peers --- */

static void one_peer(struct findings *f, const json_t *m)
{
    const char *name = json_text(m, "name"), *gossip = json_text(m, "gossip");
    const char *via = json_text(m, "via");
    if (strcmp(gossip, "left") == 0) {
        finding(f, FINDING_WARNING, "peers", "%s (%s) has left: its agent was stopped", name,
                json_text(m, "address"));
        finding_mend(f, "start it again, unless that is meant: it votes for nothing meanwhile");
    } else if (json_flag(m, "unreachable") && *via) {
        finding(f, FINDING_WARNING, "peers", "%s (%s) is reached through %s alone", name,
                json_text(m, "address"), via);
        finding_mend(f, "the direct path is cut, in one direction at least: look at firewalls and "
                        "cables between the two");
    } else if (json_flag(m, "unreachable") || json_number(m, "heard_ms") < 0) {
        finding(f, FINDING_BAD, "peers", "%s (%s) is not reached; gossip says %s", name,
                json_text(m, "address"), gossip);
        finding_mend(f,
                     "is its agent up, its address right, and UDP to that port let through, both "
                     "ways?");
    } else if (json_number(m, "rtt_us") > RTT_WARN_US) {
        finding(f, FINDING_WARNING, "peers", "%s answers after %lld ms", name,
                json_number(m, "rtt_us") / 1000);
        finding_mend(f, "locks wait for one round trip to a majority");
    } else if (member_fence_present(m)) {
        finding(f, FINDING_WARNING, "peers", "%s: %s", name, json_text(m, "fence_why"));
        finding_mend(f, "holdfast fence show %s", name);
    }
}

void doctor_peers(struct findings *f, const json_t *members)
{
    const json_t *list = json_object_get(members, "members"), *m;
    const char *self = json_text(members, "node"), *slowest = "";
    size_t index, reached = 0, others = 0;
    long long worst = 0;
    json_array_foreach(list, index, m)
    {
        if (strcmp(json_text(m, "name"), self) == 0)
            continue;
        others++;
        one_peer(f, m);
        if (json_flag(m, "unreachable") || json_number(m, "heard_ms") < 0 ||
            strcmp(json_text(m, "gossip"), "left") == 0)
            continue;
        reached++;
        if (json_number(m, "rtt_us") > worst) {
            worst = json_number(m, "rtt_us");
            slowest = json_text(m, "name");
        }
    }
    if (worst > 0)
        finding(f, reached == others ? FINDING_OK : FINDING_NOTE, "peers",
                "%zu of %zu reached directly; the slowest, %s, in %lld us", reached, others,
                slowest, worst);
    else
        finding(f, reached == others ? FINDING_OK : FINDING_NOTE, "peers",
                "%zu of %zu reached directly", reached, others);
    long long health = json_number(members, "local_health");
    if (health > 0) {
        finding(f, FINDING_WARNING, "peers",
                "this node itself is slow: its probes wait %lld times "
                "as long",
                health + 1);
        finding_mend(f, "look at its load, its memory and its network card");
    }
}
