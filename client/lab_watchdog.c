/* The stand-in for a lab machine's watchdog: see lab_watchdog.h. */
#include "client/lab_watchdog.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/file.h"
#include "client/lab.h"

bool lab_watchdog_open(struct lab_watchdog *w, const char *dir)
{
    *w = (struct lab_watchdog){.fd = -1, .listener = lab_listen(dir, LAB_WATCHDOG_SOCKET, 4)};
    return w->listener >= 0;
}

static void pet(struct lab_watchdog *w)
{
    w->fires = lab_now_ms() + w->timeout_ms;
}

void lab_watchdog_accept(struct lab_watchdog *w)
{
    int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0 && w->fd >= 0)
        close(fd); /* a device is opened once (EBUSY) */
    else if (fd >= 0)
        w->fd = fd;
}

static void start(struct lab_watchdog *w, int seconds)
{
    char word[32];
    int size = snprintf(word, sizeof word, "open %d", seconds);
    w->timeout_ms = seconds * 1000;
    pet(w);
    if (send(w->fd, word, (size_t)size, MSG_NOSIGNAL) < 0)
        return; /* its end comes next */
}

void lab_watchdog_take(struct lab_watchdog *w)
{
    char word[32];
    int seconds;
    ssize_t got = recv(w->fd, word, sizeof word - 1, 0);
    word[got > 0 ? got : 0] = '\0';
    if (got <= 0 || strcmp(word, "disarm") == 0) {
        if (got > 0)
            w->timeout_ms = 0;
        else
            pet(w); /* as Linux does when the last handle is closed */
        close(w->fd);
        w->fd = -1;
    } else if (sscanf(word, "open %d", &seconds) == 1 && seconds > 0 && seconds <= 3600) {
        start(w, seconds);
    } else if (strcmp(word, "pet") == 0) {
        pet(w);
    }
}

int lab_watchdog_left(const struct lab_watchdog *w)
{
    if (w->timeout_ms == 0)
        return -1;
    long long left = w->fires - lab_now_ms();
    return left > 0 ? (int)left : 0;
}

void lab_watchdog_reset(struct lab_watchdog *w)
{
    w->timeout_ms = 0;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
