#!/usr/bin/env python3
"""Runs a program as a systemd unit would: confine.py UNIT KEEP... -- PROGRAM [ARGUMENT...]

What stands in the section [Service] is applied by this process itself, without systemd: mounts of its own, no
capability but those that are named, no new privileges, no memory that is written and executed, and a filter of system
calls made of systemd's own lists (`systemd-analyze syscall-filter`). KEEP: directories that stay visible and writable
wherever they are, as a unit's own state is. A directive that it does not know is refused, so that nothing passes for
tried that was not; those that only say how the program is started are in IGNORED.

It takes root, and x86-64.
"""
import ctypes
import errno
import functools
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, MS_BIND = 0x20000, 0x1000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_MDWE = 24, 38, 22, 65
PR_MDWE_REFUSE_EXEC_GAIN, SECCOMP_MODE_FILTER = 1, 2
CAPABILITIES = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
AUDIT_ARCH_X86_64 = 0xC000003E
NUMBERS = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"

# How it is started, and what a mount namespace and a filter do not show.
IGNORED = """Type NotifyAccess ExecStart ExecStartPre Restart RestartSec RestartPreventExitStatus TimeoutStartSec
    OOMScoreAdjust User RuntimeDirectory RuntimeDirectoryMode StateDirectory StateDirectoryMode UMask ProtectClock
    ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectControlGroups PrivateMounts
    RestrictSUIDSGID KeyringMode RemoveIPC SystemCallErrorNumber""".split()


def works():
    """Whether a program can be confined here; else why not."""
    if os.geteuid() != 0:
        return "only root can"
    if platform.machine() != "x86_64" or not os.path.exists(NUMBERS):
        return "no list of this machine's system calls"
    if not shutil.which("systemd-analyze"):
        return "systemd-analyze is not installed"
    probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return "" if probe.returncode == 0 else "nothing can be mounted"


def directives(unit):
    """{name: [value, ...]} of its section [Service]."""
    found, section = {}, ""
    for line in Path(unit).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and re.match(r"[A-Z]\w+=", line):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


