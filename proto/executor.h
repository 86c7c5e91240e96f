/*
 * The executor (F9): carries out certified orders against others, one order's action once.
 *
 *     RANKED      --its turn-->                  ASKING
 *     ASKING      --q jurors said yes-->         WRITING
 *     WRITING     --durable, and in time-->      RUNNING
 *     RUNNING     --off, and status says off-->  WITNESSING
 *     WITNESSING  --no other node says on-->     a receipt (F6b)
 *
 * What an order allows is a ladder: the roster's actions in its order. If one fails, this executor
 * goes on to the next, and asks the jurors anew for it; it says that it failed when all have.
 *
 * Executors are ranked by hash; the next takes over when one fails or is silent. The driver is
 * started only within ASK_SPAN of asking q jurors with a fresh nonce, none of which knows an end
 * statement or a higher life; each of them then takes no higher life into its book until this is
 * over. That it acts is durable before it does, so it never acts twice on one life; and written
 * only when a quorum said yes, so that who asked in vain and started anew may still act. Beside one
 * that began no other does, and of several that began one goes on (begun.h).
 */
#ifndef PROTO_EXECUTOR_H
#define PROTO_EXECUTOR_H

#include "proto/docket.h"
#include "proto/standing.h"

enum execution_phase {
    EXECUTION_ASKING,
    EXECUTION_WRITING,
    EXECUTION_RUNNING,
    EXECUTION_WITNESSING,
    EXECUTION_OVER
};

struct execution {
    bool used;
    uint16_t slot;
    uint64_t life;
    struct scope scope; /* none: the whole life */
    enum execution_phase phase;
    uint8_t action; /* the rung of the ladder that it is at */
    bool written;   /* that it acts: */
    bool began;     /* and said so */
    uint64_t lsn;
    uint64_t nonce; /* of the asking, or of the witness */
    uint32_t yes;   /* mask over the jury */
    struct instant asked_at, again_at;
    struct span rest; /* between askings that no quorum said yes to */
    bool resting;
    uint16_t witness; /* asked; SLOT_NONE: none */
    char device[DEVICE_SIZE];
};

/* A status query that this node was asked for as a witness. */
struct testimony {
    bool used;
    uint16_t asker;
    uint16_t slot;
    uint64_t life;
    struct scope scope;
    uint8_t action;
    uint64_t nonce;
};

struct executor {
    struct core *core;
    struct docket *docket;
    struct proofs *proofs;
    /* Of each order in the docket one at most, beside those of lives that are over: so there is a
     * place for each, also while many others have failed and wait for the ends of their lives. */
    struct execution *table; /* places_orders() of them at most; */
    size_t count;            /* so many were ever used */
    uint32_t used;           /* so many are; mostly none, and every turn asks */
    struct testimony testimonies[EFFECTS_RUNS_MAX];
    struct run runs[EFFECTS_RUNS_MAX]; /* for the next effects */
    size_t run_count;
    struct instant step_at;
    bool serves; /* the roster lets this node execute */
};

size_t executor_bytes(const struct peer_config *config);
void executor_init(struct executor *x, struct core *core, struct docket *docket,
                   struct proofs *proofs, void *memory);
/* Records EXECUTED: never again. False if it does not fit. */
bool executor_load(struct executor *x, const struct record *record);
/* An order is in the docket, or a report came: it may be this node's turn. */
void executor_look(struct executor *x, struct instant now);
/* The same, once in the next turn, whatever else there is until then: something is over, and its
 * place may be another's. */
void executor_look_soon(struct executor *x, struct instant now);
/* Messages EXEC_OK, WITNESS_ASK, WITNESS. */
void executor_take(struct executor *x, struct instant now, uint16_t from, const struct message *m);
/* EVENT_EXECUTED. */
void executor_ran(struct executor *x, struct instant now, const struct event *event);
void executor_step(struct executor *x, struct instant now);
struct instant executor_deadline(const struct executor *x);
/* The runs of the last effects were carried out. */
void executor_taken(struct executor *x);
/* How far an order has come. */
enum fence_stage executor_stage(const struct core *c, const struct docket_entry *e);
/* Of those that may act on an order, the one with the lowest acts first. */
uint64_t executor_rank(const struct core *c, const struct digest *order, uint16_t slot);
/* So long one is silent before the next takes its turn. */
struct span executor_turn(void);
/* The record of one execution; false if there is none. */
bool executor_record(const struct executor *x, size_t index, struct record *out);

#endif
