/*
 * The peer: the whole protocol of one node, as one object. Events go in, effects come out; the
 * agent and the simulator are two drivers of it, so what was simulated is what runs.
 *
 *     memory = malloc(peer_size(&config));  peer = peer_init(memory, &config);
 *     peer_recover(peer, bytes of votes.log)            -- or peer_recover_lost
 *     peer_start(peer, now)
 *     loop:
 *         peer_step(peer, now, &event)                  -- any number of times in one turn
 *         peer_effects(peer, now, &effects)             -- once a turn: what the turn amounts to
 *         carry out the effects; wake again at peer_deadline(peer), or for the next event
 *
 * Durable before spoken (L6) holds inside: a driver that carries out the effects in any order,
 * late, or not at all cannot break a promise, since whatever rests on a write waits here for
 * EVENT_DURABLE.
 *
 * Lifetimes: what an event points at is the caller's until peer_step returns; what effects point at
 * is the peer's until the next peer_step.
 */
#ifndef PROTO_PEER_H
#define PROTO_PEER_H

#include "crypto/drbg.h"
#include "crypto/proof.h"
#include "crypto/roster.h"
#include "proto/fence.h"
#include "proto/inhibitor.h"
#include "proto/limits.h"
#include "proto/lock.h"
#include "proto/swim.h"
#include "proto/time.h"
#include "proto/votelog.h"

struct peer;

struct peer_config {
    const struct roster *roster; /* outlives the peer */
    struct digest roster_digest; /* of its canonical bytes */
    struct cluster_id cluster;
    uint16_t self;                /* slot */
    const struct key_pair *key;   /* outlives the peer */
    uint8_t seed[DRBG_SEED_SIZE]; /* fresh randomness for this run; the start is drawn from it */
    uint8_t boot_id[16];          /* of the machine's present boot: another one makes a new life */
    uint32_t max_locks;           /* locks this voter can store; floors (L10) have their own room */
    uint32_t max_ops;             /* requests and holds of this node at once */
    uint32_t max_served;          /* locks that this node coordinates at once; 0: twice max_ops */
    uint32_t hush_among;          /* see swim.h; 0 but in plays */
    size_t register_bytes;        /* for the registers' names and states */
    /* L10: a lock that has been free for so long is forgotten; ns 0: never. */
    struct span forget_span;
    /* F7: at s* + F holders are told that their locks are lost; else they are only warned. */
    bool stop_on_isolation;
    struct span brake_span; /* F8's ten minutes */
    struct span run_span;   /* the longest that the driver lets a run of a fence device take (F9) */
    /* F6c, F7: W of this machine's watchdog, as read back from the device, which runs already; ns
     * 0: it has none. fresh: this run opened it, and no earlier one of this boot kept it open. */
    struct span watchdog;
    bool watchdog_fresh;
};

/* Bounds for small clusters: 65536 locks, 4096 operations, 64 MiB; locks are forgotten after
 * ten minutes. */
void peer_config_default(struct peer_config *config);
size_t peer_size(const struct peer_config *config);
/* `memory`: peer_size bytes, aligned for max_align_t, zeroed or not. */
struct peer *peer_init(void *memory, const struct peer_config *config);

enum peer_recovery {
    RECOVERED,         /* the store is ours and whole: this node votes after its check (L7) */
    RECOVERED_TORN,    /* the same, after a torn tail was left out */
    RECOVERY_FOREIGN,  /* store of another cluster or node: do not start */
    RECOVERY_LOST,     /* damaged, or not the store that the roster names: call peer_recover_lost */
    RECOVERY_TOO_LARGE /* more than there is room for, as by a narrower configuration: do not start
                        */
};
const char *peer_recovery_text(enum peer_recovery recovery);

/* Takes the whole segment. After RECOVERY_* other than RECOVERED(_TORN), init the peer anew. */
enum peer_recovery peer_recover(struct peer *peer, const uint8_t *bytes, size_t size);
/*
 * There is no store, or it is lost: goes on with a new one under `store`, which no roster names, so
 * this node never votes; it gossips, asks for locks, and says so (L7).
 */
