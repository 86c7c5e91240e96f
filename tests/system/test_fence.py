"""Fencing on real agents: from a dead holder to the next grant, and what everybody is told."""
import json
import os
import platform
import signal
import sys
from pathlib import Path

from case import LOST, NOT_GRANTED, OK
from fencing import FenceCase
from support.lab import until
from support.processes import that_mention

KILLED = 128 + signal.SIGKILL


class HandOver(FenceCase):
    """hv3 holds and dies in one way after another; hv1 waits; some executor ends hv3."""

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def hand_over(self, verb, act):
        """A writer on hv3, the fault, and what hv1 is told: (order, the holder's exit code)."""
        name = self.name("image")
        life = self.life("hv3")
        holder, log = self.writer("hv3", name)
        token = self.lab.tokens("hv1", name)["hv3"]
        act("hv3", verb)
        waiter = self.successor("hv1", name, log, "--json")
        got, unclean, rest = self.told(waiter)
        self.assertGreater(got, token)
        order = self.order("hv1", "hv3", life)
        self.assertEqual(
            unclean, [f"hv3/{life}", "exclusive", "receipt", order["receipt"]["proof"]]
        )
        said = json.loads(rest[-1])
        mark = said["unclean"]
        self.assertEqual(
            (said["lost"], mark["node"], mark["life"], mark["mode"], mark["token"], mark["by"]),
            (False, "hv3", life, "exclusive", token, "receipt"),
        )
        self.assertEqual((order["lock"], order["stage"]), (name, "over"))
        self.assertGreaterEqual(order["signatures"], order["quorum"])
        self.assertEqual((order["quorum"], order["jurors"]), (3, 5))
        self.assertEqual(order["receipt"]["action"], "power")
        self.assertNotEqual(order["receipt"]["executor"], "hv3")
        self.assertEqual(self.lab.power("hv3", "status"), "off")
        self.until_whole()
        self.assertEqual(self.life("hv3"), life + 1)
        self.assertEqual(self.locked("hv3", "-w", "30", name, "true")[0], OK)
        return order, self.finish(holder)[0]

    def test_the_agent_is_paused_while_its_writer_writes_on(self):
        order, code = self.hand_over("pause", self.lab.agent)
        self.assertEqual(code, KILLED)
        for opinion in order["opinions"]:
            if opinion["signed"]:
                self.assertEqual(opinion["verdict"], "votes")
                self.assertGreaterEqual(opinion["renewal_ms"], 2000)
                self.assertGreater(opinion["direct"], 0)
                self.assertEqual(opinion["relays"], 3)
                self.assertGreaterEqual(opinion["acknowledged"], 3)
                self.assertEqual(opinion["allows"], ["retire", "power"])

    def test_the_agent_is_killed(self):
        """Its client waits a while for the agent; the machine may be switched off before."""
        self.assertIn(self.hand_over("kill", self.lab.agent)[1], (LOST, KILLED))

    def test_the_agent_is_stopped_while_a_hold_exists(self):
        """It must not say that it left: then nobody would hold it dead, and hv1 would wait."""
        self.assertIn(self.hand_over("stop", self.lab.agent)[1], (LOST, KILLED))

    def test_the_machine_is_off(self):
        self.assertEqual(self.hand_over("off", self.lab.power)[1], KILLED)

    def test_its_story_is_on_every_juror_and_stays_there(self):
        name = self.name("story")
        life = self.life("hv3")
        self.hold("hv3", name)
        self.lab.power("hv3", "off")
        self.assertEqual(self.locked("hv2", "-q", name, "true")[0], OK)
        jurors = ["hv1", "hv2", "hv4", "hv5"]

        def known(machine):
            """Once all has come: that it is done is told behind the receipt."""
            order = self.order(machine, "hv3", life)
            stages = [report["stage"] for report in order["reports"]] if order else []
            return order if "done" in stages and order["receipt"] else None

        stories = {m: until(lambda m=m: known(m), f"{m} knows the whole story") for m in jurors}
        facts = ("order", "lock", "accuser", "signatures", "opinions", "receipt", "stage")
        for machine in jurors:
            for fact in facts:
                self.assertEqual(stories[machine][fact], stories["hv1"][fact], (machine, fact))
            code, out, _ = self.finish(self.exec(machine, "holdfast", "fence", "show", "hv3"))
            self.assertEqual(code, OK)
            for part in (name, stories["hv1"]["order"], stories["hv1"]["receipt"]["proof"]):
                self.assertIn(part, out)
        self.each(self.restart, jurors)
        self.until_whole()
        for machine in jurors:
            self.assertEqual(self.order(machine, "hv3", life), stories[machine])


