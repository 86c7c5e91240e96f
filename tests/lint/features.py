#!/usr/bin/env python3
"""docs/locks.md's tables of features and tests name what is there: see "What is tested where" there.

    features.py      from the top of the tree; prints what is not there, and fails if anything is not
"""
import re
import sys
from pathlib import Path

PAGE = "docs/locks.md"
COLUMNS = ["kept by", "API", "command", "unit tests", "system tests", "simulator"]


def texts(*patterns):
    return {p: p.read_text(encoding="utf-8") for pattern in patterns for p in Path().glob(pattern)}


class Tree:
    def __init__(self):
        self.sources = "\n".join(texts("proto/*.c", "node/*.c", "client/*.c", "sim/*.c").values())
        self.client = "\n".join(texts("client/*.c").values())
        self.api = Path("client/org.holdfast.varlink").read_text(encoding="utf-8")
        self.checks = "\n".join(texts("sim/*.c").values())
        self.table = Path("tests/sim/mutants.sh").read_text(encoding="utf-8")

    def kept_by(self, word):
        if word.endswith("()"):
            return re.search(rf"^[a-z].*\b{word[:-2]}\(", self.sources, re.M)
        return Path(word).is_file()

    def api_word(self, word):
        name, parameter = re.fullmatch(r"(\w+)(?:\((\w+)\))?", word).groups()
        line = re.search(rf"^(?:method|error) {name} ?\(.*$", self.api, re.M)
        return line and (not parameter or re.search(rf"\b{parameter}:", line[0]))

    def command(self, word):
        command, *options = word.split()
        there = re.search(rf'"{command}"', self.client)
        return there and all(re.search(rf"{option}\b", self.client) for option in options)

    def test(self, word, files, head):
        file, name = word.split(":")
        return any(
            re.search(head.format(re.escape(name)), path.read_text(encoding="utf-8"), re.M)
            for path in map(Path, files)
            if path.stem.removeprefix("test_") == file
        )

    def unit(self, word):
        return self.test(word, Path("tests/unit").glob("test_*.c"), r"^START_TEST\({}\)$")

    def system(self, word):
        return self.test(word, Path("tests/system").glob("*.py"), r"^    def test_{}\(self")

    def simulator(self, word):
        if re.fullmatch(r"[SV]\d+", word):
            return re.search(rf'"{word}"', self.checks)
        kind, name = re.split(r"[ /]", word)
        if kind == "bug":
            planted = re.search(rf"\bMUTANT\({name}\)", self.sources)
            return planted and re.search(rf"^ *{name} ", self.table, re.M)
        if kind == "story":
            return Path(f"tests/scenarios/{name}.hf").is_file()
        where = {"scenario": rf'^    {{"{name}",', "profile": rf'"{name}"'}[kind]
        return re.search(where, self.checks, re.M)

    def has(self, column, word):
        look = {
            "kept by": self.kept_by,
            "API": self.api_word,
            "command": self.command,
            "unit tests": self.unit,
            "system tests": self.system,
            "simulator": self.simulator,
        }[column]
        try:
            return bool(look(word))
        except (ValueError, KeyError, AttributeError):  # not of that column's form
            return False


def main():
    tree, wrong, rows, words = Tree(), [], 0, 0
    lines = Path(PAGE).read_text(encoding="utf-8").splitlines()
    inside = False
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if cells[1:] == COLUMNS:
            inside = True
        elif not cells:
            inside = False
        elif inside and not set(line) <= set("|- "):
            rows += 1
            if len(cells) != len(COLUMNS) + 1:
                wrong.append(f"{PAGE}:{number}: {len(cells)} cells")
                continue
            for column, cell in zip(COLUMNS, cells[1:]):
                found = re.findall(r"`([^`]+)`", cell)
                if re.sub(r"`[^`]+`|, ", "", cell) not in ("", "-") or bool(found) == (cell == "-"):
                    wrong.append(f"{PAGE}:{number}: {column}: {cell!r} is no list of `words`")
                words += len(found)
                for word in found:
                    if not tree.has(column, word):
                        wrong.append(f"{PAGE}:{number}: {column}: there is no {word}")
    if rows == 0:
        wrong.append(f"{PAGE}: there is no table of features")
    print("\n".join(wrong) if wrong else f"features: {rows} rows, {words} names, all there")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
