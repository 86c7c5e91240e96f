/* Rosters: one form each, every rule of the decoder, signatures of operators, and the small
 * questions. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_roster(void);

/* Up to the actions' names. */
enum { HEAD_BYTES = 4 + DIGEST_SIZE + 2 + 1 + 1 + 1 + 2 + 1 };

static struct roster roster, decoded;
static uint8_t bytes[ROSTER_FILE_MAX];
static const struct roster empty;

static void set_up(void)
{
    fixture_roster(&roster, 4, 2);
}

static enum roster_verdict recode(void)
{
    size_t size = roster_encode(bytes, &roster);
    return roster_decode(&decoded, bytes, size);
}

/* Changes the roster, expects the verdict and that nothing came out, and starts anew. */
#define EXPECT(expected, change)                                                                   \
    do {                                                                                           \
        change;                                                                                    \
        ck_assert_str_eq(roster_verdict_text(recode()), roster_verdict_text(expected));            \
        if ((expected) != ROSTER_OK)                                                               \
            ck_assert_mem_eq(&decoded, &empty, sizeof empty);                                      \
        set_up();                                                                                  \
    } while (0)

START_TEST(bytes_go_both_ways)
{
    ck_assert_int_eq(recode(), ROSTER_OK);
    ck_assert_mem_eq(&decoded, &roster, sizeof roster);
}
END_TEST

START_TEST(a_full_roster_goes_both_ways)
{
    fixture_roster(&roster, ROSTER_NODES_MAX, ROSTER_OPERATORS_MAX);
    roster.action_count = ROSTER_ACTIONS_MAX;
    for (int i = 0; i < ROSTER_ACTIONS_MAX; i++)
        memset(roster.actions[i], 'a' + i, ROSTER_ACTION_SIZE - 1);
    size_t size = roster_encode(bytes, &roster);
    ck_assert_uint_le(size, ROSTER_BYTES_MAX);
    ck_assert_int_eq(roster_decode(&decoded, bytes, size), ROSTER_OK);
    ck_assert_mem_eq(&decoded, &roster, sizeof roster);
    ck_assert_uint_eq(roster_juror_count(&decoded), ROSTER_JURORS_MAX);
    ck_assert_uint_le(fixture_roster_file(bytes, &roster, ROSTER_OPERATORS_MAX), ROSTER_FILE_MAX);
}
END_TEST

START_TEST(what_follows_a_text_is_not_encoded)
{
    static uint8_t clean[ROSTER_BYTES_MAX];
    size_t size = roster_encode(clean, &roster);
    memset(roster.nodes[0].name + 3, 'x', ROSTER_NAME_SIZE - 3);
    memset(roster.nodes[0].device + 7, 'x', DEVICE_SIZE - 7);
    memset(roster.actions[0] + 6, 'x', ROSTER_ACTION_SIZE - 6);
    ck_assert_uint_eq(roster_encode(bytes, &roster), size);
    ck_assert_mem_eq(bytes, clean, size);
}
END_TEST

START_TEST(heads_out_of_range)
{
    EXPECT(ROSTER_MALFORMED, roster.epoch = 0);
    EXPECT(ROSTER_MALFORMED, roster.epoch = 2);
    EXPECT(ROSTER_MALFORMED, roster.previous.bytes[0] = 1);
    EXPECT(ROSTER_OK, (roster.epoch = 2, roster.previous.bytes[0] = 1));
    EXPECT(ROSTER_OK, roster.cohort_size = ROSTER_COHORT_MAX);
    EXPECT(ROSTER_MALFORMED, roster.cohort_size = ROSTER_COHORT_MAX + 1);
    EXPECT(ROSTER_OK, roster.cohort_size = 0);
    EXPECT(ROSTER_OK, roster.shard_count = 0);
    EXPECT(ROSTER_MALFORMED, roster.operator_count = 0);
    EXPECT(ROSTER_NO_VOTER, roster.node_count = 0);
    EXPECT(ROSTER_OK, roster.lab = false);
}
END_TEST

