//! A resource body with its parts by name, read as tolerantly as is safe: what may be spelt in several ways is read
//! in all of them, what cannot be understood is a fault that names its member.

use crate::bundle::{id_of, reference_id};
use bridge_core::ledger::money::json_decimal;
use bridge_core::ledger::{Cents, Currency, Fault, Party, Unreadable};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::DateTime};
use rust_decimal::Decimal;
use serde_json::Value as Json;

/// One body under reading.
pub(super) struct Record<'a> {
    kind: &'a str,
    pub id: String,
    pub body: &'a Json,
    /// The invoice that a fault holds.
    pub invoice: Option<String>,
}

/// A reference, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link<'a> {
    pub kind: Option<&'a str>,
    pub id: &'a str,
}

/// An amount as a resource shows it (`{"value": 180, "currency": "AUD"}`, or the bare number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Money {
    pub amount: Decimal,
    pub currency: Option<Currency>,
}

impl<'a> Record<'a> {
    pub fn new(kind: &'a str, body: &'a Json) -> Result<Record<'a>, Unreadable> {
        let fault = |id: String, member: &str, fault| Unreadable {
            kind: kind.to_owned(),
            id,
            member: member.to_owned(),
            fault,
            invoice: None,
        };
        let id = id_of(body).ok_or_else(|| fault("?".into(), "id", Fault::Missing))?;
        if body["resourceType"] != kind {
            return Err(fault(id, "resourceType", Fault::Shape("of the kind asked for")));
        }
        Ok(Record {
            kind,
            id,
            body,
            invoice: None,
        })
    }

    pub fn fail(&self, member: &str, fault: Fault) -> Unreadable {
        Unreadable {
            kind: self.kind.to_owned(),
            id: self.id.clone(),
            member: member.to_owned(),
            fault,
            invoice: self.invoice.clone(),
        }
    }

    /// A text that says something; numbers count for what they show.
    pub fn text(&self, member: &str) -> Result<Option<String>, Unreadable> {
        match &self.body[member] {
            Json::Null => Ok(None),
            Json::String(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Json::Number(number) => Ok(Some(number.to_string())),
            _ => Err(self.fail(member, Fault::Shape("a text"))),
        }
    }

    /// A list, of which a single thing may stand by itself; null and absent are none.
    pub fn list(&self, member: &str) -> &'a [Json] {
        match &self.body[member] {
            Json::Null => &[],
            Json::Array(items) => items,
            one => std::slice::from_ref(one),
        }
    }

    /// The first reference of a member.
    pub fn link(&self, member: &str) -> Option<Link<'a>> {
        self.links(member).next()
    }

    /// All references of a member.
    pub fn links(&self, member: &str) -> impl Iterator<Item = Link<'a>> + use<'a> {
        self.list(member).iter().filter_map(link)
    }

    /// The reference that an extension holds whose address ends in `name`.
    pub fn extension_link(&self, name: &str) -> Option<Link<'a>> {
        link(&self.extension(name)?["valueReference"])
    }

    /// The extension whose address ends in `name`.
    pub fn extension(&self, name: &str) -> Option<&'a Json> {
        self.list("extension").iter().find(|extension| {
            let url = extension["url"].as_str().unwrap_or_default();
            url.rsplit('/').next() == Some(name)
        })
    }

    /// An amount, if there is one.
    pub fn money(&self, member: &str) -> Result<Option<Money>, Unreadable> {
        self.money_of(member, &self.body[member])
    }

    /// The amount in a value; faults name `member`.
    pub fn money_of(&self, member: &str, value: &Json) -> Result<Option<Money>, Unreadable> {
        let (amount, currency) = match value {
            Json::Object(money) => (
                money.get("value").unwrap_or(&Json::Null),
                money.get("currency").unwrap_or(&Json::Null),
            ),
            bare => (bare, &Json::Null),
        };
        if amount.is_null() {
            return Ok(None);
        }
        let amount = json_decimal(amount).map_err(|error| self.fail(member, Fault::Money(error)))?;
        let currency = match currency {
            Json::Null => None,
            Json::String(code) if code.trim().is_empty() => None,
            Json::String(code) => Some(Currency::new(code).map_err(|error| self.fail(member, Fault::Money(error)))?),
            _ => return Err(self.fail(member, Fault::Shape("an amount with a currency code"))),
        };
        Ok(Some(Money { amount, currency }))
    }

    /// Whole cents.
    pub fn cents(&self, member: &str, amount: Decimal) -> Result<Cents, Unreadable> {
        Cents::exact(amount).map_err(|error| self.fail(member, Fault::Money(error)))
    }

    /// The one currency of several amounts, or the practice's if none names one.
    pub fn currency(
        &self,
        member: &str,
        of: impl IntoIterator<Item = Option<Currency>>,
        practice: Currency,
    ) -> Result<Currency, Unreadable> {
        let mut named = of.into_iter().flatten();
        let Some(first) = named.next() else {
            return Ok(practice);
        };
        if named.any(|other| other != first) {
            return Err(self.fail(member, Fault::Currencies));
        }
        Ok(first)
    }

    /// A date, or the practice's date of an instant.
    pub fn date(&self, member: &str, zone: &TimeZone) -> Result<Option<Date>, Unreadable> {
        let Some(text) = self.text(member)? else {
            return Ok(None);
        };
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Some(at.to_zoned(zone.clone()).date()));
        }
        // Without an offset the practice's own wall clock is meant.
        let local = text.parse::<DateTime>().map(DateTime::date).ok();
        match local.filter(|_| text.len() >= 10) {
            Some(date) => Ok(Some(date)),
            None => Err(self.fail(member, Fault::Shape("a date"))),
        }
    }

    /// An instant; one without an offset is by the practice's wall clock, a date is its first moment.
    pub fn instant(&self, member: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Unreadable> {
        let Some(text) = self.text(member)? else {
            return Ok(None);
        };
        let at = text.parse::<Timestamp>().ok().or_else(|| {
            let local = text.parse::<DateTime>().ok()?;
            Some(local.to_zoned(zone.clone()).ok()?.timestamp())
        });
        at.map(Some)
            .ok_or_else(|| self.fail(member, Fault::Shape("a time with an offset")))
    }

    /// The words of a member that may be a text, a concept, or a list of either.
    pub fn words(&self, member: &str) -> Vec<&'a str> {
        self.list(member).iter().filter_map(word).collect()
    }
}

