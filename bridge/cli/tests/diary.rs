//! Appointments in the CRM as a user runs it: configured, checked, prepared, shown before and after, and the months of
//! visits on the contact.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, arrives, client, practice, run_in, service, stand_ins};
use jiff::ToSpan;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::time::Duration;

const STATUS: &str = "https://terminology.halaxy.com/StructureDefinition/appointment-participant-status";

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

async fn book(ends: &Json, start: jiff::Zoned, patients: &[&str]) -> String {
    let at = |time: &jiff::Zoned| time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let part = |patient: &&str| {
        json!({"actor": {"reference": format!("Patient/{patient}"), "type": "Patient"},
            "modifierExtension": [{"url": STATUS, "valueCoding": {"code": "booked"}}]})
    };
    let body = json!({"start": at(&start), "end": at(&(&start + 45.minutes())), "minutesDuration": 45,
        "description": "the secret of the visit", "participant": patients.iter().map(part).collect::<Vec<_>>()});
    let url = format!("{}/records/halaxy/Appointment", ends["control_url"].as_str().unwrap());
    let answer = client().post(url).json(&body).send().await.unwrap();
    let made: Json = answer.json().await.unwrap();
    made["id"].as_str().unwrap().to_string()
}

#[tokio::test]
async fn appointments_are_configured_shown_and_kept_in_the_crm() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let (_stand_ins, ends) = stand_ins(folder, "hubspot");
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);

    let none = run_in(folder, &["diary", "holds"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("no section [diary]"), "{none:?}");

    let section = "\n[diary]\nsystem = \"crm\"\ntell = [\"service\"]\n\n[sync.person]\n";
    edit(folder, "bridge.toml", "\n[sync.person]\n", section);
    let refused = run_in(folder, &["diary", "preview"]);
    assert_eq!(refused.code, 2);
    for said in ["may not receive what is about appointments", "needs a purpose"] {
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
    edit(folder, "bridge.toml", "tell = [\"service\"]\n", "");
    let allowed = "may_receive = [\"identity\", \"contact\", \"appointment\"]";
    edit(
        folder,
        "bridge.toml",
        "may_receive = [\"identity\", \"contact\"]",
        allowed,
    );
    edit(folder, "mappings/hubspot.toml", "# last_visit ", "last_visit ");
    edit(folder, "mappings/hubspot.toml", "# next_visit ", "next_visit ");
    let prepared = run_in(folder, &["prepare", "crm", "--yes"]);
    assert_eq!(prepared.code, 0, "{prepared:?}");
    assert!(
        prepared.stdout.contains("halaxy_appointment_key of meetings"),
        "{prepared:?}"
    );

    let (miriam, edwina) = (control.id("P1").await, control.id("P5").await);
    let now = jiff::Zoned::now()
        .in_tz("Australia/Melbourne")
        .unwrap()
        .round(jiff::Unit::Hour)
        .unwrap();
    let (past, coming) = (&now - 20.days(), &now + 40.days());
    let first = book(&ends, past.clone(), &[&miriam]).await;
    let second = book(&ends, coming.clone(), &[&miriam, &edwina]).await;
    let block = book(&ends, coming.clone(), &[]).await;
    let synced = run_in(folder, &["sync", "--yes"]);
    // Edwina's look-alike waits for a person.
    assert_eq!(synced.code, 3, "{synced:?}");

    let meetings = control.get("records/crm/meetings").await;
    let meetings = meetings.as_array().unwrap();
    assert_eq!(meetings.len(), 2, "{meetings:?}");
    assert!(
        meetings
            .iter()
            .all(|one| one["properties"]["hs_meeting_title"] == "Appointment")
    );
    assert!(!json!(meetings).to_string().contains("secret of the visit"));
    let contacts = control.get("records/crm/contacts").await;
    let of_miriam = |row: &&Json| row["properties"]["halaxy_patient_id"] == miriam.as_str();
    let contact = contacts.as_array().unwrap().iter().find(of_miriam).unwrap();
    let month = |time: &jiff::Zoned| time.strftime("%Y-%m").to_string();
    assert_eq!(contact["properties"]["halaxy_last_visit"], month(&past).as_str());
    assert_eq!(contact["properties"]["halaxy_next_visit"], month(&coming).as_str());

    let shown = run_in(folder, &["diary", "show", &first]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(
        shown.stdout.contains("stands there") && shown.stdout.contains("Status: booked"),
        "{shown:?}"
    );
    let nobody = run_in(folder, &["diary", "show", &block]);
    assert_eq!(nobody.code, 2);
    assert!(nobody.stderr.contains("calendar block"), "{nobody:?}");
    let held = run_in(folder, &["diary", "holds"]);
    assert_eq!(held.code, 3, "{held:?}");
    assert!(held.stdout.contains("no contact in the CRM yet"), "{held:?}");
    let held = run_in(folder, &["diary", "holds", "--json"]).json();
    assert_eq!(held["held"][0]["appointment"], second.as_str());
    assert_eq!(held["held"][0]["patient"], edwina.as_str());
    let preview = run_in(folder, &["diary", "preview", "--json"]).json();
    assert_eq!(preview["activities"], json!([]));

    // A cancellation follows, and the month of the next visit goes.
    let mut record = control.get(&format!("records/halaxy/Appointment/{second}")).await;
    record["participant"][0]["modifierExtension"][0]["valueCoding"]["code"] = "cancelled".into();
    let patch = json!({"participant": record["participant"]});
    control
        .patch(&format!("records/halaxy/Appointment/{second}"), patch)
        .await;
    assert_eq!(run_in(folder, &["sync", "--yes"]).code, 3);
    let meetings = control.get("records/crm/meetings").await;
    let outcome = |row: &Json| row["properties"]["hs_meeting_outcome"].as_str().unwrap().to_owned();
    let mut outcomes: Vec<String> = meetings.as_array().unwrap().iter().map(outcome).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["CANCELED", "SCHEDULED"]);
    let id = contact["id"].as_str().unwrap();
    let contact = control.get(&format!("records/crm/contacts/{id}")).await;
    assert!(
        contact["properties"]["halaxy_next_visit"]
            .as_str()
            .is_none_or(str::is_empty),
        "{contact}"
    );
    assert_eq!(contact["properties"]["halaxy_last_visit"], month(&past).as_str());
}

/// Waits until the bridge has called nobody for a second and more: its round is over.
async fn rests(control: &Control) {
    let count = async || control.get("calls").await.as_array().map_or(0, Vec::len);
    let mut before = count().await;
    loop {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let now = count().await;
        if now == before {
            return;
        }
        before = now;
    }
}

#[tokio::test]
async fn an_appointment_that_halaxy_tells_of_is_in_the_crm_within_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let (_stand_ins, ends) = stand_ins(folder, "hubspot");
    practice(folder, &ends, "hubspot");
    let control = Control::of(&ends);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    // Rounds are minutes apart: what comes sooner was told.
    let sections = format!(
        "\n[diary]\nsystem = \"crm\"\n\n[mirror]\nkinds = [\"Referral\"]\nevery = \"10m\"\n\n[serve]\nlisten = \"{listen}\"\n\
         public_url = \"http://{listen}\"\n\n[sync.person]\n"
    );
    edit(folder, "bridge.toml", "\n[sync.person]\n", &sections);
    edit(
        folder,
        "bridge.toml",
        "may_receive = [\"identity\", \"contact\"]",
        "may_receive = [\"identity\", \"contact\", \"appointment\"]",
    );
    edit(folder, "bridge.toml", "poll_every = \"500ms\"", "poll_every = \"1h\"");
    edit(
        folder,
        "bridge.toml",
        "\n[systems.halaxy]\n",
        "\n[systems.halaxy]\nwebhook_secret = \"file:hook.secret\"\n",
    );
    let secret = "what both of them know";
    std::fs::write(folder.join("hook.secret"), secret).unwrap();
    assert_eq!(run_in(folder, &["prepare", "crm", "--yes"]).code, 0);
    assert_eq!(run_in(folder, &["sync", "--yes"]).code, 3);
    let doors = run_in(folder, &["webhooks", "--json"]).json();
    let door = doors
        .as_array()
        .unwrap()
        .iter()
        .find(|door| door["event"] == "appointment-create");
    let url = door.unwrap()["url"]
        .as_str()
        .unwrap()
        .trim_end_matches("/appointment-create")
        .to_owned();
    let told = json!({"system": "halaxy", "url": url, "secret": secret, "api_writes": false});
    let to = format!("{}/webhooks", ends["control_url"].as_str().unwrap());
    assert!(
        client()
            .post(to)
            .json(&told)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );

    let _running = service(folder);
    let miriam = control.id("P1").await;
    let start = jiff::Zoned::now()
        .in_tz("Australia/Melbourne")
        .unwrap()
        .round(jiff::Unit::Hour)
        .unwrap();
    // The first round is over when an appointment of before it is there.
    book(&ends, &start + 10.days(), &[&miriam]).await;
    let meetings = |n: usize| move |all: &Json| all.as_array().is_some_and(|all| all.len() == n);
    arrives(&control, "records/crm/meetings", meetings(1)).await;
    let mut seconds = vec![];
    for n in 2..6 {
        rests(&control).await;
        book(&ends, &start + (10 + n as i64).days(), &[&miriam]).await;
        seconds.push(arrives(&control, "records/crm/meetings", meetings(n)).await);
    }
    println!("from a person's booking in Halaxy to the CRM's activity: {seconds:?}");
    assert!(seconds.iter().all(|took| *took < Duration::from_secs(8)), "{seconds:?}");

    // A cancellation, and a removal.
    rests(&control).await;
    let all = control.get("records/halaxy/Appointment").await;
    let mut record = all[1].clone();
    let id = record["id"].as_str().unwrap().to_owned();
    record["participant"][0]["modifierExtension"][0]["valueCoding"]["code"] = "cancelled".into();
    let patch = json!({"participant": record["participant"]});
    control.patch(&format!("records/halaxy/Appointment/{id}"), patch).await;
    let gone = all[2]["id"].as_str().unwrap();
    let url = format!(
        "{}/records/halaxy/Appointment/{gone}",
        ends["control_url"].as_str().unwrap()
    );
    assert!(client().delete(url).send().await.unwrap().status().is_success());
    let cancelled = |all: &Json| {
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one["properties"]["hs_meeting_outcome"] == "CANCELED")
            .count()
            == 2
    };
    let took = arrives(&control, "records/crm/meetings", cancelled).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
}
