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
/* Whether this node votes on the operation's lock, so that the vote's sync carries its record. */
bool asking_votes(const struct asker *a, const struct asker_op *op);
/* It is over for its client: `final` is told. */
void asking_finish(struct asker *a, struct asker_op *op, enum answer_kind final);
void asking_begin(struct asker *a, struct instant now, struct asker_op *op);
/* Asks once more, now. */
void asking_anew(struct asker *a, struct instant now, struct asker_op *op);

/* Who is in the way, as a waiting operation hears it. True if it is news. */
bool asking_note_waiting(struct asker *a, struct instant now, struct asker_op *op,
                         const struct wire_reply *r);
struct stale_view asking_stale(const struct wire_reply *r);
/* A coordinator's word that rests on a true state. */
void asking_reply(struct asker *a, struct instant now, uint16_t from, const struct wire_reply *r);
/* Its coordinator spoke, but that may not be enough: it asks again soon, if it hears nothing more.
 */
void asking_soon(struct asker *a, struct instant now, struct asker_op *op, uint16_t from);

/* --- changing.c --- */
/* It is asked for from now on. */
void changing_begin(struct asker *a, struct instant now, struct asker_op *op);
/* A change of the hold is under way. */
bool changing(const struct asker_op *op);
enum request_kind changing_request(const struct asker_op *op);
/* Under way, and the hold may be another's by it. */
bool changing_transfers(const struct asker_op *op);
/* Others may do by it what the hold, as the last record has it, keeps them from: it is durable
 * before it is asked for. */
bool changing_yields(const struct asker_op *op);
/* What its client is owed rests on the record: it was made; or a hand-over was not (L9). */
bool changing_rests(const struct asker_op *op);
/* The counter that the operation's record names; 0: none. */
uint64_t changing_recorded(const struct asker_op *op);
void changing_reply(struct asker *a, struct instant now, struct asker_op *op,
                    const struct wire_reply *r);
/* Its time is over. */
void changing_deadline(struct asker *a, struct instant now, struct asker_op *op);
/* It is asked for no more, and its client, if there is one, hears `final`. */
void changing_finish(struct asker *a, struct asker_op *op, enum answer_kind final);
/* Its client has heard. */
void changing_told(struct asker *a, struct asker_op *op);
/* Its record will never be durable (L6). */
void changing_failed(struct asker *a, struct asker_op *op);
void changing_forget(struct asker *a, struct asker_op *op);

/* --- holding.c --- */
/* Granted, but its client has not been told. */
bool asker_untold(const struct asker_op *op);

/* --- asker.c --- */
uint32_t asker_index(const struct asker *a, const struct asker_op *op);
/* Copies into the arena; NULL for nothing. False if there is no room. */
bool asker_keep(struct asker *a, struct view bytes, uint8_t **out);
void asker_refuse_now(struct asker *a, uint64_t handle, enum answer_kind kind);
/* The next counter, or 0 if none may be used yet. */
uint64_t asker_next_counter(struct asker *a);
/* A new entry with `counter`, which is above all others; NULL if there is no room. */
struct asker_op *asker_make(struct asker *a, uint64_t counter, struct view name,
                            struct view process);
/* Its policy may end this node's life: it needs standing as long as it lasts (F7). */
void asker_count(struct asker *a, struct instant now, struct asker_op *op);
void asker_unmake(struct asker *a, struct asker_op *op);
void asker_activate(struct asker *a, struct asker_op *op);
void asker_deactivate(struct asker *a, struct asker_op *op);
void asker_owe(struct asker *a, struct asker_op *op, uint32_t what);
void asker_set_detail(struct asker *a, struct asker_op *op, struct view detail);
void asker_record_of(const struct asker_op *op, struct record *out);
void asker_write(struct asker *a, struct asker_op *op, bool sync);
/* The same, while what its client may hear goes on resting on the earlier record. */
void asker_rewrite(struct asker *a, struct asker_op *op, bool sync);
void asker_end(struct asker *a, struct asker_op *op);
void asker_give_up(struct asker *a, struct instant now, struct asker_op *op);
/* It is `unheard`, and not held: given up, and said so. */
void asker_not_held(struct asker *a, struct instant now, struct asker_op *op);

#endif
