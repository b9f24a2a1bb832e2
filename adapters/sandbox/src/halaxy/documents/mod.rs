//! Everything of Halaxy but patients that the stand-in holds: appointments, schedules, invoices, their lines, payments,
//! fees, claim details, referrals, notes, organisations and practitioners (halaxy-api.md 7.2-7.9). One store serves them all; what differs between
//! kinds is a row of [`kinds`].

mod account;
mod booking;
mod calendar;
pub(crate) mod kinds;
mod people;
mod search;
mod shape;
mod store;
mod writes;

use rand::RngExt;
use serde_json::{Value, json};

use self::kinds::Kind;
pub(crate) use self::store::Documents;
use super::Halaxy;
use super::bundle::{fhir, outcome, outcome_body, searchset};
use super::search::{BadSearch, Page, Search};
use super::switches::GoneAnswer;
use crate::answer::{Answer, Call, Context};

impl Halaxy {
    /// A page of a search over documents.
    pub(super) fn list_documents(&mut self, kind: &'static Kind, call: &Call, cx: &mut Context<'_>) -> Answer {
        let unreadable = |BadSearch { status, parameter }: BadSearch| {
            outcome(status, "invalid", "the parameter cannot be read", &parameter)
        };
        let search = match Search::parse(call, &self.switches) {
            Ok(search) => search,
            Err(bad) => return unreadable(bad),
        };
        let filters = match search::filters(kind, call, &self.switches) {
            Ok(filters) => filters,
            Err(bad) => return unreadable(bad),
        };
        let mut note = None;
        let shelf = self.documents.shelf_mut(kind);
        if search.page > 1 && shelf.len() > 1 && cx.chance(f64::from(self.switches.touch_percent) / 100.0) {
            let nth = cx.rng.random_range(0..shelf.len());
            shelf.touch(nth, cx.now);
            note = Some("rows moved between pages");
        }
        let (rows, total) = search::run(
            kind,
            self.documents.shelf(kind),
            call,
            &search,
            &filters,
            &self.switches,
        );
        let shelf = self.documents.shelf(kind);
        let shown = rows
            .iter()
            .filter_map(|row| shelf.row(*row))
            .map(|document| shape::shown(kind, document, &call.base, &self.switches));
        let page = Page { ids: Vec::new(), total };
        let mut bundle = searchset(call, cx, &search, &page, shown.collect());
        if search.rows && self.drawn(self.switches.warning_percent, cx) {
            let mut warning = outcome_body("warning", "too-costly", "the search was costly", "");
            warning["id"] = "warning".into();
            let entry = json!({"resource": warning, "search": {"mode": "outcome"}});
            match bundle.get_mut("entry").and_then(Value::as_array_mut) {
                Some(entries) => entries.insert(0, entry),
                None => bundle["entry"] = json!([entry]),
            }
        }
        let mut answer = fhir(200, bundle);
        answer.note = note;
        answer
    }

    /// A document by its id.
    pub(super) fn read_document(&self, kind: &'static Kind, id: &str, call: &Call) -> Answer {
        let shelf = self.documents.shelf(kind);
        match shelf.find(id) {
            Some(document) if !document.removed => {
                self.tagged(fhir(200, shape::shown(kind, document, &call.base, &self.switches)))
            }
            Some(_) if self.switches.removed == GoneAnswer::Gone => {
                outcome(410, "deleted", "the record was removed", "")
            }
            _ => outcome(404, "not-found", "no such record", ""),
        }
    }
}
