/* Writing all of it: a short write is no failure, the next one says why it was short. */
#ifndef NODE_WRITE_WHOLE_H
#define NODE_WRITE_WHOLE_H

#include <stddef.h>
#include <stdint.h>

/* At `offset` of a file (pwrite(2)). 0 or an errno. */
int write_whole(int fd, const uint8_t *bytes, size_t size, size_t offset);

#endif
