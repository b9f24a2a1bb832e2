//! What consultations cost, by practitioner and location, and how the books should hold it: credits are bought ahead, so
//! buying them is no cost (it is an asset, and its GST is claimed then), and using them is.

use super::calls::Call;
use super::usage::{Usage, UsageKind};
use crate::hex::hex;
use crate::ledger::document::{Document, DocumentLine};
use crate::ledger::month::Month;
use crate::ledger::rules::{Rules, TrackingSource};
use crate::ledger::sheet::Sheet;
use crate::ledger::{Books, Cents};
use crate::report_rows::bare;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A consultation as the calendar holds it: what is estimated until a report shows what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The day, by the practice's clock.
    pub day: Date,
    /// By video, else by phone.
    pub video: bool,
    /// Booked length.
    pub seconds: u32,
    /// Patients who took part.
    pub patients: u32,
    /// Who held it.
    pub practitioner: String,
    /// Where they work.
    pub location: String,
}

/// Credits of one practitioner at one location in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CostLine {
    /// Who, as reports spell it; may be empty.
    pub practitioner: String,
    /// Where, likewise.
    pub location: String,
    /// What for.
    pub kind: UsageKind,
    /// Credits.
    pub credits: u32,
    /// Reckoned, not reported.
    pub estimated: bool,
    /// What they cost without tax.
    pub amount: Cents,
}

/// Credits that were bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopUp {
    /// Key of its row.
    pub key: String,
    /// The day.
    pub day: Date,
    /// Credits.
    pub credits: u32,
    /// What they cost, tax included; none if the report does not tell.
    pub amount: Option<Cents>,
}

/// The price of a credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Dollars a credit, tax included.
    pub credit: Decimal,
    /// Tax in it, per cent.
    pub gst_percent: Decimal,
}

impl Price {
    /// So many credits without tax, to the cent.
    fn net(self, credits: u32) -> Cents {
        let gross = self.credit * Decimal::from(credits);
        let net = gross * Decimal::ONE_HUNDRED / (Decimal::ONE_HUNDRED + self.gst_percent);
        Cents::rounded(net).unwrap_or_default()
    }

    /// The tax in an amount that includes it.
    fn tax_in(self, gross: Cents) -> Cents {
        let tax = gross.decimal() * self.gst_percent / (Decimal::ONE_HUNDRED + self.gst_percent);
        Cents::rounded(tax).unwrap_or_default()
    }
}

/// A month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Which.
    pub month: Month,
    /// By practitioner, location and kind.
    pub lines: Vec<CostLine>,
    /// What was bought.
    pub top_ups: Vec<TopUp>,
    /// What the calendar makes one expect of consultations by video and by phone.
    pub expected: u32,
}

/// Reckons a month. The phone report is what calls took; the credit report is what the rest took, and what calls took on
/// days that no call was imported of. Sessions of the calendar are counted, as an estimate, for video in months without a
/// reported one, and for phone in months without a reported call.
pub fn costs(
    month: Month,
    price: Price,
    calls: impl IntoIterator<Item = Call>,
    usage: impl IntoIterator<Item = Usage>,
    sessions: impl IntoIterator<Item = Session>,
) -> Costs {
    type Place = (String, String, String, String, UsageKind, bool);
    let mut sums: BTreeMap<Place, u32> = BTreeMap::new();
    let mut add = |practitioner: &str, location: &str, kind, estimated, credits: u32| {
        if credits > 0 {
            let (who, place) = (bare(practitioner), bare(location));
            let key = (
                who,
                place,
                practitioner.to_owned(),
                location.to_owned(),
                kind,
                estimated,
            );
            // Spellings that differ by case and blanks are one.
            let known = sums
                .keys()
                .find(|k| (&k.0, &k.1, k.4, k.5) == (&key.0, &key.1, key.4, key.5))
                .cloned();
            *sums.entry(known.unwrap_or(key)).or_default() += credits;
        }
    };
    let calls: Vec<Call> = calls.into_iter().filter(|c| month.has(c.day())).collect();
    for call in &calls {
        let (credits, estimated) = call.cost();
        add(&call.practitioner, &call.location, UsageKind::Phone, estimated, credits);
    }
    let (mut top_ups, mut video) = (Vec::new(), false);
    for row in usage.into_iter().filter(|u| month.has(u.day)) {
        match row.kind {
            UsageKind::TopUp => top_ups.push(TopUp {
                key: row.key,
                day: row.day,
                credits: row.credits,
                amount: row.amount,
            }),
            UsageKind::Phone if calls.iter().any(|call| call.day() == row.day) => {}
            kind => {
                video |= kind == UsageKind::Video;
                add(&row.practitioner, &row.location, kind, false, row.credits);
            }
        }
    }
    let phone = !calls.is_empty();
    let mut expected = 0;
    for s in sessions.into_iter().filter(|s| month.has(s.day)) {
        let (kind, reported, credits) = match s.video {
            true => (UsageKind::Video, video, super::estimate::video(s.seconds, s.patients)),
            false => (UsageKind::Phone, phone, super::estimate::phone(s.seconds, s.patients)),
        };
        expected += credits;
        if !reported {
            add(&s.practitioner, &s.location, kind, true, credits);
        }
    }
    top_ups.sort_by(|a, b| (a.day, &a.key).cmp(&(b.day, &b.key)));
    let line = |((_, _, practitioner, location, kind, estimated), credits): (Place, u32)| CostLine {
        amount: price.net(credits),
        practitioner,
        location,
        kind,
        credits,
        estimated,
    };
    Costs {
        month,
        lines: sums.into_iter().map(line).collect(),
        top_ups,
        expected,
    }
}

