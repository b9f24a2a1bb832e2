//! `[referrals]`, `[notes]` and `[telehealth]`: when somebody is told of a referral, whether clinical notes may be written,
//! and what credits cost.

use super::SystemConfig;
use super::reader::Reader;
use bridge_core::Class;
use bridge_core::care::Limits;
use bridge_core::config_problem::{Keys, suggestion};
use bridge_core::diary::KINDS;
use bridge_core::telehealth::cost::{Accounts, Price};
use bridge_core::telehealth::layout::Layouts;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// What is asked for around referrals and notes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CareConfig {
    /// From when on a referral is expiring.
    pub referrals: Limits,
    /// Referrals are watched by the service.
    pub watch: bool,
    /// Patients get units of their referrals, which mappings may name.
    pub units: bool,
    /// What clinical notes are written for; none are unless it is said.
    pub notes: Option<String>,
    /// Reports of calls and credits.
    pub telehealth: TelehealthConfig,
}

/// What `[telehealth]` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelehealthConfig {
    /// There is such a section.
    pub configured: bool,
    /// How reports are read.
    pub layouts: Layouts,
    /// What a credit costs; costs are not reckoned without it.
    pub price: Option<Price>,
    /// Accounts of the journals; none are proposed without them.
    pub accounts: Option<Accounts>,
    /// The CRM that is told of calls, and the title they get there.
    pub calls_to: Option<(String, String)>,
    /// Where that stands.
    pub(super) calls_at: Range<usize>,
}

/// What the service must mirror for referrals.
const WATCHED: [&str; 2] = ["Referral", "ReferralDefinition"];

impl CareConfig {
    /// Kinds of records that it lives from.
    pub fn kinds(&self) -> Vec<&'static str> {
        let watched = if self.watch { &WATCHED[..] } else { &[] };
        // Who has a number, who works where, and what is estimated.
        let contacts = if self.telehealth.configured { &KINDS[..] } else { &[] };
        watched.iter().chain(contacts).copied().collect()
    }
}

type Section<'t, 's> = Option<&'t Spanned<DeValue<'s>>>;

impl<'s> Reader<'s> {
    pub(super) fn care(&mut self, [referrals, notes, telehealth]: [Section<'_, 's>; 3]) -> CareConfig {
        let watch = referrals.is_some();
        let (referrals, units) = self.referrals(referrals);
        CareConfig {
            watch,
            units,
            telehealth: self.telehealth(telehealth).unwrap_or_default(),
            referrals,
            notes: self.notes(notes),
        }
    }

    fn referrals(&mut self, section: Section<'_, 's>) -> (Limits, bool) {
        let mut limits = Limits::default();
        let Some(section) = section else {
            return (limits, false);
        };
        let Some((table, span)) = self.table(Some(section), "referrals", "[referrals] with alert_days") else {
            return (limits, false);
        };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let days = keys.optional("alert_days");
        let sessions = keys.optional("alert_sessions");
        let units = keys.optional_flag("units").unwrap_or(false);
        self.problems.extend(keys.finish());
        for (name, value, limit) in [
            ("alert_days", days, &mut limits.days),
            ("alert_sessions", sessions, &mut limits.sessions),
        ] {
            let Some(value) = value else { continue };
            let number = value
                .get_ref()
                .as_integer()
                .and_then(|i| i.as_str().parse::<u16>().ok());
            match number {
                Some(number) => *limit = number,
                None => self.note(
                    value.span(),
                    format!("`{name}` must be a whole number"),
                    format!("Write {name} = {limit}."),
                ),
            }
        }
        (limits, units)
    }

