/* Signals as a descriptor (signalfd(2)), for loops that poll. */
#ifndef CLIENT_SIGNALS_H
#define CLIENT_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT, and gives them through the descriptor, but for those
 * that whoever started us had ignored (nohup, background jobs); with `children` also SIGCHLD and
 * SIGTSTP. `old` gets the mask to restore in a child; it may be NULL. -1 with errno.
 */
int signals_open(bool children, sigset_t *old);
/* The next signal, or 0 if none is pending. */
int signals_next(int fd);

#endif
