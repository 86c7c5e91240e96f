/* Checks an exported order or proof against a roster: see fence_verify.h. */
#include "client/fence_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "crypto/proof.h"

struct verify {
    const struct roster *roster;
    const struct digest *roster_digest;
    const struct cluster_id *cluster;
    json_t *out;
    json_t *checks;
    bool good;
};

static void check(struct verify *v, bool good, const char *what, const char *name,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

static void check(struct verify *v, bool good, const char *what, const char *name,
                  const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    v->good = v->good && good;
    json_array_append_new(v->checks, json_pack("{s:s s:s s:b s:s}", "check", what, "name", name,
                                               "good", (int)good, "text", text));
}

static const char *node_name(const struct verify *v, uint16_t slot)
{
    int index = roster_find(v->roster, slot);
    return index < 0 ? "?" : v->roster->nodes[index].name;
}

static void about(struct verify *v, const char *what, uint16_t slot, uint64_t life,
                  const struct digest *digest)
{
    char hex[2 * DIGEST_SIZE + 1];
    hex_encode(hex, digest->bytes, DIGEST_SIZE);
    json_object_set_new(v->out, "what", json_string(what));
    json_object_set_new(v->out, "node", json_string(node_name(v, slot)));
    json_object_set_new(v->out, "slot", json_integer(slot));
    json_object_set_new(v->out, "life", json_integer((json_int_t)life));
    json_object_set_new(v->out, "digest", json_string(hex));
}

/* --- Orders --- */

static json_t *allows(const struct verify *v, uint32_t mask)
{
    json_t *list = json_array();
    for (int action = 0; action < ACTIONS_MAX; action++) {
        const char *name = roster_action_name(v->roster, (uint8_t)action);
        if ((mask >> action & 1) && name)
            json_array_append_new(list, json_string(name));
    }
    return list;
}

static void join(char *out, size_t size, const json_t *names)
{
    size_t at = 0;
    snprintf(out, size, "nothing");
    for (size_t i = 0; i < json_array_size(names) && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "",
                               json_string_value(json_array_get(names, i)));
}

static void check_vote(struct verify *v, const struct order_cert *cert, size_t index)
{
    const struct vote *vote = &cert->votes[index];
    char names[256];
    json_t *list = allows(v, vote->allows);
    join(names, sizeof names, list);
    json_decref(list);
    enum order_verdict verdict = vote_verify(vote, &cert->order, v->cluster, v->roster);
    if (index > 0 && vote->juror == cert->votes[index - 1].juror)
        verdict = ORDER_DUPLICATE;
    if (verdict == ORDER_OK)
        check(v, true, "vote", node_name(v, vote->juror),
              "its signature is good; it allows %s, %" PRIu32 ".%" PRIu32
              " s after it last acknowledged that life",
              names, vote->age_ms / 1000, vote->age_ms % 1000 / 100);
    else
        check(v, false, "vote", node_name(v, vote->juror), "%s", order_verdict_text(verdict));
}

/* Actions that q votes allow. */
static uint32_t certified(const struct verify *v, const struct order_cert *cert)
{
    uint32_t mask = 0;
    for (uint8_t action = 0; action <= v->roster->action_count; action++)
        if (order_suits(&cert->order, action, v->roster) &&
            order_cert_allowing(cert, action) >= roster_juror_quorum(v->roster))
            mask |= 1u << action;
    return mask;
}

/* One session alone, by the action and the info that its holder named. */
static void check_scope(struct verify *v, const struct order *order)
{
    const struct scope *scope = &order->scope;
    const char *action = roster_action_name(v->roster, scope->action);
    bool known = action && roster_ends_sessions(v->roster, scope->action);
    char session[17];
    snprintf(session, sizeof session, "%016" PRIx64, scope->session);
    json_object_set_new(v->out, "session", json_string(session));
    json_object_set_new(v->out, "action", json_string(action ? action : "?"));
    json_object_set_new(v->out, "info", json_stringn((const char *)scope->info, scope->info_size));
    check(v, known, "session", session, "about this session of it alone, by %s: %.*s",
          action ? action : "an action that the roster has not", (int)scope->info_size,
          (const char *)scope->info);
}

static void check_order(struct verify *v, const struct order_cert *cert)
{
    const struct order *order = &cert->order;
    char names[256];
    bool ours = order->epoch == v->roster->epoch &&
                memcmp(order->roster.bytes, v->roster_digest->bytes, DIGEST_SIZE) == 0;
    check(v, ours, "roster", "", "%s",
          ours ? "the order names this roster" : order_verdict_text(ORDER_OTHER_ROSTER));
    bool named = roster_find(v->roster, order->slot) >= 0;
    check(v, named, "target", node_name(v, order->slot), "%s",
          named ? "the roster names the node whose life ends"
                : order_verdict_text(ORDER_NO_SUCH_NODE));
    if (order->scope.session)
        check_scope(v, order);
    for (size_t i = 0; i < cert->count; i++)
        check_vote(v, cert, i);
    uint32_t mask = certified(v, cert);
    json_t *actions = allows(v, mask);
    join(names, sizeof names, actions);
    json_object_set_new(v->out, "actions", actions);
    check(v, mask != 0, "quorum", "", "%u votes, %zu of %zu jurors are needed: they allow %s",
          cert->count, roster_juror_quorum(v->roster), roster_juror_count(v->roster), names);
    uint8_t action = mask ? (uint8_t)__builtin_ctz(mask) : ACTION_RETIRE;
    enum order_verdict verdict =
        order_cert_verify(cert, action, v->cluster, v->roster, v->roster_digest, NULL);
    check(v, verdict == ORDER_OK, "order", "", "%s",
          verdict == ORDER_OK ? "the order is certified" : order_verdict_text(verdict));
}

/* --- Proofs --- */

static void check_executed(struct verify *v, const struct proof *proof)
{
    const struct receipt *r = &proof->receipt;
    int target = roster_find(v->roster, proof->cert.order.slot);
    int executor = roster_find(v->roster, r->executor);
    const char *action = roster_action_name(v->roster, r->action);
    const char *device = target < 0 ? "" : v->roster->nodes[target].device;
    struct digest order = order_digest(&proof->cert.order);
    about(v, "executor", proof->cert.order.slot, proof->cert.order.life, &order);
    check_order(v, &proof->cert);
    bool allowed =
        action && r->action != ACTION_RETIRE && (certified(v, &proof->cert) >> r->action & 1);
    check(v, allowed, "action", action ? action : "?", "%s",
          allowed ? "a majority of the jurors allows it" : "no majority of the jurors allows it");
    bool may = executor >= 0 && v->roster->nodes[executor].executes && executor != target;
    check(v, may, "executor", node_name(v, r->executor), "%s",
          may ? "the roster lets it execute, and it is not the target"
              : "the roster does not let it execute this");
    bool session = proof->cert.order.scope.session != 0; /* no session stands in a roster */
    bool same = device[0] && strncmp(device, r->device, DEVICE_SIZE) == 0;
    if (!session)
        check(v, same, "device", r->device, "%s",
              same ? "it is the one that the roster names for the target"
                   : "the roster names another one for the target, or none");
    if (r->witness != WITNESS_NONE)
        check(v,
              r->witness != r->executor && r->witness != proof->cert.order.slot &&
                  roster_find(v->roster, r->witness) >= 0,
              "witness", node_name(v, r->witness),
              "it asked the device too; its word is in the "
              "executor's signature");
}

/* The target's word that it is under a watchdog, and jurors that heard nothing for long enough. */
static void check_watchdog(struct verify *v, const struct proof *proof)
{
    const struct watchdog_receipt *r = &proof->watchdog;
    struct digest order = order_digest(&proof->cert.order);
    about(v, "watchdog", proof->cert.order.slot, proof->cert.order.life, &order);
    check_order(v, &proof->cert);
    enum watchdog_verdict verdict = watchdog_receipt_verify(r, &proof->cert, v->cluster, v->roster);
    check(v, verdict == WATCHDOG_OK, "watchdog", node_name(v, proof->cert.order.slot), "%s",
          verdict == WATCHDOG_OK
              ? "it stated that its watchdog is armed, and a majority of the jurors, all of whom "
                "voted, heard nothing of it for longer than that takes"
              : "what was signed does not show that its watchdog has fired");
}

/* A person's word, on a certificate of the jurors or, in break-glass, on none. */
static void check_by_hand(struct verify *v, const struct proof *proof)
{
    const struct operator_receipt *r = &proof->operator_receipt;
    struct digest order = order_digest(&proof->cert.order);
    about(v, "operator", proof->cert.order.slot, proof->cert.order.life, &order);
    if (r->form == OPERATOR_CONFIRMS)
        check_order(v, &proof->cert);
    enum operator_verdict verdict =
        operator_receipt_verify(r, &proof->cert, v->cluster, v->roster, v->roster_digest);
    check(v, verdict == OPERATOR_OK, "operator", r->machine, "%s",
          verdict != OPERATOR_OK         ? operator_verdict_text(verdict)
          : r->form == OPERATOR_CONFIRMS ? "an operator of the roster signed that it is off"
                                         : "every operator of the roster signed that it is off");
}

/* One line for what a proof of that kind says; every kind is judged as a whole behind it. */
static void check_kind(struct verify *v, const struct proof *proof)
{
    struct digest digest = proof_digest(proof);
    switch (proof->kind) {
    case PROOF_END:
        about(v, "end-statement", proof_slot(proof), proof_covers(proof), &digest);
        check(v, roster_find(v->roster, proof_slot(proof)) >= 0, "signer",
              node_name(v, proof_slot(proof)),
              "it states under life %" PRIu64 " that all its lives before that are over",
              proof_covers(proof) + 1);
        return;
    case PROOF_EXECUTED:
        check_executed(v, proof);
        return;
    case PROOF_WATCHDOG:
        check_watchdog(v, proof);
        return;
    case PROOF_OPERATOR:
        check_by_hand(v, proof);
        return;
    }
    about(v, "proof", proof_slot(proof), proof_covers(proof), &digest);
}

static void check_proof(struct verify *v, const struct proof *proof)
{
    enum order_verdict order = ORDER_OK;
    check_kind(v, proof);
    enum proof_verdict verdict =
        proof_verify(proof, v->cluster, v->roster, v->roster_digest, &order);
    check(v, verdict == PROOF_OK, "proof", "", "%s",
          verdict == PROOF_ORDER ? order_verdict_text(order) : proof_verdict_text(verdict));
}

json_t *fence_verify_judge(const uint8_t *file, size_t size, const struct roster *roster,
                           const struct digest *roster_digest, const struct cluster_id *cluster)
{
    struct verify v = {.roster = roster,
                       .roster_digest = roster_digest,
                       .cluster = cluster,
                       .out = json_object(),
                       .checks = json_array(),
                       .good = true};
    static const struct digest none;
    struct order_cert cert;
    struct proof proof;
    bool magic = size >= FENCE_FILE_MAGIC_SIZE;
    bool is_order = magic && memcmp(file, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE) == 0;
    bool is_proof = magic && memcmp(file, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE) == 0;
    struct reader r = reader_init(file + (magic ? FENCE_FILE_MAGIC_SIZE : 0),
                                  magic ? size - FENCE_FILE_MAGIC_SIZE : 0);
    about(&v, "", 0xffff, 0, &none);
    json_object_set_new(v.out, "actions", json_array());
    if (is_order && order_cert_decode(&cert, &r) && reader_done(&r)) {
        struct digest digest = order_digest(&cert.order);
        about(&v, "order", cert.order.slot, cert.order.life, &digest);
        check_order(&v, &cert);
    } else if (is_proof && proof_decode(&proof, &r) && reader_done(&r)) {
        check_proof(&v, &proof);
    } else {
        check(&v, false, "file", "", "%s",
              is_order   ? order_verdict_text(ORDER_MALFORMED)
              : is_proof ? proof_verdict_text(PROOF_MALFORMED)
                         : "this is neither an order nor a proof");
    }
    json_object_set_new(v.out, "checks", v.checks);
    json_object_set_new(v.out, "good", json_boolean(v.good));
    return v.out;
}
