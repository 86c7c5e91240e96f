/*
 * libholdfast: locks from the Holdfast agent of this machine. Link with `pkg-config --libs
 * holdfast`.
 *
 *     struct hf *hf;
 *     struct hf_hold *hold;
 *     struct hf_options options = {.size = sizeof options, .mode = HF_SHARED, .timeout_ms = 5000};
 *     enum hf_result result = hf_open(NULL, &hf);
 *     if (result == HF_OK)
 *         result = hf_acquire(hf, "image/ubuntu-24.04", &options, &hold);
 *     if (result != HF_OK)
 *         fprintf(stderr, "%s: %s\n", hf_result_text(result), hf_error_detail());
 *
 * What it is. A connection (struct hf) is a session with the agent, and the locks that are taken
 * through it are the session's. To the agent they belong to the *process*: its threads may share a
 * connection, and any of them may release what another took. All times are milliseconds by a clock
 * that does not jump; all strings are UTF-8 with a NUL at their end.
 *
 * Threads. Every function may be called by several threads at once on one connection, but for
 * hf_close(). Calls that wait do not hold each other up. Signals do not end a wait; hf_cancel()
 * does. The library runs one thread of its own for each connection, with all signals blocked: it
 * hears what happens to the locks, and resumes the session after a restart of the agent.
 *
 * Restarts of the agent. When the agent goes away (an upgrade, say) the locks stay held, and the
 * library takes the session up again as soon as an agent answers: HF_EVENT_AWAY, then
 * HF_EVENT_RECONNECTED. The agent waits for that for its grace time (10 s unless it is configured
 * otherwise) from its start on; then it ends the processes. A call that is under way meanwhile:
 *
 *     hf_acquire    asks again, within its time, and loses its place in the queue. A grant that
 *                   nobody could be told of is given back. So HF_OK means held, anything else not.
 *     hf_release    waits for the new agent, and says HF_OK once the lock is given up there.
 *     hf_convert, hf_set_value, hf_clear_mark, hf_transfer
 *                   ask the new agent again; if it cannot say either, each names what that means.
 *     hf_stamp, hf_validate   ask again.
 *     hf_held       does not wait: HF_UNKNOWN while the agent is away.
 *
 * The end of a process. A process that ends, or is killed, with locks held is to the agent a dead
 * client: the locks pass on, marked as unclean, once it is seen to have ended. So does one that
 * only closes: hf_close() therefore releases first.
 *
 * A lost lock. When this node has lost a lock (HF_EVENT_LOST; HF_EVENT_AT_RISK is said before) all
 * that acts under it must stop *now*: the agent kills every process of the session one second after
 * it said so, or at once where it cannot say so. A hold under HF_STALE_EXPIRE is lost at the end of
 * its lease while the agent is away, too: others may be let in then, and nobody kills anything.
 *
 * fork. A connection is of the process that opened it. In a child every function refuses it with
 * HF_FORKED, but hf_close(), which there only closes the child's copy of the descriptors: while the
 * child keeps them open the agent does not see the parent's end, and its locks stay held. A child
 * that executes another program has none of them. A process that shall act under a lock beside its
 * parent is named by hf_options.pid.
 *
 * Structs that cross the library's border begin with their size, which the caller sets to sizeof
 * the struct: so they can grow, and an old program goes on working with a new library. A member
 * that is zero is as if it were not there.
 */
#ifndef HOLDFAST_H
#define HOLDFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hf;      /* a connection */
struct hf_hold; /* a lock that was taken */

/* --- Results --- */

