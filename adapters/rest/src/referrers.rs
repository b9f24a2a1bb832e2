//! A CRM that holds referrers, through [`Referrers`]: what is told becomes members of a body, and how bodies are looked
//! up, made and changed is what the connector file says of their kind.

use crate::activities::{other_than, set};
use crate::adapter::{RestAdapter, Worker};
use crate::connector::ReferrersSpec;
use crate::place::plain_text;
use crate::record::remote;
use adapter_kit::{
    Adapter, AdapterError, Answer, ChangedReferrer, Failure, NewReferrer, Outgoing, ReferrerManners, Referrers, Remote,
    ShownReferrer,
};
use async_trait::async_trait;
use bridge_core::care::refer::{Field, Fields, Sort};
use serde_json::{Value as Json, json};

impl RestAdapter {
    fn referrers_of(&self, sort: Sort) -> Result<(&ReferrersSpec, &Worker), AdapterError> {
        let spec = self.referrers.get(&sort).ok_or_else(|| AdapterError {
            system: self.account.client.system().to_string(),
            what: format!("referrers, {sort}"),
            code: "the connector has no such section of [referrers]".into(),
            failure: Failure::Refused,
            not_processed: true,
        })?;
        Ok((spec, self.worker(&spec.kind)?))
    }

    async fn send_referrers(&self, sort: Sort, write: impl Fn(&ReferrersSpec) -> Vec<Outgoing>) -> Vec<Answer> {
        match self.referrers_of(sort) {
            Ok((spec, worker)) => self.send_writes(worker, write(spec)).await,
            Err(_) => Vec::new(),
        }
    }
}

#[async_trait]
impl Referrers for RestAdapter {
    fn referrer_manners(&self, sort: Sort) -> Option<ReferrerManners> {
        let spec = self.referrers.get(&sort)?;
        let traits = self.traits(&spec.kind);
        let batches = [traits.create_batch, traits.update_batch, traits.read_batch];
        Some(ReferrerManners {
            batch: batches.into_iter().min().unwrap_or(1).max(1),
            call_life: traits.call_life,
            fields: spec.members.keys().copied().collect(),
            contacts: spec.contacts,
            by_number: spec.by_number.is_some(),
            relates: spec.relate.is_some(),
            leaves: spec.leave.is_some(),
        })
    }

    async fn create(&self, sort: Sort, new: &[NewReferrer]) -> Vec<Answer> {
        self.send_referrers(sort, |spec| {
            let outgoing = new.iter().map(|one| Outgoing::Create {
                key: one.key.clone(),
                reference: one.key.clone(),
                body: spec.body(&one.fields),
            });
            outgoing.collect()
        })
        .await
    }

    async fn change(&self, sort: Sort, changed: &[ChangedReferrer]) -> Vec<Answer> {
        self.send_referrers(sort, |spec| {
            let outgoing = changed.iter().map(|one| {
                let after = spec.body(&one.fields);
                Outgoing::Update {
                    key: one.attempt.clone(),
                    id: one.id.clone(),
                    before: other_than(&after),
                    after,
                    version: None,
                }
            });
            outgoing.collect()
        })
        .await
    }

    async fn find(&self, sort: Sort, keys: &[String]) -> Result<Vec<Vec<ShownReferrer>>, AdapterError> {
        let (spec, worker) = self.referrers_of(sort)?;
        let found = self.find_references(worker, keys).await?;
        let shown = found
            .into_iter()
            .map(|found| found.records.iter().map(|record| spec.shown(record)).collect());
        Ok(shown.collect())
    }

    async fn numbered(&self, sort: Sort, number: &str) -> Result<Vec<ShownReferrer>, AdapterError> {
        let (spec, worker) = self.referrers_of(sort)?;
        let Some((request, records)) = &spec.by_number else {
            return Ok(Vec::new());
        };
        let what = format!("look {} up by number", worker.kind.name);
        let mut variables = worker.variables.clone();
        variables.insert("number".into(), json!(number));
        let read = self.account.read(request, &variables, &what).await;
        let response = read.map_err(|error| error.error)?;
        let nonsense = |code: &str| self.account.client.nonsense(&what, code);
        let answer = response.http.json().map_err(|_| nonsense("no JSON"))?;
        if records.one(&answer).is_none() {
            return Err(nonsense("no records where the connector says"));
        }
        let rows = records.list(&answer);
        let found = rows.into_iter().filter_map(|row| remote(&worker.kind, row, None));
        let shown = found.map(|record| spec.shown(&record));
        // A product that passes over an unknown filter shows everybody.
        let is_it = |one: &ShownReferrer| {
            one.fields
                .get(&Field::ProviderNumber)
                .is_some_and(|text| text == number)
        };
        Ok(shown.filter(|one| one.alive && is_it(one)).collect())
    }

    async fn relate(&self, person: &str, practice: &str) -> Answer {
        let spec = self.referrers.get(&Sort::Person);
        let Some(request) = spec.and_then(|spec| spec.relate.as_ref()) else {
            return Answer::Gone;
        };
        let more = [("id", person), ("practice", practice)];
        self.associate(request, &more, "put a referrer to a practice").await
    }

    async fn leave(&self, person: &str, practice: &str) -> Answer {
        let spec = self.referrers.get(&Sort::Person);
        let Some(request) = spec.and_then(|spec| spec.leave.as_ref()) else {
            return Answer::Gone;
        };
        let more = [("id", person), ("practice", practice)];
        self.associate(request, &more, "take a referrer from a practice").await
    }
}

impl ReferrersSpec {
    fn body(&self, fields: &Fields) -> Json {
        let mut body = json!({});
        for (field, text) in fields {
            if let Some(place) = self.members.get(field) {
                let value = if text.is_empty() { Json::Null } else { json!(text) };
                set(&mut body, place, value);
            }
        }
        body
    }

    fn shown(&self, record: &Remote) -> ShownReferrer {
        let text = |place: &crate::connector::MemberPlace| place.place.one(&record.body).and_then(plain_text);
        let fields = self.members.iter();
        ShownReferrer {
            id: record.id.clone(),
            alive: record.alive,
            fields: fields
                .map(|(field, place)| (*field, text(place).unwrap_or_default()))
                .collect(),
        }
    }
}
