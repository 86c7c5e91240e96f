"""`holdfast lock`: flock's habits, exit codes, the order of grants."""
import json
import os
import signal
import subprocess

from case import (
    CANNOT_RUN,
    Case,
    ERROR,
    LOST,
    NOT_FOUND,
    NOT_GRANTED,
    NOT_PERMITTED,
    OK,
    UNREACHABLE,
    USAGE,
)
from support.lab import until
from support.processes import that_mention


class LockHabits(Case):
    machines = 3

    def test_the_code_is_the_commands(self):
        for code in (0, 1, 42, 255):
            self.assertEqual(self.locked("hv1", self.name(), "sh", "-c", f"exit {code}")[0], code)

    def test_the_code_is_128_plus_the_signal_that_ended_the_command(self):
        self.assertEqual(
            self.locked("hv1", self.name(), "sh", "-c", "kill -USR1 $$")[0], 128 + signal.SIGUSR1
        )

    def test_a_command_that_cannot_run(self):
        name = self.name()
        code, _, err = self.locked("hv1", name, "--", "/no/such/program")
        self.assertEqual(code, NOT_FOUND)
        self.one_line(err, "/no/such/program")
        self.assertEqual(self.locked("hv1", name, "no-such-program")[0], NOT_FOUND)
        self.assertEqual(self.locked("hv1", name, "/")[0], CANNOT_RUN)
        self.until_free("hv2", name)

    def test_the_command_finds_the_lock_in_its_environment(self):
        name, tokens = self.name(), []
        show = 'echo "$HOLDFAST_NAME $HOLDFAST_MODE $HOLDFAST_TOKEN"'
        for option, mode in (("-s", "shared"), ("-x", "exclusive"), ("-x", "exclusive")):
            code, out, _ = self.locked("hv2", option, name, "--", "sh", "-c", show)
            self.assertEqual(code, OK)
            self.assertEqual(out.split()[:2], [name, mode])
            tokens.append(int(out.split()[2]))
        self.assertEqual(tokens, sorted(set(tokens)), "tokens of a lock only rise")

    def test_standard_streams_are_the_commands(self):
        process = self.lock("hv1", self.name(), "cat", stdin=subprocess.PIPE)
        self.assertEqual(process.communicate("over\n", timeout=30)[0], "over\n")

    def test_exclusive_keeps_everybody_out(self):
        name = self.name()
        self.hold("hv1", name)
        for option in ("-s", "-x"):
            code, out, err = self.locked("hv2", option, "-n", name, "echo", "ran")
            self.assertEqual((code, out), (NOT_GRANTED, ""))
            self.one_line(err, name, "hv1 (exclusive)")

    def test_shared_goes_with_shared_and_keeps_exclusive_out(self):
        name = self.name()
        for machine in ("hv1", "hv2"):
            self.hold(machine, name, "-s")
        self.assertEqual(self.lab.holders("hv3", name), [("hv1", "shared"), ("hv2", "shared")])
        code, _, err = self.locked("hv3", "-n", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, "hv1 (shared)", "hv2 (shared)")

    def test_wait_ends_with_the_time(self):
        name = self.name()
        holder = self.hold("hv1", name)
        code, _, err = self.locked("hv2", "-w", "0.3", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, name, "hv1 (exclusive)")
        self.assertEqual(self.lab.show("hv3", name)["waiters"], [])
        waiter = self.lock("hv2", "-w", "60", name, "true")
        self.until_waiting("hv2", name, 1)
        holder.terminate()
        self.assertEqual(self.finish(waiter)[0], OK)

    def test_conflict_exit_code(self):
        name = self.name()
        self.hold("hv1", name)
        self.assertEqual(self.locked("hv2", "-n", "-E", "9", name, "true")[0], 9)
        self.assertEqual(self.locked("hv2", "-w", "0.1", "-E", "0", name, "true")[0], 0)

    def test_verbose_tells_for_whom_it_waits(self):
        name = self.name()
        holder = self.hold("hv1", name, "-s")
        waiter = self.lock("hv2", "-v", name, "true")
        line = waiter.stderr.readline()
        while "place 1" not in line:
            self.assertNotEqual(line, "", "it ended")
            line = waiter.stderr.readline()
        self.assertIn("hv1 (shared)", line)
        holder.terminate()
        code, _, err = self.finish(waiter)
        self.assertEqual(code, OK)
        self.assertIn("held exclusive, token", err)

    def test_signals_reach_the_command_and_the_lock_is_released(self):
        name = self.name()
        for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = self.lock(
                "hv1",
                name,
                "--",
                "sh",
                "-c",
                f"trap 'exit 21' {int(signo)}; echo up; while :; do sleep 0.02; done",
            )
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(signo)
            self.assertEqual(self.finish(process)[0], 21)
            self.until_free("hv2", name)

    def test_a_waiter_that_is_interrupted_leaves_the_queue(self):
        name = self.name()
        self.hold("hv1", name)
        waiter = self.lock("hv2", name, "echo", "ran")
        self.until_waiting("hv2", name, 1)
        waiter.send_signal(signal.SIGTERM)
        code, out, _ = self.finish(waiter)
        self.assertEqual((code, out), (128 + signal.SIGTERM, ""))
        until(lambda: not self.lab.show("hv3", name)["waiters"], "the queue is empty")

    def test_usage(self):
        name = self.name()
        for arguments in (
            [],
            [name],
            ["-w", name, "true"],
            ["-w", "x", name, "true"],
            ["-E", "256", name, "true"],
            ["--no-such-option", name, "true"],
            ["--stale", "never", name, "true"],
            ["--stale", "expire:", name, "true"],
            ["--stale", "expire:0.5", name, "true"],
            ["--stale", "expire:3601", name, "true"],
            ["-m", "write", name, "true"],
            ["-m", "counted", name, "true"],
            ["--count", "0", name, "true"],
            ["--count", "257", name, "true"],
            ["--count", "2", "-s", name, "true"],
            ["", "true"],
            ["x" * 256, "true"],
            ["a\nb", "true"],
        ):
            with self.subTest(arguments):
                code, out, err = self.locked("hv1", *arguments)
                self.assertEqual((code, out), (USAGE, ""))
                self.one_line(err)
        self.assertEqual(self.locked("hv1", "x" * 255, "true")[0], OK)

    def test_names_are_utf_8(self):
        socket = str(self.lab.socket("hv1"))
        for name in (b"caf\xe9", b"\xed\xa0\x80", b"\xff"):
            code, _, err = self.holdfast("--socket", socket, "lock", name, "true")
            self.assertEqual(code, USAGE)
            self.one_line(err, "UTF-8")
        self.assertEqual(
            self.holdfast("--socket", socket, "lock", "caf\u00e9".encode(), "true")[0], OK
        )

    def test_no_agent(self):
        for path in (self.dir / "none.sock", self.dir):
            code, out, err = self.holdfast(
                "lock", self.name(), "echo", "ran", env={**os.environ, "HOLDFAST_SOCKET": str(path)}
            )
            self.assertEqual((code, out), (UNREACHABLE, ""))
            self.one_line(err, path)

    def test_a_socket_path_that_is_too_long(self):
        path = "/tmp/" + "x" * 110
        code, _, err = self.holdfast("--socket", path, "status")
        self.assertEqual(code, USAGE)
        self.one_line(err, path, "107")

    def test_a_socket_that_may_not_be_used(self):
        socket = self.lab.socket("hv3")
        options = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        try:
            self.holdfast("--version", **options)
        except PermissionError:
            self.skipTest("another user cannot reach the build directory")
        if not options:
            mode = socket.stat().st_mode
            socket.chmod(0)
            self.addCleanup(socket.chmod, mode & 0o777)
        code, _, err = self.holdfast("--socket", socket, "lock", self.name(), "true", **options)
        self.assertEqual(code, NOT_PERMITTED)
        self.one_line(err, socket)


