//! Requests that stand in records of another product, e.g. a CRM's: where each part stands, and where the answer goes.

use super::request::Wording;
use crate::path::{Leaf, Path, PathError, WrongShape};
use serde_json::Value as Json;

/// Where a request and its answer stand in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Kind of the records.
    pub kind: String,
    /// Where the id of the requester's contact stands; the record's own id if nothing is said.
    pub contact: Option<Path>,
    /// Where the text stands that tells one request of a record from the next, e.g. when it was made. Empty: no request.
    pub stamp: Path,
    /// Begin.
    pub start: Path,
    /// Minutes.
    pub minutes: Option<Path>,
    /// Practitioner role.
    pub role: Option<Path>,
    /// Appointment type.
    pub service: Option<Path>,
    /// Fee.
    pub fee: Option<Path>,
    /// Location.
    pub location: Option<Path>,
    /// Comment.
    pub comment: Option<Path>,
    /// Gets the stamp of the request that was answered.
    pub answered: Path,
    /// Gets the outcome in one word.
    pub outcome: Path,
    /// Gets the sentence.
    pub message: Option<Path>,
    /// Gets the id of the appointment.
    pub appointment: Option<Path>,
}

/// A form that cannot be used: the key, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormProblem {
    /// A key is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A path is none.
    #[error("`{0}` is no path: {1}")]
    Path(&'static str, PathError),
}

/// An answer on its way into a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The stamp of the request.
    pub stamp: String,
    /// One word.
    pub outcome: String,
    /// A sentence.
    pub message: String,
    /// The appointment, if there is one.
    pub appointment: Option<String>,
}

impl Form {
    /// A form of paths by key.
    ///
    /// # Errors
    /// [`FormProblem`] for the first key at fault.
    pub fn parse<'t>(kind: &str, said: impl Fn(&'static str) -> Option<&'t str>) -> Result<Form, FormProblem> {
        let path = |key: &'static str| match said(key) {
            None => Ok(None),
            Some(text) => Path::parse(text)
                .map(Some)
                .map_err(|error| FormProblem::Path(key, error)),
        };
        let needed = |key: &'static str| path(key)?.ok_or(FormProblem::Missing(key));
        Ok(Form {
            kind: kind.to_string(),
            contact: path("contact")?,
            stamp: needed("stamp")?,
            start: needed("start")?,
            minutes: path("minutes")?,
            role: path("role")?,
            service: path("service")?,
            fee: path("fee")?,
            location: path("location")?,
            comment: path("comment")?,
            answered: needed("answered")?,
            outcome: needed("outcome")?,
            message: path("message")?,
            appointment: path("appointment")?,
        })
    }

    /// The keys of [`Form::parse`].
    pub const KEYS: [&'static str; 13] = [
        "contact",
        "stamp",
        "start",
        "minutes",
        "role",
        "service",
        "fee",
        "location",
        "comment",
        "answered",
        "outcome",
        "message",
        "appointment",
    ];

    /// Every path, in the order of the keys: what a product must be asked for.
    pub fn paths(&self) -> Vec<String> {
        let all = [
            self.contact.as_ref(),
            Some(&self.stamp),
            Some(&self.start),
            self.minutes.as_ref(),
            self.role.as_ref(),
            self.service.as_ref(),
            self.fee.as_ref(),
            self.location.as_ref(),
            self.comment.as_ref(),
            Some(&self.answered),
            Some(&self.outcome),
            self.message.as_ref(),
            self.appointment.as_ref(),
        ];
        all.into_iter().flatten().map(Path::to_string).collect()
    }

    /// The stamp of a request that was not answered yet.
    pub fn open(&self, body: &Json) -> Option<String> {
        let stamp = text(body, &self.stamp)?;
        (text(body, &self.answered).as_ref() != Some(&stamp)).then_some(stamp)
    }

    /// Whether the record still asks what it asked under this stamp.
    pub fn asks(&self, body: &Json, stamp: &str) -> bool {
        text(body, &self.stamp).as_deref() == Some(stamp)
    }

    /// Whose request it is: the id of a contact, if it stands in the record.
    pub fn contact(&self, body: &Json) -> Option<String> {
        text(body, self.contact.as_ref()?)
    }

    /// What the record asks for.
    pub fn wording(&self, body: &Json) -> Wording {
        let at = |path: &Option<Path>| path.as_ref().and_then(|path| text(body, path));
        Wording {
            start: text(body, &self.start),
            minutes: at(&self.minutes),
            role: at(&self.role),
            service: at(&self.service),
            fee: at(&self.fee),
            location: at(&self.location),
            comment: at(&self.comment),
        }
    }

    /// The record with an answer in it. While a request waits it counts as open: its stamp is not answered.
    ///
    /// # Errors
    /// [`WrongShape`] if the record is built otherwise.
    pub fn answer(&self, body: &Json, answer: &Answer, ended: bool) -> Result<Json, WrongShape> {
        let mut body = body.clone();
        self.outcome.set(&mut body, answer.outcome.clone().into())?;
        if let Some(path) = &self.message {
            path.set(&mut body, answer.message.clone().into())?;
        }
        if let Some(path) = &self.appointment {
            match &answer.appointment {
                Some(id) => path.set(&mut body, id.clone().into())?,
                None => path.clear(&mut body)?,
            }
        }
        if ended {
            self.answered.set(&mut body, answer.stamp.clone().into())?;
        }
        Ok(body)
    }
}

fn text(body: &Json, path: &Path) -> Option<String> {
    match path.read(body).ok()?? {
        Leaf::One(Json::String(text)) => Some(text.trim().to_string()),
        Leaf::One(value @ (Json::Number(_) | Json::Bool(_))) => Some(value.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}
