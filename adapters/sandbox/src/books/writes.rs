//! What the API writes: one element or many, each judged by itself.

use axum::http::Method;
use serde_json::{Value, json};

use super::documents::Detail;
use super::ledger::{Act, Kind, Ledger};
use super::lists::{envelope, kind_of, unit_dp};
use super::members::{elements, member, text};
use super::problem::Problem;
use super::{Books, act, dates};
use crate::answer::{Answer, Call};

/// What a write is about.
#[derive(Clone, Copy)]
struct Place<'a> {
    plural: &'a str,
    /// The record that the path names.
    named: Option<usize>,
    /// Whether elements may name records that are there already.
    may_update: bool,
    /// Elements are allocations of that record.
    allocations: bool,
}

impl Books {
    pub(super) fn write(
        &mut self,
        plural: &'static str,
        rest: &[&str],
        call: &Call,
        now: i64,
    ) -> Result<Answer, Problem> {
        let writable = !matches!(
            plural,
            "Organisation" | "Accounts" | "TaxRates" | "TrackingCategories" | "Prepayments" | "Overpayments"
        );
        let named = |name: &str| self.ledger.named(plural, name).ok_or(Problem::Missing);
        let creates = call.method == Method::PUT;
        let place = match (&call.method, rest) {
            (&Method::PUT | &Method::POST, []) if writable => Place {
                plural,
                named: None,
                may_update: !creates,
                allocations: false,
            },
            (&Method::POST, [name]) if writable => Place {
                plural,
                named: Some(named(name)?),
                may_update: true,
                allocations: false,
            },
            (&Method::PUT, [name, part]) if is_allocations(plural, part) => Place {
                plural: "Allocations",
                named: Some(named(name)?),
                may_update: false,
                allocations: true,
            },
            (&Method::DELETE, [name, part, id]) if is_allocations(plural, part) => {
                let credit = named(name)?;
                return self.delete_allocation(credit, id, now);
            }
            _ => return Err(Problem::Method),
        };
        let body = call.json().ok_or_else(|| Problem::body("The body is not JSON"))?;
        let sent = elements(&body, place.plural)
            .filter(|sent| !sent.is_empty())
            .ok_or_else(|| Problem::body(format!("The body must hold {} as objects", place.plural)))?;
        if sent.len() > self.switches.elements_per_call {
            return Err(Problem::of(format!(
                "At most {} elements are taken in one call",
                self.switches.elements_per_call
            )));
        }
        self.write_all(place, &sent, call, now)
    }

    fn delete_allocation(&mut self, credit: usize, id: &str, now: i64) -> Result<Answer, Problem> {
        let found = self.ledger.allocations.place(id);
        let place = found
            .filter(|place| self.ledger.allocations[*place].credit == credit)
            .ok_or(Problem::Missing)?;
        let mut act = act(&mut self.rng, now, 2, true, self.switches.passes_lock_dates);
        self.ledger.undo_allocation(place, &mut act)?;
        let shown = self.ledger.shown_allocation(&self.ledger.allocations[place], true);
        Ok(Answer::json(200, shown))
    }

