/* The executor's parts (F6b, F9): messages, acts, secrets, devices, what agents say of themselves.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/acts.h"
#include "node/device.h"
#include "node/executor_wire.h"
#include "node/metadata.h"
#include "node/secrets.h"

Suite *suite_executor_parts(void);

/* --- Messages --- */

START_TEST(request)
{
    uint8_t bytes[EXECUTOR_REQUEST_MAX + 1];
    struct executor_request out, in = {.type = EXECUTOR_RUN,
                                       .id = 0x0102030405060708,
                                       .kind = EXECUTOR_STATUS,
                                       .action = 3,
                                       .slot = 77,
                                       .life = 9,
                                       .info = {(const uint8_t *)"vm \xc3\xa9", 5},
                                       .cert = {(const uint8_t *)"certificate", 11}};
    size_t size = executor_request_encode(bytes, &in);
    ck_assert(executor_request_decode(&out, bytes, size));
    ck_assert_uint_eq(out.id, in.id);
    ck_assert_int_eq(out.kind, in.kind);
    ck_assert_uint_eq(out.slot, 77);
    ck_assert_uint_eq(out.life, 9);
    ck_assert_uint_eq(out.action, 3);
    ck_assert_mem_eq(out.info.bytes, "vm \xc3\xa9", 5);
    ck_assert_mem_eq(out.cert.bytes, "certificate", 11);
    for (size_t i = 0; i < size; i++)
        ck_assert(!executor_request_decode(&out, bytes, i));
    bytes[size] = 0;
    ck_assert(!executor_request_decode(&out, bytes, size + 1));
    in.info = (struct view){(const uint8_t *)"a\nb", 3}; /* would be two lines for a script */
    ck_assert(!executor_request_decode(&out, bytes, executor_request_encode(bytes, &in)));
    in = (struct executor_request){.type = EXECUTOR_LOOK, .id = 4};
    ck_assert(executor_request_decode(&out, bytes, executor_request_encode(bytes, &in)));
    ck_assert_int_eq(out.type, EXECUTOR_LOOK);
    in = (struct executor_request){.type = EXECUTOR_ASK_PART, .id = 4, .index = 0x01020304};
    size = executor_request_encode(bytes, &in);
    ck_assert(executor_request_decode(&out, bytes, size));
    ck_assert_uint_eq(out.index, 0x01020304);
    for (size_t i = 0; i < size; i++)
        ck_assert(!executor_request_decode(&out, bytes, i));
    bytes[1] = EXECUTOR_ASK_PART + 1;
    ck_assert(!executor_request_decode(&out, bytes, size));
}
END_TEST

