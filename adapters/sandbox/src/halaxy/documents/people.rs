//! What people do with invoices, payments and the rest in Halaxy, and what the control API shows of it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::account::Totals;
use super::kinds::{APPOINTMENT, INVOICE, Kind, LINE, PAYMENT, kind};
use super::shape;
use super::store::{OWN, invoice_of};
use crate::answer::Context;
use crate::clock::{practice_instant, span_of};
use crate::control::ControlError;
use crate::halaxy::Halaxy;

/// Totals follow from lines and payments; nobody types them in.
const TOTALS: [&str; 5] = ["totalNet", "totalTax", "totalGross", "totalPaid", "totalBalance"];

impl Halaxy {
    /// Every document of a kind as the product shows it; removed ones only if asked, marked `"removed": true`.
    pub fn document_records(&self, kind: &'static Kind, base: &str, with_removed: bool) -> Vec<Value> {
        let rows = self.documents.shelf(kind).rows().iter();
        rows.filter(|document| with_removed || !document.removed)
            .map(|document| {
                let mut shown = shape::shown(kind, document, base, &self.switches);
                if document.removed {
                    shown["removed"] = true.into();
                }
                shown
            })
            .collect()
    }

    /// One live document as the product shows it.
    pub fn document_record(&self, kind: &'static Kind, id: &str, base: &str) -> Option<Value> {
        let document = self
            .documents
            .shelf(kind)
            .find(id)
            .filter(|document| !document.removed)?;
        Some(shape::shown(kind, document, base, &self.switches))
    }

    /// A person makes a document; an `id` in the body is taken if it is free. Gives its id, and the invoice whose
    /// totals moved.
    pub fn document_create(
        &mut self,
        kind: &'static Kind,
        body: &Value,
        cx: &mut Context<'_>,
    ) -> Result<(String, Option<String>), ControlError> {
        let id = match body["id"].as_str() {
            Some(id) => id.to_owned(),
            None => self.documents.next_id(kind),
        };
        if kind.place == INVOICE.place {
            no_totals(body)?;
        }
        let mut kept = body.clone();
        if kind.dated && kept["created"].is_null() {
            kept["created"] = practice_instant(cx.now, false).into();
        }
        let said = kept["created"].as_str().and_then(span_of).filter(|_| kind.dated);
        let made = said.map_or(cx.now, |(first, _)| first);
        self.put(kind, &id, &kept, made, cx.now)?;
        let invoice = invoice_of(kind, &kept).map(str::to_owned);
        match &invoice {
            Some(invoice) => drop(
                self.documents
                    .settle(invoice, cx.now, self.switches.children_move_invoice),
            ),
            None if kind.place == INVOICE.place => drop(self.documents.settle(&id, cx.now, true)),
            None => {}
        }
        Ok((id, invoice))
    }

    /// Puts resources in as they have been for a while, ids and stamps as they show them. Totals of invoices are
    /// computed where they are missing, and must agree with lines and payments where they are given.
    pub fn document_load(&mut self, resources: &[Value], now: i64) -> Result<(), ControlError> {
        let mut totals: HashMap<&str, Totals> = HashMap::new();
        for resource in resources {
            let invoice = resource["invoice"]["reference"]
                .as_str()
                .and_then(|text| text.rsplit('/').next());
            match (invoice, resource["resourceType"].as_str()) {
                (Some(invoice), Some("InvoiceLine")) => totals.entry(invoice).or_default().add_line(resource),
                (Some(invoice), Some("PaymentTransaction")) => totals.entry(invoice).or_default().add_row(resource),
                _ => {}
            }
        }
        for resource in resources {
            let name = resource["resourceType"].as_str().unwrap_or_default();
            let kind = kind(name).ok_or(ControlError::NotFound)?;
            let id = match resource["id"].as_str() {
                Some(id) => id.to_owned(),
                None => self.documents.next_id(kind),
            };
            let stamp = |value: &Value| value.as_str().and_then(span_of).map(|(first, _)| first);
            let updated = stamp(&resource["meta"]["lastUpdated"]);
            let created = stamp(&resource["created"]).or(updated).unwrap_or(now);
            let updated = updated.unwrap_or(created);
            if kind.place != INVOICE.place {
                self.put(kind, &id, resource, created, updated)?;
                continue;
            }
            let currency = resource["totalGross"]
                .get("currency")
                .cloned()
                .unwrap_or_else(|| "AUD".into());
            let of = totals.remove(id.as_str()).unwrap_or_default();
            if resource["totalGross"].is_null() {
                let mut body = resource.clone();
                of.write(&mut body, &currency);
                self.put(kind, &id, &body, created, updated)?;
                continue;
            }
            if of
                .shown(&currency)
                .into_iter()
                .any(|(member, total)| resource[member] != total)
            {
                let text = format!("the totals of Invoice {id} are not those of its lines and payments");
                return Err(ControlError::Refused(text));
            }
            self.put(kind, &id, resource, created, updated)?;
        }
        // What is left came for invoices that were there before.
        for invoice in totals.into_keys() {
            self.documents.settle(invoice, now, false);
        }
        Ok(())
    }

    fn put(
        &mut self,
        kind: &'static Kind,
        id: &str,
        body: &Value,
        created: i64,
        updated: i64,
    ) -> Result<(), ControlError> {
        check(kind, body)?;
        let added = if shape::is_relative(body) {
            self.documents.add(kind, id, body, created, updated)
        } else {
            let mut body = body.clone();
            shape::relative(&mut body);
            self.documents.add(kind, id, &body, created, updated)
        };
        if !added {
            return Err(ControlError::Conflict("that id is taken".into()));
        }
        Ok(())
    }

