#!/usr/bin/env python3
"""The Python module on a leash: the commands of libshell.c, with the same answers."""
import os
import re
import select
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "client" / "python"))
import holdfast  # noqa: E402


class GaveUp(Exception):
    """By the waiting callback."""


class AtRisk(holdfast.HoldfastError):
    """For the shell's answer to `held` alone."""


class Shell:
    def __init__(self):
        self.hf = None
        self.holds = {}
        self.stamp = None
        self.speaking = threading.Lock()

    def say(self, tag, *words):
        with self.speaking:
            print(tag, *words, flush=True)

    def run(self, tag, verb, words):
        try:
            said = getattr(self, "do_" + verb)(tag, *words)
            if verb != "fork":
                self.say(tag, "OK", *(said or ()))
        except GaveUp:
            self.say(tag, "CANCELLED")
        except holdfast.HoldfastError as error:
            name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).upper()
            self.say(tag, {"TOO_MANY_NAMES": "TOO_MANY"}.get(name, name), error)

    # --- The commands ---

    def do_open(self, _tag, path=None):
        self.hf = holdfast.Holdfast(path)

    def do_close(self, _tag):
        if self.hf:
            self.hf.close()

    def do_patience(self, _tag, ms):
        self.hf._session.patience = int(ms) / 1000

    def do_cancel(self, _tag):
        self.hf.cancel()

    def do_event(self, _tag, ms):
        event = self.hf.next_event(int(ms) / 1000)
        if event is None:
            raise holdfast.TimedOut("nothing has happened")
        names = [n for n, h in self.holds.items() if h is event.hold]
        mode = event.mode if event.kind == "blocking" else "-"
        return event.kind, (names or ["-"])[0], mode, event.reason

    def do_poll(self, _tag, ms):
        poll = select.poll()
        poll.register(self.hf, select.POLLIN)
        return ["readable" if poll.poll(int(ms)) else "quiet"]

    def do_acquire(self, tag, hold, name, *options):
        self.holds[hold] = self.hf.lock(name, **self.options(tag, options))
        return [self.holds[hold].token]

    def do_try(self, tag, hold, name, *options):
        self.holds[hold] = self.hf.lock(name, **self.options(tag, options), timeout=0)
        return [self.holds[hold].token]

    def do_acquire_all(self, tag, holds, names, *options):
        taken = self.hf.lock_all(names.split(","), **self.options(tag, options))
        self.holds.update({f"{holds}{i}": hold for i, hold in enumerate(taken)})
        return [hold.token for hold in taken]

    def do_try_all(self, tag, holds, names, *options):
        return self.do_acquire_all(tag, holds, names, *options, "timeout=0")

    def do_convert(self, tag, hold, *options):
        self.holds[hold].convert(**{"mode": "exclusive", **self.options(tag, options)})

    def do_try_convert(self, tag, hold, *options):
        self.do_convert(tag, hold, *options, "timeout=0")

    def do_set_value(self, _tag, hold, value):
        self.holds[hold].set_value(value.encode())

    @staticmethod
    def words_of(value):
        if value is None:
            return ["-"]
        return value.bytes.decode(), "valid" if value.valid else "doubtful", value.token

    def do_value(self, _tag, hold):
        return self.words_of(self.holds[hold].value)

    def do_clear(self, _tag, hold):
        self.holds[hold].clear_mark()

    def do_transfer(self, _tag, hold, to):
        self.holds[hold].transfer(to)

    def do_stamp(self, _tag, name):
        self.stamp = self.hf.stamp(name)
        return self.words_of(self.stamp.value)

    def do_validate(self, _tag, name):
        if not self.hf.validate(name, self.stamp):
            raise holdfast.Moved("somebody may have written since the stamp")

    def options(self, tag, options):
        given = dict(option.split("=") for option in options)
        waits = [int(given.pop("waits", 0))]

        def waiting(w):
            first = w.holders[0] if w.holders else None
            who = (first.node, first.data.decode() or "-") if first else ("-", "-")
            self.say(tag, "waiting", w.why, w.name, w.place, len(w.holders), *who, w.text)
            waits[0] -= 1
            if waits[0] == 0:
                raise GaveUp()

        if waits[0]:
            given["waiting"] = waiting
        for key in ("limit", "pid", "if_token", "timeout", "head"):
            if key in given:
                given[key] = int(given[key])
        if "timeout" in given:
            given["timeout"] /= 1000
        if "ttl" in given:
            given["ttl"] = int(given["ttl"]) / 1000
        if "data" in given:
            given["data"] = given["data"].encode()
        return given

    def do_release(self, _tag, hold):
        self.holds[hold].release()

    def do_unclean(self, _tag, hold):
        self.holds[hold].release(unclean=True)

    def do_held(self, _tag, hold):
        if self.holds[hold].state == "at-risk":
            raise AtRisk("too few jurors acknowledge this node")
        self.holds[hold].check()

    def do_about(self, _tag, hold):
        h = self.holds[hold]
        mark = (h.unclean.node, h.unclean.by) if h.unclean else ("-", "-")
        return h.name, h.id, h.mode, h.token, *mark

    def do_fork(self, tag, verb, *words):
        child = os.fork()
        if child == 0:
            try:
                self.run(tag, verb, words)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def main():
    shell = Shell()
    for line in sys.stdin:
        tag, verb, *words = line.split()
        if tag.startswith("&"):
            threading.Thread(target=shell.run, args=(tag, verb, words), daemon=True).start()
        else:
            shell.run(tag, verb, words)


main()