void peer_recover_lost(struct peer *peer, const struct store_id *store);
/* All is loaded. Produces first effects; among them, always, wants a first segment (see effects).
 */
void peer_start(struct peer *peer, struct instant now);

enum event_kind {
    EVENT_DATAGRAM,    /* datagram */
    EVENT_DURABLE,     /* lsn: everything up to it is synced */
    EVENT_WRITTEN,     /* lsn: everything up to it outlives the agent, if not the machine */
    EVENT_SYNC_FAILED, /* the log cannot be written any more: no vote leaves from now on (L6) */
    EVENT_REFUSED,     /* slot: the kernel says that nobody listens at its address */
    EVENT_TICK,        /* the deadline came */
    EVENT_ACQUIRE,     /* acquire */
    EVENT_DROP,        /* drop: release a hold, or stop waiting */
    EVENT_SHOW,        /* show */
    EVENT_CHANGE,      /* change: of a hold, or by its holder */
    EVENT_SUBMIT,      /* submit: somebody hands in an order or a proof (section 12) */
    EVENT_EXECUTED,    /* executed: what became of a `run` of the effects */
    EVENT_LEAVE,       /* this node stops on purpose: say so to all */
    EVENT_INHIBIT,     /* inhibit: an administrator freezes, maintains, drains, or lifts that */
    EVENT_FENCE,       /* fence: an operator asks for an order; repeated while it is wanted */
    EVENT_HEAR         /* fence: the jurors are asked whether they hear that life (F6d) */
};

/* What a fence device was found to do. */
enum run_outcome {
    RUN_UNKNOWN, /* failed, timed out, hung, said nothing that can be used: never counts as off */
    RUN_OFF,     /* off was done where it was asked for, and a status query after it said off */
    RUN_ON       /* a status query says on */
};

enum change_kind {
    CHANGE_CONVERT,  /* to `mode` and `limit`; waits for it unless `try` */
    CHANGE_WRITE,    /* the lock's value becomes `value` */
    CHANGE_CLEAR,    /* the mark about (mark.slot, mark.life) and `mark_token` goes */
    CHANGE_TRANSFER, /* the hold goes to the waiter `to`. From now on its client acts no more under
                        it, unless the answer says that it was refused */
    CHANGES
};

struct event {
    enum event_kind kind;
    struct address source; /* DATAGRAM: where it came from; zero: the driver does not say */
    union {
        struct view datagram;
        uint64_t lsn;
        uint16_t slot;
        struct {
            uint64_t handle; /* the driver's name for this call; comes back in answers */
            struct view name;
            enum lock_mode mode;
            uint16_t limit; /* of a counted mode, 1..LOCK_COUNT_MAX; else 0 */
            enum lock_policy policy;
            uint32_t ttl_ms; /* lock_policy_valid() with policy */
            struct scope
                scope; /* LOCK_STALE_ACTION: the session, and what is to be done about it */
            bool try;
            bool head;               /* waits before all others */
            uint64_t expect;         /* only while the lock's token is this one; 0: any */
            struct instant deadline; /* INSTANT_NEVER: wait for ever */
            struct view process;     /* <= PROCESS_BLOB_MAX: kept with the hold, opaque (F11) */
            struct view data;        /* <= LOCK_DATA_MAX: shown to others */
        } acquire;
        struct {
            uint64_t handle;
            struct op_id hold; /* as told in ANSWER_ACCEPTED */
            bool unclean;      /* its holder died or was stopped: the lock is marked so (F11) */
        } drop;
        struct {
            uint64_t handle;
            struct view name;
            struct instant deadline;
        } show;
        struct {
            uint64_t handle;
            struct op_id hold;
            enum change_kind kind;
            enum lock_mode mode;
            uint16_t limit;
            bool try;
            struct instant deadline;
            struct view value; /* <= LOCK_VALUE_MAX */
            struct op_id mark; /* slot and life */
            uint64_t mark_token;
            struct op_id to;
        } change;
        struct {
            uint64_t handle;
            struct view file; /* ORDER_FILE_MAGIC or PROOF_FILE_MAGIC, then its bytes */
        } submit;
        struct {
            uint16_t slot; /* these five as in the run */
            uint64_t life;
            struct scope scope;
            enum run_kind kind;
            enum run_outcome outcome;
            char device[DEVICE_SIZE]; /* identity that the status query printed; may be empty */
            struct view text;         /* one line for people; cut to FENCE_TEXT_MAX */
        } executed;
        struct {
            uint64_t handle; /* answered SUBMITTED, or REFUSED with why */
            enum inhibitor_kind kind;
            uint16_t scope; /* slot; SLOT_NONE: a freeze of all */
            bool on;
            uint32_t span_ms;        /* on: <= INHIBITOR_SPAN_MAX_MS */
            struct view who, reason; /* cut to INHIBITOR_WHO_MAX, INHIBITOR_REASON_MAX */
        } inhibit;
        struct {
            uint64_t handle; /* answered SUBMITTED, or REFUSED with why */
            uint16_t slot;   /* of the roster */
            uint64_t life;
            struct view who, reason; /* FENCE: cut to ACCUSER_WHO_MAX, ACCUSER_REASON_MAX */
        } fence;
    };
};

