/* Who may do what over the local API: the configuration's blocks, who they are about, the table of
 * methods against the interface's own file, and what a refusal says. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/access.h"
#include "node/api.h"
#include "node/config.h"

Suite *suite_access(void);

enum { OWN = 990, NOVA = 64055, KVM = 108 };

static struct config config;
static struct fault fault;

/* Loads a configuration with these blocks, which begin at its second line. */
static bool loads(const char *blocks)
{
    char path[] = "/tmp/test_access.XXXXXX";
    int fd = mkstemp(path);
    ck_assert(fd >= 0);
    dprintf(fd, "cluster = '%064d'\n%s", 0, blocks);
    close(fd);
    fault = (struct fault){0};
    bool good = config_load(&config, path, &fault);
    unlink(path);
    return good;
}

static void take(const char *blocks)
{
    ck_assert_msg(loads(blocks), "%s", fault.text);
}

static void teardown(void)
{
    config_free(&config);
}

static uint64_t badge(uid_t uid, size_t count, const gid_t *groups)
{
    struct access_peer peer = {uid, count, groups};
    return access_badge(&config.access, &peer, OWN);
}

static uint64_t badge_of_user(uid_t uid)
{
    return badge(uid, 0, NULL);
}

static bool may(uint64_t who, enum access_right right, const char *name)
{
    struct access_wish wish = {right, name};
    return access_allows(&config.access, who, &wish);
}

static const char *why(uint64_t who, uid_t uid, enum access_right right, const char *name)
{
    static char text[ACCESS_REASON_SIZE];
    struct access_wish wish = {right, name};
    ck_assert(!may(who, right, name));
    access_reason(text, &config.access, who, uid, &wish, "/etc/hf.conf");
    return text;
}

static const char nova[] = "access \"nova\" {\n"
                           "  users = {\"root\", 64055}   groups = {108}\n"
                           "  prefixes = {\"image/\", \"disk/\"}\n"
                           "  may = {\"lock\", \"look\"}\n"
                           "}\n"
                           "access fencers { users = 70 may = fence }\n"
                           "access all { groups = 109 may = admin }\n"
                           "access any { groups = 110 may = lock }\n";

START_TEST(blocks_are_read)
{
    take(nova);
    const struct access *a = &config.access;
    ck_assert_uint_eq(a->block_count, 4);
    ck_assert_str_eq(a->blocks[0].name, "nova");
    ck_assert_uint_eq(a->blocks[0].user_count, 2);
    ck_assert_uint_eq(a->blocks[0].users[0], 0);
    ck_assert_uint_eq(a->blocks[0].users[1], NOVA);
    ck_assert_uint_eq(a->blocks[0].group_count, 1);
    ck_assert_uint_eq(a->blocks[0].groups[0], KVM);
    ck_assert_uint_eq(a->blocks[0].prefix_count, 2);
    ck_assert_str_eq(a->blocks[0].prefixes[1], "disk/");
    ck_assert_uint_eq(a->blocks[0].rights, 1u << ACCESS_LOCK | 1u << ACCESS_LOOK);
    ck_assert_uint_eq(a->blocks[3].prefix_count, 0);
}
END_TEST

/* `blocks` blocks, the first with `users` users. */
static const char *many(int blocks, int users)
{
    static char text[8192];
    size_t at = (size_t)snprintf(text, sizeof text, "access full { may = lock users = {1");
    for (int i = 2; i <= users; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, ",%d", i);
    at += (size_t)snprintf(text + at, sizeof text - at, "} }\n");
    for (int i = 2; i <= blocks; i++)
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "access b%d { users = %d may = look }\n", i, 1000 + i);
    return text;
}

