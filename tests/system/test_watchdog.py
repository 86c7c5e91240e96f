"""Machines with a watchdog, a stand-in of the lab's, and no fence device: what is held passes on
after the machine was reset by itself (F6c, F7)."""
import sys
import time

from case import CONFIG, LOST, OK, Case
from fencing import KEEPER
from support.lab import until
from support.processes import that_mention

WRITE = "while :; do echo x >>{}; sleep 0.01; done"
LOOK = "wc -c <{0}; sleep 0.3; wc -c <{0}; echo $HOLDFAST_UNCLEAN"


class Watchdog(Case):
    machines = 3
    lab_options = ("--detect", 2000, "--watchdogs")
    weight = 3

    def tearDown(self):
        for machine in self.lab.names:
            if self.lab.power(machine, "status") == "off":
                self.lab.power(machine, "on")
        for machine in self.lab.names:
            self.lab.wait_voting(machine)
        until(lambda: all(self.lab.gossip(a, b) == "alive"
                          for a in self.lab.names for b in self.lab.names if a != b),
              "all see all alive")

    def writer(self, name):
        """hv1 holds `name` and writes to a log as long as it does."""
        log = self.dir / "log"
        holder = self.lab.lock("hv1", "-q", name, "--", "sh", "-c", WRITE.format(log))
        self.addCleanup(holder.kill)
        until(lambda: log.exists() and log.stat().st_size, "the writer writes")
        return holder, log

    def successor(self, name, log):
        waiter = self.lab.lock("hv2", "-q", name, "--", "sh", "-c", LOOK.format(log))
        self.addCleanup(waiter.kill)
        return waiter

    def told(self, waiter):
        """Bytes that the last holder wrote while this one held (0), and how it ended."""
        out, err = waiter.communicate(timeout=60)
        self.assertEqual(waiter.returncode, OK, err)
        first, second, *unclean = out.split()
        return int(second) - int(first), unclean

    def stale(self, name):
        return self.lab.show("hv3", name)["stale"]

    def order(self, life):
        return self.lab.call("hv2", "Order", node="hv1", life=life)["order"]

    def test_a_hung_agent_ends_its_machine(self):
        name = self.name("disk")
        life = self.lab.status("hv1")["life"]
        _, log = self.writer(name)
        self.lab.agent("hv1", "pause")
        waiter = self.successor(name, log)
        stale = until(lambda: self.stale(name), "somebody is dead in its way")
        self.assertIn("watchdog_ms", stale)
        stale = until(lambda: (self.stale(name) or {}).get("watchdog_ms"), "it has a watchdog")
        written, unclean = self.told(waiter)
        self.assertEqual(written, 0, "the writer wrote on while another held")
        self.assertEqual(unclean[0], f"hv1/{life}")
        self.assertEqual(self.lab.power("hv1", "status"), "off")
        self.assertFalse(that_mention(log), "what acted there is gone")
        order = self.order(life)
        self.assertEqual((order["receipt"]["action"], order["receipt"]["executor"]),
                         ("watchdog", ""))
        self.assertEqual(order["receipt"]["proof"], unclean[3])

    def test_an_agent_that_never_comes_back(self):
        name = self.name("disk")
        life = self.lab.status("hv1")["life"]
        _, log = self.writer(name)
        self.lab.agent("hv1", "kill")
        written, unclean = self.told(self.successor(name, log))
        self.assertEqual((written, unclean[0]), (0, f"hv1/{life}"))
        self.assertEqual(self.lab.power("hv1", "status"), "off")

    def test_an_agent_that_comes_back_keeps_all(self):
        name = self.name("disk")
        life = self.lab.status("hv1")["life"]
        holder = self.lab.exec("hv1", sys.executable, KEEPER, name)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "held\n")
        self.lab.agent("hv1", "kill")
        self.lab.agent("hv1", "start")
        self.assertEqual(holder.stdout.readline(), "resumed\n")
        time.sleep(6)  # longer than the device waits
        self.assertEqual(self.lab.power("hv1", "status"), "on")
        self.assertIsNone(holder.poll())
        self.assertEqual(self.lab.status("hv1")["life"], life)
        holder.terminate()
        holder.communicate(timeout=30)

    def test_an_idle_agent_may_be_stopped(self):
        until(lambda: not self.lab.call("hv3", "List")["operations"], "hv3 holds nothing")
        self.lab.agent("hv3", "stop")
        time.sleep(6)
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        self.assertEqual(self.lab.power("hv3", "status"), "on")

    def test_what_is_armed_is_not_forgotten(self):
        path = self.lab.dir / "hv3" / "holdfast.conf"
        before = path.read_text()
        self.addCleanup(path.write_text, before)
        others = (("".join(line for line in before.splitlines(True)
                           if not line.startswith("watchdog")), "put `watchdog` back"),
                  (before + "watchdog_identity = 'another'\n", "goes on until a stop"))
        self.lab.agent("hv3", "kill")
        for text, says in others:
            path.write_text(text)
            done = self.lab.exec("hv3", "holdfastd", "-c", path)
            _, err = done.communicate(timeout=30)
            self.assertEqual(done.returncode, CONFIG, err)
            self.assertIn(says, err)
        path.write_text(before)
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        self.assertEqual(self.lab.power("hv3", "status"), "on")

    def test_cut_off_it_stops_by_itself(self):
        name = self.name("disk")
        life = self.lab.status("hv1")["life"]
        holder, log = self.writer(name)
        for machine in ("hv2", "hv3"):
            self.lab.agent(machine, "pause")
        try:
            _, err = holder.communicate(timeout=30)
            self.assertEqual(holder.returncode, LOST, err)
            until(lambda: self.lab.status("hv1")["life"] > life, "it surrendered")
            self.assertEqual(self.lab.power("hv1", "status"), "on")
        finally:
            for machine in ("hv2", "hv3"):
                if self.lab.power(machine, "status") == "on":
                    self.lab.agent(machine, "resume")


