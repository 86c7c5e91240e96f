/*
 * The executor's socket: takes connections of the agent's user (SO_PEERCRED) and of nobody else,
 * hands its requests to the fencer one at a time, and answers.
 *
 * What must hold: a peer that says anything but a request loses its connection; one that does not
 * take its answers loses it too; nothing grows with what a peer sends. With its connection a peer
 * loses its runs: an agent that is gone is answered to nobody, and the next executor takes over.
 */
#ifndef NODE_EXECUTOR_SERVER_H
#define NODE_EXECUTOR_SERVER_H

#include "node/fencer.h"
#include "node/inspector.h"

enum { EXECUTOR_CONNECTIONS_MAX = 8 };

struct executor_server;

/* `socket` listens and stays the caller's. `user` is the agent's. NULL with *fault. */
struct executor_server *executor_server_open(struct event_base *base, int socket, uid_t user,
                                             struct fault *fault);
/* The fencer whose `done` is executor_server_done, and the inspector whose `done` is
 * executor_server_inspected, each with the server as context. */
void executor_server_serve(struct executor_server *server, struct fencer *fencer,
                           struct inspector *inspector);
void executor_server_done(void *context, uint64_t owner, uint64_t id,
                          const struct driver_result *result);
void executor_server_inspected(void *context, uint64_t owner, const struct executor_answer *answer);
void executor_server_close(struct executor_server *server);

#endif
