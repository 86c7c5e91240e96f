/*
 * The HTTP server: for what is only looked at (node/web.h). GET and HEAD, no body, one request at a
 * time on each connection, answered in order; or a stream of events, until either end is gone.
 *
 * Nobody can hold it up (T4): a request must have come whole HTTP_REQUEST after its connection was
 * opened or its first byte came, however slowly it drips; an answer must be read as fast; there are
 * at most HTTP_CONNECTIONS_MAX connections, and one that comes when all are taken takes the place
 * of the one that has been silent longest, if one is. A stream that is not read is closed.
 *
 * Whose name is not known here is not answered (HTTP's 421), so no page of a stranger's can reach
 * this server under the stranger's own name (DNS rebinding).
 *
 * Lifetimes: an exchange lives from `run` until its final answer, or until its connection closes:
 * then `cancel` is called, if set, and nothing may be answered any more.
 */
#ifndef NODE_HTTP_H
#define NODE_HTTP_H

#include "node/clock.h"
#include "node/fault.h"
#include "node/http_request.h"

enum {
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_STREAMS_MAX = 16,          /* of these */
    HTTP_BACKLOG_MAX = 1024 * 1024, /* bytes of a stream that were not read */
    HTTP_NAMES_MAX = 16
};
#define HTTP_REQUEST SPAN_MS(10000) /* for a whole request to come, or an answer to be read */
#define HTTP_LINGER  SPAN_MS(1000)  /* for the other end to close after the last answer */
#define HTTP_IDLE    SPAN_MS(75000) /* between two requests of a connection */

struct event_base;
struct http_server;
struct http_connection;

struct http_exchange {
    struct http_connection *connection;
    const struct http_request *request;
    void *owner;                                    /* of `run`: NULL at first */
    void (*cancel)(struct http_exchange *exchange); /* the connection closes; set by `run` */
};

struct http_service {
    void *context;
    void (*run)(struct http_exchange *exchange);
    /* Names that a request may be for, in lower case, beside addresses and "localhost". */
    const char *names[HTTP_NAMES_MAX];
};

struct http_counters {
    uint64_t connections; /* accepted */
    uint64_t answers;     /* 2xx */
    uint64_t refused;     /* 4xx and 5xx */
    uint64_t crowded;     /* connections that had to go for others, or were not let in */
    uint64_t slow;        /* connections closed for what did not come or was not read in time */
};

/* `fd`: listening, nonblocking; stays the caller's. `service`, `clock`: outlive the server. */
struct http_server *http_open(struct event_base *base, struct clock *clock, int fd,
                              const struct http_service *service, struct fault *fault);
/* Closes every connection; exchanges are cancelled. */
void http_close(struct http_server *server);
size_t http_connection_count(const struct http_server *server);
size_t http_stream_count(const struct http_server *server);
const struct http_counters *http_counters(const struct http_server *server);

void *http_context(const struct http_exchange *exchange); /* of the service */

/* Ends the exchange. `extra`: further header lines, each with CRLF; "" if none. */
struct http_answer {
    int status;
    const char *type; /* Content-Type */
    const char *extra;
    const void *body;
    size_t size;
};
void http_reply(struct http_exchange *exchange, const struct http_answer *answer);
/* A line of text that says why not. */
void http_refuse(struct http_exchange *exchange, int status, const char *text);

/* Begins a stream instead. False: there are too many; the exchange was answered. */
bool http_stream(struct http_exchange *exchange, const char *type);
void http_stream_write(struct http_exchange *exchange, const void *bytes, size_t size);

#endif
