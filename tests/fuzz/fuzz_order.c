/*
 * Orders and certificates from anywhere: what decodes encodes to the same bytes, verification
 * crashes on none, and none is certified without q good votes of distinct jurors that allow the
 * action. What is good is judged here vote by vote, so that the two ways must agree.
 */
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As in seed_crypto.c, so that its seeds verify here. */
static const struct cluster_id cluster = {{0xc1}};
static struct roster roster;
static struct digest digest;

/* Distinct jurors whose vote is good and allows the action. */
static size_t count_good(const struct order_cert *cert, uint8_t action)
{
    size_t good = 0;
    for (size_t i = 0; i < cert->count; i++) {
        const struct vote *vote = &cert->votes[i];
        bool again = i > 0 && vote->juror == vote[-1].juror;
        bool allows = action < ACTIONS_MAX && (vote->allows & 1u << action);
        good += !again && allows && vote_verify(vote, &cert->order, &cluster, &roster) == ORDER_OK;
    }
    return good;
}

static void check_verdict(const struct order_cert *cert, uint8_t action)
{
    uint16_t culprit = 0;
    enum order_verdict verdict =
        order_cert_verify(cert, action, &cluster, &roster, &digest, &culprit);
    if (order_verdict_text(verdict) == NULL)
        abort();
    if (verdict != ORDER_OK)
        return;
    if (cert->order.epoch != roster.epoch || cert->order.life < 1 ||
        roster_find(&roster, cert->order.slot) < 0 || !order_suits(&cert->order, action, &roster) ||
        count_good(cert, action) < roster_juror_quorum(&roster))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct order_cert cert, copy = {0};
    uint8_t again[ORDER_CERT_BYTES_MAX];
    if (roster.node_count == 0) {
        fixture_roster(&roster, 6, 1);
        fixture_session_action(&roster);
        digest = fixture_digest(&roster);
    }

    struct reader r = reader_init(data, size);
    if (!order_cert_decode(&cert, &r))
        return 0;
    size_t used = size - reader_left(&r);
    struct writer w = writer_init(again, sizeof again);
    order_cert_encode(&w, &cert);
    if (w.failed || writer_size(&w) != used || memcmp(again, data, used) != 0)
        abort();

    /* Bytes that follow choose a further action. */
    uint8_t action = used < size ? data[used] : 1;
    check_verdict(&cert, ACTION_RETIRE);
    check_verdict(&cert, 1);
    check_verdict(&cert, action);

    copy.order = cert.order;
    for (size_t i = 0; i < cert.count; i++)
        if (!order_cert_add(&copy, &cert.votes[i]))
            abort();
    if (copy.count > cert.count)
        abort();
    check_verdict(&copy, 1);
    return 0;
}
