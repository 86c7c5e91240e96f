/* Who holds a lock, who waits for what, and what happens next: see why.h. */
#include "client/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"
#include "client/member_text.h"
#include "client/why_stale.h"
#include "client/why_state.h"
#include "client/why_text.h"

enum { STEPS_SHOWN = 3 };

struct why {
    const json_t *facts;
    const json_t *lock; /* NULL: not known */
    const char *name;
    json_t *text;
    json_t *next;
    struct lock_state *now;   /* as shown */
    struct lock_state *soon;  /* as it would be after some steps, */
    struct lock_state *later; /* and after one more */
};

static const json_t *list_of(const struct why *w, const char *key)
{
    return json_object_get(w->lock, key);
}

static bool same_hold(const json_t *a, const json_t *b)
{
    return strcmp(json_text(a, "hold"), json_text(b, "hold")) == 0;
}

static const json_t *find_party(const json_t *list, const json_t *like)
{
    const json_t *party;
    size_t index;
    json_array_foreach(list, index, party)
    {
        if (same_hold(party, like))
            return party;
    }
    return NULL;
}

/* Who holds, or will, under that id. */
static json_t *party_of(const struct why *w, struct op_id id)
{
    int waits = lock_find_waiter(w->now, id), holds = lock_find_hold(w->now, id);
    return waits >= 0 ? json_array_get(list_of(w, "waiters"), (size_t)waits)
                      : json_array_get(list_of(w, "holders"), (size_t)holds);
}

/* --- Who holds, who waits for what --- */

/* The holders of a state that have to end before that wish is granted: a new list of Party. */
static json_t *blockers(const struct why *w, const struct lock_state *s,
                        const struct why_wish *wish)
{
    json_t *out = json_array();
    for (size_t i = 0; i < s->hold_count; i++)
        if (why_state_excludes(s, i, wish))
            json_array_append(out, party_of(w, s->holds[i].id));
    return out;
}

/* "for hv2 and hv3"; "for its coordinator" if nobody is in the way. */
static void for_whom(const struct why *w, const struct why_wish *wish, char *out, size_t size)
{
    char names[WHY_NAMES_MAX];
    json_t *list = blockers(w, w->now, wish);
    if (json_array_size(list) > 0)
        snprintf(out, size, "for %s", why_names(names, w->lock, list));
    else
        snprintf(out, size, "for the lock's coordinator");
    json_decref(list);
}

/* What its node keeps it for. */
static const char *cached_text(char *out, size_t size, const json_t *party)
{
    size_t readers = json_array_size(json_object_get(party, "readers"));
    if (readers == 0)
        return json_flag(party, "cached") ? ", cached for its next client" : "";
    snprintf(out, size, ", %zu client%s of it read%s under it", readers, readers == 1 ? "" : "s",
             readers == 1 ? "s" : "");
    return out;
}

static void holder_text(const struct why *w, json_t *party, json_t *line)
{
    char mode[AGENT_MODE_SIZE], name[WHY_NAME_MAX], data[WHY_NAME_MAX], shared[80];
    const char *policy = json_text(party, "policy");
    why_line(line, "%s (%s, token %lld, policy %s%s%s)", why_name(name, w->lock, party),
             agent_mode(mode, party), json_number(party, "token"), *policy ? policy : "unknown",
             cached_text(shared, sizeof shared, party), why_data(data, party));
}

static void convert_text(const struct why *w, size_t index, json_t *party, json_t *line)
{
    char mode[AGENT_MODE_SIZE], name[WHY_NAME_MAX], whom[WHY_NAMES_MAX + 8];
    struct why_wish wish = why_state_convert(w->now, index);
    for_whom(w, &wish, whom, sizeof whom);
    why_line(line, "%s waits to be converted to %s: %s", why_name(name, w->lock, party),
             agent_mode(mode, party), whom);
}

static void waiter_text(const struct why *w, size_t index, json_t *party, json_t *line)
{
    char mode[AGENT_MODE_SIZE], name[WHY_NAME_MAX], data[WHY_NAME_MAX];
    char whom[WHY_NAMES_MAX + 8] = "for those before it";
    if (index == 0 && w->now->convert_count > 0) {
        snprintf(whom, sizeof whom, "for the conversion, which comes first");
    } else if (index == 0) {
        struct why_wish wish = why_state_first(w->now);
        for_whom(w, &wish, whom, sizeof whom);
    }
    why_line(line, "%s waits (%s%s), place %lld: %s", why_name(name, w->lock, party),
             agent_mode(mode, party), why_data(data, party), json_number(party, "place"), whom);
}

