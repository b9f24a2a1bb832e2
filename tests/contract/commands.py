"""The program as its users have it: two processes, a terminal, and exactly what the commands promise to print.

Usage: python commands.py PROGRAM FOLDER     (FOLDER takes what is made here)

Nothing of the project's code is used: commands are run, stand-ins are asked, JSON is read. With each CRM: `init`, `key
new`, `check`, `prepare`, `plan`, `sync`, edits by people on both sides, a conflict and its resolution; then the demo in
all manners.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

Json = Any

COUNTS = {"entities": int, "links": int, "candidates": int, "conflicts": int, "holds": int, "failures": int}
REPORT = {"converged": bool, "duration_ms": int, "systems": dict, "created": dict, "updated": dict, **COUNTS}
SYSTEM = {"records": int, "reads": int, "writes": int, "calls": int, "throttled": int}
PLANNED = {"created": dict, "updated": dict, **COUNTS}
WRITE = {"system": str, "kind": str, "op": str, "entity": str, "units": list, "reason": str}
PROBLEM = {"file": str, "line": int, "message": str, "remedy": str}


class Broken(Exception):
    """A promise that was not kept."""


def must(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def members(value: Json, wanted: dict[str, type], what: str) -> None:
    """The contract's members, each of its type; others may stand beside them."""
    for name, kind in wanted.items():
        fits = isinstance(value.get(name), kind) and (kind is not int or not isinstance(value[name], bool))
        must(fits, f"{what}: {name} is {value.get(name)!r}, not {kind.__name__}")


