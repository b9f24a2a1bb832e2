//! Reports of calls and credits: each row once, whom a call was with, and what a month costs.
#![allow(clippy::unwrap_used)]

use bridge_core::codec::Country;
use bridge_core::ledger::month::Month;
use bridge_core::ledger::{Account, Books, Cents, Currency, Rules};
use bridge_core::telehealth::cost::{Accounts, CostHold, Names, Price, Session, costs, journals};
use bridge_core::telehealth::layout::Layouts;
use bridge_core::telehealth::{Call, Merge, Party, Report, Usage, UsageKind, Who, estimate, matched, read};
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

const HEADER: &str = "Recipient Number,Connection Status,Practitioner,Start,End,Credits";

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn calls(text: &str) -> Vec<Call> {
    let layouts = Layouts::default();
    let found = read::<Call>(layouts.of(Report::Phone), Country::AU, text.as_bytes());
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    found.rows
}

fn row(n: u32) -> String {
    let (minute, day) = (n % 60, 1 + n / 60 % 28);
    let number = format!("04915700{:02}", n % 90);
    format!("{number},Connected,Dr Alex Tester,{day:02}/03/2026 9:{minute:02},{day:02}/03/2026 10:{minute:02},60")
}

#[test]
fn credits_are_estimated_as_halaxy_words_it() {
    assert_eq!(estimate::video(50 * 60, 1), 8);
    assert_eq!(estimate::video(50 * 60, 3), 24);
    assert_eq!(
        (
            estimate::video(0, 1),
            estimate::video(15 * 60, 1),
            estimate::video(15 * 60 + 1, 1)
        ),
        (0, 2, 4)
    );
    assert_eq!(
        (estimate::phone(60, 1), estimate::phone(61, 1), estimate::phone(0, 1)),
        (1, 2, 0)
    );
}

#[test]
fn a_report_is_read_however_it_is_spelt() {
    let first = calls(&format!(
        "\u{feff}Phone communication report\nMarch 2026,,,\n\n{HEADER}\n0491 570 006,Connected,Dr Alex Tester,02/03/2026 9:05,02/03/2026 9:17,12\nTotal,,,,,12\n"
    ));
    assert_eq!(first.len(), 1);
    let call = &first[0];
    assert_eq!(
        (call.number.as_deref(), call.seconds, call.credits),
        (Some("+61491570006"), Some(720), Some(12))
    );
    assert_eq!((call.connected, call.at), (Some(true), date(2026, 3, 2).at(9, 5, 0, 0)));
    assert!(!format!("{call:?}").contains("49157"));
    // Other separators, names, times, a name before the number: the same call under the same key.
    let second = calls(
        "Recipient;Status;Caller;Start Time;Duration;Credits Used\nM Samplewood (+61 491 570 006);connected;DR ALEX TESTER;2026-03-02T09:05:00;12:00;12\n",
    );
    assert_eq!(second[0].key, call.key);
    let failed = calls(&format!(
        "{HEADER}\nwithheld,No answer,Dr Alex Tester,02/03/2026 9:05 AM,,\n"
    ));
    assert_eq!(
        (failed[0].number.as_deref(), failed[0].connected, failed[0].cost()),
        (None, Some(false), (0, true))
    );
}

#[test]
fn links_are_left_out() {
    let found = calls(&format!(
        "{HEADER}\n0491570006,Joined https://video.example/join/x,A www.example.com,02/03/2026 9:05,,1\n"
    ));
    let call = serde_json::to_string(&found[0]).unwrap();
    assert!(
        call.contains("[link left out]") && !call.contains("video.example") && !call.contains("www."),
        "{call}"
    );
}

