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

#include "tests/unit/fencer_play.h"

Suite *suite_fencer(void);

/* --- What the script says --- */

START_TEST(off)
{
    drive_script("[ $1 = off ] && exit 0\necho lab:n1\necho more\nexit 2");
    drive_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
    drive_verbs("off\nstatus\n");
}
END_TEST

START_TEST(says_on)
{
    drive_script("echo ' lab:n1 '; exit 0");
    drive_outcome(RUN_ON, "lab:n1", "off: done; status: on");
}
END_TEST

START_TEST(status_alone)
{
    drive_script("echo lab:n1; exit 2");
    drive.run.kind = EXECUTOR_STATUS;
    drive_outcome(RUN_OFF, "lab:n1", "status: off");
    drive_verbs("status\n");
}
END_TEST

/* A status that says off does not make up for an off that failed. */
START_TEST(off_fails)
{
    drive_script("[ $1 = off ] && { echo; echo no route >&2; echo more >&2; exit 1; }\nexit 2");
    drive_outcome(RUN_UNKNOWN, "", "off: exit 1: no route");
    drive_verbs("off\n");
}
END_TEST

START_TEST(status_fails)
{
    drive_script("[ $1 = off ] && exit 0\necho 'not\tknown \001' >&2; exit 1");
    drive_outcome(RUN_UNKNOWN, "", "status: exit 1: not?known ?");
}
END_TEST

START_TEST(dies_by_a_signal)
{
    drive_script("kill -TERM $$");
    drive_outcome(RUN_UNKNOWN, "", "off: signal 15");
}
END_TEST

START_TEST(device_is_garbage)
{
    drive_script("[ $1 = off ] && exit 0\nprintf '\\377\\001 x\\n'; exit 2");
    drive_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* One that fits only when it is cut would be another device's identity. */
START_TEST(device_is_long)
{
    drive_script("[ $1 = off ] && exit 0\nprintf '%064d\\n' 7; exit 2");
    drive_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

START_TEST(prints_a_megabyte)
{
    drive_script("[ $1 = status ] && echo lab:n1\nhead -c 1000000 /dev/zero | tr '\\0' x\n"
                 "head -c 1000000 /dev/zero | tr '\\0' y >&2\n[ $1 = off ] && exit 0; exit 2");
    drive_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
}
END_TEST

START_TEST(long_complaint)
{
    drive_script("head -c 5000 /dev/zero | tr '\\0' z >&2; exit 3");
    drive_start();
    drive_finish();
    ck_assert_uint_eq(strlen(drive.last.text), FENCE_TEXT_MAX);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "off: exit 3: zzz"));
}
END_TEST

