//! What invoices and payments refer to: fees, claim details, organisations, practitioners (halaxy-api.md 7.2, 7.5, 7.6).

use super::record::{Record, link, party, same, word};
use bridge_core::ledger::{Charge, Cover, CoverPayer, Fact, Fault, Organisation, Party, Role, Unreadable};
use serde_json::Value as Json;

/// A fee.
pub(super) fn charge(body: &Json) -> Result<Charge, Unreadable> {
    let record = Record::new("ChargeItemDefinition", body)?;
    let contexts = record.list("useContext");
    // "fee-category" stands in the system of the context's code or of its value.
    let category = contexts.iter().find(|context| {
        let coding = context["valueCodeableConcept"]["coding"].get(0).unwrap_or(&Json::Null);
        [&context["code"]["system"], &coding["system"]]
            .into_iter()
            .any(|system| {
                let system = system.as_str().unwrap_or_default();
                system
                    .rsplit('/')
                    .next()
                    .is_some_and(|name| name.starts_with("fee-category"))
            })
    });
    let category =
        category.and_then(|context| word(&context["valueCodeableConcept"]).or_else(|| context["valueString"].as_str()));
    let codings = body["code"]["coding"].as_array();
    let code = codings.and_then(|codings| codings.iter().find_map(|coding| code_text(&coding["code"])));
    let funder = body["publisher"]
        .as_str()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    Ok(Charge {
        code: code.or_else(|| code_text(&body["code"])),
        title: record.text("title")?.unwrap_or_default(),
        category: category.map(str::to_owned),
        funder: funder.map(str::to_owned),
        active: record.text("status")?.is_none_or(|status| !same(&status, "retired")),
        id: record.id,
    })
}

fn code_text(code: &Json) -> Option<String> {
    match code {
        Json::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Claim details. `coverage-payer` tells who pays: 29 the patient, 30 to 32 an organisation.
pub(super) fn cover(body: &Json) -> Result<Cover, Unreadable> {
    let record = Record::new("Coverage", body)?;
    let payer = match record.extension("coverage-payer") {
        None => None,
        Some(extension) => match code_text(&extension["valueCoding"]["code"]).as_deref() {
            Some("29") => Some(CoverPayer::Patient),
            Some("30" | "31" | "32") => Some(CoverPayer::Organisation),
            Some(_) => return Err(record.fail("extension.coverage-payer", Fault::Word)),
            None => None,
        },
    };
    let mut payors: Vec<Party> = record.links("payor").filter_map(party).collect();
    let named = record.extension_link("coverage-organisation").and_then(party);
    if let Some(named) = named.filter(|named| !payors.contains(named)) {
        payors.push(named);
    }
    Ok(Cover {
        payer,
        payors,
        active: record.text("status")?.is_none_or(|status| same(&status, "active")),
        id: record.id,
    })
}

/// A funder, clinic or other organisation.
pub(super) fn organisation(body: &Json) -> Result<Organisation, Unreadable> {
    let record = Record::new("Organization", body)?;
    Ok(Organisation {
        name: record
            .text("name")?
            .ok_or_else(|| record.fail("name", Fault::Missing))?,
        id: record.id,
    })
}

/// A practitioner at a location; the name comes with the reference, or from the Practitioner.
pub(super) fn role(body: &Json) -> Result<Role, Unreadable> {
    let record = Record::new("PractitionerRole", body)?;
    let practitioner = record.link("practitioner").map(|link| link.id.to_owned());
    let display = body["practitioner"]["display"].as_str().unwrap_or_default().trim();
    let location = [&body["organization"], &body["location"][0]].into_iter().find_map(link);
    Ok(Role {
        practitioner,
        name: display.to_owned(),
        location: location.map(|link| link.id.to_owned()),
        id: record.id,
    })
}

/// A practitioner's name: the official one, as text or put together.
pub(super) fn practitioner(body: &Json) -> Result<Fact, Unreadable> {
    let record = Record::new("Practitioner", body)?;
    let names = record.list("name");
    let name = names.iter().find(|name| name["use"] == "official").or(names.first());
    let name = name.ok_or_else(|| record.fail("name", Fault::Missing))?;
    let text = name.as_str().or_else(|| name["text"].as_str());
    let full = match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => {
            let parts = |member: &str| name[member].as_array().into_iter().flatten().filter_map(Json::as_str);
            let all = parts("prefix").chain(parts("given")).chain(name["family"].as_str());
            all.map(str::trim)
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    if full.is_empty() {
        return Err(record.fail("name", Fault::Missing));
    }
    Ok(Fact::Practitioner {
        id: record.id,
        name: full,
    })
}
