//! Direct reads by id, and look-ups by our reference.

use crate::adapter::{RestAdapter, Worker};
use crate::connector::{List, Lookup, Means, Request};
use crate::pages::Ask;
use crate::record::remote;
use crate::template::{Shape, Variables};
use adapter_kit::{AdapterError, CallError, Failure, Found, HttpResponse, Read, Remote, Verdict};
use futures::stream::{self, StreamExt};
use serde_json::{Value as Json, json};

/// What a look-up says of one id or reference.
enum Looked {
    Records(Vec<Remote>),
    Missing,
    Failed(AdapterError),
    /// Neither shown nor said to be missing: nothing may be concluded.
    PassedOver,
}

/// By what records are looked up.
#[derive(Clone, Copy)]
enum By {
    Id,
    Reference,
}

impl By {
    fn variable(self) -> &'static str {
        match self {
            By::Id => "id",
            By::Reference => "reference",
        }
    }
}

impl RestAdapter {
    /// Reads ids in the order asked. What is not among the living is looked for among the dead.
    pub(crate) async fn read_ids(&self, worker: &Worker, ids: &[String]) -> Result<Vec<Read>, AdapterError> {
        let looked = self.look_up(worker, &worker.kind.read, By::Id, ids).await?;
        Ok(looked
            .into_iter()
            .map(|looked| match looked {
                Looked::Records(records) => match records.into_iter().next() {
                    Some(record) if worker.kind.is_apart(&record.body) => Read::Missing,
                    Some(record) => Read::Found(Box::new(record)),
                    None => Read::Missing,
                },
                Looked::Missing => Read::Missing,
                Looked::Failed(error) => Read::Failed(error),
                Looked::PassedOver => Read::Failed(self.passed_over(worker)),
            })
            .collect())
    }

    /// Looks references up, in the order asked.
    pub(crate) async fn find_references(
        &self,
        worker: &Worker,
        references: &[String],
    ) -> Result<Vec<Found>, AdapterError> {
        let Some(find) = &worker.kind.find else {
            return Err(self
                .account
                .client
                .nonsense(format!("find {}", worker.kind.name), "no look-up by reference"));
        };
        let looked = self.look_up(worker, find, By::Reference, references).await?;
        let mut found = Vec::with_capacity(references.len());
        for (reference, looked) in references.iter().zip(looked) {
            let records = match looked {
                Looked::Records(records) => records,
                Looked::Missing => Vec::new(),
                Looked::Failed(error) => return Err(error),
                Looked::PassedOver => return Err(self.passed_over(worker)),
            };
            found.push(Found {
                reference: reference.clone(),
                records,
            });
        }
        Ok(found)
    }

    fn passed_over(&self, worker: &Worker) -> AdapterError {
        let what = format!("read {}", worker.kind.name);
        self.account.client.nonsense(what, "the answer passes over an id")
    }

    async fn look_up(
        &self,
        worker: &Worker,
        lookup: &Lookup,
        by: By,
        keys: &[String],
    ) -> Result<Vec<Looked>, AdapterError> {
        let mut looked = self.look_among(worker, lookup, &lookup.request, by, keys).await?;
        let missing: Vec<usize> = (0..keys.len())
            .filter(|at| matches!(looked[*at], Looked::Missing))
            .collect();
        if missing.is_empty() {
            return Ok(looked);
        }
        let keys: Vec<String> = missing.iter().map(|at| keys[*at].clone()).collect();
        let buried = match (&lookup.dead, &lookup.dead_list) {
            (Some(dead), _) => self.look_among(worker, lookup, dead, by, &keys).await?,
            (None, Some(list)) => self.look_through(worker, list, by, &keys).await?,
            (None, None) => return Ok(looked),
        };
        for (at, buried) in missing.into_iter().zip(buried) {
            looked[at] = buried;
        }
        Ok(looked)
    }

    /// Goes through all the dead.
    async fn look_through(
        &self,
        worker: &Worker,
        list: &List,
        by: By,
        keys: &[String],
    ) -> Result<Vec<Looked>, AdapterError> {
        let mut found: Vec<Vec<Remote>> = keys.iter().map(|_| Vec::new()).collect();
        let mut at = None;
        loop {
            let page = self
                .fetch(worker, list, Ask::page(at.as_ref()))
                .await
                .map_err(|error| error.error)?;
            for record in page.records {
                let named = match by {
                    By::Id => Some(record.id.clone()),
                    By::Reference => reference_of(worker, &record.body),
                };
                if let Some(place) = keys.iter().position(|key| Some(key) == named.as_ref()) {
                    found[place].retain(|known| known.id != record.id);
                    found[place].push(record);
                }
            }
            at = page.next;
            if at.is_none() {
                break;
            }
        }
        Ok(found
            .into_iter()
            .map(|records| {
                if records.is_empty() {
                    Looked::Missing
                } else {
                    Looked::Records(records)
                }
            })
            .collect())
    }

