"""Hard cases of fencing on real agents: sides that are gone, or cut off (docs/fencing.md has the table)."""
import time
import unittest

from case import LOST, OK
from fencing import FenceCase
from support.lab import Lab, until
from support.loopback import Loopback

# The stop by the holder's own agent is to be told from the power switch, so that comes a little later.
LATE = '[ "$1" = off ] && sleep 1\nexec "$power" "$@"\n'


class SidesCase(FenceCase):
    deadline_s = 6

    def setUp(self):
        super().setUp()
        for machine in self.lab.names:
            self.script(machine, LATE)
        self.before = {machine: self.said(machine) for machine in self.lab.names}

    def said(self, machine):
        """Its votes since its start, and the orders that it knows."""
        votes = self.lab.status(machine)["counters"]["fence_votes"]
        return votes, [order["order"] for order in self.orders(machine)]

    def nobody_is_ordered(self, *machines, detections=3):
        """What must not happen has its time: so many detection targets of 2 s."""
        end = time.monotonic() + 2 * detections
        while True:
            for machine in machines:
                self.assertEqual(self.said(machine), self.before[machine], machine)
            if time.monotonic() >= end:
                return
            time.sleep(0.5)

    def goes_on(self, process, log):
        """This writer still writes."""
        size = log.stat().st_size
        until(lambda: log.stat().st_size > size, "the holder writes on")
        self.assertIsNone(process.poll())

    def was_stopped(self, process):
        """By its own agent, which has lost its standing (F7): a machine that is switched off says nothing."""
        code, _, err = self.finish(process)
        self.assertEqual(code, LOST, err)

    def passed(self, waiter, holder, life, *kinds):
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:2], [f"{holder}/{life}", "exclusive"])
        self.assertIn(unclean[2], kinds)


class HalfGone(SidesCase):
    """Three of six machines lose their power."""

    machines = 6

    def test_nobody_is_ordered_and_locks_pass_when_they_boot(self):
        name, life = self.name("half"), self.life("hv6")
        _, log = self.writer("hv6", name)
        gone, left = ("hv4", "hv5", "hv6"), ("hv1", "hv2", "hv3")
        self.each(lambda machine: self.lab.power(machine, "off"), gone)
        waiter = self.successor("hv1", name, log, "-q")
        until(lambda: all(self.lab.gossip("hv1", m) == "dead" for m in gone), "hv1 knows that they are dead")
        self.assertFalse(self.lab.status("hv1")["majority"])
        self.nobody_is_ordered(*left)
        self.assertIsNone(waiter.poll())
        self.each(lambda machine: self.lab.power(machine, "on"), gone)
        self.passed(waiter, "hv6", life, "end-statement")
        self.until_whole()
        self.nobody_is_ordered(*left, detections=0)


class CutCase(SidesCase):
    """A lab in a network namespace of its own, whose links can be cut."""

    @classmethod
    def setUpClass(cls):
        if not Loopback.works():
            raise unittest.SkipTest("no network namespace can be made here")
        cls.network = Loopback()
        cls.addClassCleanup(cls.network.close)
        super().setUpClass()
        members = cls.lab.call("hv1", "Members")["members"]
        cls.addresses = {m["name"]: m["address"].rsplit(":", 1)[0] for m in members}

    @classmethod
    def make_lab(cls, directory):
        return Lab(directory, before=cls.network.inside())

    def cut(self, ones, others):
        """Neither of these hears any of those, until the end of the test."""
        sides = [[self.addresses[m] for m in side] for side in (ones, others)]
        self.network.cut_sides(*sides)
        self.cuts.append(sides)

    def heal(self):
        while self.cuts:
            self.network.heal_sides(*self.cuts.pop())

    def setUp(self):
        super().setUp()
        self.cuts = []

    def tearDown(self):
        self.heal()
        super().tearDown()
        self.until_whole()


