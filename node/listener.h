/*
 * A Unix socket in the file system, the local API's or the executor's: 0660, with a group if the
 * configuration names one. A stale socket is removed only after connect(2) was refused on it;
 * anything else at that path is left alone.
 */
#ifndef NODE_LISTENER_H
#define NODE_LISTENER_H

#include <sys/types.h>

#include "node/fault.h"

enum { LISTENER_BACKLOG = 128 };

/* A listening, nonblocking socket of that type (SOCK_STREAM, SOCK_SEQPACKET) at `path`, or -1 with
 * *fault. `user` and `group` become its owners; -1 leaves them. */
int listener_open(const char *path, int type, uid_t user, gid_t group, struct fault *fault);
/* Closes it and removes the path. */
void listener_close(int fd, const char *path);

#endif