    async fn look_among(
        &self,
        worker: &Worker,
        lookup: &Lookup,
        request: &Request,
        by: By,
        keys: &[String],
    ) -> Result<Vec<Looked>, AdapterError> {
        if lookup.batch > 1 {
            let mut looked = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(lookup.batch) {
                looked.extend(self.look_batch(worker, lookup, request, by, chunk).await?);
            }
            return Ok(looked);
        }
        let mut calls = Vec::with_capacity(keys.len());
        for key in keys {
            calls.push(self.look_one(worker, lookup, request, by, key));
        }
        let looked: Vec<Looked> = stream::iter(calls).buffered(worker.kind.at_once.max(1)).collect().await;
        // If nothing could be read, the trouble is not with one record.
        let all_failed = looked.iter().all(|looked| matches!(looked, Looked::Failed(_)));
        match looked.first() {
            Some(Looked::Failed(error)) if all_failed => Err(error.clone()),
            _ => Ok(looked),
        }
    }

    async fn look_one(&self, worker: &Worker, lookup: &Lookup, request: &Request, by: By, key: &str) -> Looked {
        let what = format!("read {}", worker.kind.name);
        let mut variables = worker.variables.clone();
        variables.insert(by.variable().into(), json!(key));
        let response = match self.account.read(request, &variables, &what).await {
            Ok(response) => response,
            Err(error) if matches!(error.verdict, Some(Verdict::Missing)) => return Looked::Missing,
            Err(error) => return Looked::Failed(error.error),
        };
        let nonsense = |code: &str| Looked::Failed(self.account.client.nonsense(&what, code));
        let Ok(answer) = response.http.json() else {
            return nonsense("no JSON");
        };
        let rows = lookup.records.list(&answer);
        let whole = (rows.len() == 1).then_some(&response.http);
        let records: Option<Vec<Remote>> = rows.iter().map(|row| remote(&worker.kind, row, whole)).collect();
        let Some(records) = records else {
            return nonsense("a record without id");
        };
        if records.is_empty() {
            return match lookup.silent_is_missing && lookup.records.one(&answer).is_some() {
                true => Looked::Missing,
                false => nonsense("no record where the connector says"),
            };
        }
        // A product that passes over an unknown filter shows everybody.
        if matches!(by, By::Reference) && !rows.iter().all(|row| reference_of(worker, row).as_deref() == Some(key)) {
            return nonsense("the look-up shows records with another reference");
        }
        Looked::Records(records)
    }

    async fn look_batch(
        &self,
        worker: &Worker,
        lookup: &Lookup,
        request: &Request,
        by: By,
        keys: &[String],
    ) -> Result<Vec<Looked>, AdapterError> {
        let what = format!("read {}", worker.kind.name);
        let variables = keys.iter().map(|key| {
            let mut variables = worker.variables.clone();
            variables.insert(by.variable().into(), json!(key));
            variables
        });
        let variables: Vec<Variables> = variables.collect();
        let mut call = worker.variables.clone();
        let items = filled_items(lookup.item.as_ref(), &variables);
        call.insert(
            "items".into(),
            items.map_err(|error| self.account.client.nonsense(&what, error))?,
        );
        let response = match self.account.read(request, &call, &what).await {
            Ok(response) => response.http,
            // One bad id may spoil the batch: find it, so that the others can be read.
            Err(error) if keys.len() > 1 && spoilt(&error) => {
                let (left, right) = keys.split_at(keys.len() / 2);
                let mut looked = Box::pin(self.look_batch(worker, lookup, request, by, left)).await?;
                looked.extend(Box::pin(self.look_batch(worker, lookup, request, by, right)).await?);
                return Ok(looked);
            }
            Err(error) if keys.len() == 1 && spoilt(&error) => {
                let gone = error
                    .response
                    .as_ref()
                    .is_some_and(|response| worker.rules.says_gone(response));
                return Ok(vec![if gone {
                    Looked::Missing
                } else {
                    Looked::Failed(error.error)
                }]);
            }
            Err(error) => return Err(error.error),
        };
        let mut looked = self.judged(worker, lookup, by, keys, &variables, &response, &what)?;
        // A record that answers under another id (it was merged) may not say which one was asked:
        // asked alone, there is no doubt.
        if keys.len() > 1 {
            for (looked, key) in looked.iter_mut().zip(keys) {
                if matches!(looked, Looked::PassedOver) {
                    let alone =
                        Box::pin(self.look_batch(worker, lookup, request, by, std::slice::from_ref(key))).await?;
                    *looked = alone.into_iter().next().unwrap_or(Looked::PassedOver);
                }
            }
        }
        Ok(looked)
    }

