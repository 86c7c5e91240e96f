"""What a script, a file or a stranger can do to fencing: one clear line, and nothing half done."""
import os
import shutil

from case import CONFIG, ERROR, NOT_PERMITTED, OK, USAGE
from cluster import Cluster
from fencing import FenceCase, fails
from support.lab import until
from test_bad_input import BadCase

ACT = '[ "$1" = off ] && '
REAL = 'exec "$power" "$@"\n'
GARBAGE = ACT + "{ printf 'a\\033[31m\\377\\n\\001'; printf '\\377\\n' >&2; exit 99; }\n" + REAL
NO_EFFECT = ACT + "exit 0\n" + REAL
# `off` does nothing but to say that it is done; from then on `status` says "off".
NOTE = 'done="${0%/*}/off"\n'
PRETENDS = NOTE + ACT + '{ touch "$done"; exit 0; }\n[ -e "$done" ] || ' + REAL
LIES = PRETENDS + '"$power" status\nexit 2\n'
OTHER_DEVICE = PRETENDS + "echo lab:0123456789abcdef\nexit 2\n"


class BadScripts(FenceCase):
    """hv3's agent is paused; whether hv3 is ended is up to the scripts of the others."""

    def tearDown(self):
        super().tearDown()
        for machine in self.lab.names:
            (self.lab.dir / machine / "off").unlink(missing_ok=True)
        self.until_whole()

    def all_fail(self, reasons):
        """Every executor fails, each for its reason; the lock passes when hv3 boots again."""
        name = self.name("bad")
        life = self.life("hv3")
        holder, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", name, log, "-v")
        stale = self.until_stage("hv2", name, "failed")
        failures = self.failures("hv2", "hv3", life)
        self.assertEqual(sorted(failures), sorted(reasons))
        for machine, reason in reasons.items():
            self.assertIn(reason, failures[machine])
            self.assertTrue(failures[machine].isprintable() and failures[machine].isascii())
        code, out, _ = self.finish(self.exec("hv4", "holdfast", "fence", "show", "hv3"))
        self.assertEqual(code, OK)
        for machine, reason in failures.items():
            self.assertEqual(out.count(f"  {machine}: failed: {reason}\n"), 1, out)
        for part in ("every executor failed", "hv3", f"life {life}", "boots again"):
            self.assertIn(part, stale["text"])
        code, out, _ = self.finish(self.exec("hv1", "holdfast", "show", name))
        self.assertIn(f"waits for  {stale['text']}\n", out)
        self.until_said(waiter, "every executor failed")
        # Nothing half done: no receipt, no break, and what runs on hv3 runs on.
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        size = log.stat().st_size
        until(lambda: log.stat().st_size > size, "the holder writes on")
        self.assertEqual([h["node"] for h in self.lab.show("hv4", name)["holders"]], ["hv3"])
        self.assertIsNone(self.order("hv1", "hv3", life)["receipt"])
        self.reboot("hv3")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "end-statement"])
        self.finish(holder)
        self.until_whole()
        self.assertEqual(self.life("hv3"), life + 1)

    def test_missing_not_executable_hanging_and_of_another_device(self):
        self.script("hv1", None)
        self.script("hv2", mode=0o600)
        self.script("hv4", "sleep 1000\n")
        self.script("hv5", OTHER_DEVICE)
        self.all_fail(
            {
                "hv1": "No such file",
                "hv2": "Permission denied",
                "hv4": "off: timed out after 3 s",
                "hv5": "not the one that the roster names",
            }
        )

    def test_it_says_off_while_it_is_on(self):
        self.script("hv1", LIES)
        self.script("hv2", NO_EFFECT)
        self.script("hv4", fails("no route to host", 7))
        self.script("hv5", GARBAGE)
        self.all_fail(
            {
                "hv1": "another node's status query says that it is on",
                "hv2": "off: done; status: on",
                "hv4": "off: exit 7: no route to host",
                "hv5": "off: exit 99",
            }
        )

    def test_the_next_executor_takes_over(self):
        """Whatever the rank of the one good script is: those before it fail, and it acts."""
        name = self.name("next")
        life = self.life("hv3")
        self.script("hv1", None)
        self.script("hv2", GARBAGE)
        self.script("hv4", fails("busy"))
        _, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", name, log, "-q")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "receipt"])
        order = self.order("hv2", "hv3", life)
        self.assertEqual(order["receipt"]["executor"], "hv5")
        for machine, text in self.failures("hv2", "hv3", life).items():
            self.assertIn({"hv1": "No such file", "hv2": "99", "hv4": "busy"}[machine], text)


