#!/usr/bin/env python3
"""Runs the end-to-end tests: real agents, real processes, on 127.0.0.0/8 only.

    run.py [-j N] [PATTERN...]   tests whose "file.Class.method" has one of the patterns, or all

Each class runs in a process of its own, N at a time, in a directory of its own that also stands in
the environment of whatever it starts. What still runs a moment after the class has ended is a
failure, and is killed. One line per test; what failed is told again at the end, in short; the last
line is "system: N passed, N failed, N skipped".
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from support.lab import holdfast  # noqa: E402
from support.processes import that_mention  # noqa: E402

DIRECTORY = "HOLDFAST_TEST_DIR"  # the class's own directory
CLASS_S = 150  # until a class counts as stuck
LEFT_S = 5  # until a process counts as left behind
AGAIN_LINES = 12  # of a failure's text, at the end
ENDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def tests_by_class():
    """{"file.Class": ["method", ...]}, the longest ones first."""
    found = {}

    def walk(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                walk(test)
            elif isinstance(test, unittest.loader._FailedTest):
                raise SystemExit(f"{test.id()}: {test._exception}")
            else:
                entry = found.setdefault(
                    f"{type(test).__module__}.{type(test).__name__}",
                    (getattr(test, "weight", 1), []),
                )
                entry[1].append(test._testMethodName)

    walk(unittest.defaultTestLoader.discover(str(HERE)))
    ordered = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    return {name: methods for name, (_, methods) in ordered}


# --- In the class's own process ---


class Lines(unittest.TestResult):
    """Prints each test's outcome as a JSON line."""

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def tell(self, test, outcome, text=""):
        name = getattr(test, "_testMethodName", None) or str(test)
        print(
            json.dumps(
                {
                    "test": name,
                    "outcome": outcome,
                    "text": text,
                    "seconds": time.monotonic() - getattr(self, "begun", time.monotonic()),
                }
            ),
            flush=True,
        )

    def addSuccess(self, test):
        self.tell(test, "passed")

    def addError(self, test, err):
        self.tell(test, "failed", self._exc_info_to_string(err, test))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.tell(test, "failed", str(subtest) + "\n" + self._exc_info_to_string(err, test))
        super().addSubTest(test, subtest, None)

    def addSkip(self, test, reason):
        self.tell(test, "skipped", reason)


def run_class(name, methods):
    names = [f"{name}.{method}" for method in methods]
    unittest.defaultTestLoader.loadTestsFromNames(names).run(Lines())


# --- In the runner ---


class Runner:
    def __init__(self, classes, root):
        self.waiting = list(classes.items())
        self.root = Path(root)
        self.lock = threading.Lock()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failed = []  # (test, text)
        self.processes = set()
        self.stopping = False

    def tell(self, test, outcome, text="", seconds=0.0):
        with self.lock:
            self.counts[outcome] += 1
            reason = f" ({text.strip()})" if outcome == "skipped" else ""
            print(f"{outcome:<8} {test} {seconds:.1f} s{reason}", flush=True)
            if outcome == "failed":
                print("    " + text.strip().replace("\n", "\n    "), flush=True)
                self.failed.append((test, text))

    def tell_again(self):
        """What failed, after hundreds of lines of what passed: the log's end is what is kept of it."""
        for test, text in self.failed:
            print(f"failed   {test}")
            for line in text.strip().splitlines()[-AGAIN_LINES:]:
                print(f"    {line}")

    def work(self):
        while True:
            with self.lock:
                if not self.waiting or self.stopping:
                    return
                name, methods = self.waiting.pop(0)
            self.run_one(name, methods)

    def run_one(self, name, methods):
        directory = tempfile.mkdtemp(prefix="c", dir=self.root)
        argv = [sys.executable, str(HERE / "run.py"), "--class", name, *methods]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, DIRECTORY: directory},
        )
        with self.lock:
            self.processes.add(process)
        stuck = threading.Timer(CLASS_S, process.kill)
        stuck.start()
        heard = set()
        for line in process.stdout:
            said = json.loads(line)
            heard.add(said["test"])
            self.tell(f"{name}.{said['test']}", said["outcome"], said["text"], said["seconds"])
        code = process.wait()
        stuck.cancel()
        with self.lock:
            self.processes.discard(process)
        if self.stopping:
            return
        whole = len(heard) > 0 and (set(methods) <= heard or any("setUpClass" in h for h in heard))
        if code != 0 or not whole:
            missing = sorted(set(methods) - heard)
            self.tell(name, "failed", f"its process ended with code {code}; not run: {missing}")
        self.look_for_left(name, directory)
        shutil.rmtree(directory, ignore_errors=True)

    def look_for_left(self, name, directory):
        end = time.monotonic() + LEFT_S
        while (left := that_mention(directory)) and time.monotonic() < end:
            time.sleep(0.05)
        for pid, line in left.items():
            self.tell(name, "failed", f"left running: {pid} {line}")
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self, signo, _frame):
        """Interrupted: the classes' processes end, and with them their labs."""
        self.stopping = True
        for process in list(self.processes):
            process.kill()
        signal.signal(signo, signal.SIG_IGN)


def run_all(patterns, jobs):
    classes = {}
    for name, methods in tests_by_class().items():
        wanted = [m for m in methods if not patterns or any(p in f"{name}.{m}" for p in patterns)]
        if wanted:
            classes[name] = wanted
    root = tempfile.mkdtemp(prefix="hfs")  # short: it is in the path of sockets
    runner = Runner(classes, root)
    for signo in ENDED:
        signal.signal(signo, runner.stop)
    workers = [threading.Thread(target=runner.work) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if runner.stopping:
        runner.tell("the run", "failed", "interrupted")
    runner.look_for_left("the run", root)
    shutil.rmtree(root, ignore_errors=True)
    runner.tell_again()
    counts = runner.counts
    print(
        f"system: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"
    )
    return 1 if counts["failed"] or not counts["passed"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", "--jobs", type=int, default=5)
    parser.add_argument("--class", dest="one", help=argparse.SUPPRESS)
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    if not os.access(holdfast(), os.X_OK):
        parser.error(f"{holdfast()} is not built: run make")
    if options.one:
        run_class(options.one, options.patterns)
        return 0
    return run_all(options.patterns, max(1, options.jobs))


if __name__ == "__main__":
    sys.exit(main())
