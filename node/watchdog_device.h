/*
 * A watchdog device, through the kernel's interface (linux/watchdog.h), or a stand-in behind the
 * same calls: a lab machine's supervisor, at a Unix socket, that powers the machine off when the
 * pets stop. Only a lab accepts one.
 *
 *     watchdog = '/dev/watchdog0'                 a device
 *     watchdog = 'stand-in:/path/watchdog.sock'   a stand-in: SOCK_SEQPACKET, "open SECONDS",
 *                                                 answered by "open SECONDS" as it is; "pet";
 *                                                 "disarm". A connection that ends pets, as the
 *                                                 last close of a device does.
 */
#ifndef NODE_WATCHDOG_DEVICE_H
#define NODE_WATCHDOG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define WATCHDOG_STAND_IN "stand-in:"

enum { WATCHDOG_IDENTITY_SIZE = 33, WATCHDOG_ERROR_SIZE = 200 };

struct watchdog_device {
    int fd; /* -1: closed */
    bool stand_in;
    uint32_t timeout_s; /* W, as read back */
    char identity[WATCHDOG_IDENTITY_SIZE];
};

bool watchdog_is_stand_in(const char *name);
/*
 * Opens it, which starts its countdown, and sets the time-out to `seconds` or what it makes of
 * that. `identity`: what an operator says it is; NULL: nothing is said. softdog never counts, nor a
 * device within a virtual machine of which nothing is said (F6c). False with a reason, and it is
 * disarmed again where that can be.
 */
bool watchdog_device_open(struct watchdog_device *d, const char *name, uint32_t seconds,
                          const char *identity, char error[WATCHDOG_ERROR_SIZE]);
bool watchdog_device_pet(const struct watchdog_device *d);
/* Stops it, if it can be stopped, and closes it. */
void watchdog_device_disarm(struct watchdog_device *d);

#endif
