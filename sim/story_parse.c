/* Reading a story: lines, words and the cursor. See story.h and story_read.h. */
#include "proto/limits.h"
#include "sim/story_read.h"

#include <stdarg.h>
#include <string.h>

static const int64_t second = 1000000000;

void story_init(struct story *s)
{
    *s = (struct story){.seed = 1, .until = 60 * second};
    s->p = (struct parameters){
        .profile = "story",
        .nodes = 5,
        .cohort = 5,
        .served = 512,
        .forget_span = SPAN_MS(600000),
        .shards = SHARDS_MAX,
        .names = 1,
        .delay = {{100000}, SPAN_MS(2)},
        .sync = {{200000}, SPAN_MS(5)},
        .think = {SPAN_MS(100), SPAN_MS(1000)},
        .hold = {SPAN_MS(100), SPAN_MS(2000)},
        .wait = {SPAN_MS(10000), SPAN_MS(30000)},
        .detect_ms = 4000,
        .brake_span = SPAN_MS(600000),
        .stop_on_isolation = true,
        .fence_permille = 1000,
        .stop_high = SPAN_MS(500),
        .back_permille = 1000,
        .fault_gap = {SPAN_MS(1000), SPAN_MS(1000)},
        .fault_length = {SPAN_MS(1000), SPAN_MS(1000)},
    };
    s->p.devices[DEVICE_WORKS] = 1;
    for (size_t i = 0; i < MACHINES_MAX; i++)
        snprintf(s->nodes[i], sizeof s->nodes[i], "hv%zu", i % 100 + 1);
}

/* --- the cursor --- */

bool read_error(struct story_reader *r, const char *format, ...)
{
    if (r->failed)
        return false;
    const char *word = r->at < r->count ? r->words[r->at] : NULL;
    int used = snprintf(r->error, sizeof r->error, "%.60s:%u: ", r->story->file, r->line);
    if (word)
        used += snprintf(r->error + used, sizeof r->error - (size_t)used, "\"%s\": ", word);
    else if (r->count > 0)
        used += snprintf(r->error + used, sizeof r->error - (size_t)used, "the line ends here: ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->error + used, sizeof r->error - (size_t)used, format, arguments);
    va_end(arguments);
    r->failed = true;
    return false;
}

const char *read_peek(const struct story_reader *r)
{
    return !r->failed && r->at < r->count ? r->words[r->at] : "";
}

const char *read_next(struct story_reader *r)
{
    return !r->failed && r->at < r->count ? r->words[r->at++] : "";
}

bool read_end(const struct story_reader *r)
{
    return r->failed || r->at >= r->count;
}

bool read_try(struct story_reader *r, const char *word)
{
    if (r->failed || r->at >= r->count || strcmp(r->words[r->at], word) != 0)
        return false;
    r->at++;
    return true;
}

bool read_need(struct story_reader *r, const char *word)
{
    return read_try(r, word) || read_error(r, "expected \"%s\"", word);
}

/* --- quantities --- */

/* Digits and perhaps a fraction, as billionths; the rest of the word is its unit. */
static bool parse_decimal(const char *text, int64_t *billionths, const char **rest)
{
    int64_t whole = 0, fraction = 0, scale = second;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if ((whole = whole * 10 + (*at - '0')) > 4000000)
            return false;
    if (at == text)
        return false;
    if (at[0] == '.' && at[1] >= '0' && at[1] <= '9')
        for (at++; *at >= '0' && *at <= '9'; at++)
            if ((scale /= 10) > 0)
                fraction += (*at - '0') * scale;
    *billionths = whole * second + fraction;
    *rest = at;
    return true;
}

static bool parse_span(const char *text, int64_t *ns)
{
    static const struct {
        const char *name;
        int64_t per_second; /* billionths of a unit in a nanosecond's place */
        int64_t times;
    } units[] = {
        {"ns", second, 1}, {"us", 1000000, 1}, {"ms", 1000, 1}, {"s", 1, 1}, {"min", 1, 60}};
    int64_t billionths;
    const char *unit;
    if (!parse_decimal(text, &billionths, &unit))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(unit, units[i].name) == 0) {
            *ns = billionths / units[i].per_second * units[i].times;
            return *ns <= STORY_SPAN_MAX_S * second;
        }
    return false;
}

bool read_is_span(const struct story_reader *r)
{
    int64_t ns;
    return parse_span(read_peek(r), &ns);
}

int64_t read_span(struct story_reader *r)
{
    int64_t ns = 0;
    if (parse_span(read_peek(r), &ns))
        r->at++;
    else
        read_error(r, "expected a time such as 500ms, 10s or 2min, an hour at most");
    return ns;
}

int64_t read_ttl(struct story_reader *r)
{
    int64_t ttl = read_span(r) / 1000000 * 1000000, ms = ttl / 1000000;
    if (!r->failed && (ms < LEASE_TTL_MIN_MS || ms > LEASE_TTL_MAX_MS))
        read_error(r, "a TTL is 1s to 1h");
    return ttl;
}

