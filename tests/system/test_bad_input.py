"""Everything that an operator or a disk can get wrong: one clear line, the right exit code, no harm."""
import ctypes
import os
import shutil
import socket
import stat

from case import Case, CONFIG, ERROR, OK, USAGE, agent_program, libc
from cluster import Cluster
from support.lab import until


class BadCase(Case):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self, self.dir / "a")
        self.node = self.cluster.nodes[0]

    def refused(self, *parts, node=None, code=CONFIG):
        """The agent does not start, and says why in one line with these parts; the check agrees."""
        got, out, err = (node or self.node).run()
        self.assertEqual((got, out), (code, ""), err)
        self.one_line(err, *parts, program="holdfastd")
        return err


class BadConfiguration(BadCase):
    def checked(self, *parts):
        err = self.refused(*parts)
        self.assertEqual(self.node.run("--check-config"), (CONFIG, "", err))

    def test_a_good_one(self):
        code, out, err = self.node.run("--check-config")
        self.assertEqual((code, err), (OK, ""))
        self.assertIn("hv1", out)

    def test_an_unknown_option_is_named_with_its_line(self):
        self.node.configure("\n# a comment\nsokcet = '/x'\n")
        self.checked(f"{self.node.config}:10:", "sokcet")
        self.node.configure("grace = 5 # one's own\n// don't\n/* two\nlines' */\n\nsokcet = '/x'\n")
        self.checked(f"{self.node.config}:13:", "sokcet")

    def test_no_comment_begins_within_a_value(self):
        for value in ("'/x#1//y /*z*/'", '"/x#1//y /*z*/"'):
            self.node.configure(f"// don't\nstate = {value}\n")
            err = self.node.run()[2]
            self.one_line(err, "/x#1//y /*z*/", program="holdfastd")
        self.node.configure("// don't\nstate = /x//y#1\n")
        self.one_line(self.node.run()[2], "/x//y:", program="holdfastd")

    def test_wrong_values_are_named_with_their_line(self):
        for option, value in (("grace", "soon"), ("grace", "-1"), ("max-locks", "1"),
                              ("log-level", "loud"), ("cluster", "123"), ("socket-group", "no-such-group")):
            with self.subTest(option=option, value=value):
                self.node.configure(f"{option} = {value}\n")
                self.checked(f"{self.node.config}:8:", option)

    def test_what_is_no_configuration(self):
        for text in ("cluster\n", "cluster = {\n", "cluster = 'a\n", "= =\n", "\x00\xff\n"):
            with self.subTest(text):
                self.node.config.write_text(text, encoding="latin-1")
                self.checked(self.node.config)
        self.node.configure(cluster=None)
        self.checked("cluster")
        self.node.config.unlink()
        self.checked(self.node.config)
        self.node.config.mkdir()
        self.checked(self.node.config)

    def test_a_socket_path_that_is_too_long(self):
        path = "/tmp/" + "x" * 110
        self.node.configure(socket=path)
        self.checked(path, "107")

    def test_usage(self):
        for arguments in (["--no-such-option"], ["surplus"], ["--log-level", "loud"]):
            code, out, err = self.run_to_end(agent_program(), *arguments)
            self.assertEqual((code, out), (USAGE, ""))
            self.assertIn(arguments[-1], err)
        self.assertEqual(self.run_to_end(agent_program(), "--version")[0], OK)
        self.assertEqual(self.run_to_end(agent_program(), "--help")[0], OK)


