/* The transcript: see transcript.h. */
#include "node/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/log.h"
#include "proto/must.h"

struct transcript {
    int dir;
    int fd; /* -1: it cannot be written, which was said */
    off_t size;
};

static void transcript_begin(struct transcript *t)
{
    struct stat st;
    t->fd =
        openat(t->dir, "transcript", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    t->size = t->fd >= 0 && fstat(t->fd, &st) == 0 ? st.st_size : 0;
    if (t->fd < 0)
        log_event(LOG_LEVEL_ERROR, "transcript", "error=\"%s\"", strerror(errno));
}

struct transcript *transcript_open(const char *dir, struct fault *fault)
{
    struct transcript *t = calloc(1, sizeof *t);
    must(t);
    t->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dir < 0) {
        fault_set(fault, FAULT_CONFIG, "executor-state %s: %s", dir, strerror(errno));
        free(t);
        return NULL;
    }
    transcript_begin(t);
    return t;
}

void transcript_close(struct transcript *t)
{
    if (t->fd >= 0)
        close(t->fd);
    close(t->dir);
    free(t);
}

static void transcript_write(struct transcript *t, const char *line, size_t size)
{
    if (t->fd >= 0 && t->size + (off_t)size > TRANSCRIPT_FILE_MAX) {
        close(t->fd);
        (void)renameat(t->dir, "transcript", t->dir, "transcript.1");
        transcript_begin(t);
    }
    if (t->fd < 0)
        return;
    /* A disk that is full keeps nobody from being fenced. */
    ssize_t n = write(t->fd, line, size);
    t->size += n > 0 ? n : 0;
}

void transcript_say(struct transcript *t, const char *format, ...)
{
    char text[TRANSCRIPT_LINE_MAX], line[TRANSCRIPT_LINE_MAX + LOG_TIME_SIZE + 2];
    char time[LOG_TIME_SIZE];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_event(LOG_LEVEL_INFO, "transcript", "%s", text);
    log_time(time);
    int size = snprintf(line, sizeof line, "%s %s\n", time, text);
    if (t && size > 0)
        transcript_write(t, line, (size_t)size);
}
