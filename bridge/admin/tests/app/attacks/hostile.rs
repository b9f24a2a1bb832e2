//! A practice in which whatever comes from outside is an attack: every unit of people, ids, reasons, names, what accounts and
//! providers say, reports of the books. Each attack is marked, so that a page can be asked which it shows.

use crate::support::{House, NOW, vitals};
use adapter_kit::Clock;
use bridge_admin::access::role::Role;
use bridge_core::ledger::sheet::{Sheet, page};
use bridge_core::mapping::EntityFile;
use bridge_core::{Agreed, Conflict, Entity, Hold, Lane, Link, Origin, UnitType, Value};
use bridge_engine::ledger::office::{Act, Item, Standing};
use bridge_engine::vitals::{PartVitals, Trouble, Vitals};
use bridge_store::{AuditEntry, Candidate, Loser, RecordKey, Store};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const FILE: &str = include_str!("../../../../../mappings/entities/person.toml");
pub const ONE: &str = "0198-hostile-1";
pub const OTHER: &str = "0198-hostile-2";
pub const STRANGER: &str = "0198-hostile-3";

/// Attacks that were planted: what each is, and where.
#[derive(Default)]
pub struct Planted(pub Vec<(String, String)>);

impl Planted {
    /// Everything at once: it opens elements from texts, attributes, text areas and titles, and speaks to template engines.
    pub fn loud(&mut self, place: impl Into<String>) -> String {
        let n = self.0.len();
        let words = format!(
            "m{n}z<xss{n}>\"'><script>xss({n})</script><img src=x onerror=xss({n})>' onmouseover='xss({n})\" \
             onfocus=\"xss({n})</textarea></title></select><svg onload=xss({n})>{{{{7*7}}}}{{%raw%}}${{7*7}}<!-- ]]>\u{202e}javascript:xss({n})z{n}m"
        );
        self.0.push((words.clone(), place.into()));
        words
    }

    /// For what has few characters.
    pub fn short(&mut self, place: impl Into<String>) -> String {
        let n = self.0.len();
        let words = format!("m{n}z<xss{n}>\"'><script>xss({n})</script>{{{{7*7}}}}z{n}m");
        self.0.push((words.clone(), place.into()));
        words
    }

    /// A scheme that runs, where an address could be made of it.
    pub fn scheme(&mut self, place: impl Into<String>) -> String {
        let n = self.0.len();
        let words = format!("javascript:xss({n})//m{n}z\"'<xss{n}>z{n}m");
        self.0.push((words.clone(), place.into()));
        words
    }
}

/// The attack as any page may show it: the first letter may have become a capital one.
pub fn shown_in(words: &str, said: &str) -> bool {
    said.contains(&words[1..])
}

fn value(kind: UnitType, planted: &mut Planted, place: &str) -> Value {
    let mut loud = |part: &str| planted.loud(format!("{place} {part}"));
    match kind {
        UnitType::Name => Value::group([("given", loud("given")), ("family", loud("family"))]),
        UnitType::Address => Value::group(["line", "city", "state", "postcode"].map(|part| (part, loud(part)))),
        _ => Value::text(loud("")),
    }
}

fn person(id: &str, systems: &[(&str, &str)], file: &EntityFile, planted: &mut Planted) -> Entity {
    let mut entity = Entity {
        id: id.into(),
        kind: "person".into(),
        revision: 1,
        ..Entity::default()
    };
    for (system, kind) in systems.iter().copied() {
        let remote = planted.scheme(format!("id in {system}"));
        let mut link = Link {
            entity: Some(id.into()),
            generation: 1,
            known_at: NOW,
            ..Link::new(system, kind, &remote)
        };
        for spec in &file.units {
            let unit = &spec.unit;
            let held = link.units.entry(unit.name.clone()).or_default();
            held.set_seen(value(unit.kind, planted, &format!("{} in {system}", unit.name)));
        }
        entity.links.insert(system.into(), link.into());
    }
    entity
}

/// Each unit is in question: what was agreed before, and what each system says.
fn ask(entity: &mut Entity, file: &EntityFile, planted: &mut Planted) {
    for spec in &file.units {
        let unit = &spec.unit.name;
        let before = value(spec.unit.kind, planted, &format!("{unit} agreed"));
        let values = entity.links.iter_mut().map(|(system, link)| {
            let held = link.units.get_mut(unit).unwrap();
            let seen = held.seen().unwrap().clone();
            held.set_base(before.clone(), None);
            held.set_seen(seen.clone());
            (system.clone(), seen)
        });
        let conflict = Conflict {
            values: values.collect(),
            since: NOW - 60_000_000,
            why: planted.short(format!("why {unit} differs")),
        };
        let agreed = Agreed {
            value: before,
            origin: Origin::System("halaxy".into()),
            lo: NOW - 5,
            hi: NOW,
        };
        entity.agreed.insert(unit.clone(), agreed.into());
        entity.conflicts.insert(unit.clone(), conflict);
    }
}

