/* The blocks `access` of the configuration: see config_access.h and access.h. */
#include "node/config_access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "proto/lock.h"

cfg_opt_t config_access_options[] = {
    CFG_STR_LIST("users", NULL, CFGF_NODEFAULT),
    CFG_STR_LIST("groups", NULL, CFGF_NODEFAULT),
    CFG_STR_LIST("prefixes", NULL, CFGF_NODEFAULT),
    CFG_STR_LIST("may", NULL, CFGF_NODEFAULT),
    CFG_END(),
};

/* --- Values --- */

/* A number of a user or group. The last is the system's word for "none" (chown(2)). */
static bool access_number(uint32_t *out, const char *text)
{
    char *end = NULL;
    if (strspn(text, "0123456789") != strlen(text) || *text == '\0')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || value >= UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool access_user(uid_t *out, const char *text)
{
    const struct passwd *user;
    if (access_number(out, text))
        return true;
    user = getpwnam(text);
    if (user)
        *out = user->pw_uid;
    return user != NULL;
}

static bool access_group(gid_t *out, const char *text)
{
    const struct group *group;
    if (access_number(out, text))
        return true;
    group = getgrnam(text);
    if (group)
        *out = group->gr_gid;
    return group != NULL;
}

/* --- Checks --- */

/* The value that was just read. */
static const char *access_last(cfg_opt_t *opt)
{
    return cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
}

static int check_list(cfg_t *cfg, cfg_opt_t *opt)
{
    if (cfg_opt_size(opt) <= ACCESS_LIST_MAX)
        return 0;
    cfg_error(cfg, "access %s: %s: over %d of them; make a second block", cfg_title(cfg),
              cfg_opt_name(opt), ACCESS_LIST_MAX);
    return -1;
}

static int check_user(cfg_t *cfg, cfg_opt_t *opt)
{
    uid_t uid;
    if (check_list(cfg, opt) != 0)
        return -1;
    if (access_user(&uid, access_last(opt)))
        return 0;
    cfg_error(cfg,
              "access %s: users: there is no user %s on this machine; create it, or give its "
              "number",
              cfg_title(cfg), access_last(opt));
    return -1;
}

static int check_group(cfg_t *cfg, cfg_opt_t *opt)
{
    gid_t gid;
    if (check_list(cfg, opt) != 0)
        return -1;
    if (access_group(&gid, access_last(opt)))
        return 0;
    cfg_error(cfg,
              "access %s: groups: there is no group %s on this machine; create it, or give "
              "its number",
              cfg_title(cfg), access_last(opt));
    return -1;
}

static int check_prefix(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *prefix = access_last(opt);
    if (check_list(cfg, opt) != 0)
        return -1;
    if (*prefix == '\0')
        cfg_error(cfg,
                  "access %s: prefixes: an empty one; leave prefixes out where every name is "
                  "meant",
                  cfg_title(cfg));
    else if (!lock_name_valid((struct view){(const uint8_t *)prefix, strlen(prefix)}))
        cfg_error(cfg,
                  "access %s: prefixes: no lock's name can begin so: a name is 1 to %d bytes "
                  "of UTF-8 without control characters",
                  cfg_title(cfg), LOCK_NAME_MAX);
    else
        return 0;
    return -1;
}

static int check_right(cfg_t *cfg, cfg_opt_t *opt)
{
    enum access_right right;
    if (access_right_parse(&right, access_last(opt)))
        return 0;
    cfg_error(cfg, "access %s: may: %s is none of " ACCESS_RIGHT_NAMES, cfg_title(cfg),
              access_last(opt));
    return -1;
}

static bool access_given(cfg_t *block, const char *name)
{
    return (cfg_getopt(block, name)->flags & CFGF_MODIFIED) != 0;
}

static unsigned access_rights(cfg_t *block)
{
    unsigned rights = 0;
    for (unsigned i = 0; i < cfg_size(block, "may"); i++) {
        enum access_right right = ACCESS_RIGHTS;
        if (access_right_parse(&right, cfg_getnstr(block, "may", i)))
            rights |= 1u << right;
    }
    return rights;
}

/* The block as a whole, once it is closed. */
static int check_block(cfg_t *cfg, cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);
    cfg_t *block = cfg_opt_getnsec(opt, count - 1);
    const char *name = cfg_title(block);
    unsigned rights = access_rights(block);
    for (const cfg_opt_t *o = config_access_options; o->name; o++)
        if (access_given(block, o->name) && cfg_size(block, o->name) == 0) {
            cfg_error(cfg, "access %s: %s: an empty list; fill it, or leave it out", name, o->name);
            return -1;
        }
    if (count > ACCESS_BLOCKS_MAX)
        cfg_error(cfg, "access %s: over %d blocks; join some", name, ACCESS_BLOCKS_MAX);
    else if (cfg_size(block, "users") == 0 && cfg_size(block, "groups") == 0)
        cfg_error(cfg, "access %s: it is about nobody; add users or groups", name);
    else if (rights == 0)
        cfg_error(cfg, "access %s: may is missing: some of " ACCESS_RIGHT_NAMES, name);
    else if (cfg_size(block, "prefixes") > 0 && (rights & (1u << ACCESS_ADMIN)))
        cfg_error(cfg, "access %s: admin may lock every name; leave prefixes out, or admin", name);
    else if (cfg_size(block, "prefixes") > 0 && !(rights & (1u << ACCESS_LOCK)))
        cfg_error(cfg, "access %s: prefixes are of locks; leave them out, or add lock to may",
                  name);
    else
        return 0;
    return -1;
}

void config_access_add_checks(cfg_t *cfg)
{
    cfg_set_validate_func(cfg, "access|users", check_user);
    cfg_set_validate_func(cfg, "access|groups", check_group);
    cfg_set_validate_func(cfg, "access|prefixes", check_prefix);
    cfg_set_validate_func(cfg, "access|may", check_right);
    cfg_set_validate_func(cfg, "access", check_block);
}

/* --- Taking --- */

/* False if memory ran out, or an account has vanished meanwhile. */
static bool access_take_block(struct access_block *out, cfg_t *block)
{
    out->name = strdup(cfg_title(block));
    out->rights = access_rights(block);
    while (out->user_count < cfg_size(block, "users")) {
        const char *text = cfg_getnstr(block, "users", (unsigned)out->user_count);
        if (!access_user(&out->users[out->user_count++], text))
            return false;
    }
    while (out->group_count < cfg_size(block, "groups")) {
        const char *text = cfg_getnstr(block, "groups", (unsigned)out->group_count);
        if (!access_group(&out->groups[out->group_count++], text))
            return false;
    }
    while (out->prefix_count < cfg_size(block, "prefixes")) {
        const char *text = cfg_getnstr(block, "prefixes", (unsigned)out->prefix_count);
        out->prefixes[out->prefix_count] = strdup(text);
        if (!out->prefixes[out->prefix_count++])
            return false;
    }
    return out->name != NULL;
}

bool config_access_take(struct access *out, cfg_t *cfg)
{
    for (unsigned i = 0; i < cfg_size(cfg, "access"); i++)
        if (!access_take_block(&out->blocks[out->block_count++], cfg_getnsec(cfg, "access", i)))
            return false;
    return true;
}