class LockOrder(Case):
    machines = 3

    def queue(self, log, machine, option, name, label, command="true"):
        """A request that writes its label when it is granted."""
        return self.lock(
            machine, option, name, "--", "sh", "-c", f"echo {label} >>{log}; {command}"
        )

    def test_first_come_first_served_readers_together(self):
        name, log = self.name(), self.dir / "log"
        holder = self.hold("hv1", name)
        # d waits at `gate` under its shared lock until e, also a reader, has been granted too.
        both = f"while ! grep -q e {log}; do sleep 0.02; done"
        requests = [
            ("hv2", "-x", "c", "true"),
            ("hv3", "-s", "d", both),
            ("hv1", "-s", "e", "true"),
            ("hv2", "-x", "f", "true"),
        ]
        processes = []
        for place, (machine, option, label, command) in enumerate(requests, 1):
            processes.append(self.queue(log, machine, option, name, label, command))
            self.until_waiting(machine, name, place)
        holder.terminate()
        for process in processes:
            self.assertEqual(self.finish(process)[0], OK)
        order = log.read_text().split()
        self.assertEqual([order[0], sorted(order[1:3]), order[3]], ["c", ["d", "e"], "f"])

    def test_readers_do_not_starve_a_writer(self):
        name = self.name()
        first = self.hold("hv1", name, "-s")
        writer = self.lock("hv2", name, "echo", "wrote")
        self.until_waiting("hv2", name, 1)
        self.assertEqual(self.locked("hv3", "-s", "-n", name, "true")[0], NOT_GRANTED)
        late = self.lock("hv3", "-s", name, "true")
        self.until_waiting("hv3", name, 2)
        first.terminate()
        self.assertEqual(self.finish(writer)[1], "wrote\n")
        self.assertEqual(self.finish(late)[0], OK)

    def test_never_two_at_once(self):
        """Twelve workers count in a file without any other lock."""
        name, count = self.name(), self.dir / "count"
        count.write_text("0")
        step = f"n=$(cat {count}); echo $((n + 1)) >{count}"
        loop = f"for i in 1 2 3 4 5; do holdfast lock {name} sh -c '{step}' || exit 1; done"
        workers = [self.exec(f"hv{1 + i % 3}", "sh", "-c", loop) for i in range(12)]
        for worker in workers:
            self.assertEqual(self.finish(worker)[0], OK)
        self.assertEqual(int(count.read_text()), 60)


