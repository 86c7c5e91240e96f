/* Text about dead holders and orders: see fence_text.h. */
#include "client/fence_text.h"

#include <stdio.h>
#include <string.h>

#include "client/agent.h"

void fence_text_stale(char *text, size_t size, const json_t *stale)
{
    const char *said = json_text(stale, "text");
    text[0] = '\0';
    if (!json_is_object(stale))
        return;
    if (*said)
        snprintf(text, size, "%s", said);
    else
        snprintf(text, size, "%s (life %lld) is dead: %s", json_text(stale, "node"),
                 json_number(stale, "life"), json_text(stale, "stage"));
}

/* The part of the line that the reason gives; "" for a reason that says nothing new. */
static void reason_text(char *text, size_t size, const json_t *reply)
{
    char parties[FENCE_TEXT_LINE_MAX / 2];
    const char *reason = json_text(reply, "reason");
    long long place = json_number(reply, "place");
    text[0] = '\0';
    agent_parties(parties, sizeof parties, json_object_get(reply, "holders"));
    if (strcmp(reason, "no-majority") == 0)
        snprintf(text, size, "waiting: no majority: %lld of %lld reachable",
                 json_number(reply, "reachable"), json_number(reply, "cohort"));
    else if (strcmp(reason, "standing") == 0)
        snprintf(text, size, "waiting: too few jurors acknowledge this node");
    else if (strcmp(reason, "starting") == 0)
        snprintf(text, size, "waiting: this node's life does not count yet");
    else if (strcmp(reason, "queued") == 0 && place > 0)
        snprintf(text, size, "waiting, place %lld in the queue, held by %s", place,
                 *parties ? parties : "somebody");
}

void fence_text_waiting(char *text, size_t size, const json_t *reply)
{
    char stale[FENCE_TEXT_LINE_MAX / 2];
    reason_text(text, size, reply);
    fence_text_stale(stale, sizeof stale, json_object_get(reply, "stale"));
    if (stale[0] == '\0')
        return;
    size_t at = strlen(text);
    snprintf(text + at, size - at, "%s: %s", at == 0 ? "waiting" : "", stale);
}

void fence_text_mark(char *text, size_t size, const json_t *mark)
{
    const char *node = json_text(mark, "node"), *by = json_text(mark, "by");
    long long life = json_number(mark, "life");
    text[0] = '\0';
    if (!json_is_object(mark))
        return;
    int n = snprintf(text, size, "%s (life %lld), %s, token %lld: ", node, life,
                     json_text(mark, "mode"), json_number(mark, "token"));
    if (n < 0 || (size_t)n >= size)
        return;
    text += n;
    size -= (size_t)n;
    if (strcmp(by, "receipt") == 0)
        snprintf(text, size,
                 "that node was ended under an order (see 'holdfast fence show %s/%lld')", node,
                 life);
    else if (strcmp(by, "by-hand") == 0)
        snprintf(text, size,
                 "an operator signed that its machine is off (see 'holdfast fence show %s/%lld')",
                 node, life);
    else if (strcmp(by, "end-statement") == 0)
        snprintf(text, size, "that node came back and stated that this life is over");
    else if (strcmp(by, "agent") == 0)
        snprintf(text, size, "its processes died or were stopped, as its own agent saw");
    else if (strcmp(by, "expiry") == 0)
        snprintf(text, size, "its lease was not renewed, and was over");
    else
        snprintf(text, size, "ended by '%s'", by);
}

bool fence_text_unclean(char *text, size_t size, const json_t *mark)
{
    const char *proof = json_text(mark, "proof");
    text[0] = '\0';
    if (!json_is_object(mark))
        return false;
    int n =
        snprintf(text, size, "%s/%lld %s %s %s", json_text(mark, "node"), json_number(mark, "life"),
                 json_text(mark, "mode"), json_text(mark, "by"), *proof ? proof : "-");
    if (n >= 0 && (size_t)n < size)
        return true;
    text[0] = '\0';
    return false;
}

void fence_text_age(char *text, size_t size, long long ms)
{
    if (ms < 0)
        snprintf(text, size, "never");
    else
        snprintf(text, size, "%lld.%lld s", ms / 1000, ms % 1000 / 100);
}

void fence_text_list(char *text, size_t size, const json_t *strings)
{
    size_t at = 0, index;
    json_t *value;
    text[0] = '\0';
    json_array_foreach(strings, index, value)
    {
        const char *word = json_string_value(value);
        int n = snprintf(text + at, size - at, "%s%s", index ? ", " : "", word ? word : "?");
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

void fence_text_executor(char *text, size_t size, const json_t *order)
{
    const json_t *receipt = json_object_get(order, "receipt");
    const json_t *reports = json_object_get(order, "reports");
    size_t count = json_array_size(reports);
    const json_t *last = count ? json_array_get(reports, count - 1) : NULL;
    if (json_is_object(receipt))
        snprintf(text, size, "%s: receipt",
                 *json_text(receipt, "executor") ? json_text(receipt, "executor") : "watchdog");
    else if (last)
        snprintf(text, size, "%s: %s", json_text(last, "executor"), json_text(last, "stage"));
    else
        snprintf(text, size, "-");
}

bool fence_text_target(const char *text, char node[FENCE_TEXT_NODE_MAX + 1], long *life)
{
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    *life = 0;
    if (size == 0 || size > FENCE_TEXT_NODE_MAX)
        return false;
    if (slash && !parse_number(slash + 1, 1, __LONG_MAX__, life))
        return false;
    memcpy(node, text, size);
    node[size] = '\0';
    return true;
}