struct range read_range(struct story_reader *r)
{
    char low[STORY_WORD_SIZE];
    int64_t from = 0, to = 0;
    snprintf(low, sizeof low, "%s", read_peek(r));
    char *dots = strstr(low, "..");
    if (dots)
        *dots = '\0';
    bool ok = parse_span(low, &from) && (!dots || parse_span(dots + 2, &to));
    if (!dots)
        to = from;
    if (ok && from <= to)
        r->at++;
    else
        read_error(r, "expected a time such as 2s, or a range such as 1s..3s");
    return (struct range){{from}, {to}};
}

uint32_t read_permille(struct story_reader *r)
{
    int64_t billionths = 0;
    const char *unit = "";
    if (parse_decimal(read_peek(r), &billionths, &unit) && strcmp(unit, "%") == 0 &&
        billionths <= 100 * second)
        r->at++;
    else
        read_error(r, "expected a share such as 20%% or 0.5%%");
    return r->failed ? 0 : (uint32_t)(billionths / (second / 10));
}

uint64_t read_number(struct story_reader *r, uint64_t low, uint64_t high)
{
    const char *word = read_peek(r);
    uint64_t n = 0;
    size_t i = 0;
    for (; word[i] >= '0' && word[i] <= '9' && i < 19; i++)
        n = n * 10 + (uint64_t)(word[i] - '0');
    if (i > 0 && word[i] == '\0' && n >= low && n <= high)
        r->at++;
    else
        read_error(r, "expected a number from %llu to %llu", (unsigned long long)low,
                   (unsigned long long)high);
    return n;
}

/* --- nodes and names --- */

uint32_t read_all(const struct story *s)
{
    return (UINT32_C(1) << s->p.nodes) - 1;
}

uint32_t read_find(const struct story *s, const char *word)
{
    if (strcmp(word, "all") == 0)
        return read_all(s);
    for (size_t i = 0; i < s->p.nodes; i++)
        if (strcmp(s->nodes[i], word) == 0)
            return UINT32_C(1) << i;
    for (size_t i = 0; i < s->rack_count; i++)
        if (strcmp(s->racks[i].name, word) == 0)
            return s->racks[i].bits;
    return 0;
}

uint32_t read_node(struct story_reader *r)
{
    uint32_t bits = read_find(r->story, read_peek(r));
    if (!bits || (bits & (bits - 1)))
        read_error(r, "there is no node of this name");
    else
        r->at++;
    return bits;
}

uint32_t read_group(struct story_reader *r)
{
    uint32_t bits = 0, more = read_find(r->story, read_peek(r));
    if (!more)
        read_error(r, "there is no node or rack of this name");
    while (more && !r->failed) {
        bits |= more;
        r->at++;
        size_t back = r->at;
        bool joined = read_try(r, "and") || read_try(r, ",");
        more = read_find(r->story, read_peek(r));
        if (joined && !more)
            r->at = back;
    }
    return bits;
}

uint16_t read_name(struct story_reader *r)
{
    struct story *s = r->story;
    const char *word = read_peek(r);
    if (!*word) {
        read_error(r, "expected the name of a lock");
        return 0;
    }
    for (size_t i = 0; i < s->name_count; i++)
        if (strcmp(s->names[i], word) == 0) {
            r->at++;
            return (uint16_t)i;
        }
    if (s->name_count == STORY_NAMES_MAX || strlen(word) >= NAME_TEXT_SIZE) {
        read_error(r, "%s",
                   s->name_count == STORY_NAMES_MAX ? "too many locks are named"
                                                    : "the name is too long");
        return 0;
    }
    memcpy(s->names[s->name_count], word, strlen(word) + 1);
    r->at++;
    return (uint16_t)s->name_count++;
}

/* --- lines --- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Tabs and the like become question marks too: add_word refuses them, a title shows them. */
static char printable(uint8_t c)
{
    if (c >= ' ' && c < 0x7f)
        return (char)c;
    return '?';
}

static bool add_word(struct story_reader *r, const uint8_t *word, size_t size)
{
    if (r->count == READ_WORDS_MAX)
        return read_error(r, "the line has too many words");
    bool long_word = size >= STORY_WORD_SIZE;
    if (long_word)
        size = STORY_WORD_SIZE - 1;
    char *to = r->words[r->count++];
    for (size_t i = 0; i < size; i++)
        to[i] = printable(word[i]);
    to[size] = '\0';
    if (long_word || memchr(to, '?', size)) {
        r->at = r->count - 1;
        return read_error(r, long_word ? "the word is too long" : "only printable ASCII is known");
    }
    return true;
}

/* Words end at blanks; a comma or colon that ends one is a word of its own. */
static bool split(struct story_reader *r, const uint8_t *line, size_t size)
{
    r->count = r->at = 0;
    for (size_t at = 0; at < size;) {
        while (at < size && is_space(line[at]))
            at++;
        if (at == size || line[at] == '#')
            break;
        size_t end = at;
        while (end < size && !is_space(line[end]))
            end++;
        bool mark = end - at > 1 && (line[end - 1] == ',' || line[end - 1] == ':');
        if (!add_word(r, line + at, end - at - mark) || (mark && !add_word(r, line + end - 1, 1)))
            return false;
        at = end;
    }
    return true;
}

