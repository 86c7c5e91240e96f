/* A cgroup of a client's own: see cgroup.h. */
#include "node/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CGROUP_ROUNDS_MAX = 16, /* of killing one by one: who forks meanwhile is found in the next */
    CGROUP_BELOW_MAX = 64,  /* a client's own that has more below it is not looked through */
    CGROUP_TEXT_SIZE = PATH_MAX + 256
};

/* --- Files --- */

/* Of a file of the kernel's. False if it cannot be read, or is longer. */
static bool cgroup_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    size_t at = 0;
    ssize_t n;
    while (at < size - 1 && (n = read(fd, text + at, size - 1 - at)) > 0)
        at += (size_t)n;
    close(fd);
    text[at] = '\0';
    return at < size - 1;
}

bool cgroup_parse(char *out, size_t size, const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        size_t length = strcspn(line + 3, "\n");
        if (length >= size)
            return false;
        memcpy(out, line + 3, length);
        out[length] = '\0';
        /* Outside of this cgroup namespace, or removed meanwhile. */
        return strncmp(out, "/..", 3) != 0 && !strstr(out, "/../") && !strstr(out, " (deleted)");
    }
    return false;
}

/* Where cgroup2 is mounted. */
static bool cgroup_mount(char out[PATH_MAX])
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    const struct mntent *m;
    bool found = false;
    if (!mounts)
        return false;
    while (!found && (m = getmntent(mounts)) != NULL)
        if (strcmp(m->mnt_type, "cgroup2") == 0)
            found = snprintf(out, PATH_MAX, "%s", m->mnt_dir) < PATH_MAX;
    endmntent(mounts);
    return found;
}

/* The cgroup's path of a process, as /proc says it; "/": the root's. */
static bool cgroup_of(char out[PATH_MAX], pid_t pid)
{
    char path[64], text[CGROUP_TEXT_SIZE];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    return cgroup_read(path, text, sizeof text) && cgroup_parse(out, PATH_MAX, text);
}

/* Whether `path` is `above`, or lies below it. */
static bool cgroup_below(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/* --- Walks --- */

/* Of one cgroup in the tree. False ends the walk. */
typedef bool (*cgroup_visit)(const char *path, const struct stat *st, void *context);

/* Visits `path` and all below. False if a visit said so, or something could not be read; what was
 * removed meanwhile had nobody in it. */
static bool cgroup_walk(char *path, cgroup_visit visit, void *context)
{
    char *const roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    const FTSENT *entry;
    bool on = tree != NULL;
    while (on && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_D)
            on = visit(entry->fts_path, entry->fts_statp, context);
        else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                 entry->fts_info == FTS_NS)
            on = entry->fts_errno == ENOENT || entry->fts_errno == ENODEV;
    }
    if (tree)
        fts_close(tree);
    return on;
}

struct cgroup_search {
    uint64_t id;
    char *path;
};

static bool cgroup_is(const char *path, const struct stat *st, void *context)
{
    struct cgroup_search *search = context;
    if (st->st_ino != search->id)
        return true;
    search->path = strdup(path);
    return false;
}

enum cgroup_place { CGROUP_THERE, CGROUP_GONE, CGROUP_HIDDEN };

/* Where it is by now. */
static enum cgroup_place cgroup_place(struct cgroup *c)
{
    char mount[PATH_MAX];
    struct stat st;
    if (c->path && lstat(c->path, &st) == 0) /* another one has its place if it is not this */
        return st.st_ino == c->id ? CGROUP_THERE : CGROUP_GONE;
    if (c->path)
        return errno == ENOENT ? CGROUP_GONE : CGROUP_HIDDEN;
    struct cgroup_search search = {.id = c->id};
    if (!cgroup_mount(mount))
        return CGROUP_HIDDEN;
    bool whole = cgroup_walk(mount, cgroup_is, &search);
    c->path = search.path;
    return c->path ? CGROUP_THERE : whole ? CGROUP_GONE : CGROUP_HIDDEN;
}

/* --- Who is in it --- */

static FILE *cgroup_procs(const char *path)
{
    char procs[PATH_MAX];
    if (snprintf(procs, sizeof procs, "%s/cgroup.procs", path) >= (int)sizeof procs)
        return NULL;
    return fopen(procs, "re");
}

struct cgroup_look {
    pid_t only; /* the only process that may be there */
    int left;   /* cgroups yet to look at */
};

