/* Stop sets, with real processes: empty means that nobody runs any more. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/holder.h"
#include "node/stopset.h"

Suite *suite_stopset(void);

static struct {
    struct event_base *base;
    struct clock clock;
    struct stopset set;
    unsigned emptied; /* how often it was told */
} world;

static void note_emptied(void *context)
{
    (void)context;
    world.emptied++;
}

static void setup(void)
{
    struct fault fault = {0};
    memset(&world, 0, sizeof world);
    world.base = event_base_new();
    ck_assert(clock_open(&world.clock, world.base, &fault));
    stopset_init(&world.set, world.base, &world.clock, note_emptied, NULL);
}

static void teardown(void)
{
    stopset_deinit(&world.set);
    clock_close(&world.clock);
    event_base_free(world.base);
}

/* A child that waits to be killed; with `leads` it leads a group of its own before this returns. */
static pid_t child(bool leads)
{
    int ready[2];
    char byte = 0;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    ck_assert(pid >= 0);
    if (pid == 0) {
        if (leads)
            setpgid(0, 0);
        if (write(ready[1], "x", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    ck_assert(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

/* A second member of the group that `leader` leads. */
static pid_t member(pid_t leader)
{
    pid_t pid = child(false);
    ck_assert_int_eq(setpgid(pid, leader), 0);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert(waitpid(pid, NULL, 0) == pid);
}

static struct process add(pid_t pid)
{
    struct process p;
    ck_assert_int_eq(stopset_add(&world.set, pid, &p), PROCESS_FOUND);
    ck_assert_int_eq(p.pid, pid);
    return p;
}

/* Runs the loop until the set was told to be empty; hangs (and is ended by Check) if it never is.
 */
static void run_until_emptied(void)
{
    while (world.emptied == 0)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
}

START_TEST(parse_stat)
{
    struct process_look look;
    ck_assert(process_parse(
        &look, "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 0 0"));
    ck_assert_int_eq(look.process.pid, 7);
    ck_assert_int_eq(look.parent, 3);
    ck_assert_int_eq(look.group, 7);
    ck_assert_int_eq(look.state, 'S');
    ck_assert(look.process.start == 12345);
    ck_assert(look.process.leads);
    ck_assert(!process_parse(&look, ""));
    ck_assert(!process_parse(&look, "7 (a"));
    ck_assert(!process_parse(&look, "7 (a) S 3 7"));
    ck_assert_int_eq(process_look(getpid(), &look), PROCESS_FOUND);
    ck_assert_int_eq(look.parent, getppid());
}
END_TEST

START_TEST(empty_at_once)
{
    ck_assert(stopset_empty(&world.set));
    stopset_watch(&world.set);
    ck_assert_uint_eq(world.emptied, 0); /* never from within the call */
    run_until_emptied();
}
END_TEST

START_TEST(ends_by_itself)
{
    pid_t pid = child(false);
    add(pid);
    ck_assert(!stopset_empty(&world.set));
    stopset_watch(&world.set);
    event_base_loop(world.base, EVLOOP_ONCE);
    ck_assert_uint_eq(world.emptied, 0);
    end(pid);
    run_until_emptied();
    ck_assert(stopset_empty(&world.set));
    ck_assert_uint_eq(world.emptied, 1);
}
END_TEST

/* Its parent has not waited for it: it acts no more all the same. */
START_TEST(zombie_is_gone)
{
    pid_t pid = child(false);
    add(pid);
    kill(pid, SIGKILL);
    stopset_watch(&world.set);
    run_until_emptied();
    ck_assert(waitpid(pid, NULL, 0) == pid);
}
END_TEST

START_TEST(killed)
{
    pid_t pid = child(false);
    int status;
    add(pid);
    stopset_watch(&world.set);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    run_until_emptied();
    ck_assert(waitpid(pid, &status, 0) == pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(group_outlives_its_leader)
{
    pid_t leader = child(true);
    pid_t other = member(leader);
    struct process p = add(leader);
    ck_assert(p.leads);
    end(leader);
    ck_assert(process_group_lives(&p));
    ck_assert(!stopset_empty(&world.set));
    stopset_watch(&world.set);
    event_base_loop(world.base, EVLOOP_ONCE);
    ck_assert_uint_eq(world.emptied, 0);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    run_until_emptied();
    ck_assert(waitpid(other, NULL, 0) == other);
    ck_assert(!process_group_lives(&p));
}
END_TEST

/* The set holds both; one that ends while the other is killed must not be missed. */
START_TEST(several)
{
    pid_t first = child(true), second = child(false);
    add(first);
    add(second);
    ck_assert_uint_eq(stopset_count(&world.set), 2);
    stopset_watch(&world.set);
    event_base_loop(world.base, EVLOOP_ONCE);
    end(first);
    ck_assert(!stopset_empty(&world.set));
    stopset_kill(&world.set);
    run_until_emptied();
    ck_assert(waitpid(second, NULL, 0) == second);
}
END_TEST

START_TEST(uses)
{
    pid_t pid = child(false);
    struct process p = add(pid);
    stopset_use(&world.set, &p);
    stopset_remove(&world.set, &p);
    ck_assert(stopset_has(&world.set, &p));
    ck_assert(!stopset_empty(&world.set));
    stopset_remove(&world.set, &p);
    ck_assert(!stopset_has(&world.set, &p));
    ck_assert(stopset_empty(&world.set));
    end(pid);
}
END_TEST

START_TEST(adopted)
{
    pid_t pid = child(false);
    struct process_look look;
    ck_assert_int_eq(process_look(pid, &look), PROCESS_FOUND);
    struct process other = look.process;
    other.start++; /* another process had this pid */
    ck_assert(stopset_adopt(&world.set, &other));
    ck_assert(stopset_empty(&world.set));
    ck_assert(stopset_adopt(&world.set, &look.process));
    ck_assert(!stopset_empty(&world.set));
    stopset_watch(&world.set);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    run_until_emptied();
    ck_assert(waitpid(pid, NULL, 0) == pid);
}
END_TEST

START_TEST(no_such_process)
{
    pid_t pid = child(false);
    struct process p;
    end(pid);
    ck_assert_int_eq(stopset_add(&world.set, pid, &p), PROCESS_GONE);
    ck_assert_uint_eq(stopset_count(&world.set), 0);
}
END_TEST

/* The agent never kills itself, and so never calls a set empty that it is in. */
START_TEST(not_oneself)
{
    add(getpid());
    ck_assert_uint_eq(stopset_kill(&world.set), 1);
    ck_assert(!stopset_empty(&world.set));
}
END_TEST

/* A spared process outlives the first kill, with its group, and is waited for; not the next one. */
START_TEST(spared)
{
    pid_t client = child(true), friend = member(client), command = child(true);
    struct process p = add(client);
    add(command);
    stopset_spare(&world.set, &p);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    ck_assert(waitpid(command, NULL, 0) == command);
    ck_assert(!stopset_empty(&world.set));
    ck_assert_int_eq(waitpid(client, NULL, WNOHANG), 0);
    ck_assert_int_eq(waitpid(friend, NULL, WNOHANG), 0);
    stopset_watch(&world.set);
    stopset_spare_none(&world.set);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    ck_assert(waitpid(client, NULL, 0) == client);
    ck_assert(waitpid(friend, NULL, 0) == friend);
    run_until_emptied();
}
END_TEST

START_TEST(holder_roundtrip)
{
    struct holder h = {.uid = 1000, .count = HOLDER_PROCESSES_MAX}, back;
    uint8_t bytes[HOLDER_BYTES_MAX + 1];
    memset(h.boot_id, 1, sizeof h.boot_id);
    memset(h.session.bytes, 2, sizeof h.session.bytes);
    for (size_t i = 0; i < h.count; i++)
        h.processes[i] = (struct process){.pid = (pid_t)(i + 1), .start = 99 + i, .leads = i % 2};
    size_t size = holder_encode(bytes, &h);
    ck_assert(size <= PROCESS_BLOB_MAX);
    ck_assert(holder_decode(&back, (struct view){bytes, size}));
    ck_assert_uint_eq(back.count, h.count);
    ck_assert_uint_eq(back.uid, 1000);
    ck_assert_mem_eq(back.session.bytes, h.session.bytes, HOLDER_KEY_SIZE);
    for (size_t i = 0; i < h.count; i++)
        ck_assert(back.processes[i].pid == h.processes[i].pid &&
                  back.processes[i].start == h.processes[i].start &&
                  back.processes[i].leads == h.processes[i].leads);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert(!holder_decode(&back, (struct view){bytes, cut}));
    ck_assert(!holder_decode(&back, (struct view){bytes, size + 1}));
    bytes[0]++;
    ck_assert(!holder_decode(&back, (struct view){bytes, size}));
}
END_TEST

Suite *suite_stopset(void)
{
    Suite *s = suite_create("stopset");
    TCase *c = tcase_create("stopset");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, parse_stat);
    tcase_add_test(c, empty_at_once);
    tcase_add_test(c, ends_by_itself);
    tcase_add_test(c, zombie_is_gone);
    tcase_add_test(c, killed);
    tcase_add_test(c, group_outlives_its_leader);
    tcase_add_test(c, several);
    tcase_add_test(c, uses);
    tcase_add_test(c, adopted);
    tcase_add_test(c, no_such_process);
    tcase_add_test(c, not_oneself);
    tcase_add_test(c, spared);
    tcase_add_test(c, holder_roundtrip);
    suite_add_tcase(s, c);
    return s;
}
