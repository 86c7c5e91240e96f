/*
 * The log. One write(2) a line, so that lines of several processes on one stderr do not mix; a
 * reader that blocks can block the agent only as any stderr does.
 */
#include "node/log.h"

#include "node/journal_entry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_LINE_SIZE = 2048,
    LOG_BUCKETS = 64,   /* events that can be limited apart; a collision shares a bucket */
    LOG_BURST = 100,    /* lines of one event at once, */
    LOG_PER_SECOND = 10 /*   and then so many a second */
};

/* A token bucket of one event. */
struct log_bucket {
    int64_t filled_ms; /* when it was last filled */
    int64_t tokens;
    uint64_t suppressed; /* lines left out since the last one that was written */
};

/* The log is the process's, like stderr itself. */
static struct {
    enum log_level level;
    bool opened;
    bool journal; /* stderr is the journal's */
    int native;   /* the journal's own socket; -1: there is none */
    struct log_bucket buckets[LOG_BUCKETS];
} sink = {.level = LOG_LEVEL_INFO, .native = -1};

static const char *const level_texts[] = {"debug", "info", "warning", "error"};
/* syslog(3) priorities. */
static const int level_priorities[] = {7, 6, 4, 3};

bool log_level_parse(enum log_level *out, const char *text)
{
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++)
        if (strcmp(text, level_texts[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

const char *log_level_text(enum log_level level)
{
    return level_texts[level];
}

/* Where entries with fields of their own go; where it is not, lines on stderr do. */
static int log_journal(void)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                               .sun_path = "/run/systemd/journal/socket"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void log_open(enum log_level level)
{
    sink.level = level;
    sink.journal = getenv("JOURNAL_STREAM") != NULL;
    if (sink.journal && sink.native < 0)
        sink.native = log_journal();
    for (int i = 0; i < LOG_BUCKETS && !sink.opened; i++)
        sink.buckets[i].tokens = LOG_BURST;
    sink.opened = true;
}

void log_time(char out[LOG_TIME_SIZE])
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(out, LOG_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, LOG_TIME_SIZE - n, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

static struct log_bucket *log_bucket_of(const char *event)
{
    uint32_t hash = 2166136261u; /* FNV-1a: the words are ours, nobody can aim at a collision */
    for (const char *c = event; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return &sink.buckets[hash % LOG_BUCKETS];
}

/* Takes a token. False: the line is left out. */
static bool log_admit(struct log_bucket *bucket)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int64_t earned = (ms - bucket->filled_ms) * LOG_PER_SECOND / 1000;
    if (earned > 0) {
        bucket->tokens = bucket->tokens + earned > LOG_BURST ? LOG_BURST : bucket->tokens + earned;
        bucket->filled_ms = ms;
    }
    if (bucket->tokens <= 0) {
        bucket->suppressed++;
        return false;
    }
    bucket->tokens--;
    return true;
}

/* False: it is not taken, as a journal that is full or gone does not. */
static bool log_native(enum log_level level, const char *event, const char *pairs)
{
    char entry[JOURNAL_ENTRY_SIZE];
    if (sink.native < 0)
        return false;
    size_t size =
        journal_entry(entry, level_priorities[level], program_invocation_short_name, event, pairs);
    if (send(sink.native, entry, size, MSG_NOSIGNAL) == (ssize_t)size)
        return true;
    if (errno != ECONNREFUSED && errno != ENOTCONN)
        return false;
    close(sink.native); /* it was started anew */
    sink.native = log_journal();
    return sink.native >= 0 && send(sink.native, entry, size, MSG_NOSIGNAL) == (ssize_t)size;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (level < sink.level)
        return;
    struct log_bucket *bucket = log_bucket_of(event);
    if (sink.opened && !log_admit(bucket))
        return;
    char line[LOG_LINE_SIZE];
    char time[LOG_TIME_SIZE];
    log_time(time);
    int n = sink.journal
                ? snprintf(line, sizeof line, "<%d>%s ", level_priorities[level], event)
                : snprintf(line, sizeof line, "%s %s %s ", time, level_texts[level], event);
    size_t at = (size_t)n, begin = at; /* of the pairs */
    va_list ap;
    va_start(ap, format);
    n = vsnprintf(line + at, sizeof line - at, format, ap);
    va_end(ap);
    at = n < 0 ? at : at + (size_t)n;
    if (at > sizeof line - 64)
        at = sizeof line - 64; /* cut: room for the tail stays */
    if (bucket->suppressed)
        at += (size_t)snprintf(line + at, sizeof line - at, " suppressed=%llu",
                               (unsigned long long)bucket->suppressed);
    bucket->suppressed = 0;
    while (at > 0 && line[at - 1] == ' ')
        at--;
    line[at] = '\0';
    if (log_native(level, event, line + begin))
        return;
    line[at++] = '\n';
    if (write(STDERR_FILENO, line, at) < 0)
        return; /* nobody is left to be told */
}

struct log_value log_value(const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    struct log_value v;
    size_t at = 0;
    v.text[at++] = '"';
    for (size_t i = 0; i < size && at + 6 < sizeof v.text; i++) {
        uint8_t c = ((const uint8_t *)bytes)[i];
        if (c == '"' || c == '\\') {
            v.text[at++] = '\\';
            v.text[at++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            v.text[at++] = '\\';
            v.text[at++] = 'x';
            v.text[at++] = digits[c >> 4];
            v.text[at++] = digits[c & 15];
        } else {
            v.text[at++] = (char)c;
        }
    }
    v.text[at++] = '"';
    v.text[at] = '\0';
    return v;
}
