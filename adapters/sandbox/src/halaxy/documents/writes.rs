//! What the API may write of documents: what must be there, what is passed over, what is refused (halaxy-api.md 7.2-7.9).

use serde_json::{Value, json};

use super::kinds::{APPOINTMENT, KINDS, Kind};
use super::shape;
use super::store::OWN;
use crate::answer::{Answer, Call, Context};
use crate::clock::practice_instant;
use crate::halaxy::Halaxy;
use crate::halaxy::bundle::{fhir, outcome, searchset};
use crate::halaxy::search::{BadSearch, Page, Search};

/// Why a write is refused.
pub(super) struct Refused {
    pub status: u16,
    pub code: &'static str,
    pub at: &'static str,
}

/// A refusal of a body.
pub(super) fn invalid(at: &'static str) -> Refused {
    Refused {
        status: 422,
        code: "invalid",
        at,
    }
}

impl Refused {
    /// The answer.
    pub fn answer(&self) -> Answer {
        outcome(self.status, self.code, "the request cannot be carried out", self.at)
    }
}

impl Halaxy {
    /// A document made through the API.
    pub(in crate::halaxy) fn create_document(
        &mut self,
        kind: &'static Kind,
        call: &Call,
        cx: &mut Context<'_>,
    ) -> Answer {
        let Some(mut sent) = call.json().filter(Value::is_object) else {
            return outcome(400, "structure", "the body is not JSON", "");
        };
        if sent["resourceType"] != kind.name {
            return outcome(422, "invalid", "another resource", "resourceType");
        }
        shape::relative(&mut sent);
        if let Err(refused) = self.acceptable(kind, &sent) {
            return refused.answer();
        }
        strip(&mut sent);
        let prefix = match kind.name {
            // The API makes professional contacts only.
            "Practitioner" | "PractitionerRole" => "EP-",
            "Organization" => "SP-",
            _ => kind.prefix,
        };
        match kind.name {
            "Coverage" => default(&mut sent, "status", "active".into()),
            "DocumentReference" => default(&mut sent, "status", "current".into()),
            _ => default(&mut sent, "active", true.into()),
        }
        if kind.dated {
            sent["created"] = practice_instant(cx.now, false).into();
        }
        let id = self.documents.next_id_with(kind, prefix);
        self.documents.add(kind, &id, &sent, cx.now, cx.now);
        self.made(kind, &id, call)
    }

    /// The answer to a creation.
    pub(super) fn made(&self, kind: &'static Kind, id: &str, call: &Call) -> Answer {
        let Some(shown) = self.document_record(kind, id, &call.base) else {
            return outcome(404, "not-found", "no such record", "");
        };
        let answer = self.tagged(fhir(self.switches.create_status, shown));
        match self.switches.create_location {
            true => answer.with("location", format!("{}/{}/{id}", call.base, kind.name)),
            false => answer,
        }
    }

    /// A document changed through the API.
    pub(in crate::halaxy) fn patch_document(
        &mut self,
        kind: &'static Kind,
        id: &str,
        call: &Call,
        cx: &mut Context<'_>,
    ) -> Answer {
        let media = call.header("content-type").unwrap_or("");
        if self.switches.patch_needs_merge_patch && !media.starts_with("application/merge-patch+json") {
            return outcome(
                415,
                "not-supported",
                "send application/merge-patch+json",
                "Content-Type",
            );
        }
        let Some(kept) = self.documents.body(kind, id) else {
            return outcome(404, "not-found", "no such record", "");
        };
        let Some(mut sent) = call.json().filter(Value::is_object) else {
            return outcome(400, "structure", "the body is not JSON", "");
        };
        shape::relative(&mut sent);
        let body = if kind.place == APPOINTMENT.place {
            self.moved(id, &kept, &sent, cx.now)
        } else if kind.name == "Referral" {
            files_only(&sent).map(|()| kept)
        } else {
            strip(&mut sent);
            let mut after = kept;
            crate::patch::merge(&mut after, &sent);
            self.acceptable(kind, &after).map(|()| after)
        };
        match body {
            Err(refused) => refused.answer(),
            Ok(body) => {
                self.documents.store(kind, id, &body, cx.now, true);
                match self.document_record(kind, id, &call.base) {
                    Some(shown) => self.tagged(fhir(200, shown)),
                    None => outcome(404, "not-found", "no such record", ""),
                }
            }
        }
    }

