//! Booking and moving appointments (halaxy-api.md section 7.3). Who is booked twice at one time is refused; a fee raises
//! an invoice; slots follow what is booked.

use serde_json::{Value, json};

use super::kinds::{APPOINTMENT, FEE, INVOICE, LINE, SCHEDULE, SLOT};
use super::search::{moment, parts, status_of};
use super::shape;
use super::writes::{Refused, invalid};
use crate::answer::{Answer, Call, Context};
use crate::clock::practice_instant;
use crate::halaxy::Halaxy;
use crate::halaxy::bundle::outcome;

const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";
const CODES: &str = "https://au-api.halaxy.com/presets/CodeSystem/appointment-participant-status";
const INVOICED: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-invoice";

/// A stretch of time.
pub(super) type Times = (i64, i64);

/// When an appointment or a slot is, if its times are in order.
pub(super) fn times(body: &Value) -> Option<Times> {
    let times = (moment(&body["start"])?, moment(&body["end"])?);
    (times.0 < times.1).then_some(times)
}

fn overlap(a: Times, b: Times) -> bool {
    a.0 < b.1 && b.0 < a.1
}

/// The practitioner role of an appointment, as a relative reference.
fn role_of(body: &Value) -> Option<String> {
    let mut links = parts(body).filter_map(|part| part["actor"]["reference"].as_str());
    links
        .find(|link| link.starts_with("PractitionerRole/"))
        .map(str::to_owned)
}

/// Whether an appointment takes its time up: a block, or a patient who has not cancelled.
fn stands(body: &Value) -> bool {
    let mut patients = parts(body)
        .filter(|part| {
            part["actor"]["reference"]
                .as_str()
                .is_some_and(|link| link.starts_with("Patient/"))
        })
        .peekable();
    let gone = |part: &Value| matches!(status_of(part), Some("cancelled" | "rejected"));
    patients.peek().is_none() || patients.any(|part| !gone(part))
}

/// A status as it is kept: the free cancellation reads back as any other.
fn kept_status(code: &str) -> &str {
    if code == "cancelled (no charge)" {
        "cancelled"
    } else {
        code
    }
}

fn status(code: &str) -> Value {
    json!([{"url": STATUS, "valueCoding": {"system": CODES, "code": code, "display": code}}])
}

fn parameter<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body["parameter"].as_array()?.iter().find(|one| one["name"] == name)
}

impl Halaxy {
    /// `POST /Appointment/$book`.
    pub(in crate::halaxy) fn book(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let Some(mut sent) = call.json().filter(|body| body["resourceType"] == "Parameters") else {
            return outcome(400, "structure", "the body is no Parameters", "");
        };
        shape::relative(&mut sent);
        match self.booked(&sent, cx) {
            Ok(id) => self.made(APPOINTMENT, &id, call),
            Err(refused) => refused.answer(),
        }
    }

    fn booked(&mut self, sent: &Value, cx: &mut Context<'_>) -> Result<String, Refused> {
        let patient = parameter(sent, "patient-id").map(|one| &one["valueReference"]);
        let patient = patient
            .filter(|link| self.knows_patient(link))
            .ok_or(invalid("patient-id"))?;
        let patient = patient["reference"].as_str().unwrap_or_default().to_owned();
        match parameter(sent, "location-type").and_then(|one| one["valueCode"].as_str()) {
            Some("clinic") => {}
            Some(_) => {
                return Err(Refused {
                    status: 422,
                    code: "too-costly",
                    at: "location-type",
                });
            }
            None => return Err(invalid("location-type")),
        }
        let code = parameter(sent, "status")
            .and_then(|one| one["valueCode"].as_str())
            .unwrap_or("booked");
        let mut part =
            json!({"actor": {"reference": patient, "type": "Patient"}, "modifierExtension": status(kept_status(code))});
        let taken = Refused {
            status: 409,
            code: "conflict",
            at: "start",
        };
        let there = parameter(sent, "appt-id").and_then(|one| one["valueReference"]["reference"].as_str());
        let (id, mut body) = match (there, parameter(sent, "appt-resource")) {
            (Some(link), None) => {
                let id = link.rsplit('/').next().unwrap_or_default().to_owned();
                let body = self.documents.body(APPOINTMENT, &id).ok_or(invalid("appt-id"))?;
                if parts(&body).any(|part| part["actor"]["reference"] == patient.as_str()) {
                    return Err(taken);
                }
                (Some(id), body)
            }
            (None, Some(one)) => {
                let asked = &one["resource"];
                let at = times(asked).ok_or(invalid("start"))?;
                let role = role_of(asked).ok_or(invalid("participant"))?;
                if self.is_taken(&role, at, None) {
                    return Err(taken);
                }
                let who = json!({"type": [{"coding": [{"code": "ATND", "display": "attender"}]}],
                    "actor": {"reference": role, "type": "PractitionerRole"}});
                let mut body = json!({"created": practice_instant(cx.now, false), "start": asked["start"],
                    "end": asked["end"], "minutesDuration": (at.1 - at.0) / 60_000_000, "participant": [who]});
                if asked["description"].is_string() {
                    body["description"] = asked["description"].clone();
                }
                (None, body)
            }
            _ => return Err(invalid("appt-resource")),
        };
        let mut about = body["supportingInformation"].as_array().cloned().unwrap_or_default();
        for name in ["healthcare-service-id", "charge-item-definition-id"] {
            about.extend(parameter(sent, name).map(|one| one["valueReference"].clone()));
        }
        if !about.is_empty() {
            body["supportingInformation"] = about.into();
        }
        let fee = parameter(sent, "charge-item-definition-id").map(|one| one["valueReference"].clone());
        let id = match id {
            Some(id) => id,
            None => {
                let id = self.documents.next_id(APPOINTMENT);
                self.documents.add(APPOINTMENT, &id, &body, cx.now, cx.now);
                id
            }
        };
        if let Some(fee) = fee
            && let Some(invoice) = self.charged(&id, &patient, &body, &fee, cx)
        {
            let link = json!({"reference": format!("Invoice/{invoice}"), "type": "Invoice"});
            part["extension"] = json!([{"url": INVOICED, "valueReference": link}]);
        }
        if let Some(all) = body["participant"].as_array_mut() {
            all.push(part);
        }
        self.documents.store(APPOINTMENT, &id, &body, cx.now, true);
        self.slots_follow(&[&body], cx.now);
        Ok(id)
    }

