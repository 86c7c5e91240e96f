"""What the agent and `holdfast doctor` know of the executor and of the devices before an order needs them."""
import json
import os
import re
import signal

from bmc import PASSWORD
from case import CONFIG, ERROR, OK, Case
from cluster import Cluster
from fencing import FenceCase
from support.lab import until
from test_bmc import BmcCase


class Asked:
    """Of a lab: what hv1's doctor finds."""

    def doctor(self, machine="hv1"):
        """(code, {check: [finding]})."""
        home = self.lab.dir / machine
        code, out, err = self.holdfast(
            "doctor", "--json", "--socket", self.lab.socket(machine), "-c", home / "holdfast.conf",
            "--state", home / "state"
        )
        self.assertEqual(err, "")
        found = {}
        for check in json.loads(out)["checks"]:
            found.setdefault(check["check"], []).append(check)
        return code, found

    def executor_pid(self, machine):
        log = (self.lab.dir / machine / "executor.log").read_text()
        return int(re.findall(r" started .* pid=(\d+)", log)[-1])

    def until_reachable(self, machine, yes):
        def look():
            executor = self.lab.status(machine)["executor"]
            return executor if executor["reachable"] == yes and executor["since_ms"] >= 0 else None

        return until(look, f"{machine}'s agent sees that its executor is {'there' if yes else 'gone'}")


class Devices(Asked, BmcCase):
    def setUp(self):
        super().setUp()
        for machine in self.lab.names:
            self.until_reachable(machine, True)

    def devices(self, found):
        """{device: finding}."""
        return {re.match(r"\S+-bmc", f["text"]).group(): f for f in found["device"]}

    def test_all_is_well(self):
        code, found = self.doctor()
        self.assertEqual({c["verdict"] for c in found["executor"] + found["device"]}, {"ok"}, found)
        self.assertEqual(sorted(self.devices(found)), ["hv2-bmc", "hv3-bmc"])
        texts = [c["text"] for c in found["executor"]]
        self.assertIn("may execute for 2 of 2 other nodes: hv2, hv3", texts)
        self.assertIn("action power: by devices", texts)
        reply = self.lab.call("hv1", "CheckExecutor")
        for device in reply["devices"]:
            node = device["node"]
            self.assertEqual((device["state"], device["good"]), ("on", True))
            self.assertEqual(device["identity"], device["expected"])
            self.assertTrue(device["identity"].startswith("lab:"), node)
        self.assertNotIn(PASSWORD, json.dumps(reply) + json.dumps(found) + self.all_that_was_written())
        # Nothing was switched, and the second question reached no device.
        for bmc in (self.bmcs["hv2"], self.bmcs["hv3"]):
            self.assertEqual({what for _, what in bmc.log()}, {"get power"})
        self.assertEqual(code, OK, found)

    def test_devices_that_lie_are_silent_or_another_machines(self):
        """Side by side: the others are told of all the same, and nobody is switched off."""
        self.bmc.says("lies-off", True)
        silent = self.bmcs["hv2"]
        silent.silent(True)
        self.addCleanup(silent.silent, False)

        def noticed():  # what they said before is told again for a while
            code, found = self.doctor()
            return (code, found) if code == ERROR else None

        code, found = until(noticed, "something is bad")
        devices = self.devices(found)
        self.assertEqual([devices[d]["verdict"] for d in ("hv2-bmc", "hv3-bmc")], ["bad", "bad"])
        self.assertIn("status: off, yet hv3 is alive: it lies", devices["hv3-bmc"]["text"])
        self.assertIn("which machine it is wired to", devices["hv3-bmc"]["mend"])
        self.assertRegex(devices["hv2-bmc"]["text"], "identity: (exit 1|timed out)")
        self.assertIn("by hand", devices["hv2-bmc"]["mend"])
        bad = [c["text"] for c in found["executor"] if c["verdict"] == "bad"]
        self.assertEqual(len([t for t in bad if "0 of 1 devices work" in t]), 2, bad)
        for machine in ("hv2", "hv3"):
            self.assertEqual(self.lab.power(machine, "status"), "on")
            self.assertEqual(self.orders(machine), [])
        silent.silent(False)
        self.bmc.says("lies-off", False)
        other = silent.guid
        self.bmc.end()
        self.bmc.begin(other)

        def put_back():
            self.bmc.end()
            self.bmc.begin()

        self.addCleanup(put_back)

        def mended():
            devices = self.devices(self.doctor()[1])
            return devices if devices["hv2-bmc"]["verdict"] == "ok" else None

        devices = until(mended, "hv2's controller answers again")
        self.assertEqual(devices["hv3-bmc"]["verdict"], "bad")
        self.assertIn(f"{other} is not the device that the roster names", devices["hv3-bmc"]["text"])


