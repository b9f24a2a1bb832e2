"""An independent FHIR R4B validator judges what the stand-in of Halaxy serves.

Usage: python fhir_r4b.py ENDPOINTS.json     (what `halaxy-bridge sandbox --json` prints)

Halaxy's documents depart from strict R4B in places. `DEPARTURES` lists those that the stand-in shows today, one by one;
everything else the validator or the rules of fhir_rules.py find is a failure, and so is an entry that nothing needed.
Canaries prove that broken resources are refused.
"""

from __future__ import annotations

import copy
import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from fhir_rules import Finding, findings

USER_AGENT = "ContractJudge (judge@example.org)"


@dataclass(frozen=True)
class Departure:
    """One documented place where the product is not strict R4B, and why the stand-in shows it nevertheless."""

    number: int
    rule: str
    path: str
    value: str
    why: str


# The numbers are those of the project's research on the vendors' clients (sdk-clients.md section 5).
DEPARTURES = [
    Departure(26, "code", "CapabilityStatement.rest.resource.type", "InvoiceLine", "a resource of Halaxy's own"),
    Departure(27, "code", "CapabilityStatement.rest.resource.type", "PaymentTransaction", "a resource of Halaxy's own"),
    Departure(28, "code", "CapabilityStatement.rest.resource.type", "Referral", "a resource of Halaxy's own"),
    Departure(29, "code", "CapabilityStatement.rest.resource.type", "ReferralDefinition", "a resource of Halaxy's own"),
    Departure(34, "code", "Patient.gender", "Non-binary", "a practice may write any text; R4B knows four codes"),
    Departure(43, "resource", "resourceType", "null", "auth errors are {error, error_description, message}, the gateway's {message}"),
]


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Judge:
    """Asks the stand-in, holds each answer against R4B and counts."""

    def __init__(self, endpoints: dict) -> None:
        self.base = endpoints["halaxy"]["base_url"]
        self.control = endpoints["control_url"]
        self.keys = {name: endpoints["halaxy"][name] for name in ("client_id", "client_secret")}
        self.token = ""
        self.answers = 0
        self.failures: list[str] = []
        self.met: set[int] = set()

    def ask(self, path: str, method: str = "GET", body: Any = None, kind: str = "application/fhir+json", **headers: str) -> Answer:
        """One call on Halaxy; a path that holds a whole address is taken as it is."""
        url = path if path.startswith("http") else self.base + path
        sent = {"User-Agent": USER_AGENT, "Accept": "application/fhir+json", "Authorization": f"Bearer {self.token}"}
        return call(url, method, body, {**sent, "Content-Type": kind, **headers})

    def person(self, method: str, path: str, body: Any) -> Any:
        """Somebody acts in the product, or a switch is set."""
        answer = call(f"{self.control}/{path}", method, body, {"Content-Type": "application/json"})
        if answer.status >= 300:
            raise SystemExit(f"the control API refuses {method} {path}: {answer.status}")
        return answer.json() if answer.body else None

    def check(self, what: str, holds: bool) -> None:
        """A fact about the answers besides their being R4B."""
        if not holds:
            self.failures.append(what)

    def judge(self, what: str, answer: Answer, status: int, resource: str | None) -> Any:
        """Holds an answer against its status, media type, expected resource and R4B; gives its JSON."""
        self.answers += 1
        self.check(f"{what}: {answer.status}, not {status}", answer.status == status)
        body = answer.json()
        if resource is not None:
            media = answer.headers.get("Content-Type", "")
            self.check(f"{what}: served as {media!r}", media.startswith("application/fhir+json"))
            self.check(f"{what}: {body.get('resourceType')}, not {resource}", body.get("resourceType") == resource)
        for finding in findings(body):
            known = excuse(finding)
            if known is None:
                self.failures.append(f"{what}: {finding}")
            else:
                self.met.add(known.number)
        return body


def excuse(finding: Finding) -> Departure | None:
    """The listed departure that a finding is."""
    for known in DEPARTURES:
        if (known.rule, known.path, known.value) == (finding.rule, finding.path, finding.value):
            return known
    return None


def call(url: str, method: str, body: Any, headers: dict[str, str]) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    # Set one by one, so that an empty one is sent as such.
    for name, value in headers.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


