/*
 * Uncontended lock and unlock through the local API: C clients, each on a connection of its own to
 * one of the agents in turn, each with a name of its own, one operation at a time.
 *
 *     bench_lock CLIENTS PAIRS SOCKET...
 *
 * prints one line: pairs per second, and p50 and p99 of lock, of unlock and of both, in
 * microseconds.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, REPLY_MAX = 4096 };

struct client {
    int fd;
    char name[64];
    char hold[96];
    char reply[REPLY_MAX];
    size_t got;
    int64_t sent_ns;
    int64_t lock_ns;
    int left; /* pairs still to do */
};

struct samples {
    int64_t *ns;
    size_t count;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_lock: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int connect_to(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        fail("socket path too long");
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail(path);
    return fd;
}

static void call(struct client *c, const char *method, const char *key, const char *value)
{
    char text[512];
    int size = snprintf(text, sizeof text,
                        "{\"method\":\"org.holdfast.%s\",\"parameters\":{\"%s\":\"%s\"}}", method,
                        key, value);
    c->sent_ns = now_ns();
    c->got = 0;
    if (write(c->fd, text, (size_t)size + 1) != size + 1)
        fail("write");
}

/* Copies the hold's id out of the reply. */
static void take_hold(struct client *c)
{
    const char *at = strstr(c->reply, "\"hold\":\"");
    if (!at) {
        fprintf(stderr, "bench_lock: unexpected answer: %s\n", c->reply);
        exit(1);
    }
    at += strlen("\"hold\":\"");
    size_t size = strcspn(at, "\"");
    if (size >= sizeof c->hold)
        fail("hold id too long");
    memcpy(c->hold, at, size);
    c->hold[size] = 0;
}

/* Reads what is there; true if the reply is whole. */
static int whole(struct client *c)
{
    ssize_t size = read(c->fd, c->reply + c->got, REPLY_MAX - c->got);
    if (size <= 0)
        fail("read");
    c->got += (size_t)size;
    return c->reply[c->got - 1] == 0;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static long percentile_us(struct samples *s, size_t percent)
{
    return s->count ? (long)(s->ns[(s->count - 1) * percent / 100] / 1000) : 0;
}

static void add(struct samples *s, int64_t ns)
{
    s->ns[s->count++] = ns;
}

/* One step of one client: a lock was granted, or an unlock returned. */
static int advance(struct client *c, struct samples *locks, struct samples *unlocks,
                   struct samples *pairs)
{
    int64_t took = now_ns() - c->sent_ns;
    if (!c->hold[0]) {
        take_hold(c);
        c->lock_ns = took;
        add(locks, took);
        call(c, "Release", "hold", c->hold);
        return 0;
    }
    add(unlocks, took);
    add(pairs, c->lock_ns + took);
    c->hold[0] = 0;
    if (--c->left == 0)
        return 1;
    call(c, "Acquire", "name", c->name);
    return 0;
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[1]) : 0;
    int pairs_each = argc > 3 ? atoi(argv[2]) / (count ? count : 1) : 0;
    if (count < 1 || count > CLIENTS_MAX || pairs_each < 1) {
        fprintf(stderr, "usage: bench_lock CLIENTS PAIRS SOCKET...\n");
        return 64;
    }
    static struct client clients[CLIENTS_MAX];
    size_t total = (size_t)count * (size_t)pairs_each;
    struct samples locks = {calloc(total, 8), 0}, unlocks = {calloc(total, 8), 0},
                   pairs = {calloc(total, 8), 0};
    int poller = epoll_create1(0);
    if (poller < 0 || !locks.ns || !unlocks.ns || !pairs.ns)
        fail("epoll");
    for (int i = 0; i < count; i++) {
        struct client *c = &clients[i];
        c->fd = connect_to(argv[3 + i % (argc - 3)]);
        c->left = pairs_each;
        snprintf(c->name, sizeof c->name, "bench/%d/%d", (int)getpid(), i);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
            fail("epoll_ctl");
    }
    int64_t began = now_ns();
    for (int i = 0; i < count; i++)
        call(&clients[i], "Acquire", "name", clients[i].name);
    for (int running = count; running > 0;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, 30000);
        if (ready <= 0)
            fail("no answer for 30 s");
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (whole(c) && advance(c, &locks, &unlocks, &pairs))
                running--;
        }
    }
    double seconds = (double)(now_ns() - began) / 1e9;
    qsort(locks.ns, locks.count, 8, compare);
    qsort(unlocks.ns, unlocks.count, 8, compare);
    qsort(pairs.ns, pairs.count, 8, compare);
    printf("clients %d pairs_per_s %.0f lock_p50_us %ld lock_p99_us %ld unlock_p50_us %ld "
           "unlock_p99_us %ld pair_p50_us %ld pair_p99_us %ld\n",
           count, (double)total / seconds, percentile_us(&locks, 50), percentile_us(&locks, 99),
           percentile_us(&unlocks, 50), percentile_us(&unlocks, 99), percentile_us(&pairs, 50),
           percentile_us(&pairs, 99));
    return 0;
}
