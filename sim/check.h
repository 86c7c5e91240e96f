/*
 * The checks: one file for each invariant, check_sNN_*.c, and for each demand of liveness,
 * check_vN_*.c. All of them judge by the observer's books and the machines' durable images, never
 * by what a peer thinks, and cost no more than the event that they judge. The first broken one ends
 * the run.
 *
 * Without a file of their own: S3 (history.c, where values are compared), S17 (lives.h, network.c
 * and forger.c know what is forged; machine.c judges datagrams), S19 (jobs.c), S22 (operator.c).
 * Not yet in the code: S12 (rosters do not move).
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "proto/peer.h"
#include "sim/history.h"

struct world;
struct machine;
struct image_entry;
struct client;
struct change;
struct promise_seen;

/* check_message.c: a machine says something; its own vote counts no earlier than anybody's (L6). */
void check_message(struct world *w, struct machine *m, uint16_t to, const struct message *message);

/* --- S1: check_s01_exclusion.c --- */
void check_guest_begins(struct world *w, const struct client *c);
/* It goes on in another mode. */
void check_guest_acts(struct world *w, const struct client *c);
/* Its client is told that it holds until then, by its machine's clock. */
void check_believes(struct world *w, struct op *op, struct instant until);
/* It was not looked at while nobody acted under it. */
void check_believes_on(struct world *w, const struct client *c);
/* A turn of the machine is over: what it believes of its holds under `expire` may have changed. */
void check_beliefs(struct world *w, const struct machine *m);
/* Whether its machine may act under it: one that expires is believed until then, by its clock. */
bool check_believed(const struct op *op);

/* --- S20 for words: check_s20_words.c --- */
/* A machine says a member's word: its own is the truth from then on. */
void check_word_said(struct world *w, const struct machine *m, const struct wire_alive *word);
/* A machine has come to hold this of a member (M2). */
void check_word_held(struct world *w, const struct machine *m, const struct swim_change *change);
/* It says that a node runs twice, or no more. */
void check_clone_told(struct world *w, const struct machine *m, const struct notice *n);

/* --- S2: check_s02_descent.c --- */
/* A value is seen for the first time, on the wire or in a log: it descends from every lower chosen
 * one. */
void check_proposed(struct world *w, struct value *v);
/* A value became durable at a voter: perhaps it, and others below it, are chosen now. */
void check_accepted(struct world *w, struct machine *m, struct value *v);

/* --- S4: check_s04_durable.c --- */
/* An entry is about to become durable: nothing decreases. */
void check_durable(struct world *w, struct machine *m, const struct image_entry *e);
/* The peer's own books are not behind its store. */
void check_books(struct world *w, struct machine *m);

/* --- S5: check_s05_said.c --- */
/* A voter that speaks of a ballot has promised it, or a higher one, durably. */
void check_promised(struct world *w, const struct machine *m, uint32_t shard, struct ballot ballot,
                    const char *what);
void check_stored_said(struct world *w, const struct machine *m, const struct wire_stored *s);
void check_accepted_said(struct world *w, const struct machine *m, const struct wire_accepted *a);
void check_fence_said(struct world *w, struct machine *m, uint16_t to,
                      const struct message *message);

/* --- S6: check_s06_quorums.c --- */
void check_accept_said(struct world *w, const struct machine *m, const struct wire_accept *a);
void check_reply_said(struct world *w, const struct machine *m, uint16_t to,
                      const struct wire_reply *r);

/* --- S7: check_s07_tokens.c --- */
void check_token_chosen(struct world *w, struct value *v, const struct value *before);
/* `floor`: what had been told of the name when it was asked for. */
void check_token_told(struct world *w, struct op *op, enum lock_mode mode, uint64_t token,
                      uint64_t floor);
/* check_s07_stamps.c: a look at a name that began at `since` was answered. */
void check_stamp(struct world *w, struct name *name, const struct lock_state *state, int64_t since);

/* --- S8: check_s08_passing.c --- */
/* A state that names a break is proposed (F5). */
void check_break(struct world *w, const struct value *v);
/* A hold is not there any more. */
void check_passed_on(struct world *w, struct op *op, const struct value *after);

/* --- the same for what a node has cached: check_s08_readers.c --- */
/* A node hears that somebody waits for what it holds. */
void check_recalled(struct world *w, const struct machine *m, const struct wire_blocking *b);
/* A client is told of a grant: by what its node had cached, perhaps. */
void check_let_in(struct world *w, const struct op *op);
/* It gives it back; or hears that it is lost. */
void check_leaves(struct world *w, const struct op *op);
void check_loses(struct world *w, const struct op *op);
/* Its conversion waits. */
void check_awaits(struct world *w, const struct op *op);
/* A turn of the machine is over, and this guest acts under what expires. */
void check_told_lost(struct world *w, const struct machine *m, const struct client *c);

