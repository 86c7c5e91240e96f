/*
 * Datagrams before and after opening, between the fixed pair of tests/unit/crypto_fixture.h. The
 * fuzzer cannot forge a tag, so the bytes are tried three ways: as a datagram; as the plain text of
 * a hello, which is sealed, opened and taken; and as counters of data, for the window.
 */
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLAIN_MAX = 65536 };

static uint8_t sealed[PLAIN_MAX + SEAL_OVERHEAD];
static uint8_t plain[PLAIN_MAX + SEAL_OVERHEAD];

static void take(struct session *s, const struct start_id *own, const uint8_t *bytes, size_t size)
{
    struct hello hello, next;
    uint8_t again[SESSION_HELLO_PLAIN_SIZE];
    if (!hello_decode(&hello, bytes, size))
        return;
    hello_encode(again, &hello);
    if (size != sizeof again || memcmp(again, bytes, size) != 0)
        abort();
    enum session_hello verdict = session_hello_take(s, own, &hello);
    if (verdict == HELLO_BELIEVED && (!s->believed || memcmp(&hello.echo, own, sizeof *own) != 0))
        abort();
    session_hello_next(s, own, &next);
    if (memcmp(&next.start, own, sizeof *own) != 0 || next.seq == 0)
        abort();
}

static void check_counters(struct session *s, const uint8_t *data, size_t size)
{
    struct reader r = reader_init(data, size);
    s->believed = true;
    while (reader_left(&r) >= 8) {
        uint64_t counter = read_u64(&r);
        bool newest = counter > s->count.taken;
        if (session_take(s, counter) < newest || session_take(s, counter))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture_pair hello, datum;
    static const uint8_t nonce[SEAL_NONCE_SIZE] = {1};
    static bool made;
    if (size > PLAIN_MAX)
        return 0;
    if (!made) {
        fixture_pair(&hello, SEAL_HELLO);
        fixture_pair(&datum, SEAL_DATA);
        made = true;
    }

    struct session session;
    struct seal_header header;
    const struct start_id *own = &hello.binding.to_start;
    session_init(&session);
    session.hello_seq = 1;

    bool peeked = seal_peek(&header, data, size);
    bool opened = seal_open(plain, &hello.key, &hello.binding, data, size);
    if (opened)
        take(&session, own, plain, size - SEAL_OVERHEAD);
    opened = opened || seal_open(plain, &datum.key, &datum.binding, data, size);
    if (opened && !peeked)
        abort();

    seal_write(sealed, &hello.key, &hello.binding, nonce, data, size);
    if (!seal_open(plain, &hello.key, &hello.binding, sealed, size + SEAL_OVERHEAD) ||
        memcmp(plain, data, size) != 0)
        abort();
    for (size_t at = 0; at < size; at += SESSION_HELLO_PLAIN_SIZE)
        take(&session, own, plain + at,
             size - at < SESSION_HELLO_PLAIN_SIZE ? size - at : SESSION_HELLO_PLAIN_SIZE);
    check_counters(&session, data, size);
    return 0;
}
