"use strict";
/*
 * The status page. Whatever the agent says is put into the document as text, never as markup: the
 * names of locks are other people's. It asks only while somebody looks at it.
 */
const SVG = "http://www.w3.org/2000/svg";
const LABELS = 16;      // members with a label each; more would not fit beside the ring
const SPOKES = 60;      // up to so many members each has its line; beyond, only those not reached directly
const ROWS = 60;        // rows of locks at most
const MEMBERS = 24;     // rows of members at most
const LOOKS = 12;       // locks that are asked for by themselves
const EVENTS = 200;     // kept on the page
const CALM_MS = 5000;   // between two looks when nothing happens
const BUSY_MS = 1000;   // while somebody is suspect, or an order is under way
const $ = (id) => document.getElementById(id);
const seen = { status: null, members: null, orders: null, locks: null };
const details = new Map(); // of a lock's name: {lock|error, at}
let failed = 0;         // looks in a row that got no answer
let names = { list: [], more: false };

// --- The document ---

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, kind, text, ...children) {
  const node = document.createElement(tag);
  if (kind) node.className = kind;
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
}

function draw(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/* One child of `list` for each item, in order; those that are there already stay, with the focus
 * and whatever is unfolded. */
function rows(list, items, key, build, fill) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let at = list.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let node = old.get(name);
    old.delete(name);
    if (!node) {
      node = build(item);
      node.dataset.key = name;
    }
    if (node === at) at = at.nextElementSibling;
    else list.insertBefore(node, at);
    fill(node, item);
  }
  for (const node of old.values()) node.remove();
}

/* A row that unfolds. */
function unfolding(onopen) {
  const fold = make("details", "", null,
    make("summary", "", null, make("span", "name"), make("span", "tags")), make("dl", "why"));
  if (onopen) fold.addEventListener("toggle", () => fold.open && onopen());
  return make("li", "", null, fold);
}

function tags(node, list) {
  const parent = node.querySelector(".tags");
  const text = JSON.stringify(list);
  if (parent.dataset.text === text) return;
  parent.dataset.text = text;
  parent.replaceChildren(...list.map(([kind, word]) => make("span", "tag " + kind, word)));
}

function facts(parent, list) {
  const text = JSON.stringify(list);
  if (parent.dataset.text === text) return;
  parent.dataset.text = text;
  parent.replaceChildren(...list.map(([what, value]) =>
    make("div", "", null, make("dt", "", what), make("dd", "", value))));
}

// --- Words ---

const GOSSIP = { alive: "good", suspect: "warn", dead: "bad", left: "", unknown: "" };

function reach(m) {
  return !m.unreachable ? ["good", "reached"] : m.via ? ["warn", "through " + m.via] : ["bad", "not reached"];
}

function fence(m) {
  return { none: null, ordered: ["fence", "ordered"], fenced: ["fence", "fenced"], ended: ["", "ended life " + m.fence_life] }[m.fence];
}

function span(ms) {
  const s = Math.floor(ms / 1000);
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  if (s < 172800) return Math.floor(s / 3600) + " h";
  return Math.floor(s / 86400) + " days";
}

function micros(us) {
  return us === 0 ? "–" : us < 1000 ? us + " µs" : (us / 1000).toFixed(us < 10000 ? 1 : 0) + " ms";
}

function count(n, one, many) {
  return n + " " + (n === 1 ? one : many);
}

// --- What administrators inhibit ---

const INHIBITS = { freeze: ["fencing is frozen for all nodes", "nobody votes against NODE"], maintenance: ["", "NODE is under maintenance"],
  drain: ["", "NODE is drained"] };
const INHIBITED = { freeze: "frozen", maintenance: "maintenance", drain: "drained" };

function inhibitors() {
  return seen.status.inhibitors.filter((i) => i.on && i.left_ms > 0);
}

