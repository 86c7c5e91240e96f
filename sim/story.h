/*
 * A story: a scenario in an operator's words, as data. story_parse.c reads it, story_words.c and
 * story_expect.c know its statements, story_write.c prints it, story_run.c plays it in a world,
 * story_judge.c judges what was expected, and story_tell.c tells how it went.
 *
 *      nodes hv1..hv5                         the world: what there is
 *      at 10s cut hv3 from all for 40s        acts: what is done to it, and when
 *      expect no fence                        expectations: what must come of it
 *
 * Reading is pure: bytes in, a story or one sentence out. The language is docs/simulator.md's
 * chapter "Write a scenario".
 */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "crypto/roster.h"
#include "proto/lock.h"
#include "sim/history.h"
#include "sim/profile.h"

enum {
    STORY_ACTS_MAX = 512,
    STORY_EXPECTS_MAX = 48,
    STORY_RACKS_MAX = 8,
    STORY_NAMES_MAX = 40, /* of locks that are named */
    STORY_NODE_SIZE = 24, /* a node's name, NUL included */
    STORY_WORD_SIZE = 40, /* any other word */
    STORY_ERROR_SIZE = 300,
    STORY_SPAN_MAX_S = 3600,
    STORY_TEXT_MAX = 256 * 1024
};

/* A(NAME, heals, text): what is done to the world. `heals`: it takes a length, and ends then. */
#define ACTS(A)                                                                                    \
    A(CUT, true, "cut")                                                                            \
    A(FLAP, true, "flap")                                                                          \
    A(HEAL, false, "heal")                                                                         \
    A(LOSS, true, "loss")                                                                          \
    A(DELAY, true, "delay")                                                                        \
    A(KILL_AGENT, true, "kill agent")                                                              \
    A(START_AGENT, false, "start agent")                                                           \
    A(RESTART_AGENT, false, "restart agent")                                                       \
    A(STOP_AGENT, true, "stop agent")                                                              \
    A(POWER_OFF, true, "power off")                                                                \
    A(POWER_ON, false, "power on")                                                                 \
    A(PAUSE, true, "pause")                                                                        \
    A(FREEZE, true, "freeze")                                                                      \
    A(DISK_SLOW, true, "slow disk")                                                                \
    A(DISK_FAILS, false, "disk fails")                                                             \
    A(STORE_LOST, true, "store lost")                                                              \
    A(DEVICE, false, "fence device")                                                               \
    A(LOCK, false, "locks")                                                                        \
    A(RELEASE, false, "releases")                                                                  \
    A(CONVERT, false, "converts")                                                                  \
    A(WRITE, false, "writes")                                                                      \
    A(HAND_OVER, false, "hands over")                                                              \
    A(FAULT, true, "fault")

enum act_kind {
#define ACT_ENUM(NAME, heals, text) ACT_##NAME,
    ACTS(ACT_ENUM)
#undef ACT_ENUM
        ACT_KINDS
};
const char *act_text(enum act_kind kind);
bool act_heals(enum act_kind kind);

struct act {
    enum act_kind kind;
    uint32_t line;  /* of the file */
    int64_t at;     /* ns of virtual time */
    int64_t length; /* ns; 0: for good */
    uint32_t bits;  /* machines it is about */
    uint32_t only;  /* CUT, LOSS, DELAY: the other side; HAND_OVER: to whom */
    bool outward;   /* CUT, LOSS, DELAY: from `bits` to `only`, */
    bool inward;    /*   and back */
    int64_t amount; /* LOSS: permille; DELAY, DISK_SLOW, DEVICE: ns; FLAP: ns, one on and off */
    enum device_mood mood; /* DEVICE */
    uint16_t name;         /* LOCK and what follows: of a lock */
    enum lock_mode mode;
    uint16_t limit; /* of a counted one */
    enum lock_policy policy;
    enum fault_kind fault; /* FAULT: one that a seed drew, */
    uint64_t dice;         /*   and the number of the stream that it draws from; 0: its own */
};

