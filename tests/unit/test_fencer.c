/* The fencer, with real scripts (F9): what counts as off, and what never does; nothing without a
 * certificate (F4). */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/fencer.h"
#include "node/process.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_fencer(void);

enum { PATH_SIZE = 256, SCRIPT_SIZE = 2048, SELF = 0, TARGET = 1 };

/* A fencer on node n0 of three, a certified order against n1, and a folder for scripts. */
static struct {
    char dir[128];
    struct event_base *base;
    struct clock clock;
    struct config config;
    struct identity identity;
    struct roster roster;
    struct acts *acts;
    struct fencer *fencer;
    struct executor_request run;
    struct order_cert cert;
    unsigned told; /* how often */
    uint64_t owner, id;
    struct driver_result last;
} world;

static const char *path_of(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", world.dir, name);
    return path;
}

static void note_executed(void *context, uint64_t owner, uint64_t id,
                          const struct driver_result *result)
{
    (void)context;
    world.told++;
    world.owner = owner;
    world.id = id;
    world.last = *result;
}

static void open_fencer(void)
{
    struct fault fault = {0};
    world.acts = acts_open(world.dir, &world.config.cluster, &fault);
    ck_assert_msg(world.acts != NULL, "%s", fault.text);
    world.fencer = fencer_open(world.base, &world.clock, &world.config, &world.identity, world.acts,
                               NULL, note_executed, NULL);
}

static void close_fencer(void)
{
    fencer_close(world.fencer);
    acts_close(world.acts);
}

static struct executor_state state(void)
{
    struct executor_state found = {0};
    fencer_state(world.fencer, &found);
    return found;
}

static void setup(void)
{
    struct fault fault = {0};
    const char *tmp = getenv("TMPDIR");
    memset(&world, 0, sizeof world);
    snprintf(world.dir, sizeof world.dir, "%s/test_fencer.XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(world.dir));
    fixture_roster(&world.roster, 3, 1);
    struct digest digest = fixture_digest(&world.roster);
    memcpy(world.config.cluster.bytes, digest.bytes, DIGEST_SIZE);
    world.config.action_count = 1;
    memcpy(world.config.actions[0].name, "power", sizeof "power");
    world.config.actions[0].exec = strdup(path_of("script"));
    world.config.actions[0].deadline = SPAN_MS(60000);
    world.identity.roster = &world.roster;
    world.identity.roster_digest = digest;
    world.identity.node = &world.roster.nodes[SELF];
    world.identity.self = world.identity.node->slot;
    struct order order = fixture_order(&world.roster, TARGET);
    world.cert = fixture_order_cert(&order, 0, 2, 1u << 1, &world.config.cluster);
    world.run = (struct executor_request){.type = EXECUTOR_RUN,
                                          .id = 71,
                                          .kind = EXECUTOR_OFF,
                                          .slot = order.slot,
                                          .life = order.life,
                                          .action = 1};
    world.base = event_base_new();
    ck_assert(clock_open(&world.clock, world.base, &fault));
    open_fencer();
}

static void teardown(void)
{
    static const char *const files[] = {"script", "pid", "verbs", "acts", "acts.new"};
    close_fencer();
    clock_close(&world.clock);
    event_base_free(world.base);
    free(world.config.actions[0].exec);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(path_of(files[i]));
    rmdir(world.dir);
}

/* A shell script that keeps its verb and then does `body`; "$D" is the folder. */
static void script(const char *body)
{
    char text[SCRIPT_SIZE];
    int size = snprintf(text, sizeof text, "#!/bin/sh\nD=%s\necho \"$1\" >>$D/verbs\n%s\n",
                        world.dir, body);
    FILE *file = fopen(path_of("script"), "w");
    ck_assert(file && fwrite(text, 1, (size_t)size, file) == (size_t)size);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path_of("script"), 0755), 0);
}

static void start(void)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &world.cert);
    world.run.cert = (struct view){bytes, writer_size(&w)};
    fencer_run(world.fencer, 5, &world.run);
}