    /// A person changes a document by a merge-patch. Gives the invoices whose totals moved.
    pub fn document_edit(
        &mut self,
        kind: &'static Kind,
        id: &str,
        patch: &Value,
        cx: &mut Context<'_>,
    ) -> Result<Vec<String>, ControlError> {
        let before = self.documents.body(kind, id).ok_or(ControlError::NotFound)?;
        let mut patch = patch.clone();
        if let Some(members) = patch.as_object_mut() {
            for own in OWN {
                members.shift_remove(own);
            }
        }
        if kind.place == INVOICE.place {
            no_totals(&patch)?;
        }
        let mut after = before.clone();
        crate::patch::merge(&mut after, &patch);
        shape::relative(&mut after);
        check(kind, &after)?;
        let quiet = kind.place == APPOINTMENT.place
            && !self.switches.status_moves_appointment
            && ["start", "end"].iter().all(|member| before[*member] == after[*member]);
        self.documents.store(kind, id, &after, cx.now, !quiet);
        let moves = self.switches.children_move_invoice;
        let ended = |word: &str| kind.place == INVOICE.place && after["status"] == word && before["status"] != word;
        // Cancelling an invoice voids its lines; writing it off gives up all that is charged on it.
        let of_lines = if ended("cancelled") {
            Some("voided")
        } else if ended("write-off") {
            Some("write-off")
        } else {
            None
        };
        if let Some(status) = of_lines {
            self.lines_become(id, status, cx.now);
        }
        let mut invoices: Vec<String> = vec![];
        invoices.extend(invoice_of(kind, &before).map(str::to_owned));
        invoices.extend(invoice_of(kind, &after).map(str::to_owned));
        if kind.place == INVOICE.place {
            invoices.push(id.to_owned());
        }
        invoices.dedup();
        for invoice in &invoices {
            self.documents.settle(invoice, cx.now, moves);
        }
        Ok(invoices)
    }

    fn lines_become(&mut self, invoice: &str, status: &str, now: i64) {
        for (line, mut body) in self.documents.of_invoice(invoice, LINE) {
            if !matches!(body["status"].as_str(), Some("voided" | "unassigned")) {
                body["status"] = status.into();
                self.documents.store(LINE, &line, &body, now, true);
            }
        }
    }

    /// A person removes a document; an invoice goes with its lines, and its payments are the payer's credit again.
    /// Gives the invoice whose totals moved.
    pub fn document_delete(&mut self, kind: &'static Kind, id: &str, now: i64) -> Result<Option<String>, ControlError> {
        let before = self.documents.body(kind, id).ok_or(ControlError::NotFound)?;
        if kind.place == INVOICE.place {
            for (line, _) in self.documents.of_invoice(id, LINE) {
                self.documents.remove(LINE, &line);
            }
            for (row, mut body) in self.documents.of_invoice(id, PAYMENT) {
                body["invoice"] = Value::Null;
                self.documents.store(PAYMENT, &row, &body, now, true);
            }
        }
        self.documents.remove(kind, id);
        let invoice = invoice_of(kind, &before).map(str::to_owned);
        if let Some(invoice) = &invoice {
            self.documents.settle(invoice, now, self.switches.children_move_invoice);
        }
        Ok(invoice)
    }
}

fn no_totals(body: &Value) -> Result<(), ControlError> {
    match TOTALS.into_iter().find(|member| body.get(*member).is_some()) {
        Some(member) => Err(ControlError::Refused(format!(
            "{member} follows from lines and payments"
        ))),
        None => Ok(()),
    }
}

/// What Halaxy's screens would not take.
fn check(kind: &Kind, body: &Value) -> Result<(), ControlError> {
    let refuse = |text: &str| Err(ControlError::Refused(format!("{}: {text}", kind.name)));
    let typed = |member: &str, kinds: &[&str]| {
        let reference = body[member]["reference"].as_str().unwrap_or_default();
        let said = reference.rsplit('/').nth(1).unwrap_or_default();
        kinds.contains(&said)
    };
    let amounts = |member: &str| {
        body[member].as_array().is_some_and(|parts| {
            let good = |part: &Value| part["amount"]["value"].is_number() && part["type"].is_string();
            parts.iter().all(good)
        })
    };
    if kind.place == INVOICE.place {
        if !typed("recipient", &["Patient", "Organization"]) {
            return refuse("recipient is a Patient or an Organization");
        }
        if !body["date"].as_str().is_some_and(crate::clock::is_date) {
            return refuse("date is YYYY-MM-DD");
        }
    } else if kind.place == LINE.place {
        if !body["quantity"].is_number() || !amounts("unitPriceComponent") {
            return refuse("a line has a quantity and unitPriceComponent");
        }
    } else if kind.place == PAYMENT.place {
        let words = |member: &str| body[member].as_array().is_some_and(|list| !list.is_empty());
        if !amounts("priceComponent") || !words("type") || !words("method") {
            return refuse("a payment has priceComponent, type and method");
        }
    }
    let of_kind = body.get("resourceType").is_none_or(|name| *name == json!(kind.name));
    if of_kind {
        Ok(())
    } else {
        refuse("resourceType is another")
    }
}