class Program:
    """Runs commands in one folder and keeps what they write to stderr."""

    def __init__(self, path: str, folder: Path, secrets: dict[str, str]) -> None:
        self.path, self.folder, self.told = path, folder, ""
        self.environment = {**os.environ, **secrets}

    def run(self, *command: str, exits: tuple[int, ...] = (0,)) -> Json:
        """One command; its one JSON document."""
        done = subprocess.run(
            [self.path, *command, "--json"], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=180,
        )
        self.told += done.stderr
        what = " ".join(command)
        must(done.returncode in exits, f"{what}: exit code {done.returncode}, not {exits}: {done.stderr.strip()[-400:]}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Broken(f"{what}: stdout is not one JSON document: {done.stdout[:200]!r}") from None

    def report(self, *command: str, exits: tuple[int, ...] = (0, 3)) -> Json:
        """A command that ends with a report, whose members and exit code must agree with the contract."""
        report = self.run(*command, exits=exits)
        what = " ".join(command)
        members(report, REPORT, what)
        for name, system in report["systems"].items():
            members(system, SYSTEM, f"{what}: {name}")
        must(report["failures"] == 0, f"{what}: {report['failures']} failures")
        return report


@contextmanager
def stand_ins(program: str, folder: Path, crm: str) -> Iterator[Json]:
    """Serves stand-ins; they must say where they are in one line and end well when they are told to."""
    command = [program, "sandbox", "--crm", crm, "--seed", "11", "--manners", "polite", "--json"]
    with open(folder / "sandbox.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        ends = json.loads(process.stdout.readline())
        members(ends, {"halaxy": dict, "crm": dict, "control_url": str}, "sandbox")
        members(ends["halaxy"], {"base_url": str, "client_id": str, "client_secret": str}, "sandbox: halaxy")
        members(ends["crm"], {"base_url": str, "token": str}, "sandbox: crm")
        must("books" in ends, "sandbox: books is told, if only as null")
        yield ends
        process.terminate()
        must(process.wait(10) == 0, f"sandbox ends with {process.returncode}")
    finally:
        process.kill()
        process.wait()


class Control:
    """Acts as people do, and sees what the program asked for."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def last(self) -> int:
        calls = self.ask("GET", "calls")
        return calls[-1]["n"] if calls else 0

    def writes_after(self, n: int) -> list[str]:
        """Calls that change something: every write but tokens, searches and batch reads."""
        harmless = re.compile(r"/(oauth/token|search|batch/read)$")
        calls = self.ask("GET", f"calls?after={n}")
        return [f"{c['method']} {c['path']}" for c in calls if c["method"] != "GET" and not harmless.search(c["path"])]


class Crm:
    """Where a CRM keeps what this script looks at."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        hubspot = kind == "hubspot"
        self.connector = "hubspot" if hubspot else "example-crm"
        self.secret = "HUBSPOT_TOKEN" if hubspot else "CRM_TOKEN"
        self.mobile, self.street, self.number = (
            ("mobilephone", "address", "halaxy_patient_id") if hubspot else ("mobile", "address_line", "external_ref")
        )

    def get(self, record: Json, name: str) -> Json:
        return (record["properties"] if self.kind == "hubspot" else record).get(name)

    def patch(self, values: dict) -> dict:
        return {"properties": values} if self.kind == "hubspot" else values


def digits(text: str | None) -> str:
    """The last nine digits: a number in whatever spelling."""
    return re.sub(r"\D", "", text or "")[-9:]


def mobile_of(patient: Json) -> str:
    numbers = [t["value"] for t in patient.get("telecom", []) if t["system"] == "sms"]
    return digits(numbers[0]) if numbers else ""


def with_mobile(patient: Json, number: str) -> Json:
    others = [t for t in patient.get("telecom", []) if t["system"] != "sms"]
    return {"telecom": [{"system": "sms", "use": "mobile", "value": number}, *others]}


def until(what: str, holds: Callable[[], bool], then: Callable[[], Any]) -> None:
    """Does `then` until it holds, for at most twenty seconds."""
    end = time.monotonic() + 20
    while not holds():
        must(time.monotonic() < end, what)
        then()


def configure(program: Program, ends: Json, crm: Crm) -> None:
    """`init`, and the edits an integrator makes by hand."""
    program.run("init", ".", "--crm", crm.connector)
    program.run("key", "new", "--out", "bridge.key")
    file = program.folder / "bridge.toml"
    text = file.read_text(encoding="utf-8")
    text, regions = re.subn(r"(?m)^region .*$", f'base_url = "{ends["halaxy"]["base_url"]}"', text)
    if crm.kind == "hubspot":
        text, bases = re.subn(r"(?m)^(connector *= \"hubspot\")$", rf'\1\nbase_url = "{ends["crm"]["base_url"]}"', text)
    else:
        text, bases = re.subn(r'(?m)^base_url *= "https://crm\.example\.com.*$', f'base_url = "{ends["crm"]["base_url"]}"', text)
    must((regions, bases) == (1, 1), "bridge.toml has the lines that an integrator edits")
    file.write_text(text, encoding="utf-8")


def two_processes(path: str, folder: Path, kind: str) -> None:
    """The whole way from `init` to a resolved conflict."""
    crm = Crm(kind)
    with stand_ins(path, folder, kind) as ends:
        keys = {"HALAXY_CLIENT_ID": ends["halaxy"]["client_id"], "HALAXY_CLIENT_SECRET": ends["halaxy"]["client_secret"]}
        program = Program(path, folder, {**keys, crm.secret: ends["crm"]["token"]})
        control = Control(ends["control_url"])
        configure(program, ends, crm)
        checked(program, crm)
        planned_and_done(program, control, crm)
        edited(program, control, crm)
        quiet(program, control)


def checked(program: Program, crm: Crm) -> None:
    """`check` and `prepare`: what is missing is said with a place and a remedy, made, and then no problem."""
    must(program.run("check", "--offline") | {"notes": 0} == {"ok": True, "problems": [], "notes": 0}, "check --offline is content")
    first = program.run("check", exits=(0, 1))
    must(first["ok"] == (not first["problems"]), "check: ok means no problems")
    for problem in first["problems"]:
        members(problem, PROBLEM, "check")
    if crm.kind == "hubspot":
        must(any(crm.number in problem["message"] for problem in first["problems"]), "check misses the unique property")
        program.run("prepare", "crm", "--yes")
    must(program.run("check")["ok"] is True, "check is content after prepare")
    missing = program.run("sync", "-c", "nowhere.toml", exits=(2,))
    must(missing["ok"] is False, "a configuration that is not there is bad usage")


def planned_and_done(program: Program, control: Control, crm: Crm) -> None:
    """Nothing is sent without approval; then exactly what was planned; then nothing more."""
    before = control.last()
    patients, contacts = (control.ask("GET", path) for path in ("records/halaxy/Patient", "records/crm/contacts"))
    plan = program.run("plan")
    must(program.run("plan")["digest"] == plan["digest"], "two plans of one state have one digest")
    members(plan["would"], PLANNED, "plan: would")
    for write in plan["writes"]:
        members(write, WRITE, "plan: writes")
    members(plan, {"candidates": list, "brakes": list}, "plan")
    would = plan["would"]
    for op, counts in (("create", would["created"]), ("update", would["updated"])):
        listed = sum(1 for write in plan["writes"] if write["op"] == op)
        must(listed == sum(counts.values()), f"plan lists {listed} of {counts} to {op}")
    must(would["created"]["crm"] > 0 and would["created"].get("halaxy", 0) == 0, f"who is created where: {would['created']}")
    held = program.report("sync", exits=(3,))
    must(held["converged"] is False, "a backfill waits for approval")
    program.run("sync", "--approve", "0000000000000000", exits=(1, 2, 3))
    must(control.writes_after(before) == [], f"sent without approval: {control.writes_after(before)[:3]}")

    done = program.report("sync", "--approve", plan["digest"])
    must(done["converged"] is True, "sync settles")
    must((done["created"], done["updated"]) == (would["created"], would["updated"]), f"planned {would}, did {done}")
    must(done["links"] == would["links"] + sum(would["created"].values()), f"links: planned {would['links']}, made {done['links']}")
    now = control.ask("GET", "records/crm/contacts")
    must(len(now) == len(contacts) + would["created"]["crm"], "as many new contacts as were planned")
    must(len(control.ask("GET", "records/halaxy/Patient")) == len(patients), "no new patients")
    numbers = [crm.get(contact, crm.number) for contact in now if crm.get(contact, crm.number)]
    must(len(set(numbers)) == len(numbers) == done["links"], "every linked contact names a patient of its own")

    links = program.run("links", "list")
    must(len(links) == done["links"], f"links list shows {len(links)} of {done['links']}")
    ends = [(record["system"], record["kind"], record["id"]) for link in links for record in link["records"]]
    must(len(set(ends)) == len(ends) == 2 * len(links), "links are one to one")
    before = control.last()
    again = program.report("sync")
    must(again["converged"] is True and control.writes_after(before) == [], "a second sync writes nothing")
    must(not any([*again["created"].values(), *again["updated"].values()]), f"a second sync does {again}")


def edited(program: Program, control: Control, crm: Crm) -> None:
    """Edits of different fields both arrive; edits of one field become one conflict, settled by a person."""
    for link in program.run("links", "list"):
        ids = {record["system"]: record["id"] for record in link["records"]}
        patient = lambda: control.ask("GET", f"records/halaxy/Patient/{ids['halaxy']}")  # noqa: E731
        contact = lambda: control.ask("GET", f"records/crm/contacts/{ids['crm']}")  # noqa: E731
        if mobile_of(patient()) and patient().get("address") and digits(crm.get(contact(), crm.mobile)) == mobile_of(patient()):
            break
    else:
        raise Broken("nobody has a mobile number and an address on both sides")
    of_halaxy = lambda body: control.ask("PATCH", f"records/halaxy/Patient/{ids['halaxy']}", body)  # noqa: E731
    of_crm = lambda body: control.ask("PATCH", f"records/crm/contacts/{ids['crm']}", crm.patch(body))  # noqa: E731
    sync = lambda: program.report("sync")  # noqa: E731
    listed = lambda: program.run("conflicts", "list")  # noqa: E731
    must(listed() == [], "no conflict yet")

    address = {**patient()["address"][0], "line": ["77 Moved Street"]}
    of_halaxy({"address": [address]})
    of_crm({crm.mobile: "0491 570 156"})
    both = lambda: mobile_of(patient()) == "491570156" and crm.get(contact(), crm.street) == "77 Moved Street"  # noqa: E731
    until("two edits of one person, one on each side, both survive", both, sync)
    must(patient()["address"][0]["line"] == ["77 Moved Street"], "the address stays where it was edited")
    must(digits(crm.get(contact(), crm.mobile)) == "491570156", "the number stays where it was edited")
    must(listed() == [], "different fields do not conflict")

    of_halaxy(with_mobile(patient(), "0491 570 157"))
    of_crm({crm.mobile: "0491 570 158"})
    until("two edits of one field become a conflict", lambda: listed() != [], sync)
    conflicts = listed()
    must(len(conflicts) == 1, f"one conflict, not {len(conflicts)}")
    members(conflicts[0], {"id": str, "entity": str, "unit": str, "values": dict, "since": str}, "conflicts list")
    must("last_agreed" in conflicts[0] and conflicts[0]["unit"] == "mobile", f"conflict over {conflicts[0]['unit']}")
    must(set(conflicts[0]["values"]) == {"halaxy", "crm"}, "a conflict shows both values")
    must((mobile_of(patient()), digits(crm.get(contact(), crm.mobile))) == ("491570157", "491570158"), "nothing moves by itself")
    program.run("conflicts", "resolve", conflicts[0]["id"], "--take", "halaxy", exits=(0, 3))
    until("a decision reaches every system", lambda: digits(crm.get(contact(), crm.mobile)) == "491570157", sync)
    must(mobile_of(patient()) == "491570157" and listed() == [], "the conflict is closed")


def quiet(program: Program, control: Control) -> None:
    """Nothing that belongs to a person was written to stderr."""
    people = control.ask("GET", "records/halaxy/Patient")
    words = {t["value"] for person in people for t in person.get("telecom", [])}
    words |= {name["family"] for person in people for name in person["name"] if len(name.get("family", "")) > 4}
    shown = [word for word in words if word in program.told]
    must(shown == [], f"{len(shown)} personal values stand in the logs")


def demo(path: str, folder: Path, *more: str) -> None:
    """The demo settles by itself; in real manners without earning a refusal."""
    report = Program(path, folder, {}).report("demo", "--exit-when-settled", "--links-out", "links.csv", *more)
    must(report["converged"] is True, f"the demo did not settle: {report}")
    must(report["links"] > 0 and report["created"]["crm"] > 0, f"the demo did nothing: {report}")
    if "nasty" not in more:
        throttled = {name: system["throttled"] for name, system in report["systems"].items()}
        must(not any(throttled.values()), f"calls were refused for their number: {throttled}")
    lines = (folder / "links.csv").read_text(encoding="utf-8").splitlines()
    must(len(lines) > report["candidates"] > 0, f"links.csv holds {len(lines)} lines")


def main() -> int:
    path, work = os.path.abspath(sys.argv[1]), Path(sys.argv[2])
    parts: list[tuple[str, Callable[[Path], None]]] = [
        ("two processes, HubSpot-shaped CRM", lambda folder: two_processes(path, folder, "hubspot")),
        ("two processes, a CRM by data alone", lambda folder: two_processes(path, folder, "plain")),
        ("demo, polite", lambda folder: demo(path, folder, "--manners", "polite")),
        ("demo, real", lambda folder: demo(path, folder)),
        ("demo, nasty", lambda folder: demo(path, folder, "--manners", "nasty", "--seed", "5")),
        ("demo, a CRM by data alone", lambda folder: demo(path, folder, "--crm", "plain")),
    ]
    failed = 0
    for number, (what, part) in enumerate(parts):
        folder = work / f"commands-{number}"
        folder.mkdir(parents=True)
        began = time.monotonic()
        try:
            part(folder)
            print(f"  ok      {what} ({time.monotonic() - began:.1f} s)", flush=True)
        except (Broken, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"  FAILED  {what}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(parts) - failed} held, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
