/*
 * Forges what the product never makes: fence orders and receipts that break one rule each, for the
 * demo's refusals.
 *
 *     forge LAB NODE LIFE CERTIFICATE OUT
 *
 * It plays a thief of keys: it reads the roster and the secret keys of a lab's machines, and the
 * exported certificate of an order that was carried out, and writes into the directory OUT files
 * against life LIFE of NODE, which runs. Each is as good as it can be made, so that only the rule
 * in question speaks against it: what stays when the forger has as many keys as the rule asks for
 * is checked first, and must be certified. That one is not written: it would end the node.
 *
 * On stdout a line for each file: its name, a tab, what it is. Exit code 1, and one line on stderr,
 * if anything is not as expected here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "crypto/proof.h"

enum { FILE_MAX = 64 * 1024, PATH_SIZE = 512, AGE_MS = 9000, THIEVES = 3 };
_Static_assert((int)FENCE_FILE_MAGIC_SIZE + (int)PROOF_BYTES_MAX <= (int)FILE_MAX,
               "a file of either kind fits");

/* What the forger has. */
struct forger {
    const char *lab;
    const char *out;
    struct roster roster;
    struct digest roster_digest;
    struct cluster_id cluster;
    struct key_pair keys[THIEVES]; /* of the first jurors that are not the target */
    uint16_t slots[THIEVES];
    const struct roster_node *target;
    uint64_t life; /* of the target, the present one */
};

static _Noreturn void fail(const char *what, const char *which)
{
    fprintf(stderr, "forge: %s: %s\n", which, what);
    exit(1);
}

static size_t read_file(const char *path, uint8_t bytes[FILE_MAX])
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("cannot be opened", path);
    size_t size = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    if (size == 0 || size == FILE_MAX)
        fail("empty, or too long", path);
    return size;
}

/* A key file is the seed as hex digits and a newline. */
static void load_key(struct forger *f, size_t index, const struct roster_node *node)
{
    char path[PATH_SIZE];
    uint8_t text[FILE_MAX], seed[KEY_SEED_SIZE];
    snprintf(path, sizeof path, "%s/%s/key", f->lab, node->name);
    size_t size = read_file(path, text);
    text[size - 1] = '\0';
    if (!hex_decode(seed, sizeof seed, (const char *)text))
        fail("not a key", path);
    key_pair_make(&f->keys[index], seed);
    f->slots[index] = node->slot;
    if (!public_key_equal(&f->keys[index].public, &node->key))
        fail("not the key that the roster names", path);
}

static void load(struct forger *f, const char *name)
{
    char path[PATH_SIZE];
    uint8_t bytes[FILE_MAX];
    snprintf(path, sizeof path, "%s/%s/roster", f->lab, name);
    size_t size = read_file(path, bytes), count = 0;
    if (roster_file_decode(&f->roster, &f->roster_digest, NULL, NULL, bytes, size) != ROSTER_OK)
        fail("not a roster", path);
    if (f->roster.epoch != 1)
        fail("not the first roster, whose digest is the cluster's id", path);
    memcpy(f->cluster.bytes, f->roster_digest.bytes, DIGEST_SIZE);
    int index = roster_find_name(&f->roster, name);
    if (index < 0)
        fail("the roster does not name it", name);
    f->target = &f->roster.nodes[index];
    for (size_t i = 0; i < f->roster.node_count && count < THIEVES; i++)
        if (f->roster.nodes[i].juror && &f->roster.nodes[i] != f->target)
            load_key(f, count++, &f->roster.nodes[i]);
    if (count < THIEVES || roster_juror_quorum(&f->roster) != THIEVES || !f->roster.action_count)
        fail("made for a lab of five machines, with an action", path);
}

/* --- Orders --- */

static struct order order_of(const struct forger *f)
{
    return (struct order){.epoch = f->roster.epoch,
                          .roster = f->roster_digest,
                          .slot = f->target->slot,
                          .life = f->life};
}

/* A certificate with the votes of the first `count` keys, each for all actions. */
static struct order_cert sign(const struct forger *f, const struct order *order,
                              const struct cluster_id *cluster, uint8_t count)
{
    struct order_cert cert = {.order = *order, .count = count};
    for (uint8_t i = 0; i < count; i++) {
        cert.votes[i] = (struct vote){
            .juror = f->slots[i], .allows = (2u << f->roster.action_count) - 1, .age_ms = AGE_MS};
        vote_sign(&cert.votes[i], order, cluster, &f->keys[i]);
    }
    return cert;
}

static enum order_verdict judge(const struct forger *f, const struct order_cert *cert)
{
    return order_cert_verify(cert, 1, &f->cluster, &f->roster, &f->roster_digest, NULL);
}

static void write_file(const struct forger *f, const char *name, const char *what,
                       const uint8_t *bytes, size_t size)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", f->out, name);
    FILE *file = fopen(path, "wbx");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        fail("cannot be written", path);
    printf("%s\t%s\n", name, what);
}

