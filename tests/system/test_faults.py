"""Agents and machines that die: no hold is lost, and without a majority nothing is granted."""
import signal
import sys

from case import Case, NO_MAJORITY, NOT_GRANTED, OK
from support.lab import until
from support.varlink import Refused


class CoordinatorDies(Case):
    machines = 5
    weight = 3

    def name_coordinated_by(self, machine):
        while True:
            name = self.name("led")
            if self.lab.coordinator("hv1", name) == machine:
                return name

    def test_nobody_loses_a_hold_or_a_place_and_free_locks_are_granted(self):
        name = self.name_coordinated_by("hv5")
        free = self.name_coordinated_by("hv5")
        readers = [self.hold(machine, name, "-s") for machine in ("hv2", "hv3")]
        tokens = {h["node"]: h["token"] for h in self.lab.show("hv1", name)["holders"]}
        writer = self.lock("hv1", name, "--", "sh", "-c", "echo $HOLDFAST_TOKEN")
        self.until_waiting("hv1", name, 1)
        self.assertEqual(self.lab.show("hv1", name)["coordinator"], "hv5")
        self.lab.agent("hv5", "kill")
        self.assertEqual(self.locked("hv4", "-w", "30", free, "true")[0], OK)
        lock = self.lab.show("hv1", name)
        self.assertNotEqual(lock["coordinator"], "hv5")
        self.assertEqual({h["node"]: h["token"] for h in lock["holders"]}, tokens)
        self.assertEqual([(w["node"], w["place"]) for w in lock["waiters"]], [("hv1", 1)])
        for reader in readers:
            self.assertIsNone(reader.poll())
            reader.terminate()
        code, out, _ = self.finish(writer)
        self.assertEqual(code, OK)
        self.assertGreater(int(out), max(tokens.values()))

        self.lab.agent("hv5", "start")
        self.lab.wait_voting("hv5")
        accepts = self.lab.status("hv5")["counters"]["accepts"]

        def votes():
            self.assertEqual(self.locked("hv4", "-w", "30", free, "true")[0], OK)
            return self.lab.status("hv5")["counters"]["accepts"] > accepts

        until(votes, "hv5 votes again")

    def test_a_coordinator_that_is_paused_is_replaced_and_does_no_harm_later(self):
        name = self.name_coordinated_by("hv4")
        holder = self.hold("hv2", name)
        self.lab.agent("hv4", "pause")
        self.addCleanup(self.lab.agent, "hv4", "resume")
        code, _, err = self.locked("hv1", "-n", name, "true")
        self.assertEqual((code, "hv2" in err), (NOT_GRANTED, True), err)
        holder.terminate()
        self.assertEqual(self.locked("hv3", "-w", "30", name, "true")[0], OK)
        again = self.hold("hv3", name)
        self.lab.agent("hv4", "resume")
        until(lambda: self.lab.gossip("hv4", "hv3") == "alive", "hv4 goes on")
        self.assertEqual(self.locked("hv4", "-n", name, "true")[0], NOT_GRANTED)
        self.assertIsNone(again.poll())


class NoMajority(Case):
    machines = 3
    weight = 3

    def tearDown(self):
        for machine in self.lab.names:
            self.lab.agent(machine, "start")

    def test_requests_are_refused_or_wait_until_a_majority_is_back(self):
        name, held = self.name(), self.name()
        holder = self.hold("hv1", held, "--stale", "hold")  # needs no standing, so it stays (F7)
        for machine in ("hv2", "hv3"):
            self.lab.agent(machine, "stop")
        for options in (["-n"], ["-w", "5"], ["-s", "-w", "5"]):
            code, out, err = self.locked("hv1", *options, name, "echo", "ran")
            self.assertEqual((code, out), (NO_MAJORITY, ""))
            self.one_line(err, "no majority: 1 of 3")
        waiters = []
        for policy, reason in (("hold", "no majority: 1 of 3"), ("fence", "too few jurors")):
            waiters.append(self.lock("hv1", "-v", "--stale", policy, name, "echo", "ran"))
            self.until_said(waiters[-1], reason)
        self.assertEqual(
            self.finish(self.exec("hv1", "holdfast", "show", "-w", "5", name))[0], NO_MAJORITY
        )
        self.assertEqual(self.finish(self.exec("hv1", "holdfast", "status"))[0], NO_MAJORITY)
        self.lab.agent("hv2", "start")
        for waiter in waiters:
            self.assertEqual(self.finish(waiter)[1], "ran\n")
        self.assertEqual(self.lab.holders("hv2", held), [("hv1", "exclusive")])
        self.assertIsNone(holder.poll())

    def test_the_same_when_they_are_killed(self):
        name = self.name()
        for machine in ("hv2", "hv3"):
            self.lab.agent(machine, "kill")
        code, _, err = self.locked("hv1", "-n", name, "true")
        self.assertEqual(code, NO_MAJORITY)
        self.one_line(err, "no majority", "of 3")
        self.lab.agent("hv3", "start")
        self.assertEqual(self.locked("hv1", "-w", "30", name, "true")[0], OK)


