/*
 * The varlink server: connections on a Unix socket, one call at a time on each, answered in order.
 *
 * A call that is not answered yet holds back the later ones of its connection, and only of its own.
 * A client that sends what is no varlink, sends more than VARLINK_PIPELINE ahead, or does not read
 * its answers, loses its connection; nobody else notices (T4).
 *
 * Lifetimes: a call lives from its method's start until its final answer, or until its connection
 * closes: then `cancel` is called, if set, and nothing may be answered any more. Connections close
 * between calls of methods, never inside one: `closed` of the service is the last that is heard of
 * one.
 */
#ifndef NODE_VARLINK_H
#define NODE_VARLINK_H

#include <sys/socket.h>

#include <jansson.h>

#include "node/clock.h"
#include "node/fault.h"
#include "node/frame.h"

enum {
    VARLINK_CONNECTIONS_MAX = 1024,
    VARLINK_CONNECTIONS_PER_USER = 256,
    VARLINK_PIPELINE = 2 * FRAME_MAX,  /* bytes that may wait behind an unanswered call */
    VARLINK_BACKLOG_MAX = 1024 * 1024, /* bytes of answers that a client has not read */
    VARLINK_CALLS_PER_TURN = 32,       /* of one connection, before the others get theirs */
    VARLINK_TEXT_MAX = 512             /* bytes of varlink_reply_text, NUL and frame included */
};

struct varlink_server;
struct varlink_connection;

struct varlink_call {
    struct varlink_connection *connection;
    bool more;                                 /* the caller takes several answers */
    bool oneway;                               /* the caller takes none; answers are dropped */
    void *owner;                               /* of the method: NULL at first */
    void (*cancel)(struct varlink_call *call); /* the connection closes; set by the method */
};

/* The method named `name` ("interface.Method"). Takes `parameters`, checked against `list`. */
struct varlink_method {
    const char *name;
    void (*run)(struct varlink_call *call, const json_t *parameters);
    const struct frame_parameter *list;
    size_t list_count;
    bool needs_more; /* makes no sense with one answer: ExpectedMore without */
};

struct varlink_service {
    const char *vendor;
    const char *product;
    const char *version;
    const char *url;
    const char *interface;
    const char *description; /* of the interface, in varlink's own language */
    const struct varlink_method *methods;
    size_t method_count;
    void *context;
    /* What the service makes of who connected, once for each connection; NULL: 0. */
    uint64_t (*badge)(const struct varlink_connection *connection);
    /* Whether a method may run, with its checked parameters; NULL: it may. False: answered. */
    bool (*permits)(struct varlink_call *call, const char *method, const json_t *parameters);
    /* The connection is gone after this; its call, if any, was cancelled before. */
    void (*closed)(struct varlink_connection *connection);
};

struct varlink_counters {
    uint64_t connections; /* accepted */
    uint64_t refused;     /* over a cap */
    uint64_t calls;
    uint64_t denied;  /* calls that the service did not permit */
    uint64_t garbage; /* connections closed for what they sent */
    uint64_t slow;    /* connections closed for what they did not read */
};

/* `fd`: listening; stays the caller's. `service`, `clock`: outlive the server. */
struct varlink_server *varlink_open(struct event_base *base, struct clock *clock, int fd,
                                    const struct varlink_service *service, struct fault *fault);
/* Closes every connection, after an attempt to write what waits, without calling `closed` or
 * `cancel`. */
void varlink_close(struct varlink_server *server);
size_t varlink_connection_count(const struct varlink_server *server);
const struct varlink_counters *varlink_counters(const struct varlink_server *server);

/* Answers; `parameters` (may be NULL: none) is stolen. The first two end the call. */
void varlink_reply(struct varlink_call *call, json_t *parameters);
void varlink_error(struct varlink_call *call, const char *error, json_t *parameters);
/* The same for short answers that are given all the time: `parameters` are JSON already. */
void varlink_reply_text(struct varlink_call *call, const char *parameters);
/* One of several; needs `more`. */
void varlink_reply_more(struct varlink_call *call, json_t *parameters);
/* Ends the call with org.varlink.service.InvalidParameter about `name`. */
void varlink_invalid(struct varlink_call *call, const char *name);

void *varlink_context(const struct varlink_connection *connection); /* of the service */
/* Who connected: SO_PEERCRED. pid 0: it is in a pid namespace that this process cannot see. */
const struct ucred *varlink_peer(const struct varlink_connection *connection);
/* What `badge` of the service said of it. */
uint64_t varlink_badge(const struct varlink_connection *connection);
/* Asks `badge` of the service anew for every connection. */
void varlink_rebadge(struct varlink_server *server);
/* The connection's socket, for getsockopt only. */
int varlink_fd(const struct varlink_connection *connection);
/* The service's own note on a connection; NULL at first. */
void *varlink_note(const struct varlink_connection *connection);
void varlink_set_note(struct varlink_connection *connection, void *note);

#endif
