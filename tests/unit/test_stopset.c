/* Stop sets, with real processes: empty means that nobody runs any more. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <linux/sched.h>

#include "node/holder.h"
#include "node/stopset.h"

Suite *suite_stopset(void);

static struct {
    struct event_base *base;
    struct clock clock;
    struct groups groups;
    struct stopset set;
    unsigned emptied; /* how often it was told */
} world;

static void note_emptied(void *context)
{
    (void)context;
    world.emptied++;
}

static void begin_set(struct stopset *set)
{
    const struct stopset_loop loop = {world.base, &world.clock, &world.groups};
    stopset_init(set, &loop, note_emptied, NULL);
}

static void setup(void)
{
    struct fault fault = {0};
    memset(&world, 0, sizeof world);
    world.base = event_base_new();
    groups_init(&world.groups);
    ck_assert(clock_open(&world.clock, world.base, &fault));
    begin_set(&world.set);
}

static void teardown(void)
{
    stopset_deinit(&world.set);
    groups_deinit(&world.groups);
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
    ck_assert(process_group_exists(&p));
    ck_assert(!stopset_empty(&world.set));
    stopset_watch(&world.set);
    event_base_loop(world.base, EVLOOP_ONCE);
    ck_assert_uint_eq(world.emptied, 0);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    run_until_emptied();
    ck_assert(waitpid(other, NULL, 0) == other);
    ck_assert(!process_group_exists(&p));
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

/* All of them ask after a group that only a look at every process can tell of: one look serves all,
 * and the next is not before its time, however often they ask. */
START_TEST(many_sets_share_a_scan)
{
    enum { SETS = 48 };
    struct stopset sets[SETS];
    pid_t members[SETS];
    for (int i = 0; i < SETS; i++) {
        struct process p;
        pid_t leader = child(true);
        members[i] = member(leader);
        begin_set(&sets[i]);
        ck_assert_int_eq(stopset_add(&sets[i], leader, &p), PROCESS_FOUND);
        end(leader);
        ck_assert(stopset_count(&sets[i]) == 1);
    }
    for (int i = 0; i < SETS; i++)
        ck_assert(!stopset_empty(&sets[i])); /* each sees its leader's end */
    struct instant begun = clock_now();
    uint64_t before = world.groups.scans;
    for (int i = 0; i < 10 * SETS; i++)
        ck_assert(!stopset_empty(&sets[i % SETS]));
    struct span took = span_between(begun, clock_now());
    ck_assert_uint_le(world.groups.scans - before, 1 + (uint64_t)(took.ns / SPAN_MS(200).ns));

    for (int i = 0; i < SETS; i++)
        kill(members[i], SIGKILL); /* and nobody waits for them yet: the groups are there */
    begun = clock_now();
    before = world.groups.scans;
    for (int i = 0; i < SETS; i++)
        stopset_watch(&sets[i]);
    while (world.emptied < SETS)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    took = span_between(begun, clock_now());
    ck_assert_uint_le(world.groups.scans - before, 1 + (uint64_t)(took.ns / SPAN_MS(200).ns));
    for (int i = 0; i < SETS; i++) {
        ck_assert(waitpid(members[i], NULL, 0) == members[i]);
        stopset_deinit(&sets[i]);
    }
}
END_TEST

/* What was seen before a leader's end says nothing of its group: its members came later, perhaps.
 */
START_TEST(an_older_scan_does_not_count)
{
    pid_t leader = child(true);
    struct process p = add(leader);
    pid_t other = member(leader);
    struct instant later = instant_after(clock_now(), SPAN_MS(1000));
    end(leader);
    kill(other, SIGKILL);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)other, &info, WEXITED | WNOWAIT), 0);
    ck_assert(groups_lives(&world.groups, &p, later));
    ck_assert_uint_eq(world.groups.scans, 1);
    ck_assert(groups_lives(&world.groups, &p, later)); /* and the next is not due */
    ck_assert_uint_eq(world.groups.scans, 1);
    ck_assert(!groups_lives(&world.groups, &p, world.groups.taken));
    ck_assert(waitpid(other, NULL, 0) == other);
    ck_assert(!groups_lives(&world.groups, &p, later)); /* the kernel has no such group */
    ck_assert_uint_eq(world.groups.scans, 1);
}
END_TEST