class Submit(FenceCase):
    """`fence submit`: an order proves itself, or is refused, and by whom and why is said."""

    machines = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.life_ended = None

    def setUp(self):
        """One hand-over for all tests of this class."""
        super().setUp()
        shared = self.lab.dir
        self.cert, self.receipt = shared / "order", shared / "receipt"
        if type(self).life_ended is None:
            name = self.name("exported")
            type(self).life_ended = self.life("hv3")
            self.hold("hv3", name)
            self.lab.power("hv3", "off")
            self.assertEqual(self.locked("hv1", "-q", name, "true")[0], OK)
            code, _, err = self.fence(
                "hv1", "show", "hv3", "--export", self.cert, "--export-receipt", self.receipt
            )
            self.assertEqual(code, OK, err)
            self.until_whole()

    def fence(self, machine, *arguments, **options):
        return self.finish(self.exec(machine, "holdfast", "fence", *arguments, **options))

    def refused(self, machine, path, *parts, code=ERROR):
        got, out, err = self.fence(machine, "submit", path)
        self.assertEqual((got, out), (code, ""), err)
        self.one_line(err, *parts)

    def unharmed(self):
        """What the agents know of orders, and hv3's life, before and after."""
        orders = [self.orders(m) for m in self.lab.names]
        return orders, [self.lab.status(m)["pid"] for m in self.lab.names], self.life("hv3")

    def test_an_order_against_a_life_that_is_over_does_nothing(self):
        before = self.unharmed()
        for machine in self.lab.names:
            self.refused(machine, self.cert, f"{machine} refused it", "F3")
            code, out, err = self.fence(machine, "submit", self.receipt)
            self.assertEqual((code, err), (OK, ""))
            self.assertIn("known here", out)
        self.assertEqual(self.unharmed(), before)
        self.assertEqual(self.lab.power("hv3", "status"), "on")

    def test_truncated_altered_or_grown_files(self):
        before = self.unharmed()
        bad = self.dir / "bad"
        for path in (self.cert, self.receipt):
            good = path.read_bytes()
            for size in (0, 1, 7, 8, 9, len(good) // 2, len(good) - 1):
                bad.write_bytes(good[:size])
                self.refused("hv1", bad, "hv1 refused it")
            for at in range(0, len(good), 1 + len(good) // 25):
                bad.write_bytes(good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
                self.refused("hv2", bad, "hv2 refused it")
            for more in (b"x", bytes(200)):
                bad.write_bytes(good + more)
                self.refused("hv1", bad, "hv1 refused it")
        bad.write_bytes(self.cert.read_bytes()[:8] + self.receipt.read_bytes()[8:])
        self.refused("hv1", bad, "hv1 refused it")
        self.assertEqual(self.unharmed(), before)

    def test_files_that_are_nothing_of_the_kind(self):
        before = self.unharmed()
        roster = self.lab.dir / "hv1" / "roster"
        for path in (roster, self.lab.dir / "hv1" / "card.json"):
            self.refused("hv1", path, "refused it")
        big = self.dir / "big"
        big.write_bytes(self.cert.read_bytes() + bytes(1 << 20))
        self.refused("hv1", big, big)
        self.refused("hv1", self.dir, self.dir)
        self.refused("hv1", self.dir / "none", self.dir / "none")
        self.refused("hv1", "/dev/zero", "/dev/zero")
        self.assertEqual(self.unharmed(), before)

    def test_another_clusters_order(self):
        cluster = Cluster(self, self.dir / "b")
        node = cluster.nodes[0]
        node.start()
        node.until_store("voting")
        code, out, err = self.holdfast(
            "--socket", node.options["socket"], "fence", "submit", self.cert
        )
        self.assertEqual((code, out), (ERROR, ""))
        self.one_line(err, "hv1 refused it")

    def test_who_may_not_use_the_socket(self):
        if os.geteuid() != 0:
            self.skipTest("another user is needed, and only root can be one")
        socket = self.lab.socket("hv1")
        copy = self.dir / "order"
        shutil.copy(self.cert, copy)
        self.dir.chmod(0o755)
        try:
            code, out, err = self.holdfast(
                "--socket", socket, "fence", "list", user=65534, group=65534
            )
        except PermissionError:
            self.skipTest("another user cannot reach the build directory")
        self.assertEqual((code, out), (NOT_PERMITTED, ""))
        self.one_line(err, socket)
        stream = {"stdin": open(copy, "rb")}
        self.addCleanup(stream["stdin"].close)
        code, out, err = self.holdfast(
            "--socket", socket, "fence", "submit", "/dev/stdin", user=65534, group=65534, **stream
        )
        self.assertEqual((code, out), (NOT_PERMITTED, ""), err)
        self.one_line(err, socket)

    def test_usage_and_what_there_is_not(self):
        for arguments in (
            [],
            ["order", "hv3"],
            ["show"],
            ["submit"],
            ["list", "more"],
            ["show", "hv3/0"],
            ["show", "hv3/x"],
            ["list", "--export", "x"],
        ):
            with self.subTest(arguments):
                code, out, err = self.fence("hv1", *arguments)
                self.assertEqual((code, out), (USAGE, ""))
                self.one_line(err)
        for target in ("hv2", "hv3/99", "nobody"):
            code, out, err = self.fence("hv1", "show", target)
            self.assertEqual((code, out), (ERROR, ""))
            self.one_line(err, target)
        for path in (self.dir, self.dir / "none" / "file"):
            code, out, err = self.fence("hv1", "show", "hv3", "--export", path)
            self.assertEqual(code, ERROR, err)
            self.one_line(err, path)


class BadFenceConfiguration(BadCase):
    """Sections `action`, and `on_isolation`."""

    def action(self, text, name="power"):
        return f'action "{name}" {{\n    {text}\n}}\n'

    def checked(self, extra, *parts):
        self.node.configure(extra)
        err = self.refused(self.node.config, *parts)
        self.assertEqual(self.node.run("--check-config"), (CONFIG, "", err))

    def test_what_is_wrong_is_named(self):
        path = "exec = '/bin/true'"
        for extra, *parts in (
            (self.action(f"{path}\n    deadline = 0"), ":10:", "deadline", "between 1 and 60"),
            (self.action(f"{path}\n    deadline = 61"), ":10:", "deadline", "between 1 and 60"),
            (self.action(f"{path}\n    deadline = soon"), ":10:", "deadline"),
            (self.action("exec = 'fence.sh'"), ":9:", "exec", "absolute"),
            (self.action("exec = ''"), ":9:", "exec", "absolute"),
            (self.action("deadline = 5"), "power", "exec is missing"),
            (self.action(f"{path}\n    user = root"), ":10:", "user"),
            (self.action(path, "x" * 40), "x" * 40),
            (self.action(path, ""), "name"),
            (self.action(path) * 2, "power"),
            ("on_isolation = maybe\n", ":8:", "on_isolation", "stop", "continue"),
            ("on_isolation =\n", "premature end"),
        ):
            with self.subTest(extra):
                self.checked(extra, *parts)

    def test_an_action_that_the_roster_does_not_know(self):
        self.checked(self.action("exec = '/bin/true'", "powr"), "powr", "roster")

    def test_a_script_that_is_not_there_yet_is_no_reason_not_to_start(self):
        cluster = Cluster(self, self.dir / "c", actions=["power"])
        node = cluster.nodes[0]
        node.configure(self.action(f"exec = '{self.dir}/none'") + node.for_executor)
        code, out, err = node.run("--check-config")
        self.assertEqual((code, err), (OK, ""), out)
        node.start_executor()
        log = node.dir / "executor.log"
        until(lambda: "started" in log.read_text(), "the executor is up")
        self.assertIn("script-unusable", log.read_text())
        self.assertIn(str(self.dir / "none"), log.read_text())
