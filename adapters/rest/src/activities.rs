//! A CRM that keeps appointments as activities, through [`Activities`]: what is told becomes members of a body, and how
//! bodies are read, made and changed is what the connector file says of their kind.

use crate::adapter::{RestAdapter, Worker};
use crate::connector::{ActivitiesSpec, MemberPlace, Request, TimeStyle};
use crate::place::plain_text;
use adapter_kit::{
    Activities, ActivityManners, Adapter, AdapterError, Answer, ChangedActivity, Failure, NewActivity, Outcome,
    Outgoing, Read, ReadActivity, Refusal, RefusalKind, Remote, ShownActivity, Verdict,
};
use async_trait::async_trait;
use bridge_core::diary::{Member, Members};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

impl RestAdapter {
    fn spec(&self) -> Result<(&ActivitiesSpec, &Worker), AdapterError> {
        let spec = self.activities.as_ref().ok_or_else(|| AdapterError {
            system: self.account.client.system().to_string(),
            what: "activities".into(),
            code: "the connector has no [activities]".into(),
            failure: Failure::Refused,
            not_processed: true,
        })?;
        Ok((spec, self.worker(&spec.kind)?))
    }

    async fn send(&self, write: impl Fn(&ActivitiesSpec) -> Vec<Outgoing>) -> Vec<Answer> {
        match self.spec() {
            Ok((spec, worker)) => self.send_writes(worker, write(spec)).await,
            Err(_) => Vec::new(),
        }
    }

    /// One call that puts an activity to a contact or takes it away. What is gone already is done.
    async fn relate_activity(&self, request: &Request, id: &str, contact: &str, what: &str) -> Answer {
        self.associate(request, &[("id", id), ("contact", contact)], what).await
    }

    /// One call that puts a record to another one, or takes it away; the first variable names the record.
    pub(crate) async fn associate(&self, request: &Request, named: &[(&str, &str)], what: &str) -> Answer {
        let mut variables = self.account.variables.clone();
        variables.extend(named.iter().map(|(name, value)| ((*name).to_string(), json!(value))));
        let id = named.first().map_or("", |(_, id)| id);
        match self.account.write(request, &variables, what).await {
            Ok(_) => Answer::Applied {
                id: id.to_string(),
                record: None,
            },
            Err(error) => match (error.outcome, &error.verdict) {
                (Outcome::NotProcessed, _) => Answer::Later(error.error),
                (Outcome::Unknown, _) => Answer::Unknown(error.error),
                (Outcome::Refused, Some(Verdict::Missing)) => Answer::Gone,
                (Outcome::Refused, _) => Answer::Refused(Refusal {
                    kind: RefusalKind::Invalid,
                    code: error.error.code,
                    path: None,
                }),
            },
        }
    }
}

#[async_trait]
impl Activities for RestAdapter {
    fn activity_manners(&self) -> ActivityManners {
        let kind = self.activities.as_ref().map_or("", |spec| spec.kind.as_str());
        let traits = self.traits(kind);
        let batches = [traits.create_batch, traits.update_batch, traits.read_batch];
        ActivityManners {
            batch: batches.into_iter().min().unwrap_or(1).max(1),
            call_life: traits.call_life,
        }
    }

    async fn create(&self, new: &[NewActivity]) -> Vec<Answer> {
        self.send(|spec| {
            let outgoing = new.iter().map(|activity| {
                let mut body = spec.body(&activity.members);
                set(&mut body, &spec.contact, Json::String(activity.contact.clone()));
                Outgoing::Create {
                    key: activity.key.clone(),
                    reference: activity.key.clone(),
                    body,
                }
            });
            outgoing.collect()
        })
        .await
    }

    async fn change(&self, changed: &[ChangedActivity]) -> Vec<Answer> {
        self.send(|spec| {
            let outgoing = changed.iter().map(|activity| {
                let after = spec.body(&activity.members);
                Outgoing::Update {
                    key: activity.attempt.clone(),
                    id: activity.id.clone(),
                    before: other_than(&after),
                    after,
                    version: None,
                }
            });
            outgoing.collect()
        })
        .await
    }

    async fn attach(&self, id: &str, contact: &str) -> Answer {
        let request = self.activities.as_ref().and_then(|spec| spec.attach.as_ref());
        if let Some(request) = request {
            return self.relate_activity(request, id, contact, "attach an activity").await;
        }
        let sent = self.send(|spec| {
            let mut after = json!({});
            set(&mut after, &spec.contact, Json::String(contact.to_string()));
            vec![Outgoing::Update {
                key: format!("{id}-{contact}"),
                id: id.to_string(),
                before: json!({}),
                after,
                version: None,
            }]
        });
        sent.await.pop().unwrap_or(Answer::Gone)
    }

    async fn detach(&self, id: &str, contact: &str) -> Answer {
        match self.activities.as_ref().and_then(|spec| spec.detach.as_ref()) {
            Some(request) => self.relate_activity(request, id, contact, "detach an activity").await,
            None => Answer::Applied {
                id: id.to_string(),
                record: None,
            },
        }
    }

