//! Who signed which step of a month's close, or the month, bound to the figures that were shown. Figures that change open a
//! signature again, visibly; nobody's signature is put in the place of one that stands.

use super::{Office, REPORT, Report, line, put};
use crate::error::EngineError;
use crate::ledger::reports::{Figures, Light, Step, WHICH};
use bridge_core::ledger::month::Month;
use bridge_core::{Time, hex};
use bridge_store::{AuditEntry, Tx};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that law wants kept, so they are no part of the office.
const PART: &str = "sign-off";
/// Steps of a close.
const STEPS: u8 = 10;
/// Longest note, in characters.
const NOTE: usize = 500;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A step, by its number.
    Step(u8),
    /// The month, once every step is signed as it stands.
    Month,
}

impl What {
    /// Of the steps and the month of a close, the one of that name: `4`, `month`.
    pub fn parse(text: &str) -> Option<What> {
        match text {
            "month" => Some(What::Month),
            step => Some(What::Step(step.parse().ok().filter(|n| (1..=STEPS).contains(n))?)),
        }
    }

    fn id(self, month: Month) -> String {
        match self {
            What::Step(step) => format!("{month}/{step:02}"),
            What::Month => format!("{month}/month"),
        }
    }

    fn words(self, month: Month) -> String {
        match self {
            What::Step(step) => format!("closing {month}, step {step}"),
            What::Month => format!("closing {month}, the month"),
        }
    }

    fn all() -> impl Iterator<Item = What> {
        (1..=STEPS).map(What::Step).chain([What::Month])
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    /// Of which month.
    pub month: Month,
    /// Of what.
    pub what: What,
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// What the person had to say; empty if nothing.
    pub note: String,
    /// Digest of what was shown.
    pub token: String,
    /// How the step stood; of a month nothing that matters.
    pub light: Light,
    /// What it was reckoned from then; of a month the tokens of its steps.
    pub figures: Figures,
    /// When it was first noticed that it is no longer so.
    pub changed: Option<Time>,
}

impl SignOff {
    /// Digest of the signature itself: what is shown of it is what is withdrawn.
    pub fn token_of_it(&self) -> String {
        let of = (self.month, self.what, &self.by, self.at, &self.token);
        hex(&Sha256::digest(serde_json::to_vec(&of).unwrap_or_default())[..16])
    }
}

/// A signature, and what changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The signature.
    pub sign_off: SignOff,
    /// What is no longer as it was signed, in words; none while it stands.
    pub changes: Vec<String>,
}

impl Signed {
    /// Whether what was signed is still so.
    pub fn stands(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Serialize for Signed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let of = &self.sign_off;
        let mut fields = to.serialize_struct("Signed", 5)?;
        fields.serialize_field("by", &of.by)?;
        let at = jiff::Timestamp::from_microsecond(of.at).unwrap_or_default();
        fields.serialize_field("at", &at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())?;
        fields.serialize_field("note", &of.note)?;
        fields.serialize_field("stands", &self.stands())?;
        fields.serialize_field("changes", &self.changes)?;
        fields.end()
    }
}

/// The signatures of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    rows: BTreeMap<What, SignOff>,
}

impl Signatures {
    /// That of a step or the month, whatever changed since.
    pub fn get(&self, what: What) -> Option<&SignOff> {
        self.rows.get(&what)
    }

    /// That of a step, as the step stands now.
    pub fn of_step(&self, step: &Step) -> Option<Signed> {
        let sign_off = self.rows.get(&What::Step(step.step))?.clone();
        let changes = match sign_off.token == step.token(sign_off.month) {
            true => Vec::new(),
            false => changes(&sign_off, step),
        };
        Some(Signed { sign_off, changes })
    }

    /// That of the month, as its steps stand now.
    pub fn of_month(&self, steps: &[Step]) -> Option<Signed> {
        let sign_off = self.rows.get(&What::Month)?.clone();
        let open = self.open(steps);
        let now = tokens(sign_off.month, steps);
        let mut changes = Vec::new();
        for step in steps {
            let name = step.step.to_string();
            if open.contains(&step.step) {
                changes.push(format!("step {name} is not signed as it stands"));
            } else if sign_off.figures.get(&name) != now.get(&name) {
                changes.push(format!("step {name} was signed with other figures since"));
            }
        }
        Some(Signed { sign_off, changes })
    }

