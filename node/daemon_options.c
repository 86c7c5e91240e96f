#include "node/daemon_options.h"

#include <getopt.h>
#include <stdio.h>

#include "crypto/version.h"
#include "node/config.h"
#include "node/fault.h"

enum { OPTION_CHECK = 256, OPTION_LEVEL, OPTION_VERSION, OPTION_STORE_LOST, OPTION_SHOW };

static int refuse(const struct daemon_program *program)
{
    fprintf(stderr, "%s: see %s --help\n", program->name, program->name);
    return FAULT_USAGE;
}

/* One option: -1, or the exit status. */
static int take(struct daemon_options *out, const struct daemon_program *program, int option)
{
    switch (option) {
    case 'c':
        out->config = optarg;
        return -1;
    case OPTION_CHECK:
        out->check = true;
        return -1;
    case OPTION_SHOW:
        out->show = true;
        return -1;
    case OPTION_STORE_LOST:
        out->store_lost = true;
        return -1;
    case OPTION_LEVEL:
        out->level_given = log_level_parse(&out->level, optarg);
        if (out->level_given)
            return -1;
        fprintf(stderr, "%s: --log-level: %s is none of debug, info, warning, error\n",
                program->name, optarg);
        return refuse(program);
    case OPTION_VERSION:
        printf("%s " HOLDFAST_VERSION "\n", program->name);
        return 0;
    case 'h':
        fputs(program->usage, stdout);
        return 0;
    default: /* getopt has said what is wrong */
        return refuse(program);
    }
}

int daemon_options_take(struct daemon_options *out, const struct daemon_program *program, int argc,
                        char **argv)
{
    static const struct option none = {0},
                               store = {"store-lost", no_argument, NULL, OPTION_STORE_LOST},
                               show = {"show-config", no_argument, NULL, OPTION_SHOW};
    const struct option list[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"log-level", required_argument, NULL, OPTION_LEVEL},
        {"version", no_argument, NULL, OPTION_VERSION},
        {"help", no_argument, NULL, 'h'},
        program->is_agent ? store : none,
        program->is_agent ? show : none,
        none,
    };
    int option, status = -1;
    *out = (struct daemon_options){.config = CONFIG_PATH_DEFAULT};
    while (status < 0 && (option = getopt_long(argc, argv, "c:h", list, NULL)) != -1)
        status = take(out, program, option);
    if (status >= 0 || optind == argc)
        return status;
    fprintf(stderr, "%s: unexpected argument %s; see %s --help\n", program->name, argv[optind],
            program->name);
    return FAULT_USAGE;
}
