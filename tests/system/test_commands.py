"""The commands around a lock: convert, value, clear-mark, transfer, stamp, validate, why; and what
`holdfast lock` tells its command, and does when a lock is lost."""
import base64
import json
import os
import subprocess
import threading
import unittest

from case import (
    Case,
    ERROR,
    LOST,
    NO_MAJORITY,
    NOT_GRANTED,
    NOT_PERMITTED,
    OK,
    UNREACHABLE,
    USAGE,
)
from support.lab import ROOT, until
from support.processes import that_mention


class Shell:
    """A shell under `holdfast lock`, which does one command after the other."""

    def __init__(self, case, machine, *options, name):
        self.case = case
        self.process = case.lock(
            machine,
            *options,
            *([name] if isinstance(name, str) else name),
            "--",
            "sh",
            stdin=subprocess.PIPE,
        )

    def begin(self, command):
        self.process.stdin.write(f'{command} 2>&1; echo "== $?"\n')
        self.process.stdin.flush()

    def end(self):
        """(code, output) of the command that was begun."""
        out = ""
        while True:
            line = self.process.stdout.readline()
            self.case.assertNotEqual(line, "", f"the shell ended: {out}")
            if line.startswith("== "):
                return int(line[3:]), out
            out += line

    def do(self, command):
        self.begin(command)
        return self.end()

    def told(self, command):
        """The JSON that a command prints."""
        code, out = self.do(f"{command} --json")
        self.case.assertEqual(code, OK, out)
        return json.loads(out)

    def close(self):
        """(code, output, errors) of `holdfast lock`."""
        return self.case.finish(self.process)


class CommandCase(Case):
    machines = 3

    def shell(self, machine, *options, name):
        return Shell(self, machine, *options, name=name)

    def on(self, machine, *command, **options):
        """(code, output, errors) of `holdfast COMMAND` on a machine."""
        return self.finish(self.exec(machine, "holdfast", *command, **options))

    def json(self, machine, *command):
        code, out, err = self.on(machine, *command, "--json")
        self.assertEqual(code, OK, err)
        return json.loads(out)

    def unclean(self, machine, name, *options):
        """Leaves a mark: the command dies by a signal."""
        self.locked(machine, *options, name, "sh", "-c", "kill -9 $$")


