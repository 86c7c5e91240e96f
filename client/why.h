/*
 * `holdfast why`: who holds a lock, who waits for what, and what will happen next and when, in
 * words. Pure: what the local agent says (client/org.holdfast.varlink) goes in, as one JSON object,
 * and an explanation comes out.
 *
 * What goes in; all but the name may be missing:
 *
 *   name        of the lock
 *   lock        the reply to Show; missing if there was none
 *   refusal     what Show was refused with instead, without the interface ("NoMajority"), and of
 *               that refusal `reachable` and `cohort`
 *   place       the reply to Locate
 *   members, orders, operations      the lists of Members, Orders, List
 *   status      the reply to Status
 *   events      Events of this node, oldest first
 */
#ifndef CLIENT_WHY_H
#define CLIENT_WHY_H

#include <jansson.h>

/*
 * The explanation, the caller's to json_decref:
 *
 *   name
 *   known       false: nobody could say who holds it; then the next three are empty
 *   holders, converting, waiters     lists of the API's type Party, each with `text`, a line
 *   text        list of lines: how it is
 *   next        list of lines: what happens next, and after what
 */
json_t *why_explain(const json_t *facts);

#endif
