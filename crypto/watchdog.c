/* What a watchdog proves: see watchdog.h. Checks go from cheap to dear; the curve comes last. */
#include "crypto/watchdog.h"

#include <string.h>

enum { ARMED_SIGNED = ARMED_BYTES - SIGNATURE_SIZE, MILLION = 1000000 };

uint32_t armed_hand_over_ms(const struct armed *armed)
{
    uint64_t over = MILLION + WATCHDOG_RATE_PPM, under = MILLION - WATCHDOG_RATE_PPM;
    return (uint32_t)((armed->reset_ms * over + under - 1) / under) + WATCHDOG_LANDED_MS;
}

bool armed_valid(const struct armed *armed)
{
    return armed->life >= 1 && armed->timeout_ms > 0 && armed->timeout_ms <= armed->reset_ms &&
           armed->reset_ms <= WATCHDOG_RESET_MAX_MS;
}

static void armed_bytes(uint8_t out[ARMED_SIGNED], const struct armed *armed)
{
    struct writer w = writer_init(out, ARMED_SIGNED);
    write_u16(&w, armed->slot);
    write_u64(&w, armed->life);
    write_copy(&w, armed->nonce, sizeof armed->nonce);
    write_u32(&w, armed->reset_ms);
    write_u32(&w, armed->timeout_ms);
}

void armed_sign(struct armed *armed, const struct cluster_id *cluster, const struct key_pair *key)
{
    uint8_t bytes[ARMED_SIGNED];
    armed_bytes(bytes, armed);
    armed->signature = statement_sign(STATEMENT_ARMED, cluster, bytes, sizeof bytes, key);
}

bool armed_verify(const struct armed *armed, const struct cluster_id *cluster,
                  const struct roster *roster)
{
    uint8_t bytes[ARMED_SIGNED];
    int index = roster_find(roster, armed->slot);
    if (index < 0 || !armed_valid(armed))
        return false;
    armed_bytes(bytes, armed);
    return statement_verify(STATEMENT_ARMED, cluster, bytes, sizeof bytes, &armed->signature,
                            &roster->nodes[index].key);
}

struct digest armed_digest(const struct armed *armed)
{
    uint8_t bytes[ARMED_SIGNED];
    armed_bytes(bytes, armed);
    return digest_of(bytes, sizeof bytes);
}

void armed_encode(struct writer *w, const struct armed *armed)
{
    uint8_t bytes[ARMED_SIGNED];
    armed_bytes(bytes, armed);
    write_copy(w, bytes, sizeof bytes);
    write_copy(w, armed->signature.bytes, SIGNATURE_SIZE);
}

bool armed_decode(struct armed *out, struct reader *r)
{
    memset(out, 0, sizeof *out);
    out->slot = read_u16(r);
    out->life = read_u64(r);
    read_copy(r, out->nonce, sizeof out->nonce);
    out->reset_ms = read_u32(r);
    out->timeout_ms = read_u32(r);
    read_copy(r, out->signature.bytes, SIGNATURE_SIZE);
    if (!armed_valid(out))
        reader_fail(r);
    if (r->failed)
        memset(out, 0, sizeof *out);
    return !r->failed;
}

/* --- Silence --- */

enum { SILENCE_SIGNED = ORDER_BYTES + DIGEST_SIZE + 2 + 4 };

static void silence_bytes(uint8_t out[SILENCE_SIGNED], const struct silence *silence,
                          const struct order *order, const struct armed *armed)
{
    struct writer w = writer_init(out, SILENCE_SIGNED);
    struct digest digest = armed_digest(armed);
    order_encode(&w, order);
    write_copy(&w, digest.bytes, DIGEST_SIZE);
    write_u16(&w, silence->juror);
    write_u32(&w, silence->silent_ms);
}

void silence_sign(struct silence *silence, const struct order *order, const struct armed *armed,
                  const struct cluster_id *cluster, const struct key_pair *key)
{
    uint8_t bytes[SILENCE_SIGNED];
    silence_bytes(bytes, silence, order, armed);
    silence->signature = statement_sign(STATEMENT_SILENCE, cluster, bytes, sizeof bytes, key);
}