impl Costs {
    /// Credits used, reported and estimated together.
    pub fn credits(&self) -> u32 {
        self.lines.iter().map(|line| line.credits).sum()
    }

    /// What they cost without tax.
    pub fn amount(&self) -> Cents {
        self.lines.iter().map(|line| line.amount).sum()
    }

    /// As a table.
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "Practitioner",
            "Location",
            "For",
            "#Credits",
            "#Cost ex GST",
            "Known by",
        ]);
        for line in &self.lines {
            sheet.push([
                line.practitioner.clone(),
                line.location.clone(),
                line.kind.word().to_owned(),
                line.credits.to_string(),
                line.amount.to_string(),
                if line.estimated { "estimate" } else { "report" }.to_owned(),
            ]);
        }
        sheet
    }
}

/// Accounts of the credits, by code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Cost of consultations.
    pub costs: String,
    /// Credits paid ahead: a current asset.
    pub prepaid: String,
    /// Tax rate of bought credits.
    pub top_up_tax: Option<String>,
    /// What credits are bought from: a clearing or card account that is no bank account. Without it the bank's own line is
    /// coded by hand.
    pub top_ups_from: Option<String>,
}

/// Why something is not proposed, for a bookkeeper.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostHold {
    /// Only estimates.
    #[error("{0} credits of {1} are estimated: import the report, and they are booked")]
    Estimated(u32, Month),
    /// No amount.
    #[error("the report does not tell what the {0} credits of {1} cost")]
    NoAmount(u32, Date),
    /// No account.
    #[error("{0} of {1} is to be coded on the bank's own line: to `{2}`, with GST")]
    BankLine(Cents, Date, String),
    /// No tax rate.
    #[error("[telehealth] has no `top_up_tax`: name the tax rate of bought credits")]
    NoTopUpTax,
    /// No such account.
    #[error("the books have no account `{0}`: correct [telehealth]")]
    NoAccount(String),
}

/// Ids by the names that reports spell: what tracking options are listed by.
#[derive(Clone, Debug, Default)]
pub struct Names {
    practitioners: BTreeMap<String, Vec<String>>,
    locations: BTreeMap<String, Vec<String>>,
}

impl Names {
    /// A practitioner's id under a name.
    pub fn practitioner(&mut self, name: &str, id: &str) {
        self.practitioners.entry(bare(name)).or_default().push(id.to_owned());
    }

    /// A location's id under a name.
    pub fn location(&mut self, name: &str, id: &str) {
        self.locations.entry(bare(name)).or_default().push(id.to_owned());
    }

