//! Posting rules: how lines, payments and debtors are represented in the books. Data, in `ledger.toml`; the first rule
//! that matches codes a line, in the order charge item, category, payer, default, and what no rule codes is held.

mod coding;
mod slips;

pub use coding::{Coded, Uncoded};

use super::settlement::SettlementRule;
use crate::config_problem::{Problem, Source};
use jiff::Span;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who owes an invoice, as far as it matters to the books (competitors.md 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerType {
    /// A patient.
    Patient,
    /// Medicare, bulk billed.
    Medicare,
    /// The Department of Veterans' Affairs.
    Dva,
    /// An NDIS participant who manages the plan.
    NdisSelf,
    /// An NDIS participant whose plan manager pays; the participant stays the debtor.
    NdisPlan,
    /// The NDIA itself.
    NdisAgency,
    /// A private health fund or another insurer.
    Insurer,
    /// Any other organisation.
    Organisation,
}

impl PayerType {
    /// All of them.
    pub const ALL: [PayerType; 8] = [
        PayerType::Patient,
        PayerType::Medicare,
        PayerType::Dva,
        PayerType::NdisSelf,
        PayerType::NdisPlan,
        PayerType::NdisAgency,
        PayerType::Insurer,
        PayerType::Organisation,
    ];

    /// As the rules spell it.
    pub fn word(self) -> &'static str {
        match self {
            PayerType::Patient => "patient",
            PayerType::Medicare => "medicare",
            PayerType::Dva => "dva",
            PayerType::NdisSelf => "ndis_self",
            PayerType::NdisPlan => "ndis_plan",
            PayerType::NdisAgency => "ndis_agency",
            PayerType::Insurer => "insurer",
            PayerType::Organisation => "organisation",
        }
    }
}

impl fmt::Display for PayerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How invoices of a payer type are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One document for each invoice, with its debtor.
    Invoice,
    /// One journal a day and location, with a list of what it is made of.
    Summary,
}

/// How debtors are named in the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// By the name on the invoice.
    #[default]
    Real,
    /// By a stable number (`Halaxy 900001`); organisations keep their names.
    Pseudonym,
}

/// What is done for a person to say yes to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approve {
    /// Writing a debt off.
    WriteOff,
    /// Credit notes, further invoices and journals that correct what was posted.
    Correction,
    /// Voiding a posted document.
    Void,
    /// Money given back.
    Refund,
    /// Money beyond what an invoice asks.
    Overpayment,
}

/// How some lines are coded. A rule for items goes before one for categories, that before one for payers alone, and
/// that before one for everything; of equals the first. Account and tax may come from different rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodingRule {
    /// Only these item numbers or fee ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub item: Vec<String>,
    /// Only these fee categories, whatever their case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Only these payer types.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payer: Vec<PayerType>,
    /// Account, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Tax rate, by code. GST-free and BAS-excluded are different codes, and neither is assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<String>,
    /// Option by tracking category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tracking: BTreeMap<String, String>,
}

impl CodingRule {
    /// What it is called where a line says which rule coded it (`item 10960`, `category Physio`, `payer medicare`).
    pub fn name(&self) -> String {
        let payers = || self.payer.iter().map(|p| p.word()).collect::<Vec<_>>().join(", ");
        if !self.item.is_empty() {
            format!("item {}", self.item.join(", "))
        } else if !self.category.is_empty() {
            format!("category {}", self.category.join(", "))
        } else if !self.payer.is_empty() {
            format!("payer {}", payers())
        } else {
            "default".into()
        }
    }

    fn rank(&self) -> u8 {
        match (self.item.is_empty(), self.category.is_empty(), self.payer.is_empty()) {
            (false, ..) => 0,
            (_, false, _) => 1,
            (_, _, false) => 2,
            _ => 3,
        }
    }
}

/// Where the money of a payment method arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodRule {
    /// Methods as Halaxy writes them, whatever their case.
    pub method: Vec<String>,
    /// The clearing account, by code.
    pub account: String,
}

