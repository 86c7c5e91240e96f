/*
 * One request or hold of this node: from Acquire until nothing of it is left.
 *
 *     ASKED --granted--> HELD --drop--> DROPPING --answered--> gone
 *      ^|  \--refused, timed out--> gone            ^
 *      |\---nobody waits any more------------------/
 *      \- asked again, while this node's life does not count yet or its end is under way
 *
 * What must hold: an operation that was granted is dropped by nobody but its session (a Release, or
 * the end of a dead client's processes); an untold grant that nobody waits for any more is dropped
 * at once.
 */
#ifndef NODE_OPERATION_H
#define NODE_OPERATION_H

#include <uthash.h>

#include "node/agent.h"
#include "node/holder.h"
#include "node/varlink.h"

struct session;
struct change;
struct several;

/*
 * Who asked, and waits to be told. `refused` is the last that is heard of a request; after
 * `granted` the hold is untold until operation_told: until then nothing acts under it, `refused`
 * may still come, and nobody else hears of it. None of them may free the operation.
 */
struct operation_listener {
    /* News of the wait, as a reply of Acquire; it stays the operation's. */
    void (*waits)(void *context, const json_t *waiting);
    /* It is held; `held`, the last reply of Acquire, is stolen. */
    void (*granted)(void *context, json_t *held);
    /* The same with the reply as JSON text, if it has nothing to say of an unclean end or a value;
     * NULL: only the other one. */
    void (*granted_text)(void *context, const char *held);
    /* It is not held, or no longer; `parameters` (may be NULL) is stolen. */
    void (*refused)(void *context, const char *error, json_t *parameters);
};

enum operation_state { OPERATION_ASKED, OPERATION_HELD, OPERATION_DROPPING };

/* An op_id without padding, as a key of a hash table. */
struct operation_key {
    uint64_t slot;
    uint64_t life;
    uint64_t counter;
};

struct operation {
    struct operations *all;
    struct session *session;
    enum operation_state state;
    bool known;    /* `id` is: ANSWER_ACCEPTED came, or it was loaded */
    bool unwanted; /* nobody waits for it: to be dropped once it is known */
    bool loaded;   /* of an earlier run of the agent */
    bool lost;     /* HELD: its watchers were told so; it is dropped once its session's stop set is
                      empty (F7) */
    bool at_risk;  /* HELD: standing, or its lease, was not renewed for a while */
    bool spare;    /* as in the request; not durable */
    bool starting; /* ASKED: the peer has none of it; it is asked again when the life counts */
    struct op_id id;
    struct operation_key key; /* of id */
    char *name;
    enum lock_mode mode;
    uint16_t limit; /* of a counted one */
    enum lock_policy policy;
    uint32_t ttl_ms;    /* under `expire` */
    struct scope scope; /* under `action` */
    uint64_t token;
    size_t process_count;
    struct process
        processes[HOLDER_PROCESSES_MAX]; /* each with one use in the session's stop set */
    uint64_t acquire_handle;             /* 0: none, or answered for good */
    uint64_t drop_handle;
    bool try; /* these as in the request, to ask again with */
    bool head;
    uint64_t expect;
    struct instant deadline;
    struct view holder; /* its bytes, and those of data, follow the name in memory */
    struct view data;
    struct instant asked_at;                   /* ns 0: it was loaded */
    struct instant held_at;                    /* ns 0: it was not granted in this run */
    struct instant patience;                   /* until when it may wait for the life to count */
    struct alarm again;                        /* while starting */
    const struct operation_listener *listener; /* NULL: nobody waits to be told */
    void *context;                             /* of the listener */
    struct varlink_call *drop_call;            /* the Release that waits */
    struct change *change;                     /* under way; NULL: none */
    json_t *waiting;                           /* the last "waiting" answer; NULL before */
    bool blocking;                             /* somebody waits for it, in this mode: */
    enum lock_mode blocking_mode;
    UT_hash_handle hh;             /* by key, if known */
    struct operation *next, *prev; /* in its session */
};

struct operations {
    struct agent *agent;
    struct clock *clock;
    struct operation *by_id;
    struct several *several; /* those who ask for several at once (several.h) */
};

/* What is asked for. Takes over the holder's processes (already in the session's stop set). */
struct operation_request {
    const char *name;
    enum lock_mode mode;
    uint16_t limit; /* lock_mode_valid() with mode */
    enum lock_policy policy;
    uint32_t ttl_ms;    /* lock_policy_valid() with policy */
    struct scope scope; /* LOCK_STALE_ACTION: its session is filled in */
    bool try;
    bool head;       /* waits before all others */
    bool spare;      /* if it is lost its processes have SESSION_LAST_WORDS, as the caller has */
    uint64_t expect; /* only while the lock's token is this one; 0: any */
    struct instant deadline;
    const struct holder *holder;
    struct view data; /* <= LOCK_DATA_MAX: shown to others */
};
/* On behalf of `call`, which is answered here. */
void operation_ask(struct operations *all, struct session *session, struct varlink_call *call,
                   const struct operation_request *request);
/* On behalf of whoever listens; nothing is told within this call. */
struct operation *operation_ask_for(struct operations *all, struct session *session,
                                    const struct operation_listener *listener, void *context,
                                    const struct operation_request *request);
/* It is held, and its client does not know. */
bool operation_untold(const struct operation *op);
/* The client knows from now on; the session's watchers are told too. */
void operation_told(struct operation *op);
/* Whoever listened wants to hear no more: what is not told yet is given up. */
void operation_leave(struct operation *op);
/* An untold hold is lost: whoever listens is refused, and it is given up. */
void operation_withdraw(struct operation *op, const char *why);
/* A hold that the peer loaded from the store. NULL if memory ran out. */
struct operation *operation_adopt(struct operations *all, struct session *session,
                                  const struct op_view *view, const struct holder *holder);
/* Gives it up; `call` (may be NULL) is the Release that asked. `unclean`: what acted under it died
 * or was stopped, so the lock is marked (F11). */
void operation_drop(struct operation *op, struct varlink_call *call, bool unclean);
/* It was handed over to another node: nothing of it is left here. */
void operation_passed(struct operation *op);
/* It waited when an earlier run of the agent ended, and was never granted: nothing of it is left.
 */
void operation_never_held(struct operation *op);
/* This node's life counts now: an operation that waits for that is asked again. */
void operation_ready(struct operation *op);
/* Nobody waits for it any more; whoever listened is refused with NoSuchSession. */
void operation_abandon(struct operation *op);
struct operation *operation_find(const struct operations *all, struct op_id id);
/* Forgets everything without a word to anybody: the agent ends. */
void operation_free(struct operation *op);

#endif
