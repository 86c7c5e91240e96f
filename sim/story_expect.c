/* The expectations of a story, as they are written. What becomes of them is story_judge.c's. */
#include "sim/story_read.h"

#include "proto/swim.h"

#include <string.h>

/* Words that must come one after the other, written with blanks between them. */
static void read_phrase(struct story_reader *r, const char *phrase)
{
    while (*phrase) {
        char word[STORY_WORD_SIZE];
        size_t size = strcspn(phrase, " ");
        snprintf(word, sizeof word, "%.*s", (int)size, phrase);
        read_need(r, word);
        phrase += size;
        phrase += strspn(phrase, " ");
    }
}

/* "within 20s": from the last `at` on. Without it: until the end. */
static void read_within(struct story_reader *r, struct expect *e, bool need)
{
    if (read_try(r, "within"))
        e->until = e->from + read_span(r);
    else if (need)
        read_need(r, "within");
}

static void read_no(struct story_reader *r, struct expect *e)
{
    if (read_try(r, "fence")) {
        e->kind = EXPECT_NO_FENCE;
        if (read_try(r, "of"))
            e->bits = read_group(r);
        return;
    }
    e->kind = EXPECT_NO_LOST;
    read_phrase(r, "lost lock");
    if (read_try(r, "on"))
        e->bits = read_group(r);
}

/* "grants >= 100", "longest gap <= 5s", "p99 of waiting <= 2s" */
static bool read_at_least(struct story_reader *r)
{
    if (read_try(r, ">="))
        return true;
    read_need(r, "<=");
    return false;
}

static void read_at_most(struct story_reader *r, struct expect *e, enum expect_kind kind,
                         const char *phrase)
{
    e->kind = kind;
    read_phrase(r, phrase);
    e->amount = read_span(r);
}

static void read_gone(struct story_reader *r, struct expect *e)
{
    if (read_try(r, "dead"))
        e->state = MEMBER_DEAD;
    else if (read_need(r, "suspect"))
        e->state = MEMBER_SUSPECT;
}

/* "all see hv3 dead within 20s", "all see all alive within 30s": of those that are up. */
static void read_seen(struct story_reader *r, struct expect *e)
{
    e->kind = EXPECT_SEEN;
    read_need(r, "see");
    e->bits = read_group(r);
    if (read_try(r, "alive"))
        e->state = MEMBER_ALIVE;
    else
        read_gone(r, e);
    read_within(r, e, true);
}

static void read_nobody(struct story_reader *r, struct expect *e)
{
    e->kind = EXPECT_NEVER_HELD;
    read_need(r, "holds");
    e->bits = read_group(r);
    read_gone(r, e);
}

static void read_never(struct story_reader *r, struct expect *e)
{
    e->kind = EXPECT_NEVER_TWO;
    read_phrase(r, "two holders of");
    e->name = read_name(r);
}

static void read_most(struct story_reader *r, struct expect *e)
{
    e->kind = EXPECT_SWITCHED;
    read_need(r, "most");
    e->amount = (int64_t)read_number(r, 0, MACHINES_MAX);
    if (!read_try(r, "machine"))
        read_need(r, "machines");
    read_phrase(r, "switched off");
}

/* "S1 broken": the scenario shows what happens when an assumption fails. */
static bool read_check(struct story_reader *r, struct expect *e)
{
    const char *word = read_peek(r);
    if (word[0] != 'S' || strlen(word) > 3 || !word[1] ||
        strspn(word + 1, "0123456789") + 1 != strlen(word))
        return false;
    e->kind = EXPECT_BROKEN;
    snprintf(e->check, sizeof e->check, "%s", read_next(r));
    read_need(r, "broken");
    return true;
}

/* "hv2 votes again within 30s", "hv2 votes no more" */
static void read_votes(struct story_reader *r, struct expect *e)
{
    e->bits = read_group(r);
    if (!read_try(r, "vote"))
        read_need(r, "votes");
    if (read_try(r, "no")) {
        e->kind = EXPECT_NO_VOTE;
        read_need(r, "more");
        return;
    }
    e->kind = EXPECT_VOTES;
    read_need(r, "again");
    read_within(r, e, true);
}

