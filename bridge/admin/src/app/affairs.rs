//! Appointments and balances as pages say them. Where something is not known, it is said why.

use super::words::{Clockwork, count, thousands};
use crate::desk::affairs::PersonAffairs;
use bridge_core::affairs::{Balance, Meeting, Owed};
use bridge_core::ledger::{Cents, Currency};
use bridge_engine::affairs::Standing;
use jiff::civil::Date;

/// Numbers of invoices that are named.
const NUMBERS: usize = 6;

/// Something that is known of a person, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Fact {
    pub title: &'static str,
    pub text: String,
    /// Said more quietly: nothing is known.
    pub faint: bool,
}

fn fact(title: &'static str, text: impl Into<String>) -> Fact {
    Fact {
        title,
        text: text.into(),
        faint: false,
    }
}

fn unknown(title: &'static str, text: impl Into<String>) -> Fact {
    Fact {
        faint: true,
        ..fact(title, text)
    }
}

/// Next appointment, last appointment, what is owed: always in that order, each once.
pub(super) fn facts(of: &PersonAffairs, clock: &Clockwork) -> Vec<Fact> {
    let unread = [of.affairs.appointments.unread, 0, of.affairs.balance.unread];
    let mut facts = vec![next(of, clock), last(of, clock), owed(of)];
    for ((fact, unread), thing) in facts.iter_mut().zip(unread).zip(["appointment", "", "invoice"]) {
        if unread > 0 {
            let left_out = count(unread as u64, thing);
            fact.text
                .push_str(&format!("; {left_out} cannot be read here and may change this"));
        }
    }
    facts
}

/// As of when that is, by the older of the two.
pub(super) fn as_of(of: &PersonAffairs, clock: &Clockwork) -> Option<String> {
    let both = [of.affairs.appointments.as_of, of.affairs.balance.as_of];
    let oldest = both.into_iter().flatten().min()?;
    let moment = clock.moment(oldest);
    Some(format!("As Halaxy showed it {}, {}.", moment.local, moment.ago))
}

fn next(of: &PersonAffairs, clock: &Clockwork) -> Fact {
    const TITLE: &str = "Next appointment";
    match (&of.affairs.appointments.known, &of.next_month) {
        (Some(known), _) => match &known.next {
            Some(meeting) => fact(TITLE, met(meeting, clock)),
            None => fact(TITLE, "none booked"),
        },
        (None, Some(when)) => fact(TITLE, only_month(when)),
        (None, None) => unknown(TITLE, why(of.affairs.appointments.standing, "appointments")),
    }
}

fn last(of: &PersonAffairs, clock: &Clockwork) -> Fact {
    const TITLE: &str = "Last appointment";
    match (&of.affairs.appointments.known, &of.last_month) {
        (Some(known), _) => match &known.last {
            Some(meeting) => fact(TITLE, met(meeting, clock)),
            None => fact(TITLE, "none so far"),
        },
        (None, Some(when)) => fact(TITLE, only_month(when)),
        (None, None) => unknown(TITLE, why(of.affairs.appointments.standing, "appointments")),
    }
}

fn owed(of: &PersonAffairs) -> Fact {
    const TITLE: &str = "Owes";
    match &of.affairs.balance.known {
        Some(balance) => fact(TITLE, balance_text(balance)),
        None => unknown(TITLE, why(of.affairs.balance.standing, "invoices")),
    }
}

/// `Thursday 26 November 2026, 14:30, at Sampleton Clinic, with Ada Sample (in 3 days)`.
fn met(meeting: &Meeting, clock: &Clockwork) -> String {
    let at = meeting.start.saturating_mul(1_000_000);
    let place = meeting.place.iter().map(|place| format!(", at {place}"));
    let with = meeting.practitioner.iter().map(|name| format!(", with {name}"));
    let around: String = place.chain(with).collect();
    format!("{}{around} ({})", clock.full(at), clock.moment(at).ago)
}

/// `2026-12` as `December 2026`; other texts as they are.
pub(super) fn month(text: &str) -> String {
    let date = format!("{text}-01").parse::<Date>();
    date.map_or_else(|_| text.into(), |date| date.strftime("%B %Y").to_string())
}