START_TEST(closes_its_outputs)
{
    drive_script("exec >&- 2>&-\n[ $1 = off ] && exit 0; sleep 0.2; exit 2");
    drive_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* An order about a session, as its holder worded it. */
static void drive_session(const char *info)
{
    struct order about = fixture_session_order(&drive.roster, PLAY_TARGET, 9, info);
    struct config_action *action = &drive.config.actions[1];
    *action = drive.config.actions[0];
    memcpy(action->name, "end-session", sizeof "end-session");
    drive.config.action_count = 2;
    drive.cert = fixture_order_cert(&about, 0, 2, 1u << 2, &drive.config.cluster);
    drive.run.action = 2;
    drive.run.info = (struct view){(const uint8_t *)"vm 4", 4};
}

/* Only what the contract names; no descriptor of the executor's; nothing to read. */
START_TEST(environment)
{
    drive_session("vm 4");
    char order[2 * DIGEST_SIZE + 1], body[PLAY_SCRIPT_SIZE / 2];
    struct digest digest = order_digest(&drive.cert.order);
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
    drive_script(body);
    drive_outcome(RUN_OFF, "", "off: done; status: off");
}
END_TEST

/* Whatever the agent says: only what the certificate names. */
START_TEST(other_info)
{
    static const char refused[] =
        "refused: the info is not the one that the certificate names (F4)";
    drive_script("echo ran >$D/verbs; exit 2");
    drive_session("vm 5");
    drive_outcome(RUN_UNKNOWN, "", refused);
    drive.told = 0;
    drive.run.info = (struct view){0};
    drive_outcome(RUN_UNKNOWN, "", refused);
    drive_verbs("");
}
END_TEST

/* --- Time and processes --- */

START_TEST(hangs)
{
    drive.config.actions[0].deadline = SPAN_MS(1000);
    drive_script(
        "[ $1 = off ] && exit 0\necho $$ >$D/pid; trap '' TERM; while :; do sleep 1; done");
    drive_outcome(RUN_UNKNOWN, "", "status: timed out after 1 s");
    ck_assert(!drive_runs(drive_pid()));
}
END_TEST

/* Whatever its own deadline is: the jurors' windows close then. */
START_TEST(ends_by)
{
    drive_script("[ $1 = off ] && exit 0\necho $$ >$D/pid; while :; do sleep 1; done");
    drive.run.end_by = instant_after(clock_now(), SPAN_MS(1000));
    drive_outcome(RUN_UNKNOWN, "",
                  "status: timed out: the time that was asked for it is over (F9)");
    ck_assert(!drive_runs(drive_pid()));
}
END_TEST

/* What it leaves behind in its group does not go on, and nobody waits for it. */
START_TEST(background_child)
{
    drive_script(
        "if [ $1 = off ]; then sleep 1000 & echo $! >$D/pid; exit 0; fi\necho lab:n1; exit 2");
    drive_outcome(RUN_OFF, "lab:n1", "off: done; status: off");
    ck_assert(!drive_runs(drive_pid()));
}
END_TEST

/* The deadline holds while nobody turns the executor's loop, as when it is stopped. */
START_TEST(executor_stopped)
{
    drive.config.actions[0].deadline = SPAN_MS(1000);
    drive_script("echo $$ >$D/pid; while :; do sleep 1; done");
    drive_start();
    drive_await_end(drive_pid());
    drive_finish();
    ck_assert_str_eq(drive.last.text, "off: timed out after 1 s");
}
END_TEST

START_TEST(executor_dies)
{
    drive_script("echo $$ >$D/pid; trap '' HUP TERM; while :; do sleep 1; done");
    pid_t executor = fork();
    ck_assert(executor >= 0);
    if (executor == 0) {
        drive_start();
        for (;;)
            pause();
    }
    pid_t pid = drive_pid();
    ck_assert(drive_runs(pid));
    ck_assert_int_eq(kill(executor, SIGKILL), 0);
    ck_assert(waitpid(executor, NULL, 0) == executor);
    drive_await_end(pid);
}
END_TEST

START_TEST(executor_closes)
{
    drive_script("echo $$ >$D/pid; while :; do sleep 1; done");
    drive_start();
    pid_t pid = drive_pid();
    drive_close();
    drive_await_end(pid);
    ck_assert_uint_eq(drive.told, 0);
    drive_open();
}
END_TEST

/* Whoever asked is gone, so nobody would hear of the outcome. */
START_TEST(owner_gone)
{
    drive_script("echo $$ >$D/pid; while :; do sleep 1; done");
    drive_start();
    pid_t pid = drive_pid();
    fencer_forget(drive.fencer, 4);
    ck_assert(drive_runs(pid));
    fencer_forget(drive.fencer, 5);
    drive_await_end(pid);
    ck_assert_uint_eq(drive.told, 0);
    ck_assert_uint_eq(drive_state().running, 0);
}
END_TEST

/* The same run twice is one run. */
START_TEST(twice)
{
    drive_script("exit 2");
    drive.run.kind = EXECUTOR_STATUS;
    drive_start();
    drive_start();
    ck_assert_uint_eq(drive_state().running, 1);
    ck_assert_str_eq(drive.last.text, "action power: under way already");
    drive.told = 0;
    drive_finish();
    drive_verbs("status\n");
}
END_TEST

/* --- Once for each life (F9) --- */

static void check_once(const char *word)
{
    drive.told = 0;
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_int_eq(drive.last.outcome, RUN_UNKNOWN);
    ck_assert_msg(strstr(drive.last.text, word), "not in it: %s: %s", word, drive.last.text);
    drive_verbs("off\nstatus\n");
}

static void against_life(uint64_t life)
{
    struct order order = fixture_order(&drive.roster, PLAY_TARGET);
    order.life = drive.run.life = life;
    drive.cert = fixture_order_cert(&order, 0, 2, 1u << 1, &drive.config.cluster);
}

START_TEST(once_per_life)
{
    drive_script("[ $1 = off ] && exit 0; exit 2");
    drive_start();
    drive_finish();
    check_once("acts once");
    against_life(6);
    check_once("a later life");
    against_life(8);
    drive.told = 0;
    drive_start();
    drive_finish();
    drive_verbs("off\nstatus\noff\nstatus\n");
}
END_TEST

/* Also one that failed, and across a restart; what is written is there before the driver is. */
START_TEST(once_over_restarts)
{
    drive_script("cp $D/acts $D/pid; exit 1");
    drive_start();
    drive_finish();
    FILE *seen = fopen(drive_path("pid"), "r");
    static uint8_t bytes[ACTS_FILE_MAX];
    static struct acts_table table;
    ck_assert_ptr_nonnull(seen);
    size_t size = fread(bytes, 1, sizeof bytes, seen);
    fclose(seen);
    ck_assert(acts_decode(&table, &drive.config.cluster, bytes, size));
    ck_assert_uint_eq(table.count, 1);
    ck_assert_uint_eq(table.list[0].life, drive.run.life);
    drive_close();
    drive_open();
    drive.told = 0;
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "acts once"));
    drive_verbs("off\n");
}
END_TEST

