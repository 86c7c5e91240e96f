/* The fence log: see fence_log.h. */
#include "node/fence_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <utlist.h>

#include "node/log.h"
#include "proto/must.h"

/* Steps that say the same within so long are one: peers repeat what they tell. */
#define AGAIN_SPAN SPAN_MS(60000)
enum { AGAIN_MAX = 32 };

/* A file's bytes in memory, and where its records begin. */
struct fence_page {
    uint8_t *bytes;
    size_t size, room;
    uint32_t *at;
    size_t count, at_room;
    uint64_t first; /* number of the first record */
};

struct fence_log_check_call {
    uint64_t handle;
    fence_log_checked done;
    void *context;
    struct fence_log_check_call *next, *prev;
};

struct fence_log {
    struct fence_log_hooks hooks;
    struct cluster_id cluster;
    uint16_t slot;
    struct fence_file *file; /* NULL: there is none */
    struct event *event;
    struct fence_page now, old;
    struct chain_tip tip;
    uint64_t logged, lost, dropped;
    bool stopped;
    char why[FENCE_FILE_TEXT_SIZE];
    struct {
        uint64_t hash;
        struct instant at;
    } again[AGAIN_MAX];
    size_t again_next;
    uint64_t last_handle;
    struct fence_log_check_call *checks;
};

/* --- Trouble --- */

