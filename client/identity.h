/*
 * Identities: keys as files, and what a node brings along before it is in a roster: its key, its
 * store and its card.
 *
 * A key file is the 32-byte seed as 64 hex digits and a newline, mode 0600; DIR/operator.pub is the
 * public key in the same form. Nothing here overwrites a file.
 */
#ifndef CLIENT_IDENTITY_H
#define CLIENT_IDENTITY_H

#include "client/card.h"

struct identity_request {
    const char *dir;   /* gets key and card.json; made with 0700 if missing */
    const char *state; /* gets votes.log; made with 0700 if missing */
    const char *name;
    struct address address;
    struct machine_id machine;
    char device[DEVICE_SIZE]; /* identity of its fence device; empty: it has none */
    bool genesis;             /* the store is made for the first roster: adopted = 1, else 0 (R2) */
};

/* Makes key, votes.log and card.json; `out` gets the card. An exit code; what went wrong was said.
 */
int identity_make(struct roster_node *out, const struct identity_request *request);
/* Makes DIR/operator.key and DIR/operator.pub. */
int identity_operator(struct public_key *out, const char *dir);

/* Reads a key file; refuses one that its group or others can read. Wipe with key_pair_wipe. */
int identity_load_key(struct key_pair *out, const char *path);
int identity_load_public(struct public_key *out, const char *path);
/* Reads a machine id. */
int identity_load_machine(struct machine_id *out, const char *path);
/* Random bytes from the system, which has them since early boot. */
void identity_random(void *out, size_t size);

#endif
