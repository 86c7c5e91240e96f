/*
 * Redlock: as many redis-servers as there are nodes, independent of each other, each with its
 * append-only file synced before it answers; driven by hiredis. A client asks all at once and holds
 * what a majority gave; who got less gives that back, and tries again a little later. Nobody is
 * told when a lock falls free. Piped clients share one connection to each server.
 */
#include "tests/bench/peer.h"

#if __has_include(<hiredis/hiredis.h>) && !defined(PEER_WITHOUT_REDIS)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>

#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"

enum {
    LONG_TTL_MS = 3600 * 1000,
    RETRY_LEAST_US = 500, /* after a refusal; the rest is drawn */
    RETRY_DRAWN_US = 3000,
    SERVE_TRIES = 200
};

static const char redis_program[] = "/usr/bin/redis-server";

/* One connection to each server. NULL: it is lost. */
struct wire {
    redisAsyncContext *to[PEER_NODES_MAX];
    int users;
};

struct redlock {
    struct wire *piped;
};

struct redlock_client {
    struct peer *peer;
    struct wire *wire;
    int ttl_ms;
    bool renews;
    bool closed;
    char token[32];
    const char *name;
    peer_done *done;
    void *context;
};

/* One question to all servers; lives until each has answered or is known not to. */
struct round {
    struct redlock_client *client; /* NULL once the round is decided */
    void (*decided)(struct redlock_client *client, bool majority);
    int nodes;
    int asked;
    int good;
    int answered;
    int left; /* answers that will still come */
};

static const char *redlock_missing(void)
{
    return access(redis_program, X_OK) == 0 ? NULL : "redis-server is not installed";
}

/* --- Servers --- */

static bool node_start(struct peer *peer, int node)
{
    char dir[PATH_MAX], port[8];
    if (!proc_node_dir(dir, peer, node))
        return false;
    snprintf(port, sizeof port, "%u", peer->ports[node][0]);
    const char *const argv[] = {redis_program, "--port",       port,  "--bind",
                                "127.0.0.1",   "--appendonly", "yes", "--appendfsync",
                                "always",      "--save",       "",    NULL};
    peer->pids[node] = proc_start(dir, argv);
    return peer->pids[node] > 0;
}