void peer_step(struct peer *peer, struct instant now, const struct event *event);

enum answer_kind {
    ANSWER_ACCEPTED,  /* acquire: has this id from now on; comes at once, before anything else */
    ANSWER_WAITING,   /* acquire, convert: not yet; comes again whenever place or reason changes */
    ANSWER_GRANTED,   /* acquire: held; final */
    ANSWER_BUSY,      /* acquire, convert with try: somebody holds it; transfer: that waiter would
                       * not fit beside others; final */
    ANSWER_TIMED_OUT, /* acquire, show, change: the deadline passed; final. A conversion, or a
                       * hand-over, was cancelled: the hold is as it was; whether a value was
                       * written, or a mark cleared, is not known */
    ANSWER_NO_MAJORITY, /* acquire, show: not known, since too few voters can be asked; final for
                         * try and show, else at the deadline; change: at the deadline, and it is
                         * not known whether it was made */
    ANSWER_FULL,        /* acquire: the lock's queue, or this node's table, is full; final */
    ANSWER_BAD_NAME,    /* acquire, show: not a name; final */
    ANSWER_DROPPED,   /* drop: this node holds or awaits it no more, durably; acquire: was dropped;
                         final */
    ANSWER_UNKNOWN,   /* drop, change: no such hold here; final */
    ANSWER_CHANGED,   /* change: made; converted: `mode`, `limit` and `token` are the hold's;
                         transferred: it is held here no more; final */
    ANSWER_CHANGING,  /* change: an earlier one of the same hold is under way; final */
    ANSWER_MOVED,     /* acquire: the lock's token is `token` by now; final */
    ANSWER_FORGOTTEN, /* acquire: the same, since the lock was forgotten (L10): whether somebody was
                       * granted it before that is not known; final */
    ANSWER_DEADLOCK,  /* convert: one of `holders` waits to be converted until this hold ends; final
                       */
    ANSWER_NOT_WRITER, /* write: the hold's mode does not write; final */
    ANSWER_OTHER_MARK, /* clear: the lock's mark is another one, or there is none; final */
    ANSWER_NO_WAITER,  /* transfer: nobody waits for this lock under that id, or only for a token
                        * that  has passed; final */
    ANSWER_PASSED,     /* about a hold (handle 0): it was transferred, as is seen only now */
    ANSWER_NOT_READY,  /* acquire: this node does not know its own life yet, or runs twice; final */
    ANSWER_LOG_FAILED, /* acquire, show: this node cannot write any more, so nothing can be held;
                          final */
    ANSWER_LIFE_ENDED, /* acquire: this node's life is ended by an order; ask again when
                          NOTICE_READY came; final */
    ANSWER_SHOWN,      /* show: state; final */
    ANSWER_BLOCKING,   /* about a hold (handle 0): somebody waits for it in `mode` */
    ANSWER_AT_RISK, /* about a hold (handle 0): standing was not renewed for F/2 (F7), or its lease
                       not for half its time */
    ANSWER_SAFE,    /* about a hold (handle 0): and now it is again */
    ANSWER_LOST,    /* about a hold (handle 0): lost for the reason `lost`. Stop all that acts
                       under it, see it empty, then EVENT_DROP with unclean. Holds that were loaded
                       are told too. */
    ANSWER_SUBMITTED, /* submit, inhibit: taken; `text` says what it is; final */
    ANSWER_REFUSED,   /* submit, inhibit: refused; `text` says by which rule; final */
    ANSWER_DRAINED,   /* acquire: this node is drained, and takes no new lock; final */
    ANSWER_DRAINING,  /* about a hold (handle 0): this node is drained: let go as soon as you can */
    ANSWER_INFO_FULL, /* acquire: the infos of all that hold this lock and wait for it take too much
                         room; final */
    ANSWER_NOT_HELD /* about a request that was loaded (handle 0): it was never told to be held, and
                     * is not: it is given up, and nothing need be stopped */
};

