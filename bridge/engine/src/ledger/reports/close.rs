//! The ten steps of closing a month, each with what stands in its way. Everything is reckoned; what people sign is the
//! figures that a step was reckoned from.

use crate::error::EngineError;
use crate::ledger::{Ledger, Outlook};
use bridge_core::ledger::month::Month;
use bridge_core::ledger::prove::{Between, Proof};
use bridge_core::ledger::statement::{StatementError, Statements, statements};
use bridge_core::ledger::{Cents, Entry, Facts, Held, Purpose, Source, Why};
use bridge_core::{Time, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Figures by name, as text.
pub type Figures = BTreeMap<String, String>;

/// The figure that tells one list of documents from another.
pub(in crate::ledger) const WHICH: &str = "which documents";

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// Done.
    Green,
    /// Open, and nothing is wrong.
    Amber,
    /// Something stands in its way.
    Red,
}

/// One of the ten steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number, from 1.
    pub step: u8,
    /// What must hold.
    pub what: String,
    /// Whether it does.
    pub light: Light,
    /// What was found.
    pub detail: String,
    /// What it was reckoned from. Only of days up to the month's end, so that later days move none of them.
    #[serde(default)]
    pub figures: Figures,
}

impl Step {
    /// Digest of how it stands in that month, as hex digits: what is signed.
    pub fn token(&self, month: Month) -> String {
        let of = (month, self.step, self.light, &self.figures);
        hex(&Sha256::digest(serde_json::to_vec(&of).unwrap_or_default())[..16])
    }
}

/// A month about to be closed.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The ten steps, in their order.
    pub steps: Vec<Step>,
    /// The proof of the month, with the books read from the beginning.
    pub proof: Proof,
    /// What is still to be posted.
    pub outlook: Outlook,
    /// The practitioners' statements of the month.
    pub statements: Result<Statements, StatementError>,
}

impl Ledger {
    /// Sweeps Halaxy, reads the books from the beginning, and walks through the ten steps.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn close(&self, month: Month, now: Time) -> Result<Closing, EngineError> {
        let swept = self.sweep(now).await?;
        let proof = self.prove(month.first(), month.last(), true, now).await?;
        self.closing(month, swept.trouble, proof, now).await
    }

    /// The same right after Halaxy was swept, with what the books say has changed since they were last read.
    ///
    /// # Errors
    /// As [`Ledger::preview`].
    pub async fn close_again(&self, month: Month, now: Time) -> Result<Closing, EngineError> {
        let proof = self.prove_quietly(month.first(), month.last(), now).await?;
        self.closing(month, Vec::new(), proof, now).await
    }

    async fn closing(
        &self,
        month: Month,
        trouble: Vec<String>,
        proof: Proof,
        now: Time,
    ) -> Result<Closing, EngineError> {
        let outlook = self.preview(now).await?;
        let moved = self.movements().await?;
        let (rules, currency) = (&self.settings().rules, outlook.books.currency);
        let facts = self.facts().await;
        let stated = statements(&facts, rules, month, currency, &moved);
        let entries = self.entries().await;
        let found = Found {
            month,
            over: self.today(now) > month.last(),
            trouble,
            facts: &facts,
            proof: &proof,
            outlook: &outlook,
            statements: &stated,
            entries: &entries,
        };
        let steps = found.steps();
        Ok(Closing {
            steps,
            proof,
            outlook,
            statements: stated,
        })
    }
}

/// What the steps are reckoned from.
struct Found<'a> {
    month: Month,
    over: bool,
    trouble: Vec<String>,
    facts: &'a Facts,
    proof: &'a Proof,
    outlook: &'a Outlook,
    statements: &'a Result<Statements, StatementError>,
    entries: &'a [Entry],
}

/// How a step stands, what was found, and from which figures.
type Finding = (Light, String, Figures);

