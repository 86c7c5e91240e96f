/*
 * Certificates from anywhere: what decodes encodes to the same bytes, verification crashes on none,
 * and one that verifies has a quorum of distinct jurors.
 */
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct roster roster;

static void check_verdict(const struct cert *cert)
{
    static const struct cluster_id cluster = {{0xc1}};
    static const uint8_t statement[] = "what the jurors signed";
    uint16_t culprit = 0;
    enum cert_verdict verdict = cert_verify(cert, STATEMENT_MEMBER, &cluster, statement,
                                            sizeof statement, &roster, &culprit);
    if (verdict != CERT_OK)
        return;
    if (cert->count < roster_juror_quorum(&roster))
        abort();
    for (size_t i = 1; i < cert->count; i++)
        if (cert->entries[i - 1].slot >= cert->entries[i].slot)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert cert, copy = {0};
    uint8_t again[CERT_BYTES_MAX];
    if (roster.node_count == 0)
        fixture_roster(&roster, 6, 1);

    struct reader r = reader_init(data, size);
    if (!cert_decode(&cert, &r))
        return 0;
    size_t used = size - reader_left(&r);
    struct writer w = writer_init(again, sizeof again);
    cert_encode(&w, &cert);
    if (w.failed || writer_size(&w) != used || memcmp(again, data, used) != 0)
        abort();
    check_verdict(&cert);

    for (size_t i = 0; i < cert.count; i++)
        if (!cert_add(&copy, cert.entries[i].slot, &cert.entries[i].signature))
            abort();
    if (copy.count > cert.count)
        abort();
    check_verdict(&copy);
    return 0;
}
