/* What would follow if a machine vanished now: see fence_preview.h. */
#include "client/fence_preview.h"

#include <stdarg.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"

static void line(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(json_t *list, const char *format, ...)
{
    char text[FENCE_TEXT_LINE_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    json_array_append_new(list, json_string(text));
}

static bool has_policy(const json_t *lock, const char *policy)
{
    return strcmp(json_text(lock, "policy"), policy) == 0;
}

static size_t count_policy(const json_t *preview, const char *policy)
{
    json_t *lock;
    size_t index, count = 0;
    json_array_foreach(json_object_get(preview, "locks"), index, lock)
    {
        count += has_policy(lock, policy);
    }
    return count;
}

/* For whose sake the node may be fenced, or a session of it. */
static size_t count_fenced(const json_t *preview)
{
    return count_policy(preview, "fence") + count_policy(preview, "action");
}

/* Of a list of objects: those whose `flag` is set, or not; their names under `key`. */
static json_t *names_of(const json_t *list, const char *key, const char *flag, bool set)
{
    json_t *out = json_array(), *item;
    size_t index;
    json_array_foreach(list, index, item)
    {
        if (json_flag(item, flag) == set)
            json_array_append(out, json_object_get(item, key));
    }
    return out;
}

/* --- What would happen --- */

/* How far it would go. */
struct path {
    bool order;  /* enough jurors can be asked */
    bool brake;  /* F8 would not let them allow more than to retire */
    bool device; /* the roster names one, and an action */
    bool executor;
    bool sessions; /* something is held under `action` */
    bool wanted;   /* or that, or under `fence` */
};

static struct path path_of(const json_t *preview)
{
    json_t *jurors = names_of(json_object_get(preview, "asked"), "juror", "reachable", true);
    json_t *alive = names_of(json_object_get(preview, "executors"), "executor", "alive", true);
    struct path path = {
        .order = json_number(preview, "jurors") > 1 &&
                 (long long)json_array_size(jurors) >= json_number(preview, "quorum"),
        .brake = json_number(preview, "brake") > json_number(preview, "brake_limit"),
        .device = *json_text(preview, "device") &&
                  json_array_size(json_object_get(preview, "actions")) > 0,
        .sessions = count_policy(preview, "action") > 0,
        .executor = json_array_size(alive) > 0,
        .wanted = count_fenced(preview) > 0,
    };
    json_decref(jurors);
    json_decref(alive);
    return path;
}

static const char *outcome_of(const struct path *p)
{
    if (!p->wanted)
        return "nothing";
    if (!p->order)
        return "none";
    return p->brake || !(p->device || p->sessions) || !p->executor ? "retire" : "executor";
}

static void say_jurors(const json_t *preview, const struct path *path, json_t *text)
{
    char there[FENCE_TEXT_LINE_MAX / 2], gone[FENCE_TEXT_LINE_MAX / 4];
    const json_t *asked = json_object_get(preview, "asked");
    json_t *reachable = names_of(asked, "juror", "reachable", true);
    json_t *silent = names_of(asked, "juror", "reachable", false);
    fence_text_list(there, sizeof there, reachable);
    fence_text_list(gone, sizeof gone, silent);
    line(text, "%zu jurors can be asked (%s), %lld are needed%s%s%s", json_array_size(reachable),
         *there ? there : "nobody", json_number(preview, "quorum"),
         *gone ? "; not reached now: " : "", gone, path->order ? "" : ": NO ORDER CAN COME");
    json_decref(reachable);
    json_decref(silent);
}

static void say_brake(const json_t *preview, const struct path *path, json_t *text)
{
    line(text,
         "the brake: it would be number %lld of at most %lld that this node counts in ten "
         "minutes%s",
         json_number(preview, "brake"), json_number(preview, "brake_limit"),
         path->brake ? ": THIS JUROR WOULD ALLOW NO MORE THAN TO RETIRE" : "");
}

static void say_executors(const json_t *preview, const struct path *path, json_t *text)
{
    char order[FENCE_TEXT_LINE_MAX / 2], actions[256];
    const char *device = json_text(preview, "device");
    json_t *alive = names_of(json_object_get(preview, "executors"), "executor", "alive", true);
    fence_text_list(order, sizeof order, alive);
    fence_text_list(actions, sizeof actions, json_object_get(preview, "actions"));
    if (!path->device)
        line(text, "%s: NOBODY CAN SWITCH IT OFF",
             *device ? "the roster has no action" : "the roster names no fence device for it");
    else if (!path->executor)
        line(text, "no executor is alive: NOBODY CAN SWITCH IT OFF");
    else
        line(text, "action %s on the device %s, by the first of these that answers: %s", actions,
             device, order);
    json_decref(alive);
}

static void say_locks(const json_t *preview, json_t *text)
{
    size_t sessions = count_policy(preview, "action");
    size_t hold = count_policy(preview, "hold"), expire = count_policy(preview, "expire");
    if (sessions)
        line(text,
             "%zu of its locks name an action of their own: an order about that session comes "
             "first, the node follows if it does not succeed",
             sessions);
    if (hold)
        line(text, "%zu of its locks are under the policy hold: they wait until it boots again",
             hold);
    if (expire)
        line(text, "%zu of its locks expire: each passes on a TTL after its last renewal", expire);
}

/* Whether that is all that it holds, and else who knows the rest. */
static void say_whole(const json_t *preview, json_t *text)
{
    const char *node = json_text(preview, "node");
    long long known = json_number(preview, "shards_known"), all = json_number(preview, "shards");
    if (json_flag(preview, "own") && known < all)
        line(text,
             "the list of its locks is whole: its own book; who waits is known here for the locks "
             "of %lld of %lld shards",
             known, all);
    else if (json_flag(preview, "own"))
        line(text, "the list of its locks is whole: its own book");
    else if (known == all)
        line(text, "the list of its locks is whole: this node stores the locks of all shards");
    else
        line(text,
             "this node stores the locks of %lld of %lld shards; for all of them ask %s itself: "
             "run `holdfast fence preview %s` there",
             known, all, node, node);
}

static void say_affected(const json_t *preview, const struct path *path, json_t *text)
{
    json_t *jurors = names_of(json_object_get(preview, "asked"), "juror", "reachable", true);
    json_t *executors = names_of(json_object_get(preview, "executors"), "executor", "alive", true);
    (void)path;
    if (json_number(preview, "shards_voted") > 0)
        line(text, "it votes for %lld of %lld shards: their cohorts have one voter less",
             json_number(preview, "shards_voted"), json_number(preview, "shards"));
    if (json_flag(preview, "juror"))
        line(text, "it is a juror: %zu of %lld would be left, %lld are needed",
             json_array_size(jurors), json_number(preview, "jurors"),
             json_number(preview, "quorum"));
    if (json_flag(preview, "executes"))
        line(text, "it executes orders against others: %zu executors would be left",
             json_array_size(executors));
    json_decref(jurors);
    json_decref(executors);
}

static long long passes(const json_t *preview, const char *outcome)
{
    if (strcmp(outcome, "executor") != 0)
        return -1;
    return json_number(preview, "executed_ms");
}

static void say_headline(json_t *preview, const char *outcome)
{
    char text[FENCE_TEXT_LINE_MAX], within[32];
    const char *node = json_text(preview, "node");
    long long count = json_number(preview, "lock_count");
    fence_text_age(within, sizeof within, json_number(preview, "passes_ms"));
    if (strcmp(outcome, "nothing") == 0)
        snprintf(
            text, sizeof text,
            "if %s vanished now: nobody would have to end it (%lld locks%s, none under fence or "
            "action)",
            node, count, json_flag(preview, "whole") ? "" : " known here");
    else if (strcmp(outcome, "executor") == 0)
        snprintf(text, sizeof text,
                 "if %s vanished now: %zu of its locks would be freed by fencing it, within %s if "
                 "somebody waits",
                 node, count_fenced(preview), within);
    else
        snprintf(text, sizeof text,
                 "if %s vanished now: %zu of its locks would WAIT until it boots again", node,
                 count_fenced(preview));
    json_object_set_new(preview, "headline", json_string(text));
}

void fence_preview_explain(json_t *preview)
{
    struct path path = path_of(preview);
    const char *outcome = outcome_of(&path);
    json_t *text = json_array(), *affected = json_array();
    char ordered[32], turn[32], watchdog[32];
    json_object_set_new(preview, "outcome", json_string(outcome));
    json_object_set_new(preview, "passes_ms", json_integer(passes(preview, outcome)));
    say_headline(preview, outcome);
    say_jurors(preview, &path, text);
    say_brake(preview, &path, text);
    say_executors(preview, &path, text);
    fence_text_age(ordered, sizeof ordered, json_number(preview, "ordered_ms"));
    fence_text_age(turn, sizeof turn, json_number(preview, "turn_ms"));
    fence_text_age(watchdog, sizeof watchdog, json_number(preview, "watchdog_ms"));
    line(
        text,
        "an order within %s, then the executor's run at its longest; each silent executor adds %s; "
        "a watchdog, where it counts, within %s",
        ordered, turn, watchdog);
    say_locks(preview, text);
    say_whole(preview, text);
    say_affected(preview, &path, affected);
    json_object_set_new(preview, "text", text);
    json_object_set_new(preview, "affected", affected);
}

static void print_lines(FILE *out, const json_t *lines)
{
    json_t *text;
    size_t index;
    json_array_foreach(lines, index, text) fprintf(out, "  %s\n", json_string_value(text));
}

/* What becomes of one lock. */
static const char *fate(const json_t *preview, const json_t *lock)
{
    if (has_policy(lock, "hold"))
        return "waits until it boots again";
    if (has_policy(lock, "expire"))
        return "passes on a TTL after its last renewal";
    return strcmp(json_text(preview, "outcome"), "executor") == 0
               ? "freed once it is fenced"
               : "waits until it boots again: it cannot be fenced";
}

static void print_lock(FILE *out, const json_t *preview, const json_t *lock)
{
    char mode[AGENT_MODE_SIZE], queue[48] = "who waits is not known here";
    if (json_is_integer(json_object_get(lock, "waiters")))
        snprintf(queue, sizeof queue, "%lld wait", json_number(lock, "waiters"));
    fprintf(out, "  %s (%s, token %lld, %s, %s): %s\n", json_text(lock, "name"),
            agent_mode(mode, lock), json_number(lock, "token"), json_text(lock, "policy"), queue,
            fate(preview, lock));
}

void fence_preview_print(FILE *out, const json_t *preview)
{
    json_t *lock;
    size_t index;
    const json_t *locks = json_object_get(preview, "locks");
    fprintf(out, "%s\n", json_text(preview, "headline"));
    print_lines(out, json_object_get(preview, "text"));
    if (json_array_size(locks) > 0)
        fprintf(out, "\nwhat it holds%s\n",
                json_flag(preview, "whole") ? "" : ", as far as is known here");
    json_array_foreach(locks, index, lock)
    {
        print_lock(out, preview, lock);
    }
    if (json_number(preview, "lock_count") > (long long)json_array_size(locks))
        fprintf(out, "  and %lld more\n",
                json_number(preview, "lock_count") - (long long)json_array_size(locks));
    fputs("\nwhat else\n", out);
    print_lines(out, json_object_get(preview, "affected"));
}
