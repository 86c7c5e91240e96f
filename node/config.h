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
#include "node/config_device.h"
#include "node/config_setting.h"
#include "node/fault.h"
#include "node/http.h"
#include "node/log.h"
#include "proto/limits.h"
#include "proto/time.h"

#define CONFIG_PATH_DEFAULT       "/etc/holdfast/holdfast.conf"
#define CONFIG_BOOT_ID_DEFAULT    "/proc/sys/kernel/random/boot_id"
#define CONFIG_MACHINE_ID_DEFAULT "/etc/machine-id"

enum {
    CONFIG_SOCKET_MAX = 107,  /* bytes of sun_path before its NUL (unix(7)) */
    CONFIG_GRACE_MAX = 3600,  /* seconds */
    CONFIG_DEADLINE_MAX = 60, /* seconds; see struct config_action */
    CONFIG_DEADLINE_DEFAULT = 10,
    CONFIG_RUN_MAX_MS = RUN_SPAN_MAX_MS - 10 * 1000, /* the witness and the way come on top */
    CONFIG_LOCKS_MAX = 1 << 20,
    CONFIG_OPERATIONS_MAX = 1 << 16
};
/* Names, states and their records' frames must fit one segment of the log (STORE_SEGMENT_MAX). */
#define CONFIG_REGISTER_BYTES_MAX (INT64_C(128) << 20)

/* How this node carries out one of the roster's actions (docs/configuration.md: the contract of a
 * script). */
struct config_action {
    char name[ROSTER_ACTION_SIZE];
    char *exec;           /* absolute path; it need not be there yet. NULL: by the devices */
    struct span deadline; /* of the script: for `off` and the status query after it together (F9) */
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
    struct address listen; /* instead of the roster's address of this node; port 0: that one */
    char *boot_id;
    char *machine_id;
    char *executor_socket;
    char *executor_state;
    char *agent_user; /* whom the executor hears; NULL: its own user. It looks it up */
    struct config_devices devices;
    /* F7: holds are lost when this node loses its standing; else their holders are only warned. */
    bool stop_on_isolation;
    /* F6c, F7: this machine's watchdog, a device's path or "stand-in:PATH"; empty: it has none. */
    char *watchdog;
    char *watchdog_identity; /* what the device is said to be; empty: nothing is said */
    bool watchdog_test;      /* it is let fire once, before anything is held under it */
    size_t action_count;
    struct config_action actions[ROSTER_ACTIONS_MAX]; /* each name once */
    struct access access;                             /* who may do what over the API */
    char *http;                                       /* ADDRESS:PORT; NULL: no HTTP */
    size_t http_name_count;
    char *http_names[HTTP_NAMES_MAX]; /* in lower case */
    struct settings settings;         /* all of this as it is shown, and where it comes from */
};

/* Reads and checks `path`. On false *fault says "FILE:LINE: what", and *out is empty. */
bool config_load(struct config *out, const char *path, struct fault *fault);
void config_free(struct config *config);
/* NULL if there is no such block. */
const struct config_action *config_action_find(const struct config *config, const char *name);
/* The longest that carrying out one of its actions may take, killing and telling included. */
struct span config_run_longest(const struct config *config);
/* Of that: a second to see a killed group end, and some for the answer's way. */
#define CONFIG_RUN_LATE SPAN_MS(3000)

#endif
