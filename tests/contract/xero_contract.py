"""Requests like the bridge's, and the accounting stand-in's answers to them, against the vendor's own OpenAPI file.

Usage: python xero_contract.py ENDPOINTS.json SPECS PRISM WORK REQUESTS.jsonl
    ENDPOINTS.json   what `halaxy-bridge sandbox --json` prints
    SPECS            the folder with the vendor's files (xero/xero_accounting.yaml) and tools/flatten_spec.py
    PRISM            the program `prism`
    WORK             a folder for what is made on the way
    REQUESTS.jsonl   every request of a posted practice month, one a line (LEDGER_REQUESTS of the ledger's tests)

A pass says that shapes agree with the vendor's file, no more: business rules and tax codes are not in it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from vendor_contract import Answer, Prism, flatten

PATHS = (
    "^/(Contacts|Invoices|Payments|CreditNotes|Accounts|TaxRates|TrackingCategories|Overpayments|Prepayments"
    "|BankTransactions|ManualJournals|Organisation)(/|$)"
)
NOBODY = "00000000-0000-4000-8000-000000000000"

# One known-bad body for each operation with a body that is used below: each must be refused before it is forwarded.
CANARIES: list[tuple[str, str, Any]] = [
    ("PUT", "Contacts", {"Contacts": [{"Name": 7}]}),
    ("POST", "Contacts", {"Contacts": [{"Name": "A", "ContactStatus": "ASLEEP"}]}),
    ("PUT", "Invoices", {"Invoices": [{"Type": "SALE"}]}),
    ("POST", "Invoices", {"Invoices": [{"Status": "HALF"}]}),
    ("POST", f"Invoices/{NOBODY}", {"Invoices": [{"Status": "HALF"}]}),
    ("PUT", "CreditNotes", {"CreditNotes": [{"Type": "SALE"}]}),
    ("POST", f"CreditNotes/{NOBODY}", {"CreditNotes": [{"Status": "HALF"}]}),
    ("PUT", "Payments", {"Payments": [{"Amount": "1.00"}]}),
    ("POST", f"Payments/{NOBODY}", {"Payments": [{"Status": "DELETED"}]}),
    ("PUT", "BankTransactions", {"BankTransactions": [{"Type": "GIFT", "LineItems": [], "BankAccount": {}}]}),
    ("PUT", "ManualJournals", {"ManualJournals": [{"Narration": "A", "Status": "HALF"}]}),
    ("POST", f"ManualJournals/{NOBODY}", {"ManualJournals": [{"Narration": "A", "Status": "HALF"}]}),
    ("PUT", f"CreditNotes/{NOBODY}/Allocations", {"Allocations": [{"Amount": "x"}]}),
    ("PUT", f"Prepayments/{NOBODY}/Allocations", {"Allocations": [{"Amount": "x"}]}),
    ("PUT", f"Overpayments/{NOBODY}/Allocations", {"Allocations": [{"Amount": "x"}]}),
]


def operation(method: str, path: str) -> str:
    """`PUT Invoices/{}/Allocations`: the call without ids and query."""
    parts = path.split("?")[0].split("/")
    return f"{method} " + "/".join("{}" if index in (1, 3) else part for index, part in enumerate(parts))


class Judge:
    def __init__(self, prism: Prism, headers: dict[str, str]) -> None:
        self.prism = prism
        self.headers = headers
        self.seen: Counter[str] = Counter()
        self.held = 0
        self.failed: list[str] = []

    def fail(self, what: str, answer: Answer) -> None:
        self.failed.append(what)
        print(f"  FAILED  {what}: {answer.status}")
        for violation in answer.violations()[:5] or [{"message": json.dumps(answer.body)[:600]}]:
            print(f"          {json.dumps(violation)[:400]}")

    def canary(self, method: str, path: str, body: Any) -> None:
        what = f"canary {operation(method, path)}"
        answer = self.prism.call(method, path, self.headers, body)
        if answer.status == 422 and answer.violations():
            self.held += 1
        else:
            self.fail(what, answer)

    def call(self, method: str, path: str, body: Any = None, wanted: int = 200, **headers: str) -> Any:
        self.seen[operation(method, path)] += 1
        answer = self.prism.call(method, path, self.headers | {k.replace("_", "-"): v for k, v in headers.items()}, body)
        if answer.status == wanted and not answer.violations():
            self.held += 1
        else:
            self.fail(f"{operation(method, path)} wants {wanted}", answer)
        return answer.body

    def replay(self, line: dict) -> None:
        """A request that the bridge itself has sent. Only the request is judged: the stand-in here knows none of its ids."""
        path = line["path"] + (f"?{line['query']}" if line["query"] else "")
        kept = {k: v for k, v in line["headers"].items() if k.lower() in ("if-modified-since", "idempotency-key", "accept")}
        self.seen[operation(line["method"], path)] += 1
        answer = self.prism.call(line["method"], path, self.headers | kept, line["body"])
        bad = [v for v in answer.violations() if "request" in json.dumps(v.get("location", "request"))]
        if bad:
            self.fail(f"{operation(line['method'], path)} as the bridge sends it", answer)
        else:
            self.held += 1

    def make(self, plural: str, record: dict) -> dict:
        """One record, made; an empty one if that failed, which was told."""
        path = f"{plural}?summarizeErrors=false&unitdp=4"
        body = self.call("PUT", path, {plural.split("/")[-1]: [record]}, Idempotency_Key=f"{plural}-{time.time_ns()}")
        rows = body.get(plural.split("/")[-1], [{}]) if isinstance(body, dict) else [{}]
        if rows[0].get("StatusAttributeString") == "ERROR":
            self.failed.append(plural)
            print(f"  FAILED  {plural}: {rows[0]['ValidationErrors']}")
        return rows[0]


def month(judge: Judge) -> None:
    """Every operation the bridge uses, once at least."""
    run = f"{time.time_ns():x}"
    day = "2026-03-04"
    judge.call("GET", "Organisation")
    accounts = {account["Code"]: account["AccountID"] for account in judge.call("GET", "Accounts")["Accounts"]}
    judge.call("GET", "TaxRates")
    judge.call("GET", "TrackingCategories")
    contact = judge.make("Contacts", {"Name": f"Halaxy {run}", "ContactNumber": f"HX-{run}"})
    who = {"ContactID": contact["ContactID"]}
    update = {"ContactNumber": f"HX-{run}", "EmailAddress": "who@example.org", "ContactStatus": "ACTIVE"}
    judge.call("POST", "Contacts?summarizeErrors=false", {"Contacts": [update]})
    judge.call("GET", "Contacts?includeArchived=true&page=1&pageSize=500", If_Modified_Since="2026-01-01T00:00:00Z")
    judge.call("GET", f"Contacts/{contact['ContactID']}")

    def line(amount: float, code: str, tax: str, tax_amount: float) -> dict:
        return {
            "Description": "Consultation", "Quantity": 1, "UnitAmount": amount, "LineAmount": amount, "TaxAmount": tax_amount,
            "AccountCode": code, "TaxType": tax,
            "Tracking": [{"Name": "Practitioner", "Option": "Dr Alder"}, {"Name": "Location", "Option": "Online"}],
        }

    def document(kind: str, number: str, *lines: dict) -> dict:
        name = "InvoiceNumber" if kind == "ACCREC" else "CreditNoteNumber"
        due = {"DueDate": day} if kind == "ACCREC" else {}
        return {
            "Type": kind, "Status": "AUTHORISED", name: number, "Reference": "Served 2026-03-01", "Contact": who, "Date": day,
            "CurrencyCode": "AUD", "LineAmountTypes": "Exclusive", "LineItems": list(lines),
        } | due

    free, taxed = line(180.55, "200", "EXEMPTOUTPUT", 0), line(99.95, "201", "OUTPUT", 10.0)
    invoice = judge.make("Invoices", document("ACCREC", f"HX-{run}-1", free, taxed))
    spare = judge.make("Invoices", document("ACCREC", f"HX-{run}-2", free))
    void = {"Invoices": [{"InvoiceID": spare["InvoiceID"], "Status": "VOIDED"}]}
    judge.call("POST", f"Invoices/{spare['InvoiceID']}", void)
    due = {"Invoices": [{"InvoiceID": invoice["InvoiceID"], "DueDate": "2026-03-31", "SentToContact": True}]}
    judge.call("POST", "Invoices?unitdp=4", due)
    judge.call("GET", f"Invoices?InvoiceNumbers=HX-{run}-1,HX-{run}-2&page=1&pageSize=100&unitdp=4")
    where = urllib.parse.quote('Type=="ACCREC"')
    judge.call("GET", f"Invoices?where={where}&page=1&pageSize=500", If_Modified_Since="2026-01-01T00:00:00Z")
    judge.call("GET", f"Invoices/{invoice['InvoiceID']}?unitdp=4")
    # Refusals have the vendor's shape as well, for the whole call and for one element of it.
    clash = {"Invoices": [document("ACCREC", f"HX-{run}-1", free)]}
    judge.call("PUT", "Invoices", clash, wanted=400)
    judge.call("PUT", "Invoices?summarizeErrors=false", clash)

    def payment(of: str, record: str, amount: float, code: str = "651") -> dict:
        return {
            of: {f"{of}ID": record}, "Account": {"AccountID": accounts[code]}, "Date": day, "Amount": amount, "Reference": run,
        }

    paid = judge.make("Payments", payment("Invoice", invoice["InvoiceID"], 90.55))
    judge.call("PUT", "Payments", {"Payments": [payment("Invoice", invoice["InvoiceID"], 9_000)]}, wanted=400)
    wrong = judge.make("Payments", payment("Invoice", invoice["InvoiceID"], 1.05, "652"))
    judge.call("POST", f"Payments/{wrong['PaymentID']}", {"Status": "DELETED"})
    judge.call("GET", f"Payments?where={urllib.parse.quote(f'Reference==%{run}%'.replace('%', chr(34)))}&page=1&pageSize=100")
    judge.call("GET", f"Payments/{paid['PaymentID']}")

    def allocations(plural: str, record: str, amount: float) -> None:
        set_off = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": day}
        done = judge.make(f"{plural}/{record}/Allocations", set_off)
        judge.call("DELETE", f"{plural}/{record}/Allocations/{done['AllocationID']}")
        judge.make(f"{plural}/{record}/Allocations", set_off)

    note = judge.make("CreditNotes", document("ACCRECCREDIT", f"HX-{run}-C", taxed))
    allocations("CreditNotes", note["CreditNoteID"], 50.5)
    judge.make("Payments", payment("CreditNote", note["CreditNoteID"], 9.45))
    spare = judge.make("CreditNotes", document("ACCRECCREDIT", f"HX-{run}-D", free))
    void = {"CreditNotes": [{"CreditNoteID": spare["CreditNoteID"], "Status": "VOIDED"}]}
    judge.call("POST", f"CreditNotes/{spare['CreditNoteID']}", void)
    judge.call("GET", "CreditNotes?page=1&pageSize=500&unitdp=4")
    judge.call("GET", f"CreditNotes/{note['CreditNoteID']}")

    def received(kind: str, item: dict, amounts: str) -> dict:
        return judge.make("BankTransactions", {
            "Type": kind, "Contact": who, "BankAccount": {"AccountID": accounts["090"]}, "Date": day, "CurrencyCode": "AUD",
            "LineAmountTypes": amounts, "LineItems": [item],
        })

    pre = received("RECEIVE-PREPAYMENT", line(44.5, "850", "BASEXCLUDED", 0), "Exclusive")
    allocations("Prepayments", pre["PrepaymentID"], 30.25)
    judge.make("Payments", payment("Prepayment", pre["PrepaymentID"], 14.25, "090"))
    over = received("RECEIVE-OVERPAYMENT", {"Description": "Too much", "Quantity": 1, "UnitAmount": 12.5}, "NoTax")
    allocations("Overpayments", over["OverpaymentID"], 12.0)
    judge.make("Payments", payment("Overpayment", over["OverpaymentID"], 0.5, "090"))
    received("SPEND", line(2.2, "405", "INPUT", 0.22), "Exclusive")
    for plural in ("Prepayments", "Overpayments", "BankTransactions"):
        judge.call("GET", f"{plural}?page=1&pageSize=500")
    judge.call("GET", f"Prepayments/{pre['PrepaymentID']}")
    judge.call("GET", f"Overpayments/{over['OverpaymentID']}")

    lines = [
        {"LineAmount": 9.5, "AccountCode": "405", "TaxType": "EXEMPTEXPENSES", "Description": "Fees"},
        {"LineAmount": -9.5, "AccountCode": "651", "TaxType": "BASEXCLUDED"},
    ]
    journal = judge.make("ManualJournals", {
        "Narration": f"HX-{run} fees", "Date": day, "Status": "POSTED", "LineAmountTypes": "Exclusive", "JournalLines": lines,
    })
    void = {"ManualJournals": [{
        "ManualJournalID": journal["ManualJournalID"], "Narration": f"HX-{run} fees", "Status": "VOIDED",
    }]}
    judge.call("POST", f"ManualJournals/{journal['ManualJournalID']}", void)
    judge.call("GET", "ManualJournals?page=1&pageSize=100")
    judge.call("GET", f"Invoices/{invoice['InvoiceID']}?unitdp=4")


def answers_are_checked(program: Path, flat: Path) -> bool:
    """The canary of answers: a broken one of each kind must not pass."""
    broken = {
        "/Invoices": {"Invoices": [{"Status": "HALF"}]},
        "/Payments": {"Payments": [{"Amount": "1.00"}]},
        "/CreditNotes": {"CreditNotes": [{"CreditNoteID": "none"}]},
        "/Contacts": {"Contacts": [{"Name": "A" * 256}]},
    }

    class Hollow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(broken[self.path]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hollow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    headers = {"authorization": "Bearer any", "xero-tenant-id": NOBODY, "accept": "application/json"}
    with Prism(program, flat, f"http://127.0.0.1:{server.server_port}") as prism:
        passed = [path for path in broken if not prism.call("GET", path[1:], headers).violations()]
    server.shutdown()
    for path in passed:
        print(f"  FAILED  canary: a broken answer passed at {path}")
    return not passed


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        endpoints = json.load(file)
    specs, program, work = Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    books = endpoints["books"]
    flat = work / "xero_accounting.json"
    flatten(specs / "tools/flatten_spec.py", specs / "xero/xero_accounting.yaml", flat, PATHS)
    form = urllib.parse.urlencode(
        {"grant_type": "client_credentials", "client_id": books["client_id"], "client_secret": books["client_secret"]}
    )
    with urllib.request.urlopen(books["token_url"], form.encode()) as answer:
        token = json.load(answer)["access_token"]
    mode = urllib.request.Request(
        f"{endpoints['control_url']}/manners", b'{"mode":"polite"}', {"content-type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(mode).close()
    headers = {
        "authorization": f"Bearer {token}", "xero-tenant-id": books["tenant_id"],
        "accept": "application/json", "content-type": "application/json",
    }
    print("The accounting stand-in and requests like the bridge's against the vendor's OpenAPI file")
    if not answers_are_checked(program, flat):
        return 1
    with Prism(program, flat, books["base_url"]) as prism:
        judge = Judge(prism, headers)
        for canary in CANARIES:
            judge.canary(*canary)
        if not judge.failed:
            month(judge)
        with open(sys.argv[5], encoding="utf-8") as lines:
            sent = [json.loads(text) for text in lines]
        for line in sent:
            judge.replay(line)
        print(f"  {len(sent)} requests of a posted month, as the bridge sent them")
        if not sent:
            judge.failed.append("no request was recorded")
    with_body = {name for name in judge.seen if name.split(" ")[0] in ("PUT", "POST")}
    for name in sorted(with_body - {operation(method, path) for method, path, _ in CANARIES}):
        judge.failed.append(name)
        print(f"  FAILED  {name} has no canary: whether its bodies were checked is not known")
    print(f"  {len(judge.seen)} operations, {sum(judge.seen.values())} calls, {len(CANARIES)} canaries of requests, 4 of answers")
    print(f"{judge.held} held, {len(judge.failed)} failed")
    return 0 if judge.held and not judge.failed else 1


if __name__ == "__main__":
    sys.exit(main())
