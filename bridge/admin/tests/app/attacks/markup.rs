//! What a browser makes of a page: its tags and attributes by the rules of the HTML standard, and what must not be among them.

use crate::support::Page;
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, Token, Tokenizer};
use std::convert::Infallible;

/// Elements that no page of ours has.
const NEVER: [&str; 16] = [
    "img",
    "image",
    "iframe",
    "frame",
    "object",
    "embed",
    "base",
    "style",
    "applet",
    "audio",
    "video",
    "math",
    "template",
    "noscript",
    "foreignobject",
    "animate",
];
/// Attributes that name an address.
const ADDRESSES: [&str; 9] = [
    "href",
    "src",
    "action",
    "formaction",
    "xlink:href",
    "data-open",
    "data-next",
    "data-previous",
    "poster",
];

fn text(of: &HtmlString) -> String {
    String::from_utf8(of.0.clone()).unwrap()
}

/// Whether a browser that follows it stays with us.
fn stays(address: &str) -> bool {
    let inside = address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\");
    let plain = !address.chars().any(|c| c.is_control() || c == '\\');
    plain && (inside || address.starts_with('#') || address.starts_with("otpauth://totp/"))
}

fn tag(page: &str, name: &str, attributes: &[(String, String)]) {
    let told = || format!("{page}: <{name} {attributes:?}>");
    assert!(
        name.chars().all(|c| c.is_ascii_lowercase() || ('1'..='6').contains(&c)),
        "{}",
        told()
    );
    assert!(!NEVER.contains(&name) && !name.contains("xss"), "{}", told());
    let of = |wanted: &str| {
        attributes
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    match name {
        "script" => assert!(of("src").is_some_and(|src| src.starts_with("/assets/")), "{}", told()),
        "link" => assert!(
            of("href").is_some_and(|href| href.starts_with("/assets/")),
            "{}",
            told()
        ),
        "meta" if of("http-equiv").is_some() => {
            let to = of("content").unwrap().strip_prefix("0;url=");
            assert!(
                of("http-equiv") == Some("refresh") && to.is_some_and(stays),
                "{}",
                told()
            );
        }
        _ => {}
    }
    for (name, value) in attributes {
        let sound = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':'));
        assert!(sound && !name.starts_with("on") && !name.contains("xss"), "{}", told());
        assert!(
            !["style", "srcdoc", "nonce", "ping", "target", "download"].contains(&name.as_str()),
            "{}",
            told()
        );
        assert!(!ADDRESSES.contains(&name.as_str()) || stays(value), "{}", told());
    }
}

/// All that a page says, in texts and attributes; fails where something of it was made out of what came from outside.
pub fn said(path: &str, html: &str) -> String {
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    let (mut said, mut values, mut script) = (String::new(), String::new(), false);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let token: Result<_, Infallible> = token;
        match token.unwrap() {
            Token::StartTag(start) => {
                let name = text(&start.name);
                let attributes: Vec<(String, String)> = start
                    .attributes
                    .iter()
                    .map(|(name, value)| (text(name), text(value)))
                    .collect();
                tag(path, &name, &attributes);
                script = name == "script";
                for (_, value) in &attributes {
                    values.push_str(value);
                    values.push('\n');
                }
            }
            Token::EndTag(_) => script = false,
            Token::String(words) => {
                assert!(!script, "{path} has a script of its own: {}", text(&words));
                said.push_str(&text(&words));
            }
            Token::Comment(words) => panic!("{path} has a comment: {}", text(&words)),
            Token::Doctype(_) => {}
            Token::Error(error) => panic!("{path} is not well-formed: {:?}", error.value),
        }
    }
    said + &values
}

/// The headers that a page comes with.
pub fn guarded(path: &str, page: &Page) {
    let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
    let all = |name: &str| page.headers.get_all(name).iter().count();
    let policy = header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{path}: {policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
        "{path}: {policy}"
    );
    if header("content-type").starts_with("text/html") && header("content-disposition").is_empty() {
        for part in ["script-src 'self'", "form-action 'self'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
    }
    for (name, wanted) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!((header(name), all(name)), (wanted, 1), "{path}: {name}");
    }
    assert!(
        ["no-referrer", "same-origin"].contains(&header("referrer-policy")),
        "{path}"
    );
    assert!(
        !page.headers.contains_key("xss") && !page.headers.contains_key("access-control-allow-origin"),
        "{path}"
    );
}

#[test]
fn markup_that_somebody_made_is_seen() {
    let seen = |html: &str| {
        let html = html.to_string();
        std::panic::catch_unwind(move || said("a test", &html)).is_err()
    };
    for made in [
        "<p>a<script>xss()</script>",
        "<p><script src=/assets/app.js>xss()</script>",
        "<p><img src=x>",
        "<input value=\"a\" onmouseover=\"xss()\">",
        "<a href=\"javascript:xss()\">a</a>",
        "<a href=\" javascript:xss()\">a</a>",
        "<a href=\"//evil.example\">a</a>",
        "<p><xss7>",
        "<textarea></textarea><b style=\"x\">",
        "<meta http-equiv=\"refresh\" content=\"0;url=https://evil.example\">",
        "<svg><foreignObject>",
        "<p><!-- a -->",
    ] {
        assert!(seen(made), "{made}");
    }
    let sound = "<p title=\"&lt;script&gt;\">a&amp;<b>c</b><a href=\"/inbox?a=1\">d</a><textarea><b>x</textarea>";
    assert_eq!(said("a test", sound), "a&cd<b>x<script>\n/inbox?a=1\n");
}

/// Where nothing is rendered in a test, too: values stand in texts or between quotes, and escaping is never off.
#[test]
fn no_template_lets_a_value_be_markup() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut read = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let plain = text.replace(' ', "");
        for never in [
            "|safe",
            "autoescape",
            "<script>",
            "javascript:",
            "style=\"",
            "<!--",
            "<style",
        ] {
            assert!(
                !plain.contains(&never.replace(' ', "")),
                "{} has {never}",
                path.display()
            );
        }
        for (at, _) in text.match_indices("={{").chain(text.match_indices("={%")) {
            let before = text[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "-_:".contains(c));
            assert!(
                !before.ends_with(char::is_whitespace),
                "{}: not quoted: {}",
                path.display(),
                &text[at..at + 20]
            );
        }
        // An address that begins with a value is one that the app made; the list is looked through when it grows. `leave`
        // is the provider's own, and taken only if it is https, or http on this machine.
        for mark in ["href=\"{{", "src=\"{{", "action=\"{{"] {
            for made in text
                .split(mark)
                .skip(1)
                .map(|rest| rest.split("}}").next().unwrap().trim())
            {
                let ends = [
                    "link", "next", "previous", "list", "path", "export", "rule", "card", "address", "here", "all",
                    "on", "leave",
                ];
                let known = ends
                    .iter()
                    .any(|end| made == *end || made.ends_with(&format!(".{end}")));
                assert!(known, "{}: {made}", path.display());
            }
        }
        read += 1;
    }
    assert!(read > 25, "{read}");
}
