"""Who may do what over the local API: the blocks `access` of the configuration, by real users."""
import re
import shutil
import tempfile
from pathlib import Path

from case import CONFIG, NOT_PERMITTED, OK, Case
from cluster import Cluster
from library import Shell
from support.lab import ROOT, build_dir, until
from support.varlink import Refused
from users import ConnectionAs

IDL = ROOT / "client" / "org.holdfast.varlink"
NOVA, OTHER, LOOKER, FENCER, KVM = 64055, 64056, 64057, 64058, 64108  # need no accounts
BLOCKS = f"""
access "nova" {{
    users = {{ {NOVA} }}
    groups = {{ {KVM} }}
    prefixes = {{ "image/", "disk/" }}
    may = {{ "lock", "look" }}
}}
access "monitoring" {{ users = {LOOKER} may = "look" }}
access "fencing" {{ users = {FENCER} may = {{ "fence", "look" }} }}
"""


class AccessCase(Case):
    def setUp(self):
        super().setUp()
        self.open = Path(tempfile.mkdtemp(prefix="hfa"))  # the test's own directory is root's alone
        self.addCleanup(shutil.rmtree, self.open, ignore_errors=True)
        self.open.chmod(0o711)

    def agent(self, blocks):
        """One agent, whose socket everybody may open."""
        self.node = Cluster(self, self.dir / "c").nodes[0]
        self.node.options["socket"] = self.open / "s"
        self.node.configure(blocks)
        self.node.start()
        self.node.until_store("voting")
        self.node.options["socket"].chmod(0o666)
        return self.node

    def connect(self, uid, groups=()):
        connection = ConnectionAs(self.node.options["socket"], uid, uid, groups)
        self.addCleanup(connection.close)
        return connection

    def refused(self, connection, method, **parameters):
        """The reason of a NotPermitted."""
        with self.assertRaises(Refused) as caught:
            connection.call(method, parameters)
        self.assertEqual(caught.exception.name, "NotPermitted")
        return caught.exception.parameters["reason"]


