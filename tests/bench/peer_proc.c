#include "tests/bench/peer_proc.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/peer_loop.h"

enum { PORT_FIRST = 10000, PORT_COUNT = 20000, PORT_TRIES = 100 };

/* In the child: becomes the program. A server dies with us, whatever ends us. */
static _Noreturn void become(const char *dir, const char *const argv[], pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    int out = chdir(dir) == 0 ? open("output", O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (getppid() != parent || null < 0 || out < 0)
        _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close_range(3, ~0U, 0);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

pid_t proc_start(const char *dir, const char *const argv[])
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(dir, argv, parent);
    if (pid < 0)
        loop_say("cannot start %s: %s", argv[0], strerror(errno));
    return pid;
}

bool proc_run(const char *dir, const char *const argv[])
{
    int status = 0;
    pid_t pid = proc_start(dir, argv);
    if (pid < 0)
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!good)
        loop_say("%s %s failed; see %s/output", argv[0], argv[1] ? argv[1] : "", dir);
    return good;
}

void proc_kill(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        /* The process of another parent is not ours to wait for; it is dead as soon. */
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    *pid = 0;
}

bool proc_alive(pid_t pid, const char *name)
{
    int status = 0;
    if (waitpid(pid, &status, WNOHANG) != pid)
        return true;
    loop_say("%s ended (status %x)", name, (unsigned)status);
    return false;
}

/* The number after `key` in a file of /proc; 0 if it is not there. */
static int64_t proc_field(const char *path, const char *key)
{
    char line[256];
    int64_t value = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtoll(line + strlen(key), NULL, 10);
    if (file)
        fclose(file);
    return value;
}

static int64_t proc_wakeups(pid_t pid)
{
    char path[64 + NAME_MAX];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, task->d_name);
        sum += proc_field(path, "voluntary_ctxt_switches:");
    }
    if (tasks)
        closedir(tasks);
    return sum;
}

struct proc_usage proc_usage(const struct peer *peer)
{
    struct proc_usage sum = {0};
    char path[64];
    for (int i = 0; i < peer->nodes; i++) {
        clockid_t clock;
        struct timespec t;
        if (peer->pids[i] <= 0)
            continue;
        if (clock_getcpuclockid(peer->pids[i], &clock) == 0 && clock_gettime(clock, &t) == 0)
            sum.cpu_ns += t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
        snprintf(path, sizeof path, "/proc/%d/status", (int)peer->pids[i]);
        sum.resident_bytes += proc_field(path, "VmRSS:") * 1024;
        sum.wakeups += proc_wakeups(peer->pids[i]);
    }
    return sum;
}

static bool port_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool proc_ports(struct peer *peer)
{
    static unsigned next;
    if (next == 0)
        next = (unsigned)getpid() * 37;
    for (int node = 0; node < peer->nodes; node++)
        for (int i = 0; i < PEER_PORTS; i++) {
            int tries = PORT_TRIES;
            do
                peer->ports[node][i] = (uint16_t)(PORT_FIRST + next++ % PORT_COUNT);
            while (!port_free(peer->ports[node][i]) && --tries > 0);
            if (tries == 0) {
                loop_say("no free ports");
                return false;
            }
        }
    return true;
}

bool proc_node_dir(char out[PATH_MAX], const struct peer *peer, int node)
{
    int n = snprintf(out, PATH_MAX, "%s/n%d", peer->dir, node + 1);
    if (n < PATH_MAX && (mkdir(out, 0700) == 0 || errno == EEXIST))
        return true;
    loop_say("%s: %s", out, strerror(errno));
    return false;
}

bool proc_write_file(const char *dir, const char *name, const char *text)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = n < (int)sizeof path ? fopen(path, "we") : NULL;
    bool good = file && fputs(text, file) >= 0;
    if (file && fclose(file) != 0)
        good = false;
    if (!good)
        loop_say("%s: %s", path, strerror(errno));
    return good;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *walk)
{
    (void)s;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

void proc_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
