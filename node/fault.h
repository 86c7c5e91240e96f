/*
 * Why the agent does not start: one line for a person, and the exit status that goes with it.
 * Whoever finds the fault writes the line; main prints it. The line names the thing and what to do.
 */
#ifndef NODE_FAULT_H
#define NODE_FAULT_H

#include <stdbool.h>

/* Exit statuses, after sysexits(3). */
enum { FAULT_NONE = 0, FAULT_OTHER = 1, FAULT_USAGE = 64, FAULT_CONFIG = 78 };

enum { FAULT_TEXT_SIZE = 1024 };

struct fault {
    int status; /* FAULT_* */
    char text[FAULT_TEXT_SIZE];
};

/* Fills *fault and returns false, so that a check reads `return fault_set(...)`. The first one
 * stays. */
bool fault_set(struct fault *fault, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
