/*
 * The systems that are compared, each behind this one small interface. A driver (peer_NAME.c)
 * starts a system of some nodes on loopback, and makes clients that lock and unlock in it. All of a
 * client's work happens in the one event loop of peer_loop.h, so that 64 clients cost one process,
 * and the same for every system.
 *
 * Lock and unlock return at once, and their `done` is called out of the loop, once, never before
 * they return. All else takes as long as it takes.
 */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PEER_NODES_MAX = 5, PEER_PORTS = 3, PEER_NAME_SIZE = 64 };

enum peer_mode { PEER_EXCLUSIVE, PEER_SHARED };

typedef void peer_done(void *context, bool good);

/* How a client is to be. */
struct peer_terms {
    int node;        /* that it talks to, from 0; Redlock talks to all */
    int ttl_ms;      /* of its session or locks; renewed in time. 0: longer than any workload */
    int patience_ms; /* an operation that takes longer has failed; 0: as long as the system likes */
    bool piped;      /* shares its connections with all other such clients */
};

struct peer {
    const struct peer_driver *driver;
    char label[24];                             /* "etcd-3" */
    int nodes;                                  /* server processes */
    char dir[PATH_MAX];                         /* all that it writes; made by who starts it */
    pid_t pids[PEER_NODES_MAX];                 /* 0: does not run */
    uint16_t ports[PEER_NODES_MAX][PEER_PORTS]; /* the first is for clients */
    void *state;                                /* the driver's */
};

/* What a system counts of itself, all nodes together, since it was started. */
struct peer_counters {
    uint64_t datagrams;
    uint64_t syncs;
};

struct peer_driver {
    const char *name;
    bool shares;      /* has shared locks */
    bool pipes;       /* terms.piped makes a difference */
    int least_ttl_ms; /* the shortest session that it is usable with; 0: it has none */
    /* NULL, or why it cannot be run here. */
    const char *(*missing)(void);
    /* True once all nodes serve. After a failure it was said why, and stop may be called. */
    bool (*start)(struct peer *peer);
    void (*stop)(struct peer *peer);

    /* NULL after a failure that was said. */
    void *(*open)(struct peer *peer, const struct peer_terms *terms);
    /* Nothing of the client may be under way, except after kill. */
    void (*close)(void *client);
    /* Waits for the lock as long as it takes. `name` outlives the call of done. */
    void (*lock)(void *client, const char *name, enum peer_mode mode, peer_done *done,
                 void *context);
    /* Of the lock that was taken last. */
    void (*unlock)(void *client, peer_done *done, void *context);

    /* The node whose death hurts most; -1 if there is none now. */
    int (*leader)(struct peer *peer);
    /* Starts a node that was killed; true once it serves again. */
    bool (*revive)(struct peer *peer, int node);

    /* What follows may be NULL. */
    /* Where it depends on the name whose death hurts: `count` names that depend on that node, or
     * that do not. NULL: all depend on the leader. */
    bool (*depend)(struct peer *peer, int node, bool others, char (*names)[PEER_NAME_SIZE],
                   int count);
    bool (*grow)(struct peer *peer); /* makes room for a million names; nothing is held */
    bool (*counters)(struct peer *peer, struct peer_counters *out);
};

extern const struct peer_driver peer_holdfast, peer_etcd, peer_zookeeper, peer_redlock;

#endif
