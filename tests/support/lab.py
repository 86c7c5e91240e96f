"""A lab (`holdfast lab`) for demo and tests: it cannot outlive the process that started it."""
import json
import os
import subprocess
import time
from pathlib import Path

from support.varlink import Connection, Refused, Closed

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 30


def build_dir():
    """Where the programs are: HOLDFAST_BUILD, or build/."""
    return Path(os.environ.get("HOLDFAST_BUILD", ROOT / "build")).resolve()


def holdfast():
    return str(build_dir() / "holdfast")


def until(look, what, deadline_s=DEADLINE_S):
    """Looks again and again until there is something true, and returns it."""
    end = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        time.sleep(0.02)


class Lab:
    """Machines hv1, hv2, ... under `directory`."""

    def __init__(self, directory, before=()):
        """`before`: what to put before the command that makes it, such as what names a network namespace."""
        self.dir = Path(directory)
        self.before = before
        self.up_ms = 0
        self.names = []

    def start(self, machines=5, *options):
        """Starts it, tied to this process; `options` are of `holdfast lab start`."""
        return self.came_up(self.begin(machines, *options))

    def begin(self, machines, *options):
        """The first half of a start: the process that makes the lab."""
        self.names = [f"hv{i}" for i in range(1, machines + 1)]
        argv = [
            *self.before,
            holdfast(),
            "lab",
            "start",
            "--json",
            "-n",
            str(machines),
            "-d",
            str(self.dir),
            "--tie",
            str(os.getpid()),
            *map(str, options),
        ]
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def came_up(self, process):
        """The second half: waits until all machines see each other."""
        out, err = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"lab start: code {process.returncode}: {err.strip()}")
        self.up_ms = json.loads(out)["up_ms"]
        return self

    def stop(self):
        if (self.dir / "lab.json").exists():
            return self.run("stop")
        return None

    def run(self, verb, *arguments, **options):
        """`holdfast lab VERB -d DIR ARGUMENTS`, to its end."""
        argv = [holdfast(), "lab", verb, "-d", str(self.dir), *map(str, arguments)]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options
        )

    def must(self, verb, *arguments):
        done = self.run(verb, *arguments)
        if done.returncode != 0:
            raise RuntimeError(
                f"lab {verb} {' '.join(arguments)}: code {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        return done.stdout

    def agent(self, machine, verb):
        self.must("agent", machine, verb)

    def power(self, machine, verb):
        return self.must("power", machine, verb).strip()

    def exec(self, machine, *argv, **options):
        """Starts a command on a machine; the caller waits for it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        full = [holdfast(), "lab", "exec", "-d", str(self.dir), machine, "--", *map(str, argv)]
        return subprocess.Popen(full, text=True, **options)

    def lock(self, machine, *arguments, **options):
        """Starts `holdfast lock ARGUMENTS` on a machine."""
        return self.exec(machine, "holdfast", "lock", *arguments, **options)

    def socket(self, machine):
        return self.dir / machine / "holdfast.sock"

    def connect(self, machine):
        return Connection(self.socket(machine))

    def call(self, machine, method, parameters=None, **more_parameters):
        with self.connect(machine) as connection:
            return connection.call(method, parameters, **more_parameters)

    def status(self, machine):
        return self.call(machine, "Status")

    def show(self, machine, name):
        return self.call(machine, "Show", name=name)["lock"]

    def holders(self, machine, name):
        """Who holds a lock, as (node, mode), sorted."""
        return sorted((h["node"], h["mode"]) for h in self.show(machine, name)["holders"])

    def users(self, machine, name):
        """The same of those that clients hold: not what a node only has cached."""
        holders = self.show(machine, name)["holders"]
        return sorted((h["node"], h["mode"]) for h in holders
                      if not (h["policy"] == "expire" and self.cached(h["node"], h["hold"])))

    def cached(self, machine, hold):
        operations = self.call(machine, "List")["operations"]
        return any(o["hold"] == hold and o["state"] == "cached" for o in operations)

    def tokens(self, machine, name):
        """{node: token} of the holders."""
        return {h["node"]: h["token"] for h in self.show(machine, name)["holders"]}

    def gossip(self, machine, of):
        for member in self.call(machine, "Members")["members"]:
            if member["name"] == of:
                return member["gossip"]
        raise KeyError(of)

    def coordinator(self, machine, name):
        """Who coordinates a lock, or will: the first of its cohort, if nobody was asked yet."""
        place = self.call(machine, "Locate", name=name)
        return place["coordinator"] or place["cohort"][0]

    def wait_voting(self, machine):
        def look():
            try:
                status = self.status(machine)
            except (OSError, Closed, Refused):
                return None
            return status if status["store"] == "voting" and status["majority"] else None

        return until(look, f"{machine} votes")
