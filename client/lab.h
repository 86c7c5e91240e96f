/*
 * A lab: a cluster on one machine, for newcomers and for tests, without root.
 *
 *   DIR/lab.json             the marker: what this lab is, and whether DIR was made for it
 *   DIR/operator.key, .pub   the operator's key
 *   DIR/fence-power          what the agents run to switch a machine off: the action `power`
 *   DIR/hvN/                 one machine
 *       machine.sock         its supervisor (lab_machine.c)
 *       holdfast.conf, key, card.json, roster, machine-id, boot-id, state/
 *       holdfast.sock        its agent
 *       executor.sock, executor/  its executor, and what that keeps
 *       agent.log, executor.log, machine.log
 *
 * This file knows the layout and how to talk to a supervisor; lab_start.c makes labs and cmd_lab.c
 * is what people type.
 */
#ifndef CLIENT_LAB_H
#define CLIENT_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The lab's one fence action, and its script. */
#define LAB_ACTION       "power"
#define LAB_FENCE_SCRIPT "fence-power"

/* Where a machine's supervisor listens. */
#define LAB_SOCKET "machine.sock"

enum { LAB_MACHINES_MAX = 64, LAB_NAME_SIZE = 16, LAB_STATE_SIZE = 128 };

struct lab {
    char dir[PATH_MAX]; /* absolute */
    int machines;       /* hv1 .. hvN */
    bool made;          /* DIR was made for the lab and goes with it */
    char page[64];      /* of a lab that was started with `http`: address of hv1's status page */
};

/* What a machine says of itself. */
struct lab_state {
    bool on;
    char agent[16];             /* "running", "paused" or "stopped" */
    char ended[LAB_STATE_SIZE]; /* how the last agent ended; empty if it did not */
    long processes;             /* everything that runs on it */
};

/* "$XDG_RUNTIME_DIR/holdfast-lab", or "/tmp/holdfast-lab-UID". */
void lab_default_dir(char out[PATH_MAX]);
/* Reads the marker. False, without a word, if there is no lab in `dir`. */
bool lab_open(struct lab *lab, const char *dir);
bool lab_write_marker(const struct lab *lab);
/* hvN of this lab: its number, or 0. */
int lab_find(const struct lab *lab, const char *name);
/* "DIR/hvN" or, with a file, "DIR/hvN/FILE". */
void lab_path(char out[PATH_MAX], const struct lab *lab, int machine, const char *file);

/* A SOCK_SEQPACKET listener at DIR/FILE, for the user alone, in place of one whose owner was
 * killed; -1 with errno. */
int lab_listen(const char *dir, const char *file, int backlog);
/* Connects to a machine's supervisor; -1 with errno. */
int lab_connect(const struct lab *lab, int machine);
/* Asks it one thing ("power-off", "agent-stop", ...). EXIT_OK, or EXIT_ERROR after saying why not.
 */
int lab_order(const struct lab *lab, int machine, const char *verb);
/* False if the supervisor does not answer. */
bool lab_state(struct lab_state *out, const struct lab *lab, int machine);

/* Ends every machine and waits for the supervisors' end; the number that had run. */
int lab_end(const struct lab *lab);
/* Whether nothing stands where a lab would make something, which lab_remove would take away; says
 * what does. */
bool lab_has_room(const struct lab *lab);
/* Removes what the lab made, and DIR with it if it was made for it. */
bool lab_remove(const struct lab *lab);

/* How an agent sees its cluster. */
struct lab_view {
    bool answers;
    bool votes;
    bool majority;
    int alive; /* members that it holds alive, itself included */
    char store[16];
};
void lab_view(struct lab_view *out, const struct lab *lab, int machine);
/* Waits until the agent's socket accepts; false after `timeout_ms` or if the agent ended. */
bool lab_wait_agent(const struct lab *lab, int machine, int timeout_ms);

/* What a new lab is to be. */
struct lab_plan {
    int machines;
    uint16_t detect_ms; /* the roster's detection target; 0: by size */
    bool watchdogs;     /* stand-in watchdogs in the place of fence devices */
    int tie;            /* a pidfd: every machine ends when that process does; -1: none */
    bool http;          /* each agent serves HTTP, at its own address */
};

/*
 * Makes and starts a lab in `dir`, and returns once all see all. On failure, and when interrupted,
 * nothing is left. An exit code; what went wrong was said. `*took_ms`: from the first agent's
 * start.
 */
int lab_start(struct lab *lab, const char *dir, const struct lab_plan *plan, long *took_ms);

void lab_sleep_ms(int ms);
long long lab_now_ms(void);

#endif
