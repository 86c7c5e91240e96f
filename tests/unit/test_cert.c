/* Certificates: a majority of distinct jurors, each signature good, or a verdict that names the
 * culprit. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_cert(void);

/* Six nodes, slots 1 3 5 7 9 11: five jurors, and the last one votes but is none. Quorum 3. */
enum { NODES = 6, JURORS = 5, QUORUM = 3, NOBODY = 0xffff };

static const uint8_t BYTES[] = "an order about one life";

static struct roster roster;
static struct cluster_id cluster;
static uint16_t culprit;

static void set_up(void)
{
    fixture_roster(&roster, NODES, 1);
    memset(&cluster, 0xc1, sizeof cluster);
    culprit = NOBODY;
}

static struct cert signed_by(size_t first, size_t count)
{
    return fixture_cert(first, count, STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES);
}

static enum cert_verdict verdict_of(const struct cert *cert)
{
    return cert_verify(cert, STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, &roster, &culprit);
}

START_TEST(a_majority_counts)
{
    for (size_t first = 0; first < JURORS; first++)
        for (size_t count = 0; first + count <= JURORS; count++) {
            struct cert cert = signed_by(first, count);
            ck_assert_int_eq(verdict_of(&cert), count >= QUORUM ? CERT_OK : CERT_TOO_FEW);
            ck_assert_uint_eq(culprit, NOBODY);
        }
}
END_TEST

START_TEST(a_duplicate_is_named)
{
    struct cert cert = signed_by(0, 2);
    cert.entries[2] = cert.entries[1];
    cert.count = 3;
    ck_assert_int_eq(verdict_of(&cert), CERT_DUPLICATE);
    ck_assert_uint_eq(culprit, 3);
    /* Also where there would be enough without it. */
    cert = signed_by(0, 4);
    cert.entries[4] = cert.entries[3];
    cert.count = 5;
    ck_assert_int_eq(verdict_of(&cert), CERT_DUPLICATE);
    ck_assert_uint_eq(culprit, 7);
}
END_TEST

START_TEST(a_signer_that_is_no_juror_is_named)
{
    struct cert cert = signed_by(JURORS - 2, 3);
    ck_assert_int_eq(verdict_of(&cert), CERT_NOT_A_JUROR);
    ck_assert_uint_eq(culprit, 11);
    /* A slot that the roster does not have. */
    cert = signed_by(0, 3);
    cert.entries[0].slot = 0;
    ck_assert_int_eq(verdict_of(&cert), CERT_NOT_A_JUROR);
    ck_assert_uint_eq(culprit, 0);
    /* A stranger beside a majority spoils it as well. */
    cert = signed_by(0, NODES);
    ck_assert_int_eq(verdict_of(&cert), CERT_NOT_A_JUROR);
}
END_TEST

START_TEST(one_bad_signature_spoils_it)
{
    for (size_t i = 0; i < JURORS; i++) {
        struct cert cert = signed_by(0, JURORS);
        cert.entries[i].signature.bytes[5] ^= 1;
        ck_assert_int_eq(verdict_of(&cert), CERT_BAD_SIGNATURE);
        ck_assert_uint_eq(culprit, 2 * i + 1);
    }
}
END_TEST

START_TEST(a_signature_counts_for_its_signer_only)
{
    struct cert cert = signed_by(0, 3);
    struct signature swapped = cert.entries[0].signature;
    cert.entries[0].signature = cert.entries[1].signature;
    cert.entries[1].signature = swapped;
    ck_assert_int_eq(verdict_of(&cert), CERT_BAD_SIGNATURE);
    ck_assert_uint_eq(culprit, 1);
}
END_TEST

START_TEST(bound_to_kind_cluster_and_bytes)
{
    struct cert cert = signed_by(0, 3);
    struct cluster_id foreign = cluster;
    foreign.bytes[9] ^= 1;
    ck_assert_int_eq(verdict_of(&cert), CERT_OK);
    ck_assert_int_eq(
        cert_verify(&cert, STATEMENT_ROSTER, &cluster, BYTES, sizeof BYTES, &roster, NULL),
        CERT_BAD_SIGNATURE);
    ck_assert_int_eq(
        cert_verify(&cert, STATEMENT_MEMBER, &foreign, BYTES, sizeof BYTES, &roster, NULL),
        CERT_BAD_SIGNATURE);
    ck_assert_int_eq(
        cert_verify(&cert, STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES - 1, &roster, NULL),
        CERT_BAD_SIGNATURE);
}
END_TEST

START_TEST(order_and_count_are_checked)
{
    struct cert cert = signed_by(0, 3);
    struct cert_entry first = cert.entries[0];
    cert.entries[0] = cert.entries[1];
    cert.entries[1] = first;
    ck_assert_int_eq(verdict_of(&cert), CERT_MALFORMED);
    ck_assert_uint_eq(culprit, 1);
    culprit = NOBODY;
    cert.count = ROSTER_JURORS_MAX + 1;
    ck_assert_int_eq(verdict_of(&cert), CERT_MALFORMED);
    ck_assert_uint_eq(culprit, NOBODY);
}
END_TEST

