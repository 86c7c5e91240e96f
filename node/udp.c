/* The agent's UDP socket. */
#include "node/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include <event2/event.h>

enum {
    UDP_BUFFER = 4 * 1024 * 1024, /* asked of the kernel for bursts; it may give less */
    UDP_RETRIES = 4               /* of one datagram, when the error was another's */
};

struct udp {
    int fd;
    struct event *event;
    const struct roster *roster;
    struct udp_hooks hooks;
    struct udp_counters counters;
    sa_family_t family;
    bool errors; /* a send reported one: what it was about is in the socket's queue */
    struct sockaddr_in6
        *addresses; /* of each node of the roster, by index; family 0: not reachable */
    /* One batch, received or sent. */
    uint8_t bytes[UDP_BATCH][DATAGRAM_MAX];
    struct iovec iovecs[UDP_BATCH];
    struct mmsghdr headers[UDP_BATCH];
    struct sockaddr_in6 others[UDP_BATCH]; /* from whom, or to where, if the roster does not say */
};

/* An address of the socket's family; all zero if it is of the other one. */
static struct sockaddr_in6 udp_sockaddr(sa_family_t family, const struct address *address)
{
    struct sockaddr_in6 out = {0};
    if ((family == AF_INET) != udp_address_is_mapped(address))
        return out;
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&in.sin_addr, address->ip + 12, 4);
        memcpy(&out, &in, sizeof in);
    } else {
        out.sin6_family = AF_INET6;
        out.sin6_port = htons(address->port);
        memcpy(&out.sin6_addr, address->ip, 16);
    }
    return out;
}

static struct address udp_address(sa_family_t family, const struct sockaddr_in6 *from)
{
    struct address out = {.port = ntohs(from->sin6_port)};
    memcpy(out.ip, &from->sin6_addr, sizeof out.ip);
    if (family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        out.port = ntohs(in.sin_port);
        memcpy(out.ip, udp_address_mapped, sizeof udp_address_mapped);
        memcpy(out.ip + 12, &in.sin_addr, 4);
    }
    return out;
}

static socklen_t udp_sockaddr_size(const struct udp *udp)
{
    return udp->family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* --- Errors --- */

/* Who has this address; SLOT_NONE if nobody. */
static uint16_t udp_slot_at(const struct udp *udp, const struct sockaddr_in6 *address)
{
    size_t size = udp->family == AF_INET ? offsetof(struct sockaddr_in, sin_zero)
                                         : offsetof(struct sockaddr_in6, sin6_scope_id);
    for (size_t i = 0; i < udp->roster->node_count; i++)
        if (memcmp(&udp->addresses[i], address, size) == 0)
            return udp->roster->nodes[i].slot;
    return SLOT_NONE;
}

/* Takes one error off the queue. False if there is none. */
static bool udp_take_error(struct udp *udp)
{
    struct sockaddr_in6 to = {0};
    union {
        char bytes[512];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_name = &to,
                       .msg_namelen = sizeof to,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    if (recvmsg(udp->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        struct sock_extended_err error;
        bool ours = (c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) ||
                    (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR);
        if (!ours || c->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        memcpy(&error, CMSG_DATA(c), sizeof error);
        to.sin6_flowinfo = udp->family == AF_INET ? to.sin6_flowinfo : 0;
        uint16_t slot = error.ee_errno == ECONNREFUSED ? udp_slot_at(udp, &to) : SLOT_NONE;
        if (slot == SLOT_NONE)
            continue;
        udp->counters.udp_refused++;
        udp->hooks.refused(udp->hooks.context, slot);
    }
    return true;
}

static void udp_count_error(struct udp_counters *c, int error)
{
    uint64_t *counter = error == EPERM          ? &c->udp_error_eperm
                        : error == EINVAL       ? &c->udp_error_einval
                        : error == EACCES       ? &c->udp_error_eacces
                        : error == EHOSTUNREACH ? &c->udp_error_ehostunreach
                        : error == ENETUNREACH  ? &c->udp_error_enetunreach
                        : error == ECONNREFUSED ? &c->udp_error_econnrefused
                        : error == ENOBUFS      ? &c->udp_error_enobufs
                        : error == EAGAIN       ? &c->udp_error_eagain
                                                : &c->udp_error_other;
    ++*counter;
}

/* --- Sending --- */

/* Sends headers[0 .. count). An error is about the first that was not sent, or an earlier one's
 * (with IP_RECVERR the socket reports what came back late): so that one is tried again, a few
 * times. */
static void udp_send_batch(struct udp *udp, size_t count)
{
    size_t at = 0;
    int retries = 0;
    while (at < count) {
        int n = sendmmsg(udp->fd, udp->headers + at, (unsigned)(count - at), MSG_NOSIGNAL);
        if (n > 0) {
            udp->counters.udp_sent += (uint64_t)n;
            at += (size_t)n;
            retries = 0;
            continue;
        }
        int error = errno;
        if (error == EINTR)
            continue;
        udp->errors = true;
        if ((error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH) &&
            retries++ < UDP_RETRIES)
            continue;
        udp_count_error(&udp->counters, error);
        if (error == EAGAIN)
            return; /* the kernel's buffer is full: the rest is lost, as datagrams are */
        at++;
        retries = 0;
    }
}

void udp_send(struct udp *udp, const struct outgoing *datagrams, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        int index = roster_find(udp->roster, datagrams[i].to);
        struct sockaddr_in6 *to = index < 0 ? NULL : &udp->addresses[index];
        if (to && datagrams[i].at.port) {
            udp->others[n] = udp_sockaddr(udp->family, &datagrams[i].at);
            to = &udp->others[n];
        }
        if (!to || !to->sin6_family) {
            udp->counters.udp_error_enetunreach++;
            continue;
        }
        udp->iovecs[n] = (struct iovec){.iov_base = (void *)(uintptr_t)datagrams[i].bytes.bytes,
                                        .iov_len = datagrams[i].bytes.size};
        udp->headers[n].msg_hdr = (struct msghdr){.msg_name = to,
                                                  .msg_namelen = udp_sockaddr_size(udp),
                                                  .msg_iov = &udp->iovecs[n],
                                                  .msg_iovlen = 1};
        if (++n == UDP_BATCH) {
            udp_send_batch(udp, n);
            n = 0;
        }
    }
    udp_send_batch(udp, n);
}

/* --- Receiving --- */

static void udp_receive(struct udp *udp)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        udp->iovecs[i] = (struct iovec){.iov_base = udp->bytes[i], .iov_len = DATAGRAM_MAX};
        udp->headers[i].msg_hdr = (struct msghdr){.msg_name = &udp->others[i],
                                                  .msg_namelen = sizeof udp->others[i],
                                                  .msg_iov = &udp->iovecs[i],
                                                  .msg_iovlen = 1};
    }
    int n = recvmmsg(udp->fd, udp->headers, UDP_BATCH, MSG_DONTWAIT, NULL);
    bool errors = n <= 0 || udp->errors; /* one is reported by the next call, whichever it is */
    udp->errors = false;
    /* These are copied: what a datagram or an error causes may be sent at once, through the same
     * headers. */
    unsigned sizes[UDP_BATCH];
    struct address from[UDP_BATCH];
    for (int i = 0; i < n; i++) {
        sizes[i] =
            udp->headers[i].msg_hdr.msg_flags & MSG_TRUNC ? UINT32_MAX : udp->headers[i].msg_len;
        from[i] = udp_address(udp->family, &udp->others[i]);
    }
    for (int i = 0; errors && i < UDP_BATCH; i++)
        errors = udp_take_error(udp);
    for (int i = 0; i < n; i++) {
        udp->counters.udp_received++;
        if (sizes[i] == UINT32_MAX)
            udp->counters.udp_oversized++;
        else
            udp->hooks.datagram(udp->hooks.context, (struct view){udp->bytes[i], sizes[i]},
                                &from[i]);
    }
}

static void udp_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct udp *udp = context;
    udp_receive(udp); /* one batch a turn: the loop has others to serve; the rest wakes it again */
}

