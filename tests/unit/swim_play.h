/*
 * A stage for swims: real keys, words and outboxes, a network that only delays, loses and cuts, and
 * a clock that jumps from event to event. Actors are numbered from 0; their slots are play_slot(i),
 * so that an index taken for a slot is noticed.
 */
#ifndef TESTS_UNIT_SWIM_PLAY_H
#define TESTS_UNIT_SWIM_PLAY_H

#include <check.h>

#include "crypto/statement.h"
#include "proto/swim.h"

enum {
    PLAY_ACTORS_MAX = 31,
    PLAY_OUTBOX_SIZE = 1 << 19,
    PLAY_LINE_MAX = 128,
    PLAY_TALK_MAX = 4096
};

/* A message on its way. */
struct play_flight {
    struct instant due;
    uint16_t from; /* actor */
    uint16_t to;
    uint16_t size;
    uint8_t bytes[PLAY_LINE_MAX];
};

struct play_actor {
    bool up;
    struct key_pair key;
    struct drbg drbg;
    struct outbox outbox;
    uint8_t *outbox_memory;
    void *memory;
    struct swim *swim;
    struct swim_change changes[PLAY_TALK_MAX]; /* all that it noticed in this run */
    size_t change_count;
};

struct play {
    size_t count;
    struct instant now;
    struct roster roster;
    struct cluster_id cluster;
    struct swim_timing timing;
    struct drbg drbg;
    struct play_actor actors[PLAY_ACTORS_MAX];
    bool cut[PLAY_ACTORS_MAX][PLAY_ACTORS_MAX]; /* [from][to] */
    unsigned loss_percent;
    struct play_flight *flights; /* ring: the delay is constant, so the order of sending is kept */
    size_t flight_start;
    size_t flight_count;
    uint64_t carried;
    uint64_t trace; /* hash over every message carried and its time */
};

/* The stage with `count` actors, none of them up. Freed by play_end. */
struct play *play_begin(size_t count, uint8_t seed);
void play_end(struct play *p);

uint16_t play_slot(size_t actor);
/* A nonce that belongs to (actor, life). */
struct nonce play_nonce(size_t actor, uint64_t life);
/* The actor's agent comes up, with no memory of before, and does not know its life yet. */
void play_boot(struct play *p, size_t actor);
/* It knows its life and speaks. */
void play_start(struct play *p, size_t actor, uint64_t life);
/* Sessions between two actors, both ways. */
void play_connect(struct play *p, size_t a, size_t b);
/* Boots and starts `actor` under `life` and connects it with everybody who is up and not cut off.
 */
void play_enter(struct play *p, size_t actor, uint64_t life);
/* Everybody enters under life 1, at once, and has had time to say so. */
void play_enter_all(struct play *p);
void play_crash(struct play *p, size_t actor);
/* Its agent stops under its locks, and says so (proto/away.h): the others hear it. */
void play_away(struct play *p, size_t actor);
/* Time passes. */
void play_run(struct play *p, int64_t ms);
/* Messages from `a` are lost on the way to `b`, or no longer. */
void play_cut(struct play *p, size_t a, size_t b, bool cut);
/* Both ways between all of the first `size` actors and all others. */
void play_split(struct play *p, size_t size, bool cut);
/* `from` says `m` to `to`: carried like any other message. */
void play_say(struct play *p, size_t from, size_t to, const struct message *m);
/* A member's word, signed with the key of `signer`. */
struct message play_word(const struct play *p, size_t subject, size_t signer, uint64_t life,
                         uint32_t incarnation, bool left);
/* Hearsay about `subject`, of WIRE_SUSPECT or WIRE_DEAD. */
struct message play_accusation(enum wire_type type, size_t subject, uint64_t life,
                               uint32_t incarnation, size_t by);

struct member_view play_view(const struct play *p, size_t observer, size_t subject);
/* Everybody who is up, but the subject itself, holds `subject` for `state`. */
bool play_all_hold(const struct play *p, size_t subject, enum member_state state);
/* Everybody who is up holds everybody for alive. */
bool play_all_alive(const struct play *p);
/* How often the observer noticed that `subject` became `state`. */
size_t play_noticed(const struct play *p, size_t observer, size_t subject, enum member_state state);
/* The same, of all observers. */
size_t play_noticed_by_all(const struct play *p, size_t subject, enum member_state state);

/* The part of the suite where one swim is spoken to by hand (test_swim_alone.c). */
TCase *tcase_swim_alone(void);

#endif
