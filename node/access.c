/* Who may do what over the local API: see access.h. */
#include "node/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/lock.h"

static const char *const right_texts[ACCESS_RIGHTS] = {
    [ACCESS_LOCK] = "lock",
    [ACCESS_LOOK] = "look",
    [ACCESS_FENCE] = "fence",
    [ACCESS_ADMIN] = "admin",
};

/* Every method of client/org.holdfast.varlink, in its order: the one place that says who may. */
const struct access_method access_methods[] = {
    {"OpenSession", ACCESS_LOCK, NULL},   {"JoinSession", ACCESS_LOCK, NULL},
    {"Acquire", ACCESS_LOCK, "head"},     {"AcquireAll", ACCESS_LOCK, "head"},
    {"Convert", ACCESS_LOCK, NULL},       {"SetValue", ACCESS_LOCK, NULL},
    {"ClearMark", ACCESS_LOCK, NULL},     {"Transfer", ACCESS_LOCK, NULL},
    {"Release", ACCESS_LOCK, NULL},       {"List", ACCESS_LOOK, NULL},
    {"ListSession", ACCESS_LOCK, NULL},   {"Show", ACCESS_LOOK, NULL},
    {"Stamp", ACCESS_LOCK, NULL},         {"Validate", ACCESS_LOCK, NULL},
    {"Watch", ACCESS_LOCK, NULL},         {"Events", ACCESS_LOOK, NULL},
    {"Status", ACCESS_LOOK, NULL},        {"Members", ACCESS_LOOK, NULL},
    {"Locate", ACCESS_LOOK, NULL},        {"Orders", ACCESS_LOOK, NULL},
    {"Order", ACCESS_LOOK, NULL},         {"Submit", ACCESS_FENCE, NULL},
    {"Inhibit", ACCESS_ADMIN, NULL},      {"Inhibitors", ACCESS_LOOK, NULL},
    {"RequestFence", ACCESS_FENCE, NULL}, {"HearLife", ACCESS_FENCE, NULL},
    {"FenceLog", ACCESS_LOOK, NULL},      {"Inquiries", ACCESS_LOOK, NULL},
    {"Preview", ACCESS_LOOK, NULL},       {"CheckExecutor", ACCESS_FENCE, NULL},
    {"Settings", ACCESS_LOOK, NULL},
};
const size_t access_method_count = sizeof access_methods / sizeof *access_methods;

const char *access_right_text(enum access_right right)
{
    return right_texts[right];
}

bool access_right_parse(enum access_right *out, const char *text)
{
    for (int i = 0; i < ACCESS_RIGHTS; i++)
        if (strcmp(text, right_texts[i]) == 0) {
            *out = (enum access_right)i;
            return true;
        }
    return false;
}

const struct access_method *access_method_find(const char *name)
{
    for (size_t i = 0; i < access_method_count; i++)
        if (strcmp(name, access_methods[i].name) == 0)
            return &access_methods[i];
    return NULL;
}

void access_free(struct access *access)
{
    for (size_t i = 0; i < access->block_count; i++) {
        struct access_block *block = &access->blocks[i];
        free(block->name);
        for (size_t k = 0; k < block->prefix_count; k++)
            free(block->prefixes[k]);
    }
    *access = (struct access){0};
}

/* --- Who it is --- */

static bool names_user(const struct access_block *block, uid_t uid)
{
    for (size_t i = 0; i < block->user_count; i++)
        if (block->users[i] == uid)
            return true;
    return false;
}

static bool names_group(const struct access_block *block, const struct access_peer *peer)
{
    for (size_t i = 0; i < block->group_count; i++)
        for (size_t k = 0; k < peer->group_count; k++)
            if (block->groups[i] == peer->groups[k])
                return true;
    return false;
}

uint64_t access_badge(const struct access *access, const struct access_peer *peer, uid_t own)
{
    uint64_t badge = 0;
    bool trusted = peer->uid == 0 || peer->uid == own;
    if (access->block_count == 0)
        return ACCESS_BADGE_ADMIN;
    for (size_t i = 0; i < access->block_count; i++) {
        bool named = names_user(&access->blocks[i], peer->uid);
        trusted = trusted && !named;
        if (named || names_group(&access->blocks[i], peer))
            badge |= UINT64_C(1) << i;
    }
    return trusted ? ACCESS_BADGE_ADMIN : badge;
}

