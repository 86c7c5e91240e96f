"""HTTP as tests need it: single requests, raw bytes, server-sent events."""
import http.client
import json
import socket

DEADLINE_S = 30


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def get(address, path, method="GET", headers=None, body=None):
    """(status, headers, body) of one request on a connection of its own."""
    connection = http.client.HTTPConnection(*split(address), timeout=DEADLINE_S)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def get_json(address, path):
    status, _, body = get(address, path)
    if status != 200:
        raise AssertionError(f"{path}: {status} {body}")
    return json.loads(body)


def connect(address):
    return socket.create_connection(split(address), timeout=DEADLINE_S)


def raw(address, sent):
    """Everything that comes back for these bytes, until the other side closes."""
    with connect(address) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        out = b""
        while got := connection.recv(65536):
            out += got
        return out


class Stream:
    """Server-sent events: (id, object) one after the other."""

    def __init__(self, address, path="/events", last_id=None):
        self.connection = http.client.HTTPConnection(*split(address), timeout=DEADLINE_S)
        self.connection.request("GET", path, headers={"Last-Event-ID": last_id} if last_id else {})
        self.answer = self.connection.getresponse()

    def next(self):
        name, data = None, None
        while True:
            line = self.answer.readline().decode()
            if not line:
                raise EOFError("the stream has ended")
            key, _, value = line.rstrip("\n").partition(": ")
            name, data = (value, data) if key == "id" else (name, data)
            data = value if key == "data" else data
            if not key and data is not None:
                return name, json.loads(data)

    def close(self):
        self.answer.close()
        self.connection.close()