function inhibits(i) {
  const [all, one] = INHIBITS[i.kind] ?? [i.kind, i.kind + " of NODE"];
  return (i.node ? one.replace("NODE", i.node) : all) + (i.in_effect ? "" : " (not in effect yet)");
}

function inhibits_fully(i) {
  return "for " + span(i.left_ms) + " yet, said at " + i.by + " by " + i.who + (i.reason ? ": " + i.reason : "") +
    (i.kind === "drain" && i.held >= 0 ? "; " + count(i.held, "lock is", "locks are") + " held there or waited for" : "");
}

// --- The verdict, in one sentence ---

const GRAVE = { lost: "this node's store is lost: it votes no more", behind: "this node's store is an old copy: it votes no more",
  failed: "this node's disk cannot be written: it votes no more" };

function open_orders() {
  return [...seen.orders.asking, ...seen.orders.orders].filter((o) => o.stage !== "over");
}

function verdict() {
  const s = seen.status, m = seen.members.members, bad = [], warn = [];
  const named = (state) => m.filter((one) => one.gossip === state).map((one) => one.name);
  const few = (list) => list.slice(0, 4).join(", ") + (list.length > 4 ? " and " + (list.length - 4) + " more" : "");
  if (!s.majority) bad.push("this node is cut off: it sees " + s.voters_alive + " of " + s.voters + " voters");
  if (GRAVE[s.store]) bad.push(GRAVE[s.store]);
  if (s.bound) bad.push("this node's life is under a vote or an order");
  if (s.standing_wanted && !s.standing) bad.push("no majority of the jurors acknowledges this node");
  for (const o of open_orders())
    (o.stage === "failed" || o.stage === "no-action" ? bad : warn).push("an order against " + o.node + " is under way: " + (WORDS[o.stage] ?? o.stage));
  if (named("dead").length) bad.push(few(named("dead")) + (named("dead").length === 1 ? " is dead" : " are dead"));
  if (named("suspect").length) warn.push(few(named("suspect")) + (named("suspect").length === 1 ? " is suspect" : " are suspect"));
  const apart = m.filter((one) => one.unreachable && one.gossip === "alive");
  if (apart.length) warn.push(count(apart.length, "living member is", "living members are") + " not reached directly");
  for (const i of inhibitors()) warn.push(inhibits(i));
  if (s.store === "checking") warn.push("the store is being checked");
  if (!s.life_counts) warn.push("this node's life does not count yet: it takes no locks");
  const alive = named("alive").length;
  const all = [...bad, ...warn];
  const text = all.length ? (bad.length ? "Trouble: " : "Attention: ") + all.join("; ") : "All is well: " + alive + " of " + count(m.length, "member is", "members are") + " alive, and this node votes";
  $("verdict").className = "verdict " + (bad.length ? "bad" : warn.length ? "warn" : "good");
  put($("verdict"), text + ".");
}

// --- Members ---

const HUB = 46, CX = 230, CY = 186;
const NARROW = matchMedia("(max-width:30rem)"); // larger letters (page.css) need more room beside the ring

function radius() {
  return NARROW.matches ? 120 : 138;
}

function place(i, n) {
  const angle = (2 * Math.PI * i) / n - Math.PI / 2, c = Math.cos(angle), s = Math.sin(angle);
  return { x: CX + radius() * c, y: CY + radius() * s, c, s };
}

function sign(m, p) {
  if (m.gossip === "dead") return draw("path", { class: "sign", d: `M${p.x - 4} ${p.y - 4}l8 8M${p.x + 4} ${p.y - 4}l-8 8` });
  if (m.gossip === "suspect") return draw("path", { class: "sign", d: `M${p.x} ${p.y - 5}v6M${p.x} ${p.y + 4.6}v.4` });
  return "";
}

/* From this node, in the middle. */
function way(m, at) {
  const p = at.get(m.name), via = at.get(m.via), first = m.unreachable && via ? via : p;
  const kind = !m.unreachable ? "way" : via ? "way relayed" : "way broken";
  return draw("path", { class: kind, d: `M${CX + HUB * first.c} ${CY + HUB * first.s}L${first.x} ${first.y}L${p.x} ${p.y}` });
}

