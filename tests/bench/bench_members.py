#!/usr/bin/env python3
"""Membership beside serf: Holdfast's agents and as many of Debian's serf, at the same time.

    bench_members.py     SIZES=5,16,40 (agents of each), KILLS=10, QUIET=20 (seconds), SEED=1

For each size: what an agent costs while nothing happens, then KILLS times one agent of each system
is killed (SIGKILL) at the same moment, and the time until the first and the last of the others
holds it dead is taken. Everything is on loopback; both seal their datagrams; serf runs with its
profile lan. What each says of itself counts: an event of Holdfast's API, a line of serf's log, both
when they arrive here. serf is left out, with a word, where it is not installed.
"""
import base64
import ctypes
import os
import random
import re
import selectors
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.lab import Lab, until  # noqa: E402
from support.varlink import Closed, Refused  # noqa: E402

TO_REACH_S = 4  # the last observer, median
SETTLE_S = 5  # after a start, before anything is measured
PATIENCE_S = 90  # until a kill that nobody notices ends the run
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)
SERF_FAILED = re.compile(rb"serf: EventMemberFailed: (\S+) ")
SERF_JOINED = re.compile(rb"serf: EventMemberJoin: (\S+) ")
SERF_SUSPECT = re.compile(rb"memberlist: Suspect (\S+) has failed")


# --- What a process costs ---


def cpu_ns(pid):
    """On all processors, of all its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def pss_bytes(pid):
    """Its share of memory: pages that several map are divided among them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return 1024 * int(re.search(r"^Pss: +(\d+) kB", text, re.M).group(1))


class Sniffer:
    """Counts the IP packets to and from 127.a.b.0/24 on loopback, and their bytes, IP and UDP or
    TCP headers included. Needs CAP_NET_RAW; without it `open` is false and nothing is counted."""

    SO_ATTACH_FILTER = 26

    def __init__(self, prefix):
        self.bytes = 0
        self.open = False
        try:  # of one protocol: packets on their way in, so each once
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        except PermissionError:
            return
        a, b = (int(part) for part in prefix.split(".")[1:3])
        net = 127 << 24 | a << 16 | b << 8
        self.filter(
            (0x20, 0, 0, 12),  # source
            (0x54, 0, 0, 0xFFFFFF00),
            (0x15, 3, 0, net),
            (0x20, 0, 0, 16),  # destination
            (0x54, 0, 0, 0xFFFFFF00),
            (0x15, 0, 1, net),
            (0x06, 0, 0, 64),  # so many bytes are enough
            (0x06, 0, 0, 0),
        )
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("lo", 0x0800))
        self.open = True
        threading.Thread(target=self.count, daemon=True).start()

    def filter(self, *code):
        """Classic BPF: the rest of loopback's traffic is none of ours."""
        packed = b"".join(struct.pack("HBBI", *line) for line in code)
        text = ctypes.create_string_buffer(packed, len(packed))
        program = struct.pack("HL", len(code), ctypes.addressof(text))
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_ATTACH_FILTER, program)

    def count(self):
        while True:
            self.bytes += int.from_bytes(self.socket.recv(64)[2:4], "big")


# --- The two systems ---


class Holdfast:
    """A lab; each agent's events are followed over its socket."""

    name = "holdfast"

    def __init__(self, size, directory):
        self.size = size
        self.lab = Lab(directory / "lab")
        self.streams = {}
        self.pids = {}

    def start(self):
        self.lab.start(self.size)
        address = self.lab.call("hv1", "Members")["members"][0]["address"]
        self.prefix = address.rsplit(".", 1)[0]
        self.names = list(self.lab.names)
        for machine in self.names:
            self.follow(machine)

    def follow(self, machine):
        """From its newest event on."""
        seq = self.lab.call(machine, "Members")["seq"]
        self.pids[machine] = self.lab.status(machine)["pid"]
        connection = self.lab.connect(machine)
        connection.send("Events", {"after": seq}, more=True)
        self.streams[machine] = connection

    def descriptors(self):
        return {c.socket: machine for machine, c in self.streams.items()}

    def read(self, machine):
        """What this agent says: (about whom, "suspect" or "dead")."""
        connection, said = self.streams[machine], []
        try:
            data = connection.socket.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            connection.close()
            del self.streams[machine]
            return said
        connection.bytes += data
        while b"\0" in connection.bytes:
            change = connection.receive()["parameters"]["event"]
            verdict = change["change"]
            if verdict and verdict["verdict"] == "gossip":
                said.append((change["node"], verdict["after"]))
        return said

    def kill(self, machine):
        os.kill(self.pids[machine], 9)

    def revive(self, machine):
        self.lab.agent(machine, "start")
        self.follow(machine)

    def all_alive(self):
        for machine in self.names:
            try:
                members = self.lab.call(machine, "Members")["members"]
            except (OSError, Closed, Refused):
                return False
            if any(m["gossip"] != "alive" for m in members):
                return False
        return True

    def stop(self):
        for connection in self.streams.values():
            connection.close()
        self.lab.stop()


