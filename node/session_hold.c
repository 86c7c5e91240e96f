/*
 * What becomes of a hold that nobody asked about: somebody waits for it, its node is cut off from
 * the jurors, or it is lost (F7, F3). Its watchers hear of it first; a hold that is lost ends its
 * session.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "node/session.h"
#include "proto/inequality.h"
#include "proto/must.h"

/* A hold of the last run that was lost before its session was taken up. */
struct session_early {
    struct op_id hold;
    enum lost_reason reason;
    struct session_early *next, *prev;
};

enum { SESSION_REASON_SIZE = 128 };

/* F: a node has standing for so long after a majority of the jurors acknowledged it last. */
static unsigned lose_ms(const struct agent *agent)
{
    struct span detect = SPAN_MS(agent_identity(agent)->roster->detect_ms);
    return (unsigned)(lose_span_of(detect).ns / 1000000);
}

/* With the TTL of `op` if it was lost with its lease. */
static void session_lost_text(char out[SESSION_REASON_SIZE], const struct operation *op,
                              enum lost_reason reason)
{
    unsigned f = lose_ms(op->all->agent);
    switch (reason) {
    case LOST_STANDING:
        snprintf(out, SESSION_REASON_SIZE,
                 "no majority of the jurors has acknowledged this node for %u.%u s", f / 1000,
                 f % 1000 / 100);
        return;
    case LOST_ORDER:
        snprintf(out, SESSION_REASON_SIZE,
                 "this node's life is under an order of a majority of the jurors");
        return;
    case LOST_LEASE:
        snprintf(out, SESSION_REASON_SIZE,
                 "its lease of %u.%u s is over: it was not renewed in time", op->ttl_ms / 1000,
                 op->ttl_ms % 1000 / 100);
        return;
    }
}

static const char *session_lost_rule(enum lost_reason reason)
{
    switch (reason) {
    case LOST_STANDING:
        return "F7";
    case LOST_ORDER:
        return "F3";
    case LOST_LEASE:
        break;
    }
    return "lease";
}

static void session_hold_lost(struct operation *op, enum lost_reason reason)
{
    char text[SESSION_REASON_SIZE];
    if (op->state != OPERATION_HELD || op->lost)
        return; /* released meanwhile, or told */
    op->lost = true;
    session_lost_text(text, op, reason);
    log_event(LOG_LEVEL_ERROR, "hold-lost",
              "hold=%s name=%s session=%s life=%" PRIu64 " rule=%s why=\"%s\"",
              render_hold(op->id).text, log_value(op->name, strlen(op->name)).text,
              op->session->name, op->id.life, session_lost_rule(reason), text);
    if (operation_untold(op)) { /* nothing acts under it: its session may go on */
        operation_withdraw(op, text);
        return;
    }
    session_tell(op->session, "lost", op, op->mode, text);
    session_stop(op->session);
}

static void session_tell_risk(const struct operation *op)
{
    char text[SESSION_REASON_SIZE];
    if (op->policy == LOCK_STALE_EXPIRE) {
        snprintf(text, sizeof text,
                 "its lease was not renewed for half of its %u.%u s: the lock is lost at their end",
                 op->ttl_ms / 1000, op->ttl_ms % 1000 / 100);
        session_tell(op->session, "at-risk", op, op->mode, text);
        return;
    }
    unsigned f = lose_ms(op->all->agent);
    snprintf(text, sizeof text,
             "no majority of the jurors has acknowledged this node for %u.%u s: the lock is lost "
             "after %u.%u s",
             f / 2000, f / 2 % 1000 / 100, f / 1000, f % 1000 / 100);
    session_tell(op->session, "at-risk", op, op->mode,
                 agent_config(op->all->agent)->stop_on_isolation
                     ? text
                     : "no majority of the jurors acknowledges this node");
}

static void session_risk(struct operation *op, bool at_risk)
{
    if (op->at_risk == at_risk)
        return;
    op->at_risk = at_risk;
    log_event(at_risk ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, at_risk ? "hold-at-risk" : "hold-safe",
              "hold=%s name=%s session=%s life=%" PRIu64 " rule=%s", render_hold(op->id).text,
              log_value(op->name, strlen(op->name)).text, op->session->name, op->id.life,
              op->policy == LOCK_STALE_EXPIRE ? "lease" : "F7");
    if (operation_untold(op))
        return;
    if (at_risk)
        session_tell_risk(op);
    else
        session_tell(op->session, "safe", op, op->mode,
                     op->policy == LOCK_STALE_EXPIRE
                         ? "its lease is renewed again"
                         : "a majority of the jurors acknowledges this node again");
}

static void session_nobodys_lost(struct op_id hold, enum lost_reason reason)
{
    log_event(LOG_LEVEL_ERROR, "hold-lost",
              "hold=%s rule=%s note=\"no session of this run has it\"", render_hold(hold).text,
              session_lost_rule(reason));
}

static void session_hold_unknown(struct sessions *all, const struct answer *answer)
{
    if (answer->kind != ANSWER_LOST)
        return;
    if (all->adopted) {
        session_nobodys_lost(answer->hold, answer->lost);
        return;
    }
    struct session_early *early = calloc(1, sizeof *early);
    must(early);
    early->hold = answer->hold;
    early->reason = answer->lost;
    DL_APPEND(all->early, early);
}

void session_about_hold(struct sessions *all, const struct answer *answer)
{
    struct operation *op = operation_find(&all->operations, answer->hold);
    if (!op) {
        session_hold_unknown(all, answer);
        return;
    }
    if (op->state != OPERATION_HELD)
        return;
    if (answer->kind == ANSWER_PASSED) {
        operation_passed(op);
    } else if (answer->kind == ANSWER_BLOCKING) {
        op->blocking = true;
        op->blocking_mode = answer->mode;
        if (!operation_untold(op))
            session_tell(op->session, "blocking", op, answer->mode, "somebody waits for it");
    } else if (answer->kind == ANSWER_AT_RISK || answer->kind == ANSWER_SAFE) {
        session_risk(op, answer->kind == ANSWER_AT_RISK);
    } else if (answer->kind == ANSWER_LOST) {
        session_hold_lost(op, answer->lost);
    } else if (answer->kind == ANSWER_NOT_HELD) {
        operation_never_held(op);
    } else if (answer->kind == ANSWER_DRAINING) {
        session_tell(op->session, "draining", op, op->mode, SESSION_DRAINING);
    }
}

void session_about_early(struct sessions *all)
{
    const struct session_early *early;
    all->adopted = true;
    DL_FOREACH(all->early, early)
    {
        struct operation *op = operation_find(&all->operations, early->hold);
        if (op)
            session_hold_lost(op, early->reason);
        else
            session_nobodys_lost(early->hold, early->reason);
    }
    session_forget_early(all);
}

void session_forget_early(struct sessions *all)
{
    struct session_early *early, *next;
    DL_FOREACH_SAFE(all->early, early, next)
    free(early);
    all->early = NULL;
}
