/*
 * The times of the lock side, out of one number, the detection target D, and the inequality between
 * them (design section 7): peers hand a lock over later than its holder stops, by construction.
 *
 *     s*: the last renewal that q jurors acknowledged was sent
 *     |-- r --|---------------- D: a cut, at worst ----------------|-- r/4 --|-- e --|
 *     |------------------- F/2 warned
 *     |------------------- F: standing is lost, stop sets are killed ----------------|-- K --|
 *     |------------------- V: by a juror's clock, since it acknowledged: it may vote --|
 *     |-- p --|-- soft --|------------- W: the watchdog resets -------------------| late |
 *     |<----------------- B: from the renewal to the reset, at the latest ---------------->|
 *     |<----------------- H >= B(1+rho)/(1-rho) + landed: a juror's clock, then hand-over ----->|
 *
 * A cut shorter than D costs no holder anything: at worst it swallows the renewal that was due when
 * it began, so that s* is r old by then, and the first one that is sent after it, r/4 after its end
 * at the latest, is answered within e. F lasts that long, and no juror votes before F is over (V).
 *
 * Pure. Agents take r, F, V and the limit of lateness from here; a node with a watchdog also p,
 * sigma and B, with the W that its device has in truth (fence_times_set). Jurors compute H from the
 * B that the node itself signed (crypto/watchdog).
 */
#ifndef PROTO_INEQUALITY_H
#define PROTO_INEQUALITY_H

#include "proto/time.h"

/* r: a node that needs standing renews so often. */
static inline struct span renew_span_of(struct span detect)
{
    return (struct span){detect.ns / 10};
}

/* And so often while a renewal has no quorum. */
static inline struct span again_span_of(struct span detect)
{
    return (struct span){renew_span_of(detect).ns / 4};
}

/* F: so long after s* a node has standing. */
struct span lose_span_of(struct span detect);
/* V: a juror votes against a life whose last renewal it acknowledged so long ago (F2a). */
struct span vote_span_of(struct span detect);

/* A loop that comes later than this is no witness (F2d). */
static inline struct span late_span_of(struct span detect)
{
    return (struct span){detect.ns / 6};
}

struct fence_times {
    struct span detect;    /* D */
    struct span renew;     /* r */
    struct span again;     /* r/4, while a renewal has no quorum */
    struct span warn;      /* F/2 */
    struct span answer;    /* e: from the sending of a renewal to the answers of a quorum */
    struct span lose;      /* F */
    struct span vote;      /* V */
    struct span late;      /* D/6 */
    struct span kill;      /* K: to kill stop sets */
    struct span watchdog;  /* W, whole seconds as devices take them */
    struct span pet_age;   /* p: how old s* may be when the device is petted */
    struct span soft;      /* sigma: the petting process ends so long after s* + p */
    struct span lateness;  /* delta: of the device */
    struct span landed;    /* delta_io: what was already out of the machine has landed */
    struct span reset;     /* B */
    struct span hand_over; /* H */
};

enum fence_rule {
    FENCE_RULE_RENEW,     /* 3r <= F: two renewals may be lost */
    FENCE_RULE_OUTLAST,   /* D(1+rho) + r + r/4 + e <= F: a holder outlasts a cut shorter than D */
    FENCE_RULE_LOSE,      /* F(1+rho)/(1-rho) <= V: it stops before a juror may vote */
    FENCE_RULE_SOFT,      /* F + K <= W(1-rho): stop sets are empty before the device fires */
    FENCE_RULE_HAND_OVER, /* H >= B(1+rho)/(1-rho) + delta_io: the next one comes later */
    FENCE_RULES           /* none is broken */
};

/* W is the least that the rules allow. */
void fence_times_derive(struct fence_times *out, struct span detect);
/* What follows from the W that was read back from a device. */
void fence_times_set(struct fence_times *times, struct span watchdog);
/* The two sides of a rule, in its order; whether it holds. */
bool fence_rule_holds(const struct fence_times *t, enum fence_rule rule, struct span *left,
                      struct span *right);
/* The first that is broken; FENCE_RULES if all hold. */
enum fence_rule fence_rule_broken(const struct fence_times *t);

#endif
