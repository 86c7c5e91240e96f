/*
 * Clients of an agent. A client asks for a lock, waits, holds it for a while and gives it back; or
 * gives up; or just looks. What it does under the lock is its guest: guest.h.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "proto/peer.h"
#include "sim/history.h"
#include "sim/random.h"

enum client_state {
    CLIENT_IDLE,
    CLIENT_ASKS, /* EVENT_ACQUIRE was sent: an answer is due */
    CLIENT_HOLDS,
    CLIENT_DROPS,   /* EVENT_DROP was sent for a hold */
    CLIENT_CANCELS, /* or for a place in the queue */
    CLIENT_LOOKS,   /* EVENT_SHOW was sent */
    CLIENT_LATE,    /* its guest is gone, and it has not yet said so */
    CLIENT_CHANGES, /* EVENT_CHANGE was sent: an answer is due */
    CLIENT_PASSES,  /* its agent died while its hold was being handed over: nobody acts */
    CLIENT_ORPHAN   /* the guest goes on alone: its agent or its parent died, or it is being stopped
                     */
};

/* Handles: a serial, and in the low byte whose it is: a client, the driver for holds that have none
 * any more, the forger, or misdeeds (rude.h). */
enum { HANDLE_OPERATOR = 0xfc, HANDLE_RUDE = 0xfd, HANDLE_FORGER = 0xfe, HANDLE_DRIVER = 0xff };

struct change;
struct writing;

struct client {
    struct machine *machine;
    uint32_t index;
    struct random random;
    enum client_state state;
    uint64_t serial; /* of what it does now; items with another one are stale */
    uint64_t handle; /* of the call that is out */
    struct name *name;
    enum lock_mode mode; /* asked for, then held, as far as it was told */
    uint16_t limit;      /* of a counted one */
    enum lock_policy policy;
    uint32_t ttl_ms;     /* under `expire` */
    struct scope scope;  /* under `action` */
    struct name *herded; /* what it is to ask for next; NULL: as it likes */
    bool try;
    bool head; /* wishes of its request: changer.h */
    uint64_t expect;
    struct lock_data data;
    bool not_ready; /* was refused since its agent's life does not count yet, or is over */
    bool scripted;  /* holds until its scenario says so */
    bool fresh;     /* asks only in the calm: for a name that nobody ever used, then for all */
    bool fresh_granted;
    bool sweeps;
    size_t sweep_next; /* index of a name */
    int64_t since;     /* of the state */
    int64_t due;       /* virtual time by when the call must be answered; INT64_MAX: no deadline */
    struct op *op;     /* of the acquire; NULL before ANSWER_ACCEPTED */
    const struct value *floor; /* CLIENT_LOOKS: what was told before */
    struct lock_mark mark;     /* that its grant named */
    struct change *change;     /* CLIENT_CHANGES: what it called for */
    uint8_t value[LOCK_VALUE_MAX];
    bool resumes;         /* CLIENT_ORPHAN: it asks the next agent in which mode it holds */
    bool denied;          /* its agent says that there is no such hold: it must be lost */
    struct random wishes; /* draws what it changes, and wishes */

    bool guest_runs;
    bool guest_waits; /* nobody has stopped it: the next agent will */
    struct op *guest_op;
    uint64_t guest_handle;
    enum lock_mode guest_mode; /* in which it acts */
    uint16_t guest_limit;
    struct writing *writing; /* NULL: that mode does not write */
    uint8_t process[8];      /* the guest's name, kept with the hold */
};

void client_open(struct world *w, struct machine *m, size_t index);
/* HAPPEN_CLIENT: time to do the next thing. */
void client_wake(struct world *w, struct machine *m, size_t index, uint64_t serial);
void client_answer(struct world *w, struct machine *m, const struct answer *answer);
/* The agent is about to die before it told of all that it had taken up: what it took up counts as
 * asked for. */
void client_unheard(struct world *w, struct machine *m);
void client_agent_gone(struct world *w, struct machine *m);
void client_power_gone(struct world *w, struct machine *m);
/* The machine's life counts: whoever was refused for want of it asks again. */
void client_ready(struct world *w, struct machine *m);
/* For scenarios: asks for a lock without a deadline, and holds it until client_let_go. With the TTL
 * that is set in the client, if the policy is `expire`. */
void client_demand(struct world *w, struct client *c, struct name *name, enum lock_mode mode,
                   enum lock_policy policy);
void client_demand_counted(struct world *w, struct client *c, struct name *name, uint16_t limit,
                           enum lock_policy policy);
/* A herd: it does now what it would do next. */
void client_hurry(struct world *w, struct client *c);
/* All clients that rest ask for one name at once. */
void client_herd(struct world *w, struct random *r);
/* Its guest ends, then it gives the lock back. */
void client_let_go(struct world *w, struct client *c);
/* For guest.c and changer.c. Enters a state: whatever was planned for the last one is stale from
 * here. */
void client_enter(struct world *w, struct client *c, enum client_state state);
void client_rest(struct world *w, struct client *c);
/* Wakes it, if it does the same thing then. */
void client_plan(struct world *w, struct client *c, struct span after);
/* A new handle for the call that it is about to make. */
uint64_t client_handle(struct client *c);
void client_give_back(struct world *w, struct client *c, enum client_state state, bool unclean);
/* A final answer was told that is no grant, or the hold is no more. */
void client_finish(struct world *w, struct op *op);
void client_send_drop(struct world *w, struct machine *m, uint64_t handle, struct op *op,
                      bool unclean);
/* No new requests; whoever waits for ever gives up. */
void client_close_all(struct world *w);
/* The calm begins: fresh locks are asked for. */
void client_ask_fresh(struct world *w);
/* Late in the calm every name that is not jammed is asked for once: it must be free, or become
 * free, as a ghost does when somebody waits for it (L9). */
void client_sweep(struct world *w);
/* At the end: everything was answered. Ends the run as stuck if not. */
void client_check_done(struct world *w);
/* The names that clients choose from now. */
struct name *client_pick_name(struct world *w, struct random *r);

#endif
