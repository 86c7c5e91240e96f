/* `holdfast keygen`: a node's key, store and card, or an operator's key. */
#include <stdio.h>
#include <stdlib.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/identity.h"

static const char help[] =
    "usage: holdfast keygen --name NAME --address ADDRESS:PORT [-d DIR] [--state DIR]\n"
    "                       [--machine-id FILE] [--device ID] [--joining]\n"
    "       holdfast keygen --operator [-d DIR]\n"
    "\n"
    "Makes what a node brings into a cluster: DIR/key (secret, mode 0600), DIR/votes.log (its\n"
    "store) and DIR/card.json (public, for 'holdfast roster make'). Or an operator's key:\n"
    "DIR/operator.key (secret, mode 0600) and DIR/operator.pub. Nothing is overwritten.\n"
    "\n"
    "  --name NAME         the node's name: 1 to 63 of a-z, 0-9, '.' and '-'\n"
    "  --address A:PORT    where its peers send UDP to; an IPv6 address in brackets\n"
    "  -d, --dir DIR       where the files go (.)\n"
    "  --state DIR         where votes.log goes, if not to DIR\n"
    "  --machine-id FILE   the machine's id (/etc/machine-id)\n"
    "  --device ID         the identity that its fence device's status prints: 1 to 63\n"
    "                      printable characters without blanks\n"
    "  --genesis           the store is for a cluster that is being made (the default)\n"
    "  --joining           the store is for a cluster that runs already\n"
    "  --operator          make an operator's key\n"
    "  --json              print the card, or the public key, as JSON\n";

enum { NAME = OPTION_OWN, ADDRESS, STATE, MACHINE, DEVICE, GENESIS, JOINING, OPERATOR };

static int make_operator(const struct cli *cli, const char *dir)
{
    struct public_key public;
    char text[2 * KEY_PUBLIC_SIZE + 1];
    int code = identity_operator(&public, dir);
    if (code != EXIT_OK)
        return code;
    hex_encode(text, public.bytes, KEY_PUBLIC_SIZE);
    if (cli->json)
        json_print(json_pack("{s:s}", "operator", text));
    else
        printf("operator %s\n%s/operator.key is the secret: keep it off the nodes\n", text, dir);
    return EXIT_OK;
}

static int make_node(const struct cli *cli, const struct identity_request *request)
{
    struct roster_node node;
    char key[2 * KEY_PUBLIC_SIZE + 1];
    int code = identity_make(&node, request);
    if (code != EXIT_OK)
        return code;
    hex_encode(key, node.key.bytes, KEY_PUBLIC_SIZE);
    if (cli->json) {
        char *text = card_encode(&node);
        json_print(text ? json_loads(text, 0, NULL) : NULL);
        free(text);
    } else {
        printf(
            "node %s, key %s\n%s/card.json is for 'holdfast roster make'; %s/key is the secret\n",
            node.name, key, request->dir, request->dir);
    }
    return EXIT_OK;
}

#define ADDRESS_FORM "such as 10.0.0.1:7654 or [fd00::1]:7654; names are not looked up"

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"name", required_argument, NULL, NAME},
                                          {"address", required_argument, NULL, ADDRESS},
                                          {"dir", required_argument, NULL, 'd'},
                                          {"state", required_argument, NULL, STATE},
                                          {"machine-id", required_argument, NULL, MACHINE},
                                          {"device", required_argument, NULL, DEVICE},
                                          {"genesis", no_argument, NULL, GENESIS},
                                          {"joining", no_argument, NULL, JOINING},
                                          {"operator", no_argument, NULL, OPERATOR},
                                          COMMAND_OPTIONS};
    struct identity_request request = {.dir = ".", .genesis = true};
    const char *address = NULL, *machine = "/etc/machine-id", *device = NULL;
    bool operator= false;
    int option;
    while ((option = command_option(cli, argc, argv, ":d:", longs)) != -1) {
        switch (option) {
        case NAME:
            request.name = optarg;
            break;
        case ADDRESS:
            address = optarg;
            break;
        case 'd':
            request.dir = optarg;
            break;
        case STATE:
            request.state = optarg;
            break;
        case MACHINE:
            machine = optarg;
            break;
        case DEVICE:
            device = optarg;
            break;
        case GENESIS:
            request.genesis = true;
            break;
        case JOINING:
            request.genesis = false;
            break;
        case OPERATOR:
            operator= true;
            break;
        }
    }
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (operator&&(request.name || address || device))
        return usage_error(cli,
                           "--operator makes no node: leave out --name, --address and --device");
    if (operator)
        return make_operator(cli, request.dir);
    if (request.name == NULL || address == NULL)
        return usage_error(cli, "--name and --address are needed");
    if (!card_name_valid(request.name))
        return usage_error(cli, "the name '%s' is not 1 to 63 of a-z, 0-9, '.' and '-'",
                           request.name);
    if (!address_parse(&request.address, address))
        return usage_error(cli, "'%s' is not ADDRESS:PORT " ADDRESS_FORM, address);
    if (device && !card_device_parse(request.device, device))
        return usage_error(cli,
                           "the device '%s' is not 1 to %d printable characters without spaces",
                           device, DEVICE_SIZE - 1);
    int code = identity_load_machine(&request.machine, machine);
    if (request.state == NULL)
        request.state = request.dir;
    return code == EXIT_OK ? make_node(cli, &request) : code;
}

const struct command cmd_keygen = {
    "keygen", "makes a node's key, store and card, or an operator's key", help, true, run};
