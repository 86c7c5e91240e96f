"""The first act: locks (docs/design.md, "The life of a lock request").

Two machines copy an image out of a third one's cache under shared locks. The agent that
coordinates the lock is killed in mid-copy; no hold is lost. Then the image is aged out, and
majorities come and go.
"""
import hashlib
import itertools
import os
import re
import shutil
import sys
import time

from stage import GUEST, Stage, StepFailed, undisturbed
from support.lab import until

MACHINES = 5
IMAGE_SIZE = 64 << 20
COPY_S = 8  # and until a kill and a take-over in its midst have been shown
LOCKS = 300  # in the batch that is measured
NAMES = 20  # of these


def percentile(spans, percent):
    """In milliseconds."""
    ordered = sorted(spans)
    return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Locks(Stage):
    image = None  # the user's own, if there is one

    def __init__(self, directory, fail_at):
        super().__init__(directory, fail_at)
        self.name = ""  # of the image's lock
        self.victim = ""  # coordinates it, and is killed
        self.sha256 = ""
        self.token = 0  # the highest that a reader was given
        self.free_names = []  # that the victim would coordinate
        self.copies = []
        self.ager = None
        self.cached = self.dir / "hv1-cache" / "image"
        self.gate = self.dir / "copies-may-end"

    def play_locks(self):
        self.find_each_other()
        self.copy_begins()
        self.kill_coordinator()
        self.age_out()
        self.lose_majority()

    # --- What guests say ---

    def show_begin(self, guest, said):
        mib = said["size"] / (1 << 20)
        self.say(
            guest.machine,
            f"has {guest.label} shared, token {said['token']}: copying "
            f"{mib:.0f} MiB at {mib / COPY_S:.1f} MiB/s",
        )

    def show_copied(self, guest, said):
        mib = 1 << 20
        self.say(guest.machine, f"copied {said['done'] / mib:.0f} of {said['size'] / mib:.0f} MiB")

    def show_end(self, guest, said):
        self.say(
            guest.machine,
            f"copy complete after {said['seconds']:.1f} s, "
            f"sha256 {said['sha256'][:12]}..., lock released",
        )

    # --- Step 1 ---

    def find_each_other(self):
        self.begin(1, "Five agents start and find each other")
        self.say("lab", f"making {MACHINES} keys and stores, an operator key, and a signed roster")
        with undisturbed():
            process = self.lab.begin(MACHINES)
            self.children.append(process)
        self.lab.came_up(process)
        self.children.clear()
        for machine in self.lab.names:
            members = self.lab.call(machine, "Members")["members"]
            alive = [m["name"] for m in members if m["gossip"] == "alive"]
            self.need(len(alive) == MACHINES, f"{machine} sees only {alive}")
            address = next(m["address"] for m in members if m["name"] == machine)
            status = self.lab.status(machine)
            self.say(
                machine, f"at {address} sees {len(alive)} of {MACHINES}, store {status['store']}"
            )
        self.say("lab", f"all see all {self.lab.up_ms / 1000:.2f} s after the first agent's start")
        self.row(
            "time to find each other",
            f"{self.lab.up_ms / 1000:.2f} s",
            f"{MACHINES} agents, from the first one's start until each sees all and votes",
        )
        self.fail_here()
        self.measure()

    def counters(self):
        total = {"datagrams": 0, "syncs": 0}
        for machine in self.lab.names:
            status = self.lab.status(machine)
            total["datagrams"] += status["counters"]["datagrams_out"]
            total["syncs"] += status["syncs"]
        return total

    def measure(self):
        """Uncontended locks and unlocks through the API, on one connection."""
        names = [f"bench/{i}" for i in range(NAMES)]
        locks, unlocks = [], []
        with self.lab.connect("hv1") as api:
            for name in names:  # the first touch of a shard costs a round of promises
                api.release(api.acquire(name)["hold"])
            before = self.counters()
            for i in range(LOCKS):
                begun = time.monotonic()
                hold = api.acquire(names[i % NAMES])["hold"]
                held = time.monotonic()
                api.release(hold)
                locks.append(held - begun)
                unlocks.append(time.monotonic() - held)
        # Releases go on to the voters after they are durable here.
        until(lambda: not self.lab.call("hv1", "List")["operations"], "hv1 has released everything")
        after = self.counters()
        self.say(
            "hv1",
            f"{LOCKS} locks and unlocks, one after the other: p50 "
            f"{percentile(locks, 50):.2f} + {percentile(unlocks, 50):.2f} ms",
        )
        for what, spans in (("lock", locks), ("unlock", unlocks)):
            self.row(
                f"uncontended {what}",
                f"{percentile(spans, 50):.2f} ms",
                f"p99 {percentile(spans, 99):.2f} ms; {LOCKS} through the API, one at a time",
            )
        for what in ("datagrams", "syncs"):
            each = (after[what] - before[what]) / LOCKS
            self.row(
                f"{what} per lock",
                f"{each:.1f}",
                "lock and unlock, over all agents"
                + (", gossip included" if what == "datagrams" else ""),
            )

    # --- Step 2 ---

    def choose_name(self):
        stem = self.image.stem if self.image else "ubuntu-24.04"
        base = "image/" + re.sub(r"[^A-Za-z0-9._-]", "-", stem)[:200]
        guests = ("hv1", "hv2", "hv3")
        for suffix in ["", *(f"-{chr(ord('a') + i)}" for i in range(26))]:
            name = base + suffix
            coordinator = self.lab.coordinator("hv1", name)
            if coordinator not in guests:
                self.say(
                    "lab",
                    f"the image's lock is {name}: {coordinator} coordinates it, which "
                    "neither owns nor copies the image and so can be killed alone",
                )
                return name, coordinator
            self.say(
                "lab", f"not {name}: {coordinator} coordinates it, which takes part in the copy"
            )
        raise StepFailed(f"no name like {base} is coordinated by hv4 or hv5")

    def fill_cache(self):
        self.cached.parent.mkdir()
        if self.image:
            shutil.copyfile(self.image, self.cached)
        else:
            with open(self.cached, "wb") as out:
                for _ in range(IMAGE_SIZE >> 20):
                    out.write(os.urandom(1 << 20))
        digest = hashlib.sha256()
        with open(self.cached, "rb") as image:
            while data := image.read(1 << 20):
                digest.update(data)
        self.say(
            "hv1",
            f"has the image in its cache: {self.cached.stat().st_size / (1 << 20):.1f} MiB, "
            f"sha256 {digest.hexdigest()[:12]}...",
        )
        return digest.hexdigest()

    def copy_begins(self):
        self.begin(2, "hv2 and hv3 copy an image from hv1's cache; hv1 wants to age it out")
        self.sha256 = self.fill_cache()
        self.name, self.victim = self.choose_name()
        self.free_names = self.probe_names()
        for machine in ("hv2", "hv3"):
            (self.dir / f"{machine}-cache").mkdir()
            self.copies.append(
                self.start(
                    machine,
                    self.name,
                    ["-s"],
                    sys.executable,
                    GUEST,
                    "copy",
                    self.cached,
                    self.dir / f"{machine}-cache" / "image",
                    COPY_S,
                    self.gate,
                )
            )
        tokens = [self.hear_from(guest, "begin")["token"] for guest in self.copies]
        self.fail_here()
        self.say("hv1", f"its cache ager asks for {self.name} exclusive")
        self.ager = self.start("hv1", self.name, ["-x"], sys.executable, GUEST, "age", self.cached)

        def told():
            return any("hv2" in text and "hv3" in text for text in self.ager.told("waiting"))

        self.hear_until(told, "the ager is told for whom it waits")
        self.need(self.cached.exists(), "the image is gone while it is copied")
        self.token = max(tokens)

    # --- Step 3 ---

    def probe_names(self):
        """Free names that the victim would coordinate, each in another shard, the first in the
        image's own if one of so many is."""
        with self.lab.connect("hv1") as api:
            own = api.call("Locate", name=self.name)["shard"]
            shards, names = set(), []
            for i in range(4096):
                place = api.call("Locate", name=f"free/{i}")
                if place["cohort"][0] != self.victim or place["shard"] in shards:
                    continue
                shards.add(place["shard"])
                if place["shard"] == own:
                    names.insert(0, f"free/{i}")
                else:
                    names.append(f"free/{i}")
        return names

    def kill_coordinator(self):
        self.begin(3, "The agent that coordinates the lock is killed in mid-copy")
        self.hear_until(
            lambda: all(g.find("copied") for g in self.copies), "the copies are under way"
        )
        coordinator = self.lab.show("hv1", self.name)["coordinator"]
        self.need(coordinator == self.victim, f"{coordinator} coordinates, not {self.victim}")
        with self.lab.connect("hv1") as api:
            killed = time.monotonic()
            self.lab.agent(self.victim, "kill")
            self.say(self.victim, "its agent is killed (SIGKILL)")
            gap, grants, last = 0.0, 0, killed
            for name in itertools.cycle(self.free_names):
                hold = api.acquire(name, timeout_ms=20000)["hold"]
                now = time.monotonic()
                if not grants:
                    self.say(
                        "hv1",
                        f"was granted the free name {name}, which {self.victim} would "
                        f"coordinate, {1000 * (now - killed):.0f} ms after the kill",
                    )
                gap, grants, last = max(gap, now - last), grants + 1, now
                api.release(hold)
                self.hear(0.001)
                if now - killed > 3 and grants >= len(self.free_names):
                    break
        self.say(
            "hv1",
            f"{grants} grants in {len(self.free_names)} shards of {self.victim} within "
            f"{last - killed:.1f} s; the longest gap was {1000 * gap:.0f} ms",
        )
        self.row(
            "take-over gap",
            f"{1000 * gap:.0f} ms",
            "from the kill, the longest time without a grant on the killed coordinator's shards",
        )
        self.fail_here()
        self.check_holds()

    def check_holds(self):
        lock = self.lab.show("hv2", self.name)
        holders = sorted(h["node"] for h in lock["holders"])
        self.need(holders == ["hv2", "hv3"], f"{self.name} is held by {holders}")
        self.need([w["node"] for w in lock["waiters"]] == ["hv1"], "hv1 waits no more")
        self.need(lock["coordinator"] != self.victim, f"{self.victim} still coordinates")
        for machine in holders:
            states = [
                o["state"]
                for o in self.lab.call(machine, "List")["operations"]
                if o["name"] == self.name
            ]
            self.need(states == ["held"], f"{machine} says of its hold: {states}")
        self.need(all(g.process.poll() is None for g in self.copies), "a copy has ended")
        self.say(
            lock["coordinator"],
            f"coordinates {self.name} now: still held by hv2 and hv3, "
            "hv1 still waits; the copies go on",
        )

    # --- Step 4 ---

    def age_out(self):
        self.begin(4, "The copies end, the image is aged out, and the killed agent comes back")
        self.gate.touch()
        for guest in self.copies:
            end = self.hear_from(guest, "end")
            self.need(self.finish(guest) == 0, f"{guest.machine}'s copy failed")
            self.need(
                end["sha256"] == self.sha256, f"{guest.machine}'s copy differs from the image"
            )
        self.say("lab", "both copies match the image")
        self.fail_here()
        aged = self.hear_from(self.ager, "aged")
        self.need(self.finish(self.ager) == 0, "the ager failed")
        self.need(aged["token"] > self.token, f"token {aged['token']} is not above {self.token}")
        self.need(not self.cached.exists(), "the image is still in the cache")
        self.say("hv1", f"got {self.name} exclusive, token {aged['token']}, and aged the image out")
        self.lab.agent(self.victim, "start")
        self.lab.wait_voting(self.victim)
        self.say(self.victim, "its agent is back: it votes again")
        before = self.lab.status(self.victim)["counters"]["accepts"]
        with self.lab.connect("hv1") as api:

            def accepts():
                api.release(api.acquire("bench/0")["hold"])
                return self.lab.status(self.victim)["counters"]["accepts"] - before

            count = until(accepts, f"{self.victim} accepts")
        self.say(self.victim, f"has accepted {count} writes since")

    # --- Step 5 ---

    def lock_once(self, *options):
        """`holdfast lock` on hv1, to its end: its code and what it said."""
        guest = self.start("hv1", "job", list(options), sys.executable, GUEST, "token")
        code = self.finish(guest)
        return code, "; ".join(guest.told("err"))

    def need_no_majority(self, *options):
        code, text = self.lock_once(*options)
        self.need(
            code == 2 and "no majority: 2 of 5" in text,
            f"holdfast lock {' '.join(options)}: "
            f"code {code}, '{text}' instead of code 2, 'no majority: 2 of 5'",
        )
        self.say("hv1", f"holdfast lock {' '.join(options)} job: no majority: 2 of 5; code 2")

    def lose_majority(self):
        self.begin(5, "Two of five agents are stopped, then a third")
        stopped = ["hv5", "hv4", "hv3"]
        for machine in stopped[:2]:
            self.lab.agent(machine, "stop")
            self.say(machine, "its agent is stopped")
        code, text = self.lock_once("-n")
        self.need(code == 0, f"holdfast lock -n: code {code}, {text}")
        self.say("hv1", "locks go on with three of five")
        self.fail_here()
        self.lab.agent(stopped[2], "stop")
        self.say(stopped[2], "its agent is stopped")
        self.need_no_majority("-n")
        self.need_no_majority("-w", "3")
        waiter = self.start("hv1", "job", [], sys.executable, GUEST, "token")

        # By now this node may have lost its standing: then that comes first.
        reasons = ("no majority: 2 of 5 reachable", "too few jurors acknowledge this node")

        def told():
            return any(text.endswith(reasons) for text in waiter.told("waiting"))

        self.hear_until(told, f"a waiter without limit hears '{reasons[0]}' or '{reasons[1]}'")
        for machine in stopped:
            self.lab.agent(machine, "start")
            self.say(machine, "its agent is back")
        ran = self.hear_from(waiter, "ran")
        self.need(self.finish(waiter) == 0, "the waiter failed")
        self.say("hv1", f"the waiter got its lock, token {ran['token']}")
