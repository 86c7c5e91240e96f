/* Writing all of it: see write_whole.h. */
#include "node/write_whole.h"

#include <errno.h>
#include <unistd.h>

int write_whole(int fd, const uint8_t *bytes, size_t size, size_t offset)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
        if (n <= 0)
            return n < 0 ? errno : EIO;
        bytes += n;
        size -= (size_t)n;
        offset += (size_t)n;
    }
    return 0;
}
