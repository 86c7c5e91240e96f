/* What became of one life of a node, why, and what is next: see fence_why.h. */
#include "client/fence_why.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"

enum { LINE_MAX = FENCE_TEXT_LINE_MAX };

struct why {
    const json_t *facts;
    const json_t *order, *member;
    const json_t *inquiry; /* the one about this life */
    const char *node;
    long long life;
    json_t *out;
};

static bool is(const json_t *object, const char *key, const char *word)
{
    return strcmp(json_text(object, key), word) == 0;
}

static void line(json_t *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(json_t *list, const char *format, ...)
{
    char text[LINE_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    json_array_append_new(list, json_string(text));
}

/* --- Which life --- */

/* About this life; a proof is about all lives up to its own. */
static bool is_about(const struct why *w, const json_t *step)
{
    long long life = json_number(step, "life");
    if (!is(step, "node", w->node))
        return false;
    return is(step, "kind", "proof") ? life >= w->life : life == w->life;
}

static long long newest_life(const json_t *list, const char *node)
{
    long long newest = 0;
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        bool counts = is(item, "node", node) && !is(item, "kind", "started");
        if (counts && json_number(item, "life") > newest)
            newest = json_number(item, "life");
    }
    return newest;
}

static void choose_life(struct why *w)
{
    long long asked = json_number(w->facts, "life");
    long long known[] = {json_number(w->order, "life"),
                         newest_life(json_object_get(w->facts, "steps"), w->node),
                         newest_life(json_object_get(w->facts, "inquiries"), w->node)};
    w->life = asked;
    for (size_t i = 0; asked == 0 && i < sizeof known / sizeof *known; i++)
        if (known[i] > w->life)
            w->life = known[i];
    if (w->life == 0)
        w->life = json_number(w->member, "life");
    if (json_number(w->order, "life") != w->life)
        w->order = NULL;
    size_t index;
    json_t *inquiry;
    json_array_foreach(json_object_get(w->facts, "inquiries"), index, inquiry)
    {
        if (is(inquiry, "node", w->node) && json_number(inquiry, "life") == w->life)
            w->inquiry = inquiry;
    }
}

/* The last step of that kind about this life (by `by`, unless that is NULL); NULL: none. */
static const json_t *last_step(const struct why *w, const char *kind, const char *by)
{
    const json_t *found = NULL;
    size_t index;
    json_t *step;
    json_array_foreach(json_object_get(w->facts, "steps"), index, step)
    {
        if (is(step, "kind", kind) && is_about(w, step) && (!by || is(step, "by", by)))
            found = step;
    }
    return found;
}

static const json_t *first_step(const struct why *w, const char *kind)
{
    size_t index;
    json_t *step;
    json_array_foreach(json_object_get(w->facts, "steps"), index, step)
    {
        if (is(step, "kind", kind) && is_about(w, step))
            return step;
    }
    return NULL;
}

/* --- Who asked, who signed --- */

static json_t *asked(const struct why *w)
{
    const json_t *accused = first_step(w, "accused"), *ordered = first_step(w, "order");
    const char *by = json_text(w->order, "accuser"), *lock = json_text(w->order, "lock");
    if (!*by && ordered) {
        by = json_text(ordered, "by");
        lock = json_text(ordered, "lock");
    }
    if (!*by && accused) {
        by = json_text(accused, "by");
        lock = json_text(accused, "lock");
    }
    if (!*by && !w->inquiry)
        return json_null();
    if (!*lock && w->inquiry)
        lock = json_text(w->inquiry, "lock");
    return json_pack("{s:s s:s s:s}", "by", by, "lock", lock, "time", json_text(accused, "time"));
}

static json_t *order_of(const struct why *w)
{
    const json_t *step = first_step(w, "order");
    if (!w->order && !step)
        return json_null();
    return json_pack("{s:s s:I s:s s:I s:I s:I}", "digest",
                     w->order ? json_text(w->order, "order") : json_text(step, "digest"), "epoch",
                     (json_int_t)json_number(w->order, "epoch"), "time", json_text(step, "time"),
                     "signatures", (json_int_t)json_number(w->order, "signatures"), "quorum",
                     (json_int_t)json_number(w->order, "quorum"), "jurors",
                     (json_int_t)json_number(w->order, "jurors"));
}

static void juror_line(char *out, size_t size, const json_t *opinion)
{
    char renewal[32], heard[32], allows[256], age[32];
    fence_text_age(renewal, sizeof renewal, json_number(opinion, "renewal_ms"));
    fence_text_age(heard, sizeof heard, json_number(opinion, "heard_ms"));
    fence_text_list(allows, sizeof allows, json_object_get(opinion, "allows"));
    int n = snprintf(
        out, size,
        "%s; last renewal of that life %s%s, last word %s%s; %lld probes and %lld relayed ones "
        "(%lld came back unheard); %lld jurors acknowledged it, %lld members alive, brake count "
        "%lld",
        json_text(opinion, "text"), renewal, *renewal == 'n' ? "" : " before", heard,
        *heard == 'n' ? "" : " before", json_number(opinion, "direct"),
        json_number(opinion, "relays"), json_number(opinion, "silent"),
        json_number(opinion, "acknowledged"), json_number(opinion, "alive"),
        json_number(opinion, "brake"));
    if (n < 0 || (size_t)n >= size || !json_flag(opinion, "signed") ||
        json_number(opinion, "age_ms") < 0 || !*allows)
        return;
    fence_text_age(age, sizeof age, json_number(opinion, "age_ms"));
    snprintf(out + n, size - (size_t)n, "; signed %s after it last acknowledged it, allows %s", age,
             allows);
}

/* Puts a juror into the list that it belongs to, once; what is said later takes the place. */
static void put_juror(const struct why *w, const json_t *opinion, const char *time)
{
    const char *const keys[] = {"signers", "refusers"};
    char text[LINE_MAX];
    bool votes = json_flag(opinion, "signed");
    const char *juror = json_text(opinion, "juror");
    for (size_t k = 0; k < 2; k++) {
        json_t *list = json_object_get(w->out, keys[k]), *item;
        for (size_t i = 0; i < json_array_size(list); i++) {
            item = json_array_get(list, i);
            if (!is(item, "juror", juror))
                continue;
            if (k == 0 && (!votes || !*time))
                return; /* a vote is final, and its time is known */
            json_array_remove(list, i);
            break;
        }
    }
    juror_line(text, sizeof text, opinion);
    json_array_append_new(json_object_get(w->out, keys[votes ? 0 : 1]),
                          json_pack("{s:s s:s s:s s:O}", "juror", juror, "time", time, "text", text,
                                    "evidence", opinion));
}

static void jurors(const struct why *w)
{
    size_t index;
    json_t *item;
    json_object_set_new(w->out, "signers", json_array());
    json_object_set_new(w->out, "refusers", json_array());
    json_array_foreach(json_object_get(w->facts, "steps"), index, item)
    {
        if ((is(item, "kind", "vote") || is(item, "kind", "opinion")) && is_about(w, item))
            put_juror(w, json_object_get(item, "opinion"), json_text(item, "time"));
    }
    const json_t *lists[] = {json_object_get(w->order, "opinions"),
                             json_object_get(w->inquiry, "answers")};
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(lists[k], index, item)
        {
            const char *juror = json_text(item, "juror");
            if (!last_step(w, "vote", juror) && !last_step(w, "opinion", juror))
                put_juror(w, item, "");
        }
}

/* --- Executors, receipt, what it freed --- */

static json_t *executors(const struct why *w)
{
    json_t *list = json_array(), *item;
    size_t index;
    json_array_foreach(json_object_get(w->facts, "steps"), index, item)
    {
        if (is(item, "kind", "report") && is_about(w, item))
            json_array_append_new(
                list, json_pack("{s:s s:s s:s s:s}", "executor", json_text(item, "by"), "stage",
                                json_text(item, "detail"), "time", json_text(item, "time"), "text",
                                json_text(item, "text")));
    }
    if (json_array_size(list) > 0)
        return list;
    json_array_foreach(json_object_get(w->order, "reports"), index, item)
    {
        json_array_append_new(
            list, json_pack("{s:s s:s s:s s:s}", "executor", json_text(item, "executor"), "stage",
                            json_text(item, "stage"), "time", "", "text", json_text(item, "text")));
    }
    return list;
}

static json_t *transcript(const struct why *w)
{
    json_t *list = json_array(), *item;
    size_t index;
    json_array_foreach(json_object_get(w->facts, "steps"), index, item)
    {
        if (is(item, "kind", "ran") && is_about(w, item))
            json_array_append_new(list, json_pack("{s:s s:s s:s}", "time", json_text(item, "time"),
                                                  "outcome", json_text(item, "detail"), "text",
                                                  json_text(item, "text")));
    }
    return list;
}

/* The proof that ended it: the order's receipt says most, the log says when. */
static json_t *receipt(const struct why *w)
{
    const json_t *receipt = json_object_get(w->order, "receipt"), *step = first_step(w, "proof");
    if (json_is_object(receipt))
        return json_pack("{s:s s:s s:s s:s s:s s:s s:s}", "kind", "executor", "by",
                         json_text(receipt, "executor"), "time", json_text(step, "time"), "action",
                         json_text(receipt, "action"), "device", json_text(receipt, "device"),
                         "witness", json_text(receipt, "witness"), "proof",
                         json_text(receipt, "proof"));
    if (!step)
        return json_null();
    return json_pack("{s:s s:s s:s s:s s:s s:s s:s}", "kind", json_text(step, "detail"), "by",
                     json_text(step, "by"), "time", json_text(step, "time"), "action", "", "device",
                     "", "witness", "", "proof", json_text(step, "digest"));
}

/* Each lock once: its coordinator says which hold it was, other voters only whose. */
static json_t *freed(const struct why *w)
{
    json_t *list = json_array(), *item, *other;
    size_t index, k;
    json_array_foreach(json_object_get(w->facts, "steps"), index, item)
    {
        bool known = false;
        if (!is(item, "kind", "freed") || !is_about(w, item))
            continue;
        json_array_foreach(list, k, other)
        {
            known |= is(other, "lock", json_text(item, "lock")) &&
                     json_number(other, "token") == json_number(item, "token");
        }
        if (!known)
            json_array_append_new(
                list,
                json_pack("{s:s s:s s:s s:I s:s}", "lock", json_text(item, "lock"), "hold",
                          json_text(item, "hold"), "mode", json_text(item, "mode"), "token",
                          (json_int_t)json_number(item, "token"), "time", json_text(item, "time")));
    }
    return list;
}

static json_t *notes(const struct why *w)
{
    json_t *list = json_array(), *item;
    size_t index;
    json_array_foreach(json_object_get(w->facts, "steps"), index, item)
    {
        bool noted =
            is(item, "kind", "note") || is(item, "kind", "alarm") || is(item, "kind", "refused");
        if (noted && is_about(w, item))
            json_array_append_new(
                list, json_pack("{s:s s:s s:s s:s}", "time", json_text(item, "time"), "kind",
                                is(item, "kind", "note") ? json_text(item, "detail")
                                                         : json_text(item, "kind"),
                                "by", json_text(item, "by"), "text", json_text(item, "text")));
    }
    return list;
}

/* --- How it stands --- */

static const char *state_of(const struct why *w)
{
    const json_t *proof = json_object_get(w->out, "receipt");
    const char *stage = json_text(w->order, "stage");
    if (json_is_object(proof))
        return is(proof, "kind", "end-statement") ? "ended" : "fenced";
    if (strcmp(stage, "over") == 0)
        return "ended"; /* by a proof that is not kept any more */
    if (strcmp(stage, "running") == 0 || strcmp(stage, "failed") == 0 ||
        strcmp(stage, "no-action") == 0)
        return stage;
    if (w->order || first_step(w, "order"))
        return "ordered";
    if (w->inquiry)
        return "asking";
    return first_step(w, "accused") || first_step(w, "opinion") || first_step(w, "vote") ? "accused"
                                                                                         : "none";
}

/* " at TIME", or "". */
static const char *at(char out[64], const char *time)
{
    snprintf(out, 64, "%s%s", *time ? " at " : "", time);
    return out;
}

static void headline_over(const struct why *w, char *out, size_t size)
{
    const json_t *proof = json_object_get(w->out, "receipt");
    char when[64];
    at(when, json_text(proof, "time"));
    if (is(w->out, "state", "fenced") && is(proof, "kind", "executor"))
        snprintf(out, size, "%s (life %lld) was fenced: %s carried the order out%s%s%s; it is over",
                 w->node, w->life, json_text(proof, "by"),
                 *json_text(proof, "action") ? " by " : "", json_text(proof, "action"), when);
    else if (is(w->out, "state", "fenced"))
        snprintf(out, size, "%s (life %lld) was fenced: the proof is of the kind %s%s; it is over",
                 w->node, w->life, json_text(proof, "kind"), when);
    else
        snprintf(out, size, "%s (life %lld) is over%s: %s started again and said so itself%s",
                 w->node, w->life, when, w->node,
                 json_is_object(json_object_get(w->out, "order"))
                     ? ", after an order that nobody had to carry out"
                     : "; nobody fenced it");
}

static void headline(const struct why *w)
{
    const json_t *order = json_object_get(w->out, "order");
    const char *state = json_text(w->out, "state");
    char text[LINE_MAX], when[64];
    at(when, json_text(order, "time"));
    if (json_flag(w->out, "over"))
        headline_over(w, text, sizeof text);
    else if (strcmp(state, "ordered") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) is to be fenced: ordered%s; NOT over: no executor has begun",
                 w->node, w->life, when);
    else if (strcmp(state, "running") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) is being fenced: ordered%s; NOT over: an executor acts", w->node,
                 w->life, when);
    else if (strcmp(state, "failed") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) could not be fenced: ordered%s; NOT over: every executor failed",
                 w->node, w->life, when);
    else if (strcmp(state, "no-action") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) is ordered to end%s; NOT over: nobody can carry it out", w->node,
                 w->life, when);
    else if (strcmp(state, "asking") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) is accused: %lld votes known here, %lld are needed; NOT ordered",
                 w->node, w->life, (long long)json_array_size(json_object_get(w->out, "signers")),
                 json_number(w->inquiry, "quorum"));
    else if (strcmp(state, "accused") == 0)
        snprintf(text, sizeof text,
                 "%s (life %lld) was accused, and no order came of it as far as is known here",
                 w->node, w->life);
    else
        snprintf(text, sizeof text, "%s (life %lld): nothing is known here of a fence", w->node,
                 w->life);
    json_object_set_new(w->out, "headline", json_string(text));
}

