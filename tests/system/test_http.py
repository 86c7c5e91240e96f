"""HTTP: what is shown, who may ask, and what no client can do to the agent."""
import http.client
import json
import socket

from case import CONFIG, Case
from cluster import Cluster
from support.lab import until
from support.varlink import Connection
from support.web import Stream, connect, get, get_json, raw, split

CONNECTIONS = 64  # HTTP_CONNECTIONS_MAX
STREAMS = 16  # HTTP_STREAMS_MAX
TARGET = 2048  # HTTP_TARGET_MAX
HEAD = 8192  # HTTP_HEAD_MAX


class HttpCase(Case):
    """One agent that votes by itself, with HTTP on its own loopback address."""

    def setUp(self):
        super().setUp()
        self.node = Cluster(self, self.dir / "c").nodes[0]
        self.http = self.free_address()
        self.start_agent()

    def free_address(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return f"127.0.0.1:{s.getsockname()[1]}"

    def start_agent(self, extra=""):
        self.node.configure(extra, http=self.http)
        self.node.start()
        until(lambda: self.node.status()["life_counts"], "its life counts")

    def varlink(self, method, parameters=None):
        with Connection(self.node.options["socket"]) as api:
            return api.call(method, parameters or {})

    def status_of(self, sent):
        """The status that these bytes are answered with; None: with nothing."""
        answer = raw(self.http, sent)
        return int(answer.split(b" ", 2)[1]) if answer else None


class Configuration(Case):
    def check(self, http, extra=""):
        node = Cluster(self, self.dir / "c").nodes[0] if not hasattr(self, "node") else self.node
        self.node = node
        node.configure(extra, http=http)
        return node.run("--check-config")

    def test_only_this_machine_unless_that_is_said(self):
        for address in ("0.0.0.0:9190", "192.0.2.1:9190", "[::]:9190", "[fd00::1]:9190"):
            code, _, err = self.check(address)
            self.assertEqual(code, CONFIG, address)
            self.one_line(err, address, "http-public", program="holdfastd")
            self.assertEqual(self.check(address, "http-public = true\n")[0], 0, address)
        for address in ("127.0.0.1:9190", "127.9.8.7:1", "[::1]:65535"):
            self.assertEqual(self.check(address)[0], 0, address)

    def test_what_is_no_address(self):
        for address in ("", "9190", "localhost:9190", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
                        "127.0.0.1:x", "::1:9190", "[::1]", "[::1", "127.0.0.1:-1"):
            code, _, err = self.check(address)
            self.assertEqual(code, CONFIG, address)
            self.one_line(err, "http", program="holdfastd")

    def test_names(self):
        for names in ('{"HV1"}', '{"hv1:9190"}', '{""}', "{" + ",".join(['"a"'] * 16) + "}"):
            code, _, err = self.check("127.0.0.1:9190", f"http-names = {names}\n")
            self.assertEqual(code, CONFIG, names)
            self.one_line(err, "http-names", program="holdfastd")

    def test_an_address_that_is_taken(self):
        node = Cluster(self, self.dir / "c").nodes[0]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            node.configure(http=address)
            code, _, err = node.run()
            self.assertEqual(code, CONFIG)
            self.assertIn(address, err)
            self.assertIn("another process", err)


class Shown(HttpCase):
    def test_what_the_local_api_says(self):
        for path, method in (("status", "Status"), ("members", "Members"), ("locks", "List"),
                             ("orders", "Orders")):
            said = get_json(self.http, f"/api/{path}")
            self.assertEqual(sorted(said), sorted(self.varlink(method)), path)
        events = get_json(self.http, "/api/events")["events"]
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        self.assertEqual(sorted(events[0]), sorted(self.varlink("Events")["event"]))

    def test_a_lock(self):
        name = "image/<b>&\u00e9"
        with Connection(self.node.options["socket"]) as api:
            hold = api.acquire(name)["hold"]
            lock = get_json(self.http, "/api/lock?name=image/%3Cb%3E%26%c3%a9")["lock"]
            self.assertEqual(lock["name"], name)
            self.assertEqual(lock["holders"][0]["node"], "hv1")
            self.assertIn(name, get_json(self.http, "/api/names")["names"])
            self.assertEqual(get_json(self.http, "/api/names?match=%3Cb%3E")["names"], [name])
            self.assertEqual(get_json(self.http, "/api/names?match=none"), {"names": [], "next": 0})
            api.release(hold)  # else this very process is stopped as its holder
        for query in ("", "?name=", "?name=%00", "?name=%0a", "?name=" + "x" * 256, "?name=%ff"):
            self.assertEqual(get(self.http, "/api/lock" + query)[0], 400, query)

    def test_a_lock_without_a_majority(self):
        self.node.stop()
        cluster = Cluster(self, self.dir / "three", 3)
        node = cluster.nodes[0]
        node.configure(http=self.http)
        node.start()
        status, _, body = get(self.http, "/api/lock?name=a")
        self.assertIn(status, (503, 504))
        self.assertIn("error", json.loads(body))

    def test_nothing_is_kept_sniffed_or_framed(self):
        for path in ("/", "/metrics", "/api/status", "/nothing"):
            _, headers, _ = get(self.http, path)
            self.assertEqual(headers["Cache-Control"], "no-store", path)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff", path)
            self.assertNotIn("Access-Control-Allow-Origin", headers, path)
        policy = get(self.http, "/")[1]["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)

    def test_the_page_needs_nothing_else(self):
        page = get(self.http, "/")[2]
        self.assertIn("<h1>Holdfast", page)
        for word in ("http:", "https:", "url(", "innerHTML", "eval(", "import "):
            self.assertNotIn(word, page.replace("http://www.w3.org/2000/svg", ""), word)

    def test_head_has_no_body(self):
        for path in ("/", "/metrics", "/api/status", "/events"):
            status, _, body = get(self.http, path, "HEAD")
            self.assertEqual((status, body), (200, ""), path)


class Events(HttpCase):
    def test_a_reader_resumes_where_it_was(self):
        stream = Stream(self.http)
        self.addCleanup(stream.close)
        seen = [stream.next() for _ in range(3)]
        self.assertEqual([event["seq"] for _, event in seen], [1, 2, 3])
        self.assertEqual([name for name, _ in seen], [event["id"] for _, event in seen])
        for resumed in (Stream(self.http, last_id=seen[1][0]),
                        Stream(self.http, f"/events?since={seen[1][0]}")):
            self.addCleanup(resumed.close)
            self.assertEqual(resumed.next(), seen[2])

    def test_a_restart_is_a_gap(self):
        stream = Stream(self.http)
        name, _ = stream.next()
        stream.close()
        self.node.stop()
        self.start_agent()
        resumed = Stream(self.http, last_id=name)
        self.addCleanup(resumed.close)
        _, gap = resumed.next()
        self.assertEqual((gap["kind"], gap["seq"]), ("gap", 0))
        self.assertIn("anew", gap["text"])
        self.assertEqual(resumed.next()[1]["seq"], 1)
        socket_option = {"env": {"HOLDFAST_SOCKET": str(self.node.options["socket"]), "PATH": ""}}
        lines = [json.loads(line) for line in
                 self.holdfast("events", "--json", "--since", name, **socket_option)[1].splitlines()]
        self.assertEqual([e["kind"] for e in lines[:1]], ["gap"])
        self.assertEqual([e["seq"] for e in lines[1:]], list(range(1, len(lines))))
        _, out, _ = self.holdfast("events", "--json", "--since", lines[2]["id"], **socket_option)
        self.assertEqual([json.loads(line) for line in out.splitlines()][0], lines[3])

    def test_what_is_no_place(self):
        for since in ("x", "-1", "1:", ":1", "zz:1", "1:2:3", "9" * 30):
            self.assertEqual(get(self.http, f"/events?since={since}")[0], 400, since)

    def test_there_are_only_so_many(self):
        streams = [Stream(self.http) for _ in range(STREAMS)]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.next()[1]["seq"], 1)
        self.assertEqual(get(self.http, "/events")[0], 503)
        self.assertEqual(get(self.http, "/api/status")[0], 200)
        streams[0].close()
        until(lambda: get(self.http, "/events", "HEAD")[0] == 200, "there is room again")


class BadInput(HttpCase):
    def test_each_is_answered_by_its_status(self):
        host = b"Host: 127.0.0.1\r\n"
        for sent, status in (
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc", 405),
            (b"DELETE /api/locks HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc", 413),
            (b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413),
            (b"GET /nothing HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"GET /../etc/passwd HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"GET //metrics HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"GET http://x/ HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\n" + host + b"\r\n", 505),
            (b"GET /" + b"x" * TARGET + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
            (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * HEAD, 431),
            (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"x" * 4 * 1024 * 1024, 431),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
            (b"\0" * 100, 400),
            (b"GET / HTTP/1.1\r\nHo", None),
            (b"", None),
        ):
            with self.subTest(sent[:60]):
                self.assertEqual(self.status_of(sent), status)
        self.assertEqual(get(self.http, "/api/status")[0], 200)

    def test_another_hosts_name_is_not_answered(self):
        for host in ("evil.example", "127.0.0.1.evil.example", "hv2", "localhost.evil.example"):
            self.assertEqual(get(self.http, "/api/status", headers={"Host": host})[0], 421, host)
        for host in ("hv1", "HV1:80", "localhost:9", "127.0.0.1", "192.0.2.7", "[::1]:9190"):
            self.assertEqual(get(self.http, "/api/status", headers={"Host": host})[0], 200, host)
        self.node.stop()
        self.start_agent('http-names = {"hv1.example", "status"}\n')
        for host, status in (("hv1.example:9190", 200), ("status", 200), ("hv2.example", 421)):
            self.assertEqual(get(self.http, "/metrics", headers={"Host": host})[0], status, host)

    def test_another_sites_page_may_not_ask(self):
        for site, status in (("cross-site", 403), ("same-origin", 200), ("none", 200)):
            headers = {"Sec-Fetch-Site": site}
            self.assertEqual(get(self.http, "/api/lock?name=a", headers=headers)[0], status)

    def test_requests_in_a_row(self):
        connection = http.client.HTTPConnection(*split(self.http), timeout=30)
        self.addCleanup(connection.close)
        for path in ("/api/status", "/nothing", "/api/lock?name=a", "/metrics"):
            connection.request("GET", path)
            self.assertIn(connection.getresponse().read()[:1], (b"{", b"n", b"#"))
        request = b"GET /api/locks HTTP/1.1\r\nHost: a.b\r\n\r\n".replace(b"a.b", b"hv1")
        self.assertEqual(raw(self.http, request * 20).count(b"HTTP/1.1 200"), 20)

    def test_nobody_is_held_up_by_who_says_nothing_or_little(self):
        """More than there is room for: the silent ones go, the others are answered."""
        silent = [connect(self.http) for _ in range(2 * CONNECTIONS)]
        for one in silent:
            self.addCleanup(one.close)
        for i in range(0, len(silent), 2):
            try:
                silent[i].sendall(b"GET / HT")
            except OSError:
                pass  # it had to go already
        for _ in range(20):
            self.assertEqual(get(self.http, "/api/status")[0], 200)
        text = get(self.http, "/metrics")[2]
        there = next(line for line in text.splitlines() if line.startswith("holdfast_http_connections "))
        self.assertLessEqual(int(there.split()[1]), CONNECTIONS)

    def test_a_request_that_drips_is_given_up(self):
        with connect(self.http) as slow:
            slow.settimeout(0.2)
            sent = b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000

            def closed():
                nonlocal sent
                try:
                    slow.sendall(sent[:1])
                    sent = sent[1:]
                    return slow.recv(1) == b""
                except socket.timeout:
                    return False
                except OSError:
                    return True

            until(closed, "who drips is closed")
        self.assertIn('reason="slow"} 1', get(self.http, "/metrics")[2])
