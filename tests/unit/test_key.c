/* Keys, hex, hashes and the random stream, against published vectors where there are any. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>
#include <sodium.h>

Suite *suite_key(void);

/* Hex of at most 256 bytes, for comparisons that print well. */
static const char *hex(const void *bytes, size_t size)
{
    static char text[2 * 256 + 1];
    hex_encode(text, bytes, size);
    return text;
}

/* RFC 8032 section 7.1, TEST 1. */
START_TEST(a_seed_gives_its_key)
{
    uint8_t seed[KEY_SEED_SIZE];
    struct key_pair key;
    ck_assert(hex_decode(seed, sizeof seed,
                         "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    key_pair_make(&key, seed);
    ck_assert_str_eq(hex(key.public.bytes, KEY_PUBLIC_SIZE),
                     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    ck_assert_mem_eq(key.secret, seed, sizeof seed);
    ck_assert(public_key_valid(&key.public));
}
END_TEST

START_TEST(a_wiped_key_is_gone)
{
    struct key_pair key = fixture_key(1);
    static const struct key_pair nothing;
    key_pair_wipe(&key);
    ck_assert_mem_eq(&key, &nothing, sizeof key);
}
END_TEST

START_TEST(keys_are_equal_by_bytes)
{
    struct public_key a = fixture_key(1).public, b = fixture_key(1).public;
    ck_assert(public_key_equal(&a, &b));
    b.bytes[31] ^= 1;
    ck_assert(!public_key_equal(&a, &b));
}
END_TEST

/* The points of order 1, 2, 4 and 8, other encodings of some of them, and y = 2, which is on no
 * point. */
static const char *const BAD_KEYS[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "0200000000000000000000000000000000000000000000000000000000000000",
};

START_TEST(unusable_keys_are_refused)
{
    struct public_key key;
    struct seal_key sealed;
    struct key_pair own = fixture_key(0);
    struct cluster_id cluster = {{1}};
    ck_assert(hex_decode(key.bytes, sizeof key.bytes, BAD_KEYS[_i]));
    ck_assert(!public_key_valid(&key));
    ck_assert(!seal_key_make(&sealed, &own, &key, &cluster));
}
END_TEST

/* A good key plus a point of order 8: on the curve, of large order, and a second name for the same
 * X25519 key. */
START_TEST(a_key_of_mixed_order_is_refused)
{
    struct public_key good = fixture_key(1).public, torsion, mixed;
    ck_assert(hex_decode(torsion.bytes, sizeof torsion.bytes,
                         "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"));
    ck_assert_int_eq(crypto_core_ed25519_add(mixed.bytes, good.bytes, torsion.bytes), 0);
    ck_assert(public_key_valid(&good));
    ck_assert(!public_key_valid(&mixed));
}
END_TEST

START_TEST(hex_goes_both_ways)
{
    uint8_t all[256], back[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    ck_assert(hex_decode(back, sizeof back, hex(all, sizeof all)));
    ck_assert_mem_eq(back, all, sizeof all);
    ck_assert(hex_decode(back, 3, "aBcDeF"));
    ck_assert_str_eq(hex(back, 3), "abcdef");
    ck_assert(hex_decode(back, 0, ""));
}
END_TEST

START_TEST(bad_hex_changes_nothing)
{
    static const char *const bad[] = {
        "",     "0",    "010",   "01020", "0102030",  "01 2",
        "0x02", "010g", "010:",  "010/",  "010`",     "010@",
        "010G", " 102", "-102 ", "0102 ", "01020304", "\xff\xff\xff\xff"};
    uint8_t out[2] = {7, 7};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!hex_decode(out, sizeof out, bad[i]), "\"%s\" decoded", bad[i]);
        ck_assert(out[0] == 7 && out[1] == 7);
    }
    ck_assert(!hex_decode(out, 0, "00"));
}
END_TEST

/* RFC 7693 gives BLAKE2b-512; this is `b2sum -l 256` of "abc". */
START_TEST(digest_is_blake2b_256)
{
    struct digest d = digest_of("abc", 3);
    ck_assert_str_eq(hex(d.bytes, sizeof d.bytes),
                     "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    d = digest_of(NULL, 0);
    ck_assert_str_eq(hex(d.bytes, sizeof d.bytes),
                     "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}
END_TEST

/* The example in the appendix of the SipHash paper. */
START_TEST(hash64_is_siphash_2_4)
{
    uint8_t key[HASH_KEY_SIZE], message[15];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    memcpy(message, key, sizeof message);
    ck_assert_uint_eq(hash64(key, message, sizeof message), UINT64_C(0xa129ca6149be45e5));
    key[0] ^= 1;
    ck_assert_uint_ne(hash64(key, message, sizeof message), UINT64_C(0xa129ca6149be45e5));
}
END_TEST

/* RFC 8439 appendix A.1, test vectors 1 and 2: key and nonce zero, blocks 0 and 1. */
START_TEST(the_stream_is_chacha20)
{
    struct drbg d = fixture_drbg(0);
    uint8_t out[128];
    drbg_bytes(&d, out, sizeof out);
    ck_assert_str_eq(hex(out, 32),
                     "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
    ck_assert_str_eq(hex(out + 64, 32),
                     "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed");
}
END_TEST

/* However it is asked for, the stream is the same, over the edges of blocks too. */
START_TEST(the_stream_does_not_depend_on_the_pieces)
{
    uint8_t whole[4 * DRBG_BLOCK_SIZE], pieces[sizeof whole];
    struct drbg d = fixture_drbg(1);
    drbg_bytes(&d, whole, sizeof whole);
    d = fixture_drbg(1);
    size_t step;
    for (size_t at = 0; at < sizeof pieces; at += step) {
        step = at % 300 + 1;
        if (step > sizeof pieces - at)
            step = sizeof pieces - at;
        drbg_bytes(&d, pieces + at, step);
    }
    ck_assert_mem_eq(pieces, whole, sizeof whole);
    ck_assert_mem_ne(whole, whole + DRBG_BLOCK_SIZE, DRBG_BLOCK_SIZE);
    struct drbg other = fixture_drbg(2);
    drbg_bytes(&other, pieces, sizeof pieces);
    ck_assert_mem_ne(pieces, whole, sizeof whole);
}
END_TEST

START_TEST(below_stays_below_and_reaches_all)
{
    struct drbg d = fixture_drbg(3);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = drbg_below(&d, 7);
        ck_assert_uint_lt(v, 7);
        seen |= 1u << v;
    }
    ck_assert_uint_eq(seen, 0x7f);
    ck_assert_uint_eq(drbg_below(&d, 1), 0);
    /* A bound just above half of the range makes rejection common. */
    uint64_t large = (UINT64_C(1) << 63) + 1;
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_lt(drbg_below(&d, large), large);
    (void)drbg_below(&d, UINT64_MAX);
}
END_TEST

Suite *suite_key(void)
{
    Suite *suite = suite_create("key");
    TCase *keys = tcase_create("keys");
    tcase_add_test(keys, a_seed_gives_its_key);
    tcase_add_test(keys, a_wiped_key_is_gone);
    tcase_add_test(keys, keys_are_equal_by_bytes);
    tcase_add_loop_test(keys, unusable_keys_are_refused, 0,
                        (int)(sizeof BAD_KEYS / sizeof BAD_KEYS[0]));
    tcase_add_test(keys, a_key_of_mixed_order_is_refused);
    tcase_add_test(keys, hex_goes_both_ways);
    tcase_add_test(keys, bad_hex_changes_nothing);
    suite_add_tcase(suite, keys);
    TCase *hashes = tcase_create("hashes and the random stream");
    tcase_add_test(hashes, digest_is_blake2b_256);
    tcase_add_test(hashes, hash64_is_siphash_2_4);
    tcase_add_test(hashes, the_stream_is_chacha20);
    tcase_add_test(hashes, the_stream_does_not_depend_on_the_pieces);
    tcase_add_test(hashes, below_stays_below_and_reaches_all);
    suite_add_tcase(suite, hashes);
    return suite;
}
