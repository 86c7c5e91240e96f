/* The configuration and what it names: each mistake gets one line that names the thing. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config.h"
#include "node/identity.h"
#include "node/reload.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_config(void);

enum { PATH_SIZE = 256, TEXT_SIZE = 4096 };
/* The fixture's first node has slot 1, and its machine id is the slot's bytes. */
#define MACHINE "01000000000000000000000000000000"
#define BOOT    "6f1ed002-ab5d-4a39-8d05-b2d7c4f0c001"

/* A folder with the files of node n0, all good; each test spoils one thing. */
static struct {
    char dir[128];
    char cluster[2 * DIGEST_SIZE + 1];
    struct roster roster;
} lab;

static const char *lab_path(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", lab.dir, name);
    return path;
}

static void lab_write(const char *name, const void *bytes, size_t size, mode_t mode)
{
    int fd = open(lab_path(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    ck_assert(fd >= 0);
    ck_assert(write(fd, bytes, size) == (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static void lab_text(const char *name, const char *text)
{
    lab_write(name, text, strlen(text), 0600);
}

/* Writes the roster, signed, and notes its digest. */
static void lab_roster(void)
{
    uint8_t *bytes = malloc(ROSTER_FILE_MAX);
    size_t size = fixture_roster_file(bytes, &lab.roster, 1);
    lab_write("roster", bytes, size, 0644);
    struct digest digest = digest_of(bytes, roster_encode(bytes, &lab.roster));
    hex_encode(lab.cluster, digest.bytes, sizeof digest.bytes);
    free(bytes);
}

/* Line 1 is the cluster, 2 to 7 the paths; `extra` begins at line 8. */
static void lab_config(const char *extra)
{
    char text[TEXT_SIZE];
    snprintf(text, sizeof text,
             "cluster = \"%s\"\nroster = \"%s/roster\"\nkey = \"%s/key\"\nstate = \"%s/state\"\n"
             "socket = \"%s/sock\"\nboot-id = \"%s/boot-id\"\nmachine-id = \"%s/machine-id\"\n%s",
             lab.cluster, lab.dir, lab.dir, lab.dir, lab.dir, lab.dir, lab.dir, extra);
    lab_text("holdfast.conf", text);
}

static void lab_key(unsigned number)
{
    uint8_t seed[KEY_SEED_SIZE];
    char text[2 * KEY_SEED_SIZE + 1];
    struct key_pair key = fixture_key(number);
    memcpy(seed, key.secret, sizeof seed); /* libsodium's layout: the seed comes first */
    hex_encode(text, seed, sizeof seed);
    lab_text("key", text);
}

static void setup(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(lab.dir, sizeof lab.dir, "%s/test_config.XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(lab.dir));
    ck_assert_int_eq(mkdir(lab_path("state"), 0700), 0);
    fixture_roster(&lab.roster, 3, 1);
    lab_roster();
    lab_key(0);
    lab_text("machine-id", MACHINE "\n");
    lab_text("boot-id", BOOT "\n");
    lab_config("");
}

static void teardown(void)
{
    static const char *const files[] = {"roster", "key", "machine-id", "boot-id", "holdfast.conf"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(lab_path(files[i]));
    rmdir(lab_path("state"));
    rmdir(lab.dir);
}

static bool load(struct config *config, struct identity *identity, struct fault *fault)
{
    *fault = (struct fault){0};
    *identity = (struct identity){0};
    return config_load(config, lab_path("holdfast.conf"), fault) &&
           identity_load(identity, config, fault);
}

static void check_good(void)
{
    struct config config;
    struct identity identity;
    struct fault fault;
    ck_assert_msg(load(&config, &identity, &fault), "%s", fault.text);
    identity_free(&identity);
    config_free(&config);
}

/* It is refused with 78 and a line that has each of the words. */
static void check_refused(const char *word, const char *other)
{
    struct config config;
    struct identity identity;
    struct fault fault;
    ck_assert(!load(&config, &identity, &fault));
    ck_assert_int_eq(fault.status, FAULT_CONFIG);
    ck_assert_msg(strstr(fault.text, word) && strstr(fault.text, other), "not in it: %s, %s: %s",
                  word, other, fault.text);
    ck_assert_ptr_null(strchr(fault.text, '\n'));
    config_free(&config);
}

START_TEST(good)
{
    struct config config;
    struct identity identity;
    struct fault fault;
    lab_config("grace = 3\nlog-level = \"warning\"\nmax-locks = 1000\n");
    ck_assert_msg(load(&config, &identity, &fault), "%s", fault.text);
    ck_assert_int_eq(identity.self, 1);
    ck_assert_str_eq(identity.node->name, "n0");
    ck_assert_int_eq(identity.boot_id[0], 0x6f);
    ck_assert_int_eq(identity.boot_id[15], 0x01);
    ck_assert(config.grace.ns == INT64_C(3000000000));
    ck_assert_int_eq(config.log_level, LOG_LEVEL_WARNING);
    ck_assert_uint_eq(config.max_locks, 1000);
    ck_assert_uint_eq(config.max_operations, 4096);
    ck_assert(config.socket_group == (gid_t)-1);
    identity_free(&identity);
    config_free(&config);
}
END_TEST

/* A line of the file, and what the message says beside its line number. */
static const struct {
    const char *line;
    const char *word;
} mistakes[] = {
    {"colour = \"red\"", "colour"},
    {"graze = 3", "is grace meant?"},
    {"action power { exce = \"/off\" }", "is exec meant?"},
    {"colour = 1", "holdfast.conf(5) lists them"},
    {"grace = 3s", "a whole number, without a unit"},
    {"grace = -1", "grace"},
    {"grace = 100000", "grace"},
    {"grace = soon", "grace"},
    {"max-locks = 0", "max-locks"},
    {"register-bytes = 1", "register-bytes"},
    {"log-level = \"loud\"", "log-level"},
    {"cluster = \"abc\"", "cluster"},
    {"key = \"\"", "key"},
    {"socket-group = \"no-such-group-here\"", "no-such-group-here"},
    {"on_isolation = maybe", "on_isolation"},
    {"detect_ms = 4000", "detect_ms"},
    {"action power { exec = \"bin/off\" }", "absolute"},
    {"action power { exec = \"/off\" deadline = 61 }", "deadline"},
    {"action power { exec = \"/off\" deadline = 0 }", "deadline"},
    {"action power { deadline = 5 }", "exec"},
    {"action power { exec = \"/off\" colour = 5 }", "colour"},
    {"action a23456789b123456789c123456789d12 { exec = \"/off\" }", "name"},
    {"action \"\" { exec = \"/off\" }", "name"},
    {"action power { exec = \"/off\" } action power { exec = \"/on\" }", "power"},
    {"device x { node = n0 agent = fence_x  }", "identity is missing"},
    {"device x { node = n0 agent = fence_x identity = guid }", "none of ipmi-guid"},
    {"device x { node = n0 agent = fence_x identity = \"fixed:\" }", "none of ipmi-guid"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid options = {\"password=x\"} }",
     "belongs in the file"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid options = {\"action=on\"} }",
     "given by the executor"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid options = {\"method=cycle\"} }",
     "given by the executor"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid options = {lanplus} }",
     "is not name=value"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid power-timeout = 0 }",
     "between 1 and 60"},
    {"device x { node = n0 agent = fence_x identity = ipmi-guid secrets = here }",
     "not an absolute path"},
    {"device x { node = n0 agent = ipmitool identity = ipmi-guid }", "or the name of an agent"},
    {"action power { exec = \"/off\" devices = true }", "exclude each other"},
    {"access x { users = {no-such-user} may = lock }", "no user no-such-user"},
    {"access x { users = {4294967295} may = lock }", "no user 4294967295"},
    {"access x { groups = {0, no-such-group} may = lock }", "no group no-such-group"},
    {"access x { users = {0} prefixes = {\"\"} may = lock }", "leave prefixes out"},
    {"access x { users = {0} prefixes = {\"a\\x01\"} may = lock }", "prefixes: no lock's name"},
    {"access x { users = {0} prefixes = {} may = lock }", "prefixes: an empty list"},
    {"access x { users = {0} may = {lock, read} }", "read is none of lock, look, fence, admin"},
    {"access x { users = {0} may = {} }", "may: an empty list"},
    {"access x { users = {0} }", "may is missing"},
    {"access x { may = lock }", "add users or groups"},
    {"access x { users = {0} prefixes = {a} may = look }", "add lock to may"},
    {"access x { users = {0} prefixes = {a} may = {lock, admin} }", "leave prefixes out, or admin"},
    {"access x { users = {0} may = look } access x { users = {1} may = look }", "its own name"},
    {"access x { users = {0} may = lock prefix = {a} }", "prefix"},
    {"access { users = {0} may = lock }", "title"},
    {"socket = \"/a23456789b123456789c123456789d123456789e123456789f123456789"
     "g123456789h123456789i123456789j123456789k1234567\"",
     "socket"},
};

START_TEST(mistake_in_file)
{
    lab_config(mistakes[_i].line);
    check_refused(mistakes[_i].word, "holdfast.conf:8:");
}
END_TEST

START_TEST(actions)
{
    struct config config;
    struct identity identity;
    struct fault fault;
    lab.roster.action_count = 2;
    memcpy(lab.roster.actions[1], "kill", sizeof "kill");
    lab_roster();
    lab_config("on_isolation = continue\n"
               "action \"power\" {\n  exec = \"/sbin/off\" # ours\n  deadline = 60\n}\n"
               "action kill { exec = \"/nonexistent\" }\n");
    ck_assert_msg(load(&config, &identity, &fault), "%s", fault.text);
    ck_assert(!config.stop_on_isolation);
    ck_assert_uint_eq(config.action_count, 2);
    ck_assert_str_eq(config.actions[0].name, "power");
    ck_assert_str_eq(config.actions[0].exec, "/sbin/off");
    ck_assert(config.actions[0].deadline.ns == INT64_C(60000000000));
    ck_assert_str_eq(config.actions[1].name, "kill");
    ck_assert(config.actions[1].deadline.ns == INT64_C(10000000000));
    identity_free(&identity);
    config_free(&config);
}
END_TEST

static void check_setting(const struct config *config, const char *name, const char *value,
                          int line)
{
    const struct setting *s = settings_find(&config->settings, name);
    ck_assert_msg(s, "no setting %s", name);
    ck_assert_str_eq(s->value, value);
    ck_assert_int_eq(s->line, line);
    ck_assert_int_eq(s->origin, line ? SETTING_FILE : SETTING_DEFAULT);
}

/* The line is that of the value that counts, whatever stands before it. */
START_TEST(settings)
{
    struct config config;
    struct fault fault = {0};
    lab_config("/* a\ncomment */ grace = 3\n# more\nmax-locks\n = 1000\ngrace = 4\n"
               "action power { # of a section\n  exec = \"/off\"\n}\n"
               "access \"a b\" { users = {0,\n  1}  may = {look, lock} }\n");
    ck_assert_msg(config_load(&config, lab_path("holdfast.conf"), &fault), "%s", fault.text);
    check_setting(&config, "cluster", lab.cluster, 1);
    check_setting(&config, "grace", "4", 13);
    check_setting(&config, "max-locks", "1000", 12);
    check_setting(&config, "max-operations", "4096", 0);
    check_setting(&config, "socket-group", "", 0);
    check_setting(&config, "action \"power\" exec", "/off", 15);
    check_setting(&config, "action \"power\" deadline", "10", 0);
    check_setting(&config, "access \"a b\" users", "0, 1", 18);
    check_setting(&config, "device", "", 0);
    ck_assert_ptr_null(settings_find(&config.settings, "action"));
    config_free(&config);
}
END_TEST

static void check_reload(struct config *running, const char *extra, const char *changed,
                         const char *later, const char *executor)
{
    struct fault fault = {0};
    struct reload reload;
    lab_config(extra);
    ck_assert_msg(reload_config(running, &reload, &fault), "%s", fault.text);
    ck_assert_str_eq(reload.changed, changed);
    ck_assert_str_eq(reload.later, later);
    ck_assert_str_eq(reload.executor, executor);
}

START_TEST(reloads)
{
    struct config config;
    struct fault fault = {0};
    lab_config("");
    ck_assert(config_load(&config, lab_path("holdfast.conf"), &fault));
    settings_override(&config.settings, "log-level", "debug", SETTING_COMMAND_LINE);
    check_reload(&config, "", "", "", "");
    check_reload(&config, "log-level = error\n", "", "", ""); /* the command line is above it */
    check_reload(&config, "grace = 1\nmax-locks = 99\n", "grace", "max-locks", "");
    check_reload(&config, "grace = 1\nmax-locks = 99\n", "", "max-locks", "");
    check_setting(&config, "grace", "1", 8);
    check_setting(&config, "max-locks", "65536", 0); /* what it runs with */
    check_reload(&config, "grace = 1\n", "", "", "");
    check_reload(&config, "executor-state = \"/x\"\nagent-user = root\n", "grace", "",
                 "executor-state agent-user");
    check_reload(&config, "executor-state = \"/x\"\nagent-user = root\n", "", "", "");
    check_reload(&config, "action power { exec = \"/a\" }\naccess a { users = 0 may = look }\n",
                 "access", "action", "action executor-state agent-user");
    check_reload(&config, "action power { exec = \"/b\" }\naccess a { users = 0 may = lock }\n",
                 "access", "action", "action");
    ck_assert_uint_eq(config.access.block_count, 1);
    check_reload(&config, "http = \"127.0.0.1:9\"\n", "access", "http", "");
    ck_assert_str_eq(settings_find(&config.settings, "log-level")->value, "debug");
    config_free(&config);
}
END_TEST

START_TEST(stops_by_default)
{
    struct config config;
    struct fault fault = {0};
    ck_assert(config_load(&config, lab_path("holdfast.conf"), &fault));
    ck_assert(config.stop_on_isolation);
    ck_assert_uint_eq(config.action_count, 0);
    config_free(&config);
}
END_TEST

START_TEST(action_of_no_roster)
{
    lab_config("action powr { exec = \"/off\" }");
    check_refused("\"powr\"", "it has power");
    lab_config("action retire { exec = \"/off\" }");
    check_refused("\"retire\"", "it has power");
    lab.roster.action_count = 0;
    memset(lab.roster.actions, 0, sizeof lab.roster.actions);
    lab_roster();
    lab_config("action power { exec = \"/off\" }");
    check_refused("\"power\"", "no actions");
}
END_TEST

START_TEST(socket_of_107_bytes)
{
    char line[200];
    snprintf(line, sizeof line, "socket = \"/%0106d\"", 0);
    lab_config(line);
    check_good();
}
END_TEST

START_TEST(no_file)
{
    struct config config;
    struct fault fault = {0};
    ck_assert(!config_load(&config, "/nonexistent/holdfast.conf", &fault));
    ck_assert_int_eq(fault.status, FAULT_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault.text, "/nonexistent/holdfast.conf"));
    fault = (struct fault){0};
    ck_assert(!config_load(&config, "/", &fault));
    ck_assert_ptr_nonnull(strstr(fault.text, "not a file"));
}
END_TEST

START_TEST(no_cluster)
{
    lab_text("holdfast.conf", "grace = 1\n");
    check_refused("cluster is missing", "holdfast.conf");
}
END_TEST

START_TEST(key_exposed)
{
    ck_assert_int_eq(chmod(lab_path("key"), 0640), 0);
    check_refused("key", "chmod 600");
}
END_TEST

START_TEST(key_garbage)
{
    lab_text("key", "not hex");
    check_refused("key", "not a key");
    unlink(lab_path("key"));
    check_refused("key", "keygen");
}
END_TEST

START_TEST(key_of_nobody)
{
    lab_key(77);
    check_refused("key", "no node with this key");
}
END_TEST

START_TEST(roster_garbage)
{
    lab_text("roster", "HFROSTR1 and then nonsense");
    check_refused("roster", "roster check");
}
END_TEST

START_TEST(roster_unsigned)
{
    uint8_t *bytes = malloc(ROSTER_FILE_MAX);
    lab_write("roster", bytes, fixture_roster_file(bytes, &lab.roster, 0), 0644);
    free(bytes);
    check_refused("roster", roster_verdict_text(ROSTER_UNSIGNED));
}
END_TEST

START_TEST(foreign_cluster)
{
    lab.roster.shard_count = 512;
    lab_roster();
    lab.cluster[0] = lab.cluster[0] == '0' ? '1' : '0';
    lab_config("");
    check_refused("roster", "pins another");
}
END_TEST

START_TEST(two_machines_one_key)
{
    lab_text("machine-id", "02000000000000000000000000000000\n");
    check_refused("two machines, one key", "machine-id");
    lab_text("machine-id", "short\n");
    check_refused("machine-id", "not an id");
}
END_TEST

START_TEST(ids_from_files_only_in_a_lab)
{
    lab.roster.lab = false;
    lab_roster();
    lab_config("");
    check_refused("boot-id", "lab");
}
END_TEST

START_TEST(state_exposed)
{
    ck_assert_int_eq(chmod(lab_path("state"), 0750), 0);
    check_refused("state", "chmod 700");
    ck_assert_int_eq(rmdir(lab_path("state")), 0);
    check_refused("state", "No such file");
    lab_text("state", "");
    check_refused("state", "not a directory");
    unlink(lab_path("state"));
}
END_TEST

START_TEST(ids)
{
    uint8_t id[16];
    ck_assert(identity_parse_id(id, MACHINE));
    ck_assert(identity_parse_id(id, MACHINE "\n"));
    ck_assert(identity_parse_id(id, BOOT));
    ck_assert(!identity_parse_id(id, ""));
    ck_assert(!identity_parse_id(id, MACHINE "0"));
    ck_assert(!identity_parse_id(id, MACHINE "\nx"));
    ck_assert(!identity_parse_id(id, "6f1ed002ab5d-4a39-8d05-b2d7c4f0c001-"));
    ck_assert(!identity_parse_id(id, "6f1ed002-ab5d-4a39-8d05-b2d7c4f0c00g"));
}
END_TEST

Suite *suite_config(void)
{
    Suite *s = suite_create("config");
    TCase *c = tcase_create("config");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, good);
    tcase_add_loop_test(c, mistake_in_file, 0, sizeof mistakes / sizeof *mistakes);
    tcase_add_test(c, actions);
    tcase_add_test(c, settings);
    tcase_add_test(c, reloads);
    tcase_add_test(c, stops_by_default);
    tcase_add_test(c, action_of_no_roster);
    tcase_add_test(c, socket_of_107_bytes);
    tcase_add_test(c, no_file);
    tcase_add_test(c, no_cluster);
    tcase_add_test(c, key_exposed);
    tcase_add_test(c, key_garbage);
    tcase_add_test(c, key_of_nobody);
    tcase_add_test(c, roster_garbage);
    tcase_add_test(c, roster_unsigned);
    tcase_add_test(c, foreign_cluster);
    tcase_add_test(c, two_machines_one_key);
    tcase_add_test(c, ids_from_files_only_in_a_lab);
    tcase_add_test(c, state_exposed);
    tcase_add_test(c, ids);
    suite_add_tcase(s, c);
    return s;
}