#[test]
fn bad_rows_are_told_by_place_and_stop_nothing() {
    let layouts = Layouts::default();
    let text = format!(
        "{HEADER}\n{}\n0491570006,Connected,A,SECRET,,1\n0491570006,Connected,A,02/03/2026 9:05,02/03/2026 8:00,1\n\
         0491570006,Connected,A,02/03/2026 9:06,,SECRET\n",
        row(1)
    );
    let found = read::<Call>(layouts.of(Report::Phone), Country::AU, text.as_bytes());
    let places: Vec<(u64, &str)> = found.problems.iter().map(|p| (p.line, p.column.as_str())).collect();
    assert_eq!(
        (found.rows.len(), places),
        (1, vec![(3, "Start"), (4, "End"), (5, "Credits")])
    );
    assert!(found.problems.iter().all(|p| !p.to_string().contains("SECRET")));
    let none = read::<Call>(layouts.of(Report::Phone), Country::AU, b"a,b\n1,2\n");
    assert!(none.problems[0].to_string().contains("layout"), "{:?}", none.problems);
    // A file of the practice names its own columns.
    let own = Layouts::parse(
        "telehealth.toml",
        "[phone.columns]\nstart = [\"When\"]\nnumber = [\"Dialled\"]\n",
    )
    .unwrap();
    let found = read::<Call>(
        own.of(Report::Phone),
        Country::AU,
        b"When,Dialled\n2026-03-02 09:05,0491570006\n",
    );
    assert_eq!(found.rows.len(), 1);
    let wrong = Layouts::parse("telehealth.toml", "[phone.columns]\nnumbers = [\"Dialled\"]\n").unwrap_err();
    assert_eq!(wrong[0].line, 2);
}

#[test]
fn five_thousand_calls_count_once_whatever_file_they_come_in() {
    let all: Vec<String> = (0..5_000).map(row).collect();
    let file = |rows: &[String]| format!("{HEADER}\n{}\n", rows.join("\n"));
    let whole = calls(&file(&all));
    assert_eq!(whole.len(), 5_000);
    let mut there = BTreeMap::new();
    let first = Merge::of(&mut there, whole.clone(), |_| {});
    assert_eq!((first.new, first.known), (5_000, 0));
    let before = there.clone();
    let again = Merge::of(&mut there, whole, |key| panic!("{key} is not new"));
    assert_eq!((again.new, again.known, again.changed), (0, 5_000, 0));
    assert_eq!(there, before);
    // Reordered.
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(Merge::of(&mut there, calls(&file(&reversed)), |_| {}).new, 0);
}

proptest! {
    /// In whatever overlapping files calls come, and in whatever order, what is known afterwards is the same.
    #[test]
    fn the_order_of_files_makes_no_difference(
        cuts in proptest::collection::vec((0usize..60, 1usize..40), 1..6),
        late in proptest::collection::vec(any::<bool>(), 60),
    ) {
        // Some rows are of calls that were not over when the report was made.
        let all: Vec<String> = (0..60).map(row).collect();
        let early = |n: usize| {
            let whole = &all[n];
            let cut: Vec<&str> = whole.splitn(5, ',').collect();
            if late[n] { format!("{},,", cut[..4].join(",")) } else { whole.clone() }
        };
        let mut files: Vec<Vec<Call>> = cuts
            .iter()
            .map(|(from, length)| {
                let rows: Vec<String> = (*from..(from + length).min(60)).map(early).collect();
                calls(&format!("{HEADER}\n{}\n", rows.join("\n")))
            })
            .collect();
        files.push(calls(&format!("{HEADER}\n{}\n", all.join("\n"))));
        let known = |files: &[Vec<Call>]| {
            let mut there = BTreeMap::new();
            for file in files {
                Merge::of(&mut there, file.clone(), |_| {});
            }
            there
        };
        let forth = known(&files);
        files.reverse();
        prop_assert_eq!(&forth, &known(&files));
        prop_assert_eq!(forth.len(), 60);
        prop_assert!(forth.values().all(|call| call.credits == Some(60)));
    }

    /// However a month is divided, its journals balance, and nothing of what was used is lost by more than rounding.
    #[test]
    fn journals_balance(uses in proptest::collection::vec((0u32..4, 0u32..3, 1u32..500, 1i8..=28), 0..40), price in 10i64..40) {
        let usage: Vec<Usage> = uses
            .iter()
            .enumerate()
            .map(|(n, (who, place, credits, day))| used(n, *day, UsageKind::Video, &format!("P{who}"), &format!("L{place}"), *credits, None))
            .collect();
        let price = Price { credit: Decimal::new(price, 2), gst_percent: dec("10") };
        let month: Month = "2026-03".parse().unwrap();
        let sum: u32 = usage.iter().map(|u| u.credits).sum();
        let costs = costs(month, price, [], usage, []);
        prop_assert_eq!(costs.credits(), sum);
        let (all, holds) = journals(&costs, price, &accounts(), &Names::default(), &rules(), &books());
        prop_assert!(holds.is_empty());
        prop_assert_eq!(all.len(), usize::from(sum > 0));
        for document in all {
            let total: Cents = document.lines.iter().map(|l| l.net + l.tax).sum();
            prop_assert!(total.is_zero());
        }
        let exact = price.credit * Decimal::from(sum) / dec("1.1");
        prop_assert!((costs.amount().decimal() - exact).abs() <= dec("0.005") * Decimal::from(costs.lines.len().max(1)));
    }
}

