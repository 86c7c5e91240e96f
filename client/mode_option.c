/* The options that name a mode of locks: see mode_option.h. */
#include "client/mode_option.h"

#include "proto/limits.h"

int mode_option_take(struct mode_option *m, const struct cli *cli, int option)
{
    switch (option) {
    case 's':
        m->mode = LOCK_SHARED;
        break;
    case 'x':
        m->mode = LOCK_EXCLUSIVE;
        break;
    case 'm':
        if (!lock_mode_parse(&m->mode, optarg))
            return usage_error(cli, "-m takes one of " LOCK_MODE_NAMES ", not '%s'", optarg);
        break;
    case MODE_OPTION_COUNT:
        if (!parse_number(optarg, 1, LOCK_COUNT_MAX, &m->limit))
            return usage_error(cli, "--count takes 1 to %d, not '%s'", (int)LOCK_COUNT_MAX, optarg);
        break;
    }
    return EXIT_OK;
}

int mode_option_settle(struct mode_option *m, const struct cli *cli, enum lock_mode otherwise)
{
    if (m->mode == LOCK_MODES)
        m->mode = m->limit > 0 ? LOCK_COUNTED : otherwise;
    if (m->mode == LOCK_COUNTED && m->limit == 0)
        return usage_error(cli, "the mode counted needs --count N: how many may hold it");
    if (m->mode != LOCK_COUNTED && m->limit > 0)
        return usage_error(cli, "--count goes with the mode counted, not with %s",
                           lock_mode_text(m->mode));
    return EXIT_OK;
}
