/* Signals as a descriptor: see signals.h. */
#include "client/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

static void add_unless_ignored(sigset_t *mask, int signo)
{
    struct sigaction action;
    /* One that is blocked is delivered even if it is ignored, so it must not be blocked. */
    if (sigaction(signo, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(mask, signo);
}

int signals_open(bool children, sigset_t *old)
{
    sigset_t mask;
    sigemptyset(&mask);
    add_unless_ignored(&mask, SIGINT);
    add_unless_ignored(&mask, SIGTERM);
    add_unless_ignored(&mask, SIGHUP);
    add_unless_ignored(&mask, SIGQUIT);
    if (children) {
        add_unless_ignored(&mask, SIGTSTP);
        sigaddset(&mask, SIGCHLD);
    }
    sigprocmask(SIG_BLOCK, &mask, old);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

int signals_next(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}
