/* Sealed datagrams (T1): what was sealed opens for its receiver, and nothing else opens for
 * anybody. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_seal(void);

enum { PLAIN_SIZE = 20, SEALED_SIZE = PLAIN_SIZE + SEAL_OVERHEAD };

static const uint8_t PLAIN[PLAIN_SIZE] = "the lock is for hv2";
static const uint8_t NONCE[SEAL_NONCE_SIZE] = "a nonce of 24 bytes ...";

static struct fixture_pair pair;
static uint8_t sealed[SEALED_SIZE];
static uint8_t opened[PLAIN_SIZE];

static void set_up(void)
{
    fixture_pair(&pair, SEAL_DATA);
    seal_write(sealed, &pair.key, &pair.binding, NONCE, PLAIN, PLAIN_SIZE);
}

static bool opens(const struct seal_key *key, const struct seal_binding *binding)
{
    return seal_open(opened, key, binding, sealed, sizeof sealed);
}

/* Opens for the binding that `change` was done to? */
#define OPENS_WITH(change)                                                                         \
    ({                                                                                             \
        struct seal_binding changed = pair.binding;                                                \
        changed.change;                                                                            \
        opens(&pair.key, &changed);                                                                \
    })

START_TEST(both_ends_make_the_same_key)
{
    struct seal_key other;
    ck_assert(seal_key_make(&other, &pair.receiver, &pair.sender.public, &pair.binding.cluster));
    ck_assert_mem_eq(&other, &pair.key, sizeof other);
    ck_assert(opens(&other, &pair.binding));
    ck_assert_mem_eq(opened, PLAIN, PLAIN_SIZE);
}
END_TEST

START_TEST(the_key_belongs_to_pair_and_cluster)
{
    struct seal_key other;
    struct key_pair third = fixture_key(2);
    struct cluster_id foreign = pair.binding.cluster;
    foreign.bytes[31] ^= 1;
    ck_assert(seal_key_make(&other, &pair.sender, &pair.receiver.public, &foreign));
    ck_assert(!opens(&other, &pair.binding));
    ck_assert(seal_key_make(&other, &pair.sender, &third.public, &pair.binding.cluster));
    ck_assert(!opens(&other, &pair.binding));
    ck_assert(seal_key_make(&other, &third, &pair.receiver.public, &pair.binding.cluster));
    ck_assert(!opens(&other, &pair.binding));
}
END_TEST

START_TEST(the_header_is_in_clear)
{
    struct seal_header header;
    ck_assert(seal_peek(&header, sealed, sizeof sealed));
    ck_assert_int_eq(header.kind, SEAL_DATA);
    ck_assert_uint_eq(header.from, 1);
    ck_assert_uint_eq(sealed[0], SEAL_VERSION);
    ck_assert_mem_eq(sealed + 4, NONCE, SEAL_NONCE_SIZE);
    for (size_t size = 0; size < SEAL_OVERHEAD; size++)
        ck_assert(!seal_peek(&header, sealed, size));
    ck_assert(seal_peek(&header, sealed, SEAL_OVERHEAD));
}
END_TEST

START_TEST(peek_knows_one_version_and_two_kinds)
{
    struct seal_header header;
    for (unsigned v = 0; v < 256; v++) {
        sealed[0] = (uint8_t)v;
        ck_assert_int_eq(seal_peek(&header, sealed, sizeof sealed), v == SEAL_VERSION);
    }
    sealed[0] = SEAL_VERSION;
    for (unsigned k = 0; k < 256; k++) {
        sealed[1] = (uint8_t)k;
        ck_assert_int_eq(seal_peek(&header, sealed, sizeof sealed),
                         k == SEAL_HELLO || k == SEAL_DATA);
    }
}
END_TEST

START_TEST(every_bit_counts)
{
    static const uint8_t zeros[PLAIN_SIZE];
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(opened, 0, sizeof opened);
        ck_assert_msg(!opens(&pair.key, &pair.binding), "bit %zu may be flipped", bit);
        ck_assert_mem_eq(opened, zeros, sizeof opened);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(opens(&pair.key, &pair.binding));
}
END_TEST

START_TEST(every_length_counts)
{
    uint8_t longer[SEALED_SIZE + 1] = {0};
    uint8_t plain[PLAIN_SIZE + 1];
    memcpy(longer, sealed, sizeof sealed);
    for (size_t size = 0; size < sizeof sealed; size++)
        ck_assert(!seal_open(plain, &pair.key, &pair.binding, longer, size));
    ck_assert(seal_open(plain, &pair.key, &pair.binding, longer, sizeof sealed));
    ck_assert(!seal_open(plain, &pair.key, &pair.binding, longer, sizeof longer));
}
END_TEST

