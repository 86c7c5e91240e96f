/* Handing an order or a receipt in: see fence_submit.h. */
#include "client/fence_submit.h"

#include <stdio.h>

#include <sodium.h>

#include "client/agent.h"

int fence_submit(const struct cli *cli, const char *about, const uint8_t *bytes, size_t size)
{
    char base64[sodium_base64_ENCODED_LEN(FENCE_FILE_MAX, sodium_base64_VARIANT_ORIGINAL)];
    json_t *reply = NULL;
    sodium_bin2base64(base64, sizeof base64, bytes, size, sodium_base64_VARIANT_ORIGINAL);
    int code = agent_ask_about(cli, about, "Submit", json_pack("{s:s}", "file", base64), &reply);
    if (code != EXIT_OK)
        return code;
    if (cli->json) {
        json_print(reply);
        return EXIT_OK;
    }
    puts(json_text(reply, "text"));
    json_decref(reply);
    return EXIT_OK;
}
