/* The workloads. Each adds what it measured to the figures; false after saying why it did not. */
#ifndef TESTS_BENCH_PEER_WORK_H
#define TESTS_BENCH_PEER_WORK_H

#include <signal.h>

#include "tests/bench/peer.h"
#include "tests/bench/peer_figures.h"

/* Lock and unlock, each client a name of its own; 1 or 64 clients. `piped`: the rate alone is kept.
 */
bool work_pairs(struct peer *peer, enum column column, int clients, bool piped, int span_ms);
/* The same with 64 clients, and nothing is kept. */
bool work_warm(struct peer *peer, int span_ms);
/* Eight clients, on all nodes in turn, want one lock, and let it go as soon as they have it. */
bool work_handover(struct peer *peer, enum column column, int span_ms);
bool work_shared(struct peer *peer, enum column column, int span_ms);
/* What a server costs that has nothing to do, of all systems at once. NULL: not there. */
bool work_idle(struct peer *const peers[COLUMNS], int span_ms);
/* `count` names are used once; then what a server has resident. */
bool work_known(struct peer *peer, enum column column, int count);
/* Holds `count` names, or as many as get held in `span_ms`, in five batches. The system is of no
 * more use after that. */
bool work_names(struct peer *peer, enum column column, int count, int span_ms);

/* A process that holds a lock for which a client waits is killed. (peer_faults.c) */
bool work_death(struct peer *peer, enum column column);
/* Clients on all other nodes lock and unlock while the leader gets `signal`, SIGKILL or SIGSTOP; it
 * is there again afterwards. */
bool work_gap(struct peer *peer, enum column column, int signal);

/* --- What they are made of --- */

enum { CROWD_MAX = 64 };

struct crowd;

struct member {
    struct crowd *crowd;
    void *client;
    char name[PEER_NAME_SIZE];
    int64_t asked_ns;
    int64_t locked_ns; /* how long the lock took */
    int generation;    /* of the name, where names are given up */
};

/* Clients that lock and unlock in a closed loop. */
struct crowd {
    struct peer *peer;
    struct member members[CROWD_MAX];
    int count;
    enum peer_mode mode;
    int64_t end_ns;      /* nothing is begun after that */
    int64_t released_ns; /* when the lock that all want was last let go; 0: it is no such */
    bool one_name;
    int running;
    bool idle; /* none runs */
    int failures;
    struct samples locks, unlocks, pairs, handovers;
};

/* Opens the clients, on the nodes in turn; names are "FOLDER/NUMBER", or all "FOLDER". */
bool crowd_open(struct crowd *c, struct peer *peer, int count, const struct peer_terms *terms,
                const char *folder, bool one_name);
/* Until `span_ms` have passed and all are done. False if something failed, or did not end. */
bool crowd_run(struct crowd *c, int span_ms);
void crowd_close(struct crowd *c);

#endif
