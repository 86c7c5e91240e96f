/* The processes of a lab machine: see lab_proc.h. */
#include "client/lab_proc.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/lab.h"
#include "proto/must.h"

enum { ROUND_MS = 2, GROWTH_ROUNDS_MAX = 32 };

struct process {
    pid_t pid;
    pid_t parent;
    char state;
    long threads;
    bool ours;
};

struct process_list {
    struct process *at;
    size_t count;
    size_t room;
};

/* The command's name may hold anything, also parentheses: what follows starts after the last one.
 */
static bool read_process(struct process *out, pid_t pid)
{
    char path[64], text[512];
    int parent;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    char *end = strrchr(text, ')');
    *out = (struct process){.pid = pid};
    if (end == NULL || sscanf(end + 1,
                              " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                              "%ld",
                              &out->state, &parent, &out->threads) != 3)
        return false;
    out->parent = parent;
    return true;
}

/* A process goes on without its main thread: it can be waited for only once all have ended. */
static bool runs(const struct process *p)
{
    return p->state != 'X' && (p->state != 'Z' || p->threads > 1);
}

static void list_all(struct process_list *list)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    struct process process;
    must(dir != NULL);
    list->count = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            !read_process(&process, (pid_t)atoi(entry->d_name)))
            continue;
        if (list->count == list->room) {
            list->room = list->room ? 2 * list->room : 256;
            list->at = reallocarray(list->at, list->room, sizeof *list->at);
            must(list->at != NULL);
        }
        list->at[list->count++] = process;
    }
    closedir(dir);
}

static bool parent_is_ours(const struct process_list *list, pid_t root, pid_t parent)
{
    if (parent == root)
        return true;
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].pid == parent)
            return list->at[i].ours;
    return false;
}

/* Marks the descendants of `root`; how many of them are alive. */
static size_t mark(struct process_list *list, pid_t root)
{
    size_t alive = 0;
    list_all(list);
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < list->count; i++) {
            struct process *p = &list->at[i];
            if (p->ours || !parent_is_ours(list, root, p->parent))
                continue;
            p->ours = grew = true;
            alive += runs(p);
        }
    }
    return alive;
}

static void signal_marked(const struct process_list *list, int signo)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].ours)
            kill(list->at[i].pid, signo);
}

long lab_proc_count(pid_t root)
{
    struct process_list list = {0};
    size_t alive = mark(&list, root);
    free(list.at);
    return (long)alive;
}

bool lab_proc_stopped(pid_t pid)
{
    struct process process;
    return read_process(&process, pid) && (process.state == 'T' || process.state == 't');
}

bool lab_proc_end_all(pid_t root, int timeout_ms, void (*reap)(void *context), void *context)
{
    struct process_list list = {0};
    long long deadline = lab_now_ms() + timeout_ms;
    size_t alive;
    while ((alive = mark(&list, root)) > 0 && lab_now_ms() < deadline) {
        /* A process may fork before its SIGSTOP arrives: go on until the number stands still. */
        for (int i = 0; i < GROWTH_ROUNDS_MAX; i++) {
            size_t before = alive;
            signal_marked(&list, SIGSTOP);
            alive = mark(&list, root);
            if (alive == before)
                break;
        }
        signal_marked(&list, SIGKILL);
        lab_sleep_ms(ROUND_MS);
        reap(context);
    }
    reap(context);
    free(list.at);
    return alive == 0;
}