static bool all_serve(struct peer *peer)
{
    struct timeval patience = {1, 0};
    int tries = SERVE_TRIES;
    for (int node = 0; node < peer->nodes && tries > 0;) {
        redisContext *c = redisConnectWithTimeout("127.0.0.1", peer->ports[node][0], patience);
        redisReply *reply = c && !c->err ? redisCommand(c, "PING") : NULL;
        bool good = reply && reply->type == REDIS_REPLY_STATUS;
        if (reply)
            freeReplyObject(reply);
        if (c)
            redisFree(c);
        if (good) {
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

static bool redlock_start(struct peer *peer)
{
    peer->state = calloc(1, sizeof(struct redlock));
    if (!peer->state || !proc_ports(peer))
        return false;
    for (int node = 0; node < peer->nodes; node++)
        if (!node_start(peer, node))
            return false;
    return all_serve(peer);
}

static void redlock_stop(struct peer *peer)
{
    for (int node = 0; node < peer->nodes; node++)
        proc_kill(&peer->pids[node]);
    free(peer->state);
    peer->state = NULL;
}

/* No server is more than another. */
static int redlock_leader(struct peer *peer)
{
    (void)peer;
    return 0;
}

static bool redlock_revive(struct peer *peer, int node)
{
    proc_kill(&peer->pids[node]);
    return node_start(peer, node) && all_serve(peer);
}

/* --- Connections --- */

static void wire_cut(const redisAsyncContext *context, int status)
{
    struct wire *wire = context->data;
    (void)status;
    for (int i = 0; wire && i < PEER_NODES_MAX; i++)
        if (wire->to[i] == context)
            wire->to[i] = NULL;
}

static struct wire *wire_open(const struct peer *peer)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (!wire)
        return NULL;
    for (int i = 0; i < peer->nodes; i++) {
        redisAsyncContext *to = redisAsyncConnect("127.0.0.1", peer->ports[i][0]);
        if (!to || to->err || redisLibeventAttach(to, loop_base()) != REDIS_OK) {
            loop_say("%s: cannot connect to server %d", peer->label, i + 1);
            continue;
        }
        to->data = wire;
        redisAsyncSetDisconnectCallback(to, wire_cut);
        wire->to[i] = to;
    }
    return wire;
}

static void wire_close(struct wire *wire)
{
    for (int i = 0; i < PEER_NODES_MAX; i++)
        if (wire->to[i]) {
            redisAsyncContext *to = wire->to[i];
            to->data = NULL;
            redisAsyncFree(to); /* what is under way is answered with nothing */
        }
    free(wire);
}

/* --- Rounds --- */

static void answered(redisAsyncContext *context, void *answer, void *private)
{
    struct round *r = private;
    const redisReply *reply = answer;
    (void)context;
    bool good = reply && ((reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0) ||
                          (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1));
    r->good += good;
    r->answered++;
    r->left--;
    int majority = r->nodes / 2 + 1;
    struct redlock_client *client = r->client;
    if (client && (r->good == majority || r->answered == r->asked)) {
        void (*decided)(struct redlock_client *, bool) = r->decided;
        bool won = r->good >= majority;
        r->client = NULL;
        if (r->left == 0)
            free(r);
        decided(client, won);
    } else if (r->left == 0) {
        free(r);
    }
}

static void round_lost(void *context)
{
    struct round *r = context;
    r->decided(r->client, false);
    free(r);
}

static void round_ask(struct redlock_client *c, int argc, const char **argv,
                      void (*decided)(struct redlock_client *client, bool majority))
{
    struct round *r = calloc(1, sizeof *r);
    char *command = NULL;
    int size = redisFormatCommandArgv(&command, argc, argv, NULL);
    if (!r || size < 0)
        abort();
    *r = (struct round){.client = c, .decided = decided, .nodes = c->peer->nodes};
    for (int i = 0; i < r->nodes; i++)
        r->asked += c->wire->to[i] != NULL;
    r->left = r->asked + 1; /* ours, so that no answer frees it under us */
    for (int i = 0; i < r->nodes; i++)
        if (c->wire->to[i] && redisAsyncFormattedCommand(c->wire->to[i], answered, r, command,
                                                         (size_t)size) != REDIS_OK) {
            r->asked--;
            r->left--;
        }
    r->left--;
    redisFreeCommand(command);
    if (r->asked == 0)
        loop_after(1000, round_lost, r);
}

/* --- Clients --- */

/* Only who set a key may remove it, or lengthen its life. */
static const char script_unlock[] =
    "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end";
static const char script_renew[] = "if redis.call('get',KEYS[1])==ARGV[1] then return "
                                   "redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end";

static void renewal_due(void *context);

static void renewed(struct redlock_client *c, bool majority)
{
    (void)majority;
    loop_after(c->ttl_ms * 1000 / 3, renewal_due, c);
}

static void renewal_due(void *context)
{
    struct redlock_client *c = context;
    char ttl[16];
    if (c->closed) {
        free(c);
    } else if (!c->name) {
        renewed(c, false);
    } else {
        snprintf(ttl, sizeof ttl, "%d", c->ttl_ms);
        const char *argv[] = {"EVAL", script_renew, "1", c->name, c->token, ttl};
        round_ask(c, 6, argv, renewed);
    }
}

static void *redlock_open(struct peer *peer, const struct peer_terms *terms)
{
    static unsigned count;
    struct redlock *all = peer->state;
    struct redlock_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (terms->piped && !all->piped)
        all->piped = wire_open(peer);
    c->peer = peer;
    c->wire = terms->piped ? all->piped : wire_open(peer);
    c->wire->users++;
    c->ttl_ms = terms->ttl_ms ? terms->ttl_ms : LONG_TTL_MS;
    c->renews = terms->ttl_ms > 0;
    snprintf(c->token, sizeof c->token, "%d/%u", (int)getpid(), count++);
    if (c->renews)
        renewed(c, true);
    return c;
}

static void redlock_close(void *client)
{
    struct redlock_client *c = client;
    struct redlock *all = c->peer->state;
    if (--c->wire->users == 0) {
        if (all->piped == c->wire)
            all->piped = NULL;
        wire_close(c->wire);
    }
    c->closed = true;
    if (!c->renews)
        free(c); /* else with its timer */
}

static void client_end(struct redlock_client *c, bool good)
{
    peer_done *done = c->done;
    c->done = NULL;
    if (done)
        done(c->context, good);
}

static void ask_lock(void *context);

static void given_back(struct redlock_client *c, bool majority)
{
    (void)majority;
    loop_after(RETRY_LEAST_US + (int)(random() % RETRY_DRAWN_US), ask_lock, c);
}

static void ask_unlock(struct redlock_client *c,
                       void (*decided)(struct redlock_client *client, bool majority))
{
    const char *argv[] = {"EVAL", script_unlock, "1", c->name, c->token};
    round_ask(c, 5, argv, decided);
}

static void asked_lock(struct redlock_client *c, bool majority)
{
    if (majority)
        client_end(c, true);
    else
        ask_unlock(c, given_back);
}

static void ask_lock(void *context)
{
    struct redlock_client *c = context;
    char ttl[16];
    snprintf(ttl, sizeof ttl, "%d", c->ttl_ms);
    const char *argv[] = {"SET", c->name, c->token, "NX", "PX", ttl};
    round_ask(c, 6, argv, asked_lock);
}

static void redlock_lock(void *client, const char *name, enum peer_mode mode, peer_done *done,
                         void *context)
{
    struct redlock_client *c = client;
    (void)mode;
    c->name = name;
    c->done = done;
    c->context = context;
    ask_lock(c);
}

static void unlocked(struct redlock_client *c, bool majority)
{
    client_end(c, majority);
}

static void redlock_unlock(void *client, peer_done *done, void *context)
{
    struct redlock_client *c = client;
    c->done = done;
    c->context = context;
    ask_unlock(c, unlocked);
}

const struct peer_driver peer_redlock = {
    .name = "redlock",
    .pipes = true,
    .least_ttl_ms = 1000,
    .missing = redlock_missing,
    .start = redlock_start,
    .stop = redlock_stop,
    .open = redlock_open,
    .close = redlock_close,
    .lock = redlock_lock,
    .unlock = redlock_unlock,
    .leader = redlock_leader,
    .revive = redlock_revive,
};

#else

static const char *redlock_missing(void)
{
    return "libhiredis-dev was not installed when this was built";
}

const struct peer_driver peer_redlock = {.name = "redlock", .missing = redlock_missing};

#endif
