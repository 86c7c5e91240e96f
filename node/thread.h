/* Threads beside the loop's. */
#ifndef NODE_THREAD_H
#define NODE_THREAD_H

#include <pthread.h>

/* Starts one that blocks all signals: they are the loop's. `name`: pthread_setname_np(3), 15 bytes
 * at most. Returns 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

#endif
