"""`holdfast lab`: machines, power, agents, and that nothing outlives a lab."""
import json
import signal
import subprocess

from case import Case, ERROR, OK, USAGE
from support.lab import Lab, holdfast, until
from support.processes import that_mention


class LabMachines(Case):
    machines = 3

    def test_exec_passes_codes_output_and_the_machines_socket(self):
        code, out, err = self.finish(
            self.exec("hv2", "sh", "-c", "echo $HOLDFAST_SOCKET; echo err >&2; exit 7")
        )
        self.assertEqual((code, out, err), (7, f"{self.lab.socket('hv2')}\n", "err\n"))

    def test_exec_passes_standard_input(self):
        process = self.exec("hv1", "cat", stdin=subprocess.PIPE)
        self.assertEqual(process.communicate("what is said\n", timeout=30)[0], "what is said\n")

    def test_exec_says_when_a_command_cannot_run(self):
        code, _, err = self.finish(self.exec("hv1", "/no/such/program"))
        self.assertEqual(code, 127)
        self.one_line(err, "/no/such/program")

    def test_exec_passes_signals_on(self):
        # Nothing stays in the background: it would keep stdout open, which `lab exec` leaves to it.
        process = self.exec(
            "hv1", "sh", "-c", "trap 'echo got; exit 5' TERM; echo up; while :; do sleep 0.02; done"
        )
        self.assertEqual(process.stdout.readline(), "up\n")
        process.send_signal(signal.SIGTERM)
        code, out, _ = self.finish(process)
        self.assertEqual((code, out), (5, "got\n"))

    def test_a_command_ends_with_the_exec_that_started_it(self):
        mark = f"1000.{id(self)}"
        process = self.exec("hv3", "sleep", mark)
        until(lambda: len(that_mention(mark)) == 2, "exec and its command run")
        process.kill()
        until(lambda: not that_mention(mark), "both have ended")

    def test_status_tells_of_every_machine(self):
        machines = json.loads(self.lab.must("status", "--json"))["machines"]
        self.assertEqual([m["name"] for m in machines], ["hv1", "hv2", "hv3"])
        for machine in machines:
            self.assertEqual(
                (machine["on"], machine["agent"], machine["alive"], machine["store"]),
                (True, "running", 3, "voting"),
            )
        self.assertIn("LAB", self.lab.must("status"))

    def test_everything_says_that_it_is_a_lab(self):
        for command in ("status", "members"):
            self.assertIn("LAB", self.finish(self.exec("hv1", "holdfast", command))[1])

    def test_a_machine_that_is_not_there_is_refused_by_name(self):
        done = self.lab.run("power", "hv9", "off")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("hv9", done.stderr)

    def test_a_second_lab_in_the_same_place_is_refused(self):
        code, _, err = self.holdfast("lab", "start", "-d", self.lab.dir)
        self.assertEqual(code, ERROR)
        self.one_line(err, self.lab.dir, "runs", "stop")
        self.assertEqual(self.lab.status("hv1")["store"], "voting")


