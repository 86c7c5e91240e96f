"""Several locks at once (AcquireAll, `holdfast lock -a`): all or nothing, and no deadlock."""
import json
import os
import random
import signal
import sys
import threading

from case import LOST, NOT_GRANTED, OK, UNREACHABLE, USAGE, Case
from fencing import FenceCase
from support.lab import DEADLINE_S, ROOT, until
from support.processes import that_mention
from support.varlink import Refused

MOST = 32


class SeveralCase(Case):
    machines = 3

    @classmethod
    def setUpClass(cls):
        """The tests are clients themselves: one that leaves a hold behind must not be killed for
        it once the grace time is over."""
        super().setUpClass()
        for machine in cls.lab.names:
            with open(cls.lab.dir / machine / "holdfast.conf", "a", encoding="utf-8") as config:
                config.write("grace = 3600\n")
            cls.lab.agent(machine, "stop")
            cls.lab.agent(machine, "start")
        for machine in cls.lab.names:
            cls.lab.wait_voting(machine)

    def connect(self, machine="hv1"):
        connection = self.lab.connect(machine)
        self.addCleanup(connection.close)
        return connection

    def names(self, count):
        """Names in the order in which they are asked for."""
        stem = self.name("all")
        return [f"{stem}/{i:02}" for i in range(count)]

    def refused(self, name, connection, **parameters):
        with self.assertRaises(Refused) as caught:
            connection.call("AcquireAll", parameters)
        self.assertEqual(caught.exception.name, name, caught.exception.parameters)
        return caught.exception.parameters

    def asked(self, machine, names):
        """What the agent of a machine holds or asks for of these."""
        return {o["name"]: o["state"] for o in self.operations(machine) if o["name"] in names}

    def until_waits_for(self, machine, name):
        until(lambda: self.asked(machine, [name]) == {name: "pending"}, f"it waits for {name}")

    def free_and_clean(self, names):
        """Nobody holds or awaits them, nor did anybody end uncleanly."""
        for name in names:
            self.until_free("hv2", name)
            lock = self.lab.show("hv2", name)
            self.assertEqual((lock["waiters"], lock["mark"]), ([], None), name)


