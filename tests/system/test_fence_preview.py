"""What a preview knows of a node's locks: there and elsewhere, in a cluster with more nodes than a
lock has voters."""
import json

from case import OK, Case
from support.lab import until


class Preview(Case):
    """Six machines, five voters for each lock: none of them stores the locks of all shards."""

    machines = 6

    def preview(self, machine, target, *argv):
        code, out, err = self.finish(self.exec(machine, "holdfast", "fence", "preview", target, *argv))
        self.assertEqual(code, OK, err)
        return out

    def test_asked_at_the_node_itself_it_is_whole(self):
        names = {}
        while len(set(names.values())) < 2:
            name = self.name("disk")
            names[name] = "hv6" in self.lab.call("hv6", "Locate", name=name)["cohort"]
        for name in names:
            self.hold("hv6", name)
        self.hold("hv6", self.name("leased"), "-s")
        self.lock("hv1", next(name for name in names if names[name]), "--", "true")

        def own():
            seen = json.loads(self.preview("hv6", "hv6", "--json"))
            return seen if 1 in [lock["waiters"] for lock in seen["locks"]] else None

        seen = until(own, "hv6 knows who waits")
        self.assertEqual((seen["own"], seen["whole"]), (True, True))
        self.assertLess(seen["shards_known"], seen["shards"])
        self.assertEqual(seen["lock_count"], len(names) + 1)
        self.assertEqual(len({lock["hold"] for lock in seen["locks"]}), len(names) + 1)
        for lock in seen["locks"]:
            if lock["name"] in names:
                self.assertEqual(lock["waiters"] is not None, names[lock["name"]], lock)
                self.assertEqual((lock["policy"], lock["mode"]), ("fence", "exclusive"))
        self.assertEqual(len(seen["asked"]), 5)
        out = self.preview("hv6", "hv6")
        self.assertIn("the list of its locks is whole", out)
        self.assertIn("who waits is not known here", out)
        elsewhere = json.loads(self.preview("hv1", "hv6", "--json"))
        self.assertEqual((elsewhere["own"], elsewhere["whole"]), (False, False))
        self.assertIn("run `holdfast fence preview hv6` there", self.preview("hv1", "hv6"))