class BadIdentity(BadCase):
    def test_a_key_that_others_may_read(self):
        key = self.node.options["key"]
        key.chmod(0o644)
        self.refused(key, "0644", "chmod 600")

    def test_a_key_that_is_none(self):
        key = self.node.options["key"]
        for text in ("", "xyz\n", "0" * 63 + "\n", "0" * 65 + "\n", "0" * 10000):
            key.write_text(text)
            self.refused(key)
        key.unlink()
        self.refused(key)

    def test_a_key_that_the_roster_does_not_know(self):
        other = Cluster(self, self.dir / "b").nodes[0]
        self.node.configure(key=other.options["key"])
        self.refused(other.options["key"], self.node.options["roster"])

    def test_a_foreign_cluster(self):
        other = Cluster(self, self.dir / "b")
        self.node.configure(cluster=other.id)
        self.refused(self.node.options["roster"], self.cluster.id, "cluster")

    def test_a_roster_that_is_damaged_or_unsigned(self):
        roster = self.node.options["roster"]
        good = roster.read_bytes()
        for at in range(0, len(good), max(1, len(good) // 12)):
            roster.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            self.refused(roster)
            code, out, err = self.holdfast("roster", "check", roster)
            self.assertEqual(code, CONFIG, out + err)
        for bad in (b"", good[:-1], good + b"x", self.cluster.unsigned.read_bytes()):
            roster.write_bytes(bad)
            self.refused(roster)
        roster.unlink()
        self.refused(roster)
        self.assertEqual(self.holdfast("roster", "check", self.cluster.roster)[0], OK)

    def test_another_rosters_store(self):
        other = Cluster(self, self.dir / "b").nodes[0]
        other.start()
        other.until_store("voting")
        other.stop()
        self.node.configure(state=other.dir / "state")
        before = other.votes.read_bytes()
        self.refused(other.dir / "state", "another cluster or node")
        self.assertEqual(self.node.run("--store-lost")[0], CONFIG)
        self.assertEqual(other.votes.read_bytes(), before)

    def test_another_machine_under_the_same_key(self):
        self.node.options["machine-id"].write_text("0" * 31 + "1\n")
        self.refused("machine", "hv1", self.node.options["machine-id"])
        self.node.options["machine-id"].write_text("who knows\n")
        self.refused(self.node.options["machine-id"])

    def test_a_boot_id_of_ones_own_is_for_labs_only(self):
        roster = self.dir / "roster"
        self.cluster.must("roster", "make", "-o", roster, "--operator", self.cluster.dir / "operator.pub",
                          self.node.dir / "card.json")
        self.cluster.must("roster", "sign", "-k", self.cluster.dir / "operator.key", roster)
        out = self.cluster.must("roster", "show", roster)
        cluster = next(word for word in out.replace(",", " ").split() if len(word) == 64)
        self.node.configure(roster=roster, cluster=cluster)
        self.refused("boot-id", "lab")

    def test_nothing_that_exists_is_overwritten(self):
        key = self.node.options["key"].read_bytes()
        code, _, err = self.holdfast("keygen", "--name", "hv1", "--address", "127.0.0.1:7654", "-d",
                                     self.node.dir, "--machine-id", self.node.options["machine-id"])
        self.assertEqual(code, CONFIG)
        self.one_line(err, self.node.dir / "key")
        self.assertEqual(self.node.options["key"].read_bytes(), key)
        self.assertEqual(stat.S_IMODE(self.node.options["key"].stat().st_mode), 0o600)


class BadPlace(BadCase):
    """State, socket and address that are somebody else's, or not what they should be."""

    def test_a_second_agent_on_the_same_state(self):
        first = self.node.start()
        self.node.configure(socket=self.node.dir / "s2")
        self.refused(self.node.dir / "state", first.pid)
        self.assertEqual(self.node.status()["pid"], first.pid)

    def test_a_state_directory_that_is_none(self):
        state = self.node.dir / "state"
        state.chmod(0o755)
        self.refused(state, "0755", "chmod 700")
        self.node.configure(state=self.node.dir / "none")
        self.refused(self.node.dir / "none")
        self.node.configure(state=self.node.config)
        self.refused(self.node.config)

    def test_a_file_where_the_socket_goes(self):
        path = self.node.options["socket"]
        path.write_text("precious")
        self.refused(path)
        self.assertEqual(path.read_text(), "precious")

    def test_a_live_agents_socket(self):
        self.node.start()
        other = Cluster(self, self.dir / "b").nodes[0]
        other.configure(socket=self.node.options["socket"])
        self.refused(self.node.options["socket"], node=other)
        self.assertEqual(self.node.status()["node"], "hv1")

    def test_a_stale_socket_is_used_again(self):
        self.node.start()
        self.node.process.kill()
        self.node.process.wait()
        path = self.node.options["socket"]
        self.assertTrue(path.is_socket())
        self.node.start()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
        self.assertEqual(self.node.stop(), OK)
        self.assertFalse(path.exists())

    def test_an_address_that_is_taken(self):
        out = self.cluster.must("roster", "show", "--json", self.cluster.roster)
        address, port = out.split('"address":"')[1].split('"')[0].rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((address, int(port)))
            code, _, err = self.node.run()
        self.assertNotEqual(code, OK)
        self.one_line(err, f"{address}:{port}", program="holdfastd")


class BadStore(Case):
    """A store that is lost, failed or full: the node goes on gossiping, votes no more, and says so."""

    weight = 3

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self, self.dir / "a", 3)
        self.node, *self.others = self.cluster.nodes
        for other in self.others:
            other.start()

    def lock(self, name="job", node=None):
        return self.holdfast("--socket", (node or self.others[0]).options["socket"], "lock", "-w",
                             "30" if node is None else "3", name, "true")

    def gossips_but_votes_no_more(self, state):
        self.node.until_store(state)
        until(lambda: self.node.alive() == 3, "it sees the others")
        until(lambda: self.others[0].alive() == 3, "the others see it")
        before = self.node.status()["counters"]
        for i in range(5):
            self.assertEqual(self.lock(f"job/{i}")[0], OK)
        after = self.node.status()
        self.assertEqual((after["store"], after["counters"]["accepts"], after["counters"]["promises"]),
                         (state, before["accepts"], before["promises"]))
        out = self.holdfast("--socket", self.node.options["socket"], "status")[1]
        self.assertIn(state, next(line for line in out.splitlines() if line.startswith("store ")))

    def may_ask(self):
        """A store that is lost takes no part in votes, but the node still takes locks."""
        self.assertEqual(self.lock("own", self.node)[0], OK)

    def says_that_its_log_failed(self):
        """Without a log it cannot keep what it asks for (L9)."""
        code, _, err = self.lock("own", self.node)
        self.assertEqual(code, ERROR)
        self.one_line(err, "own", "failed")

    def aside(self):
        return self.node.dir / "state" / "votes.log.damaged-1"

    def damage(self):
        """Flips a bit in the middle of what the store holds, and returns the file's bytes."""
        data = bytearray(self.node.votes.read_bytes())
        data[len(bytes(data).rstrip(b"\0")) // 2] ^= 0x10
        self.node.votes.write_bytes(data)
        return bytes(data)

    def is_refused(self):
        code, out, err = self.node.run()
        self.assertEqual((code, out), (CONFIG, ""), err)
        self.one_line(err, self.node.votes, "damaged", "--store-lost", "restore", program="holdfastd")

    def test_a_damaged_store_is_refused_until_it_is_called_lost(self):
        self.node.start()
        life = self.node.until_store("voting")["life"]
        for i in range(20):
            self.assertEqual(self.lock(f"before/{i}")[0], OK)
        self.node.stop()
        good = self.node.votes.read_bytes()
        damaged = self.damage()
        self.is_refused()
        self.is_refused()
        self.assertEqual(self.node.votes.read_bytes(), damaged, "looked at only")
        self.assertFalse(self.aside().exists())
        self.node.start("--store-lost")
        self.gossips_but_votes_no_more("lost")
        self.may_ask()
        self.assertGreater(self.node.status()["life"], life, "no life is used twice")
        line = next(line for line in self.node.log().splitlines() if "store-lost" in line)
        self.assertIn("votes no more", line)
        self.assertIn(self.aside().name, line)
        self.assertEqual(self.aside().read_bytes(), damaged, "kept for whoever wants to look")
        self.node.stop()
        self.node.start()
        self.node.until_store("lost")
        self.node.stop()
        # And what was said of one file holds for that one alone.
        self.node.votes.write_bytes(good)
        self.node.start("--store-lost")
        self.node.until_store("behind")
        self.assertEqual([p.name for p in self.aside().parent.iterdir() if "damaged" in p.name],
                         [self.aside().name])

    def test_a_file_that_is_no_store_is_refused(self):
        for data in (b"", b"what is this\n", bytes(100000)):
            self.node.votes.write_bytes(data)
            self.is_refused()

    def test_a_store_that_is_gone_is_lost(self):
        self.node.start()
        life = self.node.until_store("voting")["life"]
        self.node.stop()
        self.node.votes.unlink()
        self.node.start()
        self.gossips_but_votes_no_more("lost")
        self.may_ask()
        self.assertGreater(self.node.status()["life"], life, "no life is used twice")
        self.assertIn("store-lost", self.node.log())

    def test_an_old_copy_is_seen_to_be_behind(self):
        self.node.start()
        self.node.until_store("voting")
        self.node.stop()
        copy = self.node.votes.read_bytes()
        self.node.start()
        self.node.until_store("voting")
        accepts = self.node.status()["counters"]["accepts"]

        def votes():
            self.assertEqual(self.lock("more")[0], OK)
            return self.node.status()["counters"]["accepts"] > accepts + 5
        until(votes, "it votes")
        # What it last said of its store travels with gossip, so that others know of it.
        sent = self.node.status()["counters"]["datagrams_out"]
        until(lambda: self.node.status()["counters"]["datagrams_out"] > sent + 10, "it has told of it")
        self.node.stop()
        self.node.votes.write_bytes(copy)
        self.node.start()
        self.gossips_but_votes_no_more("behind")
        self.may_ask()

    def test_a_disk_that_fails(self):
        strace = shutil.which("strace")
        if not strace:
            self.skipTest("strace is not installed")
        inject = [strace, "-D", "-f",  # -D: the agent, not strace, is our child
                  "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                  "inject=fdatasync:error=EIO:when=4+"]
        if self.run_to_end(*inject, "true")[0] != OK:
            self.skipTest("strace may not trace here")
        self.node.start(before=inject)

        def failed():
            self.assertIn(self.lock("until-it-fails", self.node)[0], (OK, ERROR))
            return self.node.status()["store"] == "failed"
        until(failed, "a sync failed")
        self.gossips_but_votes_no_more("failed")
        self.says_that_its_log_failed()
        self.assertIn("store-failed", self.node.log())

    def test_a_full_disk(self):
        state = self.node.dir / "small"
        state.mkdir(mode=0o700)
        options = b"size=1m,mode=700"
        if libc.mount(b"none", os.fsencode(state), b"tmpfs", ctypes.c_ulong(0), options) != 0:
            self.skipTest("a small tmpfs cannot be mounted here")
        self.addCleanup(libc.umount2, os.fsencode(state), 2)
        shutil.copy(self.node.votes, state / "votes.log")
        self.node.configure(state=state)
        self.node.start()
        self.node.until_store("failed")
        self.says_that_its_log_failed()
        self.assertEqual(self.lock()[0], OK, "the others go on")
        line = next(line for line in self.node.log().splitlines() if "store-failed" in line)
        self.assertIn(str(state), line)
        self.assertIn("No space left on device", line)
        self.assertIn("make room there", line)
        self.assertIn("No space left on device", self.node.status()["store_text"])
        self.node.stop()

        (state / "lock").unlink()
        with open(state / "more", "wb", buffering=0) as more:
            try:
                while more.write(bytes(4096)):
                    pass
            except OSError:
                pass  # full
        code, _, err = self.node.run()
        self.assertEqual(code, CONFIG)
        self.one_line(err, state, "No space left on device", "make room there", program="holdfastd")