/* Numbers keep their meaning for ever; there may be more of them one day. */
enum hf_result {
    HF_OK = 0,
    HF_BUSY = 1,        /* hf_try: somebody holds it, or waits for it; the detail says who */
    HF_TIMED_OUT = 2,   /* not granted in time; the detail says who holds it, or what is missing */
    HF_NO_MAJORITY = 3, /* too few of the lock's voters can be asked: nobody can be granted it */
    HF_UNREACHABLE = 4, /* no agent answers (is holdfastd running?); nothing is held by this call */
    HF_NOT_PERMITTED = 5, /* the agent, or the socket's mode, says no; the detail says why */
    HF_BAD_NAME = 6,      /* a lock's name is 1 to 255 bytes of UTF-8 without control characters */
    HF_BAD_MODE = 7,      /* there is no such mode */
    HF_BAD_LIMIT = 8,     /* HF_COUNTED needs a limit of 1 to 256, and no other mode takes one */
    HF_BAD_OPTION = 9,    /* another argument is wrong; the detail names it */
    HF_QUEUE_FULL = 10,   /* too many wait for the lock, or the agent's table is full */
    HF_NOT_READY = 11,    /* the agent has just started and does not take part yet: try again */
    HF_LOG_FAILED = 12,   /* the agent's disk failed: it grants nothing until it is started again */
    HF_LOST = 13,         /* the lock is not held any more, and was not released */
    HF_AT_RISK = 14,      /* hf_held: held, but it will be lost soon: see HF_EVENT_AT_RISK */
    HF_UNKNOWN = 15,      /* the agent was away meanwhile, and nobody can say: see the function */
    HF_CANCELLED = 16,    /* hf_cancel() or the waiting callback ended the wait; nothing is held */
    HF_FORKED = 17,       /* the connection is of another process: a parent of this one */
    HF_NO_MEMORY = 18,    /* memory, descriptors or threads ran out */
    HF_GARBLED = 19,      /* what answers is not a Holdfast agent, or says what is not known here */
    HF_MOVED = 20,        /* the lock was granted to somebody since: if_token, hf_validate; or
                             forgotten, which the detail of if_token says */
    HF_UNSTABLE = 21,   /* hf_stamp: somebody may be writing, or wrote half; the detail says who */
    HF_TOO_LONG = 22,   /* more bytes than there may be; the detail says how many */
    HF_NOT_WRITER = 23, /* hf_set_value: the hold's mode does not write */
    HF_DEADLOCK = 24,   /* hf_convert: it would wait for one that waits for this hold */
    HF_OTHER_MARK = 25, /* hf_clear_mark: the lock has another mark by now, or none */
    HF_NO_SUCH_WAITER = 26, /* hf_transfer: nobody waits under this id */
    HF_CHANGING = 27,       /* an earlier change of this hold has no answer yet */
    HF_TOO_MANY = 28        /* hf_acquire_all: more names than there may be */
};

/* One short phrase for a person, without a final stop. Static; never NULL. */
const char *hf_result_text(enum hf_result result);

/*
 * More about the last call of *this thread* that did not return HF_OK: who holds the lock ("held by
 * hv2 (shared), hv3 (shared)") and what is done about a dead holder, why something is not
 * permitted, which option is wrong. Never NULL, perhaps empty; valid until this thread's next call.
 */
const char *hf_error_detail(void);

/* --- Connections --- */

/*
 * Connects to the agent at `path` and opens a session. NULL: the path in HOLDFAST_SOCKET, else
 * /run/holdfast/holdfast.sock. At most 107 bytes, else HF_BAD_OPTION. On HF_OK *out is to be closed
 * with hf_close(); otherwise *out is NULL. Does not wait for an agent that is not there:
 * HF_UNREACHABLE.
 */
enum hf_result hf_open(const char *path, struct hf **out);

/*
 * Releases what is still held, ends the session and frees the connection and its holds, which is
 * always done. HF_OK, or HF_UNREACHABLE if the agent did not confirm the release within 5 s: it
 * then takes the process for a dead client that still runs, and ends it after the grace time. NULL
 * is HF_OK. No other thread may be in a call on this connection, or begin one.
 */
enum hf_result hf_close(struct hf *hf);

/* How long a call waits for an agent that went away before it returns HF_UNREACHABLE; 30,000 ms
 * unless this was called. HF_BAD_OPTION if negative. */
enum hf_result hf_set_patience(struct hf *hf, int64_t patience_ms);

/* Ends every wait of other threads on this connection, in hf_acquire() or hf_next_event(), with
 * HF_CANCELLED. Calls that begin later are not concerned. Not for signal handlers. */
