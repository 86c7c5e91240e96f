/*
 * Membership alone, in three modes, under one set of experiments: ours (proto/swim.h), plain SWIM,
 * and memberlist's timers with Lifeguard (sim/members_model.h). Virtual time, one seed, one
 * history.
 *
 *     members_world.c    nodes, network, faults; who learned what when
 *     members_ours.c     the real proto/ code as a mode
 *     members_model*.c   the two models that it is compared with
 *     members_play.c     the experiments
 *     members_cmd.c      `holdfast-sim members`: options in, a table out
 *
 * There are no sessions, seals or logs: what they add to a datagram is counted in its bytes.
 */
#ifndef SIM_MEMBERS_H
#define SIM_MEMBERS_H

#include "proto/swim.h"
#include "sim/queue.h"
#include "sim/random.h"

enum members_mode { MODE_HOLDFAST, MODE_SWIM, MODE_MEMBERLIST, MEMBERS_MODES };

struct members_world;

/* What a mode does; nodes are indices. */
struct members_rules {
    const char *name;
    void (*open)(struct members_world *w);
    void (*close)(struct members_world *w);
    /* Begins; with `warm` all know each other as alive. */
    void (*start)(struct members_world *w, size_t node);
    int64_t (*deadline)(struct members_world *w, size_t node);
    void (*step)(struct members_world *w, size_t node);
    void (*take)(struct members_world *w, size_t node, size_t from, const uint8_t *bytes,
                 size_t size);
    enum member_state (*state)(const struct members_world *w, size_t observer, size_t subject);
};
extern const struct members_rules members_rules_ours, members_rules_swim, members_rules_memberlist;

enum { MEMBERS_PACKET_SMALL = 192 };

/* Bytes on their way, or waiting for a node that does not read. */
struct members_packet {
    uint16_t from;
    uint16_t to;
    uint32_t size;
    uint32_t next; /* index + 1 in a node's inbox, or of the next free one; 0: none */
    bool reliable; /* a TCP stream: never lost, but for cuts */
    uint8_t *large;
    uint8_t small[MEMBERS_PACKET_SMALL];
};

struct members_node {
    int64_t tick_at; /* the earliest tick that is planned; INT64_MAX: none */
    uint32_t inbox;  /* first and last packet that came while it was frozen: index + 1 */
    uint32_t inbox_last;
    uint32_t waiting;       /* packets in the inbox: a socket's buffer holds a few hundred */
    bool dead;              /* killed */
    bool faulty;            /* something is done to it: no verdict about it is false */
    bool frozen;            /* does nothing at all: no timers, no reading */
    bool blocked;           /* Lifeguard's anomaly: timers run, reading and sending wait */
    bool deaf;              /* one-way cut: nothing comes in */
    uint8_t side;           /* of a split */
    uint16_t loss_permille; /* beside the network's, in and out */
};

/* Of the deaths of one victim. */
struct members_seen {
    int64_t struck; /* when; the rest are ns after it; -1: never */
    int64_t suspected_first;
    int64_t dead_first;
    int64_t dead_last;
    uint64_t missing; /* living observers that do not hold it dead */
};

struct members_counts {
    uint64_t events;
    uint64_t datagrams;
    uint64_t bytes; /* seals included, IP and UDP headers not */
    uint64_t false_suspicions;
    uint64_t false_deaths;         /* pairs: a faultless node became dead at an observer */
    uint64_t false_deaths_healthy; /* the same, at observers that are faultless themselves */
    uint64_t readmitted;           /* pairs: a faulty node came back from the dead */
    uint64_t wrong;  /* ordered pairs of living nodes of one side where one is not held alive */
    uint64_t across; /* the same of two sides, where one is not held dead */
};

struct members_options {
    enum members_mode mode;
    size_t nodes;
    uint64_t seed;
    bool warm;
    uint32_t loss_permille;
    struct span delay_low, delay_high;
    uint32_t suspicion_mult; /* of the models; 0: their own */
};

struct members_world {
    struct members_options o;
    const struct members_rules *rules;
    void *state; /* of the mode */
    struct random random;
    struct queue queue;
    int64_t now;
    struct members_node *nodes;
    struct members_packet *packets;
    size_t packet_count, packet_room;
    uint32_t packet_free;
    bool split;
    size_t victim; /* whose death is watched; SIZE_MAX: nobody's */
    struct members_seen seen;
    struct members_counts f;
    uint64_t hash;
};

/* --- What modes call --- */
/* `wire` is the size that is counted. */
void members_send(struct members_world *w, size_t from, size_t to, const uint8_t *bytes,
                  size_t size, size_t wire, bool reliable);
/* An observer's view of a subject changed. */
void members_changed(struct members_world *w, size_t observer, size_t subject,
                     enum member_state before, enum member_state after);

/* --- What experiments call --- */
struct members_world *members_open(const struct members_options *o);
void members_close(struct members_world *w);
/* Up to that virtual moment; true if `done` (may be NULL) stopped it before. */
bool members_run(struct members_world *w, int64_t until,
                 bool (*done)(const struct members_world *w));
/* After something changed the truth: counts `wrong` and `across` anew, a look at every pair. */
void members_count(struct members_world *w);
/* A node dies and is the one that is watched. */
void members_kill(struct members_world *w, size_t node);
/* Its agent stands still, or goes on: then overdue timers come first, and what it did not read. */
void members_freeze(struct members_world *w, size_t node, bool frozen);
void members_block(struct members_world *w, size_t node, bool blocked);

/* members_cmd.c: `holdfast-sim members [options]`; an exit code of sim/world.h. */
int members_main(int argc, char **argv);

/* --- Experiments (members_play.c) --- */
enum members_experiment {
    PLAY_CRASH,
    PLAY_INTERVAL,
    PLAY_STARVED,
    PLAY_SPLIT,
    PLAY_STORM,
    PLAY_START,
    PLAY_BYTES,
    MEMBERS_EXPERIMENTS
};

enum { MEMBERS_SAMPLES_MAX = 65536, MEMBERS_FIGURES = 6 };

/* One figure of an experiment: its samples in milliseconds (or what `unit` says). */
struct members_figure {
    const char *name;
    const char *unit;
    int64_t *samples;
    size_t count;
    size_t never; /* samples that did not end in time */
};

struct members_play {
    enum members_mode mode;
    enum members_experiment experiment;
    size_t nodes;
    uint64_t seed;
    uint64_t seeds;
    int64_t held;  /* SPLIT: ns that it is held; STARVED: ns frozen at a time; 0: default */
    uint32_t part; /* SPLIT: percent on the smaller side; STARVED: percent frozen; STORM: kind */
    uint32_t loss_permille;
    /* Called after each seed, may be NULL. */
    void (*progress)(const struct members_play *p, uint64_t done);
    struct members_figure figures[MEMBERS_FIGURES];
    size_t figure_count;
    uint64_t hash;
    uint64_t events;
};
void members_play(struct members_play *p);

#endif
