/*
 * The asker's conversation with coordinators, and what its two files share. Not for others: see
 * asker.h.
 *
 * A request goes to the coordinator that a reply named last, else to the first of the cohort that
 * SWIM holds alive. It is repeated until answered, first after 50 ms, then less and less often;
 * after two silences the next of the cohort is asked and told whom we doubt (L8). A waiting
 * operation asks again every second, so that a new coordinator learns of it (L8: waiters after a
 * take-over are learned from repeats).
 */
#ifndef PROTO_ASKING_H
#define PROTO_ASKING_H

#include "proto/asker.h"

/* --- asking.c --- */
/* Begins to ask for what the operation's state says: to be granted, to be dropped, to be shown. */
/* Waits for standing before it is asked for (F7). */
void asking_park(struct asker *a, struct instant now, struct asker_op *op);
bool asking_parked(const struct asker_op *op);
/* It is over for its client: `final` is told. */
void asking_finish(struct asker *a, struct asker_op *op, enum answer_kind final);
void asking_begin(struct asker *a, struct instant now, struct asker_op *op);

/* --- asker.c --- */
void asker_activate(struct asker *a, struct asker_op *op);
void asker_deactivate(struct asker *a, struct asker_op *op);
void asker_owe(struct asker *a, struct asker_op *op, uint32_t what);
void asker_set_detail(struct asker *a, struct asker_op *op, struct view detail);
void asker_record_of(const struct asker_op *op, struct record *out);
void asker_write(struct asker *a, struct asker_op *op, bool sync);
void asker_end(struct asker *a, struct asker_op *op);
void asker_give_up(struct asker *a, struct instant now, struct asker_op *op);

#endif
