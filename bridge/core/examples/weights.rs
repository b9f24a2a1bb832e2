//! Estimates the shipped table of weights from records whose truth is known.
//!
//!     cargo run --release -p bridge-core --example weights -- estimate DIR.. > shipped_weights.txt
//!     cargo run --release -p bridge-core --example weights -- pairs DIR OUT.csv
//!
//! Each folder holds `left.csv`, `right.csv`, `truth.csv` and `entities.csv`.

use bridge_core::matching::compare::{self, Comparison, Frequencies, compare};
use bridge_core::matching::decide::{Decider, Settings};
use bridge_core::matching::index::{At, Index};
use bridge_core::matching::person::{Born, Kind, Person, Raw, hash_text};
use bridge_core::matching::weights::Weights;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Side {
    ids: Vec<String>,
    records: Vec<(Person, u64)>,
}

fn side(path: &Path) -> Result<Side> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut side = Side {
        ids: vec![],
        records: vec![],
    };
    for row in reader.records() {
        let row = row?;
        let at = |i: usize| row.get(i).unwrap_or_default();
        let raw = Raw {
            given_name: at(1),
            surname: at(2),
            date_of_birth: at(3),
            sex: at(4),
            phones: [at(5), "", ""],
            emails: [at(6), ""],
            street: at(7),
            suburb: at(8),
            postcode: at(10),
            card: at(11),
        };
        side.records.push((Person::new(&raw), hash_text(at(0))));
        side.ids.push(at(0).to_string());
    }
    Ok(side)
}

struct Set {
    left: Side,
    right: Side,
    truth: HashSet<(u32, u32)>,
    homes: [Vec<String>; 2],
}

fn set(folder: &Path) -> Result<Set> {
    let (left, right) = (side(&folder.join("left.csv"))?, side(&folder.join("right.csv"))?);
    let places = |s: &Side| -> HashMap<String, u32> { s.ids.iter().cloned().zip(0..).collect() };
    let (l, r) = (places(&left), places(&right));
    let mut truth = HashSet::new();
    for row in csv::Reader::from_path(folder.join("truth.csv"))?.records() {
        let row = row?;
        truth.insert((l[&row[0]], r[&row[1]]));
    }
    let mut homes = [vec![String::new(); l.len()], vec![String::new(); r.len()]];
    for row in csv::Reader::from_path(folder.join("entities.csv"))?.records() {
        let row = row?;
        let (side, places) = if &row[0] == "L" { (0, &l) } else { (1, &r) };
        homes[side][places[&row[1]] as usize] = row[3].to_string();
    }
    Ok(Set {
        left,
        right,
        truth,
        homes,
    })
}

