/* A lab's layout, and talking to its machines: see lab.h. */
#include "client/lab.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/file.h"
#include "client/lab_wire.h"

enum { MARKER_MAX = 4096, VIEW_TIMEOUT_MS = 1000, END_TIMEOUT_MS = 20 * 1000 };

#define MARKER "lab.json"

long long lab_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lab_sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

void lab_default_dir(char out[PATH_MAX])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct stat s;
    if (runtime && runtime[0] == '/' && strlen(runtime) < 64 && stat(runtime, &s) == 0)
        snprintf(out, PATH_MAX, "%s/holdfast-lab", runtime);
    else
        snprintf(out, PATH_MAX, "/tmp/holdfast-lab-%u", (unsigned)getuid());
}

void lab_path(char out[PATH_MAX], const struct lab *lab, int machine, const char *file)
{
    char name[LAB_NAME_SIZE + NAME_MAX];
    snprintf(name, sizeof name, "hv%d%s%s", machine, file ? "/" : "", file ? file : "");
    file_path(out, PATH_MAX, lab->dir, name);
}

bool lab_open(struct lab *lab, const char *dir)
{
    char path[PATH_MAX];
    struct stat s;
    size_t size;
    int machines = 0, made = 0;
    *lab = (struct lab){0};
    if (realpath(dir, lab->dir) == NULL)
        return false;
    file_path(path, sizeof path, lab->dir, MARKER);
    /* The directory may be in /tmp, where anybody can make one of our name. */
    if (lstat(path, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != getuid())
        return false;
    uint8_t *text = file_read(path, MARKER_MAX, &size);
    json_t *root = text ? json_loadb((const char *)text, size, 0, NULL) : NULL;
    bool good = json_unpack(root, "{s:i, s:b}", "machines", &machines, "made", &made) == 0 &&
                machines >= 1 && machines <= LAB_MACHINES_MAX;
    json_decref(root);
    free(text);
    lab->machines = machines;
    lab->made = made;
    return good;
}

bool lab_write_marker(const struct lab *lab)
{
    char path[PATH_MAX], text[64];
    file_path(path, sizeof path, lab->dir, MARKER);
    int n = snprintf(text, sizeof text, "{\"machines\": %d, \"made\": %s}\n", lab->machines,
                     lab->made ? "true" : "false");
    return file_create(path, 0600, text, (size_t)n);
}

int lab_find(const struct lab *lab, const char *name)
{
    long number;
    if (strncmp(name, "hv", 2) != 0 || name[2] == '0' ||
        !parse_number(name + 2, 1, lab->machines, &number))
        return 0;
    return (int)number;
}

int lab_listen(const char *dir, const char *file, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[PATH_MAX];
    file_path(path, sizeof path, dir, file);
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    mode_t old = umask(0177);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(fd, backlog) == 0;
    int error = errno;
    umask(old);
    if (good)
        return fd;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

int lab_connect(const struct lab *lab, int machine)
{
    char path[PATH_MAX];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    lab_path(path, lab, machine, LAB_SOCKET);
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* Asks one thing; false if the supervisor is not there. */
static bool ask(const struct lab *lab, int machine, const char *verb, struct lab_wire *reply)
{
    int fd = lab_connect(lab, machine);
    bool good = fd >= 0 && lab_wire_say(fd, verb, NULL, NULL) && lab_wire_receive(fd, reply);
    if (fd >= 0)
        close(fd);
    return good;
}

int lab_order(const struct lab *lab, int machine, const char *verb)
{
    struct lab_wire reply;
    if (!ask(lab, machine, verb, &reply)) {
        say("hv%d in %s does not answer (is the lab running?)", machine, lab->dir);
        return EXIT_ERROR;
    }
    bool good = strcmp(reply.strings[0], "ok") == 0;
    if (!good)
        say("hv%d: %s", machine, reply.count > 1 ? reply.strings[1] : "refused");
    lab_wire_free(&reply);
    return good ? EXIT_OK : EXIT_ERROR;
}

bool lab_state(struct lab_state *out, const struct lab *lab, int machine)
{
    struct lab_wire reply;
    *out = (struct lab_state){0};
    if (!ask(lab, machine, "state", &reply))
        return false;
    bool good = reply.count == 5 && strcmp(reply.strings[0], "ok") == 0;
    if (good) {
        out->on = strcmp(reply.strings[1], "on") == 0;
        snprintf(out->agent, sizeof out->agent, "%s", reply.strings[2]);
        out->processes = atol(reply.strings[3]);
        snprintf(out->ended, sizeof out->ended, "%s", reply.strings[4]);
    }
    lab_wire_free(&reply);
    return good;
}

/* A supervisor that is asked to end: its process is held by a pidfd, so that its end is certain. */
struct ending {
    int fd;
    int pidfd;
};

static struct ending begin_end(const struct lab *lab, int machine)
{
    struct ending e = {.fd = lab_connect(lab, machine), .pidfd = -1};
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (e.fd < 0)
        return e;
    if (getsockopt(e.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0)
        e.pidfd = pidfd_open(peer.pid, 0);
    if (!lab_wire_say(e.fd, "quit", NULL, NULL) && e.pidfd >= 0)
        pidfd_send_signal(e.pidfd, SIGTERM, NULL, 0);
    return e;
}

static void finish_end(const struct ending *e)
{
    struct pollfd p = {.fd = e->pidfd, .events = POLLIN};
    if (e->pidfd >= 0 && poll(&p, 1, END_TIMEOUT_MS) == 0)
        pidfd_send_signal(e->pidfd, SIGKILL, NULL, 0); /* its children die with it */
    if (e->pidfd >= 0)
        close(e->pidfd);
    close(e->fd);
}

int lab_end(const struct lab *lab)
{
    struct ending endings[LAB_MACHINES_MAX];
    int ran = 0;
    for (int i = 0; i < lab->machines; i++)
        endings[i] = begin_end(lab, i + 1);
    for (int i = 0; i < lab->machines; i++) {
        if (endings[i].fd < 0)
            continue;
        finish_end(&endings[i]);
        ran++;
    }
    return ran;
}

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s;
    (void)type;
    (void)where;
    return remove(path);
}

static bool remove_tree(const char *path)
{
    /* Depth first, never through a symbolic link. */
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return true;
    say("cannot remove %s: %s", path, strerror(errno));
    return false;
}

/* What a lab makes in its directory beside its machines. */
static const char *const lab_files[] = {"operator.key", "operator.pub", "roster", LAB_FENCE_SCRIPT,
                                        MARKER};

bool lab_has_room(const struct lab *lab)
{
    char path[PATH_MAX];
    struct stat s;
    int files = sizeof lab_files / sizeof lab_files[0];
    for (int i = 1; i <= lab->machines + files; i++) {
        if (i <= lab->machines)
            lab_path(path, lab, i, NULL);
        else
            file_path(path, sizeof path, lab->dir, lab_files[i - lab->machines - 1]);
        if (lstat(path, &s) == 0) {
            say("%s is there already, and of no lab: name another directory with -d", path);
            return false;
        }
    }
    return true;
}

bool lab_remove(const struct lab *lab)
{
    char path[PATH_MAX];
    bool good = true;
    if (lab->made)
        return remove_tree(lab->dir);
    for (int i = 1; i <= lab->machines; i++) {
        lab_path(path, lab, i, NULL);
        good = remove_tree(path) && good;
    }
    for (size_t i = 0; i < sizeof lab_files / sizeof lab_files[0]; i++) {
        file_path(path, sizeof path, lab->dir, lab_files[i]);
        good = (unlink(path) == 0 || errno == ENOENT) && good;
    }
    return good;
}

/* One call whose failure is an answer too, so nothing is said. */
static json_t *ask_agent(struct varlink *v, const char *method)
{
    struct varlink_reply reply;
    if (varlink_call(v, method, NULL, &reply, VIEW_TIMEOUT_MS) != VARLINK_OK)
        return NULL;
    if (reply.error[0] == '\0')
        return reply.parameters;
    json_decref(reply.parameters);
    return NULL;
}

void lab_view(struct lab_view *out, const struct lab *lab, int machine)
{
    char path[PATH_MAX];
    struct varlink v;
    size_t index;
    json_t *member;
    *out = (struct lab_view){0};
    lab_path(path, lab, machine, "holdfast.sock");
    if (varlink_open(&v, path) != VARLINK_OK)
        return;
    json_t *status = ask_agent(&v, AGENT_INTERFACE "Status");
    json_t *members = status ? ask_agent(&v, AGENT_INTERFACE "Members") : NULL;
    out->answers = members != NULL;
    out->majority = json_flag(status, "majority");
    snprintf(out->store, sizeof out->store, "%s", json_text(status, "store"));
    out->votes = strcmp(out->store, "voting") == 0;
    json_array_foreach(json_object_get(members, "members"), index, member) out->alive +=
        strcmp(json_text(member, "gossip"), "alive") == 0;
    json_decref(members);
    json_decref(status);
    varlink_close(&v);
}

bool lab_wait_agent(const struct lab *lab, int machine, int timeout_ms)
{
    char path[PATH_MAX];
    struct varlink v;
    struct lab_state state;
    lab_path(path, lab, machine, "holdfast.sock");
    for (long long deadline = lab_now_ms() + timeout_ms; lab_now_ms() < deadline;
         lab_sleep_ms(20)) {
        if (varlink_open(&v, path) == VARLINK_OK) {
            varlink_close(&v);
            return true;
        }
        if (!lab_state(&state, lab, machine) || strcmp(state.agent, "stopped") == 0)
            return false;
    }
    return false;
}