# --- Mounts ---


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def put_back(fd, path):
    """By the descriptor, which mount(8) would make a path of again: what is at that path is another one by now."""
    if libc.mount(f"/proc/self/fd/{fd}".encode(), path.encode(), None, MS_BIND, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {path}")


def hide(path, kept):
    """An empty directory in its place, with those of `kept` that lie below."""
    mount("-t", "tmpfs", "-o", "mode=0755", "none", path)
    for fd, directory in kept:
        if directory.startswith(path.rstrip("/") + "/"):
            os.makedirs(directory, exist_ok=True)
            put_back(fd, directory)


def private_devices():
    names = [n for n in ("null", "zero", "full", "random", "urandom", "tty") if os.path.exists(f"/dev/{n}")]
    nodes = [(os.open(f"/dev/{n}", os.O_PATH), n) for n in names]
    terminals = os.open("/dev/pts", os.O_PATH)
    mount("-t", "tmpfs", "-o", "mode=0755,nosuid,noexec", "none", "/dev")
    for fd, name in nodes:
        Path("/dev", name).touch()
        put_back(fd, f"/dev/{name}")
    os.mkdir("/dev/pts")
    put_back(terminals, "/dev/pts")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.mkdir("/dev/shm", 0o1777)


def read_only(kept):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    for point in points:
        if not re.match(r"/(dev|proc|sys)(/|$)", point):
            subprocess.run(["mount", "-o", "remount,bind,ro", point], capture_output=True, check=False)
    for fd, directory in kept:
        put_back(fd, directory)
        mount("-o", "remount,bind,rw", directory)


def mounts(told, keep):
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("--make-rprivate", "/")
    kept = [(os.open(d, os.O_PATH | os.O_DIRECTORY), os.path.abspath(d)) for d in keep]
    if told.get("PrivateDevices") == ["yes"]:
        private_devices()
    if told.get("ProtectHome") == ["yes"]:
        for path in ("/root", "/home", "/run/user"):
            if os.path.isdir(path):
                hide(path, kept)
    if told.get("PrivateTmp") == ["yes"]:
        for path in ("/tmp", "/var/tmp"):
            hide(path, kept)
            os.chmod(path, 0o1777)
    if told.get("ProtectSystem") == ["strict"]:
        read_only(kept)
        mount("-o", "remount,bind,rw", "/tmp")
    if told.get("ProtectProc") == ["invisible"]:
        mount("-t", "proc", "-o", "hidepid=invisible", "proc", "/proc")


# --- Capabilities, and what prctl(2) takes away ---


def prctl(option, *arguments):
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def drop_capabilities(names):
    kept = {CAPABILITIES[name] for name in names}
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        if capability not in kept:
            prctl(PR_CAPBSET_DROP, capability)
    bits = sum(1 << c for c in kept)
    header = struct.pack("Ii", 0x20080522, 0)
    data = struct.pack("6I", bits, bits, 0, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


# --- System calls ---


@functools.lru_cache(maxsize=None)
def named(group):
    """The system calls of one of systemd's groups."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    names = set()
    for word in (line.strip() for line in done.stdout.splitlines()[1:]):
        if word.startswith("@"):
            names |= named(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


def allowed_calls(told):
    """By the first line an allow-list; further ones add to it, or with ~ take away."""
    allowed = set(named("@default"))
    for line in told["SystemCallFilter"]:
        for word in line.lstrip("~").split():
            names = named(word) if word.startswith("@") else {word}
            allowed = allowed - names if line.startswith("~") else allowed | names
    if told.get("RestrictNamespaces") == ["yes"]:
        allowed -= {"unshare", "setns"}
    if told.get("LockPersonality") == ["yes"]:
        allowed -= {"personality"}
    if told.get("RestrictRealtime") == ["yes"]:
        allowed -= {"sched_setscheduler"}
    return allowed


def statement(code, k, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, k)


def program(told):
    """A classic BPF program: seccomp(2)."""
    load, equal, above, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow = 0x00050000, 0x7FFF0000
    text = Path(NUMBERS).read_text(encoding="ascii")
    numbers = {n: int(v) for n, v in re.findall(r"^#define __NR_(\w+)\s+(\d+)", text, flags=re.M)}
    families = [FAMILIES[name] for name in told["RestrictAddressFamilies"][0].split()]
    out = [
        statement(load, 4), statement(equal, AUDIT_ARCH_X86_64, 1, 0), statement(give, refuse | errno.EPERM),
        statement(load, 0), statement(above, 0x40000000, 0, 1), statement(give, refuse | errno.EPERM),
    ]
    out += [statement(equal, numbers["socket"], 0, 2 * len(families) + 2), statement(load, 16)]
    for family in families:
        out += [statement(equal, family, 0, 1), statement(give, allow)]
    out += [statement(give, refuse | errno.EAFNOSUPPORT)]
    for name in sorted(allowed_calls(told) & set(numbers)):
        out += [statement(equal, numbers[name], 0, 1), statement(give, allow)]
    return b"".join([*out, statement(give, refuse | errno.EPERM)])


def filter_calls(code):
    buffer = ctypes.create_string_buffer(code)
    fprog = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    held = ctypes.create_string_buffer(fprog)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(held))


# --- All of it ---

KNOWN = """PrivateDevices ProtectHome PrivateTmp ProtectSystem ProtectProc CapabilityBoundingSet NoNewPrivileges
    MemoryDenyWriteExecute SystemCallFilter SystemCallArchitectures RestrictNamespaces LockPersonality RestrictRealtime
    RestrictAddressFamilies""".split()


def main(unit, keep, argv):
    told = directives(unit)
    unknown = set(told) - set(KNOWN) - set(IGNORED)
    if unknown:
        raise SystemExit(f"confine.py: does not know {', '.join(sorted(unknown))}")
    code = program(told)  # while programs can still be found
    mounts(told, keep)
    drop_capabilities(told["CapabilityBoundingSet"][0].split())
    if told.get("NoNewPrivileges") == ["yes"]:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    if told.get("MemoryDenyWriteExecute") == ["yes"]:
        prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)
    filter_calls(code)
    os.execv(argv[0], argv)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(sys.argv[1], sys.argv[2:split], sys.argv[split + 1 :])
