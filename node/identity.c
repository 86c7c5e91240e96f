/*
 * Who this node is. What must hold before an agent may speak: the key is private to its user, the
 * roster is signed and is the one that the configuration pins, the key is in it, and the machine is
 * the one that was enrolled under that key (two machines with one key would be two nodes under one
 * slot).
 */
#include "node/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "crypto/order.h"
#include "proto/inequality.h"
#include "proto/timing.h"

enum { IDENTITY_LINE_SIZE = 256, IDENTITY_UUID_SIZE = 36 };

/* Reads at most `size` bytes. -1 with errno; EFBIG if there are more. */
static ssize_t identity_read(int fd, void *out, size_t size)
{
    size_t at = 0;
    for (;;) {
        uint8_t beyond;
        bool full = at == size;
        ssize_t n = read(fd, full ? &beyond : (uint8_t *)out + at, full ? 1 : size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return (ssize_t)at;
        if (full) {
            errno = EFBIG;
            return -1;
        }
        at += (size_t)n;
    }
}

/* One short line of text, its newline removed. False with errno. */
static bool identity_read_line(const char *path, char out[IDENTITY_LINE_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t n = identity_read(fd, out, IDENTITY_LINE_SIZE - 1);
    int error = errno;
    close(fd);
    if (n < 0) {
        errno = error;
        return false;
    }
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

bool identity_parse_id(uint8_t out[16], const char *text)
{
    char digits[33];
    size_t size = strcspn(text, "\n");
    size_t at = 0;
    if (text[size] == '\n' && text[size + 1] != '\0')
        return false;
    if (size != 32 && size != IDENTITY_UUID_SIZE)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool dash = size == IDENTITY_UUID_SIZE && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash != (text[i] == '-'))
            return false;
        if (!dash)
            digits[at++] = text[i];
    }
    digits[at] = '\0';
    return hex_decode(out, 16, digits);
}

static bool identity_load_key(struct key_pair *out, const char *path, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fault_set(fault, FAULT_CONFIG, "key %s: %s; %s", path, strerror(errno),
                  errno == EACCES ? "give it to the agent's user: chown USER"
                                  : "`holdfast keygen` makes one");
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077)) {
        fault_set(
            fault, FAULT_CONFIG,
            S_ISREG(st.st_mode)
                ? "key %s: its group or others may use it (mode %04o); run: chmod 600 %s"
                : "key %s: not a file (mode %04o); `key` in the configuration must name one: %s",
            path, (unsigned)(st.st_mode & 07777), path);
        goto out;
    }
    char text[2 * KEY_SEED_SIZE + 2] = {0};
    uint8_t seed[KEY_SEED_SIZE];
    ssize_t n = identity_read(fd, text, sizeof text - 1);
    if (n == 2 * KEY_SEED_SIZE + 1 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    if (n < 0 || !hex_decode(seed, sizeof seed, text))
        fault_set(fault, FAULT_CONFIG,
                  "key %s: not a key (64 hex digits); `holdfast keygen` makes one", path);
    else
        key_pair_make(out, seed);
    sodium_memzero(text, sizeof text);
    sodium_memzero(seed, sizeof seed);
out:
    if (fd >= 0)
        close(fd);
    return fault->status == FAULT_NONE;
}

/*
 * A roster has room for ROSTER_NODES_MAX nodes, all of which decoding sets to zero. The pages
 * behind the last node are given back; whoever reads there finds zeros as before (madvise(2)).
 */
static void identity_trim_roster(struct roster *roster)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)&roster->nodes[roster->node_count] + page - 1) / page * page;
    uintptr_t to = (uintptr_t)(roster + 1) / page * page;
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

