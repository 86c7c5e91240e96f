"""Hard cases of fencing on real agents (docs/fencing.md has the table)."""
import json
import time

from case import OK, Case
from cluster import Cluster
from fencing import FenceCase
from support.lab import holdfast, until
from support.network import Network
from support.varlink import Connection

# A device that takes its time, and says when it began.
SLOW = '[ "$1" = off ] && touch "${0%/*}/began" && sleep 2\nexec "$power" "$@"\n'
HANGS = "sleep 1000\n"


class HardCase(FenceCase):
    deadline_s = 6

    def tearDown(self):
        super().tearDown()
        for machine in self.lab.names:
            (self.lab.dir / machine / "began").unlink(missing_ok=True)
        self.until_whole()

    def acting(self):
        """The machine whose driver runs, once one does."""

        def look():
            began = [m for m in self.lab.names if (self.lab.dir / m / "began").exists()]
            return began[0] if began else None

        return until(look, "an executor acts")

    def why(self, machine, name):
        code, out, err = self.finish(self.exec(machine, "holdfast", "--json", "why", name))
        self.assertEqual(code, OK, err)
        return json.loads(out)


class InFlight(HardCase):
    """Something happens while an order is carried out."""

    def setUp(self):
        super().setUp()
        for machine in self.lab.names:
            self.script(machine, SLOW)
        self.lock_name = self.name("flight")
        self.life_before = self.life("hv3")
        self.holder, self.log = self.writer("hv3", self.lock_name)

    def passes(self, *waiters, struck=None):
        """One of them is granted; the writer has stopped by then, and the mark names its life.

        Or that of the machine that was struck meanwhile, if it stood before the one that is granted: then it had the
        lock for a moment, and was fenced in its turn.
        """
        done = until(
            lambda: next((w for w in waiters if w.poll() == OK), None), "one is granted", 60
        )
        _, unclean, _ = self.told(done)
        self.assertIn(unclean[0], (f"hv3/{self.life_before}", struck))
        self.assertEqual(unclean[1], "exclusive")
        self.assertIn(unclean[2], ("receipt", "end-statement", "agent"))
        for waiter in waiters:
            if waiter is not done and waiter.poll() is None:
                waiter.terminate()
        self.finish(self.holder)
        return unclean[2]

    def driver_ended(self):
        reports = self.order("hv1", "hv3", self.life_before)["reports"]
        return any(report["stage"] in ("done", "failed") for report in reports)

    def test_the_target_comes_back(self):
        """It hears of the order, stops its writer, and gives its life up, whatever the device does."""
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", self.lock_name, self.log, "-q")
        self.acting()
        self.lab.agent("hv3", "resume")
        self.passes(waiter)
        until(self.driver_ended, "the driver has ended, whatever became of hv3 meanwhile")
        self.until_whole()
        self.assertGreater(self.life("hv3"), self.life_before)

    def test_the_executor_dies(self):
        """Another one acts when the first one's time is over."""
        self.lab.agent("hv3", "pause")
        waiters = [self.successor(m, self.lock_name, self.log, "-q") for m in ("hv1", "hv2")]
        acting = self.acting()
        life = self.life(acting)
        self.lab.power(acting, "off")
        self.passes(*waiters, struck=f"{acting}/{life}")
        self.assertEqual(self.lab.power("hv3", "status"), "off")

    def test_agents_restart(self):
        """Votes, orders and what an executor wrote are durable; what is left is carried out once."""
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", self.lock_name, self.log, "-q")
        until(
            lambda: any(
                self.lab.status(m)["counters"]["fence_votes"] for m in ("hv2", "hv4", "hv5")
            ),
            "somebody has voted",
        )
        for machine in ("hv2", "hv4", "hv5"):
            self.lab.agent(machine, "kill")
        for machine in ("hv2", "hv4", "hv5"):
            self.lab.agent(machine, "start")
        self.passes(waiter)
        order = self.order("hv1", "hv3", self.life_before)
        self.assertGreaterEqual(order["signatures"], order["quorum"])