/* What becomes of a lock: "[lock] NAME passes within 15s | stays until 40s | held by hv1 at 40s" */
static void read_lock(struct story_reader *r, struct expect *e, int64_t line_at)
{
    e->name = read_name(r);
    if (read_try(r, "passes")) {
        e->kind = EXPECT_PASSES;
        read_within(r, e, true);
    } else if (read_try(r, "stays")) {
        e->kind = EXPECT_STAYS;
        read_need(r, "until");
        e->until = read_span(r);
    } else if (read_need(r, "held")) {
        e->kind = EXPECT_HELD;
        read_need(r, "by");
        e->bits = read_group(r);
        if (read_try(r, "at"))
            e->exact = true, e->until = read_span(r);
        else if (line_at >= 0 && read_end(r))
            e->exact = true, e->until = line_at;
        else
            read_within(r, e, true);
    }
}

/* "all see" is about views; "all vote again" is a group like any other. */
static bool all_see(struct story_reader *r)
{
    bool next = r->at + 1 < r->count && strcmp(r->words[r->at + 1], "see") == 0;
    return next && read_try(r, "all");
}

static void read_kind(struct story_reader *r, struct expect *e, int64_t line_at)
{
    if (read_try(r, "no")) {
        read_no(r, e);
    } else if (read_try(r, "fence")) {
        e->kind = EXPECT_FENCE;
        read_need(r, "of");
        e->bits = read_group(r);
        read_within(r, e, false);
    } else if (read_try(r, "order")) {
        e->kind = EXPECT_ORDER;
        read_need(r, "against");
        e->bits = read_group(r);
        read_within(r, e, false);
    } else if (read_try(r, "lost")) {
        e->kind = EXPECT_LOST;
        read_phrase(r, "lock on");
        e->bits = read_group(r);
        read_within(r, e, false);
    } else if (read_try(r, "grants")) {
        e->kind = EXPECT_GRANTS;
        e->at_least = read_at_least(r);
        e->amount = (int64_t)read_number(r, 0, 1000000);
    } else if (read_try(r, "longest")) {
        read_at_most(r, e, EXPECT_GAP, "gap <=");
    } else if (read_try(r, "p99")) {
        e->rank = 990;
        read_at_most(r, e, EXPECT_WAIT, "of waiting <=");
    } else if (read_try(r, "p50")) {
        e->rank = 500;
        read_at_most(r, e, EXPECT_WAIT, "of waiting <=");
    } else if (all_see(r)) {
        read_seen(r, e);
    } else if (read_try(r, "nobody")) {
        read_nobody(r, e);
    } else if (read_try(r, "never")) {
        read_never(r, e);
    } else if (read_try(r, "at")) {
        read_most(r, e);
    } else if (read_try(r, "lock")) {
        read_lock(r, e, line_at);
    } else if (!read_check(r, e)) {
        if (read_find(r->story, read_peek(r)))
            read_votes(r, e);
        else
            read_lock(r, e, line_at);
    }
}

static void keep_text(struct story_reader *r, struct expect *e, size_t first)
{
    size_t used = 0;
    for (size_t i = first; i < r->count && used + STORY_WORD_SIZE + 1 < sizeof e->text; i++)
        used += (size_t)snprintf(e->text + used, sizeof e->text - used, "%s%s",
                                 i > first ? " " : "", r->words[i]);
}

void story_read_expect(struct story_reader *r, bool at)
{
    struct story *s = r->story;
    struct expect e = {.line = r->line, .from = r->now, .until = INT64_MAX};
    size_t first = r->at;
    if (read_end(r))
        read_error(r, "expected an expectation");
    read_kind(r, &e, at ? r->now : -1);
    if (s->expect_count == STORY_EXPECTS_MAX)
        read_error(r, "a story has at most %d expectations", STORY_EXPECTS_MAX);
    if (r->failed)
        return;
    keep_text(r, &e, first);
    s->expects[s->expect_count++] = e;
}