START_TEST(part_answer)
{
    uint8_t bytes[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer out, in = {.type = EXECUTOR_PART,
                                      .id = 5,
                                      .outcome = RUN_ON,
                                      .device = "lab:n1",
                                      .text = "n1-bmc: status: on",
                                      .part = {.count = 3,
                                               .kind = EXECUTOR_PART_DEVICE,
                                               .good = true,
                                               .slot = 9,
                                               .age_ms = 1234,
                                               .name = "n1-bmc"}};
    size_t size = executor_answer_encode(bytes, &in);
    ck_assert(executor_answer_decode(&out, bytes, size));
    ck_assert_int_eq(out.outcome, RUN_ON);
    ck_assert_str_eq(out.text, in.text);
    ck_assert_mem_eq(&out.part, &in.part, sizeof out.part);
    for (size_t i = 0; i < size; i++)
        ck_assert(!executor_answer_decode(&out, bytes, i));
    for (size_t i = 0; i < size; i++) { /* one encoding of each: or none */
        uint8_t changed[EXECUTOR_ANSWER_MAX], again[EXECUTOR_ANSWER_MAX];
        memcpy(changed, bytes, size);
        changed[i] ^= 0x81;
        if (executor_answer_decode(&out, changed, size)) {
            ck_assert_uint_eq(executor_answer_encode(again, &out), size);
            ck_assert_mem_eq(again, changed, size);
        }
    }
}
END_TEST

START_TEST(answer)
{
    uint8_t bytes[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer out, in = {.type = EXECUTOR_ENDED,
                                      .id = 5,
                                      .outcome = RUN_OFF,
                                      .device = "lab:n1",
                                      .text = "off: done; status: off"};
    size_t size = executor_answer_encode(bytes, &in);
    ck_assert(executor_answer_decode(&out, bytes, size));
    ck_assert_int_eq(out.outcome, RUN_OFF);
    ck_assert_str_eq(out.device, "lab:n1");
    ck_assert_str_eq(out.text, in.text);
    for (size_t i = 0; i < size; i++)
        ck_assert(!executor_answer_decode(&out, bytes, i));
    bytes[10] = 9; /* no outcome */
    ck_assert(!executor_answer_decode(&out, bytes, size));
    in.type = EXECUTOR_STATE;
    in.state = (struct executor_state){.running = 1, .acts = 2, .runs = 3, .strangers = 4};
    ck_assert(executor_answer_decode(&out, bytes, executor_answer_encode(bytes, &in)));
    ck_assert_uint_eq(out.state.strangers, 4);
}
END_TEST

/* --- Acts (F9) --- */

static struct fence_act act_of(uint16_t slot, uint64_t life, uint8_t action)
{
    struct fence_act act = {.slot = slot, .life = life, .action = action};
    memset(act.order.bytes, (int)life, DIGEST_SIZE);
    return act;
}

START_TEST(acts_once)
{
    static struct acts_table table;
    struct fence_act act = act_of(3, 7, 1), other = act_of(3, 7, 2), old = act_of(3, 6, 1);
    table.count = 0;
    ck_assert_int_eq(acts_look(&table, &act), ACTS_NEW);
    acts_add(&table, &act);
    ck_assert_int_eq(acts_look(&table, &act), ACTS_DONE);
    ck_assert_int_eq(acts_look(&table, &other), ACTS_NEW); /* the next rung */
    acts_add(&table, &other);
    ck_assert_int_eq(acts_look(&table, &old), ACTS_OLD);
    act = act_of(3, 8, 1);
    acts_add(&table, &act); /* those on lower lives are let go */
    ck_assert_uint_eq(table.count, 1);
    ck_assert_int_eq(acts_look(&table, &other), ACTS_OLD);
    act = act_of(4, 1, 1);
    ck_assert_int_eq(acts_look(&table, &act), ACTS_NEW);
}
END_TEST

START_TEST(acts_full)
{
    static struct acts_table table;
    struct fence_act act;
    table.count = 0;
    for (unsigned i = 0; i <= ACTS_ACTION_MAX; i++) { /* of one session after another */
        act = act_of(3, 7, 2);
        act.order.bytes[0] = (uint8_t)i;
        if (i < ACTS_ACTION_MAX)
            acts_add(&table, &act);
    }
    ck_assert_int_eq(acts_look(&table, &act), ACTS_FULL);
    act = act_of(3, 7, 1); /* the next rung finds room */
    ck_assert_int_eq(acts_look(&table, &act), ACTS_NEW);
    for (uint16_t slot = 10; table.count < ACTS_MAX; slot++) {
        act = act_of(slot, 1, 1);
        acts_add(&table, &act);
    }
    act = act_of(9, 1, 1);
    ck_assert_int_eq(acts_look(&table, &act), ACTS_FULL);
    act = act_of(10, 2, 1);
    ck_assert_int_eq(acts_look(&table, &act), ACTS_NEW); /* takes the place of the lower life */
}
END_TEST

START_TEST(acts_file)
{
    static struct acts_table table, found;
    static uint8_t bytes[ACTS_FILE_MAX + 1];
    struct cluster_id cluster = {{7}}, other = {{8}};
    table.count = 0;
    for (uint16_t slot = 0; slot < 5; slot++) {
        struct fence_act act = act_of(slot, 2, 1);
        acts_add(&table, &act);
    }
    size_t size = acts_encode(bytes, &table, &cluster);
    ck_assert(acts_decode(&found, &cluster, bytes, size));
    ck_assert_uint_eq(found.count, 5);
    ck_assert(!acts_decode(&found, &other, bytes, size));
    for (size_t i = 0; i < size; i++) {
        ck_assert(!acts_decode(&found, &cluster, bytes, i));
        bytes[i] ^= 1;
        ck_assert(!acts_decode(&found, &cluster, bytes, size));
        bytes[i] ^= 1;
    }
    ck_assert(!acts_decode(&found, &cluster, bytes, size + 1));
}
END_TEST

START_TEST(acts_directory)
{
    char dir[] = "/tmp/test_acts.XXXXXX", path[64];
    struct cluster_id cluster = {{7}};
    struct fault fault = {0};
    struct fence_act act = act_of(3, 7, 1);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    struct acts *acts = acts_open(dir, &cluster, &fault);
    ck_assert_msg(acts != NULL, "%s", fault.text);
    ck_assert_ptr_null(acts_open(dir, &cluster, &fault)); /* one at a time */
    ck_assert_ptr_nonnull(strstr(fault.text, "another executor"));
    ck_assert_int_eq(acts_write(acts, &act), 0);
    acts_close(acts);
    fault = (struct fault){0};
    acts = acts_open(dir, &cluster, &fault);
    ck_assert_int_eq(acts_look(acts_table(acts), &act), ACTS_DONE);
    acts_close(acts);
    snprintf(path, sizeof path, "%s/acts", dir);
    ck_assert_int_eq(truncate(path, 40), 0);
    ck_assert_ptr_null(acts_open(dir, &cluster, &fault));
    ck_assert_int_eq(fault.status, FAULT_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "damaged"));
    fault = (struct fault){0};
    ck_assert_int_eq(chmod(dir, 0750), 0);
    ck_assert_ptr_null(acts_open(dir, &cluster, &fault));
    ck_assert_ptr_nonnull(strstr(fault.text, "chmod 700"));
    unlink(path);
    rmdir(dir);
}
END_TEST

/* --- Secrets --- */

static bool parse(struct secrets *out, const char *text)
{
    memset(out, 0, sizeof *out);
    memcpy(out->text, text, strlen(text) + 1);
    return secrets_parse(out, strlen(text));
}

START_TEST(secrets_lines)
{
    static struct secrets s;
    ck_assert(parse(&s, "# of hv1\n\npassword=a=b c\r\nusername=fence"));
    ck_assert_uint_eq(s.count, 2);
    ck_assert_str_eq(secrets_find(&s, "password"), "a=b c");
    ck_assert_str_eq(secrets_find(&s, "username"), "fence");
    ck_assert_ptr_null(secrets_find(&s, "user"));
    ck_assert(parse(&s, ""));
    ck_assert(!parse(&s, "password\n"));
    ck_assert(!parse(&s, "=x\n"));
    ck_assert(!parse(&s, "pass word=x\n"));
}
END_TEST

static void check_mask(const char *text, const char *expected)
{
    static struct secrets s;
    char bytes[256];
    ck_assert(parse(&s, "password=hunter2\nsnmp=ab\ncommunity=hunter\n"));
    memcpy(bytes, text, strlen(text) + 1);
    size_t size = secrets_mask(&s, bytes, strlen(text));
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(bytes, expected, size);
}

START_TEST(secrets_masked)
{
    check_mask("", "");
    check_mask("Powered OFF", "Powered OFF");
    check_mask("-P hunter2 -U x", "-P *** -U x");
    check_mask("hunter2hunter2", "******");
    check_mask("huntsman", "huntsman");
    check_mask("cut off: hunt", "cut off: ***"); /* the rest did not fit */
    check_mask("hu", "hu");
    check_mask("hunters ab", "***s ab");
}
END_TEST

START_TEST(secrets_file)
{
    static struct secrets s;
    char path[] = "/tmp/test_secrets.XXXXXX", link[64], why[SECRETS_WHY_SIZE];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "password=x\n", 11), 11);
    close(fd);
    ck_assert(secrets_load(&s, path, why));
    ck_assert_str_eq(secrets_find(&s, "password"), "x");
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert(!secrets_load(&s, path, why));
    ck_assert_ptr_nonnull(strstr(why, "chmod 600"));
    ck_assert_uint_eq(s.count, 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
        ck_assert(!secrets_load(&s, path, why));
        ck_assert_ptr_nonnull(strstr(why, "chown"));
        ck_assert_int_eq(chown(path, 0, (gid_t)-1), 0);
    }
    snprintf(link, sizeof link, "%s.link", path);
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert(!secrets_load(&s, link, why));
    unlink(link);
    ck_assert_int_eq(truncate(path, SECRETS_FILE_MAX + 1), 0);
    ck_assert(!secrets_load(&s, path, why));
    unlink(path);
    ck_assert(!secrets_load(&s, path, why));
    ck_assert(!secrets_load(&s, "/tmp", why));
}
END_TEST

