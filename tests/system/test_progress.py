"""What people see while they wait: on a terminal, in a pipe, and with NO_COLOR."""
import os
import pty
import re
import select
import time

from case import Case, NOT_GRANTED, OK
from support.lab import DEADLINE_S, holdfast


class Terminal:
    """A command on a terminal of its own, for all three of its streams."""

    def __init__(self, case, *argv, **env):
        self.text = ""
        merged = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        merged.update({"TERM": "xterm", **env})
        control, terminal = pty.openpty()
        self.control = control
        case.addCleanup(os.close, control)
        self.process = case.start(*argv, stdin=terminal, stdout=terminal, stderr=terminal, env=merged)
        os.close(terminal)

    def read(self, wait_s):
        if select.select([self.control], [], [], wait_s)[0]:
            try:
                self.text += os.read(self.control, 65536).decode(errors="replace")
            except OSError:  # nobody has the other end any more
                return False
        return True

    def until(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.text):
            if time.monotonic() > end or not self.read(0.2):
                raise AssertionError(f"no {pattern!r} in {self.text!r}")

    def end(self):
        """Its code, once all that it said is read."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end and (self.process.poll() is None or select.select([self.control], [], [], 0)[0]):
            if not self.read(0.2):
                break
        return self.process.wait(DEADLINE_S)


class Progress(Case):
    machines = 3

    def on(self, machine, *words, **env):
        return Terminal(self, holdfast(), "--socket", self.lab.socket(machine), *words, **env)

    def test_lock_says_its_place_and_whom_it_waits_for(self):
        name = self.name()
        self.hold("hv2", name, "-s")
        waiter = self.on("hv1", "lock", "-w", "60", name, "true")
        waiter.until(rf"{name}: waiting, place 1 in the queue, held by hv2 \(shared\)")
        waiter.process.terminate()
        waiter.end()
        self.assertNotIn("\033", waiter.text)
        code, out, err = self.locked("hv1", "-w", "0.5", name, "true")  # in a pipe
        self.assertEqual((code, out), (NOT_GRANTED, ""))
        self.one_line(err, "was not granted in time, held by hv2 (shared)")

    def test_lab_counts_its_machines(self):
        for dir_name, env in (("a", {}), ("b", {"NO_COLOR": "1"})):
            directory = self.dir / dir_name
            self.addCleanup(self.holdfast, "lab", "stop", "-d", directory)
            lab = Terminal(self, holdfast(), "lab", "start", "-n", "2", "-d", directory, "--keep", **env)
            self.assertEqual(lab.end(), OK, lab.text)
            self.assertRegex(lab.text, r"of 2 machines up")
            self.assertIn("LAB: 2 machines", lab.text)
            self.assertNotIn("\033[3", lab.text, "no colour")
        directory = self.dir / "c"
        self.addCleanup(self.holdfast, "lab", "stop", "-d", directory)
        code, out, err = self.holdfast("lab", "start", "-n", "2", "-d", directory, "--keep")
        self.assertEqual((code, err), (OK, ""), "in a pipe it is quiet")
        self.assertNotIn("\r", out)

    def test_doctor_colours_a_terminal_alone(self):
        words = ("doctor", "-c", "/none")
        coloured = self.on("hv1", *words)
        coloured.end()
        self.assertRegex(coloured.text, "\033\\[3\\dm\\?")
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            plain = self.on("hv1", *words, **env)
            plain.end()
            self.assertNotIn("\033[3", plain.text)
        self.assertNotIn("\033", self.holdfast("--socket", self.lab.socket("hv1"), *words)[1])

    def test_top_stays_while_the_agent_restarts(self):
        top = self.on("hv3", "top", "-d", "0.2")
        top.until("store voting")
        self.lab.agent("hv3", "kill")
        top.until("no agent|closed|went away|ended")
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        top.text = ""
        top.until("store voting")
        os.write(top.control, b"q\n")
        self.assertEqual(top.end(), OK)
