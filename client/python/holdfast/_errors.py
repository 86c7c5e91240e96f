"""What may go wrong. str() of each says what is known about it: who holds a lock, say."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast._replies import Party


class HoldfastError(Exception):
    """Whatever this module raises."""

    again = False  # the call was sent more than once, so the first time may have done it


class Busy(HoldfastError):
    """lock(timeout=0): somebody holds it, or waits for it."""

    holders: tuple[Party, ...] = ()


class TimedOut(HoldfastError, TimeoutError):
    """Not granted in time."""

    holders: tuple[Party, ...] = ()


class NoMajority(HoldfastError):
    """Too few of the lock's voters can be asked: nobody can be granted it."""


class Unreachable(HoldfastError, ConnectionError):
    """No agent answers; nothing is held by this call."""


class NotPermitted(HoldfastError, PermissionError):
    """The agent, or the socket's mode, says no."""


class BadName(HoldfastError, ValueError):
    """A lock's name is 1 to 255 bytes of UTF-8 without control characters."""


class BadMode(HoldfastError, ValueError):
    """There is no such mode."""


class BadLimit(HoldfastError, ValueError):
    """The mode "counted" needs a limit of 1 to 256, and no other takes one."""


class BadOption(HoldfastError, ValueError):
    """Another argument is wrong, or the Holdfast is closed."""


class QueueFull(HoldfastError):
    """Too many wait for the lock, or the agent's table of operations is full."""


class NotReady(HoldfastError):
    """The agent has just started and does not take part yet: try again."""


class LogFailed(HoldfastError):
    """The agent's disk failed: it grants nothing until it is started again."""


class Lost(HoldfastError):
    """The lock is not held any more, and was not released."""


class Unknown(HoldfastError):
    """The agent was away meanwhile, and nobody can say."""


class Cancelled(HoldfastError):
    """cancel() ended the wait; nothing is held."""


class Forked(HoldfastError):
    """The session is of another process: a parent of this one."""


class Garbled(HoldfastError):
    """What answers is not a Holdfast agent, or says what is not known here."""


class Moved(HoldfastError):
    """lock(if_token=...): the lock was granted to somebody since, or forgotten, which the text says."""


class Unstable(HoldfastError):
    """stamp(): somebody may be writing, or have written half. `holders` are those who hold it."""

    holders: tuple[Party, ...] = ()


class TooLong(HoldfastError, ValueError):
    """More bytes than there may be."""


class NotWriter(HoldfastError):
    """set_value(): the hold's mode does not write."""


class Deadlock(HoldfastError):
    """convert(): it would wait for one that waits for this hold."""

    holders: tuple[Party, ...] = ()


class OtherMark(HoldfastError):
    """clear_mark(): the lock has another mark by now, or none."""


class NoSuchWaiter(HoldfastError):
    """transfer(): nobody waits under this id."""


class TooManyNames(HoldfastError, ValueError):
    """lock_all(): at most 32."""


class Changing(HoldfastError):
    """An earlier change of this hold has no answer yet."""
