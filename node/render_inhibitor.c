/* What is said about operators' words: see render_inhibitor.h. */
#include "node/render_inhibitor.h"

#include <string.h>

#include "node/render_fence.h"

static json_t *render_line(struct view text)
{
    json_t *out = json_stringn(text.size ? (const char *)text.bytes : "", text.size);
    return out ? out : json_string("?"); /* not UTF-8 */
}

/* The jurors in the mask, or those that are not. */
static json_t *render_jurors(const struct roster *roster, uint32_t mask, bool in)
{
    json_t *out = json_array();
    unsigned ordinal = 0;
    for (size_t i = 0; i < roster->node_count; i++) {
        if (!roster->nodes[i].juror)
            continue;
        if ((mask >> ordinal++ & 1) == in)
            json_array_append_new(out, json_string(roster->nodes[i].name));
    }
    return out;
}

static json_t *render_inhibitor(const struct agent *agent, const struct inhibitor_view *v)
{
    const struct roster *roster = agent_identity(agent)->roster;
    bool in_effect = (uint32_t)__builtin_popcount(v->stored) >= v->needed;
    return json_pack("{s:s s:s s:b s:s s:I s:o s:o s:I s:o s:o s:I s:b s:I}", "kind",
                     inhibitor_kind_text(v->kind), "node",
                     v->scope == SLOT_NONE ? "" : agent_node_name(agent, v->scope), "on", v->on,
                     "by", agent_node_name(agent, v->by), "version", (json_int_t)v->version, "who",
                     render_line(v->who), "reason", render_line(v->reason), "left_ms",
                     (json_int_t)(v->left.ns / 1000000), "stored",
                     render_jurors(roster, v->stored, true), "missing",
                     render_jurors(roster, v->stored, false), "needed", (json_int_t)v->needed,
                     "in_effect", in_effect, "held",
                     v->held == UINT32_MAX ? (json_int_t)-1 : (json_int_t)v->held);
}

json_t *render_inhibitors(const struct agent *agent)
{
    json_t *out = json_array();
    struct inhibitor_view view;
    struct peer_status status;
    size_t cursor = 0;
    peer_status(agent_peer(agent), &status);
    while (peer_next_inhibitor(agent_peer(agent), &cursor, &view)) {
        if (view.scope == status.self) /* it knows that best itself */
            view.held = peer_held(agent_peer(agent));
        json_array_append_new(out, render_inhibitor(agent, &view));
    }
    return out;
}

json_t *render_fence_request(const struct agent *agent, const struct fence_story *story,
                             const struct stale_view *view)
{
    const struct roster *roster = agent_identity(agent)->roster;
    json_t *opinions = json_array();
    for (size_t i = 0; i < story->count; i++)
        json_array_append_new(opinions, render_fence_opinion(agent, story->opinions[i].juror,
                                                             &story->opinions[i].evidence, NULL));
    return json_pack("{s:s s:I s:s s:o s:I s:I s:I s:o}", "node",
                     agent_node_name(agent, view->slot), "life", (json_int_t)view->life, "stage",
                     fence_stage_text(view->stage), "stale", render_fence_stale(agent, view),
                     "votes", (json_int_t)view->votes, "quorum",
                     (json_int_t)roster_juror_quorum(roster), "jurors",
                     (json_int_t)roster_juror_count(roster), "opinions", opinions);
}

json_t *render_hearing(const struct agent *agent, const struct hearing_view *h, json_t *locks)
{
    const struct identity *id = agent_identity(agent);
    char digest[2 * DIGEST_SIZE + 1], cluster[2 * DIGEST_SIZE + 1], key[2 * KEY_PUBLIC_SIZE + 1];
    json_t *jurors = json_array(), *operators = json_array();
    hex_encode(digest, id->roster_digest.bytes, DIGEST_SIZE);
    hex_encode(cluster, agent_config(agent)->cluster.bytes, DIGEST_SIZE);
    for (size_t i = 0; i < h->count; i++)
        json_array_append_new(
            jurors,
            json_pack("{s:s s:b s:b s:I}", "juror", agent_node_name(agent, h->jurors[i].juror),
                      "answered", h->jurors[i].answered, "never", h->jurors[i].never, "age_ms",
                      h->jurors[i].answered ? (json_int_t)h->jurors[i].age_ms : (json_int_t)-1));
    for (size_t i = 0; i < id->roster->operator_count; i++) {
        hex_encode(key, id->roster->operators[i].bytes, KEY_PUBLIC_SIZE);
        json_array_append_new(operators, json_string(key));
    }
    return json_pack("{s:s s:i s:I s:b s:I s:I s:s s:o s:o s:o s:I s:s s:s}", "node",
                     agent_node_name(agent, h->slot), "slot", (int)h->slot, "life",
                     (json_int_t)h->life, "done", h->done, "needed", (json_int_t)h->needed,
                     "silence_ms", (json_int_t)h->silence_ms, "refused", h->why ? h->why : "",
                     "jurors", jurors, "locks", locks, "operators", operators, "epoch",
                     (json_int_t)id->roster->epoch, "roster", digest, "cluster", cluster);
}
