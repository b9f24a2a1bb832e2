"""The vendor's own Python client, unchanged, against the accounting stand-in.

Usage: python xero_sdk.py ENDPOINTS.json     (what `halaxy-bridge sandbox --json` prints)

The client is strict: dates in another spelling, nulls in lists, unknown enumerations and texts that are too long raise.
So a call that passes proves the shape; the values that the bridge relies on are asserted here besides.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    BankTransaction,
    BankTransactions,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    CurrencyCode,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
    LineItemTracking,
    ManualJournal,
    ManualJournalLine,
    ManualJournals,
    Overpayment,
    Payment,
    PaymentDelete,
    Payments,
    Prepayment,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

AMOUNT = Decimal
DAY = dt.date(2026, 3, 4)
held = 0
failed: list[str] = []


def judge(what: str, how: Callable[[], None]) -> None:
    """Runs one judgement; a failed one is told and noted, and the next ones still run."""
    global held
    began = time.monotonic()
    try:
        how()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is a judgement that failed
        failed.append(what)
        print(f"  FAILED  {what}\n          {type(error).__name__}: {error}")
        return
    held += 1
    print(f"  ok      {what} ({(time.monotonic() - began) * 1000:.0f} ms)")


def refusal(call: Callable[[], Any]) -> str:
    """The first message of a refusal; fails if there is none."""
    try:
        call()
    except AccountingBadRequestException as error:
        return str(error)
    raise AssertionError("a refusal was expected")


with open(sys.argv[1], encoding="utf-8") as file:
    endpoints = json.load(file)
books, control = endpoints["books"], endpoints["control_url"]
tenant = books["tenant_id"]
root = books["connections_url"].removesuffix("/connections")
run = f"{time.time_ns():x}"


def put(path: str, body: Any, method: str = "POST") -> Any:
    """A person, or the test, acts through the control API."""
    request = urllib.request.Request(
        f"{control}/{path}", json.dumps(body).encode(), {"content-type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def look(path: str) -> Any:
    with urllib.request.urlopen(f"{control}/{path}") as answer:
        return json.load(answer)


TokenApi.refresh_token_url = TokenApi.client_credentials_token_url = books["token_url"]
TokenApi.revoke_token_url = f"{root}/connect/revocation"


def client(base: str = books["base_url"]) -> tuple[AccountingApi, IdentityApi, dict]:
    """The client with a token that has expired, so that its first call refreshes it."""
    store = {
        "token": {
            "access_token": "expired",
            "refresh_token": books["refresh_token"],
            "scope": ["offline_access", "accounting.invoices"],
            "expires_in": 1800,
            "expires_at": 1,
            "token_type": "Bearer",
        }
    }
    own = OAuth2Token(client_id=books["client_id"], client_secret=books["client_secret"])
    api_client = ApiClient(
        Configuration(oauth2_token=own),
        oauth2_token_getter=lambda: store["token"],
        oauth2_token_saver=lambda token: store.update(token=token),
    )
    return AccountingApi(api_client, base_url=base), IdentityApi(api_client, base_url=root), store


api, identity, store = client()


def line(amount: str, code: str = "200", **more: Any) -> LineItem:
    return LineItem(description="Service", quantity=AMOUNT(1), unit_amount=AMOUNT(amount), account_code=code, **more)


def invoice(contact: Contact, amount: str, **more: Any) -> Invoice:
    members = {
        "type": "ACCREC", "contact": Contact(contact_id=contact.contact_id), "date": DAY, "due_date": DAY,
        "line_amount_types": LineAmountTypes.EXCLUSIVE, "status": "AUTHORISED", "line_items": [line(amount)],
    }
    return Invoice(**(members | more))


def make_contact(who: str) -> Contact:
    sent = Contact(name=f"{who} {run}", contact_number=f"HX-{who}-{run}")
    return api.create_contacts(tenant, Contacts(contacts=[sent])).contacts[0]


def make_invoice(contact: Contact, amount: str, **more: Any) -> Invoice:
    sent = Invoices(invoices=[invoice(contact, amount, **more)])
    return api.create_invoices(tenant, sent, unitdp=4).invoices[0]


def make_payment(amount: str, code: str = "651", **of: Any) -> Payment:
    sent = Payment(account=Account(code=code), date=DAY, amount=AMOUNT(amount), **of)
    return api.create_payments(tenant, Payments(payments=[sent])).payments[0]


def set_off(target: Invoice, amount: str) -> Allocations:
    sent = Allocation(invoice=Invoice(invoice_id=target.invoice_id), amount=AMOUNT(amount), date=DAY)
    return Allocations(allocations=[sent])


def again(target: Invoice) -> Invoice:
    return api.get_invoice(tenant, target.invoice_id).invoices[0]


def canary() -> None:
    """The client refuses what it should, so that what it takes says something."""
    bodies = [b'{"Invoices":[{"Date":"2026-03-04"}]}', b'{"Invoices":null}', b'{"Invoices":[{"Status":"HALF"}]}']

    class Hollow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.pop()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hollow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hollow, _, own = client(f"http://127.0.0.1:{server.server_port}")
    own["token"]["expires_at"] = time.time() + 1_000
    refused = 0
    for _ in range(3):
        try:
            hollow.get_invoices(tenant)
        except (ValueError, TypeError, AttributeError):
            refused += 1
    server.shutdown()
    assert refused == 3, f"the client refused {refused} of 3 broken answers"


def signing_in() -> None:
    found = identity.get_connections()
    assert [one.tenant_id for one in found] == [tenant], found
    assert found[0].tenant_type == "ORGANISATION"
    assert store["token"]["refresh_token"] != books["refresh_token"], "refresh tokens are used once"
    assert store["token"]["expires_in"] == 1800


def settings() -> None:
    own = api.get_organisations(tenant).organisations[0]
    assert (str(own.base_currency), str(own.country_code)) in {("AUD", "AU"), ("CurrencyCode.AUD", "CountryCode.AU")}
    accounts = {account.code: account for account in api.get_accounts(tenant).accounts}
    assert accounts["610"].system_account == "DEBTORS" and accounts["651"].enable_payments_to_account
    assert accounts["299"].status == "ARCHIVED"
    rates = {rate.tax_type: rate.effective_rate for rate in api.get_tax_rates(tenant).tax_rates}
    assert rates["OUTPUT"] == 10 and rates["EXEMPTOUTPUT"] == 0 and "BASEXCLUDED" in rates
    categories = api.get_tracking_categories(tenant).tracking_categories
    assert len(categories) == 2 and all(category.options for category in categories)


def contacts() -> None:
    made = make_contact("Contacts")
    message = refusal(lambda: api.create_contacts(tenant, Contacts(contacts=[Contact(name=made.name)])))
    assert "must be unique" in message, message
    changed = Contact(contact_number=made.contact_number, name=f"Renamed {run}", email_address="who@example.org")
    same = api.update_or_create_contacts(tenant, Contacts(contacts=[changed])).contacts[0]
    assert (same.contact_id, same.name) == (made.contact_id, f"Renamed {run}")
    archived = Contact(contact_id=made.contact_id, contact_status="ARCHIVED")
    api.update_or_create_contacts(tenant, Contacts(contacts=[archived]))
    shown = api.get_contacts(tenant, i_ds=[made.contact_id]).contacts
    assert shown == [], "archived contacts are listed on demand only"
    shown = api.get_contacts(tenant, i_ds=[made.contact_id], include_archived=True, page=1).contacts
    assert shown[0].contact_status == "ARCHIVED" and shown[0].email_address == "who@example.org"
    late = Contacts(contacts=[Contact(name=f"Renamed {run}")])
    assert "must be unique" in refusal(lambda: api.create_contacts(tenant, late))


def invoices() -> None:
    who = make_contact("Invoices")
    tracked = [LineItemTracking(name="Practitioner", option="Dr Alder"), LineItemTracking(name="Location", option="Online")]
    made = make_invoice(
        who, "33.3333", invoice_number=f"HX-{run}", reference="R-1",
        line_items=[line("33.3333", "201", tracking=tracked), line("10.05", "201"), line("0.05", "202")],
    )
    assert made.line_items[0].unit_amount == AMOUNT("33.3333")
    assert (made.sub_total, made.total_tax, made.total) == (AMOUNT("43.43"), AMOUNT("4.35"), AMOUNT("47.78"))
    assert made.date == DAY and made.status == "AUTHORISED" and len(made.line_items[0].tracking) == 2
    message = refusal(lambda: make_invoice(who, "1", invoice_number=f"HX-{run}"))
    assert message.count("must be unique") >= 1, message
    found = api.get_invoices(tenant, invoice_numbers=[f"HX-{run}"], page=1, page_size=10)
    assert found.pagination.item_count == 1 and len(found.invoices[0].line_items) == 3
    found = api.get_invoices(tenant, where=f'InvoiceNumber=="HX-{run}" AND Date==DateTime(2026,03,04)')
    assert [one.invoice_id for one in found.invoices] == [made.invoice_id] and found.invoices[0].line_items == []
    soon = dt.datetime.now(dt.timezone.utc) + dt.timedelta(hours=1)
    assert api.get_invoices(tenant, soon, page=1).invoices == []
    since = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=1)
    assert any(one.invoice_id == made.invoice_id for one in api.get_invoices(tenant, since, page=1).invoices)
    sent = [invoice(who, "5"), invoice(who, "5", line_items=[line("5", "999")])]
    some = api.create_invoices(tenant, Invoices(invoices=sent), summarize_errors=False).invoices
    assert [one.status_attribute_string for one in some] == ["OK", "ERROR"]
    assert "999" in some[1].validation_errors[0].message
    voided = Invoices(invoices=[Invoice(invoice_id=some[0].invoice_id, status="VOIDED")])
    assert api.update_invoice(tenant, some[0].invoice_id, voided).invoices[0].status == "VOIDED"
    message = refusal(lambda: make_invoice(who, "1", currency_code=CurrencyCode.USD))
    assert "not subscribed to currency" in message, message


def payments() -> None:
    due = make_invoice(make_contact("Payments"), "80")
    of = {"invoice": Invoice(invoice_id=due.invoice_id)}
    assert "exceeds the amount" in refusal(lambda: make_payment("80.01", **of))
    assert refusal(lambda: make_payment("1", "200", **of))
    first = make_payment("30", reference=f"HX:{run}", **of)
    assert (first.payment_type, first.invoice.amount_due) == ("ACCRECPAYMENT", AMOUNT("50"))
    bare = Payment(account=Account(code="090"), date=DAY, amount=AMOUNT("50"), **of)
    api.create_payment(tenant, bare)
    paid = again(due)
    assert (paid.status, paid.amount_due, len(paid.payments)) == ("PAID", 0, 2)
    edited = Invoices(invoices=[Invoice(invoice_id=due.invoice_id, reference="changed")])
    assert "not of valid status" in refusal(lambda: api.update_invoice(tenant, due.invoice_id, edited))
    gone = api.delete_payment(tenant, first.payment_id, PaymentDelete(status="DELETED")).payments[0]
    assert gone.status == "DELETED" and again(due).amount_due == AMOUNT("30")
    found = api.get_payments(tenant, where=f'Reference=="HX:{run}"', page=1).payments
    assert [one.payment_id for one in found] == [first.payment_id]


def credits() -> None:
    who = make_contact("Credits")
    due = make_invoice(who, "100", line_items=[line("100", "201")])
    note = CreditNote(
        type="ACCRECCREDIT", contact=Contact(contact_id=who.contact_id), date=DAY, status="AUTHORISED",
        line_amount_types=LineAmountTypes.INCLUSIVE, line_items=[line("55", "201")],
    )
    note = api.create_credit_notes(tenant, CreditNotes(credit_notes=[note])).credit_notes[0]
    assert (note.total, note.total_tax, note.remaining_credit) == (55, 5, 55)
    done = api.create_credit_note_allocation(tenant, note.credit_note_id, set_off(due, "40")).allocations[0]
    assert done.amount == 40 and again(due).amount_due == 70
    message = refusal(lambda: api.create_credit_note_allocation(tenant, note.credit_note_id, set_off(due, "15.01")))
    assert "exceeds" in message, message
    refund = make_payment("15", credit_note=CreditNote(credit_note_id=note.credit_note_id))
    assert refund.payment_type == "ARCREDITPAYMENT"
    shown = api.get_credit_note(tenant, note.credit_note_id).credit_notes[0]
    assert (shown.status, shown.remaining_credit, shown.allocations[0].amount) == ("PAID", 0, 40)
    gone = api.delete_credit_note_allocations(tenant, note.credit_note_id, done.allocation_id)
    assert gone.is_deleted and again(due).amount_due == 110


def received(kind: str, who: Contact, amount: str, code: str | None) -> BankTransaction:
    sent = BankTransaction(
        type=kind, contact=Contact(contact_id=who.contact_id), bank_account=Account(code="090"), date=DAY,
        line_amount_types=LineAmountTypes.NOTAX,
        line_items=[LineItem(description="Ahead", quantity=AMOUNT(1), unit_amount=AMOUNT(amount), account_code=code)],
    )
    return api.create_bank_transactions(tenant, BankTransactions(bank_transactions=[sent])).bank_transactions[0]


def ahead() -> None:
    who = make_contact("Ahead")
    due = make_invoice(who, "100")
    pre = received("RECEIVE-PREPAYMENT", who, "60", "850")
    api.create_prepayment_allocations(tenant, pre.prepayment_id, set_off(due, "45"))
    shown = api.get_prepayment(tenant, pre.prepayment_id).prepayments[0]
    assert (shown.remaining_credit, shown.status, shown.allocations[0].amount) == (15, "AUTHORISED", 45)
    make_payment("15", prepayment=Prepayment(prepayment_id=pre.prepayment_id))
    assert api.get_prepayment(tenant, pre.prepayment_id).prepayments[0].status == "PAID"
    over = received("RECEIVE-OVERPAYMENT", who, "60", None)
    done = api.create_overpayment_allocations(tenant, over.overpayment_id, set_off(due, "55")).allocations[0]
    assert again(due).status == "PAID"
    assert any(one.overpayment_id == over.overpayment_id for one in api.get_overpayments(tenant, page=1).overpayments)
    assert again(due).overpayments[0].overpayment_id == over.overpayment_id
    gone = api.delete_overpayment_allocations(tenant, over.overpayment_id, done.allocation_id)
    assert gone.is_deleted and again(due).amount_due == 55
    make_payment("60", overpayment=Overpayment(overpayment_id=over.overpayment_id))
    spent = BankTransaction(type="SPEND", bank_account=Account(code="090"), date=DAY, line_items=[line("2.20", "405")])
    spent = api.create_bank_transactions(tenant, BankTransactions(bank_transactions=[spent])).bank_transactions[0]
    assert spent.total == AMOUNT("2.42")


def journals() -> None:
    lines = [ManualJournalLine(line_amount=AMOUNT(amount), account_code=code) for amount, code in (("9.5", "405"), ("-9.5", "651"))]
    sent = ManualJournal(narration="Fees", date=DAY, status="POSTED", journal_lines=lines)
    made = api.create_manual_journals(tenant, ManualJournals(manual_journals=[sent])).manual_journals[0]
    assert made.status == "POSTED" and made.journal_lines[1].line_amount == AMOUNT("-9.5")
    skew = ManualJournal(narration="Fees", date=DAY, status="POSTED", journal_lines=[*lines, lines[0]])
    assert refusal(lambda: api.create_manual_journals(tenant, ManualJournals(manual_journals=[skew])))
    debtors = [ManualJournalLine(line_amount=AMOUNT(amount), account_code=code) for amount, code in (("1", "610"), ("-1", "651"))]
    wrong = ManualJournal(narration="Debtors", date=DAY, status="POSTED", journal_lines=debtors)
    assert "610" in refusal(lambda: api.create_manual_journals(tenant, ManualJournals(manual_journals=[wrong])))


def locks() -> None:
    who = make_contact("Locks")
    put("records/books/organisation/any", {"PeriodLockDate": "2026-03-31"}, "PATCH")
    try:
        assert api.get_organisations(tenant).organisations[0].period_lock_date == dt.date(2026, 3, 31)
        message = refusal(lambda: make_invoice(who, "1"))
        assert "lock date" in message and "31-Mar-2026" in message, message
    finally:
        put("records/books/organisation/any", {"PeriodLockDate": None}, "PATCH")


def throttled() -> None:
    """The client repeats a PUT by itself after a 429: only its key keeps it from being done twice."""
    due = make_invoice(make_contact("Throttled"), "10")
    sent = Payment(
        account=Account(code="651"), date=DAY, amount=AMOUNT("1"), invoice=Invoice(invoice_id=due.invoice_id)
    )
    put("faults", {"system": "books", "fault": "status", "status": 429, "count": 1, "method": "PUT"})
    key = f"key-{run}"
    first = api.create_payments(tenant, Payments(payments=[sent]), idempotency_key=key).payments[0]
    second = api.create_payments(tenant, Payments(payments=[sent]), idempotency_key=key).payments[0]
    assert first.payment_id == second.payment_id and again(due).amount_paid == 1


def ledger() -> None:
    report = look("books/trial-balance")
    assert report["balanced"] is True and report["total_debit"] > 0
    debtors = next((row for row in report["accounts"] if row["code"] == "610"), {"debit": 0, "credit": 0})
    assert look("books/debtors")["total"] == debtors["debit"] - debtors["credit"]


print("Xero's Python client 15.2.0 against the stand-in")
put("manners", {"mode": "polite"})
judge("canary: broken answers do not pass the client", canary)
judge("sign-in: an expired token is refreshed once, and the organisation is found", signing_in)
judge("settings: organisation, accounts, tax rates, tracking", settings)
judge("contacts: unique by name and number, archived ones included", contacts)
judge("invoices: totals, pages, filters, single errors, voiding", invoices)
judge("payments: part, rest, deletion, and what is refused", payments)
judge("credit notes: allocation, refund, and taking back", credits)
judge("money ahead: prepayments and overpayments", ahead)
judge("manual journals: balanced, and never on the debtors' account", journals)
judge("lock dates are told and named", locks)
judge("a repeated payment with one key is one payment", throttled)
judge("the ledger balances, and debtors are what is due", ledger)
print(f"{held} held, {len(failed)} failed")
sys.exit(0 if held and not failed else 1)