class Scripts(Asked, FenceCase):
    machines = 3
    lab_options = ("--detect", 2000, "--http")

    def metric(self, machine, name):
        code, out, err = self.run_to_end("curl", "-sf", f"http://{self.http(machine)}/metrics")
        self.assertEqual(code, 0, err)
        return float(re.search(rf"(?m)^{name} (\S+)$", out).group(1))

    def http(self, machine):
        return re.search(r"(?m)^http = '(.*)'", (self.lab.dir / machine / "holdfast.conf").read_text()).group(1)

    def test_an_executor_that_is_not_there(self):
        self.until_reachable("hv1", True)
        self.assertEqual(self.metric("hv1", "holdfast_executor_reachable"), 1)
        os.kill(self.executor_pid("hv1"), signal.SIGKILL)
        self.until_reachable("hv1", False)
        until(lambda: "refused" in self.lab.status("hv1")["executor"]["text"], "it was asked once more")
        self.assertEqual(self.metric("hv1", "holdfast_executor_reachable"), 0)
        code, out, _ = self.holdfast("status", "--socket", self.lab.socket("hv1"))
        self.assertIn("EXECUTOR  does not answer", out)
        code, found = self.doctor()
        self.assertEqual(code, ERROR)
        bad = found["executor"]
        self.assertEqual([c["verdict"] for c in bad], ["bad"])
        self.assertIn("does not answer: Connection refused", bad[0]["text"])
        self.assertIn("systemctl start holdfast-executor", bad[0]["mend"])
        self.restart("hv1")
        self.until_reachable("hv1", True)
        self.until_whole()

    def test_an_executor_that_hangs(self):
        """The agent goes on, and says what it waits for; a script is looked at, not run."""
        pid = self.executor_pid("hv2")
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        executor = self.until_reachable("hv2", False)
        self.assertIn("in time", executor["text"])
        os.kill(pid, signal.SIGCONT)
        self.until_reachable("hv2", True)
        self.script("hv2", mode=0o600)
        code, found = self.doctor("hv2")
        self.assertEqual(code, ERROR)
        bad = [c for c in found["executor"] if c["verdict"] == "bad"]
        self.assertTrue(any("its script cannot be run: Permission denied" in c["text"] for c in bad), bad)
        self.script("hv2")
        code, found = self.doctor("hv2")
        self.assertIn("action power: by a script, which can be run", [c["text"] for c in found["executor"]])


class Configuration(Case):
    def test_what_is_asked_by_ipmitool_has_its_address_and_user_in_the_options(self):
        """Not in the secrets: they would be arguments of a process, which every user sees."""
        cluster = Cluster(self, self.dir / "c", 2, actions=["power"], devices=["lab:one", "lab:two"])
        node, secrets = cluster.nodes[0], self.dir / "secrets"
        secrets.write_text("password=x\nip=10.0.0.1\nusername=fence\n")
        secrets.chmod(0o600)
        device = (
            'action "power" { devices = true }\ndevice "bmc" {\n    node = hv2\n    agent = fence_ipmilan\n'
            "    identity = ipmi-guid\n    secrets = '%s'\n    options = {%s}\n}\n"
        )
        for options, code in (('"lanplus=1", "username=fence"', CONFIG), ('"ip=10.0.0.1", "username=fence"', OK)):
            node.configure(node.for_executor + device % (secrets, options))
            got, _, err = node.run_executor("--check-config")
            self.assertEqual(got, code, err)
            if code == CONFIG:
                self.one_line(err, "device bmc", "ip and username among the options", program="holdfast-executor")
