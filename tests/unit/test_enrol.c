/* Identities as files and the roster made of them: what keygen writes, the core can read. */
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/enrol.h"
#include "client/exit.h"
#include "client/file.h"
#include "client/identity.h"
#include "proto/record.h"
#include "proto/votelog.h"

Suite *suite_enrol(void);

static char dir[64];

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%.32s/holdfast-enrol.XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    /* Refusals are said on stderr, which is not what is looked at here. */
    ck_assert_int_ge(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO), 0);
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s;
    (void)type;
    (void)where;
    return remove(path);
}

static void teardown(void)
{
    ck_assert_int_eq(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static const char *in_dir(const char *name)
{
    static char path[PATH_MAX];
    file_path(path, sizeof path, dir, name);
    return path;
}

/* Node `name` in DIR/NAME. */
static int make(struct roster_node *out, const char *name, int number, bool genesis)
{
    char path[PATH_MAX], address[64];
    file_path(path, sizeof path, dir, name);
    struct identity_request r = {.dir = path, .state = path, .name = name, .genesis = genesis};
    snprintf(address, sizeof address, "127.0.0.%d:7000", number);
    ck_assert(address_parse(&r.address, address));
    r.machine.bytes[0] = (uint8_t)number;
    return identity_make(out, &r);
}

static void check_store(const struct roster_node *node, const char *file, uint32_t adopted)
{
    size_t size;
    struct votelog_reader reader;
    struct votelog_record framed;
    struct record record;
    uint8_t *bytes = file_read(in_dir(file), 4096, &size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(votelog_open(&reader, bytes, size), VOTELOG_RECORD);
    ck_assert_mem_eq(&reader.header.store, &node->store, sizeof node->store);
    ck_assert_uint_eq(reader.header.slot, SLOT_NONE);
    ck_assert_uint_eq(reader.header.first_lsn, 1);
    ck_assert_uint_eq(reader.header.base_lsn, 1);
    ck_assert_int_eq(votelog_next(&reader, &framed), VOTELOG_RECORD);
    ck_assert(record_decode(&record, framed.payload));
    ck_assert_int_eq(record.kind, RECORD_STORE);
    ck_assert_uint_eq(record.store.adopted, adopted);
    ck_assert_int_eq(votelog_next(&reader, &framed), VOTELOG_END);
    free(bytes);
}

START_TEST(identity_is_whole)
{
    struct roster_node node, card;
    struct key_pair key;
    struct stat s;
    const char *problem;
    size_t size;
    ck_assert_int_eq(make(&node, "hv1", 1, true), EXIT_OK);
    check_store(&node, "hv1/votes.log", 1);
    ck_assert_int_eq(stat(in_dir("hv1/votes.log"), &s), 0);
    ck_assert_uint_eq(s.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(in_dir("hv1/key"), &s), 0);
    ck_assert_uint_eq(s.st_mode & 0777, 0600);
    ck_assert_int_eq(identity_load_key(&key, in_dir("hv1/key")), EXIT_OK);
    ck_assert(public_key_equal(&key.public, &node.key));
    uint8_t *text = file_read(in_dir("hv1/card.json"), CARD_BYTES_MAX, &size);
    ck_assert(card_decode(&card, (const char *)text, size, &problem));
    ck_assert_mem_eq(&card.key, &node.key, sizeof node.key);
    free(text);
}
END_TEST

/* R2: a store that joins a cluster which runs already has adopted nothing. */
START_TEST(joining_store_adopted_nothing)
{
    struct roster_node node;
    ck_assert_int_eq(make(&node, "hv1", 1, false), EXIT_OK);
    check_store(&node, "hv1/votes.log", 0);
}
END_TEST

START_TEST(nothing_is_overwritten)
{
    struct roster_node node, again;
    struct stat s;
    ck_assert_int_eq(make(&node, "hv1", 1, true), EXIT_OK);
    ck_assert_int_eq(make(&again, "hv1", 1, true), EXIT_CONFIG);
    check_store(&node, "hv1/votes.log", 1);
    /* One of the three is enough, and the others are not made then. */
    ck_assert_int_eq(unlink(in_dir("hv1/key")), 0);
    ck_assert_int_eq(make(&again, "hv1", 1, true), EXIT_CONFIG);
    ck_assert_int_ne(stat(in_dir("hv1/key"), &s), 0);
}
END_TEST

START_TEST(exposed_or_spoiled_keys_are_refused)
{
    struct roster_node node;
    struct key_pair key;
    ck_assert_int_eq(make(&node, "hv1", 1, true), EXIT_OK);
    ck_assert_int_eq(chmod(in_dir("hv1/key"), 0640), 0);
    ck_assert_int_eq(identity_load_key(&key, in_dir("hv1/key")), EXIT_CONFIG);
    ck_assert_int_eq(chmod(in_dir("hv1/key"), 0600), 0);
    ck_assert_int_eq(truncate(in_dir("hv1/key"), 63), 0);
    ck_assert_int_eq(identity_load_key(&key, in_dir("hv1/key")), EXIT_CONFIG);
    ck_assert_int_eq(identity_load_key(&key, in_dir("nothing")), EXIT_CONFIG);
}
END_TEST

/* R1: epoch 1 is certified by the signatures of all its operators. */
START_TEST(roster_is_complete_once_all_signed)
{
    struct enrolment e, back;
    struct roster_node node;
    struct key_pair operators[2], stranger;
    uint8_t seed[KEY_SEED_SIZE] = {0};
    enrol_init(&e);
    e.roster->operator_count = 2;
    for (uint8_t i = 0; i < 2; i++) {
        seed[0] = i;
        key_pair_make(&operators[i], seed);
        e.roster->operators[i] = operators[i].public;
    }
    seed[0] = 9;
    key_pair_make(&stranger, seed);
    for (int i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "hv%d", i);
        ck_assert_int_eq(make(&node, name, i, true), EXIT_OK);
        ck_assert(enrol_add(&e, &node));
    }
    ck_assert_int_eq(enrol_finish(&e), ROSTER_UNSIGNED);
    ck_assert(!enrol_sign(&e, &stranger));
    ck_assert(enrol_sign(&e, &operators[1]));
    ck_assert(enrol_sign(&e, &operators[1]));
    ck_assert_int_eq(e.verdict, ROSTER_UNSIGNED);
    ck_assert(enrol_save(&e, in_dir("roster")));

    ck_assert_int_eq(enrol_load(&back, in_dir("roster"), false), EXIT_OK);
    ck_assert_int_eq(back.verdict, ROSTER_UNSIGNED);
    ck_assert(enrol_sign(&back, &operators[0]));
    ck_assert_int_eq(back.verdict, ROSTER_OK);
    ck_assert(enrol_save(&back, in_dir("roster")));
    enrol_deinit(&back);

    ck_assert_int_eq(enrol_load(&back, in_dir("roster"), false), EXIT_OK);
    ck_assert_int_eq(back.verdict, ROSTER_OK);
    ck_assert_mem_eq(&back.digest, &e.digest, sizeof e.digest);
    ck_assert_uint_eq(roster_juror_count(back.roster), 3);
    enrol_deinit(&back);
    enrol_deinit(&e);
}
END_TEST

START_TEST(detection_target_follows_the_size)
{
    static const struct {
        size_t nodes;
        uint16_t detect_ms;
    } rows[] = {{1, 4000}, {16, 4000}, {17, 6000}, {200, 6000}, {201, 7500}, {1024, 7500}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(enrol_default_detect_ms(rows[i].nodes), rows[i].detect_ms);
}
END_TEST

/* What a card and a person say of fencing is in the roster; what they leave open has a default. */
START_TEST(roster_says_who_fences_whom)
{
    struct enrolment e;
    struct roster_node node;
    struct key_pair operator;
    const uint8_t seed[KEY_SEED_SIZE] = {3};
    key_pair_make(&operator, seed);
    enrol_init(&e);
    e.roster->operator_count = 1;
    e.roster->operators[0] = operator.public;
    ck_assert_int_eq(make(&node, "hv1", 1, true), EXIT_OK);
    ck_assert_str_eq(node.device, "");
    ck_assert(card_device_parse(node.device, "ilo:42"));
    ck_assert(enrol_add(&e, &node));
    ck_assert_uint_eq(e.roster->action_count, 0);
    ck_assert_int_eq(enrol_finish(&e), ROSTER_UNSIGNED);
    ck_assert(e.roster->nodes[0].executes);
    ck_assert_str_eq(e.roster->nodes[0].device, "ilo:42");
    ck_assert_uint_eq(e.roster->detect_ms, 4000);
    /* One that was named stays, and one out of range is refused. */
    e.roster->detect_ms = ROSTER_DETECT_MIN_MS;
    ck_assert_int_eq(enrol_finish(&e), ROSTER_UNSIGNED);
    ck_assert_uint_eq(e.roster->detect_ms, ROSTER_DETECT_MIN_MS);
    e.roster->detect_ms = ROSTER_DETECT_MIN_MS - 1;
    ck_assert_int_eq(enrol_finish(&e), ROSTER_MALFORMED);
    enrol_deinit(&e);
}
END_TEST

START_TEST(roster_with_a_node_twice_is_refused)
{
    struct enrolment e;
    struct roster_node node;
    struct key_pair operator;
    const uint8_t seed[KEY_SEED_SIZE] = {3};
    key_pair_make(&operator, seed);
    enrol_init(&e);
    e.roster->operator_count = 1;
    e.roster->operators[0] = operator.public;
    ck_assert_int_eq(make(&node, "hv1", 1, true), EXIT_OK);
    ck_assert(enrol_add(&e, &node) && enrol_add(&e, &node));
    ck_assert_int_eq(enrol_finish(&e), ROSTER_DUPLICATE);
    enrol_deinit(&e);
}
END_TEST

Suite *suite_enrol(void)
{
    Suite *s = suite_create("enrol");
    TCase *t = tcase_create("enrol");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, identity_is_whole);
    tcase_add_test(t, joining_store_adopted_nothing);
    tcase_add_test(t, nothing_is_overwritten);
    tcase_add_test(t, exposed_or_spoiled_keys_are_refused);
    tcase_add_test(t, roster_is_complete_once_all_signed);
    tcase_add_test(t, detection_target_follows_the_size);
    tcase_add_test(t, roster_says_who_fences_whom);
    tcase_add_test(t, roster_with_a_node_twice_is_refused);
    suite_add_tcase(s, t);
    return s;
}