class AccessRights(AccessCase):
    def test_locks_by_prefix(self):
        self.agent(BLOCKS)
        nova = self.connect(NOVA)
        hold = nova.acquire("image/x")
        self.assertEqual(hold["state"], "held")
        for name in ("vm/7", "image", "xdisk/"):
            self.assertEqual(
                self.refused(nova, "Acquire", name=name, **{"try": True}),
                f"uid {NOVA} may lock image/, disk/ and look only, not lock {name}; see access in "
                f"{self.node.config}",
            )
        self.assertEqual(nova.call("Show", name="vm/7")["lock"]["holders"], [])
        nova.release(hold["hold"])
        self.assertEqual(nova.acquire("disk/vm-7")["state"], "held")
        said = self.refused(nova, "Acquire", name="disk/7", head=True)
        self.assertIn("not admin", said)
        self.assertIn("not lock vm/7", self.refused(nova, "Stamp", name="vm/7"))
        nova.call("Stamp", name="image/x")
        said = self.refused(nova, "AcquireAll", names=["image/1", "vm/7", "image/2"])
        self.assertIn("not lock vm/7", said)
        self.assertEqual(len(nova.call("AcquireAll", names=["image/1", "disk/2"])["holds"]), 2)
        self.assertEqual(len(nova.call("List")["operations"]), 3)

    def test_supplementary_groups_count(self):
        self.agent(BLOCKS)
        many = [KVM, *range(70000, 70200)]  # more than the agent has room for at first
        for groups in ([KVM], many):
            self.assertEqual(
                self.connect(OTHER, groups).acquire(f"image/{len(groups)}")["state"], "held"
            )
        self.assertEqual(
            self.refused(self.connect(OTHER, many[1:]), "Acquire", name="image/y"),
            f"uid {OTHER} may not lock: no block of access in {self.node.config} is about this "
            "user or its groups",
        )

    def test_who_is_in_no_block_may_call_no_method(self):
        self.agent(BLOCKS)
        api = self.connect(OTHER)
        values = {"string": "x", "[]string": ["x"], "int": 1, "bool": True}
        methods = re.findall(r"^method (\w+)\(([^)]*)\)", IDL.read_text(encoding="utf-8"), re.M)
        self.assertIn("Acquire", dict(methods))
        before = self.node.status()["counters"]["api_denied"]
        for method, takes in methods:
            with self.subTest(method):
                pairs = [pair.split(": ") for pair in takes.split(", ") if pair]
                needed = {name: values[kind] for name, kind in pairs if not kind.startswith("?")}
                self.assertIn(f"uid {OTHER} may not", self.refused(api, method, **needed))
        after = self.node.status()["counters"]["api_denied"]
        self.assertEqual(after - before, len(methods))
        self.assertIn(f"not-permitted pid={api.pid} uid={OTHER}", self.node.log())
        self.assertIn("vendor", api.call("org.varlink.service.GetInfo"))

    def test_looking_and_fencing(self):
        self.agent(BLOCKS)
        looker, fencer = self.connect(LOOKER), self.connect(FENCER)
        for method in ("Status", "Members", "List", "Orders"):
            looker.call(method)
            fencer.call(method)
        said = self.refused(looker, "Acquire", name="image/x")
        self.assertIn("may look only, not lock image/x", said)
        self.assertIn("not lock", self.refused(looker, "OpenSession"))
        self.assertIn("may look only, not fence", self.refused(looker, "Submit", file=""))
        self.assertIn("may look and fence only, not lock", self.refused(fencer, "OpenSession"))
        with self.assertRaises(Refused) as caught:
            fencer.call("Submit", file="AAAA")
        self.assertEqual(caught.exception.name, "Refused")

    def test_root_may_all_unless_it_is_named(self):
        self.agent(BLOCKS)
        self.assertEqual(self.connect(0).acquire("vm/7", head=True)["state"], "held")
        self.node.stop()
        self.node.configure(BLOCKS + 'access "root" { users = {"root"} may = "look" }\n')
        self.node.start()
        self.assertIn("uid 0 may look only", self.refused(self.connect(0), "Acquire", name="vm/8"))

    def test_without_a_block_the_socket_decides(self):
        self.agent("")
        self.assertEqual(self.connect(OTHER).acquire("vm/7")["state"], "held")

    def test_the_command_says_it_and_ends_with_77(self):
        self.agent(BLOCKS)
        user = {"user": LOOKER, "group": LOOKER, "extra_groups": []}
        try:
            self.holdfast("--version", **user)
        except PermissionError:
            self.skipTest("no process can be another user here, or reach the build directory")
        socket = ("--socket", self.node.options["socket"])
        self.assertEqual(self.holdfast(*socket, "show", "vm/7", **user)[0], OK)
        code, out, err = self.holdfast(*socket, "lock", "vm/7", "echo", "ran", **user)
        self.assertEqual((code, out), (NOT_PERMITTED, ""))
        self.one_line(err, f"not permitted: uid {LOOKER} may look only, not lock; see access in")
        user["user"] = NOVA
        code, out, err = self.holdfast(*socket, "lock", "vm/7", "echo", "ran", **user)
        self.assertEqual((code, out), (NOT_PERMITTED, ""))
        self.one_line(err, "vm/7: not permitted", "image/, disk/", self.node.config)
        self.assertEqual(self.holdfast(*socket, "lock", "disk/7", "true", **user)[0], OK)


    def test_a_program_needs_the_right_to_lock_alone(self):
        self.agent(f'access "nova" {{ users = {NOVA} may = "lock" }}\n')
        try:
            shell = Shell(
                [build_dir() / "tests" / "libshell"], user=NOVA, group=NOVA, extra_groups=[]
            )
        except PermissionError:
            self.skipTest("no process can be another user here, or reach the build directory")
        self.addCleanup(shell.end)
        shell.must(f"open {self.node.options['socket']}")
        root = self.connect(0)
        hold = root.acquire("vm/7")["hold"]
        waiter = shell.begin("acquire h vm/7")
        until(lambda: root.call("Show", name="vm/7")["lock"]["waiters"], "it waits")
        shell.must("cancel")  # then what was granted unheard is looked for
        self.assertEqual(shell.heard(waiter)[0], "CANCELLED")
        root.release(hold)
        shell.must("acquire h vm/7")
        shell.must("close")
        self.assertEqual(root.acquire("vm/7")["unclean"], None)


class AccessConfiguration(AccessCase):
    def test_what_is_wrong_is_said_with_its_line(self):
        node = Cluster(self, self.dir / "c").nodes[0]
        node.configure("")
        line = node.config.read_text().count("\n") + 1
        for block, *said in (
            ('users = {"no-such-user"} may = "lock"', "no user no-such-user", "create it"),
            ('groups = {"no-such-group"} may = "lock"', "no group no-such-group", "create it"),
            ('users = {0} prefixes = {""} may = "lock"', "prefixes: an empty one", "leave"),
            ('users = {0} may = {"lock", "write"}', "write is none of lock, look, fence, admin"),
            ('users = {0} may = "look" } access "x" { users = {1} may = "look"', "join them"),
        ):
            with self.subTest(block):
                node.configure(f'access "x" {{ {block} }}\n')
                code, _, err = node.run("--check-config")
                self.assertEqual(code, CONFIG)
                self.one_line(err, f"{node.config}:{line}: ", *said, program="holdfastd")
        node.configure(BLOCKS)
        self.assertEqual(node.run("--check-config")[0], OK)
