"""Nodes with a network each: a namespace and a cable to one switch, and cuts between any two.

A cut is silent and one-way, as a broken path is: the sender's neighbour table names a hardware
address that nobody has. It takes nothing but `ip`, and root.
"""
import shutil
import subprocess
import uuid

NOBODY = "02:00:00:00:00:99"


class Network:
    """`count` nodes, 10.77.0.1 and so on, and the switch in a namespace of its own."""

    def __init__(self, count):
        stem = f"hf{uuid.uuid4().hex[:6]}"
        self.switch = f"{stem}s"
        self.nodes = [f"{stem}n{i}" for i in range(1, count + 1)]
        self.made = []
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError):
            self.close()
            raise

    @staticmethod
    def works():
        """Whether namespaces can be made here."""
        if not shutil.which("ip"):
            return False
        try:
            Network(1).close()
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _make(self):
        self._namespace(self.switch)
        self._ip(self.switch, "link", "add", "br0", "type", "bridge")
        self._ip(self.switch, "link", "set", "br0", "up")
        for i, node in enumerate(self.nodes, 1):
            self._namespace(node)
            self._ip(self.switch, "link", "add", f"v{i}", "type", "veth", "peer", "name", "eth0",
                     "netns", node)
            self._ip(self.switch, "link", "set", f"v{i}", "master", "br0", "up")
            self._ip(node, "addr", "add", f"{self.address(i)}/24", "dev", "eth0")
            self._ip(node, "link", "set", "eth0", "up")
            self._ip(node, "link", "set", "lo", "up")

    def _namespace(self, name):
        self._run("ip", "netns", "add", name)
        self.made.append(name)

    def _ip(self, namespace, *arguments):
        self._run("ip", "-n", namespace, *arguments)

    @staticmethod
    def _run(*argv):
        subprocess.run(argv, check=True, capture_output=True)

    def close(self):
        while self.made:
            subprocess.run(["ip", "netns", "del", self.made.pop()], capture_output=True, check=False)

    @staticmethod
    def address(number):
        return f"10.77.0.{number}"

    def inside(self, number):
        """What to put before a command that runs at node `number`."""
        return ("ip", "netns", "exec", self.nodes[number - 1])

    def cut(self, source, target):
        """What `source` sends to `target` is lost from now on."""
        self._ip(self.nodes[source - 1], "neigh", "replace", self.address(target), "lladdr", NOBODY,
                 "dev", "eth0", "nud", "permanent")

    def heal(self, source, target):
        self._ip(self.nodes[source - 1], "neigh", "del", self.address(target), "dev", "eth0")

    def cut_both(self, a, b):
        self.cut(a, b)
        self.cut(b, a)

    def heal_both(self, a, b):
        self.heal(a, b)
        self.heal(b, a)