START_TEST(as_many_as_there_is_room_for)
{
    take(many(ACCESS_BLOCKS_MAX, ACCESS_LIST_MAX));
    ck_assert_uint_eq(config.access.block_count, ACCESS_BLOCKS_MAX);
    ck_assert_uint_eq(config.access.blocks[0].user_count, ACCESS_LIST_MAX);
    ck_assert(may(badge_of_user(ACCESS_LIST_MAX), ACCESS_LOCK, "x"));
    ck_assert(may(badge_of_user(1000 + ACCESS_BLOCKS_MAX), ACCESS_LOOK, NULL));
}
END_TEST

START_TEST(more_than_there_is_room_for)
{
    ck_assert(!loads(many(ACCESS_BLOCKS_MAX + 1, 1)));
    ck_assert_int_eq(fault.status, FAULT_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, ":34: access b33: over 32 blocks"));
    ck_assert(!loads(many(1, ACCESS_LIST_MAX + 1)));
    ck_assert_int_eq(fault.status, FAULT_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, ":2: access full: users: over 32 of them"));
}
END_TEST

START_TEST(without_blocks_all_who_can_connect_may_all)
{
    take("");
    for (int right = 0; right < ACCESS_RIGHTS; right++)
        ck_assert(may(badge_of_user(12345), (enum access_right)right, "x"));
}
END_TEST

START_TEST(users_and_groups_add_up)
{
    take(nova);
    static const gid_t groups[] = {5, KVM, 110};
    ck_assert_uint_eq(badge_of_user(NOVA), 1);
    ck_assert_uint_eq(badge_of_user(70), 2);
    ck_assert_uint_eq(badge(70, 2, groups), 1 | 2);
    ck_assert_uint_eq(badge(12345, 1, groups), 0);
    ck_assert_uint_eq(badge(12345, 3, groups), 1 | 8);
    ck_assert(may(badge(12345, 3, groups), ACCESS_LOCK, "vm/7"));
    ck_assert(may(badge(12345, 3, groups), ACCESS_LOOK, NULL));
}
END_TEST

