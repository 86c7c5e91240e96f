/* A socket in the file system: see listener.h. */
#include "node/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clears the way: true if nothing is at `path` any more. */
static bool listener_clear(int fd, const struct sockaddr_un *address, struct fault *fault)
{
    const char *path = address->sun_path;
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno == ENOENT)
            return true;
        return fault_set(fault, FAULT_CONFIG, "socket %s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return fault_set(fault, FAULT_CONFIG,
                         "socket %s: something else than a socket is there; move it away or choose "
                         "another path",
                         path);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        return fault_set(fault, FAULT_CONFIG,
                         "socket %s: another process listens on it; stop it or choose another path",
                         path);
    if (errno != ECONNREFUSED)
        return fault_set(fault, FAULT_CONFIG, "socket %s: %s", path, strerror(errno));
    if (unlink(path) != 0)
        return fault_set(fault, FAULT_CONFIG, "socket %s: stale, but cannot be removed: %s", path,
                         strerror(errno));
    return true;
}

int listener_open(const char *path, int type, uid_t user, gid_t group, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fault_set(fault, FAULT_CONFIG, "socket %s: the path is too long", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set(fault, FAULT_OTHER, "socket %s: %s", path, strerror(errno));
        return -1;
    }
    if (!listener_clear(fd, &address, fault))
        goto failed;
    mode_t mask = umask(0117); /* so that it is never wider than 0660, not even for an instant */
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    int error = errno;
    umask(mask);
    if (bound != 0) {
        fault_set(fault, FAULT_CONFIG, "socket %s: %s%s", path, strerror(error),
                  error == ENOENT || error == EACCES || error == EROFS
                      ? "; make its directory, which the agent's user may write, or name another"
                      : "");
        goto failed;
    }
    if (((user != (uid_t)-1 || group != (gid_t)-1) && lchown(path, user, group) != 0) ||
        listen(fd, LISTENER_BACKLOG) != 0) {
        fault_set(fault, FAULT_CONFIG, "socket %s: %s%s", path, strerror(errno),
                  errno == EPERM ? "; is the agent's user in the socket's group?" : "");
        unlink(path);
        goto failed;
    }
    return fd;
failed:
    close(fd);
    return -1;
}

void listener_close(int fd, const char *path)
{
    if (fd < 0)
        return;
    unlink(path);
    close(fd);
}