START_TEST(adding_keeps_order_and_ignores_the_second)
{
    struct cert cert = {0};
    struct signature one = {{1}}, two = {{2}};
    static const uint16_t slots[] = {9, 3, 0xffff, 0, 5, 3};
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
        ck_assert(cert_add(&cert, slots[i], i == 5 ? &two : &one));
    ck_assert_uint_eq(cert.count, 5);
    for (size_t i = 1; i < cert.count; i++)
        ck_assert_uint_lt(cert.entries[i - 1].slot, cert.entries[i].slot);
    ck_assert_uint_eq(cert.entries[1].slot, 3);
    ck_assert_uint_eq(cert.entries[1].signature.bytes[0], 1);
}
END_TEST

START_TEST(a_full_certificate_takes_no_more)
{
    struct cert cert = {0};
    struct signature s = {{1}};
    for (int i = 0; i < ROSTER_JURORS_MAX; i++)
        ck_assert(cert_add(&cert, (uint16_t)(100 - i), &s));
    ck_assert(!cert_add(&cert, 1, &s));
    ck_assert(!cert_add(&cert, 1000, &s));
    ck_assert(cert_add(&cert, 100, &s));
    ck_assert_uint_eq(cert.count, ROSTER_JURORS_MAX);

    uint8_t bytes[CERT_BYTES_MAX];
    struct cert back;
    struct writer w = writer_init(bytes, sizeof bytes);
    cert_encode(&w, &cert);
    ck_assert(!w.failed);
    ck_assert_uint_eq(writer_left(&w), 0);
    struct reader r = reader_init(bytes, sizeof bytes);
    ck_assert(cert_decode(&back, &r) && reader_done(&r));
    ck_assert_mem_eq(&back, &cert, sizeof back);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
    uint8_t bytes[CERT_BYTES_MAX];
    struct cert cert = signed_by(0, 3), back;
    struct writer w = writer_init(bytes, sizeof bytes);
    cert_encode(&w, &cert);
    size_t size = writer_size(&w);
    ck_assert_uint_eq(size, 1 + 3 * (2 + SIGNATURE_SIZE));
    struct reader r = reader_init(bytes, size + 1);
    ck_assert(cert_decode(&back, &r));
    ck_assert_uint_eq(reader_left(&r), 1);
    ck_assert_int_eq(verdict_of(&back), CERT_OK);

    for (size_t cut = 0; cut < size; cut++) {
        r = reader_init(bytes, cut);
        ck_assert(!cert_decode(&back, &r));
        ck_assert(r.failed);
        ck_assert_uint_eq(back.count, 0);
    }
}
END_TEST

START_TEST(no_flipped_bit_verifies)
{
    uint8_t bytes[CERT_BYTES_MAX];
    struct cert cert = signed_by(0, 3), back;
    struct writer w = writer_init(bytes, sizeof bytes);
    cert_encode(&w, &cert);
    size_t size = writer_size(&w);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct reader r = reader_init(bytes, size);
        if (cert_decode(&back, &r) && reader_done(&r))
            ck_assert_int_ne(verdict_of(&back), CERT_OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(decoding_refuses_order_and_count_but_keeps_duplicates)
{
    uint8_t bytes[1 + 32 * (2 + SIGNATURE_SIZE)] = {2};
    struct cert cert;
    bytes[1] = 5;
    bytes[1 + 66] = 4;
    struct reader r = reader_init(bytes, 1 + 2 * 66);
    ck_assert(!cert_decode(&cert, &r));
    bytes[1 + 66] = 5;
    r = reader_init(bytes, 1 + 2 * 66);
    ck_assert(cert_decode(&cert, &r));
    ck_assert_int_eq(verdict_of(&cert), CERT_DUPLICATE);
    bytes[0] = 32;
    r = reader_init(bytes, sizeof bytes);
    ck_assert(!cert_decode(&cert, &r));
}
END_TEST

START_TEST(every_verdict_has_its_text)
{
    for (int a = CERT_OK; a <= CERT_BAD_SIGNATURE; a++)
        for (int b = a + 1; b <= CERT_BAD_SIGNATURE; b++)
            ck_assert_str_ne(cert_verdict_text((enum cert_verdict)a),
                             cert_verdict_text((enum cert_verdict)b));
}
END_TEST

Suite *suite_cert(void)
{
    Suite *suite = suite_create("cert");
    TCase *tc = tcase_create("certificates");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_majority_counts);
    tcase_add_test(tc, a_duplicate_is_named);
    tcase_add_test(tc, a_signer_that_is_no_juror_is_named);
    tcase_add_test(tc, one_bad_signature_spoils_it);
    tcase_add_test(tc, a_signature_counts_for_its_signer_only);
    tcase_add_test(tc, bound_to_kind_cluster_and_bytes);
    tcase_add_test(tc, order_and_count_are_checked);
    tcase_add_test(tc, adding_keeps_order_and_ignores_the_second);
    tcase_add_test(tc, a_full_certificate_takes_no_more);
    tcase_add_test(tc, bytes_go_both_ways);
    tcase_add_test(tc, no_flipped_bit_verifies);
    tcase_add_test(tc, decoding_refuses_order_and_count_but_keeps_duplicates);
    tcase_add_test(tc, every_verdict_has_its_text);
    suite_add_tcase(suite, tc);
    return suite;
}
