/*
 * libholdfast on a leash: takes commands from stdin and says on stdout what became of them, so that
 * the tests of the library can be written in Python. tests/support/pyshell.py does the same with
 * the Python module.
 *
 *     TAG VERB [ARGUMENT...]   ->   TAG RESULT [TEXT]
 *
 * A TAG that begins with & runs in a thread of its own. Holds are named by the first ARGUMENT:
 *
 *     open [PATH]   close   patience MS   cancel   event MS   poll MS
 *     acquire|try HOLD NAME [mode=WORD] [limit=N] [stale=WORD] [ttl=MS] [timeout=MS] [pid=N]
 *                           [waits=N]      say what is waited for, and give up at the Nth time
 *                           [head=1] [if_token=N] [data=WORD]
 *                           [size=N] [tail=N]   of struct hf_options, and a byte behind it
 *     acquire_all|try_all HOLD NAME,NAME... [...]   the holds are named HOLD0, HOLD1, ...
 *     convert|try_convert HOLD [mode=WORD] [limit=N] [timeout=MS] [waits=N]
 *     release|unclean|held|about|value|clear HOLD
 *     set_value HOLD WORD   transfer HOLD TO   stamp NAME   validate NAME
 *     fork VERB [ARGUMENT...]              the same in a child
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/holdfast.h"

enum { HOLDS = 64, WORDS = 16, LINE_SIZE = 1024 };

struct command {
    char line[LINE_SIZE];
    const char *tag;
    const char *verb;
    char *words[WORDS]; /* after the verb; NULL behind the last */
    int waits;          /* of the waiting callback: how often it may still be called */
};

static struct hf *hf;
static struct hf_stamp stamp; /* the last one */
static struct {
    char name[32];
    struct hf_hold *hold;
} holds[HOLDS];
static pthread_mutex_t holds_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *result_name(enum hf_result result)
{
    static const char *const names[] = {
        "OK",         "BUSY",       "TIMED_OUT",      "NO_MAJORITY", "UNREACHABLE", "NOT_PERMITTED",
        "BAD_NAME",   "BAD_MODE",   "BAD_LIMIT",      "BAD_OPTION",  "QUEUE_FULL",  "NOT_READY",
        "LOG_FAILED", "LOST",       "AT_RISK",        "UNKNOWN",     "CANCELLED",   "FORKED",
        "NO_MEMORY",  "GARBLED",    "MOVED",          "UNSTABLE",    "TOO_LONG",    "NOT_WRITER",
        "DEADLOCK",   "OTHER_MARK", "NO_SUCH_WAITER", "CHANGING",    "TOO_MANY"};
    return names[result];
}

/* Each line in one piece, whoever else speaks. */
static void say(const struct command *c, const char *word, const char *text)
{
    flockfile(stdout);
    printf("%s %s%s%s\n", c->tag, word, *text ? " " : "", text);
    fflush(stdout);
    funlockfile(stdout);
}

static void say_result(const struct command *c, enum hf_result result)
{
    say(c, result_name(result), result == HF_OK ? "" : hf_error_detail());
}

/* Its place in the table, with the lock held. */
static struct hf_hold **hold_place(const char *name)
{
    for (size_t i = 0; i < HOLDS; i++)
        if (strcmp(holds[i].name, name) == 0)
            return &holds[i].hold;
    for (size_t i = 0; i < HOLDS; i++)
        if (holds[i].name[0] == '\0') {
            snprintf(holds[i].name, sizeof holds[i].name, "%s", name);
            return &holds[i].hold;
        }
    abort();
}

static struct hf_hold *hold_named(const char *name)
{
    pthread_mutex_lock(&holds_lock);
    struct hf_hold *hold = *hold_place(name);
    pthread_mutex_unlock(&holds_lock);
    return hold;
}

static void name_hold(const char *name, struct hf_hold *hold)
{
    pthread_mutex_lock(&holds_lock);
    *hold_place(name) = hold;
    pthread_mutex_unlock(&holds_lock);
}