START_TEST(prefixes_bound_locking_alone)
{
    take(nova);
    uint64_t who = badge_of_user(NOVA);
    static const char *const good[] = {"image/", "image/x", "disk/vm-7"};
    static const char *const bad[] = {"", "image", "imag", "Image/x", "a/image/x", "vm/7"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(may(who, ACCESS_LOCK, good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!may(who, ACCESS_LOCK, bad[i]), "%s", bad[i]);
    ck_assert(may(who, ACCESS_LOCK, NULL));
    ck_assert(may(who, ACCESS_LOOK, "vm/7"));
    ck_assert(!may(who, ACCESS_FENCE, NULL));
    ck_assert(!may(who, ACCESS_ADMIN, "image/x"));
}
END_TEST

START_TEST(admin_may_all)
{
    static const gid_t group = 109;
    take(nova);
    uint64_t who = badge(12345, 1, &group);
    for (int right = 0; right < ACCESS_RIGHTS; right++)
        ck_assert(may(who, (enum access_right)right, "vm/7"));
}
END_TEST

START_TEST(root_and_the_agent_may_all_unless_named)
{
    static const gid_t kvm = KVM;
    take("access n { users = 64055 groups = 108 may = look }");
    ck_assert_uint_eq(badge_of_user(0), ACCESS_BADGE_ADMIN);
    ck_assert_uint_eq(badge(0, 1, &kvm), ACCESS_BADGE_ADMIN); /* a group names nobody */
    ck_assert_uint_eq(badge_of_user(OWN), ACCESS_BADGE_ADMIN);
    config_free(&config);
    take(nova);
    ck_assert_uint_eq(badge_of_user(0), 1);
    ck_assert(!may(badge_of_user(0), ACCESS_LOCK, "vm/7"));
    ck_assert_uint_eq(badge_of_user(OWN), ACCESS_BADGE_ADMIN);
}
END_TEST

/* Each "method NAME(" of the interface's file has its right, and no other name has one. */
START_TEST(every_method_has_its_right)
{
    size_t count = 0;
    const char *line = api_description;
    while (line) {
        char name[64];
        if (sscanf(line, "method %63[A-Za-z]", name) == 1) {
            ck_assert_msg(access_method_find(name), "%s has no right in node/access.c", name);
            count++;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    ck_assert_uint_eq(count, access_method_count);
    ck_assert_ptr_null(access_method_find("Unlock"));
    ck_assert_int_eq(access_method_find("Submit")->right, ACCESS_FENCE);
    ck_assert_int_eq(access_method_find("Acquire")->right, ACCESS_LOCK);
    ck_assert_str_eq(access_method_find("Acquire")->admin, "head");
}
END_TEST

START_TEST(words_of_rights)
{
    for (int i = 0; i < ACCESS_RIGHTS; i++) {
        enum access_right right = ACCESS_RIGHTS;
        ck_assert(access_right_parse(&right, access_right_text((enum access_right)i)));
        ck_assert_int_eq(right, i);
        ck_assert_ptr_nonnull(strstr(ACCESS_RIGHT_NAMES, access_right_text((enum access_right)i)));
    }
    enum access_right right;
    ck_assert(!access_right_parse(&right, ""));
    ck_assert(!access_right_parse(&right, "Lock"));
}
END_TEST

START_TEST(a_refusal_says_who_what_and_where)
{
    static const gid_t groups[] = {KVM, 70};
    take(nova);
    ck_assert_str_eq(why(badge_of_user(NOVA), NOVA, ACCESS_LOCK, "vm/7"),
                     "uid 64055 may lock image/, disk/ and look only, not lock vm/7; see access in "
                     "/etc/hf.conf");
    ck_assert_str_eq(why(badge_of_user(70), 70, ACCESS_LOOK, NULL),
                     "uid 70 may fence only, not look; see access in /etc/hf.conf");
    ck_assert_str_eq(why(badge(70, 2, groups), 70, ACCESS_ADMIN, "a\nb"),
                     "uid 70 may lock image/, disk/ and look and fence only, not admin; see access "
                     "in /etc/hf.conf");
    ck_assert_str_eq(
        why(0, 12345, ACCESS_LOCK, "image/x"),
        "uid 12345 may not lock: no block of access in /etc/hf.conf is about this user "
        "or its groups");
}
END_TEST

/* Whole words only, so that UTF-8 stays UTF-8; the end is always there. */
START_TEST(a_long_refusal_leaves_prefixes_out)
{
    char text[4096] = "access x { users = 70 may = lock prefixes = {", name[256];
    size_t at = strlen(text);
    for (int i = 0; i < 10; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s\"%d%0198d\"", i ? "," : "", i, 0);
    snprintf(text + at, sizeof text - at, "} }");
    take(text);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *said = why(badge_of_user(70), 70, ACCESS_LOCK, name);
    ck_assert_ptr_nonnull(strstr(said, "nnn; see access in /etc/hf.conf"));
    ck_assert_ptr_nonnull(strstr(said, "000, 1000"));
    ck_assert_ptr_nonnull(strstr(said, "0, ... only, not lock nnn"));
}
END_TEST

Suite *suite_access(void)
{
    Suite *s = suite_create("access");
    TCase *c = tcase_create("access");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, blocks_are_read);
    tcase_add_test(c, as_many_as_there_is_room_for);
    tcase_add_test(c, more_than_there_is_room_for);
    tcase_add_test(c, without_blocks_all_who_can_connect_may_all);
    tcase_add_test(c, users_and_groups_add_up);
    tcase_add_test(c, prefixes_bound_locking_alone);
    tcase_add_test(c, admin_may_all);
    tcase_add_test(c, root_and_the_agent_may_all_unless_named);
    tcase_add_test(c, every_method_has_its_right);
    tcase_add_test(c, words_of_rights);
    tcase_add_test(c, a_refusal_says_who_what_and_where);
    tcase_add_test(c, a_long_refusal_leaves_prefixes_out);
    suite_add_tcase(s, c);
    return s;
}