enum wait_reason {
    WAIT_UNKNOWN,     /* asked, no answer yet */
    WAIT_QUEUED,      /* behind others: holders say whom, `stale` what is done about a dead one */
    WAIT_NO_MAJORITY, /* too few voters of the lock's cohort can be asked */
    WAIT_STANDING     /* too few jurors have acknowledged this node: `reachable` of them did, of so
                         many: `cohort` (F7) */
};

enum lost_reason {
    LOST_STANDING, /* no quorum of jurors acknowledged this node for F (F7) */
    LOST_ORDER,    /* this node's life is under a certified order (F3) */
    LOST_LEASE     /* under `expire`: it was not renewed in time, or is not held any more */
};

enum { ANSWER_HOLDERS_MAX = 8 };

struct answer {
    enum answer_kind kind;
    uint64_t handle;
    struct op_id hold;       /* the operation's id; BLOCKING: the hold */
    enum lock_mode mode;     /* BLOCKING: wanted; CHANGED: held */
    uint16_t limit;          /* CHANGED */
    uint64_t token;          /* GRANTED, CHANGED, MOVED, FORGOTTEN */
    struct instant until;    /* GRANTED: under `expire`, unless it is renewed; else INSTANT_NEVER */
    enum wait_reason reason; /* WAITING */
    uint32_t place;          /* WAITING: in the queue, from 1; 0 if not known */
    size_t holder_count;     /* WAITING, BUSY: who is in the way (the first few) */
    struct lock_hold holders[ANSWER_HOLDERS_MAX];
    uint32_t reachable;   /* NO_MAJORITY, WAITING: voters of the cohort that can be asked, */
    uint32_t cohort;      /*   of so many */
    uint16_t coordinator; /* SHOWN, WAITING: who answered; SLOT_NONE if nobody */
    struct view name;     /* BLOCKING, SHOWN */
    const struct lock_state *state; /* SHOWN */
    struct lock_mark mark;          /* GRANTED: how the last holder went, if it went uncleanly */
    const struct lock_value *value; /* GRANTED: NULL if none was ever written */
    struct stale_view
        stale; /* WAITING, SHOWN, TIMED_OUT, BUSY: the dead holder in the way, if one is */
    enum lost_reason lost; /* LOST */
    const char *text;      /* SUBMITTED, REFUSED: static */
};