/* --- Opening --- */

static bool udp_bind(struct udp *udp, const struct address *address, const char *name,
                     struct fault *fault)
{
    char text[UDP_ADDRESS_SIZE];
    int on = 1;
    int size = UDP_BUFFER;
    struct sockaddr_in6 own = udp_sockaddr(udp->family, address);
    udp_address_text(text, address);
    udp->fd = socket(udp->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0)
        return fault_set(fault, FAULT_OTHER, "udp: %s", strerror(errno));
    if (bind(udp->fd, (const struct sockaddr *)&own, udp_sockaddr_size(udp)) != 0)
        return fault_set(fault,
                         errno == EADDRINUSE || errno == EADDRNOTAVAIL ? FAULT_CONFIG : FAULT_OTHER,
                         "address %s of %s: %s; %s", text, name, strerror(errno),
                         errno == EADDRINUSE ? "stop what uses it"
                                             : "is this the machine that the roster means?");
    if (setsockopt(udp->fd, udp->family == AF_INET ? SOL_IP : SOL_IPV6,
                   udp->family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on) != 0)
        return fault_set(fault, FAULT_OTHER, "udp: IP_RECVERR: %s", strerror(errno));
    (void)setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)setsockopt(udp->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return true;
}

struct udp *udp_open(struct event_base *base, const struct roster *roster, uint16_t self,
                     const struct address *own, const struct udp_hooks *hooks, struct fault *fault)
{
    const struct roster_node *node = &roster->nodes[roster_find(roster, self)];
    const struct address *address = own->port ? own : &node->address;
    struct udp *udp = calloc(1, sizeof *udp);
    if (udp)
        udp->addresses = calloc(roster->node_count, sizeof *udp->addresses);
    if (!udp || !udp->addresses) {
        free(udp);
        fault_set(fault, FAULT_OTHER, "out of memory");
        return NULL;
    }
    udp->fd = -1;
    udp->roster = roster;
    udp->hooks = *hooks;
    udp->family = udp_address_is_mapped(address) ? AF_INET : AF_INET6;
    for (size_t i = 0; i < roster->node_count; i++)
        udp->addresses[i] = udp_sockaddr(udp->family, &roster->nodes[i].address);
    if (udp_bind(udp, address, own->port ? "listen" : node->name, fault)) {
        udp->event = event_new(base, udp->fd, EV_READ | EV_PERSIST, udp_readable, udp);
        if (udp->event && event_add(udp->event, NULL) == 0)
            return udp;
        fault_set(fault, FAULT_OTHER, "udp: cannot be added to the loop");
    }
    udp_close(udp);
    return NULL;
}

void udp_close(struct udp *udp)
{
    if (!udp)
        return;
    if (udp->event)
        event_free(udp->event);
    if (udp->fd >= 0)
        close(udp->fd);
    free(udp->addresses);
    free(udp);
}

const struct udp_counters *udp_counters(const struct udp *udp)
{
    return &udp->counters;
}
