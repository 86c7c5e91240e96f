/*
 * ZooKeeper: an ensemble of Debian's package, each node a JVM, driven by its own C client, the
 * library without threads, in our loop. The lock recipe is that of its documentation and of
 * Curator: an ephemeral sequential node below one of the lock's name; the lowest holds, the others
 * watch the one before them; readers only look at writers before them.
 */
#include "tests/bench/peer.h"

#if __has_include(<zookeeper/zookeeper.h>) && !defined(PEER_WITHOUT_ZOOKEEPER)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#include <event2/event.h>
#include <zookeeper/zookeeper.h>

#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"

enum {
    TICK_MS = 500,           /* sessions end at a multiple of it, and last two at the least */
    LONG_TTL_MS = 10 * 1000, /* of 20 ticks at the most */
    PATH_SIZE = 192,
    SERVE_TRIES = 300,
    ANSWER_SIZE = 4096
};

static const char java_program[] = "/usr/bin/java";
static const char server_jar[] = "/usr/share/java/zookeeper.jar";
/* With the simple logger, if it is there, what goes wrong is in the node's output. */
static const char classes[] = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

/* A session, which piped clients of a node share. */
struct session {
    zhandle_t *handle;
    struct event *turn; /* what the library waits for */
    int users;
    bool connected;
    bool turning;
};

struct ensemble {
    struct session *piped[PEER_NODES_MAX];
};

struct zookeeper_client {
    struct session *session;
    struct ensemble *ensemble;
    enum peer_mode mode;
    char parent[PATH_SIZE];
    char own[PATH_SIZE]; /* the whole path of our node */
    peer_done *done;
    void *context;
};

static const char *zookeeper_missing(void)
{
    if (access(java_program, X_OK) != 0)
        return "default-jre-headless is not installed";
    return access(server_jar, R_OK) == 0 ? NULL : "zookeeper is not installed";
}

/* --- Servers --- */

static bool node_start(struct peer *peer, int node)
{
    char dir[PATH_MAX], text[2 * PATH_MAX], id[16];
    if (!proc_node_dir(dir, peer, node))
        return false;
    int n = snprintf(text, sizeof text,
                     "tickTime=%d\ninitLimit=40\nsyncLimit=20\ndataDir=%s\n"
                     "clientPort=%u\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
                     "admin.enableServer=false\n",
                     TICK_MS, dir, peer->ports[node][0]);
    /* Two ports for each other; the second is for elections. */
    for (int i = 0; i < peer->nodes; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "server.%d=127.0.0.1:%u:%u\n", i + 1,
                      peer->ports[i][1], peer->ports[i][2]);
    snprintf(id, sizeof id, "%d\n", node + 1);
    if (!proc_write_file(dir, "zoo.cfg", text) || !proc_write_file(dir, "myid", id))
        return false;
    const char *const argv[] = {java_program,
                                "-cp",
                                classes,
                                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                "zoo.cfg",
                                NULL};
    peer->pids[node] = proc_start(dir, argv);
    return peer->pids[node] > 0;
}

/* What the node answers to `srvr`, the one command that is allowed by default; empty if nothing. */
static void node_answer(const struct peer *peer, int node, char out[ANSWER_SIZE])
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(peer->ports[node][0])};
    struct timeval patience = {1, 0};
    size_t got = 0;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, "srvr", 4, MSG_NOSIGNAL) == 4) {
        ssize_t n;
        while (got < ANSWER_SIZE - 1 && (n = read(fd, out + got, ANSWER_SIZE - 1 - got)) > 0)
            got += (size_t)n;
    }
    out[got] = '\0';
    if (fd >= 0)
        close(fd);
}

static int zookeeper_leader(struct peer *peer)
{
    char answer[ANSWER_SIZE];
    for (int node = 0; node < peer->nodes; node++) {
        node_answer(peer, node, answer);
        if (strstr(answer, "Mode: leader"))
            return node;
    }
    return -1;
}