/// The house with all of it, and what was planted.
pub async fn house() -> (House, Planted) {
    let (house, mut planted) = (House::empty().await, Planted::default());
    let file = EntityFile::parse("person.toml", FILE).unwrap();
    people(&house.store, &file, &mut planted).await;
    books(&house.store, &mut planted).await;
    house.watch.found(sick(&mut planted));
    for (place, role) in [("a colleague", Role::Reviewer), ("a bookkeeper", Role::Bookkeeper)] {
        let name = planted.short(format!("name of {place}"));
        let n = planted.0.len();
        let email = format!("m{n}z\"'><xss{n}>z{n}m@practice.example");
        planted.0.push((email.clone(), format!("address of {place}")));
        let invited = house.access.invite((&name, &email), role, "a test").await;
        if role == Role::Reviewer {
            let token = secrecy::ExposeSecret::expose_secret(&invited.unwrap()).to_string();
            let joining = house.joining(&token).await;
            house.access.accept(&token, &joining).await.unwrap();
        }
    }
    let units: Vec<&str> = file.units.iter().map(|spec| spec.unit.name.as_str()).collect();
    let schema = crate::common::schema(&units);
    let clock = Arc::clone(&house.clock) as Arc<dyn Clock>;
    let desk = crate::common::desk(house.store.clone(), &schema, clock);
    house.app.open(house.store.clone(), Some(desk));
    (house, planted)
}

async fn people(store: &Store, file: &EntityFile, planted: &mut Planted) {
    let both = [("halaxy", "Patient"), ("crm", "contacts")];
    let mut one = person(ONE, &both, file, planted);
    ask(&mut one, file, planted);
    let mut other = person(OTHER, &both, file, planted);
    other.links.get_mut("crm").unwrap().held = Some(Hold::Refused(planted.loud("what an account refused it with")));
    let mut stranger = person(STRANGER, &both[1..], file, planted);
    stranger.candidate = true;
    let id = |entity: &Entity, system: &str| entity.links[system].remote_id.clone();
    let records = [id(&one, "crm"), id(&other, "halaxy"), id(&stranger, "crm")];
    let mut tx = store.begin().await.unwrap();
    let all = [one, other, stranger].map(|entity| (None, entity));
    assert!(tx.save_entities(&all, Lane::Live, NOW).await.unwrap().is_empty());
    let links = || all.iter().flat_map(|(_, entity)| entity.links.values());
    let keys: Vec<_> = links()
        .map(|link| (RecordKey::from(&**link), bridge_engine::lookup::keys(link)))
        .collect();
    tx.set_keys(&keys).await.unwrap();
    let pair = Candidate::new(
        RecordKey::new("halaxy", "Patient", &records[1]),
        RecordKey::new("crm", "contacts", &records[2]),
        871,
        vec![planted.loud("why two may be one")],
        NOW - 9_000_000,
    );
    tx.add_candidates(&[pair]).await.unwrap();
    let lost = Loser {
        entity: ONE.into(),
        unit: "mobile".into(),
        system: "crm".into(),
        value: Value::text(planted.loud("a value that lost")),
        at: NOW - 7_000_000,
        until: NOW + 7_000_000,
        why: planted.loud("why it lost"),
    };
    tx.append_losers(&[lost]).await.unwrap();
    let mut line = |event: &str, place: &str| AuditEntry {
        at: NOW - 80_000_000,
        entity: Some(ONE.into()),
        system: Some("crm".into()),
        remote_id: Some(records[0].clone()),
        event: event.into(),
        reason: planted.loud(place),
        ..AuditEntry::default()
    };
    let lines = [
        line("linked", "evidence of a link"),
        line("refused", "what an account answered"),
        line("hint", "id of a webhook"),
        line("access", "a user agent"),
    ];
    tx.append_audit(&lines).await.unwrap();
    let run = "run-<xss>\"'";
    tx.start_run(run, &planted.short("kind of a run"), NOW - 90_000_000)
        .await
        .unwrap();
    let counts = json!({ "created": { "crm": 3 } });
    tx.end_run(run, NOW - 60_000_000, &counts).await.unwrap();
    tx.commit().await.unwrap();
}

