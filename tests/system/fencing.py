"""What the tests of fencing share: labs that detect sooner, and a fence script for each machine."""
import sys
import threading
from pathlib import Path

from case import Case
from support.lab import until
from support.varlink import Closed, Refused

KEEPER = Path(__file__).resolve().parent / "keeper.py"
# A command that says whether the last holder still writes to its log, then what it was told itself.
LOOK = "wc -c <{0}; sleep 0.3; wc -c <{0}; echo $HOLDFAST_TOKEN $HOLDFAST_UNCLEAN"
WRITE = "while :; do echo x >>{}; sleep 0.01; done"


def fails(text, code=1):
    """A script whose `off` fails with a line, and whose `status` is true."""
    return f'[ "$1" != off ] || {{ echo "{text}" >&2; exit {code}; }}\n' + 'exec "$power" "$@"\n'


class FenceCase(Case):
    machines = 5
    lab_options = ("--detect", 2000)
    weight = 4
    deadline_s = 3  # of the scripts

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for machine in cls.lab.names:
            cls.configure(machine)
            cls.script(machine)
        cls.each(cls.restart)
        cls.until_whole()

    def tearDown(self):
        for machine in self.lab.names:
            self.script(machine)

    # --- Machines ---

    @classmethod
    def each(cls, act, machines=None):
        """act(machine) for all at once."""
        threads = [
            threading.Thread(target=act, args=(machine,)) for machine in machines or cls.lab.names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @classmethod
    def configure(cls, machine, extra=""):
        """Its own fence script; the agent reads it at its next start."""
        path = cls.lab.dir / machine / "holdfast.conf"
        own = f"{cls.lab.dir}/{machine}/fence'\n    deadline = {cls.deadline_s}"
        path.write_text(path.read_text().replace(f"{cls.lab.dir}/fence-power'", own) + extra)

    @classmethod
    def script(cls, machine, text='exec "$power" "$@"\n', mode=0o700):
        """Replaces its fence script; $power is the lab's own. None: there is none."""
        path = cls.lab.dir / machine / "fence"
        path.unlink(missing_ok=True)
        if text is not None:
            new = path.with_name("fence.new")
            new.write_text(f"#!/bin/sh\npower='{cls.lab.dir}/fence-power'\n{text}")
            new.chmod(mode)
            new.rename(path)

    @classmethod
    def restart(cls, machine):
        cls.lab.agent(machine, "stop")
        cls.lab.agent(machine, "start")

    @classmethod
    def until_whole(cls, lab=None):
        """Every machine runs, counts, is alive to all, and under no vote."""
        lab = lab or cls.lab

        def whole(machine):
            try:
                status = lab.status(machine)
                members = lab.call(machine, "Members")["members"]
            except (OSError, Closed, Refused):
                return False
            good = status["store"] == "voting" and status["life_counts"] and not status["bound"]
            return good and all(m["gossip"] == "alive" for m in members)

        for machine in lab.names:
            lab.power(machine, "on")
            lab.agent(machine, "resume")
            lab.agent(machine, "start")
        for machine in lab.names:
            until(lambda m=machine: whole(m), f"{machine} is well and sees all alive")

    def reboot(self, machine):
        self.lab.power(machine, "reboot")

    def life(self, machine):
        return self.lab.status(machine)["life"]

    # --- What is known of an order ---

    def order(self, machine, target, life=0):
        """The order against `target` as `machine` knows it; None if it knows none."""
        try:
            parameters = {"life": life} if life else {}
            return self.lab.call(machine, "Order", node=target, **parameters)["order"]
        except Refused as refused:
            self.assertEqual(refused.name, "NoSuchOrder")
            return None

    def orders(self, machine, lab=None):
        return (lab or self.lab).call(machine, "Orders")["orders"]

    def stale(self, machine, name):
        return self.lab.show(machine, name)["stale"]

    def until_stage(self, machine, name, *stages):
        def look():
            stale = self.stale(machine, name)
            return stale if stale and stale["stage"] in stages else None

        return until(look, f"{name} waits at stage {' or '.join(stages)}")

    def failures(self, machine, target, life):
        """{executor: why it failed}."""
        reports = self.order(machine, target, life)["reports"]
        return {r["executor"]: r["text"] for r in reports if r["stage"] == "failed"}

    # --- Processes on machines ---

    def writer(self, machine, name, *options):
        """A holder that writes until it dies: (process, log)."""
        log = self.dir / f"{machine}.log"
        command = ("sh", "-c", WRITE.format(log))
        process = self.hold(machine, name, *options, command=command)
        until(log.exists, f"{machine} writes")
        return process, log

    def successor(self, machine, name, log, *options):
        """A waiter that looks, once it holds the lock, whether the writer before it has stopped."""
        return self.lock(machine, *options, name, "--", "sh", "-c", LOOK.format(log))

    def told(self, process):
        """Of a successor: (token, the words of HOLDFAST_UNCLEAN, what follows on stdout)."""
        code, out, err = self.finish(process)
        self.assertEqual(code, 0, err)
        before, after, words, *rest = out.splitlines()
        self.assertEqual(before, after, "the last holder writes on")
        token, *unclean = words.split()
        return int(token), unclean, rest

    def keeper(self, machine, name, lab=None):
        """A holder whose session outlives its agent (keeper.py), once it holds `name`."""
        process = self.exec(machine, sys.executable, KEEPER, name, lab=lab)
        self.assertEqual(process.stdout.readline(), "held\n")
        return process
