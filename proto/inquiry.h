/*
 * The juror's inquiry, and its vote (F2, F8): what juror.c and inquiry.c share.
 *
 *     accused --(a), (b: its view), (e) hold--> LOOKING --after INQUIRY_SPAN--> vote, or why not
 *
 * While it looks it probes the target itself, twice, asks k others to probe it (proto/doubt), and
 * renews with the other jurors, so that its own standing is known to be newer than its probes. It
 * looks while the target is only suspect, too, and tells what it would say. There are two timers
 * that may be the last to end: SWIM's, and V since the last renewal. A look is fresh when either of
 * them does, so that the vote costs no more than a sync (F2):
 *
 *     suspect, accused:  look, look, look ...  --SWIM holds it dead-->  vote
 *     dead, accused:     V is not over ... look --V since its last renewal-->  vote
 */
#ifndef PROTO_INQUIRY_H
#define PROTO_INQUIRY_H

#include "proto/juror.h"

enum { INQUIRY_RELAYS = 3 };

struct dossier *juror_dossier(const struct juror *j, uint16_t slot);
/* m->name: empty if an operator asks, whom F2e does not concern. */
void inquiry_accused(struct juror *j, struct instant now, uint16_t from,
                     const struct wire_accuse *m);
/* SWIM holds it dead now. */
void inquiry_hasten(struct juror *j, struct instant now, uint16_t slot, struct dossier *s);
/* Looks, for who asked about one session of its life (scopes.h). */
void inquiry_look(struct juror *j, struct instant now, uint16_t from, const struct wire_accuse *m,
                  struct dossier *s);
/* The renewal's timer alone stands between this juror and a vote: it will look just before that
 * ends, and vote when it does. */
void inquiry_prepare(struct juror *j, uint16_t from, const struct wire_accuse *m,
                     struct dossier *s);
/* Votes are frozen, against all or against that node (F8). */
bool inquiry_frozen(const struct juror *j, struct instant now, uint16_t slot);
/* For the fence log, if it is not repeated. Of a session `session_at` is when it was accused last
 * (ns 0: never), and becomes now; NULL: of the life, or of a session that nothing is kept about,
 * which counts as the life's. */
void inquiry_log_accused(struct juror *j, struct instant now, uint16_t from,
                         const struct wire_accuse *m, struct dossier *s,
                         struct instant *session_at);
/* Tells who asked what it would say. */
void inquiry_tell(struct juror *j, struct instant now, uint16_t to, const struct wire_accuse *m,
                  struct dossier *s, enum opinion opinion);
/* What a vote of just now may allow (F8), be it against the life or a session; the evidence for it;
 * how long ago that life's last renewal was acknowledged: what is not known counts from the juror's
 * own start. */
uint32_t inquiry_allows(const struct juror *j, struct instant now, uint16_t slot, uint64_t life,
                        const struct dossier *s);
struct evidence inquiry_gather(const struct juror *j, struct instant now, uint16_t slot,
                               uint64_t life, const struct dossier *s, enum opinion opinion);
uint32_t inquiry_age_ms(const struct juror *j, struct instant now, const struct dossier *s,
                        uint64_t life);
void inquiry_relayed(struct juror *j, uint16_t from, const struct wire_doubt_answer *m);

#endif