static void trouble(struct fence_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void trouble(struct fence_log *log, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(log->why, sizeof log->why, format, ap);
    va_end(ap);
    log_event(LOG_LEVEL_ERROR, "fence-log", "why=%s", log_value(log->why, strlen(log->why)).text);
    log->hooks.trouble(log->hooks.context, log->why);
}

static void stop(struct fence_log *log, const char *what, int error)
{
    if (log->stopped)
        return;
    log->stopped = true;
    trouble(log,
            "the fence log is not written any more (%s: %s): what happens from now on cannot be "
            "explained; mend the disk, then restart the agent",
            what, strerror(error));
}

/* --- Memory --- */

static void page_put(struct fence_page *p, const uint8_t *bytes, size_t size)
{
    while (p->size + size > p->room) {
        p->room = p->room ? p->room * 2 : 4096;
        p->bytes = realloc(p->bytes, p->room);
        must(p->bytes);
    }
    memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

/* The record that will be put next begins here. */
static void page_mark(struct fence_page *p, size_t at)
{
    if (p->count == p->at_room) {
        p->at_room = p->at_room ? p->at_room * 2 : 64;
        p->at = realloc(p->at, p->at_room * sizeof *p->at);
        must(p->at);
    }
    p->at[p->count++] = (uint32_t)at;
}

static void page_free(struct fence_page *p)
{
    free(p->bytes);
    free(p->at);
    *p = (struct fence_page){0};
}

/* A file's good part; its verdict, and the tip behind it. The bytes are the page's from then on. */
static enum chain_verdict page_load(struct fence_page *p, uint8_t *bytes, size_t size,
                                    struct chain_reader *reader)
{
    struct chain_record record;
    enum chain_verdict verdict = chain_open(reader, bytes, size);
    *p = (struct fence_page){.bytes = bytes, .room = size};
    if (verdict != CHAIN_END)
        return verdict;
    p->first = reader->head.first;
    size_t at = reader->at;
    while ((verdict = chain_next(reader, &record)) == CHAIN_RECORD) {
        page_mark(p, at);
        at = reader->at;
    }
    p->size = at;
    return verdict;
}

/* --- Adding --- */

static uint64_t present_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Whose steps they are is no secret, and nobody gains by two that are alike. */
static const uint8_t again_key[HASH_KEY_SIZE];

static bool said_lately(const struct fence_log *log, const uint8_t *bytes, size_t size)
{
    uint64_t hash = hash64(again_key, bytes, size);
    struct instant now = clock_now();
    for (size_t i = 0; i < AGAIN_MAX; i++)
        if (log->again[i].hash == hash && log->again[i].at.ns &&
            span_between(log->again[i].at, now).ns < AGAIN_SPAN.ns)
            return true;
    return false;
}

static void remember(struct fence_log *log, const uint8_t *bytes, size_t size)
{
    log->again[log->again_next].hash = hash64(again_key, bytes, size);
    log->again[log->again_next].at = clock_now();
    log->again_next = (log->again_next + 1) % AGAIN_MAX;
}

static void fence_log_header(const struct fence_log *log, uint8_t header[CHAIN_HEADER_SIZE],
                             struct chain_tip *tip)
{
    struct chain_head head = {log->cluster, log->slot, log->tip.next, log->tip.digest};
    *tip = chain_begin(header, &head);
}

/* The file is full: the next one goes on from its last digest. */
static bool rotate(struct fence_log *log)
{
    uint8_t header[CHAIN_HEADER_SIZE];
    struct chain_tip tip;
    fence_log_header(log, header, &tip);
    if (!fence_file_rotate(log->file, header))
        return false;
    page_free(&log->old);
    log->old = log->now;
    log->now = (struct fence_page){.first = tip.next};
    page_put(&log->now, header, sizeof header);
    log->tip = tip;
    return true;
}

static bool append(struct fence_log *log, const uint8_t *payload, size_t size)
{
    uint8_t record[CHAIN_RECORD_MAX];
    if (!log->file || log->stopped)
        return false;
    if (log->now.size + CHAIN_FRAME_SIZE + size + DIGEST_SIZE > FENCE_LOG_FILE_MAX && !rotate(log))
        return false;
    struct chain_tip tip = log->tip;
    size_t record_size = chain_add(record, &tip, present_ms(), payload, size);
    if (!fence_file_append(log->file, record, record_size))
        return false;
    page_mark(&log->now, log->now.size);
    page_put(&log->now, record, record_size);
    log->tip = tip;
    log->logged++;
    return true;
}

/* Whoever may write the file can write all of it anew: so the agent's own log names the end of the
 * chain with each order and each proof. */
static void anchor(const struct fence_log *log, enum fence_step_kind kind)
{
    char digest[2 * DIGEST_SIZE + 1];
    if (kind != FENCE_STEP_ORDER && kind != FENCE_STEP_PROOF)
        return;
    hex_encode(digest, log->tip.digest.bytes, DIGEST_SIZE);
    log_event(LOG_LEVEL_INFO, "fence-logged", "record=%" PRIu64 " kind=%s digest=%s",
              log->tip.next - 1, fence_step_word(kind), digest);
}

static void add_bytes(struct fence_log *log, struct view bytes)
{
    if (said_lately(log, bytes.bytes, bytes.size))
        return;
    if (!append(log, bytes.bytes, bytes.size)) {
        if (log->lost++ == 0 && !log->stopped && log->file)
            trouble(log, "the fence log's queue is full: steps are lost");
        return;
    }
    remember(log, bytes.bytes, bytes.size);
    anchor(log, (enum fence_step_kind)bytes.bytes[0]);
    log->hooks.logged(log->hooks.context);
}

void fence_log_add(struct fence_log *log, const struct fence_step *step)
{
    uint8_t bytes[FENCE_STEP_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    fence_step_encode(&w, step);
    if (w.failed)
        log->lost++;
    else
        add_bytes(log, (struct view){bytes, writer_size(&w)});
}

void fence_log_take(struct fence_log *log, struct view steps, uint64_t dropped)
{
    struct view one;
    while (fence_steps_next(&steps, &one))
        if (one.size)
            add_bytes(log, one);
    log->dropped = dropped;
}

/* --- Reading --- */

static bool read_page(const struct fence_page *p, uint64_t after, struct fence_log_entry *out)
{
    uint64_t seq = after + 1 > p->first ? after + 1 : p->first;
    for (; seq - p->first < p->count; seq++) {
        struct chain_record record;
        if (!chain_peek(p->bytes, p->size, p->at[seq - p->first], &record))
            return false;
        *out = (struct fence_log_entry){
            .seq = record.seq, .time_ms = record.time_ms, .digest = record.digest};
        /* One of a later version is passed over. */
        if (fence_step_decode(&out->step, (struct view){record.payload, record.size}))
            return true;
    }
    return false;
}

bool fence_log_next(const struct fence_log *log, uint64_t after, struct fence_log_entry *out)
{
    if (after == UINT64_MAX)
        return false;
    return read_page(&log->old, after, out) || read_page(&log->now, after, out);
}

void fence_log_figures(const struct fence_log *log, struct fence_log_figures *out)
{
    *out = (struct fence_log_figures){.first = log->old.count ? log->old.first : log->now.first,
                                      .last = log->tip.next - 1,
                                      .digest = log->tip.digest,
                                      .logged = log->logged,
                                      .lost = log->lost + log->dropped,
                                      .stopped = log->stopped};
    memcpy(out->why, log->why, sizeof out->why);
}

/* --- Checking --- */

uint64_t fence_log_check(struct fence_log *log, fence_log_checked done, void *context)
{
    if (!log->file || !fence_file_check(log->file, &log->tip, log->last_handle + 1))
        return 0;
    struct fence_log_check_call *call = calloc(1, sizeof *call);
    must(call);
    *call = (struct fence_log_check_call){++log->last_handle, done, context, NULL, NULL};
    DL_APPEND(log->checks, call);
    return call->handle;
}

static struct fence_log_check_call *find_check(struct fence_log *log, uint64_t handle)
{
    struct fence_log_check_call *call;
    DL_FOREACH(log->checks, call)
    if (call->handle == handle)
        return call;
    return NULL;
}

void fence_log_forget(struct fence_log *log, uint64_t handle)
{
    struct fence_log_check_call *call = find_check(log, handle);
    if (!call)
        return;
    DL_DELETE(log->checks, call);
    free(call);
}

static void checked(struct fence_log *log, const struct fence_file_news *news)
{
    struct fence_log_check_call *call = find_check(log, news->handle);
    if (!call)
        return;
    fence_log_checked done = call->done;
    void *context = call->context;
    fence_log_forget(log, news->handle);
    done(context, &news->check);
}

static void news_came(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fence_log *log = context;
    struct fence_file_news news;
    bool more;
    do {
        more = fence_file_poll(log->file, &news);
        if (news.stopped)
            stop(log, news.failed_at, news.error);
        if (news.checked)
            checked(log, &news);
    } while (more);
}

/* --- Recovery --- */

static bool ours(const struct fence_log *log, const struct chain_head *head)
{
    return head->slot == log->slot &&
           memcmp(head->cluster.bytes, log->cluster.bytes, DIGEST_SIZE) == 0;
}

/* Keeps a file aside that is not whole, or none of ours, and says so. */
static int set_aside(struct fence_log *log, enum fence_file_which which, uint64_t last,
                     const char *why)
{
    char name[FENCE_FILE_NAME_SIZE];
    int error = fence_file_aside(log->file, which, name);
    if (error)
        return error == ENOENT ? 0 : error;
    trouble(log, "the fence log%s was found broken behind record %" PRIu64 ": kept as %s: %s",
            which == FENCE_FILE_OLD ? "'s older file" : "", last, name, why);
    return 0;
}

/* The older file, whole or not at all. */
static int recover_old(struct fence_log *log)
{
    struct chain_reader reader;
    uint8_t *bytes;
    size_t size;
    int error = fence_file_read(log->file, FENCE_FILE_OLD, &bytes, &size);
    if (error == ENOENT)
        return 0;
    if (error && error != EFBIG)
        return error;
    enum chain_verdict verdict = error ? CHAIN_BROKEN : page_load(&log->old, bytes, size, &reader);
    if (verdict == CHAIN_END && ours(log, &reader.head)) {
        log->tip = reader.tip;
        return 0;
    }
    page_free(&log->old);
    return set_aside(log, FENCE_FILE_OLD, 0, chain_verdict_text(CHAIN_BROKEN));
}

/* A new file, that goes on from what is known. */
static int begin(struct fence_log *log)
{
    uint8_t header[CHAIN_HEADER_SIZE];
    struct chain_tip tip;
    fence_log_header(log, header, &tip);
    int error = fence_file_begin(log->file, header);
    if (error)
        return error;
    page_free(&log->now);
    log->now.first = tip.next;
    page_put(&log->now, header, sizeof header);
    log->tip = tip;
    return 0;
}

/* What follows is not to be believed: both files are kept aside, and a new chain begins behind the
 * last good record. */
static int begin_anew(struct fence_log *log, const struct chain_reader *reader)
{
    if (reader->tip.next > log->tip.next)
        log->tip = reader->tip;
    uint64_t last = log->tip.next - 1;
    page_free(&log->now);
    page_free(&log->old);
    int error = set_aside(log, FENCE_FILE_OLD, last, "it belongs to a file that was found broken");
    if (!error)
        error = set_aside(log, FENCE_FILE_NOW, last, chain_verdict_text(CHAIN_BROKEN));
    return error ? error : begin(log);
}

static int recover_now(struct fence_log *log)
{
    struct chain_reader reader = {0};
    uint8_t *bytes;
    size_t size;
    int error = fence_file_read(log->file, FENCE_FILE_NOW, &bytes, &size);
    if (error == ENOENT)
        return begin(log);
    if (error && error != EFBIG)
        return error;
    enum chain_verdict verdict = error ? CHAIN_BROKEN : page_load(&log->now, bytes, size, &reader);
    /* A header is whole before the file gets its name: one that is not was cut. */
    bool linked = verdict != CHAIN_BROKEN && reader.at > 0 && ours(log, &reader.head) &&
                  (log->old.count == 0 || chain_follows(&reader.head, &log->tip));
    if (!linked)
        return begin_anew(log, &reader);
    if (verdict == CHAIN_TORN)
        log_event(LOG_LEVEL_INFO, "fence-log-torn",
                  "note=\"a torn tail of %zu bytes, never synced, was cut off\"", size - reader.at);
    log->tip = reader.tip;
    return fence_file_resume(log->file, reader.at);
}

static void recover(struct fence_log *log)
{
    int error = recover_old(log);
    if (!error)
        error = recover_now(log);
    if (error)
        stop(log, "open", error);
    struct fence_step gap = {.kind = FENCE_STEP_GAP, .gap = {.slot = log->slot}};
    gap.gap.text = (struct view){(const uint8_t *)log->why, strlen(log->why)};
    if (log->why[0])
        fence_log_add(log, &gap);
}

/* --- Start and end --- */

struct fence_log *fence_log_open(struct event_base *base, const char *dir,
                                 const struct cluster_id *cluster, uint16_t slot,
                                 const struct fence_log_hooks *hooks)
{
    struct fence_log *log = calloc(1, sizeof *log);
    must(log);
    *log =
        (struct fence_log){.hooks = *hooks, .cluster = *cluster, .slot = slot, .tip = {.next = 1}};
    log->now.first = 1;
    log->file = fence_file_open(dir);
    if (!log->file) {
        stop(log, "open", errno);
        return log;
    }
    recover(log);
    log->event =
        event_new(base, fence_file_event_fd(log->file), EV_READ | EV_PERSIST, news_came, log);
    if (!log->event || event_add(log->event, NULL) != 0)
        stop(log, "the loop", ENOMEM);
    return log;
}

void fence_log_close(struct fence_log *log)
{
    if (!log)
        return;
    while (log->checks)
        fence_log_forget(log, log->checks->handle);
    if (log->event)
        event_free(log->event);
    if (log->file)
        fence_file_close(log->file);
    page_free(&log->now);
    page_free(&log->old);
    free(log);
}
