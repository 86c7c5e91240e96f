/*
 * Seeds for the fuzz targets of crypto/: `seed_crypto DIR` writes valid rosters, certificates,
 * orders, proofs and datagrams to DIR/roster, DIR/cert, DIR/order, DIR/proof, DIR/watchdog and
 * DIR/open. The bytes are the same each time.
 */
#include "tests/unit/crypto_fixture.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *root;

static void fail(const char *what)
{
    fprintf(stderr, "seed_crypto: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_folder(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(path);
}

static void write_seed(const char *name, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        fail(path);
}

static void seed_rosters(void)
{
    static struct roster roster;
    static uint8_t bytes[ROSTER_FILE_MAX];
    make_folder("roster");
    fixture_roster(&roster, 1, 1);
    write_seed("roster/canonical-1", bytes, roster_encode(bytes, &roster));
    write_seed("roster/file-1", bytes, fixture_roster_file(bytes, &roster, 1));
    fixture_roster(&roster, 3, 2);
    roster.nodes[2].votes = false;
    roster_default_jurors(&roster);
    roster.epoch = 2;
    roster.previous.bytes[0] = 1;
    roster.detect_ms = 6000;
    roster.action_count = 2;
    memcpy(roster.actions[1], "kill-nfs", sizeof "kill-nfs");
    roster.session_actions = 1u << 1;
    roster.nodes[1].executes = false;
    memset(roster.nodes[2].device, 0, DEVICE_SIZE);
    write_seed("roster/canonical-3", bytes, roster_encode(bytes, &roster));
    write_seed("roster/file-3", bytes, fixture_roster_file(bytes, &roster, 2));
    write_seed("roster/file-3-half-signed", bytes, fixture_roster_file(bytes, &roster, 1));
    write_seed("roster/file-3-unsigned", bytes, fixture_roster_file(bytes, &roster, 0));
}

static void seed_certs(void)
{
    /* As in fuzz_cert.c, so that these verify there. */
    static const struct cluster_id cluster = {{0xc1}};
    static const uint8_t statement[] = "what the jurors signed";
    make_folder("cert");
    for (size_t count = 0; count <= 6; count++) {
        uint8_t bytes[CERT_BYTES_MAX];
        char name[32];
        struct cert cert =
            fixture_cert(0, count, STATEMENT_MEMBER, &cluster, statement, sizeof statement);
        struct writer w = writer_init(bytes, sizeof bytes);
        cert_encode(&w, &cert);
        snprintf(name, sizeof name, "cert/%zu-signers", count);
        write_seed(name, bytes, writer_size(&w));
    }
}

static void seed_orders(const struct roster *roster, const struct cluster_id *cluster)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX + 1];
    char name[32];
    struct order order = fixture_order(roster, 5);
    make_folder("order");
    for (size_t count = 0; count <= 6; count++) {
        /* The last one's votes allow less than is asked for. */
        struct order_cert cert = fixture_order_cert(&order, 0, count, count < 6 ? 7 : 1, cluster);
        struct writer w = writer_init(bytes, sizeof bytes);
        order_cert_encode(&w, &cert);
        write_u8(&w, 2); /* a further action to be asked for */
        snprintf(name, sizeof name, "order/%zu-votes", count);
        write_seed(name, bytes, writer_size(&w));
    }
}

static void seed_session_order(const struct roster *roster, const struct cluster_id *cluster)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX + 1];
    struct order order = fixture_session_order(roster, 5, 42, "vm-1");
    struct order_cert cert = fixture_order_cert(&order, 0, 3, 1u | 1u << 2, cluster);
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &cert);
    write_u8(&w, 2);
    write_seed("order/session", bytes, writer_size(&w));
}

static void write_proof(const char *name, const struct proof *proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, proof);
    write_seed(name, bytes, writer_size(&w));
}

