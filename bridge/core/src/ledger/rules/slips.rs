//! What is wrong in a `ledger.toml` that can be read.

use super::{FeeRule, PayerType, Rules, SettlementRule, Standing};
use crate::config_problem::{Problem, Source};
use std::collections::BTreeSet;

impl Rules {
    pub(super) fn slips(&self, source: &Source<'_>) -> Vec<Problem> {
        let mut found = Vec::new();
        let at = |needle: &str| source.text.find(needle).map_or(0..0, |i| i..i + needle.len());
        let mut slip = |needle: &str, message: String, remedy: &str| {
            found.push(source.problem(at(needle), message, remedy));
        };
        if !(0..=5).contains(&self.rounding_cents) {
            slip(
                "rounding_cents",
                "`rounding_cents` is not between 0 and 5".into(),
                "Larger differences are mistakes: leave them held.",
            );
        }
        if self.summary_after_hours > 23 {
            slip(
                "summary_after_hours",
                "`summary_after_hours` is not between 0 and 23".into(),
                "Write how many hours after midnight a day's summaries are made, for example 1.",
            );
        }
        if self.prefix.is_empty()
            || self.prefix.len() > 12
            || !self.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            slip(
                "prefix",
                "`prefix` is not 1 to 12 letters, digits and dashes".into(),
                "Write for example prefix = \"HX-\".",
            );
        }
        for word in self.mode.0.keys() {
            if word != "other" && !PayerType::ALL.iter().any(|p| p.word() == word) {
                slip(
                    word,
                    format!("`{word}` under [mode] is no payer type"),
                    "Payer types: patient, medicare, dva, ndis_self, ndis_plan, ndis_agency, insurer, organisation; or other.",
                );
            }
        }
        let summary = self.summarises();
        if summary && self.accounts.patient_debtors.is_none() {
            slip(
                "[mode]",
                "summaries need `patient_debtors` under [accounts]".into(),
                "Name a current asset account; the books' own debtors account takes no journals.",
            );
        }
        if summary && self.accounts.deposits.is_none() {
            slip(
                "[mode]",
                "summaries need `deposits` under [accounts]".into(),
                "Name the liability account of money received in advance.",
            );
        }
        if self.tracking.len() > 2 {
            slip(
                "[tracking",
                "more than two tracking categories".into(),
                "Books keep two: usually the practitioner and the location.",
            );
        }
        for (needle, problem, remedy) in SettlementRule::slips(&self.settlement) {
            slip(&needle, problem, remedy);
        }
        let mut methods = BTreeSet::new();
        for name in self.method.iter().flat_map(|m| &m.method) {
            if !methods.insert(name.to_lowercase()) {
                slip(
                    &format!("\"{name}\""),
                    format!("payment method `{name}` is listed twice"),
                    "Keep one of them.",
                );
            }
        }
        for p in &self.practitioner {
            if p.standing == Standing::Agent && p.held_account.is_none() {
                slip(
                    &format!("\"{}\"", p.name),
                    format!("agent `{}` has no `held_account`", p.name),
                    "Name the liability account that holds this practitioner's fees.",
                );
            }
            if p.fee.windows(2).any(|w| w[0].from >= w[1].from) {
                slip(
                    &format!("\"{}\"", p.name),
                    format!("fee rules of `{}` are not in order of `from`", p.name),
                    "Put the oldest first, each with a day of its own.",
                );
            }
            for (problem, remedy) in p.fee.iter().filter_map(FeeRule::slip) {
                slip(&format!("\"{}\"", p.name), format!("`{}`: {problem}", p.name), remedy);
            }
            if self.practitioner.iter().filter(|o| o.name == p.name).count() > 1 {
                slip(
                    &format!("\"{}\"", p.name),
                    format!("two practitioners are named `{}`", p.name),
                    "List all ids of one person under one name; tell two people apart.",
                );
            }
        }
        found
    }
}