static bool all_serve(struct peer *peer)
{
    char answer[ANSWER_SIZE];
    int tries = SERVE_TRIES;
    for (int node = 0; node < peer->nodes && tries > 0;) {
        node_answer(peer, node, answer);
        if (strstr(answer, "Mode: ")) {
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

static bool zookeeper_start(struct peer *peer)
{
    zoo_set_debug_level((ZooLogLevel)0);
    zoo_deterministic_conn_order(1);
    peer->state = calloc(1, sizeof(struct ensemble));
    if (!peer->state || !proc_ports(peer))
        return false;
    for (int node = 0; node < peer->nodes; node++)
        if (!node_start(peer, node))
            return false;
    return all_serve(peer);
}

static void zookeeper_stop(struct peer *peer)
{
    for (int node = 0; node < peer->nodes; node++)
        proc_kill(&peer->pids[node]);
    free(peer->state);
    peer->state = NULL;
}

static bool zookeeper_revive(struct peer *peer, int node)
{
    proc_kill(&peer->pids[node]);
    return node_start(peer, node) && all_serve(peer);
}

/* --- Sessions --- */

static void session_arm(struct session *s);

static void session_turn(evutil_socket_t fd, short what, void *context)
{
    struct session *s = context;
    (void)fd;
    int events = (what & EV_READ ? ZOOKEEPER_READ : 0) | (what & EV_WRITE ? ZOOKEEPER_WRITE : 0);
    s->turning = true;
    zookeeper_process(s->handle, events);
    s->turning = false;
    session_arm(s);
}

static void session_arm(struct session *s)
{
    int fd = -1, interest = 0;
    struct timeval span = {0, 10000};
    zookeeper_interest(s->handle, &fd, &interest, &span);
    if (fd < 0 && span.tv_sec == 0 && span.tv_usec < 1000)
        span.tv_usec = 1000;
    int what =
        (interest & ZOOKEEPER_READ ? EV_READ : 0) | (interest & ZOOKEEPER_WRITE ? EV_WRITE : 0);
    event_del(s->turn);
    event_assign(s->turn, loop_base(), fd, (short)(fd < 0 ? 0 : what), session_turn, s);
    event_add(s->turn, &span);
}

static void session_news(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct session *s = context;
    (void)handle;
    (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        s->connected = true;
}

static struct session *session_open(struct peer *peer, const struct peer_terms *terms)
{
    struct session *s = calloc(1, sizeof *s);
    char hosts[256] = "";
    if (!s)
        return NULL;
    for (int i = 0; i < peer->nodes; i++) {
        size_t size = strlen(hosts);
        snprintf(hosts + size, sizeof hosts - size, "%s127.0.0.1:%u", i > 0 ? "," : "",
                 peer->ports[(terms->node + i) % peer->nodes][0]);
    }
    s->handle = zookeeper_init(hosts, session_news, terms->ttl_ms ? terms->ttl_ms : LONG_TTL_MS,
                               NULL, s, ZOO_NO_LOG_CLIENTENV);
    s->turn = event_new(loop_base(), -1, 0, session_turn, s);
    if (s->handle && s->turn) {
        session_arm(s);
        if (loop_wait(&s->connected, 5000))
            return s;
    }
    loop_say("%s: no session", peer->label);
    return NULL; /* of the little that is lost nobody takes notice */
}

static void session_close(struct session *s)
{
    event_free(s->turn);
    zookeeper_close(s->handle);
    free(s);
}

static void *zookeeper_open(struct peer *peer, const struct peer_terms *terms)
{
    struct zookeeper_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ensemble = peer->state;
    struct session **piped = &c->ensemble->piped[terms->node];
    if (terms->piped && *piped)
        c->session = *piped;
    else
        c->session = session_open(peer, terms);
    if (!c->session) {
        free(c);
        return NULL;
    }
    c->session->users++;
    if (terms->piped)
        *piped = c->session;
    return c;
}

static void zookeeper_close_client(void *client)
{
    struct zookeeper_client *c = client;
    if (--c->session->users == 0) {
        for (int i = 0; i < PEER_NODES_MAX; i++)
            if (c->ensemble->piped[i] == c->session)
                c->ensemble->piped[i] = NULL;
        session_close(c->session);
    }
    free(c);
}

/* --- The recipe --- */

static void client_end(struct zookeeper_client *c, bool good)
{
    peer_done *done = c->done;
    c->done = NULL;
    if (done)
        done(c->context, good);
}

static void client_failed(void *context)
{
    client_end(context, false);
}

/* After each call of the library: what it could not send at once waits for the socket. */
static void sent(struct zookeeper_client *c, int status)
{
    if (status != ZOK)
        loop_after(5000, client_failed, c);
    else if (!c->session->turning && is_unrecoverable(c->session->handle) == ZOK)
        session_arm(c->session);
}

static void look(struct zookeeper_client *c);

static void before_gone(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    struct zookeeper_client *c = context;
    (void)handle;
    (void)state;
    (void)path;
    if (type != ZOO_SESSION_EVENT && c->done)
        look(c);
}

static void before_seen(int status, const struct Stat *stat, const void *context)
{
    struct zookeeper_client *c = (void *)context;
    (void)stat;
    if (status == ZNONODE)
        look(c); /* it went meanwhile */
    else if (status != ZOK)
        client_end(c, false);
}

/* The ten digits at the end of a sequential node's name. */
static long sequence(const char *name)
{
    size_t size = strlen(name);
    return size < 10 ? 0 : strtol(name + size - 10, NULL, 10);
}

static void looked(int status, const struct String_vector *children, const void *context)
{
    struct zookeeper_client *c = (void *)context;
    const char *before = NULL;
    char path[2 * PATH_SIZE];
    if (status != ZOK) {
        client_end(c, false);
        return;
    }
    for (int i = 0; i < children->count; i++) {
        const char *name = children->data[i];
        bool counts = c->mode == PEER_EXCLUSIVE || strncmp(name, "write", 5) == 0;
        if (counts && sequence(name) < sequence(c->own) &&
            (!before || sequence(name) > sequence(before)))
            before = name;
    }
    if (!before) {
        client_end(c, true);
        return;
    }
    snprintf(path, sizeof path, "%s/%s", c->parent, before);
    sent(c, zoo_awexists(c->session->handle, path, before_gone, c, before_seen, c));
}

static void look(struct zookeeper_client *c)
{
    sent(c, zoo_aget_children(c->session->handle, c->parent, 0, looked, c));
}

static void create(struct zookeeper_client *c);

static void parent_made(int status, const char *path, const void *context)
{
    struct zookeeper_client *c = (void *)context;
    (void)path;
    if (status == ZOK || status == ZNODEEXISTS)
        create(c);
    else
        client_end(c, false);
}

static void created(int status, const char *path, const void *context)
{
    struct zookeeper_client *c = (void *)context;
    if (status == ZNONODE) {
        sent(c, zoo_acreate(c->session->handle, c->parent, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0,
                            parent_made, c));
    } else if (status != ZOK) {
        client_end(c, false);
    } else {
        snprintf(c->own, sizeof c->own, "%s", path);
        look(c);
    }
}

static void create(struct zookeeper_client *c)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s-", c->parent, c->mode == PEER_SHARED ? "read" : "write");
    sent(c, zoo_acreate(c->session->handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE,
                        ZOO_EPHEMERAL | ZOO_SEQUENCE, created, c));
}

static void zookeeper_lock(void *client, const char *name, enum peer_mode mode, peer_done *done,
                           void *context)
{
    struct zookeeper_client *c = client;
    c->done = done;
    c->context = context;
    c->mode = mode;
    snprintf(c->parent, sizeof c->parent, "/%s", name);
    for (char *at = c->parent + 1; *at; at++)
        if (*at == '/')
            *at = '-'; /* one level only */
    create(c);
}

static void removed(int status, const void *context)
{
    client_end((void *)context, status == ZOK);
}

static void zookeeper_unlock(void *client, peer_done *done, void *context)
{
    struct zookeeper_client *c = client;
    c->done = done;
    c->context = context;
    sent(c, zoo_adelete(c->session->handle, c->own, -1, removed, c));
}

const struct peer_driver peer_zookeeper = {
    .name = "zookeeper",
    .shares = true,
    .pipes = true,
    .least_ttl_ms = 2 * TICK_MS,
    .missing = zookeeper_missing,
    .start = zookeeper_start,
    .stop = zookeeper_stop,
    .open = zookeeper_open,
    .close = zookeeper_close_client,
    .lock = zookeeper_lock,
    .unlock = zookeeper_unlock,
    .leader = zookeeper_leader,
    .revive = zookeeper_revive,
};

#else

static const char *zookeeper_missing(void)
{
    return "libzookeeper-st-dev was not installed when this was built";
}

const struct peer_driver peer_zookeeper = {.name = "zookeeper", .missing = zookeeper_missing};

#endif
