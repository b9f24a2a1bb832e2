//! An invented month of a busy practice, with books of its own to compare everything else with.
//!
//! ```
//! use adapter_sandbox::{Sandbox, SandboxOptions};
//! use adapter_sandbox::practice_month::{MonthOptions, PracticeMonth};
//!
//! let month = PracticeMonth::generate(&MonthOptions { invoices: 40, ..MonthOptions::default() });
//! let sandbox = Sandbox::new(SandboxOptions { patients: month.patients.clone(), ..SandboxOptions::default() });
//! month.load(&sandbox)?; // what stands at the end of the month
//! for act in &month.acts {
//!     act.perform(&sandbox)?; // what people do to it in the two weeks after
//! }
//! assert_eq!(sandbox.records("halaxy", "Invoice")?.len(), month.books.invoices.len() + month.quotes);
//! # Ok::<(), adapter_sandbox::ControlError>(())
//! ```
//!
//! A line's net is quantity x (base + surcharge - deduction - discount) rounded to cents, its tax quantity x tax rounded
//! to cents; totals are the sums of the lines that are not voided. Written-off lines stay charged and are no longer owed.
//! Payments and deposits that name an invoice lower what is owed on it, refunds raise it; money without an invoice is the
//! payer's credit. The same options give the same bytes.

mod acts;
mod bodies;
mod books;
mod fees;
mod first;
mod model;

use jiff::civil::Date;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

pub use self::books::{OwnBooks, OwnInvoice, OwnLine, OwnPayment, Receipts};
pub use self::fees::{FEES, Fee, LOCATIONS, PayerType, ROLES, RoleAt, Treatment};
use crate::clock::{practice_zone, span_of};
use crate::control::ControlError;
use crate::people::CsvPerson;
use crate::sandbox::Sandbox;

/// What month to invent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthOptions {
    /// Decides everything that is drawn.
    pub seed: u64,
    /// How many invoices and quotes stand at the end of the month.
    pub invoices: usize,
    /// Any day of the month.
    pub month: Date,
    /// Which of several months of one practice it is: the same patients, other ids, other things drawn.
    pub nth: u32,
    /// Acts that are not to happen, by [`Act::name`].
    pub leave_out: Vec<&'static str>,
}

impl Default for MonthOptions {
    /// 200 invoices in October 2026, in which clocks are put forward.
    fn default() -> Self {
        Self {
            seed: 1,
            invoices: 200,
            month: Date::constant(2026, 10, 1),
            nth: 0,
            leave_out: Vec::new(),
        }
    }
}

impl MonthOptions {
    /// The month of a busy practice: 20,000 invoices.
    pub fn busy(seed: u64) -> Self {
        Self {
            seed,
            invoices: 20_000,
            ..Self::default()
        }
    }
}

/// One thing that somebody at Halaxy's screens does with one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// `POST control/records/halaxy/{kind}`.
    Create {
        /// Resource type.
        kind: &'static str,
        /// The resource, id included.
        body: Value,
    },
    /// `PATCH control/records/halaxy/{kind}/{id}`.
    Edit {
        /// Resource type.
        kind: &'static str,
        /// Id.
        id: String,
        /// Merge-patch.
        patch: Value,
    },
    /// `DELETE control/records/halaxy/{kind}/{id}`.
    Remove {
        /// Resource type.
        kind: &'static str,
        /// Id.
        id: String,
    },
}

/// Something that happens after the month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Act {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The practice's date.
    pub day: Date,
    /// What it is, e.g. `void line`, `switch payer after payment`.
    pub name: &'static str,
    /// The invoice it is about, if it is about one.
    pub invoice: Option<String>,
    /// What is done, in order.
    pub doings: Vec<Doing>,
}

impl Act {
    /// Does it at the stand-in of Halaxy, which stamps it with its own time.
    ///
    /// # Errors
    /// [`ControlError`], if the stand-in does not hold what the month left there.
    pub fn perform(&self, sandbox: &Sandbox) -> Result<(), ControlError> {
        for doing in &self.doings {
            match doing {
                Doing::Create { kind, body } => drop(sandbox.person_create("halaxy", kind, body)?),
                Doing::Edit { kind, id, patch } => sandbox.person_edit("halaxy", kind, id, patch)?,
                Doing::Remove { kind, id } => sandbox.person_delete("halaxy", kind, id)?,
            }
        }
        Ok(())
    }
}

/// The month: what stands at its end, what happens to it afterwards, and the practice's own books after all that.
#[derive(Debug, Clone)]
pub struct PracticeMonth {
    /// The patients, for [`crate::SandboxOptions::patients`]: the `n`th gets the id 900001 + n, which resources name.
    pub patients: Vec<CsvPerson>,
    /// What stands at the end of the month, as Halaxy's resources; totals are by the practice's own books.
    pub resources: Vec<Value>,
    /// What happens in the fourteen days after, in order.
    pub acts: Vec<Act>,
    /// The books at the end of the month, before any act.
    pub first_books: OwnBooks,
    /// The books after all acts.
    pub books: OwnBooks,
    /// Quotes among the invoices; they are in no books.
    pub quotes: usize,
    /// First and last day of the month.
    pub days: (Date, Date),
    /// The first moment after the month, in microseconds since 1970: where a clock should stand at first.
    pub end: i64,
}

