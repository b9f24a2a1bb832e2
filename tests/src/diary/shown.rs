//! What the CRM should show of appointments, what it shows, and that these are equal.

use super::{Calendar, Line, MODES, status_of};
use adapter_sandbox::CrmKind;
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl Calendar {
    fn contacts(&self) -> BTreeMap<String, String> {
        let rows = self.sandbox.records("crm", "contacts").unwrap();
        let reference = |row: &Json| match self.crm {
            CrmKind::Hubspot => row["properties"]["halaxy_patient_id"].as_str().map(str::to_owned),
            CrmKind::Plain => row["external_ref"].as_str().map(str::to_owned),
        };
        rows.iter()
            .filter_map(|row| Some((reference(row)?, row["id"].as_str()?.to_owned())))
            .collect()
    }

    /// What the CRM should show of all appointments that are there, by patient and appointment.
    pub fn own(&self) -> BTreeMap<String, Line> {
        let contacts = self.contacts();
        let mut lines = BTreeMap::new();
        for one in self.sandbox.records("halaxy", "Appointment").unwrap() {
            let id = one["id"].as_str().unwrap();
            let told = one["supportingInformation"][1]["display"].as_str().unwrap();
            let mode = MODES.iter().find(|(spelt, _)| *spelt == told).unwrap().1;
            for part in one["participant"].as_array().unwrap() {
                let link = part["actor"]["reference"].as_str().unwrap();
                let (kind, patient) = link.rsplit_once('/').unwrap();
                let Some(contact) = contacts.get(patient).filter(|_| kind.ends_with("Patient")) else {
                    continue;
                };
                let line = (
                    instant(&one["start"]),
                    instant(&one["end"]),
                    outcome(status_of(part)).to_owned(),
                    status_of(part).to_owned(),
                    mode.to_owned(),
                    contact.clone(),
                );
                lines.insert(format!("halaxy-{id}-{patient}"), line);
            }
        }
        lines
    }

    /// What the CRM shows. Nothing stands twice, and each activity with one contact.
    pub fn shown(&self) -> BTreeMap<String, Line> {
        let mut lines = BTreeMap::new();
        for one in self.activities() {
            let (key, line) = match self.crm {
                CrmKind::Hubspot => {
                    let p = &one["properties"];
                    let with = one["associations"]["contacts"]["results"].as_array().unwrap();
                    assert!(with.len() <= 1, "{one}");
                    let own = |word: &str| match word {
                        "SCHEDULED" => "scheduled",
                        "COMPLETED" => "completed",
                        "CANCELED" => "cancelled",
                        "NO_SHOW" => "no_show",
                        _ => panic!("{word}"),
                    };
                    assert_eq!(p["hs_timestamp"], p["hs_meeting_start_time"]);
                    (
                        text(&p["halaxy_appointment_key"]),
                        (
                            instant(&p["hs_meeting_start_time"]),
                            instant(&p["hs_meeting_end_time"]),
                            own(p["hs_meeting_outcome"].as_str().unwrap()).to_owned(),
                            text(&p["halaxy_appointment_status"]),
                            text(&p["halaxy_visit_mode"]),
                            with.first().map(|c| text(&c["id"])).unwrap_or_default(),
                        ),
                    )
                }
                CrmKind::Plain => {
                    let own = match one["state"].as_str().unwrap() {
                        "planned" => "scheduled",
                        "done" => "completed",
                        "missed" => "no_show",
                        word => word,
                    };
                    (
                        text(&one["external_ref"]),
                        (
                            instant(&one["starts_at"]),
                            instant(&one["ends_at"]),
                            own.to_owned(),
                            text(&one["status_text"]),
                            text(&one["mode"]),
                            text(&one["contact_id"]),
                        ),
                    )
                }
            };
            assert!(lines.insert(key.clone(), line).is_none(), "{key} stands twice");
        }
        lines
    }

    /// Activities as the CRM shows them.
    pub fn activities(&self) -> Vec<Json> {
        self.sandbox.records("crm", self.kind()).unwrap()
    }

    /// What the CRM calls them.
    pub fn kind(&self) -> &'static str {
        match self.crm {
            CrmKind::Hubspot => "meetings",
            CrmKind::Plain => "appointments",
        }
    }

    /// The CRM shows what it should; what stands there besides is of appointments that are gone, or that a patient was
    /// taken out of, and is cancelled.
    ///
    /// # Panics
    /// If not, with what differs.
    pub fn equal(&self, when: &str) {
        let (own, shown) = (self.own(), self.shown());
        let mut differ = Vec::new();
        for (key, line) in &own {
            match shown.get(key) {
                Some(there) if there == line => {}
                there => differ.push(format!("{key}: {there:?}, should be {line:?}")),
            }
        }
        for (key, line) in shown.iter().filter(|(key, _)| !own.contains_key(*key)) {
            if (line.2.as_str(), line.3.as_str()) != ("cancelled", "removed") {
                differ.push(format!("{key}: {line:?}, should be cancelled"));
            }
        }
        assert!(
            differ.is_empty(),
            "{when}: {} differ: {:#?}",
            differ.len(),
            &differ[..differ.len().min(8)]
        );
    }
}

/// What each status means, said once more.
fn outcome(status: &str) -> &'static str {
    match status {
        "attended" => "completed",
        "did not attend" => "no_show",
        "rejected" => "cancelled",
        text if text.starts_with("cancel") => "cancelled",
        _ => "scheduled",
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn instant(value: &Json) -> i64 {
    value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}
