/*
 * What a lab's command and its machines' supervisors say to each other: over a Unix SOCK_SEQPACKET
 * socket, each packet a list of NUL-terminated strings, the first a verb; "spawn" carries three
 * descriptors (SCM_RIGHTS, unix(7)).
 *
 *   spawn CWD ARGC ARG... ENV...   runs a command; then "exit CODE", or "error TEXT CODE"
 *   signal N                       to the command that this connection spawned
 *   state                          "ok on|off running|paused|stopped PROCESSES HOW-IT-ENDED"
 *   power-off power-on power-reboot
 *   agent-start agent-stop agent-kill agent-pause agent-resume
 *   quit                           "ok" once everything on the machine has ended
 *
 * Orders are answered by "ok" or "error TEXT CODE".
 */
#ifndef CLIENT_LAB_WIRE_H
#define CLIENT_LAB_WIRE_H

#include <stdbool.h>
#include <stddef.h>

enum { LAB_WIRE_MAX = 192 * 1024, LAB_WIRE_FDS = 3 };

struct lab_wire {
    char *bytes;    /* the packet; NUL-terminated */
    char **strings; /* into bytes; NULL after the last */
    size_t count;
    int fds[LAB_WIRE_FDS]; /* -1 each if none came; close-on-exec; the receiver's to close */
};

/* Strings up to a NULL; `fds` NULL or LAB_WIRE_FDS of them. False with errno (EMSGSIZE: too large).
 */
bool lab_wire_send(int fd, char *const strings[], const int *fds);
/* Up to three strings; NULL for those not needed. */
bool lab_wire_say(int fd, const char *a, const char *b, const char *c);
/* Waits for a packet. False at the end of the connection or if it is malformed; `out` is empty
 * then. */
bool lab_wire_receive(int fd, struct lab_wire *out);
void lab_wire_free(struct lab_wire *packet);

#endif
