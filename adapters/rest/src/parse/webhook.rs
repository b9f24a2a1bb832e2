//! `[webhook]`: how a product proves who it is, and what its events mean.

use super::section::{Section, Span};
use crate::connector::{EventRule, WebhookSpec};
use adapter_kit::webhook::{Algorithm, Encoding, News, Part, Signature, Stamp, StampUnit};
use http::HeaderName;
use std::time::Duration;

pub(super) fn webhook(webhook: &mut Section<'_, '_, '_>) -> Option<WebhookSpec> {
    let signature = webhook
        .has("signature")
        .then(|| webhook.section("signature", signature));
    if signature.is_none() {
        let span = webhook.span();
        webhook.note(
            span,
            "`signature` is missing in [webhook]",
            "Add [webhook.signature] with header and algorithm; a request that nothing proves is not taken.",
        );
    }
    let ids = webhook.needed_places("id");
    let span = webhook.span();
    let event = webhook.texts("event");
    let event = event
        .iter()
        .filter_map(|text| webhook.parsed_place(text, span.clone()))
        .collect();
    let events = webhook.needed_place("events");
    let rules: Vec<EventRule> = webhook
        .sections("rules", |section| rule(section, &ids))
        .into_iter()
        .flatten()
        .collect();
    if rules.is_empty() {
        webhook.note(
            span,
            "[webhook] has no rules",
            "Say what events mean: [[webhook.rules]] with where, kind and means.",
        );
    }
    Some(WebhookSpec {
        signature: signature??,
        events,
        event,
        rules,
    })
}

fn rule(rule: &mut Section<'_, '_, '_>, ids: &[crate::place::Place]) -> Option<EventRule> {
    let words = [
        ("changed", News::Changed),
        ("removed", News::Removed),
        ("merged", News::Merged),
        ("erased", News::Erased),
    ];
    if !rule.has("means") {
        rule.needed_text("means");
    }
    let own = rule.has("id").then(|| rule.needed_places("id"));
    Some(EventRule {
        when: rule.condition("where"),
        kind: rule.needed_text("kind"),
        means: rule.word("means", &words)?,
        ids: own.unwrap_or_else(|| ids.to_vec()),
        span: rule.span(),
    })
}

fn signature(signature: &mut Section<'_, '_, '_>) -> Signature {
    let algorithms = [
        ("token", Algorithm::Token),
        ("hmac-sha256", Algorithm::HmacSha256),
        ("hmac-sha512", Algorithm::HmacSha512),
    ];
    if !signature.has("algorithm") {
        signature.needed_text("algorithm");
    }
    let algorithm = signature
        .word("algorithm", &algorithms)
        .unwrap_or(Algorithm::HmacSha256);
    let encodings = [
        ("plain", Encoding::Plain),
        ("base64", Encoding::Base64),
        ("hex", Encoding::Hex),
    ];
    let hashed = algorithm != Algorithm::Token;
    let usual = if hashed { Encoding::Base64 } else { Encoding::Plain };
    let stamp = signature.section("stamp", stamp);
    let signed = parts(signature, hashed, stamp.is_some());
    let several = signature.text_at("several");
    let several = several.and_then(|(text, span)| {
        let mut characters = text.chars();
        let first = characters.next().filter(|_| characters.next().is_none());
        if first.is_none() {
            signature.note(span, "`several` must be one character", "Write several = \" \".");
        }
        first
    });
    Signature {
        header: header(signature, "header"),
        prefix: signature.text("prefix").unwrap_or_default(),
        bare: signature.flag("bare").unwrap_or(false),
        several,
        algorithm,
        encoding: signature.word("encoding", &encodings).unwrap_or(usual),
        key: signature.word("key", &encodings).unwrap_or(Encoding::Plain),
        signed,
        decoded: signature.text("decoded").unwrap_or_default(),
        stamp,
    }
}

fn stamp(stamp: &mut Section<'_, '_, '_>) -> Stamp {
    let units = [("s", StampUnit::Seconds), ("ms", StampUnit::Milliseconds)];
    Stamp {
        header: header(stamp, "header"),
        unit: stamp.word("unit", &units).unwrap_or(StampUnit::Seconds),
        window: stamp.duration("window").unwrap_or(Duration::from_secs(300)),
    }
}

fn header(section: &mut Section<'_, '_, '_>, key: &'static str) -> HeaderName {
    let none = HeaderName::from_static("x-none");
    if !section.has(key) {
        section.needed_text(key);
        return none;
    }
    match section.text_at(key) {
        Some((text, span)) => named(section, &text, span).unwrap_or(none),
        None => none,
    }
}

fn named(section: &mut Section<'_, '_, '_>, text: &str, span: Span) -> Option<HeaderName> {
    let name = text.parse().ok();
    if name.is_none() {
        section.note(
            span,
            format!("`{text}` is no name of a header"),
            "Write it like \"X-Signature\".",
        );
    }
    name
}

/// `["method", "uri", "body", "stamp", "header:X-Id", "text:."]`.
fn parts(signature: &mut Section<'_, '_, '_>, hashed: bool, stamped: bool) -> Vec<Part> {
    if !signature.has("signed") {
        return if hashed { vec![Part::Body] } else { vec![] };
    }
    let span = signature.raw("signed").map(|node| node.span()).unwrap_or_default();
    let mut parts = vec![];
    for text in signature.texts("signed") {
        parts.push(match text.split_once(':').unwrap_or((&text, "")) {
            ("method", "") => Part::Method,
            ("uri", "") => Part::Uri,
            ("body", "") => Part::Body,
            ("stamp", "") => Part::Stamp,
            ("text", fixed) => Part::Text(fixed.into()),
            ("header", name) => match named(signature, name, span.clone()) {
                Some(name) => Part::Header(name),
                None => continue,
            },
            _ => {
                signature.note(
                    span.clone(),
                    format!("`{text}` is nothing that could be signed"),
                    "Use method, uri, body, stamp, \"header:NAME\" and \"text:..\".",
                );
                continue;
            }
        });
    }
    if hashed && !parts.contains(&Part::Body) {
        signature.note(
            span.clone(),
            "a signature that leaves out the body proves nothing about it",
            "Add \"body\" to `signed`.",
        );
    }
    if parts.contains(&Part::Stamp) != stamped {
        signature.note(
            span,
            "`stamp` must be both described and signed",
            "Add stamp = { header = \"..\", unit = \"s\", window = \"5m\" } and \"stamp\" in `signed`, or remove both.",
        );
    }
    parts
}
