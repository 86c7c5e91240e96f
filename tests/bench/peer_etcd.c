/*
 * etcd: a cluster with its defaults, each node a process, driven through the gRPC gateway (JSON
 * over HTTP) on connections that are kept. A client has a lease, as etcd's sessions have. Exclusive
 * locks are those of its lock service (v3lock), which waits at the server. For shared ones the
 * recipe is one transaction: a key of the reader's, put if there is none of a writer.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "tests/bench/peer.h"
#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"

enum { TEXT_SIZE = 1024, KEY_SIZE = 256, LONG_TTL_S = 3600, SERVE_TRIES = 300 };

static const char etcd_program[] = "/usr/bin/etcd";

/* One connection, with one request at a time. */
struct http {
    struct evhttp_connection *connection;
    char host[32];
    void (*done)(void *context, const char *body); /* NULL: it failed; valid during the call */
    void *context;
};

struct etcd_client {
    struct http http;    /* locks and unlocks */
    struct http renewal; /* of the lease */
    char lease[32];
    int ttl_ms; /* 0: no renewals */
    bool closed;
    char key[KEY_SIZE]; /* that is held, in base64 */
    peer_done *done;
    void *context;
};

static const char *etcd_missing(void)
{
    return access(etcd_program, X_OK) == 0 ? NULL : "etcd-server is not installed";
}

/* --- HTTP --- */

static void http_answered(struct evhttp_request *request, void *context)
{
    struct http *h = context;
    const char *body = NULL;
    if (request && evhttp_request_get_response_code(request) == HTTP_OK) {
        struct evbuffer *in = evhttp_request_get_input_buffer(request);
        evbuffer_add(in, "", 1);
        body = (const char *)evbuffer_pullup(in, -1);
    }
    h->done(h->context, body);
}

static void http_open(struct http *h, uint16_t port, int patience_ms)
{
    struct timeval patience = {patience_ms / 1000, patience_ms % 1000 * 1000};
    h->connection = evhttp_connection_base_new(loop_base(), NULL, "127.0.0.1", port);
    if (!h->connection)
        abort();
    snprintf(h->host, sizeof h->host, "127.0.0.1:%u", port);
    if (patience_ms > 0)
        evhttp_connection_set_timeout_tv(h->connection, &patience);
    else
        evhttp_connection_set_timeout(h->connection, 600);
}

static void http_close(struct http *h)
{
    if (h->connection)
        evhttp_connection_free(h->connection);
    h->connection = NULL;
}

static void http_fail(void *context)
{
    struct http *h = context;
    h->done(h->context, NULL);
}

static void http_post(struct http *h, const char *path, const char *text,
                      void (*done)(void *context, const char *body), void *context)
{
    struct evhttp_request *request = evhttp_request_new(http_answered, h);
    if (!request)
        abort();
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Host", h->host);
    evhttp_add_header(headers, "Content-Type", "application/json");
    evbuffer_add(evhttp_request_get_output_buffer(request), text, strlen(text));
    h->done = done;
    h->context = context;
    if (evhttp_make_request(h->connection, request, EVHTTP_REQ_POST, path) != 0)
        loop_after(1000, http_fail, h);
}

/* A request that is waited for. */
struct waited {
    bool done;
    bool good;
    char body[TEXT_SIZE];
};

static void waited_done(void *context, const char *body)
{
    struct waited *w = context;
    w->done = true;
    w->good = body != NULL;
    snprintf(w->body, sizeof w->body, "%s", body ? body : "");
}

static bool http_ask(struct waited *w, uint16_t port, const char *path, const char *text)
{
    struct http h = {0};
    *w = (struct waited){0};
    http_open(&h, port, 2000);
    http_post(&h, path, text, waited_done, w);
    loop_wait(&w->done, 4000);
    http_close(&h);
    return w->good;
}

/* --- JSON and base64, as far as it goes --- */

static void base64(char *out, size_t room, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = strlen(text), n = 0;
    for (size_t i = 0; i < size && n + 5 < room; i += 3) {
        size_t left = size - i;
        unsigned bits = (unsigned)(unsigned char)text[i] << 16;
        if (left > 1)
            bits |= (unsigned)(unsigned char)text[i + 1] << 8;
        if (left > 2)
            bits |= (unsigned)(unsigned char)text[i + 2];
        for (unsigned digit = 0; digit < 4; digit++)
            out[n++] = digits[bits >> (18 - 6 * digit) & 63];
        if (left < 3)
            out[n - 1] = '=';
        if (left < 2)
            out[n - 2] = '=';
    }
    out[n] = '\0';
}

