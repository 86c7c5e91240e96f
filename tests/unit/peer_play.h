/*
 * A stage for whole peers: a cluster in one process, in a world that does only what the script
 * says.
 *
 * Real keys, sealed datagrams, a vote log in memory for each node, and a clock that jumps from
 * event to event. A datagram arrives after 1 ms, in order, unless the script cuts the way, loses it
 * or keeps it back; a sync takes 1 ms unless the script holds it or lets it fail. The stage is a
 * hostile driver in one point: it sends a turn's datagrams before it writes the turn's records, so
 * that a peer which speaks before its vote is durable (L6) is seen to do so.
 *
 * Nodes are numbered from 0; their slots are stage_slot(i), so that an index taken for a slot is
 * noticed. Names begin with stage_, since swim_play.h has play_.
 */
#ifndef TESTS_UNIT_PEER_PLAY_H
#define TESTS_UNIT_PEER_PLAY_H

#include <check.h>

#include "proto/fence_step.h"
#include "proto/peer.h"
#include "proto/wire.h"

enum { STAGE_NODES_MAX = 7, STAGE_NONE = -1, STAGE_SECOND = 1000, STAGE_RUNS_MAX = 64 };

enum stage_sync { SYNC_PROMPT, SYNC_HELD, SYNC_FAILS };
enum stage_fate { FATE_PASS, FATE_LOSE, FATE_KEEP };

/* What comes of it when a node runs the fence driver (fence_play.h). */
enum stage_tool {
    TOOL_WORKS,        /* off is off; a status query says what is true */
    TOOL_FAILS,        /* nothing is done, nothing is known */
    TOOL_HANGS,        /* nothing is done or said, ever */
    TOOL_SAYS_ON,      /* nothing is done, and it says so */
    TOOL_LIES,         /* nothing is done, and it says off, whatever is asked */
    TOOL_WRONG_DEVICE, /* nothing is done here: another device was reached, and is off */
    TOOL_NO_NAME       /* the same, and it does not say which */
};

/* One run of a fence driver. */
struct stage_run {
    size_t executor; /* node */
    struct run run;
    struct instant at;
    struct instant due; /* when it ends; INSTANT_NEVER once that was told */
};

/* The vote log of one machine. */
struct stage_disk {
    uint8_t *written; /* survives the agent's death: the kernel has it */
    size_t written_size;
    uint8_t *synced; /* survives a power cut */
    size_t synced_size;
    uint8_t *syncing; /* what the sync under way will have made durable */
    size_t syncing_size;
    uint64_t written_lsn;
    uint64_t syncing_lsn;
    uint64_t syncs; /* that ended */
    enum stage_sync mode;
    bool wanted;
    bool write_held;        /* nobody hears that something was written */
    struct instant done_at; /* of the sync under way; INSTANT_NEVER if there is none */
};

struct stage;

struct stage_node {
    struct stage *stage;
    size_t index;
    bool up;           /* its agent runs, */
    bool paused;       /*   or is stopped by a signal meanwhile: its datagrams are lost */
    bool powered;      /* its machine runs, with all that acts under its locks */
    unsigned boot;     /* boots of the machine: 1, 2, ... */
    unsigned run;      /* starts of its agent */
    bool clock_stands; /* its clock shows `clock`, whatever the time is */
    struct instant clock;
    struct span clock_behind; /* so long it stood before */
    struct key_pair key;
    struct peer_config config;
    void *memory;
    struct peer *peer;
    unsigned device_boot;             /* in which its watchdog was opened; 0: never */
    uint64_t pets;                    /* that were asked for: */
    struct instant pet_at, pet_until; /* the last */
    struct stage_disk disk;
    uint64_t sealed[STAGE_NODES_MAX]; /* to each: the types in the datagrams being made */
    uint64_t sent[WIRE_TYPES];        /* to others, over all runs */
    uint64_t heard[WIRE_TYPES];       /* from others, over all runs, */
    struct message last[WIRE_TYPES];  /*   and the last of each; its views are not kept */
    uint16_t last_from[WIRE_TYPES];   /*   from that slot */
    uint64_t notices[NOTICE_HUSH + 1];
    struct notice last_notice[NOTICE_HUSH + 1];
    enum stage_tool tool;                 /* what its runs of the fence driver come to, */
    int64_t tool_ms;                      /*   and how long they take */
    uint64_t steps[FENCE_STEP_KINDS_END]; /* told for the fence log, over all runs, */
    struct fence_step last_step[FENCE_STEP_KINDS_END]; /*   and the last of each; no views */
};

