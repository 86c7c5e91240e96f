/* Cgroups of clients' own (node/cgroup.h), with real ones where they can be made. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/holder.h"
#include "node/stopset.h"

Suite *suite_cgroup(void);

enum { NOBODY = 65534, PATH_SIZE = 512 };

static struct {
    struct event_base *base;
    struct clock clock;
    struct groups groups;
    struct stopset set;
    unsigned emptied;
    char dir[PATH_SIZE]; /* empty: no cgroup can be made here */
} world;

static void note_emptied(void *context)
{
    (void)context;
    world.emptied++;
}

/* Below the root of the first cgroup2 mount; empty where that is not allowed. */
static void make_cgroup(void)
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    const struct mntent *m;
    while (mounts && !world.dir[0] && (m = getmntent(mounts)) != NULL)
        if (strcmp(m->mnt_type, "cgroup2") == 0)
            snprintf(world.dir, sizeof world.dir, "%s/holdfast-test-%d", m->mnt_dir, (int)getpid());
    if (mounts)
        endmntent(mounts);
    if (world.dir[0] && mkdir(world.dir, 0755) != 0)
        world.dir[0] = '\0';
    if (!world.dir[0])
        printf("test_cgroup: no cgroup can be made here: nothing is tried\n");
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
    make_cgroup();
}

static void teardown(void)
{
    stopset_deinit(&world.set);
    groups_deinit(&world.groups);
    clock_close(&world.clock);
    event_base_free(world.base);
    for (int i = 0; world.dir[0] && rmdir(world.dir) != 0 && errno == EBUSY && i < 500; i++)
        usleep(10000);
}

/* A process that waits to be killed, as nobody if root may make it so; in a session of its own. */
static pid_t child(bool nobody)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    ck_assert(pid >= 0);
    if (pid == 0) {
        setsid();
        if (nobody && setresuid(NOBODY, NOBODY, NOBODY) != 0)
            _exit(1);
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

static void place(const char *directory, pid_t pid)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s/cgroup.procs", directory);
    FILE *file = fopen(path, "w");
    ck_assert_msg(file && fprintf(file, "%d", (int)pid) > 0 && fclose(file) == 0, "%s: %s", path,
                  strerror(errno));
}

static void reap(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* --- Its path --- */

START_TEST(parse)
{
    char out[32];
    ck_assert(cgroup_parse(out, sizeof out, "4:memory:/x\n0::/a/b c\n"));
    ck_assert_str_eq(out, "/a/b c");
    ck_assert(cgroup_parse(out, sizeof out, "0::/"));
    ck_assert_str_eq(out, "/");
    static const char *const none[] = {"",
                                       "1:cpu:/x\n",
                                       "0::\n",
                                       "0::/../x\n",
                                       "0::/a/../b\n",
                                       "0::/a (deleted)\n",
                                       "0::/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                                       "1:name=x 0::/y\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(!cgroup_parse(out, sizeof out, none[i]), "%s", none[i]);
}
END_TEST

/* --- Whose it is --- */

START_TEST(own_or_not)
{
    struct cgroup c;
    char below[2 * PATH_SIZE];
    if (!world.dir[0])
        return;
    pid_t first = child(false), second = child(false);
    ck_assert(!cgroup_own(&c, getpid())); /* that of the agent itself */
    ck_assert(!cgroup_own(&c, first));    /* which it shares */
    place(world.dir, first);
    ck_assert(cgroup_own(&c, first));
    ck_assert(c.id != 0 && strcmp(c.path, world.dir) == 0);
    ck_assert(cgroup_lives(&c));
    cgroup_drop(&c);
    place(world.dir, second);
    ck_assert(!cgroup_own(&c, first));
    snprintf(below, sizeof below, "%s/below", world.dir);
    ck_assert_int_eq(mkdir(below, 0755), 0);
    place(below, second);
    ck_assert(!cgroup_own(&c, first)); /* nor with somebody below */
    ck_assert(cgroup_own(&c, second));
    cgroup_drop(&c);
    end(second);
    ck_assert_int_eq(rmdir(below), 0);
    ck_assert(cgroup_own(&c, first));
    cgroup_drop(&c);
    end(first);
    ck_assert(!cgroup_own(&c, first));
    ck_assert(!c.path && !cgroup_lives(&c));
}
END_TEST

START_TEST(gone)
{
    if (!world.dir[0])
        return;
    struct cgroup c, again;
    pid_t pid = child(false);
    place(world.dir, pid);
    ck_assert(cgroup_own(&c, pid));
    again = cgroup_again(c.id, pid);
    ck_assert_str_eq(again.path, world.dir); /* where that process is, without a search */
    cgroup_drop(&again);
    again = cgroup_again(c.id, 0);
    ck_assert(cgroup_lives(&again));
    ck_assert_str_eq(again.path, world.dir);
    ck_assert(cgroup_kill(&again));
    reap(pid);
    while (cgroup_lives(&c))
        usleep(1000);
    ck_assert_int_eq(rmdir(world.dir), 0);
    ck_assert_int_eq(mkdir(world.dir, 0755), 0); /* another one at its place */
    ck_assert(!cgroup_lives(&c) && !cgroup_lives(&again) && cgroup_kill(&c));
    cgroup_drop(&again);
    again = cgroup_again(c.id, 0);
    ck_assert(!cgroup_lives(&again));
    cgroup_drop(&c);
    cgroup_drop(&again);
}
END_TEST

/* Where cgroup.kill is another's: one by one, and nobody that it may not kill. */
START_TEST(killed_one_by_one)
{
    if (!world.dir[0] || geteuid() != 0)
        return;
    char below[2 * PATH_SIZE];
    struct cgroup c;
    pid_t own[3] = {child(true), child(true), child(true)}, other;
    place(world.dir, own[0]);
    ck_assert(cgroup_own(&c, own[0]));
    snprintf(below, sizeof below, "%s/below", world.dir);
    ck_assert_int_eq(mkdir(below, 0755), 0);
    place(world.dir, own[1]);
    place(below, own[2]);
    for (int round = 0; round < 2; round++) {
        other = round ? child(false) : 0;
        if (other)
            place(world.dir, other);
        pid_t actor = fork();
        if (actor == 0) {
            if (setresuid(NOBODY, NOBODY, NOBODY) != 0)
                _exit(9);
            _exit(cgroup_kill(&c));
        }
        int status;
        ck_assert_int_eq(waitpid(actor, &status, 0), actor);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), round ? 0 : 1);
        for (int i = 0; round == 0 && i < 3; i++)
            reap(own[i]);
        ck_assert(round == 0 || kill(other, 0) == 0);
    }
    end(other);
    ck_assert_int_eq(rmdir(below), 0);
    cgroup_drop(&c);
}
END_TEST

