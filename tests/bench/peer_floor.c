#include "tests/bench/peer_floor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/peer_figures.h"
#include "tests/bench/peer_loop.h"

enum {
    NODES_MAX = 5,
    CLIENTS_MAX = 64,
    BATCH = 64,
    RECORD = 200, /* bytes, on the wire and on the disk */
    FILE_SIZE = 32 << 20,
    BUFFER = 8 << 20, /* of a socket, so that who is slower for a while loses nothing */
    PATIENCE_MS = 20, /* then it is told again */
    PATIENCE_TIMES = 500,
    YARDSTICK_ROUNDS = 500
};

/* An append-only file as a store would have it: room is made ahead, and used again from the start.
 */
struct log {
    int fd;
    off_t end;
};

static bool log_open(struct log *log, const char *dir)
{
    log->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    log->end = 0;
    int error = log->fd < 0 ? errno : posix_fallocate(log->fd, 0, FILE_SIZE);
    if (error == 0 && fdatasync(log->fd) == 0)
        return true;
    loop_say("%s: %s", dir, strerror(error ? error : errno));
    return false;
}

static bool log_sync(struct log *log, int records)
{
    static const uint8_t bytes[BATCH * RECORD] = {1};
    size_t size = (size_t)records * RECORD;
    if (log->end + (off_t)size > FILE_SIZE)
        log->end = 0;
    if (pwrite(log->fd, bytes, size, log->end) != (ssize_t)size)
        return false;
    log->end += (off_t)size;
    return fdatasync(log->fd) == 0;
}

/* A batch of datagrams, to be sent or received with one call. */
struct batch {
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in addresses[BATCH];
    uint8_t bytes[BATCH][RECORD];
};

static void batch_reset(struct batch *b)
{
    for (int i = 0; i < BATCH; i++) {
        b->vectors[i] = (struct iovec){b->bytes[i], RECORD};
        b->headers[i].msg_hdr = (struct msghdr){.msg_name = &b->addresses[i],
                                                .msg_namelen = sizeof b->addresses[i],
                                                .msg_iov = &b->vectors[i],
                                                .msg_iovlen = 1};
    }
}

static int batch_receive(struct batch *b, int fd)
{
    batch_reset(b);
    return recvmmsg(fd, b->headers, BATCH, MSG_WAITFORONE, NULL);
}

static bool batch_send(struct batch *b, int fd, int count)
{
    for (int done = 0; done < count;) {
        int n = sendmmsg(fd, b->headers + done, (unsigned)(count - done), 0);
        if (n <= 0)
            return false;
        done += n;
    }
    return true;
}

static int udp_open(struct sockaddr_in *address)
{
    struct timeval patience = {0, PATIENCE_MS * 1000};
    int buffer = BUFFER;
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0 &&
        getsockname(fd, (struct sockaddr *)address, &size) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) == 0 ||
         setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) == 0))
        return fd;
    loop_say("no datagram socket: %s", strerror(errno));
    return -1;
}

/* A process that answers what comes, after syncing it if it has a log. */
static pid_t answerer_start(int fd, struct log *log)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static struct batch b;
    while (getppid() == parent) {
        int count = batch_receive(&b, fd);
        if (count < 0 && errno == EAGAIN)
            continue;
        if (count <= 0 || (log && !log_sync(log, count)) || !batch_send(&b, fd, count))
            break;
    }
    _exit(0);
}

