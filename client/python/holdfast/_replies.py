"""What the agent says, taken apart. What is missing, or of another type, reads as empty."""
from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Optional

from holdfast import _errors

INTERFACE = "org.holdfast."

ERRORS: dict[str, type[_errors.HoldfastError]] = {
    INTERFACE + "Busy": _errors.Busy,
    INTERFACE + "TimedOut": _errors.TimedOut,
    INTERFACE + "NoMajority": _errors.NoMajority,
    INTERFACE + "QueueFull": _errors.QueueFull,
    INTERFACE + "BadName": _errors.BadName,
    INTERFACE + "BadMode": _errors.BadMode,
    INTERFACE + "BadLimit": _errors.BadLimit,
    INTERFACE + "BadTtl": _errors.BadOption,
    INTERFACE + "BadAction": _errors.BadOption,
    INTERFACE + "TooMuchInfo": _errors.QueueFull,
    INTERFACE + "NotReady": _errors.NotReady,
    INTERFACE + "LogFailed": _errors.LogFailed,
    INTERFACE + "NotPermitted": _errors.NotPermitted,
    INTERFACE + "NoSuchHold": _errors.Lost,
    INTERFACE + "NoSuchSession": _errors.Unreachable,
    INTERFACE + "TokenMoved": _errors.Moved,
    INTERFACE + "Unstable": _errors.Unstable,
    INTERFACE + "TooLong": _errors.TooLong,
    INTERFACE + "NotWriter": _errors.NotWriter,
    INTERFACE + "Deadlock": _errors.Deadlock,
    INTERFACE + "OtherMark": _errors.OtherMark,
    INTERFACE + "NoSuchWaiter": _errors.NoSuchWaiter,
    INTERFACE + "ChangeUnderWay": _errors.Changing,
    INTERFACE + "TooManyNames": _errors.TooManyNames,
    "org.varlink.service.InvalidParameter": _errors.BadOption,
    "org.varlink.service.PermissionDenied": _errors.NotPermitted,
}


@dataclass(frozen=True)
class Party:
    """One that holds a lock. limit: of a counted one, else 0. data: what it tells of itself.

    token and data are 0 and empty where the agent does not tell them.
    """

    node: str
    hold: str
    mode: str
    limit: int
    token: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.node} ({self.mode}{f' {self.limit}' if self.limit else ''})"


@dataclass(frozen=True)
class Waiting:
    """Why a lock is not granted yet.

    name: of the lock that is waited for. why: "queued", "no-majority" (`reachable` of `cohort`
    voters answer), "standing" (the same of jurors), "starting", "away" (the agent is), or
    "unknown": its voters are being asked. place: in the queue, from 1; 0 if it is not known. stale: a dead holder that is in the way, and what is
    done about it. text: all this on one line.
    """

    name: str
    why: str
    place: int
    reachable: int
    cohort: int
    holders: tuple[Party, ...]
    stale: str
    text: str


def away(name: str) -> Waiting:
    return Waiting(name, "away", 0, 0, 0, (), "", "the agent is away")


@dataclass(frozen=True)
class Unclean:
    """How the last hold went that ended uncleanly: what the lock protects may be half written.

    by: "receipt", "end-statement" or "agent": what ended it. proof: its digest, "" for "agent".
    """

    node: str
    slot: int
    life: int
    token: int
    mode: str
    by: str
    proof: str


@dataclass(frozen=True)
class Value:
    """A value block. token: of the hold that wrote it. valid: no writer went uncleanly since."""

    bytes: bytes
    token: int
    valid: bool


@dataclass(frozen=True)
class Stamp:
    """That nobody wrote at an instant. token: the lock's."""

    stamp: str
    token: int
    value: Optional[Value]


def member(reply: Any, key: str, kind: type, otherwise: Any) -> Any:
    """A member of this very type: true is no number here."""
    value = reply.get(key) if isinstance(reply, dict) else None
    return value if type(value) is kind else otherwise


def text(reply: Any, key: str) -> str:
    return member(reply, key, str, "")


def number(reply: Any, key: str) -> int:
    return max(0, member(reply, key, int, 0))


def _bytes(reply: Any, key: str) -> bytes:
    try:
        return base64.b64decode(text(reply, key), validate=True)
    except binascii.Error:
        return b""