/// Vitals in which every text is an attack.
fn sick(planted: &mut Planted) -> Vitals {
    let mut all = vitals();
    all.systems.get_mut("crm").unwrap().trouble = Some(Trouble {
        since: NOW - 900_000_000,
        what: planted.loud("trouble with an account"),
        credentials: false,
    });
    let mut subscriber = all.subscribers.remove("sheet").unwrap();
    subscriber.trouble = Some(planted.loud("trouble with a subscriber"));
    all.subscribers
        .insert(planted.short("name of a subscriber"), subscriber);
    let ledger = all.ledger.as_mut().unwrap();
    ledger.trouble = vec![planted.loud("trouble with the books")];
    ledger.proof.as_mut().unwrap().failed = Some(planted.loud("why a proof failed"));
    let part = PartVitals {
        at: NOW,
        figures: BTreeMap::from([(planted.short("figure of a part"), 7)]),
        trouble: vec![planted.loud("trouble of a part")],
        notices: vec![planted.loud("notice of a part")],
        ..PartVitals::default()
    };
    all.parts = BTreeMap::from([(planted.short("name of a part"), part)]);
    all.alerts[0].message = planted.loud("message of an alert");
    all
}

/// A report and its files as rows hold them.
fn report(id: &str, planted: &mut Planted) -> [Json; 2] {
    let mut loud = |part: &str| planted.loud(format!("{part} of {id}"));
    let mut sheet = Sheet::new(&["who", "what", "#amount"]);
    sheet.push(["practitioner", "account", "amount"].map(|cell| loud(&format!("table: {cell}"))));
    for formula in FORMULAS {
        sheet.push([formula.into(), format!(" {formula}"), formula.into()]);
    }
    let title = loud("title");
    let section = json!({ "title": loud("table: heading"), "note": loud("table: note"), "sheet": sheet, "more": 3 });
    let files = json!({
        "csv": sheet.csv(),
        "json": json!({ "title": title }).to_string(),
        "page": page(&title, &sheet.html(), "figures"),
    });
    let steps = match id.starts_with("close") {
        true => vec![json!({ "step": 3, "what": loud("step"), "light": "red", "detail": loud("finding") })],
        false => vec![],
    };
    let items: Vec<Item> = match id.split('-').next().unwrap() {
        "statements" => vec![item(Act::Fee, &mut loud)],
        "tieout" => vec![item(Act::Settle, &mut loud)],
        _ => vec![],
    };
    let head = json!({
        "id": id, "title": title, "at": NOW - 1_000_000, "mood": "bad", "verdict": loud("verdict"), "digest": loud("digest"),
    });
    let notes = [loud("remark")];
    [
        json!({ "head": head, "steps": steps, "notes": notes, "items": items, "sections": [section] }),
        files,
    ]
}

/// What spreadsheets would run.
pub const FORMULAS: [&str; 8] = [
    "=1+2",
    "+1+2",
    "-1+2",
    "@SUM(A1)",
    "\t=1+2",
    "\r=1+2",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "＝1+2",
];

fn item(act: Act, loud: &mut impl FnMut(&str) -> String) -> Item {
    Item {
        act,
        key: loud("key"),
        token: "0123456789abcdef".into(),
        words: loud("words"),
        amount: loud("sum"),
        month: Some("2026-10".parse().unwrap()),
    }
}

/// Reports of the books.
pub const REPORTS: [&str; 8] = [
    "preview",
    "drift",
    "tasks",
    "tieout",
    "proof-2026-10-01-2026-10-31",
    "close-2026-10",
    "statements-2026-10",
    "statement-2026-10-dra",
];

async fn books(store: &Store, planted: &mut Planted) {
    let mut tx = store.begin().await.unwrap();
    for id in REPORTS {
        for (part, row) in ["office/report", "office/files"].into_iter().zip(report(id, planted)) {
            tx.put_ledger(part, &[(id.to_string(), row.to_string())]).await.unwrap();
        }
    }
    // What to do about it are words of ours.
    let hold = json!({ "remedy": "Look again.", "why": planted.loud("why a document waits"),
        "who": [planted.loud("number of an invoice")] });
    let mut loud = |part: &str| planted.loud(format!("{part} of a document"));
    let standing = Standing {
        at: NOW,
        books: "xero".into(),
        name: loud("books"),
        layouts: vec![loud("layout")],
        items: vec![item(Act::Approve, &mut loud)],
        ..Standing::default()
    };
    let mut standing = json!(standing);
    standing["holds"] = json!([hold]);
    let row = ("all".to_string(), standing.to_string());
    tx.put_ledger("office/standing", &[row]).await.unwrap();
    tx.commit().await.unwrap();
}