class Commands(CommandCase):
    def test_convert_down_and_up(self):
        name = self.name()
        with_it = self.shell("hv1", name=name)
        self.assertEqual(with_it.do("holdfast convert -s"), (OK, "1\n"))
        reader = self.shell("hv2", "-s", name=name)
        self.assertEqual(reader.do("true"), (OK, ""))
        code, out = with_it.do("holdfast convert -x -n")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(out, name, "hv2 (shared)")
        code, out = with_it.do("holdfast convert -m EX -w 0.2")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(out, name, "old mode")
        with_it.begin("holdfast convert -x -v")
        until(lambda: self.lab.show("hv3", name)["converting"], "it waits to be converted")
        self.assertIn("converts", self.on("hv3", "show", name)[1])
        self.assertEqual(reader.close()[0], OK)
        code, out = with_it.end()
        self.assertEqual((code, out.splitlines()[-1]), (OK, "3"))
        self.assertIn("held by hv2 (shared)", out)
        said = with_it.told("holdfast convert --count 2")
        self.assertEqual((said["name"], said["mode"], said["limit"]), (name, "counted", 2))
        self.assertEqual(self.lab.show("hv2", name)["holders"][0]["hold"], said["hold"])
        self.assertEqual(with_it.close()[0], OK)

    def test_two_that_would_wait_for_each_other(self):
        name = self.name()
        one, two = (self.shell(machine, "-s", name=name) for machine in ("hv1", "hv2"))
        self.assertEqual(two.do("true")[0], OK)
        one.begin("holdfast convert -x")
        until(lambda: self.lab.show("hv3", name)["converting"], "it waits to be converted")
        code, out = two.do("holdfast convert -x")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(out, name, "deadlock", "hv1")
        self.assertEqual(two.close()[0], OK)
        self.assertEqual(one.end()[0], OK)
        one.close()

    def test_value(self):
        name = self.name()
        self.assertEqual(self.on("hv2", "value", "get", name)[:2], (ERROR, ""))
        self.assertIsNone(json.loads(self.on("hv2", "value", "get", "--json", name)[1])["value"])
        writer = self.shell("hv1", name=name)
        self.assertEqual(writer.do("holdfast value set 'sum 7'"), (OK, ""))
        self.assertEqual(self.on("hv2", "value", "get", name), (OK, "sum 7", ""))
        self.assertEqual(writer.do("printf 'a\\0\\n' | holdfast value set -"), (OK, ""))
        self.assertEqual(self.on("hv2", "value", "get", name)[1], "a\0\n")
        value = self.json("hv2", "value", "get", name)["value"]
        self.assertEqual((value["token"], value["valid"]), (1, True))
        self.assertEqual(base64.b64decode(value["bytes"]), b"a\0\n")
        self.assertEqual(writer.told("holdfast value set $HOLDFAST_HOLD two")["name"], name)
        for text in ("$(printf %0257d 0)", "- </dev/zero"):
            code, out = writer.do(f"holdfast value set {text}")
            self.assertEqual(code, USAGE)
            self.one_line(out, "256")
        self.assertEqual(writer.do("holdfast convert -s")[0], OK)
        code, out = writer.do("holdfast value set no")
        self.assertEqual(code, ERROR)
        self.one_line(out, name, "does not write")
        writer.close()
        self.unclean("hv1", name)
        code, out, err = self.on("hv2", "value", "get", name)
        self.assertEqual((code, out), (ERROR, "two"))
        self.one_line(err, name, "uncleanly")

    def test_value_in_the_environment(self):
        name = self.name()
        show = ("sh", "-c", "echo [$HOLDFAST_VALUE] [$HOLDFAST_VALUE_VALID]")
        self.assertEqual(self.locked("hv1", "--value", name, *show)[1], "[] []\n")
        self.locked("hv1", name, "holdfast", "value", "set", "one")
        text = base64.b64encode(b"one").decode()
        self.assertEqual(self.locked("hv2", "--value", "-s", name, *show)[1], f"[{text}] [1]\n")
        self.assertEqual(self.locked("hv2", name, *show)[1], "[] []\n", "nobody asked for it")
        self.unclean("hv2", name)
        self.assertEqual(self.locked("hv1", "-q", "--value", name, *show)[1], f"[{text}] [0]\n")

    def test_clear_mark(self):
        name = self.name()
        first = self.shell("hv1", name=name)
        code, out = first.do("holdfast clear-mark")
        self.assertEqual(code, ERROR)
        self.one_line(out, name, "no mark")
        first.close()
        self.unclean("hv2", name)
        mark = self.lab.show("hv1", name)["mark"]
        text = f"{mark['slot']}.{mark['life']}.{mark['token']}"
        second = self.shell("hv3", "-q", name=name)
        self.assertEqual(second.do("echo $HOLDFAST_MARK")[1], text + "\n")
        for wrong, expected in (("7.7.7", ERROR), ("7.7", USAGE), ("x", USAGE), ("1.2.3.4", USAGE)):
            code, out = second.do(f"holdfast clear-mark --mark {wrong}")
            self.assertEqual(code, expected, wrong)
            self.one_line(out)
        self.assertEqual(second.told("holdfast clear-mark")["mark"], text)
        self.assertEqual(second.do("holdfast clear-mark")[0], ERROR)
        second.close()
        self.assertIsNone(self.lab.show("hv1", name)["mark"])
        self.assertEqual(self.locked("hv1", name, "sh", "-c", "echo [$HOLDFAST_MARK]")[1], "[]\n")

    def test_transfer(self):
        name = self.name()
        source = self.shell("hv1", "--json", name=name)
        code, out = source.do("holdfast transfer --to hv2")
        self.assertEqual(code, ERROR)
        self.one_line(out, name, "hv2")
        code, out = source.do("holdfast transfer --to 1.1.999999")
        self.assertEqual(code, ERROR)
        self.one_line(out, name)
        early = self.shell("hv3", name=name)
        self.until_waiting("hv3", name, 1)
        target = self.shell("hv2", name=name)
        self.until_waiting("hv2", name, 2)
        moved = source.told("holdfast transfer --to hv2")
        self.assertEqual(target.do("echo $HOLDFAST_HOLD"), (OK, moved["to"] + "\n"))
        code, out = source.do("holdfast convert -s")
        self.assertEqual(code, LOST)
        self.one_line(out, name, "not held")
        source.process.stdin.write("exit 7\n")
        code, out, err = source.close()
        self.assertEqual((code, err), (7, ""), "what was handed over is not lost")
        said = json.loads(out)
        self.assertEqual((said["passed"], said["lost"], said["code"]), (True, False, 7))
        waiter = self.lab.show("hv1", name)["waiters"][0]["hold"]
        self.assertEqual(target.do(f"holdfast transfer --to {waiter}"), (OK, ""))
        self.assertEqual(early.do("true"), (OK, ""))
        self.assertEqual(early.close()[0], OK)
        self.assertEqual(target.close()[0], OK)

    def test_stamp_and_validate(self):
        name = self.name()
        code, stamp, _ = self.on("hv2", "stamp", name)
        self.assertEqual(code, OK)
        stamp = stamp.strip()
        self.assertEqual(self.on("hv3", "validate", name, stamp), (OK, "", ""))
        self.assertTrue(self.json("hv3", "validate", name, stamp)["valid"])
        writer = self.shell("hv1", name=name)
        writer.do("true")
        code, out, err = self.on("hv2", "stamp", name)
        self.assertEqual((code, out), (NOT_GRANTED, ""))
        self.one_line(err, name, "hv1 (exclusive)")
        writer.close()
        code, out, err = self.on("hv3", "validate", name, stamp)
        self.assertEqual((code, out), (ERROR, ""))
        self.one_line(err, name, "written")
        code, out, _ = self.on("hv3", "validate", "--json", name, stamp)
        self.assertEqual((code, json.loads(out)["valid"]), (ERROR, False))
        said = self.json("hv2", "stamp", name)
        self.assertEqual((said["name"], said["token"]), (name, 1))
        self.assertEqual(self.on("hv2", "validate", name, said["stamp"])[0], OK)
        code, _, err = self.on("hv2", "validate", name, "x")
        self.assertEqual(code, USAGE)
        self.one_line(err, "stamp")

    def test_the_command_under_several_locks_names_one(self):
        names = [self.name(), self.name()]
        self.unclean("hv2", names[1])
        both = self.shell("hv1", "-q", "-a", name=names)
        code, out = both.do("holdfast convert -s")
        self.assertEqual(code, USAGE)
        self.one_line(out, "HOLDFAST_HOLD_2")
        self.assertEqual(both.do("holdfast clear-mark $HOLDFAST_HOLD_1")[0], ERROR)
        self.assertEqual(both.told("holdfast clear-mark $HOLDFAST_HOLD_2")["name"], names[1])
        self.assertEqual(both.told("holdfast convert -s $HOLDFAST_HOLD_2")["name"], names[1])
        self.assertEqual(self.lab.holders("hv3", names[0]), [("hv1", "exclusive")])
        self.assertEqual(self.lab.holders("hv3", names[1]), [("hv1", "shared")])
        inner = both.do(f"holdfast lock {self.name()} sh -c 'holdfast value set inner'")
        self.assertEqual(inner, (OK, ""), "the nearest one, if it is one")
        self.assertEqual(both.close()[0], OK)

    def test_holds_of_nobody(self):
        shell = self.shell("hv1", name=self.name())
        for command in ("convert -s 9.9.9", "value set 9.9.9 x", "transfer --to 1.1.1 9.9.9"):
            code, out = shell.do(f"holdfast {command}")
            self.assertEqual(code, LOST, command)
            self.one_line(out, "9.9.9", "not held")
        code, out = shell.do("HOLDFAST_SESSION=00 holdfast convert -s")
        self.assertEqual(code, LOST)
        self.one_line(out)
        code, out = shell.do("HOLDFAST_SOCKET=/nowhere holdfast convert -s")
        self.assertEqual(code, UNREACHABLE)
        self.one_line(out, "/nowhere")
        shell.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be another user")
    def test_another_user_may_not(self):
        shell = self.shell("hv1", name=self.name())
        code, out = shell.do("setpriv --reuid 65534 --clear-groups $(command -v holdfast) convert -s")
        if "setpriv: failed to execute" in out:
            self.skipTest("another user does not reach the program")
        self.assertEqual(code, NOT_PERMITTED, out)
        self.one_line(out)
        shell.close()

    def test_usage(self):
        name = self.name()
        for command in (
            ["convert", "-s"],  # under no lock
            ["convert"],
            ["convert", "-m", "write"],
            ["convert", "-m", "counted"],
            ["convert", "-s", "--count", "2"],
            ["convert", "-s", "-w", "x"],
            ["convert", "-s", "1.1.1", "more"],
            ["value"],
            ["value", "get"],
            ["value", "get", ""],
            ["value", "get", name, "more"],
            ["value", "put", name],
            ["value", "set"],
            ["value", "set", "x"],  # under no lock
            ["value", "set", "-w", "1", "x"],
            ["clear-mark"],
            ["clear-mark", "1.1.1", "more"],
            ["transfer"],
            ["transfer", "--to", ""],
            ["transfer", "--to", "hv1"],  # under no lock
            ["stamp"],
            ["stamp", name, "more"],
            ["stamp", "-w", "x", name],
            ["validate", name],
            ["validate", name, "1", "more"],
            ["why"],
            ["why", name, "more"],
            ["why", "-w", "-1", name],
            ["lock", "--on-lost", "stop", name, "true"],
            ["lock", "--if-token", "0", name, "true"],
            ["lock", "--if-token", "x", name, "true"],
            ["lock", "--data", "x" * 65, name, "true"],
            ["lock", "-a", "--if-token", "1", name, "--", "true"],
        ):
            code, out, err = self.on("hv1", *command)
            self.assertEqual((code, out), (USAGE, ""), command)
            self.one_line(err)

    def test_help(self):
        for command in ("convert", "value", "clear-mark", "transfer", "stamp", "validate", "why"):
            code, out, err = self.holdfast(command, "--help")
            self.assertEqual((code, err), (OK, ""))
            self.assertTrue(out.startswith(f"usage: holdfast {command}"))
            self.assertIn(f"  {command} ", self.holdfast("--help")[1])