enum hf_result hf_cancel(struct hf *hf);

/* --- Taking and giving --- */

/* What a holder does with the data, and lets others do meanwhile: docs/locks.md. */
enum hf_mode {
    HF_EXCLUSIVE = 0, /* reads and writes, alone; DLM's EX */
    HF_SHARED = 1,    /* reads, together with readers; DLM's PR */
    HF_COUNTED = 2,   /* one of at most hf_options.limit holders */
    HF_NL = 3,        /* does nothing, lets others do all */
    HF_CR = 4,        /* reads, beside readers and writers */
    HF_CW = 5,        /* writes, beside readers and writers */
    HF_PW = 6,        /* writes, beside HF_CR only */
    HF_OTHER = 99 /* said by an agent that has more modes than this library; not to be asked for */
};

enum {
    HF_DATA_MAX = 64,   /* bytes that a holder tells about itself */
    HF_VALUE_MAX = 256, /* bytes of a lock's value block */
    HF_NAMES_MAX = 32   /* locks that are taken at once */
};

/* What happens to those who wait for the lock if this node dies with it. */
enum hf_stale {
    HF_STALE_DEFAULT =
        0,              /* fence for the modes that write (CW, PW, exclusive), expire for others */
    HF_STALE_HOLD = 1,  /* they wait until the node boots again */
    HF_STALE_FENCE = 2, /* a majority of the jurors orders the node's end */
    HF_STALE_EXPIRE =
        3,              /* they wait until it was not renewed for ttl_ms; it is lost here by then */
    HF_STALE_ACTION = 4 /* a majority of the jurors orders the end of this session alone, by
                           `action` with `info`; the node's if that does not succeed */
};

/* One that holds a lock. What it points at lives as long as the struct that names it. `token` and
 * `data` are 0 and empty where the agent does not tell them. */
struct hf_party {
    const char *node;
    const char *hold; /* the hold's id */
    enum hf_mode mode;
    uint32_t limit; /* of a counted one, else 0 */
    uint64_t token;
    const void *data; /* what it tells about itself: hf_options.data */
    size_t data_size; /* at most HF_DATA_MAX */
};

enum hf_why {
    HF_WHY_UNKNOWN = 0,     /* the lock's voters are being asked */
    HF_WHY_QUEUED = 1,      /* others hold it, or came before */
    HF_WHY_NO_MAJORITY = 2, /* `reachable` of `cohort` voters answer */
    HF_WHY_STANDING = 3,    /* `reachable` of `cohort` jurors acknowledge this node */
    HF_WHY_STARTING = 4,    /* the agent has just started, and this node does not count yet */
    HF_WHY_AWAY = 5         /* the agent is away; it is asked again as soon as it is back */
};

/* Why a lock is not granted yet. */
struct hf_waiting {
    size_t size;
    const char *name; /* of the lock that is waited for */
    enum hf_why why;
    uint32_t place; /* in the queue, from 1; 0 if it is not known */
    uint32_t reachable;
    uint32_t cohort;
    size_t holder_count;
    const struct hf_party *const *holders;
    const char *stale; /* a dead holder that is in the way, and what is done about it; or "" */
    const char *text;  /* all this on one line for a person */
};

/*
 * Called in the thread that waits, each time that something about the wait has changed. `waiting`
 * is valid during the call. 0 goes on waiting; anything else gives up the place in the queue, and
 * hf_acquire() returns HF_CANCELLED. It may call this library, but not hf_close().
 */
typedef int hf_waiting_fn(void *context, const struct hf_waiting *waiting);

