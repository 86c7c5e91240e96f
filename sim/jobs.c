/* Many seeds at once: see jobs.h. */
#include "sim/jobs.h"

#include "proto/must.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any seed takes, also under sanitizers: whoever is not done then hangs. */
enum { SECONDS_MAX = 600 };

struct slot {
    pid_t pid;                /* 0: free */
    struct run_result result; /* written by the process */
};

static void run_here(const struct jobs *jobs, uint64_t seed, struct run_result *out)
{
    run_seed(seed, &jobs->run, out);
    if (!jobs->check_determinism || out->verdict.code != EXIT_CLEAN)
        return;
    struct run_result again;
    run_seed(seed, &jobs->run, &again);
    if (again.hash == out->hash)
        return;
    out->verdict = (struct verdict){.code = EXIT_BROKEN, .check = "S19"};
    snprintf(out->verdict.text, sizeof out->verdict.text,
             "the same seed gave hash %016llx and then %016llx", (unsigned long long)out->hash,
             (unsigned long long)again.hash);
}

static void start(const struct jobs *jobs, struct slot *slot, uint64_t seed)
{
    slot->result = (struct run_result){.seed = seed};
    fflush(NULL);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid > 0) {
        slot->pid = pid; /* the slot is shared: the child must not write its own zero here */
        return;
    }
    alarm(SECONDS_MAX);
    run_here(jobs, seed, &slot->result);
    fflush(NULL);
    _exit(0);
}

/* What is to be said of a process that ended without a word. */
static void fill_in(struct run_result *r, int status)
{
    if (r->done)
        return;
    r->verdict = (struct verdict){.code = EXIT_MUST, .check = "crash"};
    if (WIFSIGNALED(status))
        snprintf(r->verdict.text, sizeof r->verdict.text, "the process died: %s",
                 strsignal(WTERMSIG(status)));
    else
        snprintf(r->verdict.text, sizeof r->verdict.text, "the process ended with code %d",
                 WEXITSTATUS(status));
}

/* Waits for one process of these: `which`, or any if it is -1. */
static struct slot *await(struct slot *slots, pid_t which)
{
    int status;
    pid_t pid;
    do
        pid = waitpid(which, &status, 0);
    while (pid < 0 && errno == EINTR);
    must(pid > 0);
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (slots[i].pid == pid) {
            slots[i].pid = 0;
            fill_in(&slots[i].result, status);
            return &slots[i];
        }
    must(false); /* a child that nobody started */
}

static struct slot *map_slots(void)
{
    struct slot *slots = mmap(NULL, JOBS_MAX * sizeof *slots, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(slots != MAP_FAILED);
    return slots;
}

void jobs_run(const struct jobs *jobs)
{
    struct slot *slots = map_slots();
    uint64_t started = 0;
    uint32_t running = 0;
    bool go_on = true;
    while (running > 0 || (go_on && started < jobs->seeds)) {
        while (go_on && running < jobs->processes && started < jobs->seeds) {
            size_t free_slot = 0;
            while (slots[free_slot].pid != 0)
                free_slot++;
            start(jobs, &slots[free_slot], jobs->first_seed + started++);
            running++;
        }
        struct slot *slot = await(slots, -1);
        running--;
        struct run_result result = slot->result;
        if (!jobs->take(jobs->context, &result))
            go_on = false;
    }
    munmap(slots, JOBS_MAX * sizeof *slots);
}

void jobs_again(const struct jobs *jobs, uint64_t seed, enum trace_text text,
                struct run_result *out)
{
    struct slot *slots = map_slots();
    struct jobs again = *jobs;
    again.run.text = text;
    again.check_determinism = false;
    start(&again, &slots[0], seed);
    *out = await(slots, slots[0].pid)->result;
    munmap(slots, JOBS_MAX * sizeof *slots);
}
