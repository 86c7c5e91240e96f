"""The stale policy `action`: three agents, scripts that write down what they were told, and a node
whose agent dies. What a holder named is done, about its session and no other; if the script fails
everywhere, the machine is switched off.
"""
import json
import signal

from case import NOT_GRANTED, OK, USAGE, Case
from cluster import Cluster
from support.lab import holdfast, until
from support.varlink import Connection

# Writes down each call; ends what INFO names; `status` says whether it is ended.
SCRIPT = """#!/bin/sh
echo "$1 node=$HOLDFAST_NODE life=$HOLDFAST_LIFE info=$HOLDFAST_INFO" >> '{dir}/{name}.log'
[ -e '{dir}/{name}.fails' ] && exit 1
case $1 in
off) : > "{dir}/{name}.$HOLDFAST_NODE.$HOLDFAST_INFO" ;;
status)
    echo "{identity}"
    [ -e "{dir}/{name}.$HOLDFAST_NODE.$HOLDFAST_INFO" ] && exit 2
    exit 0
    ;;
esac
"""


class Action(Case):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(
            self,
            self.dir / "c",
            3,
            actions=["power"],
            sessions=["end-session"],
            devices=[f"test:hv{i}" for i in (1, 2, 3)],
        )
        scripts = "".join(
            self.script(name, identity)
            for name, identity in (
                ("power", "test:$HOLDFAST_NODE"),
                ("end-session", "session:$HOLDFAST_INFO"),
            )
        )
        for node in self.cluster.nodes:
            node.configure(scripts + node.for_executor)
        for node in self.cluster.nodes:
            node.start_executor()
            node.start()
        for node in self.cluster.nodes:
            until(lambda node=node: node.alive() == 3, f"{node.name} sees all")

    def script(self, name, identity):
        path = self.dir / name
        path.write_text(SCRIPT.format(dir=self.dir, name=name, identity=identity))
        path.chmod(0o755)
        return f'action "{name}" {{\n    exec = \'{path}\'\n    deadline = 5\n}}\n'

    def calls(self, name):
        log = self.dir / f"{name}.log"
        return log.read_text().splitlines() if log.exists() else []

    def lock(self, number, *arguments):
        socket = self.cluster.nodes[number - 1].options["socket"]
        return self.start(holdfast(), "--socket", socket, "lock", *arguments)

    def show(self, number, name):
        with Connection(self.cluster.nodes[number - 1].options["socket"]) as api:
            return api.call("Show", name=name)["lock"]

    def holder(self, number, name):
        return [(h["node"], h["action"], h["info"]) for h in self.show(number, name)["holders"]]

    def dead_holder(self):
        """hv3 holds two locks, for two sessions with an info each; its agent dies."""
        for name, info in (("export/a", "vm-1 on sda"), ("export/b", "vm-2 on sdb")):
            self.lock(3, "--stale", f"action end-session {info}", name, "--", "sleep", "1000")
            until(
                lambda name=name, info=info: self.holder(1, name) == [("hv3", "end-session", info)],
                f"hv3 holds {name}",
            )
        self.cluster.nodes[2].process.send_signal(signal.SIGKILL)

    def granted(self, number, name):
        code, out, err = self.holdfast(
            "--socket",
            self.cluster.nodes[number - 1].options["socket"],
            *("lock", "-w", "55", "--json", name, "true"),
        )
        self.assertEqual(code, OK, err)
        return json.loads(out.splitlines()[-1])

    def test_what_the_holder_named_is_ended_and_nothing_else(self):
        self.dead_holder()
        said = self.granted(1, "export/a")
        self.assertEqual((said["unclean"]["node"], said["unclean"]["by"]), ("hv3", "receipt"))
        told = self.calls("end-session")
        self.assertEqual(told[0], "off node=hv3 life=1 info=vm-1 on sda")
        self.assertEqual(sum(line.startswith("off ") for line in told), 1)
        self.assertFalse([line for line in told if "vm-2" in line])
        # The other lock is held, and waits for its own.
        self.assertEqual(self.holder(2, "export/b"), [("hv3", "end-session", "vm-2 on sdb")])
        self.granted(2, "export/b")
        told = self.calls("end-session")
        self.assertEqual(told.count("off node=hv3 life=1 info=vm-2 on sdb"), 1)
        self.assertEqual(told.count("off node=hv3 life=1 info=vm-1 on sda"), 1)
        self.assertEqual(self.calls("power"), [])

    def test_a_script_that_fails_leads_to_the_power_switch(self):
        (self.dir / "end-session.fails").touch()
        self.dead_holder()
        said = self.granted(1, "export/a")
        self.assertEqual(said["unclean"]["by"], "receipt")
        self.assertIn("off node=hv3 life=1 info=vm-1 on sda", self.calls("end-session"))
        self.assertEqual(self.calls("power")[0], "off node=hv3 life=1 info=")
        # The life is over, and with it what else it held.
        self.granted(2, "export/b")
        self.assertFalse([line for line in self.calls("end-session") if "vm-2" in line])

    def test_what_is_wrong_is_named(self):
        socket = self.cluster.nodes[0].options["socket"]
        for stale, part in (
            ("action none x", "no such action for sessions"),
            ("action power x", "no such action for sessions"),
            ("action ", "name of an action"),
            ("action end-session " + 129 * "x", "128"),
            ("action end-session a\tb", "control characters"),
        ):
            with self.subTest(stale):
                code, _, err = self.holdfast(
                    "--socket", socket, "lock", "--stale", stale, "x", "true"
                )
                self.assertNotIn(code, (OK, NOT_GRANTED))
                self.assertIn(part, err)
        code, _, err = self.holdfast("--socket", socket, "lock", "--stale", "action no", "x", "true")
        self.assertEqual(code, USAGE)
        self.assertIn("end-session", err)