# The documented example of a patient, with everything a practice can fill in.
MIRIAM = {
    "extension": [{"url": "https://terminology.halaxy.com/StructureDefinition/patient-status", "valueString": "current"}],
    "name": [
        {"use": "usual", "given": ["Mimi"]},
        {"use": "official", "prefix": ["Ms"], "given": ["Miriam", "Rose"], "family": "Samplewood"},
    ],
    "telecom": [
        {"system": "sms", "use": "mobile", "value": "+61491570006"},
        {"system": "phone", "use": "home", "value": "+61731234567"},
        {"system": "fax", "use": "work", "value": "+61731234568"},
        {"system": "email", "use": "home", "value": "mimi@example.org"},
    ],
    "gender": "female",
    "birthDate": "1988-04-17",
    "deceasedBoolean": False,
    "address": [
        {"use": "home", "type": "physical", "line": ["Unit 2", "1 Test Street"], "city": "Sampleton", "state": "VIC",
         "postalCode": "3000", "country": "Australia"},
        {"use": "billing", "type": "postal", "text": "PO Box 1", "line": ["PO Box 1"]},
    ],
    "contact": [
        {"relationship": [{"text": "Mother"}], "name": {"use": "official", "given": ["Rose"], "family": "Samplewood"},
         "telecom": [{"system": "sms", "value": "+61491570110"}]},
    ],
    "generalPractitioner": [{"reference": "Practitioner/PR-500001", "type": "Practitioner"}],
    "managingOrganization": {"reference": "Organization/PG-100001", "type": "Organization"},
}


def sign_in(judge: Judge) -> None:
    """The token call and what is answered to those who do it wrong."""
    grant = {"grant_type": "client_credentials", **judge.keys}
    wrong = judge.ask("oauth/token", "POST", {**grant, "client_secret": "wrong"}, "application/json")
    judge.judge("a wrong secret", wrong, 401, None)
    judge.judge("a call without a token", judge.ask("Patient"), 401, "OperationOutcome")
    nameless = judge.ask("metadata", **{"User-Agent": ""})
    judge.judge("a call without a User-Agent", nameless, 403, None)
    answer = judge.ask("oauth/token", "POST", grant, "application/json")
    judge.check(f"token: {answer.status}", answer.status == 200)
    given = answer.json()
    judge.check(f"token: {sorted(given)}", sorted(given) == ["access_token", "expires_in", "token_type"])
    judge.check(f"token_type {given.get('token_type')}", given.get("token_type") == "Bearer")
    judge.token = given.get("access_token", "")


def capability(judge: Judge) -> None:
    """GET metadata."""
    shown = judge.judge("metadata", judge.ask("metadata"), 200, "CapabilityStatement")
    judge.check(f"fhirVersion {shown.get('fhirVersion')}", shown.get("fhirVersion") == "4.3.0")
    patient = [entry for entry in shown["rest"][0]["resource"] if entry["type"] == "Patient"]
    codes = {interaction["code"] for entry in patient for interaction in entry["interaction"]}
    judge.check(f"Patient offers {codes}", {"read", "search-type", "create", "patch", "update"} <= codes)


def read_and_write(judge: Judge) -> None:
    """One patient created, changed and read, as the API and as a person."""
    writable = {name: MIRIAM[name] for name in ("name", "telecom", "gender", "birthDate", "address", "contact")}
    made = judge.judge("create", judge.ask("Patient", "POST", {"resourceType": "Patient", **writable}), 201, "Patient")
    judge.check("create answers what was sent", all(made.get(name) == writable[name] for name in writable if name != "name"))
    judge.check("the new patient has an id and a time", bool(made.get("id")) and bool(made.get("meta", {}).get("lastUpdated")))
    path = f"Patient/{made['id']}"
    judge.judge("read", judge.ask(path), 200, "Patient")
    patch = {"birthDate": "1988-04-18", "telecom": [{"system": "sms", "use": "mobile", "value": "0491570156"}]}
    changed = judge.judge("merge-patch", judge.ask(path, "PATCH", patch, "application/merge-patch+json"), 200, "Patient")
    judge.check("the patch holds", all(changed.get(name) == value for name, value in patch.items()))
    cleared = judge.ask(path, "PATCH", {"gender": None, "address": []}, "application/merge-patch+json")
    shown = judge.judge("a patch that clears", cleared, 200, "Patient")
    judge.check("what was cleared is absent", "gender" not in shown and "address" not in shown)
    judge.judge("replace", judge.ask(path, "PUT", {"resourceType": "Patient", **writable}), 200, "Patient")

    by_hand = judge.person("POST", "records/halaxy/Patient", MIRIAM)
    shown = judge.judge("read what a person typed", judge.ask(f"Patient/{by_hand['id']}"), 200, "Patient")
    judge.check("everything a person typed is shown", all(name in shown for name in MIRIAM))
    judge.check("references are absolute", shown["managingOrganization"]["reference"].startswith(judge.base))
    odd = judge.person("POST", "records/halaxy/Patient", {**MIRIAM, "gender": "Non-binary"})
    judge.judge("read a gender of the practice's own", judge.ask(f"Patient/{odd['id']}"), 200, "Patient")