type Cells = BTreeMap<(&'static str, String), [f64; 3]>;

fn tally(cells: &mut Cells, c: &Comparison, who: usize) {
    let mut add = |field, level: String| cells.entry((field, level)).or_default()[who] += 1.0;
    add("given", c.given.code().into());
    add("surname", c.surname.code().into());
    add("middle", c.middle.code().into());
    add("born", c.born.code().into());
    add("sex", c.sex.code().into());
    add("card", c.card.code().into());
    add("phone", c.phone.code().into());
    add("email", c.email.code().into());
    add("place", c.place.code().into());
    add("identity", format!("{} {}", c.given.code(), c.born.code()));
    add(
        "contact",
        format!("{} {} {}", c.phone.code(), c.email.code(), c.place.code()),
    );
}

fn estimate(folders: &[String]) -> Result<()> {
    let mut cells: Cells = BTreeMap::new();
    for l in compare::ContactLevel::ALL {
        for e in compare::ContactLevel::ALL {
            for p in compare::PlaceLevel::ALL {
                cells.insert(("contact", format!("{} {} {}", l.code(), e.code(), p.code())), [0.0; 3]);
            }
        }
        cells.insert(("phone", l.code().into()), [0.0; 3]);
        cells.insert(("email", l.code().into()), [0.0; 3]);
    }
    for g in compare::GivenLevel::ALL {
        for b in compare::BornLevel::ALL {
            cells.insert(("identity", format!("{} {}", g.code(), b.code())), [0.0; 3]);
        }
    }
    macro_rules! all {
        ($($field:literal $level:ident),*) => { $(for l in compare::$level::ALL { cells.insert(($field, l.code().into()), [0.0; 3]); })* };
    }
    all!("given" GivenLevel, "surname" SurnameLevel, "middle" MiddleLevel, "born" BornLevel, "sex" SexLevel, "card" CardLevel, "place" PlaceLevel);
    let mut counts = [0.0f64; 3];
    let mut people = 0.0;
    for folder in folders {
        let set = set(Path::new(folder))?;
        let (l, r) = (set.left.records.len() as u32, set.right.records.len() as u32);
        people += f64::from(l.max(r));
        let mut at_home: HashMap<&str, Vec<u32>> = HashMap::new();
        for (i, home) in set.homes[1].iter().enumerate() {
            at_home.entry(home).or_default().push(i as u32);
        }
        let homes = set.homes[0].clone();
        let index = Index::new(vec![set.left.records, set.right.records]);
        let of = |a: u32, b: u32| {
            compare(
                index.person(At { side: 0, record: a }),
                index.person(At { side: 1, record: b }),
                &index,
            )
        };
        let person = |side: u8, record: u32| index.person(At { side, record }).kind == Kind::Person;
        for (a, b) in &set.truth {
            tally(&mut cells, &of(*a, *b), 0);
            counts[0] += 1.0;
        }
        let mut step = 12_345u64;
        for a in 0..l {
            for b in at_home.get(homes[a as usize].as_str()).into_iter().flatten() {
                if !set.truth.contains(&(a, *b)) && person(0, a) && person(1, *b) {
                    tally(&mut cells, &of(a, *b), 1);
                    counts[1] += 1.0;
                }
            }
            for _ in 0..20 {
                step = step
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let b = ((step >> 33) % u64::from(r)) as u32;
                if !set.truth.contains(&(a, b)) {
                    tally(&mut cells, &of(a, b), 2);
                    counts[2] += 1.0;
                }
            }
        }
        let _ = index.records();
    }
    println!("version 1");
    println!("# how many records of the other system are this person, and others of the household");
    println!("prior {:.4} {:.4}", counts[0] / people, counts[1] / people);
    println!("# field level: share among two records of one person, of a household, of strangers");
    let fields = cells.keys().map(|(f, _)| *f).collect::<std::collections::BTreeSet<_>>();
    for field in fields {
        let of: Vec<_> = cells.iter().filter(|((f, _), _)| *f == field).collect();
        // a little mass for what was never seen
        let a = if matches!(field, "contact" | "identity") {
            0.2
        } else {
            0.5
        };
        let n = of.len() as f64;
        for ((_, level), seen) in &of {
            let share: Vec<String> = (0..3)
                .map(|w| format!("{:.3e}", (seen[w] + a) / (counts[w] + a * n)))
                .collect();
            println!("{field} {level} {}", share.join(" "));
        }
    }
    Ok(())
}

fn pairs(folder: &Path, out: &str, dedup: bool) -> Result<()> {
    let start = Instant::now();
    let env = |name: &str, or: f32| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or);
    let settings = Settings {
        link: env("LINK", 0.7),
        link_forms: env("FORMS", 0.92),
        review: env("REVIEW", 0.045),
        today: Born {
            year: 2026,
            month: 11,
            day: 22,
        },
        within: dedup,
    };
    let weights = Weights::shipped();
    let (left, right) = if dedup {
        (side(&folder.join("records.csv"))?, None)
    } else {
        (side(&folder.join("left.csv"))?, Some(side(&folder.join("right.csv"))?))
    };
    let read = start.elapsed();
    let mut sides = vec![left.records];
    let ids = [left.ids, right.as_ref().map(|r| r.ids.clone()).unwrap_or_default()];
    sides.extend(right.map(|r| r.records));
    let index = Index::new(sides);
    let weights = if std::env::var("LEARN").is_ok() {
        bridge_core::matching::learn::learn(&index, &weights, 0, u8::from(!dedup))
    } else {
        weights
    };
    if std::env::var("LEARN").is_ok() {
        let p = weights.prior();
        eprintln!("prior {} {}", p[0], p[1]);
    }
    let built = start.elapsed();
    let decider = Decider::new(&index, &weights, settings);
    let n = index.places(0);
    let other = u8::from(!dedup);
    let parts = 2u32;
    let rows: Vec<String> = std::thread::scope(|s| {
        let tasks: Vec<_> = (0..parts)
            .map(|p| {
                let (decider, index, ids) = (&decider, &index, &ids);
                s.spawn(move || {
                    let mut rows = vec![];
                    for record in (n * p / parts)..(n * (p + 1) / parts) {
                        let at = At { side: 0, record };
                        for v in decider.decide(at, other) {
                            if dedup && v.other.record < record {
                                continue;
                            }
                            let (a, b) = (index.person(at), index.person(v.other));
                            let _ = (a, b);
                            rows.push(format!(
                                "{},{},{:.6},{},{:?},{:.2},{:?}",
                                ids[0][record as usize],
                                ids[usize::from(other)][v.other.record as usize],
                                v.probability,
                                if v.obstacle.is_none() { "link" } else { "review" },
                                v.obstacle.map(|o| format!("{o:?}")).unwrap_or_default(),
                                v.probability.ln(),
                                format!("{:?}", v.comparison).replace(',', ";").replace('"', ""),
                            ));
                        }
                    }
                    rows
                })
            })
            .collect();
        tasks.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    eprintln!(
        "read {:.2?} index {:.2?} decide {:.2?}",
        read,
        built - read,
        start.elapsed() - built
    );
    std::fs::write(
        out,
        format!(
            "left_id,right_id,score,decision,obstacle,x,levels\n{}\n",
            rows.join("\n")
        ),
    )?;
    Ok(())
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["estimate", ..] => estimate(&args[1..]),
        ["pairs", folder, out] => pairs(Path::new(folder), out, false),
        ["dedup", folder, out] => pairs(Path::new(folder), out, true),
        _ => Err("say what to do: estimate DIR.. | pairs DIR OUT".into()),
    }
}
