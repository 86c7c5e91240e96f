"""The executor as a process of its own: what becomes of a run when it dies, and what it refuses."""
import os
import re
import signal
import socket
import struct
import time

from case import OK
from fencing import FenceCase
from support.lab import until
from support.processes import that_mention

RUN, OFF, ON = 1, 1, 3


def request(cert, slot, life, kind=OFF, action=1, begin_s=60):
    """An EXECUTOR_RUN as node/executor_wire.h has it, to be begun within so many seconds."""
    begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + begin_s * 10**9
    times = begin, begin + 60 * 10**9
    head = struct.pack("<BBQBBHQQQBH", 2, RUN, 7, kind, action, slot, life, *times, 0, len(cert))
    return head + cert


class Executor(FenceCase):
    machines = 3

    def ask(self, machine, bytes_):
        """What the executor answers to whoever is the agent's user: (outcome, text)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(20)
            line.connect(str(self.lab.dir / machine / "executor.sock"))
            line.send(bytes_)
            answer = line.recv(4096)
        if not answer:
            return None, "closed"
        size = answer[75]
        return answer[10], answer[76 : 76 + size].decode()

    def executor(self, machine):
        """The pid of its process: those that watch its drivers look like it."""
        log = (self.lab.dir / machine / "executor.log").read_text()
        return int(re.findall(r" started .* pid=(\d+)", log)[-1])

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def test_it_dies_in_mid_action_and_the_next_takes_over(self):
        name, life = self.name("dies"), self.life("hv3")
        began = self.dir / "began"
        for machine in ("hv1", "hv2"):
            once = f'[ "$1" = off ] && [ ! -e {began} ] && {{ echo {machine} >{began}; sleep 1000; }}\n'
            self.script(machine, once + 'exec "$power" "$@"\n')
        _, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", name, log, "-q")
        first = until(lambda: began.exists() and began.read_text().strip(), "a driver runs")
        os.kill(self.executor(first), signal.SIGKILL)
        _, unclean, _ = self.told(waiter)
        self.assertEqual(unclean[:3], [f"hv3/{life}", "exclusive", "receipt"])
        failures = self.failures("hv1" if first == "hv2" else "hv2", "hv3", life)
        self.assertIn("the executor went away", failures[first])
        self.assertNotEqual(self.order("hv1", "hv3", life)["receipt"]["executor"], first)
        fence = str(self.lab.dir / first / "fence")
        until(lambda: not any(fence in x for x in that_mention(fence).values()), "its driver is gone")

    def test_one_that_hangs_does_not_act_when_it_goes_on(self):
        """Stopped while it is asked: for longer than it has to begin, and for all of its time."""
        name, life = self.name("hangs"), self.life("hv3")
        began = self.dir / "began"
        pids = {machine: self.executor(machine) for machine in ("hv1", "hv2")}
        for machine, pid in pids.items():
            self.script(machine, f'echo "$1 {machine}" >>{began}\nexec "$power" "$@"\n')
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(os.kill, pid, signal.SIGCONT)
        _, log = self.writer("hv3", name)
        self.lab.agent("hv3", "pause")
        waiter = self.successor("hv1", name, log, "-q")

        def report(stage, *others):
            def look():
                order = self.order("hv1", "hv3", life)
                reports = order["reports"] if order else ()
                found = [r for r in reports if r["stage"] == stage and r["executor"] not in others]
                return found[0] if found else None

            return until(look, f"an executor {stage}", 40)

        first = report("began")["executor"]
        time.sleep(2.5)
        os.kill(pids[first], signal.SIGCONT)
        self.assertIn("asked too late to begin (F9)", report("failed")["text"])
        second = report("failed", first)
        self.assertIn("did not answer in time", second["text"])
        os.kill(pids[second["executor"]], signal.SIGCONT)
        executor_log = self.lab.dir / second["executor"] / "executor.log"
        until(lambda: " asker-gone " in executor_log.read_text(), "it goes on")
        self.lab.agent("hv3", "resume")
        node, mode, by = self.told(waiter)[1][:3]
        self.assertEqual((node, mode), (f"hv3/{life}", "exclusive"))
        self.assertIn(by, ("end-statement", "agent"))  # it obeys: what comes first, its release or its statement
        self.assertFalse(began.exists())

    def test_an_order_that_was_carried_out_is_never_carried_out_again(self):
        """Also not by an executor that was started anew; nor is a life that came after it touched."""
        name, life = self.name("replay"), self.life("hv3")
        self.hold("hv3", name)
        self.lab.power("hv3", "off")
        self.assertEqual(self.locked("hv1", "-q", name, "true")[0], OK)
        executor = self.order("hv1", "hv3", life)["receipt"]["executor"]
        export = self.dir / "order"
        code, _, err = self.finish(
            self.exec("hv1", "holdfast", "fence", "show", "hv3", "--export", export)
        )
        self.assertEqual(code, OK, err)
        self.until_whole()
        cert = export.read_bytes()[8:]
        other = 1 if executor == "hv1" else 0  # neither the target nor its own
        for again in range(2):
            for bytes_, word in (
                (request(cert, 2, life), "acts once"),
                (request(cert, 2, life, begin_s=0), "asked too late"),
                (request(cert, 2, life, ON), "did not switch that life off"),
                (request(cert, 2, life + 1), "another node, life or order"),
                (request(cert, other, life), "another node, life or order"),
                (request(cert, 2, life, action=0), "touches no machine"),
                (request(cert[:-1], 2, life), "not an order"),
                (request(cert, 2, life)[:-1], "closed"),
                (b"\xff" * 2000, "closed"),
            ):
                outcome, text = self.ask(executor, bytes_)
                self.assertIn(outcome, (0, None))
                self.assertIn(word, text)
            if not again:
                self.restart(executor)
        self.until_whole()
        self.assertEqual(self.lab.power("hv3", "status"), "on")
        self.assertEqual(self.life("hv3"), life + 1)

    def test_the_agent_can_start_nothing(self):
        if "asan" in os.environ.get("HOLDFAST_BUILD", ""):
            self.skipTest("not under the sanitizers")
        for machine in self.lab.names:
            pid = self.lab.status(machine)["pid"]
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                lines = dict(line.split(":", 1) for line in status.read().splitlines())
            self.assertEqual(lines["NoNewPrivs"].strip(), "1")
            self.assertEqual(lines["Seccomp"].strip(), "2")
