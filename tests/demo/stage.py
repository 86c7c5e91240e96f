"""What both acts of the demo stand on: a lab, the commands on its machines, and what is said.

A process is known here before a signal can end the demo, so that none is left behind.
"""
import contextlib
import json
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path

from support.lab import Lab

ENDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # by these
GUEST = str(Path(__file__).resolve().parent / "guest.py")
PATIENCE_S = 45  # until a guest that says nothing has failed


class StepFailed(Exception):
    """What a step promised did not happen."""


class Interrupted(Exception):
    """A signal asks for the end."""


def interrupt(signo, _frame):
    raise Interrupted(signo)


@contextlib.contextmanager
def undisturbed():
    """A signal takes effect behind it: a process that is started here is also known here."""
    came = []
    for signo in ENDED:
        signal.signal(signo, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for signo in ENDED:
            signal.signal(signo, interrupt)
    if came:
        raise Interrupted(came[0])


class Guest:
    """A command on a machine: its lines come as events, in order, on the demo's queue."""

    def __init__(self, stage, machine, label, process, quiet):
        self.machine = machine
        self.label = label
        self.process = process
        self.quiet = quiet  # what it waits for is not shown
        self.said = []
        self.readers = [
            threading.Thread(target=self.read, args=(stage, stream, kind), daemon=True)
            for stream, kind in ((process.stdout, "out"), (process.stderr, "err"))
        ]
        for reader in self.readers:
            reader.start()

    def read(self, stage, stream, kind):
        for line in stream:
            stage.events.put((self, kind, line.rstrip("\n")))

    def ended(self):
        """Whether it is over, and all that it said is on the queue."""
        return self.process.poll() is not None and not any(r.is_alive() for r in self.readers)

    def find(self, what):
        """The first thing of this kind that it said, or None."""
        return next((said for said in self.said if said.get("what") == what), None)

    def told(self, what):
        """All texts of this kind: "err" (every line of the command's own), or "waiting"."""
        return [said["text"] for said in self.said if said["what"] == what]


class Stage:
    def __init__(self, directory, fail_at):
        self.begun = time.monotonic()
        self.dir = Path(directory)
        self.lab = Lab(self.dir / "lab")
        self.fail_at = fail_at
        self.step = 0
        self.events = queue.Queue()
        self.children = []
        self.table = []  # (what, figure, note); None is an empty line

    # --- Saying things ---

    def say(self, who, text):
        print(f"{time.monotonic() - self.begun:7.3f}s  {who:<4} {text}", flush=True)

    def begin(self, number, title):
        self.step = number
        print(f"\n{number}. {title}", flush=True)

    def row(self, what, figure, note):
        self.table.append((what, figure, note))

    def need(self, condition, why):
        if not condition:
            raise StepFailed(why)

    def fail_here(self):
        self.need(self.fail_at != self.step, "asked to fail here (--fail-at)")

    # --- Commands ---

    def command(self, machine, *argv):
        """(code, output, errors) of `holdfast ARGV` on a machine."""
        with undisturbed():
            process = self.lab.exec(machine, "holdfast", *argv)
            self.children.append(process)
        out, err = process.communicate(timeout=PATIENCE_S)
        self.children.remove(process)
        return process.returncode, out, err.strip()

    def must(self, machine, *argv):
        """The output of `holdfast ARGV` on a machine, which must succeed."""
        code, out, err = self.command(machine, *argv)
        self.need(code == 0, f"{machine}: holdfast {' '.join(map(str, argv))}: code {code}: {err}")
        return out

    def start(self, machine, label, options, *command, quiet=False):
        """`holdfast lock OPTIONS NAME COMMAND` on a machine."""
        with undisturbed():
            process = self.lab.lock(machine, "-v", *options, label, "--", *command)
            self.children.append(process)
        return Guest(self, machine, label, process, quiet)

    def hear(self, seconds=0.02):
        """Takes what guests said, and shows it."""
        try:
            guest, kind, line = self.events.get(timeout=seconds)
        except queue.Empty:
            return
        if kind == "err":
            text = line.removeprefix("holdfast: ").removeprefix(f"{guest.label}: ")
            guest.said.append({"what": "err", "text": text})
            if text.startswith("waiting") and text not in guest.told("waiting"):
                guest.said.append({"what": "waiting", "text": text})
                if not guest.quiet:
                    self.say(guest.machine, f"{guest.label}: {text}")
            return
        said = json.loads(line)
        guest.said.append(said)
        show = getattr(self, f"show_{said['what']}", None)
        if show:
            show(guest, said)

    def hear_until(self, look, what, deadline_s=30):
        end = time.monotonic() + deadline_s
        while not look():
            self.need(time.monotonic() < end, f"not within {deadline_s} s: {what}")
            self.hear()

    def has_said(self, guest, what):
        """Whether a guest said a kind of thing; it must not end before."""
        if not guest.find(what) and guest.ended() and self.events.empty():
            self.need(
                guest.find(what),
                f"{guest.machine}'s command for {guest.label} ended with code "
                f"{guest.process.returncode} before '{what}': {'; '.join(guest.told('err'))}",
            )
        return guest.find(what)

    def hear_from(self, guest, what):
        """Waits until a guest says a kind of thing."""
        self.hear_until(
            lambda: self.has_said(guest, what), f"{guest.machine} says '{what}'", PATIENCE_S
        )
        return guest.find(what)

    def finish(self, guest):
        """Waits for a guest's end; the code of its command."""
        self.hear_until(guest.ended, f"{guest.machine}'s command ends")
        while not self.events.empty():
            self.hear(0)
        return guest.process.returncode

    # --- The end ---

    def end(self):
        """Whatever happened: nothing is left."""
        if self.lab.up_ms:
            self.lab.stop()  # first: a command would wait for an agent that is paused
        for child in self.children:
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.lab.stop()