class AgentRestarts(Case):
    machines = 3
    weight = 2

    def test_an_upgrade_of_every_agent_keeps_the_locks_of_all(self):
        name = self.name()
        with self.lab.connect("hv1") as first:
            secret = first.call("OpenSession")["secret"]
            hold = first.acquire(name)
            for machine in ("hv2", "hv3", "hv1"):
                self.lab.agent(machine, "stop")
                self.lab.agent(machine, "start")
                self.lab.wait_voting(machine)
        with self.lab.connect("hv1") as second:
            self.assertTrue(second.call("JoinSession", secret=secret)["resumed"])
            self.assertEqual(self.lab.holders("hv2", name), [("hv1", "exclusive")])
            self.assertEqual(self.operations("hv1")[0]["token"], hold["token"])
            second.release(hold["hold"])
            self.until_free("hv3", name)

    def test_all_agents_are_killed_at_once_and_the_locks_are_there_again(self):
        name = self.name()
        with self.lab.connect("hv2") as first:
            secret = first.call("OpenSession")["secret"]
            hold = first.acquire(name)
            for machine in self.lab.names:
                self.lab.agent(machine, "kill")
            for machine in self.lab.names:
                self.lab.agent(machine, "start")
        with self.lab.connect("hv2") as second:
            self.assertTrue(second.call("JoinSession", secret=secret)["resumed"])
            self.lab.wait_voting("hv1")
            self.assertEqual(self.lab.holders("hv1", name), [("hv2", "exclusive")])
            second.release(hold["hold"])
            self.until_free("hv3", name)


class NeverTold(Case):
    """Requests of a client that was never told of its grant, since its agent died meanwhile. Nobody
    knows that any more, so they count as held: for the grace time, or until the client says more."""

    machines = 3
    weight = 2
    grace_s = 2
    # Asks, and does not look at what becomes of it; it is told by its agent that it ends, or lives.
    client = (
        "import json, socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.send(json.dumps({'method': 'org.holdfast.Acquire', 'parameters': {'name': sys.argv[2]}})"
        ".encode() + bytes(1)); time.sleep(1000)"
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(cls.lab.dir / "hv2" / "holdfast.conf", "a", encoding="utf-8") as config:
            config.write(f"grace = {cls.grace_s}\n")
        cls.lab.agent("hv2", "stop")
        cls.lab.agent("hv2", "start")
        cls.lab.wait_voting("hv2")

    def held(self, name):
        """Held on hv1; what ends that."""
        holder = self.lab.connect("hv1")
        self.addCleanup(holder.close)
        hold = holder.acquire(name)["hold"]
        return lambda: holder.release(hold)

    def granted_while_the_agent_is_away(self, name, let_go):
        self.until_waiting("hv2", name, 1)
        self.lab.agent("hv2", "kill")
        let_go()
        until(lambda: self.try_show("hv1", name) == [("hv2", "exclusive")], "hv2 is granted it")
        self.lab.agent("hv2", "start")
        self.lab.wait_voting("hv2")

    def test_it_is_kept_for_the_grace_time_and_then_given_back(self):
        name = self.name()
        let_go = self.held(name)
        client = self.exec("hv2", sys.executable, "-c", self.client, self.lab.socket("hv2"), name)
        self.granted_while_the_agent_is_away(name, let_go)
        self.assertEqual([o["name"] for o in self.operations("hv2")], [name])
        next_one = self.lock("hv3", name, "--", "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        # It may have been told, so it may act: its processes end first.
        self.assertEqual(client.wait(60), 128 + signal.SIGKILL)
        code, out, _ = self.finish(next_one)
        self.assertEqual((code, out.split()[:3]), (OK, ["hv2/1", "exclusive", "agent"]), out)
        self.assertEqual(self.operations("hv2"), [])

    def test_a_client_that_ends_gives_it_back_at_once(self):
        name = self.name()
        let_go = self.held(name)
        client = self.exec("hv2", sys.executable, "-c", self.client, self.lab.socket("hv2"), name)
        self.until_waiting("hv2", name, 1)
        self.lab.agent("hv2", "kill")
        client.kill()
        client.wait()
        let_go()
        self.lab.agent("hv2", "start")
        self.assertEqual(self.locked("hv3", "-w", "30", name, "true")[0], OK)

    def test_a_client_that_resumes_finds_it_and_may_let_go_cleanly(self):
        name = self.name()
        let_go = self.held(name)
        with self.lab.connect("hv2") as first:
            secret = first.call("OpenSession")["secret"]
            first.send("Acquire", {"name": name})
            self.granted_while_the_agent_is_away(name, let_go)
        with self.lab.connect("hv2") as second:
            self.assertTrue(second.call("JoinSession", secret=secret)["resumed"])
            (found,) = second.call("ListSession")["operations"]
            self.assertEqual((found["name"], found["state"]), (name, "held"))
            second.release(found["hold"])
            self.until_free("hv3", name)
            self.assertIsNone(self.lab.show("hv3", name)["mark"])


class MachineDies(Case):
    machines = 3
    weight = 2

    def test_its_hold_is_broken_by_the_end_statement_of_its_new_life(self):
        """F6a: it came back before anybody was fenced, and says itself that its life is over."""
        name = self.name()
        self.hold("hv3", name)
        before = self.lab.show("hv1", name)["holders"]
        life = self.lab.status("hv3")["life"]
        self.lab.power("hv3", "off")
        self.assertEqual(self.lab.show("hv1", name)["holders"], before)
        self.lab.power("hv3", "on")
        self.lab.wait_voting("hv3")
        self.assertEqual(self.lab.status("hv3")["life"], life + 1)
        code, out, _ = self.locked(
            "hv1", name, "sh", "-c", "echo $HOLDFAST_TOKEN $HOLDFAST_UNCLEAN"
        )
        self.assertEqual(code, OK)
        token, holder, mode, by, _ = out.split()
        self.assertGreater(int(token), before[0]["token"])
        self.assertEqual((holder, mode, by), (f"hv3/{life}", "exclusive", "end-statement"))
        self.assertEqual(self.operations("hv3"), [])
        self.assertEqual(self.lab.call("hv1", "Orders")["orders"], [])
        with self.lab.connect("hv3") as api, self.assertRaises(Refused) as refused:
            api.call("OpenSession")
            api.release(before[0]["hold"])
        self.assertEqual(refused.exception.name, "NoSuchHold")
