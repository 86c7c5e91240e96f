/*
 * One line of the log as an entry of systemd's journal, with a field for each key, in the native
 * protocol (systemd.journal-fields(7), https://systemd.io/JOURNAL_NATIVE_PROTOCOL): so that
 * `journalctl HOLDFAST_EVENT=stop-waits` finds it. Pure.
 */
#ifndef NODE_JOURNAL_ENTRY_H
#define NODE_JOURNAL_ENTRY_H

#include <stddef.h>

enum { JOURNAL_ENTRY_SIZE = 8192 };

/*
 * `pairs`: what log_event made, key=value or key="value" with log_value's escapes; `program`: whose
 * it is. `priority` as in syslog(3). Fields: MESSAGE (event and pairs, as a line says them),
 * PRIORITY, SYSLOG_IDENTIFIER, HOLDFAST_EVENT, and HOLDFAST_KEY for each pair. What is no pair
 * stands in MESSAGE alone. Returns the size; what does not fit is left out, field by field.
 */
size_t journal_entry(char out[JOURNAL_ENTRY_SIZE], int priority, const char *program,
                     const char *event, const char *pairs);

#endif
