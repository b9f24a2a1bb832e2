//! Plays a directed scenario from its text.
//!
//! `A:=b` a person types b in A (`A.n:=b` another unit, `A:=` blank, `K~=b` an automation in K),
//! `rK` a direct read starts, `iK` K's list catches up with its record, `pK` a page of changes starts, `rowK` / `oldK` a fresh / stale list row starts, `s` / `s1` store the
//! first / second open read, `R` reconcile, `gK` the guard's read, `sK` guard (if not read yet) and
//! mark sent, `lK` it lands, `aK` answer, `xK` answer lost, `XK` lost and the call lives on, `late`
//! it lands after all, `tK` too many calls, `?K` look at the unknown write, `del` a person deletes
//! K's record, `cut`, `relink` (to a second record of the same person), `rejoin` (the record that was cut), `merge` (another patient's
//! record into K's), `bury` never create there, `open` / `pick:K` a person decides `m`, `dismiss`
//! the first card, `crash`, `+9` time passes. Then comes quiet.

use crate::remote::{SystemName, UnitName};
use crate::watch_row;
use crate::world::{InFlight, World};
use bridge_core::review::{self, Choice};
use bridge_core::{Author, Entity, Value};

impl World {
    /// Plays a script on the entity `E`.
    ///
    /// # Panics
    /// On a word it does not know: a script is part of the test.
    pub fn play(&mut self, script: &str) {
        for word in script.split_whitespace() {
            self.play_word(word);
        }
    }

    fn play_word(&mut self, word: &str) {
        if let Some((place, value)) = word.split_once(":=").or_else(|| word.split_once("~=")) {
            let author = if word.contains("~=") {
                Author::Automation
            } else {
                Author::Person
            };
            let system = side(place);
            let unit: UnitName = if place.len() > 1 { "n" } else { "m" };
            let id = format!("{system}1");
            let set = self.schema.unit(unit).is_some_and(|u| u.set);
            let value = if set {
                Value::set(value.chars().map(String::from))
            } else {
                Value::text(value)
            };
            return self.edit(system, &id, unit, value, author);
        }
        let k = ("E".to_string(), "k");
        match word {
            "R" => self.reconcile("E"),
            "s" => self.store(0, false),
            "s1" => self.store(1, false),
            "del" => {
                let id = self.entities["E"].links.get("k").map(|l| l.remote_id.clone());
                let made = self.systems["k"].records.keys().last().cloned();
                if let Some(id) = id.or(made) {
                    self.remove("k", &id);
                }
            }
            "cut" => self.cut("E", "k"),
            "relink" => self.relink(),
            "rejoin" => {
                let from = self.owner("k", "k1").unwrap_or_default();
                self.rejoin(&from, "E", "k");
            }
            "merge" => self.merge_another(),
            "bury" => self.bury("E", "k"),
            "open" => self.open("E", "m"),
            "dismiss" => self.dismiss("E", 0),
            "crash" => self.crash(false),
            "late" => self.land_late(0),
            _ if word.starts_with("pick:") => self.decide(&Choice::From(word[5..].to_lowercase())),
            _ if word.starts_with('+') => self.wait(word[1..].parse().expect("a number after +")),
            _ => {
                let (act, at) = word.split_at(word.len() - 1);
                let place = ("E".to_string(), side(at));
                let id = self.entities["E"].links.get(place.1).map(|l| l.remote_id.clone());
                match act {
                    "r" => {
                        let id = id.unwrap_or_else(|| format!("{}1", place.1));
                        if let Some(reading) = self.read(place.1, &id) {
                            self.reads.push(InFlight::One(reading));
                        }
                    }
                    "row" | "old" => {
                        if let Some(row) = watch_row(
                            self,
                            place.1,
                            &id.unwrap_or_else(|| format!("{}1", place.1)),
                            act == "old",
                        ) {
                            self.reads.push(InFlight::One(row));
                        }
                    }
                    "i" => self.system(place.1).index(&id.unwrap_or_default()),
                    "p" => self.poll(place.1),
                    "g" => self.guard(&place),
                    "s" => self.send(&place),
                    "l" => self.land(&place),
                    "a" => self.answer(&place),
                    "x" => self.lose(&place, false),
                    "X" => self.lose(&place, true),
                    "t" => self.throttle(&place),
                    "?" => {
                        self.wait(1);
                        self.look_unknown(&place);
                    }
                    _ => panic!("unknown word `{word}` in a script for {k:?}"),
                }
            }
        }
    }

    /// K's wrong record is archived by hand; the right one, of the same person, is linked instead.
    fn relink(&mut self) {
        let mut link = self.settled_link("k", "k2", 1);
        link.generation = 0; // never linked before
        let now = self.tick();
        self.transact("E", |_, e| review::join(e, link, now));
        self.remove("k", "k1");
    }

    /// Another patient's record, with an entity of its own, is merged into K's.
    fn merge_another(&mut self) {
        let mut link = self.settled_link("k", "k2", 2);
        link.entity = Some("F".into());
        let mut other = Entity {
            id: "F".into(),
            kind: "person".into(),
            ..Entity::default()
        };
        other.links.insert("k".into(), link.into());
        self.entities.insert("F".into(), other);
        self.edit("k", "k2", "m", Value::text("z"), Author::Person);
        self.merge("k", "k2", "k1", &["m"]);
    }
}

fn side(text: &str) -> SystemName {
    match text.as_bytes().first() {
        Some(b'A') => "a",
        Some(b'K') => "k",
        _ => panic!("a script names systems A and K, not `{text}`"),
    }
}
