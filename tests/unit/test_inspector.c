/* What the executor tells of its devices without an order (node/inspector.h). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/inspector.h"
#include "tests/unit/fencer_play.h"

Suite *suite_inspector(void);

enum { MANY = 600, OWNER = 4 };

static struct config_device devices[MANY];
static struct inspector *inspector;
static unsigned told;
static uint64_t told_owner;
static struct executor_answer last;

static void note(void *context, uint64_t owner, const struct executor_answer *answer)
{
    (void)context;
    told++;
    told_owner = owner;
    last = *answer;
}

/* Keeps "NAME ACTION" in $D/verbs. */
static void agent(size_t index, const char *name, const char *node, const char *body)
{
    struct config_device *d = &devices[index];
    *d = (struct config_device){.login_timeout = SPAN_MS(1000), .power_timeout = SPAN_MS(1000)};
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->node, sizeof d->node, "%s", node);
    snprintf(d->fixed, sizeof d->fixed, "lab:%s", node);
    d->agent = strdup(drive_path(name));
    drive.config.devices = (struct config_devices){index + 1, devices};
    if (!body)
        return; /* it is not there */
    FILE *file = fopen(d->agent, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "#!/bin/sh\nD=%s\nwhile read -r line; do case $line in action=*) "
            "action=${line#action=} ;; esac; done\necho \"%s $action\" >>$D/verbs\n%s\n",
            drive.dir, name, body);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(d->agent, 0755), 0);
}

static void begin(void)
{
    told = 0;
    inspector =
        inspector_open(drive.base, &drive.clock, &drive.config, &drive.identity, note, NULL);
}

static void end(void)
{
    inspector_close(inspector);
    for (size_t i = 0; i < drive.config.devices.count; i++) {
        unlink(devices[i].agent);
        free(devices[i].agent);
    }
    drive.config.devices.count = 0;
}

static bool ask(uint64_t owner, uint32_t index, bool busy)
{
    struct executor_request request = {.type = EXECUTOR_ASK_PART, .id = index + 10, .index = index};
    return inspector_ask(inspector, owner, &request, busy);
}