/// Which organisation is which type of payer, where its name does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationRule {
    /// Organisations, by id.
    pub organisation: Vec<String>,
    /// What they are.
    pub payer: PayerType,
}

/// Accounts that are not any line's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialAccounts {
    /// Debts given up: an expense.
    pub bad_debts: Option<String>,
    /// Money received before there is an invoice: a liability.
    pub deposits: Option<String>,
    /// What summarised patients owe: a current asset that is not the books' own debtors account.
    pub patient_debtors: Option<String>,
    /// Differences of a cent between lines and totals.
    pub rounding: Option<String>,
    /// The other side of what was owed before `start_from`.
    pub opening: Option<String>,
    /// Tax rate for lines that are no supply (deposits, rounding, opening balances, journals' balance lines).
    pub no_tax: String,
}

/// What feeds a tracking category where no rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackingSource {
    /// Who performed the service.
    Practitioner,
    /// Where.
    Location,
    /// The payer type.
    Payer,
}

/// How a tracking category is filled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackingRule {
    /// What fills it.
    pub by: TrackingSource,
    /// Option by id (practitioner or role, location) or payer type; what is not listed has no option.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// On what a practitioner's service fee is reckoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeBasis {
    /// Money received less refunds, in the month it came or went.
    #[default]
    Received,
    /// What was billed, in the month of the invoice.
    Billed,
}

/// A fee rule, from a day on until the next one starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeRule {
    /// First day.
    pub from: Date,
    /// Per cent of the basis.
    #[serde(default)]
    pub percent: Decimal,
    /// A fixed amount a month, in whole currency units (e.g. `500.00`).
    #[serde(default)]
    pub fixed: Decimal,
    /// At least so much a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Decimal>,
    /// At most so much a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Decimal>,
    /// What it is reckoned on.
    #[serde(default)]
    pub basis: FeeBasis,
    /// GST on the fee, per cent.
    #[serde(default)]
    pub gst_percent: Decimal,
    /// Items (numbers or fee ids) that count for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// How a practitioner's fees belong to the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The practice owns the income.
    Principal,
    /// The fees are the practitioner's; the practice holds them and keeps a service fee.
    Agent,
}

/// One practitioner with another standing than the practice's default (principal), or with fee rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PractitionerRule {
    /// Practitioner or role ids.
    pub practitioner: Vec<String>,
    /// The name for statements.
    pub name: String,
    /// Principal or agent.
    pub standing: Standing,
    /// Account of the fees held for an agent: a liability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_account: Option<String>,
    /// Account of the practice's service fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_account: Option<String>,
    /// Tax rate of the service fee, by code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_tax: Option<String>,
    /// Fee rules, dated.
    #[serde(default)]
    pub fee: Vec<FeeRule>,
}

/// Everything of `ledger.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Cut-over: nothing dated before this day is posted. What was still owed of older invoices is posted on this
    /// day as an opening balance when the first payment for it arrives, if `accounts.opening` is set; else such
    /// payments are held.
    pub start_from: Date,
    /// What our numbers start with.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// How debtors are named.
    #[serde(default)]
    pub names: Naming,
    /// How each payer type is posted; others as `mode.other`, which is per invoice unless said otherwise.
    #[serde(default)]
    pub mode: Modes,
    /// Hours after midnight at which a day is settled, and its summaries are made. 0 to 23.
    #[serde(default = "default_settling", skip_serializing_if = "is_default_settling")]
    pub summary_after_hours: u8,
    /// Days until an invoice is due.
    #[serde(default)]
    pub due_days: i16,
    /// Differences of so many cents between an invoice's lines and totals become a rounding line; more is held. 0 to 5.
    #[serde(default = "default_rounding")]
    pub rounding_cents: i64,
    /// Lines say what Halaxy's lines say. Off: they say the item number or category only.
    #[serde(default)]
    pub describe: bool,
    /// What waits for a person.
    #[serde(default)]
    pub approve: BTreeSet<Approve>,
    /// Accounts that are not any line's own.
    pub accounts: SpecialAccounts,
    /// How lines are coded. Without a rule for everything, what no rule codes is held.
    #[serde(default)]
    pub rule: Vec<CodingRule>,
    /// Clearing accounts.
    #[serde(default)]
    pub method: Vec<MethodRule>,
    /// Organisations whose type their name does not tell.
    #[serde(default)]
    pub organisation: Vec<OrganisationRule>,
    /// Tracking categories, by name. At most two (Xero).
    #[serde(default)]
    pub tracking: BTreeMap<String, TrackingRule>,
    /// Practitioners with a standing or fee rules of their own.
    #[serde(default)]
    pub practitioner: Vec<PractitionerRule>,
    /// Providers whose settlement statements are imported; the four shipped layouts need none to be read.
    #[serde(default)]
    pub settlement: Vec<SettlementRule>,
}

