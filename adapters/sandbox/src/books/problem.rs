//! What the accounting system refuses, and how it says so (vendor-apis.md section 7, "Errors"). Messages marked with a
//! source in the code are the product's as integrations quote them; the others are this stand-in's own words.

use serde_json::{Value, json};

use crate::answer::Answer;

/// Why something was refused.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Problem {
    /// The rules of bookkeeping or of the record; one message each.
    Invalid(Vec<String>),
    /// A request that cannot be read, with the product's number and type for it.
    Unread(u32, &'static str, String),
    /// Nothing is there.
    Missing,
    /// The path takes no such method.
    Method,
}

impl Problem {
    /// One message.
    pub fn of(message: impl Into<String>) -> Self {
        Self::Invalid(vec![message.into()])
    }

    /// A body that is not what the path takes.
    pub fn body(message: impl Into<String>) -> Self {
        Self::Unread(14, "PostDataInvalidException", message.into())
    }

    /// A `where` or `order` that cannot be read.
    pub fn query(message: impl Into<String>) -> Self {
        Self::Unread(16, "QueryParseException", message.into())
    }

    /// The messages, for an element or a person.
    pub fn messages(&self) -> Vec<String> {
        match self {
            Self::Invalid(messages) => messages.clone(),
            Self::Unread(_, _, message) => vec![message.clone()],
            Self::Missing => vec!["The resource you're looking for cannot be found".to_owned()],
            Self::Method => vec!["The method is not offered here".to_owned()],
        }
    }

    /// `[{"Message": ..}]`
    pub fn errors(&self) -> Value {
        self.messages()
            .into_iter()
            .map(|text| json!({"Message": text}))
            .collect()
    }

    /// The answer when the whole request is refused; `elements` show what was sent, errors attached.
    pub fn answer(&self, elements: Vec<Value>) -> Answer {
        match self {
            Self::Invalid(_) => Answer::json(
                400,
                json!({
                    "ErrorNumber": 10,
                    "Type": "ValidationException",
                    "Message": "A validation exception occurred",
                    "Elements": elements,
                }),
            ),
            Self::Unread(number, kind, message) => {
                Answer::json(400, json!({"ErrorNumber": number, "Type": kind, "Message": message}))
            }
            Self::Missing => Answer {
                content_type: "text/html; charset=utf-8",
                ..Answer::json(404, json!("The resource you're looking for cannot be found"))
            },
            Self::Method => Answer::empty(405),
        }
    }
}

/// The answer of the gate in front of the API: `{Title, Status, Detail, ..}`.
pub(super) fn gate(status: u16, title: &str, detail: &str) -> Answer {
    Answer::json(
        status,
        json!({"Title": title, "Status": status, "Detail": detail, "Extensions": {}}),
    )
}