def refusals(judge: Judge) -> None:
    """What is refused is refused with an OperationOutcome."""
    for what, status, answer in [
        ("an id nobody has", 404, judge.ask("Patient/1")),
        ("a resource nobody knows", 404, judge.ask("Spaceship")),
        ("a parameter that cannot be read", 400, judge.ask("Patient?_lastUpdated=yesterday")),
        ("a body that is no patient", 400, judge.ask("Patient", "POST", {"resourceType": "Practitioner"})),
        ("a patient without a name", 422, judge.ask("Patient", "POST", {"resourceType": "Patient", "gender": "male"})),
        ("a patch in another type", 415, judge.ask("Patient/1", "PATCH", {}, "application/json")),
    ]:
        judge.judge(what, answer, status, "OperationOutcome")
    closed = judge.ask("Invoice", "POST", {"resourceType": "Invoice"})
    judge.check(f"a method that is not offered: {closed.status}, {len(closed.body)} bytes", (closed.status, closed.body) == (405, b""))


def pages(judge: Judge, query: str) -> None:
    """Every page of a search, by its next links."""
    url, seen, total, number = f"Patient?{query}", [], None, 0
    while url:
        number += 1
        bundle = judge.judge(f"{query}, page {number}", judge.ask(url), 200, "Bundle")
        total = bundle.get("total")
        seen += [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "match"]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    judge.check(f"{query}: several pages", number > 1)
    judge.check(f"{query}: {len(seen)} ids, {len(set(seen))} different, total {total}", len(seen) == len(set(seen)) == total)


def lists(judge: Judge) -> None:
    """Search results in every form the stand-in serves."""
    pages(judge, "_count=50&_sort=_lastUpdated")
    pages(judge, "_count=40&active=true")
    for what in ["Patient?_count=0", "Patient?_summary=count", "Patient?_total=none&_count=2", "Patient?name=nobodyatall"]:
        judge.judge(what, judge.ask(what), 200, "Bundle")
    empty = judge.ask("Patient?name=nobodyatall").json()
    judge.check("an empty page has no entry", "entry" not in empty and empty["total"] == 0)
    for kind in ["Practitioner", "Organization", "Appointment", "Invoice", "Coverage", "InvoiceLine"]:
        judge.judge(f"an empty list of {kind}", judge.ask(kind), 200, "Bundle")
    ids = judge.judge("$export-ids", judge.ask("Patient/$export-ids"), 200, "Parameters")
    total = judge.ask("Patient?_summary=count").json()["total"]
    judge.check("$export-ids names everybody", len(ids["parameter"]) == total)


def oddities(judge: Judge) -> None:
    """What nasty manners show, one at a time, so that no fault by chance is in the way."""
    usual = judge.person("GET", "switches/halaxy", None)
    for what, switches, path, status, resource in [
        ("milliseconds", {"precision": "milli"}, "Patient?_count=5", 200, "Bundle"),
        ("a warning among the rows", {"warning_percent": 100}, "Patient?_count=5", 200, "Bundle"),
        ("an outcome in a 200", {"outcome_percent": 100}, "Patient?_count=5", 200, "OperationOutcome"),
        ("too many calls", {"requests_per_minute": 0}, "Patient?_count=5", 429, "OperationOutcome"),
        ("a scope that is missing", {"missing_scopes": ["Patient.read"]}, "Patient?_count=5", 403, "OperationOutcome"),
        ("an expired token", {"token_life_seconds": 0, "expired": ["outcome401"]}, "Patient", 401, "OperationOutcome"),
        ("an expired token in a 200", {"token_life_seconds": 0, "expired": ["outcome200"]}, "Patient", 200, "OperationOutcome"),
        ("an expired token without an outcome", {"token_life_seconds": 0, "expired": ["error401"]}, "Patient", 401, None),
    ]:
        judge.person("PATCH", "switches/halaxy", switches)
        judge.judge(what, judge.ask(path), status, resource)
        judge.person("PATCH", "switches/halaxy", {name: usual[name] for name in switches})


