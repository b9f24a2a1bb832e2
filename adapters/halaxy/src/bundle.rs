//! A page of a search (halaxy-api.md section 4).

use bridge_core::Time;
use serde_json::Value as Json;

/// One page of a search.
#[derive(Clone, Debug)]
pub struct ResourcePage {
    /// The resources of the kind asked for, as received. Included resources of other kinds and
    /// warnings are left out.
    pub rows: Vec<Json>,
    /// How many rows the whole search has, if the answer tells.
    pub total: Option<u64>,
    /// Rows a full page has, which may be fewer than were asked for.
    pub size: u64,
    /// There is a further page.
    pub more: bool,
    /// When the request began, on the bridge's clock.
    pub started: Time,
}

impl ResourcePage {
    /// Takes a Bundle apart; `None` if it is not one, or if a row has no id.
    pub(crate) fn from_bundle(
        kind: &str,
        mut bundle: Json,
        started: Time,
        asked: usize,
        page: u32,
    ) -> Option<ResourcePage> {
        if bundle["resourceType"] != "Bundle" {
            return None;
        }
        let entries = match bundle.get_mut("entry").map(Json::take) {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(entries)) => entries,
            Some(_) => return None,
        };
        let size = entries.len().min(asked);
        let rows: Vec<Json> = entries
            .into_iter()
            .map(|mut entry| entry["resource"].take())
            .filter(|resource| resource["resourceType"] == kind)
            .collect();
        if rows.iter().any(|row| id_of(row).is_none()) {
            return None;
        }
        let next = match bundle["link"].as_array() {
            Some(links) if !links.is_empty() => links.iter().any(|link| link["relation"] == "next"),
            // Without links only a full page lets one guess.
            _ => size >= asked,
        };
        // An empty page is the end, whatever its links say.
        let more = next && size > 0;
        let size = if more { size as u64 } else { asked as u64 };
        // A total that leaves no room for the next page is the count of something else.
        let total = bundle["total"]
            .as_u64()
            .filter(|total| !more || *total > u64::from(page) * size);
        Some(ResourcePage {
            rows,
            total,
            size,
            more,
            started,
        })
    }
}

/// The id of a resource. Halaxy's ids are strings; a number is taken for what it shows.
pub(crate) fn id_of(resource: &Json) -> Option<String> {
    match &resource["id"] {
        Json::String(id) if !id.is_empty() => Some(id.clone()),
        Json::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// The id a reference names: its last segment, whether absolute or relative.
pub fn reference_id(reference: &str) -> Option<&str> {
    reference.rsplit('/').next().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn other_types_warnings_and_a_missing_entry_are_taken_in_stride() {
        let bundle = json!({"resourceType": "Bundle", "total": 3, "link": [{"relation": "self", "url": "x"}], "entry": [
            {"resource": {"resourceType": "OperationOutcome", "id": "warning"}},
            {"resource": {"resourceType": "Patient", "id": "1"}},
            {"resource": {"resourceType": "Practitioner", "id": "PR-1"}}]});
        let page = ResourcePage::from_bundle("Patient", bundle, 0, 100, 1).expect("a page");
        assert_eq!((page.rows.len(), page.total, page.more), (1, Some(3), false));
        let empty = ResourcePage::from_bundle("Patient", json!({"resourceType": "Bundle"}), 0, 100, 1).expect("a page");
        assert!(empty.rows.is_empty() && !empty.more);
        assert!(ResourcePage::from_bundle("Patient", json!({"resourceType": "Patient"}), 0, 100, 1).is_none());
    }

    #[test]
    fn references_of_every_form_name_the_same_id() {
        for text in [
            "https://au-api.halaxy.com/main/Patient/7",
            "/main/Patient/7",
            "Patient/7",
            "7",
        ] {
            assert_eq!(reference_id(text), Some("7"));
        }
        assert_eq!(reference_id("Patient/"), None);
    }
}
