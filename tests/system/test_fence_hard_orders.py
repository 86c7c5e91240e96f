"""Hard cases of fencing on real agents: what becomes of an order that is handed in again, late, to whoever restarted
meanwhile, or forged with as many keys as it takes (docs/fencing.md has the table)."""
from case import ERROR, OK
from support.forged import FORGED
from support.lab import build_dir, until
from test_fence_hard import HardCase

# As SLOW, and keeps what it was called for: one line for each verb.
COUNTED = (
    'echo "$1" >>"${0%/*}/verbs"\n[ "$1" = off ] && touch "${0%/*}/began" && sleep 3\nexec "$power" "$@"\n'
)


class Orders(HardCase):
    def setUp(self):
        super().setUp()
        for machine in self.lab.names:
            (self.lab.dir / machine / "verbs").unlink(missing_ok=True)
            self.script(machine, COUNTED)

    def offs(self):
        """On how many machines a driver began to switch hv3 off, and how often."""
        found = {}
        for machine in self.lab.names:
            path = self.lab.dir / machine / "verbs"
            count = path.read_text().split().count("off") if path.exists() else 0
            if count:
                found[machine] = count
        return found

    def fence(self, machine, *arguments):
        return self.finish(self.exec(machine, "holdfast", "fence", *arguments))

    def begin(self, stem):
        """hv3's agent stands while its writer goes on, and hv1 waits."""
        name, life = self.name(stem), self.life("hv3")
        _, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        return name, life, self.successor("hv1", name, log, "-q")

    def passed(self, waiter, life):
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "receipt"])

    def export(self, machine, life):
        path = self.dir / "order"
        code, _, err = self.fence(machine, "show", f"hv3/{life}", "--export", path)
        self.assertEqual(code, OK, err)
        return path

    def test_an_open_order_is_handed_in_again_and_to_who_was_away(self):
        """It is known, or becomes so: and is carried out once."""
        self.lab.agent("hv5", "kill")
        _, life, waiter = self.begin("again")
        acting = self.acting()
        path = self.export("hv1", life)
        self.lab.agent("hv5", "start")
        self.lab.wait_voting("hv5")
        for _ in range(3):
            for machine in ("hv1", "hv2", "hv4", "hv5"):
                code, out, err = self.fence(machine, "submit", path)
                self.assertEqual((code, err), (OK, ""), machine)
                self.assertTrue("known here" in out or "told to everybody" in out, out)
        self.passed(waiter, life)
        self.assertEqual(self.offs(), {acting: 1})
        for machine in ("hv2", "hv5"):
            receipt = until(lambda m=machine: self.order(m, "hv3", life)["receipt"], f"{machine} has the receipt")
            self.assertEqual(receipt["executor"], acting)
        # And once more when all is over, also to the node itself: the life that it names is.
        self.until_whole()
        for machine in ("hv1", "hv3", "hv5"):
            code, out, err = self.fence(machine, "submit", path)
            self.assertEqual((code, out), (ERROR, ""), err)
            self.one_line(err, f"{machine} refused it", "F3")
        self.assertEqual((self.offs(), self.life("hv3")), ({acting: 1}, life + 1))

    def test_the_agent_of_the_executor_restarts(self):
        """Its run is lost with it, its driver is killed, and the next one acts; it never acts again on that life."""
        _, life, waiter = self.begin("restarts")
        acting = self.acting()
        self.lab.agent(acting, "kill")
        self.lab.agent(acting, "start")
        self.passed(waiter, life)
        offs = self.offs()
        self.assertEqual((offs.pop(acting), len(offs)), (1, 1), offs)
        self.assertIn(self.order("hv1", "hv3", life)["receipt"]["executor"], offs)

    def test_forged_orders(self):
        """With the keys of a majority of the jurors, and one rule against each."""
        _, life, waiter = self.begin("forged")
        self.passed(waiter, life)
        path = self.export("hv1", life)
        self.until_whole()
        code, out, err = self.run_to_end(
            build_dir() / "demo" / "forge", self.lab.dir, "hv3", self.life("hv3"), path, self.dir
        )
        self.assertEqual(code, 0, err)
        self.assertEqual({line.split("\t")[0] for line in out.splitlines()}, set(FORGED))
        before = self.orders("hv1"), self.orders("hv3"), self.offs(), self.life("hv3")
        holder = self.hold("hv3", self.name("own"))
        for name, words in FORGED.items():
            for machine in ("hv1", "hv3"):
                code, out, err = self.fence(machine, "submit", self.dir / name)
                self.assertEqual((code, out), (ERROR, ""), name)
                self.one_line(err, f"{machine} refused it", words)
        self.assertEqual((self.orders("hv1"), self.orders("hv3"), self.offs(), self.life("hv3")), before)
        self.assertFalse(self.lab.status("hv3")["bound"])
        self.assertIsNone(holder.poll())
