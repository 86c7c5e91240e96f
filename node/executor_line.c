/* A connection to the executor: see executor_line.h. */
#include "node/executor_line.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

void executor_line_init(struct executor_line *line, struct event_base *base,
                        void (*answered)(void *context, const struct executor_answer *answer),
                        void (*lost)(void *context, const char *why), void *context)
{
    *line = (struct executor_line){
        .base = base, .answered = answered, .lost = lost, .context = context, .fd = -1};
}

void executor_line_close(struct executor_line *line)
{
    if (line->event)
        event_free(line->event);
    if (line->fd >= 0)
        close(line->fd);
    line->event = NULL;
    line->fd = -1;
}

static void executor_line_lose(struct executor_line *line, const char *why)
{
    executor_line_close(line);
    line->lost(line->context, why);
}

static void executor_line_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct executor_line *line = context;
    uint8_t bytes[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer answer;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        executor_line_lose(line, n < 0 ? strerror(errno) : "it closed the connection");
    else if (!executor_answer_decode(&answer, bytes, (size_t)n))
        executor_line_lose(line, "its answer is none");
    else
        line->answered(line->context, &answer);
}

int executor_line_connect(struct executor_line *line, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (line->fd >= 0)
        return 0;
    memcpy(address.sun_path, path, strlen(path)); /* its size is the configuration's to check */
    line->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line->fd < 0)
        return errno;
    if (connect(line->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        line->event =
            event_new(line->base, line->fd, EV_READ | EV_PERSIST, executor_line_readable, line);
        if (line->event && event_add(line->event, NULL) == 0)
            return 0;
        errno = ENOMEM;
    }
    int error = errno;
    executor_line_close(line);
    return error;
}

int executor_line_send(struct executor_line *line, const struct executor_request *request)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    size_t size = executor_request_encode(bytes, request);
    if (send(line->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size)
        return 0;
    int error = errno;
    executor_line_close(line);
    return error;
}