class WatchdogTest(Case):
    machines = 3
    lab_options = ("--detect", 2000, "--watchdogs")

    def test_it_is_let_fire_once(self):
        path = self.lab.dir / "hv1" / "holdfast.conf"
        self.lab.agent("hv1", "stop")
        path.write_text(path.read_text() + "watchdog_test = yes\n")
        self.lab.run("agent", "hv1", "start")  # it does not come up
        until(lambda: self.lab.power("hv1", "status") == "off", "it was let fire")
        self.lab.power("hv1", "on")
        self.lab.wait_voting("hv1")
        self.lab.agent("hv1", "stop")
        self.lab.agent("hv1", "start")
        self.lab.wait_voting("hv1")
        self.assertEqual(self.lab.power("hv1", "status"), "on")


class WatchdogConfig(Case):
    machines = 1

    def refused(self, line):
        path = self.lab.dir / "hv1" / "holdfast.conf"
        before = path.read_text()
        self.addCleanup(path.write_text, before)
        path.write_text(before + line)
        done = self.lab.exec("hv1", "holdfastd", "-c", path, "--check-config")
        _, err = done.communicate(timeout=30)
        self.assertEqual(done.returncode, CONFIG, err)
        path.write_text(before)
        return err

    def test_what_cannot_be(self):
        self.assertIn("neither", self.refused("watchdog = 'relative'\n"))
        for seconds, code in ((7, OK), (6, CONFIG)):
            done = self.lab.exec("hv1", "holdfast", "config", "explain", "--members", 5,
                                 "--detect", 4000, "--watchdog", seconds)
            out, err = done.communicate(timeout=30)
            self.assertEqual(done.returncode, code, err)
        self.assertIn("F + K", err)
        self.assertIn("a longer time-out", err)
        self.assertIn("without a watchdog",
                      self.refused("watchdog = '/dev/watchdog'\non_isolation = 'continue'\n"))
