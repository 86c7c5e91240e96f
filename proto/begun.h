/*
 * Who goes on of several executors that began (F9), as a juror judges it.
 *
 * One that said that it begins bars all others, until its time is over, or it failed. Two may begin
 * all the same: both asked before the jurors heard that either does (the first one's word, or its
 * way to others, was slow). If each then barred the other from the next rung of its ladder, both
 * would wait until the time of both is over, up to two minutes. So of those that began one goes on:
 *
 *     it asks --> who else began? --> each asks again, too, so its driver has ended --> ranks above
 *                 nobody: yes         else: no, its driver may run                      all: yes
 *
 * Every juror that knows of both says the same: the rank is a hash of order and slot. Who goes on
 * says once more that it begins; from then on it is taken to act, and has its whole time, once for
 * each rung that the order allows.
 *
 * That two begin at all is rare: a juror says yes to one at a time. Who heard it may begin for
 * ASK_SPAN, and for so long nobody else hears it, unless that one failed; of two quorums one juror
 * is in both. Of several that ask, each with the yes of some, the best rank is heard next, so that
 * they do not keep each other from it.
 */
#ifndef PROTO_BEGUN_H
#define PROTO_BEGUN_H

#include "proto/docket.h"

/* An executor asks about that order: if it began, its driver has ended. */
void begun_asks(struct docket_entry *e, uint16_t executor);
/* It says again that it begins, and what it takes at most from here; a span of nothing is no more
 * than a reminder that it began. */
void begun_again(struct docket_entry *e, struct instant now, uint16_t executor, struct span span);
/* Whether this juror says yes to it now, which it then remembers: nobody bars it, and nobody else
 * was said yes to just before. Else who asks is not answered, and asks again. */
bool begun_yes(const struct core *c, struct instant now, struct docket_entry *e, uint16_t executor);

#endif
