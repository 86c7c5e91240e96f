"""What a node has released under `expire` serves its next clients, until somebody else wants it."""
import time

from case import Case, NOT_GRANTED, OK
from support.lab import until

PAIRS = 100
ROUNDS = 5


class Delegation(Case):
    machines = 3

    def states(self, machine, name):
        operations = self.lab.call(machine, "List")["operations"]
        return [o["state"] for o in operations if o["name"] == name]

    def cached(self, machine, **terms):
        """A connection with a session, and a name that its node has cached for it."""
        name, client = self.name(), self.lab.connect(machine)
        self.addCleanup(client.close)
        client.call("OpenSession")
        client.release(client.acquire(name, **terms)["hold"])
        until(lambda: self.states(machine, name) == ["cached"], "it is cached")
        return name, client

    def seen(self):
        """What all have done of locks so far; and of hv2: what it granted alone, its datagrams,
        its records, its syncs. Gossip and the rest go on meanwhile, so of these there are few."""
        status = {m: self.lab.status(m) for m in ("hv1", "hv2", "hv3")}
        total = {key: sum(s["counters"][key] for s in status.values())
                 for key in ("requests", "accepts", "leases_sent")}
        own = status["hv2"]
        counters = own["counters"]
        return total, counters["grants_local"], (counters["udp_sent"], own["lsn"], own["syncs"])

    def seen_at_rest(self):
        """The same, once the last of what came before has been written everywhere."""
        def rests():
            first = self.seen()
            time.sleep(0.2)
            last = self.seen()
            return first[0] == last[0] and last

        return until(rests, "nothing is on its way any more")

    def pairs(self, **terms):
        name, client = self.cached("hv2", ttl_ms=600000, stale="expire", **terms)
        before, local, effort = self.seen_at_rest()
        tokens = []
        for _ in range(PAIRS):
            held = client.acquire(name, ttl_ms=600000, stale="expire", **terms)
            tokens.append(held["token"])
            client.release(held["hold"])
        after, more, efforts = self.seen()
        self.assertEqual(more - local, PAIRS)
        self.assertEqual(after, before)
        for least, most in zip(effort, efforts):
            self.assertLess(most - least, PAIRS // 2)
        return tokens

    def test_readers_cost_no_datagram_and_no_sync(self):
        self.assertEqual(len(set(self.pairs(mode="shared"))), 1)

    def test_so_do_writers_of_one_node_and_each_has_its_token(self):
        tokens = self.pairs(mode="exclusive")
        self.assertEqual(tokens, list(range(tokens[0], tokens[0] + PAIRS)))

    def read(self, name):
        """A `holdfast lock -s` on hv2 that holds until it is killed."""
        before = self.states("hv2", name).count("held")
        process = self.lock("hv2", "-s", name, "--", "sleep", "1000")
        until(lambda: self.states("hv2", name).count("held") > before, "it reads")
        return process

    def test_two_that_read_at_once_cost_no_datagram_and_no_sync(self):
        name, _ = self.cached("hv2", mode="shared")
        before, local, effort = self.seen_at_rest()
        for _ in range(ROUNDS):
            first = self.read(name)
            self.assertEqual(self.locked("hv2", "-s", name, "true")[0], OK)
            second = self.read(name)
            self.assertEqual(self.states("hv2", name), ["held", "held"])
            for process in (first, second):
                process.terminate()
                process.communicate()
            until(lambda: self.states("hv2", name) == ["cached"], "it is cached again")
        after, more, efforts = self.seen()
        self.assertEqual(more - local, 3 * ROUNDS)
        self.assertEqual(after, before)
        for least, most, bound in zip(effort, efforts, (60, 2, 2)):
            self.assertLess(most - least, bound * ROUNDS)

    def test_readers_are_shown_and_recalled_together(self):
        name, _ = self.cached("hv2", mode="shared")
        first, second = self.read(name), self.read(name)
        holder, = self.lab.show("hv2", name)["holders"]
        self.assertFalse(holder["cached"])
        operations = [o for o in self.operations("hv2") if o["name"] == name]
        self.assertEqual(sorted(r["hold"] for r in holder["readers"]),
                         sorted(o["hold"] for o in operations))
        self.assertEqual({o["token"] for o in operations}, {holder["token"]})
        _, out, _ = self.finish(self.exec("hv2", "holdfast", "show", name))
        self.assertEqual((out.count("shared "), out.count("reads ")), (4, 2), out)
        _, out, _ = self.finish(self.exec("hv2", "holdfast", "why", name))
        self.assertIn("2 clients of it read under it", out)
        self.assertEqual(self.lab.show("hv1", name)["holders"][0]["readers"], [])
        writer = self.lock("hv1", "-w", "30", name, "true")
        until(lambda: self.lab.show("hv3", name)["waiters"], "the writer waits")
        self.assertEqual(self.locked("hv2", "-s", "-n", name, "true")[0], NOT_GRANTED)
        first.kill()  # its command has a parent-death signal
        first.communicate()
        until(lambda: self.states("hv2", name) == ["held"], "one is through")
        self.assertIsNone(writer.poll())
        second.terminate()
        self.assertEqual(self.finish(writer)[0], OK)
        self.assertEqual(self.states("hv2", name), [])

    def test_it_is_said_and_recalled(self):
        name, client = self.cached("hv2", mode="shared")
        self.assertEqual([h["cached"] for h in self.lab.show("hv2", name)["holders"]], [True])
        for command in ("show", "why", "locks"):
            words = () if command == "locks" else (name,)
            code, out, _ = self.finish(self.exec("hv2", "holdfast", command, *words))
            self.assertEqual((code, "cached" in out), (OK, True), out)
        held = client.acquire(name, mode="shared")
        self.assertEqual(self.states("hv2", name), ["held"])
        writer = self.lock("hv1", "-w", "30", name, "true")
        until(lambda: self.lab.show("hv3", name)["waiters"], "the writer waits")
        client.release(held["hold"])
        self.assertEqual(self.finish(writer)[0], OK)
        self.assertEqual(self.states("hv2", name), [])

    def test_a_try_is_not_refused_for_it(self):
        name, _ = self.cached("hv2", mode="exclusive", stale="expire", ttl_ms=60000)
        self.assertEqual(self.locked("hv1", "-n", name, "true")[0], OK)

    def test_a_new_run_of_the_agent_gives_it_up(self):
        name, _ = self.cached("hv3", mode="shared", stale="expire", ttl_ms=2000)
        self.lab.agent("hv3", "kill")
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        until(lambda: not self.lab.holders("hv1", name), "nobody has it")