/* --- What it may --- */

static bool below(const struct access_block *block, const char *name)
{
    for (size_t i = 0; i < block->prefix_count; i++)
        if (strncmp(name, block->prefixes[i], strlen(block->prefixes[i])) == 0)
            return true;
    return block->prefix_count == 0;
}

static bool block_allows(const struct access_block *block, const struct access_wish *wish)
{
    if (block->rights & (1u << ACCESS_ADMIN))
        return true;
    return (block->rights & (1u << wish->right)) &&
           (wish->right != ACCESS_LOCK || !wish->name || below(block, wish->name));
}

bool access_allows(const struct access *access, uint64_t badge, const struct access_wish *wish)
{
    if (badge & ACCESS_BADGE_ADMIN)
        return true;
    for (size_t i = 0; i < access->block_count; i++)
        if ((badge & (UINT64_C(1) << i)) && block_allows(&access->blocks[i], wish))
            return true;
    return false;
}

/* --- Why not --- */

enum { REASON_RIGHTS_SIZE = 512 };
_Static_assert(REASON_RIGHTS_SIZE + 2 * LOCK_NAME_MAX + 128 <= ACCESS_REASON_SIZE,
               "a reason is never cut: what may do, a name, a path and the words");

/* Words that come one by one; the first without room ends it. */
struct line {
    char *text; /* of REASON_RIGHTS_SIZE bytes */
    size_t at;
    bool full;
};

static void add(struct line *line, const char *between, const char *word)
{
    size_t size = strlen(between) + strlen(word);
    line->full = line->full || size >= REASON_RIGHTS_SIZE - line->at;
    if (line->full)
        return;
    snprintf(line->text + line->at, REASON_RIGHTS_SIZE - line->at, "%s%s", between, word);
    line->at += size;
}

/* " image/, disk/" of all blocks that are about it. */
static void add_prefixes(struct line *line, const struct access *access, uint64_t badge)
{
    const char *between = " ";
    for (size_t i = 0; i < access->block_count; i++) {
        const struct access_block *block = &access->blocks[i];
        if (!(badge & (UINT64_C(1) << i)) || !(block->rights & (1u << ACCESS_LOCK)))
            continue;
        if (block->prefix_count == 0) {
            add(line, between, "any name");
            return;
        }
        for (size_t k = 0; k < block->prefix_count; k++, between = ", ")
            add(line, between, block->prefixes[k]);
    }
}

/* " lock image/, disk/ and look": all that it may. */
static void add_rights(struct line *line, const struct access *access, uint64_t badge)
{
    unsigned rights = 0;
    const char *between = " ";
    for (size_t i = 0; i < access->block_count; i++)
        if (badge & (UINT64_C(1) << i))
            rights |= access->blocks[i].rights;
    for (int right = 0; right < ACCESS_RIGHTS; right++) {
        if (!(rights & (1u << right)))
            continue;
        add(line, between, right_texts[right]);
        if (right == ACCESS_LOCK)
            add_prefixes(line, access, badge);
        between = " and ";
    }
}

static bool printable(const char *text)
{
    return lock_name_valid((struct view){(const uint8_t *)text, strlen(text)});
}

void access_reason(char out[ACCESS_REASON_SIZE], const struct access *access, uint64_t badge,
                   uid_t uid, const struct access_wish *wish, const char *file)
{
    char may[REASON_RIGHTS_SIZE] = "";
    struct line line = {.text = may};
    const char *name = wish->name && printable(wish->name) ? wish->name : "";
    const char *where = printable(file) ? file : "the configuration";
    const char *right = right_texts[wish->right];
    add_rights(&line, access, badge);
    if (badge == 0)
        snprintf(out, ACCESS_REASON_SIZE,
                 "uid %u may not %s: no block of access in %s is about this user or its groups",
                 (unsigned)uid, right, where);
    else
        snprintf(out, ACCESS_REASON_SIZE, "uid %u may%s%s only, not %s%s%s; see access in %s",
                 (unsigned)uid, may, line.full ? ", ..." : "", right, *name ? " " : "", name,
                 where);
}
