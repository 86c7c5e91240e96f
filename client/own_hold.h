/*
 * A hold of the `holdfast lock` that this process runs under, for the commands that change it.
 *
 * `holdfast lock` leaves in the environment of its COMMAND which hold it is (HOLDFAST_HOLD), of
 * which lock (HOLDFAST_NAME), the mark that the grant named (HOLDFAST_MARK), and the secret of its
 * session (HOLDFAST_SESSION), which these commands join: a hold is changed by its session alone.
 * Under several locks all but the session have a number behind: HOLDFAST_HOLD_1.
 */
#ifndef CLIENT_OWN_HOLD_H
#define CLIENT_OWN_HOLD_H

#include "client/command.h"
#include "client/varlink.h"

#define OWN_HOLD_ENV         "HOLDFAST_HOLD"
#define OWN_HOLD_ENV_COUNT   "HOLDFAST_COUNT"
#define OWN_HOLD_ENV_MARK    "HOLDFAST_MARK"
#define OWN_HOLD_ENV_NAME    "HOLDFAST_NAME"
#define OWN_HOLD_ENV_SESSION "HOLDFAST_SESSION"

enum { OWN_HOLD_NAME_SIZE = 256 };

struct own_hold {
    const struct cli *cli;
    const char *id;
    int number;                    /* its variables have this behind; 0: nothing; -1: it has none */
    char name[OWN_HOLD_NAME_SIZE]; /* of the lock; "" if that cannot be found out */
    struct varlink agent;          /* takes part in its session */
};

/* What is said if the answer does not come, or cannot be known. */
struct own_hold_doubt {
    const char *timed_out;
    const char *no_majority;
};

/*
 * `id`: of the hold, or NULL for that of the environment. Joins its session. EXIT_OK, or the code
 * after saying what is wrong; then `h` is closed.
 */
int own_hold_open(struct own_hold *h, const struct cli *cli, const char *id);
void own_hold_close(struct own_hold *h);

/* The value of one of its variables, named without its number: OWN_HOLD_ENV_MARK. NULL if it has
 * none. */
const char *own_hold_env(const struct own_hold *h, const char *stem);
/* What messages begin with: the lock's name, else the hold's id. */
const char *own_hold_subject(const struct own_hold *h);

/* Says what a refusal means; returns the code. `doubt` may be NULL. A hold that is not there is
 * EXIT_LOST. The connection must be free. */
int own_hold_refused(struct own_hold *h, const struct varlink_reply *reply,
                     const struct own_hold_doubt *doubt);
/* Calls org.holdfast.METHOD, to whose `parameters` (stolen) the hold is added. */
int own_hold_call(struct own_hold *h, const char *method, json_t *parameters,
                  const struct own_hold_doubt *doubt);

#endif