class LockWishes(CommandCase):
    """--data, --head, --if-token, -v."""

    def test_data_is_shown(self):
        name = self.name()
        self.hold("hv1", name, "--data", "vm-7 copies")
        holder = self.lab.show("hv2", name)["holders"][0]
        self.assertEqual(base64.b64decode(holder["data"]), b"vm-7 copies")
        self.assertIn("vm-7 copies", self.on("hv2", "show", name)[1])
        self.assertIn('"vm-7 copies"', self.on("hv2", "why", name)[1])

    def test_head_waits_before_all_others(self):
        name = self.name()
        holder = self.hold("hv1", name)
        usual = self.lock("hv2", name, "sh", "-c", "echo $HOLDFAST_TOKEN")
        self.until_waiting("hv2", name, 1)
        urgent = self.lock("hv3", "--head", name, "sh", "-c", "echo $HOLDFAST_TOKEN")
        self.until_waiting("hv3", name, 1)
        holder.terminate()
        self.assertEqual(self.finish(urgent)[1], "2\n")
        self.assertEqual(self.finish(usual)[1], "3\n")

    def test_only_while_the_token_is_still_that(self):
        name = self.name()
        self.locked("hv1", name, "true")
        self.assertEqual(self.locked("hv2", "--if-token", "1", name, "true")[0], OK)
        code, _, err = self.locked("hv2", "--if-token", "1", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, name, "its token is 2")
        self.assertEqual(self.locked("hv2", "-E", "9", "--if-token", "1", name, "true")[0], 9)

    def test_verbose_says_that_the_holders_node_does_not_answer(self):
        name = self.name()
        self.hold("hv3", name, "-s", "--stale", "hold")  # nobody is fenced for it
        waiter = self.lock("hv1", "-v", name, "true")
        self.until_said(waiter, "held by hv3 (shared)")
        self.lab.agent("hv3", "pause")
        self.addCleanup(self.lab.agent, "hv3", "resume")
        line = self.until_said(waiter, "hv3 ")
        self.assertRegex(line, r"hv3 (is suspected since|is dead by gossip since|\(life 1\) is dead)")