    fn write_all(&mut self, place: Place<'_>, sent: &[Value], call: &Call, now: i64) -> Result<Answer, Problem> {
        let places = unit_dp(call);
        let summarized = !call
            .param("summarizeErrors")
            .is_some_and(|value| value.eq_ignore_ascii_case("false"));
        // Which of the two the product does is not told; the switch decides.
        let all_or_none = summarized && sent.len() > 1 && !self.switches.keeps_the_good_of_a_refused_call;
        let before = all_or_none.then(|| self.ledger.clone());
        let mut act = act(&mut self.rng, now, places, true, self.switches.passes_lock_dates);
        let mut shown = Vec::with_capacity(sent.len());
        let mut refused = Vec::new();
        for element in sent {
            match self.ledger.put(place, element, &mut act) {
                Ok(row) => {
                    let mut row = self.ledger.shown_after(place.plural, row, places);
                    if !summarized {
                        row["StatusAttributeString"] = json!("OK");
                    }
                    shown.push(row);
                }
                // One record that is not there is no matter of an element.
                Err(Problem::Missing) if sent.len() == 1 => return Err(Problem::Missing),
                Err(problem) => {
                    let echo = echo(element, &problem);
                    if summarized {
                        refused.push(echo);
                    } else {
                        let mut echo = echo;
                        echo["StatusAttributeString"] = json!("ERROR");
                        echo["HasErrors"] = json!(true);
                        shown.push(echo);
                    }
                }
            }
        }
        if !refused.is_empty() {
            if let Some(before) = before {
                self.ledger = before;
            }
            return Ok(Problem::of("").answer(refused));
        }
        let mut body = envelope(act.id(), now);
        body[place.plural] = Value::Array(shown);
        Ok(Answer::json(200, body))
    }
}

/// Whether a path below a credit is that of its allocations.
fn is_allocations(plural: &str, part: &str) -> bool {
    part.eq_ignore_ascii_case("Allocations") && kind_of(plural).is_some_and(|kind| kind != Kind::Invoice)
}

/// What was sent, as the product sends it back: dates in its spelling, no nulls, errors attached.
fn echo(sent: &Value, problem: &Problem) -> Value {
    let mut echo = sent.clone();
    if let Some(members) = echo.as_object_mut() {
        members.retain(|_, value| !value.is_null());
        for (name, value) in members.iter_mut() {
            if name.ends_with("Date")
                && let Some(date) = dates::read_day(value)
            {
                *value = dates::day(date);
            }
        }
        members.insert("ValidationErrors".to_owned(), problem.errors());
    }
    echo
}

impl Ledger {
    /// The place of a record that a path names.
    pub(super) fn named(&self, plural: &str, name: &str) -> Option<usize> {
        match plural {
            "Contacts" => self.contact(name),
            "Payments" => self.payments.place(name),
            "BankTransactions" => self.bank.place(name),
            "ManualJournals" => self.journals.place(name),
            _ => self.document(kind_of(plural)?, name),
        }
    }

    fn put(&mut self, place: Place<'_>, sent: &Value, act: &mut Act<'_>) -> Result<usize, Problem> {
        let Place {
            plural,
            named,
            may_update,
            allocations,
        } = place;
        if allocations {
            return self.make_allocation(named.ok_or(Problem::Missing)?, sent, act);
        }
        match plural {
            "Contacts" => self.put_contact(sent, named, may_update, act),
            "Payments" => {
                let asked = member(sent, "PaymentID").filter(|_| may_update);
                let found = match (named, asked) {
                    (Some(place), _) => Some(place),
                    (None, None) => None,
                    (None, Some(_)) => {
                        let id = text(sent, "PaymentID").unwrap_or_default();
                        Some(self.payments.place(&id).ok_or(Problem::Missing)?)
                    }
                };
                match found {
                    Some(place) => self.change_payment(place, sent, act),
                    None => self.make_payment(sent, act),
                }
            }
            "BankTransactions" => self.put_bank(sent, named, may_update, act),
            "ManualJournals" => self.put_journal(sent, named, may_update, act),
            _ => {
                let kind = kind_of(plural).ok_or(Problem::Missing)?;
                self.put_document(kind, sent, named, may_update, act)
            }
        }
    }

    /// A record as the answer to a write shows it.
    fn shown_after(&self, plural: &str, place: usize, unit_dp: u32) -> Value {
        let detail = Detail { lines: true, unit_dp };
        match plural {
            "Contacts" => self.shown_contact(place, true),
            "Payments" => self.shown_payment(place, true),
            "BankTransactions" => self.shown_bank(place, detail),
            "ManualJournals" => self.shown_journal(place, true),
            "Allocations" => self.shown_allocation(&self.allocations[place], true),
            _ => self.shown_document(place, detail),
        }
    }
}
