/*
 * Sessions: to whom a lock belongs. A session has an owner, the connection that opened or resumed
 * it; others may join it by its secret. When the owner's connection is lost the client is dead
 * (F11), and this is its end:
 *
 *     OPEN --owner's connection lost--> LOST --grace over: kill its processes--> KILLING
 *       ^                               |   |                                       |
 *       +---resumed by its secret-------+   +--stop set empty--> ENDING <-----------+
 *                                                                  |
 *                                       every hold is dropped; then it is gone
 *
 * When a hold is lost (F7, F3) its session goes from OPEN or LOST to KILLING at once, without
 * grace: its watchers are told first, and the processes at the other end of its sockets have
 * SESSION_LAST_WORDS to say so and end by themselves, as have those of a request that asked for it.
 *
 * What must hold: a hold is released for a dead client, or one that lost it, only after its stop
 * set was seen empty, and then as unclean (F11). A session may be resumed only by a process of its
 * stop set, so that what the store says about its holds stays true.
 */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "node/operation.h"
#include "node/stopset.h"

#define SESSION_LAST_WORDS SPAN_MS(1000)
/* What holders are told when an administrator drains their node. */
#define SESSION_DRAINING   "this node is drained: let go as soon as you can"
#define SESSION_KILL_AGAIN SPAN_MS(1000) /* what cannot be killed now may be later */

enum session_state { SESSION_OPEN, SESSION_LOST, SESSION_KILLING, SESSION_ENDING };

enum {
    SESSION_SECRET_SIZE = 32,
    SESSIONS_PER_USER =
        256,               /* to be opened; those whose client is gone count until they are stopped.
                              As many as connections (varlink.h), so only these can be too many */
    SESSION_NAME_SIZE = 17 /* hex of half the key, and NUL */
};

struct session_seat; /* a connection that takes part in a session */
struct session_watcher;
struct session_early;

struct session {
    struct sessions *all;
    struct session_key key;                   /* also what the hash table goes by */
    char name[SESSION_NAME_SIZE];             /* not secret */
    char secret[2 * SESSION_SECRET_SIZE + 1]; /* empty if adopted and not yet resumed */
    uid_t uid;
    enum session_state state;
    struct session_seat *owner; /* NULL unless OPEN */
    struct session_seat *seats;
    struct stopset stopset;
    struct operation *operations;
    size_t operation_count;
    struct session_watcher *watchers;
    struct alarm grace; /* LOST: its end; KILLING: when to kill again */
    UT_hash_handle hh;
};

struct sessions {
    struct agent *agent;
    struct event_base *base;
    struct clock *clock;
    struct groups groups; /* of this machine's processes: for all stop sets */
    struct operations operations;
    struct session *by_key;
    bool adopted;
    struct session_early *early; /* holds that were lost before they were taken up */
};

void sessions_init(struct sessions *all, struct agent *agent, struct event_base *base,
                   struct clock *clock);
void sessions_deinit(struct sessions *all);
/* Takes up the holds that the peer loaded: each is watched as that of a lost client. */
void sessions_adopt(struct sessions *all);

enum session_status {
    SESSION_OK,
    SESSION_UNSEEN,  /* the caller's process cannot be seen from here */
    SESSION_UNKNOWN, /* no such session, or it has ended */
    SESSION_OTHER_USER,
    SESSION_OTHER_PROCESS, /* to resume: not one of its stop set */
    SESSION_TAKEN,         /* the connection is in another session */
    SESSION_FULL           /* the user has SESSIONS_PER_USER of them */
};

/* The session of this connection; opens one if it has none. NULL: see *status. */
struct session *session_of(struct sessions *all, struct varlink_connection *connection,
                           enum session_status *status);
/* The same, but NULL if it has none. */
struct session *session_present(struct varlink_connection *connection);
/* What an order about this session alone calls it (crypto/scope.h): as the session's name, and kept
 * over restarts of the agent like that. Never 0. */
uint64_t session_number(const struct session *session);
/* The process at the other end of this connection, which is in a session. */
const struct process *session_caller(struct varlink_connection *connection);
enum session_status session_join(struct sessions *all, struct varlink_connection *connection,
                                 const char *secret, bool *resumed);
/* The connection is gone. */
void session_left(struct varlink_connection *connection);

/* Streams SessionEvents of these kinds (a mask of session_kind()) about locks whose names begin so
 * to `call`, until either ends; first what is true now. */
void session_watch(struct session *session, struct varlink_call *call, uint32_t kinds,
                   const char *prefix);
/* One bit for each kind of SessionEvent; 0 if there is none of this name. */
uint32_t session_kind(const char *kind);
void session_tell(struct session *session, const char *kind, const struct operation *op,
                  enum lock_mode mode, const char *reason);
/* What happened to a hold before its client was told of it, and still is so. */
void session_catch_up(const struct operation *op);

/* The processes that a request of `connection` is made for: the caller, the owner, and `pid` if not
 * 0. False: *why (static) says why not. Each has a use in the stop set on success. */
bool session_holder(struct session *session, struct varlink_connection *connection, pid_t pid,
                    struct holder *out, const char **why);
/*
 * What the peer says of a hold that nobody asked about: ANSWER_BLOCKING, AT_RISK, SAFE, LOST. Its
 * watchers hear of it; a hold that is lost ends its whole session, since its processes act under
 * all of its locks.
 */
void session_about_hold(struct sessions *all, const struct answer *answer);
/* This node's life counts now: operations that wait for that are asked again. */
void sessions_ready(struct sessions *all);
/* An operation of it is gone: its processes leave the stop set, and the session ends if it was the
 * last. */
void session_operation_gone(struct session *session, struct operation *op);

/* --- Between session.c, session_hold.c and session_watch.c --- */

/* Nobody watches any more; if they are told, their streams end with NoSuchSession. */
void session_unwatch(struct session *session, bool tell);

/* All that acts under the session's locks ends now; who sits at its sockets may say so first. */
void session_stop(struct session *session);
/* The holds of the last run are taken up: those that were lost before are lost now. */
void session_about_early(struct sessions *all);
void session_forget_early(struct sessions *all);

#endif
