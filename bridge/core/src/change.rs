//! What became of a record between two states of what is known of it: what the public stream of events tells.
//! Names of units only, never what they hold.

use crate::entity::{Link, LinkState};

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Happened {
    /// It is there, and was not known or not there before.
    Created,
    /// It holds something else.
    Updated,
    /// It is not there any more: removed, archived, or merged into another one.
    Removed,
}

/// A change of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What became of it.
    pub happened: Happened,
    /// Names of the units that changed; of a new record, those that hold something.
    pub units: Vec<String>,
}

/// What became of a record, if anything. `before` is what was known of it, if anything was.
///
/// A unit that is read for the first time (a mapping names it since today) has not changed. Records merged into
/// this one are a change of it, even if no unit is another.
pub fn between(before: Option<&Link>, after: &Link) -> Option<Change> {
    if after.known_at == 0 {
        return None; // nobody has read it
    }
    let was = before.filter(|link| link.known_at > 0 && link.state == LinkState::Live);
    let is = after.state == LinkState::Live;
    match (was, is) {
        (None, false) => None,
        (None, true) => {
            let holds = |unit: &crate::LinkUnit| unit.seen().is_some_and(|value| !value.is_empty());
            let units = after.units.iter().filter(|(_, unit)| holds(unit));
            Some(Change {
                happened: Happened::Created,
                units: units.map(|(name, _)| name.clone()).collect(),
            })
        }
        (Some(_), false) => Some(Change {
            happened: Happened::Removed,
            units: vec![],
        }),
        (Some(before), true) => {
            let differs = |name: &String, seen| {
                let earlier = before.units.get(name).and_then(|unit| unit.seen());
                earlier.is_some() && earlier != seen
            };
            let units: Vec<String> = after
                .units
                .iter()
                .filter(|(name, unit)| differs(name, unit.seen()))
                .map(|(name, _)| name.clone())
                .collect();
            let merged = after.merged_from.iter().any(|id| !before.merged_from.contains(id));
            (merged || !units.is_empty()).then_some(Change {
                happened: Happened::Updated,
                units,
            })
        }
    }
}

/// Names of the top members that two bodies of one record hold differently, in order; what the product notes about the
/// record itself (`meta`: versions, stamps) is no content.
pub fn members_between(before: &serde_json::Value, after: &serde_json::Value) -> Vec<String> {
    let names = [before, after]
        .into_iter()
        .filter_map(|body| body.as_object())
        .flat_map(|members| members.keys());
    let names: std::collections::BTreeSet<&String> = names.filter(|name| *name != "meta").collect();
    let differs = |name: &&&String| before.get(name.as_str()) != after.get(name.as_str());
    names.iter().filter(differs).map(|name| (*name).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;
    use crate::capture::{How, Observation, observe};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn seen(started: i64, alive: bool, values: &[(&str, &str)]) -> Observation {
        Observation {
            system: "crm".into(),
            kind: "contacts".into(),
            remote_id: "1".into(),
            how: How::Direct,
            started,
            alive,
            version: None,
            mark: None,
            values: values.iter().map(|(k, v)| (k.to_string(), Value::text(*v))).collect(),
            authors: BTreeMap::new(),
            merged_from: vec![],
        }
    }

    fn after(link: &Link, observation: &Observation) -> Link {
        let mut after = link.clone();
        observe(&mut after, false, observation, observation.started + 1);
        after
    }

    fn told(before: &Link, after: &Link) -> Option<(Happened, Vec<String>)> {
        between(Some(before), after).map(|change| (change.happened, change.units))
    }

    #[test]
    fn a_record_is_made_changed_removed_and_comes_back() {
        let unread = Link::new("crm", "contacts", "1");
        assert_eq!(between(None, &unread), None, "parked, not read");
        let made = after(&unread, &seen(10, true, &[("email", "a@x"), ("mobile", "")]));
        assert_eq!(told(&unread, &made), Some((Happened::Created, vec!["email".into()])));
        assert_eq!(between(None, &made), between(Some(&unread), &made));
        let same = after(&made, &seen(20, true, &[("email", "a@x"), ("mobile", "")]));
        assert_eq!(told(&made, &same), None);
        let changed = after(&same, &seen(30, true, &[("email", "a@x"), ("mobile", "1")]));
        assert_eq!(told(&same, &changed), Some((Happened::Updated, vec!["mobile".into()])));
        let mapped = after(
            &changed,
            &seen(40, true, &[("email", "a@x"), ("mobile", "1"), ("title", "Dr")]),
        );
        assert_eq!(told(&changed, &mapped), None, "read for the first time");
        let gone = after(&mapped, &seen(50, false, &[]));
        assert_eq!(told(&mapped, &gone), Some((Happened::Removed, vec![])));
        assert_eq!(told(&gone, &after(&gone, &seen(60, false, &[]))), None);
        let back = after(&gone, &seen(70, true, &[("email", "a@x")]));
        assert_eq!(told(&gone, &back).map(|(what, _)| what), Some(Happened::Created));
        let mut survivor = seen(80, true, &[("email", "a@x")]);
        survivor.merged_from = vec!["2".into()];
        assert_eq!(told(&back, &after(&back, &survivor)), Some((Happened::Updated, vec![])));
    }

    #[test]
    fn members_are_named_and_stamps_are_no_content() {
        let json = serde_json::json!({"id": "1", "meta": {"lastUpdated": "a"}, "start": "x", "end": "y"});
        let mut later = json.clone();
        later["meta"]["lastUpdated"] = "b".into();
        assert!(members_between(&json, &later).is_empty());
        later["start"] = "z".into();
        later["comment"] = "new".into();
        later.as_object_mut().unwrap().remove("end");
        assert_eq!(members_between(&json, &later), ["comment", "end", "start"]);
    }

    proptest! {
        /// Whoever keeps a record by what is told of it knows at any time whether it is there.
        #[test]
        fn what_is_told_adds_up(reads in prop::collection::vec((any::<bool>(), "[ab]{0,1}"), 1..20)) {
            let (mut link, mut there) = (Link::new("crm", "contacts", "1"), false);
            for (n, (alive, value)) in reads.iter().enumerate() {
                let next = after(&link, &seen(10 * (n as i64 + 1), *alive, &[("email", value)]));
                match between(Some(&link), &next).map(|change| change.happened) {
                    Some(Happened::Created) => { prop_assert!(!there); there = true; }
                    Some(Happened::Updated) => prop_assert!(there),
                    Some(Happened::Removed) => { prop_assert!(there); there = false; }
                    None => {}
                }
                prop_assert_eq!(there, next.known_at > 0 && next.state == LinkState::Live);
                link = next;
            }
        }
    }
}
