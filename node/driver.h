/*
 * A driver at work: one run against one target, by the operator's script or by fence agents
 * (docs/configuration.md has both contracts).
 *
 *     script   off, status                                         one deadline for both
 *     devices  of the node, in order: identity, off, status        one deadline for each device
 *
 * Off counts only if `off` ended with 0 and then `status` ended with 2. Time that ran out, a
 * signal, any other code, an identity that is not the roster's: nothing is known, and the next
 * device is tried. A device that is another machine's is not touched.
 */
#ifndef NODE_DRIVER_H
#define NODE_DRIVER_H

#include "node/clock.h"
#include "node/config.h"
#include "node/executor_wire.h"
#include "node/transcript.h"

struct driver;

struct driver_order {
    enum executor_kind kind;
    const struct config_action *action;
    const struct config_devices *devices;
    const struct roster_node *target;
    uint64_t life;
    struct digest order;
    struct view info;
    struct span limit;             /* for each device, instead of its own deadline; ns 0: that */
    struct instant end_by;         /* no driver runs any more, whatever deadline is its own */
    struct transcript *transcript; /* what drivers say; NULL: nowhere */
};

struct driver_result {
    enum run_outcome outcome;
    char device[DEVICE_SIZE];
    char text[FENCE_TEXT_MAX + 1]; /* one printable line */
};

/* Called once, after which the driver is gone; the result is valid during the call. */
typedef void (*driver_done)(void *context, const struct driver_result *result);

/* What keeps this order from being carried out here, into `why`; true if nothing does. */
bool driver_usable(const struct driver_order *order, char why[FENCE_TEXT_MAX + 1]);
/* What `order` points at outlives it, but for `info`, which is copied. */
struct driver *driver_new(struct event_base *base, struct clock *clock,
                          const struct driver_order *order, driver_done done, void *context);
/* Starts it; `done` may be called from here. */
void driver_begin(struct driver *driver);
/* Kills what runs; nothing is told any more. */
void driver_stop(struct driver *driver);

#endif