    fn judged(
        &self,
        worker: &Worker,
        lookup: &Lookup,
        by: By,
        keys: &[String],
        variables: &[Variables],
        response: &HttpResponse,
        what: &str,
    ) -> Result<Vec<Looked>, AdapterError> {
        let nonsense = |code: &str| self.account.client.nonsense(what, code);
        let answer = response.json().map_err(|_| nonsense("no JSON"))?;
        if lookup.records.one(&answer).is_none() {
            return Err(nonsense("no records where the connector says"));
        }
        let rows = lookup.records.list(&answer);
        let records: Option<Vec<Remote>> = rows.iter().map(|row| remote(&worker.kind, row, None)).collect();
        let records = records.ok_or_else(|| nonsense("a record without id"))?;
        let errors = lookup
            .errors
            .as_ref()
            .map(|errors| errors.at.list(&answer))
            .unwrap_or_default();
        let alone = keys.len() == 1 && errors.is_empty();
        let looked = keys.iter().zip(variables).map(|(key, variables)| {
            let meant: Vec<Remote> = match by {
                By::Id => {
                    let exact = records.iter().find(|record| record.id == *key);
                    exact
                        .or_else(|| records.iter().find(|record| record.merged_from.contains(key)))
                        .or_else(|| records.first().filter(|_| alone && records.len() == 1))
                        .cloned()
                        .into_iter()
                        .collect()
                }
                By::Reference => {
                    let meant = rows
                        .iter()
                        .zip(&records)
                        .filter(|(row, _)| reference_of(worker, row).as_deref() == Some(key));
                    meant.map(|(_, record)| record.clone()).collect()
                }
            };
            if !meant.is_empty() {
                return Looked::Records(meant);
            }
            let named = errors.iter().find(|error| {
                lookup
                    .errors
                    .as_ref()
                    .is_some_and(|spec| names_item(&spec.names, error, variables))
            });
            match named.map(|error| worker.rules.of_item(error)) {
                Some((Means::Gone, _)) => Looked::Missing,
                Some((_, refusal)) => Looked::Failed(AdapterError {
                    system: self.account.client.system().to_string(),
                    what: what.to_string(),
                    code: refusal.code,
                    failure: Failure::Refused,
                    not_processed: true,
                }),
                None if lookup.silent_is_missing => Looked::Missing,
                None => Looked::PassedOver,
            }
        });
        Ok(looked.collect())
    }
}

/// Whether a batch was refused in a way that one of its items may be to blame for.
pub(crate) fn spoilt(error: &CallError) -> bool {
    matches!(
        error.verdict,
        Some(Verdict::Refused(_) | Verdict::Missing | Verdict::Moved)
    )
}

/// The `items` of a batch.
pub(crate) fn filled_items(item: Option<&Shape>, variables: &[Variables]) -> Result<Json, String> {
    let item = item.ok_or("the connector describes no item")?;
    let mut items = Vec::with_capacity(variables.len());
    for variables in variables {
        items.push(
            item.fill(variables)
                .map_err(|error| error.to_string())?
                .unwrap_or(Json::Null),
        );
    }
    Ok(Json::Array(items))
}

/// Whether a result or an error names this item.
pub(crate) fn names_item(
    names: &[(crate::place::Place, crate::template::Template)],
    told: &Json,
    variables: &Variables,
) -> bool {
    names.iter().any(|(place, template)| {
        let Ok(Some(name)) = template.text(variables) else {
            return false;
        };
        !name.is_empty() && place.texts(told).contains(&name)
    })
}

fn reference_of(worker: &Worker, row: &Json) -> Option<String> {
    worker.kind.record.reference.as_ref()?.text(row)
}
