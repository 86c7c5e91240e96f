#!/usr/bin/env python3
"""The story of image-cache.md, played on five lab machines with real files; what it says it has checked.

    make example-image-cache
"""
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
BUILD = Path(os.environ.get("HOLDFAST_BUILD", TOP / "build")).resolve()
HOLDFAST = str(BUILD / "holdfast")
NODES = [f"hv{i}" for i in range(1, 6)]
LARGE, SMALL = 12 << 20, 2 << 20  # on either side of cache.py's SMALL
PATIENCE_S = 60
SIDE_LOADS = 4  # cache.py's


class Failed(Exception):
    """Something is not as the story says."""


def need(true, what):
    if not true:
        raise Failed(what)


def say(text):
    print(f"    {text}", flush=True)


class Worker:
    """worker.py on a machine; what it says is kept as it comes."""

    def __init__(self, story, node, verb, image, *more, pace_ms=0):
        self.node, self.said, self.more = node, [], threading.Condition()
        argv = [HOLDFAST, "lab", "exec", "-d", story.lab, node, "--", "env", f"PACE_MS={pace_ms}"]
        argv += [f"PYTHONPATH={TOP / 'client' / 'python'}", sys.executable, str(HERE / "worker.py")]
        argv += [node, story.caches, story.glance, verb, image, *more]
        self.process = subprocess.Popen(
            list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        story.workers.append(self)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.more:
                self.said.append((time.monotonic(), json.loads(line)))
                self.more.notify_all()
        with self.more:
            self.more.notify_all()

    def find(self, what, **wanted):
        for at, said in list(self.said):
            if said["what"] == what and all(said.get(k) == v for k, v in wanted.items()):
                return at, said
        return None

    def until(self, what, **wanted):
        """Waits for it."""
        end = time.monotonic() + PATIENCE_S
        with self.more:
            while not (found := self.find(what, **wanted)):
                over = self.process.poll() is not None and not self.reader.is_alive()
                if over or not self.more.wait(min(0.2, max(0, end - time.monotonic()))) and time.monotonic() > end:
                    raise Failed(f"{self.node} never said {what} {wanted}: {self.said[-3:]} {self.errors()}")
        return found

    def errors(self):
        if self.process.poll() is None:
            return ""
        return self.process.stderr.read()[-500:]

    def done(self):
        """How it ended, as it said itself."""
        return self.until("done")[1]

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Story:
    def __init__(self, directory):
        self.dir = Path(directory)
        self.lab, self.caches, self.glance = self.dir / "lab", self.dir / "caches", self.dir / "glance"
        self.glance.mkdir()
        self.workers = []
        self.digests = {}

    def holdfast(self, *argv):
        done = subprocess.run([HOLDFAST, *map(str, argv)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        need(done.returncode == 0, f"holdfast {' '.join(map(str, argv))}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        self.holdfast("lab", "start", "-n", len(NODES), "-d", self.lab, "--tie", os.getpid(), "--detect", 2000)

    def stop(self):
        for worker in self.workers:
            worker.end()
        if (self.lab / "lab.json").exists():
            self.holdfast("lab", "stop", "-d", self.lab)

    def power(self, node, verb):
        self.holdfast("lab", "power", "-d", self.lab, node, verb)

    def image(self, name, size):
        data = random.Random(name).randbytes(size)
        (self.glance / name).write_bytes(data)
        self.digests[name] = hashlib.sha256(data).hexdigest()

    def work(self, node, verb, image, *more, pace_ms=0):
        return Worker(self, node, verb, image, *more, pace_ms=pace_ms)

    def whole(self, node, image):
        """A file of a cache is never half an image."""
        path = self.caches / node / image
        need(path.exists(), f"{image} is not in the cache of {node}")
        need(hashlib.sha256(path.read_bytes()).hexdigest() == self.digests[image], f"{path} is damaged")

    def fetched(self, node, image, *peers, wanted):
        done = self.work(node, "fetch", image, *peers).done()
        need(done["from"] == wanted, f"{node} has {image} from {done['from']}, not from {wanted}")
        self.whole(node, image)
        return done

    # --- The chapters ---

    def complete(self):
        print("1. hv1 fetches two large images and a small one; its value says that they are complete", flush=True)
        for name, size in (("large-a", LARGE), ("large-b", LARGE), ("small", SMALL)):
            self.image(name, size)
            self.fetched("hv1", name, wanted="glance")
        again = self.fetched("hv1", "large-a", wanted="cache")
        say(f"asked for again, it takes {1000 * again['seconds']:.0f} ms and no copy")

    def side_load(self):
        print(f"2. Four nodes side-load both at once: at most {SIDE_LOADS} copies read from hv1 at a time", flush=True)
        jobs = [self.work(node, "fetch", name, "hv1", pace_ms=60) for name in ("large-a", "large-b") for node in NODES[1:]]
        jobs[0].until("copying")
        aged = self.work("hv1", "age-out", "large-a").done()
        need(aged["aged_out"] is False, "an image was aged out while it was copied")
        say("hv1's ager asks meanwhile: large-a is in use, it stays")
        moments = []
        for job in jobs:
            need(job.done()["from"] == "hv1", f"{job.node} went elsewhere: {job.said[:2]}")
            moments += [(job.until("copying")[0], 1), (job.until("copied")[0], -1)]
        at_once = most = 0
        for _, change in sorted(moments):
            at_once += change
            most = max(most, at_once)
        need(2 <= most <= SIDE_LOADS, f"{most} copies at a time")
        for node in NODES[1:]:
            self.whole(node, "large-a")
            self.whole(node, "large-b")
        say(f"eight copies, {most} at a time, every one with the checksum that the value names")

    def stamp(self):
        print("3. The small image: copied without a lock, by a stamp", flush=True)
        job = self.work("hv2", "fetch", "small", "hv1")
        need(job.done()["from"] == "hv1" and job.find("copied", way="stamp"), f"no copy by a stamp: {job.said}")
        self.whole("hv2", "small")
        say("nobody wrote meanwhile: the copy is good, and no lock was taken for it")
        job = self.work("hv3", "fetch", "small", "hv1", "hv2", pace_ms=700)
        job.until("chunk")
        need(self.work("hv1", "age-out", "small", 5).done()["aged_out"], "nobody holds it, and yet it stays")
        need(job.done()["from"] == "hv2", f"from {job.done()['from']}")
        need(job.find("moved", peer="hv1"), "the stamp did not notice")
        self.whole("hv3", "small")
        say("aged out in mid-copy: the stamp says so, hv1 has it no more, and hv3 copies from hv2 instead")

    def reader_dies(self):
        print("4. A reader dies in mid-copy", flush=True)
        need(self.work("hv4", "age-out", "large-a", 5).done()["aged_out"], "hv4's own copy stays")
        job = self.work("hv4", "fetch", "large-a", "hv1", pace_ms=500)
        job.until("chunk")
        self.power("hv4", "off")
        off = time.monotonic()
        need(not (self.caches / "hv4" / "large-a").exists(), "half an image is in a cache")
        need(self.work("hv1", "age-out", "large-a", 30).done()["aged_out"], "hv1 waits for a dead reader")
        waited = time.monotonic() - off
        say(f"hv1 ages the image out {waited:.1f} s later: the read lock expired, and nobody was fenced for it")
        self.power("hv4", "on")
        self.until_up("hv4")
        self.fetched("hv4", "large-a", "hv1", "hv2", wanted="hv2")
        say("hv4 boots, throws its half away, and copies from hv2")

    def writer_dies(self):
        print("5. A node dies while it writes its own cache", flush=True)
        self.image("fresh", LARGE)
        job = self.work("hv5", "fetch", "fresh", pace_ms=500)
        job.until("chunk")
        self.power("hv5", "off")
        other = self.work("hv2", "fetch", "fresh", "hv5")
        need(other.done()["from"] == "glance" and other.find("not-there", peer="hv5"), f"hv2: {other.said}")
        say("hv2 asks: hv5 does not say that it is complete, so it comes from the image service")
        self.power("hv5", "on")
        self.until_up("hv5")
        job = self.work("hv5", "fetch", "fresh", "hv2")
        need(job.done()["from"] == "hv2", f"hv5: {job.said}")
        mended = job.find("mended")
        need(mended, "the next writer was not told")
        self.whole("hv5", "fresh")
        say(f"hv5 boots and is told that the last writer died ({mended[1]['by']}): it starts over, and clears the mark")

    def until_up(self, node):
        end = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(Failed, KeyError):
                status = json.loads(self.holdfast("status", "--socket", self.lab / node / "holdfast.sock", "--json"))
                if status["life_counts"]:
                    return
            need(time.monotonic() < end, f"{node} does not come back")
            time.sleep(0.1)


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-") as directory:
        story = Story(directory)
        try:
            story.start()
            for chapter in (story.complete, story.side_load, story.stamp, story.reader_dies, story.writer_dies):
                chapter()
        except Failed as failed:
            print(f"image-cache: {failed}", file=sys.stderr)
            return 1
        finally:
            story.stop()
    print(f"image-cache: all as told, in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
