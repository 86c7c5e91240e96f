"""The demo tells its whole story, and leaves nothing behind, however it ends."""
import os
import re
import signal
import subprocess
import sys

from case import Case, ERROR
from support.lab import ROOT, until
from support.processes import that_mention

DEMO = ROOT / "tests" / "demo" / "demo.py"


class Demos(Case):
    """How a demo is run here; the classes below have the tests."""

    def demo(self, *arguments, **environment):
        """The demo, in a temporary directory that is this test's."""
        return self.start(
            sys.executable,
            DEMO,
            *arguments,
            text=True,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(self.dir), **environment},
        )

    def left(self):
        return that_mention(f"{self.dir}/holdfast-demo")

    def until_line(self, process, part):
        lines = []
        while True:
            line = process.stdout.readline()
            self.assertNotEqual(line, "", "".join(lines))
            lines.append(line)
            if part in line:
                return


class WholeStory(Demos):
    weight = 6

    def figure(self, out, what):
        """The figure of a row of the table."""
        row = re.search(rf"^{re.escape(what)} +([0-9.]+)( |$)", out, re.MULTILINE)
        self.assertIsNotNone(row, f"no row '{what}' in:\n{out}")
        return float(row.group(1))

    def test_both_acts(self):
        process = self.demo()
        out, _ = process.communicate(timeout=140)
        self.assertEqual(process.returncode, 0, out)
        for step in range(1, 12):
            self.assertRegex(out, rf"(?m)^{step}\. ")
        self.assertRegex(out, r"HOLDFAST_UNCLEAN=hv3/1 exclusive receipt [0-9a-f]{20}")
        for rule, times in (("F1", 7), ("F3", 1), ("F6", 1)):  # nine files, each to two machines
            refusals = re.findall(rf"refused by hv1 and by hv3: .*\({rule}\)$", out, re.MULTILINE)
            self.assertEqual(len(refusals), times, out)
        for what in ("take-over gap", "detection", "certificate", "receipt", "hand-over"):
            self.figure(out, what)
        for what in ("last write to hand-over", "bytes of the receipt", "after a power loss"):
            self.assertGreater(self.figure(out, what), 0)
        self.assertGreaterEqual(self.figure(out, "signatures"), 3)
        certificate = self.figure(out, "bytes of the certificate")
        self.assertGreater(self.figure(out, "bytes of the receipt"), certificate)
        self.assertIn("All 11 steps passed", out)
        self.assertEqual(self.left(), {})
        self.assertEqual(list(self.dir.iterdir()), [])


class EndInTheSecondAct(Demos):
    weight = 5

    def test_a_signal_while_an_agent_is_paused(self):
        process = self.demo()
        self.until_line(process, "its writer goes on writing")
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        self.assertEqual(process.wait(60), 128 + signal.SIGINT, out)
        self.assertEqual(self.left(), {})
        self.assertEqual(list(self.dir.iterdir()), [])

    def test_killed_while_an_agent_is_paused(self):
        process = self.demo()
        self.until_line(process, "its writer goes on writing")
        process.kill()
        process.wait()
        until(lambda: not self.left(), "nothing is left", 5)


class Demo(Demos):
    weight = 4

    def test_a_failed_step_is_named(self):
        image = self.dir / "my image.qcow2"
        image.write_bytes(b"precious" * 1000)
        process = self.demo("--fail-at", "2", IMAGE=str(image))
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, ERROR)
        self.assertIn("FAILED step 2: ", out)
        self.assertIn("image/my-image", out)
        self.assertEqual(self.left(), {})
        self.assertEqual([p.name for p in self.dir.iterdir()], [image.name])
        self.assertEqual(image.read_bytes(), b"precious" * 1000)

    def test_signals_end_it_cleanly(self):
        for signo, when in ((signal.SIGINT, "copying"), (signal.SIGTERM, "making")):
            with self.subTest(signo):
                process = self.demo()
                self.until_line(process, when)
                process.send_signal(signo)
                out = process.stdout.read()
                self.assertEqual(process.wait(60), 128 + signo, out)
                self.assertEqual(self.left(), {})
                self.assertEqual(list(self.dir.iterdir()), [])

    def test_killed_it_leaves_no_process_either(self):
        process = self.demo()
        self.until_line(process, "its cache ager asks")
        process.kill()
        process.wait()
        until(lambda: not self.left(), "nothing is left", 5)

    def test_an_image_that_is_not_there(self):
        process = self.demo(IMAGE=str(self.dir / "none"))
        out, _ = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(f"IMAGE={self.dir}/none", out)