fn only_month(text: &str) -> String {
    format!("in {}; the day is not known here", month(text))
}

fn why(standing: Standing, what: &str) -> String {
    match standing {
        Standing::NotFollowed | Standing::Known => format!("not known: Halaxy’s {what} are not followed here"),
        Standing::Reading => format!("not known yet: Halaxy’s {what} are being read for the first time"),
        Standing::TooMany => format!("more {what} than can be looked through here: look in Halaxy"),
        Standing::NoRecord => "no patient in Halaxy".into(),
    }
}

fn balance_text(balance: &Balance) -> String {
    let Some(oldest) = balance.invoices.first() else {
        return "nothing".into();
    };
    let several = balance.owed.len() > 1;
    let sums: Vec<String> = balance.owed.iter().map(|sum| amount(sum, several)).collect();
    let mut numbers: Vec<&str> = balance.invoices.iter().map(|invoice| invoice.number.as_str()).collect();
    let rest = numbers.len().saturating_sub(NUMBERS);
    numbers.truncate(NUMBERS);
    let more = if rest > 0 {
        format!(" and {} more", thousands(rest as u64))
    } else {
        String::new()
    };
    let date = oldest.date.strftime("%-d %B %Y");
    let which = match balance.invoices.len() {
        1 => format!("of {date}"),
        _ => format!("the oldest of {date}"),
    };
    let invoices = count(balance.invoices.len() as u64, "open invoice");
    format!(
        "{} on {invoices} ({}{more}), {which}",
        sums.join(" and "),
        numbers.join(", ")
    )
}

/// `$1,234.50`; with the currency's code where that sign says too little.
fn amount(sum: &Owed, several: bool) -> String {
    let Cents(cents) = sum.cents;
    let all = cents.unsigned_abs();
    let sign = if cents < 0 { "-" } else { "" };
    let digits = format!("{}.{:02}", thousands(all / 100), all % 100);
    match mark(&sum.currency).filter(|_| !several) {
        Some(mark) => format!("{sign}{mark}{digits}"),
        None => format!("{sign}{} {digits}", sum.currency),
    }
}

