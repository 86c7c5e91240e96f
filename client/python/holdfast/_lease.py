"""Until when holds under "expire" last if the agent says nothing more.

An agent renews leases in silence, and may hang for a while before it dies. So the keeper asks for
the session's operations four times in a TTL (a settle does so), and counts a lease's end from when
it asked. Before the first answer it is half a TTL after the grant: one that is half over is told as
at risk with its grant. While the agent is away a hold is lost at that end: then others may be let
in, and no agent is there to stop what acts under it.
"""
from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from holdfast._link import NEVER

if TYPE_CHECKING:
    from holdfast._hold import Hold
    from holdfast._session import Session

TTL_S = 30.0  # unless it is asked for
ASK_PART = 4
LOSE_S = 0.02  # so much before its end, for the program to hear of it
WRITES = ("exclusive", "EX", "PW", "CW")  # what does not expire by default


def now() -> float:
    """By a clock that goes on while the machine sleeps, as leases do."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def ttl_of(asked: dict[str, Any]) -> float:
    """Of what is asked for so; 0: it does not expire."""
    policy = asked.get("stale") or ("fence" if asked["mode"] in WRITES else "expire")
    return asked.get("ttl_ms", 1000 * TTL_S) / 1000 if policy == "expire" else 0.0


# --- With `changed` held ---


def plan(session: Session, hold: Hold) -> None:
    """Has the keeper ask when the soonest question is due."""
    session.lease_at = min(session.lease_at, time.monotonic() + hold._ttl / ASK_PART)


def granted(session: Session, hold: Hold) -> None:
    if hold._ttl:
        before = session.lease_at
        hold._lease_end = now() + hold._ttl / 2
        plan(session, hold)
        if session.lease_at < before:
            session.wake()


def said(hold: Hold, asked_at: float, left: float) -> None:
    """What was said once stays true."""
    hold._lease_end = max(hold._lease_end, asked_at + min(left, hold._ttl))


def over(hold: Hold) -> bool:
    """Whether others may be let in by now, as far as the agent has said."""
    return hold._ttl > 0 and now() >= hold._lease_end - LOSE_S


def lose_away(session: Session) -> None:
    """While the agent is away: loses those whose lease is over."""
    for hold in session.holds.values():
        if not session.ready and hold._state == "held" and over(hold):
            hold._lapsed = True
            session.lose(hold, "its lease is over, and the agent is away")


# --- The keeper's ---


def due(session: Session) -> None:
    """Has it settle if the agent is to be asked."""
    with session.changed:
        if time.monotonic() < session.lease_at:
            return
        session.lease_at = NEVER
        for hold in session.holds.values():
            if hold._ttl and hold._state == "held":
                plan(session, hold)
        if session.lease_at != NEVER:
            session.settle_at = time.monotonic()


def until(session: Session, seconds: float) -> float:
    """In so many seconds, or at the end of the next lease while the agent is away."""
    with session.changed:
        lose_away(session)
        for hold in session.holds.values():
            if not session.ready and hold._state == "held" and hold._ttl:
                seconds = min(seconds, hold._lease_end - LOSE_S - now())
    return time.monotonic() + max(0.0, seconds)