    async fn read(&self, ids: &[String]) -> Result<Vec<ReadActivity>, AdapterError> {
        let (spec, worker) = self.spec()?;
        let read = self.read_ids(worker, ids).await?;
        let shown = read.into_iter().map(|read| match read {
            Read::Found(record) => ReadActivity::Found(spec.shown(&record)),
            Read::Missing => ReadActivity::Missing,
            Read::Failed(error) => ReadActivity::Failed(error),
        });
        Ok(shown.collect())
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Vec<ShownActivity>>, AdapterError> {
        let (spec, worker) = self.spec()?;
        let found = self.find_references(worker, keys).await?;
        let shown = found
            .into_iter()
            .map(|found| found.records.iter().map(|record| spec.shown(record)).collect());
        Ok(shown.collect())
    }
}

impl ActivitiesSpec {
    /// Members in the product's own form.
    fn body(&self, members: &Members) -> Json {
        let mut body = json!({});
        for (member, text) in members {
            for place in self.members.get(member).into_iter().flatten() {
                set(&mut body, place, self.spelt(*member, text));
            }
        }
        body
    }

    fn spelt(&self, member: Member, text: &str) -> Json {
        if text.is_empty() {
            return Json::Null;
        }
        let own = self.words.get(&member).and_then(|words| words.get(text));
        match member {
            Member::Start | Member::End => match (text.parse::<i64>(), self.times) {
                (Ok(seconds), TimeStyle::Seconds) => json!(seconds),
                (Ok(seconds), TimeStyle::Millis) => json!(seconds.saturating_mul(1_000)),
                (Ok(seconds), TimeStyle::Iso) => {
                    let stamp = Timestamp::from_second(seconds).unwrap_or_default();
                    json!(stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
                }
                (Err(_), _) => json!(text),
            },
            Member::Text if self.html => json!(html(text)),
            _ => json!(own.map_or(text, String::as_str)),
        }
    }

    /// A record in our own form.
    fn shown(&self, record: &Remote) -> ShownActivity {
        let mut members = Members::new();
        for (member, places) in &self.members {
            let Some(first) = places.first() else { continue };
            let text = first.place.one(&record.body).and_then(plain_text).unwrap_or_default();
            members.insert(*member, self.read(*member, text));
        }
        ShownActivity {
            id: record.id.clone(),
            alive: record.alive,
            members,
        }
    }

    fn read(&self, member: Member, text: String) -> String {
        let words = self.words.get(&member).into_iter().flatten();
        let mut ours = words
            .filter(|(_, product)| **product == text)
            .map(|(own, _)| own.clone());
        match member {
            Member::Start | Member::End => seconds(&text).map_or(text, |seconds| seconds.to_string()),
            Member::Text if self.html => plain(&text),
            _ => ours.next().unwrap_or(text),
        }
    }
}

/// A body that differs from this one in every member, so that all of them are sent, cleared ones too.
pub(crate) fn other_than(body: &Json) -> Json {
    match body {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), other_than(value)))
            .collect(),
        Json::Null => Json::Bool(true),
        _ => Json::Null,
    }
}

pub(crate) fn set(body: &mut Json, place: &MemberPlace, value: Json) {
    let mut at = body;
    let Some((last, outer)) = place.steps.split_last() else {
        return;
    };
    for step in outer {
        at = &mut at[step.as_str()];
        if !at.is_object() {
            *at = Json::Object(Map::new());
        }
    }
    at[last.as_str()] = value;
}

/// Seconds since 1970 of a time in any of the spellings; milliseconds are told by their size.
fn seconds(text: &str) -> Option<i64> {
    const MILLIS: i64 = 100_000_000_000;
    match text.parse::<i64>() {
        Ok(number) if number.abs() >= MILLIS => Some(number.div_euclid(1_000)),
        Ok(number) => Some(number),
        Err(_) => Some(text.parse::<Timestamp>().ok()?.as_second()),
    }
}

fn html(text: &str) -> String {
    let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    safe.replace('\n', "<br>")
}

/// The text of HTML that [`html`] wrote. What else an editor put into it stays, and so differs.
fn plain(html: &str) -> String {
    let lines = html
        .replace("<br/>", "\n")
        .replace("<br />", "\n")
        .replace("<br>", "\n");
    lines.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_it_was_written() {
        for text in ["Status: a & b\nPlace: <Clinic> &amp;", "", "one line"] {
            assert_eq!(plain(&html(text)), text);
        }
        assert!(!html("<script>").contains('<'));
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        for text in [
            "2026-03-04T09:00:00Z",
            "2026-03-04T20:00:00+11:00",
            "1772614800000",
            "1772614800",
        ] {
            assert_eq!(seconds(text), Some(1_772_614_800), "{text}");
        }
        assert_eq!(seconds("tomorrow"), None);
    }
}