def canaries(judge: Judge) -> None:
    """Each rule refuses a resource that breaks it, at the right place."""
    patient = {"resourceType": "Patient", "id": "1", "meta": {"lastUpdated": "2026-03-02T10:15:00+10:00"}, "active": True, **MIRIAM}
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
    bundle = {
        "resourceType": "Bundle", "type": "searchset", "total": 1, "link": [{"relation": "self", "url": "https://a.example/Patient"}],
        "entry": [{"fullUrl": "https://a.example/Patient/1", "resource": patient, "search": {"mode": "match"}}],
    }
    for sound in (patient, outcome, bundle):
        judge.check(f"canary: a sound {sound['resourceType']} passes: {findings(sound)}", findings(sound) == [])
    for rule, path, resource, breaks in [
        ("resource", "resourceType", patient, lambda it: it.update(resourceType="Patience")),
        ("validator", "Patient.surname", patient, lambda it: it.update(surname="Samplewood")),
        ("validator", "Patient.birthDate", patient, lambda it: it.update(birthDate="17/04/1988")),
        ("validator", "Patient.name", patient, lambda it: it.update(name={"family": "Samplewood"})),
        ("validator", "Patient.meta.lastUpdated", patient, lambda it: it["meta"].update(lastUpdated="2026-03-02T10:15:00")),
        ("validator", "OperationOutcome.issue", outcome, lambda it: it.pop("issue")),
        ("validator", "OperationOutcome.issue.code", outcome, lambda it: it["issue"][0].pop("code")),
        ("validator", "Bundle.entry.resource.surname", bundle, lambda it: it["entry"][0]["resource"].update(surname="S")),
        ("json", "Patient.telecom", patient, lambda it: it.update(telecom=[])),
        ("json", "Patient.gender", patient, lambda it: it.update(gender=None)),
        ("spelling", "Patient.active", patient, lambda it: it.update(active="true")),
        ("spelling", "Bundle.total", bundle, lambda it: it.update(total="1")),
        ("code", "Patient.gender", patient, lambda it: it.update(gender="lady")),
        ("code", "Patient.telecom.system", bundle, lambda it: it["entry"][0]["resource"]["telecom"][0].update(system="pigeon")),
        ("code", "OperationOutcome.issue.code", outcome, lambda it: it["issue"][0].update(code="oops")),
        ("reference", "Patient.generalPractitioner", patient, lambda it: it["generalPractitioner"][0].update(reference="Device/1")),
        ("bundle", "Bundle.entry.fullUrl", bundle, lambda it: it["entry"][0].update(fullUrl="1")),
        ("bundle", "Bundle.entry.fullUrl", bundle, lambda it: it["entry"].append(it["entry"][0])),
        ("bundle", "Bundle.entry.search.mode", bundle, lambda it: it["entry"][0]["search"].update(mode="outcome")),
        ("bundle", "Bundle.link", bundle, lambda it: it["link"][0].update(relation="next")),
    ]:
        broken = copy.deepcopy(resource)
        breaks(broken)
        found = findings(broken)
        refused = any((finding.rule, finding.path) == (rule, path) and excuse(finding) is None for finding in found)
        judge.check(f"canary: {rule} at {path} was not refused, only {found}", refused)


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        judge = Judge(json.load(file))
    judge.person("POST", "manners", {"mode": "real"})
    canaries(judge)
    sign_in(judge)
    for part in (capability, read_and_write, refusals, lists, oddities):
        part(judge)
    for known in DEPARTURES:
        shown = known.number in judge.met
        print(f"  departure {known.number}: {known.path} {known.value}: {known.why}{'' if shown else ' (NOT SHOWN)'}")
        judge.check(f"departure {known.number} is listed and nothing shows it", shown)
    for failure in judge.failures:
        print(f"  FAILED  {failure}")
    print(f"{judge.answers} answers judged, {len(judge.failures)} failures, {len(judge.met)} listed departures met")
    return 1 if judge.failures or judge.answers == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
