/*
 * The inside of libholdfast.
 *
 *     callers' threads                             the keeper, a thread of the library
 *     hf_acquire ---- link ----> agent             watch ----> agent: owns the session,
 *     hf_release ---- link ---->                     streams what happens to the holds
 *         ^  taken from a pool, joined                       |
 *         |  to the session                                  v
 *         +------------- struct hf, under `lock` ------------+--> events, eventfd
 *
 * A stream occupies its connection, and so does a call that waits: so the keeper has a connection
 * of its own, which is the session's first one, and each call takes a *link*, a further connection
 * that joined the session.
 *
 * When the keeper's connection ends the session is AWAY: links of before are of no more use (their
 * `generation` tells), no grant is taken any more, and calls wait. The keeper connects again,
 * resumes the session by its secret, and *settles*: it asks the agent for the session's operations,
 * takes holds that are not there any more as lost, and gives back those that nobody here knows,
 * which are grants whose reply was lost on the way. Then it is READY.
 *
 * What must hold: a hold that a caller has was told by the present generation, or outlived a
 * settle; and an operation that the agent has for this session and that no hold and no call here
 * stands for is released by a settle. Calls that end without an answer therefore ask for one
 * (lib_settle_soon()).
 */
#ifndef CLIENT_LIB_H
#define CLIENT_LIB_H

#include <pthread.h>

#include "client/holdfast.h"
#include "client/lib_reply.h"
#include "client/varlink.h"

#define LIB_SOCKET_DEFAULT "/run/holdfast/holdfast.sock"

enum {
    LIB_PATIENCE_MS = 30 * 1000, /* for an agent that went away, unless the caller says */
    LIB_LATE_MS = 3 * 1000,      /* how much later than asked the agent may answer */
    LIB_TRY_MS = 10 * 1000,      /* until a try is answered: the agent itself takes up to 3 s */
    LIB_QUICK_MS = 5 * 1000,     /* until what the agent has in memory is answered */
    LIB_CLOSE_MS = 5 * 1000,     /* for the releases of hf_close() */
    LIB_RETRY_MS = 100,          /* between two attempts of a call while the keeper is at work */
    LIB_LINKS_IDLE = 4,          /* kept for the next call */
    LIB_EARLY_MAX = 64           /* events about holds whose grant was not read yet */
};

/* A connection that joined the session, or is about to. */
struct lib_link {
    struct varlink agent;
    unsigned generation; /* of hf, when it joined */
    struct lib_link *next;
};

/* A call that waits for its last answer. It is its caller's, on whose stack it lives. */
struct lib_call {
    const char *const *names;
    size_t count;
    char id[LIB_ID_SIZE]; /* as soon as a reply told it */
    int fd;               /* for hf_cancel() to shut down, */
    bool fixed;           /*   unless it cannot be given up */
    struct lib_call *next, *prev;
};

enum lib_hold_state {
    LIB_HELD,
    LIB_PASSING, /* it is being handed over, or may have been */
    LIB_LOST,
    LIB_RELEASING, /* a caller waits for the end of its Release */
    LIB_FORGOTTEN  /* nobody waits any more: the keeper releases it, and frees it */
};

struct hf_hold {
    struct hf *hf;
    enum lib_hold_state state;
    unsigned uses; /* calls of other threads that change it */
    bool removed;  /* it is in no list any more: its last use frees it */
    bool at_risk;
    bool listed;      /* settling: the agent has it */
    unsigned changes; /* how often a change of it has ended, */
    unsigned asked;   /*   and settling: by the time when the agent was asked for its list */
    bool left_behind; /* its session ended, with no word of this hold */
    bool unclean;     /* RELEASING, FORGOTTEN: how */
    bool lapsed;      /* LOST by its lease, while the agent was away: that may have it still */
    int64_t ttl_ms;   /* under `expire`; else 0 */
    int64_t end_ms;   /* and held until then for sure, by lib_boot_ms() */
    enum hf_mode mode;
    struct lib_grant grant;
    char *name;
    struct hf_hold *next, *prev;
};

struct lib_queued {
    enum hf_event_kind kind;
    struct hf_hold *hold;
    enum hf_mode mode;
    char reason[sizeof((struct hf_event *)0)->reason];
    struct lib_queued *next, *prev;
};

enum lib_state { LIB_AWAY, LIB_READY };

struct hf {
    /* Constant from hf_open on. */
    pid_t pid;
    char *path;
    int event_fd; /* readable while `events` is not empty */
    int wake_fd;  /* wakes the keeper */
    pthread_t keeper;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* state, generation, events, cancels */

    /* Under `lock`. */
    enum lib_state state;
    unsigned generation;
    bool closing;     /* hf_close() was called */
    bool unsettled;   /* the keeper, as it ended: the agent may still have holds of this session */
    unsigned cancels; /* how often hf_cancel() was called */
    int64_t patience_ms;
    struct lib_session session;
    struct lib_link *idle; /* links of this generation */
    size_t idle_count;
    struct lib_call *calls;
    struct hf_hold *holds;
    struct lib_queued *events;
    struct lib_event early[LIB_EARLY_MAX]; /* a ring */
    size_t early_count;                    /* ever put in */
    int64_t settle_at_ms;                  /* INT64_MAX: no need */
    int64_t settle_wait_ms;                /* until the next one, should this one not suffice */
    int64_t lease_at_ms;                   /* to ask how long leases last; INT64_MAX: no need */

    /* The keeper's own. */
    struct varlink watch;
};

/* --- lib_result.c --- */

