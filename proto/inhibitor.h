/*
 * The words of what an administrator inhibits (F8): types only, shared by proto/inhibitors and by
 * drivers.
 *
 *     freeze        jurors vote against nobody, or not against one node, and let no executor begin
 *     maintenance   of one node: jurors allow nothing against it but `retire`
 *     drain         of one node: it takes no new locks
 */
#ifndef PROTO_INHIBITOR_H
#define PROTO_INHIBITOR_H

#include "proto/id.h"
#include "proto/time.h"

enum {
    INHIBITORS_MAX = 32, /* at once, of all kinds */
    INHIBITOR_WHO_MAX = 64,
    INHIBITOR_REASON_MAX = 160,
    INHIBITOR_SPAN_MAX_MS = 7 * 24 * 3600 * 1000 /* none lasts longer without being said again */
};

enum inhibitor_kind { INHIBIT_FREEZE, INHIBIT_MAINTENANCE, INHIBIT_DRAIN, INHIBITOR_KINDS };
/* One word; static. */
const char *inhibitor_kind_text(enum inhibitor_kind kind);

/* One that holds, as a node knows it. */
struct inhibitor_view {
    enum inhibitor_kind kind;
    uint16_t scope;          /* the node's slot; SLOT_NONE: all nodes (a freeze) */
    bool on;                 /* else it was lifted before its time, and is on its way to all */
    uint16_t by;             /* where it was said, */
    uint64_t version;        /*   as the how manieth word about this */
    struct view who, reason; /* one line each; may be empty */
    struct span left;        /* until it ends by itself */
    bool durable;            /* here */
    uint32_t stored;         /* jurors that are known to have it durably: a mask over the jury, */
    uint32_t jurors;         /*   of so many; */
    uint32_t needed;         /*   with these it is in effect: J - q + 1 */
    uint32_t held;           /* drain: locks that the node holds yet; UINT32_MAX: not heard yet */
};

#endif
