/*
 * One HTTP request, as far as the agent's own server takes it (node/http.h): a GET or HEAD without
 * a body. A pure parser over bytes of anybody.
 *
 * It is strict: a line ends with CRLF, a target begins with "/", a Host is there once, nothing is
 * folded. What is not so is answered with a status of its own and ends the connection, so nothing
 * behind it can be taken for another request. Sources: RFC 9110, RFC 9112.
 */
#ifndef NODE_HTTP_REQUEST_H
#define NODE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HTTP_HEAD_MAX = 8192, /* bytes of a request, its end included */
    HTTP_TARGET_MAX = 2048,
    HTTP_FIELDS_MAX = 64,
    HTTP_VALUE_MAX = 256 /* of a field that is looked at */
};

enum http_verdict {
    HTTP_PARTIAL, /* more is needed */
    HTTP_WHOLE,
    HTTP_REFUSED /* `status` says how to answer */
};

struct http_request {
    int status; /* HTTP_REFUSED: 400, 405, 413, 414, 431, 505 */
    size_t size;
    bool head;                        /* HEAD: the answer has no body */
    bool keep_alive;                  /* the connection may go on */
    bool cross_site;                  /* a browser says that another site asks (Sec-Fetch-Site) */
    char path[HTTP_TARGET_MAX + 1];   /* as sent, without the query */
    char query[HTTP_TARGET_MAX + 1];  /* as sent; "" if there is none */
    char host[HTTP_VALUE_MAX + 1];    /* without the port, in lower case; "" if there is none */
    char last_id[HTTP_VALUE_MAX + 1]; /* Last-Event-ID; "" if there is none */
};

/* `size` may be beyond the request. */
enum http_verdict http_request_parse(struct http_request *out, const char *bytes, size_t size);

/*
 * The decoded value of `name` in a query ("a=1&b=%2F+x"): true if it is there once or more (the
 * first counts), is well-formed, has no NUL and fits. *length: its bytes; out is ended with a NUL.
 */
bool http_query(const char *query, const char *name, char *out, size_t size, size_t *length);

/* An address in figures, as in Host: "127.0.0.1", "[::1]". */
bool http_host_is_address(const char *host);

#endif