class LockModes(Case):
    """The modes beside shared and exclusive, among three agents."""

    machines = 3

    def test_a_concurrent_writer_goes_with_a_concurrent_reader_and_keeps_readers_out(self):
        name = self.name()
        self.hold("hv1", name, "-m", "CR")
        writer = self.hold("hv2", name, "--mode", "cw")
        self.assertEqual(self.lab.holders("hv3", name), [("hv1", "CR"), ("hv2", "CW")])
        code, _, err = self.locked("hv3", "-n", "-m", "PR", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, name, "hv2 (CW)")
        show = 'echo "$HOLDFAST_MODE"'
        waiter = self.lock("hv3", "-s", name, "--", "sh", "-c", show)
        self.until_waiting("hv3", name, 1)
        writer.terminate()
        self.assertEqual(self.finish(waiter)[:2], (OK, "shared\n"))

    def test_null_goes_with_all(self):
        name = self.name()
        self.hold("hv1", name, "-m", "NL")
        self.hold("hv2", name, "-x")
        self.assertEqual(self.locked("hv3", "-n", "-m", "nl", name, "true")[0], OK)
        self.assertEqual(self.locked("hv3", "-n", "-m", "CR", name, "true")[0], NOT_GRANTED)

    def test_protected_writer_goes_with_concurrent_readers_only(self):
        name = self.name()
        self.hold("hv1", name, "-m", "PW")
        self.assertEqual(self.locked("hv2", "-n", "-m", "CR", name, "true")[0], OK)
        for mode in ("CW", "PR", "PW", "EX"):
            self.assertEqual(self.locked("hv3", "-n", "-m", mode, name, "true")[0], NOT_GRANTED)

    def test_counted_is_held_by_two_of_three(self):
        name = self.name()
        first = self.hold("hv1", name, "--count", "2")
        self.hold("hv2", name, "-m", "counted", "--count", "2")
        code, _, err = self.locked("hv3", "-n", "--count", "3", name, "true")
        self.assertEqual(code, NOT_GRANTED)
        self.one_line(err, "hv1 (counted 2)", "hv2 (counted 2)")
        waiter = self.lock("hv3", "--count", "2", "--json", name, "true")
        self.until_waiting("hv3", name, 1)
        code, out, _ = self.finish(self.exec("hv1", "holdfast", "show", name))
        self.assertEqual((code, out.count("counted 2")), (OK, 3))
        first.terminate()
        code, out, _ = self.finish(waiter)
        self.assertEqual(code, OK)
        said = json.loads(out)
        self.assertEqual((said["mode"], said["limit"]), ("counted", 2))

    def test_three_at_once_and_never_four(self):
        """Workers count themselves in and out by making and removing files."""
        name, inside = self.name(), self.dir / "inside"
        inside.mkdir()
        step = f"touch {inside}/$$; ls {inside} | wc -l; sleep 0.05; rm {inside}/$$"
        loop = f"for i in 1 2 3; do holdfast lock --count 3 {name} sh -c '{step}' || exit 1; done"
        workers = [self.exec(f"hv{1 + i % 3}", "sh", "-c", loop) for i in range(9)]
        seen = []
        for worker in workers:
            code, out, _ = self.finish(worker)
            self.assertEqual(code, OK)
            seen += [int(n) for n in out.split()]
        self.assertEqual(len(seen), 27)
        self.assertLessEqual(max(seen), 3)


