/* `holdfast fence verify`: an exported order or receipt against a roster, without any agent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_verbs.h"
#include "client/fence_verify.h"
#include "client/file.h"
#include "crypto/proof.h"

enum { CLUSTER = OPTION_OWN };

#define ROSTER_DEFAULT "/etc/holdfast/roster"

struct wish {
    const char *file, *roster, *cluster;
};

static void print_text(const json_t *verdict, const char *path)
{
    json_t *item;
    size_t index;
    bool good = json_flag(verdict, "good");
    const char *what = json_text(verdict, "what");
    printf("%s: %s%s%s", path, good ? "good" : "NOT good", *what ? ": " : "", what);
    if (*what)
        printf(" about %s (slot %lld), life %lld", json_text(verdict, "node"),
               json_number(verdict, "slot"), json_number(verdict, "life"));
    puts("");
    json_array_foreach(json_object_get(verdict, "checks"), index, item)
    {
        const char *name = json_text(item, "name");
        printf("  %-4s %s%s%s: %s\n", json_flag(item, "good") ? "ok" : "BAD",
               json_text(item, "check"), *name ? " " : "", name, json_text(item, "text"));
    }
}

/* Of the first roster the digest is the cluster's id; of a later one it must be said. */
static int cluster_of(struct cluster_id *out, const struct cli *cli, const struct wish *wish,
                      const struct roster *roster, const struct digest *digest)
{
    if (wish->cluster && !hex_decode(out->bytes, DIGEST_SIZE, wish->cluster))
        return usage_error(cli, "--cluster takes 64 hexadecimal digits");
    if (!wish->cluster && roster->epoch != 1)
        return usage_error(cli, "a roster of epoch %u does not name its cluster: say --cluster",
                           roster->epoch);
    if (!wish->cluster)
        memcpy(out->bytes, digest->bytes, DIGEST_SIZE);
    return EXIT_OK;
}

static int verify(const struct cli *cli, const struct wish *wish, struct roster *roster)
{
    struct digest digest;
    struct cluster_id cluster;
    size_t size;
    uint8_t *bytes = file_read(wish->roster, ROSTER_FILE_MAX, &size);
    if (bytes == NULL)
        return EXIT_ERROR;
    enum roster_verdict verdict = roster_file_decode(roster, &digest, NULL, NULL, bytes, size);
    free(bytes);
    if (verdict != ROSTER_OK) {
        say("%s: %s", wish->roster, roster_verdict_text(verdict));
        return EXIT_CONFIG;
    }
    int code = cluster_of(&cluster, cli, wish, roster, &digest);
    if (code != EXIT_OK)
        return code;
    bytes = file_read(wish->file, FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX, &size);
    if (bytes == NULL)
        return EXIT_ERROR;
    json_t *out = fence_verify_judge(bytes, size, roster, &digest, &cluster);
    free(bytes);
    code = json_flag(out, "good") ? EXIT_OK : EXIT_ERROR;
    if (cli->json) {
        json_print(out);
        return code;
    }
    print_text(out, wish->file);
    json_decref(out);
    return code;
}

int fence_verify_run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"roster", required_argument, NULL, 'r'},
                                          {"cluster", required_argument, NULL, CLUSTER},
                                          COMMAND_OPTIONS};
    struct wish wish = {.roster = ROSTER_DEFAULT};
    int option;
    while ((option = command_option(cli, argc, argv, ":r:", longs)) != -1) {
        if (option == 'r')
            wish.roster = optarg;
        if (option == CLUSTER)
            wish.cluster = optarg;
    }
    optind++; /* the verb */
    if (optind >= argc)
        return usage_error(cli, "the FILE is missing");
    wish.file = argv[optind++];
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    struct roster *roster = calloc(1, sizeof *roster); /* it is large */
    if (roster == NULL) {
        say("out of memory");
        return EXIT_ERROR;
    }
    int code = verify(cli, &wish, roster);
    free(roster);
    return code;
}
