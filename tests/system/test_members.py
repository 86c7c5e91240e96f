"""`holdfast members`: three verdicts kept apart (M3), why each is so, and how they change."""
import json
import os
import pty
import select
import subprocess
import time

from case import Case, ERROR, OK, UNREACHABLE, USAGE
from fencing import FenceCase
from support.lab import DEADLINE_S, holdfast, until

NAMES = [
    "accused_by", "address", "by", "dead_in_ms", "fence", "fence_by", "fence_life", "fence_order",
    "fence_why", "gossip", "gossip_why", "heard_ms", "incarnation", "juror", "life", "name",
    "reach_why", "rtt_us", "since_ms", "slot", "suspected_by", "suspects_full", "unreachable",
    "version", "via", "voter",
]  # fmt: skip
CHANGE_NAMES = [
    "after", "before", "by", "incarnation", "life", "node", "reason", "seq", "text", "time",
    "verdict",
]  # fmt: skip


class Watch:
    """`holdfast members --watch`, read by line."""

    def __init__(self, case, machine, *arguments, lab):
        self.case = case
        before = lab.status(machine)["clients"]
        self.process = case.start(
            holdfast(), "--socket", lab.socket(machine), "members", "--watch", *arguments
        )
        self.bytes = b""
        until(lambda: lab.status(machine)["clients"] >= before + 2, "it follows")
        self.seen = []

    def line(self):
        while b"\n" not in self.bytes:
            ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
            self.case.assertTrue(ready, f"no further change after {self.seen}")
            data = os.read(self.process.stdout.fileno(), 65536)
            self.case.assertNotEqual(data, b"", f"it ended after {self.seen}")
            self.bytes += data
        line, _, self.bytes = self.bytes.partition(b"\n")
        self.seen.append(line.decode())
        return self.seen[-1]

    def until(self, **wanted):
        """Reads up to the change that has all these members, and returns it."""
        while True:
            change = json.loads(self.line())
            if all(change[key] == value for key, value in wanted.items()):
                return change


class MembersCase(Case):
    machines = 4

    def members(self, *names, machine="hv1", lab=None):
        """{name: Member}, of `holdfast members --json`."""
        lab = lab or self.lab
        code, out, err = self.holdfast(
            "--socket", lab.socket(machine), "members", "--json", *names
        )
        self.assertEqual((code, err), (OK, ""))
        return {m["name"]: m for m in json.loads(out)["members"]}

    def text(self, *arguments, machine="hv1"):
        code, out, err = self.holdfast(
            "--socket", self.lab.socket(machine), "members", *arguments
        )
        self.assertEqual((code, err), (OK, ""))
        return out

    def all_well(self):
        """Everybody sees everybody alive, and reaches it."""

        def look():
            for machine in self.lab.names:
                for m in self.members(machine=machine).values():
                    if m["gossip"] != "alive" or m["unreachable"]:
                        return False
            return True

        until(look, "all is well")

    def setUp(self):
        super().setUp()
        self.all_well()


