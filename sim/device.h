/*
 * Fence devices, and the driver's processes that ask them. A run takes its time and ends in an
 * outcome drawn from the seed: what the device does is its *mood* of that run.
 *
 *   the effect    the target's power goes, at a random moment; or never; or after the end
 *   the answer    goes to the executor's agent, if the one that asked still runs
 *   the deadline  10 s after the start: the process is killed, and its outcome is not known
 *   a hang        the executor's process reads it only later, and then judges whether it may begin
 *
 * A run outlives its agent, since it is a process of its own, and dies with its machine; what had
 * left the machine by then goes on (late effects).
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include "proto/peer.h"
#include "sim/profile.h"

struct world;
struct machine;

enum { DEVICE_RUNS_MAX = 64, DEVICE_DEADLINE_MS = 10000, HANGS_PERMILLE = 50 };

struct device_run {
    bool active;
    uint64_t number;
    uint16_t executor; /* index of a machine */
    uint64_t agent;    /* the executor's run that asked */
    uint16_t target;
    uint16_t other; /* DEVICE_OTHER: whose power goes instead */
    struct run run;
    enum device_mood mood;
    int64_t deadline; /* virtual time */
    bool clock_stood; /* the executor's, between the jurors' yes and the start */
    bool hangs;       /* the executor's process has not read it yet */
    uint32_t effects; /* power effects that are still to come */
    bool answered;
    enum run_outcome outcome; /* as decided at the start; a status is looked up at the end */
};

struct devices {
    struct random random;
    struct device_run runs[DEVICE_RUNS_MAX];
    uint64_t begun;
    /* A story says what the device of each machine does: 1 + the mood, and how long if it is slow.
     */
    uint8_t told[MACHINES_MAX];
    int64_t told_time[MACHINES_MAX];
};

void devices_open(struct world *w);
/* Carries out one `run` of a machine's effects. */
void device_begin(struct world *w, struct machine *m, const struct run *run);
/* HAPPEN_DEVICE. */
void device_happens(struct world *w, size_t index, uint64_t tag);
/* A siege begins: nothing comes late any more to these machines, in bits. */
void devices_spare(struct world *w, uint32_t machines);
/* Nothing comes late any more. */
void devices_calm(struct world *w);
/* The machine loses power: its processes are gone. */
void device_power_gone(struct world *w, const struct machine *m);

#endif
