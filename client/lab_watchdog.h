/*
 * The stand-in for a lab machine's watchdog, behind the calls of node/watchdog_device.h: it counts
 * down from the time-out that it was opened with, begins anew with each pet and with the end of its
 * connection, as a device does with its last close, and stops only when it is disarmed.
 */
#ifndef CLIENT_LAB_WATCHDOG_H
#define CLIENT_LAB_WATCHDOG_H

#include <stdbool.h>

#define LAB_WATCHDOG_SOCKET "watchdog.sock"

struct lab_watchdog {
    int listener;
    int fd;          /* -1: nobody has it open */
    int timeout_ms;  /* 0: it does not run */
    long long fires; /* lab_now_ms */
};

/* At DIR/watchdog.sock. False with errno. */
bool lab_watchdog_open(struct lab_watchdog *w, const char *dir);
/* Its listener, or its connection, has something. */
void lab_watchdog_accept(struct lab_watchdog *w);
void lab_watchdog_take(struct lab_watchdog *w);
/* Milliseconds until it fires; -1: it does not run. */
int lab_watchdog_left(const struct lab_watchdog *w);
/* The machine is off: so is it. */
void lab_watchdog_reset(struct lab_watchdog *w);

#endif
