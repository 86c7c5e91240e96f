"""docs/examples/image_cache: the users' own case, played whole."""
import sys
import unittest

from case import Case, OK
from support.lab import ROOT

sys.path.insert(0, str(ROOT / "docs/examples/image_cache"))
sys.path.insert(0, str(ROOT / "client/python"))
import cache  # noqa: E402
from holdfast import Value  # noqa: E402

RUN = ROOT / "docs/examples/image_cache/run.py"


class ImageCache(Case):
    weight = 3

    def test_the_story(self):
        process = self.start(sys.executable, RUN)
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, err.decode()), (OK, ""), out.decode())
        told = out.decode()
        for part in ("at most 4 copies", "the stamp says so", "the read lock expired", "all as told"):
            self.assertIn(part, told)


class Complete(unittest.TestCase):
    """What a value says, and what it does not."""

    def test_only_a_valid_value_is_one(self):
        whole = Value(b'{"size": 1, "sha256": "x"}', 7, True)
        self.assertEqual(cache.described(whole), {"size": 1, "sha256": "x"})
        for value in (None, Value(whole.bytes, 7, False), Value(b"", 7, True)):
            with self.assertRaises(cache.NotThere):
                cache.described(value)