class Members(MembersCase):
    def test_names_of_json(self):
        code, out, err = self.holdfast("--socket", self.lab.socket("hv1"), "members", "--json")
        reply = json.loads(out)
        self.assertEqual((code, err), (OK, ""))
        self.assertEqual(sorted(reply), ["lab", "local_health", "members", "node", "seq"])
        self.assertEqual((reply["lab"], reply["node"]), (True, "hv1"))
        self.assertEqual([m["name"] for m in reply["members"]], self.lab.names)  # by slot
        for m in reply["members"]:
            self.assertEqual(sorted(m), NAMES)
            self.assertTrue(m["gossip_why"] and m["reach_why"] and m["fence_why"])
            self.assertEqual(m["version"] != "", m["name"] == "hv1")
            self.assertEqual((m["fence"], m["fence_order"], m["dead_in_ms"]), ("none", "", -1))
        until(lambda: self.members()["hv2"]["rtt_us"] > 0, "a round trip was measured")

    def test_names_choose(self):
        self.assertEqual(list(self.members("hv3")), ["hv3"])
        self.assertEqual(list(self.members("hv[24]", "hv1")), ["hv1", "hv2", "hv4"])
        out = self.text("hv3")
        self.assertIn("hv1 sees 1 member: 1 alive", out)
        self.assertNotIn("hv2", out)

    def test_killed_agent(self):
        watch = Watch(self, "hv1", "--json", "hv3", lab=self.lab)
        self.lab.agent("hv3", "kill")
        suspect = watch.until(verdict="gossip", after="suspect")
        self.assertEqual(sorted(suspect), CHANGE_NAMES)
        self.assertEqual((suspect["node"], suspect["before"]), ("hv3", "alive"))
        self.assertIn(suspect["by"], ["hv1", "hv2", "hv4"])
        self.assertEqual(suspect["reason"], "probe" if suspect["by"] == "hv1" else "hearsay")
        dead = watch.until(verdict="gossip", after="dead")
        self.assertIn(dead["reason"], ["unrefuted", "told-dead"])
        self.assertGreater(dead["seq"], suspect["seq"])
        unreachable = until(
            lambda: (m := self.members("hv3")["hv3"])["unreachable"] and m, "hv1 finds it itself"
        )
        self.assertEqual((unreachable["gossip"], unreachable["fence"]), ("dead", "none"))
        self.assertIn("did not refute", unreachable["gossip_why"])
        self.assertIn("no answer", unreachable["reach_why"])
        self.assertGreater(unreachable["heard_ms"], 0)
        lines = self.text().splitlines()
        self.assertEqual(lines[:2], [
            "LAB: a cluster for rehearsal",
            "hv1 sees 4 members: 3 alive, 1 dead; it does not reach 1",
        ])  # fmt: skip
        self.assertEqual(lines[4].split()[:4], ["hv3", "dead", "NO", "-"])  # the worst first
        self.assertTrue(any(l.startswith("hv3: gossip: suspected first by ") for l in lines))
        self.assertTrue(any(l.startswith("hv3: reach: no answer") for l in lines))
        self.lab.agent("hv3", "start")
        back = watch.until(verdict="gossip", after="alive")
        self.assertEqual((back["before"], back["reason"]), ("dead", "refuted"))
        self.assertGreater(back["incarnation"], dead["incarnation"])

    def test_stopped_agent_refutes(self):
        watch = Watch(self, "hv1", "--json", "hv2", lab=self.lab)
        self.lab.agent("hv2", "pause")
        try:
            suspect = watch.until(verdict="gossip", after="suspect")
            now = self.members("hv2")["hv2"]
            if now["gossip"] == "suspect":  # not if it took long to look
                self.assertGreaterEqual(now["dead_in_ms"], 0)
                self.assertIn("unless it refutes", now["gossip_why"])
                self.assertEqual(now["by"], suspect["by"])
        finally:
            self.lab.agent("hv2", "resume")
        alive = watch.until(verdict="gossip", after="alive", reason="refuted")
        self.assertGreater(alive["incarnation"], suspect["incarnation"])
        self.assertEqual(alive["life"], suspect["life"])

    def test_leave_and_return(self):
        watch = Watch(self, "hv1", "--json", "hv4", lab=self.lab)
        self.lab.agent("hv4", "stop")
        left = watch.until(verdict="gossip", after="left")
        self.assertEqual((left["before"], left["reason"], left["by"]), ("alive", "left", ""))
        self.assertIn("said so itself", self.members("hv4")["hv4"]["gossip_why"])
        self.assertEqual(self.members("hv4")["hv4"]["fence"], "none")
        self.lab.agent("hv4", "start")
        back = watch.until(verdict="gossip", after="alive")
        self.assertEqual((back["before"], back["reason"]), ("left", "came-back"))
        self.assertEqual(back["life"], left["life"])


class MembersWatch(MembersCase):
    machines = 3

    def test_lines_in_a_pipe(self):
        watch = Watch(self, "hv1", lab=self.lab)
        self.lab.agent("hv3", "stop")
        line = watch.line()
        while " hv3 is left " not in line:
            line = watch.line()
        self.assertRegex(line, r"^20\S+Z  gossip  hv3 is left \(life 1, was alive\): .*itself$")
        self.assertNotIn("\033", "".join(watch.seen))
        self.lab.agent("hv3", "start")

    def test_ends_with_its_agent(self):
        watch = Watch(self, "hv2", "--json", lab=self.lab)
        self.lab.agent("hv2", "stop")
        try:
            _, err = watch.process.communicate(timeout=DEADLINE_S)
            self.assertEqual(watch.process.returncode, UNREACHABLE)
            self.one_line(err.decode(), self.lab.socket("hv2"))
        finally:
            self.lab.agent("hv2", "start")

    def test_nobody_reads_any_more(self):
        watch = Watch(self, "hv1", lab=self.lab)
        watch.process.stdout.close()
        self.lab.agent("hv3", "stop")
        self.lab.agent("hv3", "start")
        self.assertNotEqual(watch.process.wait(DEADLINE_S), OK)

    def screen(self, end, *arguments, **environment):
        """What is drawn on a terminal up to the word `end`."""
        control, terminal = pty.openpty()
        self.addCleanup(os.close, control)
        env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        process = self.start(
            holdfast(), "--socket", self.lab.socket("hv1"), "members", *arguments,
            stdout=terminal, stderr=subprocess.DEVNULL, env={**env, "TERM": "xterm", **environment},
        )  # fmt: skip
        os.close(terminal)
        drawn, deadline = b"", time.monotonic() + DEADLINE_S
        while end not in drawn:
            ready, _, _ = select.select([control], [], [], deadline - time.monotonic())
            self.assertTrue(ready, f"{end} is not in {drawn}")
            drawn += os.read(control, 65536)
        process.terminate()
        process.wait(DEADLINE_S)
        return drawn.decode()

    def test_screen(self):
        plain = self.screen(b"hv3 ", "--watch")
        self.assertIn("\033[H\033[2J", plain)
        self.assertIn("hv1 sees 3 members: 3 alive", plain)
        self.assertNotIn("\033[1;31m", plain)
        self.lab.agent("hv3", "kill")
        try:
            drawn = self.screen(b"1 dead", "--watch")
            self.assertIn("hv1 sees 3 members", drawn)
            self.assertIn("\033[1;31mhv3", self.screen(b"hv3: gossip"))
            self.assertNotIn("\033[", self.screen(b"hv3: gossip", NO_COLOR="1"))
            self.assertNotIn("\033[", self.screen(b"hv3: gossip", TERM="dumb"))
        finally:
            self.lab.agent("hv3", "start")