enum role { HOLDS, CONVERTS, WAITS };

/* A list of Party with their lines, which `w->text` gets as well. */
static json_t *parties(struct why *w, const char *key, enum role role)
{
    json_t *out = json_array(), *party;
    size_t index;
    json_array_foreach(list_of(w, key), index, party)
    {
        json_t *copy = json_copy(party), *line = json_array();
        if (role == HOLDS)
            holder_text(w, party, line);
        else if (role == CONVERTS)
            convert_text(w, index, party, line);
        else
            waiter_text(w, index, party, line);
        const char *text = json_string_value(json_array_get(line, 0));
        if (role == HOLDS && json_array_size(list_of(w, key)) == 1)
            why_line(w->text, "%s is held by %s", w->name, text ? text : "");
        else
            why_line(w->text, "%s%s", role == HOLDS ? "  " : "", text ? text : "");
        json_object_set(copy, "text", json_array_get(line, 0));
        json_array_append_new(out, copy);
        json_decref(line);
    }
    return out;
}

static void text_heading(const struct why *w)
{
    size_t count = json_array_size(list_of(w, "holders"));
    if (count == 0)
        why_line(w->text, "%s is free; its token is %lld", w->name, json_number(w->lock, "token"));
    else if (count > 1)
        why_line(w->text, "%s is held by %zu:", w->name, count);
}

static void text_mark(const struct why *w)
{
    char mark[FENCE_TEXT_LINE_MAX];
    const json_t *value = json_object_get(w->lock, "value");
    fence_text_mark(mark, sizeof mark, json_object_get(w->lock, "mark"));
    if (mark[0] != '\0')
        why_line(w->text, "the last hold that ended uncleanly: %s", mark);
    if (json_is_object(value) && !json_flag(value, "valid"))
        why_line(w->text, "its value may be of before that");
}

/* --- This node --- */

/* What keeps this node from being granted anything; NULL: nothing. */
static const char *obstacle(const json_t *status)
{
    if (!json_is_object(status))
        return NULL;
    if (!json_flag(status, "life_counts"))
        return "this node's life does not count yet: a majority of the jurors has to store it";
    if (json_flag(status, "bound"))
        return "a juror voted against this node's life: it takes no new lock under it";
    if (json_flag(status, "standing_wanted") && !json_flag(status, "standing"))
        return "too few jurors acknowledge this node";
    return NULL;
}

/* What this node holds or asks for and nobody else can tell of. */
static void text_own(const struct why *w)
{
    const json_t *status = json_object_get(w->facts, "status"), *op;
    const char *node = json_text(status, "node"), *keeps = obstacle(status);
    char mode[AGENT_MODE_SIZE];
    size_t index;
    json_array_foreach(json_object_get(w->facts, "operations"), index, op)
    {
        const char *state = json_text(op, "state");
        if (strcmp(json_text(op, "name"), w->name) != 0)
            continue;
        bool pending = strcmp(state, "pending") == 0;
        if (pending && !find_party(list_of(w, "waiters"), op))
            why_line(w->text, "%s asks for it (%s) and has no place in the queue yet", node,
                     agent_mode(mode, op));
        if (pending && keeps) {
            why_line(w->text, "%s", keeps);
            keeps = NULL; /* once is enough */
        }
        if (strcmp(state, "passing") == 0)
            why_line(w->text, "%s is handing it over, or has: it has no answer yet", node);
        else if (!pending && !w->lock)
            why_line(w->text, "%s holds it (%s, token %lld), as its own agent knows", node,
                     agent_mode(mode, op), json_number(op, "token"));
    }
}

/* --- What happens next --- */

/* "hv1 and hv4 are granted it together (shared)": the first waiters of `s`, of which `left` are
 * left after that. */
