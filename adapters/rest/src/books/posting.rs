//! Posting, making contacts, voiding. A write is sent once. What its answer proves is told; what it
//! does not prove is unknown.

use super::RestBooks;
use super::chart::Chart;
use super::outgoing::{refused, variables};
use super::shown::{Parent, first, shown};
use crate::connector::{ContactsSpec, DocumentSpec, Post};
use crate::template::Variables;
use adapter_kit::{AdapterError, BooksRefusal, BooksRefusalKind, CallError, Outcome, Posted, Posting, Verdict};
use bridge_core::deny;
use bridge_core::ledger::{Contact, DocumentKind};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// One thing on its way out.
struct Item<'a> {
    variables: Variables,
    key: &'a str,
    attempt: &'a str,
    /// The credit that an allocation lives below.
    parent: Option<Parent>,
}

/// How a row of an answer is understood.
enum Reading<'s> {
    Document(DocumentKind, &'s DocumentSpec, Arc<Chart>),
    Contact(&'s ContactsSpec),
}

impl Reading<'_> {
    fn key(&self, row: &Json) -> Option<String> {
        match self {
            Reading::Document(_, spec, _) => {
                let key = first(&spec.record.key, row)?;
                match &spec.record.key_ends {
                    Some(end) => key.split(end.as_str()).next().map(str::to_string),
                    None => Some(key),
                }
            }
            Reading::Contact(spec) => first(&spec.key, row),
        }
    }

    fn posted(&self, row: &Json, parent: Option<&Parent>) -> Result<Posted, &'static str> {
        match self {
            Reading::Document(kind, spec, chart) => {
                let shown = shown(*kind, &spec.record, chart, row, parent)?;
                let shown = shown.ok_or("the answer shows another kind of document")?;
                Ok(Posted::Applied {
                    remote_id: shown.remote_id.clone(),
                    shown: Some(Box::new(shown)),
                })
            }
            Reading::Contact(spec) => Ok(Posted::Applied {
                remote_id: first(&spec.id, row).ok_or("a contact without id")?,
                shown: None,
            }),
        }
    }
}