class HalfCut(CutCase):
    """Six machines in two rooms, and the line between these is cut."""

    machines = 6

    def test_no_half_orders_anybody(self):
        """Three of five jurors are in one room, and they see no majority of the roster (F2c)."""
        rooms = ("hv1", "hv2", "hv3"), ("hv4", "hv5", "hv6")
        names, life = {m: self.name(m) for m in ("hv1", "hv6")}, self.life("hv6")
        first, first_log = self.writer("hv1", names["hv1"])
        last, last_log = self.writer("hv6", names["hv6"])
        self.cut(*rooms)
        waiters = [
            self.successor("hv2", names["hv6"], last_log, "-q"),
            self.successor("hv5", names["hv1"], first_log, "-q"),
        ]
        self.was_stopped(last)
        self.nobody_is_ordered(*self.lab.names)
        self.goes_on(first, first_log)  # a majority of the jurors still acknowledges it
        self.assertEqual([w.poll() for w in waiters], [None, None])
        for machine in self.lab.names:
            self.assertEqual(self.lab.power(machine, "status"), "on")
        self.heal()
        self.passed(waiters[0], "hv6", life, "agent", "end-statement")
        self.nobody_is_ordered(*self.lab.names, detections=0)
        first.terminate()
        self.assertEqual(self.finish(waiters[1])[0], OK)


class WitnessOfTwo(CutCase):
    """hv1 and hv2 host, and hv3 hosts nothing: it votes, and is a juror."""

    machines = 3

    def test_the_one_that_reaches_the_witness_goes_on(self):
        names, life = {m: self.name(m) for m in ("hv1", "hv2")}, self.life("hv2")
        mine, mine_log = self.writer("hv1", names["hv1"])
        other, other_log = self.writer("hv2", names["hv2"])
        self.cut(["hv2"], ["hv1", "hv3"])
        waiter = self.successor("hv1", names["hv2"], other_log, "-q")
        self.was_stopped(other)
        self.assertIsNone(waiter.poll(), "it was stopped before its lock passed")
        self.passed(waiter, "hv2", life, "receipt")
        self.goes_on(mine, mine_log)
        order = self.order("hv3", "hv2", life)
        self.assertEqual((order["signatures"], order["jurors"]), (2, 3))
        self.assertEqual(self.locked("hv1", "-q", self.name("more"), "true")[0], OK)

    def test_both_reach_the_witness(self):
        """It hands on what they have for each other (T3): nobody is cut off."""
        name = self.name("both")
        holder, log = self.writer("hv2", name)
        self.cut(["hv1"], ["hv2"])
        waiter = self.successor("hv1", name, log, "-q")
        self.nobody_is_ordered(*self.lab.names)
        self.goes_on(holder, log)
        holder.terminate()
        self.finish(holder)
        self.assertEqual(self.finish(waiter)[0], OK)


class WitnessOfFour(CutCase):
    """Two racks, hv1 with hv2 and hv3 with hv4, and hv5 that hosts nothing."""

    machines = 5

    def test_the_rack_that_reaches_the_witness_goes_on(self):
        lives = {m: self.life(m) for m in ("hv3", "hv4")}
        names = {m: self.name(m) for m in ("hv1", "hv3", "hv4")}
        writers = {m: self.writer(m, name) for m, name in names.items()}
        self.cut(["hv3", "hv4"], ["hv1", "hv2", "hv5"])
        waiters = {
            m: self.successor(by, names[m], writers[m][1], "-q")
            for m, by in (("hv3", "hv1"), ("hv4", "hv2"))
        }
        for machine in waiters:
            self.was_stopped(writers[machine][0])
        for machine, waiter in waiters.items():
            self.passed(waiter, machine, lives[machine], "receipt")
            order = self.order("hv5", machine, lives[machine])
            self.assertEqual((order["signatures"], order["jurors"]), (3, 5))
            self.assertEqual({o["juror"] for o in order["opinions"] if o["signed"]}, {"hv1", "hv2", "hv5"})
        self.goes_on(*writers["hv1"])
        for machine in ("hv1", "hv2"):
            self.assertEqual(self.locked(machine, "-q", self.name("more"), "true")[0], OK)

    def test_the_witness_alone_is_lost(self):
        """Two racks that reach each other need it not."""
        name = self.name("alone")
        holder, log = self.writer("hv3", name)
        self.cut(["hv5"], ["hv1", "hv2", "hv3", "hv4"])
        until(lambda: self.lab.gossip("hv1", "hv5") == "dead", "hv5 is dead to the others")
        self.nobody_is_ordered("hv1", "hv2", "hv3", "hv4", detections=2)
        self.goes_on(holder, log)
        self.assertEqual(self.locked("hv1", "-q", self.name("more"), "true")[0], OK)