class DeadDevice(HardCase):
    deadline_s = 3

    def test_a_device_that_is_dead_with_its_host(self):
        """A time-out is no success: `why` says from the first moment on what is waited for."""
        name = self.name("dead")
        life = self.life("hv3")
        for machine in self.lab.names:
            self.script(machine, HANGS)
        self.hold("hv3", name)
        self.lab.power("hv3", "off")
        waiter = self.lock("hv1", "-q", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        self.until_waiting("hv1", name, 1)
        told = []
        while True:
            said = self.why("hv2", name)
            told.append(json.dumps(said))
            self.assertIn("hv3", told[-1])
            stale = self.stale("hv2", name)
            if stale and stale["stage"] == "failed":
                break
        self.assertTrue(any("juror" in text for text in told), told[0])
        self.assertIn("every executor failed", json.dumps(self.why("hv2", name)))
        for reason in self.failures("hv2", "hv3", life).values():
            self.assertIn("timed out after 3 s", reason)
        self.assertIsNone(self.order("hv1", "hv3", life)["receipt"])
        self.assertIsNone(waiter.poll())
        self.lab.power("hv3", "on")
        code, out, err = self.finish(waiter)
        self.assertEqual(code, OK, err)
        self.assertEqual(out.split()[:3], [f"hv3/{life}", "exclusive", "end-statement"])


class Witness(HardCase):
    """Two machines and one that hosts nothing: hv3 votes, and is a juror."""

    machines = 3

    def test_it_makes_a_majority_with_the_one_that_is_left(self):
        name = self.name("two")
        life = self.life("hv2")
        _, log = self.writer("hv2", name)
        self.lab.agent("hv2", "pause")
        waiter = self.successor("hv1", name, log, "-q")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv2/{life}", "exclusive", "receipt"])
        order = self.order("hv3", "hv2", life)
        self.assertEqual((order["quorum"], order["jurors"]), (2, 3))

    def test_without_it_nobody_is_ordered(self):
        """And when it is back it has never heard hv2: its vote allows to retire alone (F8)."""
        name = self.name("one")
        life = self.life("hv2")
        _, log = self.writer("hv2", name)
        self.lab.power("hv3", "off")
        self.lab.agent("hv2", "pause")
        waiter = self.successor("hv1", name, log, "-q")
        until(lambda: self.lab.gossip("hv1", "hv2") == "dead", "hv2 is dead")
        self.assertIsNone(self.order("hv1", "hv2", life))
        self.lab.power("hv3", "on")
        self.until_stage("hv1", name, "no-action")
        self.assertEqual(self.lab.power("hv2", "status"), "on")
        self.assertIsNone(waiter.poll())
        self.lab.agent("hv2", "resume")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:2], [f"hv2/{life}", "exclusive"])
        self.assertIn(unclean[2], ("agent", "end-statement"))


class EachOther(Case):
    """Two that do not reach each other, and each waits for what the other holds."""

    weight = 3

    def test_nobody_else_agrees(self):
        if not Network.works():
            self.skipTest("no network namespaces can be made here")
        network = Network(5)
        self.addCleanup(network.close)
        hosts = [network.address(i) for i in range(1, 6)]
        nodes = Cluster(self, self.dir / "a", 5, hosts=hosts).nodes
        for number, node in enumerate(nodes, 1):
            node.start(before=network.inside(number))
        for node in nodes:
            until(lambda node=node: node.alive() == 5, f"{node.name} sees all alive")
        names = {4: self.name("four"), 5: self.name("five")}
        holders = {n: self.start_lock(nodes[n - 1], names[n]) for n in (4, 5)}
        for n in (4, 5):
            until(lambda n=n: self.held(nodes[n - 1], names[n]), f"hv{n} holds")
        waiters = [self.start_lock(nodes[n - 1], names[9 - n]) for n in (4, 5)]
        network.cut_both(4, 5)
        until(lambda: self.misses(nodes[3], "hv5"), "hv4 misses hv5")
        until(lambda: self.misses(nodes[4], "hv4"), "and hv5 hv4")
        time.sleep(9)  # twice the detection target, and more: what must not happen has its time
        for node in nodes:
            self.assertEqual(node.status()["counters"]["fence_votes"], 0)
            with Connection(node.options["socket"]) as api:
                self.assertEqual(api.call("Orders")["orders"], [])
        for process in (*holders.values(), *waiters):
            self.assertIsNone(process.poll())
        for n in (4, 5):
            self.assertTrue(self.held(nodes[n - 1], names[n]))

    def start_lock(self, node, name):
        return self.start(
            holdfast(), "--socket", node.options["socket"], "lock", "-q", name, "sleep", "1000"
        )

    def held(self, node, name):
        with Connection(node.options["socket"]) as api:
            found = api.call("List")["operations"]
        return any(o["name"] == name and o["state"] == "held" for o in found)

    def misses(self, node, other):
        with Connection(node.options["socket"]) as api:
            members = api.call("Members")["members"]
        return next(m for m in members if m["name"] == other)["unreachable"]