fn used(n: usize, day: i8, kind: UsageKind, who: &str, place: &str, credits: u32, amount: Option<i64>) -> Usage {
    Usage {
        key: format!("k{n}"),
        day: date(2026, 3, day),
        kind,
        practitioner: who.into(),
        location: place.into(),
        credits,
        amount: amount.map(Cents),
    }
}

fn accounts() -> Accounts {
    Accounts {
        costs: "420".into(),
        prepaid: "625".into(),
        top_up_tax: Some("INPUT".into()),
        top_ups_from: Some("870".into()),
    }
}

fn rules() -> Rules {
    let text = include_str!("../../cli/templates/ledger.toml");
    let mut rules = Rules::parse("ledger.toml", text).unwrap();
    rules.tracking =
        toml::from_str("[Practitioner]\nby = \"practitioner\"\noptions = { PR-500001 = \"Alex\" }\n").unwrap();
    rules
}

fn books() -> Books {
    let account = |code: &str, bank: bool| Account {
        code: code.into(),
        name: code.into(),
        system: None,
        active: true,
        bank,
        takes_payments: false,
    };
    Books {
        name: "Sampleton".into(),
        country: "AU".into(),
        currency: Currency::AUD,
        locked_to: None,
        accounts: vec![
            account("420", false),
            account("625", false),
            account("870", false),
            account("090", true),
        ],
        tax_rates: Vec::new(),
        tracking: Vec::new(),
    }
}

#[test]
fn whom_a_call_was_with() {
    let patient = |id: &str| Party::Patient(id.into());
    let only = Who::Only { party: patient("1") };
    assert_eq!(matched(None, vec![patient("1"), patient("1")]), only);
    assert_eq!(matched(None, Vec::new()), Who::Nobody);
    let both = matched(None, vec![Party::Professional("EP-1".into()), patient("1")]);
    assert!(both.waits() && both.party().is_none());
    // A second person with the number does not take a call away; the owner's going does.
    assert_eq!(matched(Some(&only), vec![patient("1"), patient("2")]), only);
    assert_eq!(matched(Some(&only), Vec::new()), only);
    assert_eq!(
        matched(Some(&only), vec![patient("2")]),
        Who::Only { party: patient("2") }
    );
    let decided = Who::Decided {
        party: None,
        by: "riley".into(),
    };
    assert_eq!(matched(Some(&decided), vec![patient("1")]), decided);
    for text in ["patient/900001", "professional/EP-500002"] {
        assert_eq!(text.parse::<Party>().unwrap().to_string(), text);
    }
    assert!("900001".parse::<Party>().is_err() && "patient/".parse::<Party>().is_err());
}

