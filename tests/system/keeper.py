#!/usr/bin/env python3
"""Holds the lock NAME through restarts of the agent, until SIGTERM, and then releases it.

Says "held" once it holds it, and "resumed" each time that its session was taken up again.
"""
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support.varlink import Closed, Connection, Refused  # noqa: E402

LOOK_S = 0.05


def resume(path, secret):
    """A new connection with the old session; None if the agent is not there yet."""
    try:
        connection = Connection(path)
    except OSError:
        return None
    try:
        if connection.call("JoinSession", secret=secret)["resumed"]:
            return connection
    except (Closed, Refused):
        pass
    connection.close()
    return None


def main():
    path, asked_to_end = os.environ["HOLDFAST_SOCKET"], []
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
    connection = Connection(path)
    secret = connection.call("OpenSession")["secret"]
    hold = connection.acquire(sys.argv[1])["hold"]
    print("held", flush=True)
    while not asked_to_end:
        time.sleep(LOOK_S)
        try:
            connection.call("List")
        except (Closed, OSError):
            connection.close()
            connection = None
            while connection is None:
                time.sleep(LOOK_S)
                connection = resume(path, secret)
            print("resumed", flush=True)
    connection.release(hold)


main()