bool silence_verify(const struct silence *silence, const struct order *order,
                    const struct armed *armed, const struct cluster_id *cluster,
                    const struct roster *roster)
{
    uint8_t bytes[SILENCE_SIGNED];
    int index = roster_find(roster, silence->juror);
    if (index < 0 || !roster->nodes[index].juror)
        return false;
    silence_bytes(bytes, silence, order, armed);
    return statement_verify(STATEMENT_SILENCE, cluster, bytes, sizeof bytes, &silence->signature,
                            &roster->nodes[index].key);
}

/* --- The receipt --- */

bool watchdog_receipt_add(struct watchdog_receipt *receipt, const struct silence *silence)
{
    struct silence *list = receipt->silences;
    size_t at = 0;
    while (at < receipt->count && list[at].juror < silence->juror)
        at++;
    if (at == receipt->count || list[at].juror != silence->juror) {
        if (receipt->count == ROSTER_JURORS_MAX)
            return false;
        memmove(&list[at + 1], &list[at], (receipt->count - at) * sizeof list[0]);
        receipt->count++;
    }
    list[at] = *silence;
    return true;
}

void watchdog_receipt_encode(struct writer *w, const struct watchdog_receipt *receipt)
{
    armed_encode(w, &receipt->armed);
    write_u8(w, receipt->count);
    for (size_t i = 0; i < receipt->count; i++) {
        write_u16(w, receipt->silences[i].juror);
        write_u32(w, receipt->silences[i].silent_ms);
        write_copy(w, receipt->silences[i].signature.bytes, SIGNATURE_SIZE);
    }
}

bool watchdog_receipt_decode(struct watchdog_receipt *out, struct reader *r)
{
    struct armed armed;
    memset(out, 0, sizeof *out);
    armed_decode(&armed, r);
    uint8_t count = read_u8(r);
    if (count > ROSTER_JURORS_MAX)
        reader_fail(r);
    for (uint8_t i = 0; i < count && !r->failed; i++) {
        struct silence *silence = &out->silences[i];
        silence->juror = read_u16(r);
        silence->silent_ms = read_u32(r);
        read_copy(r, silence->signature.bytes, SIGNATURE_SIZE);
    }
    if (r->failed) {
        memset(out, 0, sizeof *out);
        return false;
    }
    out->armed = armed;
    out->count = count;
    return true;
}

static bool voted(const struct order_cert *cert, uint16_t juror)
{
    for (size_t i = 0; i < cert->count; i++)
        if (cert->votes[i].juror == juror)
            return true;
    return false;
}

/* What can be said without the curve. */
static enum watchdog_verdict check_form(const struct watchdog_receipt *receipt,
                                        const struct order_cert *cert, const struct roster *roster)
{
    const struct armed *armed = &receipt->armed;
    if (!armed_valid(armed) || armed->slot != cert->order.slot || armed->life != cert->order.life)
        return WATCHDOG_NOT_ARMED;
    if (receipt->count > ROSTER_JURORS_MAX)
        return WATCHDOG_DUPLICATE;
    for (size_t i = 0; i < receipt->count; i++) {
        const struct silence *silence = &receipt->silences[i];
        int index = roster_find(roster, silence->juror);
        if (i > 0 && silence->juror <= receipt->silences[i - 1].juror)
            return WATCHDOG_DUPLICATE;
        /* Who has not voted may acknowledge that life again (F2): its silence says nothing. */
        if (index < 0 || !roster->nodes[index].juror || !voted(cert, silence->juror))
            return WATCHDOG_NOT_A_JUROR;
        if (silence->silent_ms < armed_hand_over_ms(armed))
            return WATCHDOG_TOO_EARLY;
    }
    return receipt->count < roster_juror_quorum(roster) ? WATCHDOG_TOO_FEW : WATCHDOG_OK;
}

enum watchdog_verdict watchdog_receipt_verify(const struct watchdog_receipt *receipt,
                                              const struct order_cert *cert,
                                              const struct cluster_id *cluster,
                                              const struct roster *roster)
{
    enum watchdog_verdict verdict = check_form(receipt, cert, roster);
    if (verdict != WATCHDOG_OK)
        return verdict;
    if (!armed_verify(&receipt->armed, cluster, roster))
        return WATCHDOG_BAD_SIGNATURE;
    for (size_t i = 0; i < receipt->count; i++)
        if (!silence_verify(&receipt->silences[i], &cert->order, &receipt->armed, cluster, roster))
            return WATCHDOG_BAD_SIGNATURE;
    return WATCHDOG_OK;
}