/* How a lock is asked for. All zero but `size`: exclusive, and wait for ever. */
struct hf_options {
    size_t size; /* sizeof(struct hf_options) */
    enum hf_mode mode;
    uint32_t limit; /* of HF_COUNTED: held while at most so many hold it, 1 to 256 */
    enum hf_stale stale;
    pid_t pid;              /* a child of the caller that acts under the lock as well; 0: none */
    int64_t timeout_ms;     /* give up after so long; 0: never. To not wait at all: hf_try() */
    hf_waiting_fn *waiting; /* NULL: nobody wants to know */
    void *context;          /* for `waiting` */
    bool head;              /* wait before all others: for operators */
    uint64_t if_token; /* only while the lock's token is still this one, else HF_MOVED; 0: any */
    const void *data;  /* tells others about this holder: `holdfast show` */
    size_t data_size;  /* at most HF_DATA_MAX, else HF_TOO_LONG */
    bool spare;        /* should the lock be lost, `pid` lives for the last second as well, so that
                          the caller may end it */
    int64_t ttl_ms;    /* of HF_STALE_EXPIRE, 1000 to 3600000; 0: 30000 */
    const char
        *action;      /* of HF_STALE_ACTION: one of the roster's for sessions, else HF_BAD_OPTION */
    const char *info; /* what it is told: names what this session does, and nothing that another one
                         may come to do; at most 128 bytes, else HF_TOO_LONG; NULL: nothing */
};

/*
 * Takes the lock `name`, or waits for it. `options` may be NULL: all zero. On HF_OK *out is a hold,
 * to be given up with hf_release(); on every other result nothing is held, and *out is NULL.
 *
 * HF_TIMED_OUT, HF_NO_MAJORITY (the time is over, and too few voters answered all along),
 * HF_CANCELLED, HF_UNREACHABLE (the agent has been away for longer than hf_set_patience() allows,
 * or than `timeout_ms`; or it did not answer 3 s after that), HF_NOT_PERMITTED, HF_BAD_NAME,
 * HF_BAD_MODE, HF_BAD_LIMIT, HF_BAD_OPTION, HF_TOO_LONG, HF_MOVED, HF_QUEUE_FULL, HF_LOG_FAILED,
 * HF_FORKED, HF_NO_MEMORY, HF_GARBLED.
 *
 * Locks are not recursive: a process that asks for what it holds exclusively waits for itself.
 */
enum hf_result hf_acquire(struct hf *hf, const char *name, const struct hf_options *options,
                          struct hf_hold **out);

/* The same without waiting for anybody: HF_BUSY if somebody holds the lock in a mode that excludes
 * this one, or waits for it; HF_NOT_READY if this node does not count yet. `timeout_ms` and
 * `waiting` are not looked at. Takes up to 3 s where no majority answers, or the agent is away. */
enum hf_result hf_try(struct hf *hf, const char *name, const struct hf_options *options,
                      struct hf_hold **out);

/*
 * Takes several locks, or none of them: on HF_OK out[i] is the hold of names[i], each to be
 * released by itself; on every other result all of `out` is NULL. At most HF_NAMES_MAX, else
 * HF_TOO_MANY, and each once. The options count for all of them; if_token cannot be set. Callers
 * that take several this way never wait for each other in a circle, as long as they hold nothing
 * else meanwhile. Results as of hf_acquire(); the detail names the lock.
 */
enum hf_result hf_acquire_all(struct hf *hf, const char *const *names, size_t count,
                              const struct hf_options *options, struct hf_hold **out);
/* The same without waiting, as hf_try(). */
enum hf_result hf_try_all(struct hf *hf, const char *const *names, size_t count,
                          const struct hf_options *options, struct hf_hold **out);

/*
 * Gives up a hold and frees it, whatever is returned. HF_OK: it is given up. HF_LOST: it was lost
 * before, so what was done under it since may have met another holder's work. HF_UNREACHABLE: not
 * confirmed yet; the library gives it up as soon as the agent answers, while the connection is
 * open. HF_UNKNOWN: the agent was away, and the session was over when it was back: the hold is
 * over, by this release or as a lost one. HF_FORKED: nothing was done or freed. NULL is HF_OK.
 * Calls of other threads on this hold end with HF_LOST; none may begin later.
 */
enum hf_result hf_release(struct hf_hold *hold);

/* The same, and the next holder is told that this one ended uncleanly (hf_hold_unclean()): what the
 * lock protects may be half written. */
