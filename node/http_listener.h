/* Where HTTP is served: an address and a port, and the socket that listens there. */
#ifndef NODE_HTTP_LISTENER_H
#define NODE_HTTP_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>

#include "node/fault.h"

enum { HTTP_BACKLOG = 64 };

struct http_address {
    struct sockaddr_in6 storage; /* or a sockaddr_in: by its family */
    socklen_t size;
};

/* "127.0.0.1:9190" or "[::1]:9190"; names are not looked up. */
bool http_address_parse(struct http_address *out, const char *text);
/* Only this machine reaches it: 127.0.0.0/8 or ::1. */
bool http_address_is_local(const struct http_address *address);
/* A listening, nonblocking socket at `text`, which is an address; -1 with *fault. */
int http_listener_open(const char *text, struct fault *fault);

#endif