/* E(NAME, text) */
#define EXPECTS(E)                                                                                 \
    E(NO_FENCE, "no fence")                                                                        \
    E(FENCE, "fence of")                                                                           \
    E(ORDER, "order against")                                                                      \
    E(SWITCHED, "at most so many switched off")                                                    \
    E(PASSES, "passes")                                                                            \
    E(STAYS, "stays")                                                                              \
    E(HELD, "held by")                                                                             \
    E(NEVER_TWO, "never two holders")                                                              \
    E(VOTES, "votes again")                                                                        \
    E(NO_VOTE, "votes no more")                                                                    \
    E(LOST, "lost lock")                                                                           \
    E(NO_LOST, "no lost lock")                                                                     \
    E(GRANTS, "grants")                                                                            \
    E(GAP, "longest gap")                                                                          \
    E(WAIT, "wait")                                                                                \
    E(SEEN, "all see")                                                                             \
    E(NEVER_HELD, "nobody holds dead")                                                             \
    E(BROKEN, "broken check")

enum expect_kind {
#define EXPECT_ENUM(NAME, text) EXPECT_##NAME,
    EXPECTS(EXPECT_ENUM)
#undef EXPECT_ENUM
        EXPECT_KINDS
};

struct expect {
    enum expect_kind kind;
    uint32_t line;
    int64_t from;   /* ns: what is expected happens from here on, */
    int64_t until;  /*   and up to here; INT64_MAX: the end */
    bool exact;     /* HELD: at `until`, not before */
    uint32_t bits;  /* machines it is about; 0: any */
    uint16_t name;  /* of a lock */
    bool at_least;  /* GRANTS: else at most */
    uint8_t state;  /* SEEN: enum member_state */
    int64_t amount; /* GRANTS, SWITCHED: how many; GAP, WAIT: ns */
    uint32_t rank;  /* WAIT: permille, 990 for p99 */
    char check[8];  /* BROKEN: which */
    char text[120]; /* as it was written */
};

struct story {
    char file[STORY_WORD_SIZE * 4]; /* for errors */
    uint64_t seed;                  /* of network, disks and workload */
    struct parameters p;
    bool roster_given; /* nodes, detect and shards are those of the user's roster */
    bool policy_hold;  /* the workload's stale policy is `hold` */
    char nodes[MACHINES_MAX][STORY_NODE_SIZE];
    uint32_t jurors; /* bits of machines; 0: as a roster has them by default */
    uint32_t voters; /* 0: all */
    uint32_t quiet;  /* machines without a workload */
    size_t rack_count;
    struct {
        char name[STORY_NODE_SIZE];
        uint32_t bits;
    } racks[STORY_RACKS_MAX];
    size_t name_count;
    char names[STORY_NAMES_MAX][STORY_WORD_SIZE];
    uint16_t workload_first; /* names[] that the workload uses: p.names of them, from this one */
    bool named_workload;
    int64_t until; /* ns */
    int64_t calm;  /* ns: all heals, and liveness is judged for a minute; 0: never */
    bool siege;    /* and before it for a core alone (siege.h) */
    size_t act_count;
    struct act acts[STORY_ACTS_MAX]; /* in the order of the file */
    size_t expect_count;
    struct expect expects[STORY_EXPECTS_MAX];
    bool has_variant; /* it has lines marked `variant:` */
    char title[120];  /* its first comment line */
};

/* A world without faults of chance, five nodes, no workload, 60 s, production's times. */
void story_init(struct story *s);
/*
 * Reads a whole file into a story that was initialised (and perhaps has a roster's nodes). With
 * `variant` its lines marked `variant:` count too. False: `error` has "file:line: message".
 */
bool story_parse(struct story *s, const char *file, struct view text, bool variant,
                 char error[STORY_ERROR_SIZE]);
/* The story as text that story_parse reads back to the same one, but for its `drawn` world: FILE
 * gets it. `why` is its first comment. */
void story_write(const struct story *s, const char *why, FILE *out);
/* A fault as `fault NAME` calls it; NULL: there is none. */
const char *fault_name(enum fault_kind kind);
/* One act in words. */
void story_act_text(const struct story *s, const struct act *a, char *out, size_t size);
/* "hv1, hv2" or a rack's name. */
const char *story_group(const struct story *s, uint32_t bits, char *out, size_t size);
/* "1.25s", exact to the nanosecond. Static, overwritten by the fourth call from here. */
const char *story_span(int64_t ns);

#endif