/* Something that an operator may want to know; counted and told, never waited for. */
enum notice_kind {
    NOTICE_MEMBER,        /* change */
    NOTICE_COORDINATOR,   /* this node serves `shard` from now on */
    NOTICE_STEPPED_DOWN,  /* and from now on not: `slot` has the higher ballot */
    NOTICE_STORE_CHECKED, /* the store is not behind: this node votes (L7) */
    NOTICE_STORE_BEHIND,  /* others know a higher commit count: the store is lost (L7) */
    NOTICE_SYNC_FAILED,
    NOTICE_LIFE,  /* a new life: `number` */
    NOTICE_GHOST, /* a grant that was never told to a client is given back: `hold` */
    NOTICE_FULL,  /* the registers' room is used up: Accepts are refused */
    NOTICE_READY, /* life `number` counts: q jurors stored it and the end of those before (F6a, F9)
                   */
    NOTICE_STANDING,   /* gained (`number` 1), at risk (2) or lost (0) (F7) */
    NOTICE_VOTED,      /* this juror voted against life `number` of `slot` (F2) */
    NOTICE_OPINION,    /* or would not: `opinion` says why */
    NOTICE_BOUND,      /* juror `slot` voted against this node's life: it takes no new lock (F2) */
    NOTICE_ORDER,      /* a certified order against life `number` of `slot` is known here */
    NOTICE_RUN,        /* this node acts on it as its executor (F9) */
    NOTICE_RUN_FAILED, /* and failed, or executor `other` did */
    NOTICE_PROOF, /* lives of `slot` up to `number` are proven over: `executed` says by what (F5) */
    NOTICE_BROKEN,        /* a lock of `slot`'s life `number` was broken by this coordinator (F5) */
    NOTICE_PROOF_REFUSED, /* a proof about `slot` was refused: `text` names the rule */
    NOTICE_REACH, /* this node reaches `slot` no more (`number` 0), or again (1): first-hand (M3);
                   * its datagrams go through `other` (2), or directly again and not through it (3)
                   */
    NOTICE_ALARM, /* `slot` is heard under life `number` after a receipt said it was off (F6) */
    NOTICE_INHIBITOR, /* `text`: a kind, on (`number` 1) or lifted (0) at `other`, of `slot`, or of
                         all */
    NOTICE_CLONE, /* two starts of `slot` answer, from the addresses `at` (`number` 2), or no more
                   * than one (1): clone.h. Of this node itself: as jurors say */
    NOTICE_ENDED, /* a session of `slot`'s life `number` is proven over, by a receipt (F6b) */
    NOTICE_HUSH   /* this node refutes no more for now (`number` 1), or again (0): swim_hushed() */
};

struct notice {
    enum notice_kind kind;
    struct swim_change change;
    uint32_t shard;
    uint16_t slot;
    uint64_t number;
    struct op_id hold;
    uint16_t other;
    enum opinion opinion;
    bool executed;
    const char *text; /* static */
    struct address at[2];
};

/* Something for the fence driver to do: see section 12, the `exec` contract. Answered by
 * EVENT_EXECUTED with the same slot, life, scope and kind. */
struct run {
    enum run_kind kind;
    uint16_t slot; /* the target; never this node */
    uint64_t life;
    struct scope scope; /* of the order: a session, and the info for it; none: the whole life */
    uint8_t action;     /* of the roster */
    struct digest order;
    struct instant begin_by; /* later nothing is begun (F9), */
    struct instant end_by;   /* and nothing has an effect any more: jurors' windows may close */
};

struct outgoing {
    uint16_t to;       /* slot: the roster has the address, */
    struct address at; /*   unless this has a port: then it goes there */
    struct view bytes; /* a sealed datagram, at most DATAGRAM_MAX */
};

