#!/usr/bin/env python3
"""The metrics that the agent exports are those of docs/metrics.md, with their types and labels, and alerts
and dashboard ask for no others."""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/metrics.md"
RULES = ROOT / "packaging/prometheus/holdfast.rules.yml"
DASHBOARD = ROOT / "packaging/grafana/holdfast.json"
NAME = r"(?:holdfast|process)_[a-z0-9_]+"
FAMILY = re.compile(rf'metrics_(?:one|family)\(\s*out,\s*"({NAME})",\s*METRICS_([A-Z]+)')
LABELLED = re.compile(rf'metrics_(?:count|spread|prefixed)\(\s*out,\s*"({NAME})",\s*"([a-z]+)"')
ROW = re.compile(rf"^\| `({NAME})` \| (\w+) \| ([^|]*) \|")
# Series of their own, named by whoever scrapes.
OTHERS = {"up"}


def exported():
    """{name: (type, labels)} as the sources say."""
    types, labels = {}, {}
    for file in sorted((ROOT / "node").glob("metrics*.c")):
        text = file.read_text(encoding="utf-8")
        types.update({name: kind.lower() for name, kind in FAMILY.findall(text)})
        for name, label in LABELLED.findall(text):
            labels.setdefault(name, set()).add(label)
        for name, pairs in re.findall(rf'fprintf\(out, "({NAME})\{{(.*?)\}}', text):
            labels[name] = set(re.findall(r"([a-z]+)=", pairs))
    return {name: (kind, labels.get(name, set())) for name, kind in types.items()}


def documented():
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := ROW.match(line):
            found[row[1]] = (row[2], set(re.findall(r"`([a-z]+)`", row[3])))
    return found


def asked():
    """(where, name) of each metric that alerts and dashboard ask for."""
    for number, line in enumerate(RULES.read_text(encoding="utf-8").splitlines(), 1):
        for name in re.findall(rf"\b{NAME}\b", line.split("#")[0]):
            yield f"{RULES.name}:{number}", name
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        for target in panel.get("targets", []):
            for name in re.findall(rf"\b{NAME}\b", target["expr"]):
                yield f"{DASHBOARD.name}: {panel['title']}", name


def main():
    there, told = exported(), documented()
    faults = [f"{PAGE.name}: {name} is not exported" for name in sorted(told.keys() - there.keys())]
    faults += [f"{PAGE.name}: {name} is missing" for name in sorted(there.keys() - told.keys())]
    for name in sorted(there.keys() & told.keys()):
        if there[name] != told[name]:
            faults.append(f"{PAGE.name}: {name} is {there[name]}, not {told[name]}")
    series = set(there) | OTHERS
    for name, (kind, _) in there.items():
        if kind == "histogram":
            series |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    faults += [f"{where}: there is no metric {name}" for where, name in asked() if name not in series]
    print("\n".join(faults) if faults else f"metrics: {len(there)} families")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
