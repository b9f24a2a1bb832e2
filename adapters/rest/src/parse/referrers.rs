//! `[referrers]`.

use super::activities::member_place;
use super::section::Section;
use super::{ACCOUNT, calls};
use crate::connector::{Connector, Kind, ReferrersSpec};
use bridge_core::care::refer::{Field, Sort};
use std::collections::BTreeMap;

pub(super) fn referrers(all: &mut Section<'_, '_, '_>) -> BTreeMap<Sort, ReferrersSpec> {
    let sorts = [("people", Sort::Person), ("practices", Sort::Practice)];
    sorts
        .into_iter()
        .filter_map(|(name, sort)| Some((sort, all.section(name, |one| of_sort(one, sort)).flatten()?)))
        .collect()
}

fn of_sort(one: &mut Section<'_, '_, '_>, sort: Sort) -> Option<ReferrersSpec> {
    let kind = one.needed_text("kind");
    let contacts = one.flag("contacts").unwrap_or(false);
    let members = one.section("members", |members| {
        let places = Field::ALL.into_iter().filter_map(|(field, name)| {
            let text = members.text(name)?;
            Some((field, member_place(members, &text)?))
        });
        places.collect::<BTreeMap<_, _>>()
    });
    one.scope(&[ACCOUNT, "members", "number"]);
    let by_number = one.section("by_number", |lookup| {
        let records = lookup.needed_place("records");
        Some((calls::request(lookup)?, records))
    });
    one.scope(&[ACCOUNT, "id", "practice"]);
    let (relate, leave) = match sort {
        Sort::Person => (
            one.section("relate", calls::request).flatten(),
            one.section("leave", calls::request).flatten(),
        ),
        Sort::Practice => (None, None),
    };
    if leave.is_some() && relate.is_none() {
        let span = one.span();
        one.note(
            span,
            "`leave` needs `relate`",
            "Say how a person is put to a practice too, or leave it out.",
        );
    }
    if by_number.is_some()
        && members
            .as_ref()
            .is_none_or(|all| !all.contains_key(&Field::ProviderNumber))
    {
        let span = one.span();
        one.note(
            span,
            "`by_number` needs `provider_number` among the members",
            "Say where the number stands, so that an answer can be checked.",
        );
    }
    if members.as_ref().is_none_or(BTreeMap::is_empty) {
        let span = one.span();
        one.note(
            span,
            "`members` is missing",
            "Say where name, phone, email and so on stand, e.g. [referrers.people.members].",
        );
    }
    Some(ReferrersSpec {
        kind,
        contacts,
        members: members?,
        by_number: by_number.flatten(),
        relate,
        leave,
    })
}

/// Referrers are records of a kind that can be made, changed and looked up by our key.
pub(super) fn check(connector: &Connector, root: &mut Section<'_, '_, '_>) {
    let whole = |kind: &Kind| kind.create.is_some() && kind.update.is_some() && kind.find.is_some();
    for spec in connector.referrers.values() {
        if !connector.kinds.get(&spec.kind).is_some_and(whole) {
            root.note(
                0..0,
                format!("[referrers] needs a kind `{}` with create, update and find", spec.kind),
                format!("Describe [kinds.{}] whole, or name another kind.", spec.kind),
            );
        }
    }
}
