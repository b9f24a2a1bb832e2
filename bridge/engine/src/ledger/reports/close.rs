//! The ten steps of closing a month, each with what stands in its way. Everything is reckoned; nobody ticks anything.

use crate::error::EngineError;
use crate::ledger::{Ledger, Outlook};
use bridge_core::Time;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::prove::{Between, Proof};
use bridge_core::ledger::statement::{StatementError, Statements, statements};
use bridge_core::ledger::{Cents, Entry, Why};
use serde::{Deserialize, Serialize};

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
        let outlook = self.preview(now).await?;
        let moved = self.movements().await?;
        let (rules, currency) = (&self.settings().rules, outlook.books.currency);
        let stated = statements(&self.facts().await, rules, month, currency, &moved);
        let entries = self.entries().await;
        let found = Found {
            month,
            over: self.today(now) > month.last(),
            trouble: swept.trouble,
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
    proof: &'a Proof,
    outlook: &'a Outlook,
    statements: &'a Result<Statements, StatementError>,
    entries: &'a [Entry],
}

impl Found<'_> {
    fn steps(&self) -> Vec<Step> {
        let found = [
            ("all days swept", self.swept()),
            ("no unposted items", self.unposted()),
            ("clearing accounts agree day by day", self.clearing()),
            ("drift list empty", {
                let n = self.proof.differences.len();
                (red_unless(n == 0), count(n, "difference"))
            }),
            ("debtors agree", self.debtors()),
            ("prepayments agree", {
                let (halaxy, posted) = self.proof.advances;
                (
                    red_unless(halaxy == posted),
                    format!("Halaxy {halaxy}, posted {posted}"),
                )
            }),
            ("write-offs and credit notes approved", self.approvals()),
            ("GST by tax rate agrees", self.taxes()),
            ("practitioner statements issued", self.issued()),
            ("books locked", self.locked()),
        ];
        let step = |(n, (what, (light, detail))): (u8, (&str, (Light, String)))| Step {
            step: n,
            what: what.into(),
            light,
            detail,
        };
        (1..).zip(found).map(step).collect()
    }

    fn swept(&self) -> (Light, String) {
        match (self.trouble.is_empty(), self.over) {
            (true, true) => (Light::Green, "everything was listed again just now".into()),
            (true, false) => (
                Light::Amber,
                "everything was listed just now, and the month is not over".into(),
            ),
            _ => (Light::Red, self.trouble.join("; ")),
        }
    }

    fn unposted(&self) -> (Light, String) {
        let within = |e: &&Entry| self.month.has(e.serves);
        let unposted = self.outlook.plan.post.iter().filter(within).count();
        let held = self.proof.held.len();
        let detail = format!("{} to be posted, {held} held", count(unposted, "document"));
        (red_unless(unposted + held == 0), detail)
    }

    fn clearing(&self) -> (Light, String) {
        let apart: Vec<_> = self.proof.days.iter().filter(|r| r.books != r.halaxy).collect();
        let by: Cents = apart.iter().map(|r| r.books - r.halaxy).sum();
        let detail = match apart.first() {
            None => "every day and method".into(),
            Some(r) => format!("{} differ, {by} in all; first {} {}", apart.len(), r.date, r.method),
        };
        (red_unless(apart.is_empty()), detail)
    }

    fn debtors(&self) -> (Light, String) {
        let apart = self.proof.debtors.iter().filter(|(_, r)| r.halaxy != r.posted);
        let owed: Vec<String> = apart.map(|(p, r)| format!("{p} {}", r.posted - r.halaxy)).collect();
        match owed.is_empty() {
            true => (Light::Green, "every payer type".into()),
            false => (Light::Red, owed.join(", ")),
        }
    }

    fn approvals(&self) -> (Light, String) {
        let held = self.outlook.plan.held.iter();
        let waiting = held.filter(|h| matches!(h.why, Why::Approval { .. })).count();
        let detail = format!("{} for a yes", count(waiting, "document"));
        (red_unless(waiting == 0), detail)
    }

    fn taxes(&self) -> (Light, String) {
        let of_tax =
            |d: &&bridge_core::ledger::prove::Difference| d.changes.iter().any(|c| c.what == "tax" || c.what == "line");
        let in_books = self.proof.differences.iter().filter(of_tax);
        let differs = in_books.filter(|d| d.between == Between::PostedAndBooks).count() > 0;
        let mut rows = self.proof.sales.iter();
        let same = rows.all(|r| (r.halaxy_net, r.halaxy_tax) == (r.posted_net, r.posted_tax));
        let tax: Cents = self.proof.sales.iter().map(|r| r.halaxy_tax).sum();
        let posted: Cents = self.proof.sales.iter().map(|r| r.posted_tax).sum();
        let detail = format!("tax on sales: Halaxy {tax}, posted {posted}");
        (red_unless(same && !differs), detail)
    }

    fn issued(&self) -> (Light, String) {
        let all = match self.statements {
            Ok(all) => all,
            Err(error) => return (Light::Red, error.to_string()),
        };
        let agents = all.practitioners.iter().filter(|s| !s.fees.is_empty()).count();
        let booked = |key: &str| self.entries.iter().any(|e| e.counts() && e.document.key == key);
        let due = all.practitioners.iter().filter(|s| !s.fee.is_zero());
        let missing = due.filter(|s| !booked(&s.key)).count();
        let light = if missing == 0 { Light::Green } else { Light::Amber };
        let detail = format!("{} with fee rules, {missing} not booked", count(agents, "practitioner"));
        (light, detail)
    }

    fn locked(&self) -> (Light, String) {
        let to = self.outlook.books.locked_to;
        let locked = to.is_some_and(|to| to >= self.month.last());
        let light = if locked { Light::Green } else { Light::Amber };
        let detail = to.map_or_else(|| "no lock date is set".into(), |to| format!("locked to {to}"));
        (light, detail)
    }
}

fn red_unless(fine: bool) -> Light {
    if fine { Light::Green } else { Light::Red }
}

fn count(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {thing}{plural}")
}
