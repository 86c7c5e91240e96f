"""Connections of other users: a process that becomes one, connects, and hands the socket over.

The agent goes by the kernel's word about whoever connected, so the process lives as long as the
connection is used.
"""
import os
import signal
import socket
import unittest

from case import die_with_parent
from support.varlink import PATIENCE_S, Connection


class ConnectionAs(Connection):
    """A connection to `path` whose other end the agent sees as this user."""

    def __init__(self, path, uid, gid, groups=()):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root can be another user")
        self.bytes = b""
        self.line, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.line.close()
            connect_and_wait(path, uid, gid, groups, theirs)
        theirs.close()
        _, handles, _, _ = socket.recv_fds(self.line, 1, 1)
        if not handles:
            self.end()
            raise unittest.SkipTest(f"no process can become uid {uid} here, or reach {path}")
        self.socket = socket.socket(fileno=handles[0])
        self.socket.settimeout(PATIENCE_S)

    def end(self):
        self.line.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def close(self):
        self.socket.close()
        if self.line.fileno() >= 0:
            self.end()


def connect_and_wait(path, uid, gid, groups, line):
    """In the child: never returns."""
    try:
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        die_with_parent()  # after that, since a change of user clears it
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(path))
        socket.send_fds(line, [b"."], [made.fileno()])
        made.close()
        line.recv(1)
    except OSError:
        pass
    finally:
        os._exit(0)
