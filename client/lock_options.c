/* The command line of `holdfast lock`: see lock_options.h. */
#include "client/lock_options.h"

#include <string.h>

#include "proto/limits.h"

const char lock_options_help[] =
    "usage: holdfast lock [OPTION...] NAME [--] COMMAND [ARGUMENT...]\n"
    "       holdfast lock -a [OPTION...] NAME [NAME...] -- COMMAND [ARGUMENT...]\n"
    "\n"
    "Takes the lock NAME, runs COMMAND, and releases the lock when COMMAND ends. COMMAND finds in\n"
    "its environment HOLDFAST_NAME, _MODE, _HOLD and _TOKEN; HOLDFAST_SESSION, by which 'holdfast\n"
    "convert', 'value set', 'clear-mark' and 'transfer' act on its hold; and, if the last hold "
    "ended\n"
    "uncleanly, HOLDFAST_UNCLEAN, \"NODE/LIFE MODE BY PROOF\", and _MARK. With -a it finds\n"
    "HOLDFAST_MODE, _SESSION and _COUNT, and the others with a number: HOLDFAST_NAME_1 and so on.\n"
    "\n"
    "  -a, --all           every NAME up to --, or none; in whatever order they are given, two "
    "that\n"
    "                      ask so never wait for each other\n"
    "  -s, --shared        together with other readers\n"
    "  -x, --exclusive     alone (the default)\n"
    "  -m, --mode MODE     one of " LOCK_MODE_NAMES "\n"
    "  --count N           together with at most N-1 others, and no more than any of them allows;\n"
    "                      N is 1 to 256; the mode is counted\n"
    "  -n, --nonblock      do not wait\n"
    "  -w, --wait SEC      wait no longer than this; a fraction is allowed\n"
    "  --head              wait before all others, which takes the right 'admin'\n"
    "  --if-token N        only while the lock's token is still N: nobody was granted it since\n"
    "  -E, --conflict-exit-code CODE\n"
    "                      instead of 3 if the lock is not granted\n"
    "  -v, --verbose       say what is waited for, also how the holders' nodes are, and when the\n"
    "                      lock is held\n"
    "  -q, --quiet         no warnings: that the lock is at risk, that the last hold ended\n"
    "                      uncleanly\n"
    "  --stale POLICY      if this node dies: hold (until it boots again); fence (by an order of "
    "the\n"
    "                      jurors), the default for the modes that write: CW, PW and EX; or\n"
    "                      expire:SEC (until it was not renewed for so long, 1 to 3600), with 30 "
    "the\n"
    "                      default for all others. It is lost then here too, in time; or\n"
    "                      'action NAME INFO': an order of the jurors ends what this session "
    "does,\n"
    "                      by the roster's action NAME, which is told INFO\n"
    "  --on-lost WAY       if the lock, or the agent, is lost while COMMAND runs: kill, term (with "
    "a\n"
    "                      little time to end by itself) or none (COMMAND runs on without the "
    "lock)\n"
    "  --data TEXT         at most 64 bytes that others see in 'holdfast show'\n"
    "  --value             COMMAND finds the lock's value in HOLDFAST_VALUE, in base64, and 1 or "
    "0\n"
    "                      in HOLDFAST_VALUE_VALID\n"
    "  --cgroup            run COMMAND in a cgroup of its own, below that of this command: all "
    "that "
    "is\n"
    "                      in it ends with the lock, whatever it makes itself, and when COMMAND "
    "ends. "
    "It\n"
    "                      takes root, or a subtree that is delegated to you\n"
    "  --json              one object on stdout after COMMAND has ended\n"
    "\n"
    "The exit code is COMMAND's (128+n if signal n ended it); 2 no majority; 3 not granted; 4 the\n"
    "lock or the agent was lost while the lock was held; 69 no agent; 77 not permitted; 126, 127\n"
    "COMMAND cannot run.\n";

enum { STALE = OPTION_OWN, HEAD, IF_TOKEN, ON_LOST, DATA, VALUE, CGROUP };

static int take_on_lost(struct lock_options *o, const struct cli *cli)
{
    static const struct {
        const char *word;
        enum on_lost way;
    } ways[] = {{"kill", ON_LOST_KILL}, {"term", ON_LOST_TERM}, {"none", ON_LOST_NONE}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(optarg, ways[i].word) != 0)
            continue;
        o->on_lost = ways[i].way;
        return EXIT_OK;
    }
    return usage_error(cli, "--on-lost takes kill, term or none, not '%s'", optarg);
}

/* action NAME [INFO]; whether there is such an action the agent says. */
static int take_action(struct lock_options *o, const struct cli *cli, const char *text)
{
    size_t size = strcspn(text, " ");
    if (size == 0 || size >= sizeof o->action)
        return usage_error(cli, "--stale 'action NAME INFO' takes the name of an action, not '%s'",
                           text);
    memcpy(o->action, text, size);
    o->action[size] = '\0';
    o->info = text[size] ? text + size + 1 : NULL;
    o->stale = "action";
    return EXIT_OK;
}

