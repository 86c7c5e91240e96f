/* What the tests of the fencer share: see fencer_play.h. */
#include "tests/unit/fencer_play.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/log.h"

struct fencer_play drive;

const char *drive_path(const char *name)
{
    static char path[PLAY_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", drive.dir, name);
    return path;
}

static void note_executed(void *context, uint64_t owner, uint64_t id,
                          const struct driver_result *result)
{
    (void)context;
    drive.told++;
    drive.owner = owner;
    drive.id = id;
    drive.last = *result;
}

void drive_open(void)
{
    struct fault fault = {0};
    drive.acts = acts_open(drive.dir, &drive.config.cluster, &fault);
    ck_assert_msg(drive.acts != NULL, "%s", fault.text);
    drive.fencer = fencer_open(drive.base, &drive.clock, &drive.config, &drive.identity, drive.acts,
                               NULL, note_executed, NULL);
}

void drive_close(void)
{
    fencer_close(drive.fencer);
    acts_close(drive.acts);
}

struct executor_state drive_state(void)
{
    struct executor_state found = {0};
    fencer_state(drive.fencer, &found);
    return found;
}

void play_configure(struct config *config, struct identity *identity, struct roster *roster,
                    const char *script)
{
    struct digest digest = fixture_digest(roster);
    memcpy(config->cluster.bytes, digest.bytes, DIGEST_SIZE);
    config->action_count = 1;
    memcpy(config->actions[0].name, "power", sizeof "power");
    config->actions[0].exec = strdup(script);
    config->actions[0].deadline = SPAN_MS(60000);
    identity->roster = roster;
    identity->roster_digest = digest;
    identity->node = &roster->nodes[PLAY_SELF];
    identity->self = identity->node->slot;
}

void drive_setup(void)
{
    struct fault fault = {0};
    const char *tmp = getenv("TMPDIR");
    log_open(LOG_LEVEL_ERROR); /* the transcript says the rest */
    memset(&drive, 0, sizeof drive);
    snprintf(drive.dir, sizeof drive.dir, "%s/test_fencer.XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(drive.dir));
    fixture_roster(&drive.roster, 3, 1);
    fixture_session_action(&drive.roster);
    play_configure(&drive.config, &drive.identity, &drive.roster, drive_path("script"));
    struct order order = fixture_order(&drive.roster, PLAY_TARGET);
    drive.cert = fixture_order_cert(&order, 0, 2, 1u << 1, &drive.config.cluster);
    drive.run = (struct executor_request){.type = EXECUTOR_RUN,
                                          .id = 71,
                                          .kind = EXECUTOR_OFF,
                                          .slot = order.slot,
                                          .life = order.life,
                                          .action = 1,
                                          .begin_by = instant_after(clock_now(), PLAY_SPAN),
                                          .end_by = instant_after(clock_now(), PLAY_SPAN)};
    drive.base = event_base_new();
    ck_assert(clock_open(&drive.clock, drive.base, &fault));
    drive_open();
}

void drive_teardown(void)
{
    static const char *const files[] = {"script", "pid", "verbs", "acts", "acts.new"};
    drive_close();
    clock_close(&drive.clock);
    event_base_free(drive.base);
    free(drive.config.actions[0].exec);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(drive_path(files[i]));
    rmdir(drive.dir);
}

void drive_script(const char *body)
{
    char text[PLAY_SCRIPT_SIZE];
    int size = snprintf(text, sizeof text, "#!/bin/sh\nD=%s\necho \"$1\" >>$D/verbs\n%s\n",
                        drive.dir, body);
    FILE *file = fopen(drive_path("script"), "w");
    ck_assert(file && fwrite(text, 1, (size_t)size, file) == (size_t)size);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(drive_path("script"), 0755), 0);
}

void drive_start(void)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &drive.cert);
    drive.run.cert = (struct view){bytes, writer_size(&w)};
    fencer_run(drive.fencer, 5, &drive.run);
}

void drive_finish(void)
{
    while (drive.told == 0)
        ck_assert(event_base_loop(drive.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(drive.told, 1);
    ck_assert_uint_eq(drive_state().running, 0);
    ck_assert_uint_eq(drive.owner, 5);
    ck_assert_uint_eq(drive.id, drive.run.id);
}

void drive_outcome(enum run_outcome outcome, const char *device, const char *text)
{
    drive_start();
    drive_finish();
    ck_assert_str_eq(drive.last.text, text);
    ck_assert_int_eq(drive.last.outcome, outcome);
    ck_assert_str_eq(drive.last.device, device);
}

void drive_verbs(const char *expected)
{
    char text[256] = "";
    FILE *file = fopen(drive_path("verbs"), "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    ck_assert_str_eq(text, expected);
}

pid_t drive_pid(void)
{
    int pid = 0;
    char end = 0;
    while (pid == 0 || end != '\n') {
        FILE *file = fopen(drive_path("pid"), "r");
        if (file && fscanf(file, "%d%c", &pid, &end) != 2)
            pid = 0;
        if (file)
            fclose(file);
        usleep(10000);
    }
    return pid;
}

bool drive_runs(pid_t pid)
{
    struct process_look look;
    return process_look(pid, &look) == PROCESS_FOUND && look.state != 'Z' && look.state != 'X';
}

void drive_await_end(pid_t pid)
{
    while (drive_runs(pid))
        usleep(10000);
}
