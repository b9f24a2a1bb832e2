//! Harmless probes of an account, and what it must have before it can be synchronised.

use crate::adapter::{RestAdapter, Worker};
use crate::connector::{Condition, Prepare};
use crate::template::Shape;
use adapter_kit::{AdapterError, Failure, PrepareStep, Probe};
use serde_json::{Value as Json, json};

/// One thing that an account must have.
struct Thing<'p> {
    name: String,
    what: String,
    check: Option<&'p Condition>,
    body: &'p Shape,
}

impl RestAdapter {
    /// Lists one record of each kind, runs the connector's own probes, and looks whether
    /// everything that `prepare` makes is there.
    pub(crate) async fn probe_kinds(&self, kinds: &[String]) -> Vec<Probe> {
        let mut probes = Vec::new();
        let credentials = self.account.client.check_credentials().await;
        let refused = credentials.is_err();
        probes.push(Probe {
            what: "credentials".into(),
            problem: credentials.err().map(|error| trouble(&error, "")),
        });
        if refused {
            return probes;
        }
        for name in kinds {
            let what = format!("list {name}");
            let worker = match self.worker(name) {
                Ok(worker) => worker,
                Err(error) => {
                    let remedy =
                        "Correct `kind` in the mapping, or describe the kind in the connector file.".to_string();
                    probes.push(Probe {
                        what,
                        problem: Some((error.to_string(), remedy)),
                    });
                    continue;
                }
            };
            let listed = self.glance(worker).await;
            let listable = listed.is_ok();
            probes.push(Probe {
                what,
                problem: listed.err().map(|error| trouble(&error, "")),
            });
            for probe in &worker.kind.probes {
                let tried = self.account.read(&probe.request, &worker.variables, &probe.what).await;
                probes.push(Probe {
                    what: probe.what.clone(),
                    problem: tried.err().map(|error| trouble(&error.error, &probe.remedy)),
                });
            }
            if listable && worker.kind.prepare.is_some() {
                match self.prepare_kind(worker, false).await {
                    Ok(steps) => probes.extend(steps.into_iter().map(|step| {
                        let missing = (!step.present)
                            .then(|| ("is missing".to_string(), "Run `prepare` for this system.".to_string()));
                        Probe {
                            what: step.what,
                            problem: missing,
                        }
                    })),
                    Err(error) => probes.push(Probe {
                        what: format!("prepare {name}"),
                        problem: Some(trouble(&error, "")),
                    }),
                }
            }
        }
        probes
    }

    /// What the account must have; makes the missing parts if `apply`.
    pub(crate) async fn prepare_kind(&self, worker: &Worker, apply: bool) -> Result<Vec<PrepareStep>, AdapterError> {
        let Some(prepare) = &worker.kind.prepare else {
            return Ok(Vec::new());
        };
        let what = format!("prepare {}", worker.kind.name);
        let nonsense = |code: &str| self.account.client.nonsense(&what, code);
        let response = self
            .account
            .read(&prepare.request, &worker.variables, &what)
            .await
            .map_err(|error| error.error)?;
        let answer = response.http.json().map_err(|_| nonsense("no JSON"))?;
        if prepare.records.one(&answer).is_none() {
            return Err(nonsense("nothing is listed where the connector says"));
        }
        let existing = prepare.records.list(&answer);
        let mut steps = Vec::new();
        for thing in needed(prepare, worker, &existing) {
            let found = existing
                .iter()
                .find(|one| prepare.name.text(one).as_deref() == Some(thing.name.as_str()));
            if let (Some(found), Some(check)) = (found, thing.check)
                && !check.holds(found)
            {
                return Err(AdapterError {
                    code: format!(
                        "{} exists, but is not what it must be; rename or remove it there",
                        thing.name
                    ),
                    failure: Failure::Refused,
                    ..nonsense("")
                });
            }
            if found.is_none() && apply {
                self.make(prepare, worker, &thing, &what).await?;
            }
            steps.push(PrepareStep {
                present: found.is_some() || apply,
                what: thing.what,
            });
        }
        Ok(steps)
    }

    async fn make(
        &self,
        prepare: &Prepare,
        worker: &Worker,
        thing: &Thing<'_>,
        what: &str,
    ) -> Result<(), AdapterError> {
        let mut variables = worker.variables.clone();
        variables.insert("name".into(), json!(thing.name));
        let body = thing
            .body
            .fill(&variables)
            .map_err(|error| self.account.client.nonsense(what, error.to_string()))?;
        variables.insert("thing".into(), body.unwrap_or(Json::Null));
        self.account
            .write(&prepare.create, &variables, what)
            .await
            .map(|_| ())
            .map_err(|error| error.error)
    }
}

/// The connector's needs that the mapping has, and mapped members that are not there at all.
fn needed<'p>(prepare: &'p Prepare, worker: &Worker, existing: &[&Json]) -> Vec<Thing<'p>> {
    let mut things: Vec<Thing<'p>> = prepare
        .needs
        .iter()
        .filter(|need| need.always || worker.mapped.contains(&need.name))
        .map(|need| Thing {
            name: need.name.clone(),
            what: need.what.clone(),
            check: Some(&need.check),
            body: &need.body,
        })
        .collect();
    if let Some(other) = &prepare.other {
        let names: Vec<String> = existing.iter().filter_map(|one| prepare.name.text(one)).collect();
        for member in &worker.mapped {
            if !names.contains(member) && !things.iter().any(|thing| thing.name == *member) {
                things.push(Thing {
                    name: member.clone(),
                    what: format!("property {member}"),
                    check: None,
                    body: other,
                });
            }
        }
    }
    things
}

/// A failed probe: what it was, and what to do about it.
fn trouble(error: &AdapterError, remedy: &str) -> (String, String) {
    let usual = usual_remedy(&error.failure);
    (
        error.to_string(),
        if remedy.is_empty() {
            usual.to_string()
        } else {
            remedy.to_string()
        },
    )
}

/// What usually helps.
pub(crate) fn usual_remedy(failure: &Failure) -> &'static str {
    match failure {
        Failure::Auth => "Check the credentials in the system's section; they may be mistyped, expired or revoked.",
        Failure::Scope(_) => "Give the account (or the token) the permission this needs.",
        Failure::Throttled(_) => "Wait a little: the account's calls are used up for now.",
        Failure::DayBudget(_) => "Wait until tomorrow, or raise the account's daily limit.",
        Failure::Unavailable => "Check base_url and the network; the product may also be down for now.",
        Failure::Refused | Failure::Protocol => {
            "Check base_url, and the connector file against the product's documentation."
        }
    }
}
