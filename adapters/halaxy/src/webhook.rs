//! Halaxy's webhooks (halaxy-api.md section 6): a shared token instead of a signature, one address for
//! each event because the body does not say what happened, and ids to read again.

use crate::bundle::reference_id;
use adapter_kit::webhook::{Arrival, News, Notice, Refused, Signature, Webhook};
use secrecy::SecretString;
use serde_json::Value as Json;

/// The events a webhook can be made for, by the end of its address; with their kind and meaning. There is
/// none for a patient that was removed.
const EVENTS: [(&str, &str, News); 8] = [
    ("patient-create", "Patient", News::Changed),
    ("patient-update", "Patient", News::Changed),
    ("appointment-create", "Appointment", News::Changed),
    ("appointment-update", "Appointment", News::Changed),
    ("appointment-delete", "Appointment", News::Removed),
    ("invoice-create", "Invoice", News::Changed),
    ("invoice-update", "Invoice", News::Changed),
    ("invoice-delete", "Invoice", News::Removed),
];

/// The webhooks of one account.
pub struct HalaxyWebhook {
    secret: SecretString,
}

impl HalaxyWebhook {
    /// `secret` is the token entered as authentication header of each webhook.
    pub fn new(secret: SecretString) -> Self {
        Self { secret }
    }
}

impl Webhook for HalaxyWebhook {
    fn events(&self) -> Vec<&str> {
        EVENTS.iter().map(|(name, ..)| *name).collect()
    }

    fn read(&self, arrival: &Arrival<'_>) -> Result<Vec<Notice>, Refused> {
        Signature::bearer().verify(&self.secret, arrival)?;
        let event = EVENTS.iter().find(|(name, ..)| arrival.event == Some(*name));
        let (_, kind, news) = event.ok_or(Refused::Content("its address names no event"))?;
        let bundle: Json = serde_json::from_slice(arrival.body).map_err(|_| Refused::Content("its body is no JSON"))?;
        if bundle["resourceType"] != "Bundle" {
            return Err(Refused::Content("its body is no Bundle"));
        }
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let states = entries
            .map(|entry| &entry["resource"])
            .filter(|resource| resource["resourceType"] == "SubscriptionStatus");
        let mut notices = vec![];
        for told in states.flat_map(|state| state["notificationEvent"].as_array().into_iter().flatten()) {
            let focus = &told["focus"];
            let reference = focus["reference"].as_str().unwrap_or_default();
            let id = reference_id(reference).ok_or(Refused::Content("an event names no record"))?;
            // "../Patient/7" says the kind as well; where both are said, they must agree with the address.
            let of_reference = reference.rsplit('/').nth(1);
            let kinds = [focus["type"].as_str(), of_reference];
            if kinds.into_iter().flatten().any(|said| said != *kind) {
                return Err(Refused::Content("an event is about another kind than its address"));
            }
            notices.push(Notice {
                event: told["id"].as_str().map(str::to_string),
                kind: (*kind).into(),
                remote_ids: vec![id.into()],
                news: *news,
            });
        }
        Ok(notices)
    }
}
