"""What a holder changes: conversions, the value, the mark, a hand-over; and the optimistic read."""
import base64

from support.lab import until
from support.varlink import Refused
from test_api import ApiCase


def b64(data):
    return base64.b64encode(data).decode()


class Changes(ApiCase):
    def shown(self, name):
        return self.lab.call("hv1", "Show", name=name)["lock"]

    def held(self, machine, name, mode="exclusive", **parameters):
        connection = self.connect(machine)
        return connection, connection.acquire(name, mode=mode, **parameters)["hold"]

    def waiting(self, machine, name, mode="exclusive", **parameters):
        """A connection that waits, and the id under which it does."""
        connection = self.connect(machine)
        connection.send("Acquire", {"name": name, "mode": mode, **parameters}, more=True)
        reply = connection.reply()
        while reply["reason"] != "queued":
            reply = connection.reply()
        return connection, reply["hold"]

    def test_down_lets_readers_in_and_up_waits_for_them(self):
        name = self.name()
        writer, hold = self.held("hv1", name)
        reader, _ = self.waiting("hv2", name, "shared")
        down = writer.call("Convert", hold=hold, mode="shared")
        self.assertEqual((down["state"], down["mode"], down["token"]), ("held", "shared", 1))
        read = reader.reply()
        self.assertEqual(read["state"], "held")
        self.refused("Busy", writer, "Convert", {"hold": hold, "mode": "EX", "try": True})
        writer.send("Convert", {"hold": hold, "mode": "EX"}, more=True)
        waits = writer.reply()
        self.assertEqual(waits["state"], "waiting")
        while not waits["holders"]:
            waits = writer.reply()
        self.assertEqual([c["mode"] for c in self.shown(name)["converting"]], ["exclusive"])
        reader.release(read["hold"])
        up = writer.reply()
        while up["state"] == "waiting":
            up = writer.reply()
        self.assertEqual((up["mode"], up["token"]), ("exclusive", 3))
        self.assertEqual(self.shown(name)["holders"][0]["mode"], "exclusive")

    def test_two_that_would_wait_for_each_other(self):
        name = self.name()
        one, first = self.held("hv1", name, "shared")
        two, second = self.held("hv2", name, "shared")
        one.send("Convert", {"hold": first, "mode": "exclusive"}, more=True)
        self.assertEqual(one.reply()["state"], "waiting")
        until(lambda: self.shown(name)["converting"], "it waits to be converted")
        error = self.refused("Deadlock", two, "Convert", {"hold": second, "mode": "exclusive"})
        self.assertIn(first, [party["hold"] for party in error["holders"]])
        two.release(second)
        reply = one.reply()
        while reply["state"] == "waiting":
            reply = one.reply()
        self.assertEqual(reply["mode"], "exclusive")

    def test_a_conversion_that_times_out_leaves_the_old_mode(self):
        name = self.name()
        one, first = self.held("hv1", name, "shared")
        self.held("hv2", name, "shared")
        error = self.refused(
            "TimedOut", one, "Convert", {"hold": first, "mode": "exclusive", "timeout_ms": 200}
        )
        self.assertEqual(error["reason"], "queued")
        lock = self.shown(name)
        self.assertEqual(lock["converting"], [])
        self.assertEqual({h["mode"] for h in lock["holders"]}, {"shared"})
        one.release(first)

    def test_the_value_stays_with_the_lock(self):
        name = self.name()
        writer, hold = self.held("hv1", name, data=b64(b"vm-7"))
        self.assertEqual(self.shown(name)["holders"][0]["data"], b64(b"vm-7"))
        writer.call("SetValue", hold=hold, value=b64(b"checksum"))
        error = self.refused("TooLong", writer, "SetValue", {"hold": hold, "value": b64(b"x" * 257)})
        self.assertEqual(error["most"], 256)
        self.refused(
            "org.varlink.service.InvalidParameter", writer, "SetValue", {"hold": hold, "value": "?"}
        )
        writer.release(hold)
        reader = self.connect("hv2")
        read = reader.acquire(name, mode="shared")
        self.assertEqual(read["value"], {"bytes": b64(b"checksum"), "token": 1, "valid": True})
        self.refused("NotWriter", reader, "SetValue", {"hold": read["hold"], "value": b64(b"no")})
        stranger = self.connect("hv2")
        self.refused("NoSuchHold", stranger, "SetValue", {"hold": read["hold"], "value": ""})

    def test_only_the_very_mark_is_cleared(self):
        name = self.name()
        one, hold = self.held("hv1", name)
        one.call("SetValue", hold=hold, value=b64(b"half"))
        one.call("Release", hold=hold, unclean=True)
        two = self.connect("hv2")
        got = two.acquire(name)
        mark = got["unclean"]
        self.assertFalse(got["value"]["valid"])
        named = {"slot": mark["slot"], "life": mark["life"], "token": mark["token"]}
        self.refused(
            "OtherMark", two, "ClearMark", {"hold": got["hold"], **named, "token": 99}
        )
        two.call("ClearMark", hold=got["hold"], **named)
        self.refused("OtherMark", two, "ClearMark", {"hold": got["hold"], **named})
        self.assertIsNone(self.shown(name)["mark"])

    def test_a_hold_is_handed_over_before_all_others(self):
        name = self.name()
        source, hold = self.held("hv1", name)
        early, _ = self.waiting("hv3", name)
        target, waiter = self.waiting("hv2", name)
        secret = source.call("OpenSession")["secret"]
        watcher = self.connect("hv1")
        watcher.call("JoinSession", secret=secret)
        watcher.send("Watch", more=True)
        self.refused("NoSuchWaiter", source, "Transfer", {"hold": hold, "to": "1.1.999999"})
        source.call("Transfer", hold=hold, to=waiter)
        event = watcher.reply()["event"]
        while event["kind"] == "blocking":
            event = watcher.reply()["event"]
        self.assertEqual((event["kind"], event["hold"]), ("passed", hold))
        reply = target.reply()
        while reply["state"] == "waiting":
            reply = target.reply()
        self.assertEqual(reply["hold"], waiter)
        self.assertEqual([h["hold"] for h in self.shown(name)["holders"]], [waiter])
        self.refused("NoSuchHold", source, "Release", {"hold": hold})
        self.assertEqual(source.call("List")["operations"], [])
        target.release(waiter)
        reply = early.reply()
        while reply["state"] == "waiting":
            reply = early.reply()
        self.assertEqual(reply["state"], "held")

    def test_the_head_of_the_queue_and_the_token(self):
        name = self.name()
        one, hold = self.held("hv1", name)
        usual, _ = self.waiting("hv2", name)
        urgent, waiter = self.waiting("hv3", name, head=True)
        one.release(hold)
        reply = urgent.reply()
        while reply["state"] == "waiting":
            reply = urgent.reply()
        self.assertEqual((reply["hold"], reply["token"]), (waiter, 2))
        urgent.release(waiter)
        reply = usual.reply()
        while reply["state"] == "waiting":
            reply = usual.reply()
        usual.release(reply["hold"])
        error = self.refused("TokenMoved", one, "Acquire", {"name": name, "if_token": 2})
        self.assertEqual(error["token"], 3)
        self.assertEqual(one.acquire(name, if_token=3)["token"], 4)

    def test_the_optimistic_read(self):
        name = self.name()
        reader = self.connect("hv2")
        stamp = reader.call("Stamp", name=name)["stamp"]
        self.assertTrue(reader.call("Validate", name=name, stamp=stamp)["valid"])
        _, shared = self.held("hv1", name, "shared")
        self.assertTrue(reader.call("Validate", name=name, stamp=stamp)["valid"])
        self.assertTrue(shared)
        other = self.name()
        writer, hold = self.held("hv1", other)
        error = self.refused("Unstable", reader, "Stamp", {"name": other})
        self.assertEqual([h["hold"] for h in error["holders"]], [hold])
        writer.release(hold)
        stamp = reader.call("Stamp", name=other)["stamp"]
        writer.release(writer.acquire(other)["hold"])
        self.assertFalse(reader.call("Validate", name=other, stamp=stamp)["valid"])
        hold = writer.acquire(other)["hold"]
        writer.call("Release", hold=hold, unclean=True)
        self.assertIsNotNone(self.refused("Unstable", reader, "Stamp", {"name": other})["mark"])
        for bad in ("", "x", "1x", "-1"):
            self.refused(
                "org.varlink.service.InvalidParameter",
                reader,
                "Validate",
                {"name": other, "stamp": bad},
            )

    def test_what_was_converted_outlives_the_agent(self):
        name = self.name()
        lab = self.new_lab(3)
        with lab.connect("hv1") as client:
            secret = client.call("OpenSession")["secret"]
            hold = client.acquire(name, mode="shared")["hold"]
            client.call("Convert", hold=hold, mode="exclusive")
            lab.agent("hv1", "kill")
            lab.agent("hv1", "start")
            again = lab.connect("hv1")
            self.addCleanup(again.close)
            self.assertTrue(again.call("JoinSession", secret=secret)["resumed"])
            until(
                lambda: [(op["mode"], op["state"]) for op in again.call("List")["operations"]]
                == [("exclusive", "held")],
                "it is seen what it was converted to",
            )
            again.call("Convert", hold=hold, mode="shared")
            self.assertEqual(lab.show("hv2", name)["holders"][0]["mode"], "shared")
            again.release(hold)
