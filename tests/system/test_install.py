"""What `make install` puts where: units, example configuration, manual pages, completion."""
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from case import Case, OK
from cluster import Cluster
from support.lab import ROOT, build_dir, holdfast

EXAMPLE = ROOT / "packaging" / "holdfast.conf"
UNITS = ROOT / "packaging" / "systemd"
COMPLETION = ROOT / "packaging" / "bash-completion" / "holdfast"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
EXPOSURE_MAX = 20  # tenths, by `systemd-analyze security`


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


class Install(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if build_dir() != ROOT / "build":
            raise unittest.SkipTest("only what build/ has is installed")

    def test_all_of_it_below_destdir(self):
        done = subprocess.run(
            ["make", "-C", ROOT, "--no-print-directory", "install", f"DESTDIR={self.dir}", "PREFIX=/usr"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        for path in (
            "usr/bin/holdfast",
            "usr/bin/holdfast-sim",
            "usr/sbin/holdfastd",
            "usr/sbin/holdfast-executor",
            "usr/lib/libholdfast.so.0",
            "usr/include/holdfast.h",
            "usr/lib/python3/dist-packages/holdfast/__init__.py",
            "lib/systemd/system/holdfastd.service",
            "lib/systemd/system/holdfast-executor.service",
            "usr/lib/sysusers.d/holdfast.conf",
            "usr/lib/tmpfiles.d/holdfast.conf",
            "usr/share/bash-completion/completions/holdfast",
            "usr/share/doc/holdfast/examples/holdfast.conf",
        ):
            self.assertTrue((self.dir / path).exists(), path)
        self.assertFalse((self.dir / "etc").exists(), "a configuration is the operator's to write")
        unit = (self.dir / "lib/systemd/system/holdfastd.service").read_text()
        self.assertIn("ExecStart=/usr/sbin/holdfastd ", unit)
        self.assertNotRegex(unit, r"@[A-Z]+@")
        code, out, _ = self.run_to_end(self.dir / "usr/bin/holdfast", "--version")
        self.assertEqual((code, out.split()[0]), (OK, "holdfast"))
        if shutil.which("scdoc"):
            pages = {p.name for p in (self.dir / "usr/share/man").glob("man*/*")}
            self.assertGreaterEqual(
                pages,
                {"holdfast.1", "holdfast-lock.1", "holdfastd.8", "holdfast-executor.8", "holdfast.conf.5", "libholdfast.3",
                 "holdfast-api.7"},
            )


class Example(Case):
    def active(self, line):
        """The option that a line sets, or sets by default behind a `#`."""
        match = re.match(r"(?:# )?( *)([a-z_-]+) *(?:\"[^\"]*\" *\{|=)", line)
        return match and match[2]

    def test_it_is_taken_by_the_agent(self):
        """As it is, but for the paths and the cluster's id; and with all that stands behind a `#`."""
        node = Cluster(self, self.dir / "c", actions=("power",)).nodes[0]
        text = EXAMPLE.read_text()
        everything = re.sub(r"^# (?= *(?:[a-z_-]+ *(?:\"[^\"]*\" *\{|=)|\}))", "", text, flags=re.M)
        self.assertGreater(len(everything.splitlines()), 20)
        for variant in (text, everything):
            ours = {
                "cluster": f'"{node.cluster.id}"',
                "socket-group": '"root"',
                **{name: f"'{path}'" for name, path in node.options.items()},
            }
            for name, value in ours.items():
                variant, count = re.subn(rf"^(# )?({name}) *= .*$", rf"{name} = {value}", variant, flags=re.M)
                self.assertEqual(count, 1, name)
            # Accounts that every machine has.
            for ours, example in (("root", "nova"), ("root", "kvm"), ("daemon", "prometheus")):
                variant = variant.replace(f'= {{"{example}"}}', f'= {{"{ours}"}}')
                variant = variant.replace(f'= "{example}"', f'= "{ours}"')
            node.config.write_text(variant)
            code, _, err = node.run("--check-config")
            self.assertEqual((code, err), (OK, ""))

    def test_it_says_something_of_every_option(self):
        """And the manual knows each that it names."""
        manual = (ROOT / "docs" / "configuration.md").read_text()
        manual = re.sub(r"^\| right .*?\n\n", "", manual, flags=re.M | re.S)  # of sections `access`
        rows = re.findall(r"^\| `([a-z_-]+)[^`]*`(?:, `([a-z_-]+)`)? \| [^|]+ \| ", manual, flags=re.M)
        told = {name for row in rows for name in row if name}
        named = {self.active(line) for line in EXAMPLE.read_text().splitlines()} - {None}
        self.assertGreater(len(told), 15)
        self.assertEqual(named - told, set(), "in the example, and not in docs/configuration.md")
        self.assertEqual(told - named, set(), "in docs/configuration.md, and not in the example")


class Units(Case):
    def unit(self, path):
        """A unit as it is installed, on a machine that has its program."""
        text = re.sub(r"@SBINDIR@/[a-z-]+", "/bin/true", path.read_text())
        copy = self.dir / path.name
        copy.write_text(text)
        return copy

    @needs("systemd-analyze")
    def test_they_are_understood(self):
        for path in sorted(UNITS.glob("*.service")):
            code, out, err = self.run_to_end("systemd-analyze", "verify", "--man=no", self.unit(path))
            self.assertEqual((code, out, err), (0, "", ""), path.name)

    @needs("systemd-analyze")
    def test_the_agent_is_shut_in(self):
        code, out, err = self.run_to_end(
            "systemd-analyze",
            "security",
            "--offline=true",
            f"--threshold={EXPOSURE_MAX}",
            self.unit(UNITS / "holdfastd.service"),
        )
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"Overall exposure level for holdfastd.service: [01]\.\d")

    @needs("systemd-analyze")
    def test_the_executor_is_shut_in_too(self):
        """As far as fence agents allow: test_executor_confined runs one so."""
        unit = self.unit(UNITS / "holdfast-executor.service")
        code, out, err = self.run_to_end(
            "systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit
        )
        self.assertEqual(code, 0, out + err)

    def test_who_takes_locks_starts_after_the_agent(self):
        unit = (UNITS / "holdfastd.service").read_text()
        before = re.search(r"^Before=(.*)$", unit, flags=re.M)[1].split()
        self.assertGreaterEqual(set(before), {"libvirtd.service", "nova-compute.service"})
        for line in ("Type=notify", "KillMode=process", "User=holdfast", "NoNewPrivileges=yes"):
            self.assertIn(line + "\n", unit)


class Pages(Case):
    @needs("scdoc")
    @needs("man")
    def test_every_program_and_every_option(self):
        """pages.py refuses to make a page that lacks an option of --help; man(1) has nothing to say against it."""
        code, _, err = self.run_to_end("python3", ROOT / "packaging/man/pages.py", self.dir)
        self.assertEqual((code, err), (0, ""))
        sources = sorted(self.dir.glob("*.scd"))
        listed = re.findall(r"^  ([a-z-]+) +\S", self.holdfast("--help")[1].split("\n  --")[0], flags=re.M)
        self.assertGreater(len(listed), 15)
        names = {path.stem for path in sources}
        self.assertGreaterEqual(names, {f"holdfast-{name}.1" for name in listed})
        for path in sources:
            page = path.with_suffix("")
            with open(path) as source, open(page, "w") as made:
                done = subprocess.run(["scdoc"], stdin=source, stdout=made, stderr=subprocess.PIPE, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path.name)
            code, out, err = self.run_to_end("man", "-l", "--warnings=w", page)
            self.assertEqual((code, err), (0, ""), path.name)
            self.assertGreater(len(out), 500, path.name)

    @needs("scdoc")
    def test_a_missing_option_is_found(self):
        tree = self.dir / "tree"
        for part in ("packaging/man", "docs", "client", "crypto"):
            shutil.copytree(ROOT / part, tree / part)
        (tree / "build").mkdir()
        for name in ("holdfast", "holdfast-sim", "holdfastd", "holdfast-executor"):
            (tree / "build" / name).symlink_to(build_dir() / name)
        text = (tree / "docs/configuration.md").read_text()
        (tree / "docs/configuration.md").write_text(text.replace("--store-lost", "--store"))
        code, _, err = self.run_to_end("python3", tree / "packaging/man/pages.py", self.dir / "man")
        self.assertEqual(code, 1)
        self.assertIn("holdfastd(8): --store-lost", err)


@unittest.skipUnless(BASH_COMPLETION.exists(), "bash-completion is not installed")
class Completion(Case):
    def complete(self, *words):
        """What is offered for the last of the words."""
        script = (
            f". {BASH_COMPLETION}; . {COMPLETION}; "
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; '
            '_holdfast; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        code, out, err = self.run_to_end(
            "bash",
            "--norc",
            "-c",
            script,
            "bash",
            *words,
            env={"PATH": f"{Path(holdfast()).parent}:/usr/bin:/bin", "HOME": str(self.dir)},
        )
        self.assertEqual(err, "")
        return set(out.split())

    def test_commands_options_and_values(self):
        self.assertGreaterEqual(self.complete("holdfast", ""), {"lock", "members", "fence", "--json"})
        self.assertEqual(self.complete("holdfast", "lo"), {"lock", "locks"})
        self.assertGreaterEqual(self.complete("holdfast", "lock", "--s"), {"--shared", "--stale"})
        self.assertGreaterEqual(self.complete("holdfast", "fence", ""), {"list", "show", "submit"})
        self.assertGreaterEqual(self.complete("holdfast", "--socket", "/s", "lab", "st"), {"start", "status", "stop"})
        self.assertIn("exclusive", self.complete("holdfast", "lock", "-m", ""))
        self.assertEqual(self.complete("holdfast", "config", ""), {"show", "explain"})
