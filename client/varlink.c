/* A blocking varlink client: see varlink.h. */
#include "client/varlink.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_STEP = 64 * 1024 };

const char *varlink_status_text(enum varlink_status status)
{
    switch (status) {
    case VARLINK_OK:
        return "all is well";
    case VARLINK_AGAIN:
        return "the agent does not answer";
    case VARLINK_UNREACHABLE:
        return "no agent listens";
    case VARLINK_FORBIDDEN:
        return "the socket may not be opened";
    case VARLINK_LONG_PATH:
        return "the socket's path has more than 107 bytes";
    case VARLINK_CLOSED:
        return "the agent closed the connection";
    case VARLINK_GARBLED:
        return "what answers is not a Holdfast agent";
    case VARLINK_TOO_LARGE:
        return "the request is too large";
    }
    __builtin_trap();
}

void varlink_close(struct varlink *v)
{
    if (v->fd >= 0)
        close(v->fd);
    free(v->bytes);
    *v = (struct varlink){.fd = -1};
}

enum varlink_status varlink_open(struct varlink *v, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *v = (struct varlink){.fd = -1};
    if (strlen(path) >= sizeof address.sun_path)
        return VARLINK_LONG_PATH;
    memcpy(address.sun_path, path, strlen(path) + 1);
    v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (v->fd < 0)
        return VARLINK_UNREACHABLE;
    if (connect(v->fd, (struct sockaddr *)&address, sizeof address) == 0)
        return VARLINK_OK;
    int error = errno;
    varlink_close(v);
    errno = error;
    return error == EACCES || error == EPERM ? VARLINK_FORBIDDEN : VARLINK_UNREACHABLE;
}

static enum varlink_status send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return VARLINK_CLOSED;
        bytes += sent;
        size -= (size_t)sent;
    }
    return VARLINK_OK;
}

enum varlink_status varlink_send(struct varlink *v, const char *method, json_t *parameters,
                                 enum varlink_flag flag)
{
    json_t *call = json_pack("{s:s, s:o}", "method", method, "parameters",
                             parameters ? parameters : json_object());
    if (call == NULL)
        return VARLINK_TOO_LARGE;
    switch (flag) {
    case VARLINK_PLAIN:
        break;
    case VARLINK_MORE:
        json_object_set_new(call, "more", json_true());
        break;
    case VARLINK_ONEWAY:
        json_object_set_new(call, "oneway", json_true());
        break;
    }
    char *text = json_dumps(call, JSON_COMPACT);
    json_decref(call);
    if (text == NULL)
        return VARLINK_TOO_LARGE;
    size_t size = strlen(text) + 1; /* the NUL is part of the message */
    enum varlink_status status =
        size > VARLINK_SEND_MAX ? VARLINK_TOO_LARGE : send_all(v->fd, text, size);
    free(text);
    return status;
}

/* One message as a reply; anything that the protocol does not allow is garbage. */
static bool parse_reply(const char *text, size_t size, struct varlink_reply *out)
{
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *parameters = json_object_get(root, "parameters");
    json_t *error = json_object_get(root, "error");
    json_t *continues = json_object_get(root, "continues");
    bool good = json_is_object(root) && (parameters == NULL || json_is_object(parameters)) &&
                (error == NULL || json_is_string(error)) &&
                (continues == NULL || json_is_boolean(continues)) &&
                (error == NULL || json_string_length(error) < sizeof out->error);
    if (good) {
        *out = (struct varlink_reply){0};
        out->parameters = parameters ? json_incref(parameters) : json_object();
        out->continues = json_is_true(continues);
        if (error)
            memcpy(out->error, json_string_value(error), json_string_length(error));
    }
    json_decref(root);
    return good;
}

enum varlink_status varlink_take(struct varlink *v, struct varlink_reply *out)
{
    char *end = v->size > v->seen ? memchr(v->bytes + v->seen, '\0', v->size - v->seen) : NULL;
    if (end == NULL) {
        v->seen = v->size;
        return VARLINK_AGAIN;
    }
    size_t size = (size_t)(end - v->bytes);
    bool good = parse_reply(v->bytes, size, out);
    v->size -= size + 1;
    memmove(v->bytes, end + 1, v->size);
    v->seen = 0;
    return good ? VARLINK_OK : VARLINK_GARBLED;
}

static bool make_room(struct varlink *v)
{
    if (v->room - v->size >= READ_STEP)
        return true;
    /* Twice the size each time, so that a large reply is not copied once for each step. */
    size_t room = v->room ? v->room * 2 : READ_STEP * 2;
    char *bytes = room <= 2 * VARLINK_RECEIVE_MAX ? realloc(v->bytes, room) : NULL;
    if (bytes == NULL)
        return false;
    v->bytes = bytes;
    v->room = room;
    return true;
}

enum varlink_status varlink_fill(struct varlink *v)
{
    if (v->size > VARLINK_RECEIVE_MAX || !make_room(v))
        return VARLINK_GARBLED;
    ssize_t got = recv(v->fd, v->bytes + v->size, READ_STEP, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return VARLINK_OK;
    if (got <= 0)
        return VARLINK_CLOSED;
    v->size += (size_t)got;
    return VARLINK_OK;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum varlink_status varlink_receive(struct varlink *v, struct varlink_reply *out, int timeout_ms)
{
    int64_t deadline = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    for (;;) {
        enum varlink_status status = varlink_take(v, out);
        if (status != VARLINK_AGAIN)
            return status;
        int64_t left = timeout_ms < 0 ? -1 : deadline - now_ms();
        if (timeout_ms >= 0 && left <= 0)
            return VARLINK_AGAIN;
        struct pollfd p = {.fd = v->fd, .events = POLLIN};
        if (poll(&p, 1, (int)left) <= 0)
            continue;
        status = varlink_fill(v);
        if (status != VARLINK_OK)
            return status;
    }
}

enum varlink_status varlink_call(struct varlink *v, const char *method, json_t *parameters,
                                 struct varlink_reply *out, int timeout_ms)
{
    enum varlink_status status = varlink_send(v, method, parameters, VARLINK_PLAIN);
    return status == VARLINK_OK ? varlink_receive(v, out, timeout_ms) : status;
}
