/* The options that name a mode of locks: -s, -x, -m MODE, --count N. */
#ifndef CLIENT_MODE_OPTION_H
#define CLIENT_MODE_OPTION_H

#include "client/command.h"
#include "proto/lock_mode.h"

struct mode_option {
    enum lock_mode mode; /* LOCK_MODES: none was named (yet) */
    long limit;          /* of a counted one; else 0 */
};

#define MODE_OPTION_SHORTS "sxm:"

enum { MODE_OPTION_COUNT = OPTION_OWN + 100 };

/* Rows of a table of long options. */
#define MODE_OPTION_LONGS                                                                          \
    {"shared", no_argument, NULL, 's'}, {"exclusive", no_argument, NULL, 'x'},                     \
        {"mode", required_argument, NULL, 'm'},                                                    \
    {                                                                                              \
        "count", required_argument, NULL, MODE_OPTION_COUNT                                        \
    }

/* Takes one of these options, with its value in optarg; another one is none of its business.
 * EXIT_OK, or EXIT_USAGE after saying what is wrong. */
int mode_option_take(struct mode_option *m, const struct cli *cli, int option);
/* After the last: what they say together, `otherwise` if they say nothing. */
int mode_option_settle(struct mode_option *m, const struct cli *cli, enum lock_mode otherwise);

#endif
