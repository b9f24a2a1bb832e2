//! `[activities]`.

use super::section::Section;
use super::{ACCOUNT, calls};
use crate::connector::{ActivitiesSpec, MemberPlace, TimeStyle};
use crate::place::Place;
use bridge_core::diary::{Member, Mode, Outcome};

pub(super) fn activities(activities: &mut Section<'_, '_, '_>) -> Option<ActivitiesSpec> {
    let kind = activities.needed_text("kind");
    let members = activities.section("members", |members| {
        let mut places = Vec::new();
        for member in Member::ALL {
            let texts = members.texts(member.name());
            let all: Vec<MemberPlace> = texts.iter().filter_map(|text| member_place(members, text)).collect();
            if !all.is_empty() {
                places.push((member, all));
            }
        }
        places.into_iter().collect()
    });
    let words = activities.section("words", |words| {
        let outcome = words.dictionary("outcome");
        let mode = words.dictionary("mode");
        let known = |word: &String| Outcome::named(word).is_some() || is_mode(word);
        if let Some(odd) = outcome.keys().chain(mode.keys()).find(|word| !known(word)) {
            let span = words.span();
            words.note(
                span,
                format!("`{odd}` is no outcome and no mode"),
                "Outcomes are scheduled, completed, cancelled, no_show; modes are clinic, video, phone, other.",
            );
        }
        [(Member::Outcome, outcome), (Member::Mode, mode)].into()
    });
    let times = [
        ("iso", TimeStyle::Iso),
        ("millis", TimeStyle::Millis),
        ("seconds", TimeStyle::Seconds),
    ];
    let times = activities.word("times", &times).unwrap_or_default();
    let html = activities
        .word("text", &[("plain", false), ("html", true)])
        .unwrap_or(false);
    let contact = activities.text_at("contact");
    activities.scope(&[ACCOUNT, "id", "contact"]);
    let attach = activities.section("attach", calls::request).flatten();
    let detach = activities.section("detach", calls::request).flatten();
    let Some((contact, span)) = contact else {
        let span = activities.span();
        activities.note(
            span,
            "`contact` is missing",
            "Say where the contact's id stands in a new activity, e.g. contact = \"contact_id\".",
        );
        return None;
    };
    let contact = match member_place(activities, &contact) {
        Some(place) => place,
        None => {
            activities.note(
                span,
                format!("`{contact}` is no member"),
                "Write contact = \"contact_id\".",
            );
            return None;
        }
    };
    if members.is_none() {
        let span = activities.span();
        activities.note(
            span,
            "`members` is missing",
            "Say where title, text, start, end, outcome, status, mode and place stand, e.g. [activities.members].",
        );
    }
    Some(ActivitiesSpec {
        kind,
        members: members?,
        words: words.unwrap_or_default(),
        times,
        html,
        contact,
        attach,
        detach,
    })
}

fn is_mode(word: &str) -> bool {
    [Mode::Clinic, Mode::Video, Mode::Phone, Mode::Other]
        .iter()
        .any(|mode| mode.word() == word)
}

/// A place that can be written too: members and nothing else.
pub(super) fn member_place(section: &mut Section<'_, '_, '_>, text: &str) -> Option<MemberPlace> {
    let steps: Vec<String> = text.split('.').map(str::to_string).collect();
    let plain = |step: &String| !step.is_empty() && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !steps.iter().all(plain) {
        let span = section.span();
        section.note(
            span,
            format!("`{text}` is no member that can be written"),
            "Write members from the outside in, e.g. \"properties.title\".",
        );
        return None;
    }
    Some(MemberPlace {
        place: Place::parse(text).ok()?,
        steps,
    })
}