class SeveralCalls(SeveralCase):
    def test_all_are_held_and_told_in_the_callers_order(self):
        api, names = self.connect(), self.names(5)
        shuffled = names[3:] + names[:3]
        reply = api.call("AcquireAll", names=shuffled, data="aGlzdG9yeQ==")
        self.assertEqual((reply["state"], reply["waiting_for"]), ("held", ""))
        self.assertEqual([hold["name"] for hold in reply["holds"]], shuffled)
        self.assertTrue(all(h["token"] >= 1 and h["unclean"] is None for h in reply["holds"]))
        for name in names:
            self.assertEqual(self.lab.holders("hv2", name), [("hv1", "exclusive")])
            holder = self.lab.show("hv2", name)["holders"][0]
            self.assertEqual(holder["data"], "aGlzdG9yeQ==")
        for hold in reply["holds"]:
            api.release(hold["hold"])
        self.free_and_clean(names)

    def test_each_comes_with_its_value(self):
        names, writer, api = self.names(2), self.connect("hv2"), self.connect()
        held = writer.acquire(names[1], mode="PW")
        writer.call("SetValue", hold=held["hold"], value="c3VtIDc=")
        writer.release(held["hold"])
        holds = api.call("AcquireAll", names=names, mode="shared")["holds"]
        value = {"bytes": "c3VtIDc=", "token": held["token"], "valid": True}
        self.assertEqual([h["value"] for h in holds], [None, value])

    def test_modes_are_the_same_for_all(self):
        names = self.names(3)
        for machine in self.lab.names:
            reply = self.connect(machine).call("AcquireAll", names=names, mode="counted", limit=3)
            self.assertEqual(len(reply["holds"]), 3)
        self.refused("Busy", self.connect(), names=names, mode="counted", limit=3, **{"try": True})

    def test_what_is_refused_before_anything_is_asked(self):
        api, names = self.connect(), self.names(MOST + 1)
        self.assertIn("empty", self.refused("BadName", api, names=[])["reason"])
        said = self.refused("BadName", api, names=[names[0], names[1], names[0]])
        self.assertEqual(said["reason"], f"{names[0]} is there twice; name each lock once")
        for bad in ("", "a\nb", "x" * 256):
            self.refused("BadName", api, names=[names[0], bad])
        self.assertEqual(self.refused("TooManyNames", api, names=names)["most"], MOST)
        self.refused("BadMode", api, names=names[:2], mode="write")
        self.refused("BadLimit", api, names=names[:2], limit=2)
        self.refused("NotPermitted", api, names=names[:2], pid=1)
        for wrong in ("x", [1], None, {"a": "b"}):
            said = self.refused("org.varlink.service.InvalidParameter", api, names=wrong)
            self.assertEqual(said, {"parameter": "names"})
        self.assertEqual(self.asked("hv1", names), {})
        reply = api.call("AcquireAll", names=names[:MOST])
        self.assertEqual(len(reply["holds"]), MOST)

    def test_waiting_says_for_which(self):
        names, holder, api = self.names(3), self.connect("hv2"), self.connect()
        holds = [holder.acquire(name)["hold"] for name in names[1:]]
        api.send("AcquireAll", {"names": names[::-1]}, more=True)
        said = api.reply()
        while said["place"] != 1:
            said = api.reply()
        self.assertEqual((said["state"], said["waiting_for"]), ("waiting", names[1]))
        self.assertEqual([h["node"] for h in said["holders"]], ["hv2"])
        self.assertEqual(said["holds"], [])
        self.assertEqual(self.asked("hv1", names), {names[0]: "held", names[1]: "pending"})
        holder.release(holds[0])
        while said["waiting_for"] != names[2] or said["place"] != 1:
            said = api.reply()
        holder.release(holds[1])
        while said["state"] == "waiting":
            said = api.reply()
        self.assertEqual([hold["name"] for hold in said["holds"]], names[::-1])

    def test_nothing_is_left_of_what_failed(self):
        names, holder, api = self.names(4), self.connect("hv2"), self.connect()
        holder.acquire(names[2])
        for how, error in (({"try": True}, "Busy"), ({"timeout_ms": 100}, "TimedOut")):
            with self.subTest(error):
                said = self.refused(error, api, names=names, **how)
                self.assertEqual(said["name"], names[2])
                self.assertEqual([h["node"] for h in said["holders"]], ["hv2"])
                held = [n for n, s in self.asked("hv1", names).items() if s == "held"]
                self.assertEqual(held, [])
                self.free_and_clean(names[:2] + names[3:])

    def test_one_deadline_for_all(self):
        """The second is free only after the first's time is over too."""
        names, holder, api = self.names(2), self.connect("hv2"), self.connect()
        hold = holder.acquire(names[0])["hold"]
        holder.acquire(names[1])
        api.send("AcquireAll", {"names": names, "timeout_ms": 4000})
        self.until_waiting("hv1", names[0], 1)
        holder.release(hold)
        with self.assertRaises(Refused) as caught:
            api.reply()
        self.assertEqual(caught.exception.name, "TimedOut")
        self.assertEqual(caught.exception.parameters["name"], names[1])
        self.free_and_clean(names[:1])

    def test_closing_while_it_waits_gives_all_back(self):
        names, holder, api = self.names(3), self.connect("hv2"), self.connect()
        hold = holder.acquire(names[2])["hold"]
        api.send("AcquireAll", {"names": names})
        self.until_waits_for("hv1", names[2])
        api.close()
        self.free_and_clean(names[:2])
        until(lambda: not self.lab.show("hv3", names[2])["waiters"], "it waits no more")
        holder.release(hold)

    def test_the_end_of_the_session_ends_it_too(self):
        """The call is on a second connection, and the session's own one closes."""
        names, holder = self.names(2), self.connect("hv2")
        owner, api = self.connect(), self.connect()
        holder.acquire(names[1])
        api.call("JoinSession", secret=owner.call("OpenSession")["secret"])
        api.send("AcquireAll", {"names": names})
        self.until_waits_for("hv1", names[1])
        owner.close()
        with self.assertRaises(Refused) as caught:
            api.reply()
        self.assertEqual(caught.exception.name, "NoSuchSession")
        self.free_and_clean(names[:1])

    def test_nobody_hears_of_a_hold_before_all_are_held(self):
        names, holder = self.names(2), self.connect("hv2")
        api, watcher, waiter = self.connect(), self.connect(), self.connect("hv3")
        session = api.call("OpenSession")
        watcher.call("JoinSession", secret=session["secret"])
        hold = holder.acquire(names[1])["hold"]
        api.send("AcquireAll", {"names": names})
        self.until_waits_for("hv1", names[1])
        waiter.send("Acquire", {"name": names[0]})
        self.until_waiting("hv3", names[0], 1)
        untold = next(o["hold"] for o in self.operations("hv1") if o["name"] == names[0])
        changes = {"Release": {}, "Convert": {"mode": "CR"}, "SetValue": {"value": ""}}
        for method, what in changes.items():
            with self.assertRaises(Refused) as caught:
                watcher.call(method, {"hold": untold, **what})
            self.assertEqual(caught.exception.name, "NoSuchHold")
        watcher.send("Watch", more=True)
        holder.release(hold)
        self.assertEqual(api.reply()["state"], "held")
        told = [watcher.reply()["event"] for _ in range(3)]
        self.assertEqual(
            [(e["kind"], e["name"]) for e in told],
            [("granted", names[0]), ("blocking", names[0]), ("granted", names[1])],
        )


