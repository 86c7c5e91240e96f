/*
 * `holdfast members --watch`: the members as they are, and each change of a verdict as it comes.
 *
 * On a terminal the table is drawn anew at each change and each second, with the last changes below
 * it. Elsewhere there is one line for each change, with --json one object; what was before the
 * start is not told. Nothing is missed: the agent's events are followed from the number that came
 * with the table.
 */
#ifndef CLIENT_MEMBER_WATCH_H
#define CLIENT_MEMBER_WATCH_H

#include "client/command.h"
#include "client/member_list.h"

/* Until the agent goes away or nobody reads any more; an exit code. */
int member_watch(const struct cli *cli, const struct member_filter *filter);
/* EXIT_OK, or EXIT_ERROR after saying which name no member has. */
int member_check_filter(const struct member_filter *filter, const json_t *members);

#endif
