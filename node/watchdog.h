/*
 * The agent and its machine's watchdog (F6c, F7): finds the keeper of an earlier run of this boot,
 * or starts one, and hands it the pets that the peer asks for.
 */
#ifndef NODE_WATCHDOG_H
#define NODE_WATCHDOG_H

#include "node/config.h"
#include "node/fault.h"
#include "node/identity.h"
#include "proto/inequality.h"

struct watchdog;

/*
 * The device runs from now on, with the least time-out that the inequality allows or
 * what it makes of that. False with *fault, also for a time-out that breaks the inequality. *out is
 * NULL where the configuration names none.
 * With `watchdog_test` it is let fire once, before anything else is done (watchdog_test.h): this
 * returns only if it did not.
 */
bool watchdog_open(struct watchdog **out, const struct config *config,
                   const struct identity *identity, struct fault *fault);
/* W as read back, and whether this run opened the device: see struct peer_config. */
struct span watchdog_timeout(const struct watchdog *w);
bool watchdog_fresh(const struct watchdog *w);
/* How it is, for whoever shows it; `w` may be NULL. */
struct watchdog_view {
    struct span timeout; /* W; 0: this machine has none, and so has what follows */
    bool armed;          /* it runs, and its keeper hears this agent */
    struct span left;    /* until it fires, unless it is petted; 0: that is over */
    struct span least;   /* the least that was left when it was petted, since this start */
};
void watchdog_view(struct watchdog_view *out, const struct watchdog *w, struct instant now);
/* An effect of the peer's. */
void watchdog_pet(struct watchdog *w, struct instant until);
/* The agent stops. idle: nothing is held, so the device is stopped too; else somebody has to take
 * over before it fires. `w` may be NULL. */
void watchdog_close(struct watchdog *w, bool idle);

#endif