class Why(CommandCase):
    weight = 2
    lab_options = ("--detect", 2000)

    def test_free_held_and_waited_for(self):
        name = self.name()
        code, out, _ = self.on("hv1", "why", name)
        self.assertEqual(code, OK)
        self.assertIn(f"{name} is free", out)
        self.hold("hv2", name, "-x")
        waiter = self.lock("hv1", name, "true")
        self.until_waiting("hv1", name, 1)
        code, out, err = self.on("hv3", "why", name)
        self.assertEqual((code, err), (OK, ""))
        self.assertIn(f"{name} is held by hv2 (exclusive, token 1, policy fence)\n", out)
        self.assertIn("hv1 waits (exclusive), place 1: for hv2\n", out)
        self.assertIn("Next: when hv2 has released it, hv1 is granted it (exclusive)\n", out)
        said = self.json("hv1", "why", name)
        self.assertTrue(said["known"])
        self.assertEqual([h["node"] for h in said["holders"]], ["hv2"])
        self.assertEqual([w["text"] for w in said["waiters"]], said["text"][1:2])
        self.assertEqual(said["next"], ["when hv2 has released it, hv1 is granted it (exclusive)"])
        waiter.terminate()

    def test_a_dead_holder(self):
        name = self.name()
        self.hold("hv3", name, "-s", "--stale", "hold")
        waiter = self.lock("hv1", name, "true")
        self.until_waiting("hv1", name, 1)
        self.lab.power("hv3", "off")

        def said():
            out = self.on("hv2", "why", name)[1]
            return all(word in out for word in ("boots again", "dead by gossip since ")) and out

        out = until(said, "it is said what is waited for, and hv2 has heard of the death too")
        self.assertIn("hv3 is dead by gossip since ", out)
        self.assertIn("then what hv3 held is over, and hv1 is granted it (exclusive)\n", out)
        self.lab.power("hv3", "on")
        self.assertEqual(self.finish(waiter)[0], OK)


