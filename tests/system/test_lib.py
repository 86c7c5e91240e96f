"""libholdfast: what both libraries do, and what is C's alone: its symbols, its structs, its examples."""
import os
import re

import library
from case import Case
from support.lab import ROOT, build_dir

LIBSHELL = [build_dir() / "tests" / "libshell"]
HEADER = ROOT / "client" / "holdfast.h"


class CLocks(library.Locks, library.Changes, library.Restarts):
    argv = LIBSHELL

    def test_structs_of_other_sizes(self):
        a = self.shell()
        a.refused("acquire h x size=4", "BAD_OPTION", "size")
        a.must(f"acquire h {self.name()} size=8")  # all of it as if it were not there
        a.must(f"acquire i {self.name()} size=128")  # of a newer program that asks for nothing new
        a.refused("acquire j x size=128 tail=1", "BAD_OPTION", "does not know")
        a.must("release h")
        a.refused("convert i mode=shared stale=hold", "BAD_OPTION", "only mode")


class CLoss(library.Loss):
    argv = LIBSHELL


class CStrangers(library.Strangers):
    argv = LIBSHELL


class Linking(Case):
    def declared(self):
        """The functions of the header."""
        text = re.sub(r"/\*.*?\*/|typedef [^;]*;", "", HEADER.read_text(), flags=re.S)
        return set(re.findall(r"\b(hf_\w+)\(", text))

    def defined(self, *arguments):
        _, out, _ = self.run_to_end("nm", "--defined-only", *arguments)
        symbols = [line.split() for line in out.splitlines() if len(line.split()) == 3]
        return {name for _, kind, name in symbols if kind.isupper() and kind != "A"}

    def test_only_what_the_header_declares_is_there(self):
        versioned = {f"{name}@@HOLDFAST_0" for name in self.declared()}
        self.assertEqual(self.defined("-D", build_dir() / "libholdfast.so.0"), versioned)
        self.assertEqual(self.defined(build_dir() / "libholdfast.a"), self.declared())

    def test_a_program_is_built_against_what_was_installed(self):
        staged = self.dir / "staged"
        code, _, err = self.run_to_end(
            *("make", "-C", ROOT, "install", f"DESTDIR={staged}", "PREFIX=/usr"),
            env={**os.environ, "MAKEFLAGS": ""},
        )
        self.assertEqual(code, 0, err)
        for path in ("bin/holdfast", "sbin/holdfastd", "lib/python3/dist-packages/holdfast"):
            self.assertTrue((staged / "usr" / path).exists(), path)
        (self.dir / "c.c").write_text(
            "#include <holdfast.h>\n#include <stdio.h>\n"
            'int main(void) { struct hf *hf; puts(hf_result_text(hf_open("/x", &hf))); }\n'
        )
        env = {
            **os.environ,
            "PKG_CONFIG_PATH": str(staged / "usr/lib/pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(staged),
            "LD_LIBRARY_PATH": str(staged / "usr/lib"),
        }
        for how, flags in (("shared", []), ("static", ["--static"])):
            if how == "static":
                (staged / "usr/lib/libholdfast.so").unlink()
            pkg = ("pkg-config", *flags, "--cflags", "--libs", "holdfast")
            _, flags, err = self.run_to_end(*pkg, env=env)
            code, _, err = self.run_to_end(
                "cc", "-Werror", self.dir / "c.c", "-o", self.dir / how, *flags.split()
            )
            self.assertEqual(code, 0, err)
            code, out, err = self.run_to_end(self.dir / how, env=env)
            self.assertEqual((code, out), (0, "no agent answers\n"), err)


class Examples(Case):
    machines = 3

    def example(self, machine, name, *arguments):
        program = build_dir() / "examples" / name
        if name.endswith(".py"):
            program = ROOT / "client" / "examples" / name
        env = {
            **os.environ,
            "HOLDFAST_SOCKET": str(self.lab.socket(machine)),
            "PYTHONPATH": str(ROOT / "client" / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return self.start(program, *arguments, env=env)

    def said(self, process):
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, err), (0, b""))
        return out.decode().splitlines()

    def test_image_cache(self):
        name, image, copy = self.name("image"), self.dir / "image", self.dir / "copy"
        image.write_bytes(b"x" * 300000)

        def run(program):
            copy.unlink(missing_ok=True)
            return self.said(self.example("hv2", program, name, image, copy))[0]

        programs = ("image_cache", "image_cache.py")
        for program in programs:
            self.assertEqual(run(program), "copied, and nobody wrote meanwhile")
            self.assertEqual(copy.read_bytes(), image.read_bytes())
        with self.lab.connect("hv1") as owner:
            hold = owner.acquire(name)["hold"]
            for program in programs:
                self.assertRegex(run(program), r"^from the store: .*held by hv1 \(exclusive\)")
            owner.call("Release", hold=hold, unclean=True)  # from now on there is no stamp
        for program in programs:
            self.assertEqual(run(program), "copied under the lock")
            self.assertEqual(copy.read_bytes(), image.read_bytes())

    def test_leader(self):
        name = self.name("leader")
        first = self.example("hv1", "leader", name, 1000)
        self.assertEqual(first.stdout.readline(), b"step 1 under token 1\n")
        second = self.example("hv2", "leader", name, 2)
        while (line := first.stdout.readline()) != b"somebody wants to lead\n":
            self.assertTrue(line.startswith(b"step"), line)
        first.kill()
        self.assertEqual(
            self.said(second), ["step 1 under token 2", "step 2 under token 2"]
        )

    def test_side_loads(self):
        name, log = self.name("side-loads"), self.dir / "log"
        command = f"echo + >>{log}; sleep 0.2; echo - >>{log}"
        loads = [
            self.example(f"hv{i % 3 + 1}", "side_loads", name, 2, "sh", "-c", command)
            for i in range(5)
        ]
        said = [line for load in loads for line in self.said(load)]
        self.assertTrue(any("place" in line and "counted 2" in line for line in said), said)
        loading, most = 0, 0
        for line in log.read_text().splitlines():
            loading += 1 if line == "+" else -1
            most = max(most, loading)
        self.assertEqual((loading, most), (0, 2))
