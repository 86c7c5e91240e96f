/*
 * A connection of the agent to the executor's socket, in the agent's loop: requests go out, answers
 * come in. What is lost with it is for its owner to say.
 */
#ifndef NODE_EXECUTOR_LINE_H
#define NODE_EXECUTOR_LINE_H

#include "node/executor_wire.h"

struct event_base;
struct event;

struct executor_line {
    struct event_base *base;
    void (*answered)(void *context, const struct executor_answer *answer);
    /* It is closed by then. Not called for what the owner does itself. */
    void (*lost)(void *context, const char *why);
    void *context;
    int fd; /* -1: not connected */
    struct event *event;
};

void executor_line_init(struct executor_line *line, struct event_base *base,
                        void (*answered)(void *context, const struct executor_answer *answer),
                        void (*lost)(void *context, const char *why), void *context);
/* 0, or errno. Never waits; one that is connected stays so. */
int executor_line_connect(struct executor_line *line, const char *path);
/* 0, or errno: then it is closed. */
int executor_line_send(struct executor_line *line, const struct executor_request *request);
void executor_line_close(struct executor_line *line);

#endif
