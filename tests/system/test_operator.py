"""What operators say on real agents: freeze, maintenance, drain, request, confirm."""
import json
import subprocess

from case import OK
from fencing import FenceCase, fails
from support.lab import holdfast, until

NO_SUCH, NOT_DRAINED, USAGE = 1, 3, 64


class Operators(FenceCase):
    def tearDown(self):
        for words in (("fence", "thaw"), ("maintenance", "hv3", "off"), ("undrain", "hv3")):
            self.say("hv1", *words)
        super().tearDown()
        self.until_whole()

    def say(self, machine, *words, typed=""):
        """(code, output, errors) of `holdfast WORDS` at that machine's agent."""
        done = subprocess.run(
            [holdfast(), "--socket", str(self.lab.socket(machine)), *words],
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def inhibited(self, machine):
        return [i for i in self.lab.status(machine)["inhibitors"] if i["on"]]

    # --- Freeze and maintenance ---

    def test_a_freeze_keeps_a_dead_holder_from_being_fenced(self):
        name = self.name("frozen")
        life = self.life("hv3")
        self.hold("hv3", name)
        code, out, err = self.say("hv2", "fence", "freeze", "--for", "10m", "--reason", "switch")
        self.assertEqual((code, err), (OK, ""))
        self.assertIn("freeze of all nodes is in effect", out)
        for machine in ("hv1", "hv5"):
            self.assertEqual(
                [(i["kind"], i["node"], i["by"], i["reason"]) for i in self.inhibited(machine)],
                [("freeze", "", "hv2", "switch")],
            )
        self.assertIn("freeze of all nodes", self.say("hv1", "status")[1])
        self.assertIn("freeze of all nodes", self.say("hv1", "fence", "list")[1])
        self.lab.power("hv3", "off")
        waiter = self.lock("hv1", name, "--", "true")
        stale = self.until_stage("hv1", name, "asking")
        self.assertEqual(stale["votes"], 0)
        self.say("hv4", "fence", "request", "hv3", "--reason", "see", "-w", "6")
        self.assertIsNone(self.order("hv4", "hv3", life))
        code, out, _ = self.say("hv4", "fence", "thaw", "--json")
        self.assertEqual(code, OK)
        self.assertTrue(json.loads(out)["in_effect"])
        self.assertEqual(self.finish(waiter)[0], OK)
        self.assertEqual(self.order("hv1", "hv3", life)["stage"], "over")
        self.assertEqual(self.say("hv4", "fence", "thaw")[0], NO_SUCH)

    def test_under_maintenance_nobody_is_switched_off(self):
        name = self.name("work")
        life = self.life("hv3")
        self.hold("hv3", name)
        self.assertEqual(self.say("hv1", "maintenance", "hv3", "on")[0], USAGE)
        code, out, _ = self.say("hv1", "maintenance", "hv3", "on", "--for", "5m", "--reason", "RAM")
        self.assertEqual(code, OK)
        self.assertIn("maintenance of hv3 is in effect", out)
        self.lab.agent("hv3", "pause")
        waiter = self.lock("hv1", name, "--", "true")
        self.until_stage("hv1", name, "no-action")
        order = self.order("hv1", "hv3", life)
        self.assertEqual({tuple(o["allows"]) for o in order["opinions"] if o["signed"]}, {("retire",)})
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.assertEqual(self.say("hv1", "maintenance", "hv3", "off")[0], OK)
        self.assertEqual(self.finish(waiter)[0], OK)

    def test_a_node_that_the_roster_does_not_name(self):
        for words in (
            ("maintenance", "hv9", "on", "--reason", "x"),
            ("drain", "hv9"),
            ("fence", "freeze", "--node", "hv9"),
            ("fence", "request", "hv9", "--reason", "x"),
            ("fence", "confirm", "hv9", "--dry-run"),
            ("fence", "preview", "hv9"),
            ("fence", "show", "hv9"),
        ):
            with self.subTest(words=words):
                code, out, err = self.say("hv1", *words)
                self.assertEqual((code, out), (NO_SUCH, ""))
                self.one_line(err, "the roster names no node 'hv9': see 'holdfast members'")

    # --- Drain ---

    def test_a_drained_node_lets_go(self):
        name = self.name("drained")
        holder = self.hold("hv3", name)
        code, out, err = self.say("hv1", "drain", "hv3", "-w", "2", "--reason", "kernel")
        self.assertEqual(code, NOT_DRAINED)
        self.assertIn("hv3 holds, or waits for, 1 locks yet", out)
        self.assertIn("is not drained", err)
        refused = self.locked("hv3", "-n", self.name("new"), "true")
        self.assertNotEqual(refused[0], OK)
        self.assertIn("drained", refused[2])
        holder.terminate()
        self.finish(holder)
        code, out, _ = self.say("hv1", "drain", "hv3", "-w", "20")
        self.assertEqual(code, OK)
        self.assertIn("hv3 holds nothing: it may be switched off", out)
        self.lab.agent("hv3", "stop")
        self.lab.agent("hv3", "start")
        until(lambda: [i["kind"] for i in self.inhibited("hv3")] == ["drain"], "it is drained still")
        self.assertEqual(self.say("hv3", "undrain")[0], OK)
        self.until_whole()
        self.assertEqual(self.locked("hv3", "-w", "20", name, "true")[0], OK)

    # --- Request ---

    def test_a_request_against_a_healthy_node_is_refused_with_why(self):
        life = self.life("hv3")
        code, out, _ = self.say("hv1", "fence", "request", "hv3", "--reason", "I do not like it")
        self.assertEqual(code, NO_SUCH)
        self.assertIn("is not fenced", out)
        self.assertGreaterEqual(out.count("its own view does not hold that life dead (F2b)"), 3)
        self.assertIsNone(self.order("hv1", "hv3", life))
        self.assertEqual(self.say("hv1", "fence", "request", "hv3")[0], USAGE)

    def test_no_order_is_asked_for_against_a_life_that_nobody_began(self):
        life = self.life("hv3") + 1
        code, out, err = self.say("hv1", "fence", "request", f"hv3/{life}", "--reason", "a typo")
        self.assertEqual((code, out), (NO_SUCH, ""))
        self.one_line(err, "that node has not begun such a life, as far as is known here")
        self.assertIsNone(self.order("hv1", "hv3", life))

    def test_a_dead_node_that_holds_nothing_is_fenced_on_request(self):
        # It renews while it holds, so that every juror has heard its life since its own start (F8).
        self.assertEqual(self.locked("hv3", self.name("short"), "sleep", "1")[0], OK)
        life = self.life("hv3")
        self.lab.agent("hv3", "pause")
        code, out, _ = self.say(
            "hv1", "fence", "request", "hv3", "--reason", "its fan stands", "-w", "40"
        )
        self.assertEqual(code, OK, out)
        self.assertEqual(self.lab.power("hv3", "status"), "off")
        story = self.say("hv2", "fence", "show", f"hv3/{life}")[1]
        self.assertIn("its fan stands", story)
        self.assertIn("at the word of uid ", story)

    # --- Confirm ---

    def confirm(self, *words, typed=""):
        key = str(self.lab.dir / "operator.key")
        return self.say("hv1", "fence", "confirm", "hv3", "--key", key, *words, typed=typed)

    def test_a_person_confirms_what_no_device_can_say(self):
        name = self.name("by-hand")
        life = self.life("hv3")
        slot = self.lab.status("hv3")["slot"]
        for machine in self.lab.names:
            self.script(machine, fails("no route to the BMC"))
        self.hold("hv3", name)
        code, out, _ = self.confirm(typed=f"hv3 slot {slot} life {life}\n")
        self.assertEqual(code, NO_SUCH)
        self.assertIn("REFUSED as things are: a juror heard", out)
        self.lab.power("hv3", "off")
        waiter = self.lock("hv2", "--json", name, "--", "sh", "-c", "echo $HOLDFAST_UNCLEAN")
        self.until_stage("hv2", name, "failed", "no-action")
        dry = ("fence", "confirm", "hv3", "--dry-run")
        until(lambda: self.say("hv1", *dry)[0] == OK, "nobody heard it within H", 40)
        self.assertIn(name, self.say("hv1", *dry)[1])
        code, _, err = self.confirm(typed="hv3\n")
        self.assertEqual(code, NO_SUCH)
        self.assertIn("not confirmed", err)
        code, out, err = self.confirm(typed=f"hv3 slot {slot} life {life}\n")
        self.assertEqual((code, err), (OK, ""), out)
        code, out, _ = self.finish(waiter)
        self.assertEqual(code, OK)
        self.assertIn(f"hv3/{life} exclusive by-hand ", out)
        receipt = self.order("hv4", "hv3", life)["receipt"]
        self.assertEqual((receipt["executor"], receipt["action"]), ("an operator", "by-hand"))
