/*
 * The inspector: what this executor could carry an order out with, and whether it works. A module
 * of the process `holdfast-executor`.
 *
 * This is the one thing that the executor does without a certificate, so it is as small as it can
 * be: it looks whether scripts can be run, and asks devices how their machines are and who they
 * are themselves, by the same driver as an order's status query. What must hold: nothing is
 * switched; the devices are asked at most once in INSPECTOR_FRESH, INSPECTOR_DRIVERS_MAX at a time,
 * each and all of them for a bounded time; an order comes first, and ends what is being asked.
 */
#ifndef NODE_INSPECTOR_H
#define NODE_INSPECTOR_H

#include "node/driver.h"
#include "node/identity.h"

/* What the devices said is told again for so long, before they are asked anew; and all that is
 * asked in one go has so long. */
#define INSPECTOR_FRESH SPAN_MS(10000)
#define INSPECTOR_SPAN  SPAN_MS(30000)

enum { INSPECTOR_DRIVERS_MAX = 16, INSPECTOR_WAITERS_MAX = 8 };

struct inspector;

/* The answer to a request of `owner`, an EXECUTOR_PART; valid during the call. */
typedef void (*inspector_done)(void *context, uint64_t owner, const struct executor_answer *answer);

/* All of these outlive it. */
struct inspector *inspector_open(struct event_base *base, struct clock *clock,
                                 const struct config *config, const struct identity *identity,
                                 inspector_done done, void *context);
/* Nothing is told any more. */
void inspector_close(struct inspector *inspector);

/*
 * An EXECUTOR_ASK_PART: `done` is called once for it, perhaps from here. `busy`: an order is being
 * carried out, so no device is asked now. False: this owner waits for an answer already, or too
 * many do; nothing is told.
 */
bool inspector_ask(struct inspector *inspector, uint64_t owner,
                   const struct executor_request *request, bool busy);
/* An order comes first: who is asked is not asked any more, and whoever waits hears so. */
void inspector_yield(struct inspector *inspector);
/* Nobody waits for this owner's answer any more. */
void inspector_forget(struct inspector *inspector, uint64_t owner);

#endif
