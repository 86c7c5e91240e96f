#!/usr/bin/env python3
"""Hand-overs on five lab machines: a holder's agent is paused, another machine waits for its lock.

    bench_fence.py        REPEAT=20 DETECT=4000 (milliseconds; the roster's detection target)
                          DEVICE=0 (milliseconds that the device takes to switch off)

Prints, from the pause on, when the first node held the holder dead, when the order was certified,
when the first node had the receipt, and when the waiter's command ran: median and worst.
"""
import contextlib
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.lab import Lab, holdfast, until  # noqa: E402
from support.varlink import Closed, Refused  # noqa: E402

MACHINES = 5
STEPS = ("detection", "order", "receipt", "hand-over")
WAITER = "hv1"
NOW = "import time; print(time.time())"


def events(lab, machine):
    command = [holdfast(), "--socket", str(lab.socket(machine)), "--json", "events"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def seconds(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def first(found, begun, kind, *parts):
    """When the first such thing happened on any machine, in seconds since the fault."""
    times = [
        seconds(e)
        for e in found
        if e["kind"] == kind and seconds(e) >= begun and all(p in e["text"] for p in parts)
    ]
    if not times:
        raise RuntimeError(f"no machine has an event '{kind}' with {parts}")
    return min(times) - begun


def counts(lab, machine):
    try:
        status = lab.status(machine)
        members = lab.call(machine, "Members")["members"]
    except (OSError, Closed, Refused):
        return False
    return status["life_counts"] and all(m["gossip"] == "alive" for m in members)


def hand_over(lab, target, name):
    """One of them: seconds from the fault to each step."""
    holder = lab.lock(target, "-q", name, "--", "sleep", "1000")
    until(lambda: lab.holders(WAITER, name) == [(target, "exclusive")], f"{target} holds {name}")
    begun = time.time()
    lab.agent(target, "pause")
    waiter = lab.lock(WAITER, "-q", name, "--", sys.executable, "-c", NOW)
    out, err = waiter.communicate()
    if waiter.returncode != 0:
        raise RuntimeError(f"{name}: {err.strip()}")
    holder.wait()
    found = [e for machine in lab.names if machine != target for e in events(lab, machine)]
    taken = [
        first(found, begun, "member", f"{target} is dead"),
        first(found, begun, "order", target),
        first(found, begun, "proof", target, "receipt"),
        float(out) - begun,
    ]
    lab.power(target, "on")
    for machine in lab.names:
        until(lambda m=machine: counts(lab, m), f"{machine} is well", 60)
    return taken


def slow_down(lab, device):
    """The lab's own fence script, behind one that takes its time."""
    script = lab.dir / "fence-power"
    own = script.rename(lab.dir / "fence-power-own")
    script.write_text(f'#!/bin/sh\n[ "$1" != off ] || sleep {device / 1000}\nexec "{own}" "$@"\n')
    script.chmod(0o700)


def main():
    device = int(os.environ.get("DEVICE", "0"))
    repeat, detect = int(os.environ.get("REPEAT", "20")), int(os.environ.get("DETECT", "4000"))
    rows = []
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hfb"))
        lab = Lab(Path(directory) / "lab")
        stack.callback(lab.stop)
        lab.start(MACHINES, "--detect", detect)
        if device:
            slow_down(lab, device)
        for i in range(repeat):
            target = lab.names[1 + i % (MACHINES - 1)]
            rows.append(hand_over(lab, target, f"bench/{i}"))
            print(f"{i + 1} of {repeat}: {rows[-1][-1]:.2f} s", file=sys.stderr)
    print(f"{repeat} hand-overs, {MACHINES} machines, detection target {detect} ms, device {device} ms")
    print(f"{'since the fault':<16}{'median s':>10}{'worst s':>10}")
    for step, values in zip(STEPS, zip(*rows)):
        print(f"{step:<16}{statistics.median(values):>10.2f}{max(values):>10.2f}")


if __name__ == "__main__":
    main()
