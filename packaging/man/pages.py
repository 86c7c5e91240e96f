#!/usr/bin/env python3
"""The manual pages, as scdoc, out of docs/ and of what the programs say of themselves.

    pages.py DIR    writes DIR/NAME.SECTION.scd; the programs are build/holdfast and its siblings

There is one text for each thing: docs/ in the tree, and the programs' --help. A page puts them together, and refuses
to be made if an option of --help stands nowhere in it.
"""
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from markdown import Page, escape, inline, is_index, sections

TOP = Path(__file__).resolve().parents[2]
DOCS = TOP / "docs"
VERSION = re.search(r'HOLDFAST_VERSION "(.*)"', (TOP / "crypto/version.h").read_text())[1]
OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*)")


def program(*argv):
    done = subprocess.run([TOP / "build" / argv[0], *argv[1:]], capture_output=True, text=True, check=True)
    return done.stdout


def options(help_text):
    """Those that begin a line of the list of options."""
    found = set()
    for line in help_text.splitlines():
        head = re.match(r" {2,6}(-.*?)(?:  |$)", line)
        if head:
            found |= set(OPTION.findall(head[1]))
    return found


class Manual:
    def __init__(self, name, section, summary):
        self.name, self.section, self.missing = name, section, []
        self.lines = [f"{name}({section}) \"Holdfast {VERSION}\" \"Holdfast\"", "", "# NAME", ""]
        self.lines += [f"{name} - {escape(summary)}", ""]

    def title(self, text):
        self.lines += [f"# {text}", ""]

    def literal(self, text):
        self.lines += ["```", *text.rstrip().splitlines(), "```", ""]

    def markdown(self, lines, level=2, where=""):
        self.lines += Page(is_index(lines), where or self.name).convert(level)

    def see_also(self, *others):
        self.title("SEE ALSO")
        self.lines += [", ".join(f"*{name}*({number})" for name, number in others), ""]

    def complete(self, help_text):
        """Every option that the program names stands in the page, below its synopsis."""
        text = "\n".join(self.lines[self.lines.index("# DESCRIPTION") :]).replace("\\", "")
        missing = sorted(o for o in options(help_text) if not re.search(re.escape(o) + r"(?![\w-])", text))
        self.missing = missing
        return self

    def write(self, directory):
        (directory / f"{self.name}.{self.section}.scd").write_text("\n".join(self.lines).rstrip() + "\n")


def commands():
    """(name, summary) of what `holdfast --help` lists."""
    return re.findall(r"^  ([a-z-]+) +(\S.*)$", program("holdfast", "--help").split("\n  --")[0], re.M)


def exit_codes():
    return sections((DOCS / "commands.md").read_text())["Exit codes"]


def page_holdfast(listed):
    parts = sections((DOCS / "commands.md").read_text())
    page = Manual("holdfast", 1, "locks for hypervisors, without a server")
    page.title("SYNOPSIS")
    page.literal("holdfast [--socket PATH] [--json] COMMAND [ARGUMENT...]")
    page.title("DESCRIPTION")
    before_table = [l for l in parts[""] if not l.startswith("    ")]
    cut = next(i for i, l in enumerate(before_table) if l.startswith("| command"))
    page.markdown(before_table[:cut])
    page.title("COMMANDS")
    for name, summary in listed:
        page.lines += [f"*holdfast-{name}*(1)", "\t" + escape(summary), ""]
    page.title("EXIT STATUS")
    page.markdown(parts["Exit codes"])
    page.title("ENVIRONMENT")
    page.lines += ["*HOLDFAST\\_SOCKET*", "\tThe agent's socket, where *--socket* does not name one.", ""]
    page.lines += ["*NO\\_COLOR*", "\tIf set and not empty, nothing is coloured (https://no-color.org).", ""]
    page.title("FILES")
    page.lines += ["_/run/holdfast/holdfast.sock_", "\tThe agent's socket, by default.", ""]
    page.see_also(*[(f"holdfast-{n}", 1) for n, _ in listed], ("holdfast-sim", 1), ("libholdfast", 3),
                  ("holdfast.conf", 5), ("holdfast-api", 7), ("holdfast-locks", 7), ("holdfastd", 8))
    return page.complete(program("holdfast", "--help"))