static int64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    struct timespec t = {0};
    if (pid == 0 || clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct floor_round {
    int64_t began_ns;
    uint32_t number;
    int answers;
};

struct floor {
    int fd; /* the coordinator's */
    int nodes;
    int clients;
    struct sockaddr_in addresses[NODES_MAX];
    pid_t pids[NODES_MAX]; /* 0: the coordinator */
    struct log logs[NODES_MAX];
    struct floor_round rounds[CLIENTS_MAX];
    struct samples spans;
    int64_t cpu_ns;
};

static int64_t floor_cpu_ns(const struct floor *f)
{
    int64_t sum = 0;
    for (int i = 0; i < f->nodes; i++)
        sum += process_cpu_ns(f->pids[i]);
    return sum;
}

/* Tells the others of the rounds `which`. */
static bool rounds_tell(struct floor *f, const int *which, int count)
{
    static struct batch b;
    for (int node = 1; node < f->nodes; node++) {
        batch_reset(&b);
        for (int i = 0; i < count; i++) {
            uint32_t head[2] = {(uint32_t)which[i], f->rounds[which[i]].number};
            memcpy(b.bytes[i], head, sizeof head);
            b.addresses[i] = f->addresses[node];
        }
        if (!batch_send(&b, f->fd, count))
            return false;
    }
    return true;
}

/* Begins a new round for each of `which`: tells the others, then syncs here. */
static bool rounds_begin(struct floor *f, const int *which, int count)
{
    int64_t now = loop_now_ns();
    for (int i = 0; i < count; i++) {
        struct floor_round *r = &f->rounds[which[i]];
        *r = (struct floor_round){.began_ns = now, .number = r->number + 1};
    }
    /* Answers are looked at only after the sync, so what is over is synced here too. */
    return rounds_tell(f, which, count) && log_sync(&f->logs[0], count);
}

/* Nothing was heard for a while: datagrams may have been lost. */
static bool rounds_again(struct floor *f)
{
    int which[CLIENTS_MAX], count = 0;
    for (int i = 0; i < f->clients; i++)
        if (f->rounds[i].answers < f->nodes / 2)
            which[count++] = i;
    return count == 0 || rounds_tell(f, which, count);
}

/* Takes answers; which[] are the rounds that are over now. Their number, or -1. */
static int rounds_over(struct floor *f, int which[CLIENTS_MAX])
{
    static struct batch b;
    int others = f->nodes / 2; /* with the coordinator a majority */
    int over = 0, count, tries = PATIENCE_TIMES;
    while ((count = batch_receive(&b, f->fd)) < 0)
        if (errno != EAGAIN || --tries == 0 || !rounds_again(f))
            return -1;
    for (int i = 0; i < count; i++) {
        uint32_t head[2];
        memcpy(head, b.bytes[i], sizeof head);
        if (head[0] >= (uint32_t)f->clients || f->rounds[head[0]].number != head[1])
            continue; /* it was over before */
        struct floor_round *r = &f->rounds[head[0]];
        if (++r->answers == others) {
            samples_add(&f->spans, loop_now_ns() - r->began_ns);
            which[over++] = (int)head[0];
        }
    }
    return over;
}

static bool floor_play(struct floor *f, int64_t end_ns)
{
    int which[CLIENTS_MAX] = {0};
    int under_way = f->clients;
    for (int i = 0; i < f->clients; i++)
        which[i] = i;
    if (!rounds_begin(f, which, f->clients))
        return false;
    while (under_way > 0) {
        int over = rounds_over(f, which);
        if (over < 0)
            return false;
        if (loop_now_ns() >= end_ns)
            under_way -= over;
        else if (over > 0 && !rounds_begin(f, which, over))
            return false;
    }
    return true;
}

static bool floor_start(struct floor *f, const char *dir)
{
    int fds[NODES_MAX] = {-1};
    bool good = true;
    for (int i = 0; i < f->nodes && good; i++) {
        fds[i] = udp_open(&f->addresses[i]);
        good = fds[i] >= 0 && log_open(&f->logs[i], dir);
        if (good && i > 0) {
            f->pids[i] = answerer_start(fds[i], &f->logs[i]);
            close(fds[i]);
        }
    }
    f->fd = fds[0];
    return good;
}

bool floor_measure(struct floor_result *out, const char *dir, int nodes, int clients, int span_ms)
{
    struct floor f = {.nodes = nodes, .clients = clients};
    bool good = floor_start(&f, dir) && floor_play(&f, loop_now_ns() + span_ms * 100000);
    if (good) { /* that was to warm up */
        int64_t began = loop_now_ns();
        f.spans.count = 0;
        f.cpu_ns = floor_cpu_ns(&f);
        good = floor_play(&f, began + span_ms * INT64_C(1000000));
        double count = (double)f.spans.count;
        out->rounds_per_s = count * 1e9 / (double)(loop_now_ns() - began);
        out->cpu_us = (double)(floor_cpu_ns(&f) - f.cpu_ns) / 1e3 / count;
        out->p50_ns = samples_percentile(&f.spans, 50);
        out->p99_ns = samples_percentile(&f.spans, 99);
    }
    for (int i = 1; i < nodes; i++)
        if (f.pids[i] > 0) {
            kill(f.pids[i], SIGKILL);
            waitpid(f.pids[i], NULL, 0);
        }
    for (int i = 0; i < nodes; i++)
        if (f.logs[i].fd > 0)
            close(f.logs[i].fd);
    if (f.fd > 0)
        close(f.fd);
    samples_free(&f.spans);
    if (!good)
        loop_say("the floor with %d processes failed: %s", nodes, strerror(errno));
    return good;
}

int64_t floor_fdatasync_ns(const char *dir)
{
    struct samples spans = {0};
    struct log log;
    bool good = log_open(&log, dir);
    for (int i = 0; i < YARDSTICK_ROUNDS && good; i++) {
        int64_t began = loop_now_ns();
        good = log_sync(&log, 1);
        samples_add(&spans, loop_now_ns() - began);
    }
    if (log.fd >= 0)
        close(log.fd);
    int64_t p50 = good ? samples_percentile(&spans, 50) : -1;
    samples_free(&spans);
    return p50;
}

int64_t floor_datagram_ns(void)
{
    struct samples spans = {0};
    struct sockaddr_in own, other;
    uint8_t bytes[RECORD] = {0};
    int fd = udp_open(&own), far = udp_open(&other);
    pid_t pid = fd >= 0 && far >= 0 ? answerer_start(far, NULL) : -1;
    bool good = pid > 0;
    for (int i = 0; i < YARDSTICK_ROUNDS && good; i++) {
        int64_t began = loop_now_ns();
        good = sendto(fd, bytes, RECORD, 0, (struct sockaddr *)&other, sizeof other) == RECORD &&
               recv(fd, bytes, RECORD, 0) == RECORD;
        samples_add(&spans, loop_now_ns() - began);
    }
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (fd >= 0)
        close(fd);
    if (far >= 0)
        close(far);
    int64_t p50 = good ? samples_percentile(&spans, 50) : -1;
    samples_free(&spans);
    return p50;
}
