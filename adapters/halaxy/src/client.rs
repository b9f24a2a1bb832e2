//! The typed client: every call of Halaxy's API that the bridge makes, with answers taken apart.

use crate::bundle::{ResourcePage, id_of, reference_id};
use crate::options::{HalaxyOptions, OptionsError};
use crate::query::{PAGE_SIZE, Query};
use crate::verdicts::HalaxyVerdicts;
use adapter_kit::{
    AdapterError, Auth, Call, CallError, Client, ClientCredentials, ClientOptions, Clock, Limits, Outcome, Rate,
    Response, TokenStyle, Transport, Verdict, segment,
};
use bridge_core::Time;
use http::Method;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;

/// A client of one Halaxy account. Cheap to clone.
#[derive(Clone)]
pub struct HalaxyClient {
    http: Client,
}

/// What a write was answered with.
#[derive(Clone, Debug)]
pub struct Written {
    /// The record's id.
    pub id: String,
    /// The record as the write left it, if the answer shows it.
    pub record: Option<Json>,
}

pub(crate) const FHIR: &str = "application/fhir+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

impl HalaxyClient {
    /// A client over this transport and clock.
    ///
    /// # Errors
    /// [`OptionsError`] if an option cannot be used.
    pub fn new(
        system: &str,
        options: &HalaxyOptions,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<HalaxyClient, OptionsError> {
        if options.user_agent.trim().is_empty() {
            let remedy = "Halaxy refuses calls without it; write user_agent = \"YourApp (you@example.org)\"";
            return Err(OptionsError::Empty("user_agent", remedy));
        }
        if options.client_id.trim().is_empty() {
            return Err(OptionsError::Empty(
                "client_id",
                "make an API key in Halaxy under Settings > API keys",
            ));
        }
        let mut base = options.base_url.trim().to_string();
        if !base.ends_with('/') {
            base.push('/');
        }
        let mut client = ClientOptions::new(system, base.as_str());
        client.write_life = Some(options.call_life);
        client.user_agent = options.user_agent.trim().to_string();
        client.headers = vec![("accept".into(), FHIR.into())];
        client.auth = Auth::ClientCredentials(ClientCredentials {
            token_url: format!("{base}oauth/token"),
            client_id: options.client_id.clone(),
            client_secret: options.client_secret.clone(),
            style: TokenStyle::Json,
            scope: None,
            extra: Vec::new(),
            life_cap: Some(options.token_life),
        });
        client.limits = Limits {
            rates: vec![
                Rate::new(options.calls_per_minute.max(1), Duration::from_secs(60))
                    .headers("x-ratelimit-limit", "x-ratelimit-remaining"),
            ],
            share: options.share,
            spent: options.spent,
            concurrent: Some(options.concurrent.max(1)),
            day: options.day.clone(),
            ..Limits::default()
        };
        client.verdicts = Arc::new(HalaxyVerdicts);
        Ok(HalaxyClient {
            http: Client::new(client, transport, clock)?,
        })
    }

    /// The HTTP client below.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// One page (from 1) of a search over a resource type, [`PAGE_SIZE`] rows at most.
    ///
    /// # Errors
    /// [`AdapterError`] if it fails.
    pub async fn search(&self, kind: &str, query: Query, page: u32) -> Result<ResourcePage, AdapterError> {
        let what = format!("GET {kind}");
        let mut call = Call::read(Method::GET, kind)
            .what(&what)
            .query("_count", PAGE_SIZE.to_string());
        for (name, value) in query.into_parts() {
            call = call.query(name, value);
        }
        if page > 1 {
            call = call.query("page", page.to_string());
        }
        let answer = self.http.send(call).await.map_err(|error| error.error)?;
        let started = answer.started;
        let bundle = self.json(&what, &answer)?;
        ResourcePage::from_bundle(kind, bundle, started, PAGE_SIZE, page)
            .ok_or_else(|| self.http.nonsense(what, "not a Bundle of resources with ids"))
    }

    /// Every row of a search, page by page, each id once.
    ///
    /// # Errors
    /// [`AdapterError`] if a page fails.
    pub async fn search_all(&self, kind: &str, query: Query) -> Result<Vec<Json>, AdapterError> {
        let mut rows = Vec::new();
        let mut ids = std::collections::HashSet::new();
        let mut page = 1;
        loop {
            let found = self.search(kind, query.clone(), page).await?;
            let more = found.more && !found.rows.is_empty();
            rows.extend(
                found
                    .rows
                    .into_iter()
                    .filter(|row| id_of(row).is_some_and(|id| ids.insert(id))),
            );
            if !more {
                return Ok(rows);
            }
            page += 1;
        }
    }

    /// One record by its id; `None` if there is none (any more). A merged record may answer under
    /// another id: compare.
    ///
    /// # Errors
    /// [`AdapterError`] if it cannot be read.
    pub async fn read(&self, kind: &str, id: &str) -> Result<Option<Json>, AdapterError> {
        let what = format!("GET {kind}/{{id}}");
        let Some(id) = segment(id) else {
            return Ok(None);
        };
        match self
            .http
            .send(Call::read(Method::GET, format!("{kind}/{id}")).what(&what))
            .await
        {
            Ok(answer) => {
                let body = self.json(&what, &answer)?;
                if body["resourceType"] != kind || id_of(&body).is_none() {
                    return Err(self.http.nonsense(what, format!("not a {kind}")));
                }
                Ok(Some(body))
            }
            Err(error) if error.verdict == Some(Verdict::Missing) => Ok(None),
            Err(error) => Err(error.error),
        }
    }

    /// Makes a record. Halaxy has no idempotency key and checks for no duplicates: an unknown
    /// outcome must be looked into before anything is repeated.
    ///
    /// # Errors
    /// [`CallError`], whose outcome tells whether the record may have been made.
    pub async fn create(&self, kind: &str, body: Json) -> Result<Written, CallError> {
        let what = format!("POST {kind}");
        let call = Call::write(Method::POST, kind)
            .what(&what)
            .header("content-type", FHIR)
            .json(body);
        let answer = self.http.send(call).await?;
        let located = answer
            .http
            .header("location")
            .and_then(reference_id)
            .map(str::to_string);
        let record = answer.http.json().ok().filter(|body| body["resourceType"] == kind);
        match record.as_ref().and_then(id_of).or(located) {
            Some(id) => Ok(Written { id, record }),
            None => Err(self.landed_without_trace(what, answer)),
        }
    }

    /// Changes a record by merge-patch: members of `patch` replace those of the record (lists
    /// whole), null clears.
    ///
    /// # Errors
    /// [`CallError`], whose outcome tells whether the change may have been made.
    pub async fn patch(&self, kind: &str, id: &str, patch: Json) -> Result<Written, CallError> {
        self.change(Method::PATCH, MERGE_PATCH, kind, id, patch).await
    }

    /// Replaces a record whole; writable members left out are cleared. Patients only.
    ///
    /// # Errors
    /// [`CallError`], whose outcome tells whether the change may have been made.
    pub async fn replace(&self, kind: &str, id: &str, body: Json) -> Result<Written, CallError> {
        self.change(Method::PUT, FHIR, kind, id, body).await
    }

    async fn change(
        &self,
        method: Method,
        media: &str,
        kind: &str,
        id: &str,
        body: Json,
    ) -> Result<Written, CallError> {
        let what = format!("{method} {kind}/{{id}}");
        let Some(path) = segment(id) else {
            let mut error = self.http.nonsense(what, "an id that no path can carry");
            error.not_processed = true;
            return Err(CallError {
                error,
                outcome: Outcome::Refused,
                verdict: Some(Verdict::Missing),
                response: None,
            });
        };
        let call = Call::write(method, format!("{kind}/{path}"))
            .what(what)
            .header("content-type", media)
            .json(body);
        let answer = self.http.send(call).await?;
        let record = answer
            .http
            .json()
            .ok()
            .filter(|body| body["resourceType"] == kind && id_of(body).is_some());
        let id = record.as_ref().and_then(id_of).unwrap_or_else(|| id.to_string());
        Ok(Written { id, record })
    }

    /// The ids of all patients the key may see.
    ///
    /// # Errors
    /// [`AdapterError`] if the answer fails or holds something that is no patient's reference.
    pub async fn export_ids(&self) -> Result<Vec<String>, AdapterError> {
        let what = "GET Patient/$export-ids";
        let call = Call::read(Method::GET, "Patient/$export-ids").what(what);
        let answer = self.http.send(call).await.map_err(|error| error.error)?;
        let body = self.json(what, &answer)?;
        if body["resourceType"] != "Parameters" {
            return Err(self.http.nonsense(what, "not Parameters"));
        }
        let none = Vec::new();
        let parameters = body["parameter"].as_array().unwrap_or(&none);
        let ids: Option<Vec<String>> = parameters
            .iter()
            .map(|parameter| reference_id(parameter["valueReference"]["reference"].as_str()?).map(str::to_string))
            .collect();
        ids.ok_or_else(|| self.http.nonsense(what, "a parameter without a reference"))
    }

    /// The CapabilityStatement: what each resource permits.
    ///
    /// # Errors
    /// [`AdapterError`] if it cannot be read.
    pub async fn metadata(&self) -> Result<Json, AdapterError> {
        let what = "GET metadata";
        let answer = self
            .http
            .send(Call::read(Method::GET, "metadata").what(what))
            .await
            .map_err(|error| error.error)?;
        self.json(what, &answer)
    }

    /// The least Halaxy's clock can have shown at a moment of ours.
    pub fn server_at_least(&self, at: Time) -> Option<Time> {
        self.http.server_at_least(at)
    }

    fn json(&self, what: &str, answer: &Response) -> Result<Json, AdapterError> {
        answer.http.json().map_err(|_| self.http.nonsense(what, "not JSON"))
    }

    /// A create that was answered well without saying what it made.
    fn landed_without_trace(&self, what: String, answer: Response) -> CallError {
        let error = self.http.nonsense(what, "no id in the answer");
        CallError {
            error,
            outcome: Outcome::Unknown,
            verdict: Some(Verdict::Protocol),
            response: Some(answer.http),
        }
    }
}
