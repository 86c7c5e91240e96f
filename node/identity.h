/*
 * Who this node is: its key, the signed roster, its slot in it, its machine and its boot.
 * Everything that the configuration names is read and checked here, before anything is started.
 */
#ifndef NODE_IDENTITY_H
#define NODE_IDENTITY_H

#include "crypto/key.h"
#include "crypto/roster.h"
#include "node/config.h"
#include "node/fault.h"

enum { BOOT_ID_SIZE = 16 };

struct identity {
    struct roster *roster; /* the identity's own */
    struct digest roster_digest;
    struct key_pair key;            /* secret: identity_free wipes it */
    uint16_t self;                  /* slot */
    const struct roster_node *node; /* of this node, in the roster */
    uint8_t boot_id[BOOT_ID_SIZE];
};

/*
 * Reads key, roster, machine id and boot id, and checks the state directory. On false *fault says
 * what is wrong and what to do, and *out is empty.
 */
bool identity_load(struct identity *out, const struct config *config, struct fault *fault);
/* The same for the executor, which signs nothing: without the key, so which node this is follows
 * from the machine id; and without the agent's state. */
bool identity_load_keyless(struct identity *out, const struct config *config, struct fault *fault);
void identity_free(struct identity *identity);

/* 32 hex digits, dashes where a UUID has them or none, a newline at the end or none (machine-id(5),
 * random(4)). False for anything else. */
bool identity_parse_id(uint8_t out[16], const char *text);

#endif
