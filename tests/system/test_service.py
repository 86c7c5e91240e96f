"""The agent as a service: what its signals do, and an upgrade of a whole cluster under load."""
import json
import os
import signal
import socket
import subprocess
import sys

from case import NOT_PERMITTED, OK, Case
from cluster import Cluster
from support.lab import ROOT, build_dir, until
from support.processes import that_mention
from support.varlink import Connection, Refused


class Signals(Case):
    """One agent alone, made by hand."""

    def setUp(self):
        super().setUp()
        self.node = Cluster(self, self.dir / "c").nodes[0]

    def run_command(self, *argv):
        return self.holdfast("--socket", self.node.options["socket"], *argv)

    def held(self, *options):
        process = self.start(
            build_dir() / "holdfast", "--socket", self.node.options["socket"], "lock", *options, "a", "sleep", "1000"
        )
        until(lambda: "held" in self.run_command("locks")[1], "it is held")
        return process

    def logged(self, event, count=1):
        lines = [line for line in self.node.log().splitlines() if f" {event} " in line or line.startswith(f"{event} ")]
        return lines if len(lines) >= count else None

    def waits(self, agent):
        """It was told to stop, and says why it does not."""
        agent.send_signal(signal.SIGTERM)
        (line,) = until(lambda: self.logged("stop-waits"), "it is said")
        for part in ("held=1", 'lock="a"', "SIGUSR1", "stops now"):
            self.assertIn(part, line)
        self.assertIsNone(agent.poll())
        self.assertEqual(self.run_command("status")[0], OK)

    def test_a_stop_waits_while_this_node_would_be_fenced_for_it(self):
        agent = self.node.start()
        self.node.until_store("voting")
        holder = self.held("-x")
        self.waits(agent)
        for names in (("b",), ("-a", "b", "c")):
            code, _, err = self.run_command("lock", "-n", *names, "--", "true")
            self.assertNotEqual(code, OK)
            self.assertIn("takes no new locks", err)
        holder.terminate()
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM, "it was released as ever")
        self.assertEqual(agent.wait(10), 0)

    def test_a_stop_that_is_asked_for_twice_is_meant(self):
        agent = self.node.start()
        self.node.until_store("voting")
        holder = self.held("-x")
        self.waits(agent)
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(agent.wait(10), 0)
        holder.wait(30)

    def test_a_restart_while_a_stop_waits_keeps_all(self):
        agent = self.node.start()
        self.node.until_store("voting")
        holder = self.held("-x")
        self.waits(agent)
        agent.send_signal(signal.SIGUSR1)
        self.assertEqual(agent.wait(10), 0)
        self.node.start()
        self.node.until_store("voting")
        self.assertIn("exclusive", self.run_command("locks")[1])
        holder.terminate()
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)

    def test_a_stop_does_not_wait_for_what_expires_or_waits_for_the_boot(self):
        for options in (("-s",), ("-x", "--stale", "hold")):
            agent = self.node.start()
            self.node.until_store("voting")
            holder = self.held(*options)
            agent.send_signal(signal.SIGTERM)
            self.assertEqual(agent.wait(10), 0)
            holder.wait(30)
            self.assertIsNone(self.logged("stop-waits"))

    def test_a_restart_is_never_refused_and_keeps_all(self):
        agent = self.node.start()
        self.node.until_store("voting")
        holder = self.held("-x")
        agent.send_signal(signal.SIGUSR1)
        self.assertEqual(agent.wait(10), 0)
        self.node.start()
        self.node.until_store("voting")
        self.assertIn("exclusive", self.run_command("locks")[1])
        self.assertIsNone(holder.poll())
        holder.terminate()
        self.assertEqual(holder.wait(30), 128 + signal.SIGTERM)

    def test_a_reload_takes_over_who_may_do_what(self):
        self.node.configure()
        agent = self.node.start()
        self.node.until_store("voting")
        self.assertEqual(self.run_command("lock", "a", "true")[0], OK)
        self.node.configure('access "nobody" {\n users = "root"\n may = "look"\n}\n', grace=3, max_locks=1000)
        agent.send_signal(signal.SIGHUP)
        (line,) = until(lambda: self.logged("reloaded"), "it is said")
        self.assertIn('changed="grace access"', line)
        self.assertIn('with-the-next-start="max-locks"', line)
        code, _, err = self.run_command("lock", "a", "true")
        self.assertEqual(code, NOT_PERMITTED, err)
        self.assertEqual(self.run_command("status")[0], OK)
        self.node.configure()
        agent.send_signal(signal.SIGHUP)
        until(lambda: self.logged("reloaded", 2), "it is read again")
        self.assertEqual(self.run_command("lock", "a", "true")[0], OK)

    def test_a_connection_that_is_open_has_the_new_rights_too(self):
        agent = self.node.start()
        self.node.until_store("voting")
        with Connection(self.node.options["socket"]) as api:
            hold = api.acquire("b")["hold"]
            self.node.configure('access "nobody" {\n users = "root"\n may = "look"\n}\n')
            agent.send_signal(signal.SIGHUP)
            until(lambda: self.logged("reloaded"), "it is said")
            with self.assertRaises(Refused):
                api.acquire("c")
            with self.assertRaises(Refused):
                api.release(hold)
            self.node.configure()
            agent.send_signal(signal.SIGHUP)
            until(lambda: self.logged("reloaded", 2), "it is read again")
            api.release(hold)

    def test_a_reload_of_nonsense_changes_nothing(self):
        agent = self.node.start()
        self.node.until_store("voting")
        self.node.configure("grace = 5\nnonsense = 1\n")
        agent.send_signal(signal.SIGHUP)
        (line,) = until(lambda: self.logged("reload-failed"), "it is said")
        self.assertIn("nonsense", line)
        self.assertIn("the old configuration stays in force", line)
        self.assertEqual(self.run_command("lock", "a", "true")[0], OK)
        self.node.config.unlink()
        agent.send_signal(signal.SIGHUP)
        until(lambda: self.logged("reload-failed", 2), "a missing file too")
        self.assertIsNone(agent.poll())


