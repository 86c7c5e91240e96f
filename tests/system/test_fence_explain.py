"""What explains a fence, on real agents: why, the log and its chain, verify, preview."""
import json
import re
import shutil

from case import OK
from fencing import FenceCase
from support.lab import until

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
FAILED = 1


class Explained(FenceCase):
    """hv3 holds and is switched off; hv1 waits; some executor ends hv3; then everybody is asked."""

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def fence(self, machine, *argv):
        return self.finish(self.exec(machine, "holdfast", "fence", *argv))

    def why(self, machine, target):
        code, out, err = self.fence(machine, "why", target, "--json")
        self.assertIn(code, (OK, FAILED), err)
        return json.loads(out)

    def steps(self, machine):
        code, out, _ = self.fence(machine, "log", "--json")
        self.assertEqual(code, OK)
        return [json.loads(line) for line in out.splitlines()]

    def fenced(self):
        """A real fence of hv3: (its life, the lock's name, its token)."""
        name, life = self.name("image"), self.life("hv3")
        self.hold("hv3", name)
        token = self.lab.tokens("hv1", name)["hv3"]
        self.lab.power("hv3", "off")
        self.assertEqual(self.locked("hv1", "-q", name, "true")[0], OK)
        return life, name, token

    def whole_story(self, machine, life):
        def look():
            why = self.why(machine, f"hv3/{life}")
            done = [e for e in why["executors"] if e["stage"] == "done"]
            return why if why["over"] and done and why["freed"] and why["signers"] else None

        return until(look, f"{machine} can explain the fence of hv3")

    def test_a_fence_is_explained_by_each_node(self):
        life, name, token = self.fenced()
        order = self.order("hv1", "hv3", life)
        for machine in ("hv1", "hv2", "hv4", "hv5"):
            why = self.whole_story(machine, life)
            self.assertEqual((why["node"], why["life"], why["state"]), ("hv3", life, "fenced"))
            self.assertIn("it is over", why["headline"])
            self.assertEqual(why["asked"]["lock"], name)
            self.assertEqual(why["asked"]["by"], order["accuser"])
            self.assertEqual(why["order"]["digest"], order["order"])
            self.assertRegex(why["order"]["time"], TIME)
            signed = {o["juror"] for o in order["opinions"] if o["signed"]}
            self.assertLessEqual(signed, {s["juror"] for s in why["signers"]})
            for signer in why["signers"]:
                self.assertRegex(signer["time"], TIME)
                self.assertEqual(signer["evidence"]["verdict"], "votes")
                self.assertIn("retire, power", signer["text"])
            self.assertEqual(why["receipt"]["kind"], "executor")
            self.assertEqual(why["receipt"]["by"], order["receipt"]["executor"])
            self.assertEqual(why["receipt"]["proof"], order["receipt"]["proof"])
            self.assertRegex(why["receipt"]["time"], TIME)
            self.assertEqual([(f["lock"], f["token"]) for f in why["freed"]], [(name, token)])
            code, out, _ = self.fence(machine, "why", f"hv3/{life}")
            self.assertEqual(code, OK)
            first, second, *rest = out.splitlines()
            self.assertEqual(first, why["headline"])
            self.assertTrue(second.startswith("next: "), second)
            for part in (name, order["order"], order["receipt"]["proof"], "who signed"):
                self.assertIn(part, out)
            transcripts = bool(why["transcript"])
            carried_out = machine in (order["receipt"]["executor"], order["receipt"]["witness"])
            self.assertEqual(transcripts, carried_out, machine)

    def test_the_story_outlives_the_agents(self):
        life, *_ = self.fenced()
        jurors = ["hv1", "hv2", "hv4", "hv5"]
        before = {m: self.whole_story(m, life) for m in jurors}
        self.each(self.restart, jurors)
        self.until_whole()
        for machine in jurors:
            after = self.why(machine, f"hv3/{life}")
            for key in ("headline", "asked", "order", "signers", "executors", "receipt", "freed"):
                self.assertEqual(after[key], before[machine][key], (machine, key))
            steps = self.steps(machine)
            numbers = [s["seq"] for s in steps]
            self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
            self.assertGreaterEqual([s["kind"] for s in steps].count("started"), 2)
            code, out, _ = self.fence(machine, "log", "--verify")
            self.assertEqual((code, out.startswith("whole: ")), (OK, True), out)

    def test_of_whom_nothing_is_known_nothing_is_made_up(self):
        code, out, _ = self.fence("hv1", "why", "hv4")
        self.assertEqual(code, FAILED)
        self.assertIn("nothing is known here of a fence", out)
        code, _, err = self.fence("hv1", "why", "nobody")
        self.assertEqual(code, FAILED)
        self.one_line(err, "nobody")

    def test_a_log_that_was_altered_is_found(self):
        self.fenced()
        path = self.lab.dir / "hv2" / "state" / "fence.log"
        until(lambda: self.fence("hv2", "log", "--verify")[0] == OK, "the log of hv2 is whole")
        whole = path.read_bytes()
        offline = self.dir / "copy.log"
        shutil.copy(path, offline)
        self.assertEqual(self.fence("hv1", "log", "--verify", "--file", str(offline))[0], OK)
        altered = bytearray(whole)
        altered[len(whole) // 2] ^= 1
        offline.write_bytes(altered)
        code, out, _ = self.fence("hv1", "log", "--verify", "--file", str(offline))
        self.assertEqual((code, "NOT whole" in out), (FAILED, True), out)
        # The running agent's own: the bytes change under it, then its newest record is gone.
        with path.open("r+b") as file:
            file.write(altered)
        code, out, _ = self.fence("hv2", "log", "--verify", "--json")
        self.assertEqual((code, json.loads(out)["good"]), (FAILED, False))
        self.lab.agent("hv2", "stop")
        path.write_bytes(altered)
        self.lab.agent("hv2", "start")
        self.until_whole()
        self.assertTrue((path.parent / "fence.log.broken-1").exists())
        self.assertIn("gap", [s["kind"] for s in self.steps("hv2")])
        self.assertEqual(self.fence("hv2", "log", "--verify")[0], OK)
        events = self.finish(self.exec("hv2", "holdfast", "events"))[1]
        self.assertIn("was found broken", events)

    def test_an_exported_order_is_checked_against_the_roster(self):
        life, *_ = self.fenced()
        self.whole_story("hv1", life)
        order, receipt = self.dir / "hv3.order", self.dir / "hv3.receipt"
        export = ("--export", str(order), "--export-receipt", str(receipt))
        self.assertEqual(self.fence("hv1", "show", f"hv3/{life}", *export)[0], OK)
        roster = ("--roster", str(self.lab.dir / "hv1" / "roster"))
        for path, what in ((order, "order"), (receipt, "executor")):
            code, out, err = self.fence("hv1", "verify", str(path), *roster, "--json")
            self.assertEqual(code, OK, out + err)
            verdict = json.loads(out)
            self.assertEqual((verdict["good"], verdict["what"]), (True, what))
            self.assertEqual((verdict["node"], verdict["life"]), ("hv3", life))
            self.assertEqual(verdict["actions"], ["retire", "power"])
            jurors = [c["name"] for c in verdict["checks"] if c["check"] == "vote"]
            self.assertGreaterEqual(len(jurors), 3)
            whole = path.read_bytes()
            for at in (len(whole) // 3, len(whole) - 1):
                bad = bytearray(whole)
                bad[at] ^= 4
                copy = self.dir / "bad"
                copy.write_bytes(bad)
                code, out, _ = self.fence("hv1", "verify", str(copy), *roster)
                self.assertEqual((code, "NOT good" in out), (FAILED, True), out)

    def preview(self, machine, target):
        code, out, err = self.fence(machine, "preview", target, "--json")
        self.assertEqual(code, OK, err)
        return json.loads(out)

    def test_a_preview_says_what_the_fence_then_does(self):
        name, life = self.name("image"), self.life("hv3")
        before = self.preview("hv1", "hv3")
        self.assertEqual((before["outcome"], before["locks"]), ("nothing", []))
        self.hold("hv3", name)
        self.hold("hv3", self.name("kept"), "--stale", "hold")
        self.hold("hv3", self.name("leased"), "-s")
        for machine in ("hv1", "hv5"):
            seen = until(
                lambda m=machine: (p := self.preview(m, "hv3"))["lock_count"] == 3 and p,
                f"{machine} knows what hv3 holds",
            )
            self.assertEqual((seen["life"], seen["outcome"]), (life, "executor"))
            self.assertEqual(sorted(l["policy"] for l in seen["locks"]), ["expire", "fence", "hold"])
            self.assertEqual({j["juror"] for j in seen["asked"]}, {"hv1", "hv2", "hv4", "hv5"})
            self.assertTrue(all(j["reachable"] for j in seen["asked"]))
            self.assertEqual((seen["quorum"], seen["jurors"]), (3, 5))
            self.assertLessEqual(seen["brake"], seen["brake_limit"])
            self.assertEqual(seen["shards_known"], seen["shards"])
            self.assertEqual(len(seen["executors"]), 4)
            self.assertGreater(seen["passes_ms"], seen["ordered_ms"])
        code, out, _ = self.fence("hv1", "preview", "hv3")
        self.assertEqual(code, OK)
        for part in (name, seen["device"], "what else", "freed once it is fenced"):
            self.assertIn(part, out)
        self.lab.power("hv3", "off")
        self.assertEqual(self.locked("hv1", "-q", name, "true")[0], OK)
        why = self.whole_story("hv1", life)
        self.assertEqual(why["receipt"]["by"], seen["executors"][0]["executor"])