START_TEST(detection_targets)
{
    EXPECT(ROSTER_MALFORMED, roster.detect_ms = 0);
    EXPECT(ROSTER_MALFORMED, roster.detect_ms = ROSTER_DETECT_MIN_MS - 1);
    EXPECT(ROSTER_OK, roster.detect_ms = ROSTER_DETECT_MIN_MS);
    EXPECT(ROSTER_OK, roster.detect_ms = ROSTER_DETECT_MAX_MS);
    EXPECT(ROSTER_MALFORMED, roster.detect_ms = ROSTER_DETECT_MAX_MS + 1);
    EXPECT(ROSTER_MALFORMED, roster.detect_ms = UINT16_MAX);
}
END_TEST

/* Adds one, or sets that with this index. */
static void action_is(size_t index, const char *name)
{
    memset(roster.actions[index], 0, ROSTER_ACTION_SIZE);
    memcpy(roster.actions[index], name, strnlen(name, ROSTER_ACTION_SIZE));
    if (index >= roster.action_count)
        roster.action_count = (uint8_t)(index + 1);
}

START_TEST(actions)
{
    char longest[ROSTER_ACTION_SIZE + 1], name[4];
    memset(longest, 'a', sizeof longest);
    longest[ROSTER_ACTION_SIZE - 1] = '\0';
    EXPECT(ROSTER_OK, action_is(0, longest));
    EXPECT(ROSTER_OK, (roster.action_count = 0, memset(roster.actions, 0, sizeof roster.actions)));
    EXPECT(ROSTER_OK, action_is(1, "kill-nfs.export"));
    EXPECT(ROSTER_MALFORMED, action_is(0, ""));
    EXPECT(ROSTER_MALFORMED, action_is(0, "Power"));
    EXPECT(ROSTER_MALFORMED, action_is(0, "two words"));
    EXPECT(ROSTER_MALFORMED, action_is(1, "power"));
    /* The name of index 0 is taken, in every roster. */
    EXPECT(ROSTER_MALFORMED, action_is(0, "retire"));
    EXPECT(ROSTER_MALFORMED, action_is(1, "retire"));
    EXPECT(ROSTER_OK, action_is(1, "retires"));
    for (size_t i = 0; i < ROSTER_ACTIONS_MAX; i++) {
        snprintf(name, sizeof name, "a%zu", i);
        action_is(i, name);
    }
    EXPECT(ROSTER_OK, );
}
END_TEST

static void device_is(const char *device)
{
    memset(roster.nodes[1].device, 0, DEVICE_SIZE);
    memcpy(roster.nodes[1].device, device, strnlen(device, DEVICE_SIZE));
}

START_TEST(devices)
{
    char longest[DEVICE_SIZE + 1];
    memset(longest, '~', sizeof longest);
    longest[DEVICE_SIZE] = '\0';
    EXPECT(ROSTER_MALFORMED, device_is(longest));
    longest[DEVICE_SIZE - 1] = '\0';
    EXPECT(ROSTER_OK, device_is(longest));
    EXPECT(ROSTER_OK, device_is(""));
    /* Two nodes of one device, such as the blades of a chassis, are the operator's affair. */
    EXPECT(ROSTER_OK, device_is("lab:n0"));
    for (int c = 1; c < 256; c++) {
        char device[] = {'a', (char)c, 'b', '\0'};
        EXPECT(c > ' ' && c <= '~' ? ROSTER_OK : ROSTER_MALFORMED, device_is(device));
    }
    for (size_t i = 0; i < roster.node_count; i++)
        roster.nodes[i].executes = i % 2;
    EXPECT(ROSTER_OK, );
}
END_TEST