class NotFenced(FenceCase):
    """Who must not be fenced is not."""

    machines = 3

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def boots_and_passes(self, mode, *options):
        """hv3's hold is under `hold`: the waiter is told so, and gets it when hv3 boots."""
        name = self.name("hold")
        life = self.life("hv3")
        self.hold("hv3", name, *options)
        self.lab.power("hv3", "off")
        waiter = self.lock("hv1", "-v", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        line = self.until_said(waiter, "boots again")
        for part in (name, "hv3", "dead", f"life {life}", "policy is hold"):
            self.assertIn(part, line)
        self.assertEqual(self.stale("hv2", name)["stage"], "hold")
        code, out, _ = self.finish(self.exec("hv2", "holdfast", "show", name))
        self.assertEqual((code, "waits for" in out), (OK, True), out)
        code, _, err = self.locked("hv2", "-n", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, "hv3", "boots again")
        self.assertIsNone(waiter.poll())
        self.lab.power("hv3", "on")
        code, out, _ = self.finish(waiter)
        self.assertEqual(code, OK)
        self.assertEqual(out.split()[:3], [f"hv3/{life}", mode, "end-statement"])
        for machine in self.lab.names:
            self.assertIsNone(self.order(machine, "hv3", life))

    def test_a_hold_under_the_policy_hold(self):
        self.boots_and_passes("exclusive", "--stale", "hold")

    def test_a_reader_under_the_policy_hold(self):
        self.boots_and_passes("shared", "-s", "--stale", "hold")

    def test_a_reader_that_asked_for_it_is(self):
        name = self.name("reader")
        life = self.life("hv3")
        self.hold("hv3", name, "-s", "--stale", "fence")
        self.lab.power("hv3", "off")
        code, out, _ = self.locked("hv1", "-q", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        self.assertEqual(code, OK)
        self.assertEqual(out.split()[:3], [f"hv3/{life}", "shared", "receipt"])

    def votes(self, machine):
        return self.lab.status(machine)["counters"]["fence_votes"]

    def silence(self, machine, of):
        """For how long `machine` has not heard another, in milliseconds."""
        members = self.lab.call(machine, "Members")["members"]
        return next(m["heard_ms"] for m in members if m["name"] == of)

    def test_a_holder_that_nobody_waits_for(self):
        """Policy when = wanted (F2e): the order comes with the waiter, not before."""
        name = self.name("unwanted")
        life = self.life("hv3")
        self.hold("hv3", name)
        jurors = ("hv1", "hv2")
        before = {machine: self.votes(machine) for machine in jurors}
        self.lab.agent("hv3", "pause")
        until(lambda: self.lab.gossip("hv1", "hv3") == "dead", "hv3 is dead")
        self.until_stage("hv2", name, "asking")  # its coordinator may hear of it later
        for machine in jurors:  # after so long it would have been voted against
            until(lambda m=machine: self.silence(m, "hv3") > 10000, f"{machine} hears nothing")
            self.assertEqual(self.votes(machine), before[machine])
            self.assertIsNone(self.order(machine, "hv3", life))
        self.assertEqual(self.stale("hv2", name)["votes"], 0)
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.assertEqual(self.locked("hv1", "-q", name, "true")[0], OK)
        self.assertIsNotNone(self.order("hv1", "hv3", life)["receipt"])


class AgentRestarts(FenceCase):
    machines = 3
    lab_options = ("--detect", 8000)  # a restart on a busy machine takes less

    def test_within_the_detection_target_nobody_is_fenced(self):
        name = self.name("kept")
        life = self.life("hv3")
        keeper = self.keeper("hv3", name)
        token = self.lab.tokens("hv1", name)["hv3"]
        waiter = self.lock("hv1", name, "sh", "-c", "echo unclean=$HOLDFAST_UNCLEAN")
        self.until_waiting("hv1", name, 1)
        for verb in ("kill", "stop"):
            self.lab.agent("hv3", verb)
            self.lab.agent("hv3", "start")
            self.assertEqual(keeper.stdout.readline(), "resumed\n")
            self.lab.wait_voting("hv3")
            self.assertEqual(self.life("hv3"), life)
            self.assertEqual(self.lab.tokens("hv1", name), {"hv3": token})
        keeper.terminate()
        self.assertEqual(self.finish(keeper)[0], OK)
        code, out, err = self.finish(waiter)
        self.assertEqual((code, out), (OK, "unclean=\n"), err)
        for machine in self.lab.names:
            self.assertEqual(self.orders(machine), [])


class SitePowerLoss(FenceCase):
    lab_options = ()

    def test_every_lock_passes_by_end_statements_alone(self):
        names = {machine: self.name(machine) for machine in self.lab.names}
        lives = {machine: self.life(machine) for machine in self.lab.names}
        for machine, name in names.items():
            self.hold(machine, name)
        self.each(lambda machine: self.lab.power(machine, "off"))
        self.each(lambda machine: self.lab.power(machine, "on"))
        waiters = {}
        for machine, name in names.items():
            other = self.lab.names[self.lab.names.index(machine) - 1]
            waiters[machine] = self.lock(other, "-q", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        for machine, waiter in waiters.items():
            code, out, err = self.finish(waiter)
            self.assertEqual(code, OK, err)
            self.assertEqual(
                out.split()[:3], [f"{machine}/{lives[machine]}", "exclusive", "end-statement"]
            )
        for machine, life in lives.items():
            self.assertEqual(self.life(machine), life + 1, "one reboot, its own")
            self.assertEqual(self.orders(machine), [])


class LocalDeath(FenceCase):
    """F11: a client dies on a node that lives."""

    machines = 3

    @classmethod
    def configure(cls, machine, extra=""):
        super().configure(machine, extra + "grace = 1\n")

    def kill_client(self, name):
        """SIGKILL for `holdfast lock` of this lock, on its machine."""
        for pid, line in that_mention(name).items():
            if " lock " in line and "lab exec" not in line and "-q" not in line:
                os.kill(pid, signal.SIGKILL)
                return
        self.fail(f"no client of {name} runs")

    def passes_unclean(self, name, log):
        waiter = self.successor("hv2", name, log, "-q")
        self.until_waiting("hv2", name, 1)
        self.kill_client(name)
        unclean = self.told(waiter)[1]
        life = self.life("hv1")
        self.assertEqual(unclean, [f"hv1/{life}", "exclusive", "agent", "-"])

    def test_the_command_of_a_killed_client_is_dead_before_the_lock_passes(self):
        name = self.name("client")
        process, log = self.writer("hv1", name)
        self.passes_unclean(name, log)
        self.assertEqual(self.finish(process)[0], KILLED)

    def test_what_the_command_left_is_dead_before_the_lock_passes(self):
        name, log = self.name("child"), self.dir / "log"
        write = f"(while :; do echo x >>{log}; sleep 0.01; done) & wait"
        self.hold("hv1", name, command=("sh", "-c", write))
        until(log.exists, "the child writes")
        self.passes_unclean(name, log)

    def test_a_child_without_its_main_thread_still_counts(self):
        if platform.machine() not in ("x86_64", "aarch64"):
            self.skipTest("threads.py does not know this machine's system calls")
        name, log = self.name("threads"), self.dir / "log"
        program = Path(__file__).resolve().parent / "threads.py"
        write = f"{sys.executable} {program} {log} & wait"
        self.hold("hv1", name, command=("sh", "-c", write))
        until(log.exists, "the child writes")
        self.passes_unclean(name, log)

    def test_a_command_that_a_signal_ended_leaves_the_mark_and_an_exit_does_not(self):
        name = self.name("signal")
        show = ("-q", name, "sh", "-c", "echo [$HOLDFAST_UNCLEAN]")
        self.assertEqual(self.locked("hv1", name, "sh", "-c", "exit 7")[0], 7)
        self.assertEqual(self.locked("hv2", *show)[1], "[]\n")
        self.assertEqual(self.locked("hv1", name, "sh", "-c", "kill -9 $$")[0], KILLED)
        life = self.life("hv1")
        self.assertEqual(self.locked("hv2", *show)[1], f"[hv1/{life} exclusive agent -]\n")
