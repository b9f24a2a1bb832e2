//! `[requests]`: where bookings are asked for in the product's records, and where the answer goes.

use super::section::Section;
use bridge_core::booking::{Form, FormProblem};
use std::collections::BTreeMap;

pub(super) fn requests(requests: &mut Section<'_, '_, '_>) -> Option<Form> {
    let kind = requests.needed_text("kind");
    let said: BTreeMap<&'static str, String> = Form::KEYS
        .into_iter()
        .filter_map(|key| Some((key, requests.text(key)?)))
        .collect();
    match Form::parse(&kind, |key| said.get(key).map(String::as_str)) {
        Ok(form) => Some(form),
        Err(problem) => {
            let remedy = match problem {
                FormProblem::Missing(_) => "[requests] needs kind, stamp, start, answered and outcome.",
                FormProblem::Path(..) => "Write a path as in a mapping, e.g. properties.halaxy_booking_start.",
            };
            let span = requests.span();
            requests.note(span, problem.to_string(), remedy);
            None
        }
    }
}

/// The kind must be one of the connector's, and take changes.
pub(super) fn check(connector: &crate::connector::Connector, root: &mut Section<'_, '_, '_>) {
    let Some(form) = &connector.requests else { return };
    let problem = match connector.kinds.get(&form.kind) {
        None => format!("[requests]: there is no kind `{}`", form.kind),
        Some(kind) if kind.update.is_none() => {
            format!(
                "[requests]: answers cannot be written into `{}`: it has no `update`",
                form.kind
            )
        }
        Some(_) => return,
    };
    root.note(
        0..0,
        problem,
        "Describe [kinds.NAME] with list, read and update, and name it.",
    );
}