static void keep_title(struct story *s, const uint8_t *line, size_t size)
{
    if (s->title[0] || size < 2 || line[0] != '#')
        return;
    size_t at = 1;
    while (at < size && (is_space(line[at]) || line[at] == '#'))
        at++;
    size_t length = size - at < sizeof s->title ? size - at : sizeof s->title - 1;
    for (size_t i = 0; i < length; i++)
        s->title[i] = printable(line[at + i]);
}

static void read_line(struct story_reader *r)
{
    bool at = read_try(r, "at");
    if (at) {
        r->now = read_span(r);
        read_try(r, ",");
    }
    if (read_try(r, "expect"))
        story_read_expect(r, at);
    else if (at)
        story_read_act(r, r->now);
    else if (!story_read_world(r))
        read_error(r, "a line begins with nodes, racks, detect, workload, at, until, expect, ...");
    if (!read_end(r))
        read_error(r, "nothing more was expected on this line");
}

/* A machine has so many clients at once: those of the workload, and those that acts name. */
static void check_clients(struct story_reader *r)
{
    const struct story *s = r->story;
    for (size_t k = 0; k < s->p.nodes; k++) {
        size_t busy = s->p.clients;
        for (size_t i = 0; i < s->act_count; i++) {
            const struct act *a = &s->acts[i];
            if (a->bits != UINT32_C(1) << k)
                continue;
            if (a->kind == ACT_LOCK && busy++ == CLIENT_FRESH) {
                r->line = a->line;
                read_error(r, "%s has %d clients already, those of the workload included",
                           s->nodes[k], CLIENT_FRESH);
                return;
            }
            if (a->kind == ACT_RELEASE && busy > s->p.clients)
                busy--;
        }
    }
}

/* Spans that a `drawn` line left the wrong way round, or devices that do nothing at all. */
static void check_drawn(struct story_reader *r)
{
    const struct parameters *p = &r->story->p;
    const struct range ranges[] = {p->think, p->hold,         p->wait,        p->delay,
                                   p->sync,  p->death_length, p->boot_spread, p->fault_length};
    uint32_t devices = 0;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].low.ns > ranges[i].high.ns)
            read_error(r, "the low end of a range is above its high one");
    for (size_t i = 0; i < DEVICE_MOODS; i++)
        devices += p->devices[i];
    if (devices == 0)
        read_error(r, "fence devices do nothing at all");
}

/* A siege takes a minute, and something has to go before it. */
static const int64_t siege_span = 60000000000;

/* The whole file is read: what its parts say of one another. */
static void check_whole(struct story_reader *r)
{
    struct story *s = r->story;
    r->at = r->count = 0;
    for (size_t i = 0; i < s->act_count && !r->failed; i++) {
        r->line = s->acts[i].line;
        if (s->acts[i].at > s->until)
            read_error(r, "this is after the end: until %s", story_span(s->until));
        if (s->acts[i].bits & ~read_all(s) || s->acts[i].only & ~read_all(s))
            read_error(r, "its nodes are not there any more");
    }
    check_clients(r);
    check_drawn(r);
    if (s->siege && s->calm < 2 * siege_span)
        read_error(r, "a siege needs two minutes before the calm");
    if (s->calm && s->calm < s->until)
        read_error(r, "the calm begins before the story ends");
    for (size_t i = 0; i < s->expect_count && !r->failed; i++) {
        struct expect *e = &s->expects[i];
        r->line = e->line;
        if (e->until != INT64_MAX && e->until > s->until)
            read_error(r, "the story ends before: until %s", story_span(s->until));
    }
}

bool story_parse(struct story *s, const char *file, struct view text, bool variant,
                 char error[STORY_ERROR_SIZE])
{
    struct story_reader r = {.story = s, .roster_given = s->roster_given};
    snprintf(s->file, sizeof s->file, "%s", file);
    if (text.size > STORY_TEXT_MAX)
        read_error(&r, "the file is too large");
    for (size_t at = 0; at < text.size && !r.failed;) {
        const uint8_t *line = text.bytes + at;
        const uint8_t *newline = memchr(line, '\n', text.size - at);
        size_t size = newline ? (size_t)(newline - line) : text.size - at;
        at += size + 1;
        r.line++;
        keep_title(s, line, size);
        if (!split(&r, line, size) || r.count == 0)
            continue;
        if (read_try(&r, "variant")) {
            read_need(&r, ":");
            s->has_variant = true;
            if (!variant)
                continue;
        }
        read_line(&r);
    }
    if (!r.failed)
        check_whole(&r);
    if (r.failed)
        memcpy(error, r.error, STORY_ERROR_SIZE);
    return !r.failed;
}
