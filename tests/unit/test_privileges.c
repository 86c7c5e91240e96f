/* What the agent gives up (F4): it can start no program, whatever it is made to do. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/privileges.h"

Suite *suite_privileges(void);

static void check_in_child(int (*act)(void))
{
    int status;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct fault fault = {0};
        _exit(privileges_limit(&fault) ? act() : 99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int try_to_execute(void)
{
    char name[] = "true";
    char *const argv[] = {name, NULL}, *const none[] = {NULL};
    (void)execve("/bin/true", argv, none);
    if (errno != EPERM)
        return 1;
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    (void)fexecve(fd, argv, none);
    if (errno != EPERM)
        return 2;
    pid_t child = fork(); /* its children neither */
    int status = 0;
    if (child == 0) {
        (void)execve("/bin/true", argv, none);
        _exit(errno == EPERM ? 0 : 3);
    }
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 4;
}

static int try_to_look_into(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM ? 0 : 1;
}

static int look_at_flags(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1;
}

#if defined(__SANITIZE_ADDRESS__)
enum { LIMITED = 0 };
#else
enum { LIMITED = 1 };
#endif

START_TEST(starts_nothing)
{
    check_in_child(try_to_execute);
}
END_TEST

START_TEST(looks_into_nothing)
{
    check_in_child(try_to_look_into);
    check_in_child(look_at_flags);
}
END_TEST

Suite *suite_privileges(void)
{
    Suite *s = suite_create("privileges");
    TCase *c = tcase_create("privileges");
    if (LIMITED) {
        tcase_add_test(c, starts_nothing);
        tcase_add_test(c, looks_into_nothing);
    }
    suite_add_tcase(s, c);
    return s;
}