    /// Steps that nobody has signed as they stand.
    pub fn open(&self, steps: &[Step]) -> BTreeSet<u8> {
        let signed = |step: &&Step| self.of_step(step).is_some_and(|signed| signed.stands());
        steps
            .iter()
            .filter(|step| !signed(step))
            .map(|step| step.step)
            .collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// The tokens of steps by number.
fn tokens(month: Month, steps: &[Step]) -> Figures {
    let token = |step: &Step| (step.step.to_string(), step.token(month));
    steps.iter().map(token).collect()
}

/// Digest of a month's steps: what is signed with the month.
pub fn month_token(month: Month, steps: &[Step]) -> String {
    let of = (month, tokens(month, steps));
    hex(&Sha256::digest(serde_json::to_vec(&of).unwrap_or_default())[..16])
}

fn changes(signed: &SignOff, step: &Step) -> Vec<String> {
    let mut names: BTreeSet<&String> = signed.figures.keys().collect();
    names.extend(step.figures.keys());
    let mut changes = Vec::new();
    for name in names {
        let (then, now) = (signed.figures.get(name), step.figures.get(name));
        if then == now {
            continue;
        }
        changes.push(match (then, now) {
            _ if name == WHICH => "other documents than then".into(),
            (Some(then), Some(now)) => format!("{name}: {then} then, {now} now"),
            (Some(then), None) => format!("{name}: {then} then, nothing now"),
            (None, now) => format!("{name}: {} now", now.map_or("", String::as_str)),
        });
    }
    if changes.is_empty() {
        let word = |light| match light {
            Light::Green => "done",
            Light::Amber => "open",
            Light::Red => "in the way",
        };
        changes.push(format!("{} then, {} now", word(signed.light), word(step.light)));
    }
    changes
}

impl Office {
    /// The signatures of a month.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn signatures(&self, month: Month) -> Result<Signatures, EngineError> {
        let ids: Vec<String> = What::all().map(|what| what.id(month)).collect();
        let rows = self.store.ledger_rows(PART, &ids).await?;
        Ok(read(rows.into_values()))
    }

    /// Months of which something is signed, the latest first.
    ///
    /// # Errors
    /// [`EngineError::Store`].
    pub async fn signed_months(&self) -> Result<Vec<Month>, EngineError> {
        let mut months = BTreeSet::new();
        let each = |id: String, _| months.extend(id.split('/').next().and_then(|month| month.parse::<Month>().ok()));
        self.store.ledger(PART, each).await?;
        Ok(months.into_iter().rev().collect())
    }

    /// Signs for what was shown, by its token ([`Step::token`], [`month_token`]), as the month was last walked through.
    ///
    /// # Errors
    /// [`EngineError::Changed`] if it is no longer what was shown; [`EngineError::NotPossible`] if a signature stands already,
    /// something stands in the way and no note says why it is signed all the same, or steps of the month are open;
    /// [`EngineError::NotFound`] if nobody walked through the month.
    pub async fn sign(
        &self,
        month: Month,
        what: What,
        shown: &str,
        (by, note): (&str, &str),
        now: Time,
    ) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        let steps = steps(&mut tx, month).await?;
        let signatures = within(&mut tx, month).await?;
        let note: String = note.trim().chars().take(NOTE).collect();
        let mut sign_off = SignOff {
            month,
            what,
            by: by.into(),
            at: now,
            note,
            token: shown.into(),
            light: Light::Green,
            figures: Figures::new(),
            changed: None,
        };
        let (token, before) = match what {
            What::Step(number) => {
                let Some(step) = steps.iter().find(|step| step.step == number) else {
                    return Err(EngineError::NotFound(format!("step {number}")));
                };
                if step.light == Light::Red && sign_off.note.is_empty() {
                    return Err(EngineError::NotPossible(
                        "something stands in the way of this step: say in a note why it is signed all the same".into(),
                    ));
                }
                (sign_off.light, sign_off.figures) = (step.light, step.figures.clone());
                (step.token(month), signatures.of_step(step))
            }
            What::Month => {
                let open: Vec<String> = signatures.open(&steps).iter().map(u8::to_string).collect();
                if !open.is_empty() {
                    let open = open.join(", ");
                    return Err(EngineError::NotPossible(format!(
                        "the month is signed once each of its steps is; not signed as they stand: {open}"
                    )));
                }
                sign_off.figures = tokens(month, &steps);
                (month_token(month, &steps), signatures.of_month(&steps))
            }
        };
        if token != shown {
            return Err(EngineError::Changed);
        }
        if let Some(before) = before.filter(Signed::stands) {
            return Err(EngineError::NotPossible(format!(
                "{} has signed it already; a signature is withdrawn before another is put in its place",
                before.sign_off.by
            )));
        }
        put(&mut tx, PART, &what.id(month), &sign_off).await?;
        tx.append_audit(&[line(now, format!("signed by {by}: {}", what.words(month)))])
            .await?;
        Ok(tx.commit().await?)
    }

    /// Takes a signature back, by its own token ([`SignOff::token_of_it`]).
    ///
    /// # Errors
    /// [`EngineError::Changed`] if it is not the one that was shown.
    pub async fn withdraw(
        &self,
        month: Month,
        what: What,
        shown: &str,
        by: &str,
        now: Time,
    ) -> Result<(), EngineError> {
        let mut tx = self.store.begin().await?;
        let signatures = within(&mut tx, month).await?;
        let Some(signed) = signatures.rows.get(&what).filter(|row| row.token_of_it() == shown) else {
            return Err(EngineError::Changed);
        };
        let words = format!("withdrawn by {by}: {}, signed by {}", what.words(month), signed.by);
        tx.drop_ledger(PART, &[what.id(month)]).await?;
        tx.append_audit(&[line(now, words)]).await?;
        Ok(tx.commit().await?)
    }

