/* How far a run of many seeds is, on a terminal's last line; nothing where stderr is none. */
#ifndef SIM_PROGRESS_H
#define SIM_PROGRESS_H

#include <stdint.h>

struct progress {
    int64_t told_ns; /* of CLOCK_MONOTONIC; 0: nothing is shown */
};

/* At most twice a second. `total` UINT64_MAX: nobody knows. */
void progress_tell(struct progress *p, uint64_t done, uint64_t total, uint64_t failures);
/* Takes the line away, before something else is printed. */
void progress_end(struct progress *p);

#endif
