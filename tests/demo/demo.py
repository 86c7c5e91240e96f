#!/usr/bin/env python3
"""The user's story (README.md) on a lab of five real agents, in under 90 seconds.

Two acts on one lab: locks (locks.py), fencing (fencing.py); a table ends them.

What must hold: exit status 0 only if every step did what it says; a failed step is named and gives
1; and however this ends, no process is left - the lab is tied to this process.

    IMAGE=PATH   copy this file (first into the demo's own directory; it is never changed)
    --fail-at N  step N fails on purpose, for the test of the sentence above
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fencing import FORGE, Fencing  # noqa: E402
from locks import Locks  # noqa: E402
from stage import ENDED, Interrupted, StepFailed, interrupt  # noqa: E402
from support.lab import holdfast  # noqa: E402
from support.processes import that_mention  # noqa: E402
from support.varlink import Closed, Refused  # noqa: E402

STEPS = 11


class Demo(Locks, Fencing):
    def play(self):
        print("Act 1: locks")
        self.play_locks()
        print("\nAct 2: a lock passes from a machine that has not released it", flush=True)
        self.play_fencing()

    def keep_logs(self):
        """After a failure: the agents' logs outlive the lab."""
        kept = tempfile.mkdtemp(prefix="holdfast-demo-logs-")
        for machine in self.lab.names:
            log = self.lab.dir / machine / "agent.log"
            if log.exists():
                shutil.copyfile(log, Path(kept) / f"{machine}.log")
        print(f"the agents' logs are in {kept}", flush=True)

    def print_table(self):
        print()
        for row in self.table:
            print(f"{row[0]:<26}{row[1]:>10}   {row[2]}" if row else "")
        print(
            f"\nAll {STEPS} steps passed in {time.monotonic() - self.begun:.1f} s; "
            "nothing is left running."
        )


def parse():
    parser = argparse.ArgumentParser(description="The story of Holdfast on five real agents.")
    parser.add_argument(
        "--fail-at",
        type=int,
        choices=range(1, STEPS + 1),
        metavar="STEP",
        help="make this step fail on purpose",
    )
    options = parser.parse_args()
    image = os.environ.get("IMAGE")
    options.image = Path(image) if image else None
    if options.image and not options.image.is_file():
        parser.error(f"IMAGE={image}: there is no such file")
    for program in (holdfast(), FORGE):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is not built: run make demo")
    return options


def run(demo):
    try:
        demo.play()
        return 0
    except Interrupted as signal_came:
        print(f"interrupted in step {demo.step}", flush=True)
        return 128 + signal_came.args[0]
    except (
        StepFailed,
        Refused,
        Closed,
        OSError,
        RuntimeError,
        TimeoutError,
        subprocess.TimeoutExpired,
    ) as error:
        why = str(error) or type(error).__name__
        print(f"FAILED step {demo.step}: {why}", flush=True)
        if demo.fail_at != demo.step:
            demo.keep_logs()
        return 1
    finally:
        for signo in ENDED:
            signal.signal(signo, signal.SIG_IGN)  # the end is quick, and is not to be cut short
        demo.end()


def main():
    options = parse()
    directory = tempfile.mkdtemp(prefix="holdfast-demo-")
    demo = Demo(directory, options.fail_at)
    demo.image = options.image
    for signo in ENDED:
        signal.signal(signo, interrupt)
    code = run(demo)
    left = that_mention(directory)
    shutil.rmtree(directory, ignore_errors=True)
    if left:
        print(f"FAILED at the end: still running: {left}")
        return 1
    if code == 0:
        demo.print_table()
    return code


if __name__ == "__main__":
    sys.exit(main())
