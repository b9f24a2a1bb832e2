//! Those who refer to a practice with a calendar, and what the CRM should hold of them, reckoned from the stand-ins' own
//! records by other means than the bridge's.

use crate::diary::{Calendar, TAINT, local};
use adapter_kit::Clock;
use adapter_sandbox::{CallInfo, CrmKind, Manners, Verdict};
use bridge_core::care::refer::{Entry, Sort};
use bridge_engine::referrers::{ReferrerDesk, ReferrersStep};
use halaxy_bridge::referrers;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a hook says to a call.
pub type Strike = Box<dyn Fn(&CallInfo) -> Verdict + Send + Sync>;

/// A professional contact with one role (`EP-100n`) at a practice of their own (`SP-n`).
#[derive(Clone, Debug)]
pub struct Doctor {
    /// `EP-n`.
    pub id: String,
    /// `EP-100n`.
    pub role: String,
    /// `SP-n`.
    pub place: String,
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// Address at work.
    pub email: String,
    /// Number at work, E.164.
    pub phone: String,
    /// Provider number.
    pub number: String,
}

impl Doctor {
    /// The first `n` of them.
    pub fn some(n: usize) -> Vec<Doctor> {
        let one = |n: usize| Doctor {
            id: format!("EP-{n}"),
            role: format!("EP-{}", 1_000 + n),
            place: format!("SP-{n}"),
            given: format!("Rowan{n}"),
            family: format!("Ashgrove{n}"),
            email: format!("rowan{n}@ashgrove.example"),
            phone: format!("+613555010{n:02}"),
            number: format!("00000{n:02}A"),
        };
        (1..=n).map(one).collect()
    }
}