/* --- Devices (F6b) --- */

static char ip[] = "ip=10.0.0.1", plus[] = "lanplus=1", user[] = "username=fence",
            cipher[] = "cipher=17";
static char *options[] = {ip, plus, user, cipher};
static const struct config_device device = {.name = "n1-bmc",
                                            .node = "n1",
                                            .option_count = 4,
                                            .options = options,
                                            .login_timeout = {INT64_C(5000000000)},
                                            .power_timeout = {INT64_C(20000000000)}};

START_TEST(agents_input)
{
    static struct secrets s;
    char input[WATCHER_INPUT_MAX];
    ck_assert(parse(&s, "password=hunter2\n"));
    size_t size = device_input(input, &device, &s, "off");
    static const char expected[] = "action=off\nlogin_timeout=5\npower_timeout=20\nip=10.0.0.1\n"
                                   "lanplus=1\nusername=fence\ncipher=17\npassword=hunter2\n";
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(input, expected, size);
    ck_assert(config_device_deadline(&device).ns == INT64_C(50000000000));
}
END_TEST

START_TEST(identity_query)
{
    static struct secrets s;
    static struct device_query query;
    char why[DEVICE_TEXT_SIZE], line[512] = "";
    ck_assert(parse(&s, "password=hunter2\n"));
    ck_assert(device_query(&query, &device, &s, why));
    for (size_t i = 0; query.argv[i]; i++) {
        ck_assert_ptr_null(strstr(query.argv[i], "hunter2"));
        strcat(strcat(line, query.argv[i]), " ");
    }
    ck_assert_str_eq(line, "/usr/bin/ipmitool -I lanplus -H 10.0.0.1 -p 623 -U fence -E -N 5 -R 1 "
                           "-C 17 mc guid ");
    ck_assert_str_eq(query.password, "IPMI_PASSWORD=hunter2");
    ck_assert(parse(&s, "community=x\n"));
    ck_assert(!device_query(&query, &device, &s, why));
    ck_assert_ptr_nonnull(strstr(why, "password"));
}
END_TEST