enum hf_result hf_release_unclean(struct hf_hold *hold);

/*
 * Whether it is held, as far as is known at this instant; asks nobody and never waits, so it may be
 * called before every write. HF_OK; HF_AT_RISK; HF_LOST; HF_UNKNOWN: the agent is away, and says
 * nothing of the lock until HF_EVENT_RECONNECTED, or it has not said for long that a lease is
 * renewed, or the hold is being handed over; HF_FORKED.
 */
enum hf_result hf_held(const struct hf_hold *hold);

/* --- Changing a hold --- */

/*
 * Converts a hold to another mode in place; of `options` only mode, limit, timeout_ms and waiting
 * count, and nothing else may be set. It stays held in its old mode until the new one fits beside
 * the other holders. Down is never refused, and the caller acts in the weaker mode from the call
 * on. HF_OK: hf_hold_mode() is the new one, and hf_hold_token() is new if that writes.
 *
 * HF_TIMED_OUT, HF_DEADLOCK: it has its old mode. HF_NO_MAJORITY, HF_UNREACHABLE: it
 * may be converted still; act in the weaker of both modes until hf_hold_mode() has changed, or
 * another hf_convert() is not HF_CHANGING. HF_LOST: it was lost, or released by another thread,
 * which is also the way to end the wait before its time: hf_cancel() and the callback do not.
 */
enum hf_result hf_convert(struct hf_hold *hold, const struct hf_options *options);

/* The same without waiting: HF_BUSY, and the old mode, if it does not fit at once. */
enum hf_result hf_try_convert(struct hf_hold *hold, const struct hf_options *options);

/*
 * Writes the lock's value block, which everybody who is granted the lock is told; needs a mode that
 * writes (HF_CW, HF_PW, HF_EXCLUSIVE), else HF_NOT_WRITER. HF_TOO_LONG: over HF_VALUE_MAX bytes.
 * HF_TIMED_OUT, HF_NO_MAJORITY, HF_UNREACHABLE: whether it was written is not known.
 */
enum hf_result hf_set_value(struct hf_hold *hold, const void *bytes, size_t size);

/* Hands a hold over to one who waits for the lock: `to` is the id under which it does, as in
 * `holdfast show`. The caller acts no more under the lock from the call on. HF_OK: it is handed
 * over, and the hold is freed. HF_NO_SUCH_WAITER, HF_BUSY (that one would not fit beside other
 * holders), HF_TIMED_OUT, HF_BAD_OPTION: it is held as before. HF_NO_MAJORITY, HF_UNREACHABLE,
 * HF_UNKNOWN: nobody knows; hf_held() says HF_UNKNOWN until it is known, then HF_OK or HF_LOST. */
enum hf_result hf_transfer(struct hf_hold *hold, const char *to);

/* --- About a hold; these never fail, and what they return lives as long as the hold --- */

const char *hf_hold_name(const struct hf_hold *hold); /* the lock's */
const char *hf_hold_id(const struct hf_hold *hold);   /* as `holdfast show` prints it */
/* A number that rises with every grant of this lock: a fencing token, for storage that checks one.
 */
uint64_t hf_hold_token(const struct hf_hold *hold);
enum hf_mode hf_hold_mode(const struct hf_hold *hold);

/* How the last hold went that ended uncleanly. */
struct hf_unclean {
    size_t size;    /* sizeof(struct hf_unclean) */
    char node[64];  /* whose hold it was */
    uint32_t slot;  /* of that node */
    uint64_t life;  /* of that node; what `holdfast fence show NODE/LIFE` takes */
    uint64_t token; /* of that hold */
    enum hf_mode mode;
    char by[32];    /* "receipt", "by-hand", "end-statement", "expiry" or "agent": what ended it,
                       see docs/commands.md */
    char proof[65]; /* the digest of the proof in hex; "" for "expiry" and "agent" */
};

/* True if the data may be half written: a hold before this one ended uncleanly, and nobody has said
 * since that the data is whole. Then fills *out, unless it is NULL. */