/// The practice and those who refer to it.
pub struct Town {
    /// The practice.
    pub calendar: Calendar,
    recording: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Town {
    /// A practice of twelve patients, with `[referrers]` and what else is said of it. It is Monday 30 March 2026.
    pub async fn open(crm: CrmKind, manners: Manners, section: &str, seed: u64) -> Town {
        let section = format!("[referrers]\n{section}\n");
        let calendar = Calendar::open(crm, manners, 12, "2026-03-30T00:00:00Z", &section, seed).await;
        let town = Town {
            calendar,
            recording: Arc::default(),
            sent: Arc::default(),
        };
        town.strike(Box::new(|_| Verdict::Go));
        town
    }

    /// From now on calls to the CRM are struck so.
    pub fn strike(&self, strike: Strike) {
        let (recording, sent) = (self.recording.clone(), self.sent.clone());
        self.calendar.sandbox.on_call(Box::new(move |call| {
            if call.system != "crm" {
                return Verdict::Go;
            }
            if recording.load(Ordering::Relaxed) {
                sent.lock()
                    .unwrap()
                    .push(format!("{} {}", call.path, String::from_utf8_lossy(&call.body)));
            }
            strike(call)
        }));
    }

    /// They are professional contacts of the practice.
    pub fn furnish(&self, doctors: &[Doctor]) {
        let link = |kind: &str, id: &str| json!({"reference": format!("{kind}/{id}"), "type": kind});
        let mut all = Vec::new();
        for one in doctors {
            all.push(json!({"resourceType": "Practitioner", "id": one.id, "active": true,
                "name": [{"use": "official", "prefix": ["Dr"], "given": [one.given], "family": one.family}],
                "telecom": [{"system": "phone", "value": one.phone}, {"system": "email", "value": one.email}]}));
            all.push(
                json!({"resourceType": "Organization", "id": one.place, "name": format!("Practice {}", one.place),
                "address": [{"line": ["7 Example St"], "city": "Sampleton", "state": "VIC", "postalCode": "3000"}]}),
            );
            all.push(json!({"resourceType": "PractitionerRole", "id": one.role, "active": true,
                "practitioner": link("Practitioner", &one.id), "organization": link("Organization", &one.place),
                "extension": [{"url": "https://terminology.halaxy.com/StructureDefinition/practitioner-role-provider-number",
                    "valueString": one.number}]}));
        }
        self.calendar.sandbox.load_halaxy(&all).unwrap();
    }

    /// One of them refers a patient, for a reason that is nobody's business.
    pub fn refer(&self, role: &str, from: &str) -> String {
        let patient = &self.calendar.patients()[0];
        let body = json!({"active": true, "comment": format!("{TAINT} despair"),
            "subject": {"reference": format!("Patient/{patient}"), "type": "Patient"},
            "requester": {"reference": format!("PractitionerRole/{role}"), "type": "PractitionerRole"},
            "period": {"start": from, "end": "2027-03-01"}});
        self.calendar
            .sandbox
            .person_create("halaxy", "Referral", &body)
            .unwrap()
    }

    /// Each of the two works from now on where the other one did.
    pub fn swap(&self, doctors: &mut [Doctor], one: usize, other: usize) {
        let places = (doctors[one].place.clone(), doctors[other].place.clone());
        (doctors[other].place, doctors[one].place) = places;
        for doctor in [&doctors[one], &doctors[other]] {
            let place = format!("Organization/{}", doctor.place);
            let patch = json!({"organization": {"reference": place, "type": "Organization"}});
            let sandbox = &self.calendar.sandbox;
            sandbox
                .person_edit("halaxy", "PractitionerRole", &doctor.role, &patch)
                .unwrap();
        }
    }

    /// As the program opens it, on what was kept.
    pub fn desk(&self) -> ReferrerDesk {
        referrers::beside(&self.calendar.config, &self.calendar.engine).unwrap()
    }

    /// One step, of which everything that is sent is kept.
    pub async fn step(&self, desk: &ReferrerDesk) -> ReferrersStep {
        self.recording.store(true, Ordering::Relaxed);
        let step = desk.step(self.calendar.clock.now()).await.unwrap();
        self.recording.store(false, Ordering::Relaxed);
        step
    }

    /// What comes of the future is kept as [`Town::step`] does.
    pub fn record(&self, on: bool) {
        self.recording.store(on, Ordering::Relaxed);
    }

    /// The mirror reads, and the desk steps until nothing moves.
    pub async fn settle(&self, desk: &ReferrerDesk) -> ReferrersStep {
        self.calendar.mirror(true).await;
        let mut sum = ReferrersStep::default();
        for _ in 0..60 {
            let step = self.step(desk).await;
            sum.created += step.created;
            sum.adopted += step.adopted;
            sum.changed += step.changed;
            sum.deleted += step.deleted;
            sum.refused += step.refused;
            sum.held = step.held;
            if !step.active() && step.unknown == 0 && step.trouble.is_empty() {
                return sum;
            }
            self.calendar.clock.advance(Duration::from_secs(30));
        }
        panic!("referrers never come to rest: {sum:?}");
    }

    /// What was kept of each, by Halaxy's id.
    pub async fn entries(&self) -> BTreeMap<String, Entry> {
        let outlook = self.desk().outlook(self.calendar.clock.now()).await.unwrap();
        outlook
            .entries
            .into_iter()
            .map(|entry| (entry.id.clone(), entry))
            .collect()
    }

    fn key_of(&self, one: &Json) -> String {
        let key = match self.calendar.crm {
            CrmKind::Hubspot => &one["properties"]["halaxy_referrer_key"],
            CrmKind::Plain => &one["external_ref"],
        };
        key.as_str().unwrap_or_default().to_owned()
    }

    /// The CRM's records of a sort that bear our keys.
    fn records(&self, sort: Sort) -> Vec<Json> {
        let kind = match sort {
            Sort::Person => "contacts",
            Sort::Practice => "companies",
        };
        let mut all = self.calendar.sandbox.records("crm", kind).unwrap();
        all.retain(|one| self.key_of(one).starts_with("halaxy-referrer-"));
        all
    }

    /// The CRM's ids of the persons.
    pub fn ids(&self) -> Vec<String> {
        let all = self.records(Sort::Person).into_iter();
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn record_of(&self, id: &str) -> Json {
        let sort = if id.starts_with("SP-") {
            Sort::Practice
        } else {
            Sort::Person
        };
        let mut all = self.records(sort);
        all.retain(|one| self.key_of(one) == format!("halaxy-referrer-{id}"));
        assert_eq!(all.len(), 1, "records of {id}");
        all.remove(0)
    }

    /// A member of a referrer's record, as the CRM calls it.
    pub fn member(&self, id: &str, name: &str) -> String {
        let record = self.record_of(id);
        let members = match self.calendar.crm {
            CrmKind::Hubspot => &record["properties"],
            CrmKind::Plain => &record,
        };
        members[name].as_str().unwrap_or_default().to_owned()
    }

    /// A person edits a referrer's record.
    pub fn edit_record(&self, id: &str, patch: &Json) {
        let record = self.record_of(id)["id"].as_str().unwrap().to_owned();
        let sandbox = &self.calendar.sandbox;
        sandbox.person_edit("crm", "contacts", &record, patch).unwrap();
    }

    /// A person deletes a referrer's record.
    pub fn delete_record(&self, id: &str) {
        let record = self.record_of(id)["id"].as_str().unwrap().to_owned();
        self.calendar.sandbox.person_delete("crm", "contacts", &record).unwrap();
    }

    /// How many referrals this month, this year, and the month of the last, of these roles.
    fn counted(&self, role: &str) -> Option<[String; 3]> {
        let today = local(self.calendar.clock.now().div_euclid(1_000_000));
        let all = self.calendar.sandbox.records("halaxy", "Referral").unwrap();
        let by = |one: &Json| {
            one["requester"]["reference"]
                .as_str()
                .is_some_and(|text| text.ends_with(&format!("/{role}")))
        };
        let mut days: Vec<String> = all
            .iter()
            .filter(|one| by(one))
            .map(|one| one["period"]["start"].as_str().unwrap().to_owned())
            .collect();
        days.sort();
        let begin = |n: usize| days.iter().filter(|day| day[..n] == today[..n]).count().to_string();
        Some([begin(7), begin(4), days.last()?[..7].to_owned()])
    }

    /// The CRM holds each of those who refer once, and their practices, as Halaxy shows them.
    ///
    /// # Panics
    /// If not, with what differs.
    pub fn equal(&self, doctors: &[Doctor], when: &str) {
        let refer: Vec<(&Doctor, [String; 3])> = doctors
            .iter()
            .filter_map(|one| Some((one, self.counted(&one.role)?)))
            .collect();
        for sort in Sort::ALL {
            assert_eq!(
                self.records(sort).len(),
                refer.len(),
                "{when}: records of the sort {sort}"
            );
        }
        let names = match self.calendar.crm {
            CrmKind::Hubspot => [
                "firstname",
                "lastname",
                "email",
                "phone",
                "halaxy_provider_number",
                "halaxy_referrals_this_month",
                "halaxy_referrals_this_year",
                "halaxy_last_referral",
            ],
            CrmKind::Plain => [
                "first_name",
                "last_name",
                "email",
                "phone",
                "provider_number",
                "referrals_this_month",
                "referrals_this_year",
                "last_referral",
            ],
        };
        for (one, counted) in &refer {
            let shown: Vec<String> = names.iter().map(|name| self.member(&one.id, name)).collect();
            let own = [&one.given, &one.family, &one.email, &one.phone, &one.number];
            let should: Vec<String> = own.into_iter().chain(counted).cloned().collect();
            assert_eq!(shown, should, "{when}: {}", one.id);
            let company: Vec<String> = names[5..].iter().map(|name| self.member(&one.place, name)).collect();
            assert_eq!(&company, counted, "{when}: {}", one.place);
            assert_eq!(self.member(&one.place, "name"), format!("Practice {}", one.place));
            assert_eq!(
                self.company_of(&one.id),
                self.record_of(&one.place)["id"],
                "{when}: {}",
                one.id
            );
        }
    }

    fn company_of(&self, id: &str) -> Json {
        match self.calendar.crm {
            CrmKind::Plain => self.record_of(id)["company_id"].clone(),
            CrmKind::Hubspot => {
                let contact = self.record_of(id)["id"].as_str().unwrap().to_owned();
                let shown = self.calendar.sandbox.record("crm", "contacts", &contact).unwrap();
                let companies = shown["associations"]["companies"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                assert_eq!(companies.len(), 1, "{id} stands with {companies:?}");
                companies[0].clone()
            }
        }
    }

    /// Nothing that left named a patient or a reason.
    ///
    /// # Panics
    /// With the body that does.
    pub fn untold(&self) {
        let sent = self.sent.lock().unwrap();
        assert!(!sent.is_empty());
        let patients = self.calendar.patients();
        for body in sent.iter() {
            for mark in [TAINT, "despair", "Sample1", "sampleton.example", "8003608833357361"] {
                assert!(!body.contains(mark), "{mark} left: {body}");
            }
            assert!(!patients.iter().any(|id| body.contains(&format!("\"{id}\""))), "{body}");
        }
    }
}
