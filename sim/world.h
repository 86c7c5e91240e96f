/*
 * The world of one run: virtual time, and everything that is in it. All of it comes from one seed
 * (S19); nothing here asks the real clock or the real system for anything but memory.
 *
 *      faults ----> machine 1 .. n ----> network
 *                     | peer (proto/)      |
 *                     | disk  clients      |
 *                     v                    v
 *                   observer: the truth, and the checks
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "proto/acts.h"
#include "sim/chronicle.h"
#include "sim/cluster.h"
#include "sim/coverage.h"
#include "sim/device.h"
#include "sim/faults.h"
#include "sim/forger.h"
#include "sim/operator.h"
#include "sim/gossiper.h"
#include "sim/live.h"
#include "sim/network.h"
#include "sim/observer.h"
#include "sim/pool.h"
#include "sim/profile.h"
#include "sim/queue.h"
#include "sim/scenario.h"
#include "sim/sessions.h"
#include "sim/siege.h"
#include "sim/story_run.h"
#include "sim/trace.h"
#include "sim/twin.h"

#include <setjmp.h>

/* Exit codes of a run, and of the program. */
enum {
    EXIT_CLEAN = 0,
    EXIT_BROKEN = 10, /* an invariant */
    EXIT_STUCK = 11,  /* no progress in the calm */
    EXIT_MUST = 12,   /* a must() failed, or the process crashed */
    EXIT_USAGE = 64
};

struct verdict {
    int code;
    char check[8];  /* S1 .. */
    char text[400]; /* for a person */
};

/* Figures of a run. */
struct figures {
    uint64_t events;
    uint64_t datagrams;
    uint64_t grants;
    uint64_t grants_local; /* of them: by what their node had cached (delegating.h) */
    uint64_t provisional;  /* told but for their asker's vote (proto/provisional.h) */
    uint64_t drops;
    uint64_t shows;
    uint64_t changes;     /* of holds that were made */
    uint64_t validations; /* looks that showed a stamp's generation again */
    uint64_t crashes;     /* of agents and machines */
    uint64_t cuts;
    uint64_t takeovers; /* a shard was served by another machine than before */
    uint64_t ghosts;
    uint64_t tears; /* recoveries from a torn tail */
    uint64_t chosen;
    uint64_t seconds;      /* of virtual time */
    uint64_t lives;        /* raised */
    uint64_t votes;        /* of jurors against lives */
    uint64_t orders;       /* lives with q votes */
    uint64_t false_orders; /* against nodes that a majority could reach (S20) */
    uint64_t false_votes;  /* of single jurors against such nodes; they bind, and end nothing */
    uint64_t runs;         /* of fence drivers, to switch off */
    uint64_t kills;        /* power effects on machines that were on */
    uint64_t strays;       /* of these, on another life than the ordered one */
    uint64_t receipts;
    uint64_t session_runs;     /* of drivers, to end one session */
    uint64_t session_receipts; /* that one is over */
    uint64_t ends;             /* end statements */
    uint64_t surrenders;       /* lives raised without a boot */
    uint64_t broken;           /* holds that passed on by a proof */
    uint64_t lost;             /* guests that were stopped since their lock was lost */
    uint64_t lies;             /* receipts that rest on a lie of a device (A4) */
    uint64_t forgeries;        /* refused */
    uint64_t inhibitors;       /* that operators said or lifted */
    uint64_t confirmed;        /* operators' receipts that were taken */
    uint64_t wrong;            /*   of machines that were on (A4) */
    uint64_t forgotten;        /* registers dropped */
    uint64_t let_go;           /* names that no voter has any more, as V8 demands */
    uint64_t anew;             /* registers stored again after a drop */
    uint64_t sieges;
    uint64_t linear;          /* names whose calls were put in order, at checkpoints */
    uint64_t linear_given_up; /* that were too many, or took too long */
    struct live live;         /* how long things took in the siege */
    struct coverage coverage;
    uint64_t blind; /* runs that ended since nobody could tell an old copy of a store (L7) */
    uint64_t pets;  /* of watchdogs */
    uint64_t fired; /* watchdogs that reset their machine */
    uint64_t watchdog_receipts; /* F6c */
    int64_t silence_margin;     /* ns, the least between the end of all that a life held and the
                                   watchdog's receipt for it; INT64_MAX: there was none */
    int64_t margin; /* ns, the least between a guest's end and the grant that followed its
                       broken hold; INT64_MAX: no such grant */
};

struct world_options {
    int profile;               /* -1: as the seed draws */
    int scenario;              /* -1: none */
    const struct story *story; /* NULL: none; else it is the world, and the rest counts no more */
    bool chronicle;            /* keep one */
    int64_t seconds;
    enum trace_text text;
};

/* A juror's last yes to an executor, about a machine (F9), and when that had begun to ask. */
struct yes_said {
    uint16_t to;
    uint64_t life;
    int64_t from;
};

/* An executor's last asking about a machine. */
struct exec_asked {
    uint64_t nonce;
    int64_t at;
};

struct world {
    uint64_t seed;
    struct parameters p;
    int64_t now;        /* ns of virtual time */
    int64_t siege_at;   /* the faults freeze, and stop for the core */
    int64_t calm_at;    /* the faults stop */
    int64_t closing_at; /* the clients stop */
    int64_t end_at;
    bool calm;
    bool closing;
    bool ended;
    int64_t same_since; /* events since time last moved: a loop without time is a bug */
    struct pool pool;
    struct queue queue;
    struct trace trace;
    struct cluster *cluster;
    struct network network;
    struct machine *machines;
    size_t machine_count;
    struct faults faults;
    struct siege siege;
    struct devices devices;
    struct yes_said yes_said[MACHINES_MAX][MACHINES_MAX];     /* juror, target */
    struct exec_asked exec_asked[MACHINES_MAX][MACHINES_MAX]; /* executor, target */
    struct acts_table *acts;                                  /* of each machine's executor */
    struct sessions sessions;
    struct forger forger;
    struct operator_desk desk; /* of operators */
    struct gossiper gossiper;
    struct twin twin;
    struct script script;
    struct story_play *play;     /* NULL: no story */
    struct chronicle *chronicle; /* NULL: none is kept */
    struct observer *observer;
    struct phases phases;
    struct figures figures;
    struct verdict verdict;
    jmp_buf failed;
};

/* Makes the world of a seed: everything is off, the first boots are planned. */
void world_open(struct world *w, uint64_t seed, const struct world_options *options);
/* Runs it to its end. Returns only if nothing failed; else world_fail jumps to w->failed. */
void world_run(struct world *w);
void world_close(struct world *w);

struct machine *world_machine(struct world *w, uint16_t slot); /* NULL if there is none */
/* Plans an item `after` from now. */
void world_plan(struct world *w, struct span after, struct item item);
/* Ends the run with a verdict: the first broken check is the one that counts. */
_Noreturn void world_fail(struct world *w, int code, const char *check, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether nothing goes wrong at a machine any more: in the calm, and in the core of a siege. */
static inline bool world_heals(const struct world *w, size_t index)
{
    return w->calm || (w->siege.on && (w->siege.inside >> index & 1));
}

#define world_trace(w, ...)                                                                        \
    do {                                                                                           \
        if ((w)->trace.text != TRACE_HASH_ONLY)                                                    \
            trace_line(&(w)->trace, (w)->now, __VA_ARGS__);                                        \
    } while (0)

#endif