/// A reference in any of the forms seen: an object with or without type, or its bare text.
pub(super) fn link(value: &Json) -> Option<Link<'_>> {
    let text = value.as_str().or_else(|| value["reference"].as_str())?.trim();
    let id = reference_id(text)?;
    let said = value["type"].as_str().filter(|kind| !kind.is_empty());
    let kind = said.or_else(|| text.rsplit('/').nth(1).filter(|kind| !kind.is_empty()));
    Some(Link { kind, id })
}

/// What a text or a concept says in words: its text, else what its first coding shows.
pub(super) fn word(value: &Json) -> Option<&str> {
    let coding = value["coding"].get(0).unwrap_or(&Json::Null);
    [
        value,
        &value["text"],
        &coding["display"],
        &coding["code"],
        &value["display"],
        &value["code"],
    ]
    .into_iter()
    .filter_map(Json::as_str)
    .map(str::trim)
    .find(|text| !text.is_empty())
}

/// Whether two words are the same but for case, blanks, dashes and underscores.
pub(super) fn same(word: &str, as_word: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        let kept = text.chars().filter(|letter| letter.is_alphanumeric());
        kept.flat_map(char::to_lowercase)
    }
    letters(word).eq(letters(as_word))
}

/// Who a reference to a patient or an organisation means. Only organisations have ids with a prefix
/// (halaxy-api.md 7.0), should the type be missing.
pub(super) fn party(link: Link<'_>) -> Option<Party> {
    match link.kind {
        Some("Patient") => Some(Party::Patient(link.id.to_owned())),
        Some("Organization") => Some(Party::Organisation(link.id.to_owned())),
        Some(_) => None,
        None if link.id.contains('-') => Some(Party::Organisation(link.id.to_owned())),
        None => Some(Party::Patient(link.id.to_owned())),
    }
}
