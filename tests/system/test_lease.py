"""Locks that expire: renewed by a node that lives, let go of one that does not."""
import sys
import time

from case import Case, LOST, NOT_GRANTED, OK
from support.lab import until


class Leases(Case):
    machines = 3

    def operation(self, machine, name):
        return next(o for o in self.lab.call(machine, "List")["operations"] if o["name"] == name)

    def counter(self, machine, which):
        return self.lab.status(machine)["counters"][which]

    def test_a_holder_renews_and_others_wait(self):
        name = self.name()
        sent = self.counter("hv2", "leases_sent")
        holder = self.hold("hv2", name, "--stale", "expire:1")
        until(lambda: self.counter("hv2", "leases_sent") > sent + 6, "it has renewed for 2 s")
        self.assertIsNone(holder.poll())
        self.assertGreater(self.operation("hv2", name)["left_ms"], 0)
        self.assertEqual(self.locked("hv1", "-n", name, "true")[0], NOT_GRANTED)
        party = self.lab.show("hv1", name)["holders"][0]
        self.assertEqual((party["policy"], party["ttl_ms"]), ("expire", 1000))
        code, out, _ = self.finish(self.exec("hv1", "holdfast", "show", name))
        self.assertEqual((code, "expire 1s" in out), (OK, True), out)
        code, out, _ = self.finish(self.exec("hv2", "holdfast", "locks"))
        self.assertEqual((code, "expire 1s" in out), (OK, True), out)
        holder.terminate()
        self.assertEqual(self.locked("hv1", "-w", "30", name, "true")[0], OK)

    def test_readers_take_it_by_default(self):
        name = self.name()
        self.hold("hv2", name, "-s")
        party = self.lab.show("hv1", name)["holders"][0]
        self.assertEqual((party["policy"], party["ttl_ms"]), ("expire", 30000))

    def test_a_dead_node_keeps_nobody_waiting(self):
        name = self.name()
        self.hold("hv3", name, "--stale", "expire:2")
        self.lab.power("hv3", "off")
        waiter = self.lock("hv1", "-q", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        code, out, err = self.finish(waiter)
        self.assertEqual(code, OK, err)
        self.assertEqual((out.split()[0].split("/")[0], out.split()[2]), ("hv3", "expiry"), out)
        self.assertEqual(self.counter("hv1", "fence_votes"), 0)
        self.lab.power("hv3", "on")
        self.lab.wait_voting("hv3")

    def test_an_agent_that_was_stopped_has_lost_it(self):
        name = self.name()
        holder = self.hold("hv3", name, "--stale", "expire:1")
        self.lab.agent("hv3", "pause")
        self.addCleanup(self.lab.agent, "hv3", "resume")
        self.assertEqual(self.locked("hv1", "-w", "30", name, "true")[0], OK)
        self.lab.agent("hv3", "resume")
        code, _, err = self.finish(holder)
        self.assertEqual(code, LOST)
        self.assertIn("its lease of 1.0 s is over", err)
        self.until_free("hv1", name)

    def test_a_command_ends_within_its_lease_if_the_agent_dies(self):
        """Also one that does not mind SIGTERM: whoever is let in then finds nobody who writes."""
        name, log = self.name(), self.dir / "ends"
        write = f"trap '' TERM; while :; do echo x >>'{log}'; sleep 0.01; done"
        for way in ((), ("--on-lost", "kill"), ("--on-lost", "term")):
            with self.subTest(way=way):
                log.write_text("")
                options = ("--stale", "expire:2", *way)
                holder = self.hold("hv3", name, *options, command=("sh", "-c", write))
                until(lambda: log.stat().st_size > 0, "it writes")
                self.lab.agent("hv3", "kill")
                look = f"wc -c <'{log}'; sleep 0.3; wc -c <'{log}'"
                code, out, err = self.locked("hv1", "-q", "-w", "30", name, "sh", "-c", look)
                self.assertEqual(code, OK, err)
                self.assertEqual(len(set(out.split())), 1, out)
                code, _, err = self.finish(holder)
                self.assertEqual(code, LOST)
                self.assertIn("the agent was lost", err)
                self.lab.agent("hv3", "start")
                self.lab.wait_voting("hv3")
                self.until_free("hv1", name)

    def test_an_agent_that_hangs_before_it_dies(self):
        """What it said last of the lease counts, not that it said nothing of a risk."""
        name, log = self.name(), self.dir / "hangs"
        write = f"trap '' TERM; while :; do echo x >>'{log}'; sleep 0.01; done"
        holder = self.hold("hv3", name, "--stale", "expire:2", command=("sh", "-c", write))
        until(lambda: log.exists() and log.stat().st_size > 0, "it writes")
        self.lab.agent("hv3", "pause")
        time.sleep(1.5)
        self.lab.agent("hv3", "kill")
        look = f"wc -c <'{log}'; sleep 0.3; wc -c <'{log}'"
        code, out, err = self.locked("hv1", "-q", "-w", "30", name, "sh", "-c", look)
        self.assertEqual(code, OK, err)
        self.assertEqual(len(set(out.split())), 1, out)
        self.assertEqual(self.finish(holder)[0], LOST)
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")

    def test_an_agent_that_starts_again_finds_it(self):
        name = self.name()
        client = self.lab.connect("hv2")
        secret = client.call("OpenSession")["secret"]
        token = client.acquire(name, stale="expire", ttl_ms=10000)["token"]
        self.lab.agent("hv2", "kill")
        self.lab.agent("hv2", "start")
        client.close()
        again = self.lab.connect("hv2")
        self.addCleanup(again.close)
        self.assertTrue(again.call("JoinSession", secret=secret)["resumed"])
        until(lambda: self.operation("hv2", name)["left_ms"] > 0, "it is believed again")
        self.assertEqual(self.lab.tokens("hv1", name), {"hv2": token})
        again.release(self.operation("hv2", name)["hold"])
        self.until_free("hv1", name)

    def test_a_coordinator_that_dies_costs_nothing(self):
        name = self.name()
        while self.lab.coordinator("hv1", name) != "hv1":
            name = self.name()
        holder = self.hold("hv2", name, "--stale", "expire:2")
        token = self.lab.tokens("hv3", name)["hv2"]
        kept = self.counter("hv2", "leases_sent")
        self.lab.agent("hv1", "kill")
        until(lambda: self.counter("hv2", "leases_sent") > kept + 8, "it renews with another")
        self.assertIsNone(holder.poll())
        self.assertEqual(self.lab.tokens("hv3", name), {"hv2": token})
        self.lab.agent("hv1", "start")
        self.lab.wait_voting("hv1")

    # Holds one, waits for the other, and sits there.
    client = (
        "import json, socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "for name in sys.argv[2:]:\n"
        "    ask = {'name': name, 'stale': 'expire', 'ttl_ms': 5000}\n"
        "    s.send(json.dumps({'method': 'org.holdfast.Acquire', 'parameters': ask}).encode() + bytes(1))\n"
        "    time.sleep(1)\n"
        "time.sleep(1000)"
    )

    def test_who_only_waits_outlives_its_agent(self):
        held, name = self.name(), self.name()
        self.hold("hv1", name)
        client = self.exec("hv2", sys.executable, "-c", self.client, self.lab.socket("hv2"), held, name)
        self.until_waiting("hv2", name, 1)
        self.lab.agent("hv2", "stop")
        self.lab.agent("hv2", "start")
        self.lab.wait_voting("hv2")
        until(lambda: [o["name"] for o in self.operations("hv2")] == [held], "it does not wait any more")
        until(lambda: not self.lab.show("hv1", name)["waiters"], "the queue is empty")
        self.assertEqual(self.operation("hv2", held)["state"], "held")
        self.assertIsNone(client.poll())