fn mark(currency: &Currency) -> Option<&'static str> {
    match currency.code() {
        "AUD" | "NZD" | "USD" | "CAD" | "SGD" | "HKD" => Some("$"),
        "GBP" => Some("£"),
        "EUR" => Some("€"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::affairs::OpenInvoice;
    use bridge_engine::affairs::{Affairs, Calendar, Part};

    const NOW: i64 = 1_795_000_000_000_000; // 2026-11-18T11:06:40Z

    fn known<T>(known: T) -> Part<T> {
        Part {
            standing: Standing::Known,
            as_of: Some(NOW - 180_000_000),
            unread: 0,
            known: Some(known),
        }
    }

    fn of(affairs: Affairs) -> PersonAffairs {
        PersonAffairs {
            entity: "e".into(),
            affairs,
            last_month: None,
            next_month: None,
        }
    }

    fn texts(of: &PersonAffairs) -> Vec<String> {
        let clock = Clockwork::new(NOW, "Australia/Melbourne");
        let facts = facts(of, &clock).into_iter();
        facts.map(|fact| format!("{}: {}", fact.title, fact.text)).collect()
    }

    fn invoice(number: usize, cents: i64, currency: &str) -> OpenInvoice {
        OpenInvoice {
            number: number.to_string(),
            date: jiff::civil::date(2026, 3, 4),
            cents: Cents(cents),
            currency: Currency::new(currency).unwrap(),
        }
    }

    fn balance(all: &[OpenInvoice], owed: &[(&str, i64)]) -> Balance {
        let sum = |(code, cents): &(&str, i64)| Owed {
            currency: Currency::new(code).unwrap(),
            cents: Cents(*cents),
        };
        Balance {
            owed: owed.iter().map(sum).collect(),
            invoices: all.to_vec(),
        }
    }

    #[test]
    fn what_is_known_reads_as_people_say_it() {
        let start = NOW / 1_000_000 + 3 * 86_400;
        let meeting = |start, place: Option<&str>, with: Option<&str>| Meeting {
            start,
            end: start + 1_800,
            place: place.map(str::to_string),
            practitioner: with.map(str::to_string),
        };
        let calendar = Calendar {
            next: Some(meeting(start, Some("Sampleton Clinic"), Some("Ada Sample"))),
            last: Some(meeting(start - 30 * 86_400, None, None)),
        };
        let owes = balance(
            &[invoice(600_001, 12_050, "AUD"), invoice(600_007, 123_400, "AUD")],
            &[("AUD", 135_450)],
        );
        let all = of(Affairs {
            appointments: known(calendar),
            balance: known(owes),
        });
        assert_eq!(
            texts(&all),
            [
                "Next appointment: Saturday 21 November 2026, 22:06, at Sampleton Clinic, with Ada Sample (in 3 days)",
                "Last appointment: Thursday 22 October 2026, 22:06 (27 days ago)",
                "Owes: $1,354.50 on 2 open invoices (600001, 600007), the oldest of 4 March 2026",
            ]
        );
        let clock = Clockwork::new(NOW, "Australia/Melbourne");
        assert_eq!(
            as_of(&all, &clock).unwrap(),
            "As Halaxy showed it 18 Nov 2026, 22:03, 3 minutes ago."
        );
        assert_eq!(all.shown(), ["appointments", "open_balance"]);
        let nothing = of(Affairs {
            appointments: known(Calendar::default()),
            balance: known(Balance::default()),
        });
        let mut doubtful = nothing.clone();
        doubtful.affairs.balance.unread = 2;
        assert_eq!(
            texts(&doubtful)[2],
            "Owes: nothing; 2 invoices cannot be read here and may change this"
        );
        assert_eq!(
            texts(&nothing),
            [
                "Next appointment: none booked",
                "Last appointment: none so far",
                "Owes: nothing"
            ]
        );
    }

    #[test]
    fn what_is_not_known_says_why() {
        for (standing, read) in [
            (
                Standing::NotFollowed,
                "not known: Halaxy’s appointments are not followed here",
            ),
            (
                Standing::Reading,
                "not known yet: Halaxy’s appointments are being read for the first time",
            ),
            (
                Standing::TooMany,
                "more appointments than can be looked through here: look in Halaxy",
            ),
            (Standing::NoRecord, "no patient in Halaxy"),
        ] {
            let none = of(Affairs::not(standing));
            assert_eq!(texts(&none)[0], format!("Next appointment: {read}"));
            assert!(texts(&none)[2].ends_with(&read.replace("appointments", "invoices")));
            assert!(none.shown().is_empty());
        }
        let months = PersonAffairs {
            next_month: Some("2026-12".into()),
            ..of(Affairs::not(Standing::NotFollowed))
        };
        assert_eq!(
            texts(&months)[0],
            "Next appointment: in December 2026; the day is not known here"
        );
        assert_eq!(months.shown(), ["appointments"]);
    }

    #[test]
    fn amounts_are_exact_and_name_their_currency_where_a_sign_does_not() {
        let sum = |code: &str, cents| Owed {
            currency: Currency::new(code).unwrap(),
            cents: Cents(cents),
        };
        assert_eq!(amount(&sum("AUD", 5), false), "$0.05");
        assert_eq!(amount(&sum("GBP", 100_000_001), false), "£1,000,000.01");
        assert_eq!(amount(&sum("CHF", 1_250), false), "CHF 12.50");
        let many: Vec<OpenInvoice> = (1..=9).map(|n| invoice(n, 100, "AUD")).collect();
        assert_eq!(
            balance_text(&balance(&many, &[("AUD", 900), ("NZD", 100)])),
            "AUD 9.00 and NZD 1.00 on 9 open invoices (1, 2, 3, 4, 5, 6 and 3 more), the oldest of 4 March 2026"
        );
        assert_eq!(
            balance_text(&balance(&many[..1], &[("AUD", 100)])),
            "$1.00 on 1 open invoice (1), of 4 March 2026"
        );
        assert_eq!((month("2026-12"), month("6")), ("December 2026".into(), "6".into()));
    }
}