function said(m) {
  const f = fence(m);
  return m.name + ": gossip says " + m.gossip + ", " + reach(m)[1] + (f ? ", " + f[1] : "");
}

/* Its end: names of one cluster begin alike. */
function cut(name, most) {
  return name.length > most ? "…" + name.slice(1 - most) : name;
}

function mark(m, p, n) {
  const size = n <= LABELS ? 12 : Math.max(3, Math.min(9, 380 / n));
  const link = draw("a", { href: "#m-" + m.slot, "aria-label": said(m) }, draw("title", {}, said(m)),
    draw("circle", { class: "collar " + m.fence, cx: p.x, cy: p.y, r: size + (n <= LABELS ? 5 : 2.5) }),
    draw("circle", { class: "dot " + m.gossip, cx: p.x, cy: p.y, r: size }),
    n <= LABELS ? sign(m, p) : "");
  if (n > LABELS) return link;
  const far = size + 13, side = Math.abs(p.c) < 0.12 ? "" : p.c > 0 ? "start" : "end";
  link.append(draw("text", { class: side, x: p.x + p.c * far, y: p.y + p.s * (far + 4) + 5 }, cut(m.name, 7)));
  return link;
}

function hub(m, alive, all) {
  return draw("a", { href: "#m-" + m.slot, "aria-label": m.name + ", this node; " + alive + " of " + all + " members are alive" },
    draw("circle", { class: "hub " + m.gossip, cx: CX, cy: CY, r: HUB }),
    draw("text", { class: "big", x: CX, y: CY + 1 }, cut(m.name, 8)),
    draw("text", { class: "small", x: CX, y: CY + 20 }, alive + " of " + all));
}

/* Drawn anew only if something that it shows has changed: whoever stands on it keeps the focus. */
function ring() {
  const { node: self, members } = seen.members;
  const text = JSON.stringify([radius(), members.map((m) => [m.name, m.gossip, m.unreachable, m.via, m.fence])]);
  if ($("ring").dataset.text === text) return;
  $("ring").dataset.text = text;
  const focus = document.activeElement && document.activeElement.getAttribute("href");
  const first = members.findIndex((m) => m.name === self);
  const others = [...members.slice(first + 1), ...members.slice(0, first)];
  const at = new Map(others.map((m, i) => [m.name, place(i, others.length)]));
  const alive = members.filter((m) => m.gossip === "alive").length;
  const loud = (m) => (m.unreachable ? 1 : 0); // what is wrong is drawn over what is right
  $("ring").classList.toggle("many", others.length > LABELS);
  $("ring").replaceChildren(
    draw("circle", { class: "orbit", cx: CX, cy: CY, r: radius() }),
    ...[...others].sort((a, b) => loud(a) - loud(b)).filter((m) => m.unreachable || others.length <= SPOKES).map((m) => way(m, at)),
    hub(members[first], alive, members.length),
    ...others.map((m) => mark(m, at.get(m.name), others.length)));
  if (focus && focus.startsWith("#m-")) $("ring").querySelector(`a[href="${focus}"]`)?.focus();
}

/* Who is not well comes first. */
function weight(m, self) {
  return (m.name === self ? -1 : 0) + (m.gossip === "alive" ? 0 : -4) + (m.unreachable ? -2 : 0) + (m.fence === "ordered" ? -8 : 0);
}

