//! Codes, times and values in words for people.

use bridge_core::{CardKind, Time, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// A moment as pages show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For programs.
    pub iso: String,
    /// On the practice's clock.
    pub local: String,
    /// How long ago, or until when.
    pub ago: String,
}

/// Now, and the practice's clock.
pub struct Clockwork {
    now: Time,
    zone: TimeZone,
}

impl Clockwork {
    pub fn new(now: Time, zone: &str) -> Clockwork {
        Clockwork {
            now,
            zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
        }
    }

    pub fn moment(&self, at: Time) -> Moment {
        Moment {
            iso: stamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local: self.local(at),
            ago: ago(at, self.now),
        }
    }

    pub fn maybe(&self, at: Option<Time>) -> Option<Moment> {
        at.map(|at| self.moment(at))
    }

    /// Seven in the morning of the day that is so many days ahead.
    pub fn morning(&self, days: i64) -> Time {
        let today = stamp(self.now).to_zoned(self.zone.clone()).date();
        let day = today.saturating_add(jiff::Span::new().days(days));
        let morning = day.at(7, 0, 0, 0).to_zoned(self.zone.clone());
        morning.map_or(self.now + days * 86_400_000_000, |at| at.timestamp().as_microsecond())
    }

    /// `Thursday 02:00`, and the date as well if it is further away.
    pub fn day_and_time(&self, at: Time) -> String {
        let near = at - self.now < 6 * 86_400_000_000;
        let form = if near { "%A %H:%M" } else { "%A %-d %B, %H:%M" };
        stamp(at).to_zoned(self.zone.clone()).strftime(form).to_string()
    }

    /// `Thursday 26 November 2026, 14:30`.
    pub fn full(&self, at: Time) -> String {
        let at = stamp(at).to_zoned(self.zone.clone());
        at.strftime("%A %-d %B %Y, %H:%M").to_string()
    }

    /// The beginning of a day on the practice's clock, typed as `2026-11-23`.
    pub fn day(&self, typed: &str) -> Option<Time> {
        let day: jiff::civil::Date = typed.parse().ok()?;
        Some(day.to_zoned(self.zone.clone()).ok()?.timestamp().as_microsecond())
    }

    pub fn local(&self, at: Time) -> String {
        stamp(at)
            .to_zoned(self.zone.clone())
            .strftime("%-d %b %Y, %H:%M")
            .to_string()
    }
}

fn stamp(at: Time) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn ago(at: Time, now: Time) -> String {
    // Addresses carry moments too.
    let seconds = now.saturating_sub(at) / 1_000_000;
    let span = duration(seconds.unsigned_abs());
    match seconds {
        -1..=1 => "just now".into(),
        2.. => format!("{span} ago"),
        _ => format!("in {span}"),
    }
}

/// `3 minutes`.
pub fn duration(seconds: u64) -> String {
    let (n, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    count(n, unit)
}

/// `1 person`, `3 people`.
pub fn count(n: u64, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", thousands(n))
}

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// A unit's name: `birth_date` is `Birth date`, `marketing_sms` is `Marketing SMS`.
pub fn unit(name: &str) -> String {
    let words = name.split(['_', '.']).map(|word| match SHORT.contains(&word) {
        true => word.to_uppercase(),
        false => word.to_string(),
    });
    capital(&words.collect::<Vec<_>>().join(" "))
}

/// Words that are letters.
const SHORT: [&str; 5] = ["sms", "id", "dva", "ndis", "ihi"];

/// A system's name: `halaxy` is `Halaxy`, `crm` is `CRM`.
pub fn system(name: &str) -> String {
    if name.len() <= 3 {
        name.to_uppercase()
    } else {
        capital(name)
    }
}

/// A line of the history with systems as people call them: `sent to crm (crm:7)` is `sent to CRM (7)`.
pub fn named(text: &str, systems: &[String]) -> String {
    systems.iter().fold(text.to_string(), |text, name| {
        let title = system(name);
        let text = text
            .replace(&format!("({name}:"), "(")
            .replace(&format!("{name}: "), &format!("{title}: "))
            .replace(&format!("{name}:"), &format!("{title} "));
        let words = text.split(' ').map(|word| match word.strip_prefix(name.as_str()) {
            Some(rest) if rest.chars().all(|c| c.is_ascii_punctuation()) => format!("{title}{rest}"),
            _ => word.to_string(),
        });
        words.collect::<Vec<_>>().join(" ")
    })
}

/// What two people have in common, by the kind of the key that found it.
pub fn same_way(key: &str) -> &'static str {
    match key {
        "email" => "same e-mail address",
        _ => "same phone number",
    }
}