/* --- S9: check_s09_ends.c --- */
/* A life is written to the log, by the boot that has it. */
void check_life_written(struct world *w, struct machine *m, uint64_t number);
/* A quorum of the jurors knows it. */
void check_life_counts(struct world *w, struct machine *m, uint64_t number);
/* A proof is in a log, or on the wire. */
void check_proof(struct world *w, struct machine *m, struct view bytes);
/* check_s09_watchdogs.c: a node's statement is in a log; a watchdog's receipt is seen first. */
void check_armed_written(struct world *w, struct machine *m, struct view statement);
void check_watchdog_receipt(struct world *w, const struct machine *m, const struct proof *proof);
void check_begins_in_time(struct world *w, const struct op *op);

/* --- S10: check_s10_orders.c --- */
void check_vote_written(struct world *w, struct machine *m, uint16_t slot, uint64_t number,
                        uint32_t allows);
/* An agent starts: votes that it wrote and that are not in its log were never cast. */
void check_votes_lost(struct world *w, struct machine *m);
/* A machine holds an order that it takes for certified. */
void check_order_known(struct world *w, struct machine *m, const struct order_cert *cert);
/* An executor writes that it acts: it is spent from now on. */
void check_act_written(struct world *w, struct machine *m, uint16_t slot, uint64_t number);
/* An executor begins to switch somebody off. True if its clock stood since the jurors let it.
 * *refused: its gate does not open for it. */
bool check_run(struct world *w, struct machine *m, const struct run *run, bool *refused);
/* check_s10_beside.c: a juror lets an executor act. */
void check_exec_asked(struct world *w, const struct machine *m, const struct wire_exec_ask *ask);
void check_let_beside(struct world *w, const struct machine *juror, uint16_t to,
                      const struct wire_exec_ok *ok);
/* Executors' gates and acts (F4, F9): see check_s10_executor.c. False: it is not let. */
void check_executors_open(struct world *w);
void check_executors_close(struct world *w);
bool check_executor(struct world *w, struct machine *m, const struct run *run,
                    const struct order_cert *cert);
/* A machine that is on is switched off by a fence device; `late`: not by the window of F9. */
void check_power_effect(struct world *w, struct machine *target, const struct run *run, bool late);

/* --- S11: check_s11_brake.c --- */
/* Whether its present life is under an order that its own peer holds. */
bool check_under_order(const struct world *w, const struct machine *m);
/* S8, S11, S17 for a receipt that machine m signed as executor, on an order with `votes` true
 * votes. */
void check_receipt(struct world *w, const struct machine *m, const struct proof *proof,
                   size_t votes);
/* A juror has voted. */
void check_brake(struct world *w);

/* --- S13: check_s13_store.c --- */
void check_may_vote(struct world *w, struct machine *m, const struct message *message);
/* It says that its store is as it should be. */
void check_store_checked(struct world *w, const struct machine *m);
/* It says that its store is behind. */
void check_behind(struct world *w, const struct machine *m);

/* --- S14: check_s14_history.c, and linear.c at checkpoints --- */
void check_asked(struct world *w, struct op *op);
void check_busy(struct world *w, struct op *op);
/* It is refused since the lock's token is this one by now. */
void check_moved(struct world *w, const struct op *op, uint64_t token, bool forgotten);
/* `floor`: what had been told of the name when the client asked, at `since`. */
void check_shown(struct world *w, struct name *name, const struct lock_state *state,
                 const struct value *floor, int64_t since);

/* check_s14_changes.c: an agent asks for a change of a hold; its coordinator answers. */
void check_change_sent(struct world *w, const struct machine *m, const struct wire_request *r);
void check_change_reply(struct world *w, const struct machine *m, const struct op *op,
                        const struct wire_reply *r);
/* `after` is chosen, right above `before`. */
void check_step(struct world *w, const struct value *before, const struct value *after);
void check_changes_chosen(struct value *v, const struct value *before);
/* A client is told that a change was made, or refused; `mode`: it was told last that it has. */
void check_changed(struct world *w, struct change *c, const struct answer *answer);
void check_change_refused(struct world *w, struct change *c, enum answer_kind kind,
                          enum lock_mode mode);
const char *check_change_text(enum change_kind kind);
/* check_s14_queue.c and check_s14_value.c: of a step. */
void check_queue(struct world *w, const struct value *before, const struct value *after);
void check_value(struct world *w, const struct value *before, const struct value *after);
/* `after` is above the chosen `before`. */
void check_value_kept(struct world *w, const struct value *before, const struct value *after);
/* What a client is told beside its grant. */
void check_grant_tells(struct world *w, const struct op *op, const struct answer *answer);