static void granted_text(const struct why *w, const struct lock_state *s, size_t left, char *out,
                         size_t size)
{
    json_t *granted = json_array();
    char names[WHY_NAMES_MAX], mode[AGENT_MODE_SIZE];
    for (size_t i = 0; i + left < s->waiter_count; i++)
        json_array_append(granted, party_of(w, s->waiters[i].id));
    size_t count = json_array_size(granted);
    if (count > 0)
        snprintf(out, size, "%s %s granted it%s (%s)", why_names(names, w->lock, granted),
                 count == 1 ? "is" : "are", count == 1 ? "" : " together",
                 agent_mode(mode, json_array_get(granted, 0)));
    else
        snprintf(out, size, "its coordinator settles the queue");
    json_decref(granted);
}

/* "when hv2 has released it, and the hold of hv3 is over, WHAT". */
static void next_when(const struct why *w, const json_t *in_the_way, const char *what)
{
    json_t *well = json_array(), *gone = json_array(), *party;
    char names[WHY_NAMES_MAX], dead[WHY_NAMES_MAX];
    size_t index;
    json_array_foreach(in_the_way, index, party)
    {
        bool stale = why_stale_is(w->facts, party);
        if (stale)
            why_stale_next(w->facts, party, w->next);
        json_array_append(stale ? gone : well, party);
    }
    size_t alive = json_array_size(well), over = json_array_size(gone);
    why_names(names, w->lock, well);
    why_names(dead, w->lock, gone);
    if (alive > 0 && over > 0)
        why_line(w->next, "when %s %s released it, and what %s held is over, %s", names,
                 alive == 1 ? "has" : "have", dead, what);
    else if (alive > 0)
        why_line(w->next, "when %s %s released it, %s", names, alive == 1 ? "has" : "have", what);
    else if (over > 0)
        why_line(w->next, "then what %s held is over, and %s", dead, what);
    else
        why_line(w->next, "now: %s", what);
    json_decref(well);
    json_decref(gone);
}

static void next_convert(const struct why *w, size_t index)
{
    char what[WHY_NAME_MAX + 64], name[WHY_NAME_MAX], mode[AGENT_MODE_SIZE];
    const json_t *party = json_array_get(list_of(w, "converting"), index);
    struct why_wish wish = why_state_convert(w->now, index);
    json_t *list = blockers(w, w->now, &wish);
    snprintf(what, sizeof what, "%s is converted to %s", why_name(name, w->lock, party),
             agent_mode(mode, party));
    next_when(w, list, what);
    json_decref(list);
}

/* The next of the queue, and a few after them: each step is taken in `soon`. */
static void next_waiters(const struct why *w)
{
    char what[WHY_NAMES_MAX + 64], names[WHY_NAMES_MAX];
    *w->soon = *w->now;
    for (int step = 0; step < STEPS_SHOWN && w->soon->waiter_count > 0; step++) {
        struct why_wish wish = why_state_first(w->soon);
        json_t *list = blockers(w, w->soon, &wish);
        *w->later = *w->soon;
        why_state_release(w->later, wish);
        granted_text(w, w->soon, w->later->waiter_count, what, sizeof what);
        if (step == 0)
            next_when(w, list, what);
        else
            why_line(w->next, "then, when %s %s released it, %s", why_names(names, w->lock, list),
                     json_array_size(list) == 1 ? "has" : "have", what);
        json_decref(list);
        *w->soon = *w->later;
    }
    if (w->soon->waiter_count > 0)
        why_line(w->next, "%zu more %s behind them", w->soon->waiter_count,
                 w->soon->waiter_count == 1 ? "waits" : "wait");
}

/* Nobody waits. */
static void next_quiet(const struct why *w)
{
    const json_t *party;
    size_t index;
    if (json_array_size(list_of(w, "holders")) == 0) {
        why_line(w->next, "whoever asks first is granted it at once");
        return;
    }
    why_line(w->next, "nobody waits: it stays so until a holder releases it, or somebody asks");
    json_array_foreach(list_of(w, "holders"), index, party)
    {
        char name[WHY_NAME_MAX];
        if (why_stale_is(w->facts, party) && why_stale_fences(json_text(party, "policy")))
            why_line(w->next,
                     "as long as nobody waits for what %s held, nobody is asked for an order "
                     "against it",
                     why_name(name, w->lock, party));
    }
}

