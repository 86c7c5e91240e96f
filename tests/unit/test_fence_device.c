/* Fence agents by their standard input, several for one node (F6b): the driver of devices. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fencer_play.h"

Suite *suite_fence_device(void);

static struct config_device devices[3];

/* `body` sees the action as $action, and keeps "DEVICE ACTION" in $D/verbs. */
static void agent(size_t index, const char *name, const char *body)
{
    char text[PLAY_SCRIPT_SIZE];
    int size =
        snprintf(text, sizeof text,
                 "#!/bin/sh\nD=%s\nwhile read -r line; do case $line in action=*) "
                 "action=${line#action=} ;; esac; done\necho \"%s $action\" >>$D/verbs\n%s\n",
                 drive.dir, name, body);
    struct config_device *d = &devices[index];
    *d = (struct config_device){
        .power_on = true, .login_timeout = SPAN_MS(5000), .power_timeout = SPAN_MS(20000)};
    snprintf(d->name, sizeof d->name, "%s", name);
    memcpy(d->node, "n1", sizeof "n1");
    memcpy(d->fixed, "lab:n1", sizeof "lab:n1");
    d->agent = strdup(drive_path(name));
    FILE *file = fopen(d->agent, "w");
    ck_assert(file && fwrite(text, 1, (size_t)size, file) == (size_t)size);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(d->agent, 0755), 0);
    free(drive.config.actions[0].exec);
    drive.config.actions[0].exec = NULL;
    drive.config.devices = (struct config_devices){index + 1, devices};
}

static void drop_agents(void)
{
    for (size_t i = 0; i < drive.config.devices.count; i++) {
        unlink(devices[i].agent);
        free(devices[i].agent);
    }
    drive.config.devices.count = 0;
}

START_TEST(agent_says_off)
{
    agent(0, "bmc", "case $action in off) exit 0 ;; status) exit 2 ;; on) exit 0 ;; esac; exit 1");
    drive_outcome(RUN_OFF, "lab:n1", "bmc: off: done; status: off");
    drive.run.kind = EXECUTOR_ON; /* once, and only after that */
    drive.told = 0;
    drive_start();
    drive_finish();
    ck_assert_str_eq(drive.last.text, "bmc: on: done");
    drive.told = 0;
    drive_start();
    ck_assert_ptr_nonnull(strstr(drive.last.text, "did not switch that life off"));
    drive_verbs("bmc off\nbmc status\nbmc on\n");
    drop_agents();
}
END_TEST

/* In the order of the file; one that cannot, one that lies, one that does it. */
START_TEST(devices_in_order)
{
    agent(0, "dead", "echo no route >&2; exit 1");
    agent(1, "liar", "exit 0");
    agent(2, "good", "[ $action = off ] && exit 0; exit 2");
    drive_outcome(RUN_OFF, "lab:n1", "good: off: done; status: off");
    drive_verbs("dead off\nliar off\nliar status\ngood off\ngood status\n");
    drop_agents();
}
END_TEST

START_TEST(devices_all_fail)
{
    agent(0, "liar", "exit 0");
    agent(1, "dead", "echo no route >&2; exit 1");
    drive_outcome(RUN_UNKNOWN, "lab:n1", "dead: off: exit 1: no route");
    drop_agents();
}
END_TEST

/* A time-out is not success, and leaves nobody behind. */
START_TEST(device_hangs)
{
    agent(0, "slow", "echo $$ >$D/pid; sleep 1000");
    devices[0].login_timeout = SPAN_MS(0);
    devices[0].power_timeout = SPAN_MS(-2000); /* with the margin: a second in all */
    drive_outcome(RUN_UNKNOWN, "lab:n1", "slow: off: timed out after 1 s");
    ck_assert(!drive_runs(drive_pid()));
    drop_agents();
}
END_TEST

/* Another node's device is none of its own. */
START_TEST(no_device)
{
    agent(0, "other", "exit 2");
    memcpy(devices[0].node, "n2", sizeof "n2");
    drive_start();
    ck_assert_ptr_nonnull(strstr(drive.last.text, "has no device of node n1"));
    drive_verbs("");
    drop_agents();
}
END_TEST

/* What a device prints of its secrets is masked, wherever it goes. */
START_TEST(secret_in_the_output)
{
    char path[PLAY_PATH_SIZE];
    snprintf(path, sizeof path, "%s", drive_path("pid"));
    FILE *file = fopen(path, "w");
    ck_assert(file && fputs("password=hunter2\n", file) >= 0 && fclose(file) == 0);
    ck_assert_int_eq(chmod(path, 0600), 0);
    agent(0, "chatty", "echo ipmitool -P hunter2 failed >&2; exit 1");
    devices[0].secrets = path;
    drive_outcome(RUN_UNKNOWN, "lab:n1", "chatty: off: exit 1: ipmitool -P *** failed");
    devices[0].secrets = NULL;
    drop_agents();
}
END_TEST

Suite *suite_fence_device(void)
{
    const TTest *const tests[] = {agent_says_off, devices_in_order, devices_all_fail,
                                  device_hangs,   no_device,        secret_in_the_output};
    Suite *s = suite_create("fence_device");
    TCase *c = tcase_create("fence_device");
    tcase_add_checked_fixture(c, drive_setup, drive_teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