/* --- What is next --- */

static void next_over(const struct why *w, json_t *next)
{
    long long now = json_number(w->member, "life");
    size_t count = json_array_size(json_object_get(w->out, "freed"));
    if (count)
        line(next, "nothing more is to come: %zu of its locks passed on, as far as is known here",
             count);
    else
        line(next, "nothing more is to come: its locks pass on as soon as somebody asks for them");
    if (now > w->life)
        line(next, "%s is back under life %lld: %s to the members", w->node, now,
             json_text(w->member, "gossip"));
    else
        line(next, "%s is not back yet: under its next life it takes locks again by itself",
             w->node);
}

static void next_open(const struct why *w, json_t *next)
{
    const char *state = json_text(w->out, "state"), *text = json_text(w->order, "text");
    if (*text)
        line(next, "now: %s", text);
    if (strcmp(state, "ordered") == 0)
        line(next, "the executor of the best rank that is alive begins; a silent one is passed "
                   "over after 3 s");
    else if (strcmp(state, "running") == 0)
        line(next, "once a status query says off its locks pass on; if it fails, or is silent "
                   "beyond its deadline, the next executor acts");
    else
        line(next,
             "it ends when %s boots again and says so, or when the fence device is mended "
             "and an executor starts anew; until then its locks wait",
             w->node);
}

