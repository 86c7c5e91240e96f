/* A device's secrets: see secrets.h. */
#include "node/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

bool secrets_parse(struct secrets *out, size_t size)
{
    char *at = out->text, *end = out->text + size;
    out->count = 0;
    if (size > SECRETS_FILE_MAX || memchr(at, '\0', size))
        return false;
    *end = '\0';
    while (at < end) {
        char *line = at, *newline = memchr(at, '\n', (size_t)(end - at));
        char *last = newline ? newline : end;
        at = newline ? newline + 1 : end;
        *last = '\0';
        if (last > line && last[-1] == '\r')
            last[-1] = '\0';
        if (*line == '#' || *line == '\0')
            continue;
        char *equals = strchr(line, '=');
        if (!equals || equals == line || out->count == SECRETS_MAX)
            return false;
        *equals = '\0';
        if (line[strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
            return false;
        out->names[out->count] = line;
        out->values[out->count++] = equals + 1;
    }
    return true;
}

/* Nobody else's file, and nobody else can read it. */
static bool secrets_private(int fd, const char *path, char why[SECRETS_WHY_SIZE])
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        snprintf(why, SECRETS_WHY_SIZE, "secrets %s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        snprintf(why, SECRETS_WHY_SIZE, "secrets %s: not a file", path);
    else if (st.st_uid != geteuid())
        snprintf(why, SECRETS_WHY_SIZE,
                 "secrets %s: owned by user %u, not by the executor's; run: chown %u %s", path,
                 (unsigned)st.st_uid, (unsigned)geteuid(), path);
    else if (st.st_mode & 077)
        snprintf(why, SECRETS_WHY_SIZE,
                 "secrets %s: its group or others may use it (mode %04o); run: chmod 600 %s", path,
                 (unsigned)(st.st_mode & 07777), path);
    else
        return true;
    return false;
}

bool secrets_load(struct secrets *out, const char *path, char why[SECRETS_WHY_SIZE])
{
    *out = (struct secrets){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        snprintf(why, SECRETS_WHY_SIZE, "secrets %s: %s", path, strerror(errno));
        return false;
    }
    bool good = secrets_private(fd, path, why);
    if (good) {
        ssize_t n = read(fd, out->text, sizeof out->text);
        good = n >= 0 && secrets_parse(out, (size_t)n);
        if (!good)
            snprintf(why, SECRETS_WHY_SIZE,
                     "secrets %s: not lines of name=value, at most %d and %d bytes in all", path,
                     SECRETS_MAX, SECRETS_FILE_MAX);
    }
    close(fd);
    if (!good)
        secrets_wipe(out);
    return good;
}

const char *secrets_find(const struct secrets *secrets, const char *name)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->names[i], name) == 0)
            return secrets->values[i];
    return NULL;
}

/* How many bytes of `value` stand at `text`: all of them, or those that were left when it was cut
 * off. 0: it does not stand there. */
static size_t secrets_stands(const char *value, const char *text, size_t left)
{
    size_t size = strlen(value);
    if (size < SECRETS_MASK_LEAST || left == 0)
        return 0;
    size_t here = size < left ? size : left;
    if (here < SECRETS_MASK_LEAST || memcmp(text, value, here) != 0)
        return 0;
    return here;
}

size_t secrets_mask(const struct secrets *secrets, char *text, size_t size)
{
    static const char stars[] = "***";
    size_t to = 0;
    for (size_t from = 0; from < size;) {
        size_t longest = 0;
        for (size_t i = 0; i < secrets->count; i++) {
            size_t here = secrets_stands(secrets->values[i], text + from, size - from);
            longest = here > longest ? here : longest;
        }
        if (longest == 0) {
            text[to++] = text[from++];
            continue;
        }
        memcpy(text + to, stars, SECRETS_MASK_LEAST);
        to += SECRETS_MASK_LEAST;
        from += longest;
    }
    return to;
}

void secrets_wipe(struct secrets *secrets)
{
    sodium_memzero(secrets, sizeof *secrets);
}
