"""A network namespace with nothing but its loopback, and cuts between addresses of 127.0.0.0/8.

What runs inside, as a whole lab does, is not seen by anything else on this machine. A cut is one-way: the sender's
kernel has no route for that pair (EINVAL). It takes nothing but `ip`, and root.
"""
import shutil
import subprocess
import uuid


class Loopback:
    def __init__(self):
        self.name = f"hf{uuid.uuid4().hex[:8]}"
        self.made = False
        try:
            self._run("ip", "netns", "add", self.name)
            self.made = True
            self._ip("link", "set", "lo", "up")
            # Cuts come before the table of local addresses, which all else on the loopback is found in.
            self._ip("rule", "add", "pref", "100", "lookup", "local")
            self._ip("rule", "del", "pref", "0", "lookup", "local")
        except (OSError, subprocess.CalledProcessError):
            self.close()
            raise

    @staticmethod
    def works():
        """Whether such a namespace can be made here."""
        if not shutil.which("ip"):
            return False
        try:
            Loopback().close()
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    @staticmethod
    def _run(*argv):
        subprocess.run(argv, check=True, capture_output=True)

    def _ip(self, *arguments):
        self._run("ip", "-n", self.name, *arguments)

    def inside(self):
        """What to put before a command that runs there."""
        return ("ip", "netns", "exec", self.name)

    def close(self):
        if self.made:
            subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        self.made = False

    def _rule(self, verb, source, target):
        self._ip("rule", verb, "pref", "50", "from", source, "to", target, "blackhole")

    def cut(self, source, target):
        """What `source` sends to `target` is lost from now on."""
        self._rule("add", source, target)

    def heal(self, source, target):
        self._rule("del", source, target)

    def cut_sides(self, ones, others):
        for a in ones:
            for b in others:
                self.cut(a, b)
                self.cut(b, a)

    def heal_sides(self, ones, others):
        for a in ones:
            for b in others:
                self.heal(a, b)
                self.heal(b, a)
