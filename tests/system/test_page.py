"""The status page in a browser: what it shows while a node is fenced, on a phone and on a desk, in light and in
dark, by keyboard, and with names that are markup."""
import os
import re
from pathlib import Path

from case import OK, Case
from support.browser import Browser, find_browser
from support.lab import until

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>&amp;'`"
VIEWS = [(width, dark) for width in (375, 1280) for dark in (False, True)]

# Text whose contrast with what is behind it is below 4.5 (WCAG 2.1, 1.4.3): [[text, contrast], ...]
FAINT = """(() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (let n = node; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (!(n instanceof SVGElement) && (c.length < 4 || c[3] === 1)) return c;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility() || /^(style|script)$/i.test(node.tagName)) continue;
    const style = getComputedStyle(node), svg = node instanceof SVGElement && node.tagName === "text";
    const [a, b] = [light(parse(svg ? style.fill : style.color)), light(behind(node))].sort((x, y) => x - y);
    const contrast = (b + 0.05) / (a + 0.05);
    if (contrast < 4.5) faint.push([walk.currentNode.textContent.trim(), contrast]);
  }
  return faint;
})()"""

# Pairs of boxes with text in them that lie over each other, and boxes that lie beyond the edge.
OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll("h1,h2,h3,dt,dd,summary .name,.tag,.badge,.votes li,.steps li,.queue li,#ring text,.verdict,label,input,.legend li,.events time,.events li span")]
    .filter((n) => n.checkVisibility() && n.textContent.trim() + (n.tagName === "INPUT" ? "x" : ""))
    .filter((n) => !n.closest(".events") || (() => { const e = n.closest(".events").getBoundingClientRect(), b = n.getBoundingClientRect(); return b.bottom < e.bottom && b.top > e.top; })());
  const faults = [], ring = document.querySelector("#ring").getBoundingClientRect();
  for (const text of document.querySelectorAll("#ring text")) {
    const p = text.getBoundingClientRect();
    if (p.left < ring.left || p.right > ring.right || p.top < ring.top || p.bottom > ring.bottom) faults.push(["cut off", text.textContent]);
  }
  for (const [i, a] of boxes.entries()) {
    const p = a.getBoundingClientRect();
    if (p.left < -0.5 || p.right > document.documentElement.clientWidth + 0.5) faults.push(["beyond the edge", a.textContent]);
    for (const b of boxes.slice(i + 1)) {
      if (a.contains(b) || b.contains(a)) continue;
      const q = b.getBoundingClientRect();
      const x = Math.min(p.right, q.right) - Math.max(p.left, q.left), y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (x > 1 && y > 2) faults.push([a.textContent, b.textContent]);
    }
  }
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push(["scrolls sideways", ""]);
  return faults;
})()"""


class Page(Case):
    machines = 5
    lab_options = ("--http", "--detect", 2000)
    weight = 3

    def setUp(self):
        super().setUp()
        if not find_browser():
            self.skipTest("chromium is not installed (packaging/packages-web.txt)")
        config = (self.lab.dir / "hv1" / "holdfast.conf").read_text()
        self.url = f"http://{re.search(r'http = .(.*).', config)[1]}/"
        self.browser = Browser(self.dir / "profile")
        self.addCleanup(self.browser.close)
        self.pictures = os.environ.get("HOLDFAST_PICTURES")  # a folder to look at them

    def open(self, path=""):
        self.browser.show(self.url + path)
        self.browser.until("seen.members && $('lock-rows') && $('live').textContent === 'live'", "it is live")

    def text(self, selector):
        return self.browser.js(f"document.querySelector({selector!r})?.textContent")

    def texts(self, selector):
        return self.browser.js(f"[...document.querySelectorAll({selector!r})].map((n) => n.textContent)")

    def look_from_everywhere(self, what):
        """Nothing lies over anything else, and all can be read; with pictures if they are wanted."""
        for width, dark in VIEWS:
            self.browser.show(None, width, 900, dark)
            with self.subTest(what=what, width=width, dark=dark):
                self.assertEqual(self.browser.js(OVERLAPS), [])
                self.assertEqual(self.browser.js(FAINT), [])
            if self.pictures:
                name = f"{what}-{width}-{'dark' if dark else 'light'}.png"
                self.browser.picture(Path(self.pictures) / name)
        self.browser.show(None)

    def unfold(self):
        self.browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")

    def gate(self):
        """The fence script waits until the file that is returned is there."""
        gate = self.dir / "gate"
        script = self.lab.dir / "fence-power"
        before = script.read_text()
        self.addCleanup(script.write_text, before)
        script.write_text(before.replace("off)", f"off) while [ ! -e '{gate}' ]; do sleep 0.05; done", 1))
        return gate

    def test_a_fence_in_progress(self):
        name = self.name("disk")
        self.hold("hv3", name)
        gate = self.gate()
        self.open()
        self.assertTrue(self.text("#verdict").startswith("All is well"))
        self.assertEqual(self.text("#orders-none:not([hidden])"), "None is known here: nobody was voted against.")
        waiter = self.lock("hv1", name, "true")
        self.lab.power("hv3", "off")
        self.browser.until("seen.orders.orders.some((o) => o.stage === 'running')", "an executor acts")
        self.browser.until("document.querySelector('.steps .now')?.textContent === 'executor'", "it is shown")
        self.browser.until("document.querySelector('#ring .collar.ordered')", "hv3 has a collar")
        self.browser.until(f"[...details.values()].some((d) => d.lock?.name === {name!r} && d.lock.stale)", "the queue says why")
        self.assertIn("an order against hv3 is under way", self.text("#verdict"))
        self.assertGreaterEqual(len(self.texts(".votes .signed")), 3)
        bar = self.browser.js("[...document.querySelector('.votes').children].findIndex((n) => n.className === 'bar')")
        self.assertEqual(bar, 3)
        self.assertEqual(self.text("#ring a[href='#m-2'] title"), "hv3: gossip says dead, not reached, ordered")
        self.browser.until(f"locks() || [...document.querySelectorAll('#lock-rows .tag.bad')].some((n) => n.textContent.includes('hv3 is dead'))", "the row says so")
        self.look_from_everywhere("fencing")
        self.unfold()
        self.browser.until("document.querySelector('.queue .stale')", "the dead holder is marked")
        self.look_from_everywhere("fencing-unfolded")
        gate.touch()
        self.assertEqual(self.finish(waiter)[0], OK)
        self.browser.until("document.querySelector('.badge.good') && document.querySelector('#ring .collar.fenced')", "it is over")
        self.browser.until("[...document.querySelectorAll('#event-rows .fence')].some((n) => n.textContent.includes('receipt'))", "the events came by themselves")
        self.look_from_everywhere("fenced")
        self.lab.power("hv3", "on")
        self.browser.until("$('verdict').textContent.startsWith('All is well')", "all is well again")
        self.assertEqual(self.browser.complaints, [])

    def test_what_administrators_inhibit(self):
        def say(*words):
            return self.finish(self.exec("hv1", "holdfast", *words))

        for words in (("undrain", "hv2"), ("maintenance", "hv4", "off"), ("fence", "thaw")):
            self.addCleanup(say, *words)
        self.open()
        say("drain", "hv2", "-w", "20")
        say("maintenance", "hv4", "on", "--for", "2h", "--reason", "its fan stands")
        say("fence", "freeze", "--for", "1h", "--reason", "the switch of rack 3 is <b>exchanged</b>")
        for part in ("fencing is frozen for all nodes", "hv2 is drained", "hv4 is under maintenance"):
            self.browser.until(f"$('verdict').textContent.includes({part!r})", part)
        self.assertIn("the switch of rack 3 is <b>exchanged</b>", self.text("#orders-frozen:not([hidden])"))
        self.browser.until("[...document.querySelectorAll('#member-rows .tag.warn')].map((n) => n.textContent).join() === 'drained,maintenance'", "their rows say so")
        self.unfold()
        self.look_from_everywhere("inhibited")
        for words in (("undrain", "hv2"), ("maintenance", "hv4", "off"), ("fence", "thaw")):
            self.assertEqual(say(*words)[0], OK)
        self.browser.until("$('verdict').textContent.startsWith('All is well') && $('orders-frozen').hidden", "all is lifted")
        self.assertEqual(self.browser.complaints, [])

    def test_names_are_text(self):
        self.hold("hv1", HOSTILE)
        long = self.name("x" * 200)
        self.hold("hv2", long)
        self.open()
        self.browser.until(f"[...document.querySelectorAll('#lock-rows .name')].some((n) => n.textContent === {HOSTILE!r})", "it is there as it is")
        self.browser.until(f"[...document.querySelectorAll('#lock-rows .name')].some((n) => n.textContent === {long!r})", "the long one too")
        self.assertEqual(self.browser.js("document.querySelectorAll('img, #lock-rows script').length"), 0)
        self.assertEqual(self.browser.js("document.title"), "hv1 \u00b7 Holdfast")
        self.unfold()
        self.look_from_everywhere("names")
        self.assertEqual(self.browser.complaints, [])

    def test_a_search(self):
        mine, others = self.name("image"), self.name("volume")
        self.hold("hv1", mine)
        self.hold("hv4", others)
        self.open()
        self.browser.js("$('search').value = 'volume'; $('search').dispatchEvent(new Event('input'))")
        self.browser.until(f"[...document.querySelectorAll('#lock-rows .name')].map((n) => n.textContent).join() === {others!r}", "only that one is there")
        self.browser.until("document.querySelector('#lock-rows .tag')?.textContent === '1 holder'", "a majority said who has it")

    def test_by_keyboard(self):
        self.open()
        reached = []
        for _ in range(60):
            self.browser.press("Tab")
            reached.append(self.browser.js("document.activeElement.getAttribute('href') ?? document.activeElement.id ?? ''") or self.browser.js("document.activeElement.textContent"))
        for wanted in ("#orders", "#m-0", "#m-4", "search", "event-rows", "/metrics"):
            self.assertIn(wanted, reached)
        self.browser.js("document.querySelector('#ring a[href=\"#m-3\"]').focus()")
        self.browser.press("Enter")
        self.browser.until("$('m-3').open", "Enter unfolds the row of hv4")
        self.assertEqual(self.browser.js("document.activeElement.parentElement.id"), "m-3")

    def test_the_agent_goes_and_comes(self):
        self.open()
        self.lab.agent("hv1", "stop")
        self.browser.until("$('verdict').textContent.startsWith('No answer')", "it says that it is old")
        self.browser.until("$('live').textContent === 'reconnecting'", "and is not live")
        self.lab.agent("hv1", "start")
        self.browser.until("$('live').textContent === 'live'", "it is live again")
        self.browser.until("$('verdict').textContent.startsWith('All is well')", "and shows what is")
        self.browser.until("[...document.querySelectorAll('#event-rows .grave')].some((n) => n.textContent.includes('anew'))", "the gap is said")

    def test_many_members_and_every_verdict(self):
        """What no small lab shows: the drawing of hundreds, and of each verdict."""
        self.open()
        for count in (2, 16, 40, 300):
            self.browser.js(f"""(() => {{
              clearTimeout(timer); asking = true;
              const one = seen.members.members[0];
              const gossip = ["alive", "alive", "alive", "suspect", "dead", "left", "unknown"];
              const fence = ["none", "none", "ordered", "fenced", "ended"];
              const all = [...Array({count}).keys()].map((i) => ({{ ...one, slot: i, name: i === 0 ? one.name : "compute-" + i,
                gossip: i === 0 ? "alive" : gossip[i % 7], fence: i === 0 ? "none" : fence[i % 5], unreachable: i % 4 === 2, via: i % 8 === 2 && i > 3 ? "compute-3" : "" }}));
              seen.members = {{ ...seen.members, node: one.name, members: all }};
              members(); verdict();
            }})()""")
            self.assertEqual(self.browser.js("document.querySelectorAll('#ring a').length"), count)
            self.look_from_everywhere(f"members-{count}")