static void tell_next(const struct why *w)
{
    for (size_t i = 0; i < w->now->convert_count; i++)
        next_convert(w, i);
    if (w->now->convert_count > 0 && w->now->waiter_count > 0)
        why_line(w->next, "then the queue goes on");
    else if (w->now->waiter_count > 0)
        next_waiters(w);
    else if (w->now->convert_count == 0)
        next_quiet(w);
    if (json_is_object(json_object_get(w->lock, "mark")))
        why_line(w->next,
                 "whoever is granted it is told of the unclean end, until a holder clears the mark "
                 "('holdfast clear-mark')");
}

/* --- Nobody could say --- */

/* How the lock's voters are; returns the names of those that are not well. */
static json_t *text_voters(const struct why *w)
{
    const json_t *members = json_object_get(w->facts, "members"), *voter;
    json_t *out = json_array();
    char line[MEMBER_TEXT_MAX];
    size_t index;
    json_array_foreach(json_object_get(json_object_get(w->facts, "place"), "cohort"), index, voter)
    {
        const char *node = json_string_value(voter);
        if (!node || !member_text(line, sizeof line, member_find(members, node), 0, true))
            continue;
        why_line(w->text, "its voter %s", line);
        json_array_append_new(out, json_pack("{s:s}", "node", node));
    }
    return out;
}

static void tell_no_majority(const struct why *w)
{
    long long reachable = why_count(w->facts, "reachable");
    long long cohort = why_count(w->facts, "cohort"), needed = cohort / 2 + 1;
    char names[WHY_NAMES_MAX];
    why_line(w->text,
             "who holds %s is not known: no majority: %lld of its %lld voters reachable, %lld are "
             "needed",
             w->name, reachable, cohort, needed);
    json_t *voters = text_voters(w);
    why_line(w->next,
             "when %lld more of %s can be asked it goes on; until then every hold and every "
             "place in the queue is kept",
             needed > reachable ? needed - reachable : 1,
             json_array_size(voters) ? why_names(names, NULL, voters) : "them");
    json_decref(voters);
}

static void tell_unknown(const struct why *w)
{
    const char *refusal = json_text(w->facts, "refusal");
    const char *keeps = obstacle(json_object_get(w->facts, "status"));
    if (strcmp(refusal, "NoMajority") == 0) {
        tell_no_majority(w);
        return;
    }
    if (strcmp(refusal, "TimedOut") == 0)
        why_line(w->text, "who holds %s is not known: its voters did not answer in time", w->name);
    else if (strcmp(refusal, "NotReady") == 0 && keeps)
        why_line(w->text, "who holds %s is not known: %s", w->name, keeps);
    else
        why_line(w->text, "who holds %s is not known: the agent says %s", w->name,
                 *refusal ? refusal : "nothing of it");
    json_decref(text_voters(w));
    why_line(w->next, "ask again: every hold and every place in the queue is kept");
}

/* --- All of it --- */

static void tell_known(struct why *w, json_t *out)
{
    text_heading(w);
    json_object_set_new(out, "holders", parties(w, "holders", HOLDS));
    json_object_set_new(out, "converting", parties(w, "converting", CONVERTS));
    json_object_set_new(out, "waiters", parties(w, "waiters", WAITS));
    why_stale_text(w->facts, w->text);
    text_own(w);
    text_mark(w);
    tell_next(w);
}

json_t *why_explain(const json_t *facts)
{
    struct why w = {.facts = facts, .name = json_text(facts, "name")};
    json_t *lock = json_object_get(facts, "lock");
    w.text = json_array();
    w.next = json_array();
    w.now = malloc(sizeof *w.now);
    w.soon = malloc(sizeof *w.soon);
    w.later = malloc(sizeof *w.later);
    bool known = w.now && w.soon && w.later && json_is_object(lock) && why_state_read(w.now, lock);
    w.lock = known ? lock : NULL;
    json_t *out =
        json_pack("{s:s, s:b, s:[], s:[], s:[], s:O, s:O}", "name", w.name, "known", (int)known,
                  "holders", "converting", "waiters", "text", w.text, "next", w.next);
    if (out && known) {
        tell_known(&w, out);
    } else if (out) {
        tell_unknown(&w);
        text_own(&w);
    }
    free(w.now);
    free(w.soon);
    free(w.later);
    json_decref(w.text);
    json_decref(w.next);
    return out;
}
