/* Cards, addresses and ids: one text for one value, and nothing else is taken. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/card.h"
#include "client/command.h"

Suite *suite_card(void);

static struct roster_node sample(void)
{
    struct roster_node node = {.name = "hv1"};
    struct key_pair key;
    const uint8_t seed[KEY_SEED_SIZE] = {7};
    key_pair_make(&key, seed);
    node.key = key.public;
    memset(node.store.bytes, 0xab, STORE_ID_SIZE);
    memset(node.machine.bytes, 0xcd, MACHINE_ID_SIZE);
    ck_assert(address_parse(&node.address, "10.0.0.1:7654"));
    return node;
}

START_TEST(addresses_survive)
{
    static const char *const good[] = {"10.0.0.1:7654", "127.1.2.3:1", "255.255.255.255:65535",
                                       "[fd00::1]:7654", "[::1]:80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX];
        ck_assert_msg(address_parse(&a, good[i]), "%s", good[i]);
        address_print(text, &a);
        ck_assert_str_eq(text, good[i]);
    }
}
END_TEST

START_TEST(bad_addresses_are_refused)
{
    static const char *const bad[] = {"",
                                      "10.0.0.1",
                                      "10.0.0.1:",
                                      ":7654",
                                      "10.0.0.1:0",
                                      "1.2.3.4:+1",
                                      "1.2.3.4:01",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:99999999",
                                      "1.2.3:4",
                                      "hv1:7654",
                                      "::1:7654",
                                      "[10.0.0.1]:7654",
                                      "[::1]",
                                      "[]:1",
                                      "[::1:7654",
                                      "0.0.0.0:1",
                                      "[::]:1",
                                      "1.2.3.4 :1",
                                      "1.2.3.4:1 ",
                                      "[::ffff:0.0.0.0]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct address a;
        ck_assert_msg(!address_parse(&a, bad[i]), "%s", bad[i]);
    }
}
END_TEST

START_TEST(mapped_address_is_ipv4)
{
    struct address a, b;
    ck_assert(address_parse(&a, "[::ffff:10.0.0.1]:5"));
    ck_assert(address_parse(&b, "10.0.0.1:5"));
    ck_assert_mem_eq(a.ip, b.ip, sizeof a.ip);
}
END_TEST

START_TEST(cards_survive)
{
    const char *problem;
    struct roster_node node = sample(), back;
    char *text = card_encode(&node);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(card_decode(&back, text, strlen(text), &problem), "%s", problem);
    ck_assert_str_eq(back.name, node.name);
    ck_assert(public_key_equal(&back.key, &node.key));
    ck_assert_mem_eq(&back.store, &node.store, sizeof node.store);
    ck_assert_mem_eq(&back.machine, &node.machine, sizeof node.machine);
    ck_assert_mem_eq(back.address.ip, node.address.ip, sizeof node.address.ip);
    ck_assert_uint_eq(back.address.port, node.address.port);
    ck_assert(!back.votes && !back.juror);
    free(text);
}
END_TEST

/* `from` once replaced by `to` in a good card. */
static char *spoiled(const char *from, const char *to)
{
    struct roster_node node = sample();
    char *text = card_encode(&node), *out = NULL;
    char *at = strstr(text, from);
    ck_assert_ptr_nonnull(at);
    ck_assert_int_gt(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)), 0);
    free(text);
    return out;
}

/* A card without a device has no such member; whatever a device may be called survives JSON. */
START_TEST(devices_survive)
{
    static const char *const devices[] = {"lab:0123456789abcdef", "ilo:\"a\\b\"/{}", "~"};
    const char *problem;
    struct roster_node node = sample(), back;
    char *text = card_encode(&node);
    ck_assert_ptr_null(strstr(text, "device"));
    ck_assert(card_decode(&back, text, strlen(text), &problem));
    ck_assert_str_eq(back.device, "");
    free(text);
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        ck_assert(card_device_parse(node.device, devices[i]));
        text = card_encode(&node);
        ck_assert_msg(card_decode(&back, text, strlen(text), &problem), "%s", text);
        ck_assert_mem_eq(back.device, node.device, DEVICE_SIZE);
        ck_assert(!back.executes);
        free(text);
    }
}
END_TEST