struct stage_answer {
    size_t node;
    size_t before;        /* the call's answer before this one: index + 1, 0 if there is none */
    struct answer answer; /* name and state are not kept */
};

struct stage_flight {
    struct instant due;
    uint16_t from; /* node */
    uint16_t to;
    uint16_t size;
    uint8_t bytes[DATAGRAM_MAX];
};

/* What happens to a datagram with messages of these types (a mask; 0 for a hello) on its way. */
typedef enum stage_fate (*stage_way)(void *context, size_t from, size_t to, uint64_t types);

struct stage {
    size_t count;
    uint8_t seed;
    struct instant now;
    struct roster roster;
    struct digest digest;
    struct cluster_id cluster;
    struct stage_node nodes[STAGE_NODES_MAX + 1];       /* the last: the twin, if there is one */
    bool twin;                                          /* nodes[count] is a copy of: */
    size_t twin_of;                                     /*   this one */
    bool cut[STAGE_NODES_MAX + 1][STAGE_NODES_MAX + 1]; /* [from][to] */
    bool twice;                                         /* each datagram comes twice */
    uint32_t max_ops;                                   /* of agents that start from now on */
    uint32_t max_locks;                                 /* the same; 0: 512 */
    uint32_t max_served;                                /* the same; 0: as peer_config says */
    int64_t forget_ms;       /* the same: free locks are forgotten after it; 0: never */
    bool go_on_isolated;     /* the same: `on_isolation = continue` (F7) */
    int64_t watchdog_ms;     /* the same: W of the watchdog of their machines; 0: none */
    enum lock_policy policy; /* of locks that are asked for from now on */
    uint16_t limit;          /* the same: of those that are counted */
    uint32_t ttl_ms;         /* the same: of those that expire */
    struct scope scope;      /* the same: under `action` */
    uint64_t expect;         /* the same: only while the lock's token is this one; 0: any */
    stage_way way;           /* NULL: all pass */
    void *way_context;
    struct stage_flight *flights; /* ring: the delay is constant, so the order of sending is kept */
    size_t flight_start, flight_count;
    struct stage_flight *kept; /* held back by the way */
    size_t kept_count;
    uint64_t carried;
    uint64_t trace; /* hash over every datagram sent, and when */
    struct stage_answer *answers;
    size_t answer_count;
    size_t *last_answers; /* by handle: index + 1 */
    uint64_t last_handle;
    struct lock_state shown; /* of the last ANSWER_SHOWN */
    struct stage_run runs[STAGE_RUNS_MAX];
    size_t run_count;
    enum stage_tool session_tool; /* what ends sessions, on every node */
    enum stage_tool upper_tool;   /* the same of the ladder's rungs above the first */
    struct scope ended[8];        /* and has ended these */
    size_t ended_count;
};

/* --- The world --- */
/* `count` nodes that all vote and have fresh stores; none is up. Freed by stage_end. */
struct stage *stage_begin(size_t count, uint8_t seed);
/* The same under a roster that `change` has changed. */
struct stage *stage_begin_under(size_t count, uint8_t seed, void (*change)(struct roster *roster));
void stage_end(struct stage *s);
/* The same, all up, and each has checked its store and holds all others alive. */
struct stage *stage_open(size_t count, uint8_t seed);
/* Starts all, and waits until each has checked its store and holds all others alive. */
void stage_start_all(struct stage *s);
uint16_t stage_slot(size_t node);
/* Starts the agent from its log; a lost store gets a new one. It must not be up. */
enum peer_recovery stage_start(struct stage *s, size_t node);
/* The agent dies; what it wrote stays. */
void stage_kill(struct stage *s, size_t node);
/* The machine dies, and what was not synced; the next start is another boot. */
void stage_power_cut(struct stage *s, size_t node);
/* The agent alone is stopped, or goes on; its machine goes on all the while. */
void stage_pause(struct stage *s, size_t node, bool paused);
/* A copy of the node's machine starts: the same key, store and boot, and what is sent to one of the
 * two comes to both. Its index. */
