/* The test of a watchdog: see watchdog_test.h. */
#include "node/watchdog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 160 };

/* "reset by SECONDS BOOT IDENTITY": what it is about, and in which boot it was let fire. */
static void line_of(char out[LINE_SIZE], const struct watchdog_test *t)
{
    char boot[33];
    for (int i = 0; i < 16; i++)
        snprintf(boot + 2 * i, 3, "%02x", t->boot_id[i]);
    snprintf(out, LINE_SIZE, "reset by %u %s %s\n", t->timeout_s, boot, t->identity);
}

static bool read_line(char out[LINE_SIZE], const char *path)
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(out, LINE_SIZE, file);
    if (file)
        fclose(file);
    return good;
}

/* Whether the line is about the same device and time-out; *same_boot: of the present boot too. */
static bool is_about(const char *line, const struct watchdog_test *t, bool *same_boot)
{
    char mine[LINE_SIZE], boot[33], other_boot[33];
    unsigned seconds;
    int at = 0, my_at = 0;
    line_of(mine, t);
    if (sscanf(mine, "reset by %*u %32s %n", boot, &my_at) != 1 ||
        sscanf(line, "reset by %u %32s %n", &seconds, other_boot, &at) != 2)
        return false;
    *same_boot = strcmp(boot, other_boot) == 0;
    return seconds == t->timeout_s && strcmp(line + at, mine + my_at) == 0;
}

static bool write_line(const char *path, const char *state, const char *line)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int dir = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ssize_t size = (ssize_t)strlen(line);
    bool good = fd >= 0 && dir >= 0 && write(fd, line, (size_t)size) == size && fsync(fd) == 0 &&
                fsync(dir) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    errno = error;
    return good;
}

enum watchdog_tested watchdog_test_look(const struct watchdog_test *t, struct fault *fault)
{
    char path[PATH_MAX], line[LINE_SIZE];
    bool same_boot = false;
    snprintf(path, sizeof path, "%s/watchdog.test", t->state);
    bool known = read_line(line, path) && is_about(line, t, &same_boot);
    if (known && !same_boot)
        return WATCHDOG_TESTED;
    line_of(line, t);
    if (known || write_line(path, t->state, line))
        return WATCHDOG_UNTESTED;
    fault_set(fault, FAULT_OTHER, "%s: %s", path, strerror(errno));
    return WATCHDOG_TEST_LOST;
}
