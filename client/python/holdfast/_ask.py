"""Asking for what may have to be waited for: again, until it is answered for good.

Whatever ends without the agent's last answer may have been granted after all: the keeper then finds
out what became of it.
"""
from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Optional

from holdfast import _lease, _replies
from holdfast._errors import BadOption, Cancelled, Garbled, Unreachable
from holdfast._link import NEVER, Closed, Late, Link
from holdfast._replies import Waiting, is_error, member, number, parameters, text
from holdfast._session import Call, Session

if TYPE_CHECKING:
    from holdfast._hold import Hold

LATE_S = 3.0  # how much later than asked the agent may answer
TRY_S = 10.0  # until a try is answered: the agent itself takes up to 3 s


def given(**options: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def check_timeout(timeout: Optional[float]) -> None:
    if timeout is not None and timeout < 0:
        raise BadOption("timeout is negative")


class Ask:
    """holds: to be granted, or the one to be converted. timeout: None is for ever, 0 a try."""

    method = ""
    fixed = False  # cannot be given up before its time: the agent would go on with it

    def __init__(
        self,
        session: Session,
        holds: list[Hold],
        asked: dict[str, Any],
        timeout: Optional[float],
        waiting: Optional[Callable[[Waiting], Any]],
    ) -> None:
        self.session = session
        self.holds = holds
        self.attempts = 0
        self._asked = asked
        self._waiting = waiting
        self._try = timeout == 0
        self._deadline = NEVER if timeout is None else time.monotonic() + timeout
        self._cancels = session.cancels
        # When too much has gone wrong since the agent was last heard of this.
        self._give_up = NEVER

    def granted(self, told: dict[str, Any], call: Call) -> bool:
        """The last reply, with `changed` held. False: it is to be asked again."""
        raise NotImplementedError

    def refused(self, reply: dict[str, Any]) -> bool:
        """The last reply is an error. True: it is to be asked again; else it is raised."""
        raise NotImplementedError

    def run(self) -> None:
        session = self.session
        while True:
            if self._give_up == NEVER:
                patience = LATE_S if self._try else session.patience
                self._give_up = time.monotonic() + patience
            until = self._give_up if self._try else min(self._give_up, self._deadline)
            if not session.ready:
                self._tell(_replies.away(self.holds[0].name))
            link = session.take_link(until, NEVER if self.fixed else self._cancels)
            if self._ask_over(link):
                return
            if time.monotonic() >= until:
                raise Unreachable(f"the agent at {session.path} went away")
            session.pause(link.generation, until)

    def _tell(self, waiting: Waiting) -> None:
        if self._waiting and not self._try:
            self._waiting(waiting)

    def _cancelled(self) -> bool:
        return not self.fixed and self.session.cancels != self._cancels

    def _ask_over(self, link: Link) -> bool:
        """One call to its end. False: it is to be asked again."""
        session = self.session
        names = [hold.name for hold in self.holds]
        call = Call(names, self.holds[0].id if self.fixed else "", link, self.fixed)
        answered = False
        with session.changed:
            session.calls.append(call)
            cancelled = self._cancelled()
        try:
            if cancelled:
                answered = True
                raise Closed
            reply = self._until_final(call)
            answered = True
            return self._final(reply, call)
        except Closed:
            if self._cancelled():
                raise Cancelled("cancel() was called") from None
            return False
        except Late:
            raise session.silent() from None
        finally:
            with session.changed:
                if call in session.calls:
                    session.calls.remove(call)
                if not answered:
                    session.settle_soon()
            session.give_link(link, answered)

    def _until_final(self, call: Call) -> dict[str, Any]:
        asked = dict(self._asked)
        if self._try:
            asked["try"] = True
        elif self._deadline != NEVER:
            asked["timeout_ms"] = max(0, int(1000 * (self._deadline - time.monotonic())))
        self.attempts += 1
        call.link.send(self.method, asked, more=not self._try)
        while True:
            reply = call.link.receive(self._deadline + (TRY_S if self._try else LATE_S))
            if not member(reply, "continues", bool, False):
                return reply
            told = parameters(reply)
            self._give_up = NEVER
            call.id = text(told, "hold")
            self._tell(_replies.waiting(told, call.names[0]))

    def _final(self, reply: dict[str, Any], call: Call) -> bool:
        session = self.session
        if is_error(reply, "NoSuchSession"):
            return False  # it is about to be resumed
        if "error" in reply:
            if self.refused(reply):
                return False
            raise _replies.error(reply)
        with session.changed:
            session.calls.remove(call)
            return self.granted(parameters(reply), call)


class Acquire(Ask):
    """Fills the hold."""

    method = "Acquire"

    def run(self) -> None:
        for hold in self.holds:
            hold._ttl = _lease.ttl_of(self._asked)
        super().run()

    def told_holds(self, told: dict[str, Any]) -> list[Any]:
        """What is said of each hold."""
        return [told]

    def granted(self, told: dict[str, Any], call: Call) -> bool:
        session = self.session
        said = self.told_holds(told)
        for hold, one in zip(self.holds, said):
            hold.id, hold.token = text(one, "hold"), number(one, "token")
            hold.unclean, hold.value = _replies.unclean(one), _replies.value(one)
        good = text(told, "state") == "held" and len(said) == len(self.holds)
        if not good or not all(hold.id and hold.token for hold in self.holds):
            session.settle_soon()
            raise Garbled(f"the agent's answer to {self.method} is not understood")
        # All of them are of this generation, or none is.
        added = all([session.add(hold, call.link.generation) for hold in self.holds])
        if not added:
            session.settle_soon()
        return added

    def refused(self, reply: dict[str, Any]) -> bool:
        # A request falls with its node's life; the next one is of the new life.
        return is_error(reply, "NoSuchHold")


class AcquireAll(Acquire):
    """Fills all of the holds, or none."""

    method = "AcquireAll"

    def told_holds(self, told: dict[str, Any]) -> list[Any]:
        return member(told, "holds", list, [])


class Convert(Ask):
    """Changes the hold."""

    method = "Convert"
    fixed = True

    def granted(self, told: dict[str, Any], call: Call) -> bool:
        mode, token = text(told, "mode"), number(told, "token")
        if text(told, "state") != "held" or not mode or not token:
            self.session.settle_soon()
            raise Garbled("the agent's answer to Convert is not understood")
        self.holds[0].mode, self.holds[0].token = mode, token
        return True

    def refused(self, reply: dict[str, Any]) -> bool:
        if is_error(reply, "NoMajority"):
            with self.session.changed:
                self.session.settle_soon()
        # Asked a second time: the first is under way still.
        return is_error(reply, "ChangeUnderWay") and self.attempts > 1