struct effects {
    const struct outgoing *datagrams;
    size_t datagram_count;
    struct view records; /* append to the log, as they are */
    uint64_t lsn;        /* of the last record so far; what EVENT_DURABLE will name */
    bool sync_wanted;  /* somebody waits for these to be durable (else they may wait for company) */
    bool write_wanted; /* somebody waits for EVENT_WRITTEN; EVENT_DURABLE will do instead */
    bool segment_wanted; /* write a new segment (peer_segment) before anything else */
    const struct answer *answers;
    size_t answer_count;
    const struct notice *notices;
    size_t notice_count;
    const struct run *runs;
    size_t run_count;
    struct view steps; /* for the fence log (fence_steps_next): what explains, not what decides */
    uint64_t steps_dropped; /* that did not fit, so far */
    /* F7: pet the watchdog, unless pet_until has come: then not. What writes the pet must end by
     * itself at most sigma later, done or not (proto/inequality.h). */
    bool pet;
    struct instant pet_until;
};

enum {
    EFFECTS_DATAGRAMS_MAX = 256,
    EFFECTS_ANSWERS_MAX = 256,
    EFFECTS_NOTICES_MAX = 64,
    EFFECTS_RUNS_MAX = 8,
    EFFECTS_STEPS_MAX = 8192, /* bytes: an order, and what each of 31 jurors had seen */
    EFFECTS_RECORDS_MAX = 1024 * 1024
};

/* What the steps since the last call amount to. `more` of anything stays for the next call: call
 * again (after carrying these out) while peer_pending says so. */
void peer_effects(struct peer *peer, struct instant now, struct effects *out);
bool peer_pending(const struct peer *peer);
/* When to send EVENT_TICK at the latest. */
struct instant peer_deadline(const struct peer *peer);

/*
 * A whole new segment (header, then the live state as a snapshot) for the log, which replaces the
 * old one. It contains all that was appended so far, durable or not. size: an upper bound.
 * peer_segment returns the bytes written; *lsn is the last record in it, and later records follow
 * on.
 */
size_t peer_segment_size(const struct peer *peer);
size_t peer_segment(struct peer *peer, uint8_t *out, size_t size, uint64_t *lsn);

/* --- What can be looked at; nothing here changes anything. --- */

enum op_state {
    OP_PENDING,
    OP_HELD,
    OP_DROPPING,
    OP_CACHED, /* no client's: for the next ones that ask (delegating.h), or they read under it */
    OP_WAITING /* in records alone: pending, and no client was told more (asker.h) */
};

/* For checks, between two turns: whether what is kept up to date about all peers, by deadline or by
 * mark, is what a look at each of them finds. */
bool peer_agrees(const struct peer *peer);

/* One request or hold of this node. */
struct op_view {
    struct op_id id;
    enum op_state state;
    struct op_id under; /* by which the register knows it, if that is another id; else zero */
    uint32_t readers;   /* so many clients read under it (readers.h) */
    bool loaded;        /* from the store: it belongs to no client of this run */
    bool converting;    /* it may have the mode by now that it is being converted to */
    bool passing;       /* it may be another's by a transfer: nobody acts under it */
    enum lock_mode mode;
    uint16_t limit;
    enum lock_policy policy;
    uint32_t ttl_ms;
    struct scope scope;   /* LOCK_STALE_ACTION */
    struct instant until; /* HELD: when it ceases to be, unless it is renewed; ns 0: it is not
                             believed; INSTANT_NEVER: it does not expire */
    uint64_t token;
    uint64_t handle;
    struct view name;
    struct view process;
};
/* Iterates: start with *cursor = 0; false at the end. */
bool peer_next_op(const struct peer *peer, size_t *cursor, struct op_view *out);
/* One of them; false if it has it not. */
bool peer_op(const struct peer *peer, struct op_id id, struct op_view *out);

enum store_state {
    STORE_CHECKING, /* asking others for the highest count they know (L7) */
    STORE_VOTING,
    STORE_LOST,   /* not the store that the roster names */
    STORE_BEHIND, /* rolled back */
    STORE_FAILED  /* a sync failed */
};
const char *store_state_text(enum store_state state);