    fn telehealth(&mut self, section: Section<'_, 's>) -> Option<TelehealthConfig> {
        let (table, span) = self.table(Some(section?), "telehealth", "[telehealth] with price")?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let layout = keys.optional_text("layout");
        let price = keys.optional_text("price");
        let gst = keys.optional_text("gst_percent");
        let costs = keys.optional_text("costs");
        let prepaid = keys.optional_text("prepaid");
        let top_up_tax = keys.optional_text("top_up_tax").map(|(text, _)| text.to_string());
        let calls_to = keys.optional_text("calls_to");
        let title = keys.optional_text("call_title").map_or("Phone call", |(text, _)| text);
        let top_ups_from = keys.optional_text("top_ups_from").map(|(text, _)| text.to_string());
        self.problems.extend(keys.finish());
        let mut config = TelehealthConfig {
            configured: true,
            calls_at: calls_to.as_ref().map_or(span.clone(), |(_, at)| at.clone()),
            calls_to: calls_to.map(|(name, _)| (name.to_string(), title.to_string())),
            ..TelehealthConfig::default()
        };
        if let Some((relative, at)) = layout
            && let Some((shown, text)) = self.file(relative, at)
        {
            match Layouts::parse(&shown, &text) {
                Ok(layouts) => config.layouts = layouts,
                Err(problems) => self.problems.extend(problems),
            }
        }
        let credit = self.decimal("price", price, "0.20");
        let gst_percent = self.decimal("gst_percent", gst, "10");
        config.price = credit.map(|credit| Price {
            credit,
            gst_percent: gst_percent.unwrap_or(Decimal::TEN),
        });
        config.accounts = match (costs, prepaid) {
            (Some((costs, _)), Some((prepaid, _))) => Some(Accounts {
                costs: costs.into(),
                prepaid: prepaid.into(),
                top_up_tax,
                top_ups_from,
            }),
            (None, None) => None,
            _ => {
                self.note(
                    span,
                    "[telehealth] names one of the accounts `costs` and `prepaid`",
                    "Name both by their codes, or neither: then no journals are proposed.",
                );
                None
            }
        };
        Some(config)
    }

    /// Whether calls can be told where they are to be.
    pub(super) fn calls_to(&mut self, care: &CareConfig, systems: &BTreeMap<String, SystemConfig>) {
        let Some((name, _)) = &care.telehealth.calls_to else {
            return;
        };
        let at = care.telehealth.calls_at.clone();
        let keeps = |system: &&SystemConfig| system.file.as_ref().is_some_and(|file| file.activities.is_some());
        let fit: Vec<&str> = systems.values().filter(keeps).map(|s| s.name.as_str()).collect();
        match systems.get(name).filter(keeps) {
            None => self.note(
                at,
                format!("`calls_to` needs a system that keeps activities; `{name}` is none"),
                format!(
                    "{} Its connector must have a section [activities].",
                    suggestion(name, &fit)
                ),
            ),
            Some(system) if !system.may_receive.contains(&Class::Appointment) => self.note(
                at,
                format!("{name} may not receive what is about appointments, and calls are"),
                format!("Add \"appointment\" to may_receive in [systems.{name}] if calls are meant to go there."),
            ),
            Some(_) => {}
        }
    }

    fn decimal(&mut self, key: &str, value: Option<(&str, Range<usize>)>, example: &str) -> Option<Decimal> {
        let (text, span) = value?;
        let number = text
            .parse::<Decimal>()
            .ok()
            .filter(|n| *n >= Decimal::ZERO && *n < Decimal::ONE_HUNDRED);
        if number.is_none() {
            self.note(
                span,
                format!("`{key}` must be a number below 100"),
                format!("Write {key} = \"{example}\"."),
            );
        }
        number
    }

    fn notes(&mut self, section: Section<'_, 's>) -> Option<String> {
        let (table, span) = self.table(Some(section?), "notes", "[notes] with grant and purpose")?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span.clone());
        let grant = keys.optional_flag("grant").unwrap_or(false);
        let purpose = keys.optional_text("purpose").map(|(text, _)| text.trim().to_string());
        self.problems.extend(keys.finish());
        if !grant {
            return None;
        }
        let purpose = purpose.filter(|text| !text.is_empty());
        if purpose.is_none() {
            self.note(
                span,
                "[notes] grants clinical notes without saying what for",
                "Add purpose = \"..\", as the practice's privacy policy words it.",
            );
        }
        purpose
    }
}