function members() {
  const { node: self, members: all } = seen.members;
  const shown = all.length <= LABELS ? all : [...all].sort((a, b) => weight(a, self) - weight(b, self) || a.slot - b.slot).slice(0, MEMBERS);
  ring();
  put($("members-note"), all.length > shown.length ? "The " + shown.length + " that need a look most; " + (all.length - shown.length) + " more are on the ring." : "");
  rows($("member-rows"), shown, (m) => m.name, () => unfolding(), (node, m) => {
    node.firstElementChild.id = "m-" + m.slot;
    put(node.querySelector(".name"), m.name + (m.name === self ? " (this node)" : ""));
    const f = fence(m), held = inhibitors().filter((i) => i.node === m.name);
    tags(node, [...held.map((i) => ["warn", INHIBITED[i.kind] ?? i.kind]), [GOSSIP[m.gossip], m.gossip], ...(m.name === self ? [] : [reach(m)]), ...(f ? [f] : [])]);
    facts(node.querySelector(".why"), [...held.map((i) => [inhibits(i), inhibits_fully(i)]), ["Gossip says " + m.gossip, m.gossip_why],
      ["This node " + (m.unreachable ? "does not reach it directly" : "reaches it"), m.reach_why],
      ["Fenced: " + m.fence, m.fence_why],
      ["Address, life, place", m.address + ", life " + m.life + ", slot " + m.slot + (m.voter ? ", votes" : "") + (m.juror ? ", juror" : "")]]);
  });
}

function unfold_named() {
  const fold = /^#m-\d+$/.test(location.hash) ? $(location.hash.slice(1)) : null;
  if (!fold) return;
  fold.open = true;
  fold.scrollIntoView({ block: "nearest" });
  fold.querySelector("summary").focus();
}

// --- This node ---

function health() {
  const s = seen.status, local = seen.members.local_health;
  const standing = !s.standing_wanted ? ["", "not needed"] : s.standing ? ["good", s.acknowledging + " of " + s.jurors] : ["bad", "lost"];
  const list = [
    ["Store", s.store, s.store === "voting" ? "good" : s.store === "checking" ? "warn" : "bad"],
    ["Voters alive", s.voters_alive + " of " + s.voters, s.majority ? "good" : "bad"],
    ["Standing with the jurors", standing[1], standing[0]],
    ["Own probes", local === 0 ? "trusted" : "distrusted, " + local + " of 7", local === 0 ? "good" : "warn"],
    ["Disk sync, 99 of 100 within", micros(s.sync_p99_us), ""],
    ["Locks of its clients", s.operations, ""],
    ["Registers stored", s.locks, ""],
    ["Shards coordinated", s.serving, ""],
    ["Clients connected", s.clients, ""],
    ["Datagrams dropped", Object.entries(s.counters).reduce((n, [name, value]) => n + (name.startsWith("drop_") ? value : 0), 0), ""],
    ["Life", s.life + (s.life_counts ? "" : " (not yet)"), s.life_counts ? "" : "warn"],
    ["Agent runs for", span(s.uptime_ms), ""],
  ];
  rows($("tiles"), list, (one) => one[0], (one) => make("div", "", null, make("dt", "", one[0]), make("dd")), (node, one) => {
    put(node.lastElementChild, String(one[1]));
    node.lastElementChild.className = one[2];
  });
  put($("node"), s.node);
  document.title = s.node + " · Holdfast";
  $("lab").hidden = !s.lab;
  put($("about"), "Version " + s.version + ", cluster " + s.cluster.slice(0, 12) + "…, roster epoch " + s.epoch + ".");
}

// --- Orders ---

const WORDS = { asking: "the jurors are asked", ordered: "certified, no executor has begun", "no-action": "nobody can carry it out",
  running: "an executor acts", failed: "every executor failed", watchdog: "its watchdog ends it", over: "proven over",
  hold: "it has to boot again", expires: "its lease has to end" };
const STEP = { asking: 0, ordered: 2, "no-action": 2, running: 2, failed: 2, watchdog: 2, over: 4 };
const TONE = { asking: "warn", ordered: "warn", running: "warn", watchdog: "warn", "no-action": "bad", failed: "bad", over: "good" };