impl RestBooks {
    pub(super) async fn post_all(&self, postings: &[Posting]) -> Vec<Posted> {
        let Some(kind) = postings.first().map(|posting| posting.document.kind) else {
            return Vec::new();
        };
        let spec = match self.document(kind) {
            Ok(spec) => spec,
            Err(_) => {
                let none = refused(BooksRefusalKind::Invalid, "the product has no such documents");
                return postings.iter().map(|_| Posted::Refused(none.clone())).collect();
            }
        };
        let chart = match self.chart().await {
            Ok(chart) => chart,
            // Nothing was sent yet.
            Err(error) => {
                let error = AdapterError {
                    not_processed: true,
                    ..error
                };
                return postings.iter().map(|_| Posted::Later(error.clone())).collect();
            }
        };
        let mut answers: Vec<Option<Posted>> = postings.iter().map(|_| None).collect();
        let mut items = Vec::new();
        for (at, posting) in postings.iter().enumerate() {
            if posting.document.kind != kind {
                answers[at] = Some(Posted::Refused(refused(BooksRefusalKind::Invalid, "mixed kinds")));
                continue;
            }
            match variables(&self.spec, &spec.post, &chart, &self.account.variables, posting) {
                Ok(variables) => {
                    let parent = match (kind, &posting.of) {
                        (DocumentKind::Allocation, Some((of, id))) if spec.lives_below() => Some(Parent {
                            kind: Some(*of),
                            id: id.clone(),
                        }),
                        _ => None,
                    };
                    let item = Item {
                        variables,
                        key: &posting.document.key,
                        attempt: &posting.attempt,
                        parent,
                    };
                    items.push((at, item));
                }
                Err(refusal) => answers[at] = Some(Posted::Refused(refusal)),
            }
        }
        let what = format!("post {}", kind.name());
        let reading = Reading::Document(kind, spec, chart);
        self.send_items(&spec.post, &reading, items, &mut answers, &what).await;
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| self.unclear(&what)))
            .collect()
    }

    pub(super) async fn make_contacts(&self, contacts: &[Contact], attempt: &str) -> Vec<Posted> {
        let spec = &self.spec.contacts;
        let mut answers: Vec<Option<Posted>> = contacts.iter().map(|_| None).collect();
        let items = contacts.iter().map(|contact| {
            let mut variables = self.account.variables.clone();
            variables.insert("key".into(), json!(contact.key));
            variables.insert("name".into(), json!(contact.name));
            variables.insert(
                "attempt".into(),
                json!(combined([attempt, contact.key.as_str()].into_iter())),
            );
            Item {
                variables,
                key: &contact.key,
                attempt,
                parent: None,
            }
        });
        let items = items.enumerate().collect();
        let what = "make contacts";
        self.send_items(&spec.create, &Reading::Contact(spec), items, &mut answers, what)
            .await;
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| self.unclear(what)))
            .collect()
    }

    async fn send_items(
        &self,
        post: &Post,
        reading: &Reading<'_>,
        items: Vec<(usize, Item<'_>)>,
        answers: &mut [Option<Posted>],
        what: &str,
    ) {
        let (denied, items): (Vec<_>, Vec<_>) = items.into_iter().partition(|(_, item)| {
            let mut values = item.variables.iter().filter(|(name, _)| name.as_str() != "account");
            values.any(|(_, value)| deny::holds_in(value))
        });
        for (at, _) in denied {
            answers[at] = Some(Posted::Refused(refused(BooksRefusalKind::Forbidden, deny::CODE)));
        }
        for chunk in items.chunks(post.batch.max(1)) {
            let batch: Vec<&Item<'_>> = chunk.iter().map(|(_, item)| item).collect();
            let told = self.send_batch(post, reading, &batch, what).await;
            for ((at, _), posted) in chunk.iter().zip(told) {
                answers[*at] = Some(posted);
            }
        }
    }

    async fn send_batch(&self, post: &Post, reading: &Reading<'_>, items: &[&Item<'_>], what: &str) -> Vec<Posted> {
        let all = |posted: Posted| -> Vec<Posted> { items.iter().map(|_| posted.clone()).collect() };
        let unfit = || {
            Posted::Refused(refused(
                BooksRefusalKind::Invalid,
                "the connector's body cannot be filled",
            ))
        };
        let [one_or_first, rest @ ..] = items else {
            return Vec::new();
        };
        let mut variables = one_or_first.variables.clone();
        if let Some((read, place)) = &post.read {
            let record = match self.account.read(read, &variables, what).await {
                Ok(response) => response.http.json().unwrap_or(Json::Null),
                Err(error) if error.outcome == Outcome::Refused => return all(self.failed(&error)),
                Err(error) => {
                    return all(Posted::Later(AdapterError {
                        not_processed: true,
                        ..error.error
                    }));
                }
            };
            variables.insert("record".into(), place.one(&record).cloned().unwrap_or(Json::Null));
        }
        if let Some(shape) = &post.item {
            let mut filled = Vec::with_capacity(items.len());
            for item in items {
                match shape.fill(&item.variables) {
                    Ok(Some(body)) => filled.push(body),
                    _ => return all(unfit()),
                }
            }
            variables.insert("items".into(), Json::Array(filled));
        }
        if !rest.is_empty() {
            // The same documents in another company are another attempt.
            let attempts = items.iter().flat_map(|item| [item.attempt, item.key]);
            variables.insert("attempt".into(), json!(combined(attempts)));
        }
        match self.account.write(&post.request, &variables, what).await {
            Ok(response) => match response.http.json() {
                Ok(answer) => self.judge(post, reading, items, &answer, what),
                Err(_) => all(self.unclear(what)),
            },
            // The whole batch was refused, so nothing of it was written: find out whose fault it is.
            Err(error) if items.len() > 1 && error.outcome == Outcome::Refused && by_content(&error) => {
                let (left, right) = items.split_at(items.len() / 2);
                let mut told = Box::pin(self.send_batch(post, reading, left, what)).await;
                told.extend(Box::pin(self.send_batch(post, reading, right, what)).await);
                told
            }
            Err(error) => all(self.failed(&error)),
        }
    }

    /// Elements of an answer belong to what carries the same key; those without one, in order, to what is left.
    fn judge(&self, post: &Post, reading: &Reading<'_>, items: &[&Item<'_>], answer: &Json, what: &str) -> Vec<Posted> {
        let rows = post.records.list(answer);
        let complete = rows.len() == items.len();
        let keys: Vec<Option<String>> = rows.iter().map(|row| reading.key(row)).collect();
        let judged = items.iter().enumerate().map(|(at, item)| {
            let by_key = keys.iter().position(|key| key.as_deref() == Some(item.key));
            let in_order = || {
                let stranger = keys
                    .get(at)?
                    .as_deref()
                    .is_some_and(|key| items.iter().any(|other| other.key == key));
                (complete && !stranger).then_some(at)
            };
            let Some(row) = by_key.or_else(in_order).and_then(|at| rows.get(at).copied()) else {
                return self.unclear(what);
            };
            if post.refused.as_ref().is_some_and(|test| test.holds(row)) {
                return Posted::Refused(self.refusal(None, row));
            }
            match reading.posted(row, item.parent.as_ref()) {
                Ok(posted) => posted,
                Err(why) => Posted::Unknown(self.nonsense(what, why)),
            }
        });
        judged.collect()
    }

    pub(super) async fn void_one(&self, kind: DocumentKind, remote_id: &str, attempt: &str) -> Posted {
        let what = format!("void {}", kind.name());
        let Ok(spec) = self.document(kind) else {
            return Posted::Refused(refused(BooksRefusalKind::Invalid, "the product has no such documents"));
        };
        let Some(void) = &spec.void else {
            return Posted::Refused(refused(BooksRefusalKind::Forbidden, "the product cannot void these"));
        };
        let chart = match self.chart().await {
            Ok(chart) => chart,
            Err(error) => {
                return Posted::Later(AdapterError {
                    not_processed: true,
                    ..error
                });
            }
        };
        let mut variables = self.account.variables.clone();
        let mut parent = None;
        let id = match (kind, remote_id.split('/').collect::<Vec<_>>().as_slice()) {
            (DocumentKind::Allocation, [of, credit, id]) if spec.lives_below() => {
                variables.insert("of".into(), json!({"kind": of, "id": credit}));
                parent = Some(Parent {
                    kind: self.spec.documents.keys().copied().find(|kind| kind.name() == *of),
                    id: (*credit).to_string(),
                });
                (*id).to_string()
            }
            _ => remote_id.to_string(),
        };
        variables.insert("id".into(), json!(id));
        variables.insert("attempt".into(), json!(attempt));
        if let Some((read, place)) = &void.read {
            let answer = match self.account.read(read, &variables, &what).await {
                Ok(response) => response.http.json().unwrap_or(Json::Null),
                Err(error) if matches!(error.verdict, Some(Verdict::Missing)) => return self.failed(&error),
                Err(error) => {
                    return Posted::Later(AdapterError {
                        not_processed: true,
                        ..error.error
                    });
                }
            };
            variables.insert("record".into(), place.one(&answer).cloned().unwrap_or(Json::Null));
        }
        let response = match self.account.write(&void.request, &variables, &what).await {
            Ok(response) => response,
            Err(error) => return self.failed(&error),
        };
        let answer = response.http.json().unwrap_or(Json::Null);
        let row = void
            .records
            .as_ref()
            .and_then(|records| records.list(&answer).first().copied());
        if let Some(row) = row
            && spec.post.refused.as_ref().is_some_and(|test| test.holds(row))
        {
            return Posted::Refused(self.refusal(None, row));
        }
        // The answer may show the document in part only.
        let shown = row.and_then(|row| shown(kind, &spec.record, &chart, row, parent.as_ref()).ok().flatten());
        Posted::Applied {
            remote_id: remote_id.to_string(),
            shown: shown.map(Box::new),
        }
    }

    /// The answer to a call that failed.
    fn failed(&self, error: &CallError) -> Posted {
        match error.outcome {
            Outcome::NotProcessed => Posted::Later(error.error.clone()),
            Outcome::Unknown => Posted::Unknown(error.error.clone()),
            Outcome::Refused => match (&error.verdict, &error.response) {
                (Some(Verdict::Scope), _) => Posted::Refused(refused(BooksRefusalKind::Forbidden, &error.error.code)),
                (_, Some(response)) => {
                    let body = response.json().unwrap_or(Json::Null);
                    Posted::Refused(self.refusal(Some(response.status.as_u16()), &body))
                }
                (_, None) => Posted::Refused(refused(BooksRefusalKind::Invalid, &error.error.code)),
            },
        }
    }

    fn refusal(&self, status: Option<u16>, body: &Json) -> BooksRefusal {
        self.spec.refusals.of(status, body, &self.codes)
    }

    fn unclear(&self, what: &str) -> Posted {
        Posted::Unknown(self.nonsense(what, "the answer passes over a document"))
    }
}

/// Whether a batch was refused for something in it.
fn by_content(error: &CallError) -> bool {
    matches!(
        error.verdict,
        Some(Verdict::Refused(_) | Verdict::Missing | Verdict::Moved)
    )
}

/// One key for several attempts: the same for the same ones, short enough for every product.
fn combined<'a>(attempts: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for attempt in attempts {
        hash.update(attempt.as_bytes());
        hash.update([0]);
    }
    bridge_core::hex(&hash.finalize()[..20])
}