static bool string_of(char *out, size_t room, const char *body, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *at = strstr(body, pattern);
    size_t size = at ? strcspn(at + strlen(pattern), "\"") : room;
    if (size >= room)
        return false;
    memcpy(out, at + strlen(pattern), size);
    out[size] = '\0';
    return true;
}

/* --- Servers --- */

static bool node_start(struct peer *peer, int node)
{
    char dir[PATH_MAX], name[16], clients[64], peers[64], cluster[512] = "";
    if (!proc_node_dir(dir, peer, node))
        return false;
    snprintf(name, sizeof name, "n%d", node + 1);
    snprintf(clients, sizeof clients, "http://127.0.0.1:%u", peer->ports[node][0]);
    snprintf(peers, sizeof peers, "http://127.0.0.1:%u", peer->ports[node][1]);
    for (int i = 0; i < peer->nodes; i++) {
        size_t size = strlen(cluster);
        snprintf(cluster + size, sizeof cluster - size, "%sn%d=http://127.0.0.1:%u",
                 i > 0 ? "," : "", i + 1, peer->ports[i][1]);
    }
    const char *const argv[] = {etcd_program, "--name",
                                name,         "--data-dir",
                                "data",       "--listen-client-urls",
                                clients,      "--advertise-client-urls",
                                clients,      "--listen-peer-urls",
                                peers,        "--initial-advertise-peer-urls",
                                peers,        "--initial-cluster",
                                cluster,      "--initial-cluster-state",
                                "new",        NULL};
    peer->pids[node] = proc_start(dir, argv);
    return peer->pids[node] > 0;
}

/* The member ids of this node and of the leader, if it knows one. */
static bool node_status(const struct peer *peer, int node, char own[32], char leader[32])
{
    struct waited w;
    if (!http_ask(&w, peer->ports[node][0], "/v3/maintenance/status", "{}"))
        return false;
    return string_of(own, 32, w.body, "member_id") && string_of(leader, 32, w.body, "leader") &&
           strcmp(leader, "0") != 0;
}

/* Until every node knows a leader and a write went through it. */
static bool all_serve(struct peer *peer)
{
    char own[32], leader[32];
    struct waited w;
    int tries = SERVE_TRIES;
    for (int node = 0; node < peer->nodes && tries > 0;) {
        if (node_status(peer, node, own, leader) &&
            http_ask(&w, peer->ports[node][0], "/v3/kv/put", "{\"key\":\"cHJvYmU=\"}")) {
            node++;
        } else {
            tries--;
            if (!loop_run(50) || !proc_alive(peer->pids[node], peer->label))
                return false;
        }
    }
    if (tries == 0)
        loop_say("%s does not serve; see %s", peer->label, peer->dir);
    return tries > 0;
}

static bool etcd_start(struct peer *peer)
{
    if (!proc_ports(peer))
        return false;
    for (int node = 0; node < peer->nodes; node++)
        if (!node_start(peer, node))
            return false;
    return all_serve(peer);
}

static void etcd_stop(struct peer *peer)
{
    for (int node = 0; node < peer->nodes; node++)
        proc_kill(&peer->pids[node]);
}

static int etcd_leader(struct peer *peer)
{
    char own[32], leader[32];
    for (int node = 0; node < peer->nodes; node++)
        if (node_status(peer, node, own, leader) && strcmp(own, leader) == 0)
            return node;
    return -1;
}

static bool etcd_revive(struct peer *peer, int node)
{
    proc_kill(&peer->pids[node]);
    return node_start(peer, node) && all_serve(peer);
}

/* --- Clients --- */

static void renewal_due(void *context);

static void renewed(void *context, const char *body)
{
    struct etcd_client *c = context;
    (void)body;
    loop_after(c->ttl_ms * 1000 / 3, renewal_due, c);
}

static void renew(struct etcd_client *c)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "{\"ID\":\"%s\"}", c->lease);
    http_post(&c->renewal, "/v3/lease/keepalive", text, renewed, c);
}