function votes(o) {
  const told = new Map(o.opinions.map((one) => [one.juror, one]));
  const jurors = seen.members.members.filter((m) => m.juror).map((m) => m.name);
  const rank = (name) => (told.get(name)?.signed ? 0 : told.has(name) ? 1 : 2);
  const list = jurors.sort((a, b) => rank(a) - rank(b)).map((name) => {
    const one = told.get(name);
    const kind = one?.signed ? "signed" : one ? "other" : "";
    return make("li", kind, null, make("b", "", name), one?.signed ? "signed" : one ? one.verdict : "no word");
  });
  list.splice(o.quorum, 0, make("li", "bar", o.signatures >= o.quorum ? "majority" : count(o.quorum - o.signatures, "more", "more") + " for a majority"));
  return list;
}

function steps(o) {
  const at = STEP[o.stage] ?? 0, stuck = o.stage === "failed" || o.stage === "no-action";
  return ["votes " + o.signatures + " of " + o.quorum, "certified", o.receipt ? "executor " + o.receipt.executor : "executor", o.receipt ? "receipt" : "proof"]
    .map((word, i) => make("li", i < at || o.stage === "over" ? "done" : i > at ? "" : stuck ? "failed" : "now", word));
}

function evidence(o) {
  const out = o.opinions.map((e) => [e.juror + (e.signed ? " signed" : ": " + e.verdict),
    e.text + (e.heard_ms >= 0 ? "; last heard it " + span(e.heard_ms) + " before" : "") + "; " + e.direct + " direct and " + e.silent + " of " + e.relays + " relayed probes unanswered"]);
  for (const r of o.reports) out.push([r.executor + " " + r.stage, r.text || "–"]);
  if (o.receipt) out.push(["Receipt of " + o.receipt.executor, o.receipt.action + " on the device " + o.receipt.device +
    (o.receipt.witness ? "; " + o.receipt.witness + " asked the device too" : "")]);
  return [...out, ["Order", o.order]];
}

function order_card() {
  const fold = make("details", "", null, make("summary", "", "Who said what"), make("dl", "why"));
  return make("li", "", null, make("h3", "", null, make("span"), make("span", "badge")), make("p", "say"),
    make("p", "soft"), make("ol", "votes"), make("ol", "steps"), fold);
}

function fill_order(node, o) {
  const text = JSON.stringify([o, seen.members.members.map((m) => m.name + m.juror)]);
  if (node.dataset.text === text) return;
  node.dataset.text = text;
  put(node.querySelector("h3 span"), o.node + ", life " + o.life);
  const badge = node.querySelector(".badge");
  put(badge, WORDS[o.stage] ?? o.stage);
  badge.className = "badge " + (TONE[o.stage] ?? "");
  put(node.querySelector(".say"), o.text);
  put(node.querySelector("p.soft"), (o.accuser ? "Asked for by " + o.accuser : "Handed in") + (o.lock ? ", since somebody waits for " + o.lock : ""));
  const list = node.querySelector(".votes");
  list.setAttribute("aria-label", o.signatures + " of " + o.jurors + " jurors signed; " + o.quorum + " are a majority");
  list.replaceChildren(...votes(o));
  node.querySelector(".steps").replaceChildren(...steps(o));
  facts(node.querySelector(".why"), evidence(o));
}

/* What holds for all nodes stands where orders would. */
function frozen() {
  const all = inhibitors().filter((i) => !i.node);
  $("orders-frozen").hidden = all.length === 0;
  put($("orders-frozen"), all.map((i) => inhibits(i) + " " + inhibits_fully(i)).join("; ") + ".");
}

function orders() {
  frozen();
  const all = [...seen.orders.asking, ...[...seen.orders.orders].reverse()].slice(0, 20);
  $("orders-none").hidden = all.length > 0;
  rows($("order-rows"), all, (o) => o.node + " " + o.life, order_card, fill_order);
}

// --- Locks ---

function own_names() {
  const out = new Map();
  for (const o of seen.locks.operations) {
    const before = out.get(o.name) ?? [];
    before.push(o);
    out.set(o.name, before);
  }
  return out;
}

