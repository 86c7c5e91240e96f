/* The agent's program: see agent_program.h. */
#include "client/agent_program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"

void agent_program(char path[PATH_MAX])
{
    static const char *const beside[] = {"holdfastd", "../sbin/holdfastd"};
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    char *slash = NULL;
    if (size > 0) {
        path[size] = '\0';
        slash = strrchr(path, '/');
    }
    for (size_t i = 0; slash && i < sizeof beside / sizeof beside[0]; i++) {
        size_t room = (size_t)(path + PATH_MAX - (slash + 1));
        if ((size_t)snprintf(slash + 1, room, "%s", beside[i]) < room && access(path, X_OK) == 0)
            return;
    }
    snprintf(path, PATH_MAX, "holdfastd");
}

int agent_program_settings(const char *config, bool quiet, json_t **out)
{
    char program[PATH_MAX];
    int ends[2], status = -1;
    agent_program(program);
    if (pipe(ends) != 0) {
        say("no pipe can be made");
        return EXIT_ERROR;
    }
    pid_t child = fork();
    if (child == 0) {
        int nowhere = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
        dup2(ends[1], STDOUT_FILENO);
        if (nowhere >= 0)
            dup2(nowhere, STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp(program, program, "-c", config, "--show-config", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    *out = said ? json_loadf(said, 0, NULL) : NULL;
    if (said)
        fclose(said);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        status = -1;
    int code = status == -1 ? EXIT_ERROR : WEXITSTATUS(status);
    if (code == EXIT_OK && *out)
        return EXIT_OK;
    json_decref(*out);
    *out = NULL;
    if (quiet)
        return code == EXIT_CONFIG ? EXIT_CONFIG : EXIT_ERROR;
    if (code == 127) {
        say("%s cannot be run to read %s: put holdfastd into PATH, or beside this program", program,
            config);
        return EXIT_ERROR;
    }
    if (status == -1 || code == EXIT_OK)
        say("%s ended without showing the configuration in %s: try it by hand, with "
            "--show-config -c FILE",
            program, config);
    if (code == EXIT_USAGE)
        say("%s is of another release: it cannot show its configuration", program);
    return code == EXIT_CONFIG ? EXIT_CONFIG : EXIT_ERROR;
}
