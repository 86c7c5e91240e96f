/* Tells the service manager how the agent is (sd_notify(3)), if NOTIFY_SOCKET names one. */
#ifndef NODE_NOTIFY_H
#define NODE_NOTIFY_H

/* `state`: "READY=1", "STOPPING=1", "WATCHDOG=1". Best effort: without a manager, or without its
 * ear, nothing happens. */
void notify_manager(const char *state);
/* How often at least the manager wants to hear "WATCHDOG=1" from this very process, in
 * microseconds (sd_watchdog_enabled(3)); 0: it does not. */
long notify_watchdog_us(void);

#endif