def section_of(name, parts):
    """A command's section may be shared: `stamp and validate`."""
    for title, lines in parts.items():
        if name == title or name in re.split(r" and |, ", title):
            return lines
    raise SystemExit(f"pages.py: docs/commands.md has no section about {name}")


def synopsis(help_text):
    """The usage lines that begin it."""
    return re.sub(r"^(usage: |       )", "", help_text.split("\n\n")[0], flags=re.M)


def page_command(name, summary):
    help_text = program("holdfast", name, "--help")
    page = Manual(f"holdfast-{name}", 1, summary)
    page.title("SYNOPSIS")
    page.literal(synopsis(help_text))
    page.title("DESCRIPTION")
    lines = section_of(name, sections((DOCS / "commands.md").read_text()))
    start = next(i for i, l in enumerate(lines) if l.strip() and not l.startswith("    "))
    page.markdown(lines[start:])
    if page.complete(help_text).missing:
        page.title("OPTIONS")
        page.literal("\n".join(l for l in help_text.splitlines() if re.match(r" {2,}(?!holdfast )", l)))
    page.title("COMMON OPTIONS")
    page.lines += ["*--socket* _PATH_, *--json*, *--help*", "\tSee *holdfast*(1).", ""]
    page.title("EXIT STATUS")
    page.lines += ["See *holdfast*(1) for what is not said above.", ""]
    page.see_also(("holdfast", 1), ("holdfast-locks", 7), ("holdfastd", 8))
    return page.complete(help_text)


def page_agent():
    parts = sections((DOCS / "configuration.md").read_text())
    page = Manual("holdfastd", 8, "the agent of Holdfast")
    page.title("SYNOPSIS")
    help_text = program("holdfastd", "--help")
    page.literal(synopsis(help_text))
    page.title("DESCRIPTION")
    page.lines += ["One on each node. It gossips with the agents of the other nodes, votes for locks out of its vote "
                   "log, and serves the local API (*holdfast-api*(7)).", ""]
    page.markdown(table_about(parts[""], "option of"))
    page.title("THE STORE")
    page.markdown(parts["The store"])
    page.title("SIGNALS")
    page.markdown(parts["Signals"])
    page.title("EXIT STATUS")
    page.lines += ["0 after a signal; 78 for what is wrong with configuration, key, roster, state or socket; 64 for "
                   "the command line; 1 for the rest.", ""]
    page.title("FILES")
    for path, what in (("/etc/holdfast/holdfast.conf", "the configuration"), ("/etc/holdfast/roster", "the roster"),
                       ("/etc/holdfast/key", "the node's secret key"), ("/var/lib/holdfast", "the store"),
                       ("/run/holdfast/holdfast.sock", "the local API")):
        page.lines += [f"_{path}_", "\t" + what, ""]
    page.see_also(("holdfast", 1), ("holdfast-executor", 8), ("holdfast.conf", 5), ("holdfast-api", 7))
    return page.complete(help_text)


def page_executor():
    parts = sections((DOCS / "configuration.md").read_text())
    page = Manual("holdfast-executor", 8, "carries out certified fence orders of Holdfast")
    page.title("SYNOPSIS")
    help_text = program("holdfast-executor", "--help")
    page.literal(synopsis(help_text))
    page.title("DESCRIPTION")
    lines = parts["Fencing"]
    start = lines.index("### The executor")
    end = next(i for i in range(start + 1, len(lines)) if lines[i].startswith("### "))
    page.markdown(lines[start + 1 : end])
    page.title("EXIT STATUS")
    page.lines += ["0 after a signal; 78 for what is wrong with configuration, roster, devices, secrets or state; 64 "
                   "for the command line; 1 for the rest.", ""]
    page.title("FILES")
    for path, what in (("/etc/holdfast/holdfast.conf", "the configuration"),
                       ("/var/lib/holdfast-executor", "its acts and its transcript"),
                       ("/run/holdfast-executor/executor.sock", "where the agent asks it")):
        page.lines += [f"_{path}_", "\t" + what, ""]
    page.see_also(("holdfastd", 8), ("holdfast.conf", 5))
    return page.complete(help_text)


def table_about(lines, head):
    """The first table whose first title begins so."""
    start = next(i for i, l in enumerate(lines) if l.startswith("|") and l.lstrip("| `").startswith(head))
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    return lines[start:end]