/* Asked while the executor hung: whatever the agent thinks of it by now, nothing is done (F9). */
START_TEST(begins_too_late)
{
    static const enum executor_kind kinds[] = {EXECUTOR_OFF, EXECUTOR_STATUS, EXECUTOR_ON};
    drive_script("exit 2");
    drive.run.begin_by = clock_now();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        drive.run.kind = kinds[i];
        drive.told = 0;
        drive_start();
        ck_assert_uint_eq(drive.told, 1);
        ck_assert_int_eq(drive.last.outcome, RUN_UNKNOWN);
        ck_assert_str_eq(drive.last.text, "refused: asked too late to begin (F9)");
    }
    ck_assert_uint_eq(drive_state().acts, 0);
    drive_verbs("");
}
END_TEST

/* Begun in time, and over before a driver could start. */
START_TEST(ended_before_it_began)
{
    drive_script("exit 2");
    drive.run.end_by = clock_now();
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "timed out"));
    drive_verbs("");
}
END_TEST

/* Without the record nothing is done. */
START_TEST(not_written)
{
    drive_script("exit 2");
    ck_assert_int_eq(mkdir(drive_path("acts.new"), 0700), 0);
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "cannot be noted down"));
    drive_verbs("");
    ck_assert_int_eq(rmdir(drive_path("acts.new")), 0);
}
END_TEST

/* A status query is no act. */
START_TEST(status_again)
{
    drive_script("exit 2");
    drive.run.kind = EXECUTOR_STATUS;
    for (int i = 0; i < 3; i++) {
        drive.told = 0;
        drive_start();
        drive_finish();
    }
    ck_assert_uint_eq(drive_state().acts, 0);
    drive_verbs("status\nstatus\nstatus\n");
}
END_TEST

/* Nobody is switched on that was not switched off here, by a device. */
START_TEST(on_alone)
{
    drive_script("exit 0");
    drive.run.kind = EXECUTOR_ON;
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "did not switch that life off"));
    drive_verbs("");
}
END_TEST