START_TEST(texts_of_devices_by_themselves)
{
    char device[DEVICE_SIZE] = "";
    ck_assert(roster_device_valid(device));
    device[1] = 'x';
    ck_assert(!roster_device_valid(device));
    device[0] = 'x';
    ck_assert(roster_device_valid(device));
    device[DEVICE_SIZE - 1] = 'x';
    ck_assert(!roster_device_valid(device));
    memset(device, 'x', sizeof device);
    ck_assert(!roster_device_valid(device));
}
END_TEST

/* Counts that the struct cannot hold must be refused before anything is read into it. */
START_TEST(counts_beyond_the_limits)
{
    size_t size = roster_encode(bytes, &roster);
    size_t actions_at = HEAD_BYTES - 1;
    size_t operators_at = HEAD_BYTES + ROSTER_ACTION_SIZE;
    size_t nodes_at = operators_at + 1 + 2 * KEY_PUBLIC_SIZE;
    ck_assert_uint_eq(bytes[actions_at], 1);
    for (unsigned count = ROSTER_ACTIONS_MAX + 1; count <= UINT8_MAX; count++) {
        bytes[actions_at] = (uint8_t)count;
        ck_assert_int_eq(roster_decode(&decoded, bytes, ROSTER_FILE_MAX), ROSTER_MALFORMED);
    }
    bytes[actions_at] = 1;
    ck_assert_uint_eq(bytes[operators_at], 2);
    bytes[operators_at] = ROSTER_OPERATORS_MAX + 1;
    ck_assert_int_eq(roster_decode(&decoded, bytes, size), ROSTER_MALFORMED);
    ck_assert_int_eq(roster_decode(&decoded, bytes, ROSTER_FILE_MAX), ROSTER_MALFORMED);
    bytes[operators_at] = 2;
    ck_assert_uint_eq(bytes[nodes_at], 4);
    bytes[nodes_at] = 1;
    bytes[nodes_at + 1] = ROSTER_NODES_MAX >> 8;
    ck_assert_int_eq(roster_decode(&decoded, bytes, ROSTER_FILE_MAX), ROSTER_MALFORMED);
    bytes[nodes_at] = bytes[nodes_at + 1] = 0xff;
    ck_assert_int_eq(roster_decode(&decoded, bytes, ROSTER_FILE_MAX), ROSTER_MALFORMED);
}
END_TEST

/* A flag behind each name says which of them end sessions. */
START_TEST(session_actions_go_both_ways)
{
    size_t flag_at = HEAD_BYTES + ROSTER_ACTION_SIZE - 1;
    size_t size = roster_encode(bytes, &roster);
    ck_assert_uint_eq(bytes[flag_at], 0);
    ck_assert(!roster_ends_sessions(&roster, 1));
    for (unsigned flag = 0; flag <= UINT8_MAX; flag++) {
        bytes[flag_at] = (uint8_t)flag;
        ck_assert_int_eq(roster_decode(&decoded, bytes, size),
                         flag <= 1 ? ROSTER_OK : ROSTER_MALFORMED);
        ck_assert_int_eq(roster_ends_sessions(&decoded, 1), flag == 1);
    }
    ck_assert(!roster_ends_sessions(&decoded, 0) && !roster_ends_sessions(&decoded, 2));
}
END_TEST

static void name_is(const char *name)
{
    memset(roster.nodes[1].name, 0, ROSTER_NAME_SIZE);
    memcpy(roster.nodes[1].name, name, strnlen(name, ROSTER_NAME_SIZE));
}

START_TEST(names)
{
    char longest[ROSTER_NAME_SIZE + 1];
    memset(longest, 'a', sizeof longest);
    longest[ROSTER_NAME_SIZE] = '\0';
    EXPECT(ROSTER_MALFORMED, name_is(longest));
    longest[ROSTER_NAME_SIZE - 1] = '\0';
    EXPECT(ROSTER_OK, name_is(longest));
    EXPECT(ROSTER_OK, name_is("rack-3.hv12"));
    EXPECT(ROSTER_OK, name_is("z"));
    EXPECT(ROSTER_MALFORMED, name_is(""));
    for (int c = 1; c < 256; c++) {
        char name[] = {'a', (char)c, 'b', '\0'};
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        EXPECT(good ? ROSTER_OK : ROSTER_MALFORMED, name_is(name));
    }
}
END_TEST