/* Hangs (and is ended by Check) if nothing comes. */
static void hear(void)
{
    while (told == 0)
        ck_assert(event_base_loop(drive.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(told, 1);
    told = 0;
}

static const struct executor_answer *part(uint32_t index)
{
    ck_assert(ask(OWNER, index, false));
    hear();
    ck_assert_int_eq(last.type, EXECUTOR_PART);
    ck_assert_uint_eq(last.id, index + 10);
    ck_assert_uint_eq(told_owner, OWNER);
    return &last;
}

/* The part of a device: behind the two actions of the roster. */
static void check_device(uint32_t index, enum run_outcome outcome, bool good, const char *text)
{
    const struct executor_answer *a = part(2 + index);
    ck_assert_int_eq(a->part.kind, EXECUTOR_PART_DEVICE);
    ck_assert_str_eq(a->part.name, devices[index].name);
    ck_assert_int_eq(a->outcome, outcome);
    ck_assert_int_eq(a->part.good, good);
    ck_assert_msg(strstr(a->text, text), "%s", a->text);
}

START_TEST(devices_say_how_their_machines_are)
{
    agent(0, "on", "n1", "[ $action = status ]");
    agent(1, "off", "n2", "exit 2");
    agent(2, "dead", "n1", "echo no route >&2; exit 1");
    agent(3, "none", "n2", NULL);
    agent(4, "other", "n1", "exit 0");
    snprintf(devices[4].fixed, DEVICE_SIZE, "lab:another");
    begin();
    ck_assert_uint_eq(part(0)->part.count, 7);
    check_device(0, RUN_ON, true, "on: status: on");
    ck_assert_str_eq(last.device, "lab:n1");
    ck_assert_uint_eq(last.part.slot, drive.roster.nodes[1].slot);
    check_device(1, RUN_OFF, true, "off: status: off");
    check_device(2, RUN_UNKNOWN, false, "dead: status: exit 1: no route");
    check_device(3, RUN_UNKNOWN, false, "none: status: ");
    check_device(4, RUN_ON, false, "status: on"); /* and not the one that the roster names */
    ck_assert_int_eq(part(7)->part.kind, EXECUTOR_PART_NONE);
    end();
}
END_TEST

START_TEST(actions)
{
    drive_script("exit 0");
    begin();
    ck_assert_int_eq(part(0)->part.kind, EXECUTOR_PART_SCRIPT);
    ck_assert_str_eq(last.part.name, "power");
    ck_assert(last.part.good);
    ck_assert_uint_eq(last.part.count, 2);
    ck_assert_int_eq(part(1)->part.kind, EXECUTOR_PART_MISSING);
    ck_assert(!last.part.good);
    ck_assert_int_eq(chmod(drive.config.actions[0].exec, 0600), 0);
    ck_assert(!part(0)->part.good);
    ck_assert_str_eq(last.text, "Permission denied");
    free(drive.config.actions[0].exec);
    drive.config.actions[0].exec = NULL;
    ck_assert_int_eq(part(0)->part.kind, EXECUTOR_PART_DEVICES);
    drive_verbs(""); /* a script is not run without an order */
    end();
}
END_TEST

/* However often it is asked, and by whomever. */
START_TEST(devices_are_asked_once)
{
    agent(0, "bmc", "n1", "sleep 0.2; exit 0");
    begin();
    ck_assert(ask(1, 0, false));
    ck_assert(ask(2, 2, false));
    ck_assert(!ask(2, 0, false)); /* it waits already */
    ck_assert(ask(3, 0, false));
    inspector_forget(inspector, 3);
    while (told < 2)
        ck_assert(event_base_loop(drive.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(told, 2);
    told = 0;
    for (uint32_t i = 0; i < 20; i++)
        part(i % 4);
    drive_verbs("bmc status\n");
    end();
}
END_TEST

START_TEST(too_many_wait)
{
    agent(0, "bmc", "n1", "sleep 1; exit 0");
    begin();
    for (uint64_t owner = 1; owner <= INSPECTOR_WAITERS_MAX; owner++)
        ck_assert(ask(owner, 0, false));
    ck_assert(!ask(99, 0, false));
    end();
}
END_TEST

START_TEST(an_order_comes_first)
{
    agent(0, "slow", "n1", "echo $$ >$D/pid; sleep 1000");
    begin();
    ck_assert(ask(OWNER, 0, false));
    pid_t pid = drive_pid();
    inspector_yield(inspector);
    hear();
    ck_assert(ask(OWNER, 2, false));
    hear();
    ck_assert(!last.part.good);
    ck_assert_str_eq(last.text, "stopped: an order is being carried out");
    drive_await_end(pid);
    ck_assert(ask(OWNER, 0, true));
    hear();
    check_device(0, RUN_UNKNOWN, false, "not asked: an order is being carried out");
    drive_verbs("slow status\n");
    end();
}
END_TEST

/* A silent one ends by its time; a closed inspector leaves nobody behind. */
START_TEST(silent)
{
    agent(0, "slow", "n1", "echo $$ >$D/pid; sleep 1000");
    devices[0].login_timeout = SPAN_MS(-2000); /* with the margin: a second in all */
    begin();
    part(0);
    check_device(0, RUN_UNKNOWN, false, "slow: status: timed out after 1 s");
    ck_assert(!drive_runs(drive_pid()));
    inspector_yield(inspector); /* nothing is asked: nothing happens */
    check_device(0, RUN_UNKNOWN, false, "timed out");
    inspector_close(inspector);
    begin();
    unlink(drive_path("pid"));
    ck_assert(ask(OWNER, 0, false));
    pid_t pid = drive_pid();
    inspector_close(inspector);
    drive_await_end(pid);
    begin();
    end();
}
END_TEST

/* Many that end at once: side by side, no deeper than one, and never more than the bound. */
START_TEST(many)
{
    static char secrets[] = "/nowhere";
    char name[32];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        agent(i, name, "n2", NULL);
        devices[i].secrets = i < MANY - 20 ? secrets : NULL;
    }
    begin();
    part(0);
    check_device(0, RUN_UNKNOWN, false, "/nowhere");
    check_device(MANY - 1, RUN_UNKNOWN, false, "status: ");
    end();
}
END_TEST

Suite *suite_inspector(void)
{
    const TTest *const tests[] = {devices_say_how_their_machines_are,
                                  actions,
                                  devices_are_asked_once,
                                  too_many_wait,
                                  an_order_comes_first,
                                  silent,
                                  many};
    Suite *s = suite_create("inspector");
    TCase *c = tcase_create("inspector");
    tcase_add_checked_fixture(c, drive_setup, drive_teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
