"""A lock that is held: what lock() returns."""
from __future__ import annotations

import base64
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional

from holdfast import _lease
from holdfast._ask import Convert, check_timeout, given
from holdfast._errors import (
    BadOption,
    Busy,
    Changing,
    HoldfastError,
    Lost,
    NoSuchWaiter,
    NotReady,
    QueueFull,
    TimedOut,
    Unknown,
)
from holdfast._replies import Unclean, Value, Waiting, error
from holdfast._session import Session

# What says for sure that a hold stays where it is.
TRANSFER_REFUSED = (NoSuchWaiter, Busy, TimedOut, BadOption, QueueFull, NotReady, Changing)


class Hold:
    """A lock that is held. Leaving a `with` releases it, and raises Lost if it was lost before.

    name: the lock's. mode: in which it is held now. id: as `holdfast show` prints it. token: rises
    with every grant of this lock: a fencing token, for storage that checks one. unclean: how a hold
    before this one ended, if that was unclean and nobody said since that the data is whole. value:
    the lock's value block, as it was granted or as this hold wrote it; None if there is none.
    """

    def __init__(self, session: Session, name: str, mode: str) -> None:
        self.name = name
        self.mode = mode
        self.id = ""
        self.token = 0
        self.unclean: Optional[Unclean] = None
        self.value: Optional[Value] = None
        self._session = session
        # Under the session's lock: "held"; "passing": it is being handed over, or may have been;
        # "lost"; "releasing"; "forgotten": nobody waits for its release any more, and the keeper
        # sees to it; "released".
        self._state = "held"
        self._uses = 0  # threads that change it
        self._at_risk = False
        self._left_behind = False  # its session ended, with no word of this hold
        self._unclean_end = False
        self._ttl = 0.0  # under "expire"
        self._lease_end = 0.0  # held until then for sure, by _lease.now()
        self._lapsed = False  # lost by its lease while the agent was away: that may have it still

    def __repr__(self) -> str:
        return f"<Hold {self.name} {self.mode} token {self.token} {self._state}>"

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, _kind: Any, raised: Any, _traceback: Any) -> None:
        try:
            self.release()
        except HoldfastError:
            if raised is None:
                raise

    @property
    def state(self) -> str:
        """What is known at this instant, without asking anybody.

        "held"; "at-risk": held, but too few jurors acknowledge this node; "lost"; "unknown": the
        agent is away, or has not said for long that its lease is renewed, or the hold is being
        handed over; "released".
        """
        session = self._session
        session.check_process()
        with session.changed:
            _lease.lose_away(session)
            if self._state == "lost":
                return "lost"
            if self._state not in ("held", "passing") or session.closing:
                return "released"
            if self._state == "passing" or not session.ready or _lease.over(self):
                return "unknown"
            return "at-risk" if self._at_risk else "held"

    def check(self) -> None:
        """Raises Lost or Unknown unless it is held. Cheap: may be called before every write."""
        state = self.state
        if state == "unknown":
            raise Unknown("the agent is away or silent, or the hold is being handed over")
        if state not in ("held", "at-risk"):
            raise Lost(f"{self.name} is {state}")

    # --- Giving up ---

    def release(self, unclean: bool = False) -> None:
        """Gives it up. unclean: what it protects may be half written; the next holder is told.

        Raises Lost if it was lost before; Unknown if the agent was away, and the session over when
        it was back; Unreachable if it is not confirmed yet: it is given up once the agent answers.
        Whatever is raised, the hold is over here. A second release does nothing.
        """
        session = self._session
        session.check_process()
        with session.changed:
            before = self._state
            if before not in ("held", "passing", "lost") or session.closing:
                return
            self._state = "releasing"
            self._unclean_end = unclean
            session.forget_events(self)
        try:
            if before == "lost":
                raise Lost(f"{self.name} was lost before it was released")
            self._ask_release()
        except (Lost, Unknown):
            self._end("forgotten" if self._lapsed else "released")
            raise
        except BaseException:
            self._end("forgotten")
            raise
        self._end("released")

    def _ask_release(self) -> None:
        try:
            self._change("Release", {"unclean": self._unclean_end})
        except Lost as lost:
            if self._left_behind:
                raise Unknown(f"the session ended while {self.name} was released") from None
            if not lost.again:  # else the first time did it, though its answer was lost
                raise

    def _end(self, state: str) -> None:
        with self._session.changed:
            self._state = state
            if state == "released":
                self._session.holds.pop(self.id, None)
            else:
                self._session.settle_soon()

    # --- Changing ---

    def _change(self, method: str, asked: dict[str, Any]) -> None:
        session = self._session
        until = time.monotonic() + session.patience
        reply, again = session.ask(method, {"hold": self.id, **asked}, until)
        if "error" in reply:
            refused = error(reply)
            refused.again = again
            raise refused

    @contextmanager
    def _changing(self, state: str = "held") -> Iterator[None]:
        self._session.check()
        with self._session.changed:
            if self._state == "passing":
                raise Changing(f"{self.name} is being handed over")
            if self._state != "held":
                raise Lost(f"{self.name} is not held")
            self._state = state
            self._uses += 1
        try:
            yield
        finally:
            with self._session.changed:
                self._uses -= 1

    def convert(
        self,
        mode: str,
        *,
        limit: Optional[int] = None,
        timeout: Optional[float] = None,
        waiting: Optional[Callable[[Waiting], Any]] = None,
    ) -> None:
        """Converts it to another mode in place; until that fits it is held in the old one.

        Down is never refused, and the caller acts in the weaker mode from the call on. timeout and
        waiting are as in lock(), but a conversion cannot be given up before its time, only by a
        release() in another thread.

        TimedOut, Deadlock, Busy (timeout=0): it has its old mode. NoMajority, Unreachable: it may
        be converted still; act in the weaker of both modes until `mode` has changed.
        """
        check_timeout(timeout)
        asked = {"hold": self.id, "mode": mode, **given(limit=limit)}
        with self._changing():
            Convert(self._session, [self], asked, timeout, waiting).run()

    def set_value(self, value: bytes) -> None:
        """Writes the lock's value block, which everybody who is granted the lock is told.

        At most 256 bytes (TooLong); needs a mode that writes (NotWriter). TimedOut, NoMajority,
        Unreachable: whether it was written is not known.
        """
        with self._changing():
            self._change("SetValue", {"value": base64.b64encode(value).decode()})
            self.value = Value(value, self.token, True)

    def clear_mark(self) -> None:
        """Says that the data is whole again: clears the mark in `unclean`; None is no error.

        OtherMark: the lock has another one by now, or none.
        """
        with self._changing():
            mark = self.unclean
            if mark:
                asked = {"slot": mark.slot, "life": mark.life, "token": mark.token}
                self._change("ClearMark", asked)
            self.unclean = None

    def transfer(self, to: str) -> None:
        """Hands it over to one who waits for the lock, on whatever node: `to` is its id.

        The caller acts no more under the lock from the call on. Once this returns the hold is over
        here. NoSuchWaiter, Busy (that one would not fit beside other holders), TimedOut: it is held
        as before. NoMajority, Unreachable, Unknown: nobody knows; `state` is "unknown" until it is
        known, then "held" or "lost".
        """
        with self._changing("passing"):
            try:
                self._change("Transfer", {"to": to})
            except HoldfastError as refused:
                self._not_passed(refused)
            with self._session.changed:
                if self._state == "passing":
                    self._state = "released"
                    self._session.holds.pop(self.id, None)

    def _not_passed(self, refused: HoldfastError) -> None:
        """Raises what a refusal means. Returns if it was handed over all the same."""
        session = self._session
        with session.changed:
            if self._state != "passing":  # lost meanwhile, or released
                if self._left_behind:
                    raise Unknown("the session ended while it was handed over") from None
                raise Lost("it was lost while it was handed over") from None
            if isinstance(refused, Lost):
                if refused.again:
                    return  # the first time did it, though its answer was lost
                session.lose(self, "the agent does not know this hold any more")
            elif isinstance(refused, Changing) and refused.again:
                session.settle_soon()
                raise Unknown("it is being handed over still") from None
            elif isinstance(refused, TRANSFER_REFUSED):
                self._state = "held"
            else:
                session.settle_soon()
        raise refused


class Holds(list[Hold]):
    """Several, taken at once. Leaving a `with` releases all of them, the last one first."""

    def __enter__(self) -> Holds:
        return self

    def __exit__(self, _kind: Any, raised: Any, _traceback: Any) -> None:
        self.release(raised is not None)

    def release(self, quietly: bool = False) -> None:
        """Releases all. What the first one that fails raises is raised in the end."""
        failed: Optional[HoldfastError] = None
        for hold in reversed(self):
            try:
                hold.release()
            except HoldfastError as error:
                failed = failed or error
        if failed and not quietly:
            raise failed
