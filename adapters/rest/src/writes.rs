//! Creates and updates. A write is sent once. What its answer proves is told; what it does not
//! prove is unknown.

use crate::adapter::{RestAdapter, Worker};
use crate::body::{difference, overlay, spell, without_nulls};
use crate::connector::{Means, Shown, Writing};
use crate::lookups::{filled_items, names_item, spoilt};
use crate::record::remote;
use crate::template::Variables;
use adapter_kit::{AdapterError, Answer, CallError, HttpResponse, Outcome, Outgoing, Refusal, RefusalKind, Verdict};
use bridge_core::{Version, deny};
use futures::stream::{self, StreamExt};
use serde_json::{Value as Json, json};

/// One write, ready to be filled into a request.
struct Item {
    variables: Variables,
    /// Of an update.
    id: Option<String>,
    /// The body as sent, for answers that show only a part of the record.
    sent: Json,
    /// An update that changes nothing.
    idle: bool,
    /// It would tell what may go nowhere.
    denied: bool,
}

impl RestAdapter {
    /// Sends writes and answers each, in order.
    pub(crate) async fn send_writes(&self, worker: &Worker, writes: Vec<Outgoing>) -> Vec<Answer> {
        let mut answers: Vec<Option<Answer>> = writes.iter().map(|_| None).collect();
        let (mut creates, mut updates) = (Vec::new(), Vec::new());
        for (at, write) in writes.into_iter().enumerate() {
            let is_create = matches!(write, Outgoing::Create { .. });
            let item = item(worker, write);
            if item.denied {
                answers[at] = Some(refused(RefusalKind::Forbidden, deny::CODE));
            } else if item.idle {
                let id = item.id.unwrap_or_default();
                answers[at] = Some(Answer::Applied { id, record: None });
            } else if is_create {
                creates.push((at, item));
            } else {
                updates.push((at, item));
            }
        }
        for (writing, items, what) in [
            (&worker.kind.create, creates, "create"),
            (&worker.kind.update, updates, "update"),
        ] {
            let what = format!("{what} {}", worker.kind.name);
            let (places, items): (Vec<usize>, Vec<Item>) = items.into_iter().unzip();
            let told = match writing {
                Some(writing) => self.send_items(worker, writing, &items, &what).await,
                None => items
                    .iter()
                    .map(|_| refused(RefusalKind::Forbidden, "the connector has no such operation"))
                    .collect(),
            };
            for (at, answer) in places.into_iter().zip(told) {
                answers[at] = Some(answer);
            }
        }
        answers.into_iter().flatten().collect()
    }

    async fn send_items(&self, worker: &Worker, writing: &Writing, items: &[Item], what: &str) -> Vec<Answer> {
        if writing.batch <= 1 {
            let mut calls = Vec::with_capacity(items.len());
            for item in items {
                calls.push(self.send_one(worker, writing, item, what));
            }
            return stream::iter(calls).buffered(worker.kind.at_once.max(1)).collect().await;
        }
        let mut answers = Vec::with_capacity(items.len());
        for chunk in items.chunks(writing.batch) {
            answers.extend(self.send_batch(worker, writing, chunk, what).await);
        }
        answers
    }

    async fn send_one(&self, worker: &Worker, writing: &Writing, item: &Item, what: &str) -> Answer {
        match self.account.write(&writing.request, &item.variables, what).await {
            Ok(response) => {
                let Ok(answer) = response.http.json() else {
                    return self.unclear(what, "no JSON");
                };
                let row = writing
                    .records
                    .as_ref()
                    .and_then(|records| records.list(&answer).first().copied());
                self.applied(worker, writing, item, row, &answer, Some(&response.http), what)
            }
            Err(error) => failed(worker, item, error),
        }
    }

    async fn send_batch(&self, worker: &Worker, writing: &Writing, items: &[Item], what: &str) -> Vec<Answer> {
        let variables: Vec<Variables> = items.iter().map(|item| item.variables.clone()).collect();
        let mut call = worker.variables.clone();
        match filled_items(writing.item.as_ref(), &variables) {
            Ok(filled) => call.insert("items".into(), filled),
            Err(error) => return items.iter().map(|_| refused(RefusalKind::Invalid, &error)).collect(),
        };
        match self.account.write(&writing.request, &call, what).await {
            Ok(response) => self.judge_batch(worker, writing, items, &response.http, what),
            // The whole batch was refused, so nothing of it was written: find out whose fault it is.
            Err(error) if items.len() > 1 && error.outcome == Outcome::Refused && spoilt(&error) => {
                let (left, right) = items.split_at(items.len() / 2);
                let mut answers = Box::pin(self.send_batch(worker, writing, left, what)).await;
                answers.extend(Box::pin(self.send_batch(worker, writing, right, what)).await);
                answers
            }
            Err(error) => items.iter().map(|item| failed(worker, item, error.clone())).collect(),
        }
    }