impl Found<'_> {
    fn steps(&self) -> Vec<Step> {
        let found = [
            ("all days swept", self.swept()),
            ("no unposted items", self.unposted()),
            ("clearing accounts agree day by day", self.clearing()),
            ("drift list empty", self.drift()),
            ("debtors agree", self.debtors()),
            ("prepayments agree", self.advances()),
            ("write-offs and credit notes approved", self.approvals()),
            ("GST by tax rate agrees", self.taxes()),
            ("practitioner statements issued", self.issued()),
            ("books locked", self.locked()),
        ];
        let step = |(n, (what, (light, detail, figures))): (u8, (&str, Finding))| Step {
            step: n,
            what: what.into(),
            light,
            detail,
            figures,
        };
        (1..).zip(found).map(step).collect()
    }

    fn swept(&self) -> Finding {
        let (light, detail) = match (self.trouble.is_empty(), self.over) {
            (true, true) => (Light::Green, "everything was listed again just now".into()),
            (true, false) => (
                Light::Amber,
                "everything was listed just now, and the month is not over".into(),
            ),
            _ => (Light::Red, self.trouble.join("; ")),
        };
        (light, detail, figures([("records of Halaxy", self.proof.sources)]))
    }

    /// Whether what waits is of a day up to the month's end, or of no day that is known.
    fn by_then(&self, held: &Held) -> bool {
        let date = match &held.source {
            Source::Invoice(id) => self.facts.invoices.get(id).map(|i| i.date),
            Source::Payment(id) => self.facts.payments.get(id).map(|p| p.date),
        };
        date.is_none_or(|date| date <= self.month.last())
    }

    fn unposted(&self) -> Finding {
        let within = |e: &&Entry| self.month.has(e.serves);
        let unposted = self.outlook.plan.post.iter().filter(within).count();
        let held = self.proof.held.iter().filter(|h| self.by_then(h)).count();
        let detail = format!("{} to be posted, {held} held", count(unposted, "document"));
        let figures = figures([("to be posted", unposted), ("held", held)]);
        (red_unless(unposted + held == 0), detail, figures)
    }

    fn clearing(&self) -> Finding {
        let apart: Vec<_> = self.proof.days.iter().filter(|r| r.books != r.halaxy).collect();
        let by: Cents = apart.iter().map(|r| r.books - r.halaxy).sum();
        let detail = match apart.first() {
            None => "every day and method".into(),
            Some(r) => format!("{} differ, {by} in all; first {} {}", apart.len(), r.date, r.method),
        };
        let mut received: BTreeMap<String, Cents> = BTreeMap::new();
        for row in &self.proof.days {
            *received.entry(format!("received by {}", row.method)).or_default() += row.halaxy;
            *received.entry(format!("in the books by {}", row.method)).or_default() += row.books;
        }
        (red_unless(apart.is_empty()), detail, figures(received))
    }

    fn drift(&self) -> Finding {
        let differences = &self.proof.differences;
        let mut figures = figures([("differences", differences.len())]);
        if !differences.is_empty() {
            let digest = Sha256::digest(serde_json::to_vec(differences).unwrap_or_default());
            figures.insert(WHICH.into(), hex(&digest[..8]));
        }
        let n = differences.len();
        (red_unless(n == 0), count(n, "difference"), figures)
    }

    fn debtors(&self) -> Finding {
        let apart = self.proof.debtors.iter().filter(|(_, r)| r.halaxy != r.posted);
        let apart: Vec<(String, Cents)> = apart.map(|(p, r)| (p.to_string(), r.posted - r.halaxy)).collect();
        let owed: Vec<String> = apart.iter().map(|(payer, by)| format!("{payer} {by}")).collect();
        let (light, detail) = match owed.is_empty() {
            true => (Light::Green, "every payer type".into()),
            false => (Light::Red, owed.join(", ")),
        };
        let named = apart.into_iter().map(|(payer, by)| (format!("apart, {payer}"), by));
        (light, detail, figures(named))
    }

    fn advances(&self) -> Finding {
        let (halaxy, posted) = self.proof.advances;
        let detail = format!("Halaxy {halaxy}, posted {posted}");
        let apart = posted - halaxy;
        (red_unless(apart.is_zero()), detail, figures([("apart", apart)]))
    }

    fn approvals(&self) -> Finding {
        let held = self.outlook.plan.held.iter().filter(|h| self.by_then(h));
        let waiting = held.filter(|h| matches!(h.why, Why::Approval { .. })).count();
        let detail = format!("{} for a yes", count(waiting, "document"));
        let given_up = |e: &&Entry| {
            e.counts() && self.month.has(e.serves) && matches!(e.purpose, Purpose::WriteOff | Purpose::Reversal)
        };
        let (mut posted, mut total) = (0_usize, Cents::default());
        for entry in self.entries.iter().filter(given_up) {
            (posted, total) = (posted + 1, total + entry.document.total);
        }
        let figures = figures([
            ("waiting", waiting.to_string()),
            ("posted", posted.to_string()),
            ("amount", total.to_string()),
        ]);
        (red_unless(waiting == 0), detail, figures)
    }

    fn taxes(&self) -> Finding {
        let of_tax =
            |d: &&bridge_core::ledger::prove::Difference| d.changes.iter().any(|c| c.what == "tax" || c.what == "line");
        let in_books = self.proof.differences.iter().filter(of_tax);
        let differs = in_books.filter(|d| d.between == Between::PostedAndBooks).count() > 0;
        let mut rows = self.proof.sales.iter();
        let same = rows.all(|r| (r.halaxy_net, r.halaxy_tax) == (r.posted_net, r.posted_tax));
        let tax: Cents = self.proof.sales.iter().map(|r| r.halaxy_tax).sum();
        let posted: Cents = self.proof.sales.iter().map(|r| r.posted_tax).sum();
        let detail = format!("tax on sales: Halaxy {tax}, posted {posted}");
        let mut rates: BTreeMap<String, Cents> = BTreeMap::new();
        for row in &self.proof.sales {
            let code = &row.tax_code;
            *rates.entry(format!("sales at {code}")).or_default() += row.posted_net;
            *rates.entry(format!("tax at {code}")).or_default() += row.posted_tax;
        }
        (red_unless(same && !differs), detail, figures(rates))
    }

    fn issued(&self) -> Finding {
        let all = match self.statements {
            Ok(all) => all,
            Err(error) => return (Light::Red, error.to_string(), Figures::new()),
        };
        let agents = all.practitioners.iter().filter(|s| !s.fees.is_empty()).count();
        let booked = |key: &str| self.entries.iter().any(|e| e.counts() && e.document.key == key);
        let due = all.practitioners.iter().filter(|s| !s.fee.is_zero());
        let missing = due.filter(|s| !booked(&s.key)).count();
        let light = if missing == 0 { Light::Green } else { Light::Amber };
        let detail = format!("{} with fee rules, {missing} not booked", count(agents, "practitioner"));
        let mut figures = figures(all.practitioners.iter().filter_map(|s| {
            let payable = s.payable?;
            Some((format!("payable to {}", s.practitioner), payable))
        }));
        figures.insert("not booked".into(), missing.to_string());
        (light, detail, figures)
    }

    fn locked(&self) -> Finding {
        let to = self.outlook.books.locked_to;
        let locked = to.is_some_and(|to| to >= self.month.last());
        let light = if locked { Light::Green } else { Light::Amber };
        let detail = to.map_or_else(|| "no lock date is set".into(), |to| format!("locked to {to}"));
        let whole = if locked { "yes" } else { "no" };
        (light, detail, figures([("the whole month is locked", whole)]))
    }
}

fn figures<N: Into<String>, V: ToString>(of: impl IntoIterator<Item = (N, V)>) -> Figures {
    of.into_iter()
        .map(|(name, value)| (name.into(), value.to_string()))
        .collect()
}

fn red_unless(fine: bool) -> Light {
    if fine { Light::Green } else { Light::Red }
}

fn count(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{plural}")
}
