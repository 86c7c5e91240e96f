/* Packets between a lab's command and its machines: see lab_wire.h. */
#include "client/lab_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(LAB_WIRE_FDS * sizeof(int))];
};

/* All strings, one after the other with their NULs; NULL with errno. */
static char *join(char *const strings[], size_t *size)
{
    *size = 0;
    for (size_t i = 0; strings[i]; i++)
        *size += strlen(strings[i]) + 1;
    char *bytes = *size <= LAB_WIRE_MAX ? malloc(*size + 1) : NULL;
    if (bytes == NULL) {
        errno = *size > LAB_WIRE_MAX ? EMSGSIZE : ENOMEM;
        return NULL;
    }
    char *at = bytes;
    for (size_t i = 0; strings[i]; i++)
        at = stpcpy(at, strings[i]) + 1;
    return bytes;
}

bool lab_wire_send(int fd, char *const strings[], const int *fds)
{
    size_t size;
    union control control;
    char *bytes = join(strings, &size);
    if (bytes == NULL)
        return false;
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (fds) {
        memset(&control, 0, sizeof control);
        m.msg_control = &control;
        m.msg_controllen = sizeof control.room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(LAB_WIRE_FDS * sizeof(int));
        memcpy(CMSG_DATA(c), fds, LAB_WIRE_FDS * sizeof(int));
    }
    int room = 2 * LAB_WIRE_MAX; /* a packet must fit the buffer whole */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    ssize_t sent;
    do
        sent = sendmsg(fd, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    free(bytes);
    return sent == (ssize_t)size;
}

bool lab_wire_say(int fd, const char *a, const char *b, const char *c)
{
    /* lab_wire_send only reads them. */
    char *strings[] = {(char *)a, (char *)b, b ? (char *)c : NULL, NULL};
    return lab_wire_send(fd, strings, NULL);
}

static void take_fds(struct msghdr *m, int fds[LAB_WIRE_FDS])
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (count > LAB_WIRE_FDS)
            count = LAB_WIRE_FDS; /* there is no room for more, so the kernel gives no more */
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    }
}

/* Finds the strings in the bytes. False unless it is a list of at least one. */
static bool split(struct lab_wire *out, size_t size)
{
    if (size == 0 || out->bytes[size - 1] != '\0')
        return false;
    for (size_t i = 0; i < size; i++)
        out->count += out->bytes[i] == '\0';
    out->strings = calloc(out->count + 1, sizeof *out->strings);
    if (out->strings == NULL)
        return false;
    char *at = out->bytes;
    for (size_t i = 0; i < out->count; i++, at += strlen(at) + 1)
        out->strings[i] = at;
    return true;
}

bool lab_wire_receive(int fd, struct lab_wire *out)
{
    union control control;
    *out = (struct lab_wire){.fds = {-1, -1, -1}};
    out->bytes = malloc(LAB_WIRE_MAX);
    if (out->bytes == NULL)
        return false;
    struct iovec part = {.iov_base = out->bytes, .iov_len = LAB_WIRE_MAX};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control.room};
    ssize_t got;
    do
        got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        take_fds(&m, out->fds);
    if (got > 0 && (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && split(out, (size_t)got))
        return true;
    lab_wire_free(out);
    return false;
}

void lab_wire_free(struct lab_wire *packet)
{
    for (size_t i = 0; i < LAB_WIRE_FDS; i++)
        if (packet->fds[i] >= 0)
            close(packet->fds[i]);
    free(packet->strings);
    free(packet->bytes);
    *packet = (struct lab_wire){.fds = {-1, -1, -1}};
}
