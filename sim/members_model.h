/*
 * Two models that ours is compared with: SWIM as hashicorp/memberlist had it before Lifeguard, and
 * memberlist with Lifeguard (arXiv 1707.00788). They are the state machines of memberlist 0.5
 * (state.go, suspicion.go, awareness.go, queue.go) without bytes: a datagram is a list of records
 * whose wire size is reckoned. Nothing of proto/ is used, and nothing of them is part of a peer.
 *
 *     members_model.c        timers, words, what is believed
 *     members_model_probe.c  probes and their helpers
 */
#ifndef SIM_MEMBERS_MODEL_H
#define SIM_MEMBERS_MODEL_H

#include "sim/members.h"

enum {
    MODEL_RELAYS = 64,
    MODEL_CONFIRMS = 8,
    MODEL_LEVELS = 32,      /* tellings of one word, at most */
    MODEL_RECORDS_MAX = 64, /* in one datagram */
    MODEL_DATAGRAM_MAX = 1400,
    MODEL_SEAL = 34 /* version, nonce, tag, checksum */
};

enum model_kind {
    MODEL_PING,
    MODEL_ACK,
    MODEL_NACK,
    MODEL_PING_REQ,
    MODEL_STREAM_PING, /* over TCP, when a datagram got no answer */
    MODEL_ALIVE,
    MODEL_SUSPECT,
    MODEL_DEAD,
    MODEL_PUSH, /* all that is known follows; over TCP */
    MODEL_PULL
};

struct model_record {
    uint8_t kind;
    uint16_t node;
    uint16_t from;
    uint32_t incarnation;
    uint32_t seq;
};

/* What one node holds of another. */
struct model_view {
    uint32_t incarnation : 28;
    uint32_t state : 4; /* enum member_state */
};

struct model_suspicion {
    uint16_t node;
    uint16_t from[MODEL_CONFIRMS];
    uint32_t confirmed;
    uint32_t wanted; /* K */
    int64_t began, min, max, due;
};

struct model_word {
    uint16_t node;
    uint16_t from;
    uint8_t kind;
    uint32_t incarnation;
};

struct model_level {
    struct model_word *words;
    size_t count, room;
};

struct model_probe {
    bool open, sent, asked, acked;
    uint16_t target;
    uint32_t seq;
    uint32_t nacks, nacks_wanted;
    int64_t began, ask_at, judge_at;
};

struct model_relay {
    uint32_t seq, asker_seq;
    uint16_t asker;
    int64_t nack_at; /* 0: none is owed */
};

struct model_node {
    struct model_view *views;
    uint16_t *gone_at; /* virtual seconds when it was held dead; beside `views` */
    uint16_t *ring;
    size_t ring_next;
    uint32_t incarnation, seq, awareness;
    struct model_probe probe;
    struct model_relay relays[MODEL_RELAYS];
    size_t relay_next;
    struct model_suspicion *suspicions;
    size_t suspicion_count, suspicion_room;
    struct model_level levels[MODEL_LEVELS];
    int64_t probe_at, gossip_at, push_at;
};

struct model {
    struct model_node *nodes;
    struct model_view *views;
    uint16_t *gone_at;
    uint16_t *rings;
    bool lifeguard;
    uint32_t suspicion_mult;
    uint32_t transmit_limit;
    int64_t push_period;
};

static inline struct model *model_of(const struct members_world *w)
{
    return w->state;
}

/* log10(n), in 1/1024ths. */
uint32_t model_log10(uint64_t n);
/* Awareness: 0 (well) to 7. */
void model_aware(struct model *m, struct model_node *n, int32_t delta);
/* One record, with words that ride along, if `ride`. */
void model_send(struct members_world *w, size_t from, size_t to, struct model_record record,
                bool ride);
void model_stream(struct members_world *w, size_t from, size_t to, struct model_record record);
/* Up to `wanted` random others that are held alive (or suspect too). */
size_t model_choose(struct members_world *w, size_t node, size_t except, bool suspects,
                    size_t wanted, uint16_t *out);
void model_suspect(struct members_world *w, size_t node, struct model_record record);
/* members_model_probe.c */
void model_probe_step(struct members_world *w, size_t node);
int64_t model_probe_deadline(const struct members_world *w, size_t node);
void model_probe_take(struct members_world *w, size_t node, size_t from,
                      const struct model_record *r);

#endif
