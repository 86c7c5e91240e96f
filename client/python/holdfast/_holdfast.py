"""What programs use."""
from __future__ import annotations

import base64
import os
import socket
import time
from typing import Any, Callable, Iterable, Optional

from holdfast._ask import Acquire, AcquireAll, check_timeout, given
from holdfast._errors import BadName, BadOption, Cancelled, Garbled, Unreachable
from holdfast._hold import Hold, Holds
from holdfast._keeper import Keeper
from holdfast._link import NEVER
from holdfast._replies import Stamp, Waiting, error, member, parameters, stamp
from holdfast._session import Event, Session

SOCKET_DEFAULT = "/run/holdfast/holdfast.sock"
SOCKET_MAX = 107  # bytes (unix(7))
STAMP_S = 5.0  # of a look that names no time
LATE_S = 3.0


class Holdfast:
    """A session with the agent at `path`: by default HOLDFAST_SOCKET's, else the usual one.

    patience: how long a call waits for an agent that went away before it raises Unreachable. An
    agent that is not there at first is Unreachable at once. To be closed, best by a `with`.
    """

    def __init__(self, path: Optional[str] = None, *, patience: float = 30.0) -> None:
        path = os.fspath(path or os.environ.get("HOLDFAST_SOCKET") or SOCKET_DEFAULT)
        if len(os.fsencode(path)) > SOCKET_MAX:
            raise BadOption(f"the socket's path has more than {SOCKET_MAX} bytes")
        self._session = Session(path, patience)
        try:
            self._keeper = Keeper(self._session)
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> Holdfast:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def lock(
        self,
        name: str,
        *,
        mode: str = "exclusive",
        timeout: Optional[float] = None,
        waiting: Optional[Callable[[Waiting], Any]] = None,
        if_token: Optional[int] = None,
        **options: Any,
    ) -> Hold:
        """Takes a lock, or waits for it. Use it in a `with`, or call release().

        mode: "exclusive", "shared", "counted" (with a `limit`), or DLM's NL, CR, CW, PR, PW, EX.
        timeout: seconds; None waits for ever, 0 not at all (Busy).
        waiting: called in this thread whenever something about the wait has changed. If it raises,
        the place in the queue is given up, and lock() raises that.
        if_token: only while the lock's token is still this one, else Moved.

        Options:
        limit: of a counted lock: held while at most so many hold it, 1 to 256.
        stale: what happens to those who wait if this node dies: "hold" (they wait until it boots
        again), "fence" (it is ended), by default for the modes that write, or "expire" (they wait
        until the lock was not renewed for `ttl` seconds, 30; it is lost here by then), or "action"
        (this session alone is ended, by the roster's `action` with `info`).
        pid: a child of this process that acts under the lock as well.
        spare: should the lock be lost, let that child live for the last second as well.
        head: wait before all others; for operators.
        data: at most 64 bytes that tell others about this holder.
        """
        self._session.check()
        hold = Hold(self._session, name, mode)
        asked = {"name": _encodable(name), **_asked(mode, timeout, **options)}
        asked.update(given(if_token=if_token))
        Acquire(self._session, [hold], asked, timeout, waiting).run()
        return hold

    def lock_all(
        self,
        names: Iterable[str],
        *,
        mode: str = "exclusive",
        timeout: Optional[float] = None,
        waiting: Optional[Callable[[Waiting], Any]] = None,
        **options: Any,
    ) -> Holds:
        """Takes several locks, or none of them; they are returned in the order of `names`.

        At most 32, each once. The options are those of lock(), and count for all of them; `timeout`
        is for all together. Callers that take several this way never wait for each other in a
        circle, as long as they hold nothing else meanwhile.
        """
        self._session.check()
        holds = Holds(Hold(self._session, name, mode) for name in names)
        asked = _asked(mode, timeout, **options)
        asked["names"] = [_encodable(hold.name) for hold in holds]
        if holds:
            AcquireAll(self._session, holds, asked, timeout, waiting).run()
        return holds

    def stamp(self, name: str, timeout: float = STAMP_S) -> Stamp:
        """The optimistic read: stamp, read the data, validate. Takes nothing, writes to no disk.

        Unstable: somebody holds the lock in a mode that writes, or such a holder went uncleanly, so
        take the lock.
        """
        told = self._look("Stamp", {"name": _encodable(name)}, timeout)
        made = stamp(told)
        if not made.stamp:
            raise Garbled("the agent's answer to Stamp is not understood")
        return made

    def validate(self, name: str, before: Stamp, timeout: float = STAMP_S) -> bool:
        """Whether nobody can have written since that stamp; else what was read is worth nothing."""
        told = self._look("Validate", {"name": name, "stamp": before.stamp}, timeout)
        valid = member(told, "valid", bool, None)
        if valid is None:
            raise Garbled("the agent's answer to Validate is not understood")
        return valid

    def _look(self, method: str, asked: dict[str, Any], timeout: float) -> dict[str, Any]:
        self._session.check()
        check_timeout(timeout)
        asked["timeout_ms"] = int(1000 * timeout)
        reply, _ = self._session.ask(method, asked, time.monotonic() + timeout + LATE_S)
        if "error" in reply:
            raise error(reply)
        return parameters(reply)

    def cancel(self) -> None:
        """Ends every wait of other threads, in lock() or next_event(), with Cancelled."""
        session = self._session
        session.check()
        with session.changed:
            session.cancels += 1
            for call in session.calls:
                try:
                    if not call.fixed:
                        call.link.socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it ended just now
            session.changed.notify_all()

    def fileno(self) -> int:
        """Readable while next_event() has something; for select and the like."""
        self._session.check()
        return self._session.event_fd

    def next_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event; None if there is none in time. timeout: None waits for ever.

        Events that nobody takes cost bounded memory: of each hold the newest of a kind is kept.
        """
        session = self._session
        session.check()
        until = NEVER if timeout is None else time.monotonic() + timeout
        with session.changed:
            cancels = session.cancels
            while not session.events and session.cancels == cancels and session.wait(until):
                pass
            if session.events:
                event = session.events.pop(0)
                session.flag_events()
                return event
            if session.cancels != cancels:
                raise Cancelled("cancel() was called")
            return None

    def close(self) -> None:
        """Releases what is still held and ends the session. A second close does nothing.

        Raises Unreachable if the agent did not confirm that: it then takes the process for a dead
        client that still runs, and ends it after the grace time. In a forked child only the child's
        copies of the descriptors are closed.
        """
        session = self._session
        if session.pid != os.getpid():
            session.close()
            self._keeper.close_copy()
            return
        with session.changed:
            if session.closing:
                return
            session.closing = True
        self._keeper.stop()
        session.close()
        if session.unsettled:
            raise Unreachable(f"the agent at {session.path} did not confirm the release")


def _encodable(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadName("a name is 1 to 255 bytes of UTF-8") from None
    return name


def _asked(
    mode: str,
    timeout: Optional[float],
    *,
    limit: Optional[int] = None,
    stale: Optional[str] = None,
    ttl: Optional[float] = None,
    action: Optional[str] = None,
    info: Optional[str] = None,
    pid: Optional[int] = None,
    spare: bool = False,
    head: bool = False,
    data: Optional[bytes] = None,
) -> dict[str, Any]:
    """What one lock and several are asked for with."""
    check_timeout(timeout)
    return {
        "mode": mode,
        **given(limit=limit, stale=stale, action=action, info=info, pid=pid),
        **given(ttl_ms=None if ttl is None else round(ttl * 1000)),
        **given(spare=True if spare else None, head=True if head else None),
        **given(data=None if data is None else base64.b64encode(data).decode()),
    }