class SeveralClients(SeveralCase):
    weight = 2

    def test_crossed_orders_never_deadlock(self):
        """Clients on three nodes take parts of five locks, each time shuffled. Whoever is inside
        counts without any other lock; a circle of waiters would end in a time-out."""
        names, inside, wrong = self.names(5), {}, []
        rounds, clients = 25, 9

        def client(number):
            drawn = random.Random(number)
            with self.lab.connect(f"hv{1 + number % 3}") as api:
                for _ in range(rounds):
                    mine = drawn.sample(names, drawn.randrange(2, 5))
                    reply = api.call("AcquireAll", names=mine, timeout_ms=DEADLINE_S * 1000 - 5000)
                    for name in mine:
                        if inside.setdefault(name, number) != number:
                            wrong.append(name)
                    for name in mine:
                        del inside[name]
                    for hold in reply["holds"]:
                        api.release(hold["hold"])
            done.append(number)

        done = []
        threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((sorted(done), wrong), (list(range(clients)), []))
        self.free_and_clean(names)

    def test_a_holder_that_dies_while_it_waits_leaves_nothing(self):
        """The client is killed: it holds the first, untold, and waits for the second."""
        names, holder = self.names(2), self.connect("hv2")
        holder.acquire(names[1])
        script = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from support.varlink import Connection\n"
            "Connection(sys.argv[2]).call('AcquireAll', names=sys.argv[3:])\n"
        )
        client = self.start(
            sys.executable, "-c", script, ROOT / "tests", self.lab.socket("hv1"), *names
        )
        self.until_waits_for("hv1", names[1])
        client.kill()
        self.free_and_clean(names[:1])
        until(lambda: not self.lab.show("hv3", names[1])["waiters"], "it waits no more")


class SeveralCommand(SeveralCase):
    def test_the_command_finds_all_in_its_environment(self):
        names = self.names(3)
        script = (
            'echo "$HOLDFAST_COUNT $HOLDFAST_MODE"; for i in 1 2 3 4; do eval "echo '
            '\\$HOLDFAST_NAME_$i \\$HOLDFAST_TOKEN_$i \\$HOLDFAST_HOLD_$i"; done; '
            'echo "[$HOLDFAST_NAME$HOLDFAST_TOKEN$HOLDFAST_HOLD]"'
        )
        outer = {"HOLDFAST_NAME": "outer", "HOLDFAST_TOKEN": "9", "HOLDFAST_NAME_4": "outer"}
        env, command = {**os.environ, **outer}, ("sh", "-c", script)
        code, out, err = self.finish(
            self.lock("hv1", "--all", "-s", "--json", *names[::-1], "--", *command, env=env)
        )
        self.assertEqual((code, err), (OK, ""))
        lines = out.splitlines()
        said = json.loads(lines.pop())
        self.assertEqual(lines[0], "3 shared")
        self.assertEqual([line.split()[0] for line in lines[1:4]], names[::-1])
        self.assertEqual(lines[4:], ["", "[]"])
        self.assertEqual(
            [f"{lock['name']} {lock['token']} {lock['hold']}" for lock in said["locks"]], lines[1:4]
        )
        self.assertEqual((said["mode"], said["lost"], said["code"]), ("shared", False, 0))
        self.free_and_clean(names)

    def test_one_name_is_as_good_as_several(self):
        name = self.name("one")
        code, out, _ = self.locked("hv1", "-a", name, "--", "sh", "-c", "echo $HOLDFAST_NAME_1")
        self.assertEqual((code, out), (OK, f"{name}\n"))

    def test_without_the_option_a_later_dash_dash_is_the_commands(self):
        """flock's habit: `lock NAME git checkout -- FILE`."""
        code, out, _ = self.locked("hv1", self.name(), "echo", "a", "--", "b")
        self.assertEqual((code, out), (OK, "a -- b\n"))

    def test_usage(self):
        names = self.names(MOST + 1)
        for arguments in (
            ["-a"],
            ["-a", *names[:2]],
            ["-a", *names[:2], "true"],
            ["-a", *names[:2], "--"],
            ["-a", names[0], names[0], "--", "true"],
            ["-a", names[0], "", "--", "true"],
            ["-a", *names, "--", "true"],
        ):
            with self.subTest(arguments):
                code, out, err = self.locked("hv1", *arguments)
                self.assertEqual((code, out), (USAGE, ""))
                self.one_line(err)
        self.assertEqual(self.locked("hv1", "-a", *names[:MOST], "--", "true")[0], OK)

    def test_it_says_for_which_it_waits_and_which_was_refused(self):
        names = self.names(3)
        holder = self.hold("hv2", names[1])
        for option in ("-n", "-w0.2"):
            code, out, err = self.locked("hv1", "-a", option, *names, "--", "echo", "ran")
            self.assertEqual((code, out), (NOT_GRANTED, ""))
            self.one_line(err, names[1], "hv2 (exclusive)")
            self.free_and_clean(names[::2])
        waiter = self.lock("hv1", "-a", "-v", *names, "--", "echo", "ran")
        self.assertIn(f"{names[1]}: waiting", self.until_said(waiter, "place 1"))
        holder.terminate()
        code, out, err = self.finish(waiter)
        self.assertEqual((code, out), (OK, "ran\n"))
        for name in names:
            self.assertIn(f"holdfast: {name}: held exclusive, token", err)

    def test_a_command_that_a_signal_ends_marks_all(self):
        names = self.names(2)
        code, _, _ = self.locked("hv1", "-a", *names, "--", "sh", "-c", "kill -9 $$")
        self.assertEqual(code, 128 + signal.SIGKILL)
        reply = self.connect("hv2").call("AcquireAll", names=names)
        self.assertEqual([hold["unclean"]["by"] for hold in reply["holds"]], ["agent", "agent"])

    def test_an_agent_that_is_killed_meanwhile(self):
        """While it waits nothing ran; afterwards the command is ended."""
        names, kept, mark = self.names(2), self.names(2), f"1000.{id(self)}"
        self.hold("hv2", names[1])
        waiter = self.lock("hv3", "-a", *names, "--", "echo", "ran")
        holder = self.lock("hv3", "-a", *kept, "--", "sleep", mark)
        self.until_waits_for("hv3", names[1])
        self.until_held("hv3", kept[1], holder)
        until(lambda: that_mention(f"sleep\0{mark}"), "the command runs")
        self.lab.agent("hv3", "kill")
        self.assertEqual(self.finish(waiter)[:2], (UNREACHABLE, ""))
        self.assertEqual(self.finish(holder)[0], LOST)
        self.assertEqual(that_mention(f"sleep\0{mark}"), {})
        self.lab.agent("hv3", "start")
        for name in [names[0], *kept]:
            self.until_free("hv2", name)
        until(lambda: not self.lab.show("hv2", names[1])["waiters"], "it waits no more")