class Serf:
    """One `serf agent` for each; each agent's log is read."""

    name = "serf"

    def __init__(self, size, directory):
        self.size = size
        self.dir = directory
        self.names = [f"s{i}" for i in range(1, size + 1)]
        self.processes = {}
        self.tails = {}
        self.known = {name: set() for name in self.names}
        self.key = base64.b64encode(os.urandom(16)).decode()

    def start(self):
        while True:
            self.prefix = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
            self.port = random.randrange(10000, 30000)
            if self.free():
                break
        for name in self.names:
            self.begin(name)

    def free(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind((f"{self.prefix}.1", self.port))
                except OSError:
                    return False
        return True

    def address(self, name):
        return f"{self.prefix}.{name[1:]}"

    def begin(self, name):
        join = [n for n in self.names if n != name and n in self.processes][:3]
        argv = ["serf", "agent", f"-node={name}", f"-bind={self.address(name)}:{self.port}"]
        argv += [f"-rpc-addr={self.address(name)}:{self.port + 1}", "-profile=lan"]
        argv += [f"-encrypt={self.key}", "-log-level=info", "-retry-interval=1s"]
        argv += [f"-retry-join={self.address(n)}:{self.port}" for n in join]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, 9),  # it ends with this program
        )
        os.set_blocking(process.stdout.fileno(), False)
        self.processes[name] = process
        self.tails[name] = b""
        self.known[name] = set()

    @property
    def pids(self):
        return {name: process.pid for name, process in self.processes.items()}

    def descriptors(self):
        return {p.stdout: name for name, p in self.processes.items() if not p.stdout.closed}

    def read(self, name):
        process, said = self.processes[name], []
        data = process.stdout.read() or b""
        if not data and process.poll() is not None:
            process.stdout.close()
            return said
        lines = (self.tails[name] + data).split(b"\n")
        self.tails[name] = lines.pop()
        for line in lines:
            if found := SERF_JOINED.search(line):
                self.known[name].add(found.group(1).decode())
            elif found := SERF_FAILED.search(line):
                self.known[name].discard(found.group(1).decode())
                said.append((found.group(1).decode(), "dead"))
            elif found := SERF_SUSPECT.search(line):
                said.append((found.group(1).decode(), "suspect"))
        return said

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def revive(self, name):
        self.processes[name].stdout.close()
        del self.processes[name]
        self.begin(name)

    def all_alive(self):
        for name in self.descriptors().values():
            self.read(name)
        return all(len(self.known[name]) == self.size for name in self.names)

    def stop(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
            process.stdout.close()


# --- The runs ---


def await_all(systems, what):
    for system in systems:
        until(system.all_alive, f"{system.name}: {what}", PATIENCE_S)


def quiet(systems, seconds):
    """{system: (CPU in ms per agent and second, PSS in MiB, bytes per agent and second)}."""
    sniffers = {s: Sniffer(s.prefix) for s in systems}
    before = {s: (sum(map(cpu_ns, s.pids.values())), sniffers[s].bytes) for s in systems}
    begun = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - begun
    found = {}
    for s in systems:
        cpu = (sum(map(cpu_ns, s.pids.values())) - before[s][0]) / 1e6 / took / s.size
        pss = statistics.mean(map(pss_bytes, s.pids.values())) / (1 << 20)
        sent = (sniffers[s].bytes - before[s][1]) / took / s.size if sniffers[s].open else None
        found[s] = (cpu, pss, sent)
    return found


class Observed:
    """One kill: when each of the others held the victim dead, in seconds since."""

    def __init__(self, system, victim):
        self.system = system
        self.victim = victim
        self.suspected = None
        self.times = {}
        self.false = 0  # deaths of others, told by anybody

    def note(self, observer, about, what, since):
        if about != self.victim:
            self.false += what == "dead"
        elif observer != self.victim and what == "dead":
            self.times.setdefault(observer, since)
        elif observer != self.victim and self.suspected is None:
            self.suspected = since

    @property
    def done(self):
        return len(self.times) == self.system.size - 1


def kill_one(systems, index):
    """The same number of each system, at the same moment."""
    observed = [Observed(s, s.names[index]) for s in systems]
    for s in systems:  # what was said before is no news
        for descriptor, name in s.descriptors().items():
            if select_now(descriptor):
                s.read(name)
    begun = time.monotonic()
    for o in observed:
        o.system.kill(o.victim)
    while not all(o.done for o in observed):
        with selectors.DefaultSelector() as selector:
            for o in observed:
                for descriptor, name in o.system.descriptors().items():
                    selector.register(descriptor, selectors.EVENT_READ, (o, name))
            ready = selector.select(1)
        since = time.monotonic() - begun
        for key, _ in ready:
            o, name = key.data
            for about, what in o.system.read(name):
                o.note(name, about, what, since)
        if since > PATIENCE_S:
            missing = [o.system.name for o in observed if not o.done]
            raise TimeoutError(f"not noticed by all within {PATIENCE_S} s: {', '.join(missing)}")
    for o in observed:
        o.system.revive(o.victim)
    await_all(systems, "all are back")
    return observed


def select_now(descriptor):
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))


