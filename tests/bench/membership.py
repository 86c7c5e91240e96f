#!/usr/bin/env python3
"""Membership in the simulator: the whole table, Holdfast's beside memberlist with Lifeguard.

    membership.py BINARY    a holdfast-sim-bulk

    SEEDS=20     at most so many seeds a row; without it as many as each row says: hours
    ROWS=a,b     only these rows, as in "crash,split-100,storm-loss"
    LARGE=1      with the rows of 10,000 nodes, one run of which takes minutes and up to 12 GB
    JOBS=2       runs at a time
    MODES=holdfast,memberlist

Progress goes to the standard error, the table to the standard output, and below it what was run:
each command with its time on the processor and its largest memory. Time in the simulator is
virtual: the figures do not depend on the machine, only the wait does.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

MODES = os.environ.get("MODES", "holdfast,memberlist").split(",")
SEEDS = int(os.environ.get("SEEDS", 0))
STUCK = 11  # something did not end in time, which is a figure, too

printing = threading.Lock()


class Row:
    """One experiment and the figures that are taken from it: (title, name, aim)."""

    def __init__(self, name, seeds, arguments, *figures, large=False, summed=False):
        self.name = name
        self.seeds = min(seeds, SEEDS) if SEEDS else seeds
        self.arguments = arguments.split()
        self.figures = figures
        self.large = large
        self.summed = summed  # what counts is the sum over all runs

    def command(self, mode):
        return ["members", "--mode", mode, "--seeds", str(self.seeds), *self.arguments]


def crash(nodes, seeds, aim, spread, suspected="", **how):
    return Row(
        f"crash-{nodes}",
        seeds,
        f"--experiment crash --nodes {nodes}",
        (f"crash known to all, N={nodes:,}", "known to all", aim),
        (f"first suspicion, N={nodes:,}", "first suspicion", suspected),
        (f"spread, first to last observer, N={nodes:,}", "spread", spread),
        **how,
    )


def size(nodes, aim, **how):
    return Row(
        f"bytes-{nodes}",
        1,
        f"--experiment bytes --nodes {nodes}",
        (f"bytes a node and second, quiet, N={nodes:,}", "bytes a node and second", aim),
        **how,
    )


def starved(nodes, aim):
    return Row(
        f"starved-{nodes}",
        200,
        f"--experiment starved --nodes {nodes}",
        (f"starved nodes, runs with a false death, N={nodes}", "runs with a false death", aim),
        summed=True,
    )


def split(nodes, part, held, seeds, heal, **how):
    what = f"split {part}/{100 - part} for {held} s, N={nodes:,}"
    return Row(
        f"split-{nodes}-{part}-{held}",
        seeds,
        f"--experiment split --nodes {nodes} --part {part} --held {held}",
        (f"{what}: both sides settled", "both sides settled", "10"),
        (f"{what}: healed to one view", "healed to one view", heal),
        **how,
    )


def storm(name, what, seeds, *more, **how):
    return Row(
        f"storm-{name}",
        seeds,
        f"--experiment storm --storm {name} --nodes 1000",
        (f"{what}: all faulty removed", "all faulty removed", "60"),
        (f"{what}: re-admissions a victim", "re-admissions a victim", "1"),
        (f"{what}: false deaths at healthy nodes", "false deaths at healthy", "0"),
        *((f"{what}: {title}", title, aim) for title, aim in more),
        **how,
    )


def start(nodes, aim, **how):
    return Row(
        f"start-{nodes}",
        1,
        f"--experiment start --nodes {nodes}",
        (f"start from cold, N={nodes:,}", "all know all", aim),
        **how,
    )


INTERVAL = Row(
    "interval",
    1,
    "--experiment interval --nodes 128 --loss 0",
    ("Lifeguard's interval test, false deaths", "false deaths", ""),
    ("the same at healthy members", "false deaths at healthy", ""),
    summed=True,
)
HOUR = 3600
ROWS = [
    *(crash(nodes, 200, "4", "", "2.5") for nodes in (5, 16, 40)),
    crash(100, 200, "6, p99 7", "0.2", "2.5"),
    crash(1000, 200, "7", "1.0"),
    crash(10000, 1, "8", "1.5", large=True),
    size(50, ""),
    size(100, "250"),
    size(200, ""),
    size(1000, "350"),
    size(10000, "500", large=True),
    starved(50, "20 of 3,600 with N=200"),
    starved(200, "0"),
    *(split(100, part, 30, 200, "5") for part in (50, 40, 1)),
    *(split(100, 50, held, 20, "5") for held in (300, HOUR)),
    split(100, 50, 25 * HOUR, 2, "5"),
    *(split(1000, part, 30, 20, "10") for part in (50, 40, 1)),
    split(10000, 50, 30, 1, "20", large=True),
    storm("crashes", "ten crashes at once, N=1,000", 20),
    storm("one-way", "one-way cut 20 s on and off, 1 % of 1,000", 20),
    storm("loss", "80 % loss at 1 % of 1,000", 20, ("back once all is well", "")),
    start(1000, "10"),
    start(2000, "15"),
    start(10000, "30", large=True),
    INTERVAL,
]


def wanted(row):
    names = os.environ.get("ROWS")
    if row.large and not os.environ.get("LARGE"):
        return False
    return not names or any(f"{row.name}-".startswith(f"{n}-") for n in names.split(","))


class Run:
    """A row in one mode: its figures by name, and what it cost."""

    def __init__(self, binary, row, mode):
        self.row, self.mode = row, mode
        self.argv = row.command(mode)
        process = subprocess.Popen(
            [binary, *self.argv, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        self.failed = process.returncode not in (0, STUCK)
        self.figures = {f["figure"]: f for f in map(json.loads, out.splitlines())}
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.memory_mib = usage.ru_maxrss / 1024

    def shown(self, name):
        """Median and 99th percentile, or the sum over all runs."""
        f = self.figures.get(name)
        if not f:
            return "failed"
        if self.row.summed:
            return f"{f['sum']} in {f['samples']} runs"
        if f["samples"] == 0:
            return "never"
        scale = {"ms": 1000, "/1000": 1000}.get(f["unit"], 1)
        digits = 2 if scale > 1 else 0
        text = f"{f['p50'] / scale:.{digits}f} / {f['p99'] / scale:.{digits}f}"
        return text + (f", {f['never']} of {f['samples'] + f['never']} never" if f["never"] else "")


def run_all(binary, rows):
    """{(row, mode): Run}, some at a time, the longest wait first."""
    jobs = [(row, mode) for row in rows for mode in MODES]
    begun, done = time.monotonic(), {}

    def one(job):
        row, mode = job
        run = Run(binary, row, mode)
        with printing:
            done[job] = run
            since = time.monotonic() - begun
            print(
                f"[{len(done)}/{len(jobs)}, {since / 60:.1f} min] {row.name}, {mode}: "
                + "; ".join(run.shown(name) for _, name, _ in row.figures),
                file=sys.stderr,
                flush=True,
            )

    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", 2))) as pool:
        list(pool.map(one, jobs))
    return done


def print_table(rows, runs):
    print(f"| figure: median / p99 | seeds | to reach | {' | '.join(MODES)} |")
    print("| --- | --- | --- |" + " --- |" * len(MODES))
    for row in rows:
        for title, name, aim in row.figures:
            cells = [runs[row, mode].shown(name) for mode in MODES]
            print(f"| {title} | {row.seeds} | {aim and '≤ ' + aim} | {' | '.join(cells)} |")


def main():
    binary = sys.argv[1]
    rows = [row for row in ROWS if wanted(row)]
    begun = time.monotonic()
    runs = run_all(binary, rows)
    print_table(rows, runs)
    print(f"\nIn {(time.monotonic() - begun) / 60:.0f} minutes, of {Path(binary).name}:\n")
    for run in (runs[row, mode] for row in rows for mode in MODES):
        cost = f"{run.cpu_s:8.1f} s {run.memory_mib:7.0f} MiB"
        print(f"    {cost}  {' '.join(run.argv)}")
    return any(run.failed for run in runs.values())


if __name__ == "__main__":
    sys.exit(main())
