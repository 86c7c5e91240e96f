/*
 * What the refusals mean that are about what a hold or a lock may be changed to, in words and exit
 * codes: each says what to do.
 */
#ifndef CLIENT_REFUSED_H
#define CLIENT_REFUSED_H

#include "client/varlink.h"

/*
 * One line on stderr and the exit code; `subject` is what the call was about, or NULL. -1, and
 * nothing is said, if it is none of these.
 */
int refused_change(const struct varlink_reply *reply, const char *subject);

#endif
