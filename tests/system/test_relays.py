"""T3 on real agents: links that are broken between two nodes, while others reach both."""
from case import OK, Case
from cluster import Cluster
from support.lab import until
from support.network import Network
from support.varlink import Connection


class BrokenLinks(Case):
    """Five nodes in network namespaces of their own."""

    weight = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.can = Network.works()

    def setUp(self):
        super().setUp()
        if not self.can:
            self.skipTest("no network namespaces can be made here")
        self.network = Network(5)
        self.addCleanup(self.network.close)
        hosts = [self.network.address(i) for i in range(1, 6)]
        self.nodes = Cluster(self, self.dir / "a", 5, hosts=hosts).nodes

    def start_node(self, number):
        self.nodes[number - 1].start(before=self.network.inside(number))

    def start_all(self):
        for number in range(1, 6):
            self.start_node(number)
        self.until_all_see_all()

    def kill(self, number):
        self.nodes[number - 1].process.kill()
        self.nodes[number - 1].process.wait()

    def until_all_see_all(self):
        for node in self.nodes:
            until(lambda node=node: node.alive() == 5, f"{node.name} sees all alive")

    def locks(self, number, count=5):
        socket = self.nodes[number - 1].options["socket"]
        for _ in range(count):
            code, _, err = self.holdfast("--socket", socket, "lock", "-w", "20", self.name(), "true")
            self.assertEqual(code, OK, err)

    def member(self, number, of):
        """What one node says of another."""
        with Connection(self.nodes[number - 1].options["socket"]) as api:
            members = api.call("Members")["members"]
        return next(m for m in members if m["name"] == f"hv{of}")

    def unreachable(self, number, of):
        """The first-hand verdict of one node about another (M3)."""
        return self.member(number, of)["unreachable"]

    def counter(self, number, name):
        return self.nodes[number - 1].status()["counters"][name]

    def test_one_neighbour_is_enough_and_the_direct_way_comes_back(self):
        self.start_all()
        self.locks(1)
        for other in (2, 3, 4):
            self.network.cut_both(1, other)
        self.locks(1, 10)
        self.locks(2, 10)
        for other in (2, 3, 4):
            until(lambda other=other: self.unreachable(1, other), "hv1 says whom it misses")
            until(lambda other=other: self.unreachable(other, 1), "and they, that they miss it")
        self.assertFalse(self.unreachable(1, 5))
        until(lambda: self.member(1, 2)["via"] == "hv5", "hv1 says through whom it talks to hv2")
        self.assertEqual(self.member(1, 5)["via"], "")
        self.assertGreater(self.counter(5, "relays_handed"), 0)
        self.until_all_see_all()
        for other in (2, 3, 4):
            self.network.heal_both(1, other)
        for other in (2, 3, 4):
            until(lambda other=other: not self.unreachable(1, other), "it reaches them directly")
            until(lambda other=other: not self.unreachable(other, 1), "and they it")
        self.locks(1)

    def test_a_one_way_cut(self):
        self.start_all()
        self.network.cut(1, 2)
        until(lambda: self.unreachable(1, 2), "hv1 does not reach hv2")
        self.locks(1)
        self.locks(2)
        self.until_all_see_all()
        until(lambda: not self.unreachable(2, 1), "hv2 reaches hv1")

    def test_another_relay_takes_the_place_of_one_that_dies(self):
        self.start_all()
        for other in (2, 3):
            self.network.cut_both(1, other)
        self.locks(1)
        self.kill(4)
        self.locks(1, 10)
        self.start_node(4)
        self.until_all_see_all()
        self.kill(5)
        self.locks(1, 10)

    def test_two_that_never_met_meet_through_a_third(self):
        self.network.cut_both(1, 2)
        self.start_all()
        self.locks(1)
        self.locks(2)
        self.assertTrue(self.unreachable(1, 2))
