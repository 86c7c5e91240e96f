/*
 * Watchdogs' receipts from anywhere: what decodes encodes to the same bytes, verification crashes
 * on none, and what verifies keeps F6c: the target's own good statement, and a quorum of distinct
 * jurors whose votes are in the order, each silent for H at least. The first byte says how many
 * nodes have voted.
 */
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TARGET = 5 };

/* As in seed_crypto.c, so that its seeds verify here. */
static const struct cluster_id cluster = {{0xc1}};
static struct roster roster;
static struct order_cert certs[TARGET + 1];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void begin(void)
{
    fixture_roster(&roster, 6, 1);
    struct order order = fixture_order(&roster, TARGET);
    for (size_t votes = 0; votes <= TARGET; votes++)
        certs[votes] = fixture_order_cert(&order, 0, votes, 1u, &cluster);
}

static void check(const struct watchdog_receipt *receipt, const struct order_cert *cert)
{
    require(armed_verify(&receipt->armed, &cluster, &roster));
    require(receipt->armed.slot == cert->order.slot && receipt->armed.life == cert->order.life);
    require(receipt->count >= roster_juror_quorum(&roster));
    for (size_t i = 0; i < receipt->count; i++) {
        const struct silence *silence = &receipt->silences[i];
        bool voted = false;
        for (size_t k = 0; k < cert->count; k++)
            voted |= cert->votes[k].juror == silence->juror;
        require(voted && (i == 0 || silence->juror > silence[-1].juror));
        require(silence->silent_ms >= armed_hand_over_ms(&receipt->armed));
        require(silence_verify(silence, &cert->order, &receipt->armed, &cluster, &roster));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watchdog_receipt receipt;
    uint8_t again[WATCHDOG_RECEIPT_BYTES_MAX];
    if (roster.node_count == 0)
        begin();
    struct reader r = reader_init(data, size);
    const struct order_cert *cert = &certs[read_u8(&r) % (TARGET + 1)];
    if (!watchdog_receipt_decode(&receipt, &r))
        return 0;
    size_t used = size - reader_left(&r) - 1;
    struct writer w = writer_init(again, sizeof again);
    watchdog_receipt_encode(&w, &receipt);
    require(!w.failed && writer_size(&w) == used && memcmp(again, data + 1, used) == 0);
    if (watchdog_receipt_verify(&receipt, cert, &cluster, &roster) == WATCHDOG_OK)
        check(&receipt, cert);
    return 0;
}