    /// Results and errors come in any order and are told apart by the names they carry.
    fn judge_batch(
        &self,
        worker: &Worker,
        writing: &Writing,
        items: &[Item],
        response: &HttpResponse,
        what: &str,
    ) -> Vec<Answer> {
        let Ok(answer) = response.json() else {
            return items.iter().map(|_| self.unclear(what, "no JSON")).collect();
        };
        let rows = writing
            .records
            .as_ref()
            .map(|records| records.list(&answer))
            .unwrap_or_default();
        let errors = writing
            .errors
            .as_ref()
            .map(|errors| errors.at.list(&answer))
            .unwrap_or_default();
        let judge = |item: &Item| {
            if let Some(row) = rows.iter().find(|row| names_item(&writing.names, row, &item.variables)) {
                return self.applied(worker, writing, item, Some(row), row, None, what);
            }
            let names = |error: &&&Json| {
                writing
                    .errors
                    .as_ref()
                    .is_some_and(|spec| names_item(&spec.names, error, &item.variables))
            };
            match errors.iter().find(names) {
                Some(error) => item_failed(worker, item, error, || {
                    self.unclear_error(what, "an item failed for now")
                }),
                None => self.unclear(what, "the answer passes over an item"),
            }
        };
        items.iter().map(judge).collect()
    }

    fn applied(
        &self,
        worker: &Worker,
        writing: &Writing,
        item: &Item,
        row: Option<&Json>,
        answer: &Json,
        whole: Option<&HttpResponse>,
        what: &str,
    ) -> Answer {
        let shown = row.and_then(|row| {
            let mut record = remote(&worker.kind, row, whole)?;
            if writing.answer == Shown::WrittenPart {
                record.body = overlay(&item.sent, row);
            }
            Some(record)
        });
        let told = || {
            writing
                .id
                .as_ref()
                .and_then(|id| id.text(answer))
                .filter(|id| !id.is_empty())
        };
        let id = shown
            .as_ref()
            .map(|record| record.id.clone())
            .or_else(told)
            .or_else(|| item.id.clone());
        match id {
            Some(id) => Answer::Applied {
                id,
                record: shown.filter(|_| writing.answer != Shown::None).map(Box::new),
            },
            // It was created, and nobody said under which id.
            None => self.unclear(what, "no id"),
        }
    }

    fn unclear(&self, what: &str, code: &str) -> Answer {
        Answer::Unknown(self.unclear_error(what, code))
    }

    fn unclear_error(&self, what: &str, code: &str) -> AdapterError {
        self.account.client.nonsense(what, code)
    }
}

fn item(worker: &Worker, write: Outgoing) -> Item {
    let members = &worker.kind.members;
    let mut variables = worker.variables.clone();
    let mut set = |name: &str, value: Json| {
        variables.insert(name.to_string(), value);
    };
    match write {
        Outgoing::Create { key, reference, body } => {
            let body = spell(without_nulls(body), members);
            set("key", json!(key));
            set("reference", json!(reference));
            set("body", body.clone());
            Item {
                variables,
                id: None,
                denied: deny::holds_in(&body),
                sent: body,
                idle: false,
            }
        }
        Outgoing::Update {
            key,
            id,
            before,
            after,
            version,
        } => {
            let changes = difference(&before, &after);
            let idle = changes.is_empty();
            let changes = Json::Object(changes);
            let denied = deny::holds_in(&changes);
            set("key", json!(key));
            set("id", json!(id));
            set("changes", spell(changes, members));
            let after = spell(after, members);
            set("before", before);
            set("after", after.clone());
            match version {
                Some(Version::Counting(number)) => set("version", json!(number)),
                Some(Version::Opaque(token)) => set("version", json!(token)),
                None => {}
            }
            Item {
                variables,
                id: Some(id),
                sent: after,
                idle,
                denied,
            }
        }
    }
}

/// The answer to a write whose call failed.
fn failed(worker: &Worker, item: &Item, error: CallError) -> Answer {
    match error.outcome {
        Outcome::NotProcessed => Answer::Later(error.error),
        Outcome::Unknown => Answer::Unknown(error.error),
        Outcome::Refused => match (&error.verdict, &error.response) {
            (Some(Verdict::Moved), _) => Answer::Moved,
            (Some(Verdict::Missing), _) if item.id.is_some() => Answer::Gone,
            (Some(Verdict::Scope), _) => refused(RefusalKind::Forbidden, &error.error.code),
            (_, Some(response)) => Answer::Refused(worker.rules.refusal_of(response)),
            (_, None) => refused(RefusalKind::Invalid, &error.error.code),
        },
    }
}

/// The answer to a write that failed among others that went well.
fn item_failed(worker: &Worker, item: &Item, error: &Json, unclear: impl Fn() -> AdapterError) -> Answer {
    let (means, refusal) = worker.rules.of_item(error);
    match means {
        Means::Moved => Answer::Moved,
        Means::Gone if item.id.is_some() => Answer::Gone,
        Means::Throttled | Means::Day | Means::NotNow | Means::Expired => Answer::Later(AdapterError {
            code: refusal.code,
            not_processed: true,
            failure: adapter_kit::Failure::Throttled(None),
            ..unclear()
        }),
        Means::Unavailable => Answer::Unknown(AdapterError {
            code: refusal.code,
            failure: adapter_kit::Failure::Unavailable,
            ..unclear()
        }),
        _ => Answer::Refused(refusal),
    }
}

fn refused(kind: RefusalKind, code: &str) -> Answer {
    Answer::Refused(Refusal {
        kind,
        code: code.to_string(),
        path: None,
    })
}
