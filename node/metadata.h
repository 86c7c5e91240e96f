/*
 * What a fence agent says of itself (`action=metadata`, FenceAgentAPI): XML, of which only the
 * names of its parameters are looked at. Agents ignore an option that they do not know, also a
 * misspelt one; so the names are checked here, before a device is relied on.
 */
#ifndef NODE_METADATA_H
#define NODE_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "node/config.h"
#include "node/identity.h"

/* It is a description, and whole. */
bool metadata_valid(const char *text, size_t size);
/* It has a parameter of that name (`name_size` bytes). */
bool metadata_knows(const char *text, size_t size, const char *name, size_t name_size);

/*
 * All sections `device`: the nodes and identities are the roster's, the secrets can be used, and
 * the agents know every option. Starts each agent once, and waits for it. False with *fault. An
 * agent that is not there, or does not describe itself, is a warning in the log: others may have
 * it.
 */
bool metadata_check_devices(const struct config *config, const struct identity *identity,
                            struct fault *fault);

#endif
