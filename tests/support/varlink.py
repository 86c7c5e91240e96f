"""A varlink client on a Unix socket (https://varlink.org): one NUL-terminated JSON object each way.

Made for tests: it blocks, gives up after a generous time, and can send bytes that are no calls.
"""
import json
import socket

INTERFACE = "org.holdfast."
PATIENCE_S = 30  # until an agent that says nothing counts as stuck


class Closed(Exception):
    """The agent ended the connection."""


class Refused(Exception):
    """The agent answered with an error."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {json.dumps(parameters)}")
        self.name = name.removeprefix(INTERFACE)
        self.parameters = parameters


class Connection:
    """One connection to an agent. Closes at the end of a `with`."""

    def __init__(self, path, patience_s=PATIENCE_S):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.bytes = b""
        try:
            self.socket.connect(str(path))  # waits while the agent's backlog is full
        except OSError:
            self.socket.close()
            raise
        self.socket.settimeout(patience_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, method, parameters=None, **flags):
        """Sends a call; a method without a dot is one of org.holdfast."""
        full = method if "." in method else INTERFACE + method
        call = {"method": full, "parameters": parameters or {}, **flags}
        self.send_bytes(json.dumps(call).encode() + b"\0")

    def receive(self):
        """The next message as it came, errors too. Raises Closed, or TimeoutError."""
        while b"\0" not in self.bytes:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            if not data:
                raise Closed()
            self.bytes += data
        message, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(message)

    def reply(self):
        """The parameters of the next message. Raises Refused if it is an error."""
        message = self.receive()
        if "error" in message:
            raise Refused(message["error"], message.get("parameters", {}))
        return message.get("parameters", {})

    def call(self, method, parameters=None, **more_parameters):
        self.send(method, {**(parameters or {}), **more_parameters})
        return self.reply()

    def acquire(self, name, **parameters):
        return self.call("Acquire", {"name": name, **parameters})

    def release(self, hold):
        return self.call("Release", {"hold": hold})
