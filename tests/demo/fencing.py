"""The second act: fencing (docs/design.md, "The way of an order").

A machine's agent hangs while its writer goes on: no time-out can make that safe. A majority of the
jurors, each by what it has seen itself, orders the end of that life; an executor switches the
machine off; only then the lock passes on. Then forged and stale orders are refused, and the whole
site loses its power and needs none.
"""
import base64
import json
import os
import subprocess
import sys
import time
from datetime import datetime

from stage import GUEST, Stage, undisturbed
from support.forged import FORGED
from support.lab import ROOT, until
from support.processes import read
from support.varlink import Refused

FORGE = ROOT / "build" / "demo" / "forge"
NAME = "disk/vm-7"
DISK_SIZE = 4 << 20
LOOK_S = 1.0  # how long the next holder looks whether somebody else still writes
QUORUM, JURORS = 3, 5
MAGIC_SIZE = 8  # of an exported file


def boottime_ns():
    """The one clock of all machines of the lab, which guests write down too (guest.py)."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def seconds(ms):
    return f"{ms / 1000:.1f} s ago" if ms >= 0 else "not since its own start"


class Fencing(Stage):
    def __init__(self, directory, fail_at):
        super().__init__(directory, fail_at)
        self.disk = self.dir / "shared" / "vm-7.img"
        self.log = self.dir / "shared" / "vm-7.log"
        self.sick = "hv3"
        self.well = []  # the other machines
        self.life = 0  # of the sick machine, when it falls sick
        self.writer = None
        self.taker = None
        self.paused_ns = 0
        self.order = {}
        self.proof = b""  # the receipt, with its certificate
        self.again_token = 0

    def play_fencing(self):
        self.well = [machine for machine in self.lab.names if machine != self.sick]
        self.fall_sick()
        self.give_order()
        self.carry_out()
        self.come_back()
        self.refuse()
        self.lose_power()

    # --- What is there to see ---

    def show_writing(self, guest, said):
        self.say(
            guest.machine,
            f"has {guest.label} exclusive, token {said['token']}: process {said['pid']} rewrites "
            f"{DISK_SIZE >> 20} MiB in place, a line of its log a write",
        )

    def writes(self, token):
        """When each write under a token was complete, by the file's log, in order."""
        times = []
        with open(self.log, encoding="ascii") as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be on its way
                    of, _, when = map(int, line.split())
                    if of == token:
                        times.append(when)
        return times

    def writes_on(self, guest, why):
        """A writer must be seen to write from now on; how many times it did."""
        token, since = guest.find("writing")["token"], boottime_ns()
        return until(
            lambda: (n := len([t for t in self.writes(token) if t > since])) >= 50 and n, why
        )

    def first_event(self, kind, part):
        """When an event came first to one of the healthy machines, in ns of CLOCK_BOOTTIME."""
        times = []
        for machine in self.well:
            for line in self.must(machine, "events", "--json").splitlines():
                event = json.loads(line)
                if event["kind"] == kind and part in event["text"]:
                    times.append(datetime.fromisoformat(event["time"].replace("Z", "+00:00")))
        self.need(times, f"no machine has an event '{kind}' with '{part}'")
        ahead = time.time_ns() - boottime_ns()  # of the clock that events are stamped by
        return round(min(times).timestamp() * 1000) * 1000000 - ahead

    def orders(self):
        """The digests of the orders that each machine knows."""
        return {
            machine: sorted(
                order["order"]
                for order in json.loads(self.must(machine, "fence", "list", "--json"))["orders"]
            )
            for machine in self.lab.names
        }

    # --- Step 6 ---

    def fall_sick(self):
        self.begin(6, f"{self.sick} writes under a lock; then its agent hangs, but not the machine")
        self.need(not any(self.orders().values()), "there are orders already")
        self.disk.parent.mkdir()
        self.disk.write_bytes(bytes(DISK_SIZE))
        self.life = self.lab.status(self.sick)["life"]
        self.writer = self.start(
            self.sick, NAME, ["-x"], sys.executable, GUEST, "write", self.disk, self.log
        )
        self.hear_from(self.writer, "writing")
        self.writes_on(self.writer, f"{self.sick} writes")
        pid = self.lab.status(self.sick)["pid"]
        self.paused_ns = boottime_ns()
        self.lab.agent(self.sick, "pause")
        state = read(pid, "stat").rpartition(b")")[2].split()[:1]
        self.need(state == [b"T"], f"{self.sick}'s agent is not stopped: {state}")
        self.say(self.sick, f"its agent alone, process {pid}, is paused (SIGSTOP)")
        count = self.writes_on(self.writer, f"{self.sick} writes while its agent is paused")
        self.say(self.sick, f"its writer goes on writing: {count} times since")
        self.fail_here()

    # --- Step 7 ---

    def waits_for(self):
        """What `holdfast show` says that the waiter waits for, or ""."""
        try:
            lock = self.lab.call("hv2", "Show", name=NAME, timeout_ms=200)["lock"]
        except Refused:
            return ""  # whoever coordinates the lock is being found
        return (lock["stale"] or {"text": ""})["text"]

    def watch_sickness(self):
        """Until the taker has the lock: what the others say of the sick machine, and what is done,
        as far as there is time to see it. Returns all that was said of the holder."""
        last, texts = "alive", [""]

        def look():
            nonlocal last
            gossip, text = self.lab.gossip("hv2", self.sick), self.waits_for()
            if gossip != last:
                count = len(self.writes(self.writer.find("writing")["token"]))
                self.say("hv2", f"{self.sick} is {gossip}; its writer has written {count} times")
                last = gossip
            if text not in texts:
                self.say("hv2", f"{NAME} waits for: {text}")
                texts.append(text)
            return self.has_said(self.taker, "took")

        self.hear_until(look, f"hv1 gets {NAME}", 40)
        return " ".join(texts + self.taker.told("waiting"))

    def give_order(self):
        self.begin(7, "hv1 waits for the lock; the jurors order the end of that life")
        self.taker = self.start(
            "hv1", NAME, ["-x"], sys.executable, GUEST, "take", self.disk, self.log, LOOK_S
        )
        told = self.watch_sickness()
        self.need(f"held by {self.sick} (exclusive)" in told, f"of the holder was told: '{told}'")
        story = json.loads(self.must("hv1", "fence", "show", self.sick, "--json"))
        self.order, self.proof = story["order"], base64.b64decode(story["receipt"])[MAGIC_SIZE:]
        order = self.order
        self.need(order["life"] == self.life and order["slot"] == 2, "the order is of another life")
        signers = [opinion for opinion in order["opinions"] if opinion["signed"]]
        for opinion in order["opinions"]:
            self.show_opinion(opinion)
        names = [opinion["juror"] for opinion in signers]
        self.need(len(set(names)) >= QUORUM and self.sick not in names, f"signed by {names}")
        self.need(
            (order["signatures"], order["quorum"], order["jurors"]) == (len(names), QUORUM, JURORS),
            f"{order['signatures']} signatures, {order['quorum']} of {order['jurors']} needed",
        )
        self.say(
            order["accuser"],
            f"asked for it, for whoever waits for {order['lock']}: signed by {', '.join(names)}, "
            f"{len(names)} of {JURORS} jurors, {QUORUM} are needed",
        )
        self.say(
            "lab",
            f"order {order['order'][:16]}...: ends life {order['life']} of {order['node']}, and no "
            f"other; {order['bytes']} bytes with its signatures",
        )
        self.fail_here()

    def show_opinion(self, opinion):
        """One juror's own evidence (F2), and that it is enough if it signed."""
        renewal, heard = seconds(opinion["renewal_ms"]), seconds(opinion["heard_ms"])
        probes = f"{opinion['direct']} direct and {opinion['relays']} relayed probes"
        if not opinion["signed"]:
            self.say(opinion["juror"], f"{opinion['verdict']}, when last asked: {opinion['text']}")
            return
        self.say(
            opinion["juror"],
            f"signs: last renewal of that life {renewal}, last word {heard}; "
            f"{probes} unanswered;",
        )
        self.say(
            "",
            f"  itself acknowledged by {opinion['acknowledged']} jurors, sees "
            f"{opinion['alive']} of {JURORS} alive, {opinion['brake']} lost of late; "
            f"allows {', '.join(opinion['allows'])}",
        )
        enough = opinion["direct"] >= 1 and opinion["acknowledged"] >= QUORUM
        enough = enough and opinion["alive"] >= QUORUM and "power" in opinion["allows"]
        self.need(enough, f"{opinion['juror']} signed without evidence: {opinion}")

    # --- Step 8 ---

    def carry_out(self):
        self.begin(8, f"An executor switches {self.sick} off; the lock passes on behind that")
        order, receipt = self.order, self.order["receipt"]
        self.need(receipt, "there is no receipt")
        for report in order["reports"]:
            self.say(report["executor"], f"{report['stage']}: {report['text']}".rstrip(": "))
        executor, witness = receipt["executor"], receipt["witness"]
        self.need(executor in self.well, f"{executor} cannot execute")
        self.need(receipt["action"] == "power", f"the action is {receipt['action']}")
        self.say(
            executor,
            f"signed the receipt: {receipt['action']}, on the device {receipt['device']}, "
            f"{len(self.proof)} bytes with the order",
        )
        if witness:
            self.need(witness in self.well and witness != executor, f"{witness} is no witness")
            self.say(witness, "asked the device too: it says off")
        power = self.lab.power(self.sick, "status")
        self.need(power == "off", f"{self.sick}'s power is {power}")
        self.fail_here()
        self.check_writes()

    def check_writes(self):
        """The file's log against the grant: who wrote when, by the clock that both share."""
        token = self.writer.find("writing")["token"]
        took, looked = self.taker.find("took"), self.hear_from(self.taker, "looked")
        writes = self.writes(token)
        later = len([t for t in writes if t > self.paused_ns])
        receipt_ns = self.first_event("proof", f"{self.sick} is proven over up to life {self.life}")
        before_receipt = receipt_ns - writes[-1]
        margin = took["began_ns"] - writes[-1]
        self.need(margin > 0, f"{self.sick} wrote {-margin} ns after hv1 had the lock")
        self.need(before_receipt > 0, f"{self.sick} wrote {-before_receipt} ns after the receipt")
        first = looked["first"]
        self.need(
            first["block_token"] == token and first["block"] - len(writes) in (0, 1),
            f"the image has {first}, the log {len(writes)} writes under token {token}",
        )
        self.need(first == looked["later"], f"somebody wrote under hv1's lock: {looked}")
        self.say(
            self.sick,
            f"wrote {later} times after its agent hung; its last write is "
            f"{before_receipt / 1e6:.0f} ms older than the receipt, {margin / 1e6:.0f} ms "
            "older than hv1's start",
        )
        self.say("hv1", f"nothing changed in image or log in the {LOOK_S:.0f} s that hv1 looked")
        self.times(receipt_ns, took["began_ns"], margin)

    def times(self, receipt_ns, took_ns, margin_ns):
        dead = self.first_event("member", f"{self.sick} is dead (life {self.life}")
        certified = self.first_event("order", f"ordered the end of {self.sick}, life {self.life}")
        order = self.order
        self.table.append(None)
        for what, ns, note in (
            ("detection", dead - self.paused_ns, "from the pause until it is held dead"),
            ("certificate", certified - dead, "from dead until a majority of jurors has signed"),
            ("receipt", receipt_ns - certified, "from the order: off, status, witness, signed"),
            ("hand-over", took_ns - self.paused_ns, "from the pause until hv1's command ran"),
        ):
            self.row(what, f"{ns / 1e9:.2f} s", note)
        self.row("last write to hand-over", f"{margin_ns / 1e6:.0f} ms", "by the file's log")
        self.row(
            "signatures",
            f"{order['signatures']} of {JURORS}",
            f"{QUORUM} are needed; each juror by what it saw itself",
        )
        self.row("bytes of the certificate", f"{order['bytes']}", "the order and its signatures")
        self.row("bytes of the receipt", f"{len(self.proof)}", "with the certificate in it")

    # --- Step 9 ---

    def come_back(self):
        self.begin(9, f"hv1 knows what it took over; {self.sick} comes back with a new life")
        took, token = self.taker.find("took"), self.writer.find("writing")["token"]
        self.need(took["token"] > token, f"token {took['token']} is not above {token}")
        self.need(
            took["unclean"]
            == f"{self.sick}/{self.life} exclusive receipt {self.order['receipt']['proof']}",
            f"HOLDFAST_UNCLEAN is '{took['unclean']}'",
        )
        told = [text for text in self.taker.told("err") if "ended uncleanly" in text]
        self.need(told and f"{self.sick} (life {self.life})" in told[0], f"hv1 was told {told}")
        self.say("hv1", f"holds {NAME}, token {took['token']} after {token}; it was told:")
        self.say("", f"  {told[0].partition(' (see')[0]}")
        self.say("", f"  HOLDFAST_UNCLEAN={took['unclean'][:44]}...")
        self.need(self.finish(self.taker) == 0, "hv1's command failed")
        self.finish(self.writer)
        self.power_on()
        self.writer = self.start(
            self.sick, NAME, ["-x"], sys.executable, GUEST, "write", self.disk, self.log
        )
        self.again_token = self.hear_from(self.writer, "writing")["token"]
        self.need(self.again_token > took["token"], "the token did not rise")
        self.fail_here()

    def power_on(self):
        self.lab.power(self.sick, "on")
        self.lab.wait_voting(self.sick)
        status = until(
            lambda: (s := self.lab.status(self.sick))["life_counts"] and s, "its life counts"
        )
        self.need(status["life"] == self.life + 1, f"it came back with life {status['life']}")
        ended = f"{self.sick} is proven over up to life {self.life}: its own end statement"

        def stated():
            return ended in self.must("hv1", "events")

        until(stated, "hv1 has the end statement")
        self.say(
            self.sick,
            f"its power is on: life {status['life']}, which counts since it stated that "
            f"life {self.life} is over; it votes again",
        )

    # --- Step 10 ---

    def unharmed(self):
        """What no refused order may change."""
        status = self.lab.status(self.sick)
        writer = self.writer.find("writing")["pid"]
        return {
            "agent": status["pid"],
            "life": status["life"],
            "bound": status["bound"],
            "writer": writer if b"guest.py" in read(writer, "cmdline") else 0,
            "orders": self.orders(),
        }

    def refuse(self):
        self.begin(10, f"Old and forged orders against {self.sick} are handed in, and refused")
        before = self.unharmed()
        self.need(before["life"] == self.life + 1 and not before["bound"], f"not well: {before}")
        self.say(
            self.sick,
            f"before: life {before['life']}, agent {before['agent']}, "
            f"writer {before['writer']} under token {self.again_token}",
        )
        files = self.dir / "orders"
        files.mkdir()
        old = files / "old"
        self.must("hv1", "fence", "show", f"{self.sick}/{self.life}", "--export", old)
        self.hand_in(old, "the same order again", "the life that it names is over")
        forged = self.forge(before["life"], old, files)
        self.need(set(forged) == set(FORGED), f"forge made {sorted(forged)}")
        for name, words in FORGED.items():
            self.hand_in(files / name, forged[name], words)
        self.fail_here()
        self.writes_on(self.writer, f"{self.sick} goes on writing")
        after = self.unharmed()
        self.need(after == before, f"before: {before}; after: {after}")
        self.say(self.sick, "after: the same life, agent and writer, which goes on; no new order")

    def forge(self, life, old, files):
        """Runs the forger, which knows three jurors' keys: {file's name: what it is}."""
        with undisturbed():
            process = subprocess.Popen(
                [FORGE, self.lab.dir, self.sick, str(life), old, files],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self.children.append(process)
        out, err = process.communicate(timeout=30)
        self.need(process.returncode == 0, err.strip())
        return dict(line.split("\t") for line in out.splitlines())

    def hand_in(self, file, what, words):
        """To a bystander and to the target: both must refuse it, by the rule of these words."""
        rules = {}
        for machine in ("hv1", self.sick):
            code, out, err = self.command(machine, "fence", "submit", file)
            intro = f"holdfast: {machine} refused it: "
            self.need(
                code == 1 and err.startswith(intro) and words in err,
                f"{what}, handed to {machine}: code {code}, '{out.strip() or err}'",
            )
            rules.setdefault(err.removeprefix(intro), []).append(machine)
        self.say("lab", f"{what}:")
        for rule, machines in rules.items():
            self.say("", f"  refused by {' and by '.join(machines)}: {rule}")

    # --- Step 11 ---

    def hold_site(self):
        """Every machine holds a lock, and for some of them somebody waits: {lock: holder}, and
        {lock: waiter}."""
        held, waited = {NAME: self.sick}, {"site/hv1": "hv2", NAME: "hv1"}
        for machine in self.lab.names:
            held[f"site/{machine}"] = machine
            self.start(machine, f"site/{machine}", ["-x"], "sleep", "1000", quiet=True)
        for name, machine in held.items():
            until(lambda: self.lab.holders("hv1", name) == [(machine, "exclusive")], f"{name} held")
        for name, waiter in waited.items():
            self.start(waiter, name, ["-x"], sys.executable, GUEST, "token", quiet=True)
            until(lambda: self.lab.show("hv1", name)["waiters"], f"{waiter} waits for {name}")
        return held, waited

    def lose_power(self):
        self.begin(11, "The site loses its power and comes back: no order, no reboot")
        held, waited = self.hold_site()
        orders = self.orders()
        lives = {machine: self.lab.status(machine)["life"] for machine in self.lab.names}
        self.say("lab", f"{len(held)} locks are held, for {len(waited)} of them somebody waits")
        for machine in self.lab.names:
            self.lab.power(machine, "off")
        for machine in self.lab.names:
            self.need(self.lab.power(machine, "status") == "off", f"{machine} is not off")
        self.say("lab", "all five are off")
        on_ns = boottime_ns()
        for machine in self.lab.names:
            self.lab.power(machine, "on")
        self.say(
            "lab", f"all five are on again, {(boottime_ns() - on_ns) / 1e9:.2f} s after the first"
        )
        pids = {machine: self.lab.status(machine)["pid"] for machine in self.lab.names}
        self.fail_here()
        self.take_over_site(held, waited, lives)
        spent = (boottime_ns() - on_ns) / 1e9
        self.need(self.orders() == orders, f"orders before: {orders}; after: {self.orders()}")
        for machine in self.lab.names:
            status = self.lab.status(machine)
            self.need(status["life"] == lives[machine] + 1, f"{machine} has life {status['life']}")
            self.need(status["pid"] == pids[machine], f"{machine}'s agent was started again")
        self.say(
            "lab", "the orders are the same as before, the lives have risen by the power loss alone"
        )
        self.row(
            "after a power loss",
            f"{spent:.2f} s",
            f"from power on until the last of {len(held)} stale locks has passed on; no order",
        )

    def take_over_site(self, held, waited, lives):
        """For each lock another machine than its holder asks."""
        names = self.lab.names
        takers = []
        for name, machine in held.items():
            other = names[(names.index(machine) + 1) % len(names)]
            options = ["-x", "-w", "25"]
            takers.append(
                self.start(other, name, options, sys.executable, GUEST, "token", quiet=True)
            )
        for taker in takers:
            ran = self.hear_from(taker, "ran")
            # Who waited may have been granted the lock while its life was not yet known to be over.
            ended = [held[taker.label], *filter(None, [waited.get(taker.label)])]
            words = (ran["unclean"] or "").split()
            self.need(
                words[1:3] == ["exclusive", "end-statement"]
                and words[0] in [f"{machine}/{lives[machine]}" for machine in ended],
                f"{taker.machine} got {taker.label} with HOLDFAST_UNCLEAN '{ran['unclean']}'",
            )
            self.need(self.finish(taker) == 0, f"{taker.machine}'s command failed")
            who, _, life = words[0].partition("/")
            self.say(
                taker.machine,
                f"got {taker.label}, token {ran['token']}, by the end statement of {who} "
                f"(life {life})",
            )
