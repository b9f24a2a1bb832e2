//! Merging two contacts (vendor-apis.md section 1): the survivor may get a new id, the old ids lead to it.

use super::Hubspot;
use super::contact::{Contact, Source};
use super::error::Problem;
use super::properties::{ADDITIONAL_EMAILS, EMAIL, MERGED_IDS};
use crate::answer::Context;

impl Hubspot {
    /// Merges `loser` into `winner` and gives the survivor's id.
    pub(super) fn merge(&mut self, winner: &str, loser: &str, cx: &mut Context<'_>) -> Result<u64, Problem> {
        let primary = self.find(winner, None)?.clone();
        let other = self.find(loser, None)?.clone();
        if primary.id == other.id {
            return Err(Problem::invalid("Cannot merge a record with itself"));
        }
        let mut survivor = primary.clone();
        // Both are taken out; without a new id the survivor goes back in under the primary's.
        let losers = [primary.id, other.id];
        if self.switches.merge_gives_new_id {
            survivor.id = self.contacts.fresh_id();
        }
        self.fill_blanks(&mut survivor, &other, cx.now);
        survivor.created = primary.created.min(other.created);
        survivor.modified = cx.now;
        let emails = [&primary, &other].into_iter().flat_map(|contact| {
            [contact.value(ADDITIONAL_EMAILS), contact.value(EMAIL)]
                .into_iter()
                .flatten()
        });
        let own = survivor.value(EMAIL).unwrap_or("").to_owned();
        let further = joined(
            emails
                .flat_map(|list| list.split(';'))
                .filter(|email| !email.eq_ignore_ascii_case(&own)),
        );
        survivor.set(ADDITIONAL_EMAILS, &further, cx.now, Source::Merge);
        let merged = [&primary, &other]
            .into_iter()
            .flat_map(|contact| {
                contact
                    .value(MERGED_IDS)
                    .unwrap_or("")
                    .split(';')
                    .map(str::to_owned)
                    .chain([contact.id.to_string()])
            })
            .filter(|id| *id != survivor.id.to_string())
            .collect::<Vec<_>>();
        survivor.set(
            MERGED_IDS,
            &joined(merged.iter().map(String::as_str)),
            cx.now,
            Source::Merge,
        );
        let id = survivor.id;
        let visible = self.visible_at(cx);
        self.contacts.absorb(&losers, survivor, visible, &self.properties);
        Ok(id)
    }

    fn fill_blanks(&self, survivor: &mut Contact, other: &Contact, now: i64) {
        let numbers: Vec<u16> = other.set_properties().collect();
        for number in numbers {
            let blank = survivor.value(number).is_none_or(str::is_empty);
            if blank && !matches!(number, ADDITIONAL_EMAILS | MERGED_IDS) {
                let value = other.value(number).unwrap_or("").to_owned();
                survivor.set(number, &value, now, Source::Merge);
            }
        }
    }
}

fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for part in parts.filter(|part| !part.is_empty()) {
        if !seen.contains(&part) {
            seen.push(part);
        }
    }
    seen.join(";")
}