static bool identity_load_roster(struct identity *out, const struct config *config,
                                 struct fault *fault)
{
    const char *path = config->roster;
    uint8_t *bytes = malloc(ROSTER_FILE_MAX);
    out->roster = calloc(1, sizeof *out->roster);
    if (!bytes || !out->roster) {
        free(bytes);
        return fault_set(fault, FAULT_OTHER, "out of memory");
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : identity_read(fd, bytes, ROSTER_FILE_MAX);
    if (n < 0) {
        fault_set(fault, FAULT_CONFIG,
                  "roster %s: %s; copy the cluster's there, or make the first with `holdfast "
                  "roster make`",
                  path, strerror(errno));
    } else {
        enum roster_verdict verdict =
            roster_file_decode(out->roster, &out->roster_digest, NULL, NULL, bytes, (size_t)n);
        if (verdict != ROSTER_OK)
            fault_set(fault, FAULT_CONFIG, "roster %s: %s; `holdfast roster check %s` says more",
                      path, roster_verdict_text(verdict), path);
        identity_trim_roster(out->roster);
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
    return fault->status == FAULT_NONE;
}

/* The roster is the one that the configuration pins (R1). */
static bool identity_check_cluster(const struct identity *id, const struct config *config,
                                   struct fault *fault)
{
    char text[2 * DIGEST_SIZE + 1];
    if (id->roster->epoch != 1)
        return fault_set(fault, FAULT_CONFIG,
                         "roster %s: of epoch %u; this version knows only rosters of epoch 1",
                         config->roster, id->roster->epoch);
    if (memcmp(id->roster_digest.bytes, config->cluster.bytes, DIGEST_SIZE) == 0)
        return true;
    hex_encode(text, id->roster_digest.bytes, DIGEST_SIZE);
    return fault_set(
        fault, FAULT_CONFIG,
        "roster %s: it is of cluster %s, but %s pins another; correct `cluster` or install "
        "the right roster",
        config->roster, text, config->path);
}

static bool identity_find_self(struct identity *id, const struct config *config,
                               struct fault *fault)
{
    for (size_t i = 0; i < id->roster->node_count; i++)
        if (public_key_equal(&id->roster->nodes[i].key, &id->key.public)) {
            id->node = &id->roster->nodes[i];
            id->self = id->node->slot;
            return true;
        }
    return fault_set(
        fault, FAULT_CONFIG,
        "key %s: the roster %s has no node with this key; enrol this node's card in a roster, "
        "or name the right key",
        config->key, config->roster);
}

/* One knob sets all times; where they do not fit, locks could wait on a death that nobody finds in
 * time (the inequality). `holdfast config explain` says more. */
static bool identity_check_times(const struct identity *id, const struct config *config,
                                 struct fault *fault)
{
    struct timing_bound bound;
    struct fence_times times;
    struct span detect = SPAN_MS(id->roster->detect_ms);
    timing_derive(detect, id->roster->node_count, &bound);
    fence_times_derive(&times, detect);
    if (bound.holds && fence_rule_broken(&times) == FENCE_RULES)
        return true;
    return fault_set(fault, FAULT_CONFIG,
                     "roster %s: its detection target of %u ms is too short for %zu members; "
                     "`holdfast config explain -r %s` says which inequality is broken",
                     config->roster, id->roster->detect_ms, id->roster->node_count, config->roster);
}

/* Ids of a machine come from files of one's own only where nobody can be hurt by a false one. */
static bool identity_check_lab(const struct identity *id, const struct config *config,
                               struct fault *fault)
{
    if (id->roster->lab)
        return true;
    if (strcmp(config->boot_id, CONFIG_BOOT_ID_DEFAULT) != 0)
        return fault_set(
            fault, FAULT_CONFIG,
            "%s: boot-id: allowed only under a roster that says lab; remove the option",
            config->path);
    if (strcmp(config->machine_id, CONFIG_MACHINE_ID_DEFAULT) != 0)
        return fault_set(
            fault, FAULT_CONFIG,
            "%s: machine-id: allowed only under a roster that says lab; remove the option",
            config->path);
    return true;
}

/* "off, kill": the actions that executors may know. */
static void identity_list_actions(char *out, size_t size, const struct roster *roster)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < roster->action_count && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", roster->actions[i]);
}

/* A section for an action that no roster knows is a misspelt one: it would never be carried out. */
static bool identity_check_actions(const struct identity *id, const struct config *config,
                                   struct fault *fault)
{
    char known[ROSTER_ACTIONS_MAX * (ROSTER_ACTION_SIZE + 2)];
    for (size_t i = 0; i < config->action_count; i++) {
        if (roster_action(id->roster, config->actions[i].name) > ACTION_RETIRE)
            continue;
        identity_list_actions(known, sizeof known, id->roster);
        return fault_set(fault, FAULT_CONFIG,
                         "%s: action \"%s\": the roster has none of this name; it has %s",
                         config->path, config->actions[i].name, known[0] ? known : "no actions");
    }
    return true;
}

static bool identity_read_id(uint8_t out[16], const char *what, const char *path,
                             struct fault *fault)
{
    char line[IDENTITY_LINE_SIZE];
    if (!identity_read_line(path, line))
        return fault_set(fault, FAULT_CONFIG, "%s %s: %s", what, path, strerror(errno));
    if (!identity_parse_id(out, line))
        return fault_set(fault, FAULT_CONFIG, "%s %s: not an id (32 hex digits or a UUID)", what,
                         path);
    return true;
}

static bool identity_check_machine(struct identity *id, const struct config *config,
                                   struct fault *fault)
{
    uint8_t machine[16];
    if (!identity_read_id(machine, "machine-id", config->machine_id, fault) ||
        !identity_read_id(id->boot_id, "boot-id", config->boot_id, fault))
        return false;
    if (memcmp(machine, id->node->machine.bytes, sizeof machine) == 0)
        return true;
    return fault_set(
        fault, FAULT_CONFIG,
        "two machines, one key: the roster knows %s under another machine id than %s says; "
        "make a key of its own for this machine",
        id->node->name, config->machine_id);
}

static bool identity_check_state(const char *path, struct fault *fault)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fault_set(
            fault, FAULT_CONFIG,
            "state %s: %s; put the folder there that `holdfast keygen` made votes.log in", path,
            strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return fault_set(fault, FAULT_CONFIG, "state %s: not a directory", path);
    if (st.st_mode & 077)
        return fault_set(fault, FAULT_CONFIG,
                         "state %s: its group or others may enter (mode %04o); run: chmod 700 %s",
                         path, (unsigned)(st.st_mode & 07777), path);
    return true;
}

bool identity_load(struct identity *out, const struct config *config, struct fault *fault)
{
    *out = (struct identity){0};
    if (identity_load_key(&out->key, config->key, fault) &&
        identity_load_roster(out, config, fault) && identity_check_cluster(out, config, fault) &&
        identity_check_times(out, config, fault) && identity_find_self(out, config, fault) &&
        identity_check_lab(out, config, fault) && identity_check_actions(out, config, fault) &&
        identity_check_machine(out, config, fault) && identity_check_state(config->state, fault))
        return true;
    identity_free(out);
    return false;
}

static bool identity_find_machine(struct identity *id, const struct config *config,
                                  struct fault *fault)
{
    uint8_t machine[16];
    if (!identity_read_id(machine, "machine-id", config->machine_id, fault))
        return false;
    for (size_t i = 0; i < id->roster->node_count; i++)
        if (memcmp(machine, id->roster->nodes[i].machine.bytes, sizeof machine) == 0) {
            id->node = &id->roster->nodes[i];
            id->self = id->node->slot;
            return true;
        }
    return fault_set(fault, FAULT_CONFIG,
                     "machine-id %s: the roster %s knows no node with this machine id",
                     config->machine_id, config->roster);
}

bool identity_load_keyless(struct identity *out, const struct config *config, struct fault *fault)
{
    *out = (struct identity){0};
    if (identity_load_roster(out, config, fault) && identity_check_cluster(out, config, fault) &&
        identity_check_lab(out, config, fault) && identity_check_actions(out, config, fault) &&
        identity_find_machine(out, config, fault))
        return true;
    identity_free(out);
    return false;
}

void identity_free(struct identity *identity)
{
    key_pair_wipe(&identity->key);
    free(identity->roster);
    *identity = (struct identity){0};
}
