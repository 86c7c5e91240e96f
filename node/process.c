/* One process, known for sure. */
#include "node/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { PROCESS_STAT_SIZE = 1024 };

bool process_parse(struct process_look *out, const char *text)
{
    struct process_look look = {0};
    int pid, parent, group;
    uint64_t start;
    /* The name may hold anything, parentheses too: the fields go on after the last one. */
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(text, "%d (", &pid) != 1)
        return false;
    int n =
        sscanf(rest + 1,
               " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %" SCNu64,
               &look.state, &parent, &group, &look.threads, &start);
    if (n != 5)
        return false;
    look.process = (struct process){.pid = pid, .start = start, .leads = group == pid};
    look.parent = parent;
    look.group = group;
    *out = look;
    return true;
}

bool process_runs(const struct process_look *look)
{
    return look->state != 'X' && (look->state != 'Z' || look->threads > 1);
}

enum process_status process_look(pid_t pid, struct process_look *out)
{
    char path[64];
    char text[PROCESS_STAT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? PROCESS_GONE : PROCESS_UNREADABLE;
    ssize_t n = read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    if (n < 0)
        return error == ESRCH ? PROCESS_GONE : PROCESS_UNREADABLE;
    text[n] = '\0';
    return process_parse(out, text) ? PROCESS_FOUND : PROCESS_UNREADABLE;
}

bool process_ended(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

enum process_status process_open(pid_t pid, struct process_look *out, int *fd)
{
    struct process_look look;
    int opened = pidfd_open(pid, 0);
    if (opened < 0)
        return errno == ESRCH ? PROCESS_GONE : PROCESS_UNREADABLE;
    enum process_status status = process_look(pid, &look);
    /* It lives after the look, so it is the one that was looked at. A pid that pidfd_open found but
     * /proc does not show is hidden, unless it has ended meanwhile. */
    if (process_ended(opened))
        status = PROCESS_GONE;
    else if (status == PROCESS_GONE)
        status = PROCESS_UNREADABLE;
    if (status != PROCESS_FOUND) {
        close(opened);
        return status;
    }
    *out = look;
    *fd = opened;
    return PROCESS_FOUND;
}

enum process_status process_reopen(const struct process *process, int *fd)
{
    struct process_look now;
    int opened;
    enum process_status status = process_open(process->pid, &now, &opened);
    if (status != PROCESS_FOUND)
        return status;
    if (now.process.start != process->start) {
        close(opened);
        return PROCESS_GONE;
    }
    *fd = opened;
    return PROCESS_FOUND;
}

bool process_group_exists(const struct process *leader)
{
    struct process_look look;
    /* While a group has members the kernel gives its number to no new process. */
    if (process_look(leader->pid, &look) == PROCESS_FOUND && look.process.start != leader->start)
        return false;
    return kill(-leader->pid, 0) == 0 || errno != ESRCH;
}
