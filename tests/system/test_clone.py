"""A node that was cloned with its key: two agents from one store (design section 7)."""
import json
import shutil

from case import OK, Case
from cluster import Cluster, Node
from support.lab import until
from support.varlink import Connection


class Clones(Case):
    weight = 2

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self, self.dir / "a", 5)
        self.nodes = self.cluster.nodes
        for node in self.nodes:
            node.start()
        self.until_all_see_all()

    def until_all_see_all(self):
        for node in self.nodes:
            until(lambda node=node: node.alive() == 5, f"{node.name} sees all alive")

    def lock(self, node, name):
        code, _, _ = self.holdfast(
            "--socket", node.options["socket"], "lock", "-w", "2", name, "true"
        )
        return code

    def events(self, node, kind):
        """The texts of all events of that kind."""
        with Connection(node.options["socket"]) as api:
            after, texts = 0, []
            while True:
                event = api.call("Events", after=after)["event"]
                if event["seq"] == 0:
                    return texts
                after = event["seq"]
                if event["kind"] == kind:
                    texts.append(event["text"])

    def copy_of(self, node):
        """An agent from a copy of all that it has, at another port; and that address."""
        node.stop()
        copy = Node(self.cluster, 3)
        copy.dir = self.cluster.dir / "copy"
        shutil.copytree(node.dir, copy.dir, ignore=shutil.ignore_patterns("s", "log"))
        copy.options = {name: copy.dir / path.name for name, path in node.options.items()}
        node.start()
        self.until_all_see_all()
        host, port = json.loads((node.dir / "card.json").read_text())["address"].rsplit(":", 1)
        address = f"{host}:{int(port) + 1}"
        copy.configure(listen=address)
        copy.start()
        return copy, f"{host}:{port}", address

    def test_both_abstain_and_the_alarm_says_where_they_are(self):
        node = self.nodes[2]
        copy, here, there = self.copy_of(node)
        for other in self.nodes:
            until(lambda other=other: self.events(other, "clone"), f"{other.name} raises the alarm")
            text = self.events(other, "clone")[0]
            for part in ("hv3 runs twice", here, there, "key of its own"):
                self.assertIn(part, text)
        until(lambda: node.status()["cloned"] and copy.status()["cloned"], "both know")
        self.assertNotEqual(self.lock(node, self.name()), OK)
        self.assertNotEqual(self.lock(copy, self.name()), OK)
        self.assertEqual(self.lock(self.nodes[0], self.name()), OK)
        self.assertIn(
            "CLONED", self.holdfast("--socket", node.options["socket"], "status")[1]
        )
        copy.process.kill()
        copy.process.wait()
        until(lambda: not node.status()["cloned"], "one is left")
        until(lambda: self.lock(node, self.name()) == OK, "and locks again")
        self.assertIn("runs once again", self.events(self.nodes[0], "clone")[-1])
