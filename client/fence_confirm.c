/*
 * `holdfast fence confirm`: an operator's receipt (F6d), and break-glass (F12). The key stays here:
 * what is sent is the signature. What is signed is built here, from what the operator has typed and
 * a certificate that names the same life; the agent and every other node check it anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "client/agent.h"
#include "client/fence_operate.h"
#include "client/fence_submit.h"
#include "client/fence_text.h"
#include "client/identity.h"
#include "crypto/proof.h"

enum { POLL_MS = 250, HEARING_ROUNDS = 24 };

/* Asks until everybody has answered, or the time for it is over. */
static int hear(const struct cli *cli, const char *node, long life, json_t **out)
{
    for (int round = 0;; round++) {
        json_t *p = json_pack("{s:s}", "node", node);
        if (p == NULL)
            return usage_error(cli, "a node's name is ASCII");
        if (life > 0)
            json_object_set_new(p, "life", json_integer(life));
        int code = agent_ask_about(cli, node, "HearLife", p, out);
        if (code != EXIT_OK || json_flag(*out, "done") || round == HEARING_ROUNDS)
            return code;
        life = (long)json_number(*out, "life");
        json_decref(*out);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}

static void print_hearing(const json_t *h)
{
    json_t *j, *lock;
    size_t index;
    printf("%s (slot %lld), life %lld: who heard it, and when last\n", json_text(h, "node"),
           json_number(h, "slot"), json_number(h, "life"));
    json_array_foreach(json_object_get(h, "jurors"), index, j)
    {
        char age[32];
        if (strcmp(json_text(j, "juror"), json_text(h, "node")) == 0)
            continue;
        fence_text_age(age, sizeof age, json_number(j, "age_ms"));
        if (!json_flag(j, "answered"))
            printf("  %s: does not answer\n", json_text(j, "juror"));
        else
            printf("  %s: %s%s ago\n", json_text(j, "juror"),
                   json_flag(j, "never") ? "not since its own start, " : "", age);
    }
    size_t locks = json_array_size(json_object_get(h, "locks"));
    printf("would be freed, as far as this node votes about them: %zu locks\n", locks);
    json_array_foreach(json_object_get(h, "locks"), index, lock)
        printf("  %s\n", json_string_value(lock));
    if (*json_text(h, "refused"))
        printf("REFUSED as things are: %s\n", json_text(h, "refused"));
}

/* --- What is signed --- */

/* The certificate of the order against that very life. */
static int certificate(const struct cli *cli, const json_t *h, struct order_cert *out)
{
    json_t *reply = NULL;
    uint8_t bytes[FENCE_FILE_MAX];
    size_t size = 0;
    const char *node = json_text(h, "node");
    json_t *p = json_pack("{s:s s:I}", "node", node, "life", (json_int_t)json_number(h, "life"));
    int code = agent_ask_about(cli, node, "Order", p, &reply);
    if (code != EXIT_OK) {
        say("there is no order against %s/%lld to confirm; 'holdfast fence request' asks for one",
            node, json_number(h, "life"));
        return code;
    }
    const char *text = json_text(reply, "certificate");
    bool good = sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &size, NULL,
                                  sodium_base64_VARIANT_ORIGINAL) == 0 &&
                size > FENCE_FILE_MAGIC_SIZE &&
                memcmp(bytes, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE) == 0;
    json_decref(reply);
    struct reader r =
        reader_init(bytes + FENCE_FILE_MAGIC_SIZE, good ? size - FENCE_FILE_MAGIC_SIZE : 0);
    good = good && order_cert_decode(out, &r) && reader_done(&r) &&
           out->order.slot == json_number(h, "slot") &&
           out->order.life == (uint64_t)json_number(h, "life");
    if (!good)
        say("the agent gave a certificate that is not about %s/%lld", node, json_number(h, "life"));
    return good ? EXIT_OK : EXIT_ERROR;
}

/* F12: an order that operators alone sign. */
static int own_order(const json_t *h, struct order_cert *out)
{
    const char *digest = json_text(h, "roster");
    *out = (struct order_cert){.order = {.epoch = (uint32_t)json_number(h, "epoch"),
                                         .slot = (uint16_t)json_number(h, "slot"),
                                         .life = (uint64_t)json_number(h, "life")}};
    if (sodium_hex2bin(out->order.roster.bytes, DIGEST_SIZE, digest, strlen(digest), NULL, NULL,
                       NULL) == 0)
        return EXIT_OK;
    say("the agent's roster has no digest");
    return EXIT_ERROR;
}

