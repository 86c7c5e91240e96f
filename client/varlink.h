/*
 * A blocking varlink client on a Unix socket: one JSON object and a NUL byte each way
 * (https://varlink.org/Wire-Protocol). Written for one thread; a stream (`more`) occupies its
 * connection, and is ended by closing it.
 *
 * Bounded: a message to send has at most VARLINK_SEND_MAX bytes, one received at most
 * VARLINK_RECEIVE_MAX; beyond, the connection is of no more use (VARLINK_GARBLED).
 */
#ifndef CLIENT_VARLINK_H
#define CLIENT_VARLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum {
    VARLINK_SEND_MAX = 64 * 1024,
    VARLINK_RECEIVE_MAX = 32 * 1024 * 1024 /* List: 65,536 operations of some 300 to 500 bytes */
};

enum varlink_status {
    VARLINK_OK,
    VARLINK_AGAIN,       /* no whole message is there yet, or the time is over */
    VARLINK_UNREACHABLE, /* open: nobody listens at the path; errno says why */
    VARLINK_FORBIDDEN,   /* open: the socket's mode says no */
    VARLINK_LONG_PATH,   /* open: over 107 bytes */
    VARLINK_CLOSED,      /* the other side went away */
    VARLINK_GARBLED,     /* what came is not varlink, or over the bound */
    VARLINK_TOO_LARGE    /* send: over VARLINK_SEND_MAX; nothing was sent */
};

struct varlink {
    int fd;      /* -1 when closed; may be polled for reading */
    char *bytes; /* received and not yet taken */
    size_t size;
    size_t room;
    size_t seen; /* bytes that are known to hold no NUL */
};

struct varlink_reply {
    json_t *parameters; /* an object, perhaps empty; the receiver's to json_decref */
    char error[128];    /* the error's full name; empty if the call succeeded */
    bool continues;     /* more replies to the same call follow */
};

enum varlink_flag { VARLINK_PLAIN, VARLINK_MORE, VARLINK_ONEWAY };

/* One sentence for a person, without a final stop; static. */
const char *varlink_status_text(enum varlink_status status);

/* The socket is closed on exec. After any failure `v` is closed. */
enum varlink_status varlink_open(struct varlink *v, const char *path)
    __attribute__((warn_unused_result));
void varlink_close(struct varlink *v);

/* Sends a call. `parameters` is stolen, and may be NULL for none; `method` is its full name. */
enum varlink_status varlink_send(struct varlink *v, const char *method, json_t *parameters,
                                 enum varlink_flag flag) __attribute__((warn_unused_result));
/* The next whole reply of those already received: VARLINK_OK, AGAIN or GARBLED. Does not read. */
enum varlink_status varlink_take(struct varlink *v, struct varlink_reply *out)
    __attribute__((warn_unused_result));
/* Reads what is there without waiting: VARLINK_OK (perhaps nothing), CLOSED or GARBLED. */
enum varlink_status varlink_fill(struct varlink *v) __attribute__((warn_unused_result));
/* Waits for the next reply; VARLINK_AGAIN after `timeout_ms` (-1: for ever). */
enum varlink_status varlink_receive(struct varlink *v, struct varlink_reply *out, int timeout_ms)
    __attribute__((warn_unused_result));
/* Sends a plain call and waits for its reply. */
enum varlink_status varlink_call(struct varlink *v, const char *method, json_t *parameters,
                                 struct varlink_reply *out, int timeout_ms)
    __attribute__((warn_unused_result));

#endif
