//! What every accounting adapter promises the ledger, as checks that run through any [`Accounting`] against
//! any books: a stand-in, a vendor's demo company. A [`Bookkeeper`] plays the people who work there.
//!
//! ```no_run
//! # async fn example(
//! #     books: &dyn adapter_kit::Accounting,
//! #     scene: &adapter_kit::conformance::books::Scene,
//! #     keeper: &dyn adapter_kit::conformance::books::Bookkeeper,
//! # ) {
//! let report = adapter_kit::conformance::books::run(books, scene, keeper).await;
//! assert!(report.failures().is_empty(), "{report}");
//! # }
//! ```

mod credits;
mod dated;
mod desk;
mod documents;
mod refusals;

use super::{Report, Verdict};
use crate::books::Accounting;
use async_trait::async_trait;
use bridge_core::ledger::{Currency, DocumentKind};
use desk::Desk;
use jiff::civil::Date;

/// What the checks may use of the books. Nothing is changed but what they make themselves.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Begins every key, so that a second run in the same books meets nothing of the first.
    pub prefix: String,
    /// An open day.
    pub today: Date,
    /// Currency of the books.
    pub currency: Currency,
    /// An account for income.
    pub income: String,
    /// A tax rate of ten per cent.
    pub taxed: String,
    /// A tax rate of nothing.
    pub free: String,
    /// A bank account.
    pub bank: String,
    /// A clearing account that takes payments.
    pub clearing: String,
    /// A liability that deposits stand on, untaxed.
    pub deposits: String,
    /// An archived account, if there is one.
    pub archived: Option<String>,
    /// A tracking category and one of its options, if there is one.
    pub tracking: Option<(String, String)>,
}

/// Somebody who works in the books, by other means than the adapter.
#[async_trait]
pub trait Bookkeeper: Send + Sync {
    /// Locks everything up to a day, or nothing; false if nobody can here.
    async fn lock(&self, to: Option<Date>) -> bool;

    /// Changes a document in whatever way the product lets people, so that it must show as changed; false if
    /// nobody can.
    async fn touch(&self, kind: DocumentKind, remote_id: &str) -> bool;

    /// Lets some time pass, where the clock is ours.
    async fn wait(&self, by: std::time::Duration);
}

/// Runs all checks.
pub async fn run(books: &dyn Accounting, scene: &Scene, keeper: &dyn Bookkeeper) -> Report {
    let desk = Desk::new(books, scene, keeper);
    let mut report = Report::default();
    macro_rules! checks {
        ($($name:literal => $check:expr;)*) => {
            $(report.checks.push(($name, $check(&desk).await.unwrap_or_else(Verdict::Failed)));)*
        };
    }
    checks! {
        "probes find no problem" => documents::probes;
        "the chart holds what the books hold" => documents::chart;
        "contacts are made once, and shown with our key" => documents::contacts;
        "invoices come back to the cent" => documents::invoices;
        "a repeated attempt makes no second document" => documents::repeated;
        "a document is found by its key, and only it" => documents::found;
        "a void document shows as void" => documents::voided;
        "a list shows every document, and then what changed" => documents::listed;
        "payments settle invoices, and a deleted one opens them again" => documents::payments;
        "journals come back as posted" => documents::journals;
        "a credit note is allocated, and the rest paid back" => credits::credit_note;
        "a prepayment is allocated, and the rest paid back" => credits::prepayment;
        "an overpayment is allocated" => credits::overpayment;
        "an allocation is listed below its credit, and taken back" => credits::allocation;
        "a name that is taken is told so" => refusals::name_taken;
        "a number that is taken is told so" => refusals::number_taken;
        "one refusal does not spoil the others" => refusals::one_of_many;
        "a locked day is told so" => refusals::locked;
        "an account that takes nothing is told so" => refusals::account;
        "more than is open is told so" => refusals::too_much;
        "what is settled is told so" => refusals::settled;
        "what the product does not keep is refused" => refusals::not_kept;
        "a list by date shows what all of them show of it" => dated::listed;
    }
    report
}
