//! List elements that nearly, or just as well, fulfil a path's conditions, for trying the laws.

use super::{Op, Path, Pick};
use serde_json::{Map, Value as Json};

impl Path {
    /// Adds to the first list on the way an element like the one the path asks for, with `leaf` in
    /// it: with one condition broken, one condition's member missing, or another element that
    /// fulfils them all. `throw(n)` gives a number below `n`. Does nothing to a path without conditions.
    pub(crate) fn add_near_miss(&self, body: &mut Json, leaf: Json, throw: &mut dyn FnMut(usize) -> usize) {
        let plain = self.steps.iter().take_while(|step| step.pick.is_none()).count();
        let Some(Pick::Where(tests)) = self.steps.get(plain).and_then(|step| step.pick.as_ref()) else {
            return;
        };
        let mut here = body;
        for step in &self.steps[..=plain] {
            if here.is_null() {
                *here = Json::Object(Map::new());
            }
            let Some(object) = here.as_object_mut() else {
                return;
            };
            here = object.entry(step.member.as_str()).or_insert(Json::Null);
        }
        if here.is_null() {
            *here = Json::Array(Vec::new());
        }
        let Some(list) = here.as_array_mut() else {
            return;
        };
        let mut element = Map::new();
        let changed = throw(tests.len() + 1);
        for (index, test) in tests.iter().enumerate() {
            if index == changed {
                if throw(2) == 0 {
                    element.insert(test.key.clone(), Json::from("another"));
                }
            } else if test.op != Op::IsNot {
                element.insert(test.key.clone(), test.json());
            }
        }
        if let Some(next) = self.steps.get(plain + 1) {
            element.insert(next.member.clone(), leaf);
        }
        list.insert(throw(list.len() + 1), Json::Object(element));
    }
}
