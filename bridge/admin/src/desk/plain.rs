//! What the history and the questions say, for people: units and systems by their titles, and rules as sentences. What is
//! stored keeps its keys, since programs, exports and the command line go by them.

use crate::app::{system_title, unit_title};
use bridge_core::merge::AGREED;
use bridge_core::{Link, Write};
use bridge_engine::{record_stands, words, write_stands};
use bridge_store::AuditEntry;

/// A line of the history.
pub(crate) fn sentence(line: &AuditEntry) -> String {
    let because = because(line);
    let spoken = AuditEntry {
        units: line.units.iter().map(|unit| unit_title(unit)).collect(),
        system: line.system.as_deref().map(system_title),
        reason: because,
        ..line.clone()
    };
    let system = spoken.system.as_deref().unwrap_or_default();
    match line.event.as_str() {
        "settled" => format!("it is known now what became of a write to {system}: {}", spoken.reason),
        "viewed" if spoken.reason.contains(" shown, to ") => spoken.reason,
        // The number of a record needs no system before it, where that was just named.
        _ => words(&spoken).replacen(&format!("({system}:"), "(", 1),
    }
}

/// Why it happened.
pub(crate) fn because(line: &AuditEntry) -> String {
    match line.event.as_str() {
        "sent" => sent(&line.units, &line.reason),
        _ => reason(&line.reason),
    }
}

