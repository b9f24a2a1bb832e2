//! `[referrals]` and `[notes]`: when somebody is told of a referral, and whether clinical notes may be written.

use super::reader::Reader;
use bridge_core::care::Limits;
use bridge_core::config_problem::Keys;
use toml::Spanned;
use toml::de::DeValue;

/// What is asked for around referrals and notes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CareConfig {
    /// From when on a referral is expiring.
    pub referrals: Limits,
    /// What clinical notes are written for; none are unless it is said.
    pub notes: Option<String>,
}

type Section<'t, 's> = Option<&'t Spanned<DeValue<'s>>>;

impl<'s> Reader<'s> {
    pub(super) fn care(&mut self, [referrals, notes]: [Section<'_, 's>; 2]) -> CareConfig {
        CareConfig {
            referrals: self.referrals(referrals),
            notes: self.notes(notes),
        }
    }

    fn referrals(&mut self, section: Section<'_, 's>) -> Limits {
        let mut limits = Limits::default();
        let Some(section) = section else { return limits };
        let Some((table, span)) = self.table(Some(section), "referrals", "[referrals] with alert_days") else {
            return limits;
        };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let days = keys.optional("alert_days");
        let sessions = keys.optional("alert_sessions");
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
        limits
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
