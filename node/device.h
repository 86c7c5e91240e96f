/*
 * A fence device as a fence agent of ClusterLabs drives it (FenceAgentAPI): what the agent is told
 * on its standard input, and what the device is called. Calls nothing and starts nothing.
 */
#ifndef NODE_DEVICE_H
#define NODE_DEVICE_H

#include "node/config_device.h"
#include "node/secrets.h"
#include "node/watcher.h"

#define DEVICE_IPMITOOL "/usr/bin/ipmitool"

enum { DEVICE_ARGUMENTS_MAX = 24, DEVICE_TEXT_SIZE = 256 };

/* The agent's input for one action: options, secrets, times. Its size; 0 if it does not fit. */
size_t device_input(char out[WATCHER_INPUT_MAX], const struct config_device *device,
                    const struct secrets *secrets, const char *action);

/* A query of the BMC's own GUID through the same options. Of the secrets only the password is used,
 * and it goes into the environment: an argument of a process is seen by every user. */
struct device_query {
    char *argv[DEVICE_ARGUMENTS_MAX];
    char password[SECRETS_FILE_MAX + 32]; /* "IPMI_PASSWORD=..." */
    char timeout[16];
};
/* Whether the options alone have what the query takes beside the password; else false, with a word
 * in `why`. */
bool device_queryable(const struct config_device *device, char why[DEVICE_TEXT_SIZE]);
/* The same of the options and the secrets. The arguments point into the device's options. */
bool device_query(struct device_query *out, const struct config_device *device,
                  const struct secrets *secrets, char why[DEVICE_TEXT_SIZE]);
/* What `ipmitool mc guid` printed: the GUID, in small letters. Empty if it printed none. */
void device_guid(char out[DEVICE_SIZE], const char *text, size_t size);

#endif
