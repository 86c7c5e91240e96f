"""Markdown as docs/ uses it, to scdoc(5): headings, paragraphs, lists, indented code, tables, emphasis, code, links.

A table becomes a list of terms, which stays readable at every width: the first cell is the term, the others say what
it is. What is not understood is an error that names the line, so that no page loses a sentence.
"""
import re

CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[((?:[^\[\]]|`[^`]*`)+)\]\([^)\s]+\)")
STRONG = re.compile(r"\*\*([^*]+)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])\*([^*\s](?:[^*]*[^*\s])?)\*(?![\w*])")
RULE = re.compile(r"\|( *:?-+:? *\|)+$")
CELL = re.compile(r"(?<!\\)\|")


def escape(text):
    """Nothing in it is markup of scdoc's."""
    return re.sub(r"([\\*_])", r"\\\1", text).replace("++", "+\\+")


def inline(text):
    """One paragraph's text; code and strong words in bold, emphasis underlined, a link is its text."""
    parts = []  # what is done already, in the place of which a mark stands

    def keep(done):
        parts.append(done)
        return f"\0{len(parts) - 1}\0"

    text = CODE.sub(lambda m: keep(f"*{escape(m[1])}*"), text.replace("\\|", "|"))
    text = LINK.sub(lambda m: m[1], text)
    text = STRONG.sub(lambda m: keep(f"*{escape(m[1])}*"), text)
    text = EMPHASIS.sub(lambda m: keep(f"_{escape(m[1])}_"), text)
    text = escape(text)
    while "\0" in text:
        text = re.sub(r"\0(\d+)\0", lambda m: parts[int(m[1])], text)
    # Two bold words side by side are one to scdoc, and a mark inside of a word is refused.
    text = re.sub(r"\*\*", "* *", text)
    return text[:1].replace("[", "\\[").replace("|", "\\|").replace("#", "\\#") + text[1:]


def cells(line):
    return [c.strip() for c in CELL.split(line.strip())[1:-1]]


def table(rows):
    """A list of terms."""
    head, out = cells(rows[0]), []
    for row in rows[2:]:
        term, *rest = cells(row)
        if not term:
            raise ValueError(f"a row without a term: {row!r}")
        said = []
        shown = inline(term)
        if head[1] == "default":
            default, *rest = rest
            shown += f" ({inline(default.strip('()'))})"
        out.append(shown)
        for title, cell in zip(head[-len(rest) :], rest):
            if cell:
                said.append(inline(cell) if title == head[-1] else f"{escape(title)}: {inline(cell)}")
        for index, text in enumerate(said):
            out += ["\t" + text] if index == 0 else ["", "\t" + text]
        out.append("")
    return out


class Page:
    """Lines of Markdown, converted block by block."""

    def __init__(self, lines, where):
        self.lines, self.where, self.at, self.out = lines, where, 0, []

    def more(self):
        return self.at < len(self.lines)

    def line(self):
        return self.lines[self.at]

    def take(self, wanted):
        """The lines from here on for which `wanted` is true."""
        first = self.at
        while self.more() and wanted(self.line()):
            self.at += 1
        return self.lines[first : self.at]

    def code(self):
        block = self.take(lambda l: l.startswith("    ") or not l.strip())
        while block and not block[-1].strip():
            block.pop()
        self.out += ["```"] + [l[4:] for l in block] + ["```", ""]

    def item(self):
        """One of a list, with what is indented below it; its own lists and code are paragraphs of it."""
        mark = re.match(r"(- |\d+\. )", self.line())[1]
        text = [self.line()[len(mark) :]]
        self.at += 1
        text += [l.strip() for l in self.take(lambda l: l.startswith("  ") and l.strip())]
        self.out.append(("- " if mark == "- " else ". ") + inline(" ".join(text)))
        if self.more() and not self.line().strip():
            self.out.append("")

    def paragraph(self):
        text = self.take(lambda l: l.strip() and not l.startswith(("#", "|", "- ", "    ")))
        if not text:
            raise ValueError(f"{self.where}: not understood: {self.line()!r}")
        self.out += [inline(" ".join(l.strip() for l in text)), ""]

    def convert(self, level):
        """To scdoc; a heading of `level` number signs becomes a section, deeper ones subsections."""
        while self.more():
            line = self.line()
            if not line.strip():
                self.at += 1
            elif line.startswith("#"):
                depth = len(line) - len(line.lstrip("#"))
                sign, text = "#" if depth <= level else "##", line.lstrip("# ").strip("\n")
                text = CODE.sub(r"\1", text)
                self.out += [f"{sign} {text.upper() if sign == '#' else text}", ""]
                self.at += 1
            elif line.startswith("    "):
                self.code()
            elif line.startswith("|"):
                rows = self.take(lambda l: l.startswith("|"))
                if len(rows) < 2 or not RULE.match(rows[1].strip()):
                    raise ValueError(f"{self.where}: a table without a head: {rows[0]!r}")
                self.out += table(rows)
            elif re.match(r"(- |\d+\. )", line):
                self.item()
            else:
                self.paragraph()
        return self.out


def sections(text):
    """{title: lines} of the second level; what stands before the first is under ""."""
    found, title, fenced = {"": []}, "", False
    for line in text.splitlines():
        if line.startswith("## ") and not fenced:
            title = CODE.sub(r"\1", line[3:]).strip()
            found[title] = []
        elif not line.startswith("# "):
            found[title].append(line)
    return found


def is_index(lines):
    """A list of links to the page's own parts, which a manual page has no use for."""
    return [l for l in lines if not re.match(r"- \[.*\]\(#[^)]*\)$", l)]