class LockClientDies(Case):
    machines = 3
    weight = 2

    def under(self, process, mark):
        """The pid of `holdfast lock` on the machine: `process` is only the exec's end here."""
        del process
        return next(
            pid
            for pid, line in that_mention(mark).items()
            if " lock " in line and "lab exec" not in line
        )

    def test_a_client_that_is_killed_loses_its_lock_at_once(self):
        name = self.name("killed")
        process = self.hold("hv1", name)
        waiter = self.lock("hv2", name, "echo", "ran")
        self.until_waiting("hv2", name, 1)
        os.kill(self.under(process, name), signal.SIGKILL)
        self.assertEqual(self.finish(waiter)[1], "ran\n")
        self.assertEqual(self.finish(process)[0], 128 + signal.SIGKILL)

    def test_a_client_that_is_paused_keeps_its_lock(self):
        name = self.name("paused")
        process = self.hold("hv1", name)
        client = self.under(process, name)
        os.kill(client, signal.SIGSTOP)
        self.addCleanup(os.kill, client, signal.SIGCONT)
        code, _, err = self.locked("hv2", "-w", "1", name, "true")
        self.assertEqual((code, "hv1" in err), (NOT_GRANTED, True), err)
        self.assertEqual(self.lab.holders("hv3", name), [("hv1", "exclusive")])

    def test_a_background_process_keeps_the_lock_until_it_is_killed(self):
        """The command's group is the stop set (F11): what is left of it goes before the lock."""
        name, mark = self.name("left"), f"1000.{id(self)}"
        with open(self.lab.dir / "hv3" / "holdfast.conf", "a", encoding="utf-8") as config:
            config.write("grace = 1\n")
        self.lab.agent("hv3", "stop")
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        self.hold("hv3", name, command=("sh", "-c", f"sleep {mark} & wait"))
        until(lambda: that_mention(f"sleep\0{mark}"), "the background process runs")
        os.kill(self.under(None, name), signal.SIGKILL)

        def freed():
            running = that_mention(
                f"sleep\0{mark}"
            )  # looked at before the lock: it may end meanwhile
            free = not self.try_show("hv2", name)
            self.assertFalse(free and that_mention(f"sleep\0{mark}"), "free while it runs")
            return free and not running

        until(freed, "the lock is free")

    def test_the_command_ends_with_its_lock_client(self):
        name, mark = self.name("along"), f"1000.{id(self)}"
        self.hold("hv1", name, command=("sleep", mark))
        os.kill(self.under(None, name), signal.SIGKILL)
        until(lambda: not that_mention(f"sleep\0{mark}"), "the command has ended")