    /// Notes which signatures no longer stand, or stand again, with a line in the history each.
    pub(super) async fn compare(&self, month: Month, steps: &[Step], now: Time) -> Result<(), EngineError> {
        if self.signatures(month).await?.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let signatures = within(&mut tx, month).await?;
        let of_steps = steps.iter().filter_map(|step| signatures.of_step(step));
        let mut lines: Vec<AuditEntry> = Vec::new();
        for signed in of_steps.chain(signatures.of_month(steps)) {
            let (stands, mut row) = (signed.stands(), signed.sign_off);
            if row.changed.is_none() == stands {
                continue;
            }
            let words = row.what.words(month);
            lines.push(match stands {
                true => line(now, format!("stands again: {words}, signed by {}", row.by)),
                false => line(
                    now,
                    format!("open again, since figures changed: {words}, signed by {}", row.by),
                ),
            });
            row.changed = (!stands).then_some(now);
            put(&mut tx, PART, &row.what.id(month), &row).await?;
        }
        if lines.is_empty() {
            return Ok(());
        }
        tx.append_audit(&lines).await?;
        Ok(tx.commit().await?)
    }
}

/// The steps of a month as they were last reckoned.
async fn steps(tx: &mut Tx, month: Month) -> Result<Vec<Step>, EngineError> {
    let body = tx.ledger_row(REPORT, &format!("close-{month}")).await?;
    let report: Option<Report> = body.and_then(|body| serde_json::from_str(&body).ok());
    let steps = report.map(|report| report.steps).filter(|steps| !steps.is_empty());
    steps.ok_or_else(|| EngineError::NotFound(format!("close of {month} yet: walk through the month first")))
}

async fn within(tx: &mut Tx, month: Month) -> Result<Signatures, EngineError> {
    let mut rows = Vec::new();
    for what in What::all() {
        rows.extend(tx.ledger_row(PART, &what.id(month)).await?);
    }
    Ok(read(rows))
}

fn read(rows: impl IntoIterator<Item = String>) -> Signatures {
    let row = |body: String| serde_json::from_str::<SignOff>(&body).ok();
    let rows = rows.into_iter().filter_map(row);
    Signatures {
        rows: rows.map(|row| (row.what, row)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month() -> Month {
        Month::of(jiff::civil::date(2026, 10, 1))
    }

    fn step(number: u8, light: Light, figures: &[(&str, &str)]) -> Step {
        Step {
            step: number,
            what: String::new(),
            light,
            detail: String::new(),
            figures: figures
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
        }
    }

    fn signed(step: &Step) -> Signatures {
        let row = SignOff {
            month: month(),
            what: What::Step(step.step),
            by: "Dana".into(),
            at: 1,
            note: String::new(),
            token: step.token(month()),
            light: step.light,
            figures: step.figures.clone(),
            changed: None,
        };
        Signatures {
            rows: BTreeMap::from([(row.what, row)]),
        }
    }

    #[test]
    fn a_signature_stands_for_the_figures_and_says_which_changed() {
        let then = step(4, Light::Red, &[("differences", "2"), (WHICH, "0a"), ("gone", "1")]);
        let signatures = signed(&then);
        assert!(signatures.of_step(&then).is_some_and(|s| s.stands()));
        let detail = Step {
            detail: "said otherwise".into(),
            ..then.clone()
        };
        assert!(
            signatures.of_step(&detail).is_some_and(|s| s.stands()),
            "words are no figures"
        );
        let now = step(4, Light::Red, &[("differences", "3"), (WHICH, "0b"), ("new", "5")]);
        let changes = signatures.of_step(&now).map(|s| s.changes).unwrap_or_default();
        let wanted = [
            "differences: 2 then, 3 now",
            "gone: 1 then, nothing now",
            "new: 5 now",
            "other documents than then",
        ];
        assert_eq!(changes, wanted);
        let better = Step {
            light: Light::Green,
            ..then
        };
        let changes = signatures.of_step(&better).map(|s| s.changes);
        assert_eq!(changes, Some(vec!["in the way then, done now".to_owned()]));
        assert_eq!(signatures.open(&[better]), BTreeSet::from([4]));
    }

    #[test]
    fn steps_and_the_month_are_named() {
        assert_eq!(What::parse("10"), Some(What::Step(10)));
        assert_eq!(What::parse("month"), Some(What::Month));
        for wrong in ["0", "11", "", "-1", "4 ", "Month"] {
            assert_eq!(What::parse(wrong), None, "{wrong}");
        }
        let ids: BTreeSet<String> = What::all().map(|what| what.id(month())).collect();
        assert_eq!(ids.len(), 11);
    }
}
