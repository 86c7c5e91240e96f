#!/usr/bin/env python3
"""The packages under a real systemd: three containers, from `make deb` to a fence and a shutdown.

    trial.py DIRECTORY     keeps the bare system there for the next time

Types what docs/getting-started.md and docs/installing.md say into systemd-nspawn containers on a
bridge of its own. One line per step; the last is "systemd: N passed, N failed". Takes root and some
minutes, and apt for the bare system. Whatever it started is ended, also after an interrupt.
"""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = "systemd,systemd-sysv,dbus,procps,iproute2,python3"
NODES = (1, 2, 3)
BRIDGE = f"hf{os.getpid()}"
NET = "10.77.0"

POWER = """#!/bin/sh
# A power switch that is a file.
off=/var/lib/holdfast-executor/off
case $1 in
off) : >$off ;;
status) echo "$HOLDFAST_NODE-plug"; [ ! -e $off ] || exit 2 ;;
*) exit 1 ;;
esac
"""


def run(*argv, check=True, **options):
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def until(what, so, seconds=30):
    end = time.monotonic() + seconds
    while not (got := so()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)
    return got


def cgroup_mounts():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[fields.index("-") + 1] in ("cgroup", "cgroup2"):
            yield Path(fields[4])


class Node:
    """A container that boots."""

    def __init__(self, number, bare, directory):
        self.name, self.address = f"hv{number}", f"{NET}.{number}"
        self.root = directory / self.name
        shutil.rmtree(self.root, ignore_errors=True)
        run("cp", "-a", bare, self.root)
        (self.root / "etc/hostname").write_text(self.name + "\n")
        (self.root / "etc/machine-id").write_text(run("systemd-id128", "new"))
        self.container = self.leader = None

    def own_cgroup(self):
        """In the child: without a systemd outside, each container is given a cgroup of its own."""
        for mount in cgroup_mounts():
            own = mount / f"{BRIDGE}-{self.name}"
            try:
                own.mkdir(exist_ok=True)
                (own / "cgroup.procs").write_text(str(os.getpid()))
            except OSError:
                pass  # cpuset takes nobody until it is set up; it is not needed

    def boot(self):
        alone = not Path("/run/systemd/system").exists()
        self.container = subprocess.Popen(
            ["systemd-nspawn", "--register=no", "-q", "-D", self.root, "-M", self.name,
             f"--network-bridge={BRIDGE}", "--boot", *(["--keep-unit"] if alone else [])],
            stdin=subprocess.DEVNULL, stdout=open(self.root.with_suffix(".log"), "w"),
            stderr=subprocess.STDOUT, preexec_fn=self.own_cgroup if alone else None,
        )
        self.leader = until(f"{self.name} boots", self.find_leader)
        self.types(f"ip link set host0 up; ip addr replace {self.address}/24 dev host0")
        until("it is up", lambda: self.says("systemctl is-system-running") in ("running", "degraded"))

    def find_leader(self):
        children = Path(f"/proc/{self.container.pid}/task/{self.container.pid}/children").read_text().split()
        for pid in children:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd" and self.inside(pid, "true") == 0:
                return pid
        return None

    @staticmethod
    def enter(pid, command):
        return ["nsenter", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "bash", "-c", command]

    def inside(self, pid, command):
        return subprocess.run(self.enter(pid, f"test -S /run/systemd/private && {command}"), capture_output=True).returncode

    def types(self, command, check=True):
        return run(*self.enter(self.leader, command), check=check)

    def says(self, command):
        return self.types(command, check=False).strip()

    def start(self, command):
        return subprocess.Popen(self.enter(self.leader, command), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def holds(self, name, seconds=300):
        """A command that holds it."""
        process = self.start(f"exec holdfast lock -x {name} -- sleep {seconds}")
        until(f"{name} is held", lambda: self.has(name))
        return process

    def has(self, name):
        """It is held here, and the command runs under it."""
        lines = [line.split() for line in self.says("holdfast locks").splitlines()]
        return ["held"] in [line[2:3] for line in lines if line[:1] == [name]] and self.says("pgrep -x sleep")

    def restarts(self):
        return int(self.says("systemctl show -P NRestarts holdfastd"))

    def end(self):
        if self.container and self.container.poll() is None:
            self.container.terminate()
            try:
                self.container.wait(20)
            except subprocess.TimeoutExpired:
                self.container.kill()
                self.container.wait()
        for mount in cgroup_mounts():
            for own in sorted(mount.glob(f"{BRIDGE}-{self.name}/**/"), reverse=True):
                try:
                    own.rmdir()
                except OSError:
                    pass
        shutil.rmtree(self.root, ignore_errors=True)


class Trial:
    def __init__(self, directory):
        self.directory = directory
        self.nodes = []
        self.passed = self.failed = 0

    # --- Before ---

    def bare(self):
        """A system with systemd and the packages' dependencies."""
        root = self.directory / "bare"
        if not (root / "ready").exists():
            shutil.rmtree(root, ignore_errors=True)
            print("debootstrap: some minutes", flush=True)
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root)
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            self.install(root, "apt-get install -y -qq")
            run("chroot", root, "dpkg", "--purge", "holdfastd", "holdfast")
            (root / "ready").touch()
        return root

    def install(self, root, how):
        debs = root / "debs"
        shutil.rmtree(debs, ignore_errors=True)
        debs.mkdir()
        for deb in (*ROOT.glob("build/deb/holdfastd_*.deb"), *ROOT.glob("build/deb/holdfast_*.deb")):
            shutil.copy(deb, debs)
        run("chroot", root, "sh", "-c", f"DEBIAN_FRONTEND=noninteractive {how} /debs/*.deb")

    def prepare(self):
        bare = self.bare()
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "link", "set", BRIDGE, "up")
        self.nodes = [Node(i, bare, self.directory) for i in NODES]
        for node in self.nodes:
            self.install(node.root, "dpkg -i")
            node.boot()

    def end(self):
        for node in self.nodes:
            node.end()
        run("ip", "link", "del", BRIDGE, check=False)

    # --- Steps: hv1, hv2, hv3 ---

    def installed_but_not_configured(self):
        for node in self.nodes:
            assert "ConditionPathExists=/etc/holdfast/holdfast.conf was not met" in node.says("systemctl status holdfastd")
            assert node.says("stat -c %a /etc/holdfast") == "755"

    def enrolled(self):
        admin = self.directory / "admin"
        shutil.rmtree(admin, ignore_errors=True)
        admin.mkdir()
        holdfast = ROOT / "build/holdfast"
        run(holdfast, "keygen", "--operator", "-d", admin / "secure")
        for node in self.nodes:
            node.types(f"holdfast keygen --name {node.name} --address {node.address}:7654 --device {node.name}-plug"
                       " -d /etc/holdfast --state /var/lib/holdfast;"
                       " chown -R holdfast: /etc/holdfast/key /var/lib/holdfast")
            shutil.copy(node.root / "etc/holdfast/card.json", admin / f"{node.name}.json")
        run(holdfast, "roster", "make", "-o", admin / "roster", "--action", "power",
            "--operator", admin / "secure/operator.pub", *sorted(admin.glob("hv*.json")))
        run(holdfast, "roster", "sign", "-k", admin / "secure/operator.key", admin / "roster")
        self.cluster = run(holdfast, "roster", "show", admin / "roster").split("cluster", 1)[1].split()[0]
        for node in self.nodes:
            shutil.copy(admin / "roster", node.root / "etc/holdfast/roster")

    def what_is_wrong_is_said_and_not_tried_again(self):
        node = self.nodes[0]
        (node.root / "etc/holdfast/holdfast.conf").write_text("nonsense = 1\n")
        node.types("systemctl start holdfastd", check=False)
        time.sleep(1)
        status = node.says("systemctl status holdfastd")
        assert "status=78" in status and "nonsense" in status, status
        assert node.says("systemctl is-active holdfastd") == "failed" and node.restarts() == 0

    def started(self):
        for node in self.nodes:
            etc = node.root / "etc/holdfast"
            (etc / "power").write_text(POWER)
            (etc / "power").chmod(0o755)
            (etc / "holdfast.conf").write_text(
                f'cluster = "{self.cluster}"\nsocket-group = "holdfast"\nagent-user = holdfast\n'
                'action "power" { exec = /etc/holdfast/power }\n')
            node.types("systemctl restart holdfastd holdfast-executor")
        hv1 = self.nodes[0]
        until("all are alive", lambda: "3 alive" in hv1.says("holdfast members"))
        until("it is well", lambda: "nothing is wrong" in hv1.says("holdfast doctor"), 40)
        assert hv1.says("stat -c '%a %G' /run/holdfast/holdfast.sock") == "660 holdfast"

    def locks(self):
        for node in self.nodes:
            assert node.types("holdfast lock -x image/a -- echo held").strip() == "held"

    def kept(self, node, change):
        """It holds a lock through what is done to its agent."""
        holder = node.holds("disk/a")
        change()
        until("it is back", lambda: node.has("disk/a"))
        assert holder.poll() is None
        node.types("pkill -x sleep")
        holder.wait(20)

    def a_restart_keeps_the_locks(self):
        hv3 = self.nodes[2]
        self.kept(hv3, lambda: hv3.types("systemctl restart holdfastd"))

    def a_crash_keeps_the_locks(self):
        hv3 = self.nodes[2]
        before = hv3.restarts()
        self.kept(hv3, lambda: hv3.types("systemctl kill -s KILL holdfastd; sleep 1"))
        assert hv3.restarts() == before + 1

    def an_agent_that_hangs_is_started_anew(self):
        hv3 = self.nodes[2]
        before = hv3.restarts()

        def hang():
            hv3.types("systemctl kill -s STOP holdfastd")
            until("it is started anew", lambda: hv3.restarts() == before + 1)
        self.kept(hv3, hang)

    def an_upgrade_keeps_the_locks_and_nobody_is_suspected(self):
        hv3 = self.nodes[2]
        self.kept(hv3, lambda: hv3.types("DEBIAN_FRONTEND=noninteractive dpkg -i /debs/*.deb"))
        log = self.nodes[0].says("journalctl -u holdfastd -n 15 -o cat HOLDFAST_EVENT=member")
        assert "hv3 is suspect" not in log.splitlines()[-1], log

    def a_reload_is_in_the_journal_by_its_fields(self):
        hv2 = self.nodes[1]
        with open(hv2.root / "etc/holdfast/holdfast.conf", "a") as conf:
            conf.write("grace = 11\n")
        hv2.types("systemctl reload holdfastd")
        until("it is reloaded", lambda: "HOLDFAST_CHANGED=grace" in hv2.says(
            "journalctl -u holdfastd HOLDFAST_EVENT=reloaded -o verbose"))

    def a_stop_waits_and_ends_with_the_last_hold(self):
        hv3 = self.nodes[2]
        holder = hv3.holds("disk/a")
        stop = hv3.start("systemctl stop holdfastd")
        until("it waits", lambda: "waits to stop" in hv3.says("systemctl status holdfastd"))
        time.sleep(3)
        assert stop.poll() is None and hv3.says("systemctl is-active holdfastd") == "deactivating"
        hv3.types("pkill -x sleep")
        assert "not confirmed" not in holder.communicate(timeout=20)[0]
        assert stop.wait(20) == 0 and hv3.says("systemctl is-active holdfastd") == "inactive"
        hv3.types("systemctl start holdfastd")
        until("it votes", lambda: '"voting"' in hv3.says("holdfast status --json"))

    def a_dead_holder_is_fenced_by_the_executor(self):
        hv1, _, hv3 = self.nodes
        holder = hv3.holds("disk/b")
        for node in self.nodes[:2]:  # the two switches are one
            node.types("systemctl service-watchdogs no")
        hv3.types("systemctl service-watchdogs no; systemctl kill -s STOP holdfastd")
        waiter = hv1.start("holdfast lock -w 60 -x disk/b -- echo passed")

        def off():
            acted = [n for n in self.nodes[:2] if (n.root / "var/lib/holdfast-executor/off").exists()]
            for node in self.nodes[:2] if acted else ():
                (node.root / "var/lib/holdfast-executor/off").touch()
            return acted
        until("it is switched off", off)
        out = waiter.communicate(timeout=60)[0]
        assert waiter.returncode == 0 and "passed" in out, out
        assert "by an executor" in out or "order" in out, out
        hv3.types("systemctl kill -s CONT holdfastd; systemctl service-watchdogs yes")
        holder.wait(30)
        until("it is back", lambda: '"voting"' in hv3.says("holdfast status --json"))

    def a_shutdown_ends_who_holds_first(self):
        hv3 = self.nodes[2]
        hv3.types("systemd-run --unit=guest holdfast lock -x disk/c -- sleep 1000")
        until("it is held", lambda: hv3.has("disk/c"))
        os.kill(int(hv3.leader), signal.SIGRTMIN + 4)
        hv3.container.wait(60)
        until("it has left", lambda: "1 left" in self.nodes[0].says("holdfast members"))

    STEPS = (installed_but_not_configured, enrolled, what_is_wrong_is_said_and_not_tried_again, started, locks,
             a_restart_keeps_the_locks, a_crash_keeps_the_locks, an_agent_that_hangs_is_started_anew,
             an_upgrade_keeps_the_locks_and_nobody_is_suspected, a_reload_is_in_the_journal_by_its_fields,
             a_stop_waits_and_ends_with_the_last_hold, a_dead_holder_is_fenced_by_the_executor,
             a_shutdown_ends_who_holds_first)

    def go(self):
        for step in self.STEPS:
            begun = time.monotonic()
            try:
                step(self)
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired, OSError) as error:
                self.failed += 1
                print(f"failed   {step.__name__}\n    {error!r}", flush=True)
                for node in self.nodes:
                    print("    " + node.says("journalctl -u holdfastd -n 8 -o cat").replace("\n", "\n    "))
                return
            self.passed += 1
            print(f"passed   {step.__name__} {time.monotonic() - begun:.1f} s", flush=True)


def main():
    if os.geteuid() != 0 or not (shutil.which("systemd-nspawn") and shutil.which("debootstrap")):
        print("systemd: skipped: takes root, and the packages systemd-container and debootstrap")
        return 0
    directory = Path(sys.argv[1]).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    for signo in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, lambda *_: sys.exit(1))
    trial = Trial(directory)
    try:
        trial.prepare()
        trial.go()
    finally:
        trial.end()
    print(f"systemd: {trial.passed} passed, {trial.failed} failed")
    return 1 if trial.failed or not trial.passed else 0


if __name__ == "__main__":
    sys.exit(main())