START_TEST(bound_to_all_that_is_not_sent)
{
    ck_assert(opens(&pair.key, &pair.binding));
    ck_assert(!OPENS_WITH(from = 2));
    ck_assert(!OPENS_WITH(to = 2));
    ck_assert(!OPENS_WITH(to = 3 + 256));
    ck_assert(!OPENS_WITH(kind = SEAL_HELLO));
    ck_assert(!OPENS_WITH(cluster.bytes[0] ^= 1));
    ck_assert(!OPENS_WITH(from_start.bytes[15] ^= 1));
    ck_assert(!OPENS_WITH(to_start.bytes[0] ^= 1));
    ck_assert(!OPENS_WITH(from_start = pair.binding.to_start));
    struct seal_binding swapped = pair.binding;
    swapped.from_start = pair.binding.to_start;
    swapped.to_start = pair.binding.from_start;
    ck_assert(!opens(&pair.key, &swapped));
}
END_TEST

/* Somebody between them changes the clear header along with what the receiver expects. */
START_TEST(a_rewritten_header_does_not_help)
{
    sealed[1] = SEAL_HELLO;
    ck_assert(!OPENS_WITH(kind = SEAL_HELLO));
    sealed[1] = SEAL_DATA;
    sealed[2] = 9;
    ck_assert(!OPENS_WITH(from = 9));
}
END_TEST

/* The key serves both directions; a datagram does not. */
START_TEST(reflected_to_its_sender)
{
    struct seal_binding back = pair.binding;
    back.from = pair.binding.to;
    back.to = pair.binding.from;
    back.from_start = pair.binding.to_start;
    back.to_start = pair.binding.from_start;
    ck_assert(!opens(&pair.key, &back));
    sealed[2] = (uint8_t)back.from;
    ck_assert(!opens(&pair.key, &back));
    back.from_start = pair.binding.from_start;
    back.to_start = pair.binding.to_start;
    ck_assert(!opens(&pair.key, &back));
}
END_TEST

START_TEST(a_hello_opens_without_knowing_starts)
{
    struct seal_binding hello = pair.binding;
    hello.kind = SEAL_HELLO;
    seal_write(sealed, &pair.key, &hello, NONCE, PLAIN, PLAIN_SIZE);
    ck_assert(!opens(&pair.key, &pair.binding));
    memset(&hello.from_start, 0, sizeof hello.from_start);
    memset(&hello.to_start, 0x77, sizeof hello.to_start);
    ck_assert(opens(&pair.key, &hello));
    ck_assert_mem_eq(opened, PLAIN, PLAIN_SIZE);
    /* Nor does it pass as data between starts that are all zero. */
    hello.kind = SEAL_DATA;
    memset(&hello.to_start, 0, sizeof hello.to_start);
    sealed[1] = SEAL_DATA;
    ck_assert(!opens(&pair.key, &hello));
}
END_TEST

START_TEST(nothing_can_be_sealed_too)
{
    uint8_t empty[SEAL_OVERHEAD];
    seal_write(empty, &pair.key, &pair.binding, NONCE, PLAIN, 0);
    ck_assert(seal_open(opened, &pair.key, &pair.binding, empty, sizeof empty));
    empty[SEAL_OVERHEAD - 1] ^= 1;
    ck_assert(!seal_open(opened, &pair.key, &pair.binding, empty, sizeof empty));
}
END_TEST

START_TEST(a_full_datagram)
{
    static uint8_t plain[1400 - SEAL_OVERHEAD], datagram[1400], back[sizeof plain];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    seal_write(datagram, &pair.key, &pair.binding, NONCE, plain, sizeof plain);
    ck_assert(seal_open(back, &pair.key, &pair.binding, datagram, sizeof datagram));
    ck_assert_mem_eq(back, plain, sizeof plain);
}
END_TEST

/* Two agents of different releases must agree on every byte: this value may not change in
 * version 1. */
START_TEST(the_format_is_pinned)
{
    char text[2 * DIGEST_SIZE + 1];
    struct digest digest = digest_of(sealed, sizeof sealed);
    hex_encode(text, digest.bytes, sizeof digest.bytes);
    ck_assert_str_eq(text, "39aacca231ccee209cba0d508b26e6cde0a32703dcc3e52d4a8202b23f347400");
}
END_TEST

Suite *suite_seal(void)
{
    Suite *suite = suite_create("seal");
    TCase *tc = tcase_create("T1");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, both_ends_make_the_same_key);
    tcase_add_test(tc, the_key_belongs_to_pair_and_cluster);
    tcase_add_test(tc, the_header_is_in_clear);
    tcase_add_test(tc, peek_knows_one_version_and_two_kinds);
    tcase_add_test(tc, every_bit_counts);
    tcase_add_test(tc, every_length_counts);
    tcase_add_test(tc, bound_to_all_that_is_not_sent);
    tcase_add_test(tc, a_rewritten_header_does_not_help);
    tcase_add_test(tc, reflected_to_its_sender);
    tcase_add_test(tc, a_hello_opens_without_knowing_starts);
    tcase_add_test(tc, nothing_can_be_sealed_too);
    tcase_add_test(tc, a_full_datagram);
    tcase_add_test(tc, the_format_is_pinned);
    suite_add_tcase(suite, tc);
    return suite;
}
