//! Positions in listings: which page comes next, and how a removal during a listing by offset or
//! number is noticed, so that no record slips between two pages.

use crate::connector::{List, Paging, PagingStyle};
use crate::place::plain_text;
use crate::template::Variables;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// What the engine stores between two pages. Opaque to it; a cursor that cannot be read any more
/// starts afresh, which costs calls and loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Changes since this moment of the product's clock are being listed, microseconds; `None`
    /// while everything is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// What the product gave to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Json>,
    /// The removals of this pass are being listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removals: bool,
    /// When the pass under way began, on the product's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<i64>,
    /// The next page; `None` for the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
}

/// The next page of one listing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// Records before it.
    Offset(Offset),
    /// Number of the page, and how many records there were in all.
    Number { number: u64, total: Option<u64> },
    /// What the product gave.
    Cursor(Json),
    /// Address the product gave.
    Link(String),
    /// Key of the last record.
    Last(String),
}

/// A position in a listing by offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Offset {
    /// Records before the page.
    pub offset: u64,
    /// The last ids of the page before, the last one first.
    pub tail: Vec<String>,
    /// It stepped back, since records were removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stepped: bool,
    /// So many records appeared before those seen: new ones, or ones that an edit moved to the front.
    #[serde(default)]
    pub moved: u64,
    /// The front is read once more, up to this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_until: Option<u64>,
}

/// The pages stand still: the product ignores what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("paging stands still")]
pub(crate) struct StandsStill;

/// Ids of a page that are remembered: enough to survive a few removals among them.
const TAIL: usize = 8;