/* Writes an order that must be refused for this reason, and no other. */
static void write_order(const struct forger *f, const char *name, const char *what,
                        const struct order_cert *cert, enum order_verdict expected)
{
    uint8_t bytes[FILE_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    if (judge(f, cert) != expected)
        fail(order_verdict_text(judge(f, cert)), name);
    write_copy(&w, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    order_cert_encode(&w, cert);
    write_file(f, name, what, bytes, writer_size(&w));
}

static void forge_orders(const struct forger *f)
{
    struct order order = order_of(f);
    struct order_cert cert = sign(f, &order, &f->cluster, THIEVES);
    if (judge(f, &cert) != ORDER_OK) /* else the files below would show nothing */
        fail("an order with all the keys that it takes is not certified",
             order_verdict_text(judge(f, &cert)));
    cert = sign(f, &order, &f->cluster, THIEVES - 1);
    write_order(f, "two-of-five", "an order with two of five signatures", &cert, ORDER_TOO_FEW);
    cert.votes[cert.count] = cert.votes[cert.count - 1];
    cert.count++;
    write_order(f, "counted-twice", "an order with three signatures, two of one signer", &cert,
                ORDER_DUPLICATE);

    struct cluster_id other = f->cluster;
    other.bytes[0] ^= 1; /* the digest of the first roster, and so the cluster, is another */
    memcpy(order.roster.bytes, other.bytes, DIGEST_SIZE);
    cert = sign(f, &order, &other, THIEVES);
    write_order(f, "other-cluster", "another cluster's order, three signatures", &cert,
                ORDER_OTHER_ROSTER);
    cert.order.roster = f->roster_digest;
    write_order(f, "relabelled", "the same, relabelled as this cluster's", &cert,
                ORDER_BAD_SIGNATURE);

    order = order_of(f); /* F10: votes of one roster say nothing under another */
    order.epoch = f->roster.epoch - 1;
    cert = sign(f, &order, &f->cluster, THIEVES);
    write_order(f, "earlier-epoch", "an order of the epoch before, three signatures", &cert,
                ORDER_OTHER_ROSTER);
    order.epoch = f->roster.epoch + 1;
    cert = sign(f, &order, &f->cluster, THIEVES);
    write_order(f, "later-epoch", "an order of the next epoch, three signatures", &cert,
                ORDER_OTHER_ROSTER);
}

/* The order that was carried out, turned against the life that came after it. */
static void forge_life(const struct forger *f, const char *path)
{
    uint8_t bytes[FILE_MAX];
    struct order_cert cert;
    size_t size = read_file(path, bytes);
    struct reader r = reader_init(bytes, size);
    const uint8_t *magic = read_view(&r, FENCE_FILE_MAGIC_SIZE);
    if (!magic || memcmp(magic, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE) != 0 ||
        !order_cert_decode(&cert, &r) || !reader_done(&r) || judge(f, &cert) != ORDER_OK)
        fail("not a certified order of this cluster", path);
    cert.order.life = f->life;
    write_order(f, "other-life", "the old order with the new life written in", &cert,
                ORDER_BAD_SIGNATURE);
}

/* --- A receipt without its order --- */

/* An executor's word, in good form and well signed: with a certified order it would be believed. */
static void forge_receipt(const struct forger *f)
{
    struct order order = order_of(f);
    struct proof proof = {
        .kind = PROOF_EXECUTED,
        .receipt = {.action = 1, .executor = f->slots[0], .witness = f->slots[1]}};
    uint8_t bytes[FILE_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    memcpy(proof.receipt.device, f->target->device, DEVICE_SIZE);
    receipt_sign(&proof.receipt, &order, &f->cluster, &f->keys[0]);
    proof.cert = sign(f, &order, &f->cluster, THIEVES);
    if (proof_verify(&proof, &f->cluster, &f->roster, &f->roster_digest, NULL) != PROOF_OK)
        fail("with its order it is no good either", "no-order");
    proof.cert = sign(f, &order, &f->cluster, 0);
    write_copy(&w, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    proof_encode(&w, &proof);
    write_file(f, "no-order", "an executor's receipt without its order", bytes, writer_size(&w));
}

int main(int argc, char **argv)
{
    static struct forger forger; /* a roster is large */
    if (argc != 6 || sodium_init() < 0)
        fail("say LAB NODE LIFE CERTIFICATE OUT", argv[0]);
    forger.lab = argv[1];
    forger.out = argv[5];
    forger.life = strtoull(argv[3], NULL, 10);
    if (forger.life < 2)
        fail("the life after the one that was ended is from 2", argv[3]);
    load(&forger, argv[2]);
    forge_orders(&forger);
    forge_life(&forger, argv[4]);
    forge_receipt(&forger);
    return 0;
}
