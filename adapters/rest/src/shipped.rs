//! The connectors inside the binary. A file of the same name beside the user's configuration wins.

/// Name and text of every shipped connector.
pub const CONNECTORS: [(&str, &str); 6] = [
    ("hubspot", include_str!("../connectors/hubspot.toml")),
    ("xero", include_str!("../connectors/xero.toml")),
    ("quickbooks", include_str!("../connectors/quickbooks.toml")),
    ("myob", include_str!("../connectors/myob.toml")),
    ("example-books", include_str!("../connectors/example-books.toml")),
    ("example-crm", include_str!("../connectors/example-crm.toml")),
];

/// The text of a shipped connector.
pub fn connector(name: &str) -> Option<&'static str> {
    CONNECTORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}
