/*
 * What is said about members, in JSON and in words: the types Member and Change of
 * org.holdfast.varlink. The three verdicts of M3 have separate names throughout: what this node
 * reaches, what gossip says, what certificates and receipts say; each comes with its why.
 */
#ifndef NODE_RENDER_MEMBER_H
#define NODE_RENDER_MEMBER_H

#include <jansson.h>

#include "node/agent.h"

/* Member: a new object. */
json_t *render_member(const struct agent *agent, const struct roster_node *node);

/* A change of one of the three verdicts about one member. Strings are static, or the roster's. */
struct render_change {
    const char *verdict; /* "gossip", "reach", "fence"; NULL: it is no such change */
    const char *before;  /* "" where it is not known */
    const char *after;
    const char *reason; /* change_reason_text, "no-answer", "heard", "order", "receipt", ... */
    const char *by;     /* a node's name, or "" */
    uint64_t life;
    uint32_t incarnation; /* 0 but for gossip's changes */
};

/* ?Change: a new value; null if it is none. */
json_t *render_change(const struct render_change *change);
/* Of NOTICE_MEMBER, REACH, ORDER and PROOF; `verdict` is NULL for any other. */
struct render_change render_change_of(const struct agent *agent, const struct notice *n);
/* NOTICE_MEMBER or REACH for a person: what changed, and why. */
void render_change_text(char *text, size_t size, const struct agent *agent, const struct notice *n);

#endif
