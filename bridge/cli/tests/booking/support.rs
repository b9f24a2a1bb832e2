//! A clinic with a calendar, and the program beside it.

use crate::common::{Control, Ran, Service, client, practice, run_in, stand_ins};
use serde_json::{Value as Json, json};
use std::path::Path;

pub const BOOKING: &str = "\n[booking]\nminutes = 60\nevery = \"1s\"\nnames = { \"Dr Tester\" = \"ROLE\" }\n";

/// A practice whose practitioner has free hours from 9 to 15 on 2036-03-04.
pub struct Clinic {
    pub folder: tempfile::TempDir,
    pub control: Control,
    pub url: String,
    pub role: String,
    pub _stand_ins: Service,
}

impl Clinic {
    pub async fn open(crm: &str, more: &str) -> Clinic {
        let folder = tempfile::tempdir().unwrap();
        let (stand_ins, ends) = stand_ins(folder.path(), crm);
        let connector = if crm == "plain" { "example-crm" } else { crm };
        let config = practice(folder.path(), &ends, connector);
        let control = Control::of(&ends);
        let url = ends["control_url"].as_str().unwrap().to_string();
        let role = json!({"resourceType": "PractitionerRole", "active": true});
        let role = post(&format!("{url}/records/halaxy/PractitionerRole"), role).await;
        let role = role["id"].as_str().unwrap().to_string();
        for hour in 9..15 {
            let actor = json!([{"reference": format!("PractitionerRole/{role}"), "type": "PractitionerRole"}]);
            let slot = json!({"resourceType": "Slot", "status": "free", "actor": actor,
                "start": format!("2036-03-04T{hour:02}:00:00+11:00"), "end": format!("2036-03-04T{:02}:00:00+11:00", hour + 1)});
            post(&format!("{url}/records/halaxy/Slot"), slot).await;
        }
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text
            .replace(
                "\"identity\", \"contact\"]",
                "\"identity\", \"contact\", \"appointment\"]",
            )
            .replace("[systems.halaxy]\n", "[systems.halaxy]\ncall_life = \"1s\"\n");
        let booking = BOOKING.replace("ROLE", &role);
        std::fs::write(&config, format!("{text}{booking}{more}")).unwrap();
        Clinic {
            folder,
            control,
            url,
            role,
            _stand_ins: stand_ins,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn book(&self, args: &[&str]) -> Ran {
        run_in(self.path(), &[&["book"], args, &["--json"]].concat())
    }

    pub async fn patients(&self) -> Vec<String> {
        let all = self.control.get("records/halaxy/Patient").await;
        let all = all.as_array().unwrap().iter();
        all.map(|one| one["id"].as_str().unwrap().to_string()).collect()
    }

    pub async fn appointments(&self) -> Vec<Json> {
        let all = self.control.get("records/halaxy/Appointment").await;
        all.as_array().unwrap().clone()
    }

    pub async fn fault(&self, fault: Json) {
        post(&format!("{}/faults", self.url), fault).await;
    }
}

pub async fn post(url: &str, body: Json) -> Json {
    let answer = client().post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.json().await.unwrap_or_default()
}

pub fn start(of: &Json) -> jiff::Timestamp {
    of["start"].as_str().unwrap().parse().unwrap()
}
