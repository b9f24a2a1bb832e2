//! Reading, writing and clearing along a path.

use super::{Leaf, Op, Path, Pick, Step, Test, WrongShape};
use serde_json::{Map, Value as Json};

impl Path {
    /// What stands there: `None` where the record has nothing (a missing member, no such element, null).
    pub fn read<'a>(&self, body: &'a Json) -> Result<Option<Leaf<'a>>, WrongShape> {
        let mut here = body;
        for step in &self.steps {
            let object = match here {
                Json::Object(object) => object,
                Json::Null => return Ok(None),
                _ => return Err(WrongShape),
            };
            here = match object.get(&step.member) {
                None | Some(Json::Null) => return Ok(None),
                Some(found) => found,
            };
            if let Some(pick) = &step.pick {
                let list = here.as_array().ok_or(WrongShape)?;
                match pick.find(list) {
                    Some(index) => here = &list[index],
                    None => return Ok(None),
                }
            }
        }
        match here {
            Json::Null => Ok(None),
            Json::Array(list) if self.whole_list => Ok(Some(Leaf::List(list))),
            _ if self.whole_list => Err(WrongShape),
            one => Ok(Some(Leaf::One(one))),
        }
    }

    /// Puts `leaf` there; creates the objects and list elements on the way that are missing, and
    /// keeps everything else as it is.
    pub fn set(&self, body: &mut Json, leaf: Json) -> Result<(), WrongShape> {
        let mut here = body;
        for step in &self.steps {
            if here.is_null() {
                *here = Json::Object(Map::new());
            }
            let object = here.as_object_mut().ok_or(WrongShape)?;
            here = object.entry(step.member.as_str()).or_insert(Json::Null);
            if let Some(pick) = &step.pick {
                if here.is_null() {
                    *here = Json::Array(Vec::new());
                }
                let list = here.as_array_mut().ok_or(WrongShape)?;
                let index = pick.find_or_create(list);
                here = &mut list[index];
            }
        }
        *here = leaf;
        Ok(())
    }

    /// Removes what stands there, and a list element that then has nothing but members its
    /// conditions name. Such an element stays where its removal would let another element take its
    /// place, since clearing a value must not make a different one appear.
    pub fn clear(&self, body: &mut Json) -> Result<(), WrongShape> {
        clear(body, &self.steps, true)
    }
}

fn clear(here: &mut Json, steps: &[Step], top: bool) -> Result<(), WrongShape> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(());
    };
    let object = match here {
        Json::Object(object) => object,
        Json::Null => return Ok(()),
        _ => return Err(WrongShape),
    };
    let Some(slot) = object.get_mut(&step.member) else {
        return Ok(());
    };
    let gone = match &step.pick {
        None if rest.is_empty() => true,
        None => {
            clear(slot, rest, false)?;
            // A top-level object (`properties`) is part of the record's build and stays.
            !top && slot.as_object().is_some_and(Map::is_empty)
        }
        Some(_) if slot.is_null() => false,
        Some(pick) => {
            let list = slot.as_array_mut().ok_or(WrongShape)?;
            if let Some(index) = pick.find(list) {
                if rest.is_empty() {
                    list[index] = Json::Null;
                } else {
                    clear(&mut list[index], rest, false)?;
                }
                prune(pick, list, index);
            }
            list.is_empty()
        }
    };
    if gone {
        object.shift_remove(&step.member);
    }
    Ok(())
}

fn prune(pick: &Pick, list: &mut Vec<Json>, index: usize) {
    match pick {
        Pick::Index(_) => {
            if list[index].as_object().is_some_and(Map::is_empty) {
                list[index] = Json::Null;
            }
            // Only from the end: elements behind must keep their position.
            if index + 1 == list.len() {
                while list.last().is_some_and(Json::is_null) {
                    list.pop();
                }
            }
        }
        Pick::Where(tests) => {
            let bare = list[index]
                .as_object()
                .is_some_and(|element| element.keys().all(|k| tests.iter().any(|t| t.key == *k)));
            if bare {
                let element = list.remove(index);
                if pick.find(list).is_some() {
                    list.insert(index, element);
                }
            }
        }
    }
}

impl Pick {
    /// Position of the element meant: the first that fulfils every condition, else the first that
    /// fulfils them with the `?` members missing.
    pub(super) fn find(&self, list: &[Json]) -> Option<usize> {
        match self {
            Pick::Index(index) => (*index < list.len()).then_some(*index),
            Pick::Where(tests) => {
                let mut lenient = None;
                for (index, element) in list.iter().enumerate() {
                    let Json::Object(element) = element else {
                        continue;
                    };
                    match fulfils(tests, element) {
                        Fit::Exact => return Some(index),
                        Fit::Lenient => lenient = lenient.or(Some(index)),
                        Fit::No => {}
                    }
                }
                lenient
            }
        }
    }

    fn find_or_create(&self, list: &mut Vec<Json>) -> usize {
        if let Some(index) = self.find(list) {
            return index;
        }
        match self {
            Pick::Index(index) => {
                list.resize(index + 1, Json::Null);
                *index
            }
            Pick::Where(tests) => {
                let members = tests
                    .iter()
                    .filter(|t| t.op != Op::IsNot)
                    .map(|t| (t.key.clone(), t.json()));
                list.push(Json::Object(members.collect()));
                list.len() - 1
            }
        }
    }
}

enum Fit {
    Exact,
    Lenient,
    No,
}

fn fulfils(tests: &[Test], element: &Map<String, Json>) -> Fit {
    let mut fit = Fit::Exact;
    for test in tests.iter().filter(|t| t.op != Op::Set) {
        let member = element.get(&test.key).filter(|m| !m.is_null());
        match (test.op, member) {
            (Op::IsOrMissing, None) => fit = Fit::Lenient,
            (Op::Is, None) => return Fit::No,
            (_, member) => {
                if member.is_some_and(|m| same_text(m, &test.value)) != (test.op != Op::IsNot) {
                    return Fit::No;
                }
            }
        }
    }
    fit
}

fn same_text(member: &Json, value: &str) -> bool {
    match member {
        Json::String(text) => text == value,
        Json::Bool(flag) => value == if *flag { "true" } else { "false" },
        Json::Number(number) => number.to_string() == value,
        _ => false,
    }
}

impl Test {
    /// The value as it is set on a new element.
    pub(super) fn json(&self) -> Json {
        match self.value.as_str() {
            "true" if !self.quoted => Json::Bool(true),
            "false" if !self.quoted => Json::Bool(false),
            text if !self.quoted && text.len() < 16 && !(text.len() > 1 && text.starts_with('0')) => text
                .parse::<u64>()
                .map_or_else(|_| Json::String(text.to_string()), Json::from),
            text => Json::String(text.to_string()),
        }
    }
}
