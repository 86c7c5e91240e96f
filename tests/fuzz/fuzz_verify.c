/*
 * `holdfast fence verify` with a file from anywhere: it always has a verdict, names each check, and
 * calls nothing good that crypto/ does not.
 */
#include <stdlib.h>

#include "client/agent.h"
#include "client/fence_verify.h"
#include "proto/id.h"
#include "proto/must.h"
#include "tests/unit/crypto_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in seed_crypto.c, so that its seeds verify here, behind a magic. */
static const struct cluster_id cluster = {{0xc1}};
static struct roster roster;
static struct digest digest;

static bool is_good(struct view file)
{
    struct order_cert cert;
    struct proof proof;
    struct reader r =
        reader_init(file.bytes + FENCE_FILE_MAGIC_SIZE, file.size - FENCE_FILE_MAGIC_SIZE);
    if (memcmp(file.bytes, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE) == 0)
        return proof_decode(&proof, &r) &&
               proof_verify(&proof, &cluster, &roster, &digest, NULL) == PROOF_OK;
    bool good = false;
    if (!order_cert_decode(&cert, &r))
        return false;
    for (uint8_t action = 0; action <= roster.action_count; action++)
        good |= order_cert_verify(&cert, action, &cluster, &roster, &digest, NULL) == ORDER_OK;
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (roster.node_count == 0) {
        fixture_roster(&roster, 6, 1);
        digest = fixture_digest(&roster);
    }
    json_t *out = fence_verify_judge(data, size, &roster, &digest, &cluster);
    must(json_array_size(json_object_get(out, "checks")) > 0);
    must(!json_flag(out, "good") || is_good((struct view){data, size}));
    json_decref(out);
    return 0;
}
