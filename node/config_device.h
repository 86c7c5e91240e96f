/*
 * The blocks `device` of the configuration: fence devices, by ClusterLabs' fence agents. Between
 * config.c, config_device.c and who drives them (node/device.h).
 */
#ifndef NODE_CONFIG_DEVICE_H
#define NODE_CONFIG_DEVICE_H

#include <confuse.h>

#include "crypto/roster.h"
#include "node/fault.h"
#include "proto/time.h"

enum {
    CONFIG_DEVICE_NAME_SIZE = 64,
    CONFIG_DEVICE_OPTIONS_MAX = 32,
    CONFIG_DEVICES_MAX = 4 * ROSTER_NODES_MAX
};

enum config_identity {
    CONFIG_IDENTITY_FIXED,    /* the operator vouches for it */
    CONFIG_IDENTITY_IPMI_GUID /* what the BMC says of itself: `ipmitool mc guid` */
};

struct config_device {
    char name[CONFIG_DEVICE_NAME_SIZE];
    char node[ROSTER_NAME_SIZE];
    char *agent;   /* absolute path */
    char *secrets; /* a file; NULL: none */
    size_t option_count;
    char **options; /* "name=value" each */
    enum config_identity identity;
    /* FIXED: its identity. IPMI_GUID: the GUID that stands for the roster's identity; empty: the
     * GUID itself is what the roster names. */
    char fixed[DEVICE_SIZE];
    struct span login_timeout;
    struct span power_timeout;
    bool power_on; /* afterwards */
    int line;      /* of `options`, or of the block */
};

struct config_devices {
    size_t count;
    struct config_device
        *list; /* in the order of the file, which is that in which they are tried */
};

/* The options of a block; ends in CFG_END. */
extern cfg_opt_t config_device_options[];

void config_device_add_checks(cfg_t *cfg);
/* Takes what was checked while it was parsed. False if memory ran out. */
bool config_device_take(struct config_devices *out, cfg_t *cfg);
void config_device_free(struct config_devices *devices);

/* The value of `NAME=...` in its options; NULL if there is none. */
const char *config_device_option(const struct config_device *device, const char *name);
/* For all that is done with one device in one run (F9): login, off, and a status query. */
struct span config_device_deadline(const struct config_device *device);
/* The longest time for all devices of one node together. */
struct span config_devices_longest(const struct config_devices *devices);

#endif
