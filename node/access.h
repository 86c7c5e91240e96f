/*
 * Who may do what over the local API: the blocks `access` of the configuration
 * (docs/configuration.md), and the right that each method needs. Pure: the blocks and who connected
 * go in, a verdict and its reason come out.
 *
 *     who connected --access_badge, once per connection--> badge --access_allows, per call-->
 * verdict
 *
 * What must hold: without any block the socket's mode alone decides. With one, who is in no block
 * may do nothing, and a method without a right in the table is refused to all but administrators.
 * Root and the agent's own user may do everything, unless a block names them among its users: then
 * they may do what their blocks say.
 */
#ifndef NODE_ACCESS_H
#define NODE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    ACCESS_BLOCKS_MAX = 32, /* a badge has a bit for each, and one to spare */
    ACCESS_LIST_MAX = 32,   /* users, groups, prefixes of one block */
    ACCESS_REASON_SIZE = 1280
};

enum access_right {
    ACCESS_LOCK,  /* take and give back, below the prefixes */
    ACCESS_LOOK,  /* at locks, members, events, orders, the node */
    ACCESS_FENCE, /* hand in orders and proofs */
    ACCESS_ADMIN, /* everything, and what is asked for with an operator's parameters */
    ACCESS_RIGHTS
};
/* The words, for messages. */
#define ACCESS_RIGHT_NAMES "lock, look, fence, admin"

const char *access_right_text(enum access_right right);
/* False if there is no such right. */
bool access_right_parse(enum access_right *out, const char *text);

/* One block of the configuration; its strings are its own. */
struct access_block {
    char *name;
    unsigned rights; /* 1u << right */
    size_t user_count;
    uid_t users[ACCESS_LIST_MAX];
    size_t group_count;
    gid_t groups[ACCESS_LIST_MAX];
    size_t prefix_count; /* 0: every name */
    char *prefixes[ACCESS_LIST_MAX];
};

struct access {
    size_t block_count;
    struct access_block blocks[ACCESS_BLOCKS_MAX];
};

void access_free(struct access *access);

/* Who connected, as the kernel says: the primary group is one of the groups. */
struct access_peer {
    uid_t uid;
    size_t group_count;
    const gid_t *groups;
};

/* Bit i: block i is about this peer. */
#define ACCESS_BADGE_ADMIN (UINT64_C(1) << 63) /* it may do everything */
_Static_assert((int)ACCESS_BLOCKS_MAX < 63, "a badge has room for every block");

/* `own`: the agent's user. */
uint64_t access_badge(const struct access *access, const struct access_peer *peer, uid_t own);

/* What a method needs. */
struct access_method {
    const char *name; /* without its interface */
    enum access_right right;
    const char *admin; /* a boolean parameter that only administrators may set; NULL: none */
};
extern const struct access_method access_methods[];
extern const size_t access_method_count;
/* NULL if the table has none of this name. */
const struct access_method *access_method_find(const char *name);

/* One wish: a right, and, for ACCESS_LOCK, the lock's name. */
struct access_wish {
    enum access_right right;
    const char *name; /* NULL: about no lock */
};
bool access_allows(const struct access *access, uint64_t badge, const struct access_wish *wish);

/* Why access_allows() said no, in one line for a person: the user, what it may do, what it may not.
 * `file`: the configuration. */
void access_reason(char out[ACCESS_REASON_SIZE], const struct access *access, uint64_t badge,
                   uid_t uid, const struct access_wish *wish, const char *file);

#endif