static const char *name_of(const struct hf_hold *hold)
{
    const char *name = "-";
    pthread_mutex_lock(&holds_lock);
    for (size_t i = 0; hold && i < HOLDS; i++)
        if (holds[i].hold == hold)
            name = holds[i].name;
    pthread_mutex_unlock(&holds_lock);
    return name;
}

static const char *const mode_words[] = {"exclusive", "shared", "counted", "NL", "CR", "CW", "PW"};
static const char *const stale_words[] = {"default", "hold", "fence", "expire"};

/* The value of NAME=VALUE; NULL if it is not there. */
static const char *word(const struct command *c, const char *name)
{
    size_t size = strlen(name);
    for (int i = 0; c->words[i]; i++)
        if (strncmp(c->words[i], name, size) == 0 && c->words[i][size] == '=')
            return c->words[i] + size + 1;
    return NULL;
}

static long long option(const struct command *c, const char *name, long long otherwise)
{
    const char *value = word(c, name);
    return value ? atoll(value) : otherwise;
}

/* The number of a word in a list; one that no list has for a word that is not in it. */
static int number_of(const char *value, const char *const *words, size_t count)
{
    for (size_t i = 0; value && i < count; i++)
        if (strcmp(words[i], value) == 0)
            return (int)i;
    return value ? 42 : 0;
}

static int waits(void *context, const struct hf_waiting *waiting)
{
    static const char *const whys[] = {"unknown",  "queued",   "no-majority",
                                       "standing", "starting", "away"};
    struct command *c = context;
    char text[LINE_SIZE];
    const struct hf_party *first = waiting->holder_count ? waiting->holders[0] : NULL;
    bool told = first && first->data_size > 0;
    snprintf(text, sizeof text, "%s %s %u %zu %s %.*s %s", whys[waiting->why], waiting->name,
             waiting->place, waiting->holder_count, first ? first->node : "-",
             told ? (int)first->data_size : 1, told ? (const char *)first->data : "-",
             waiting->text);
    say(c, "waiting", text);
    return --c->waits == 0;
}

/* Options with room behind them, as a program with a newer header has. */
struct longer {
    struct hf_options o;
    char tail[64];
};

static void read_options(struct longer *longer, struct command *c)
{
    struct hf_options *o = &longer->o;
    *longer = (struct longer){0};
    o->size = (size_t)option(c, "size", sizeof *o);
    o->mode = (enum hf_mode)number_of(word(c, "mode"), mode_words, 7);
    o->limit = (uint32_t)option(c, "limit", 0);
    o->stale = (enum hf_stale)number_of(word(c, "stale"), stale_words, 4);
    o->ttl_ms = option(c, "ttl", 0);
    o->pid = (pid_t)option(c, "pid", 0);
    o->timeout_ms = option(c, "timeout", 0);
    o->head = option(c, "head", 0) != 0;
    o->if_token = (uint64_t)option(c, "if_token", 0);
    o->data = word(c, "data");
    o->data_size = o->data ? strlen(o->data) : 0;
    longer->tail[0] = (char)option(c, "tail", 0);
    c->waits = (int)option(c, "waits", 0);
    if (c->waits) {
        o->waiting = waits;
        o->context = c;
    }
}

static void run_acquire(struct command *c)
{
    struct longer longer;
    struct hf_hold *hold;
    char text[64];
    read_options(&longer, c);
    bool try = strcmp(c->verb, "try") == 0;
    enum hf_result result = (try ? hf_try : hf_acquire)(hf, c->words[1], &longer.o, &hold);
    if (result != HF_OK) {
        say_result(c, result);
        return;
    }
    name_hold(c->words[0], hold);
    snprintf(text, sizeof text, "%llu", (unsigned long long)hf_hold_token(hold));
    say(c, "OK", text);
}