static bool cgroup_nobody_else(const char *path, const struct stat *st, void *context)
{
    (void)st;
    struct cgroup_look *look = context;
    if (look->left-- == 0)
        return false;
    FILE *procs = cgroup_procs(path);
    int pid;
    bool none = procs != NULL;
    while (none && fscanf(procs, "%d", &pid) == 1)
        none = pid == look->only;
    if (procs) {
        none = none && !ferror(procs); /* EOPNOTSUPP: a threaded one, which others share */
        fclose(procs);
    }
    return none;
}

bool cgroup_own(struct cgroup *out, pid_t pid)
{
    char mount[PATH_MAX], path[PATH_MAX], mine[PATH_MAX], full[PATH_MAX];
    struct stat st;
    struct cgroup_look look = {.only = pid, .left = CGROUP_BELOW_MAX};
    *out = (struct cgroup){0};
    if (!cgroup_of(path, pid) || strcmp(path, "/") == 0 || !cgroup_of(mine, getpid()) ||
        cgroup_below(mine, path) || !cgroup_mount(mount) ||
        snprintf(full, sizeof full, "%s%s", mount, path) >= (int)sizeof full)
        return false;
    if (lstat(full, &st) != 0 || !cgroup_walk(full, cgroup_nobody_else, &look))
        return false;
    *out = (struct cgroup){.id = st.st_ino, .path = strdup(full)};
    return true;
}

struct cgroup cgroup_again(uint64_t id, pid_t pid)
{
    char mount[PATH_MAX], path[PATH_MAX], full[PATH_MAX];
    struct stat st;
    struct cgroup c = {.id = id};
    if (pid > 0 && cgroup_of(path, pid) && cgroup_mount(mount) &&
        snprintf(full, sizeof full, "%s%s", mount, path) < (int)sizeof full &&
        lstat(full, &st) == 0 && st.st_ino == id)
        c.path = strdup(full);
    return c;
}

void cgroup_drop(struct cgroup *c)
{
    free(c->path);
    *c = (struct cgroup){0};
}

bool cgroup_lives(struct cgroup *c)
{
    char path[PATH_MAX], text[CGROUP_TEXT_SIZE];
    switch (c->id ? cgroup_place(c) : CGROUP_GONE) {
    case CGROUP_GONE:
        return false;
    case CGROUP_HIDDEN:
        return true;
    case CGROUP_THERE:
        break;
    }
    if (snprintf(path, sizeof path, "%s/cgroup.events", c->path) >= (int)sizeof path)
        return true;
    if (!cgroup_read(path, text, sizeof text))
        return cgroup_place(c) != CGROUP_GONE;
    return !strstr(text, "populated 0\n");
}

/* --- Killing --- */

/* One process, if it is below `above` still once nobody else can have its pid. */
static bool cgroup_kill_process(pid_t pid, const char *above)
{
    char path[PATH_MAX];
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    bool there = cgroup_of(path, pid) && cgroup_below(path, above);
    bool done = !there || pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0 || errno == ESRCH;
    close(fd);
    return done;
}

struct cgroup_killing {
    const char *above; /* as /proc says it */
    bool done;
};

static bool cgroup_kill_each(const char *path, const struct stat *st, void *context)
{
    (void)st;
    struct cgroup_killing *killing = context;
    FILE *procs = cgroup_procs(path);
    int pid;
    if (!procs)
        return false;
    while (fscanf(procs, "%d", &pid) == 1)
        if (pid != getpid()) /* 0: of another pid namespace, out of reach */
            killing->done = pid > 1 && cgroup_kill_process(pid, killing->above) && killing->done;
    killing->done = killing->done && !ferror(procs);
    fclose(procs);
    return true;
}

static bool cgroup_kill_at_once(const struct cgroup *c)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/cgroup.kill", c->path) >= (int)sizeof path)
        return false;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool done = fd >= 0 && write(fd, "1", 1) == 1;
    if (fd >= 0)
        close(fd);
    return done;
}

bool cgroup_kill(struct cgroup *c)
{
    char mount[PATH_MAX], mine[PATH_MAX];
    struct cgroup_killing killing = {.done = true};
    if (!cgroup_lives(c))
        return true;
    if (!c->path || !cgroup_mount(mount) || !cgroup_of(mine, getpid()))
        return false;
    killing.above = c->path + strlen(mount);
    if (cgroup_below(mine, killing.above))
        return false; /* this process was moved into it: nobody is killed who must not be */
    if (cgroup_kill_at_once(c))
        return true;
    for (int i = 0; i < CGROUP_ROUNDS_MAX && killing.done && cgroup_lives(c); i++)
        if (!cgroup_walk(c->path, cgroup_kill_each, &killing))
            return !cgroup_lives(c);
    return killing.done;
}