/* Counters: monotone over the run. */
#define PEER_COUNTERS(C)                                                                           \
    C(datagrams_in)                                                                                \
    C(datagrams_out)                                                                               \
    C(messages_in)                                                                                 \
    C(messages_out)                                                                                \
    C(drop_short)                                                                                  \
    C(drop_sender)                                                                                 \
    C(drop_unsealed)                                                                               \
    C(drop_replay)                                                                                 \
    C(drop_epoch)                                                                                  \
    C(drop_malformed)                                                                              \
    C(drop_role)                                                                                   \
    C(drop_no_session)                                                                             \
    C(drop_outbox_full)                                                                            \
    C(drop_fragment)                                                                               \
    C(drop_effects_full)                                                                           \
    C(hellos_in)                                                                                   \
    C(hellos_out)                                                                                  \
    C(edge_asks)                                                                                   \
    C(relays_out)                                                                                  \
    C(relays_in)                                                                                   \
    C(relays_handed)                                                                               \
    C(drop_relay)                                                                                  \
    C(drop_relay_rate)                                                                             \
    C(ways_relayed)                                                                                \
    C(ways_changed)                                                                                \
    C(ways_direct)                                                                                 \
    C(promises)                                                                                    \
    C(accepts)                                                                                     \
    C(refusals)                                                                                    \
    C(takeovers)                                                                                   \
    C(step_downs)                                                                                  \
    C(requests)                                                                                    \
    C(requests_full)                                                                               \
    C(grants)                                                                                      \
    C(grants_local)                                                                                \
    C(ghosts)                                                                                      \
    C(shows)                                                                                       \
    C(records)                                                                                     \
    C(register_full)                                                                               \
    C(registers_dropped)                                                                           \
    C(locks_forgotten)                                                                             \
    C(renewals)                                                                                    \
    C(fence_votes)                                                                                 \
    C(fence_orders)                                                                                \
    C(fence_runs)                                                                                  \
    C(fence_receipts)                                                                              \
    C(expired)                                                                                     \
    C(leases_sent)                                                                                 \
    C(leases_kept)                                                                                 \
    C(breaks)                                                                                      \
    C(drop_proof)                                                                                  \
    C(drop_order)                                                                                  \
    C(drop_forgotten)                                                                              \
    C(drop_old_life)                                                                               \
    C(alarms)                                                                                      \
    C(clones)                                                                                      \
    C(drop_cloned)                                                                                 \
    C(grants_by_own_vote)                                                                          \
    C(drop_provisional)

struct peer_counters {
#define PEER_COUNTER(name) uint64_t name;
    PEER_COUNTERS(PEER_COUNTER)
#undef PEER_COUNTER
};

struct peer_status {
    uint16_t self;
    uint64_t life;
    bool life_known; /* durable and usable */
    enum store_state store;
    uint64_t lsn; /* appended */
    uint64_t durable;
    uint32_t lock_count; /* registers stored */
    uint32_t op_count;
    uint32_t serving;      /* shards coordinated now */
    uint32_t voters_alive; /* of the roster's voters, by SWIM, this node included */
    uint32_t voters;
    struct start_id start;
    bool juror;
    uint32_t jurors;
    bool standing_wanted; /* it holds or asks for a lock under `fence` (F7) */
    bool standing;
    uint32_t acknowledging; /* jurors that acknowledged it within F */
    bool bound;             /* a juror voted against its life, or an order binds it */
    bool cloned;            /* another agent with its key answers: it abstains (clone.h) */
};
void peer_status(const struct peer *peer, struct peer_status *out);
const struct peer_counters *peer_counters(const struct peer *peer);
/* Of this node itself: 0 (well) to HEALTH_MAX (proto/health.h). */
uint32_t peer_health(const struct peer *peer);
void peer_member(const struct peer *peer, uint16_t slot, struct member_view *out);
uint32_t peer_shard(const struct peer *peer, struct view name);
/* The cohort of a shard, in order of preference; returns how many (at most ROSTER_COHORT_MAX). */
size_t peer_cohort(const struct peer *peer, uint32_t shard, uint16_t out[ROSTER_COHORT_MAX]);
/* Who coordinates the shard as far as this node knows; SLOT_NONE if it does not. */
uint16_t peer_coordinator(const struct peer *peer, uint32_t shard);

