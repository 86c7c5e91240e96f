/*
 * What the tests of the fencer share: a fencer on node n0 of three, a certified order against n1,
 * and a folder for scripts.
 */
#ifndef TESTS_UNIT_FENCER_PLAY_H
#define TESTS_UNIT_FENCER_PLAY_H

#include "node/fencer.h"
#include "node/process.h"
#include "tests/unit/crypto_fixture.h"

/* From now on, for requests that are in time. */
#define PLAY_SPAN SPAN_MS(600000)

enum { PLAY_PATH_SIZE = 256, PLAY_SCRIPT_SIZE = 2048, PLAY_SELF = 0, PLAY_TARGET = 1 };

extern struct fencer_play {
    char dir[128];
    struct event_base *base;
    struct clock clock;
    struct config config;
    struct identity identity;
    struct roster roster;
    struct acts *acts;
    struct fencer *fencer;
    struct executor_request run;
    struct order_cert cert;
    unsigned told; /* how often */
    uint64_t owner, id;
    struct driver_result last;
} drive;

/* Node PLAY_SELF of the roster, with the action `power` by this script. */
void play_configure(struct config *config, struct identity *identity, struct roster *roster,
                    const char *script);

/* In the folder; valid until the next call. */
const char *drive_path(const char *name);
void drive_setup(void);
void drive_teardown(void);
void drive_open(void);
void drive_close(void);
struct executor_state drive_state(void);
/* A shell script that keeps its verb and then does `body`; "$D" is the folder. */
void drive_script(const char *body);
/* Hands in drive.run with drive.cert. */
void drive_start(void);
/* Hangs (and is ended by Check) if nothing comes. */
void drive_finish(void);
void drive_outcome(enum run_outcome outcome, const char *device, const char *text);
/* The verbs that the script was called with, as it kept them. */
void drive_verbs(const char *expected);
/* The pid that the script kept in $D/pid, once it is there whole. */
pid_t drive_pid(void);
bool drive_runs(pid_t pid);
/* Hangs (and is ended by Check) if it never ends. */
void drive_await_end(pid_t pid);

#endif