size_t stage_twin(struct stage *s, size_t node);
/* Its clock stands still, and its agent goes on; or its clock goes on from there. */
void stage_stop_clock(struct stage *s, size_t node, bool stands);
void stage_sync(struct stage *s, size_t node, enum stage_sync mode);
/* Both ways between two nodes. */
void stage_cut(struct stage *s, size_t a, size_t b, bool cut);
/* Both ways between one node and all others. */
void stage_isolate(struct stage *s, size_t node, bool cut);
/* What was kept back arrives now, in the order in which it was sent. */
void stage_deliver_kept(struct stage *s);
/* Bytes come to a node, from anybody. */
void stage_datagram(struct stage *s, size_t to, const void *bytes, size_t size);
void stage_event(struct stage *s, size_t node, const struct event *event);
/* Time passes. */
void stage_run(struct stage *s, int64_t ms);
/* Time passes until it is so. False if it was not within `ms`. */
bool stage_until(struct stage *s, bool (*so)(struct stage *s, void *context), void *context,
                 int64_t ms);
bool stage_all_settled(struct stage *s, void *context);

/* --- Clients --- */
struct view stage_view(const char *name);
/* Handles name calls over the whole stage. `ms` < 0: no deadline. */
uint64_t stage_acquire_by(struct stage *s, size_t node, const char *name, enum lock_mode mode,
                          int64_t ms);
uint64_t stage_acquire(struct stage *s, size_t node, const char *name, enum lock_mode mode);
uint64_t stage_try(struct stage *s, size_t node, const char *name, enum lock_mode mode);
uint64_t stage_drop(struct stage *s, size_t node, struct op_id hold);
/* The same, because what acted under it was stopped (F11). */
uint64_t stage_drop_unclean(struct stage *s, size_t node, struct op_id hold);
uint64_t stage_ask_show(struct stage *s, size_t node, const char *name);
/* The last answer of that kind to the call; NULL if there was none. */
const struct answer *stage_answer(const struct stage *s, uint64_t handle, enum answer_kind kind);
size_t stage_answer_count(const struct stage *s, uint64_t handle, enum answer_kind kind);
/* Answers of that kind about the hold to no call (handle 0): LOST, AT_RISK, SAFE, BLOCKING. */
size_t stage_told(const struct stage *s, struct op_id hold, enum answer_kind kind);
const struct answer *stage_await(struct stage *s, uint64_t handle, enum answer_kind kind,
                                 int64_t ms);
/* The operation's id, as it was accepted. */
struct op_id stage_id(const struct stage *s, uint64_t handle);
/* Acquires and waits for the grant, which must come; the call's handle. */
uint64_t stage_hold(struct stage *s, size_t node, const char *name, enum lock_mode mode);
/* Drops what the call holds or awaits, waits for the answer, and for the drop to get about. */
void stage_release(struct stage *s, size_t node, uint64_t handle);
/* The lock as a majority has it; the answer must come. */
const struct lock_state *stage_show(struct stage *s, size_t node, const char *name);

/* --- Looking --- */
struct peer_status stage_status(const struct stage *s, size_t node);
const struct peer_counters *stage_counters(const struct stage *s, size_t node);
/* The node that serves the lock; STAGE_NONE if there is none (or more than one, which is no error).
 */
int stage_coordinator(const struct stage *s, const char *name);
/* Place of the node in the lock's cohort, or -1. */
int stage_place(const struct stage *s, const char *name, size_t node);
/* A name whose cohort begins with that node. */
const char *stage_name_of(const struct stage *s, size_t node);
/* A node which is neither of the two. */
size_t stage_other(const struct stage *s, size_t a, size_t b);
/* An operation of the node's table. False if it has it not. */
bool stage_op(const struct stage *s, size_t node, struct op_id id, struct op_view *out);
/* Operations and registers of a node's table that are there at all. */
size_t stage_op_count(const struct stage *s, size_t node);

#endif
