"""Fencing by ClusterLabs' agents: real management controllers that switch the lab's machines."""
import re
import threading
import unittest

from bmc import PASSWORD, USER, Bmc, missing
from case import OK
from fencing import FenceCase
from support.lab import until
from support.processes import read, that_mention

NOW = "; date +%s.%N"


@unittest.skipIf(missing(), f"not installed: {', '.join(missing())} (packaging/packages-fence.txt)")
class BmcCase(FenceCase):
    """hv3 is the one that is fenced; hv1 and hv2 are its executors."""

    machines = 3
    agent = "fence_ipmilan"

    @classmethod
    def setUpClass(cls):
        cls.bmcs = {}
        super().setUpClass()

    @classmethod
    def device(cls, machine, of):
        """The section `device` for one machine, in the configuration of another."""
        bmc = cls.bmcs[of]
        secrets = cls.lab.dir / machine / f"secrets-{of}"
        secrets.write_text(f"# of {of}\npassword={PASSWORD}\n")
        secrets.chmod(0o600)
        return f"""
device "{of}-bmc" {{
    node = {of}
    agent = {cls.agent}
    options = {{"ip={bmc.host}", "ipport={bmc.port}", "username={USER}", "lanplus=1",
                "cipher=3", "power_wait=0"}}
    secrets = '{secrets}'
    identity = "ipmi-guid:{bmc.guid}"
    login-timeout = 2
    power-timeout = 3
}}
"""

    @classmethod
    def configure(cls, machine, extra=""):
        for name in cls.lab.names:
            if name not in cls.bmcs:
                cls.bmcs[name] = Bmc(cls, cls.lab, name, cls.lab.dir / name / "bmc")
                cls.addClassCleanup(cls.bmcs[name].end)
        path = cls.lab.dir / machine / "holdfast.conf"
        others = [name for name in cls.lab.names if name != machine]
        exec_line = f"exec = '{cls.lab.dir}/fence-power'"
        text = path.read_text()
        assert exec_line in text
        path.write_text(
            text.replace(exec_line, "devices = true")
            + "".join(cls.device(machine, name) for name in others)
            + extra
        )

    @classmethod
    def script(cls, machine, text="", mode=0o700):
        """There is none."""

    def setUp(self):
        super().setUp()
        self.bmc = self.bmcs["hv3"]
        self.bmc.forget()
        for machine in self.lab.names:
            until(lambda m=machine: self.executor_is_up(m), f"{machine}'s executor has asked its agents")

    def tearDown(self):
        self.bmc.says("lies", False)
        self.bmc.says("lies-off", False)
        super().tearDown()
        self.until_whole()

    def executor_is_up(self, machine):
        log = (self.lab.dir / machine / "executor.log").read_text()
        return re.findall(r" (started|stopping) ", log)[-1:] == ["started"]

    def transcript(self, machine):
        return (self.lab.dir / machine / "executor" / "transcript").read_text()

    def all_that_was_written(self):
        """Logs, transcripts and acts of all machines, as one text."""
        found = []
        for machine in self.lab.names:
            folder = self.lab.dir / machine
            for path in [*folder.glob("*.log"), *folder.glob("executor/*")]:
                found.append(path.read_bytes().decode(errors="replace"))
        return "".join(found)

    def begin(self, stem):
        name = self.name(stem)
        life = self.life("hv3")
        _, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        return name, life, log

    def nobody_fenced_it(self, name, life, *reasons):
        """Every executor failed, with one of these reasons each; the machine is on, its lock its own."""
        waiter = self.lock("hv1", "-q", name, "true")
        self.until_stage("hv2", name, "failed")
        failures = self.failures("hv2", "hv3", life)
        self.assertEqual(sorted(failures), ["hv1", "hv2"])
        for text in failures.values():
            self.assertTrue(any(reason in text for reason in reasons), text)
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.assertIsNone(self.order("hv1", "hv3", life)["receipt"])
        self.assertEqual([h["node"] for h in self.lab.show("hv2", name)["holders"]], ["hv3"])
        self.assertIsNone(waiter.poll())
        self.lab.power("hv3", "reboot")
        self.assertEqual(self.finish(waiter)[0], OK)
        self.until_whole()


