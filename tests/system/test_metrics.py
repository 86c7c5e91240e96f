"""Metrics of real agents, and what is made of them: promtool finds nothing wrong, nothing is missing."""
import re
import shutil
import sys
from pathlib import Path

from case import NOT_GRANTED, OK, Case
from support.lab import ROOT, until
from support.web import get

sys.path.insert(0, str(ROOT / "tests/lint"))
from metrics import documented  # noqa: E402

PROMETHEUS = ROOT / "packaging/prometheus"


class WatchdogMetrics(Case):
    machines = 3
    lab_options = ("--http", "--watchdogs")
    weight = 2

    def test_the_margin_is_seen(self):
        def series():
            return Metrics.scrape(self, "hv1")[1]

        holder = self.hold("hv1", self.name())
        until(lambda: series()["holdfast_watchdog_margin_least_seconds"] < 7, "it was petted by renewals")
        now = series()
        self.assertEqual((now["holdfast_watchdog_armed"], now["holdfast_watchdog_timeout_seconds"]), (1, 7))
        self.assertTrue(0 < now["holdfast_watchdog_margin_least_seconds"] <= now["holdfast_watchdog_margin_seconds"] <= 7)
        holder.terminate()
        self.finish(holder)


class Metrics(Case):
    machines = 3
    lab_options = ("--http", "--detect", 2000)
    weight = 2

    def scrape(self, machine):
        """Its metrics as they come, and {series: value}."""
        config = (self.lab.dir / machine / "holdfast.conf").read_text()
        status, headers, text = get(re.search(r"http = '(.*)'", config)[1], "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return text, {series: float(value) for series, value in (l.rsplit(" ", 1) for l in lines)}

    def value(self, machine, series):
        return self.scrape(machine)[1][series]

    def promtool(self, *arguments, text=None):
        tool = shutil.which("promtool")
        if not tool:
            self.skipTest("prometheus is not installed (packaging/packages-web.txt)")
        path = Path(self.dir) / "in"
        path.write_text(text or "")
        with open(path, "rb") as stdin:
            return self.run_to_end(tool, *arguments, stdin=stdin)

    def test_promtool_finds_nothing_wrong(self):
        self.assertEqual(
            self.promtool("check", "metrics", text=self.scrape("hv1")[0]), (OK, "", "")
        )

    def test_alerts_are_as_their_tests_say(self):
        code, out, err = self.promtool("test", "rules", PROMETHEUS / "holdfast.rules.test.yml")
        self.assertEqual(code, OK, out + err)

    def test_exported_is_what_is_documented(self):
        text, series = self.scrape("hv1")
        told = documented()
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.assertEqual(types, {name: kind for name, (kind, _) in told.items()})
        for one in series:
            name, _, labels = one.rstrip("}").partition("{")
            family = name if name in types else re.sub("_(bucket|sum|count)$", "", name)
            names = set(re.findall(r'([a-z]+)="', labels)) - {"le"}
            self.assertEqual(names, told[family][1], one)

    def test_it_grows_with_neither_locks_nor_nodes(self):
        before = set(self.scrape("hv1")[1])
        name = self.name("secret")
        for i in range(5):
            self.assertEqual(self.locked("hv1", f"{name}/{i}", "true")[0], OK)
        text, series = self.scrape("hv1")
        self.assertEqual(set(series), before)
        self.assertNotIn("secret", text)

    def test_waits_holds_and_refusals_are_counted(self):
        def counts():
            series = self.scrape("hv1")[1]
            return [
                series['holdfast_lock_wait_seconds_count{outcome="granted"}'],
                series['holdfast_lock_wait_seconds_count{outcome="busy"}'],
                series['holdfast_lock_wait_seconds_count{outcome="timed-out"}'],
                series["holdfast_lock_hold_seconds_count"],
            ]

        name, before = self.name(), counts()
        self.assertEqual(self.locked("hv1", name, "true")[0], OK)
        self.hold("hv2", name)
        self.assertEqual(self.locked("hv1", "-n", name, "true")[0], NOT_GRANTED)
        self.assertEqual(self.locked("hv1", "-w", "0.3", name, "true")[0], NOT_GRANTED)
        wanted = [n + 1 for n in before]
        until(lambda: counts() == wanted, f"{wanted}: each is counted once")
        text, series = self.scrape("hv1")
        for outcome in ("granted", "busy", "timed-out"):
            buckets = re.findall(
                rf'wait_seconds_bucket{{outcome="{outcome}",le="(\S+)"}} (\d+)', text
            )
            self.assertEqual([float(b) for b, _ in buckets], sorted(float(b) for b, _ in buckets))
            rising = [int(n) for _, n in buckets]
            self.assertEqual(rising, sorted(rising))
            count = series[f'holdfast_lock_wait_seconds_count{{outcome="{outcome}"}}']
            self.assertEqual((buckets[-1][0], rising[-1]), ("+Inf", count))
        self.assertEqual(self.value("hv2", 'holdfast_locks{state="held"}'), 1)

    def test_what_administrators_inhibit_is_seen(self):
        def inhibits(machine):
            series = self.scrape(machine)[1]
            return [
                series[f'holdfast_{family}{{kind="{kind}"}}']
                for family in ("inhibitors", "inhibited")
                for kind in ("freeze", "maintenance", "drain")
            ]

        def say(*words):
            self.assertEqual(self.finish(self.exec("hv1", "holdfast", *words))[0], OK)

        for words in (("undrain", "hv2"), ("fence", "thaw")):
            self.addCleanup(lambda w=words: self.finish(self.exec("hv1", "holdfast", *w)))
        self.assertEqual(inhibits("hv2"), [0, 0, 0, 0, 0, 0])
        say("drain", "hv2")
        say("fence", "freeze", "--for", "5m", "--reason", "x")
        until(lambda: inhibits("hv1") == [1, 0, 1, 1, 0, 0], "hv1 knows both, and is under one")
        until(lambda: inhibits("hv2") == [1, 0, 1, 1, 0, 1], "hv2 is under both")
        say("undrain", "hv2")
        say("fence", "thaw")
        until(lambda: inhibits("hv1") == inhibits("hv2") == [0, 0, 0, 0, 0, 0], "both are lifted")
        for series, value in self.scrape("hv1")[1].items():
            if series.startswith("holdfast_watchdog_"):
                self.assertEqual(value, 0, f"{series}: there is none")

    def test_a_death_is_seen(self):
        suspicions = self.value("hv1", 'holdfast_suspicions_total{verdict="dead"}')
        orders = self.value("hv1", "holdfast_fence_orders_total")
        name = self.name()
        self.hold("hv3", name)
        self.lab.power("hv3", "off")
        self.assertEqual(self.locked("hv1", name, "true")[0], OK)
        series = self.scrape("hv1")[1]
        self.assertEqual(series['holdfast_members{state="dead"}'], 1)
        self.assertEqual(series["holdfast_members_unreachable"], 1)
        self.assertEqual(series['holdfast_members_fenced{verdict="fenced"}'], 1)
        self.assertGreater(series['holdfast_suspicions_total{verdict="dead"}'], suspicions)
        self.assertEqual(series["holdfast_fence_orders_total"], orders + 1)
        self.assertGreaterEqual(series['holdfast_fence_orders{stage="over"}'], 1)
        self.assertEqual(series["holdfast_majority"], 1)
        self.lab.power("hv3", "on")
        until(
            lambda: self.value("hv1", 'holdfast_members{state="alive"}') == 3, "hv3 is alive again"
        )
