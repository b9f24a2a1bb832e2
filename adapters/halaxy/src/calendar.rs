//! Halaxy's calendar, as booking sees it: `$find`, `$book`, and the appointments of a practitioner role
//! (halaxy-api.md sections 7.3 and 7.4).

use crate::bundle::{id_of, reference_id};
use crate::client::HalaxyClient;
use crate::endpoints::{BadInput, Inputs, Request, endpoint};
use crate::patient::PatientView;
use crate::stamp::{parse, spell};
use adapter_kit::{AdapterError, Calendar, CallError, Failure, FreeAsk, Outcome, Priority, Verdict, with_priority};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_core::booking::{Answered, Appointment, Booking, Candidate, FreeTime, Named, Reason};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::time::Duration;

const PART_STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
/// The longest appointment: what begins so long before a time may still last then.
const LONGEST: Time = 24 * 3_600 * 1_000_000;

/// The calendar of one account.
#[derive(Clone)]
pub struct HalaxyCalendar {
    client: HalaxyClient,
    base: String,
    life: Duration,
    refuse_double: Option<String>,
}

impl HalaxyCalendar {
    /// The calendar behind this client. `base` is the account's base URL; `life` the longest that a call can live after
    /// we gave up on it, the lag of lists included. `refuse_double` is the name of the parameter of `$book` that refuses
    /// a second booking of one time, sent as true; nothing is sent without, since its name is not documented
    /// (halaxy-api.md section 7.3).
    pub fn new(client: HalaxyClient, base: &str, life: Duration, refuse_double: Option<String>) -> HalaxyCalendar {
        HalaxyCalendar {
            client,
            base: base.to_string(),
            life,
            refuse_double,
        }
    }

    /// The request that books.
    ///
    /// # Errors
    /// [`BadInput`] if a part of it cannot be sent.
    pub fn request(&self, booking: &Booking) -> Result<Request, BadInput> {
        let asked = &booking.request;
        let mut inputs = Inputs::new(&self.base)
            .with("patient", &booking.patient)
            .with("start", spell(asked.start))
            .with("end", spell(asked.end()))
            .with("practitioner-role", &asked.role)
            .with("location", &asked.location)
            .with("status", "booked");
        let optional = [
            ("service", &asked.service),
            ("fee", &asked.fee),
            ("description", &asked.comment),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                inputs = inputs.with(name, value);
            }
        }
        let mut request = made("book-appointment", &inputs)?;
        if let (Some(name), Some(all)) = (
            &self.refuse_double,
            request.body.as_mut().and_then(|body| body["parameter"].as_array_mut()),
        ) {
            all.push(json!({"name": name, "valueBoolean": true}));
        }
        Ok(request)
    }

    async fn rows(&self, action: &'static str, inputs: &Inputs) -> Result<Vec<Json>, AdapterError> {
        let request = made(action, inputs).map_err(|bad| self.unusable(action, &bad))?;
        let reply = with_priority(Priority::Interactive, self.client.call_all(&request)).await;
        Ok(reply.map_err(|failed| failed.error)?.rows)
    }

    fn appointment(&self, row: &Json) -> Result<Appointment, AdapterError> {
        let nonsense = || {
            let what = "GET Appointment".to_string();
            self.client.http().nonsense(what, "an appointment without id or times")
        };
        appointment(row).ok_or_else(nonsense)
    }

    fn unusable(&self, action: &str, bad: &BadInput) -> AdapterError {
        let mut error = self.client.http().nonsense(action.to_string(), &bad.input);
        error.failure = Failure::Refused;
        error.not_processed = true;
        error
    }
}

fn made(action: &'static str, inputs: &Inputs) -> Result<Request, BadInput> {
    let known = endpoint(action).ok_or_else(|| BadInput {
        action,
        input: String::new(),
        what: "is no endpoint".into(),
        remedy: String::new(),
    });
    known?.request(inputs)
}

#[async_trait]
impl Calendar for HalaxyCalendar {
    async fn free(&self, ask: &FreeAsk) -> Result<Vec<FreeTime>, AdapterError> {
        let mut inputs = Inputs::new(&self.base)
            .with("start", spell(ask.from))
            .with("end", spell(ask.to))
            .with("duration", ask.minutes.to_string())
            .with("sort", "start");
        if let Some(role) = &ask.role {
            inputs = inputs.with("practitioner-role", role);
        }
        if let Some(practitioner) = &ask.practitioner {
            inputs = inputs.with("practitioner", practitioner);
        }
        if ask.first {
            inputs = inputs.with("show", "first-available");
        }
        let rows = self.rows("find-appointments", &inputs).await?;
        let wanted = |time: &FreeTime| ask.role.as_ref().is_none_or(|role| *role == time.role);
        let mut free: Vec<FreeTime> = rows.iter().filter_map(free_time).filter(wanted).collect();
        free.sort();
        free.dedup();
        Ok(free)
    }

    async fn shown(&self, role: &str, from: Time, to: Time) -> Result<Vec<Appointment>, AdapterError> {
        let inputs = Inputs::new(&self.base)
            .with("practitioner-role", role)
            .with("date", format!("ge{}", spell(from - LONGEST)))
            .with("date", format!("lt{}", spell(to)));
        let rows = self.rows("list-appointments", &inputs).await?;
        rows.iter().map(|row| self.appointment(row)).collect()
    }

