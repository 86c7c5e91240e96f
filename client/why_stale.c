/* Holders whose node does not answer: see why_stale.h. */
#include "client/why_stale.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"
#include "client/member_text.h"
#include "client/why_text.h"

static const json_t *member_of(const json_t *facts, const json_t *holder)
{
    return member_find(json_object_get(facts, "members"), json_text(holder, "node"));
}

static long long life_of(const json_t *holder)
{
    return member_hold_life(json_text(holder, "hold"));
}

static bool gossip_is(const json_t *member, const char *word)
{
    return strcmp(json_text(member, "gossip"), word) == 0;
}

/* It runs again, under a later life: the earlier one is over, which it has to state (F6a). */
static bool reborn(const json_t *facts, const json_t *holder)
{
    const json_t *member = member_of(facts, holder);
    return gossip_is(member, "alive") && json_number(member, "life") > life_of(holder);
}

/* What is done about that very holder; NULL: nothing is told. */
static const json_t *stale_of(const json_t *facts, const json_t *holder)
{
    const json_t *stale = json_object_get(json_object_get(facts, "lock"), "stale");
    bool same = json_is_object(stale) &&
                strcmp(json_text(stale, "node"), json_text(holder, "node")) == 0 &&
                json_number(stale, "life") == life_of(holder);
    return same ? stale : NULL;
}

bool why_stale_is(const json_t *facts, const json_t *holder)
{
    const json_t *member = member_of(facts, holder);
    if (stale_of(facts, holder))
        return true;
    return member && (!gossip_is(member, "alive") || reborn(facts, holder));
}

/* --- How it is --- */

/* Whether an earlier holder of the list is of the same node and life. */
static bool told_before(const json_t *holders, size_t index)
{
    const json_t *holder = json_array_get(holders, index);
    for (size_t i = 0; i < index; i++) {
        const json_t *other = json_array_get(holders, i);
        if (strcmp(json_text(other, "node"), json_text(holder, "node")) == 0 &&
            life_of(other) == life_of(holder))
            return true;
    }
    return false;
}

/* Why jurors do not vote, as far as it is known here: of an order's story, and of this node's own
 * juror, whose last word on that node stands in its events. */
static void text_opinions(const json_t *facts, const json_t *stale, json_t *text)
{
    const json_t *order, *opinion, *event, *last = NULL;
    const char *node = json_text(stale, "node");
    size_t index, i;
    json_array_foreach(json_object_get(facts, "orders"), index, order)
    {
        if (strcmp(json_text(order, "node"), node) != 0 ||
            json_number(order, "life") != json_number(stale, "life"))
            continue;
        json_array_foreach(json_object_get(order, "opinions"), i, opinion)
        {
            if (!json_flag(opinion, "signed"))
                why_line(text, "%s does not vote: %s", json_text(opinion, "juror"),
                         json_text(opinion, "text"));
        }
    }
    json_array_foreach(json_object_get(facts, "events"), index, event)
    {
        const char *kind = json_text(event, "kind");
        if (strcmp(json_text(event, "node"), node) == 0 &&
            (strcmp(kind, "opinion") == 0 || strcmp(kind, "vote") == 0))
            last = event;
    }
    if (last)
        why_line(text, "%s: %s", json_text(json_object_get(facts, "status"), "node"),
                 json_text(last, "text"));
}

static void text_order(const json_t *facts, const json_t *stale, json_t *text)
{
    char line[FENCE_TEXT_LINE_MAX];
    long long votes = why_count(stale, "votes"), quorum = why_count(stale, "quorum");
    long long jurors = json_number(json_object_get(facts, "status"), "jurors");
    if (strcmp(json_text(stale, "stage"), "asking") != 0) {
        fence_text_stale(line, sizeof line, stale);
        why_line(text, "%s", line);
        return;
    }
    if (jurors > 0)
        why_line(text, "an order against %s (life %lld) needs %lld of %lld jurors; %lld %s voted",
                 json_text(stale, "node"), json_number(stale, "life"), quorum, jurors, votes,
                 votes == 1 ? "has" : "have");
    else
        why_line(text, "an order against %s (life %lld) needs %lld jurors; %lld %s voted",
                 json_text(stale, "node"), json_number(stale, "life"), quorum, votes,
                 votes == 1 ? "has" : "have");
    text_opinions(facts, stale, text);
}

/* What an administrator inhibits about that node: whoever waits may wait for the end of that. */
static void text_inhibitors(const json_t *facts, const json_t *stale, json_t *text)
{
    const json_t *status = json_object_get(facts, "status"), *i;
    size_t index;
    json_array_foreach(json_object_get(status, "inhibitors"), index, i)
    {
        const char *node = json_text(i, "node"), *reason = json_text(i, "reason");
        bool about = *node == '\0' || strcmp(node, json_text(stale, "node")) == 0;
        if (about && json_flag(i, "on") && strcmp(json_text(i, "kind"), "drain") != 0)
            why_line(text, "%s of %s for %lld s yet, said at %s by %s%s%s", json_text(i, "kind"),
                     *node ? node : "all nodes", json_number(i, "left_ms") / 1000,
                     json_text(i, "by"), json_text(i, "who"), *reason ? ": " : "", reason);
    }
}

