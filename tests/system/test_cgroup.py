"""Stop sets by cgroup (F11): what left the command's process group, and its session, ends with the lock all the same."""
import os
import signal
import sys
import unittest
from pathlib import Path

from case import LOST, OK, USAGE
from fencing import FenceCase
from support.lab import until

# A writer that is nobody's child any more, in a session and a group of its own; its parent says nothing of it.
DAEMON = """
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
with open(sys.argv[1], "a") as log:
    while True:
        log.write("x")
        log.flush()
        time.sleep(0.01)
"""


def mounts():
    """Where cgroup2 is mounted."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    return [words[1] for words in lines if words[2] == "cgroup2"]


def own_directory():
    """Of this process's cgroup; None if there is none that it could make others in."""
    path = [l[3:] for l in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines() if l.startswith("0::/")]
    if not path or not mounts():
        return None
    directory = Path(mounts()[0] + path[0])
    probe = directory / f"holdfast-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return None
    return directory


@unittest.skipUnless(own_directory(), "no cgroup can be made here")
class OwnCgroup(FenceCase):
    machines = 3

    def setUp(self):
        super().setUp()
        self.program = self.dir / "daemon.py"
        self.program.write_text(DAEMON)

    def tearDown(self):
        """Those of clients that were killed: the next `lock --cgroup` would remove them too."""
        super().tearDown()
        for path in own_directory().glob("holdfast-lock-*"):
            if not Path("/proc", path.name.rpartition("-")[2]).exists():
                path.rmdir()

    def begin(self, name, then="exec sleep 1000"):
        """hv1 holds it with a command that left a writer behind: (process, log)."""
        log = self.dir / f"{name.replace('/', '-')}.log"
        command = f"'{sys.executable}' '{self.program}' '{log}'; until [ -s '{log}' ]; do sleep 0.01; done; {then}"
        process = self.hold("hv1", name, "--cgroup", command=("sh", "-c", command))
        until(lambda: log.exists() and log.stat().st_size, "the daemon writes")
        return process, log

    def client(self, name):
        """The pid of the `holdfast lock` that holds it: the parent of its command."""
        pids = next(o["pids"] for o in self.operations("hv1") if o["name"] == name)
        fields = [Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split() for pid in pids]
        return next(pid for pid in pids if any(int(f[1]) == pid for f in fields))

    def cgroups(self):
        return sorted(p.name for p in own_directory().glob("holdfast-lock-*"))

    def test_a_client_that_is_killed(self):
        name = self.name("killed")
        _, log = self.begin(name)
        waiter = self.successor("hv2", name, log, "-q")
        self.until_waiting("hv2", name, 1)
        os.kill(self.client(name), signal.SIGKILL)
        _, unclean, _ = self.told(waiter)  # which says whether anything was written meanwhile
        self.assertEqual(unclean[1:3], ["exclusive", "agent"])

    def test_the_agent_restarts_meanwhile(self):
        """What it kept with the hold is enough to find those that nobody else knows of."""
        name = self.name("restart")
        _, log = self.begin(name)
        waiter = self.successor("hv2", name, log, "-q")
        self.until_waiting("hv2", name, 1)
        client = self.client(name)
        self.lab.agent("hv1", "kill")
        os.kill(client, signal.SIGKILL)
        self.lab.agent("hv1", "start")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[1:3], ["exclusive", "agent"])
        self.until_whole()

    def test_a_lock_that_is_lost(self):
        name = self.name("lost")
        process, log = self.begin(name)
        for machine in ("hv2", "hv3"):
            self.lab.power(machine, "off")
        self.assertEqual(self.finish(process)[0], LOST)
        until(lambda: self.stands(log), "the daemon is dead")
        self.until_whole()

    def stands(self, log):
        size = log.stat().st_size
        try:
            until(lambda: log.stat().st_size > size, "it writes", 0.3)
            return False
        except TimeoutError:
            return True

    def test_a_command_that_ends(self):
        """It leaves nothing behind: no process, and no cgroup."""
        name = self.name("ends")
        process, log = self.begin(name, then="sleep 0.5; exit 0")
        waiter = self.successor("hv2", name, log, "-q")
        self.assertEqual(self.finish(process)[0], OK)
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean, [])
        self.assertEqual(self.cgroups(), [])

    def test_a_command_that_leaves_cgroups_behind(self):
        """Empty ones below its own: it ended as cleanly as without them, and they go with it."""
        name = self.name("below")
        make = f"mkdir -p '{mounts()[0]}'$(sed -n 's/^0:://p' /proc/self/cgroup)/a/b"
        code, _, err = self.locked("hv1", "--cgroup", name, "sh", "-c", make)
        self.assertEqual((code, err), (OK, ""))
        self.assertEqual(self.cgroups(), [])
        code, out, _ = self.locked("hv2", "-q", name, "sh", "-c", "echo unclean: $HOLDFAST_UNCLEAN")
        self.assertEqual((code, out), (OK, "unclean:\n"))

    def test_it_ends_all_or_nothing(self):
        code, _, err = self.locked("hv1", "--cgroup", "--on-lost", "none", self.name(), "true")
        self.assertEqual(code, USAGE)
        self.one_line(err, "--cgroup")
