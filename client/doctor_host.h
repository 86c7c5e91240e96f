/* What `holdfast doctor` looks at on the machine itself: clock, disk, watchdog, configuration. */
#ifndef CLIENT_DOCTOR_HOST_H
#define CLIENT_DOCTOR_HOST_H

#include "client/finding.h"

/* `holdfastd -c CONFIG --check-config`, by the agent beside this program, or the one in PATH. */
void doctor_config(struct findings *f, const char *config);
void doctor_clock(struct findings *f);
void doctor_watchdog(struct findings *f);
/* Room for the vote log, in the agent's `state` directory. */
void doctor_disk(struct findings *f, const char *state);

#endif
