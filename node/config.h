/*
 * The configuration: what the file says (docs/configuration.md), checked as far as the file alone
 * allows. node/identity.h checks what it names.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include <stdint.h>
#include <sys/types.h>

#include "crypto/roster.h"
#include "node/access.h"
#include "node/fault.h"
#include "node/log.h"
#include "proto/time.h"

#define CONFIG_PATH_DEFAULT       "/etc/holdfast/holdfast.conf"
#define CONFIG_BOOT_ID_DEFAULT    "/proc/sys/kernel/random/boot_id"
#define CONFIG_MACHINE_ID_DEFAULT "/etc/machine-id"

enum {
    CONFIG_SOCKET_MAX = 107,  /* bytes of sun_path before its NUL (unix(7)) */
    CONFIG_GRACE_MAX = 3600,  /* seconds */
    CONFIG_DEADLINE_MAX = 60, /* seconds; see struct config_action */
    CONFIG_DEADLINE_DEFAULT = 10,
    CONFIG_LOCKS_MAX = 1 << 20,
    CONFIG_OPERATIONS_MAX = 1 << 16
};
/* Names, states and their records' frames must fit one segment of the log (STORE_SEGMENT_MAX). */
#define CONFIG_REGISTER_BYTES_MAX (INT64_C(128) << 20)

/* How this node carries out one of the roster's actions (docs/configuration.md: the contract of a
 * script). */
struct config_action {
    char name[ROSTER_ACTION_SIZE];
    char *exec;           /* absolute path; it need not be there yet */
    struct span deadline; /* for `off` and the status query after it together (F9) */
};

/* All strings are the config's own. */
struct config {
    char *path; /* of the file itself */
    struct cluster_id cluster;
    char *roster;
    char *key;
    char *state;
    char *socket;
    gid_t socket_group; /* (gid_t)-1: leave it */
    struct span grace;
    enum log_level log_level;
    uint32_t max_locks;
    uint32_t max_operations;
    size_t register_bytes;
    char *boot_id;
    char *machine_id;
    /* F7: holds are lost when this node loses its standing; else their holders are only warned. */
    bool stop_on_isolation;
    /* F6c, F7: this machine's watchdog, a device's path or "stand-in:PATH"; empty: it has none. */
    char *watchdog;
    char *watchdog_identity; /* what the device is said to be; empty: nothing is said */
    bool watchdog_test;      /* it is let fire once, before anything is held under it */
    size_t action_count;
    struct config_action actions[ROSTER_ACTIONS_MAX]; /* each name once */
    struct access access;                             /* who may do what over the API */
};

/* Reads and checks `path`. On false *fault says "FILE:LINE: what", and *out is empty. */
bool config_load(struct config *out, const char *path, struct fault *fault);
void config_free(struct config *config);

#endif
