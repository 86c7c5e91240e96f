/* A watchdog device: see watchdog_device.h. */
#include "node/watchdog_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/watchdog.h>

bool watchdog_is_stand_in(const char *name)
{
    return strncmp(name, WATCHDOG_STAND_IN, strlen(WATCHDOG_STAND_IN)) == 0;
}

static bool fail(char error[WATCHDOG_ERROR_SIZE], const char *what)
{
    snprintf(error, WATCHDOG_ERROR_SIZE, "%s: %s", what, strerror(errno));
    return false;
}

/* --- The stand-in --- */

static bool open_stand_in(struct watchdog_device *d, const char *path, uint32_t seconds,
                          char error[WATCHDOG_ERROR_SIZE])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char word[32];
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(error, "the stand-in's socket");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    d->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(error, "the stand-in does not answer");
    int size = snprintf(word, sizeof word, "open %u", seconds);
    ssize_t got =
        send(d->fd, word, (size_t)size, MSG_NOSIGNAL) == size ? recv(d->fd, word, 31, 0) : -1;
    word[got > 0 ? got : 0] = '\0';
    if (sscanf(word, "open %u", &d->timeout_s) != 1) {
        errno = EPROTO;
        return fail(error, "the stand-in");
    }
    snprintf(d->identity, sizeof d->identity, "stand-in");
    return true;
}

/* --- The device --- */

/* The kernel says of a processor that a hypervisor lent it (proc(5)). */
static bool in_virtual_machine(void)
{
    char line[8192];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
    if (file)
        fclose(file);
    return found;
}

static bool may_count(const struct watchdog_device *d, const char *identity,
                      char error[WATCHDOG_ERROR_SIZE])
{
    bool said = identity && strcmp(identity, d->identity) == 0;
    if (strcasestr(d->identity, "software") || strcasestr(d->identity, "softdog"))
        snprintf(error, WATCHDOG_ERROR_SIZE,
                 "it is \"%s\", which stops with the kernel that it is to watch", d->identity);
    else if (identity && !said)
        snprintf(error, WATCHDOG_ERROR_SIZE, "it is \"%s\", and watchdog_identity says \"%s\"",
                 d->identity, identity);
    else if (!said && in_virtual_machine())
        snprintf(error, WATCHDOG_ERROR_SIZE,
                 "it is \"%s\" within a virtual machine: if that ends the machine whatever its "
                 "host does, say so with watchdog_identity",
                 d->identity);
    else
        return true;
    return false;
}

static bool set_up(struct watchdog_device *d, uint32_t seconds, const char *identity,
                   char error[WATCHDOG_ERROR_SIZE])
{
    struct watchdog_info info = {0};
    int timeout = (int)seconds, left = 0;
    if (ioctl(d->fd, WDIOC_GETSUPPORT, &info) != 0)
        return fail(error, "WDIOC_GETSUPPORT");
    snprintf(d->identity, sizeof d->identity, "%.32s", (const char *)info.identity);
    if (!may_count(d, identity, error))
        return false;
    if (!(info.options & WDIOF_SETTIMEOUT) || !(info.options & WDIOF_KEEPALIVEPING)) {
        errno = ENOTSUP;
        return fail(error, "its time-out cannot be set, or it cannot be petted");
    }
    /* It rounds as it likes: what is read back is W. */
    if (ioctl(d->fd, WDIOC_SETTIMEOUT, &timeout) != 0)
        return fail(error, "WDIOC_SETTIMEOUT");
    if (ioctl(d->fd, WDIOC_GETTIMEOUT, &timeout) != 0 || timeout <= 0)
        return fail(error, "WDIOC_GETTIMEOUT");
    d->timeout_s = (uint32_t)timeout;
    if (ioctl(d->fd, WDIOC_KEEPALIVE, 0) != 0)
        return fail(error, "WDIOC_KEEPALIVE");
    /* Whether it counts down at all, where it can say so. */
    if (ioctl(d->fd, WDIOC_GETTIMELEFT, &left) == 0 && (left <= 0 || left > timeout)) {
        snprintf(error, WATCHDOG_ERROR_SIZE, "it does not count down: %d s are left of %d", left,
                 timeout);
        return false;
    }
    return true;
}

bool watchdog_device_open(struct watchdog_device *d, const char *name, uint32_t seconds,
                          const char *identity, char error[WATCHDOG_ERROR_SIZE])
{
    *d = (struct watchdog_device){.fd = -1, .stand_in = watchdog_is_stand_in(name)};
    if (d->stand_in) {
        if (open_stand_in(d, name + strlen(WATCHDOG_STAND_IN), seconds, error))
            return true;
    } else {
        d->fd = open(name, O_WRONLY | O_CLOEXEC);
        if (d->fd < 0)
            return fail(error, "it cannot be opened");
        if (set_up(d, seconds, identity, error))
            return true;
    }
    watchdog_device_disarm(d);
    return false;
}

bool watchdog_device_pet(const struct watchdog_device *d)
{
    if (d->stand_in)
        return send(d->fd, "pet", 3, MSG_NOSIGNAL) == 3;
    return ioctl(d->fd, WDIOC_KEEPALIVE, 0) == 0;
}

void watchdog_device_disarm(struct watchdog_device *d)
{
    if (d->fd < 0)
        return;
    /* The magic close: without it the countdown goes on (Documentation/watchdog). */
    ssize_t size = d->stand_in ? send(d->fd, "disarm", 6, MSG_NOSIGNAL) : write(d->fd, "V", 1);
    (void)size; /* one that cannot be stopped goes on, whatever is done */
    close(d->fd);
    d->fd = -1;
}
