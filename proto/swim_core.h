/*
 * Inside of the swim: its state, and what its three files give each other.
 *
 *     swim.c        the door: life cycle, timers, queries
 *     swim_word.c   words: what is told about whom, and what is believed
 *     swim_probe.c  probes: direct, indirect, relayed, judged
 *
 * Members are indices into the roster here; slots are for the wire and for the outside.
 */
#ifndef PROTO_SWIM_CORE_H
#define PROTO_SWIM_CORE_H

#include "proto/accusers.h"
#include "proto/away.h"
#include "proto/gossip.h"
#include "proto/health.h"
#include "proto/members.h"
#include "proto/probes.h"
#include "proto/hush.h"
#include "proto/swim.h"
#include "proto/watch.h"

struct swim {
    struct swim_config config;
    struct outbox *outbox;
    struct drbg *drbg;
    struct words own_words; /* unless the driver brought a store */
    struct members members;
    struct edges edges;
    struct gossip gossip;
    struct probes probes;
    uint16_t self;  /* index into the roster, like every member here */
    uint16_t *ring; /* all members, shuffled: the order of probes */
    size_t ring_next;
    size_t quiet_next; /* the same for quiet members, in the roster's order */
    bool started;
    bool leaving;
    struct vitals vitals; /* our own */
    struct health health;
    struct hush hush; /* of our refutations */
    struct away away; /* others */
    struct watch watch;
    struct accusers accusers;
    uint32_t hurry;          /* random probes to send at once, since somebody was silent */
    uint32_t unanswered;     /* probes in a row that nobody answered by any way */
    struct instant round_at; /* the next probe of a random live member */
    struct instant quiet_at; /* and of one that is dead or was never seen */
    struct instant news_at;  /* news is told to some; INSTANT_NEVER: there is none */
    struct instant news_last;
    struct instant unsettled_until; /* something changed lately: digests are frequent */
    struct instant heard_last;      /* anybody */
    struct instant digest_at;
    struct instant suspect_at; /* not later than the first suspect's end */
    struct swim_counters counters;
};

typedef void swim_taker(struct swim *s, struct instant now, uint16_t from, const struct message *m);

/* Sends one message to a member. */
void swim_word_send(struct swim *s, uint16_t to, const struct message *m);
/* All we hold about `subject`: its signed word, and the hearsay behind it. */
void swim_word_tell(struct swim *s, uint16_t to, uint16_t subject);
/* The words that ride with a probe or an answer. */
void swim_word_tell_news(struct swim *s, uint16_t to);
void swim_word_tell_digest(struct swim *s, uint16_t to, bool ask);
/* All we hold, if that is little; else our own word, and a digest will find what differs. */
void swim_word_tell_start(struct swim *s, uint16_t to);
/* This node's word for a life, above what an earlier run of this agent said in it. */
void swim_word_begin_life(struct swim *s, struct instant now, const struct nonce *life_nonce);
/* Its silence is over: now it refutes what it was accused of. */
void swim_word_end_hush(struct swim *s, struct instant now);
void swim_word_leave(struct swim *s, struct instant now);
/* News is told to a few random members, if it is time. */
void swim_word_spread(struct swim *s, struct instant now);
/* Member `index` is suspect or dead, as `by` (a slot) says; of a suspect: or also says. */
void swim_word_accuse(struct swim *s, struct instant now, uint16_t index, enum member_state state,
                      uint16_t by);
/* Suspects whose time is over are dead, by our word. */
void swim_word_bury(struct swim *s, struct instant now);
swim_taker swim_word_take_alive, swim_word_take_suspect, swim_word_take_dead, swim_word_take_digest;

/* Open probes whose time has come: others are asked to try, and who answered neither us nor any of
 * them is suspect. */
void swim_probe_judge(struct swim *s, struct instant now);
/* Sends the probes that are due. */
void swim_probe_begin(struct swim *s, struct instant now);
/* Somebody suspects whom we watch: we look for ourselves, now. */
void swim_probe_look(struct swim *s, struct instant now, uint16_t index);
/* This node's own finding about its edge to a member (M3); news only if it changes. */
void swim_probe_set_reach(struct swim *s, uint16_t index, bool unreachable);
/* Nothing was heard for a while, or many probes in a row had no answer: not slow, but cut off. */
bool swim_probe_cut_off(const struct swim *s, struct instant now);
/* A new session: what was sent to it before says nothing of this run. */
void swim_probe_meet(struct swim *s, struct instant now, uint16_t index);
/* Forgets what is open without a verdict. */
void swim_probe_void(struct swim *s);
/* Up to `wanted` random live members other than `except` and ourselves; returns how many. */
size_t swim_probe_choose(struct swim *s, uint16_t except, size_t wanted, uint16_t *out);
swim_taker swim_probe_take_ping, swim_probe_take_ack, swim_probe_take_ping_req,
    swim_probe_take_indirect_ack, swim_probe_take_away;

#endif