class Journal(Case):
    def test_an_entry_with_a_field_for_each_key(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespace can be made here")
        node = Cluster(self, self.dir / "c").nodes[0]
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(ear.close)
        ear.bind(str(self.dir / "socket"))
        ear.settimeout(30)
        inside = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && " \
                 f'mount --bind {self.dir} /run/systemd/journal && exec "$@"'
        node.start(before=("env", "JOURNAL_STREAM=1:1", "unshare", "-m", "sh", "-c", inside, "sh"))
        entry = {}
        while entry.get("HOLDFAST_EVENT") != "started":
            entry = dict(line.split("=", 1) for line in ear.recv(1 << 16).decode().splitlines())
        self.assertEqual((entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"], entry["HOLDFAST_NODE"]), ("6", "holdfastd", "hv1"))
        self.assertTrue(entry["MESSAGE"].startswith("started version="))
        self.assertEqual(node.log(), "", "nothing is said twice")


# Takes and gives back one lock of its own again and again until SIGTERM, through restarts of the agent; says how often.
LOOP = """
import signal, sys
from holdfast import Holdfast, Unknown
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
tokens = []
with Holdfast(sys.argv[1], patience=30) as hf:
    print("begun", flush=True)
    while not over:
        hold = hf.lock(sys.argv[2])
        tokens.append(hold.token)
        try:
            hold.release()
        except Unknown:
            pass  # it was given up, and the agent went away before it said so
assert tokens == sorted(set(tokens)), tokens
print(len(tokens), flush=True)
"""


class Upgrade(Case):
    """Every agent is replaced, one after the other, while all nodes take locks."""

    machines = 5
    weight = 2

    def test_no_lock_is_lost_and_no_node_suspected(self):
        keepers = {m: self.hold(m, self.name("kept"), "-v") for m in self.lab.names}
        loops = [
            self.exec(
                m, "env", f"PYTHONPATH={ROOT / 'client/python'}", sys.executable, "-c", LOOP,
                self.lab.socket(m), self.name("busy"),
            )
            for m in self.lab.names
        ]
        for loop in loops:
            self.assertEqual(loop.stdout.readline(), "begun\n")
        kept = {m: self.lab.tokens("hv1", self.held_name(m)) for m in self.lab.names}
        for machine in self.lab.names:
            self.lab.agent(machine, "stop")
            self.lab.agent(machine, "start")
            self.lab.wait_voting(machine)
        for loop in loops:
            self.assertIsNone(loop.poll(), loop.poll() is not None and loop.communicate())
            subprocess.run(["kill", "-TERM", *self.of(loop)], check=True)
        for loop in loops:
            code, out, err = self.finish(loop)
            self.assertEqual((code, err), (OK, ""))
            self.assertGreater(int(out), 0)
        for machine, process in keepers.items():
            self.assertIsNone(process.poll(), f"the lock of {machine} was lost")
            self.assertEqual(self.lab.tokens("hv1", self.held_name(machine)), kept[machine])
        # What others said of a node while it was away: it left, and came back.
        for machine in self.lab.names:
            for member in self.lab.call(machine, "Members")["members"]:
                self.assertEqual((member["gossip"], member["fence"]), ("alive", "none"), member)
            code, out, _ = self.holdfast("events", "--json", "--socket", self.lab.socket(machine))
            for event in map(json.loads, out.splitlines()):
                change = event.get("change") or {}
                self.assertNotIn(change.get("after"), ("suspect", "dead"), event)

    def held_name(self, machine):
        (found,) = [o["name"] for o in self.lab.call(machine, "List")["operations"] if o["name"].startswith("kept/")]
        return found

    def of(self, process):
        """The pids of what `lab exec` started."""
        mine = process.args[-1]
        return [str(pid) for pid in that_mention(f"\0{mine}\0") if "python" in open(f"/proc/{pid}/comm").read()]