bool hf_hold_unclean(const struct hf_hold *hold, struct hf_unclean *out);

/* Says that the data is whole again: clears the mark that this hold was told of. HF_OTHER_MARK: it
 * has another one by now, or none. HF_OK if there was none to begin with. */
enum hf_result hf_clear_mark(struct hf_hold *hold);

/* The lock's value block. */
struct hf_value {
    size_t size;    /* sizeof(struct hf_value) */
    uint64_t token; /* of the hold that wrote it */
    bool valid;     /* no holder that writes went uncleanly since */
    size_t byte_count;
    unsigned char bytes[HF_VALUE_MAX];
};

/* The value as it was granted with the lock, or as this hold wrote it. False: there is none. Else
 * fills *out, unless it is NULL. */
bool hf_hold_value(const struct hf_hold *hold, struct hf_value *out);

/* --- Reading without a lock --- */

struct hf_stamp {
    size_t size; /* sizeof(struct hf_stamp) */
    char stamp[64];
    uint64_t token; /* the lock's */
    bool has_value; /* `value` is filled */
    struct hf_value value;
};

/*
 * The optimistic read: a stamp, then the data, then hf_validate(): if that is HF_OK, nobody has
 * written meanwhile. Neither takes anything, nor writes to any disk. Both wait at most `timeout_ms`
 * (0: 5 s). HF_UNSTABLE: somebody holds the lock in a mode that writes, or such a holder went
 * uncleanly, so take the lock. HF_MOVED: somebody may have written, so what was read is worth
 * nothing. HF_TIMED_OUT, HF_NO_MAJORITY, HF_NOT_READY, HF_UNREACHABLE, HF_BAD_NAME ...: not known.
 */
enum hf_result hf_stamp(struct hf *hf, const char *name, int64_t timeout_ms, struct hf_stamp *out);
enum hf_result hf_validate(struct hf *hf, const char *name, const struct hf_stamp *stamp,
                           int64_t timeout_ms);

/* --- Events --- */

/* There may be more of them one day: a program lets alone what it does not know. */
enum hf_event_kind {
    HF_EVENT_BLOCKING = 1,    /* somebody waits for `hold`, in `mode`; may be said more than once */
    HF_EVENT_AT_RISK = 2,     /* half of the time is over after which `hold` is lost: `reason` */
    HF_EVENT_SAFE = 3,        /* it is not at risk any more */
    HF_EVENT_LOST = 4,        /* `hold` is lost, or was handed over after all: `reason`. Stop at
                                 once; hf_release() frees it */
    HF_EVENT_AWAY = 5,        /* the agent went away, or was stopped */
    HF_EVENT_RECONNECTED = 6, /* an agent is back; what was lost meanwhile was said before this, and
                                 holds are not at risk unless it is said anew */
    HF_EVENT_DRAINING = 7     /* an administrator drains this node: let `hold` go as soon as it can
                                 be; it stays held until then */
};

struct hf_event {
    size_t size; /* sizeof(struct hf_event) */
    enum hf_event_kind kind;
    struct hf_hold *hold; /* NULL for AWAY and RECONNECTED; not to be used after its hf_release().
                             Another thread's hf_acquire() may have yet to return it */
    enum hf_mode mode;    /* HF_EVENT_BLOCKING: the mode that is waited for */
    char reason[256];     /* for a person; perhaps empty */
};

/* A descriptor that is readable while hf_next_event() has something; for poll(2) and the like. Not
 * to be read or closed; valid until hf_close(). -1 in a forked child. */
int hf_fd(struct hf *hf);

/*
 * Takes the next event. Waits for it at most `timeout_ms`: 0 does not wait, a negative one waits
 * for ever. HF_OK: *out is filled. HF_TIMED_OUT: there is none. HF_CANCELLED, HF_FORKED,
 * HF_BAD_OPTION (`size`). Events that nobody takes cost bounded memory: of each hold only the
 * newest of a kind is kept. Events of a hold that is released are forgotten.
 */
enum hf_result hf_next_event(struct hf *hf, struct hf_event *out, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
