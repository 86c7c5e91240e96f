/* See doctor_host.h. Nothing here changes anything, and nothing is opened that acts when opened. */
#include "client/doctor_host.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/agent_program.h"
#include "proto/limits.h"
#include "proto/time.h"

enum {
    SAID_MAX = 512,
    /* Two segments of the log at its largest are kept while it is compacted. */
    ROOM_MIB_MIN = 64,
    ROOM_MIB_GOOD = 512
};

/* --- Configuration --- */

/* The first line that it says, on stdout or stderr; its exit status, or -1. */
static int first_line(char line[SAID_MAX], const char *program, const char *config)
{
    int ends[2], status = -1;
    line[0] = '\0';
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp(program, program, "-c", config, "--check-config", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = child > 0 ? fdopen(ends[0], "r") : NULL;
    if (said && fgets(line, SAID_MAX, said))
        line[strcspn(line, "\n")] = '\0';
    if (said)
        fclose(said);
    else
        close(ends[0]);
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
        return WEXITSTATUS(status);
    return -1;
}

void doctor_config(struct findings *f, const char *config)
{
    char program[PATH_MAX], line[SAID_MAX];
    agent_program(program);
    if (access(config, F_OK) != 0 && errno == ENOENT) {
        finding(f, FINDING_UNKNOWN, "config", "there is no %s", config);
        finding_mend(f, "name the agent's configuration with -c");
        return;
    }
    int code = first_line(line, program, config);
    if (code == 0) {
        finding(f, FINDING_OK, "config", "%s", line);
    } else if (code < 0 || code == 127) {
        finding(f, FINDING_UNKNOWN, "config", "%s cannot be run to check it", program);
        finding_mend(f, "put holdfastd into PATH, or beside this program");
    } else {
        finding(f, FINDING_BAD, "config", "%s", line);
        finding_mend(f, "mend it: the agent would not start with it (or, if it is the key that "
                        "cannot be read, run this as the agent's user)");
    }
}

/* --- Clock --- */

/* Leases and standing rest on the clocks' rates alone, so the time of day may be wrong; but who
 * compares the logs of two machines wants it right. */
void doctor_clock(struct findings *f)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    if (state < 0) {
        finding(f, FINDING_UNKNOWN, "clock", "adjtimex: %s", strerror(errno));
        return;
    }
    /* 16 bits of fraction (adjtimex(2)); a tick is 10,000 us, so 1 us of it is 100 ppm. */
    long ppm = labs(t.freq >> 16) + 100 * labs(t.tick - 10000);
    if (ppm > CLOCK_RATE_PPM) {
        finding(f, FINDING_BAD, "clock", "its rate is corrected by %ld ppm; the bound is %d", ppm,
                CLOCK_RATE_PPM);
        finding_mend(f, "a clock that is so far off breaks expiring locks and standing: repair or "
                        "replace it, and take no such locks here meanwhile");
    } else if (state == TIME_ERROR || (t.status & STA_UNSYNC)) {
        finding(f, FINDING_NOTE, "clock",
                "the time of day is not synchronised; rate corrected by %ld ppm of %d", ppm,
                CLOCK_RATE_PPM);
        finding_mend(f, "locks do not need it; run chrony or systemd-timesyncd so that logs of "
                        "several machines can be compared");
    } else {
        finding(f, FINDING_OK, "clock", "synchronised; rate corrected by %ld ppm of at most %d",
                ppm, CLOCK_RATE_PPM);
    }
}

/* --- Watchdog --- */

static void sysfs_line(char line[SAID_MAX], const char *directory, const char *name)
{
    char path[PATH_MAX];
    line[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (file && fgets(line, SAID_MAX, file))
        line[strcspn(line, "\n")] = '\0';
    if (file)
        fclose(file);
}

void doctor_watchdog(struct findings *f)
{
    glob_t found = {0};
    char identity[SAID_MAX], timeout[SAID_MAX];
    if (glob("/sys/class/watchdog/watchdog*", 0, NULL, &found) != 0 || found.gl_pathc == 0) {
        finding(f, FINDING_NOTE, "watchdog", "this machine has none");
        finding_mend(f, "without one, locks under 'fence' pass on from here by a fence device, by "
                        "the node's next boot, or by an operator's hand");
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        sysfs_line(identity, found.gl_pathv[i], "identity");
        sysfs_line(timeout, found.gl_pathv[i], "timeout");
        if (strstr(identity, "Software Watchdog") || strstr(identity, "softdog")) {
            finding(f, FINDING_WARNING, "watchdog", "%s is softdog", found.gl_pathv[i]);
            finding_mend(f, "a kernel that hangs does not run it: it never counts as a proof");
        } else {
            finding(f, FINDING_OK, "watchdog", "%s: %s, %s s", found.gl_pathv[i],
                    *identity ? identity : "no name", *timeout ? timeout : "?");
        }
    }
    globfree(&found);
}

/* --- Disk --- */

void doctor_disk(struct findings *f, const char *state)
{
    struct statvfs s;
    if (statvfs(state, &s) != 0) {
        finding(f, FINDING_UNKNOWN, "disk", "%s: %s", state, strerror(errno));
        finding_mend(f, "name the agent's state directory with --state");
        return;
    }
    unsigned long long mib = (unsigned long long)s.f_bavail * s.f_frsize >> 20;
    enum finding_verdict verdict = mib < ROOM_MIB_MIN    ? FINDING_BAD
                                   : mib < ROOM_MIB_GOOD ? FINDING_WARNING
                                                         : FINDING_OK;
    finding(f, verdict, "disk", "%llu MiB free for %s", mib, state);
    if (verdict != FINDING_OK)
        finding_mend(f, "make room: an agent that cannot write votes no more");
}