class SeveralIsolated(FenceCase):
    """Its node loses its standing (F7) while it waits for the second."""

    def tearDown(self):
        super().tearDown()
        self.until_whole()

    def test_what_was_not_told_is_given_up_and_asked_for_again(self):
        names = [self.name("cut") + f"/{i}" for i in range(2)]
        cut = ["hv2", "hv3", "hv4"]
        holder = self.lab.connect("hv1")
        self.addCleanup(holder.close)
        hold = holder.acquire(names[1], stale="hold")["hold"]
        waiter = self.lock("hv5", "-a", "-v", *names, "--", "echo", "ran")
        self.until_waiting("hv5", names[1], 1)
        self.each(lambda machine: self.lab.agent(machine, "pause"), cut)
        until(lambda: not self.lab.status("hv5")["standing"], "its standing is over")
        self.assertIn("lost before it was told", self.until_said(waiter, "not ready"))
        self.assertIsNone(waiter.poll(), "nothing acted under it, so nothing is killed")
        self.each(lambda machine: self.lab.agent(machine, "resume"), cut)
        holder.release(hold)
        code, out, err = self.finish(waiter)
        self.assertEqual((code, out), (OK, "ran\n"), err)
        for name in names:
            self.until_free("hv1", name)
            self.assertIsNone(self.lab.show("hv1", name)["mark"])


class SeveralMachineDies(FenceCase):
    """Its machine dies while it holds the first and waits for the second."""

    def test_the_first_passes_on_and_the_second_was_never_held(self):
        names = [self.name("dead") + f"/{i}" for i in range(2)]
        self.hold("hv1", names[1])
        life = self.life("hv4")
        self.lock("hv4", "-a", *names, "--", "sleep", "1000")
        self.until_waiting("hv4", names[1], 1)
        self.lab.power("hv4", "off")
        code, out, err = self.locked(
            "hv2", "-w", "60", "-q", names[0], "--", "sh", "-c", "echo $HOLDFAST_UNCLEAN"
        )
        self.assertEqual(code, OK, err)
        self.assertEqual(out.split()[:3], [f"hv4/{life}", "exclusive", "receipt"])
        self.assertEqual(self.lab.holders("hv2", names[1]), [("hv1", "exclusive")])
        self.lab.power("hv4", "on")
        self.until_whole()
        until(lambda: not self.lab.show("hv2", names[1])["waiters"], "it waits no more")