class WithoutMajority(CommandCase):
    weight = 2
    lab_options = ("--detect", 2000)

    def test_what_each_says(self):
        name = self.name()
        stamp = self.on("hv1", "stamp", name)[1].strip()
        shell = self.shell("hv1", "--stale", "hold", name=name)
        shell.do("true")
        for machine in ("hv2", "hv3"):
            self.lab.agent(machine, "pause")
            self.addCleanup(self.lab.agent, machine, "resume")
        until(lambda: not self.lab.status("hv1")["majority"], "hv1 sees no majority")
        shell.begin("holdfast convert -s -w 2.5")
        asked = {
            command: self.exec("hv1", "holdfast", *command)
            for command in (
                ("stamp", name),
                ("validate", name, stamp),
                ("value", "get", name),
                ("why", name),
            )
        }
        for command, process in asked.items():
            code, out, err = self.finish(process)
            self.assertEqual(code, NO_MAJORITY, command)
            if command[0] != "why":
                self.assertEqual(out, "", command)
                self.one_line(err, name, "no majority: 1 of 3 reachable")
                continue
            self.assertIn(f"who holds {name} is not known: no majority: 1 of its 3 voters", out)
            self.assertIn("hv1 holds it (exclusive, token 1), as its own agent knows\n", out)
            self.assertIn("Next: when 1 more of ", out)
        code, out = shell.end()
        self.assertEqual(code, NO_MAJORITY, out)
        self.one_line(out, name, "no majority", "not known which mode")


