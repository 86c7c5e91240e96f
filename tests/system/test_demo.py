"""The demo leaves nothing behind, however it ends; that it works is shown by running it."""
import os
import signal
import subprocess
import sys

from case import Case, ERROR
from support.lab import ROOT, until
from support.processes import that_mention

DEMO = ROOT / "tests" / "demo" / "demo.py"


class Demo(Case):
    weight = 4

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
