/*
 * The keeper: a small process that holds the watchdog's handle and pets it, for one agent after
 * another (F7). Linux pets a device when its last handle is closed: so the handle is not the
 * agent's, and an agent that dies or is killed pets nothing.
 *
 *     agent --- SOCK_SEQPACKET at STATE/watchdog.sock ---> keeper ---> device
 *
 * Each pet comes with its latest moment. The keeper sets a timer of the kernel's that kills it at
 * that moment plus sigma, looks at the clock, pets, and takes the timer away: however long it is
 * kept from running in between, it does not pet later than that. Nobody else pets: without an agent
 * the countdown goes on.
 */
#ifndef NODE_WATCHDOG_KEEPER_H
#define NODE_WATCHDOG_KEEPER_H

#include "node/watchdog_device.h"

enum keeper_word_kind { KEEPER_PET = 1, KEEPER_DISARM };

/* holdfastd starts itself anew so: device, identity or "", socket, seconds; with the first
 * connection in this descriptor. */
#define KEEPER_OPTION "--watchdog-keeper"
enum { KEEPER_ARGUMENTS = 4, KEEPER_FD = 3, KEEPER_DEVICE_SIZE = 256 };

/* CLOCK_BOOTTIME, ns. */
struct keeper_word {
    uint32_t kind;
    uint32_t spare;
    int64_t until;
    int64_t killed; /* until + sigma */
};

/* The keeper's first word to each agent. */
struct keeper_hello {
    uint32_t timeout_s;              /* W; 0: `error` says why there is none */
    char device[KEEPER_DEVICE_SIZE]; /* as it was started with, cut */
    char identity[WATCHDOG_IDENTITY_SIZE];
    char error[WATCHDOG_ERROR_SIZE];
};

struct keeper_start {
    const char *device;
    const char *identity; /* NULL: nothing is said */
    const char *socket;
    uint32_t seconds;
};

/* The keeper itself, with those arguments; returns if it cannot start. */
int keeper_main(char **argv);
/* Starts one, detached, and gives the first connection to it; -1 with errno. */
int keeper_spawn(const struct keeper_start *start);
/* Connects to one that runs; -1 if there is none. */
int keeper_connect(const char *path);

#endif