class LockAgentLost(Case):
    machines = 3

    def test_an_agent_that_is_killed_ends_the_command(self):
        name, mark = self.name(), f"1000.{id(self)}"
        process = self.hold("hv1", name, command=("sleep", mark))
        other = self.name()
        self.hold("hv2", other)
        self.lab.agent("hv1", "kill")
        code, _, err = self.finish(process)
        self.assertEqual(code, LOST)
        self.one_line(err, name, "agent")
        self.assertEqual(that_mention(f"sleep\0{mark}"), {})
        self.assertEqual(self.lab.holders("hv3", other), [("hv2", "exclusive")])
        # Nobody knows yet that the command ended, but the agent, once it is back, does.
        self.assertEqual(self.lab.holders("hv2", name), [("hv1", "exclusive")])
        self.lab.agent("hv1", "start")
        self.until_free("hv2", name)

    def again(self, verb):
        """The agent of hv1 ends, and another one starts."""
        self.lab.agent("hv1", verb)
        self.lab.agent("hv1", "start")

    def test_an_agent_that_is_restarted_loses_no_lock(self):
        """By a stop (an upgrade) and by a kill (a crash), of a writer and of a reader."""
        for verb, mode in (("stop", "-x"), ("kill", "-x"), ("kill", "-s")):
            with self.subTest(verb=verb, mode=mode):
                name, end = self.name(), self.dir / f"end{verb}{mode}"
                command = ("sh", "-c", f"until [ -e {end} ]; do sleep 0.02; done; exit 7")
                process = self.hold("hv1", name, "-v", mode, command=command)
                token = self.lab.tokens("hv2", name)
                self.again(verb)
                self.lab.wait_voting("hv1")
                waiter = self.lock("hv2", "-v", name, "--", "echo", "passed on")
                self.until_waiting("hv2", name, 1)
                self.assertEqual(self.lab.tokens("hv3", name), token)
                self.assertIsNone(process.poll(), "the command goes on")
                end.touch()
                code, _, err = self.finish(process)
                self.assertEqual(code, 7, err)
                self.assertIn("the agent was restarted, and the lock is held", err)
                self.assertEqual(self.finish(waiter)[1], "passed on\n")
                self.assertIsNone(self.lab.show("hv3", name)["mark"], "it was released")

    def test_a_command_that_ends_while_the_agent_is_away(self):
        name, end = self.name(), self.dir / "end"
        process = self.hold("hv1", name, command=("sh", "-c", f"until [ -e {end} ]; do sleep 0.02; done"))
        self.lab.agent("hv1", "kill")
        end.touch()
        self.lab.agent("hv1", "start")
        code, _, err = self.finish(process)
        self.assertEqual((code, err), (OK, ""))
        self.until_free("hv2", name)
        self.assertIsNone(self.lab.show("hv2", name)["mark"], "it was released")

    def test_a_hold_that_the_agent_had_cached_is_lost_with_it(self):
        name = self.name()
        self.assertEqual(self.locked("hv1", "-s", name, "true")[0], OK)
        self.assertTrue(any(o["state"] == "cached" for o in self.lab.call("hv1", "List")["operations"]))
        process = self.hold("hv1", name, "-s")
        self.again("kill")
        code, _, err = self.finish(process)
        self.assertEqual(code, LOST)
        self.one_line(err, name, "lost", "restart")

    def test_waiting_through_a_restart_of_the_agent(self):
        """Also if it was granted meanwhile, which nobody was told."""
        for granted_meanwhile in (False, True):
            with self.subTest(granted_meanwhile=granted_meanwhile):
                name = self.name()
                holder = self.hold("hv2", name)
                process = self.lock("hv1", "-v", name, "--", "echo", "ran")
                self.until_waiting("hv1", name, 1)
                self.lab.agent("hv1", "kill")
                if granted_meanwhile:
                    holder.terminate()
                    until(lambda: self.try_show("hv3", name) == [("hv1", "exclusive")], "hv1 is granted it")
                self.lab.agent("hv1", "start")
                self.lab.wait_voting("hv1")
                if not granted_meanwhile:
                    until(lambda: self.lab.show("hv3", name)["waiters"], "it waits again")
                    holder.terminate()
                code, out, err = self.finish(process)
                self.assertEqual((code, out), (OK, "ran\n"), err)
                self.assertIn("the agent went away", err)
                self.until_free("hv3", name)

    def test_waiting_for_an_agent_that_goes_away(self):
        name = self.name()
        self.hold("hv2", name)
        process = self.lock("hv1", name, "echo", "ran")
        self.until_waiting("hv1", name, 1)
        self.lab.agent("hv1", "stop")
        code, out, err = self.finish(process)
        self.assertEqual((code, out), (UNREACHABLE, ""))
        self.one_line(err)
        self.lab.agent("hv1", "start")
        self.lab.wait_voting("hv1")
        until(lambda: not self.lab.show("hv3", name)["waiters"], "it waits no more")


