//! Webhooks over real HTTP against the service: ten thousand at a thousand a second, a tenth of them not to be
//! believed; and five edits a second, from the hook to the arrival in the other system. Prints figures, and
//! fails if a promise does not hold.
//!
//! `cargo bench -p bridge-tests --bench webhooks [-- storm|edits]`
#![allow(clippy::unwrap_used)]

use adapter_sandbox::{CrmKind, CsvPerson, Manners};
use bridge_tests::{Practice, person};
use halaxy_bridge::drive;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

fn people(side: &str, count: usize) -> Vec<CsvPerson> {
    let one = |n: usize| {
        let letters = |mut n: usize| -> String {
            let mut word = String::from("Sa");
            for _ in 0..4 {
                word.push(char::from(b"bdfgklmnprst"[n % 12]));
                word.push(char::from(b"aeiou"[n % 5]));
                n /= 12;
            }
            word
        };
        let born = format!("19{:02}-{:02}-{:02}", 10 + n % 89, n % 12 + 1, n % 28 + 1);
        let (given, family) = (letters(n), letters(n * 7 + 3));
        person(
            &format!("{side}{n}"),
            &given,
            &family,
            &born,
            &format!("0491{n:06}"),
            &format!("p{n}@example.org"),
        )
    };
    (0..count).map(one).collect()
}

async fn practice(count: usize) -> Practice {
    let practice = Practice::start(
        CrmKind::Hubspot,
        Manners::Polite,
        people("P", count),
        people("C", count),
    )
    .await;
    practice.sync().await;
    practice
}

async fn storm() {
    let mut practice = practice(1_000).await;
    let hooks = practice.hooked().await;
    let (count, rate) = (10_000, 1_000);
    let storm = practice.storm(&hooks, count, rate).await;
    let ms = |share: f64| storm.percentile(share).as_secs_f64() * 1e3;
    println!(
        "{count} webhooks at {rate}/s: answered in median {:.1} ms, 95 % {:.1} ms, 99 % {:.1} ms, longest {:.1} ms; {} unanswered",
        ms(0.5),
        ms(0.95),
        ms(0.99),
        ms(1.0),
        storm.unanswered
    );
    for ((sort, status), count) in &storm.answers {
        println!("  {sort:<12} {status}: {count}");
    }
    println!(
        "events to keep {}, kept {}; about {} records; direct reads that followed {:?}, none is about more than 100 records",
        storm.events, storm.kept, storm.records, storm.reads
    );
    assert_eq!(
        (storm.kept, storm.unanswered),
        (storm.events, 0),
        "none lost, none made up"
    );
    for (sort, status) in storm.answers.keys() {
        assert_eq!(
            *status == 200,
            matches!(*sort, "right" | "repeated"),
            "{sort} answered {status}"
        );
    }
}

async fn edits() {
    let mut practice = practice(300).await;
    let hooks = practice.hooked().await;
    practice.tell(&hooks, true);
    let stop = CancellationToken::new();
    let (ran, ()) = tokio::join!(
        drive::serve(&practice.engine, &stop, |_| ()),
        five_a_second(&practice, &stop)
    );
    ran.unwrap();
    drop(hooks);
}

async fn five_a_second(practice: &Practice, stop: &CancellationToken) {
    let (begun, mut times, mut open) = (Instant::now(), vec![], vec![]);
    let count = 150_usize;
    let mut edited = 0;
    while edited < count || !open.is_empty() {
        if edited < count && begun.elapsed() >= Duration::from_millis(200) * edited as u32 {
            let typed = format!("+6149199{edited:04}");
            let (patient, contact) = (practice.id(&format!("P{edited}")), practice.id(&format!("C{edited}")));
            let (from, to) = if edited % 2 == 0 {
                (("halaxy", patient), ("crm", contact))
            } else {
                (("crm", contact), ("halaxy", patient))
            };
            practice.edit(from.0, &from.1, "mobile", &typed);
            open.push((Instant::now(), to, typed));
            edited += 1;
        }
        open.retain(|(since, (system, id), typed)| {
            let arrived = practice.shows(system, id, "mobile") == *typed;
            if arrived {
                times.push(since.elapsed());
            }
            assert!(since.elapsed() < Duration::from_secs(30), "an edit did not arrive");
            !arrived
        });
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    times.sort();
    let ms = |share: usize| times[(times.len() - 1) * share / 100].as_millis();
    println!(
        "five edits a second, hourly poll: hook to arrival median {} ms, 95 % {} ms, longest {} ms",
        ms(50),
        ms(95),
        ms(100)
    );
    assert!(ms(50) < 1_000);
    stop.cancel();
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runs("storm") {
        runtime.block_on(storm());
    }
    if runs("edits") {
        runtime.block_on(edits());
    }
}