static void run_acquire_all(struct command *c)
{
    enum { MOST = 64 };
    struct longer longer;
    struct hf_hold *taken[MOST];
    const char *names[MOST];
    char list[LINE_SIZE], text[LINE_SIZE] = "", *rest = NULL;
    size_t count = 0, at = 0;
    snprintf(list, sizeof list, "%s", c->words[1]);
    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        names[count++] = name;
    read_options(&longer, c);
    bool try = strcmp(c->verb, "try_all") == 0;
    enum hf_result result = (try ? hf_try_all : hf_acquire_all)(hf, names, count, &longer.o, taken);
    for (size_t i = 0; result == HF_OK && i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%.8s%zu", c->words[0], i);
        name_hold(name, taken[i]);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu", i ? " " : "",
                               (unsigned long long)hf_hold_token(taken[i]));
    }
    if (result == HF_OK)
        say(c, "OK", text);
    else
        say_result(c, result);
}

static void run_convert(struct command *c)
{
    struct longer longer;
    read_options(&longer, c);
    bool try = strcmp(c->verb, "try_convert") == 0;
    struct hf_hold *hold = hold_named(c->words[0]);
    say_result(c, (try ? hf_try_convert : hf_convert)(hold, &longer.o));
}

static void run_transfer(const struct command *c)
{
    enum hf_result result = hf_transfer(hold_named(c->words[0]), c->words[1]);
    if (result == HF_OK)
        name_hold(c->words[0], NULL);
    say_result(c, result);
}

static void say_value(const struct command *c, bool there, const struct hf_value *value)
{
    char text[LINE_SIZE];
    if (there)
        snprintf(text, sizeof text, "%.*s %s %llu", (int)value->byte_count,
                 (const char *)value->bytes, value->valid ? "valid" : "doubtful",
                 (unsigned long long)value->token);
    say(c, "OK", there ? text : "-");
}

static void run_value(const struct command *c)
{
    struct hf_value value = {.size = sizeof value};
    bool there = hf_hold_value(hold_named(c->words[0]), &value);
    say_value(c, there, &value);
}

static void run_stamp(const struct command *c)
{
    stamp.size = sizeof stamp;
    enum hf_result result = hf_stamp(hf, c->words[0], 0, &stamp);
    if (result == HF_OK)
        say_value(c, stamp.has_value, &stamp.value);
    else
        say_result(c, result);
}

static void run_about(const struct command *c, const struct hf_hold *hold)
{
    struct hf_unclean unclean = {.size = sizeof unclean};
    char text[LINE_SIZE];
    bool marked = hf_hold_unclean(hold, &unclean);
    snprintf(text, sizeof text, "%s %s %s %llu %s %s", hf_hold_name(hold), hf_hold_id(hold),
             mode_words[hf_hold_mode(hold)], (unsigned long long)hf_hold_token(hold),
             marked ? unclean.node : "-", marked ? unclean.by : "-");
    say(c, "OK", text);
}

static void run_event(const struct command *c)
{
    static const char *const kinds[] = {"",     "blocking", "at-risk",     "safe",
                                        "lost", "away",     "reconnected", "draining"};
    struct hf_event event = {.size = sizeof event};
    char text[LINE_SIZE];
    enum hf_result result = hf_next_event(hf, &event, atoi(c->words[0]));
    if (result != HF_OK) {
        say_result(c, result);
        return;
    }
    snprintf(text, sizeof text, "%s %.31s %s %s", kinds[event.kind], name_of(event.hold),
             event.kind == HF_EVENT_BLOCKING ? mode_words[event.mode] : "-", event.reason);
    say(c, "OK", text);
}

static void run_poll(const struct command *c)
{
    struct pollfd p = {.fd = hf_fd(hf), .events = POLLIN};
    say(c, "OK", poll(&p, 1, atoi(c->words[0])) > 0 ? "readable" : "quiet");
}

static void run_release(const struct command *c)
{
    bool unclean = strcmp(c->verb, "unclean") == 0;
    struct hf_hold *hold = hold_named(c->words[0]);
    enum hf_result result = unclean ? hf_release_unclean(hold) : hf_release(hold);
    if (result != HF_FORKED)
        name_hold(c->words[0], NULL);
    say_result(c, result);
}