def ratio(ours, theirs):
    return f"{ours / theirs:9.2f}" if ours is not None and theirs else f"{'-':>9}"


def row(what, unit, values):
    """`values`: of each system, None where nothing was measured."""
    cells = "".join(f"{'-':>12}" if v is None else f"{v:12.{unit[1]}f}" for v in values)
    print(f"  {what:<44} {unit[0]:<6}{cells}{ratio(*values) if len(values) == 2 else ''}")


def print_size(systems, cost, kills, load):
    size = systems[0].size
    loads = f"load {load[0]:.1f} before, {load[1]:.1f} after"
    print(f"\n{size} agents of each; {len(kills)} kills; {loads}")
    heading = "".join(f"{s.name:>12}" for s in systems)
    print(" " * 53 + heading + ("    ratio" if len(systems) > 1 else ""))
    of = {s: [o for kill in kills for o in kill if o.system is s] for s in systems}
    second = ("s", 2)

    def figures(what, pick):
        values = {s: [pick(o) for o in of[s]] for s in systems}
        row(f"{what}, median", second, [statistics.median(values[s]) for s in systems])
        row(f"{what}, worst", second, [max(values[s]) for s in systems])

    if kills:
        figures("first suspicion", lambda o: o.suspected or 0)
        figures("first observer holds it dead", lambda o: min(o.times.values()))
        figures("last observer holds it dead", lambda o: max(o.times.values()))
        figures("first to last", lambda o: max(o.times.values()) - min(o.times.values()))
        false = [sum(o.false for o in of[s]) for s in systems]
        row("others told dead meanwhile", ("count", 0), false)
    row("CPU per agent, quiet", ("ms/s", 2), [cost[s][0] for s in systems])
    row("memory per agent (PSS)", ("MiB", 1), [cost[s][1] for s in systems])
    row("bytes per agent, quiet, with IP headers", ("B/s", 0), [cost[s][2] for s in systems])
    if kills:
        last = statistics.median(max(o.times.values()) for o in of[systems[0]])
        print(f"  to reach: the last observer within {TO_REACH_S} s: {last:.2f} s")


def run_size(size, kinds, kills, seconds):
    directory = Path(tempfile.mkdtemp(prefix="hfm"))
    systems = [kind(size, directory) for kind in kinds]
    load = [os.getloadavg()[0]]
    try:
        for system in systems:
            system.start()
        await_all(systems, "all see all")
        time.sleep(SETTLE_S)
        cost = quiet(systems, seconds)
        found = []
        for number in range(kills):
            found.append(kill_one(systems, random.randrange(size)))
            if sys.stderr.isatty():
                print(f"\r{size} agents: {number + 1} of {kills}\033[K", end="\r", file=sys.stderr)
            time.sleep(1 + random.random())  # at any place of everybody's period
        load.append(os.getloadavg()[0])
        print_size(systems, cost, found, load)
        sys.stdout.flush()
    finally:
        for system in systems:
            system.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    sizes = [int(size) for size in os.environ.get("SIZES", "5,16,40").split(",")]
    kills = int(os.environ.get("KILLS", "10"))
    seconds = float(os.environ.get("QUIET", "20"))
    random.seed(int(os.environ.get("SEED", "1")))
    kinds = [Holdfast]
    if shutil.which("serf"):
        kinds.append(Serf)
    else:
        print("serf is not installed (packaging/packages-bench.txt): Holdfast alone.")
    for size in sizes:
        run_size(size, kinds, kills, seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