/* The text of that size at `at` ends; nothing but NULs may follow. */
static void check_padding(const char *text, size_t at, size_t text_size)
{
    size_t size = roster_encode(bytes, &roster);
    ck_assert_str_eq((const char *)bytes + at, text);
    for (size_t i = strlen(text) + 1; i < text_size; i++) {
        bytes[at + i] = 'x';
        ck_assert_int_eq(roster_decode(&decoded, bytes, size), ROSTER_MALFORMED);
        bytes[at + i] = 0;
    }
    ck_assert_int_eq(roster_decode(&decoded, bytes, size), ROSTER_OK);
}

START_TEST(bytes_behind_a_text_are_refused)
{
    size_t node_at = HEAD_BYTES + ROSTER_ACTION_SIZE + 1 + 2 * KEY_PUBLIC_SIZE + 2;
    size_t name_at = node_at + 2 + 3;
    check_padding("power", HEAD_BYTES, ROSTER_ACTION_SIZE - 1);
    check_padding("n0", name_at, ROSTER_NAME_SIZE);
    check_padding("lab:n0",
                  name_at + ROSTER_NAME_SIZE + KEY_PUBLIC_SIZE + STORE_ID_SIZE + MACHINE_ID_SIZE +
                      16 + 2,
                  DEVICE_SIZE);
}
END_TEST

static void swap_nodes(void)
{
    struct roster_node first = roster.nodes[0];
    roster.nodes[0] = roster.nodes[1];
    roster.nodes[1] = first;
}

START_TEST(duplicates_and_order)
{
    struct roster_node *n = roster.nodes;
    EXPECT(ROSTER_MALFORMED, swap_nodes());
    EXPECT(ROSTER_DUPLICATE, n[1].slot = n[0].slot);
    EXPECT(ROSTER_DUPLICATE, memcpy(n[3].name, n[0].name, ROSTER_NAME_SIZE));
    EXPECT(ROSTER_DUPLICATE, n[3].key = n[0].key);
    EXPECT(ROSTER_DUPLICATE, n[3].store = n[0].store);
    EXPECT(ROSTER_DUPLICATE, n[3].machine = n[0].machine);
    EXPECT(ROSTER_DUPLICATE, (n[3].machine = n[0].machine, roster.lab = false));
    EXPECT(ROSTER_DUPLICATE, n[3].address = n[0].address);
    EXPECT(ROSTER_DUPLICATE, roster.operators[1] = roster.operators[0]);
    /* One machine's address may serve two ports, and one port two addresses. */
    EXPECT(ROSTER_OK, (n[3].address = n[0].address, n[3].address.port = 1));
    EXPECT(ROSTER_OK, (n[3].address = n[0].address, n[3].address.ip[15] = 9));
    EXPECT(ROSTER_OK, roster.operators[1] = n[0].key);
}
END_TEST

START_TEST(voters_and_jurors)
{
    struct roster_node *n = roster.nodes;
    ck_assert_uint_eq(roster_juror_count(&roster), 3);
    EXPECT(ROSTER_MALFORMED, n[0].votes = false);
    EXPECT(ROSTER_NO_VOTER, n[0].juror = false);
    EXPECT(ROSTER_NO_VOTER, n[0].juror = n[1].juror = n[2].juror = false);
    EXPECT(ROSTER_NO_VOTER, n[3].juror = true);
    EXPECT(ROSTER_OK, n[0].juror = n[1].juror = false);
    EXPECT(ROSTER_OK, (n[0].juror = false, n[3].juror = true));
    EXPECT(ROSTER_OK, n[3].votes = false);
    fixture_roster(&roster, 40, 1);
    n[31].juror = n[32].juror = true;
    EXPECT(ROSTER_NO_VOTER, );
    for (size_t i = 0; i < roster.node_count; i++)
        n[i].votes = n[i].juror = false;
    EXPECT(ROSTER_NO_VOTER, );
}
END_TEST