/* Returns `result` after keeping the detail for hf_error_detail(). */
enum hf_result lib_fail(enum hf_result result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for an error reply; the call is over. */
enum hf_result lib_fail_reply(const struct varlink_reply *reply);
/* The same for a connection that failed. */
enum hf_result lib_fail_status(const struct hf *hf, enum varlink_status status);
/* HF_OK in the process that opened the connection, else HF_FORKED. */
enum hf_result lib_check_process(const struct hf *hf);

/* --- lib_time.c --- */

int64_t lib_now_ms(void);
/* `ms` from now; INT64_MAX for what is never. */
int64_t lib_after_ms(int64_t ms);
/* From now until then, for poll and varlink_receive: -1 for ever. */
int lib_left_ms(int64_t deadline_ms);

/* --- lib_link.c --- */

/* Waits on `changed`, which is of hf->lock, until it is told or the time is over. */
void lib_wait_changed(struct hf *hf, int64_t until_ms);
/*
 * A link of the present generation, out of the pool or a new one; to be handed to lib_link_give().
 * Waits while the agent is away. HF_UNREACHABLE (after `until_ms`), HF_NOT_PERMITTED, HF_NO_MEMORY,
 * or HF_CANCELLED if hf_cancel() was called more than `cancels` times.
 */
enum hf_result lib_link_take(struct hf *hf, int64_t until_ms, unsigned cancels,
                             struct lib_link **out);
/* `reusable`: the last call on it was answered in full. */
void lib_link_give(struct hf *hf, struct lib_link *link, bool reusable);
void lib_link_free_all(struct lib_link *links);
/* A link is of no use though the keeper sees no reason: waits a little for either to change. */
void lib_link_pause(struct hf *hf, unsigned generation, int64_t until_ms);
/*
 * A plain call, again and again while the connection fails, until `until_ms`; *again: it was sent
 * more than once. `parameters` is stolen (NULL: none). HF_OK: answered, by an error perhaps;
 * out->parameters is the caller's to json_decref. Only for what may be done twice.
 */
enum hf_result lib_request(struct hf *hf, const char *method, json_t *parameters, int64_t until_ms,
                           struct varlink_reply *out, bool *again);

/* --- lib_event.c; all but the two of holdfast.h with `lock` held --- */

/* Replaces an older event of this kind about this hold. Out of memory it is dropped. */
void lib_event_put(struct hf *hf, enum hf_event_kind kind, struct hf_hold *hold, enum hf_mode mode,
                   const char *reason);
void lib_event_forget(struct hf *hf, const struct hf_hold *hold);
void lib_event_forget_all(struct hf *hf);

/* --- lib_hold.c --- */

/* HF_BAD_NAME for what does not even fit into a message; the agent says the rest. */
enum hf_result lib_check_name(const char *name);

/* With `lock` held: */
struct hf_hold *lib_hold_find(const struct hf *hf, const char *id);
void lib_hold_lose(struct hf_hold *hold, const char *reason);
/* What the agent said of this hold. */
void lib_hold_hear(struct hf_hold *hold, const struct lib_event *event);
/* Takes a hold that was granted by this generation into the list, with what was said of it before.
 * False: it is of another one; then the hold is not this session's for sure. */
bool lib_hold_add(struct hf_hold *hold, unsigned generation);
/* Takes it out of the list. True: nobody uses it, so it is the caller's to free. */
bool lib_hold_remove(struct hf_hold *hold);
/* With or without `lock`. */
void lib_hold_free(struct hf_hold *hold);

/* --- lib_keeper.c --- */

/* Connects for the first time, and starts the thread. */
enum hf_result lib_keeper_start(struct hf *hf);
/* Has it look anew at what there is to do. */
void lib_keeper_wake(struct hf *hf);
/* Lets it release what is held, and end; hf->unsettled is then what it says. */
void lib_keeper_stop(struct hf *hf);

/* --- lib_lease.c --- */

/* Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps, as leases do. */
int64_t lib_boot_ms(void);
/* The TTL of what is asked for so; 0: it does not expire. */
int64_t lib_lease_ttl(const struct hf_options *options);

/* With `lock` held: */
/* It was granted just now. */
void lib_lease_granted(struct hf_hold *hold);
/* The agent said that it lasts so long, to a question that was asked at `asked_ms`. */
void lib_lease_said(struct hf_hold *hold, int64_t asked_ms, int64_t left_ms);
/* Whether others may be let in by now, as far as the agent has said. */
bool lib_lease_over(const struct hf_hold *hold);
/* While AWAY: loses those whose lease is over. */
void lib_lease_away(struct hf *hf);

/* Has the keeper settle if the agent is to be asked. */
void lib_lease_due(struct hf *hf);
/* For how long one may wait, at most `ms`, before the next lease ends while AWAY; loses those that
 * have ended. */
int lib_lease_bound_ms(struct hf *hf, int ms);

/* --- lib_settle.c --- */

enum lib_settle_kind {
    LIB_SETTLE_KNOWN,  /* releases what is FORGOTTEN */
    LIB_SETTLE_LIST,   /* and grants that nobody heard of */
    LIB_SETTLE_RESUMED /* and takes what the agent does not have as lost: only while AWAY */
};

/* Has the keeper settle before long; with `lock` held. */
void lib_settle_soon(struct hf *hf);
/* Over `agent`, a connection of the session. False: not all of it is; it will be done again. */
bool lib_settle(struct hf *hf, struct varlink *agent, enum lib_settle_kind kind);
/* The same over a link, if it is due. */
void lib_settle_due(struct hf *hf);
/* Whether there is something to give back, or may be. */
bool lib_settle_wanted(struct hf *hf);
/* At the end: everything goes back. False: not all of it is confirmed. */
bool lib_settle_all(struct hf *hf, int64_t until_ms);

#endif
