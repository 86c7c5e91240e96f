"""What the end-to-end tests share: a directory, and labs and processes that end with the test."""
import ctypes
import itertools
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from support.lab import DEADLINE_S, Lab, build_dir, holdfast, until
from support.varlink import Closed, Refused

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)
numbers = itertools.count(1)

# The command's exit codes (client/exit.h).
OK, ERROR, NO_MAJORITY, NOT_GRANTED, LOST = 0, 1, 2, 3, 4
USAGE, UNREACHABLE, NOT_PERMITTED, CONFIG, CANNOT_RUN, NOT_FOUND = 64, 69, 77, 78, 126, 127


def die_with_parent():
    """In a child: a test process that is killed takes its agents along."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def test_dir():
    return os.environ["HOLDFAST_TEST_DIR"]


def agent_program():
    return str(build_dir() / "holdfastd")


def executor_program():
    return str(build_dir() / "holdfast-executor")


class Case(unittest.TestCase):
    """A test with `self.dir`, and, if `machines` says so, a lab for the whole class."""

    machines = 0
    lab_options = ()  # of `holdfast lab start`
    lab = None
    longMessage = True
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if cls.machines:
            cls.lab = cls.make_lab(Path(tempfile.mkdtemp(dir=test_dir())) / "l")
            cls.addClassCleanup(cls.lab.stop)
            cls.lab.start(cls.machines, *cls.lab_options)

    @classmethod
    def make_lab(cls, directory):
        """The lab of the class, not started yet."""
        return Lab(directory)

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(dir=test_dir()))

    def name(self, stem="lock"):
        """A lock's name that no other test uses."""
        return f"{stem}/{next(numbers)}"

    def new_lab(self, machines):
        """A lab of this test's own."""
        lab = Lab(self.dir / "l").start(machines)
        self.addCleanup(lab.stop)
        return lab

    # --- Processes ---

    def own(self, process):
        """Ends with the test."""

        def end():
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()  # what it left behind may hold the other end

        self.addCleanup(end)
        return process

    def start(self, *argv, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen(
            [str(a) if not isinstance(a, bytes) else a for a in argv],
            preexec_fn=die_with_parent,
            **options,
        )
        return self.own(process)

    def run_to_end(self, *argv, **options):
        """(code, output, errors) of a command."""
        process = self.start(*argv, **options)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def holdfast(self, *argv, **options):
        """(code, output, errors) of `holdfast ARGV`, on no machine."""
        return self.run_to_end(holdfast(), *argv, **options)

    def exec(self, machine, *argv, lab=None, **options):
        return self.own((lab or self.lab).exec(machine, *argv, **options))

    def lock(self, machine, *arguments, lab=None, **options):
        return self.own((lab or self.lab).lock(machine, *arguments, **options))

    def finish(self, process):
        """(code, output, errors) of what `exec` or `lock` started."""
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def locked(self, machine, *arguments, lab=None):
        return self.finish(self.lock(machine, *arguments, lab=lab))

    # --- Waiting for what is so in the end ---

    def hold(self, machine, name, *options, command=("sleep", "1000"), lab=None):
        """`holdfast lock` with a long command, once it is held."""
        lab = lab or self.lab
        process = self.lock(machine, *options, name, "--", *command, lab=lab)
        self.until_held(machine, name, process, lab)
        return process

    def until_held(self, machine, name, process=None, lab=None):
        def look():
            if process and process.poll() is not None:
                self.fail(f"holdfast lock ended with {process.returncode}: {process.communicate()}")
            return any(
                o["name"] == name and o["state"] == "held" for o in self.operations(machine, lab)
            )

        until(look, f"{machine} holds {name}")

    def until_said(self, process, text):
        """Reads stderr up to a line with `text`, and returns the line."""
        end = threading.Timer(
            DEADLINE_S, process.kill
        )  # else a word that never comes is waited for
        end.start()
        try:
            line = process.stderr.readline()
            while text not in line:
                self.assertNotEqual(line, "", f"it ended without a word of {text!r}")
                line = process.stderr.readline()
            return line
        finally:
            end.cancel()

    def operations(self, machine, lab=None):
        """What clients hold or ask for: not what their node only has cached."""
        operations = (lab or self.lab).call(machine, "List")["operations"]
        return [o for o in operations if o["state"] != "cached"]

    def until_waiting(self, machine, name, place, lab=None):
        """Until the coordinator has `machine` at this place of the queue."""

        def look():
            waiters = (lab or self.lab).show(machine, name)["waiters"]
            return any(w["node"] == machine and w["place"] == place for w in waiters)

        until(look, f"{machine} waits for {name} at place {place}")

    def until_free(self, machine, name, lab=None):
        until(lambda: not self.try_show(machine, name, lab), f"{name} is free")

    def try_show(self, machine, name, lab=None):
        """Who uses it; an error counts as held."""
        try:
            return (lab or self.lab).users(machine, name)
        except (Refused, Closed, OSError):
            return True

    def one_line(self, text, *parts, program="holdfast"):
        """`text` is one clear line of a program, with these parts."""
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith(f"{program}: "), text)
        for part in parts:
            self.assertIn(str(part), text)