START_TEST(keys_that_cannot_be_used)
{
    static const struct public_key neutral = {{1}};
    EXPECT(ROSTER_BAD_KEY, roster.nodes[3].key = neutral);
    EXPECT(ROSTER_BAD_KEY, memset(&roster.nodes[0].key, 0xff, KEY_PUBLIC_SIZE));
    EXPECT(ROSTER_BAD_KEY, roster.operators[1] = neutral);
}
END_TEST

START_TEST(canonical_bytes_cut_or_added_to)
{
    size_t size = roster_encode(bytes, &roster);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_eq(roster_decode(&decoded, bytes, cut), ROSTER_MALFORMED);
    bytes[size] = 0;
    ck_assert_int_eq(roster_decode(&decoded, bytes, size + 1), ROSTER_MALFORMED);
}
END_TEST

START_TEST(canonical_bytes_have_one_form)
{
    static uint8_t again[ROSTER_BYTES_MAX];
    size_t size = roster_encode(bytes, &roster);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (roster_decode(&decoded, bytes, size) == ROSTER_OK) {
            ck_assert_uint_eq(roster_encode(again, &decoded), size);
            ck_assert_mem_eq(again, bytes, size);
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

static struct digest digest;
static struct roster_signature signatures[ROSTER_OPERATORS_MAX];
static uint8_t signature_count;

static enum roster_verdict file_verdict(size_t size)
{
    memset(&digest, 0xdd, sizeof digest);
    signature_count = 0xdd;
    return roster_file_decode(&decoded, &digest, signatures, &signature_count, bytes, size);
}

START_TEST(a_signed_file)
{
    size_t size = fixture_roster_file(bytes, &roster, 2);
    ck_assert_int_eq(file_verdict(size), ROSTER_OK);
    ck_assert_mem_eq(&decoded, &roster, sizeof roster);
    ck_assert_uint_eq(signature_count, 2);
    size_t canonical = roster_encode(bytes, &roster);
    struct digest expected = digest_of(bytes, canonical);
    ck_assert_mem_eq(&digest, &expected, sizeof digest);
    fixture_roster_file(bytes, &roster, 2);
    ck_assert_int_eq(roster_file_decode(&decoded, &digest, NULL, NULL, bytes, size), ROSTER_OK);
}
END_TEST

/* An unsigned file is shown and completed: all that is there is given, and one more signature makes
 * it good. */
START_TEST(a_file_is_signed_by_one_operator_after_the_other)
{
    static const struct cluster_id none;
    static uint8_t canonical[ROSTER_BYTES_MAX];
    struct key_pair first = fixture_key(FIXTURE_OPERATOR);
    size_t size = roster_encode(canonical, &roster);
    struct roster_signature second = {.operator_index = 1};
    struct key_pair key = fixture_key(FIXTURE_OPERATOR + 1);
    second.signature = statement_sign(STATEMENT_ROSTER, &none, canonical, size, &key);

    ck_assert_int_eq(file_verdict(fixture_roster_file(bytes, &roster, 0)), ROSTER_UNSIGNED);
    ck_assert_uint_eq(signature_count, 0);
    ck_assert_mem_eq(&decoded, &roster, sizeof roster);

    size_t file = roster_file_encode(bytes, &roster, &second, 1);
    ck_assert_int_eq(file_verdict(file), ROSTER_UNSIGNED);
    ck_assert_uint_eq(signature_count, 1);
    ck_assert_uint_eq(signatures[0].operator_index, 1);

    /* The later signer's comes last in the list: the file has it in order all the same. */
    signatures[1].operator_index = 0;
    signatures[1].signature = statement_sign(STATEMENT_ROSTER, &none, canonical, size, &first);
    signatures[2] = signatures[1];
    file = roster_file_encode(bytes, &decoded, signatures, 3);
    ck_assert_int_eq(file_verdict(file), ROSTER_OK);
    ck_assert_uint_eq(signatures[0].operator_index, 0);
}
END_TEST

static bool roster_given(void)
{
    return memcmp(&decoded, &empty, sizeof empty) != 0 || digest.bytes[0] != 0xdd ||
           signature_count != 0xdd;
}

START_TEST(a_signature_that_is_not_the_operators)
{
    static const struct cluster_id none;
    static uint8_t canonical[ROSTER_BYTES_MAX];
    size_t size = roster_encode(canonical, &roster);
    struct key_pair stranger = fixture_key(0), signer = fixture_key(FIXTURE_OPERATOR);
    struct roster_signature s[2] = {{.operator_index = 0}, {.operator_index = 1}};

    s[0].signature = statement_sign(STATEMENT_ROSTER, &none, canonical, size, &stranger);
    size_t file = roster_file_encode(bytes, &roster, s, 1);
    ck_assert_int_eq(file_verdict(file), ROSTER_BAD_SIGNATURE);
    ck_assert(!roster_given());
    /* Another kind of statement over the same bytes. */
    s[0].signature = statement_sign(STATEMENT_MEMBER, &none, canonical, size, &signer);
    file = roster_file_encode(bytes, &roster, s, 1);
    ck_assert_int_eq(file_verdict(file), ROSTER_BAD_SIGNATURE);
    /* One operator's signature does not serve for both. */
    s[0].signature = statement_sign(STATEMENT_ROSTER, &none, canonical, size, &signer);
    s[1].signature = s[0].signature;
    file = roster_file_encode(bytes, &roster, s, 2);
    ck_assert_int_eq(file_verdict(file), ROSTER_BAD_SIGNATURE);
    ck_assert(!roster_given());
}
END_TEST

START_TEST(signatures_in_one_order_only)
{
    size_t size = fixture_roster_file(bytes, &roster, 2);
    uint8_t *list = bytes + size - 2 * (1 + SIGNATURE_SIZE);
    ck_assert_uint_eq(list[-1], 2);
    ck_assert_uint_eq(list[1 + SIGNATURE_SIZE], 1);
    list[1 + SIGNATURE_SIZE] = 0;
    ck_assert_int_eq(file_verdict(size), ROSTER_MALFORMED);
    list[1 + SIGNATURE_SIZE] = 2;
    ck_assert_int_eq(file_verdict(size), ROSTER_MALFORMED);
    uint8_t first[1 + SIGNATURE_SIZE];
    list[1 + SIGNATURE_SIZE] = 1;
    memcpy(first, list, sizeof first);
    memmove(list, list + sizeof first, sizeof first);
    memcpy(list + sizeof first, first, sizeof first);
    ck_assert_int_eq(file_verdict(size), ROSTER_MALFORMED);
    list[-1] = 3;
    ck_assert_int_eq(file_verdict(size), ROSTER_MALFORMED);
}
END_TEST

START_TEST(no_cut_or_longer_file_decodes)
{
    size_t size = fixture_roster_file(bytes, &roster, 2);
    for (size_t cut = 0; cut < size; cut++) {
        ck_assert_int_eq(file_verdict(cut), ROSTER_NOT_A_ROSTER);
        ck_assert(!roster_given());
    }
    bytes[size] = 0;
    ck_assert_int_eq(file_verdict(size + 1), ROSTER_NOT_A_ROSTER);
    ck_assert(!roster_given());
    ck_assert_int_eq(file_verdict(size), ROSTER_OK);
}
END_TEST

START_TEST(no_flipped_bit_of_a_file_verifies)
{
    fixture_roster(&roster, 2, 1);
    size_t size = fixture_roster_file(bytes, &roster, 1);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(file_verdict(size) != ROSTER_OK, "bit %zu may be flipped", bit);
        ck_assert(!roster_given());
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(file_verdict(size), ROSTER_OK);
}
END_TEST

/* Later epochs are checked by the file alone too; that their cluster is ours says `previous`. */
START_TEST(a_later_epoch_is_signed_alike)
{
    roster.epoch = 2;
    memset(&roster.previous, 0x11, sizeof roster.previous);
    size_t size = fixture_roster_file(bytes, &roster, 2);
    ck_assert_int_eq(file_verdict(size), ROSTER_OK);
    ck_assert_uint_eq(decoded.epoch, 2);
}
END_TEST

/* The name of a cluster rests on this: the bytes of a roster may not change. */
START_TEST(the_format_is_pinned)
{
    char text[2 * DIGEST_SIZE + 1];
    ck_assert_int_eq(file_verdict(fixture_roster_file(bytes, &roster, 2)), ROSTER_OK);
    hex_encode(text, digest.bytes, sizeof digest.bytes);
    ck_assert_str_eq(text, "bc434cbb165edb01aa65c126755651f613933e57e58320e104447b80dff11b25");
}
END_TEST

START_TEST(nodes_are_found)
{
    fixture_roster(&roster, 37, 1);
    for (unsigned slot = 0; slot < 100; slot++) {
        int expected = slot % 2 == 1 && slot < 2 * 37 ? (int)(slot / 2) : -1;
        ck_assert_int_eq(roster_find(&roster, (uint16_t)slot), expected);
    }
    ck_assert_int_eq(roster_find(&roster, 0xffff), -1);
    ck_assert_int_eq(roster_find(&empty, 1), -1);
    ck_assert_int_eq(roster_find_name(&roster, "n36"), 36);
    ck_assert_int_eq(roster_find_name(&roster, "n37"), -1);
    ck_assert_int_eq(roster_find_name(&roster, ""), -1);
}
END_TEST

START_TEST(actions_have_names_and_indices)
{
    action_is(1, "kill");
    ck_assert_int_eq(roster_action(&roster, "retire"), 0);
    ck_assert_int_eq(roster_action(&roster, "power"), 1);
    ck_assert_int_eq(roster_action(&roster, "kill"), 2);
    ck_assert_int_eq(roster_action(&roster, ""), -1);
    ck_assert_int_eq(roster_action(&roster, "powe"), -1);
    ck_assert_int_eq(roster_action(&roster, "powers"), -1);
    ck_assert_str_eq(roster_action_name(&roster, 0), "retire");
    ck_assert_str_eq(roster_action_name(&roster, 1), "power");
    ck_assert_str_eq(roster_action_name(&roster, 2), "kill");
    for (unsigned i = 3; i <= UINT8_MAX; i++)
        ck_assert_ptr_null(roster_action_name(&roster, (uint8_t)i));
    ck_assert_int_eq(roster_action(&empty, "power"), -1);
    ck_assert_int_eq(roster_action(&empty, "retire"), 0);
}
END_TEST

START_TEST(default_jurors_are_odd_and_lowest)
{
    fixture_roster(&roster, (size_t)_i, 1);
    size_t expected = _i > 31 ? 31 : (size_t)_i - (_i % 2 == 0);
    if (_i == 0)
        expected = 0;
    ck_assert_uint_eq(roster_juror_count(&roster), expected);
    ck_assert_uint_eq(roster_juror_quorum(&roster), expected / 2 + 1);
    for (size_t i = 0; i < roster.node_count; i++)
        ck_assert_int_eq(roster.nodes[i].juror, i < expected);
}
END_TEST

START_TEST(default_jurors_vote)
{
    fixture_roster(&roster, 7, 1);
    roster.nodes[0].votes = roster.nodes[3].votes = false;
    roster_default_jurors(&roster);
    static const bool expected[] = {false, true, true, false, true, true, true};
    for (size_t i = 0; i < roster.node_count; i++)
        ck_assert_int_eq(roster.nodes[i].juror, expected[i]);
    ck_assert_uint_eq(roster_voter_count(&roster), 5);
}
END_TEST

START_TEST(sizes_in_effect)
{
    ck_assert_uint_eq(roster_shard_count(&roster), 1024);
    roster.shard_count = 0;
    ck_assert_uint_eq(roster_shard_count(&roster), 65536);
    ck_assert_uint_eq(roster_cohort_size(&roster), 4);
    roster.cohort_size = 3;
    ck_assert_uint_eq(roster_cohort_size(&roster), 3);
    roster.cohort_size = 0;
    ck_assert_uint_eq(roster_cohort_size(&roster), 4);
    roster.nodes[3].votes = false;
    ck_assert_uint_eq(roster_cohort_size(&roster), 3);
    fixture_roster(&roster, 100, 1);
    ck_assert_uint_eq(roster_cohort_size(&roster), 5);
    roster.cohort_size = 0;
    ck_assert_uint_eq(roster_cohort_size(&roster), ROSTER_COHORT_MAX);
}
END_TEST

START_TEST(every_verdict_has_its_text)
{
    for (int a = ROSTER_OK; a <= ROSTER_BAD_SIGNATURE; a++)
        for (int b = a + 1; b <= ROSTER_BAD_SIGNATURE; b++)
            ck_assert_str_ne(roster_verdict_text((enum roster_verdict)a),
                             roster_verdict_text((enum roster_verdict)b));
}
END_TEST

static TCase *case_canonical(void)
{
    TCase *tc = tcase_create("canonical bytes");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, bytes_go_both_ways);
    tcase_add_test(tc, a_full_roster_goes_both_ways);
    tcase_add_test(tc, what_follows_a_text_is_not_encoded);
    tcase_add_test(tc, heads_out_of_range);
    tcase_add_test(tc, counts_beyond_the_limits);
    tcase_add_test(tc, session_actions_go_both_ways);
    tcase_add_test(tc, names);
    tcase_add_test(tc, detection_targets);
    tcase_add_test(tc, actions);
    tcase_add_test(tc, devices);
    tcase_add_test(tc, texts_of_devices_by_themselves);
    tcase_add_test(tc, bytes_behind_a_text_are_refused);
    tcase_add_test(tc, duplicates_and_order);
    tcase_add_test(tc, voters_and_jurors);
    tcase_add_test(tc, keys_that_cannot_be_used);
    tcase_add_test(tc, canonical_bytes_cut_or_added_to);
    tcase_add_test(tc, canonical_bytes_have_one_form);
    return tc;
}

static TCase *case_files(void)
{
    TCase *tc = tcase_create("files");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_signed_file);
    tcase_add_test(tc, a_file_is_signed_by_one_operator_after_the_other);
    tcase_add_test(tc, a_signature_that_is_not_the_operators);
    tcase_add_test(tc, signatures_in_one_order_only);
    tcase_add_test(tc, no_cut_or_longer_file_decodes);
    tcase_add_test(tc, no_flipped_bit_of_a_file_verifies);
    tcase_add_test(tc, a_later_epoch_is_signed_alike);
    tcase_add_test(tc, the_format_is_pinned);
    return tc;
}

Suite *suite_roster(void)
{
    Suite *suite = suite_create("roster");
    suite_add_tcase(suite, case_canonical());
    suite_add_tcase(suite, case_files());
    TCase *tc = tcase_create("questions");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, nodes_are_found);
    tcase_add_test(tc, actions_have_names_and_indices);
    tcase_add_loop_test(tc, default_jurors_are_odd_and_lowest, 0, 40);
    tcase_add_test(tc, default_jurors_vote);
    tcase_add_test(tc, sizes_in_effect);
    tcase_add_test(tc, every_verdict_has_its_text);
    suite_add_tcase(suite, tc);
    return suite;
}
