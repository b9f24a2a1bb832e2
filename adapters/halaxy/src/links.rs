//! Web addresses in what people wrote: one into a video consultation is a bearer secret (competitors.md section 6), so none
//! is passed on or kept.

use serde_json::Value as Json;

/// What stands in the place of an address.
const LINK: &str = "[link left out]";

/// Replaces addresses in every text but references and the names of systems and extensions.
pub(crate) fn leave_out(value: &mut Json) {
    match value {
        Json::Object(members) => {
            let technical = |name: &str| matches!(name, "reference" | "url" | "system" | "fullUrl" | "profile");
            members
                .iter_mut()
                .filter(|(name, _)| !technical(name))
                .for_each(|(_, member)| leave_out(member));
        }
        Json::Array(items) => items.iter_mut().for_each(leave_out),
        Json::String(text) => {
            if let Some(clean) = without(text) {
                *text = clean;
            }
        }
        _ => {}
    }
}

/// The text with every address replaced; none if there is none.
fn without(text: &str) -> Option<String> {
    let link = |word: &str| {
        let word = word.to_lowercase();
        word.contains("://") || word.contains("www.")
    };
    if !link(text) {
        return None;
    }
    let ends = |c: char| c.is_whitespace() || "\"'<>()[]".contains(c);
    let words = text.split_inclusive(ends).map(|word| {
        let bare = word.trim_end_matches(ends);
        match link(bare) {
            true => format!("{LINK}{}", &word[bare.len()..]),
            false => word.to_string(),
        }
    });
    Some(words.collect())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn addresses_are_replaced_and_what_stands_around_them_stays() {
        for (text, expected) in [
            (
                "Join (https://video.example/j/s?p=1), bring it",
                Some("Join ([link left out]), bring it"),
            ),
            ("WWW.video.example/s", Some("[link left out]")),
            (
                "<a href=\"https://video.example/s\">here</a>",
                Some("<a href=\"[link left out]\">here</a>"),
            ),
            ("a://b\nc", Some("[link left out]\nc")),
            ("10:30 // ask about the card", None),
        ] {
            assert_eq!(without(text).as_deref(), expected, "{text}");
        }
    }
}
