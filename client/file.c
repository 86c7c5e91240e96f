/* Small files that must be whole: see file.h. */
#include "client/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command.h"

void file_path(char *out, size_t size, const char *dir, const char *name)
{
    int n = snprintf(out, size, "%s/%s", dir, name);
    if (n >= 0 && (size_t)n < size)
        return;
    say("the path '%.64s...' is too long", dir);
    exit(EXIT_USAGE);
}

bool file_directory(const char *path, mode_t mode)
{
    struct stat s;
    if (mkdir(path, mode) == 0)
        return true;
    if (errno == EEXIST && stat(path, &s) == 0) {
        if (S_ISDIR(s.st_mode))
            return true;
        errno = ENOTDIR;
    }
    say("cannot make the directory %s: %s", path, strerror(errno));
    return false;
}

static bool read_whole(int fd, uint8_t *bytes, size_t max, size_t *size)
{
    *size = 0;
    while (*size < max) {
        ssize_t got = read(fd, bytes + *size, max - *size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        *size += (size_t)got;
    }
    errno = EFBIG;
    return false;
}

uint8_t *file_read(const char *path, size_t max, size_t *size)
{
    /* Not blocking: a FIFO in the place of a key must not hang the command. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *bytes = fd >= 0 ? malloc(max + 2) : NULL;
    /* One byte more than allowed is asked for, so that a file of exactly `max` is told from a
     * longer one. */
    bool good = bytes && read_whole(fd, bytes, max + 1, size);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (good) {
        bytes[*size] = '\0';
        return bytes;
    }
    free(bytes);
    say("cannot read %s: %s", path, strerror(error));
    return NULL;
}

static bool write_whole(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        size -= (size_t)put;
    }
    return fsync(fd) == 0;
}

bool file_create(const char *path, mode_t mode, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        say("cannot create %s: %s%s", path, strerror(errno),
            errno == EEXIST ? "; move it away, or choose another directory" : "");
        return false;
    }
    bool good = write_whole(fd, bytes, size);
    int error = errno;
    close(fd);
    if (!good) {
        unlink(path); /* half a key is worse than none */
        say("cannot write %s: %s", path, strerror(error));
    }
    return good;
}

bool file_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (!good)
        say("cannot sync the directory %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return good;
}

bool file_replace(const char *path, mode_t mode, const void *bytes, size_t size)
{
    char other[PATH_MAX], dir[PATH_MAX];
    int n = snprintf(other, sizeof other, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof other) {
        say("the path '%.64s...' is too long", path);
        return false;
    }
    unlink(other); /* left by a run that was cut short */
    if (!file_create(other, mode, bytes, size))
        return false;
    if (rename(other, path) != 0) {
        say("cannot replace %s: %s", path, strerror(errno));
        unlink(other);
        return false;
    }
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return file_sync_directory(dir);
}
