"""`holdfast config explain`: every time with its formula, and the inequalities between them."""
import json

from case import CONFIG, Case, ERROR, OK, USAGE


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
        for part in ("r = D/3", "3 r <= F", "2000 ms"):
            self.assertIn(part, out)

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