static void next_asking(const struct why *w, json_t *next)
{
    long long missing = json_number(w->inquiry, "quorum") -
                        (long long)json_array_size(json_object_get(w->out, "signers"));
    json_t *refuser;
    size_t index;
    if (missing > 0)
        line(next, "%lld more votes are needed; each juror is asked again twice a second", missing);
    json_array_foreach(json_object_get(w->out, "refusers"), index, refuser)
    {
        line(next, "%s does not vote: %s", json_text(refuser, "juror"),
             json_text(json_object_get(refuser, "evidence"), "text"));
    }
}

static void what_is_next(const struct why *w)
{
    json_t *next = json_array();
    const char *state = json_text(w->out, "state");
    if (json_flag(w->out, "over"))
        next_over(w, next);
    else if (strcmp(state, "asking") == 0)
        next_asking(w, next);
    else if (strcmp(state, "accused") == 0 || strcmp(state, "none") == 0)
        line(next, "%s is %s to the members (life %lld)", w->node,
             *json_text(w->member, "gossip") ? json_text(w->member, "gossip") : "not known",
             json_number(w->member, "life"));
    else
        next_open(w, next);
    json_object_set_new(w->out, "next", next);
}

static void missing(const struct why *w)
{
    const json_t *log = json_object_get(w->facts, "log");
    json_t *list = json_array();
    if (json_flag(log, "stopped") || *json_text(log, "trouble"))
        line(list, "%s", json_text(log, "trouble"));
    if (json_number(log, "lost") > 0)
        line(list, "%lld steps are not in this node's fence log", json_number(log, "lost"));
    if (json_number(log, "first") > 1)
        line(list, "this node's fence log begins with record %lld: what is older was let go",
             json_number(log, "first"));
    if (w->order && !first_step(w, "order"))
        line(list, "this node's fence log has not seen this order come: times are missing");
    json_object_set_new(w->out, "missing", list);
}

json_t *fence_why_explain(const json_t *facts)
{
    const json_t *order = json_object_get(facts, "order");
    struct why w = {.facts = facts,
                    .order = json_is_object(order) ? order : NULL,
                    .member = json_object_get(facts, "member"),
                    .node = json_text(facts, "node"),
                    .out = json_object()};
    choose_life(&w);
    json_object_set_new(w.out, "node", json_string(w.node));
    json_object_set_new(w.out, "life", json_integer(w.life));
    json_object_set_new(w.out, "asked", asked(&w));
    json_object_set_new(w.out, "order", order_of(&w));
    jurors(&w);
    json_object_set_new(w.out, "executors", executors(&w));
    json_object_set_new(w.out, "transcript", transcript(&w));
    json_object_set_new(w.out, "receipt", receipt(&w));
    json_object_set_new(w.out, "freed", freed(&w));
    json_object_set_new(w.out, "notes", notes(&w));
    const char *state = state_of(&w);
    json_object_set_new(w.out, "state", json_string(state));
    json_object_set_new(w.out, "over",
                        json_boolean(strcmp(state, "fenced") == 0 || strcmp(state, "ended") == 0));
    headline(&w);
    what_is_next(&w);
    missing(&w);
    return w.out;
}
