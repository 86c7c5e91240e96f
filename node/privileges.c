/*
 * What the agent gives up: see privileges.h. Sources: seccomp(2), prctl(2),
 * Documentation/userspace-api/seccomp_filter.rst.
 */
#include "node/privileges.h"

#include "node/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define PRIVILEGES_MACHINE AUDIT_ARCH_X86_64
/* The same calls under other numbers: 32-bit pointers in 64-bit mode. */
#define PRIVILEGES_OTHER_CALLS 0x40000000u
#elif defined(__aarch64__)
#define PRIVILEGES_MACHINE     AUDIT_ARCH_AARCH64
#define PRIVILEGES_OTHER_CALLS 0xffffffffu
#endif

#ifdef PRIVILEGES_MACHINE

#define DENY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))
#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
/* Goes on behind the next statement, unless it is this call. */
#define IF_CALL(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1)

/* What it never needs, and what would get somebody out of it. */
static struct sock_filter privileges_filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PRIVILEGES_MACHINE, 1, 0),
    DENY,
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PRIVILEGES_OTHER_CALLS, 0, 1),
    DENY,
    IF_CALL(execve),
    DENY,
    IF_CALL(execveat),
    DENY,
    IF_CALL(ptrace),
    DENY,
    IF_CALL(process_vm_writev),
    DENY,
    IF_CALL(process_vm_readv),
    DENY,
    IF_CALL(init_module),
    DENY,
    IF_CALL(finit_module),
    DENY,
    IF_CALL(kexec_load),
    DENY,
    IF_CALL(kexec_file_load),
    DENY,
    IF_CALL(bpf),
    DENY,
    IF_CALL(mount),
    DENY,
    IF_CALL(move_mount),
    DENY,
    IF_CALL(umount2),
    DENY,
    IF_CALL(pivot_root),
    DENY,
    IF_CALL(setns),
    DENY,
    IF_CALL(unshare),
    DENY,
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

/* 0; -1 with errno; or a thread that has a filter of its own. */
static long privileges_filter_calls(void)
{
    static const struct sock_fprog program = {
        .len = sizeof privileges_filter / sizeof *privileges_filter, .filter = privileges_filter};
    /* And no_new_privs with it, in every thread that is there. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

#else

static long privileges_filter_calls(void)
{
    return 0; /* no list of this machine's system calls */
}

#endif

bool privileges_limit(struct fault *fault)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_set(fault, FAULT_OTHER, "no_new_privs: %s", strerror(errno));
#if !defined(__SANITIZE_ADDRESS__) /* its leak checker looks into its own process by ptrace */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    long filtered = privileges_filter_calls();
    bool none = filtered < 0 && (errno == EINVAL || errno == ENOSYS);
    if (none)
        log_event(LOG_LEVEL_WARNING, "no-seccomp",
                  "why=\"this kernel has none: programs could be "
                  "started by whoever takes this process over\"");
    else if (filtered != 0)
        return fault_set(fault, FAULT_OTHER, "seccomp: %s",
                         filtered > 0 ? "a thread has another filter" : strerror(errno));
#endif
    return true;
}
