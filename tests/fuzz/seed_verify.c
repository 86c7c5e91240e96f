/* Writes seeds for fuzz_verify to DIR/verify/: an order, a receipt and an end statement, as files.
 */
#include "tests/fuzz/seed_files.h"
#include "tests/unit/crypto_fixture.h"

static const struct cluster_id cluster = {{0xc1}};
static uint8_t file[FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX];

static struct writer begin(const char *magic)
{
    struct writer w = writer_init(file, sizeof file);
    write_copy(&w, magic, FENCE_FILE_MAGIC_SIZE);
    return w;
}

int main(int argc, char **argv)
{
    static struct roster roster;
    fixture_roster(&roster, 6, 1);
    seed_begin(argc, argv, "verify");
    struct proof executed = fixture_executed(&roster, 5, 3, 1, &cluster);
    struct proof end = fixture_end(5, 8, &cluster);
    struct writer w = begin(ORDER_FILE_MAGIC);
    order_cert_encode(&w, &executed.cert);
    seed_file("order", file, writer_size(&w));
    w = begin(PROOF_FILE_MAGIC);
    proof_encode(&w, &executed);
    seed_file("executed", file, writer_size(&w));
    w = begin(PROOF_FILE_MAGIC);
    proof_encode(&w, &end);
    seed_file("end", file, writer_size(&w));
    return 0;
}