function queue(lock) {
  const list = make("ol", "queue");
  const word = (text) => list.append(make("li", "word", text));
  const mode = (p) => p.mode + (p.limit ? " " + p.limit : "");
  if (!lock.holders.length) word("free");
  for (const h of lock.holders) {
    const stale = lock.stale && lock.stale.node === h.node;
    list.append(make("li", "holds" + (stale ? " stale" : ""), h.node + " " + mode(h) + (h.cached ? ", cached" : "")));
  }
  if (lock.converting.length) word("to convert");
  for (const c of lock.converting) list.append(make("li", "", c.place + ". " + c.node + " to " + mode(c)));
  if (lock.waiters.length) word("then");
  for (const w of lock.waiters.slice(0, 12)) list.append(make("li", "", w.place + ". " + w.node + " " + mode(w)));
  if (lock.waiters.length > 12) word("and " + (lock.waiters.length - 12) + " more");
  return list;
}

function lock_facts(name, own) {
  const known = details.get(name), out = [];
  if (known?.lock) {
    const l = known.lock;
    out.push(["Holders and queue, as a majority confirmed", queue(l)]);
    if (l.stale) out.push(["What is waited for", l.stale.text]);
    if (l.mark) out.push(["Unclean", "its last holder, " + l.mark.node + " (life " + l.mark.life + "), did not end as it should: " + l.mark.by]);
    out.push(["Token, generation, coordinator", l.token + ", " + l.generation + ", " + (l.coordinator || "not known")]);
  } else {
    out.push(["Holders and queue", known?.error ?? "asking a majority of its voters …"]);
  }
  for (const o of own) out.push(["Hold " + o.hold + " of this node", o.state + ", " + o.mode + ", policy " + o.policy + (o.pids.length ? ", process " + o.pids.join(", ") : "")]);
  return out;
}

function lock_tags(name, own) {
  const l = details.get(name)?.lock, out = [];
  if (l) {
    out.push(l.holders.length ? ["good", count(l.holders.length, "holder", "holders")] : ["", "free"]);
    if (l.waiters.length) out.push(["warn", count(l.waiters.length, "waits", "wait")]);
    if (l.stale) out.push(["bad", l.stale.node + " is dead: " + (l.stale.stage === "asking" ? l.stale.votes + " of " + l.stale.quorum + " votes" : WORDS[l.stale.stage] ?? l.stale.stage)]);
    if (l.mark) out.push(["fence", "unclean"]);
  }
  for (const state of new Set(own.map((o) => o.state))) out.push(["", "here: " + state]);
  return out;
}

function locks() {
  const own = own_names(), match = $("search").value;
  const mine = [...own.keys()].filter((name) => name.includes(match)).sort();
  const others = names.list.filter((name) => !own.has(name)).sort();
  const shown = [...mine, ...others].slice(0, ROWS);
  const found = details.get(match)?.lock; // by its whole name, wherever it is stored
  if (!shown.length && found && found.token > 0) shown.push(match);
  rows($("lock-rows"), shown, (name) => name, (name) => unfolding(() => look(name)), (node, name) => {
    const mine = own.get(name) ?? [];
    put(node.querySelector(".name"), name);
    tags(node, lock_tags(name, mine));
    const why = node.querySelector(".why"), text = JSON.stringify([details.get(name)?.lock ?? details.get(name)?.error, mine]);
    if (why.dataset.lock === text) return;
    why.dataset.lock = text;
    why.replaceChildren(...lock_facts(name, mine).map(([what, value]) => make("div", "", null, make("dt", "", what), make("dd", "", null, value))));
  });
  const more = names.more || mine.length + others.length > ROWS;
  put($("locks-note"), !shown.length ? (match ? "None of this name is known here; a whole name is asked for all the same." : "None is known here.")
    : more ? "There are more: search for a part of the name." : "");
  return shown;
}