static void renewal_due(void *context)
{
    struct etcd_client *c = context;
    if (c->closed)
        free(c);
    else
        renew(c);
}

static void *etcd_open(struct peer *peer, const struct peer_terms *terms)
{
    struct etcd_client *c = calloc(1, sizeof *c);
    char text[TEXT_SIZE];
    struct waited w;
    if (!c)
        return NULL;
    uint16_t port = peer->ports[terms->node][0];
    /* It makes the shortest that it has of what is too short: ceil(1.5 x its election timeout). */
    snprintf(text, sizeof text, "{\"TTL\":\"%d\"}",
             terms->ttl_ms ? (terms->ttl_ms + 999) / 1000 : LONG_TTL_S);
    if (!http_ask(&w, port, "/v3/lease/grant", text) ||
        !string_of(c->lease, sizeof c->lease, w.body, "ID")) {
        loop_say("%s: no lease: %s", peer->label, w.body);
        free(c);
        return NULL;
    }
    http_open(&c->http, port, terms->patience_ms);
    c->ttl_ms = terms->ttl_ms;
    if (c->ttl_ms > 0) {
        http_open(&c->renewal, port, 0);
        renew(c);
    }
    return c;
}

static void etcd_close(void *client)
{
    struct etcd_client *c = client;
    c->closed = true;
    http_close(&c->http);
    http_close(&c->renewal);
    if (c->ttl_ms == 0)
        free(c); /* else with its timer */
}

static void client_end(struct etcd_client *c, bool good)
{
    peer_done *done = c->done;
    c->done = NULL;
    if (done)
        done(c->context, good);
}

static void locked(void *context, const char *body)
{
    struct etcd_client *c = context;
    client_end(c, body && string_of(c->key, sizeof c->key, body, "key"));
}

static void locked_shared(void *context, const char *body)
{
    client_end(context, body && strstr(body, "\"succeeded\":true"));
}

static void lock_shared(struct etcd_client *c, const char *name)
{
    char text[TEXT_SIZE], plain[PEER_NAME_SIZE + 64], first[KEY_SIZE], end[KEY_SIZE];
    snprintf(plain, sizeof plain, "%s/write/", name);
    base64(first, sizeof first, plain);
    snprintf(plain, sizeof plain, "%s/write0", name);
    base64(end, sizeof end, plain);
    snprintf(plain, sizeof plain, "%s/read/%s", name, c->lease);
    base64(c->key, sizeof c->key, plain);
    snprintf(text, sizeof text,
             "{\"compare\":[{\"target\":\"CREATE\",\"result\":\"EQUAL\",\"create_revision\":\"0\","
             "\"key\":\"%s\",\"range_end\":\"%s\"}],"
             "\"success\":[{\"request_put\":{\"key\":\"%s\",\"lease\":\"%s\"}}]}",
             first, end, c->key, c->lease);
    http_post(&c->http, "/v3/kv/txn", text, locked_shared, c);
}

static void etcd_lock(void *client, const char *name, enum peer_mode mode, peer_done *done,
                      void *context)
{
    struct etcd_client *c = client;
    char text[TEXT_SIZE], key[KEY_SIZE];
    c->done = done;
    c->context = context;
    if (mode == PEER_SHARED) {
        lock_shared(c, name);
        return;
    }
    base64(key, sizeof key, name);
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"lease\":\"%s\"}", key, c->lease);
    http_post(&c->http, "/v3/lock/lock", text, locked, c);
}

static void unlocked(void *context, const char *body)
{
    client_end(context, body != NULL);
}

static void etcd_unlock(void *client, peer_done *done, void *context)
{
    struct etcd_client *c = client;
    char text[TEXT_SIZE];
    c->done = done;
    c->context = context;
    snprintf(text, sizeof text, "{\"key\":\"%s\"}", c->key);
    http_post(&c->http, "/v3/kv/deleterange", text, unlocked, c);
}

const struct peer_driver peer_etcd = {
    .name = "etcd",
    .shares = true,
    .least_ttl_ms = 1000,
    .missing = etcd_missing,
    .start = etcd_start,
    .stop = etcd_stop,
    .open = etcd_open,
    .close = etcd_close,
    .lock = etcd_lock,
    .unlock = etcd_unlock,
    .leader = etcd_leader,
    .revive = etcd_revive,
};
