"""`holdfast config`: explain, every time with its formula, and the inequalities between them; show, every option with
its origin, and what a running agent has otherwise."""
import json
import re
import shutil
import signal

from case import CONFIG, Case, ERROR, OK, USAGE
from cluster import Cluster
from support.lab import ROOT, until


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
        self.assertEqual((times["detect"], times["renew"], times["lose"]), (2000, 200, 2318))
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
            (["tell"], USAGE, "tell"),
            ([], USAGE, "verb"),
        ):
            with self.subTest(arguments=arguments):
                code, out, err = self.holdfast("config", *arguments)
                self.assertEqual((code, out), (expected, ""))
                self.one_line(err, part)


class ConfigShow(Case):
    """One agent that is made by hand."""

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self, self.dir / "c")
        self.node = self.cluster.nodes[0]
        self.node.configure("# a comment\ngrace = 3\n")

    def shown(self, *arguments):
        code, out, err = self.holdfast("--socket", self.node.options["socket"], "config", "show", "--json", *arguments)
        self.assertEqual((code, err), (OK, ""))
        said = json.loads(out)
        return said, {s["name"]: s for s in said["settings"]}

    def line_of(self, option):
        lines = self.node.config.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if line.startswith(option))

    def test_of_a_file_each_value_and_its_origin(self):
        said, settings = self.shown("-c", self.node.config)
        self.assertEqual((said["file"], said["running"], said["differs"]), (str(self.node.config), False, []))
        for option in ("grace", "cluster", "roster", "socket"):
            self.assertEqual((settings[option]["origin"], settings[option]["line"]), ("file", self.line_of(option)))
        self.assertEqual(settings["grace"]["value"], "3")
        self.assertEqual((settings["max-locks"]["value"], settings["max-locks"]["origin"]), ("65536", "default"))
        self.assertEqual(settings["socket-group"]["value"], "")
        for option, reload, restart in (
            ("grace", True, []),
            ("max-locks", False, ["holdfastd"]),
            ("agent-user", False, ["holdfast-executor"]),
            ("cluster", False, ["holdfastd", "holdfast-executor"]),
        ):
            self.assertEqual((settings[option]["reload"], settings[option]["restart"]), (reload, restart), option)

    def test_the_times_are_those_of_explain(self):
        said, _ = self.shown("-c", self.node.config)
        code, out, _ = self.holdfast("config", "explain", "--json", "-r", self.node.options["roster"])
        self.assertEqual(code, OK)
        explained = {t["name"]: (t["ms"], t["formula"]) for t in json.loads(out)["timers"]}
        self.assertEqual({t["name"]: (t["ms"], t["formula"]) for t in said["times"]}, explained)
        self.assertEqual({t["from"] for t in said["times"]}, {"roster", "detect", "detect, members", "fixed", "ttl"})

    def test_every_option_of_the_documentation_is_shown(self):
        text = (ROOT / "docs" / "configuration.md").read_text()
        documented = set(re.findall(r"^\| `([a-z][a-z_-]+)(?: \"NAME\" \{\.\.\.\})?` \|", text.split("In a section")[0], re.M))
        _, settings = self.shown("-c", self.node.config)
        self.assertEqual(documented, {name.split()[0] for name in settings})

    def test_of_a_running_agent_what_it_has_otherwise(self):
        agent = self.node.start("--log-level", "debug")
        self.node.until_store("voting")
        said, settings = self.shown()
        self.assertEqual((said["file"], said["running"], said["differs"]), (str(self.node.config), True, []))
        self.assertEqual((settings["log-level"]["value"], settings["log-level"]["origin"]), ("debug", "command-line"))
        self.assertEqual(settings["listen"]["origin"], "roster")
        self.node.configure(
            'grace = 4\naction "power" { exec = "/x" }\naccess "a" { users = root  may = look }\n', max_locks=1000
        )
        said, _ = self.shown()
        differs = {d["name"]: d for d in said["differs"]}
        self.assertEqual((said["reload"], said["restart"]), (True, True))
        self.assertEqual((differs["grace"]["running"], differs["grace"]["file"], differs["grace"]["reload"]), ("3", "4", True))
        self.assertEqual(differs["max-locks"]["restart"], ["holdfastd"])
        self.assertEqual((differs['action "power" exec']["running"], differs['action "power" exec']["file"]), (None, "/x"))
        self.assertEqual(differs['access "a" may']["line"], self.line_of("access"))
        agent.send_signal(signal.SIGHUP)
        until(lambda: 'changed="grace access"' in self.node.log(), "it is read")
        said, _ = self.shown()
        self.assertEqual((said["reload"], said["restart"]), (False, True))
        self.assertEqual({d["name"] for d in said["differs"]}, {"max-locks", 'action "power" exec'})
        code, out, _ = self.holdfast("--socket", self.node.options["socket"], "config", "show")
        self.assertEqual(code, OK)
        for part in (f"{self.node.config}:{self.line_of('grace')}", "max-locks: it has 65536, the file says 1000", "command line"):
            self.assertIn(part, out)

    def test_an_agent_that_may_not_be_asked_is_no_reason_not_to_show_the_file(self):
        agent = self.node.start()
        self.node.until_store("voting")
        self.node.configure('access "nobody" { users = {"root"}  may = "lock" }\n')
        agent.send_signal(signal.SIGHUP)
        until(lambda: 'changed="grace access"' in self.node.log(), "it is read")
        code, out, err = self.holdfast(
            "--socket", self.node.options["socket"], "config", "show", "-c", self.node.config
        )
        self.assertEqual(code, OK)
        self.one_line(err, "not permitted")
        self.assertIn("no agent at", out)
        self.assertRegex(out, rf'access "nobody" may +lock +{self.node.config}:')

    def test_what_the_executor_alone_reads_is_said_by_the_reload(self):
        agent = self.node.start()
        self.node.until_store("voting")
        self.node.configure('executor-state = "/x"\nagent-user = "root"\n')
        agent.send_signal(signal.SIGHUP)
        until(lambda: 'with-the-executors-next-start="executor-state agent-user"' in self.node.log(), "it is said")

    def test_a_file_that_is_wrong(self):
        self.node.configure("nonsense = 1\n")
        code, out, err = self.holdfast("config", "show", "-c", self.node.config)
        self.assertEqual((code, out), (CONFIG, ""))
        self.one_line(err, f"{self.node.config}:{self.line_of('nonsense')}", "nonsense", program="holdfastd")
        for wrong in (("show", "--detect", "4000"), ("explain", "-c", "x"), ("tell",), ()):
            code, out, err = self.holdfast("config", *wrong)
            self.assertEqual((code, out), (USAGE, ""), wrong)