    async fn made_since(&self, patient: &str, since: Time) -> Result<Vec<Appointment>, AdapterError> {
        let inputs = Inputs::new(&self.base)
            .with("patient", patient)
            .with("created", format!("ge{}", spell(since)));
        let rows = self.rows("list-appointments", &inputs).await?;
        // A search that Halaxy passes over shows them all.
        let fresh = |row: &&Json| row["created"].as_str().and_then(parse).is_none_or(|at| at >= since);
        rows.iter().filter(fresh).map(|row| self.appointment(row)).collect()
    }

    async fn book(&self, booking: &Booking) -> Answered {
        let request = match self.request(booking) {
            Ok(request) => request,
            Err(bad) => return Answered::Refused(Reason::Invalid, bad.input),
        };
        match with_priority(Priority::Interactive, self.client.call(&request)).await {
            Ok(reply) => match reply.id {
                Some(id) => Answered::Made(id),
                None => Answered::Unknown("no id".into()),
            },
            Err(failed) => refusal(&failed),
        }
    }

    async fn candidates(&self, named: &Named) -> Result<Vec<Candidate>, AdapterError> {
        let base = || Inputs::new(&self.base);
        let mut searches = Vec::new();
        if let Some(email) = &named.email {
            searches.push(base().with("email", email.trim()));
        }
        if let Some(phone) = &named.phone {
            searches.push(base().with("phone", phone.trim()));
        }
        if let Some(born) = &named.birth_date {
            searches.push(
                base()
                    .with("birth-date", born.trim())
                    .with("family", named.family.trim()),
            );
        }
        let mut found = BTreeMap::new();
        for inputs in searches {
            for row in self.rows("list-patients", &inputs).await? {
                found.extend(candidate(&row).map(|one| (one.id.clone(), one)));
            }
        }
        Ok(found.into_values().collect())
    }

    fn life(&self) -> Duration {
        self.life
    }
}

/// What a booking that failed came to (halaxy-api.md section 8).
fn refusal(failed: &CallError) -> Answered {
    let code = failed.error.code.clone();
    match (failed.outcome, failed.status(), &failed.verdict) {
        (Outcome::NotProcessed, _, _) => Answered::NotProcessed(code),
        (Outcome::Unknown, _, _) => Answered::Unknown(code),
        (Outcome::Refused, Some(409), _) => Answered::Conflict,
        (Outcome::Refused, _, _) if code.contains("too-costly") => Answered::Refused(Reason::Location, code),
        (Outcome::Refused, _, Some(Verdict::Missing)) => Answered::Refused(Reason::Unknown, code),
        (Outcome::Refused, _, Some(Verdict::Scope | Verdict::Auth | Verdict::Expired)) => {
            Answered::Refused(Reason::Forbidden, code)
        }
        (Outcome::Refused, _, _) => Answered::Refused(Reason::Invalid, code),
    }
}

fn references<'a>(row: &'a Json, kind: &str) -> impl Iterator<Item = (&'a Json, &'a str)> {
    let part = format!("{kind}/");
    let parts = row["participant"].as_array().into_iter().flatten();
    parts.filter_map(move |one| {
        let link = one["actor"]["reference"].as_str()?;
        let named = link.starts_with(&part) || link.contains(&format!("/{part}"));
        Some((one, reference_id(link).filter(|_| named)?))
    })
}

fn times(row: &Json) -> Option<(Time, Time)> {
    let start = parse(row["start"].as_str()?)?;
    let end = row["end"].as_str().and_then(parse).or_else(|| {
        let minutes = row["minutesDuration"].as_i64()?;
        Some(start + minutes * 60_000_000)
    });
    Some((start, end?))
}

fn free_time(row: &Json) -> Option<FreeTime> {
    let (start, end) = times(row)?;
    let role = references(row, "PractitionerRole").next()?.1.to_string();
    Some(FreeTime { start, end, role })
}

fn appointment(row: &Json) -> Option<Appointment> {
    let (start, end) = times(row)?;
    let status = |part: &Json| {
        let all = part["modifierExtension"].as_array()?;
        let one = all.iter().find(|one| one["url"] == PART_STATUS)?;
        Some(one["valueCoding"]["code"].as_str()?.to_string())
    };
    Some(Appointment {
        id: id_of(row)?,
        start,
        end,
        roles: references(row, "PractitionerRole")
            .map(|(_, id)| id.to_string())
            .collect(),
        patients: references(row, "Patient")
            .map(|(part, id)| (id.to_string(), status(part).unwrap_or_default()))
            .collect(),
    })
}

fn candidate(row: &Json) -> Option<Candidate> {
    let view = PatientView(row);
    let text = |value: &Json| value.as_str().unwrap_or_default().to_string();
    let official = view.name("official");
    let names = row["name"].as_array().into_iter().flatten().map(|name| {
        let given = name["given"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let given = given.collect::<Vec<_>>().join(" ");
        // A preferred name may come without a family name.
        let family = match name["family"].as_str() {
            Some(family) => family.to_string(),
            None => official.map(|name| text(&name["family"])).unwrap_or_default(),
        };
        (given, family)
    });
    let points = |wanted: &[&str]| {
        let all = row["telecom"].as_array().into_iter().flatten();
        let all = all.filter(|point| point["system"].as_str().is_some_and(|system| wanted.contains(&system)));
        all.map(|point| text(&point["value"]))
            .filter(|value| !value.is_empty())
            .collect()
    };
    let gone = matches!(view.status(), Some("archived" | "blocked" | "deceased"));
    Some(Candidate {
        id: view.id()?,
        names: names.collect(),
        birth_date: view.birth_date().map(str::to_string),
        emails: points(&["email"]),
        phones: points(&["sms", "phone"]),
        active: !gone && view.active() != Some(false) && row["deceasedBoolean"] != true,
    })
}
