/*
 * Rosters from anywhere: the file decoder and the decoder of canonical bytes. Nothing crashes, and
 * what decodes encodes to the same bytes again: a roster has one form, so its digest names it.
 */
#include "crypto/roster.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct roster roster;
static uint8_t again[ROSTER_FILE_MAX];

static void check_file(const uint8_t *data, size_t size)
{
    struct digest digest;
    struct roster_signature signatures[ROSTER_OPERATORS_MAX];
    uint8_t count;
    enum roster_verdict verdict =
        roster_file_decode(&roster, &digest, signatures, &count, data, size);
    if (verdict != ROSTER_OK && verdict != ROSTER_UNSIGNED)
        return;
    size_t encoded = roster_file_encode(again, &roster, signatures, count);
    if (encoded != size || memcmp(again, data, size) != 0)
        abort();
}

static void check_canonical(const uint8_t *data, size_t size)
{
    if (roster_decode(&roster, data, size) != ROSTER_OK)
        return;
    size_t encoded = roster_encode(again, &roster);
    if (encoded != size || memcmp(again, data, size) != 0)
        abort();
    /* The questions have answers for whatever decodes. */
    if (roster_juror_quorum(&roster) > roster_juror_count(&roster) ||
        roster_cohort_size(&roster) < 1 || roster_find(&roster, roster.nodes[0].slot) != 0 ||
        roster_find_name(&roster, roster.nodes[0].name) != 0)
        abort();
    for (uint8_t i = 0; i <= roster.action_count; i++)
        if (roster_action(&roster, roster_action_name(&roster, i)) != i)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file(data, size);
    check_canonical(data, size);
    return 0;
}
