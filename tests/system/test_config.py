"""`holdfast config explain`: every time with its formula, and the inequalities between them."""
import json
import re
import shutil

from case import CONFIG, Case, ERROR, OK, USAGE
from cluster import Cluster


class ConfigExplain(Case):
    machines = 1
    lab_options = ("--detect", 2000)

    def explained(self, *arguments):
        code, out, err = self.holdfast("config", "explain", "--json", *arguments)
        self.assertEqual((code, err), (OK, ""))
        return json.loads(out)

    def test_of_a_roster(self):
        roster = self.lab.dir / "hv1" / "roster"
        said = self.explained("-r", roster)
        self.assertEqual((said["members"], said["detect_ms"], said["holds"]), (1, 2000, True))
        times = {t["name"]: t["ms"] for t in said["timers"]}
        self.assertEqual((times["detect"], times["renew"], times["lose"]), (2000, 667, 2000))
        self.assertEqual((times["ttl"], times["lease_belief"]), (30000, 29970))
        for timer in said["timers"]:
            self.assertEqual(sorted(timer), ["formula", "ms", "name", "part", "text"])
            self.assertTrue(timer["formula"] and timer["text"])
        self.assertGreaterEqual({t["part"] for t in said["timers"]}, {"standing", "membership"})
        for rule in said["inequalities"]:
            self.assertEqual(
                sorted(rule), ["formula", "holds", "left_ms", "right_ms", "text"]
            )
        other = self.explained("-r", roster, "--detect", "3000")
        self.assertEqual((other["members"], other["detect_ms"]), (1, 3000))

    def test_of_a_cluster_that_is_not_made(self):
        said = self.explained("--members", "100", "--detect", "6000")
        self.assertEqual((said["members"], said["detect_ms"]), (100, 6000))
        code, out, err = self.holdfast(
            "config", "explain", "--members", "100", "--detect", "6000"
        )
        self.assertEqual((code, err), (OK, ""))
        for part in ("r = D/10", "3 r <= F", "2000 ms"):
            self.assertIn(part, out)

    def test_a_target_that_is_too_short(self):
        code, out, err = self.holdfast(
            "config", "explain", "--members", "100", "--detect", "1000", "--json"
        )
        self.assertEqual((code, json.loads(out)["holds"]), (CONFIG, False))
        broken = [r["formula"] for r in json.loads(out)["inequalities"] if not r["holds"]]
        self.one_line(err, broken[0], "100 members", "raise the detection target")
        code, out, err = self.holdfast(
            "lab", "start", "-n", "32", "-d", self.dir / "l", "--detect", "1000"
        )
        self.assertEqual((code, out), (CONFIG, ""))
        self.one_line(err, broken[0])
        self.assertFalse((self.dir / "l").exists())

    def write_detect(self, cluster, before, after):
        """Into the roster's bytes, since `roster make` refuses it."""
        raw, old = cluster.unsigned.read_bytes(), before.to_bytes(2, "little")
        at = raw.find(old)
        while at >= 0:
            cluster.roster.write_bytes(raw[:at] + after.to_bytes(2, "little") + raw[at + 2 :])
            code, out, _ = self.holdfast("roster", "show", "--json", cluster.roster)
            if code == OK and json.loads(out)["detect_ms"] == after:
                return
            at = raw.find(old, at + 1)  # the same two bytes may stand in a key
        self.fail("no such target in the roster")

    def test_an_agent_refuses_a_roster_with_a_target_that_is_too_short(self):
        cluster = Cluster(self, self.dir / "c", 20)
        self.write_detect(cluster, 6000, 1000)  # 6000 is the default for twenty
        cluster.must("roster", "sign", "-k", cluster.dir / "operator.key", cluster.roster)
        node = cluster.nodes[0]
        shutil.copy(cluster.roster, node.options["roster"])
        shown = cluster.must("roster", "show", cluster.roster)
        cluster.id = re.search(r"\b[0-9a-f]{64}\b", shown).group()
        node.configure()
        code, _, err = node.run("--check-config")
        self.assertEqual(code, CONFIG)
        self.one_line(err, "1000 ms", "config explain", program="holdfastd")

    def test_refusals(self):
        for arguments, expected, part in (
            (["explain", "-r", self.dir / "none"], ERROR, "none"),
            (["explain", "-r", "/dev/null"], CONFIG, "/dev/null"),
            (["explain", "--detect", "999"], USAGE, "999"),
            (["explain", "--members", "0"], USAGE, "0"),
            (["explain", "more"], USAGE, "more"),
            (["show"], USAGE, "show"),
            ([], USAGE, "verb"),
        ):
            with self.subTest(arguments=arguments):
                code, out, err = self.holdfast("config", *arguments)
                self.assertEqual((code, out), (expected, ""))
                self.one_line(err, part)
