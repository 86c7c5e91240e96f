"""A session as this process knows it: its holds, its events, and the connections that joined it.

Callers' threads take a link for each call; the keeper (see _keeper.py) owns the session's first
connection. What both change is guarded by `changed`. A link is of a generation, which ends when the
keeper's connection does: a grant that an earlier one told of is not taken.
"""
from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from holdfast import _lease
from holdfast._errors import BadOption, Cancelled, Forked, HoldfastError, Unreachable
from holdfast._link import NEVER, Closed, Late, Link
from holdfast._replies import error, is_error, text

if TYPE_CHECKING:
    from holdfast._hold import Hold

QUICK_S = 5.0  # until what the agent has in memory is answered
RETRY_S = 0.1  # between two attempts of a call while the keeper is at work
SETTLE_S = (0.1, 5.0)  # until what may have been granted unheard is looked for; at most
LINKS_IDLE = 4  # kept for the next call
EARLY_MAX = 64  # events about holds whose grant was not read yet


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    kind: "blocking" (somebody waits for `hold`, in `mode`), "at-risk", "safe", "draining" (an
    administrator drains this node: let `hold` go as soon as it can be), "lost" (also if it was
    handed over after all; with a `reason`), "away" and "reconnected" (the agent; `hold` is None).
    There may be more one day: let alone what you do not know.
    """

    kind: str
    hold: Optional[Hold]
    mode: str
    reason: str


class Call:
    """A call that waits. id: "" until a reply told it. fixed: it cannot be given up."""

    def __init__(self, names: list[str], id: str, link: Link, fixed: bool) -> None:
        self.names = names
        self.id = id
        self.link = link
        self.fixed = fixed


class Session:
    def __init__(self, path: str, patience: float) -> None:
        self.path = path
        self.patience = patience
        self.pid = os.getpid()
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.changed = threading.Condition()
        # All that follows is under `changed`.
        self.ready = False  # the keeper is connected
        self.closing = False
        self.unsettled = False  # the keeper, as it ended: the agent may still have something of it
        self.generation = 0
        self.cancels = 0
        self.name = ""
        self.secret = ""
        self.idle: list[Link] = []
        self.calls: list[Call] = []
        self.holds: dict[str, Hold] = {}
        self.events: list[Event] = []
        self.early: list[dict[str, Any]] = []
        self.settle_at = NEVER
        self.settle_wait = SETTLE_S[0]
        self.lease_at = NEVER  # to ask how long leases last

    def check_process(self) -> None:
        if self.pid != os.getpid():
            raise Forked(f"process {self.pid} opened it, and this is {os.getpid()}")

    def check(self) -> None:
        self.check_process()
        if self.closing:
            raise BadOption("it is closed")

    def wake(self) -> None:
        """Has the keeper look anew at what there is to do."""
        os.eventfd_write(self.wake_fd, 1)

    def close(self) -> None:
        os.close(self.event_fd)
        os.close(self.wake_fd)

    # --- With `changed` held ---

    def wait(self, until: float) -> bool:
        """Waits for a change. False if it is `until` already."""
        left = until - time.monotonic()
        if left > 0:
            self.changed.wait(None if until == NEVER else min(left, threading.TIMEOUT_MAX))
        return left > 0

    def flag_events(self) -> None:
        """Makes the descriptor readable if there are events, and only then."""
        try:
            os.eventfd_read(self.event_fd)
        except BlockingIOError:
            pass
        if self.events:
            os.eventfd_write(self.event_fd, 1)

    def put(self, kind: str, hold: Optional[Hold], mode: str = "", reason: str = "") -> None:
        """Replaces an older event of this kind about this hold: so they cost bounded memory."""
        self.events = [e for e in self.events if e.kind != kind or e.hold is not hold]
        self.events.append(Event(kind, hold, mode, reason))
        self.flag_events()
        self.changed.notify_all()

    def forget_events(self, hold: Hold) -> None:
        self.events = [e for e in self.events if e.hold is not hold]
        self.flag_events()

    def lose(self, hold: Hold, reason: str) -> None:
        if hold._state in ("held", "passing"):
            hold._state = "lost"
            self.put("lost", hold, hold.mode, reason)

    def hear(self, event: dict[str, Any]) -> None:
        """What the agent said of a hold, which may be in another thread's hands still."""
        hold = self.holds.get(text(event, "hold"))
        if hold is None:
            self.early = [*self.early, event][-EARLY_MAX:]
        else:
            self._hear_of(hold, event)

    def _hear_of(self, hold: Hold, event: dict[str, Any]) -> None:
        kind = text(event, "kind")
        if kind == "lost":
            self.lose(hold, text(event, "reason"))
        elif kind == "passed" and not hold._uses:  # else its call is answered
            self.lose(hold, "it was handed over")
        elif hold._state == "held" and kind in ("blocking", "at-risk", "safe", "draining"):
            if kind in ("at-risk", "safe"):
                hold._at_risk = kind == "at-risk"
            self.put(kind, hold, text(event, "mode"), text(event, "reason"))

    def add(self, hold: Hold, generation: int) -> bool:
        """Takes in a hold that this generation granted. False: it is of another."""
        if not self.ready or self.generation != generation:
            return False
        self.holds[hold.id] = hold
        _lease.granted(self, hold)
        for event in self.early:
            if text(event, "hold") == hold.id:
                self._hear_of(hold, event)
        return True

    def settle_soon(self) -> None:
        """A call ended without an answer: it may have been granted after all."""
        self.settle_wait = SETTLE_S[0]
        self.settle_at = min(self.settle_at, time.monotonic() + self.settle_wait)
        self.wake()

    def settle_again(self) -> None:
        self.settle_at = time.monotonic() + self.settle_wait
        self.settle_wait = min(2 * self.settle_wait, SETTLE_S[1])

    # --- Links ---

    def take_link(self, until: float, cancels: float = NEVER) -> Link:
        """A connection that joined the session; waits while the agent is away."""
        while True:
            with self.changed:
                while not self.ready and self.cancels <= cancels and self.wait(until):
                    pass
                if self.cancels > cancels:
                    raise Cancelled("cancel() was called")
                if not self.ready:
                    raise Unreachable(f"the agent at {self.path} went away and has not come back")
                generation, secret = self.generation, self.secret
                if self.idle:
                    return self.idle.pop()
            try:
                return self._open_link(secret, generation)
            except Unreachable:
                if time.monotonic() >= until:
                    raise
            self.pause(generation, until)

    def _open_link(self, secret: str, generation: int) -> Link:
        link = Link(self.path)
        link.generation = generation
        try:
            reply = link.call("JoinSession", {"secret": secret}, time.monotonic() + QUICK_S)
            if "error" in reply:
                raise error(reply)
        except (Closed, Late):
            link.close()
            raise self.silent() from None
        except HoldfastError:
            link.close()
            raise
        return link

    def silent(self) -> Unreachable:
        return Unreachable(f"the agent at {self.path} does not answer")

    def give_link(self, link: Link, reusable: bool) -> None:
        """reusable: the last call on it was answered in full."""
        with self.changed:
            current = link.generation == self.generation and not self.closing
            if reusable and current and len(self.idle) < LINKS_IDLE:
                self.idle.append(link)
                return
        link.close()

    def pause(self, generation: int, until: float) -> None:
        """A link was of no use though the keeper saw no reason: waits a little for either."""
        end = min(until, time.monotonic() + RETRY_S)
        with self.changed:
            cancels = self.cancels
            while (self.generation, self.cancels) == (generation, cancels) and self.wait(end):
                pass

    def ask(
        self, method: str, asked: dict[str, Any], until: float
    ) -> tuple[dict[str, Any], bool]:
        """A plain call, again while the connection fails; for what may be done twice.

        The reply, an error perhaps, and whether it was sent more than once.
        """
        again = False
        while True:
            link = self.take_link(until)
            whole = False
            try:
                reply = link.call(method, asked, until)
                whole = not is_error(reply, "NoSuchSession")
                if whole:
                    return reply, again
            except Late:
                raise self.silent() from None
            except Closed:
                pass
            finally:
                self.give_link(link, whole)
            if time.monotonic() >= until:
                raise self.silent()
            self.pause(link.generation, until)
            again = True