void why_stale_text(const json_t *facts, json_t *text)
{
    const json_t *lock = json_object_get(facts, "lock"), *holder;
    const json_t *holders = json_object_get(lock, "holders");
    const json_t *stale = json_object_get(lock, "stale");
    char line[MEMBER_TEXT_MAX];
    size_t index;
    json_array_foreach(holders, index, holder)
    {
        if (!told_before(holders, index) &&
            member_text(line, sizeof line, member_of(facts, holder), life_of(holder), true))
            why_line(text, "%s", line);
    }
    if (json_is_object(stale)) {
        text_order(facts, stale, text);
        text_inhibitors(facts, stale, text);
    }
}

/* --- What has to happen --- */

static void next_asking(const json_t *stale, json_t *next)
{
    long long missing = why_count(stale, "quorum") - why_count(stale, "votes");
    const char *node = json_text(stale, "node");
    if (missing > 0)
        why_line(next,
                 "when %lld more %s by what %s seen itself, the order against %s is certified, and "
                 "an executor ends its life %lld",
                 missing, missing == 1 ? "juror votes" : "jurors vote",
                 missing == 1 ? "it has" : "they have", node, json_number(stale, "life"));
    else
        why_line(next, "the order against %s is certified now, and an executor ends its life %lld",
                 node, json_number(stale, "life"));
}

static void next_stage(const json_t *stale, json_t *next)
{
    const char *stage = json_text(stale, "stage"), *node = json_text(stale, "node");
    long long life = json_number(stale, "life");
    char line[FENCE_TEXT_LINE_MAX];
    fence_text_stale(line, sizeof line, stale);
    if (strcmp(stage, "hold") == 0)
        why_line(next,
                 "when %s boots again it states that its life %lld is over (policy hold: "
                 "nobody is fenced for it)",
                 node, life);
    else if (strcmp(stage, "expires") == 0)
        why_line(
            next,
            "when life %lld of %s has not renewed its lease for its TTL, or states before that it "
            "is over, its hold is let go",
            life, node);
    else if (strcmp(stage, "asking") == 0)
        next_asking(stale, next);
    else if (strcmp(stage, "ordered") == 0)
        why_line(next, "an executor begins, ends life %lld of %s and signs a receipt", life, node);
    else if (strcmp(stage, "no-action") == 0)
        why_line(next,
                 "when the order reaches %s it stops, or else when it boots again: nobody "
                 "else can carry the order out",
                 node);
    else if (strcmp(stage, "running") == 0)
        why_line(next,
                 "the executor ends life %lld of %s and signs a receipt; if it fails, the "
                 "next one begins",
                 life, node);
    else if (strcmp(stage, "failed") == 0)
        why_line(next,
                 "when %s boots again it states that its life %lld is over: every executor "
                 "failed",
                 node, life);
    else if (strcmp(stage, "over") == 0)
        why_line(next, "%s is proven over: the lock's coordinator ends its hold now", node);
    else if (strcmp(stage, "watchdog") != 0) /* one that is not known here */
        why_line(next, "%s", line);
}

/* Beside all else: the bound on the wait. */
static void next_watchdog(const json_t *stale, json_t *next)
{
    long long ms = json_number(stale, "watchdog_ms");
    if (ms > 0)
        why_line(next,
                 "in %lld.%lld s the jurors will have been silent for so long that the watchdog of "
                 "%s has ended its life %lld, whatever else is done",
                 ms / 1000, ms / 100 % 10, json_text(stale, "node"), json_number(stale, "life"));
}

bool why_stale_fences(const char *policy)
{
    return strcmp(policy, "fence") == 0 || strcmp(policy, "action") == 0;
}

void why_stale_next(const json_t *facts, const json_t *holder, json_t *next)
{
    const json_t *stale = stale_of(facts, holder), *member = member_of(facts, holder);
    const char *node = json_text(holder, "node"), *policy = json_text(holder, "policy");
    long long life = life_of(holder);
    bool fence = why_stale_fences(policy), expires = strcmp(policy, "expire") == 0;
    if (stale) {
        next_stage(stale, next);
        next_watchdog(stale, next);
    } else if (reborn(facts, holder))
        why_line(next,
                 "%s runs again: when its statement that its life %lld is over has reached the "
                 "lock's coordinator, its hold is over",
                 node, life);
    else if (gossip_is(member, "suspect"))
        why_line(next,
                 fence
                     ? "%s answers, or is soon held dead by gossip; then the jurors are asked for "
                       "an order against its life %lld"
                     : "%s answers, or is soon held dead by gossip; then its hold lasts until it "
                       "states that its life %lld is over",
                 node, life);
    else if (expires)
        why_line(next,
                 "when %s (life %lld) has not renewed its lease for its TTL its hold is let go",
                 node, life);
    else if (fence)
        why_line(next, "the lock's coordinator asks the jurors for an order against %s (life %lld)",
                 node, life);
    else
        why_line(next, "when %s boots again it states that its life %lld is over (policy %s)", node,
                 life, *policy ? policy : "hold");
}
