//! How fast matching is: `cargo bench -p bridge-core --bench matching -- [RECORDS] [SINGLES] [--singles]`.
//! Prints wall time, CPU time and memory of a batch of RECORDS by RECORDS (100,000 unless given),
//! and of SINGLES single records (20,000) that are put into the warm index and decided one by one.
//! With `--singles` the batch is left out. People are invented by arithmetic: households of three share a phone, mailbox and address.

use bridge_core::matching::batch::decide_all;
use bridge_core::matching::decide::{Decider, Decision, Settings};
use bridge_core::matching::index::Index;
use bridge_core::matching::learn::learn;
use bridge_core::matching::person::{Born, Person, Raw};
use bridge_core::matching::weights::Weights;
use std::hint::black_box;
use std::time::{Duration, Instant};

const TODAY: Born = Born {
    year: 2026,
    month: 7,
    day: 1,
};
const SYLLABLES: &[&str] = &[
    "ba", "cor", "del", "fen", "gar", "hol", "kin", "lan", "mer", "nor", "pem", "ros", "sel", "tor", "wen", "zan",
];

fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn word(n: u64, syllables: u32) -> String {
    (0..syllables)
        .map(|i| SYLLABLES[(n >> (4 * i)) as usize % SYLLABLES.len()])
        .collect()
}

/// Person `n` as system `side` holds it: the second system knows less, and spells some names otherwise.
fn invented(n: u64, side: u64) -> (Person, u64) {
    let (own, home, dirt) = (mix(n), mix(n / 3 + 77), mix(n * 2 + side + 13));
    let mut given = word(own % 900, 3);
    if dirt.is_multiple_of(12) {
        given.remove(1);
    }
    // a few names are common, most are rare
    let surname = word(home % (20 + (home >> 32) % 20_000), 4);
    let (year, month, day) = (1930 + own % 90, 1 + own / 90 % 12, 1 + own / 1_080 % 28);
    let born = format!("{year}-{month:02}-{day:02}");
    let phone = format!(
        "04{:08}",
        if own % 10 < 6 {
            own % 100_000_000
        } else {
            home % 100_000_000
        }
    );
    let email = format!(
        "{}.{surname}{}@example.org",
        if own % 10 < 7 { &given } else { "home" },
        home % 9_999
    );
    let street = format!("{} {} Street", 1 + home % 180, word(home >> 20, 2));
    let postcode = format!("{}", 2_000 + home % 2_000);
    let knows = |bit: u32, of_ten: u64| (dirt >> (bit * 4)) % 10 < if side == 0 { 9 } else { of_ten };
    let raw = Raw {
        given_name: &given,
        surname: &surname,
        date_of_birth: if knows(1, 4) { &born } else { "" },
        sex: if own.is_multiple_of(2) { "F" } else { "M" },
        phones: [if knows(2, 8) { &phone } else { "" }, "", ""],
        emails: [if knows(3, 9) { &email } else { "" }, ""],
        street: if knows(4, 5) { &street } else { "" },
        suburb: "",
        postcode: if knows(4, 5) { &postcode } else { "" },
        card: "",
    };
    (Person::new(&raw), mix(n * 4 + side))
}

/// CPU time of the process and its largest memory, where the system tells.
fn process() -> (Duration, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|l| l.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    (Duration::from_millis(ticks * 10), peak / 1_024)
}

fn step(name: &str, since: &mut (Instant, Duration)) {
    let (cpu, peak) = process();
    println!(
        "{name:<28} wall {:>8.2?}  cpu {:>8.2?}  peak {peak} MB",
        since.0.elapsed(),
        cpu.saturating_sub(since.1)
    );
    *since = (Instant::now(), cpu);
}

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|a| a.replace('_', "").parse().ok())
        .collect();
    let records = numbers.first().copied().unwrap_or(100_000);
    let singles = numbers.get(1).copied().unwrap_or(20_000);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    println!("{records} x {records} records, {threads} threads");
    let mut since = (Instant::now(), process().0);
    let left: Vec<_> = (0..records).map(|n| invented(n, 0)).collect();
    let right: Vec<_> = (records / 3..records / 3 + records).map(|n| invented(n, 1)).collect();
    step("invent and normalise", &mut since);
    let mut index = Index::new(vec![left, right]);
    step("index", &mut since);
    println!("{:<28} {} MB", "  the index holds", index.bytes() >> 20);
    let weights = learn(&index, &Weights::shipped(), 0, 1);
    step("learn", &mut since);
    let settings = Settings::new(TODAY);
    if !std::env::args().any(|a| a == "--singles") {
        let pairs = decide_all(&Decider::new(&index, &weights, settings), 0, 1, threads);
        step("decide all", &mut since);
        let links = pairs.iter().filter(|(_, v)| v.decision == Decision::Link).count();
        println!("{:<28} {links} links, {} for a person", "  found", pairs.len() - links);
        drop(pairs);
    }
    // one record after another: into the index, decided, out again
    let mut times = Vec::with_capacity(singles as usize);
    for i in 0..singles {
        let (person, tie) = invented(records / 3 + mix(i) % records, 1);
        let begun = Instant::now();
        let at = index.insert(1, person, tie ^ 1);
        black_box(Decider::new(&index, &weights, settings).decide(at, 0));
        index.remove(at);
        times.push(begun.elapsed());
    }
    step("single records", &mut since);
    times.sort_unstable();
    let at = |share: f64| {
        times
            .get((times.len() as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{:<28} median {:.2?}, 99th percentile {:.2?}, slowest {:.2?}",
        "  each",
        at(0.5),
        at(0.99),
        at(0.9999)
    );
}