    fn tracking(&self, line: &CostLine, rules: &Rules) -> BTreeMap<String, String> {
        let none = Vec::new();
        let mut chosen = BTreeMap::new();
        for (category, rule) in &rules.tracking {
            let ids = match rule.by {
                TrackingSource::Practitioner => self.practitioners.get(&bare(&line.practitioner)),
                TrackingSource::Location => self.locations.get(&bare(&line.location)),
                TrackingSource::Payer => None,
            };
            if let Some(option) = ids.unwrap_or(&none).iter().find_map(|id| rule.options.get(id)) {
                chosen.insert(category.clone(), option.clone());
            }
        }
        chosen
    }
}

/// The journals of a month, and what keeps others from being proposed. Only what was reported is booked.
pub fn journals(
    costs: &Costs,
    price: Price,
    accounts: &Accounts,
    names: &Names,
    rules: &Rules,
    books: &Books,
) -> (Vec<Document>, Vec<CostHold>) {
    let (mut all, mut holds) = (Vec::new(), Vec::new());
    for code in [&accounts.costs, &accounts.prepaid]
        .into_iter()
        .chain(&accounts.top_ups_from)
    {
        if books.account(code).is_none() {
            holds.push(CostHold::NoAccount(code.clone()));
        }
    }
    if !holds.is_empty() {
        return (all, holds);
    }
    let estimated = costs.lines.iter().filter(|line| line.estimated);
    let estimated: u32 = estimated.map(|line| line.credits).sum();
    if estimated > 0 {
        holds.push(CostHold::Estimated(estimated, costs.month));
    }
    let line = |text: String, net: Cents, tax: Cents, account: &str, code: &str| DocumentLine {
        description: text,
        quantity: Decimal::ONE,
        unit: net.decimal().normalize(),
        net,
        tax,
        account: account.to_owned(),
        tax_code: code.to_owned(),
        tracking: BTreeMap::new(),
        rule: "telehealth".into(),
    };
    let (month, none) = (costs.month, &rules.accounts.no_tax);
    let reported = costs.lines.iter().filter(|l| !l.estimated && !l.amount.is_zero());
    // One line for each account and option: names of practitioners stay out of the books.
    let mut sums: BTreeMap<BTreeMap<String, String>, (u32, Cents)> = BTreeMap::new();
    for of in reported {
        let sum = sums.entry(names.tracking(of, rules)).or_default();
        *sum = (sum.0 + of.credits, sum.1 + of.amount);
    }
    if !sums.is_empty() {
        let total: Cents = sums.values().map(|(_, amount)| *amount).sum();
        let mut lines: Vec<DocumentLine> = sums
            .into_iter()
            .map(|(tracking, (credits, amount))| DocumentLine {
                tracking,
                ..line(
                    format!("Telehealth {month}: {credits} credits"),
                    amount,
                    Cents::ZERO,
                    &accounts.costs,
                    none,
                )
            })
            .collect();
        lines.push(line(
            format!("Telehealth {month}: credits used"),
            -total,
            Cents::ZERO,
            &accounts.prepaid,
            none,
        ));
        let key = format!("{}T{month}", rules.prefix);
        all.push(Document::journal(
            key,
            format!("Telehealth credits used {month}"),
            month.last(),
            books.currency,
            lines,
        ));
    }
    for bought in &costs.top_ups {
        let Some(amount) = bought.amount.filter(|amount| !amount.is_zero()) else {
            holds.push(CostHold::NoAmount(bought.credits, bought.day));
            continue;
        };
        let from = accounts.top_ups_from.as_ref();
        let from = from.filter(|code| books.account(code).is_some_and(|account| !account.bank));
        let Some(from) = from else {
            holds.push(CostHold::BankLine(amount, bought.day, accounts.prepaid.clone()));
            continue;
        };
        let Some(code) = &accounts.top_up_tax else {
            holds.push(CostHold::NoTopUpTax);
            continue;
        };
        let tax = price.tax_in(amount);
        let text = format!("Telehealth credits bought {}", bought.day);
        let lines = vec![
            line(text.clone(), amount - tax, tax, &accounts.prepaid, code),
            line(text.clone(), -amount, Cents::ZERO, from, none),
        ];
        let digest = hex(&Sha256::digest(bought.key.as_bytes())[..4]);
        let key = format!("{}C{}-{digest}", rules.prefix, bought.day);
        all.push(Document::journal(key, text, bought.day, books.currency, lines));
    }
    holds.dedup();
    (all, holds)
}