class Bmcs(BmcCase):
    def test_power_goes_off_before_the_hand_over_and_comes_on_again(self):
        name, life, log = self.begin("bmc")
        waiter = self.lock("hv1", "-q", name, "sh", "-c", "echo $HOLDFAST_UNCLEAN" + NOW)
        code, out, err = self.finish(waiter)
        self.assertEqual(code, OK, err)
        unclean, granted = out.splitlines()
        self.assertEqual(unclean.split()[:3], [f"hv3/{life}", "exclusive", "receipt"])
        off = [at for at, what in self.bmc.log() if what == "is off"]
        self.assertEqual(len(off), 1, "one power action for one life")
        self.assertLess(off[0], float(granted), "the lock passed before the power was off")
        receipt = self.order("hv2", "hv3", life)["receipt"]
        self.assertEqual(receipt["device"].split(":")[0], "lab")
        # Afterwards, as well as may be, it is switched on again, by its executor alone.
        until(lambda: self.lab.power("hv3", "status") == "on", "hv3 is on again")
        on = [at for at, what in self.bmc.log() if what == "set power 1"]
        self.assertEqual(len(on), 1)
        self.assertGreater(on[0], off[0])
        self.until_whole()
        self.assertEqual(self.life("hv3"), life + 1)
        self.assertNotIn(PASSWORD, self.all_that_was_written())
        self.assertIn("Powered OFF", self.transcript(receipt["executor"]))


class LyingBmcs(BmcCase):
    def test_one_that_accepts_off_and_stays_on(self):
        self.bmc.says("lies", True)
        name, life, _ = self.begin("lies")
        self.nobody_fenced_it(name, life, "off: exit 1", "timed out")
        self.assertNotIn("is off", [what for _, what in self.bmc.log()])
        self.assertIn("set power 0", [what for _, what in self.bmc.log()])

    def test_one_of_another_machine_is_not_touched(self):
        other = self.bmcs["hv1"].guid
        self.bmc.end()
        self.bmc.begin(other)

        def put_back():
            self.bmc.end()
            self.bmc.begin()

        self.addCleanup(put_back)
        name, life, _ = self.begin("other")
        self.nobody_fenced_it(name, life, f"{other} is not the device")
        self.assertEqual(self.bmc.log(), [])


class SilentBmcs(BmcCase):
    def test_one_that_is_silent(self):
        """A time-out is not success."""
        self.bmc.silent(True)
        self.addCleanup(self.bmc.silent, False)
        name, life, _ = self.begin("silent")
        asking = []
        look = threading.Thread(target=self.watch_queries, args=(asking,))
        look.start()
        self.nobody_fenced_it(name, life, "identity: exit 1", "timed out")
        look.join()
        self.assertTrue(asking, "it was asked for its GUID")
        for line, environment in asking:
            self.assertNotIn(PASSWORD, line)
            self.assertIn(f"IPMI_PASSWORD={PASSWORD}", environment)
        self.assertEqual(self.bmc.log(), [])
        self.bmc.silent(False)

    def watch_queries(self, found):
        """What the next query of this controller's GUID was called with, as everybody sees it, and as its user does."""

        def look():
            for pid in that_mention(f"\0-p\0{self.bmc.port}\0"):
                line, environment = read(pid, "cmdline").decode(), read(pid, "environ").decode()
                if line.endswith("\0mc\0guid\0"):
                    found.append((line, environment))
            return found

        until(look, "the executor asks for the GUID")

    def test_a_secret_that_others_can_read_is_not_used(self):
        for machine in ("hv1", "hv2"):
            path = self.lab.dir / machine / "secrets-hv3"
            path.chmod(0o640)
            self.addCleanup(path.chmod, 0o600)
        name, life, _ = self.begin("secret")
        self.nobody_fenced_it(name, life, "its group or others may use it")
        self.assertEqual(self.bmc.log(), [])


class Dummy(BmcCase):
    """fence_dummy keeps ON and OFF in a file: it says what this test has made true."""

    agent = "fence_dummy"

    @classmethod
    def device(cls, machine, of):
        identity = (cls.lab.dir / of / "machine-id").read_text()[:16]
        return f"""
device "{of}-dummy" {{
    node = {of}
    agent = fence_dummy
    options = {{"type=file", "status_file={cls.lab.dir}/{of}/dummy"}}
    identity = "fixed:lab:{identity}"
    power-on = false
}}
"""

    def test_a_machine_that_is_off(self):
        name, life, log = self.begin("dummy")
        (self.lab.dir / "hv3" / "dummy").write_text("on")
        self.lab.power("hv3", "off")
        waiter = self.successor("hv1", name, log, "-q")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "receipt"])
        self.assertIn("off", (self.lab.dir / "hv3" / "dummy").read_text())