def page_configuration():
    parts = sections((DOCS / "configuration.md").read_text())
    page = Manual("holdfast.conf", 5, "the configuration of holdfastd")
    page.title("DESCRIPTION")
    lines = list(parts[""])
    for row in table_about(lines, "option of"):
        lines.remove(row)
    page.markdown(lines)
    for title, text in parts.items():
        if title not in ("", "Signals", "The store"):
            page.title(title.upper())
            page.markdown(text)
    page.see_also(("holdfast", 1), ("holdfast-config", 1), ("holdfastd", 8))
    return page


def page_simulator():
    parts = sections((DOCS / "simulator.md").read_text())
    page = Manual("holdfast-sim", 1, "rehearses partitions, crashes and fences, from a seed or a scenario")
    help_text = program("holdfast-sim", "--help")
    page.title("SYNOPSIS")
    page.literal("\n".join(l.removeprefix("usage: ").strip() for l in help_text.splitlines()[:5]))
    page.title("DESCRIPTION")
    page.markdown(parts["Run it"])
    page.title("OPTIONS")
    page.literal("\n".join(help_text.splitlines()[5:]))
    for title in ("Read a failure", "Write a scenario", "Replay and shrink"):
        page.title(title.upper())
        page.markdown(parts[title])
    page.see_also(("holdfast", 1), ("holdfast-config", 1))
    return page.complete(help_text)


def page_locks():
    page = Manual("holdfast-locks", 7, "what locks are: modes, queues, values, marks, what a death does")
    parts = sections((DOCS / "locks.md").read_text())
    page.title("DESCRIPTION")
    for title, text in parts.items():
        if title == "What is tested where":
            continue
        if title:
            page.title(title.upper())
        page.markdown(text)
    page.see_also(("holdfast-lock", 1), ("libholdfast", 3))
    return page


def page_library():
    page = Manual("libholdfast", 3, "locks from the agent of this machine, for programs in C and Python")
    parts = sections((DOCS / "library.md").read_text())
    page.title("DESCRIPTION")
    for title, text in parts.items():
        if title == "What is tested where":
            continue
        if title:
            page.title(title.upper())
        page.markdown(text)
    header = (TOP / "client/holdfast.h").read_text()
    page.title("FUNCTIONS")
    declared = re.findall(r"^[a-z][^;{}()#]*?\b\**(hf_\w+)\([^;{}]*?\);", header, re.M | re.S)
    for text in re.findall(r"^(?:[a-z][^;{}()#\n]*?\**hf_\w+\([^;{}]*?\);)", header, re.M | re.S):
        page.literal(text)
    if not declared:
        raise SystemExit("pages.py: no function found in client/holdfast.h")
    page.see_also(("holdfast-api", 7), ("holdfast-locks", 7))
    return page


def page_api():
    page = Manual("holdfast-api", 7, "the local API of holdfastd, in varlink")
    page.title("DESCRIPTION")
    comment, block = [], []

    def flush():
        if comment:
            page.lines.extend([inline(" ".join(comment)), ""])
            comment.clear()
        if block:
            wrapped = [textwrap.fill(l, 76, subsequent_indent="    ", break_on_hyphens=False) for l in block]
            page.literal("\n".join(wrapped))
            block.clear()

    for line in (TOP / "client/org.holdfast.varlink").read_text().splitlines():
        if line.startswith("#"):
            if block:
                flush()
            text = line.lstrip("# ")
            if text:
                comment.append(text)
            else:
                flush()
        elif line.strip():
            if comment:
                flush()
            block.append(line)
        else:
            flush()
    flush()
    page.see_also(("holdfast", 1), ("libholdfast", 3), ("holdfastd", 8))
    return page


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["LC_ALL"] = "C.UTF-8"
    listed = commands()
    pages = [page_command(name, summary) for name, summary in listed]
    pages += [page_holdfast(listed), page_agent(), page_executor(), page_configuration(), page_simulator()]
    pages += [page_locks(), page_library(), page_api()]
    lacks = [f"{p.name}({p.section}): {', '.join(p.missing)}" for p in pages if p.missing]
    if lacks:
        sys.exit("pages.py: options that --help knows and docs/ does not:\n  " + "\n  ".join(lacks))
    for page in pages:
        page.write(directory)
    print(f"man: {len(pages)} pages")


main()