impl Cursor {
    pub fn parse(text: Option<&str>) -> Cursor {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Position {
    /// What a request may say about its page.
    pub fn variables(at: Option<&Position>, paging: &Paging, size: usize, variables: &mut Variables) {
        let mut page = Variables::new();
        page.insert("size".into(), json!(size));
        match &paging.style {
            PagingStyle::Offset => page.insert("offset".into(), json!(0)),
            PagingStyle::Number { first } => page.insert("number".into(), json!(first)),
            PagingStyle::Keyset { first, .. } => page.insert("last".into(), json!(first)),
            PagingStyle::Single | PagingStyle::Cursor { .. } | PagingStyle::Link { .. } => None,
        };
        match at {
            Some(Position::Offset(at)) => page.insert("offset".into(), json!(at.offset)),
            Some(Position::Number { number, .. }) => page.insert("number".into(), json!(number)),
            Some(Position::Cursor(cursor)) => page.insert("cursor".into(), cursor.clone()),
            Some(Position::Last(last)) => page.insert("last".into(), json!(last)),
            Some(Position::Link(_)) | None => None,
        };
        variables.insert("page".into(), Json::Object(page));
    }

    /// The page after this one; `None` after the last.
    ///
    /// # Errors
    /// [`StandsStill`] if the product shows the same page again.
    pub fn next(
        at: Option<&Position>,
        list: &List,
        answer: &Json,
        link_header: Option<&str>,
        rows: &[&Json],
        ids: &[String],
    ) -> Result<Option<Position>, StandsStill> {
        let paging = &list.paging;
        let total = paging
            .total
            .as_ref()
            .and_then(|total| total.text(answer))
            .and_then(|total| total.parse::<u64>().ok());
        let more = paging.more.as_ref().map(|more| match more.one(answer) {
            Some(Json::Bool(more)) => *more,
            Some(other) => plain_text(other).is_some_and(|text| !matches!(text.as_str(), "" | "0" | "false")),
            None => false,
        });
        let count = rows.len() as u64;
        // Whether rows follow, as far as the page itself tells.
        let follows = |seen: u64| match (more, total) {
            (Some(more), _) => more,
            (None, Some(total)) => count > 0 && seen < total,
            (None, None) => count > 0 && !(paging.short_page_ends && rows.len() < paging.size),
        };
        let next = match &paging.style {
            PagingStyle::Single => None,
            PagingStyle::Offset => {
                let at = match at {
                    Some(Position::Offset(at)) => at.clone(),
                    _ => Offset::default(),
                };
                at.next(paging.size as u64, ids, follows).map(Position::Offset)
            }
            PagingStyle::Number { first } => {
                let (number, before) = match at {
                    Some(Position::Number { number, total }) => (*number, *total),
                    _ => (*first, None),
                };
                let size = paging.size as u64;
                // Records were removed: those after them moved to pages we have passed.
                let removed = before
                    .zip(total)
                    .map_or(0, |(before, total)| before.saturating_sub(total));
                if removed > 0 && number > *first {
                    let number = number.saturating_sub(removed.div_ceil(size)).max(*first);
                    Some(Position::Number { number, total })
                } else {
                    follows((number - first + 1) * size).then_some(Position::Number {
                        number: number + 1,
                        total,
                    })
                }
            }
            PagingStyle::Cursor { next } => match next.one(answer) {
                None => None,
                Some(Json::String(text)) if text.is_empty() => None,
                Some(_) if more == Some(false) => None,
                Some(cursor) => Some(Position::Cursor(cursor.clone())),
            },
            PagingStyle::Link { next: Some(next) } => {
                next.text(answer).filter(|link| !link.is_empty()).map(Position::Link)
            }
            PagingStyle::Link { next: None } => link_header.and_then(next_link).map(Position::Link),
            PagingStyle::Keyset { key, .. } => match rows.last().and_then(|row| key.text(row)) {
                Some(last) if follows(count) => Some(Position::Last(last)),
                _ => None,
            },
        };
        if next.is_some() && next.as_ref() == at {
            Err(StandsStill)
        } else {
            Ok(next)
        }
    }
}

impl Offset {
    /// Pages overlap by one record. A page that shows none of the last ids seen proves that records
    /// before it were removed: the listing steps back until it meets what it has seen. A page that
    /// shows other records before the last one seen proves that some appeared in front of it, and
    /// lists with the newest edit first move records there that were not seen yet: the front is then
    /// read once more at the end.
    fn next(mut self, size: u64, ids: &[String], follows: impl Fn(u64) -> bool) -> Option<Offset> {
        let count = ids.len() as u64;
        let overlaps = self.offset > 0 && !self.tail.is_empty();
        if overlaps && !ids.iter().any(|id| self.tail.contains(id)) {
            self.offset = self.offset.saturating_sub(size.saturating_sub(1).max(1));
            self.stepped = true;
            return Some(self);
        }
        if overlaps && !self.stepped {
            let shift = ids.iter().position(|id| *id == self.tail[0]).unwrap_or(0) as u64;
            self.moved += shift;
            self.again_until = self.again_until.map(|until| until + shift);
        }
        let seen = self.offset + count;
        let only_known = overlaps && ids.iter().all(|id| self.tail.contains(id));
        let ended = only_known || !follows(seen);
        match self.again_until {
            Some(until) if ended || seen >= until => return None,
            None if ended && self.moved == 0 => return None,
            None if ended => {
                // A page more than counted, for what moves while it is read.
                return Some(Offset {
                    again_until: Some(self.moved + size),
                    ..Offset::default()
                });
            }
            _ => {}
        }
        // Pages of one record cannot overlap.
        let (offset, tail) = match count {
            0 | 1 => (seen, Vec::new()),
            _ => (seen - 1, ids.iter().rev().take(TAIL).cloned().collect()),
        };
        Some(Offset {
            offset,
            tail,
            stepped: false,
            moved: self.moved,
            again_until: self.again_until,
        })
    }
}

/// The address with `rel="next"` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    for part in header.split('<').skip(1) {
        let (address, parameters) = part.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().trim_end_matches(',').trim();
            parameter.strip_prefix("rel=").is_some_and(|rel| {
                rel.trim_matches('"')
                    .split_ascii_whitespace()
                    .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if is_next {
            return Some(address.trim().to_string());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_headers_name_the_next_page() {
        let header = r#"<https://x.example/c?page=1>; rel="prev", <https://x.example/c?a=1,2&page=3>; rel="next last""#;
        assert_eq!(next_link(header).as_deref(), Some("https://x.example/c?a=1,2&page=3"));
        assert_eq!(next_link(r#"<https://x.example/c>; rel="prev""#), None);
    }

    #[test]
    fn unreadable_cursors_start_afresh() {
        assert_eq!(Cursor::parse(Some("{\"at\":{\"new_style\":1}}")), Cursor::default());
        let cursor = Cursor {
            since: Some(5),
            at: Some(Position::Last("7".into())),
            ..Cursor::default()
        };
        assert_eq!(Cursor::parse(Some(&cursor.to_text())), cursor);
    }
}
