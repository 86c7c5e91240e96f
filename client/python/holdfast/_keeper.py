"""The keeper: a thread that owns the session, hears of its holds, and takes it up again.

    ready --its connection ends--> away --connect, resume or open anew, settle, Watch--> ready
"""
from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Optional

from holdfast import _lease
from holdfast._errors import Garbled, HoldfastError, Unreachable
from holdfast._link import NEVER, Closed, Late, Link, wait_readable
from holdfast._replies import error, is_error, member, number, parameters, text
from holdfast._session import QUICK_S, SETTLE_S, Session

if TYPE_CHECKING:
    from holdfast._hold import Hold

CLOSE_S = 5.0  # for the releases of close()
JOIN_S = 0.05  # until the agent has noticed that our old connection is gone
RETRY_S = (0.02, 0.5)  # between two attempts to connect, doubled up to
LASTS_S = 1.0  # until a connection counts as good
WATCHED = ("blocking", "at-risk", "safe", "passed", "lost", "draining")  # kinds of events


class Keeper:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._watch: Optional[Link] = self._connect()
        session.ready = True
        self._pause = 0.0  # before the next attempt to connect
        self._connected = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="holdfast", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Lets it give back what is held, and end."""
        self._session.wake()
        self._thread.join()

    def close_copy(self) -> None:
        """In a forked child."""
        if self._watch:
            self._watch.close()

    # --- The session ---

    def _connect(self) -> Link:
        """From nothing to a session that is watched."""
        link = Link(self._session.path)
        try:
            if self._session.secret and self._resume(link):
                self._settle(link, resumed=True)
            else:
                self._open_session(link)
            link.send("Watch", {"kinds": list(WATCHED)}, more=True)
        except (Closed, Late):
            link.close()
            raise self._session.silent() from None
        except HoldfastError:
            link.close()
            raise
        return link

    def _open_session(self, link: Link) -> None:
        reply = link.call("OpenSession", {}, _lease.until(self._session, QUICK_S))
        if "error" in reply:
            raise error(reply)
        told = parameters(reply)
        with self._session.changed:
            self._session.name, self._session.secret = text(told, "session"), text(told, "secret")
        if not self._session.name or not self._session.secret:
            raise Garbled("the agent's session is not understood")

    def _resume(self, link: Link) -> bool:
        """False: the session is over, and everything in it."""
        until = time.monotonic() + QUICK_S
        while time.monotonic() < until:
            bound = min(until, _lease.until(self._session, QUICK_S))
            reply = link.call("JoinSession", {"secret": self._session.secret}, bound)
            if "error" in reply:
                self._lose_session(str(error(reply)))
                return False
            if member(parameters(reply), "resumed", bool, False):
                return True
            time.sleep(JOIN_S)
        raise Unreachable("the agent does not see that our old connection ended")

    def _lose_session(self, reason: str) -> None:
        session = self._session
        with session.changed:
            for hold in list(session.holds.values()):
                hold._left_behind = True
                hold._lapsed = False
                session.lose(hold, reason)
                if hold._state == "forgotten":
                    del session.holds[hold.id]
            session.settle_at = NEVER
            session.secret = ""

    # --- Settling ---

    def _settle(self, link: Link, resumed: bool = False) -> bool:
        """Makes what the agent has of this session, and what is known here, the same.

        Grants whose reply was lost are given back. What the agent tells of is nobody's if no hold
        and no call stands for it: a call is known before it asks, and its hold before it ends; only
        a call that does not know its id yet could be anybody of its name. False: not all of it is.
        """
        session = self._session
        asked_at = _lease.now()
        reply = link.call("ListSession", {}, _lease.until(session, QUICK_S))
        with session.changed:
            ours = {
                text(operation, "hold"): operation
                for operation in member(parameters(reply), "operations", list, [])
                if text(operation, "session") == session.name
            }
            due, clear = self._unheard(ours)
            for id, hold in session.holds.items():
                if id in ours:
                    _lease.said(hold, asked_at, number(ours[id], "left_ms") / 1000)
                if hold._state == "forgotten":
                    due[id] = hold._unclean_end
                elif id in ours:
                    clear = self._changed(hold, ours[id]) and clear
                elif hold._state == "passing" and not hold._uses:
                    session.lose(hold, "it was handed over")
                elif hold._state == "held" and resumed:
                    session.lose(hold, "the agent does not know this hold any more")
        for id, unclean in due.items():
            clear = self._release(link, id, unclean) and clear
        with session.changed:
            if not clear:
                session.settle_again()
        return clear

    def _unheard(self, ours: dict[str, Any]) -> tuple[dict[str, bool], bool]:
        """The grants that nobody heard of; and whether that is sure of all."""
        session = self._session
        due, clear = {}, True
        called = {call.id for call in session.calls}
        nameless = {name for call in session.calls if not call.id for name in call.names}
        for id, operation in ours.items():
            state = text(operation, "state")
            if id in session.holds or id in called or state == "dropping":
                continue
            if state != "held" or text(operation, "name") in nameless:
                clear = False
            else:
                due[id] = False
        return due, clear

    @staticmethod
    def _changed(hold: Hold, operation: dict[str, Any]) -> bool:
        """What became of a change whose answer was lost. False: it is under way still."""
        if hold._uses:
            return True
        state = text(operation, "state")
        if state == "held":
            hold.mode, hold.token = text(operation, "mode"), number(operation, "token")
            if hold._state == "passing":
                hold._state = "held"
        return state not in ("converting", "passing")

    def _release(self, link: Link, id: str, unclean: bool) -> bool:
        session = self._session
        asked = {"hold": id, "unclean": unclean}
        reply = link.call("Release", asked, _lease.until(session, QUICK_S))
        over = "error" not in reply or is_error(reply, "NoSuchHold")
        with session.changed:
            hold = session.holds.get(id)
            if over and hold:
                hold._state = "released"
                del session.holds[id]
        return over

    def _settle_over_link(self, until: float) -> bool:
        settled = False
        try:
            link = self._session.take_link(until)
        except HoldfastError:
            return False
        try:
            settled = self._settle(link)
        except (Closed, Late, HoldfastError):
            pass
        finally:
            self._session.give_link(link, settled)
        return settled

    def _settle_due(self) -> None:
        session = self._session
        with session.changed:
            if time.monotonic() < session.settle_at:
                return
            session.settle_at = NEVER
        if not self._settle_over_link(time.monotonic() + QUICK_S):
            with session.changed:
                if session.settle_at == NEVER:
                    session.settle_again()

    # --- Away and back ---

    def _away(self) -> None:
        session = self._session
        if self._watch:
            self._watch.close()
        self._watch = None
        with session.changed:
            links, session.idle = session.idle, []
            session.generation += 1
            session.ready = False
            session.put("away", None, "", "the agent closed the connection")
        for link in links:
            link.close()

    def _back(self) -> None:
        session = self._session
        with session.changed:
            for hold in session.holds.values():
                hold._at_risk = False  # Watch says it anew
            session.ready = True
            if session.lease_at != NEVER:
                session.lease_at = time.monotonic()
            session.put("reconnected", None)

    def _listen(self, watch: Link) -> None:
        """Hears what there is, and settles if that is due."""
        session = self._session
        until = min(session.settle_at, session.lease_at)
        readable = wait_readable([watch.fileno(), session.wake_fd], until)
        if watch.fileno() in readable:
            watch.fill()
        while (message := watch.take()) is not None:
            event = member(parameters(message), "event", dict, None)
            if "error" in message or event is None:
                raise Closed  # the agent ended the session
            with session.changed:
                session.hear(event)
        _lease.due(session)
        self._settle_due()

    def _turn(self, until: float) -> None:
        """Hears, or connects."""
        if self._watch:
            try:
                self._listen(self._watch)
            except (Closed, Garbled):
                self._away()
            if time.monotonic() - self._connected > LASTS_S:
                self._pause = 0.0
            return
        pause = _lease.until(self._session, self._pause)
        wait_readable([self._session.wake_fd], min(pause, until))
        try:
            self._watch = self._connect()
            self._back()
        except HoldfastError:
            pass
        self._connected = time.monotonic()
        self._pause = min(max(2 * self._pause, RETRY_S[0]), RETRY_S[1])

    def _run(self) -> None:
        session = self._session
        while not self._closing():
            self._turn(NEVER)
        until = time.monotonic() + CLOSE_S
        while not self._watch and self._has_something() and time.monotonic() < until:
            self._turn(until)
        self._give_all_back(until)
        if self._watch:
            self._watch.close()
        for link in session.idle:
            link.close()

    def _closing(self) -> bool:
        """The call is taken before it is seen what it was for, or one could be lost."""
        try:
            os.eventfd_read(self._session.wake_fd)
        except BlockingIOError:
            pass
        return self._session.closing

    def _has_something(self) -> bool:
        """Whether there is something to give back, or may be."""
        session = self._session
        with session.changed:
            states = {hold._state for hold in session.holds.values() if not hold._lapsed}
            if any(hold._lapsed for hold in session.holds.values()):
                return True
            return session.settle_at != NEVER or bool(states & {"held", "passing", "forgotten"})

    def _give_all_back(self, until: float) -> None:
        session = self._session
        wanted = self._has_something()
        with session.changed:
            for hold in session.holds.values():
                if hold._state in ("held", "passing") or hold._lapsed:
                    hold._state = "forgotten"
        while wanted and not self._settle_over_link(until):
            if time.monotonic() >= until:
                session.unsettled = True
                return
            time.sleep(SETTLE_S[0])