static void seed_proofs(const struct roster *roster, const struct cluster_id *cluster)
{
    make_folder("proof");
    struct proof proof = fixture_end(2, 2, cluster);
    write_proof("proof/end", &proof);
    proof = fixture_executed(roster, 5, 3, 1, cluster);
    write_proof("proof/executed", &proof);
    proof.receipt.witness = 1;
    fixture_receipt_sign(&proof, 1, cluster);
    write_proof("proof/executed-seen", &proof);
    fixture_receipt_sign(&proof, 4, cluster);
    write_proof("proof/not-executor", &proof);
    proof = fixture_executed(roster, 5, 2, 1, cluster);
    write_proof("proof/too-few", &proof);
    proof = fixture_by_hand(roster, 5, 3, cluster);
    write_proof("proof/by-hand", &proof);
    proof = fixture_by_hand(roster, 5, 0, cluster);
    write_proof("proof/break-glass", &proof);
    proof = fixture_watchdog(roster, 5, 3, 3, cluster);
    write_proof("proof/watchdog", &proof);
    proof = fixture_watchdog(roster, 5, 4, 2, cluster);
    write_proof("proof/watchdog-too-few", &proof);
    proof = fixture_ended(roster, 5, 3, 1, 42, "vm-1", cluster);
    write_proof("proof/session", &proof);
}

/* A count of votes (as in fuzz_watchdog.c), then a receipt's bytes. */
static void seed_watchdogs(const struct roster *roster, const struct cluster_id *cluster)
{
    uint8_t bytes[1 + WATCHDOG_RECEIPT_BYTES_MAX];
    char name[32];
    make_folder("watchdog");
    for (size_t count = 0; count <= 5; count++) {
        struct proof proof = fixture_watchdog(roster, 5, 5, count, cluster);
        struct writer w = writer_init(bytes, sizeof bytes);
        write_u8(&w, (uint8_t)count);
        watchdog_receipt_encode(&w, &proof.watchdog);
        snprintf(name, sizeof name, "watchdog/%zu-silent", count);
        write_seed(name, bytes, writer_size(&w));
    }
}

/* As in fuzz_order.c and fuzz_proof.c, so that these verify there. */
static void seed_fencing(void)
{
    static const struct cluster_id cluster = {{0xc1}};
    static struct roster roster;
    fixture_roster(&roster, 6, 1);
    fixture_session_action(&roster);
    seed_orders(&roster, &cluster);
    seed_session_order(&roster, &cluster);
    roster.nodes[4].executes = false;
    seed_proofs(&roster, &cluster);
    seed_watchdogs(&roster, &cluster);
}

static void seed_datagrams(void)
{
    struct fixture_pair pair;
    static const uint8_t nonce[SEAL_NONCE_SIZE] = "seed";
    uint8_t plain[SESSION_HELLO_PLAIN_SIZE], sealed[sizeof plain + SEAL_OVERHEAD];
    make_folder("open");

    fixture_pair(&pair, SEAL_HELLO);
    struct hello hello = {.start = pair.binding.from_start, .seq = 1, .epoch = 1};
    hello_encode(plain, &hello);
    write_seed("open/hello-first-plain", plain, sizeof plain);
    seal_write(sealed, &pair.key, &pair.binding, nonce, plain, sizeof plain);
    write_seed("open/hello-first", sealed, sizeof sealed);
    hello.echo = pair.binding.to_start;
    hello.echo_seq = 1;
    hello.believes = true;
    hello_encode(plain, &hello);
    write_seed("open/hello-answer-plain", plain, sizeof plain);
    seal_write(sealed, &pair.key, &pair.binding, nonce, plain, sizeof plain);
    write_seed("open/hello-answer", sealed, sizeof sealed);

    fixture_pair(&pair, SEAL_DATA);
    seal_write(sealed, &pair.key, &pair.binding, nonce, plain, sizeof plain);
    write_seed("open/data", sealed, sizeof sealed);
    seal_write(sealed, &pair.key, &pair.binding, nonce, plain, 0);
    write_seed("open/data-empty", sealed, SEAL_OVERHEAD);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: seed_crypto DIR\n");
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    root = argv[1];
    if (mkdir(root, 0777) != 0 && errno != EEXIST)
        fail(root);
    seed_rosters();
    seed_certs();
    seed_fencing();
    seed_datagrams();
    return 0;
}
