"""The executor and a real fence agent, confined as its unit says (tests/support/confine.py)."""
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from case import OK, test_dir
from support import confine
from support.lab import ROOT, build_dir, until
from test_bmc import BmcCase
from test_executor_asked import Asked

UNIT = ROOT / "packaging/systemd/holdfast-executor.service"

WRAPPER = """#!/bin/sh
exec '{python}' '{confine}' '{unit}' '{test}' '{build}' -- '{program}' "$@"
"""


@unittest.skipIf(confine.works(), f"cannot be confined here: {confine.works()}")
class Confined(Asked, BmcCase):
    @classmethod
    def setUpClass(cls):
        """A copy of what was built, whose executor confines itself before it begins."""
        build = build_dir()
        if "asan" in str(build):
            raise unittest.SkipTest("not under the sanitizers")
        copy = Path(tempfile.mkdtemp(dir=test_dir()))
        for name in ("holdfast", "holdfastd"):
            shutil.copy(build / name, copy)
        wrapper = copy / "holdfast-executor"
        wrapper.write_text(
            WRAPPER.format(
                python=sys.executable, confine=confine.__file__, unit=UNIT, test=test_dir(), build=build,
                program=build / "holdfast-executor"
            )
        )
        wrapper.chmod(0o755)
        before = os.environ.get("HOLDFAST_BUILD")
        os.environ["HOLDFAST_BUILD"] = str(copy)

        def put_back():
            if before is None:
                del os.environ["HOLDFAST_BUILD"]
            else:
                os.environ["HOLDFAST_BUILD"] = before

        cls.addClassCleanup(put_back)
        super().setUpClass()

    def test_it_switches_a_machine_off_and_on_again(self):
        with open(f"/proc/{self.executor_pid('hv1')}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file.read().splitlines())
        self.assertEqual((status["Seccomp"].strip(), status["NoNewPrivs"].strip()), ("2", "1"))
        named = re.search(r"^CapabilityBoundingSet=(.*)$", UNIT.read_text(encoding="utf-8"), flags=re.M)[1]
        bits = sum(1 << confine.CAPABILITIES[name] for name in named.split())
        self.assertEqual(int(status["CapEff"], 16), bits)
        code, found = self.doctor()
        self.assertEqual({c["verdict"] for c in found["executor"] + found["device"]}, {"ok"}, found)
        name, life, log = self.begin("confined")
        waiter = self.successor("hv1", name, log, "-q")
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "receipt"])
        self.assertIn("is off", [what for _, what in self.bmc.log()])
        until(lambda: self.lab.power("hv3", "status") == "on", "hv3 is on again")
        self.until_whole()
        self.assertEqual(self.finish(self.exec("hv1", "true"))[0], OK)
