"""lock(name, prefix): a context manager of the shape that nova's drivers use around their image cache.

    with lockutils.lock(name, lock_file_prefix="nova-", external=True):        # one host
    with locking.lock(name, "nova-"):                                          # the whole cluster

A lock of lockutils keeps out the other processes of one host; this one keeps out the other hosts too, and tells who
takes it next if its holder died instead of releasing it.
"""
import contextlib
import os
import threading

from holdfast import Holdfast

_sessions = {}  # by process: a session does not survive a fork
_guard = threading.Lock()


def session():
    """The process's own session with the agent of its machine; threads share it."""
    with _guard:
        pid = os.getpid()
        if pid not in _sessions:
            _sessions.clear()
            _sessions[pid] = Holdfast()
        return _sessions[pid]


@contextlib.contextmanager
def lock(name, prefix=None, *, mode="exclusive", timeout=None, **options):
    """Holds the lock PREFIX + NAME; yields the hold, with its token, value and unclean mark.

    The block may run on for a moment after the lock was lost (this node was cut off from the majority): what must not
    happen then asks hold.check() first. Leaving the block raises holdfast.Lost in that case.
    """
    with session().lock((prefix or "") + name, mode=mode, timeout=timeout, **options) as hold:
        yield hold