/// Posting modes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Modes(pub BTreeMap<String, Mode>);

fn default_prefix() -> String {
    "HX-".into()
}

const SETTLING: u8 = 1;

fn default_settling() -> u8 {
    SETTLING
}

/// Left out where it is the default, so that what was approved before there was such a rule stays approved.
fn is_default_settling(hours: &u8) -> bool {
    *hours == SETTLING
}

fn default_rounding() -> i64 {
    1
}

impl Rules {
    /// Reads `ledger.toml`; `file` is its display name.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn parse(file: &str, text: &str) -> Result<Rules, Vec<Problem>> {
        let source = Source { file, text };
        let rules: Rules = toml::from_str(text).map_err(|e| {
            vec![source.problem(
                e.span().unwrap_or(0..0),
                e.message().to_owned(),
                "See the commented ledger.toml that `halaxy-bridge init` writes.",
            )]
        })?;
        let problems = rules.slips(&source);
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    /// The last day that is settled at this moment of the practice's clock: it is over, and so many hours have passed
    /// ([`Rules::summary_after_hours`]) in which what was done late in the evening came in.
    pub fn settled(&self, now: DateTime) -> Date {
        let hours = Span::new().hours(i64::from(self.summary_after_hours));
        now.saturating_sub(hours).date().saturating_sub(Span::new().days(1))
    }

    /// Whether any payer's invoices are summarised.
    pub fn summarises(&self) -> bool {
        PayerType::ALL.iter().any(|payer| self.mode(*payer) == Mode::Summary)
    }

    /// Every account and tax rate the rules name, with where.
    pub fn named(&self) -> Vec<(String, Option<&str>, Option<&str>)> {
        let mut all: Vec<(String, Option<&str>, Option<&str>)> = Vec::new();
        for r in &self.rule {
            all.push((r.name(), r.account.as_deref(), r.tax.as_deref()));
        }
        for r in &self.method {
            all.push((format!("method {}", r.method.join(", ")), Some(&r.account), None));
        }
        let a = &self.accounts;
        for (name, account) in [
            ("accounts.bad_debts", &a.bad_debts),
            ("accounts.deposits", &a.deposits),
            ("accounts.patient_debtors", &a.patient_debtors),
            ("accounts.rounding", &a.rounding),
            ("accounts.opening", &a.opening),
        ] {
            if let Some(account) = account {
                all.push((name.into(), Some(account), None));
            }
        }
        all.push(("accounts.no_tax".into(), None, Some(&a.no_tax)));
        for p in &self.practitioner {
            all.push((
                format!("practitioner {}", p.name),
                p.held_account.as_deref(),
                p.fee_tax.as_deref(),
            ));
            all.push((format!("practitioner {} fee", p.name), p.fee_account.as_deref(), None));
        }
        for s in &self.settlement {
            let name = || format!("settlement {}", s.name);
            all.push((name(), s.fee_account.as_deref(), s.fee_tax.as_deref()));
            all.push((format!("{} bank", name()), s.bank.as_deref(), None));
            let surcharges = format!("{} surcharges", name());
            all.push((surcharges, s.surcharge_account.as_deref(), s.surcharge_tax.as_deref()));
        }
        all
    }
}