class OnLost(CommandCase):
    """What becomes of the command: by default, and as --on-lost has it."""

    lab_options = ("--detect", 2000)
    TRAP = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done # {}"

    def guarded(self, machine, mark, *options):
        """Once the command runs."""
        process = self.lock(
            machine, *options, self.name(), "sh", "-c", self.TRAP.format(mark)
        )
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def left(self, mark):
        """What runs of the command."""
        return {p: line for p, line in that_mention(mark).items() if line.startswith("sh")}

    def ends(self, ways, lose):
        """{way: what the command said at its end}, after its lock was lost."""
        marks = {way: f"{way or 'default'}-{id(self)}-{lose.__name__}" for way in ways}
        processes = {
            way: self.guarded("hv1", marks[way], *(["--on-lost", way] if way else []))
            for way in ways
        }
        lose()
        said = {}
        for way, process in processes.items():
            code = process.wait(30)
            self.assertEqual(code, LOST, way)
            if way == "none":
                self.assertTrue(self.left(marks[way]), "it runs on")
                for pid in self.left(marks[way]):
                    os.kill(pid, 9)
            said[way], err = process.communicate(timeout=30)
            self.assertIn("goes on without it" if way == "none" else "ended", err)
            until(lambda m=marks[way]: not self.left(m), "it has ended")
        return said

    def test_the_lock(self):
        def isolated():
            for machine in ("hv2", "hv3"):
                self.lab.agent(machine, "pause")

        self.addCleanup(
            lambda: [self.lab.agent(machine, "resume") for machine in ("hv2", "hv3")]
        )
        self.assertEqual(
            self.ends(("", "kill", "term", "none"), isolated),
            {"": "", "kill": "", "term": "bye\n", "none": ""},
        )

    def test_the_agent(self):
        lab = self.new_lab(3)
        self.lab, shared = lab, self.lab
        self.addCleanup(setattr, self, "lab", shared)

        def killed():
            lab.agent("hv1", "kill")

        name = self.name()
        source = self.shell("hv1", name=name)
        source.do("true")
        self.lock("hv2", name, "sleep", "1000")
        self.until_waiting("hv2", name, 1)
        self.assertEqual(source.do("holdfast transfer --to hv2"), (OK, ""))
        self.assertEqual(
            self.ends(("", "kill", "term", "none"), killed),
            {"": "bye\n", "kill": "", "term": "bye\n", "none": ""},
        )
        source.process.stdin.write("exit 7\n")
        self.assertEqual(source.close(), (7, "", ""), "it holds nothing that could be lost")


class CopyImage(CommandCase):
    """docs/examples/copy-image.sh: the optimistic read, and the ways back from it."""

    # A `cp` before which, the first time, somebody writes the image.
    DISTURBED = "#!/bin/sh\n[ -e {0}.done ] || {{ touch {0}.done; {1}; }}\nexec /bin/cp \"$@\"\n"

    def setUp(self):
        super().setUp()
        self.image, self.target = self.dir / "image", self.dir / "copy"
        self.image.write_text("old")

    def copy(self, name, path=None):
        """(code, output) of the script on hv2."""
        script = ROOT / "docs" / "examples" / "copy-image.sh"
        environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
        process = self.exec("hv2", script, name, self.image, self.target, env=environment)
        code, out, _ = self.finish(process)
        return code, out

    def test_nobody_writes(self):
        name = self.name("image")
        self.assertEqual(self.copy(name), (OK, "copied without a lock\n"))
        self.assertEqual(self.target.read_text(), "old")
        self.assertEqual(self.lab.show("hv1", name)["token"], 0, "nobody was granted it")

    def test_somebody_writes_meanwhile(self):
        name = self.name("image")
        write = f"holdfast lock {name} sh -c 'echo new >{self.image}'"
        disturbed = self.dir / "bin" / "cp"
        disturbed.parent.mkdir()
        disturbed.write_text(self.DISTURBED.format(disturbed, write))
        disturbed.chmod(0o755)
        self.assertEqual(self.copy(name, disturbed.parent), (OK, "copied under the read lock\n"))
        self.assertEqual(self.target.read_text(), "new\n")

    def test_somebody_writes_already(self):
        name = self.name("image")
        writer = self.hold("hv1", name)
        self.image.write_text("new")
        said = []
        script = threading.Thread(target=lambda: said.append(self.copy(name)))
        script.start()
        self.until_waiting("hv2", name, 1)
        writer.terminate()
        script.join()
        code, out = said[0]
        # The writer was ended by a signal, so that what it wrote may be half of it.
        self.assertEqual((code, out, self.target.exists()), (ERROR, "", False))
        self.locked("hv1", "-q", name, "holdfast", "clear-mark")
        self.assertEqual(self.copy(name), (OK, "copied without a lock\n"))
