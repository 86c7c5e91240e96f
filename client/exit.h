/*
 * The exit codes of the `holdfast` command. Scripts rest on them, so they never change their
 * meaning; 64 to 78 are those of sysexits.h, 126 and 127 those of a shell.
 */
#ifndef CLIENT_EXIT_H
#define CLIENT_EXIT_H

enum {
    EXIT_OK = 0,           /* or the code of the command that ran under the lock */
    EXIT_ERROR = 1,        /* anything that has no code of its own */
    EXIT_NO_MAJORITY = 2,  /* too few of the voters can be asked */
    EXIT_NOT_GRANTED = 3,  /* somebody holds it, or the time is over; `lock -E` changes this one */
    EXIT_LOST = 4,         /* the lock, or the agent, was lost while the lock was held */
    EXIT_USAGE = 64,       /* the command line is wrong */
    EXIT_UNREACHABLE = 69, /* no agent answers at the socket */
    EXIT_NOT_PERMITTED = 77, /* the agent, or the socket's mode, says no */
    EXIT_CONFIG = 78,        /* a key, card, roster or store is wrong */
    EXIT_CANNOT_RUN = 126,   /* the command was found but cannot be run */
    EXIT_NOT_FOUND = 127,    /* the command was not found */
    EXIT_SIGNAL = 128        /* plus the signal's number */
};

#endif