static void run_close(const struct command *c)
{
    struct hf *closed = hf;
    hf = NULL;
    enum hf_result result = hf_close(closed);
    pthread_mutex_lock(&holds_lock);
    for (size_t i = 0; i < HOLDS; i++) /* they are gone, and their places in memory come again */
        holds[i].hold = NULL;
    pthread_mutex_unlock(&holds_lock);
    say_result(c, result);
}

static void run(struct command *c)
{
    const char *verb = c->verb;
    if (strcmp(verb, "open") == 0)
        say_result(c, hf_open(c->words[0], &hf));
    else if (strcmp(verb, "close") == 0)
        run_close(c);
    else if (strcmp(verb, "patience") == 0)
        say_result(c, hf_set_patience(hf, atoll(c->words[0])));
    else if (strcmp(verb, "cancel") == 0)
        say_result(c, hf_cancel(hf));
    else if (strcmp(verb, "event") == 0)
        run_event(c);
    else if (strcmp(verb, "poll") == 0)
        run_poll(c);
    else if (strcmp(verb, "acquire") == 0 || strcmp(verb, "try") == 0)
        run_acquire(c);
    else if (strcmp(verb, "release") == 0 || strcmp(verb, "unclean") == 0)
        run_release(c);
    else if (strcmp(verb, "held") == 0)
        say_result(c, hf_held(hold_named(c->words[0])));
    else if (strcmp(verb, "about") == 0)
        run_about(c, hold_named(c->words[0]));
    else if (strcmp(verb, "acquire_all") == 0 || strcmp(verb, "try_all") == 0)
        run_acquire_all(c);
    else if (strcmp(verb, "convert") == 0 || strcmp(verb, "try_convert") == 0)
        run_convert(c);
    else if (strcmp(verb, "set_value") == 0)
        say_result(c, hf_set_value(hold_named(c->words[0]), c->words[1], strlen(c->words[1])));
    else if (strcmp(verb, "value") == 0)
        run_value(c);
    else if (strcmp(verb, "clear") == 0)
        say_result(c, hf_clear_mark(hold_named(c->words[0])));
    else if (strcmp(verb, "transfer") == 0)
        run_transfer(c);
    else if (strcmp(verb, "stamp") == 0)
        run_stamp(c);
    else if (strcmp(verb, "validate") == 0)
        say_result(c, hf_validate(hf, c->words[0], &stamp, 0));
    else
        say(c, "what?", verb);
}

/* In a child that ends. */
static void run_forked(struct command *c)
{
    pid_t child = fork();
    if (child == 0) {
        c->verb = c->words[0];
        memmove(c->words, c->words + 1, sizeof c->words - sizeof c->words[0]);
        run(c);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void *run_thread(void *context)
{
    struct command *c = context;
    if (strcmp(c->verb, "fork") == 0)
        run_forked(c);
    else
        run(c);
    free(c);
    return NULL;
}

static void split(struct command *c)
{
    char *rest = NULL;
    c->tag = strtok_r(c->line, " \n", &rest);
    c->verb = strtok_r(NULL, " \n", &rest);
    for (int i = 0; i < WORDS - 1; i++)
        c->words[i] = strtok_r(NULL, " \n", &rest);
    if (!c->tag || !c->verb)
        exit(64);
}

int main(void)
{
    char line[LINE_SIZE];
    while (fgets(line, sizeof line, stdin)) {
        struct command *c = calloc(1, sizeof *c);
        pthread_t thread;
        if (!c)
            return 1;
        memcpy(c->line, line, sizeof line);
        split(c);
        if (c->tag[0] != '&')
            run_thread(c);
        else if (pthread_create(&thread, NULL, run_thread, c) != 0 || pthread_detach(thread) != 0)
            return 1;
    }
    return 0;
}
