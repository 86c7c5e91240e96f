"""Locks from the Holdfast agent of this machine. Python 3.10 and later, the standard library only.

    from holdfast import Holdfast, TimedOut

    with Holdfast() as hf:
        try:
            with hf.lock("image/ubuntu-24.04", mode="shared", timeout=5):
                copy_from_the_cache()
        except TimedOut as late:  # str(late) says who holds it
            fetch_from_glance()

A `Holdfast` is a session with the agent, and the locks taken through it are the session's. To the
agent they belong to the process: threads may share a `Holdfast`, and any of them may release what
another took. Times are seconds. A daemon thread for each `Holdfast` hears of its locks.

Restarts of the agent: the locks stay held, and the session is taken up again as soon as an agent
answers; for that the agent waits its grace time. A `lock()` that is under way asks again, within
its time: what it returns is held, and when it raises, nothing is. A `release()` waits for the new
agent. `Hold.state` is "unknown" meanwhile.

A lost lock (the event "lost"; "at-risk" comes before): all that acts under it must stop now. The
agent kills every process of the session one second after it said so, or at once where it cannot.

fork: a child cannot use its parent's `Holdfast`, `Forked` is raised. While the child keeps its
descriptors open the agent does not see the parent's end; `close()` in the child closes them.
"""
from holdfast._errors import (
    BadLimit,
    BadMode,
    BadName,
    BadOption,
    Busy,
    Cancelled,
    Changing,
    Deadlock,
    Forked,
    Garbled,
    HoldfastError,
    LogFailed,
    Lost,
    Moved,
    NoMajority,
    NoSuchWaiter,
    NotPermitted,
    NotReady,
    NotWriter,
    OtherMark,
    QueueFull,
    TimedOut,
    TooLong,
    TooManyNames,
    Unknown,
    Unreachable,
    Unstable,
)
from holdfast._hold import Hold, Holds
from holdfast._holdfast import Holdfast
from holdfast._replies import Party, Stamp, Unclean, Value, Waiting
from holdfast._session import Event

__all__ = [
    "BadLimit",
    "BadMode",
    "BadName",
    "BadOption",
    "Busy",
    "Cancelled",
    "Changing",
    "Deadlock",
    "Event",
    "Forked",
    "Garbled",
    "Hold",
    "Holdfast",
    "HoldfastError",
    "Holds",
    "LogFailed",
    "Lost",
    "Moved",
    "NoMajority",
    "NoSuchWaiter",
    "NotPermitted",
    "NotReady",
    "NotWriter",
    "OtherMark",
    "Party",
    "QueueFull",
    "Stamp",
    "TimedOut",
    "TooLong",
    "TooManyNames",
    "Unclean",
    "Unknown",
    "Unreachable",
    "Unstable",
    "Value",
    "Waiting",
]
