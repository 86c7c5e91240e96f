/*
 * Enrolment: joining cards into a roster, signing it, and its file (R1).
 */
#ifndef CLIENT_ENROL_H
#define CLIENT_ENROL_H

#include "crypto/roster.h"

/* A roster with the signatures it has so far. */
struct enrolment {
    struct roster *roster; /* heap: it is large */
    struct digest digest;  /* of its canonical bytes; the cluster id if the epoch is 1 */
    struct roster_signature signatures[ROSTER_OPERATORS_MAX];
    uint8_t signature_count;
    enum roster_verdict verdict; /* ROSTER_OK or ROSTER_UNSIGNED once loaded or made */
};

/* An empty roster of epoch 1 with the defaults: 1024 shards, a cohort of 5, no action. */
void enrol_init(struct enrolment *e);
void enrol_deinit(struct enrolment *e);
/* The next slot for a node, which votes and executes; false if the roster is full. */
bool enrol_add(struct enrolment *e, const struct roster_node *card);
/* The detection target for that many nodes, in milliseconds. */
uint16_t enrol_default_detect_ms(size_t nodes);
/*
 * Names the default jurors, sets the default detection target if there is none, and checks the
 * whole; the verdict is ROSTER_UNSIGNED if it is good.
 */
enum roster_verdict enrol_finish(struct enrolment *e);
/* Adds a signature. False if the key is none of the roster's operators. */
bool enrol_sign(struct enrolment *e, const struct key_pair *key);

/*
 * Reads and checks a file; `e` is initialised in any case. EXIT_OK also for a roster that lacks
 * signatures; EXIT_CONFIG for one that is refused, which is said unless `quiet` (see e->verdict);
 * EXIT_ERROR, always said, if it cannot be read.
 */
int enrol_load(struct enrolment *e, const char *path, bool quiet);
/* Replaces the file; false if that failed, which was said. */
bool enrol_save(const struct enrolment *e, const char *path);

#endif