class LabFaults(Case):
    machines = 3
    weight = 3

    def test_power_off_ends_everything_at_once_and_on_is_a_new_boot(self):
        boot_id = (self.lab.dir / "hv3" / "boot-id").read_text()
        life = self.lab.status("hv3")["life"]
        mark = f"1000.{id(self)}"
        process = self.exec("hv3", "sh", "-c", f"setsid sleep {mark} & sleep {mark}")
        until(lambda: len(that_mention(f"sleep\0{mark}")) == 2, "both commands run")
        self.lab.power("hv3", "off")
        self.assertEqual(that_mention(f"sleep\0{mark}"), {})
        self.assertNotEqual(self.finish(process)[0], OK)
        self.assertEqual(self.lab.power("hv3", "status"), "off")
        code, _, err = self.finish(self.exec("hv3", "true"))
        self.assertEqual(code, ERROR)
        self.one_line(err, "hv3", "off")
        until(lambda: self.lab.gossip("hv1", "hv3") == "dead", "the others hold hv3 dead")
        self.lab.power("hv3", "on")
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.assertNotEqual((self.lab.dir / "hv3" / "boot-id").read_text(), boot_id)
        self.lab.wait_voting("hv3")
        self.assertEqual(self.lab.status("hv3")["life"], life + 1)
        until(lambda: self.lab.gossip("hv1", "hv3") == "alive", "hv3 is alive again")

    def test_an_agent_that_is_paused_is_suspected_and_comes_back(self):
        self.lab.agent("hv2", "pause")
        machines = json.loads(self.lab.must("status", "--json"))["machines"]
        self.assertEqual(machines[1]["agent"], "paused")
        until(lambda: self.lab.gossip("hv1", "hv2") in ("suspect", "dead"), "hv2 is missed")
        self.lab.agent("hv2", "resume")
        until(lambda: self.lab.gossip("hv1", "hv2") == "alive", "hv2 is alive again")

    def test_an_agent_that_is_stopped_leaves_and_keeps_its_life(self):
        life = self.lab.status("hv1")["life"]
        self.lab.agent("hv1", "stop")
        until(lambda: self.lab.gossip("hv2", "hv1") == "left", "hv1 has left")
        self.lab.agent("hv1", "start")
        self.lab.wait_voting("hv1")
        self.assertEqual(self.lab.status("hv1")["life"], life)
        until(lambda: self.lab.gossip("hv2", "hv1") == "alive", "hv1 is alive again")


class LabEnds(Case):
    weight = 2

    def alive(self, directory):
        return [
            line
            for line in that_mention(f"{directory}/").values()
            if "lab-machine" in line or "holdfastd" in line
        ]

    def test_labs_side_by_side_then_stop_leaves_nothing(self):
        labs = [Lab(self.dir / name).start(2) for name in ("a", "b")]
        for lab in labs:
            self.addCleanup(lab.stop)
            self.assertEqual(len(lab.call("hv1", "Members")["members"]), 2)
        for lab in labs:
            lab.must("stop")
            self.assertFalse(lab.dir.exists())
            self.assertEqual(self.alive(lab.dir), [])

    def test_stop_keeps_a_directory_that_it_did_not_make(self):
        (self.dir / "a").mkdir()
        lab = Lab(self.dir / "a").start(1)
        self.addCleanup(lab.stop)
        lab.must("stop")
        self.assertEqual(list((self.dir / "a").iterdir()), [])

    def test_what_is_no_labs_is_never_taken_away(self):
        for name in ("hv2", "roster", "operator.key"):
            with self.subTest(name=name):
                directory = self.dir / f"of-{name}"
                (directory / name).mkdir(parents=True)
                (directory / name / "mine").write_text("x")
                code, out, err = self.holdfast("lab", "start", "-n", "2", "-d", directory)
                self.assertEqual((code, out), (ERROR, ""))
                self.one_line(err, directory / name, "of no lab", "-d")
                self.assertEqual([p.name for p in directory.iterdir()], [name])
                self.assertTrue((directory / name / "mine").exists())

    def test_a_lab_ends_with_the_process_it_is_tied_to(self):
        tie = self.start("sleep", "1000")
        code, _, err = self.holdfast(
            "lab", "start", "-n", "2", "-d", self.dir / "a", "--tie", tie.pid
        )
        self.assertEqual(code, OK, err)
        self.assertEqual(len(self.alive(self.dir / "a")), 4)
        tie.kill()
        until(lambda: not self.alive(self.dir / "a"), "the lab has ended")

    def test_a_start_that_is_interrupted_or_killed_leaves_nothing(self):
        for signo in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(signo):
                directory = self.dir / f"s{signo}"
                process = self.start(holdfast(), "lab", "start", "-d", directory)
                until(lambda d=directory: self.alive(d), "the first machine runs")
                process.send_signal(signo)
                self.assertNotEqual(process.wait(30), OK)
                until(lambda d=directory: not self.alive(d), "nothing is left")

    def test_a_lab_ends_when_its_directory_is_gone(self):
        lab = Lab(self.dir / "a").start(1)
        lab.dir.rename(self.dir / "b")
        until(lambda: not self.alive(self.dir / "a"), "the lab has ended")
        self.assertEqual(lab.run("status").returncode, ERROR)