#[test]
fn a_month_is_booked_by_practitioner_from_what_was_reported() {
    let month: Month = "2026-03".parse().unwrap();
    let price = Price {
        credit: dec("0.22"),
        gst_percent: dec("10"),
    };
    let phone = calls(&format!(
        "{HEADER},Location\n0491570006,Connected,Alex Tester,02/03/2026 9:05,,10,Sampleton\n\
         0491570006,Connected,alex  tester,31/03/2026 23:59,,20,SAMPLETON\n0491570006,Connected,Alex Tester,01/04/2026 0:01,,99,Sampleton\n"
    ));
    let usage = vec![
        used(1, 3, UsageKind::Video, "Alex Tester", "Sampleton", 100, None),
        used(2, 4, UsageKind::Video, "Sam Other", "Sampleton", 50, None),
        // Calls of that day were imported; those of the fifth were not.
        used(3, 2, UsageKind::Phone, "Alex Tester", "Sampleton", 10, None),
        used(4, 5, UsageKind::Phone, "Sam Other", "Sampleton", 7, None),
        used(5, 6, UsageKind::TopUp, "", "", 500, Some(11_000)),
        used(6, 7, UsageKind::TopUp, "", "", 500, None),
    ];
    let session = |day: Date, video| Session {
        day,
        video,
        seconds: 50 * 60,
        patients: 1,
        practitioner: "Alex Tester".into(),
        location: "Sampleton".into(),
    };
    let found = costs(
        month,
        price,
        phone.clone(),
        usage.clone(),
        [session(date(2026, 3, 3), true)],
    );
    assert_eq!((found.credits(), found.expected), (187, 8));
    assert!(found.lines.iter().all(|line| !line.estimated));
    let mut names = Names::default();
    names.practitioner("Alex Tester", "PR-500001");
    let (all, holds) = journals(&found, price, &accounts(), &names, &rules(), &books());
    assert_eq!(holds, [CostHold::NoAmount(500, date(2026, 3, 7))]);
    let used: Vec<(Option<&str>, i64, &str)> = all[0]
        .lines
        .iter()
        .map(|l| {
            (
                l.tracking.values().next().map(String::as_str),
                l.net.0,
                l.account.as_str(),
            )
        })
        .collect();
    assert_eq!(
        used,
        [(None, 1140, "420"), (Some("Alex"), 2600, "420"), (None, -3740, "625")]
    );
    assert_eq!((all[0].key.as_str(), all[0].date), ("HX-T2026-03", date(2026, 3, 31)));
    // Bought credits: an asset and its GST, out of the clearing account.
    let bought: Vec<(i64, i64, &str)> = all[1]
        .lines
        .iter()
        .map(|l| (l.net.0, l.tax.0, l.account.as_str()))
        .collect();
    assert_eq!(bought, [(10_000, 1_000, "625"), (-11_000, 0, "870")]);
    assert!(
        all.iter()
            .flat_map(|d| &d.lines)
            .all(|l| !l.description.contains("Tester"))
    );

    // Without a report of video the calendar is counted, marked, and not booked.
    let estimated = costs(
        month,
        price,
        phone,
        [],
        [session(date(2026, 3, 3), true), session(date(2026, 3, 4), false)],
    );
    assert_eq!(
        estimated
            .lines
            .iter()
            .filter(|l| l.estimated)
            .map(|l| l.credits)
            .sum::<u32>(),
        8
    );
    let (all, holds) = journals(&estimated, price, &accounts(), &names, &rules(), &books());
    assert_eq!((all.len(), holds), (1, vec![CostHold::Estimated(8, month)]));

    // Bank accounts take no journals, and unknown accounts are said.
    let bank = Accounts {
        top_ups_from: Some("090".into()),
        ..accounts()
    };
    let (_, holds) = journals(&found, price, &bank, &names, &rules(), &books());
    assert!(holds.contains(&CostHold::BankLine(Cents(11_000), date(2026, 3, 6), "625".into())));
    let none = Accounts {
        costs: "999".into(),
        ..accounts()
    };
    let (all, holds) = journals(&found, price, &none, &names, &rules(), &books());
    assert_eq!((all.len(), holds), (0, vec![CostHold::NoAccount("999".into())]));
}
