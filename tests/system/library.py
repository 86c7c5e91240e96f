"""What libholdfast and the Python module have to do alike, tried through a shell of either.

A shell takes commands and says what became of them: libshell.c and pyshell.py in tests/support.
"""
import base64
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import threading

from case import Case, NOT_GRANTED, OK, die_with_parent
from support.lab import DEADLINE_S, until


class Shell:
    """A process that uses the library: the shell of one language."""

    def __init__(self, argv, **options):
        self.process = subprocess.Popen(
            [str(a) for a in argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            preexec_fn=die_with_parent,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            **options,
        )
        self.said = {}  # tag: queue of lines
        self.count = 0
        self.lock = threading.Lock()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.listener.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def queue(self, tag):
        with self.lock:
            return self.said.setdefault(tag, queue.Queue())

    def listen(self):
        for line in self.process.stdout:
            tag, _, rest = line.decode().rstrip("\n").partition(" ")
            self.queue(tag).put(rest)

    def begin(self, line, thread=True):
        """Starts a command, in a thread of its own; returns its tag, for heard()."""
        self.count += 1
        tag = f"{'&' if thread else ''}{self.count}"
        self.process.stdin.write(f"{tag} {line}\n".encode())
        return tag

    def heard(self, tag):
        """The next thing that was said about it: (result, text)."""
        result, _, text = self.queue(tag).get(timeout=DEADLINE_S).partition(" ")
        return result, text

    def ask(self, line):
        return self.heard(self.begin(line, thread=False))

    def must(self, line):
        """Its text, after "OK"."""
        result, text = self.ask(line)
        if result != "OK":
            raise AssertionError(f"{line}: {result} {text}")
        return text

    def refused(self, line, result, *parts):
        got, text = self.ask(line)
        if got != result or not all(part in text for part in parts):
            raise AssertionError(f"{line}: {got} {text}, not {result} with {parts}")

    def until_event(self, kind):
        """The text of the next event of this kind, whatever comes before."""
        while True:
            text = self.must(f"event {1000 * DEADLINE_S}")
            if text.split()[0] == kind:
                return text

    def until_waiting(self, tag, why):
        """The text of the next wait for this reason."""
        result, text = self.heard(tag)
        while result == "waiting" and text.split()[0] != why:
            result, text = self.heard(tag)
        if result != "waiting":
            raise AssertionError(f"it does not wait: {result} {text}")
        return text

    def until_answered(self, tag):
        """The last thing that is said about it."""
        result, text = self.heard(tag)
        while result == "waiting":
            result, text = self.heard(tag)
        return result, text


class LibraryCase(Case):
    machines = 3
    argv = ()  # of the shell

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shells = []
        cls.addClassCleanup(lambda: [shell.end() for shell in cls.shells])

    def new_shell(self):
        """A process without a connection, which may have served an earlier test."""
        for shell in self.shells:
            if not shell.taken and shell.process.poll() is None:
                break
        else:
            shell = Shell(self.argv)
            self.shells.append(shell)
        shell.taken = True
        self.addCleanup(setattr, shell, "taken", False)
        return shell

    def shell(self, machine="hv1"):
        """A process with a connection to a machine's agent."""
        shell = self.new_shell()
        shell.must(f"open {self.lab.socket(machine)}")

        def close():
            if shell.process.poll() is None:
                shell.ask("close")

        self.addCleanup(close)
        return shell


class Locks(LibraryCase):
    """Mixed into a class for each language."""

    def test_a_lock_is_taken_and_given(self):
        a, name = self.shell(), self.name("image")
        first = int(a.must(f"acquire h {name} mode=shared stale=fence"))
        words = a.must("about h").split()
        self.assertEqual((words[0], words[2]), (name, "shared"))
        self.assertEqual([int(words[3]), *words[4:]], [first, "-", "-"])
        holder = self.lab.show("hv2", name)["holders"][0]
        self.assertEqual(
            (holder["node"], holder["mode"], holder["policy"], holder["hold"]),
            ("hv1", "shared", "fence", words[1]),
        )
        a.must("held h")
        a.must("release h")
        self.until_free("hv2", name)
        self.assertGreater(int(a.must(f"acquire h {name}")), first)
        self.assertEqual(a.must("event 0") if a.ask("poll 0")[1] == "readable" else "", "")

    def test_a_waiter_learns_why_and_the_holder_that_somebody_waits(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        self.assertEqual(a.must("poll 0"), "quiet")
        waiter = b.begin(f"acquire h {name} mode=shared waits=99")
        told = b.until_waiting(waiter, "queued")
        self.assertIn(f"{name} 1 1 hv1 - place 1 in the queue, held by hv1 (exclusive)", told)
        self.assertEqual(a.must(f"poll {1000 * DEADLINE_S}"), "readable")
        self.assertEqual(a.must("event 0").split()[:3], ["blocking", "h", "shared"])
        self.assertEqual(a.must("poll 0"), "quiet")
        a.refused("event 0", "TIMED_OUT")
        a.must("release h")
        self.assertEqual(b.until_answered(waiter)[0], "OK")

    def test_who_is_not_granted_learns_who_holds_it(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name} mode=counted limit=2")
        b.refused(f"try h {name}", "BUSY", "held by hv1 (counted 2)")
        b.refused(f"acquire h {name} timeout=50", "TIMED_OUT", "held by hv1 (counted 2)")
        b.must(f"try h {name} mode=counted limit=2")
        self.assertEqual(
            self.lab.holders("hv3", name), [("hv1", "counted"), ("hv2", "counted")]
        )

    def test_threads_share_a_connection(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        b.must(f"acquire h {name}")
        waiters = [a.begin(f"acquire w{i} {name} mode=shared") for i in range(3)]
        until(lambda: len(self.lab.show("hv3", name)["waiters"]) == 3, "all of them wait")
        a.must(f"acquire other {self.name()}")
        a.must("release other")
        b.must("release h")
        for waiter in waiters:
            self.assertEqual(a.heard(waiter)[0], "OK")
        self.assertEqual(self.lab.holders("hv3", name), [("hv1", "shared")] * 3)
        for i in range(3):
            a.must(f"release w{i}")
        self.until_free("hv3", name)

    def test_several_are_taken_or_none(self):
        a, b = self.shell(), self.shell("hv2")
        names = [self.name("z"), self.name("y"), self.name("x")]
        several = ",".join(names)
        self.assertEqual(len(a.must(f"acquire_all h {several}").split()), 3)
        self.assertEqual([a.must(f"about h{i}").split()[0] for i in range(3)], names)
        a.must("release h0")
        a.must("release h2")
        b.refused(f"try_all h {several}", "BUSY", names[1], "held by hv1")
        b.refused(f"acquire_all h {several} timeout=50", "TIMED_OUT", names[1])
        waiter = b.begin(f"acquire_all h {several} mode=shared waits=99")
        self.assertIn(f"{names[1]} 1 1 hv1", b.until_waiting(waiter, "queued"))
        b.must("cancel")
        self.assertEqual(b.heard(waiter)[0], "CANCELLED")
        until(lambda: not self.operations("hv2"), "what was taken is given back")
        waiter = b.begin(f"acquire_all h {several} mode=shared waits=99")
        b.until_waiting(waiter, "queued")
        self.lab.agent("hv2", "kill")
        self.lab.agent("hv2", "start")
        b.until_waiting(waiter, "queued")
        a.must("release h1")
        self.assertEqual(b.until_answered(waiter)[0], "OK")
        self.assertEqual({o["name"] for o in self.operations("hv2")}, set(names))
        a.refused(f"acquire_all h {','.join(str(i) for i in range(33))}", "TOO_MANY", "32")
        a.refused(f"acquire_all h {names[0]},{names[0]}", "BAD_NAME", names[0])

    def test_a_wait_is_given_up_by_another_thread_or_by_the_callback(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        b.must(f"acquire h {name}")
        waiter, events = a.begin(f"acquire h {name}"), a.begin("event 600000")
        self.until_waiting("hv1", name, 1)
        a.must("cancel")
        self.assertEqual(a.heard(waiter)[0], "CANCELLED")
        self.assertEqual(a.heard(events)[0], "CANCELLED")
        waiter = a.begin(f"acquire h {name} waits=1")
        a.until_waiting(waiter, "queued")
        self.assertEqual(a.heard(waiter)[0], "CANCELLED")
        until(lambda: not self.lab.show("hv3", name)["waiters"], "nobody waits any more")
        b.must("release h")
        a.must(f"acquire h {name}")

    def test_what_is_wrong_is_named(self):
        a = self.shell()
        a.refused(f"acquire h {'x' * 256}", "BAD_NAME", "255")
        a.refused("acquire h a\x01b", "BAD_NAME", "control")
        a.refused("acquire h x mode=write", "BAD_MODE", "mode")
        a.refused("acquire h x mode=counted", "BAD_LIMIT", "limit")
        a.refused("acquire h x limit=2", "BAD_LIMIT", "limit")
        a.refused("acquire h x mode=counted limit=257", "BAD_LIMIT", "256")
        a.refused("acquire h x stale=burn", "BAD_OPTION", "stale")
        a.refused("acquire h x timeout=-1", "BAD_OPTION", "timeout")
        a.refused("acquire h x pid=1", "NOT_PERMITTED", "parent")
        b = self.new_shell()
        b.refused(f"open {self.dir}/nobody", "UNREACHABLE", "nobody")
        b.refused(f"open /{'x' * 107}", "BAD_OPTION", "107")
        self.assertEqual(self.operations("hv1"), [])

    def test_a_process_that_closes_goes_on_and_one_that_dies_is_told_of(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        a.must("close")
        b.must(f"acquire h {name}")
        self.assertEqual(b.must("about h").split()[4:], ["-", "-"])
        b.must("unclean h")
        a.must(f"open {self.lab.socket('hv1')}")
        a.must(f"acquire h {name}")
        self.assertEqual(a.must("about h").split()[4:], ["hv2", "agent"])
        a.process.kill()
        b.must(f"acquire h {name}")
        self.assertEqual(b.must("about h").split()[4:], ["hv1", "agent"])

    def test_a_child_is_refused_and_takes_nothing_along(self):
        a, name = self.shell(), self.name()
        a.must(f"acquire h {name}")
        for verb in ("held h", "release h", f"acquire i {name}", "event 0", "cancel"):
            a.refused(f"fork {verb}", "FORKED", str(a.process.pid))
        self.assertEqual(a.ask("fork close"), ("OK", ""))
        a.must("held h")
        self.assertEqual(self.lab.holders("hv2", name), [("hv1", "exclusive")])
        a.must("release h")
        self.until_free("hv2", name)


class Changes(LibraryCase):
    """What a holder changes, and the optimistic read."""

    def test_a_hold_is_converted(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        token = int(a.must(f"acquire h {name} data=vm-7"))
        waiter = b.begin(f"acquire h {name} mode=shared waits=99")
        b.until_waiting(waiter, "queued")
        data = self.lab.show("hv3", name)["holders"][0]["data"]
        self.assertEqual(base64.b64decode(data), b"vm-7")
        a.must("convert h mode=shared")
        self.assertEqual(b.until_answered(waiter)[0], "OK")
        a.refused("try_convert h", "BUSY", "hv2 (shared)")
        a.refused("convert h timeout=50", "TIMED_OUT", "hv2 (shared)")
        up = a.begin("convert h waits=99")
        a.until_waiting(up, "queued")
        b.refused("convert h", "DEADLOCK", "hv1")
        self.assertEqual(a.must("about h").split()[2], "shared")
        b.must("release h")
        self.assertEqual(a.until_answered(up)[0], "OK")
        self.assertEqual(a.must("about h").split()[2], "exclusive")
        self.assertGreater(int(a.must("about h").split()[3]), token)
        self.assertEqual(self.lab.holders("hv3", name), [("hv1", "exclusive")])

    def test_a_release_ends_a_conversion_that_waits(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        for shell in (a, b):
            shell.must(f"acquire h {name} mode=shared")
        up = a.begin("convert h waits=99")
        a.until_waiting(up, "queued")
        a.must("cancel")  # has no effect on it
        a.must("release h")
        self.assertEqual(a.until_answered(up)[0], "LOST")
        self.assertEqual(self.lab.holders("hv3", name), [("hv2", "shared")])

    def test_the_value_and_the_mark(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        self.assertEqual(a.must("value h"), "-")
        a.must("set_value h half")
        a.refused(f"set_value h {'x' * 257}", "TOO_LONG", "256")
        self.assertEqual(a.must("value h"), "half valid 1")
        a.must("unclean h")
        b.must(f"acquire h {name} mode=shared")
        self.assertEqual(b.must("value h"), "half doubtful 1")
        b.refused("set_value h x", "NOT_WRITER")
        self.assertEqual(b.must("about h").split()[4:], ["hv1", "agent"])
        b.must("clear h")
        self.assertEqual(b.must("about h").split()[4:], ["-", "-"])
        b.must("clear h")
        b.must("release h")
        self.assertIsNone(self.lab.show("hv3", name)["mark"])

    def test_a_mark_that_is_not_the_locks_any_more(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        a.must("unclean h")
        for shell in (a, b):
            shell.must(f"acquire h {name} mode=shared")
        a.must("clear h")
        b.refused("clear h", "OTHER_MARK")

    def test_a_hold_is_handed_over(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        waiter = b.begin(f"acquire h {name}")
        self.until_waiting("hv2", name, 1)
        to = self.lab.show("hv3", name)["waiters"][0]["hold"]
        a.refused("transfer h 1.1.999999", "NO_SUCH_WAITER")
        a.refused("transfer h nobody", "BAD_OPTION", "to")
        a.must("held h")
        a.must(f"transfer h {to}")
        self.assertEqual(b.heard(waiter)[0], "OK")
        self.assertEqual(self.lab.holders("hv3", name), [("hv2", "exclusive")])
        a.must("close")

    def test_the_head_of_the_queue_and_the_token(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        token = int(a.must(f"acquire h {name}"))
        usual = b.begin(f"acquire usual {name}")
        self.until_waiting("hv2", name, 1)
        urgent = b.begin(f"acquire urgent {name} head=1")
        until(lambda: len(self.lab.show("hv3", name)["waiters"]) == 2, "both wait")
        a.must("release h")
        self.assertEqual(b.heard(urgent)[0], "OK")
        b.must("release urgent")
        self.assertEqual(b.heard(usual)[0], "OK")
        b.must("release usual")
        a.refused(f"acquire h {name} if_token={token}", "MOVED", str(token + 2))
        a.must(f"acquire h {name} if_token={token + 2}")
        a.refused(f"acquire i {self.name()} data={'x' * 65}", "TOO_LONG", "64")

    def test_the_optimistic_read(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        self.assertEqual(b.must(f"stamp {name}"), "-")
        a.must(f"acquire h {name} mode=shared")
        b.must(f"validate {name}")
        a.must("convert h mode=exclusive")
        a.must("set_value h sum")
        b.refused(f"validate {name}", "MOVED")
        b.refused(f"stamp {name}", "UNSTABLE", "held by hv1 (exclusive)")
        a.must("release h")
        self.assertEqual(b.must(f"stamp {name}"), "sum valid 2")
        b.must(f"validate {name}")
        b.refused(f"stamp {'x' * 256}", "BAD_NAME")


class Restarts(LibraryCase):
    """The agent goes away, and comes back."""

    def test_a_session_outlives_its_agent(self):
        a, b, name, wanted = self.shell(), self.shell("hv2"), self.name(), self.name()
        b.must(f"acquire h {wanted}")
        token = a.must(f"acquire h {name}")
        a.must(f"acquire given {self.name()}")
        waiter = a.begin(f"acquire w {wanted} waits=99")
        a.until_waiting(waiter, "queued")
        self.lab.agent("hv1", "stop")
        a.until_event("away")
        self.assertEqual(a.ask("held h")[0], "UNKNOWN")
        a.until_waiting(waiter, "away")
        release = a.begin("release given")
        self.lab.agent("hv1", "start")
        a.until_event("reconnected")
        a.must("held h")
        self.assertEqual(a.heard(release)[0], "OK")
        a.until_waiting(waiter, "queued")
        b.refused(f"try i {name}", "BUSY", "hv1")
        b.must("release h")
        self.assertEqual(a.until_answered(waiter)[0], "OK")
        self.assertEqual(a.must("about h").split()[3], token)
        held = {o["name"] for o in self.operations("hv1") if o["state"] == "held"}
        self.assertEqual(held, {name, wanted})
        a.must("release h")
        self.until_free("hv2", name)

    def lose_by_lease(self, a, name):
        """The agent of hv3 dies; to the holder the lock is lost once its lease is over."""
        a.must(f"acquire h {name} stale=expire ttl=1500")
        self.assertEqual(a.ask("event 2000")[0], "TIMED_OUT")  # it is renewed
        a.must("held h")
        self.lab.agent("hv3", "kill")

    def heard_lost(self, a):
        a.until_event("away")
        self.assertEqual(a.ask("held h")[0], "UNKNOWN")
        lost = a.until_event("lost")
        self.assertEqual(lost.split()[1], "h", lost)
        self.assertIn("its lease is over", lost)
        a.refused("held h", "LOST")

    def test_a_lease_ends_while_the_agent_is_away(self):
        """The holder hears that it is lost no later than somebody else is let in."""
        a, b, name = self.shell("hv3"), self.shell("hv1"), self.name()
        self.lose_by_lease(a, name)
        waiter = b.begin(f"acquire h {name}")
        self.heard_lost(a)
        self.assertTrue(b.queue(waiter).empty(), "nobody was let in before that")
        self.assertEqual(b.heard(waiter)[0], "OK")
        b.must("release h")
        a.refused("release h", "LOST")
        a.end()  # else the agent, once it is back and hears of the loss
        self.lab.agent("hv3", "start")
        self.lab.wait_voting("hv3")
        until(lambda: not self.operations("hv3"), "it is given back")

    def test_what_a_lease_lost_is_given_back(self):
        """Nobody asked for it meanwhile: the agent has it still, or hears that it is lost and ends its process."""
        a, name = self.shell("hv3"), self.name()
        self.lose_by_lease(a, name)
        self.heard_lost(a)
        a.refused("release h", "LOST")
        self.lab.agent("hv3", "start")
        self.until_free("hv1", name)
        until(lambda: not self.operations("hv3"), "it is given back")
        a.end()

    def test_an_agent_that_hangs_says_nothing_of_a_lease(self):
        a, name = self.shell("hv3"), self.name()
        a.must(f"acquire h {name} stale=expire ttl=1000")
        a.must("held h")
        self.lab.agent("hv3", "pause")
        self.addCleanup(self.lab.agent, "hv3", "resume")
        until(lambda: a.ask("held h")[0] == "UNKNOWN", "its lease may be over")

    def test_a_session_without_holds_begins_anew(self):
        a = self.shell()
        a.must("patience 0")
        self.lab.agent("hv1", "kill")
        a.until_event("away")
        a.refused(f"acquire h {self.name()}", "UNREACHABLE", "holdfast.sock")
        self.lab.agent("hv1", "start")
        a.until_event("reconnected")
        a.must("patience 30000")
        a.must(f"acquire h {self.name()}")
        a.must("close")

    def test_a_grant_that_nobody_heard_of_is_given_back(self):
        a, b, name = self.shell(), self.shell("hv2"), self.name()
        a.must(f"acquire warm {self.name()}")  # so that it has a link
        a.must("release warm")
        self.lab.agent("hv1", "pause")
        waiter = a.begin(f"acquire h {name}")
        # Only the process knows whether it has sent it; if it has not, there is nothing to give.
        a.refused("event 200", "TIMED_OUT")
        a.must("cancel")
        self.assertEqual(a.heard(waiter)[0], "CANCELLED")
        self.lab.agent("hv1", "resume")
        b.must(f"acquire h {name}")
        until(lambda: not self.operations("hv1"), "nothing is left of it")


class Loss(LibraryCase):
    """Two of three jurors do not answer, so the third has no standing."""

    lab_options = ("--detect", 1200)
    weight = 2

    def test_a_holder_is_told_that_its_node_is_drained_and_keeps_its_lock(self):
        a, name = self.shell("hv2"), self.name()
        a.must(f"acquire h {name}")
        self.addCleanup(lambda: self.finish(self.exec("hv2", "holdfast", "undrain")))
        self.assertEqual(self.finish(self.exec("hv2", "holdfast", "drain", "-w", "1"))[0], NOT_GRANTED)
        self.assertIn("let go as soon as you can", a.until_event("draining"))
        a.must("held h")
        self.lab.agent("hv2", "kill")
        a.until_event("away")
        self.lab.agent("hv2", "start")
        self.assertEqual(a.until_event("draining").split()[1], "h", "it is told again")
        a.must("release h")
        self.assertEqual(self.finish(self.exec("hv2", "holdfast", "drain", "-w", "20"))[0], OK)

    def test_a_lock_is_at_risk_and_then_lost(self):
        a, name = self.shell("hv3"), self.name()
        a.must(f"acquire h {name}")
        a.must(f"acquire kept {self.name()} stale=hold")
        for machine in ("hv1", "hv2"):
            self.lab.agent(machine, "pause")
            self.addCleanup(self.lab.agent, machine, "resume")
        self.assertIn("jurors", a.until_event("at-risk"))
        self.assertEqual(a.must("held kept"), "")
        lost = a.until_event("lost")
        self.assertEqual(lost.split()[1], "h", lost)
        self.assertIn("jurors", lost)
        a.refused("held h", "LOST")
        a.refused("release h", "LOST")
        # The agent ends whatever is left of it.
        self.assertEqual(a.process.wait(DEADLINE_S), -signal.SIGKILL)


class Stranger:
    """What listens where an agent should. `says`: bytes for a method; None: nothing, and silence."""

    usual = {
        "OpenSession": {"session": "s", "secret": "t"},
        "JoinSession": {"session": "s", "resumed": False},
        "ListSession": {"operations": []},
        "Watch": None,
    }

    def __init__(self, path, says):
        self.path = str(path)
        self.says = {**self.usual, **says}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        data = b""
        with client:
            while b"\0" in data or (more := client.recv(65536)):
                if b"\0" not in data:
                    data += more
                    continue
                call, data = data.split(b"\0", 1)
                said = self.says[json.loads(call)["method"].removeprefix("org.holdfast.")]
                if said == b"":
                    return  # closes
                if isinstance(said, dict):
                    said = json.dumps({"parameters": said}).encode()
                if said is not None:
                    client.sendall(said + b"\0")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Strangers(LibraryCase):
    """What answers is not an agent, or a sick one."""

    machines = 0
    strangers = itertools.count(1)

    def stranger(self, **says):
        """The path of one to connect to."""
        stranger = Stranger(self.dir / f"s{next(self.strangers)}", says)
        self.addCleanup(stranger.close)
        return stranger.path

    def test_who_is_no_agent_is_not_believed(self):
        shell = self.new_shell()
        because = b'{"error":"org.holdfast.NotPermitted","parameters":{"reason":"because"}}'
        for result, part, said in (
            ("GARBLED", "not a Holdfast agent", b"hello"),
            ("GARBLED", "not a Holdfast agent", b"[]"),
            ("GARBLED", "", b"{}"),
            ("GARBLED", "", b'{"parameters":{"session":7,"secret":"x"}}'),
            ("UNREACHABLE", "", b""),
            ("NOT_PERMITTED", "because", because),
            ("GARBLED", "org.x.Y", b'{"error":"org.x.Y"}'),
        ):
            with self.subTest(said=said):
                shell.refused(f"open {self.stranger(OpenSession=said)}", result, part)

    def test_a_grant_that_is_none_is_not_taken(self):
        shell, held = self.new_shell(), {"state": "held", "hold": "0.1.7", "token": 3}
        grants = (
            b"{",
            b"{}",
            b'{"parameters":{"state":"waiting"}}',
            {**held, "state": "ready"},
            {**held, "token": 0},
            {**held, "token": "3"},
            {**held, "hold": ""},
            {**held, "hold": 7},
        )
        for grant in grants:
            with self.subTest(grant=grant):
                shell.must(f"open {self.stranger(Acquire=grant)}")
                shell.refused("acquire h x", "GARBLED")
                shell.ask("close")
        shell.must(f"open {self.stranger(Acquire=held, Release={})}")
        shell.must("acquire h x")
        shell.must("release h")
        shell.must("close")

    def test_an_agent_that_hangs_is_not_waited_for_for_ever(self):
        shell, path = self.new_shell(), self.stranger(Acquire=None)
        shell.must(f"open {path}")
        shell.refused("acquire h x timeout=1", "UNREACHABLE", path)
        shell.must("close")
