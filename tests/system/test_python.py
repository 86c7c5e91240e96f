"""The Python module: what both libraries do, and what is Python's alone."""
import select
import sys

import library
from support.lab import ROOT

sys.path.insert(0, str(ROOT / "client" / "python"))
import holdfast  # noqa: E402

PYSHELL = [sys.executable, str(ROOT / "tests" / "support" / "pyshell.py")]


class PythonLocks(library.Locks, library.Changes, library.Restarts):
    argv = PYSHELL

    def connection(self, machine="hv1"):
        hf = holdfast.Holdfast(self.lab.socket(machine))
        self.addCleanup(hf.close)
        return hf

    def test_a_with_releases_whatever_happens_in_it(self):
        name = self.name()
        with self.connection() as hf:
            with hf.lock(name, data=b"vm-7") as hold:
                self.assertEqual((hold.state, hold.mode, hold.value), ("held", "exclusive", None))
                hold.check()
            self.assertEqual(hold.state, "released")
            with self.assertRaises(holdfast.Lost):
                hold.check()
            hold.release()  # for the second time
            with self.assertRaisesRegex(KeyError, "in it"), hf.lock(name):
                raise KeyError("in it")
            held = hf.lock(name)
        self.assertEqual(held.state, "released")
        self.until_free("hv2", name)
        hf.close()  # for the second time
        with self.assertRaises(holdfast.BadOption):
            hf.lock(name)

    def test_errors_are_of_pythons_kinds_and_know_the_holders(self):
        name, a, b = self.name(), self.connection(), self.connection("hv2")
        with a.lock(name, mode="counted", limit=2):
            with self.assertRaises(TimeoutError) as late:
                b.lock(name, timeout=0.05)
            self.assertIsInstance(late.exception, holdfast.TimedOut)
            holder = late.exception.holders[0]
            self.assertEqual((holder.node, holder.mode, holder.limit), ("hv1", "counted", 2))
            self.assertIn("hv1 (counted 2)", str(late.exception))
            with self.assertRaises(holdfast.Busy) as busy:
                b.lock(name, timeout=0)
            self.assertEqual(busy.exception.holders[0].node, "hv1")
            with self.assertRaises(ValueError):
                b.lock("\ud800")
            with self.assertRaises(ConnectionError):
                holdfast.Holdfast(self.dir / "nobody")
            with self.assertRaises(ZeroDivisionError):
                b.lock(name, waiting=lambda waiting: 1 / (waiting.place - 1))

    def test_events_and_select(self):
        name, a, b = self.name(), self.connection(), self.connection("hv2")
        self.assertIsNone(a.next_event(0))
        with a.lock(name) as hold:
            with self.assertRaises(holdfast.TimedOut):
                b.lock(name, mode="shared", timeout=0.05)
            self.assertEqual(select.select([a], [], [], library.DEADLINE_S)[0], [a])
            event = a.next_event()
            self.assertEqual((event.kind, event.mode), ("blocking", "shared"))
            self.assertIs(event.hold, hold)


class PythonLoss(library.Loss):
    argv = PYSHELL


class PythonStrangers(library.Strangers):
    argv = PYSHELL
