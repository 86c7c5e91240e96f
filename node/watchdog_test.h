/*
 * The test of a watchdog: nobody pets it once, before this node ever holds under it, and it has to
 * reset the machine. What was seen is kept in STATE/watchdog.test: a later boot than the one in
 * which it was let fire says that it did. Another device, or another time-out, is tested anew.
 */
#ifndef NODE_WATCHDOG_TEST_H
#define NODE_WATCHDOG_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "node/fault.h"

struct watchdog_test {
    const char *state; /* the directory */
    const char *identity;
    uint32_t timeout_s;
    const uint8_t *boot_id; /* 16 bytes: of the present boot */
};

enum watchdog_tested {
    WATCHDOG_TESTED,   /* it has reset this machine */
    WATCHDOG_UNTESTED, /* it has to be let fire: that was written down, durably */
    WATCHDOG_TEST_LOST /* nothing can be written: *fault */
};
enum watchdog_tested watchdog_test_look(const struct watchdog_test *t, struct fault *fault);

#endif
