/*
 * The local API's socket in the file system: 0660, with a group if the configuration names one. A
 * stale socket is removed only after connect(2) was refused on it; anything else at that path is
 * left alone.
 */
#ifndef NODE_LISTENER_H
#define NODE_LISTENER_H

#include <sys/types.h>

#include "node/fault.h"

enum { LISTENER_BACKLOG = 128 };

/* A listening, nonblocking socket at `path`, or -1 with *fault. `group`: (gid_t)-1 leaves it. */
int listener_open(const char *path, gid_t group, struct fault *fault);
/* Closes it and removes the path. */
void listener_close(int fd, const char *path);

#endif
