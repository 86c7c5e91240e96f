/*
 * What the agent gives up before it hears anything from outside: it can start no program, gain no
 * right, and be looked into by no process of its own user. Whoever takes it over cannot have a
 * device driver run but by the executor, which wants a certificate (F4).
 *
 * Which user it is and which capabilities it has are its service manager's to say
 * (docs/configuration.md).
 */
#ifndef NODE_PRIVILEGES_H
#define NODE_PRIVILEGES_H

#include "node/fault.h"

/* For all threads and all that they start, for good. The watchdog's keeper, which is a program
 * started anew, must be there by then. False with *fault. */
bool privileges_limit(struct fault *fault);

#endif
