/* A cgroup of a command's own: see own_cgroup.h. */
#include "client/own_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command.h"

#define NAME_STEM "holdfast-lock-"

enum { END_MS = 2000, END_LOOK_MS = 10 };

static bool mounted_at(char out[PATH_MAX])
{
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    const struct mntent *m;
    bool found = false;
    while (mounts && !found && (m = getmntent(mounts)) != NULL)
        if (strcmp(m->mnt_type, "cgroup2") == 0)
            found = snprintf(out, PATH_MAX, "%s", m->mnt_dir) < PATH_MAX;
    if (mounts)
        endmntent(mounts);
    return found;
}

/* The directory of this process's own cgroup. */
static bool own_directory(char out[PATH_MAX])
{
    char mount[PATH_MAX], line[PATH_MAX + 8];
    FILE *file = mounted_at(mount) ? fopen("/proc/self/cgroup", "re") : NULL;
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            found = snprintf(out, PATH_MAX, "%s%s", mount, line[4] ? line + 3 : "") < PATH_MAX;
    }
    if (file)
        fclose(file);
    return found;
}

static bool write_to(const char *directory, const char *name, const char *text)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return false;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return done;
}

/* Nobody is in it, or below; also if it is gone. */
static bool deserted(const char *directory)
{
    char path[PATH_MAX], line[64];
    if (snprintf(path, sizeof path, "%s/cgroup.events", directory) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    bool none = !file && errno == ENOENT;
    while (file && !none && fgets(line, sizeof line, file))
        none = strcmp(line, "populated 0\n") == 0;
    if (file)
        fclose(file);
    return none;
}

/* With all that is below it, the deepest first: the kernel removes none that has others in it. */
static void remove_tree(char *directory)
{
    char *const roots[] = {directory, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    const FTSENT *entry;
    while (tree && (entry = fts_read(tree)) != NULL)
        if (entry->fts_info == FTS_DP)
            (void)rmdir(entry->fts_path);
    if (tree)
        fts_close(tree);
}

/* Those of `holdfast lock`s that ended without a word; one that somebody is in stays. */
static void sweep(const char *directory)
{
    char path[PATH_MAX];
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, NAME_STEM, sizeof NAME_STEM - 1) != 0)
            continue;
        int pid = atoi(entry->d_name + sizeof NAME_STEM - 1);
        bool gone = pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
        if (gone && snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < PATH_MAX &&
            deserted(path))
            remove_tree(path);
    }
    if (dir)
        closedir(dir);
}

bool own_cgroup_make(struct own_cgroup *c, pid_t pid)
{
    char directory[PATH_MAX], number[16];
    c->path[0] = '\0';
    if (!own_directory(directory)) {
        say("--cgroup: no cgroup of version 2 is mounted here");
        return false;
    }
    sweep(directory);
    snprintf(number, sizeof number, "%d", (int)pid);
    if (snprintf(c->path, sizeof c->path, "%s/" NAME_STEM "%d", directory, (int)getpid()) <
            PATH_MAX &&
        mkdir(c->path, 0755) == 0) {
        if (write_to(c->path, "cgroup.procs", number))
            return true;
        int error = errno;
        (void)rmdir(c->path);
        errno = error;
    }
    say("--cgroup: %s: %s (it takes root, or a subtree that is delegated to this user)", c->path,
        strerror(errno));
    c->path[0] = '\0';
    return false;
}

bool own_cgroup_end(struct own_cgroup *c)
{
    if (!c->path[0])
        return true;
    bool gone = deserted(c->path);
    if (!gone)
        (void)write_to(c->path, "cgroup.kill", "1");
    for (int waited = 0; waited < END_MS && !gone; waited += END_LOOK_MS) {
        (void)poll(NULL, 0, END_LOOK_MS);
        gone = deserted(c->path);
    }
    if (!gone)
        return false;
    remove_tree(c->path);
    c->path[0] = '\0';
    return true;
}