def parameters(reply: Any) -> dict[str, Any]:
    return member(reply, "parameters", dict, {})


def is_error(reply: Any, name: str) -> bool:
    return text(reply, "error") == INTERFACE + name


def _parties(told: Any) -> tuple[Party, ...]:
    return tuple(
        Party(
            text(party, "node"),
            text(party, "hold"),
            text(party, "mode"),
            number(party, "limit"),
            number(party, "token"),
            _bytes(party, "data"),
        )
        for party in member(told, "holders", list, [])
    )


def _held_by(told: Any) -> str:
    return "held by " + (", ".join(map(str, _parties(told))) or "somebody")


def _stale(told: Any) -> str:
    return text(member(told, "stale", dict, {}), "text")


def _with_stale(line: str, told: Any) -> str:
    stale = _stale(told)
    return f"{line}: {stale}" if stale else line


def _waiting_line(told: Any) -> str:
    """What is waited for, of a waiting reply or of TimedOut."""
    why, place = text(told, "reason"), number(told, "place")
    if why == "queued":
        return (f"place {place} in the queue, " if place else "") + _held_by(told)
    if why == "no-majority":
        return "no majority of the lock's voters answers"
    if why == "standing":
        return "too few jurors acknowledge this node"
    if why == "starting":
        return "this node's life does not count yet"
    return "the lock's voters are being asked"


def waiting(told: Any, name: str) -> Waiting:
    return Waiting(
        name=text(told, "waiting_for") or name,
        why=text(told, "reason") or "unknown",
        place=number(told, "place"),
        reachable=number(told, "reachable"),
        cohort=number(told, "cohort"),
        holders=_parties(told),
        stale=_stale(told),
        text=_with_stale(_waiting_line(told), told),
    )


def unclean(told: Any) -> Optional[Unclean]:
    mark = member(told, "unclean", dict, None)
    if mark is None:
        return None
    return Unclean(
        node=text(mark, "node"),
        slot=number(mark, "slot"),
        life=number(mark, "life"),
        token=number(mark, "token"),
        mode=text(mark, "mode"),
        by=text(mark, "by"),
        proof=text(mark, "proof"),
    )


def value(told: Any) -> Optional[Value]:
    block = member(told, "value", dict, None)
    if block is None:
        return None
    valid = member(block, "valid", bool, False)
    return Value(_bytes(block, "bytes"), number(block, "token"), valid)


def stamp(told: Any) -> Stamp:
    return Stamp(text(told, "stamp"), number(told, "token"), value(told))


def _error_line(kind: type[_errors.HoldfastError], reply: Any) -> str:
    told = parameters(reply)
    if kind is _errors.Busy:
        return _with_stale(_held_by(told), told)
    if kind is _errors.TimedOut:
        return _with_stale(_waiting_line(told), told)
    if kind is _errors.NoMajority:
        return f"{number(told, 'reachable')} of {number(told, 'cohort')} voters answer"
    if kind is _errors.BadOption:
        return f"the agent does not take this value of '{text(told, 'parameter')}'"
    if kind is _errors.Moved:
        forgotten = "it was forgotten since, and " if told.get("forgotten") is True else ""
        return f"{forgotten}its token is {number(told, 'token')} by now"
    if kind is _errors.TooLong:
        return f"{text(told, 'what')}: at most {number(told, 'most')} bytes"
    if kind is _errors.Deadlock:
        return "it would wait for who waits for it: " + _held_by(told)
    if kind is _errors.Unstable:
        return text(told, "reason") + (f": {_held_by(told)}" if _parties(told) else "")
    if kind is _errors.Garbled:
        return f"the agent said '{text(reply, 'error')}'"
    return text(told, "reason") or (kind.__doc__ or "").rstrip(".")


def error(reply: Any) -> _errors.HoldfastError:
    """The exception that an error reply stands for."""
    kind = ERRORS.get(text(reply, "error"), _errors.Garbled)
    name = text(parameters(reply), "name")  # if several were asked for
    made = kind((f"{name}: " if name else "") + _error_line(kind, reply))
    if isinstance(made, (_errors.Busy, _errors.TimedOut, _errors.Deadlock, _errors.Unstable)):
        made.holders = _parties(parameters(reply))
    return made
