#include "node/reload.h"

#include <stdio.h>
#include <string.h>

static void add(char list[RELOAD_TEXT_SIZE], bool differs, const char *name)
{
    size_t used = strlen(list);
    if (differs)
        snprintf(list + used, RELOAD_TEXT_SIZE - used, "%s%s", used ? " " : "", name);
}

static bool same_list(char *const *a, char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool same_block(const struct access_block *a, const struct access_block *b)
{
    return strcmp(a->name, b->name) == 0 && a->rights == b->rights &&
           a->user_count == b->user_count && a->group_count == b->group_count &&
           a->prefix_count == b->prefix_count &&
           memcmp(a->users, b->users, a->user_count * sizeof *a->users) == 0 &&
           memcmp(a->groups, b->groups, a->group_count * sizeof *a->groups) == 0 &&
           same_list(a->prefixes, b->prefixes, a->prefix_count);
}

static bool same_access(const struct access *a, const struct access *b)
{
    if (a->block_count != b->block_count)
        return false;
    for (size_t i = 0; i < a->block_count; i++)
        if (!same_block(&a->blocks[i], &b->blocks[i]))
            return false;
    return true;
}

/* Either may be missing. */
static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_actions(const struct config *a, const struct config *b)
{
    if (a->action_count != b->action_count)
        return false;
    for (size_t i = 0; i < a->action_count; i++)
        if (strcmp(a->actions[i].name, b->actions[i].name) != 0 ||
            !same_text(a->actions[i].exec, b->actions[i].exec) ||
            a->actions[i].deadline.ns != b->actions[i].deadline.ns)
            return false;
    return true;
}

/* What a section says beside is the executor's alone, and read at its start. */
static bool same_devices(const struct config_devices *a, const struct config_devices *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->list[i].name, b->list[i].name) != 0 ||
            strcmp(a->list[i].node, b->list[i].node) != 0 ||
            config_device_deadline(&a->list[i]).ns != config_device_deadline(&b->list[i]).ns)
            return false;
    return true;
}

static bool same_http(const struct config *a, const struct config *b)
{
    return strcmp(a->http ? a->http : "", b->http ? b->http : "") == 0 &&
           a->http_name_count == b->http_name_count &&
           same_list(a->http_names, b->http_names, a->http_name_count);
}

/* What takes a start. */
static void compare(char later[RELOAD_TEXT_SIZE], const struct config *a, const struct config *b)
{
    add(later, memcmp(&a->cluster, &b->cluster, sizeof a->cluster) != 0, "cluster");
    add(later, strcmp(a->roster, b->roster) != 0, "roster");
    add(later, strcmp(a->key, b->key) != 0, "key");
    add(later, strcmp(a->state, b->state) != 0, "state");
    add(later, strcmp(a->socket, b->socket) != 0, "socket");
    add(later, a->socket_group != b->socket_group, "socket-group");
    add(later, a->max_locks != b->max_locks, "max-locks");
    add(later, a->max_operations != b->max_operations, "max-operations");
    add(later, a->register_bytes != b->register_bytes, "register-bytes");
    add(later, strcmp(a->boot_id, b->boot_id) != 0, "boot-id");
    add(later, strcmp(a->machine_id, b->machine_id) != 0, "machine-id");
    add(later, a->stop_on_isolation != b->stop_on_isolation, "on_isolation");
    add(later, !same_actions(a, b), "action");
    add(later, !same_devices(&a->devices, &b->devices), "device");
    add(later, memcmp(&a->listen, &b->listen, sizeof a->listen) != 0, "listen");
    add(later, strcmp(a->executor_socket, b->executor_socket) != 0, "executor-socket");
    add(later, !same_http(a, b), "http");
    add(later, strcmp(a->watchdog, b->watchdog) != 0, "watchdog");
    add(later, strcmp(a->watchdog_identity, b->watchdog_identity) != 0, "watchdog_identity");
    add(later, a->watchdog_test != b->watchdog_test, "watchdog_test");
}

bool reload_config(struct config *running, struct reload *out, struct fault *fault)
{
    static struct config fresh; /* large */
    *out = (struct reload){0};
    if (!config_load(&fresh, running->path, fault))
        return false;
    compare(out->later, running, &fresh);
    add(out->changed, !same_access(&running->access, &fresh.access), "access");
    add(out->changed, running->grace.ns != fresh.grace.ns, "grace");
    add(out->changed, running->log_level != fresh.log_level, "log-level");
    struct access old = running->access;
    running->access = fresh.access;
    fresh.access = old;
    running->grace = fresh.grace;
    running->log_level = fresh.log_level;
    config_free(&fresh);
    return true;
}
