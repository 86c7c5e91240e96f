/*
 * Holdfast: a lab of `holdfast lab`, as anybody starts one. A client is a connection to the socket
 * of its node's agent, with one call at a time, as varlink has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "tests/bench/peer.h"
#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"

enum { REPLY_SIZE = 16 * 1024, CALL_SIZE = 512, HOLD_SIZE = 64, SERVE_TRIES = 400 };

struct lab {
    char program[PATH_MAX];
    char dir[PATH_MAX]; /* of the lab */
    int turns;          /* of leader() */
    int names;          /* that depend() has looked at */
};

struct holdfast_client {
    int fd;
    struct event *readable;
    peer_done *done; /* NULL: nothing is under way */
    void *context;
    bool unlocking;
    char hold[HOLD_SIZE];
    char reply[REPLY_SIZE];
    size_t got;
};

/* HOLDFAST_BUILD names the directory with the two programs. */
static const char *build_dir(void)
{
    const char *build = getenv("HOLDFAST_BUILD");
    return build ? build : "build";
}

static const char *holdfast_missing(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/holdfast", build_dir());
    return access(path, X_OK) == 0 ? NULL : "it is not built";
}

static int socket_connect(const struct peer *peer, int node)
{
    const struct lab *lab = peer->state;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int n = snprintf(to.sun_path, sizeof to.sun_path, "%s/hv%d/holdfast.sock", lab->dir, node + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && n < (int)sizeof to.sun_path &&
        connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Copies the string member `key` out of a reply; false if it has none. */
static bool string_of(char *out, size_t room, const char *reply, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *at = strstr(reply, pattern);
    if (!at)
        return false;
    at += strlen(pattern);
    size_t size = strcspn(at, "\"");
    if (size >= room)
        return false;
    memcpy(out, at, size);
    out[size] = '\0';
    return true;
}

static uint64_t number_of(const char *reply, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(reply, pattern);
    return at ? strtoull(at + strlen(pattern), NULL, 10) : 0;
}

static bool call_send(int fd, const char *method, const char *parameters)
{
    char text[CALL_SIZE];
    int size = snprintf(text, sizeof text, "{\"method\":\"org.holdfast.%s\",\"parameters\":{%s}}",
                        method, parameters);
    return size < (int)sizeof text &&
           send(fd, text, (size_t)size + 1, MSG_NOSIGNAL) == (ssize_t)size + 1;
}

/* One call on a blocking connection. False if there is no answer, or an error. */
static bool call_wait(int fd, char reply[REPLY_SIZE], const char *method, const char *parameters)
{
    size_t got = 0;
    if (!call_send(fd, method, parameters))
        return false;
    do {
        ssize_t n = read(fd, reply + got, REPLY_SIZE - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    } while (got < REPLY_SIZE && reply[got - 1] != '\0');
    return reply[got - 1] == '\0' && !strstr(reply, "\"error\":\"");
}

static bool status_of(const struct peer *peer, int node, char reply[REPLY_SIZE])
{
    int fd = socket_connect(peer, node);
    bool good = fd >= 0 && call_wait(fd, reply, "Status", "");
    if (fd >= 0)
        close(fd);
    return good;
}

static bool lab_order(const struct peer *peer, const char *verb, int node)
{
    const struct lab *lab = peer->state;
    char machine[16];
    snprintf(machine, sizeof machine, "hv%d", node + 1);
    const char *const argv[] = {lab->program, "lab", "agent", "-d", lab->dir, machine, verb, NULL};
    return proc_run(peer->dir, argv);
}

/* Until every agent votes, counts, and sees all others. */
static bool all_serve(struct peer *peer)
{
    char reply[REPLY_SIZE];
    int tries = SERVE_TRIES;
    for (int node = 0; node < peer->nodes && tries > 0;) {
        if (status_of(peer, node, reply) && strstr(reply, "\"store\":\"voting\"") &&
            strstr(reply, "\"life_counts\":true") &&
            number_of(reply, "voters_alive") == (uint64_t)peer->nodes) {
            peer->pids[node++] = (pid_t)number_of(reply, "pid");
        } else {
            tries--;
            if (!loop_run(50))
                return false;
        }
    }
    if (tries == 0)
        loop_say("%s: the agents do not see each other", peer->label);
    return tries > 0;
}

static bool holdfast_start(struct peer *peer)
{
    struct lab *lab = calloc(1, sizeof *lab);
    char nodes[16], tie[16], path[PATH_MAX];
    if (!lab)
        return false;
    peer->state = lab;
    int n = snprintf(path, sizeof path, "%s/holdfast", build_dir());
    int m = snprintf(lab->dir, sizeof lab->dir, "%s/lab", peer->dir);
    if (n >= (int)sizeof path || m >= (int)sizeof lab->dir || !realpath(path, lab->program)) {
        loop_say("%s: %s", path, strerror(errno));
        return false;
    }
    snprintf(nodes, sizeof nodes, "%d", peer->nodes);
    snprintf(tie, sizeof tie, "%d", (int)getpid());
    const char *const argv[] = {lab->program, "lab",    "start", "-n", nodes,
                                "-d",         lab->dir, "--tie", tie,  NULL};
    return proc_run(peer->dir, argv) && all_serve(peer);
}

static void holdfast_stop(struct peer *peer)
{
    struct lab *lab = peer->state;
    if (!lab)
        return;
    const char *const argv[] = {lab->program, "lab", "stop", "-d", lab->dir, NULL};
    proc_run(peer->dir, argv);
    free(lab);
    peer->state = NULL;
}

static void client_end(struct holdfast_client *c, bool good)
{
    peer_done *done = c->done;
    c->done = NULL;
    if (done)
        done(c->context, good);
}

static void client_readable(int fd, short what, void *context)
{
    struct holdfast_client *c = context;
    (void)what;
    ssize_t n = read(fd, c->reply + c->got, REPLY_SIZE - c->got);
    if (n <= 0) {
        event_del(c->readable);
        client_end(c, false);
        return;
    }
    c->got += (size_t)n;
    if (c->reply[c->got - 1] != '\0')
        return;
    c->got = 0;
    bool good = !strstr(c->reply, "\"error\":\"");
    if (good && !c->unlocking)
        good = string_of(c->hold, sizeof c->hold, c->reply, "hold");
    client_end(c, good);
}

static void *holdfast_open(struct peer *peer, const struct peer_terms *terms)
{
    struct holdfast_client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = socket_connect(peer, terms->node);
    c->readable =
        c->fd < 0 ? NULL : event_new(loop_base(), c->fd, EV_READ | EV_PERSIST, client_readable, c);
    if (c->readable && event_add(c->readable, NULL) == 0)
        return c;
    loop_say("%s: cannot connect to hv%d: %s", peer->label, terms->node + 1, strerror(errno));
    free(c);
    return NULL;
}

static void holdfast_close(void *client)
{
    struct holdfast_client *c = client;
    event_free(c->readable);
    close(c->fd);
    free(c);
}

static void refused(void *context)
{
    client_end(context, false);
}

static void client_call(struct holdfast_client *c, const char *method, const char *parameters,
                        peer_done *done, void *context)
{
    c->done = done;
    c->context = context;
    if (!call_send(c->fd, method, parameters))
        loop_after(1000, refused, c);
}

static void holdfast_lock(void *client, const char *name, enum peer_mode mode, peer_done *done,
                          void *context)
{
    struct holdfast_client *c = client;
    char parameters[CALL_SIZE / 2];
    snprintf(parameters, sizeof parameters, "\"name\":\"%s\",\"mode\":\"%s\"", name,
             mode == PEER_SHARED ? "shared" : "exclusive");
    c->unlocking = false;
    client_call(c, "Acquire", parameters, done, context);
}

static void holdfast_unlock(void *client, peer_done *done, void *context)
{
    struct holdfast_client *c = client;
    char parameters[CALL_SIZE / 2];
    snprintf(parameters, sizeof parameters, "\"hold\":\"%s\"", c->hold);
    c->unlocking = true;
    client_call(c, "Release", parameters, done, context);
}

/* Each coordinates its share of the names, so they take turns. */
static int holdfast_leader(struct peer *peer)
{
    struct lab *lab = peer->state;
    return lab->turns++ % peer->nodes;
}

/* Locks and unlocks the name once, and tells who coordinated that: a node, or -1. */
static int coordinator_of(int fd, const char *name)
{
    char reply[REPLY_SIZE], text[CALL_SIZE / 2], hold[HOLD_SIZE], coordinator[16];
    snprintf(text, sizeof text, "\"name\":\"%s\"", name);
    if (!call_wait(fd, reply, "Acquire", text) || !string_of(hold, sizeof hold, reply, "hold"))
        return -1;
    snprintf(text, sizeof text, "\"hold\":\"%s\"", hold);
    if (!call_wait(fd, reply, "Release", text))
        return -1;
    snprintf(text, sizeof text, "\"name\":\"%s\"", name);
    if (!call_wait(fd, reply, "Locate", text) ||
        !string_of(coordinator, sizeof coordinator, reply, "coordinator") ||
        strncmp(coordinator, "hv", 2) != 0)
        return -1;
    return atoi(coordinator + 2) - 1;
}

static bool holdfast_depend(struct peer *peer, int node, bool others, char (*names)[PEER_NAME_SIZE],
                            int count)
{
    struct lab *lab = peer->state;
    int fd = socket_connect(peer, (node + 1) % peer->nodes);
    int found = 0;
    for (int tries = 0; fd >= 0 && tries < count * 40 && found < count; tries++) {
        snprintf(names[found], PEER_NAME_SIZE, "depend/%d", lab->names++);
        int coordinator = coordinator_of(fd, names[found]);
        if (coordinator >= 0 && (coordinator == node) != others)
            found++;
    }
    if (fd >= 0)
        close(fd);
    if (found < count)
        loop_say("%s: only %d of %d names are coordinated %s hv%d", peer->label, found, count,
                 others ? "elsewhere than by" : "by", node + 1);
    return found == count;
}

static bool holdfast_revive(struct peer *peer, int node)
{
    return lab_order(peer, "start", node) && all_serve(peer);
}

static bool holdfast_grow(struct peer *peer)
{
    const struct lab *lab = peer->state;
    for (int node = 0; node < peer->nodes; node++) {
        char path[PATH_MAX];
        int n = snprintf(path, sizeof path, "%s/hv%d/holdfast.conf", lab->dir, node + 1);
        FILE *file = n < (int)sizeof path ? fopen(path, "ae") : NULL;
        if (!file) {
            loop_say("%s: %s", path, strerror(errno));
            return false;
        }
        fputs("max-operations = 65536\nmax-locks = 1048576\nregister-bytes = 134217728\n", file);
        if (fclose(file) != 0 || !lab_order(peer, "stop", node) ||
            !lab_order(peer, "start", node) || !all_serve(peer))
            return false;
    }
    return true;
}

static bool holdfast_counters(struct peer *peer, struct peer_counters *out)
{
    char reply[REPLY_SIZE];
    *out = (struct peer_counters){0};
    for (int node = 0; node < peer->nodes; node++) {
        if (!status_of(peer, node, reply))
            return false;
        out->datagrams += number_of(reply, "datagrams_out");
        out->syncs += number_of(reply, "syncs");
    }
    return true;
}

const struct peer_driver peer_holdfast = {
    .name = "holdfast",
    .shares = true,
    .missing = holdfast_missing,
    .start = holdfast_start,
    .stop = holdfast_stop,
    .open = holdfast_open,
    .close = holdfast_close,
    .lock = holdfast_lock,
    .unlock = holdfast_unlock,
    .leader = holdfast_leader,
    .depend = holdfast_depend,
    .revive = holdfast_revive,
    .grow = holdfast_grow,
    .counters = holdfast_counters,
};
