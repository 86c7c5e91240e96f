/* Between the files of what is shown over HTTP. */
#ifndef NODE_WEB_INTERNAL_H
#define NODE_WEB_INTERNAL_H

#include "node/http.h"
#include "node/page.h"
#include "node/web.h"

struct web {
    struct api *api;
    struct clock *clock;
    struct http_service service;
    struct http_server *server;
    int fd;
    size_t looks; /* at locks, that wait for their answers */
    struct page page;
};

struct web *web_of(const struct http_exchange *exchange);
/* Ends the exchange; `body` is stolen. */
void web_json(struct http_exchange *exchange, int status, json_t *body);

/* web_lock.c: one lock as a majority of its voters knows it; names that this voter stores. */
void web_lock(struct http_exchange *exchange);
void web_names(struct http_exchange *exchange);

#endif