/* --- Fencing --- */

/* One order known here. Pointers are the peer's until the next peer_step. */
struct order_view {
    struct order_cert cert;
    struct digest order;      /* of the order's bytes */
    struct fence_story story; /* who asked, and what each juror said */
    enum fence_stage stage;
    size_t report_count; /* of executors, oldest first */
    const struct fence_report *reports;
    struct view proof; /* an executor's receipt with its order; empty if there is none (yet) */
    struct digest proof_digest;
};
/* Iterates: start with *cursor = 0; false at the end. Oldest first. */
bool peer_next_order(const struct peer *peer, size_t *cursor, struct order_view *out);
/* The best proof about a slot's lives that this node holds: its bytes (empty: none). */
struct view peer_proof(const struct peer *peer, uint16_t slot, uint64_t *covers);
/* M3's third verdict, as far as this node holds certificates and receipts. */
void peer_fenced(const struct peer *peer, uint16_t slot, struct fenced_view *out);
/* This juror's vote against a life of that slot; false if it never voted. */
bool peer_vote(const struct peer *peer, uint16_t slot, uint64_t *life);

/* What administrators inhibit, as this node knows it. Iterates: start with *cursor = 0; false at
 * the end. Pointers are the peer's until the next peer_step. */
bool peer_next_inhibitor(const struct peer *peer, size_t *cursor, struct inhibitor_view *out);
/* What jurors have said about a life that this node accuses; false if it does not, or not any more.
 */
bool peer_accused(const struct peer *peer, uint16_t slot, uint64_t life, struct fence_story *story,
                  struct stale_view *view);
/* The last hearing of EVENT_HEAR. */
void peer_hearing(const struct peer *peer, struct hearing_view *out);
/* Locks that this node's clients hold or wait for, and what is cached for them. */
uint32_t peer_held(const struct peer *peer);
/* An accusation that this node knows of: as who asks, as a juror that was asked, or both. */
struct inquiry_view {
    uint16_t slot;
    uint64_t life;
    bool asks;        /* this node asks: these */
    struct view name; /* of the lock that is waited for; the peer's */
    struct instant since;
    struct fence_story answers; /* so far; its accuser is this node */
    uint32_t voted;             /* mask over answers: that one is a vote */
    bool asked;                 /* this node is a juror, and was asked: its own answer */
    bool votes;                 /* it voted; evidence is what it had seen */
    bool answered;              /* `own` holds; else it still looks */
    struct evidence own;
};
/* Iterates: start with *cursor = 0; false at the end. */
bool peer_next_inquiry(const struct peer *peer, size_t *cursor, struct inquiry_view *out);

/* --- For the simulator's observer: the books of this node, to be held against the truth. --- */
struct ballot peer_promised(const struct peer *peer, uint32_t shard);
/* A register as stored in memory: false if absent. */
bool peer_register(const struct peer *peer, struct view name, struct ballot *ballot, uint64_t *seq,
                   struct view *state);
/* Iterates over registers: start with *cursor = 0. */
bool peer_next_register(const struct peer *peer, size_t *cursor, struct view *name,
                        struct ballot *ballot, uint64_t *seq, struct view *state);
/* If set, called for each message that this peer seals (from, to, message) or takes; NULL in the
 * agent. */
typedef void (*peer_tap)(void *context, bool sent, uint16_t other, const struct message *m);
void peer_set_tap(struct peer *peer, peer_tap tap, void *context);

/* --- What operators are shown beside that --- */

/* Iterates over the orders that this node asks for as an accuser and that have no majority yet:
 * the certificate holds the votes so far, the story what each juror said so far. */
bool peer_next_accusation(const struct peer *peer, size_t *cursor, struct order_view *out);
const struct swim_counters *peer_swim_counters(const struct peer *peer);

#endif
