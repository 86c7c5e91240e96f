/* The command line of `holdfast lock`: its options, the locks' names, and the command. */
#ifndef CLIENT_LOCK_OPTIONS_H
#define CLIENT_LOCK_OPTIONS_H

#include "client/held.h"
#include "client/mode_option.h"
#include "crypto/roster.h"

/* What becomes of the command when a lock, or the agent, is lost while it runs. */
enum on_lost {
    ON_LOST_DEFAULT, /* the lock: KILL; the agent, which might be back soon: TERM */
    ON_LOST_KILL,    /* SIGKILL at once */
    ON_LOST_TERM,    /* SIGTERM, and SIGKILL a little later */
    ON_LOST_NONE     /* it is left alone: it acts under the lock in no way that has to be stopped */
};

struct lock_options {
    struct mode_option mode;         /* settled */
    const char *stale;               /* NULL: the agent's default */
    long long ttl_ms;                /* of expire; 0: the agent's default */
    char action[ROSTER_ACTION_SIZE]; /* of action: its name; empty: none */
    const char *info;                /* of action: what it is told; NULL: nothing */
    const char *data;                /* at most LOCK_DATA_MAX bytes; NULL: none */
    long if_token;                   /* 0: whatever it is */
    enum on_lost on_lost;
    bool head;
    bool value;  /* the command wants to know the value block */
    bool cgroup; /* the command runs in a cgroup of its own */
    bool try;
    bool verbose;
    bool quiet;
    long long wait_ms; /* -1: for ever */
    int conflict;      /* the code for "not granted" */
    char **argv;       /* the command */
};

/* For --help. */
extern const char lock_options_help[];

/* EXIT_OK, the names in `held`, which was empty; or EXIT_USAGE after saying what is wrong. */
int lock_options_take(struct lock_options *o, struct held *held, struct cli *cli, int argc,
                      char **argv);

#endif
