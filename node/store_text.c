/* What is wrong with a store, for a person: see store.h. */
#include "node/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/must.h"

void store_status_text(char *out, size_t size, enum store_status status,
                       const struct store_trouble *trouble, const char *dir)
{
    switch (status) {
    case STORE_OK:
        snprintf(out, size, "%s: the store is open", dir);
        return;
    case STORE_MISSING:
        snprintf(
            out, size,
            "%s/votes.log: missing; a new node makes it with 'holdfast keygen', a store that was"
            " lost votes again only under a new store id in the roster",
            dir);
        return;
    case STORE_LOCKED:
        if (trouble->holder > 0)
            snprintf(out, size, "%s: another agent runs on this state (pid %d); stop it first", dir,
                     trouble->holder);
        else
            snprintf(out, size, "%s: another agent runs on this state; stop it first", dir);
        return;
    case STORE_NO_DIR:
        snprintf(out, size, "%s: cannot open the state directory: %s; %s", dir,
                 strerror(trouble->error),
                 trouble->error == EACCES ? "give it to the agent's user: chown -R USER"
                                          : "create it with mode 0700");
        return;
    case STORE_EXPOSED:
        snprintf(out, size,
                 "%s: the state directory must be the agent's own, with mode 0700: chown -R USER, "
                 "chmod 700",
                 dir);
        return;
    case STORE_UNREADABLE:
        snprintf(out, size, "%s: cannot open the store (%s): %s%s", dir, trouble->what,
                 strerror(trouble->error),
                 store_error_is_room(trouble->error) ? "; make room there, and start it again"
                                                     : "");
        return;
    }
    must(false); /* not a status */
}