/* hold, fence, expire, expire:SEC or action NAME INFO */
static int take_stale(struct lock_options *o, const struct cli *cli)
{
    static const char expire[] = "expire:";
    const char *seconds = optarg + sizeof expire - 1;
    static const char action[] = "action ";
    o->ttl_ms = 0;
    o->action[0] = '\0';
    o->info = NULL;
    if (strncmp(optarg, action, sizeof action - 1) == 0)
        return take_action(o, cli, optarg + sizeof action - 1);
    if (strncmp(optarg, expire, sizeof expire - 1) == 0) {
        o->stale = "expire";
        if (parse_seconds(seconds, &o->ttl_ms) && o->ttl_ms >= LEASE_TTL_MIN_MS &&
            o->ttl_ms <= LEASE_TTL_MAX_MS)
            return EXIT_OK;
        return usage_error(cli, "--stale expire:SEC takes %d to %d seconds, not '%s'",
                           LEASE_TTL_MIN_MS / 1000, LEASE_TTL_MAX_MS / 1000, seconds);
    }
    o->stale = optarg;
    if (strcmp(optarg, "hold") == 0 || strcmp(optarg, "fence") == 0 ||
        strcmp(optarg, "expire") == 0)
        return EXIT_OK;
    return usage_error(
        cli, "--stale takes hold, fence, expire, expire:SEC or 'action NAME INFO', not '%s'",
        optarg);
}

/* What is asked for beside the mode. */
static int take_wish(struct lock_options *o, const struct cli *cli, int option)
{
    switch (option) {
    case STALE:
        return take_stale(o, cli);
    case HEAD:
        o->head = true;
        break;
    case IF_TOKEN:
        if (!parse_number(optarg, 1, __LONG_MAX__, &o->if_token))
            return usage_error(cli, "--if-token takes a token, 1 or more, not '%s'", optarg);
        break;
    case ON_LOST:
        return take_on_lost(o, cli);
    case DATA:
        if (strlen(optarg) > LOCK_DATA_MAX)
            return usage_error(cli, "--data takes at most %d bytes", (int)LOCK_DATA_MAX);
        o->data = optarg;
        break;
    case VALUE:
        o->value = true;
        break;
    case CGROUP:
        o->cgroup = true;
        break;
    }
    return EXIT_OK;
}

/* One option; EXIT_OK or EXIT_USAGE. */
static int take_option(struct lock_options *o, struct held *held, const struct cli *cli, int option)
{
    long number;
    switch (option) {
    case 'a':
        held->several = true;
        return EXIT_OK;
    case 'n':
        o->try = true;
        return EXIT_OK;
    case 'q':
        o->quiet = true;
        return EXIT_OK;
    case 'v':
        o->verbose = true;
        return EXIT_OK;
    case 'w':
        return parse_seconds(optarg, &o->wait_ms)
                   ? EXIT_OK
                   : usage_error(cli, "-w takes seconds, not '%s'", optarg);
    case 'E':
        if (!parse_number(optarg, 0, 255, &number))
            return usage_error(cli, "-E takes 0 to 255, not '%s'", optarg);
        o->conflict = (int)number;
        return EXIT_OK;
    }
    int code = mode_option_take(&o->mode, cli, option);
    return code == EXIT_OK ? take_wish(o, cli, option) : code;
}

/* NAME, or with -a all up to "--"; then the command. flock's habits rule out to guess from a "--"
 * further on that there are several: it may be the command's own. */
static int take_names(struct lock_options *o, struct held *held, const struct cli *cli, int argc,
                      char **argv)
{
    if (optind == argc)
        return usage_error(cli, "the lock's NAME is missing");
    while (optind < argc && (held->count == 0 || held->several) &&
           (held->count == 0 || strcmp(argv[optind], "--") != 0)) {
        if (held->count == HELD_MAX)
            return usage_error(cli, "-a takes at most %d names, up to '--'", (int)HELD_MAX);
        if (check_lock_name(cli, argv[optind]) != EXIT_OK)
            return EXIT_USAGE;
        held->locks[held->count++].name = argv[optind++];
    }
    if (held->several && optind == argc)
        return usage_error(cli, "with -a a '--' is needed after the last NAME");
    if (held_twice(held))
        return usage_error(cli, "'%s' is there twice", held_twice(held));
    if (optind < argc && strcmp(argv[optind], "--") == 0)
        optind++;
    if (optind == argc)
        return usage_error(cli, "the COMMAND to run under the lock is missing");
    o->argv = argv + optind;
    return EXIT_OK;
}

int lock_options_take(struct lock_options *o, struct held *held, struct cli *cli, int argc,
                      char **argv)
{
    static const struct option longs[] = {MODE_OPTION_LONGS,
                                          {"all", no_argument, NULL, 'a'},
                                          {"nonblock", no_argument, NULL, 'n'},
                                          {"nb", no_argument, NULL, 'n'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"timeout", required_argument, NULL, 'w'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"stale", required_argument, NULL, STALE},
                                          {"head", no_argument, NULL, HEAD},
                                          {"if-token", required_argument, NULL, IF_TOKEN},
                                          {"on-lost", required_argument, NULL, ON_LOST},
                                          {"data", required_argument, NULL, DATA},
                                          {"value", no_argument, NULL, VALUE},
                                          {"cgroup", no_argument, NULL, CGROUP},
                                          {"conflict-exit-code", required_argument, NULL, 'E'},
                                          COMMAND_OPTIONS};
    int option;
    *o =
        (struct lock_options){.mode.mode = LOCK_MODES, .wait_ms = -1, .conflict = EXIT_NOT_GRANTED};
    while ((option = command_option(cli, argc, argv, "+:a" MODE_OPTION_SHORTS "nw:E:vq", longs)) !=
           -1)
        if (take_option(o, held, cli, option) != EXIT_OK)
            return EXIT_USAGE;
    if (mode_option_settle(&o->mode, cli, LOCK_EXCLUSIVE) != EXIT_OK ||
        take_names(o, held, cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (held->several && o->if_token > 0)
        return usage_error(cli, "--if-token is about one lock, not with -a");
    if (o->cgroup && o->on_lost == ON_LOST_NONE)
        return usage_error(cli, "--cgroup ends all with the lock, --on-lost none nothing");
    o->try = o->try || o->wait_ms == 0; /* as flock has it */
    return EXIT_OK;
}
