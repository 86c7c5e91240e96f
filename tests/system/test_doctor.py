"""`holdfast doctor` and `holdfast top`: what a host's operator looks at first."""
import json
import os
import pty
import re
import select
import time

from case import Case, ERROR, OK, UNREACHABLE, USAGE
from support.lab import holdfast, until


class Doctor(Case):
    machines = 3

    def looked(self, machine="hv1", *more):
        home = self.lab.dir / machine
        code, out, err = self.holdfast(
            "doctor", "--socket", self.lab.socket(machine), "-c", home / "holdfast.conf",
            "--state", home / "state", *more
        )
        return code, out, err

    def checks(self, machine="hv1"):
        code, out, err = self.looked(machine, "--json")
        found = {}
        for check in json.loads(out)["checks"]:
            found.setdefault(check["check"], []).append(check)
        return code, found

    def test_a_host_that_is_well(self):
        code, out, err = self.looked()
        self.assertEqual((code, err), (OK, ""), out)
        for check in ("config", "clock", "watchdog", "disk", "agent", "store", "life", "majority", "peers", "counters"):
            self.assertRegex(out, rf"(?m)^(ok|note|WARN) +{check} ")
        self.assertNotIn("BAD", out)
        self.assertIn("2 of 2 reached directly", out)

    def test_a_peer_that_is_away_and_nobody_at_the_socket(self):
        self.lab.agent("hv3", "kill")
        self.addCleanup(self.lab.wait_voting, "hv3")
        self.addCleanup(self.lab.agent, "hv3", "start")

        def noticed():
            code, found = self.checks()
            bad = [c for c in found["peers"] if c["verdict"] == "bad"]
            return bad and (code, bad[0], found)

        code, bad, found = until(noticed, "the doctor names hv3")
        self.assertEqual(code, ERROR)
        self.assertIn("hv3", bad["text"])
        self.assertIn("UDP", bad["mend"])
        self.assertIn("votes", found["store"][0]["text"])
        majority = until(lambda: (m := self.checks()[1]["majority"][0])["verdict"] == "warning" and m, "2 of 3")
        self.assertIn("one more", majority["text"])
        code, out, err = self.holdfast("doctor", "--socket", self.dir / "nobody")
        self.assertEqual(code, UNREACHABLE)
        self.assertRegex(out, r"(?m)^BAD +agent +none answers")
        self.assertIn("systemctl start holdfastd", out)

    def test_a_peer_that_was_stopped(self):
        self.lab.agent("hv2", "stop")
        self.addCleanup(self.lab.wait_voting, "hv2")
        self.addCleanup(self.lab.agent, "hv2", "start")
        left = until(lambda: [c for c in self.checks("hv3")[1]["peers"] if "has left" in c["text"]], "hv2 left")
        self.assertEqual((left[0]["verdict"], "hv2" in left[0]["text"]), ("warning", True))

    def test_a_configuration_that_the_agent_would_refuse(self):
        wrong = self.dir / "conf"
        wrong.write_text("nonsense = 1\n")
        code, out, _ = self.holdfast("doctor", "--socket", self.lab.socket("hv1"), "-c", wrong)
        self.assertEqual(code, ERROR)
        self.assertRegex(out, rf"(?m)^BAD +config +.*{re.escape(str(wrong))}:1")

    def test_an_agent_that_runs_with_something_else_than_its_file_says(self):
        config = self.lab.dir / "hv3" / "holdfast.conf"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        code, out, _ = self.holdfast("doctor", "--socket", self.lab.socket("hv3"))
        self.assertEqual(code, OK, out)
        self.assertIn(f"{config}: good", out)
        config.write_text(before + "max-locks = 1000\ngrace = 3\n")
        code, out, _ = self.holdfast("doctor", "--socket", self.lab.socket("hv3"))
        self.assertEqual(code, OK, out)
        self.assertRegex(out, r"(?m)^WARN +config +.*another max-locks.*\n +-> restart holdfastd,")
        self.assertRegex(out, r"(?m)^WARN +config +.*another grace.*\n +-> reload holdfastd,")

    def test_what_administrators_inhibit(self):
        def say(*words):
            return self.finish(self.exec("hv1", "holdfast", *words))

        self.addCleanup(say, "fence", "thaw")
        self.addCleanup(say, "maintenance", "hv2", "off")
        self.assertEqual(say("fence", "freeze", "--for", "5m", "--reason", "a switch")[0], OK)
        self.assertEqual(say("maintenance", "hv2", "on", "--reason", "a fan")[0], OK)
        code, out, _ = self.looked()
        self.assertEqual(code, OK, out)
        self.assertRegex(out, r"(?m)^WARN +inhibited +freeze of all nodes .*: a switch\n.* holdfast fence thaw$")
        self.assertRegex(out, r"(?m)^note +inhibited +maintenance of hv2 .*: a fan\n.* holdfast maintenance hv2 off$")
        self.assertRegex(self.holdfast("top", "-1", "--socket", self.lab.socket("hv1"))[1], r"(?m)^INHIBITED freeze of all nodes")

    def test_bad_arguments(self):
        self.assertEqual(self.holdfast("doctor", "more")[0], USAGE)
        self.assertEqual(self.holdfast("doctor", "--no-such")[0], USAGE)


class Top(Case):
    machines = 3

    def test_once_without_a_terminal(self):
        name = self.name()
        self.hold("hv1", name)
        self.lock("hv1", name, "--", "true")
        until(lambda: any(o["state"] == "pending" for o in self.lab.call("hv1", "List")["operations"]), "it waits")
        code, out, err = self.holdfast("top", "--socket", self.lab.socket("hv1"))
        self.assertEqual((code, err), (OK, ""))
        self.assertRegex(out, r"^LAB  hv1 life 1: majority, 3 of 3 voters alive; store voting")
        rows = [line.split()[0] for line in out.splitlines() if name in line]
        self.assertEqual(rows, ["pending", "held"], "what waits stands first")
        self.assertNotIn("\033", out)

    def test_json(self):
        code, out, _ = self.holdfast("top", "--json", "--socket", self.lab.socket("hv2"))
        self.assertEqual(code, OK)
        page = json.loads(out)
        self.assertEqual(sorted(page), ["events", "members", "operations", "orders", "status"])
        self.assertEqual(page["status"]["node"], "hv2")
        self.assertLessEqual(len(page["events"]), 8)
        self.assertEqual(page["events"][-1]["seq"], page["members"]["seq"])

    def test_on_a_terminal_it_goes_on_until_q(self):
        pid, terminal = pty.fork()
        if pid == 0:
            argv = [holdfast(), "top", "-d", "0.2", "--socket", str(self.lab.socket("hv1"))]
            os.execv(argv[0], argv)
        shown, end = b"", time.monotonic() + 30
        while shown.count(b"\033[H\033[2J") < 3 and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 1 << 16)
        self.assertGreaterEqual(shown.count(b"\033[H\033[2J"), 3)
        self.assertIn(b"hv1 sees 3 members: 3 alive", shown)
        os.write(terminal, b"q\n")
        while time.monotonic() < end:
            try:
                if not os.read(terminal, 1 << 16):
                    break
            except OSError:
                break  # EIO: the other end is closed
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), OK)
        os.close(terminal)

    def test_nobody_and_nonsense(self):
        self.assertEqual(self.holdfast("top", "--socket", self.dir / "nobody")[0], UNREACHABLE)
        for delay in ("0", "0.1", "61", "x"):
            self.assertEqual(self.holdfast("top", "-d", delay)[0], USAGE)