/// Why each unit was sent; units that share a reason are named together.
fn sent(units: &[String], text: &str) -> String {
    let mut groups: Vec<(String, Vec<String>)> = vec![];
    for piece in text.split("; ") {
        let Some((unit, why)) = piece
            .split_once(": ")
            .filter(|(unit, _)| units.iter().any(|u| u == unit))
        else {
            return reason(text);
        };
        let why = reason(why);
        match groups.iter_mut().find(|(other, _)| *other == why) {
            Some((_, units)) => units.push(unit_title(unit)),
            None => groups.push((why, vec![unit_title(unit)])),
        }
    }
    let told = groups
        .into_iter()
        .map(|(why, units)| format!("{}, {why}", units.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

/// A system, or what was agreed, as a sentence has it.
fn side(name: &str) -> String {
    match name {
        AGREED => "what was agreed".into(),
        name => system_title(name),
    }
}

/// Why something was done. The names of rules become sentences; other reasons are sentences already.
pub(crate) fn reason(text: &str) -> String {
    // People are told of people, not of the ids that stand for them.
    if let Some((before, _)) = text.split_once("; the record is now entity ") {
        return format!("{before}; the record is a person of its own now");
    }
    if let Some((before, of)) = text.split_once("; merged into ") {
        let record = of.split_once(", now of ").map_or(of, |(record, _)| record);
        return format!("{before}; it was merged into {record} there");
    }
    let (rule, winner) = match text.split_once(": ") {
        Some((rule, winner)) if !winner.contains(' ') => (rule, Some(side(winner))),
        _ => (text, None),
    };
    match (rule, winner) {
        ("first link", Some(winner)) => format!("{winner} is believed where two records meet for the first time"),
        ("first link", None) => "the other side is believed where two records meet for the first time".into(),
        ("policy", Some(winner)) => format!("by the rules, {winner} wins"),
        ("policy", None) => "by the rules, the other side wins".into(),
        ("newest", Some(winner)) => format!("the later edit wins: {winner}"),
        ("newest", None) => "the other edit was the later one".into(),
        ("only change", None) => "only the other side had changed".into(),
        ("merged element by element", Some(winner)) => format!("entries were added or taken out in {winner}"),
        ("looked at: settled by what the record holds", None) => {
            "the record was read afresh, and what it holds counts".into()
        }
        ("looked up by our reference", None) => "it was looked for by the bridge’s own mark".into(),
        ("the record carries our reference", None) => "the record carries the mark that the bridge put on it".into(),
        ("emptied: a person decides", None) => "it was emptied, and a person decides".into(),
        (text, None) => match text.strip_prefix("changed in ").or(text.strip_prefix("from ")) {
            Some(name) if !name.contains(' ') => text.replacen(name, &side(name), 1),
            _ => text.into(),
        },
        (_, Some(_)) => text.into(),
    }
}

/// How a record stands.
pub(crate) fn record(link: &Link) -> String {
    let key = format!("{}:", link.system);
    record_stands(link).replacen(&key, &format!("{} ", system_title(&link.system)), 1)
}

/// How a write stands.
pub(crate) fn write(write: &Write) -> String {
    let mut spoken = write.clone();
    spoken.system = system_title(&write.system);
    let values = std::mem::take(&mut spoken.values).into_iter();
    spoken.values = values.map(|(unit, value)| (unit_title(&unit), value)).collect();
    write_stands(&spoken)
}

/// Units by their titles.
pub(crate) fn units<'u>(units: impl IntoIterator<Item = &'u String>) -> String {
    let titles: Vec<String> = units.into_iter().map(|unit| unit_title(unit)).collect();
    titles.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(event: &str, units: &[&str], reason: &str) -> String {
        sentence(&AuditEntry {
            event: event.into(),
            system: Some("crm".into()),
            remote_id: Some("7".into()),
            units: units.iter().map(|unit| unit.to_string()).collect(),
            reason: reason.into(),
            ..AuditEntry::default()
        })
    }

    #[test]
    fn the_history_reads_as_sentences_without_keys() {
        let two = ["birth_date", "halaxy_number"];
        for (event, units, reason, read) in [
            (
                "adopted",
                &two[1..],
                "changed in halaxy",
                "Halaxy number taken: changed in Halaxy",
            ),
            (
                "adopted",
                &two[..1],
                "first link: halaxy",
                "Birth date taken: Halaxy is believed where two records meet for the first time",
            ),
            (
                "adopted",
                &two[..1],
                "policy: agreed",
                "Birth date taken: by the rules, what was agreed wins",
            ),
            (
                "overruled",
                &two[..1],
                "first link",
                "Birth date of CRM overruled: the other side is believed where two records meet for the first time",
            ),
            (
                "overruled",
                &two[..1],
                "edits made here are not taken",
                "Birth date of CRM overruled: edits made here are not taken",
            ),
            (
                "conflict",
                &two[..1],
                "changed differently in two places",
                "Birth date in conflict, waits for a person: changed differently in two places",
            ),
            (
                "sent",
                &two[..],
                "birth_date: from halaxy; halaxy_number: from halaxy",
                "sent to CRM (7): Birth date, Halaxy number, from Halaxy",
            ),
            (
                "sent",
                &two[..],
                "birth_date: decided by a person; halaxy_number: from halaxy",
                "sent to CRM (7): Birth date, decided by a person; Halaxy number, from Halaxy",
            ),
            ("sent", &two[..], "", "sent to CRM (7): Birth date, Halaxy number"),
            ("applied", &two[..], "", "CRM took it (7): Birth date, Halaxy number"),
            (
                "linked",
                &[],
                "same full name",
                "linked with the record in CRM (7): same full name",
            ),
            ("new", &[], "", "first seen in CRM (7)"),
            ("decided", &two[..1], "by Dana Fox", "Birth date decided by Dana Fox"),
            (
                "hold",
                &two[..1],
                "another record there already has this value, and only one may",
                "Birth date held back from CRM: another record there already has this value, and only one may",
            ),
            (
                "settled",
                &[],
                "looked at: settled by what the record holds",
                "it is known now what became of a write to CRM: the record was read afresh, and what it holds counts",
            ),
            (
                "skip",
                &[],
                "not created: this may be somebody who is already there",
                "CRM: not created: this may be somebody who is already there",
            ),
            (
                "viewed",
                &two[..1],
                "a person's page was shown, to Dana Fox",
                "a person's page was shown, to Dana Fox",
            ),
        ] {
            assert_eq!(line(event, units, reason), read);
        }
    }

    #[test]
    fn a_reason_that_is_a_sentence_stays_as_it_is() {
        for text in [
            "",
            "a write may have been changed back",
            "by Dana Fox: wrong number",
            "from Dana Fox",
            "two values keep replacing each other",
        ] {
            assert_eq!(reason(text), text);
        }
        assert_eq!(
            reason("by Dana Fox; the record is now entity 0198-person"),
            "by Dana Fox; the record is a person of its own now"
        );
        assert_eq!(
            reason("by Dana Fox; merged into 7, now of 0198-person"),
            "by Dana Fox; it was merged into 7 there"
        );
        assert_eq!(reason("newest: crm"), "the later edit wins: CRM");
        assert_eq!(reason("newest"), "the other edit was the later one");
    }
}
