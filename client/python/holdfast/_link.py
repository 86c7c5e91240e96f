"""One connection to the agent: a JSON object and a NUL byte each way (https://varlink.org)."""
from __future__ import annotations

import json
import select
import socket
import time
from typing import Any, Optional

from holdfast._errors import Garbled, NotPermitted, Unreachable
from holdfast._replies import INTERFACE

RECEIVE_MAX = 32 * 1024 * 1024
NEVER = float("inf")


class Closed(Exception):
    """The other side ended the connection."""


class Late(Exception):
    """The time is over."""


def wait_readable(descriptors: list[int], until: float) -> list[int]:
    """Those that can be read, once there are some or it is `until` (by time.monotonic())."""
    poll = select.poll()
    for fd in descriptors:
        poll.register(fd, select.POLLIN)
    left = None if until == NEVER else max(0.0, until - time.monotonic())
    # Rounded up, else the last millisecond is spent asking again and again; poll takes 31 bits.
    return [fd for fd, _ in poll.poll(None if left is None else min(2**31 - 1, 1000 * left + 1))]


class Link:
    def __init__(self, path: str) -> None:
        self.generation = 0  # of the session, when it joined
        self._bytes = bytearray()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(path)
        except OSError as error:
            self.socket.close()
            kind = NotPermitted if isinstance(error, PermissionError) else Unreachable
            raise kind(f"{path}: {error.strerror or error}") from None

    def close(self) -> None:
        self.socket.close()

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, method: str, parameters: dict[str, Any], more: bool = False) -> None:
        call: dict[str, Any] = {"method": INTERFACE + method, "parameters": parameters}
        if more:
            call["more"] = True
        try:
            self.socket.sendall(json.dumps(call).encode() + b"\0")
        except OSError:
            raise Closed from None

    def take(self) -> Optional[dict[str, Any]]:
        """A message that was received; None if there is no whole one."""
        end = self._bytes.find(b"\0")
        if end < 0:
            return None
        text = bytes(self._bytes[:end])
        del self._bytes[: end + 1]
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise Garbled("what answers is not a Holdfast agent")
        return message

    def fill(self) -> None:
        """Reads what is there, and waits until something is."""
        if len(self._bytes) > RECEIVE_MAX:
            raise Garbled("what answers is not a Holdfast agent")
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise Closed
        self._bytes += data

    def receive(self, until: float) -> dict[str, Any]:
        """The next message. Raises Late, Closed or Garbled."""
        while (message := self.take()) is None:
            if until != NEVER and not wait_readable([self.fileno()], until):
                if time.monotonic() >= until:
                    raise Late
            else:
                self.fill()
        return message

    def call(self, method: str, parameters: dict[str, Any], until: float) -> dict[str, Any]:
        self.send(method, parameters)
        return self.receive(until)
