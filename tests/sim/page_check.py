#!/usr/bin/env python3
"""The page of a run: it needs nothing from outside, its links lead somewhere, whoever uses a keyboard
gets everywhere in order, and text has a contrast of 4.5 at least, in light and in dark.

    page_check.py PROGRAM SCENARIO...
"""
import html.parser
import os
import re
import subprocess
import sys
import tempfile

LEAST = 4.5
# What has no text on it, on what it lies (WCAG 2.1, 1.4.11).
LEAST_SHAPE = 3.0
SHAPES = {"text-ground": "up|down|still|doubt|cut|stem|link", "head-ground": r"own\d+-ground"}
# As many nodes as there can be: each needs a colour.
CROWDED = """# Sixteen nodes
nodes hv1..hv16
workload 1 clients on each, names image/1..image/3, hold 1s, think 100ms
until 40s
at 10s hv16 locks image/x exclusive
expect grants >= 10
"""


class Page(html.parser.HTMLParser):
    VOID = {"meta", "br", "rect", "path", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.open, self.faults = set(), [], [], []
        self.headings = []
        self.feed(text)
        self.faults += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in attrs:
            if attrs["id"] in self.ids:
                self.faults.append(f"id {attrs['id']} is there twice")
            self.ids.add(attrs["id"])
        if int(attrs.get("tabindex", 0)) > 0:
            self.faults.append("a tabindex above 0 breaks the order of the keyboard")
        for name in ("src", "href"):
            value = attrs.get(name, "#")
            if not value.startswith("#"):
                self.faults.append(f"{name}={value} leads out of the page")
        if tag == "a":
            self.links.append(attrs["href"])
            if not attrs.get("aria-label") and "mark" in attrs.get("class", ""):
                self.faults.append("a mark has no label")
        if tag == "script":
            self.faults.append("a script")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> where it is not open")


def luminance(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def schemes(style):
    """The colours of the light scheme, and of the dark one."""
    light = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", re.sub(r"@media\(prefers.*?\}\}", "", style)))
    dark = {**light, **dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})",
                                       re.search(r"@media\(prefers.*?\}\}", style).group()))}
    return ("light", light), ("dark", dark)


def faint(style):
    """Every --x-ground with its --x, and shapes with what they lie on, where they differ too little."""
    for scheme, colors in schemes(style):
        for name, ground in colors.items():
            if name.endswith("-ground"):
                text = colors.get(name[:-7]) or colors[re.sub(r"\d+$", "", name[:-7])]
                if contrast(text, ground) < LEAST:
                    yield scheme, name[:-7], contrast(text, ground)
        for ground, shapes in SHAPES.items():
            for shape in [name for name in colors if re.fullmatch(shapes, name)]:
                if contrast(colors[shape], colors[ground]) < LEAST_SHAPE:
                    yield scheme, shape, contrast(colors[shape], colors[ground])


def check(program, scenario):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "page.html")
        subprocess.run([program, "run", scenario, "--quiet", "--html", path], check=True,
                       stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            text = file.read()
    page = Page(text)
    faults = page.faults
    faults += [f"no style for the colour of a holder, {name}"
               for name in set(re.findall(r"\bown\d+\b", text)) if f".{name}{{" not in text]
    faults += [f"{link} leads nowhere" for link in page.links if link[1:] not in page.ids]
    if page.headings[:1] != [1] or page.headings.count(1) != 1:
        faults.append("there must be one h1, at the top")
    if "http:" in text or "https:" in text or "url(" in text:
        faults.append("it asks for something from outside")
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    faults += [f"contrast of {name} is {ratio:.2f} in the {scheme} scheme"
               for scheme, name, ratio in faint(style)]
    for fault in dict.fromkeys(faults):
        print(f"{scenario}: {fault}")
    return not faults


def main():
    program, *scenarios = sys.argv[1:]
    results = [check(program, scenario) for scenario in scenarios]
    with tempfile.TemporaryDirectory() as directory:
        crowded = os.path.join(directory, "crowded.hf")
        with open(crowded, "w", encoding="utf-8") as file:
            file.write(CROWDED)
        results.append(check(program, crowded))
    print(f"pages: {sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