/* --- S15: check_s15_kept.c --- */
/* `after` is to follow `before`: every hold that a client was told of is still there. */
void check_holds_kept(struct world *w, const struct value *before, const struct value *after);
/* A client is told that it holds. */
void check_granted(struct world *w, struct op *op, uint64_t token);

/* --- S16: check_s16_forgotten.c --- */
/* A register is dropped, in a record that its peer has just written. */
void check_forgotten(struct world *w, const struct machine *m, const struct value *v);
/* A value becomes durable at a voter that has nothing of its name. */
void check_stored_anew(struct world *w, const struct machine *m, const struct value *v);
/* A coordinator tells voters to drop; one says that it did (S5). */
void check_forget_said(struct world *w, const struct wire_forget *f);
void check_forgotten_said(struct world *w, const struct machine *m, const struct wire_forgotten *f);

/* --- S18: check_s18_bounds.c --- */
enum { BOUNDS_GUARD_SIZE = 64 };
/* Behind the peer's memory there are as many bytes more. */
void check_guard_set(struct machine *m, size_t size);
void check_guard(struct world *w, const struct machine *m);
void check_tables(struct world *w, const struct machine *m, uint32_t ops_max, uint32_t locks_max);
void check_turns(struct world *w, const struct machine *m, size_t calls);
void check_ticks(struct world *w, struct machine *m);
/* A new run of its agent; bytes came, were sent, and a message was taken. */
void check_traffic_reset(struct world *w, struct machine *m);
void check_traffic_in(struct world *w, struct machine *m, size_t from, size_t size);
/* Something of the author came to `m`, be it through a relay: `m` can echo the author's start. */
void check_traffic_reached(struct world *w, const struct machine *m, size_t author);
/* A hello of that machine was opened; all that waited while the agent was paused was taken. */
void check_traffic_hello(struct machine *m, size_t from);
void check_traffic_thaw(struct machine *m);
void check_traffic_taken(struct machine *m, size_t from);
void check_traffic_out(struct world *w, struct machine *m, size_t to, size_t size);
/* A turn in which a datagram was dropped is over. `due`: a timer was due in it too. */
void check_dropped(struct world *w, const struct machine *m, uint64_t sent_before, bool due);

/* --- S20: check_s20_suspicion.c --- */
/* The network, an agent or a machine has changed. */
void check_reach_update(struct world *w);
/* Whether a majority can reach that life, and it answers, since long. */
bool check_is_well(const struct world *w, const struct machine *target, uint64_t number);
/* A juror votes; a majority has voted. */
void check_vote_evidence(struct world *w, const struct machine *m, const struct machine *target,
                         uint64_t number);
void check_order_evidence(struct world *w, const struct machine *target, uint64_t number);
void check_renewal_acknowledged(struct world *w, const struct machine *m, uint16_t to,
                                uint64_t number);

/* --- S21: check_s21_told.c --- */
/* What a turn tells its driver, and its fence log. */
void check_told(struct world *w, struct machine *m, const struct effects *e);

/* --- Liveness, in a siege (siege.h); these end the run as stuck --- */
/* V1: check_v1_acquire.c: a prober was granted, or still waits. */
void check_acquired(struct world *w, const struct machine *m, struct span took);
void check_acquires(struct world *w, const struct machine *m, struct span since);
/* V2: check_v2_passing.c */
void check_passing(struct world *w);
/* A hold is broken. */
void check_broken(struct world *w, const struct op *op);
/* Whether its chosen state has a hold of somebody who is gone. */
bool check_is_stale(const struct world *w, const struct name *name);
/* V3: check_v3_suspects.c: whether machine `from` sees machine `of` alive; an order is complete. */
void check_suspects(struct world *w, size_t from, size_t of, bool alive);
void check_ordered(struct world *w, const struct machine *target, uint64_t number);
/* V4: check_v4_views.c: of the core. */
void check_views(struct world *w);
/* V5: check_v5_duels.c: a ballot is refused by a voter; a value is chosen; the end; now and then.
 */
void check_preempted(struct world *w, const struct machine *m, struct promise_seen *ballot,
                     uint32_t shard);
void check_succeeded(struct world *w, uint32_t shard);
void check_duels(struct world *w);
void check_starved(struct world *w);
/* V6: check_v6_goodput.c */
void check_goodput(struct world *w);

/* V9: check_v9_ways.c: of the core. */
void check_ways(struct world *w);

/* V8: check_v8_forgotten.c: at the end. */
void check_let_go(struct world *w);

/* --- In the calm: check_calm_leaks.c --- */
/* Nobody holds or waits whose client is gone, but on jammed names. Ends the run as stuck. */
void check_leaks(struct world *w);

#endif
