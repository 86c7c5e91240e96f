/*
 * `holdfast fence why`: what became of one life of a node, why, and what happens next, in words.
 * Pure: what the local agent says (client/org.holdfast.varlink) goes in, as one JSON object, and an
 * explanation comes out.
 *
 * What goes in; all but `node` may be missing:
 *
 *   node        the name
 *   life        the one that is asked about; 0, or missing: the newest that anything is known of
 *   order       of the reply to Order
 *   steps       of FenceLog about that node, oldest first
 *   inquiries   the list of Inquiries
 *   member      of Members
 *   log         the reply to FenceLog, for what it says of the log itself
 */
#ifndef CLIENT_FENCE_WHY_H
#define CLIENT_FENCE_WHY_H

#include <stdio.h>

#include <jansson.h>

/*
 * The explanation, the caller's to json_decref:
 *
 *   node, life
 *   state       "fenced", "ended" (by its own word), "ordered", "running", "failed", "no-action",
 *               "asking", "accused" (and no order came of it), "none"
 *   over        that life is proven over
 *   headline    one line: what happened, and whether it is over
 *   next        list of lines: what happens next, and after what
 *   asked       {by, lock, time} or null
 *   order       {digest, epoch, time, signatures, quorum, jurors} or null
 *   signers, refusers   lists of {juror, time, text, evidence: an Opinion}
 *   executors   list of {executor, stage, time, text}
 *   transcript  list of {time, outcome, text}: of this node's own driver
 *   receipt     {kind, by, time, action, device, witness, proof} or null
 *   freed       list of {lock, hold, mode, token, time}
 *   notes       list of {time, kind, by, text}: alarms, refused proofs, what operators did
 *   missing     list of lines: what this node cannot know, and why
 *
 * Times are ISO 8601, UTC, with milliseconds; "" where it is not known.
 */
json_t *fence_why_explain(const json_t *facts);
/* As text, for a person: the headline, what is next, then the details. */
void fence_why_print(FILE *out, const json_t *explanation);

#endif
