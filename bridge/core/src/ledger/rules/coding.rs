//! How lines are coded: the first rule that matches, in the order item, category, payer, default; and what no rule says.

use super::{CodingRule, Mode, PayerType, PractitionerRule, Rules, Standing, TrackingSource};
use crate::ledger::facts::{Charge, Facts, Invoice, Line, Party, Role};
use std::collections::BTreeMap;

/// Where a line's coding came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// Account.
    pub account: String,
    /// Tax rate.
    pub tax: String,
    /// Tracking.
    pub tracking: BTreeMap<String, String>,
    /// The rule, in words (`item 10960`, `category Physio`, `payer medicare`, `default`).
    pub rule: String,
    /// The fees are held for an agent: posted gross, without tax of the practice's own.
    pub held: bool,
}

/// What is missing for a line to be coded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncoded {
    /// No rule names an account.
    NoRule,
    /// A rule names an account, none a tax rate.
    NoTax(String),
    /// An agent without `held_account`.
    NoHeldAccount(String),
}

impl Rules {
    /// How invoices of that payer type are posted.
    pub fn mode(&self, payer: PayerType) -> Mode {
        self.mode
            .0
            .get(payer.word())
            .or_else(|| self.mode.0.get("other"))
            .copied()
            .unwrap_or(Mode::Invoice)
    }

    /// What type of payer owes an invoice with these lines.
    pub fn payer_type(&self, invoice: &Invoice, lines: &[&Line], facts: &Facts) -> PayerType {
        let of = |id: &str| {
            self.organisation
                .iter()
                .find(|r| r.organisation.iter().any(|o| o == id))
                .map(|r| r.payer)
                .or_else(|| by_name(facts.organisations.get(id).map_or("", |o| o.name.as_str())))
        };
        match &invoice.payer {
            Some(Party::Organisation(id)) => of(id).unwrap_or(if id.starts_with("FD-") {
                PayerType::Insurer
            } else {
                PayerType::Organisation
            }),
            _ => lines
                .iter()
                .filter_map(|l| of(l.funder.as_deref()?))
                .find_map(|p| match p {
                    PayerType::NdisPlan => Some(PayerType::NdisPlan),
                    PayerType::NdisSelf | PayerType::NdisAgency => Some(PayerType::NdisSelf),
                    _ => None,
                })
                .unwrap_or(PayerType::Patient),
        }
    }

    /// Codes one line; `fee` is the one it was made from, or that has its item number.
    ///
    /// # Errors
    /// [`Uncoded`]: what no rule says.
    pub fn code(&self, line: &Line, payer: PayerType, fee: Option<&Charge>, facts: &Facts) -> Result<Coded, Uncoded> {
        let category = fee.and_then(|c| c.category.as_deref()).unwrap_or_default();
        let fits = |rule: &&CodingRule| {
            let item = |i: &String| line.code.as_ref() == Some(i) || line.charge.as_ref() == Some(i);
            (rule.item.is_empty() || rule.item.iter().any(item))
                && (rule.category.is_empty() || rule.category.iter().any(|c| c.eq_ignore_ascii_case(category)))
                && (rule.payer.is_empty() || rule.payer.contains(&payer))
        };
        let role = line.role.as_ref().and_then(|r| facts.roles.get(r));
        let mut rules: Vec<&CodingRule> = self.rule.iter().filter(fits).collect();
        rules.sort_by_key(|r| r.rank());

        let mut tracking = self.tracking_of(line, payer, role);
        for rule in rules.iter().rev() {
            tracking.extend(rule.tracking.clone());
        }
        if let Some(agent) = self.agent(line, role) {
            let account = agent
                .held_account
                .clone()
                .ok_or_else(|| Uncoded::NoHeldAccount(agent.name.clone()))?;
            return Ok(Coded {
                account,
                tax: self.accounts.no_tax.clone(),
                tracking,
                rule: format!("agent {}", agent.name),
                held: true,
            });
        }
        let (rule, account) = rules
            .iter()
            .find_map(|r| Some((r.name(), r.account.clone()?)))
            .ok_or(Uncoded::NoRule)?;
        let tax = rules
            .iter()
            .find_map(|r| r.tax.clone())
            .ok_or(Uncoded::NoTax(rule.clone()))?;
        Ok(Coded {
            account,
            tax,
            tracking,
            rule,
            held: false,
        })
    }

    /// The rule of the practitioner who performed a line, if there is one.
    pub fn practitioner(&self, line: &Line, role: Option<&Role>) -> Option<&PractitionerRule> {
        let role_id = line.role.as_deref()?;
        let person = role.and_then(|r| r.practitioner.as_deref());
        self.practitioner.iter().find(|p| {
            p.practitioner
                .iter()
                .any(|id| id == role_id || Some(id.as_str()) == person)
        })
    }

    fn agent(&self, line: &Line, role: Option<&Role>) -> Option<&PractitionerRule> {
        self.practitioner(line, role).filter(|p| p.standing == Standing::Agent)
    }

    fn tracking_of(&self, line: &Line, payer: PayerType, role: Option<&Role>) -> BTreeMap<String, String> {
        self.tracking
            .iter()
            .filter_map(|(category, rule)| {
                let ids: [Option<&str>; 2] = match rule.by {
                    TrackingSource::Practitioner => {
                        [line.role.as_deref(), role.and_then(|r| r.practitioner.as_deref())]
                    }
                    TrackingSource::Location => [role.and_then(|r| r.location.as_deref()), None],
                    TrackingSource::Payer => [Some(payer.word()), None],
                };
                let option = ids.into_iter().flatten().find_map(|id| rule.options.get(id))?;
                Some((category.clone(), option.clone()))
            })
            .collect()
    }

    /// The clearing account of a payment method.
    pub fn clearing(&self, method: &str) -> Option<&str> {
        self.method
            .iter()
            .find(|r| r.method.iter().any(|m| m.eq_ignore_ascii_case(method.trim())))
            .map(|r| r.account.as_str())
    }
}

/// What an organisation's name tells of it.
fn by_name(name: &str) -> Option<PayerType> {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    if has(&["medicare"]) {
        Some(PayerType::Medicare)
    } else if name == "dva" || has(&["veterans", "dva "]) {
        Some(PayerType::Dva)
    } else if has(&["ndia", "ndis", "national disability"]) {
        Some(PayerType::NdisAgency)
    } else {
        None
    }
}
