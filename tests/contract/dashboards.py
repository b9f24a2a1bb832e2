"""Every question of the dashboards as a rule, so that `promtool check rules` reads it; what Grafana would fill in is filled in.

Usage: python3 dashboards.py FILE.json... >RULES.yml

Also refuses a dashboard that Grafana would show with holes: two panels in one place or with one number, a panel that asks
nothing, two dashboards of one name.
"""

from __future__ import annotations

import json
import sys


def faults(dashboard: dict) -> list[str]:
    """What would show as a hole."""
    found, numbers, cells = [], set(), set()
    for panel in dashboard["panels"]:
        name = f"{dashboard['title']} / {panel['title']}"
        place = panel["gridPos"]
        if panel["id"] in numbers:
            found.append(f"{name}: the number {panel['id']} is taken")
        numbers.add(panel["id"])
        if not panel["targets"]:
            found.append(f"{name}: asks nothing")
        if place["x"] + place["w"] > 24:
            found.append(f"{name}: is wider than the page")
        own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if own & cells:
            found.append(f"{name}: lies on another panel")
        cells |= own
    return found


def main(files: list[str]) -> int:
    found, names, rules = [], set(), []
    for file in files:
        with open(file, encoding="utf-8") as text:
            dashboard = json.load(text)
        if dashboard["uid"] in names:
            found.append(f"{file}: the uid {dashboard['uid']} is taken")
        names.add(dashboard["uid"])
        found += faults(dashboard)
        questions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
        rules += [{"record": f"question_{len(rules) + n}", "expr": q.replace("$__rate_interval", "5m")} for n, q in enumerate(questions)]
    for line in found:
        print(f"  FAILED  {line}", file=sys.stderr)
    # JSON is YAML.
    json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, sys.stdout)
    return 1 if found or not rules else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
