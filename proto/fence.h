/*
 * The words of fencing (design section 7): what jurors say and why, how far an order has come, what
 * is told of it. Types only, shared by the modules of proto/ and by drivers.
 *
 * The way of an order:
 *
 *   a waiter waits behind a dead holder      accuser: asks the jurors (F2e)
 *   each juror looks for itself              juror: votes, or says why not (F2, F8)
 *   q votes are an order                     accuser: tells everybody; docket: keeps it (F1)
 *   the target obeys, or an executor acts    standing, executor (F3, F9)
 *   end statement, or receipt                life, executor -> proofs (F6)
 *   the lock is broken with that proof       stale (at the coordinator), voter (F5)
 */
#ifndef PROTO_FENCE_H
#define PROTO_FENCE_H

#include "crypto/order.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/time.h"

enum { FENCE_TEXT_MAX = 160, FENCE_REPORTS_MAX = 8 };

/* A juror's answer to an accusation. */
enum opinion {
    OPINION_VOTES,     /* it voted */
    OPINION_LOOKING,   /* its own probes are under way (F2b) */
    OPINION_RENEWED,   /* a renewal of that life reached it less than V ago (F2a) */
    OPINION_NOT_DEAD,  /* its own view does not hold that life dead (F2b) */
    OPINION_ANSWERS,   /* a direct or a relayed probe was answered (F2b) */
    OPINION_CUT_OFF,   /* its own renewals were not acknowledged by q jurors (F2c) */
    OPINION_FEW_ALIVE, /* it does not see a majority of the roster alive (F2c) */
    OPINION_LATE,      /* its own loop was late (F2d) */
    OPINION_NO_STAKE,  /* the accuser is not of the cohort of the lock that it names (F2e) */
    OPINION_OVER,      /* that life is proven over already (F3) */
    OPINION_BOUND,     /* its own life is under a vote or an order: it signs nothing (F3) */
    OPINION_FROZEN,    /* an administrator froze votes, against all or against that node (F8) */
    OPINION_FULL,      /* it keeps as many votes about sessions as it can */
    OPINIONS
};
/* One clause for people, with the rule; static. */
const char *opinion_text(enum opinion opinion);

/* What a juror had seen when it answered. Ages in milliseconds, UINT32_MAX: never since it started.
 */
struct evidence {
    enum opinion opinion;
    uint32_t renewal_ms;  /* since a renewal of that life */
    uint32_t heard_ms;    /* since any datagram of that node */
    uint8_t direct;       /* direct probes sent in this inquiry; all unanswered if it voted */
    uint8_t relays;       /* relayed probes asked for, */
    uint8_t silent;       /*   and answered with "not heard" */
    uint8_t acknowledged; /* jurors that acknowledged its own renewal, sent after the probes */
    uint16_t alive;       /* members that it sees alive, itself included */
    uint16_t brake;       /* nodes in its count of F8 */
};

/* Who asked for an order, and what each juror said. */
struct fence_story {
    uint16_t accuser;
    struct view name;        /* of the lock that was waited for; empty: an operator asked, */
    struct view who, reason; /*   who, and why; else both are empty */
    size_t count;
    struct {
        uint16_t juror;
        struct evidence evidence;
    } opinions[ROSTER_JURORS_MAX];
};

enum fence_stage {
    FENCE_NONE,    /* nothing is known to be wrong with that holder */
    FENCE_HOLD,    /* it is dead, and the policy of its hold is `hold`: it must boot, or release */
    FENCE_EXPIRES, /* it is dead, and its lease ends: see lease.h */
    FENCE_ASKING,  /* jurors are asked; `votes` so far */
    FENCE_ORDERED, /* q votes: the order is certified; no executor has begun */
    FENCE_NO_ACTION, /* certified, but only to retire, or nobody can execute: it must obey, or boot
                      */
    FENCE_RUNNING,   /* an executor acts */
    FENCE_FAILED,    /* every executor failed: it must boot */
    FENCE_OVER,      /* that life is proven over */
    FENCE_WATCHDOG /* certified, and nobody acts on it: its watchdog will have ended it, in a while
                    */
};
const char *fence_stage_text(enum fence_stage stage);

/* The holder in the way that is dead, as its coordinator sees it. */
struct stale_view {
    enum fence_stage stage; /* FENCE_NONE: there is none */
    uint16_t slot;
    uint64_t life;
    uint32_t votes;
    uint32_t watchdog_ms; /* until its watchdog will have ended it, in any stage; 0: it has none, or
                             that is not known */
};

/* M3's third verdict: what certificates and receipts say of a member, as far as this node holds
 * them. */
enum fence_verdict {
    FENCED_NO,      /* no life of it is under an order, or proven over */
    FENCED_ORDERED, /* a certified order is out against `life`: there is no receipt yet */
    FENCED_DONE,    /* an order and a receipt: `life` was ended by another */
    FENCED_ENDED    /* its own end statement: `life` is over, and nobody needed to end it */
};
/* One word; static. */
const char *fence_verdict_text(enum fence_verdict verdict);

struct fenced_view {
    enum fence_verdict verdict;
    uint64_t life;       /* the highest that the verdict is about; 0: none */
    uint16_t executor;   /* whose receipt it is; SLOT_NONE unless FENCED_DONE, or by a watchdog */
    uint8_t signatures;  /* of jurors, in the order; 0 if there is none, or it is not known here */
    struct digest order; /* the same */
};

/* Who still hears a life (F6d, proto/hearing). */
struct hearing_view {
    uint16_t slot; /* SLOT_NONE: nobody was asked */
    uint64_t life;
    bool done;           /* nobody is waited for any more */
    uint32_t needed;     /* so many must answer */
    uint32_t silence_ms; /* H: whoever heard it later is in the way */
    const char *why;     /* an operator's receipt would be refused; NULL: it would not. Static */
    size_t count;
    struct {
        uint16_t juror;
        bool answered;
        bool never; /* not heard since the juror's start, from which age_ms counts */
        uint32_t age_ms;
    } jurors[ROSTER_JURORS_MAX];
};

enum run_kind { RUN_OFF_STATUS, RUN_STATUS };
enum run_stage { RUN_BEGAN, RUN_DONE, RUN_FAILED, RUN_STAGES };

/* What an executor told about its work. */
struct fence_report {
    uint16_t executor;
    enum run_stage stage;
    bool asks;         /* it asked again since it began: its driver has ended (begun.h) */
    uint8_t again;     /* so often it began again */
    struct instant at; /* when it was heard last; ns 0: found in the log */
    char text[FENCE_TEXT_MAX + 1];
};

#endif