// --- Events ---

function event_row(e) {
  const grave = ["alarm", "limit", "gap"].includes(e.kind), about = ["vote", "order", "executor", "proof", "broken"].includes(e.kind);
  const time = make("time", "", e.time.slice(11, 19));
  time.dateTime = e.time;
  time.title = e.time;
  return make("li", "", null, time, make("span", grave ? "grave" : about ? "fence" : "", e.text));
}

function heard(e) {
  const quiet = ["coordinator", "stepped-down"].includes(e.kind);
  if (!quiet) {
    $("event-rows").prepend(event_row(e));
    while ($("event-rows").children.length > EVENTS) $("event-rows").lastElementChild.remove();
  }
  soon(150);
}

let stream = null;
function follow() {
  stream = new EventSource("/events");
  stream.onopen = () => live(true);
  stream.onerror = () => live(false);
  stream.onmessage = (message) => heard(JSON.parse(message.data));
}

function live(on) {
  $("live").className = "badge " + (on ? "good" : "warn");
  put($("live"), on ? "live" : "reconnecting");
}

// --- Asking ---

async function ask(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const text = await answer.text();
  if (answer.headers.get("Content-Type")?.startsWith("application/json")) return JSON.parse(text);
  throw new Error(text.trim());
}

async function look(name) {
  try {
    const said = await ask("/api/lock?name=" + encodeURIComponent(name));
    details.set(name, said.lock ? { lock: said.lock, at: Date.now() } : { error: said.error, at: Date.now() });
  } catch (error) {
    details.set(name, { error: error.message, at: Date.now() });
  }
}

async function find_names() {
  const match = encodeURIComponent($("search").value);
  const list = [];
  let from = 0;
  for (let i = 0; i < 16; i++) {
    const said = await ask("/api/names?match=" + match + "&from=" + from);
    list.push(...said.names);
    from = said.next;
    if (from === 0 || list.length >= ROWS) break;
  }
  names = { list, more: from !== 0 };
}

/* The locks that are shown are looked at, the unfolded ones and those of this node first. */
async function look_at(shown) {
  const unfolded = new Set([...$("lock-rows").children].filter((node) => node.firstElementChild.open).map((node) => node.dataset.key));
  const wanted = [...shown.filter((name) => unfolded.has(name)), ...shown].slice(0, LOOKS);
  const match = $("search").value;
  if (match && !wanted.length) wanted.push(match);
  await Promise.all([...new Set(wanted)].map(look));
  for (const name of details.keys()) if (!wanted.includes(name)) details.delete(name);
}

let timer = 0, asking = false, again = false;
function soon(ms) {
  clearTimeout(timer);
  timer = setTimeout(refresh, ms);
}

function busy() {
  return seen.members.members.some((m) => m.gossip === "suspect") || open_orders().length > 0;
}

async function refresh() {
  if (document.hidden) return;
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    [seen.status, seen.members, seen.orders, seen.locks] = await Promise.all(["status", "members", "orders", "locks"].map((what) => ask("/api/" + what)));
    failed = 0;
    health();
    members();
    orders();
    verdict();
    await find_names();
    await look_at(locks());
    locks();
  } catch (error) {
    failed++;
    if (failed > 1 || !seen.status) {
      $("verdict").className = "verdict bad";
      put($("verdict"), "No answer from this agent" + (seen.status ? ": what is shown below is old." : "."));
    }
  }
  asking = false;
  soon(again ? 200 : failed || !seen.members ? 2000 : busy() ? BUSY_MS : CALM_MS);
  again = false;
}

$("search").addEventListener("input", () => soon(200));
$("search-form").addEventListener("submit", (event) => { event.preventDefault(); soon(0); });
NARROW.addEventListener("change", () => seen.members && ring());
window.addEventListener("hashchange", unfold_named);
document.addEventListener("visibilitychange", () => soon(0));
follow();
refresh();