START_TEST(bounded)
{
    drive_script("exit 2");
    drive.run.kind = EXECUTOR_STATUS;
    for (size_t i = 0; i <= EFFECTS_RUNS_MAX; i++) {
        against_life(100 + i);
        drive_start();
    }
    ck_assert_uint_eq(drive_state().running, EFFECTS_RUNS_MAX);
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_str_eq(drive.last.text, "action power: too many drivers run on this node");
    while (drive_state().running > 0)
        ck_assert(event_base_loop(drive.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(drive.told, EFFECTS_RUNS_MAX + 1);
}
END_TEST

/* --- What is refused --- */

/* Refused at once, with that word, and without a call of the script. */
static void check_refused(const char *word)
{
    drive_script("exit 2");
    drive_start();
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_int_eq(drive.last.outcome, RUN_UNKNOWN);
    ck_assert_msg(strstr(drive.last.text, word), "not in it: %s: %s", word, drive.last.text);
    ck_assert_uint_eq(drive_state().running, 0);
    drive_verbs("");
}

START_TEST(too_few_votes)
{
    drive.cert = fixture_order_cert(&drive.cert.order, 0, 1, 1u << 1, &drive.config.cluster);
    check_refused(order_verdict_text(ORDER_TOO_FEW));
}
END_TEST

/* Votes that allow the target to be retired allow no script. */
START_TEST(other_action)
{
    drive.cert = fixture_order_cert(&drive.cert.order, 0, 2, 1u, &drive.config.cluster);
    check_refused(order_verdict_text(ORDER_TOO_FEW));
}
END_TEST

START_TEST(forged)
{
    drive.cert.votes[1].signature.bytes[5] ^= 1;
    check_refused("does not verify");
}
END_TEST

START_TEST(other_life)
{
    drive.run.life++;
    check_refused("another node, life or order");
}
END_TEST

START_TEST(other_cluster)
{
    struct cluster_id other = drive.config.cluster;
    other.bytes[0] ^= 1;
    drive.cert = fixture_order_cert(&drive.cert.order, 0, 2, 1u << 1, &other);
    check_refused("does not verify");
}
END_TEST

START_TEST(own_node)
{
    drive.run.slot = drive.identity.self;
    check_refused("its own node");
}
END_TEST

START_TEST(retire)
{
    drive.run.action = ACTION_RETIRE;
    check_refused("retire");
}
END_TEST

START_TEST(no_certificate)
{
    drive_script("exit 2");
    drive.run.cert = (struct view){NULL, 0};
    fencer_run(drive.fencer, 5, &drive.run);
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_ptr_nonnull(strstr(drive.last.text, "not an order"));
}
END_TEST

START_TEST(no_section)
{
    drive.config.actions[0].name[0] = 'x';
    check_refused("no script for it");
}
END_TEST

START_TEST(script_missing)
{
    drive_start();
    ck_assert_ptr_nonnull(strstr(drive.last.text, strerror(ENOENT)));
    ck_assert_int_eq(drive.last.outcome, RUN_UNKNOWN);
}
END_TEST

START_TEST(script_not_executable)
{
    drive_script("exit 2");
    ck_assert_int_eq(chmod(drive_path("script"), 0644), 0);
    drive_start();
    ck_assert_ptr_nonnull(strstr(drive.last.text, strerror(EACCES)));
}
END_TEST

/* It may be executed, but its interpreter is not there. */
START_TEST(no_interpreter)
{
    FILE *file = fopen(drive_path("script"), "w");
    ck_assert(file && fputs("#!/nonexistent/interpreter\n", file) >= 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(drive_path("script"), 0755), 0);
    drive_start();
    drive_finish();
    ck_assert_ptr_nonnull(strstr(drive.last.text, "off: exit 127: cannot be executed: "));
    ck_assert_int_eq(drive.last.outcome, RUN_UNKNOWN);
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
        other_info,
        hangs,
        ends_by,
        background_child,
        executor_stopped,
        executor_dies,
        executor_closes,
        owner_gone,
        twice,
        once_per_life,
        once_over_restarts,
        begins_too_late,
        ended_before_it_began,
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
    tcase_add_checked_fixture(c, drive_setup, drive_teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
