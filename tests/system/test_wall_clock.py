"""Wall clocks that are wrong by decades, on real agents: nothing rests on them but the times in logs and events."""
import os
import unittest

from case import Case, OK
from cluster import Cluster
from support.lab import build_dir, until

WALL = build_dir() / "tests" / "wall.so"
YEAR_S = 365 * 86400


@unittest.skipUnless(WALL.exists(), "build/tests/wall.so is not built")
class WallClock(Case):
    def on(self, node, *words):
        return self.holdfast("--socket", node.options["socket"], *words)

    def test_years_apart_they_lock_and_freeze_together(self):
        cluster = Cluster(self, self.dir / "c", 3)
        for node, wrong in zip(cluster.nodes, (-56 * YEAR_S, 90 * YEAR_S, 0)):
            node.start(env={**os.environ, "LD_PRELOAD": str(WALL), "HOLDFAST_TEST_WALL": str(wrong)})
        for node in cluster.nodes:
            until(lambda n=node: n.status()["life_counts"], f"{node.name} counts")
        first, second, third = cluster.nodes
        self.assertLess(int(first.log()[:4]), 1990)
        self.assertGreater(int(second.log()[:4]), 2100)
        for node in cluster.nodes:
            self.assertEqual(self.on(node, "lock", "-x", "-w", "20", "a", "true"), (OK, "", ""))
        self.assertEqual(self.on(first, "lock", "-s", "-w", "20", "--stale", "expire:1", "b", "sleep", "3")[0], OK)
        code, out, _ = self.on(first, "fence", "freeze", "--for", "2m", "--reason", "x")
        self.assertEqual(code, OK)
        self.assertRegex(out, r"ends by itself in 1[012]\d s")
        (freeze,) = [i for i in second.status()["inhibitors"] if i["on"]]
        self.assertTrue(60000 < freeze["left_ms"] <= 120000, freeze)
        self.assertEqual(self.on(third, "fence", "thaw")[0], OK)