static int operator_index(const json_t *h, const struct key_pair *key)
{
    char hex[2 * KEY_PUBLIC_SIZE + 1];
    json_t *name;
    size_t index;
    sodium_bin2hex(hex, sizeof hex, key->public.bytes, KEY_PUBLIC_SIZE);
    json_array_foreach(json_object_get(h, "operators"), index, name)
    {
        const char *text = json_string_value(name);
        if (text && strcmp(text, hex) == 0)
            return (int)index;
    }
    return -1;
}

static int sign(const json_t *h, const struct fence_operation *o, struct proof *proof)
{
    struct cluster_id cluster;
    const char *id = json_text(h, "cluster");
    if (sodium_hex2bin(cluster.bytes, sizeof cluster.bytes, id, strlen(id), NULL, NULL, NULL) !=
        0) {
        say("the agent does not name its cluster");
        return EXIT_ERROR;
    }
    strncpy(proof->operator_receipt.machine, json_text(h, "node"), ROSTER_NAME_SIZE - 1);
    for (size_t i = 0; i < o->key_count; i++) {
        struct key_pair key;
        int code = identity_load_key(&key, o->keys[i]);
        if (code != EXIT_OK)
            return code;
        int index = operator_index(h, &key);
        if (index >= 0)
            operator_receipt_sign(&proof->operator_receipt, &proof->cert.order, &cluster,
                                  (uint8_t)index, &key);
        key_pair_wipe(&key);
        if (index < 0) {
            say("the key %s is none of the operator keys that the roster names", o->keys[i]);
            return EXIT_CONFIG;
        }
    }
    return EXIT_OK;
}

static int submit(const struct cli *cli, const struct proof *proof)
{
    uint8_t file[FENCE_FILE_MAX];
    struct writer w = writer_init(file, sizeof file);
    write_copy(&w, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    proof_encode(&w, proof);
    return fence_submit(cli, proof->operator_receipt.machine, file, writer_size(&w));
}

/* --- The question --- */

/* Slot, name and life are typed in full: whoever does has looked at them. */
static bool typed(const json_t *h)
{
    char wanted[160], line[160];
    snprintf(wanted, sizeof wanted, "%s slot %lld life %lld", json_text(h, "node"),
             json_number(h, "slot"), json_number(h, "life"));
    printf("\nIf its machine is off, and what it had written has ended, and it stays off until\n"
           "this is taken, its locks pass on by your word. If it runs, you break them.\n"
           "To confirm type: %s\n> ",
           wanted);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, wanted) == 0;
}

static int confirm(const struct cli *cli, const struct fence_operation *o, const json_t *h)
{
    struct proof proof = {.kind = PROOF_OPERATOR};
    proof.operator_receipt.form = o->break_glass ? OPERATOR_BREAKS_GLASS : OPERATOR_CONFIRMS;
    int code = o->break_glass ? own_order(h, &proof.cert) : certificate(cli, h, &proof.cert);
    if (code == EXIT_OK)
        code = sign(h, o, &proof);
    return code == EXIT_OK ? submit(cli, &proof) : code;
}

int fence_confirm(const struct cli *cli, const struct fence_operation *o, const char *target)
{
    char node[FENCE_TEXT_NODE_MAX + 1];
    long life;
    json_t *h = NULL;
    if (!fence_text_target(target, node, &life))
        return usage_error(cli, "'%.96s' is neither NODE nor NODE/LIFE", target);
    if (!o->dry_run && o->key_count == 0)
        return usage_error(cli, "--key is missing: the file with an operator's secret key");
    int code = hear(cli, node, life, &h);
    if (code != EXIT_OK)
        return code;
    bool refused = *json_text(h, "refused") != '\0';
    if (cli->json && o->dry_run) {
        json_print(h);
        return refused ? EXIT_ERROR : EXIT_OK;
    }
    if (!cli->json)
        print_hearing(h);
    life = (long)json_number(h, "life");
    if (o->dry_run || refused) {
        code = refused ? EXIT_ERROR : EXIT_OK;
    } else if (!typed(h)) {
        say("not confirmed: what was typed is something else");
        code = EXIT_ERROR;
    } else { /* much may have happened while it was typed */
        json_decref(h);
        h = NULL;
        code = hear(cli, node, life, &h);
        if (code == EXIT_OK)
            code = confirm(cli, o, h);
    }
    json_decref(h);
    return code;
}
