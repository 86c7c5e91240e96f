"""docs/getting-started.md, typed: every command of it, on three hosts of namespaces."""
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

from case import Case
from support.lab import ROOT, build_dir
from support.network import Network

GUIDE = ROOT / "docs" / "getting-started.md"
HOSTS = ("hv1", "hv2", "hv3")
PROMPT = re.compile(r"^    (admin\$|all#|hv[123]#) (.*)$")
PRIVATE = {"etc": "/etc/holdfast", "lib": "/var/lib/holdfast", "run": "/run/holdfast"}

# What belongs to a real host, and is no part of Holdfast: it says what it was asked for, and does as much of it as
# these hosts have. systemctl starts what the unit would.
TOOLS = {
    "apt-get": "exit 0",
    "nft": "exit 0",
    "chown": "exit 0",
    "scp": """
        side() { case $1 in root@10.77.0.*:*) h=${1#root@10.77.0.}; n=${h%%:*}; p=${h#*:}
            echo "$HOSTS_DIR/hv$n/etc/${p#/etc/holdfast/}" ;; *) echo "$1" ;; esac; }
        exec cp "$(side "$1")" "$(side "$2")" """,
    "systemctl": """
        start() { setsid holdfastd -c /etc/holdfast/holdfast.conf </dev/null >>"$HOST_DIR/log" 2>&1 &
            echo $! >"$HOST_DIR/pid"; }
        runs() { case $(sed -n 's/^State:[^A-Z]*//p' "/proc/$1/status" 2>/dev/null) in Z* | "") false ;; esac; }
        stop() { kill "-$1" "$(cat "$HOST_DIR/pid")"; while runs "$(cat "$HOST_DIR/pid")"; do sleep 0.05; done; }
        [ "$1" = service-watchdogs ] && exit 0
        [ "$1" = kill ] && exec kill "-$3" "$(cat "$HOST_DIR/pid")"
        for verb; do case $verb in
            restart) stop USR1; start ;; start | --now) start ;; stop) stop TERM ;; esac; done
        for i in $(seq 200); do holdfast status >/dev/null 2>&1; case $? in 0 | 1 | 2) exit 0 ;; esac; sleep 0.05; done
        exit 1""",
}


def commands():
    """[(prompt, command)], in order; a line that ends with a backslash goes on."""
    found = []
    for line in GUIDE.read_text().splitlines():
        match = PROMPT.match(line)
        if match:
            found.append((match[1][:-1], match[2]))
    return found


class GettingStarted(Case):
    weight = 2

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not Network.works() or not shutil.which("unshare"):
            self.skipTest("no namespaces can be made here")
        self.addCleanup(self.remove_mount_points, [p for p in PRIVATE.values() if not os.path.exists(p)])
        self.network = Network(len(HOSTS))
        self.addCleanup(self.network.close)
        tools = self.dir / "tools"
        tools.mkdir()
        for name, text in TOOLS.items():
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
            (tools / name).chmod(0o755)
        for name in ("holdfast", "holdfastd"):
            (tools / name).symlink_to(build_dir() / name)
        self.path = f"{tools}:{os.environ['PATH']}"
        self.shells = {"admin": self.shell("admin")}
        for number, host in enumerate(HOSTS, 1):
            home = self.dir / host
            for part in PRIVATE:
                (home / part).mkdir(parents=True, mode=0o755 if part != "lib" else 0o700)  # as the unit makes them
            (home / "machine-id").write_text(f"{number:032x}\n")
            groups = [line for line in Path("/etc/group").read_text().splitlines() if not line.startswith("holdfast:")]
            (home / "group").write_text("\n".join([*groups, "holdfast:x:59999:", ""]))
            self.shells[host] = self.shell(host, number)

    def remove_mount_points(self, made):
        """Those that this machine did not have."""
        for path in made:
            if os.path.isdir(path):
                os.rmdir(path)

    def shell(self, host, number=None):
        """A shell on a host: its network, and its own files where every host has its own."""
        script = "exec sh"
        before = ()
        if number:
            mounts = [f"mkdir -p {path} && mount --bind {self.dir / host / part} {path}" for part, path in PRIVATE.items()]
            mounts += [f"mount --bind {self.dir / host / name} /etc/{name}" for name in ("machine-id", "group")]
            script = " && ".join((*mounts, "exec sh"))
            before = (*self.network.inside(number), "unshare", "--mount")
        home = self.dir / host
        home.mkdir(exist_ok=True)
        process = self.start(
            *before, "sh", "-c", script, cwd=home, stdin=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": self.path, "HOSTS_DIR": str(self.dir), "HOST_DIR": str(home), "HOME": str(home)},
        )
        if number:
            self.addCleanup(self.end_agent, home)
        return process

    def end_agent(self, home):
        pid = home / "pid"
        if pid.exists():
            subprocess.run(["kill", pid.read_text().strip()], capture_output=True, check=False)

    def type(self, host, command):
        """What it says, and its code: all of it, but for what goes on in the background."""
        shell = self.shells[host]
        shell.stdin.write(f"{command}\necho \"\" \"=$?=\"\n".encode())
        shell.stdin.flush()
        said = []
        timer = threading.Timer(60, shell.kill)
        timer.start()
        try:
            for line in shell.stdout:
                line = line.decode(errors="replace")
                match = re.match(r"^ =(\d+)=$", line)
                if match:
                    return int(match[1]), "".join(said)
                said.append(line)
        finally:
            timer.cancel()
        self.fail(f"{host}# {command}: the shell ended: {''.join(said)}")

    def test_every_command(self):
        typed = {}
        for prompt, command in commands():
            for host in HOSTS if prompt == "all" else (prompt,):
                code, said = self.type(host, command)
                self.assertEqual(code, 0, f"{host}# {command}\n{said}")
                typed[f"{host} {command}"] = said
        self.assertGreater(len(typed), 30)
        self.look(typed)

    def look(self, typed):
        """What the guide says comes of it."""
        told = lambda start: next(said for line, said in typed.items() if line.startswith(start))  # noqa: E731
        self.assertIn("good", told("hv2 holdfastd --check-config"))
        self.assertIn("hv1 has it", told("hv1 holdfast lock -x"))
        after = told("hv3 holdfast lock -v")
        self.assertIn("held by hv2 (shared)", after)
        self.assertIn("hv3 has it, after hv2", after)
        self.assertRegex(told("hv3 holdfast locks"), r"disk/a +exclusive +held")
        self.assertFalse([line for line, said in typed.items() if "the agent was lost" in said])
        self.assertRegex(told("hv1 holdfast why disk/b"), r"the order against hv3 \(life 1\) is certified")
        self.assertIn("hv3", told("hv1 holdfast fence list"))
        self.assertIn("hv1 has it", told("hv1 wait"))
        self.assertIn("signed by  2 of 3 jurors", told("hv1 holdfast fence show hv3"))