/* Whatever else is among the secrets is the fence agent's alone, by its standard input. */
START_TEST(secrets_are_no_arguments)
{
    static struct secrets s;
    static struct device_query query;
    char *const named[] = {"ip=10.0.0.1", "username=fence"};
    struct config_device bare = device;
    char why[DEVICE_TEXT_SIZE], line[512] = "";
    ck_assert(parse(&s, "password=hunter2\nip=10.9.9.9\nipaddr=10.9.9.9\nusername=hidden\n"
                        "login=hidden\nipport=999\nudpport=999\nlanplus=1\ncipher=99\n"));
    bare.options = NULL;
    bare.option_count = 0;
    ck_assert(!device_query(&query, &bare, &s, why));
    ck_assert_ptr_nonnull(strstr(why, "ip and username among the options"));
    bare.options = (char **)(uintptr_t)named;
    bare.option_count = 2;
    ck_assert(device_query(&query, &bare, &s, why));
    for (size_t i = 0; query.argv[i]; i++)
        strcat(strcat(line, query.argv[i]), " ");
    ck_assert_str_eq(line, "/usr/bin/ipmitool -I lan -H 10.0.0.1 -p 623 -U fence -E -N 5 -R 1 mc "
                           "guid ");
}
END_TEST

static void check_guid(const char *text, const char *expected)
{
    char guid[DEVICE_SIZE];
    device_guid(guid, text, strlen(text));
    ck_assert_str_eq(guid, expected);
}

START_TEST(guids)
{
    check_guid("System GUID  : EFCDAB89-6745-23a1-efcd-ab89674523a1\nGUID Encoding : IPMI\n",
               "efcdab89-6745-23a1-efcd-ab89674523a1");
    check_guid("warning\nSystem GUID:0a", "0a");
    check_guid("", "");
    check_guid("System GUID", "");
    check_guid("System GUID : \n", "");
    check_guid("GUID : 12\n", "");
    check_guid("System GUID : 1\x1b[31m\n", "1");
}
END_TEST

START_TEST(metadata)
{
    static const char xml[] = "<resource-agent name=\"fence_x\">\n<parameter name=\"ip\" unique>\n"
                              "<parameter name=\"plug\">\n</resource-agent>";
    size_t size = sizeof xml - 1;
    ck_assert(metadata_valid(xml, size));
    ck_assert(!metadata_valid(xml, size - 1));
    ck_assert(!metadata_valid("", 0));
    ck_assert(metadata_knows(xml, size, "ip", 2));
    ck_assert(metadata_knows(xml, size, "plug", 4));
    ck_assert(!metadata_knows(xml, size, "plu", 3));
    ck_assert(!metadata_knows(xml, size, "plugs", 5));
    ck_assert(!metadata_knows(xml, 20, "ip", 2));
}
END_TEST

Suite *suite_executor_parts(void)
{
    const TTest *const tests[] = {request,
                                  part_answer,
                                  answer,
                                  acts_once,
                                  acts_full,
                                  acts_file,
                                  acts_directory,
                                  secrets_lines,
                                  secrets_masked,
                                  secrets_file,
                                  agents_input,
                                  identity_query,
                                  secrets_are_no_arguments,
                                  guids,
                                  metadata};
    Suite *s = suite_create("executor_parts");
    TCase *c = tcase_create("executor_parts");
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