/* --- Stop sets --- */

/* This process is the client, in the set for that as long as it names somebody: else the set is
 * never empty. */
static struct process name(pid_t pid)
{
    struct process self, named;
    ck_assert_int_eq(stopset_add(&world.set, getpid(), &self), PROCESS_FOUND);
    ck_assert_int_eq(stopset_add_named(&world.set, &self, pid, &named), PROCESS_FOUND);
    stopset_remove(&world.set, &self);
    return named;
}

static void await_emptied(void)
{
    stopset_watch(&world.set);
    while (world.emptied == 0)
        ck_assert(event_base_loop(world.base, EVLOOP_ONCE) >= 0);
    ck_assert_uint_eq(world.emptied, 1);
}

/* What left the process group is still seen, and killed. */
START_TEST(what_left_the_group)
{
    struct process named;
    if (!world.dir[0])
        return;
    pid_t first = child(false), escaped = child(false);
    place(world.dir, first);
    named = name(first);
    ck_assert(named.cgroup != 0);
    place(world.dir, escaped);
    end(first);
    ck_assert(!stopset_empty(&world.set));
    stopset_watch(&world.set);
    ck_assert(event_base_loop(world.base, EVLOOP_NONBLOCK) >= 0);
    ck_assert_uint_eq(world.emptied, 0);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    reap(escaped);
    await_emptied();
}
END_TEST

/* The agent restarts: what it kept is enough. */
START_TEST(adopted)
{
    struct process named;
    struct holder holder = {.count = 1}, found;
    uint8_t bytes[HOLDER_BYTES_MAX];
    if (!world.dir[0])
        return;
    pid_t first = child(false), escaped = child(false);
    place(world.dir, first);
    named = name(first);
    place(world.dir, escaped);
    holder.processes[0] = named;
    size_t size = holder_encode(bytes, &holder);
    ck_assert(holder_decode(&found, (struct view){bytes, size}));
    ck_assert(found.processes[0].cgroup == named.cgroup);
    stopset_deinit(&world.set);
    end(first);
    begin_set(&world.set);
    ck_assert(stopset_adopt(&world.set, &found.processes[0]));
    ck_assert(!stopset_empty(&world.set));
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    reap(escaped);
    await_emptied();
}
END_TEST

/* One of several in a cgroup is no reason to kill the others. */
START_TEST(shared)
{
    struct process named;
    if (!world.dir[0])
        return;
    pid_t first = child(false), other = child(false);
    place(world.dir, first);
    place(world.dir, other);
    named = name(first);
    ck_assert(named.cgroup == 0);
    ck_assert_uint_eq(stopset_kill(&world.set), 0);
    reap(first);
    await_emptied();
    ck_assert_int_eq(kill(other, 0), 0);
    end(other);
}
END_TEST

/* Without a cgroup the bytes are those of before. */
START_TEST(holders)
{
    struct holder found,
        holder = {.count = 2,
                  .processes = {{.pid = 7, .start = 9, .leads = true}, {.pid = 8, .start = 10}}};
    uint8_t bytes[HOLDER_BYTES_MAX + 1];
    size_t plain = holder_encode(bytes, &holder);
    ck_assert_uint_eq(bytes[0], 1);
    ck_assert(holder_decode(&found, (struct view){bytes, plain}));
    holder.processes[1].cgroup = 0x0102030405060708;
    size_t size = holder_encode(bytes, &holder);
    ck_assert_uint_eq(size, plain + 8);
    ck_assert(holder_decode(&found, (struct view){bytes, size}));
    ck_assert(found.processes[0].cgroup == 0x0102030405060708);
    for (size_t i = 0; i < size; i++)
        ck_assert(!holder_decode(&found, (struct view){bytes, i}));
    bytes[size] = 0;
    ck_assert(!holder_decode(&found, (struct view){bytes, size + 1}));
    memset(&bytes[size - 8], 0, 8); /* that would be version 1 */
    ck_assert(!holder_decode(&found, (struct view){bytes, size}));
}
END_TEST

Suite *suite_cgroup(void)
{
    const TTest *const tests[] = {
        parse, own_or_not, gone, killed_one_by_one, what_left_the_group, adopted, shared, holders};
    Suite *s = suite_create("cgroup");
    TCase *c = tcase_create("cgroup");
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