    /// The invoice that a fee raises. \[inferred: what stands on it\]
    fn charged(&mut self, id: &str, patient: &str, body: &Value, fee: &Value, cx: &mut Context<'_>) -> Option<String> {
        let definition = fee["reference"].as_str()?.rsplit('/').next()?.to_owned();
        let definition = self.documents.body(FEE, &definition)?;
        let payer = json!({"reference": patient, "type": "Patient"});
        let role = json!({"reference": role_of(body)?, "type": "PractitionerRole"});
        let day = body["start"].as_str()?.get(..10)?.to_owned();
        let invoice = json!({"status": "active", "type": "invoice", "payorType": "patient", "date": day,
            "recipient": payer, "practitioner": [role]});
        let (invoice, _) = self.document_create(INVOICE, &invoice, cx).ok()?;
        let line = json!({"description": definition["title"], "quantity": 1, "enteredDate": day, "subject": payer,
            "performer": role, "context": {"reference": format!("Appointment/{id}"), "type": "Appointment"},
            "invoice": {"reference": format!("Invoice/{invoice}"), "type": "Invoice"},
            "unitPriceComponent": definition["propertyGroup"][0]["priceComponent"]});
        self.document_create(LINE, &line, cx).ok()?;
        Some(invoice)
    }

    /// An appointment as a PATCH leaves it: parts by who takes part, all else whole. What the API cannot change is passed
    /// over without a word.
    pub(super) fn moved(&mut self, id: &str, kept: &Value, sent: &Value, now: i64) -> Result<Value, Refused> {
        let mut body = kept.clone();
        for member in [
            "start",
            "end",
            "minutesDuration",
            "description",
            "comment",
            "supportingInformation",
        ] {
            if let Some(value) = sent.get(member) {
                body[member] = value.clone();
            }
        }
        let at = times(&body).ok_or(invalid("start"))?;
        for part in parts(sent) {
            let who = &part["actor"]["reference"];
            let Some(all) = body["participant"].as_array_mut() else {
                return Err(invalid("participant"));
            };
            let there = all.iter_mut().find(|kept| kept["actor"]["reference"] == *who);
            let kept = there.ok_or(invalid("participant"))?;
            if let Some(code) = status_of(part) {
                kept["modifierExtension"] = status(kept_status(code));
            }
        }
        let moves = times(kept) != Some(at) || (stands(&body) && !stands(kept));
        if let (true, Some(role)) = (moves && stands(&body), role_of(&body))
            && self.is_taken(&role, at, Some(id))
        {
            return Err(Refused {
                status: 409,
                code: "conflict",
                at: "start",
            });
        }
        self.documents.store(APPOINTMENT, id, &body, now, true);
        self.slots_follow(&[kept, &body], now);
        Ok(body)
    }

    /// Whether somebody has another appointment then.
    pub(super) fn is_taken(&self, role: &str, at: Times, except: Option<&str>) -> bool {
        let rows = self.documents.shelf(APPOINTMENT).rows().iter();
        rows.filter(|row| !row.removed && except != Some(&*row.id))
            .map(|row| row.body())
            .any(|body| {
                role_of(&body).as_deref() == Some(role) && stands(&body) && times(&body).is_some_and(|b| overlap(at, b))
            })
    }

    /// Slots at the times of these appointments are busy where something stands, and free otherwise.
    fn slots_follow(&mut self, appointments: &[&Value], now: i64) {
        let touched: Vec<(String, Times)> = appointments
            .iter()
            .filter_map(|body| Some((role_of(body)?, times(body)?)))
            .collect();
        let rows = self.documents.shelf(SLOT).rows().iter().filter(|row| !row.removed);
        let slots: Vec<(String, Value)> = rows.map(|row| (row.id.to_string(), row.body())).collect();
        for (id, mut slot) in slots {
            let (Some(at), Some(role)) = (times(&slot), self.role_of_slot(&slot)) else {
                continue;
            };
            if touched.iter().any(|(who, when)| *who == role && overlap(*when, at)) {
                let busy = self.is_taken(&role, at, None);
                slot["status"] = if busy { "busy" } else { "free" }.into();
                self.documents.store(SLOT, &id, &slot, now, true);
            }
        }
    }

    /// Whose slot it is: its own actor, or that of its schedule.
    pub(super) fn role_of_slot(&self, slot: &Value) -> Option<String> {
        let of = |body: &Value| {
            let actors = body["actor"].as_array()?;
            let mut links = actors.iter().filter_map(|actor| actor["reference"].as_str());
            links
                .find(|link| link.starts_with("PractitionerRole/"))
                .map(str::to_owned)
        };
        of(slot).or_else(|| {
            let schedule = slot["schedule"]["reference"].as_str()?.rsplit('/').next()?;
            of(&self.documents.body(SCHEDULE, schedule)?)
        })
    }
}