impl PracticeMonth {
    /// Invents a month.
    pub fn generate(options: &MonthOptions) -> Self {
        let mut rng = StdRng::seed_from_u64(options.seed ^ 0xB00C_0FAC_C0DE ^ (u64::from(options.nth) << 48));
        let patients = first::patients(options);
        let mut model = first::model(options, &patients, &mut rng);
        let since = moment(options.month.first_of_month(), 0);
        let mut resources = bodies::around(since);
        resources.extend(model.covers.iter().map(|cover| bodies::cover(cover, since)));
        for (place, of) in model.invoices.iter().enumerate() {
            resources.push(bodies::invoice(&model, place, true));
            resources.extend(of.lines.iter().map(|line| bodies::line(&model, of, line)));
        }
        resources.extend(model.payments.iter().map(|row| bodies::payment(&model, row)));
        let first_books = books::close(&model);
        let acts = acts::invent(options, &mut model, &mut rng);
        let last = options.month.last_of_month();
        Self {
            patients,
            resources,
            acts,
            first_books,
            books: books::close(&model),
            quotes: model.invoices.iter().filter(|of| of.quote && !of.removed).count(),
            days: (options.month.first_of_month(), last),
            end: moment(last, 24 * 60),
        }
    }

    /// Puts what stands at the end of the month into the stand-in of Halaxy.
    ///
    /// # Errors
    /// [`ControlError`]: ids are taken, or the stand-in adds up otherwise than the practice does.
    pub fn load(&self, sandbox: &Sandbox) -> Result<(), ControlError> {
        sandbox.load_halaxy(&self.resources)
    }

    /// Everything that happens, from the first invoice of the month to the last act after it, in order: what [`Self::load`]
    /// puts there at once is done one by one.
    pub fn from_the_beginning(&self) -> Vec<Act> {
        let at = |body: &Value| {
            body["created"]
                .as_str()
                .and_then(span_of)
                .map_or(self.end, |(first, _)| first)
        };
        let mut all: Vec<Act> = Vec::new();
        let mut of_invoice: BTreeMap<&str, usize> = BTreeMap::new();
        for body in &self.resources {
            let name = body["resourceType"].as_str().unwrap_or_default();
            let mut plain = body.clone();
            if let Some(members) = plain.as_object_mut() {
                members.retain(|member, _| member != "meta" && !member.starts_with("total"));
            }
            let kind = match name {
                "Invoice" => "Invoice",
                "InvoiceLine" => "InvoiceLine",
                "PaymentTransaction" => "PaymentTransaction",
                _ => continue,
            };
            let doing = Doing::Create { kind, body: plain };
            let of = body["invoice"]["reference"].as_str().and_then(|r| r.rsplit('/').next());
            // Lines come with their invoice.
            if let Some(act) = of.filter(|_| kind == "InvoiceLine").and_then(|id| of_invoice.get(id)) {
                all[*act].doings.push(doing);
                continue;
            }
            let id = body["id"].as_str().unwrap_or_default();
            if kind == "Invoice" {
                of_invoice.insert(id, all.len());
            }
            let at = at(body);
            all.push(Act {
                at,
                day: jiff::Timestamp::from_microsecond(at)
                    .unwrap_or_default()
                    .to_zoned(practice_zone())
                    .date(),
                name: "bill and pay",
                invoice: if kind == "Invoice" {
                    Some(id.to_owned())
                } else {
                    of.map(str::to_owned)
                },
                doings: vec![doing],
            });
        }
        all.extend(self.acts.iter().cloned());
        all.sort_by_key(|act| act.at);
        all
    }

    /// What the practice has before the first invoice: fees, people, places, claim details.
    pub fn before(&self) -> Vec<Value> {
        let billing = ["Invoice", "InvoiceLine", "PaymentTransaction"].map(Some);
        let others = self
            .resources
            .iter()
            .filter(|body| !billing.contains(&body["resourceType"].as_str()));
        others.cloned().collect()
    }

    /// Days on which acts happen, with them.
    pub fn acts_by_day(&self) -> Vec<(Date, &[Act])> {
        let days = self.acts.chunk_by(|one, next| one.day == next.day);
        days.filter_map(|acts| Some((acts.first()?.day, acts))).collect()
    }
}

/// A moment of a day by the practice's wall clock, in microseconds since 1970.
fn moment(day: Date, minutes: i64) -> i64 {
    let midnight = day.to_zoned(practice_zone()).map(|at| at.timestamp().as_microsecond());
    // Hours later in real time; on the days clocks change the wall shows another hour, which no test minds.
    midnight.unwrap_or_default() + minutes * 60_000_000
}