    /// Whether a body has what Halaxy demands of its kind, and refers to what there is.
    fn acceptable(&self, kind: &Kind, body: &Value) -> Result<(), Refused> {
        let typed = |member: &'static str, kinds: &[&str]| {
            let reference = body[member]["reference"].as_str().unwrap_or_default();
            let said = reference.split('/').next().unwrap_or_default();
            if kinds.contains(&said) {
                Ok(())
            } else {
                Err(invalid(member))
            }
        };
        let patient = |member: &'static str| match self.knows_patient(&body[member]) {
            true => Ok(()),
            false => Err(invalid(member)),
        };
        let filled = |member: &'static str| match &body[member] {
            Value::Array(items) if !items.is_empty() => Ok(()),
            Value::String(text) if !text.trim().is_empty() => Ok(()),
            _ => Err(invalid(member)),
        };
        match kind.name {
            "Practitioner" => filled("name"),
            "Organization" => filled("name"),
            "PractitionerRole" => {
                typed("practitioner", &["Practitioner"])?;
                typed("organization", &["Organization"])
            }
            "Schedule" => filled("actor"),
            "Coverage" => {
                patient("beneficiary")?;
                patient("subscriber")?;
                filled("payor")
            }
            "Referral" => patient("subject"),
            "DocumentReference" => {
                patient("subject")?;
                filled("description")?;
                filled("content")?;
                if !matches!(body["docStatus"].as_str(), Some("preliminary" | "final")) {
                    return Err(invalid("docStatus"));
                }
                let ours = |author: &Value| {
                    let link = author["reference"].as_str().unwrap_or_default();
                    link.starts_with("PractitionerRole/PR-")
                };
                let none = Vec::new();
                match body["author"].as_array().unwrap_or(&none).iter().all(ours) {
                    true => Ok(()),
                    false => Err(Refused {
                        status: 404,
                        code: "not-found",
                        at: "author",
                    }),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether a relative reference names a patient that is there.
    pub(super) fn knows_patient(&self, link: &Value) -> bool {
        let id = link["reference"]
            .as_str()
            .and_then(|text| text.strip_prefix("Patient/"));
        id.and_then(|id| id.parse().ok())
            .is_some_and(|id| self.patients.get(id).is_some())
    }

    /// What can be searched for.
    pub(in crate::halaxy) fn search_parameters(&self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let search = match Search::parse(call, &self.switches) {
            Ok(search) => search,
            Err(BadSearch { status, parameter }) => {
                return outcome(status, "invalid", "the parameter cannot be read", &parameter);
            }
        };
        let all: Vec<Value> = KINDS
            .iter()
            .flat_map(|kind| kind.filters.iter().map(move |(code, _)| (kind.name, *code)))
            .map(|(base, code)| {
                json!({"resourceType": "SearchParameter", "id": format!("{base}-{code}"), "code": code, "base": [base]})
            })
            .collect();
        let total = all.len();
        let start = (search.page - 1).saturating_mul(search.count).min(total);
        let rows = all.into_iter().skip(start).take(search.count).collect();
        let page = Page { ids: Vec::new(), total };
        fhir(200, searchset(call, cx, &search, &page, rows))
    }
}

/// Members that only Halaxy gives, and files, which are never shown.
fn strip(body: &mut Value) {
    if let Some(members) = body.as_object_mut() {
        for own in OWN {
            members.shift_remove(own);
        }
        members.shift_remove("attachments");
    }
}

fn default(body: &mut Value, member: &str, value: Value) {
    if body[member].is_null() {
        body[member] = value;
    }
}

fn files_only(sent: &Value) -> Result<(), Refused> {
    let members = sent.as_object().into_iter().flatten();
    let mut others = members.filter(|(name, _)| *name != "attachments" && *name != "resourceType");
    match (others.next(), sent["attachments"].as_array()) {
        (None, Some(files)) if !files.is_empty() => Ok(()),
        _ => Err(invalid("attachments")),
    }
}