START_TEST(bad_devices_are_refused)
{
    char device[DEVICE_SIZE], longest[DEVICE_SIZE + 1];
    memset(longest, 'x', sizeof longest);
    longest[DEVICE_SIZE] = '\0';
    ck_assert(!card_device_parse(device, longest));
    longest[DEVICE_SIZE - 1] = '\0';
    ck_assert(card_device_parse(device, longest));
    ck_assert(!card_device_parse(device, ""));
    ck_assert(!card_device_parse(device, "two words"));
    ck_assert(!card_device_parse(device, "line\n"));
    ck_assert(!card_device_parse(device, "caf\xc3\xa9"));
    ck_assert_str_eq(device, longest);
}
END_TEST

START_TEST(bad_cards_are_refused)
{
    static const struct {
        const char *from, *to, *problem;
    } cases[] = {
        {"{", "[", "JSON"},
        {"hv1", "HV1", "name"},
        {"hv1", "", "name"},
        {"\"name\"", "\"nome\"", "exactly"},
        {"hv1\"", "hv1\", \"more\": \"x\"", "exactly"},
        {"hv1\"", "hv1\", \"name\": \"hv2\"", "JSON"},
        {"\"abab", "\"abxb", "store"},
        {"\"cdcd", "\"cd", "machine"},
        {"\"10.0.0.1:7654\"", "7654", "exactly"},
        {"10.0.0.1:7654", "10.0.0.1", "address"},
        {"\"key\": \"", "\"key\": \"00", "key"},
        {"{", "{\"device\": \"\",", "device"},
        {"{", "{\"device\": \"a b\",", "device"},
        {"{", "{\"device\": null,", "exactly"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct roster_node node;
        const char *problem = "";
        char *text = spoiled(cases[i].from, cases[i].to);
        ck_assert_msg(!card_decode(&node, text, strlen(text), &problem), "%s", text);
        ck_assert_msg(strstr(problem, cases[i].problem) != NULL, "%s: %s", text, problem);
        free(text);
    }
}
END_TEST

START_TEST(machine_ids_are_32_digits)
{
    struct machine_id a, b;
    ck_assert(machine_id_parse(&a, "0123456789abcdef0123456789ABCDEF\n"));
    ck_assert(machine_id_parse(&b, "01234567-89ab-cdef-0123-456789abcdef"));
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert(!machine_id_parse(&a, "0123456789abcdef0123456789abcde"));
    ck_assert(!machine_id_parse(&a, "0123456789abcdef0123456789abcdef0"));
    ck_assert(!machine_id_parse(&a, "0123456789abcdef\n0123456789abcdef"));
    ck_assert(!machine_id_parse(&a, "uninitialized"));
}
END_TEST

START_TEST(numbers_and_seconds)
{
    long n = -5;
    long long ms = -5;
    ck_assert(parse_number("0", 0, 9, &n) && n == 0);
    ck_assert(!parse_number("10", 0, 9, &n) && !parse_number("-1", -5, 9, &n));
    ck_assert(!parse_number("1x", 0, 9, &n) && !parse_number("", 0, 9, &n));
    ck_assert(!parse_number("99999999999999999999", 0, 9, &n));
    ck_assert(parse_seconds("0.5", &ms) && ms == 500);
    ck_assert(parse_seconds("3", &ms) && ms == 3000);
    ck_assert(parse_seconds(".25", &ms) && ms == 250);
    ck_assert(!parse_seconds("", &ms) && !parse_seconds("-1", &ms) && !parse_seconds("1e3", &ms));
    ck_assert(!parse_seconds("inf", &ms) && !parse_seconds("1.2.3", &ms) &&
              !parse_seconds(".", &ms));
    ck_assert(!parse_seconds("99999999999", &ms));
}
END_TEST

Suite *suite_card(void)
{
    Suite *s = suite_create("card");
    TCase *t = tcase_create("card");
    tcase_add_test(t, addresses_survive);
    tcase_add_test(t, bad_addresses_are_refused);
    tcase_add_test(t, mapped_address_is_ipv4);
    tcase_add_test(t, cards_survive);
    tcase_add_test(t, devices_survive);
    tcase_add_test(t, bad_devices_are_refused);
    tcase_add_test(t, bad_cards_are_refused);
    tcase_add_test(t, machine_ids_are_32_digits);
    tcase_add_test(t, numbers_and_seconds);
    suite_add_tcase(s, t);
    return s;
}