class MembersFenced(FenceCase):
    """The third verdict: by a certified order and a receipt, for the life that it names."""

    def member(self, machine, name):
        members = self.lab.call(machine, "Members")["members"]
        return next(m for m in members if m["name"] == name)

    def row(self, machine, name):
        """(the columns, the whole output) of `holdfast members NAME`."""
        _, out, _ = self.holdfast("--socket", self.lab.socket(machine), "members", name)
        line = next(line for line in out.splitlines() if line.startswith(f"{name} "))
        return line.split(), out

    def test_fenced_then_booted(self):
        name = self.name("image")
        watch = Watch(self, "hv1", "--json", "hv3", lab=self.lab)
        self.writer("hv3", name)
        life = self.life("hv3")
        self.lab.agent("hv3", "pause")
        waiter = self.lock("hv1", "-q", "-w", "60", name, "--", "true")
        watch.until(verdict="gossip", after="dead", life=life)
        ordered = watch.until(verdict="fence", after="ordered", life=life)
        fenced = watch.until(verdict="fence", after="fenced", life=life)
        self.assertEqual((ordered["reason"], fenced["reason"]), ("order", "receipt"))
        self.assertEqual(self.finish(waiter)[0], OK)
        order = self.order("hv1", "hv3", life)
        m = self.member("hv1", "hv3")
        self.assertEqual((m["gossip"], m["fence"], m["fence_life"]), ("dead", "fenced", life))
        self.assertEqual(m["fence_order"], order["order"])
        self.assertEqual(m["fence_by"], order["receipt"]["executor"])
        self.assertIn("receipt of", m["fence_why"])
        row, out = self.row("hv1", "hv3")
        self.assertEqual((row[1], row[3], row[4]), ("dead", "fenced", str(life)))
        self.assertIn("hv3: fence: life ", out)
        self.until_whole()
        m = self.member("hv1", "hv3")
        self.assertEqual((m["gossip"], m["life"]), ("alive", life + 1))
        self.assertEqual((m["fence"], m["fence_life"]), ("fenced", life))  # of the life before
        row, out = self.row("hv1", "hv3")
        self.assertEqual((row[1], row[3], row[4]), ("alive", "-", str(life + 1)))
        self.assertNotIn("hv3: fence", out)


class MembersRefusals(Case):
    machines = 1

    def test_codes(self):
        socket = self.lab.socket("hv1")
        for arguments, expected, part in (
            (["members", "hv9"], ERROR, "hv9"),
            (["members", "hv1", "x*"], ERROR, "x*"),
            (["members", "--watch", "hv9"], ERROR, "hv9"),
            (["members", "--json", "hv9"], ERROR, "hv9"),
            (["members", "--nothing"], USAGE, "--nothing"),
        ):
            with self.subTest(arguments=arguments):
                code, out, err = self.holdfast("--socket", socket, *arguments)
                self.assertEqual((code, out), (expected, ""))
                self.one_line(err, part)

    def test_no_agent(self):
        for arguments in (["members"], ["members", "--watch"], ["members", "--watch", "--json"]):
            with self.subTest(arguments=arguments):
                code, out, err = self.holdfast("--socket", self.dir / "none", *arguments)
                self.assertEqual((code, out), (UNREACHABLE, ""))
                self.one_line(err, self.dir / "none")


