"""A cluster made by hand, as an operator makes one: keygen, roster, configuration, holdfastd.

For what a lab does not do: agents with a wrong key, a foreign roster, a damaged store.
"""
import random
import re
import shutil
import signal
import socket
import uuid

from case import agent_program, executor_program
from support.lab import until
from support.varlink import Closed, Connection


def draw_network(count):
    """A free "127.a.b" and port."""
    while True:
        prefix = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
        port = random.randrange(10000, 30000)
        sockets = []
        try:
            for i in range(1, count + 1):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind((f"{prefix}.{i}", port))
            return prefix, port
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


class Node:
    def __init__(self, cluster, number):
        self.cluster = cluster
        self.name = f"hv{number}"
        self.dir = cluster.dir / self.name
        self.options = {
            "roster": self.dir / "roster",
            "key": self.dir / "key",
            "state": self.dir / "state",
            "socket": self.dir / "s",
            "boot-id": self.dir / "boot-id",
            "machine-id": self.dir / "machine-id",
        }
        self.process = None
        self.executor = None
        self.executor_socket = self.dir / "x"
        self.executor_state = self.dir / "executor"

    @property
    def config(self):
        return self.dir / "conf"

    @property
    def votes(self):
        return self.dir / "state" / "votes.log"

    def configure(self, extra="", **options):
        """Writes the configuration; None leaves an option out, and `extra` goes to its end."""
        merged = {
            "cluster": self.cluster.id,
            **self.options,
            **{k.replace("_", "-"): v for k, v in options.items()},
        }
        lines = [f"{name} = '{value}'" for name, value in merged.items() if value is not None]
        self.config.write_text("\n".join(lines) + "\n" + extra)

    def run(self, *arguments, before=()):
        """`holdfastd` to its end: (code, output, errors)."""
        return self.cluster.case.run_to_end(*before, agent_program(), "-c", self.config, *arguments)

    @property
    def for_executor(self):
        """What its configuration needs beside, to be the end of `extra`."""
        return (
            f"executor-socket = '{self.executor_socket}'\n"
            f"executor-state = '{self.executor_state}'\n"
        )

    def run_executor(self, *arguments):
        """`holdfast-executor` to its end: (code, output, errors)."""
        return self.cluster.case.run_to_end(executor_program(), "-c", self.config, *arguments)

    def start_executor(self):
        """Starts it and waits for its socket."""
        log = open(self.dir / "executor.log", "ab")
        self.cluster.case.addCleanup(log.close)
        self.executor = self.cluster.case.start(
            executor_program(), "-c", self.config, stdout=log, stderr=log
        )
        until(self.executor_socket.exists, f"{self.name}'s executor listens")
        return self.executor

    def start(self, *arguments, before=(), **options):
        """Starts the agent and waits for its socket."""
        log = open(self.dir / "log", "ab")
        self.cluster.case.addCleanup(log.close)
        self.process = self.cluster.case.start(
            *before,
            agent_program(),
            "-c",
            self.config,
            *arguments,
            stdout=log,
            stderr=log,
            **options,
        )
        until(self.answers, f"{self.name} answers: {self.log()}")
        return self.process

    def stop(self):
        self.process.send_signal(signal.SIGUSR1)
        return self.process.wait(30)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.log()}")
        try:
            return self.status()
        except (OSError, Closed):
            return None

    def status(self):
        with Connection(self.options["socket"]) as api:
            return api.call("Status")

    def alive(self):
        """How many members it holds alive, itself included."""
        with Connection(self.options["socket"]) as api:
            return sum(m["gossip"] == "alive" for m in api.call("Members")["members"])

    def until_store(self, state):
        return until(lambda: (s := self.status())["store"] == state and s, f"{self.name}: {state}")

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""


class Cluster:
    """`count` nodes with everything that they need; none is started.

    On loopback, or at `hosts`, an address for each; with `devices`, the identity of each fence device.
    `sessions`: actions that end sessions.
    """

    def __init__(self, case, directory, count=1, actions=(), hosts=None, devices=(), sessions=()):
        self.case = case
        self.dir = directory
        self.dir.mkdir()
        self.nodes = [Node(self, i) for i in range(1, count + 1)]
        prefix, port = (None, 7390) if hosts else draw_network(count)
        hosts = hosts or [f"{prefix}.{i}" for i in range(1, count + 1)]
        self.must("keygen", "--operator", "-d", self.dir)
        devices = [("--device", device) for device in devices] or [()] * count
        for host, node, device in zip(hosts, self.nodes, devices):
            node.dir.mkdir()
            node.executor_state.mkdir(mode=0o700)
            node.options["machine-id"].write_text(uuid.uuid4().hex + "\n")
            node.options["boot-id"].write_text(str(uuid.uuid4()) + "\n")
            self.must(
                "keygen",
                "--name",
                node.name,
                "--address",
                f"{host}:{port}",
                "-d",
                node.dir,
                "--state",
                node.dir / "state",
                "--machine-id",
                node.options["machine-id"],
                *device,
            )
        self.roster = self.dir / "roster"
        self.must(
            "roster",
            "make",
            "--lab",
            "-o",
            self.roster,
            "--operator",
            self.dir / "operator.pub",
            *(part for action in actions for part in ("--action", action)),
            *(part for action in sessions for part in ("--session-action", action)),
            *(node.dir / "card.json" for node in self.nodes),
        )
        self.unsigned = self.dir / "unsigned"
        shutil.copy(self.roster, self.unsigned)
        self.must("roster", "sign", "-k", self.dir / "operator.key", self.roster)
        self.id = re.search(r"\b[0-9a-f]{64}\b", self.must("roster", "show", self.roster)).group()
        for node in self.nodes:
            shutil.copy(self.roster, node.options["roster"])
            node.configure()

    def must(self, *arguments):
        code, out, err = self.case.holdfast(*arguments)
        self.case.assertEqual(code, 0, err)
        return out