/* A process with this pid. -1 if that is not allowed. */
static pid_t fork_as(pid_t pid)
{
    struct clone_args args = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* The number of a group that ended while nothing was lost is another group's later, whose leader
 * ended too. */
START_TEST(a_numbers_second_life)
{
    int ready[2];
    pid_t leader = child(true), stranger = 0;
    add(leader);
    end(leader);
    while (world.set.members->process.leads) /* its descriptor tells, and nobody watches the set */
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert_int_eq(pipe(ready), 0);
    pid_t again = fork_as(leader);
    if (again < 0)
        return; /* without the right to choose a pid there is no more to be seen */
    if (again == 0) {
        setpgid(0, 0);
        stranger = child(false);
        _exit(write(ready[1], &stranger, sizeof stranger) != sizeof stranger);
    }
    ck_assert(read(ready[0], &stranger, sizeof stranger) == sizeof stranger);
    ck_assert(waitpid(again, NULL, 0) == again);
    ck_assert_int_eq(getpgid(stranger), leader);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    ck_assert(stopset_empty(&world.set));
    struct process_look look;
    ck_assert(process_look(stranger, &look) == PROCESS_FOUND && process_runs(&look));
    kill(stranger, SIGKILL);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

/* While members of it live the number is kept, and given up when they have ended: unwatched too. */
START_TEST(a_group_that_ends_later)
{
    pid_t leader = child(true);
    pid_t other = member(leader);
    add(leader);
    end(leader);
    ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert(world.set.members->process.leads);
    end(other);
    while (world.set.members->process.leads)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(world.emptied, 0);
}
END_TEST

START_TEST(another_ones_child)
{
    struct process self, named;
    int pids[2];
    pid_t own = child(false), grandchild = 0;
    ck_assert_int_eq(pipe(pids), 0);
    pid_t parent = fork();
    if (parent == 0) {
        grandchild = child(false);
        if (write(pids[1], &grandchild, sizeof grandchild) == sizeof grandchild)
            pause();
        _exit(1);
    }
    ck_assert(read(pids[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    ck_assert_int_eq(stopset_add(&world.set, getpid(), &self), PROCESS_FOUND);
    ck_assert_int_eq(stopset_add_named(&world.set, &self, grandchild, &named), PROCESS_STRANGER);
    ck_assert_int_eq(stopset_add_named(&world.set, &self, getppid(), &named), PROCESS_STRANGER);
    ck_assert_uint_eq(stopset_count(&world.set), 1);
    ck_assert_int_eq(stopset_add_named(&world.set, &self, own, &named), PROCESS_FOUND);
    ck_assert_uint_eq(stopset_count(&world.set), 2);
    kill(grandchild, SIGKILL);
    end(parent);
    end(own);
    close(pids[0]);
    close(pids[1]);
}
END_TEST

static unsigned rung;

static void note_ring(void *context)
{
    (void)context;
    rung++;
}

/* However many alarms are due at once, the loop's sockets have their turn between. */
START_TEST(one_turn_is_bounded)
{
    enum { ALARMS = 300, TURN_MAX = 64 };
    static struct alarm alarms[ALARMS];
    unsigned before;
    rung = 0;
    for (int i = 0; i < ALARMS; i++) {
        alarms[i] = (struct alarm){.ring = note_ring};
        clock_set(&world.clock, &alarms[i], clock_now());
    }
    do {
        before = rung;
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
        ck_assert_uint_le(rung - before, TURN_MAX);
    } while (rung < ALARMS);
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
    tcase_add_test(c, many_sets_share_a_scan);
    tcase_add_test(c, an_older_scan_does_not_count);
    tcase_add_test(c, a_numbers_second_life);
    tcase_add_test(c, a_group_that_ends_later);
    tcase_add_test(c, another_ones_child);
    tcase_add_test(c, one_turn_is_bounded);
    tcase_add_test(c, holder_roundtrip);
    suite_add_tcase(s, c);
    return s;
}