class LookCommands(Case):
    """status, members, locks, show, events: for people and as JSON."""

    machines = 3

    def json(self, *command):
        code, out, err = self.finish(self.exec("hv1", "holdfast", *command, "--json"))
        self.assertEqual(code, OK, err)
        return [json.loads(line) for line in out.splitlines()]

    def test_each_prints_one_object_as_json_and_text_without(self):
        name = self.name("look")
        self.hold("hv1", name, "-s")
        self.assertEqual(self.json("status")[0]["node"], "hv1")
        self.assertEqual(
            [m["name"] for m in self.json("members")[0]["members"]], ["hv1", "hv2", "hv3"]
        )
        self.assertIn(name, [o["name"] for o in self.json("locks")[0]["operations"]])
        self.assertEqual(self.json("show", name)[0]["holders"][0]["node"], "hv1")
        events = self.json("events")
        self.assertEqual([e["seq"] for e in events], sorted(e["seq"] for e in events))
        self.assertTrue(any(e["kind"] == "member" for e in events))
        after = events[-2]["seq"]
        self.assertEqual(self.json("events", "--since", str(after))[0]["seq"], after + 1)
        for command in (["status"], ["members"], ["locks"], ["show", name], ["events"]):
            code, out, err = self.finish(self.exec("hv1", "holdfast", *command))
            self.assertEqual((code, err), (OK, ""))
            self.assertIn({"show": name, "locks": name}.get(command[0], "hv1"), out)

    def test_show_of_a_lock_that_nobody_ever_took(self):
        lock = self.json("show", self.name())[0]
        self.assertEqual((lock["token"], lock["holders"], lock["waiters"]), (0, [], []))

    def test_help_and_version_and_unknown_commands(self):
        self.assertEqual(self.holdfast("--version")[0], OK)
        self.assertEqual(self.holdfast("--help")[0], OK)
        for command in (
            "lock",
            "status",
            "members",
            "locks",
            "show",
            "fence",
            "events",
            "keygen",
            "roster",
            "lab",
        ):
            code, out, err = self.holdfast(command, "--help")
            self.assertEqual((code, err), (OK, ""))
            self.assertIn(f"holdfast {command}", out)
        code, _, err = self.holdfast("unlock")
        self.assertEqual(code, USAGE)
        self.one_line(err, "unlock")
        self.assertNotEqual(self.holdfast()[0], ERROR)