/* Hangs (and is ended by Check) if nothing comes. */
static void finish(void)
{
    while (world.told == 0)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(world.told, 1);
    ck_assert_uint_eq(state().running, 0);
    ck_assert_uint_eq(world.owner, 5);
    ck_assert_uint_eq(world.id, world.run.id);
}

static void check_outcome(enum run_outcome outcome, const char *device, const char *text)
{
    start();
    finish();
    ck_assert_str_eq(world.last.text, text);
    ck_assert_int_eq(world.last.outcome, outcome);
    ck_assert_str_eq(world.last.device, device);
}

/* The verbs that the script was called with, as it kept them. */
static void check_verbs(const char *expected)
{
    char text[256] = "";
    FILE *file = fopen(path_of("verbs"), "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    ck_assert_str_eq(text, expected);
}

/* The pid that the script kept in $D/pid, once it is there whole. */
static pid_t kept_pid(void)
{
    int pid = 0;
    char end = 0;
    while (pid == 0 || end != '\n') {
        FILE *file = fopen(path_of("pid"), "r");
        if (file && fscanf(file, "%d%c", &pid, &end) != 2)
            pid = 0;
        if (file)
            fclose(file);
        usleep(10000);
    }
    return pid;
}

static bool runs(pid_t pid)
{
    struct process_look look;
    return process_look(pid, &look) == PROCESS_FOUND && look.state != 'Z' && look.state != 'X';
}

/* Hangs (and is ended by Check) if it never ends. */
static void await_end(pid_t pid)
{
    while (runs(pid))
        usleep(10000);
}

/* --- What the script says --- */

START_TEST(off)
{
    script("[ $1 = off ] && exit 0\necho lab:n1\necho more\nexit 2");
    check_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
    check_verbs("off\nstatus\n");
}
END_TEST

START_TEST(says_on)
{
    script("echo ' lab:n1 '; exit 0");
    check_outcome(RUN_ON, "lab:n1", "off: done; status: on");
}
END_TEST

START_TEST(status_alone)
{
    script("echo lab:n1; exit 2");
    world.run.kind = EXECUTOR_STATUS;
    check_outcome(RUN_OFF, "lab:n1", "status: off");
    check_verbs("status\n");
}
END_TEST

/* A status that says off does not make up for an off that failed. */
START_TEST(off_fails)
{
    script("[ $1 = off ] && { echo; echo no route >&2; echo more >&2; exit 1; }\nexit 2");
    check_outcome(RUN_UNKNOWN, "", "off: exit 1: no route");
    check_verbs("off\n");
}
END_TEST

START_TEST(status_fails)
{
    script("[ $1 = off ] && exit 0\necho 'not\tknown \001' >&2; exit 1");
    check_outcome(RUN_UNKNOWN, "", "status: exit 1: not?known ?");
}
END_TEST

START_TEST(dies_by_a_signal)
{
    script("kill -TERM $$");
    check_outcome(RUN_UNKNOWN, "", "off: signal 15");
}
END_TEST

START_TEST(device_is_garbage)
{
    script("[ $1 = off ] && exit 0\nprintf '\\377\\001 x\\n'; exit 2");
    check_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* One that fits only when it is cut would be another device's identity. */
START_TEST(device_is_long)
{
    script("[ $1 = off ] && exit 0\nprintf '%064d\\n' 7; exit 2");
    check_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

START_TEST(prints_a_megabyte)
{
    script("[ $1 = status ] && echo lab:n1\nhead -c 1000000 /dev/zero | tr '\\0' x\n"
           "head -c 1000000 /dev/zero | tr '\\0' y >&2\n[ $1 = off ] && exit 0; exit 2");
    check_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
}
END_TEST

START_TEST(long_complaint)
{
    script("head -c 5000 /dev/zero | tr '\\0' z >&2; exit 3");
    start();
    finish();
    ck_assert_uint_eq(strlen(world.last.text), FENCE_TEXT_MAX);
    ck_assert_ptr_nonnull(strstr(world.last.text, "off: exit 3: zzz"));
}
END_TEST

START_TEST(closes_its_outputs)
{
    script("exec >&- 2>&-\n[ $1 = off ] && exit 0; sleep 0.2; exit 2");
    check_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* Only what the contract names; no descriptor of the executor's; nothing to read. */
START_TEST(environment)
{
    char order[2 * DIGEST_SIZE + 1], body[SCRIPT_SIZE / 2];
    struct digest digest = order_digest(&world.cert.order);
    hex_encode(order, digest.bytes, DIGEST_SIZE);
    snprintf(
        body, sizeof body,
        "[ $1 = off ] && exit 0\n"
        "[ \"$HOLDFAST_NODE $HOLDFAST_SLOT $HOLDFAST_LIFE $HOLDFAST_INFO.\" = 'n1 3 7 vm 4.' ] || "
        "exit 11\n[ $HOLDFAST_ORDER = %s ] || exit 12\n[ -z \"$HOME$SECRET\" ] || exit 13\n"
        "[ -z \"$(cat)\" ] || exit 14\n"
        "for fd in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && readlink /proc/$$/fd/$fd | "
        "grep -v script && exit 15; done\n[ $(pwd) = / ] || exit 16\nexit 2",
        order);
    setenv("SECRET", "of the executor", 1);
    world.run.info = (struct view){(const uint8_t *)"vm 4", 4};
    script(body);
    check_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* --- Time and processes --- */

START_TEST(hangs)
{
    world.config.actions[0].deadline = SPAN_MS(1000);
    script("[ $1 = off ] && exit 0\necho $$ >$D/pid; trap '' TERM; while :; do sleep 1; done");
    check_outcome(RUN_UNKNOWN, "", "status: timed out after 1 s");
    ck_assert(!runs(kept_pid()));
}
END_TEST

/* What it leaves behind in its group does not go on, and nobody waits for it. */
START_TEST(background_child)
{
    script("if [ $1 = off ]; then sleep 1000 & echo $! >$D/pid; exit 0; fi\necho lab:n1; exit 2");
    check_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
    ck_assert(!runs(kept_pid()));
}
END_TEST

/* The deadline holds while nobody turns the executor's loop, as when it is stopped. */
START_TEST(executor_stopped)
{
    world.config.actions[0].deadline = SPAN_MS(1000);
    script("echo $$ >$D/pid; while :; do sleep 1; done");
    start();
    await_end(kept_pid());
    finish();
    ck_assert_str_eq(world.last.text, "off: timed out after 1 s");
}
END_TEST

START_TEST(executor_dies)
{
    script("echo $$ >$D/pid; trap '' HUP TERM; while :; do sleep 1; done");
    pid_t executor = fork();
    ck_assert(executor >= 0);
    if (executor == 0) {
        start();
        for (;;)
            pause();
    }
    pid_t pid = kept_pid();
    ck_assert(runs(pid));
    ck_assert_int_eq(kill(executor, SIGKILL), 0);
    ck_assert(waitpid(executor, NULL, 0) == executor);
    await_end(pid);
}
END_TEST

START_TEST(executor_closes)
{
    script("echo $$ >$D/pid; while :; do sleep 1; done");
    start();
    pid_t pid = kept_pid();
    close_fencer();
    await_end(pid);
    ck_assert_uint_eq(world.told, 0);
    open_fencer();
}
END_TEST

/* Whoever asked is gone, so nobody would hear of the outcome. */
START_TEST(owner_gone)
{
    script("echo $$ >$D/pid; while :; do sleep 1; done");
    start();
    pid_t pid = kept_pid();
    fencer_forget(world.fencer, 4);
    ck_assert(runs(pid));
    fencer_forget(world.fencer, 5);
    await_end(pid);
    ck_assert_uint_eq(world.told, 0);
    ck_assert_uint_eq(state().running, 0);
}
END_TEST

/* The same run twice is one run. */
START_TEST(twice)
{
    script("exit 2");
    world.run.kind = EXECUTOR_STATUS;
    start();
    start();
    ck_assert_uint_eq(state().running, 1);
    ck_assert_str_eq(world.last.text, "action power: under way already");
    world.told = 0;
    finish();
    check_verbs("status\n");
}
END_TEST

/* --- Once for each life (F9) --- */

static void check_once(const char *word)
{
    world.told = 0;
    start();
    ck_assert_uint_eq(world.told, 1);
    ck_assert_int_eq(world.last.outcome, RUN_UNKNOWN);
    ck_assert_msg(strstr(world.last.text, word), "not in it: %s: %s", word, world.last.text);
    check_verbs("off\nstatus\n");
}

static void against_life(uint64_t life)
{
    struct order order = fixture_order(&world.roster, TARGET);
    order.life = world.run.life = life;
    world.cert = fixture_order_cert(&order, 0, 2, 1u << 1, &world.config.cluster);
}

START_TEST(once_per_life)
{
    script("[ $1 = off ] && exit 0; exit 2");
    start();
    finish();
    check_once("acts once");
    against_life(6);
    check_once("a later life");
    against_life(8);
    world.told = 0;
    start();
    finish();
    check_verbs("off\nstatus\noff\nstatus\n");
}
END_TEST

/* Also one that failed, and across a restart; what is written is there before the driver is. */
START_TEST(once_over_restarts)
{
    script("cp $D/acts $D/pid; exit 1");
    start();
    finish();
    FILE *seen = fopen(path_of("pid"), "r");
    static uint8_t bytes[ACTS_FILE_MAX];
    static struct acts_table table;
    ck_assert_ptr_nonnull(seen);
    size_t size = fread(bytes, 1, sizeof bytes, seen);
    fclose(seen);
    ck_assert(acts_decode(&table, &world.config.cluster, bytes, size));
    ck_assert_uint_eq(table.count, 1);
    ck_assert_uint_eq(table.list[0].life, world.run.life);
    close_fencer();
    open_fencer();
    world.told = 0;
    start();
    ck_assert_uint_eq(world.told, 1);
    ck_assert_ptr_nonnull(strstr(world.last.text, "acts once"));
    check_verbs("off\n");
}
END_TEST

/* Without the record nothing is done. */
START_TEST(not_written)
{
    script("exit 2");
    ck_assert_int_eq(mkdir(path_of("acts.new"), 0700), 0);
    start();
    ck_assert_uint_eq(world.told, 1);
    ck_assert_ptr_nonnull(strstr(world.last.text, "cannot be noted down"));
    check_verbs("");
    ck_assert_int_eq(rmdir(path_of("acts.new")), 0);
}
END_TEST

/* A status query is no act. */
START_TEST(status_again)
{
    script("exit 2");
    world.run.kind = EXECUTOR_STATUS;
    for (int i = 0; i < 3; i++) {
        world.told = 0;
        start();
        finish();
    }
    ck_assert_uint_eq(state().acts, 0);
    check_verbs("status\nstatus\nstatus\n");
}
END_TEST

/* Nobody is switched on that was not switched off here, by a device. */
START_TEST(on_alone)
{
    script("exit 0");
    world.run.kind = EXECUTOR_ON;
    start();
    ck_assert_uint_eq(world.told, 1);
    ck_assert_ptr_nonnull(strstr(world.last.text, "did not switch that life off"));
    check_verbs("");
}
END_TEST

START_TEST(bounded)
{
    script("exit 2");
    world.run.kind = EXECUTOR_STATUS;
    for (size_t i = 0; i <= EFFECTS_RUNS_MAX; i++) {
        against_life(100 + i);
        start();
    }
    ck_assert_uint_eq(state().running, EFFECTS_RUNS_MAX);
    ck_assert_uint_eq(world.told, 1);
    ck_assert_str_eq(world.last.text, "action power: too many drivers run on this node");
    while (state().running > 0)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(world.told, EFFECTS_RUNS_MAX + 1);
}
END_TEST

/* --- What is refused --- */

/* Refused at once, with that word, and without a call of the script. */
static void check_refused(const char *word)
{
    script("exit 2");
    start();
    ck_assert_uint_eq(world.told, 1);
    ck_assert_int_eq(world.last.outcome, RUN_UNKNOWN);
    ck_assert_msg(strstr(world.last.text, word), "not in it: %s: %s", word, world.last.text);
    ck_assert_uint_eq(state().running, 0);
    check_verbs("");
}

START_TEST(too_few_votes)
{
    world.cert = fixture_order_cert(&world.cert.order, 0, 1, 1u << 1, &world.config.cluster);
    check_refused(order_verdict_text(ORDER_TOO_FEW));
}
END_TEST

/* Votes that allow the target to be retired allow no script. */
START_TEST(other_action)
{
    world.cert = fixture_order_cert(&world.cert.order, 0, 2, 1u, &world.config.cluster);
    check_refused(order_verdict_text(ORDER_TOO_FEW));
}
END_TEST

START_TEST(forged)
{
    world.cert.votes[1].signature.bytes[5] ^= 1;
    check_refused("does not verify");
}
END_TEST

START_TEST(other_life)
{
    world.run.life++;
    check_refused("another node, life or order");
}
END_TEST

START_TEST(other_cluster)
{
    struct cluster_id other = world.config.cluster;
    other.bytes[0] ^= 1;
    world.cert = fixture_order_cert(&world.cert.order, 0, 2, 1u << 1, &other);
    check_refused("does not verify");
}
END_TEST

START_TEST(own_node)
{
    world.run.slot = world.identity.self;
    check_refused("its own node");
}
END_TEST

START_TEST(retire)
{
    world.run.action = ACTION_RETIRE;
    check_refused("retire");
}
END_TEST

START_TEST(no_certificate)
{
    script("exit 2");
    world.run.cert = (struct view){NULL, 0};
    fencer_run(world.fencer, 5, &world.run);
    ck_assert_uint_eq(world.told, 1);
    ck_assert_ptr_nonnull(strstr(world.last.text, "not an order"));
}
END_TEST

START_TEST(no_section)
{
    world.config.actions[0].name[0] = 'x';
    check_refused("no script for it");
}
END_TEST

START_TEST(script_missing)
{
    start();
    ck_assert_ptr_nonnull(strstr(world.last.text, strerror(ENOENT)));
    ck_assert_int_eq(world.last.outcome, RUN_UNKNOWN);
}
END_TEST

START_TEST(script_not_executable)
{
    script("exit 2");
    ck_assert_int_eq(chmod(path_of("script"), 0644), 0);
    start();
    ck_assert_ptr_nonnull(strstr(world.last.text, strerror(EACCES)));
}
END_TEST

/* It may be executed, but its interpreter is not there. */
START_TEST(no_interpreter)
{
    FILE *file = fopen(path_of("script"), "w");
    ck_assert(file && fputs("#!/nonexistent/interpreter\n", file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path_of("script"), 0755), 0);
    start();
    finish();
    ck_assert_ptr_nonnull(strstr(world.last.text, "off: exit 127: cannot be executed: "));
    ck_assert_int_eq(world.last.outcome, RUN_UNKNOWN);
}
END_TEST

Suite *suite_fencer(void)
{
    const TTest *const tests[] = {
        off,
        says_on,
        status_alone,
        off_fails,
        status_fails,
        dies_by_a_signal,
        device_is_garbage,
        device_is_long,
        prints_a_megabyte,
        long_complaint,
        closes_its_outputs,
        environment,
        hangs,
        background_child,
        executor_stopped,
        executor_dies,
        executor_closes,
        owner_gone,
        twice,
        once_per_life,
        once_over_restarts,
        not_written,
        status_again,
        on_alone,
        bounded,
        too_few_votes,
        other_action,
        forged,
        other_life,
        other_cluster,
        own_node,
        retire,
        no_certificate,
        no_section,
        script_missing,
        script_not_executable,
        no_interpreter,
    };
    Suite *s = suite_create("fencer");
    TCase *c = tcase_create("fencer");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
