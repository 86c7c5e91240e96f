"""F7, F2 and F3 at the node that it is about: cut off, voted against, under an order."""
import json

from case import LOST, NOT_GRANTED, OK
from fencing import FenceCase, fails
from support.lab import until
from support.processes import that_mention
from test_fence import KILLED


class Isolation(FenceCase):
    """Six machines, five jurors (hv1 to hv5). Without three of these hv6 has no standing, though
    some locks have a majority of their voters still."""

    machines = 6
    cut = ["hv1", "hv2", "hv3"]

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def name_served_without(self, cut):
        """A lock with a majority of voters outside `cut`."""
        while True:
            name = self.name("cut")
            cohort = self.lab.call("hv6", "Locate", name=name)["cohort"]
            if len(set(cohort) - set(cut)) > len(cohort) // 2:
                return name

    def isolate(self):
        self.each(lambda machine: self.lab.agent(machine, "pause"), self.cut)

    def heal(self):
        self.each(lambda machine: self.lab.agent(machine, "resume"), self.cut)

    def test_at_risk_then_lost(self):
        name = self.name_served_without(self.cut)
        holder, log = self.writer("hv6", name, "--json")
        quiet = self.hold("hv6", self.name("kept"), "--stale", "hold")
        life = self.life("hv6")
        self.isolate()
        line = self.until_said(holder, "at risk")
        for part in (name, "jurors", "2.3 s"):
            self.assertIn(part, line)
        code, out, err = self.finish(holder)
        self.assertEqual(code, LOST, err)
        self.assertIn("was lost", err)
        self.assertTrue(json.loads(out)["lost"])
        self.assertIsNone(quiet.poll(), "a hold under the policy `hold` needs no standing")
        status = self.lab.status("hv6")
        self.assertEqual((status["standing"], status["life"]), (False, life))
        self.heal()
        _, unclean, _ = self.told(self.successor("hv5", name, log, "-q"))
        self.assertEqual(unclean, [f"hv6/{life}", "exclusive", "agent", "-"])
        self.assertEqual(self.life("hv6"), life, "it need not give up its life")

    def test_on_isolation_continue_keeps_it(self):
        name = self.name("continue")
        path = self.lab.dir / "hv6" / "holdfast.conf"
        before = path.read_text()
        self.addCleanup(self.restart, "hv6")
        self.addCleanup(path.write_text, before)
        path.write_text(before + "on_isolation = continue\n")
        self.restart("hv6")
        self.until_whole()
        holder = self.hold("hv6", name)
        self.isolate()
        self.until_said(holder, "at risk")
        until(lambda: not self.lab.status("hv6")["standing"], "its standing is over")
        self.heal()
        self.until_said(holder, "safe again")
        self.assertIsNone(holder.poll())
        self.assertEqual(self.lab.holders("hv5", name), [("hv6", "exclusive")])

    def test_no_new_grant_without_standing(self):
        name = self.name_served_without(self.cut)
        self.isolate()
        until(lambda: not self.lab.status("hv6")["standing"], "no standing is left over")
        reader = self.hold("hv6", name, "-s")  # the policy `expire` needs none
        reader.terminate()
        self.assertIsNotNone(reader.wait(30))
        waiter = self.lock("hv6", "-v", name, "echo", "ran")
        self.until_said(waiter, "too few jurors")
        lock = self.lab.show("hv6", name)
        self.assertEqual((lock["holders"], lock["waiters"]), ([], []))
        self.heal()
        code, out, err = self.finish(waiter)
        self.assertEqual((code, out), (OK, "ran\n"), err)


class Surrender(FenceCase):
    """An order is out, but its target's agent comes back before anybody has ended the machine."""

    deadline_s = 6

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def comes_back(self, stage):
        name = self.name("back")
        life = self.life("hv3")
        holder, log = self.writer("hv3", name)
        mark = f"1000.{id(self)}"
        bystander = self.exec("hv3", "sleep", mark)
        until(lambda: that_mention(f"sleep\0{mark}"), "something else runs on hv3")
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", name, log, "-q")
        self.until_stage("hv2", name, stage)
        self.lab.agent("hv3", "resume")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:2], [f"hv3/{life}", "exclusive"])
        self.assertIn(unclean[2], ("agent", "end-statement"))
        self.assertIn(self.finish(holder)[0], (LOST, KILLED))
        self.until_whole()
        self.assertEqual(self.life("hv3"), life + 1)
        self.assertIsNone(bystander.poll(), "the machine was not rebooted")
        order = self.order("hv1", "hv3", life)
        self.assertEqual((order["receipt"], order["stage"]), (None, "over"))
        self.assertEqual(self.locked("hv3", "-w", "30", name, "true")[0], OK)

    def test_while_an_executor_is_slow(self):
        for machine in self.lab.names:
            self.script(machine, "[ $1 != off ] || sleep 4\n" + fails("too slow"))
        self.comes_back("running")

    def test_after_every_executor_failed(self):
        for machine in self.lab.names:
            self.script(machine, fails("no power switch"))
        self.comes_back("failed")


class VotedAgainst(FenceCase):
    """One juror voted, and there is no order: the other three had started anew a moment before, so
    for D they cannot know (F2a), and by then the node is back."""

    lab_options = ("--detect", 12000)
    others = ["hv1", "hv2", "hv4"]

    def test_it_takes_no_new_lock_and_surrenders_once_it_holds_nothing(self):
        wanted, kept, new = self.name("wanted"), self.name("kept"), self.name("new")
        life = self.life("hv3")
        _, log = self.writer("hv3", wanted)
        keeper = self.hold("hv3", kept, "--stale", "hold")
        waiter = self.successor("hv1", wanted, log, "-q")
        self.until_waiting("hv1", wanted, 1)
        self.lab.agent("hv3", "pause")
        until(lambda: self.lab.gossip("hv5", "hv3") == "suspect", "hv3 is suspect")
        waiter.terminate()
        self.finish(waiter)
        self.each(self.restart, self.others)
        waiter = self.successor("hv5", wanted, log, "-q")
        until(lambda: self.lab.status("hv5")["counters"]["fence_votes"] > 0, "hv5 votes", 60)
        self.lab.agent("hv3", "resume")
        until(lambda: self.lab.status("hv3")["bound"], "hv3 hears of the vote")

        self.assertEqual(self.lab.status("hv3")["life"], life)
        self.assertIsNone(keeper.poll(), "there is no order")
        for machine in self.lab.names:
            self.assertEqual(self.orders(machine), [])
        code, out, err = self.locked("hv3", "-w", "1", new, "echo", "ran")
        self.assertEqual((code, out), (NOT_GRANTED, ""))
        self.one_line(err, new)
        self.assertEqual(self.told(waiter)[1][2:3], ["agent"])

        keeper.terminate()
        self.finish(keeper)
        until(lambda: self.lab.status("hv3")["life"] == life + 1, "it surrenders", 60)
        self.until_whole()
        self.assertEqual(self.locked("hv3", "-w", "30", new, "echo", "ran")[:2], (OK, "ran\n"))
        for machine in self.lab.names:
            self.assertEqual(self.orders(machine), [])
