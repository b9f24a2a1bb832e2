//! Error bodies of the HubSpot-shaped CRM (vendor-apis.md section 1, "Errors").

use serde_json::{Value, json};

use crate::answer::{Answer, Context};

/// Why an operation was refused, before it becomes an answer or one element of a batch's `errors`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub status: u16,
    pub category: &'static str,
    pub message: String,
    /// `{message, code, in}` elements.
    pub details: Vec<Value>,
    /// The inputs of a batch that it is about.
    pub ids: Vec<String>,
}

impl Problem {
    /// A refusal without details.
    pub fn new(status: u16, category: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            category,
            message: message.into(),
            details: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// A request that is not well formed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "VALIDATION_ERROR", message)
    }

    /// A property value that is not accepted; `code` as the product names it.
    pub fn property(name: &str, code: &'static str, text: &str) -> Self {
        let detail = json!([{"isValid": false, "message": text, "error": code, "name": name}]);
        let mut problem = Self::invalid(format!("Property values were not valid: {detail}"));
        problem
            .details
            .push(json!({"message": text, "code": code, "context": {"propertyName": [name]}}));
        problem
    }

    /// An object that is not there.
    pub fn not_found(id: &str) -> Self {
        let mut problem = Self::new(404, "OBJECT_NOT_FOUND", "Object not found.");
        problem.ids.push(id.to_owned());
        problem
    }

    /// The answer of a single call.
    pub fn answer(&self, cx: &mut Context<'_>) -> Answer {
        let mut body = json!({
            "status": "error",
            "message": self.message,
            "correlationId": cx.uuid(),
            "category": self.category,
        });
        if !self.details.is_empty() {
            body["errors"] = self.details.clone().into();
        }
        Answer::json(self.status, body)
    }

    /// One element of a batch's `errors`.
    pub fn element(&self, trace: Option<&str>) -> Value {
        let mut context = json!({});
        if !self.ids.is_empty() {
            context["ids"] = self.ids.clone().into();
        }
        if let Some(trace) = trace {
            context["objectWriteTraceId"] = json!([trace]);
        }
        json!({
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": context,
            "errors": self.details,
        })
    }
}