/// With a capital letter.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + letters.as_str()
}

/// The parts of names and addresses in the order in which people write them; others follow.
const ORDER: [&str; 10] = [
    "given", "middle", "family", "line", "line1", "line2", "city", "suburb", "state", "postcode",
];

/// A value on one line; an empty one is the empty text.
pub fn value(value: &Value) -> String {
    let Value::Group(parts) = value else {
        return value.to_line();
    };
    let mut parts: Vec<(&String, &String)> = parts.iter().collect();
    parts.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let texts: Vec<&str> = parts.into_iter().map(|(_, text)| text.as_str()).collect();
    texts.join(" ")
}

/// What a question about a whole record is about.
pub fn question(kind: CardKind) -> &'static str {
    match kind {
        CardKind::RemovedButChanged => {
            "The record was removed here, and changed elsewhere. Nothing was removed or made anew."
        }
        CardKind::MayHaveOverwritten => {
            "Somebody edited this record in the very moment we wrote to it. Their edit may have been lost."
        }
        CardKind::LooksWrong => {
            "Since a name or birth date was changed, these records no longer look like the same person. Nothing is \
             passed on between them until somebody looks."
        }
        CardKind::Merged => "Another record was merged into this one. It waits until somebody says what that means.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_read_as_words() {
        assert_eq!(
            (unit("birth_date"), unit("marketing_sms")),
            ("Birth date".into(), "Marketing SMS".into())
        );
        assert_eq!((system("crm"), system("halaxy")), ("CRM".into(), "Halaxy".into()));
        assert_eq!((thousands(7), thousands(1_234_567)), ("7".into(), "1,234,567".into()));
        assert_eq!((duration(1), duration(7_300)), ("1 second".into(), "2 hours".into()));
        let name = Value::group([("family", "Samplewood"), ("given", "Miriam")]);
        assert_eq!(value(&name), "Miriam Samplewood");
        assert_eq!(value(&Value::Empty), "");
    }

    #[test]
    fn systems_have_their_names() {
        let systems = ["halaxy".to_string(), "crm".into()];
        let read = |text| named(text, &systems);
        assert_eq!(read("sent to crm (crm:7): mobile"), "sent to CRM (7): mobile");
        assert_eq!(read("halaxy:9 is there"), "Halaxy 9 is there");
        assert_eq!(read("crm: no record, crm."), "CRM: no record, CRM.");
        assert_eq!(read("crmnote"), "crmnote");
    }

    #[test]
    fn moments_are_on_the_practice_clock() {
        let at = 1_772_411_696_000_000; // 2026-03-02T00:34:56Z
        let shown = Clockwork::new(at + 300_000_000, "Australia/Melbourne").moment(at);
        assert_eq!(shown.local, "2 Mar 2026, 11:34");
        assert_eq!(
            (shown.iso.as_str(), shown.ago.as_str()),
            ("2026-03-02T00:34:56Z", "5 minutes ago")
        );
        let clock = Clockwork::new(at, "Australia/Melbourne");
        assert_eq!(clock.day_and_time(at + 7_200_000_000), "Monday 13:34");
        assert_eq!(clock.day_and_time(at + 9 * 86_400_000_000), "Wednesday 11 March, 11:34");
        assert_eq!(clock.day("2026-03-02"), Some(1_772_370_000_000_000));
        assert_eq!(clock.day("2 March"), None);
        let later = Clockwork::new(at, "nowhere").moment(at + 7_200_000_000);
        assert_eq!(later.ago, "in 2 hours");
    }
}
