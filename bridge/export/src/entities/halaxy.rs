//! Halaxy's records as the mirror keeps them (halaxy-api.md section 7). What people write freely (descriptions, comments,
//! notes), card and member numbers and links are not in these tables: they are health information or secrets. The amounts and
//! members of bodies vary between accounts, so whatever is missing is empty.

use super::Table;
use crate::cell::Shape::{Amount, Day, Flag, Moment, Text, Whole};
use crate::column::At::{self, Id, Ids, Kind, Of, Path};
use crate::column::{Spec, reference};
use bridge_core::Class::{self, Appointment, Contact, Financial, Identity};
use serde_json::Value as Json;

const fn c(name: &'static str, at: At, shape: crate::Shape, class: Option<Class>, about: &'static str) -> Spec {
    Spec {
        name,
        at,
        shape,
        class,
        about,
    }
}

const UPDATED: Spec = c(
    "updated",
    Path("meta.lastUpdated"),
    Moment,
    None,
    "When Halaxy last changed it.",
);

/// The tables, in the order they are listed: a column a line.
#[rustfmt::skip]
pub(super) const TABLES: [Table; 12] = [
    Table {
        name: "appointments",
        kind: "Appointment",
        about: "Appointments and calendar blocks. A group appointment has several patients.",
        columns: &[
            c("id", Path("id"), Text, None, "Appointment."),
            c("start", Path("start"), Moment, Some(Appointment), "Begins."),
            c("end", Path("end"), Moment, Some(Appointment), "Ends."),
            c("minutes", Path("minutesDuration"), Whole, Some(Appointment), "Length."),
            c("patients", Of(patients), Text, Some(Appointment), "Ids of its patients."),
            c("statuses", Of(statuses), Text, Some(Appointment), "Status of each patient, in their order, as Halaxy words it."),
            c("invoices", Of(invoices), Text, Some(Appointment), "Ids of the patients' invoices."),
            c("practitioner_roles", Of(roles), Text, None, "Ids of who it is with."),
            c("service", Of(service), Text, Some(Appointment), "Id of the appointment type."),
            c("fee", Of(fee), Text, Some(Appointment), "Id of the fee."),
            c("created", Path("created"), Moment, Some(Appointment), "When it was booked."),
            UPDATED,
        ],
    },
    Table {
        name: "practitioners",
        kind: "Practitioner",
        about: "Practitioners and professional contacts.",
        columns: &[
            c("id", Path("id"), Text, None, "Practitioner."),
            c("active", Path("active"), Flag, None, "Works here."),
            c("prefix", Path("name[0].prefix[]"), Text, Some(Identity), "Title."),
            c("given_name", Path("name[0].given[]"), Text, Some(Identity), "Given names."),
            c("family_name", Path("name[0].family"), Text, Some(Identity), "Family name."),
            c("email", Path("telecom[system=email].value"), Text, Some(Contact), "E-mail address."),
            c("phone", Path("telecom[system=phone].value"), Text, Some(Contact), "Phone number, as Halaxy shows it."),
            c("profession", Path("qualification[0].code.coding[0].display"), Text, None, "Profession."),
            UPDATED,
        ],
    },
    Table {
        name: "roles",
        kind: "PractitionerRole",
        about: "Practitioners at locations: who is booked and who bills.",
        columns: &[
            c("id", Path("id"), Text, None, "Role."),
            c("active", Path("active"), Flag, None, "In use."),
            c("practitioner", Id("practitioner"), Text, None, "Practitioner."),
            c("organisation", Id("organization"), Text, None, "Location or organisation."),
            c(
                "provider_number",
                Path("extension[url='https://terminology.halaxy.com/StructureDefinition/practitioner-role-provider-number'].valueString"),
                Text,
                Some(Identity),
                "Provider number.",
            ),
            UPDATED,
        ],
    },
    Table {
        name: "organisations",
        kind: "Organization",
        about: "Locations (`CL-`), practice groups (`PG-`), funders (`FD-`) and other organisations.",
        columns: &[
            c("id", Path("id"), Text, None, "Organisation."),
            c("active", Path("active"), Flag, None, "In use."),
            c("name", Path("name"), Text, None, "Name."),
            c("part_of", Id("partOf"), Text, None, "What it belongs to."),
            c("city", Path("address[0].city"), Text, None, "City of its address."),
            c("state", Path("address[0].state"), Text, None, "State of its address."),
            c("postcode", Path("address[0].postalCode"), Text, None, "Postcode of its address."),
            UPDATED,
        ],
    },
    Table {
        name: "services",
        kind: "HealthcareService",
        about: "Appointment types.",
        columns: &[
            c("id", Path("id"), Text, None, "Appointment type."),
            c("active", Path("active"), Flag, None, "Not archived."),
            c("name", Path("name"), Text, None, "Name."),
            c("organisation", Id("providedBy"), Text, None, "Where it is offered."),
            c(
                "max_patients",
                Path("extension[url='https://terminology.halaxy.com/StructureDefinition/healthcare-service-max-patients'].valueInteger"),
                Whole,
                None,
                "How many patients it may have.",
            ),
            UPDATED,
        ],
    },
    Table {
        name: "fees",
        kind: "ChargeItemDefinition",
        about: "The list of fees.",
        columns: &[
            c("id", Path("id"), Text, None, "Fee."),
            c("title", Path("title"), Text, None, "Name."),
            c("code", Path("code.coding[0].code"), Text, None, "Item number."),
            c("status", Path("status"), Text, None, "active, retired or unknown."),
            c("funder", Path("publisher"), Text, None, "Who pays it, as text."),
            c("amount", Of(base_of_fee), Amount, None, "Base price."),
            c("tax", Of(tax_of_fee), Amount, None, "Tax on it."),
            UPDATED,
        ],
    },
    Table {
        name: "coverage",
        kind: "Coverage",
        about: "Claim details: who pays for whom. Card and member numbers are never exported.",
        columns: &[
            c("id", Path("id"), Text, None, "Claim details."),
            c("status", Path("status"), Text, None, "active or cancelled."),
            c("beneficiary", Id("beneficiary"), Text, Some(Financial), "Patient who gets the benefit."),
            c("subscriber", Id("subscriber"), Text, Some(Financial), "Patient who is treated."),
            c("payors", Ids("payor[]"), Text, Some(Financial), "Ids of who pays."),
            c("starts", Path("period.start"), Day, Some(Financial), "Valid from."),
            c("ends", Path("period.end"), Day, Some(Financial), "Valid until."),
            UPDATED,
        ],
    },
    Table {
        name: "invoices",
        kind: "Invoice",
        about: "Invoices and quotes, with Halaxy's totals.",
        columns: &[
            c("id", Path("id"), Text, None, "Invoice number."),
            c("status", Path("status"), Text, Some(Financial), "Status, as Halaxy words it."),
            c("type", Path("type"), Text, Some(Financial), "invoice or quote."),
            c("payor_type", Path("payorType"), Text, Some(Financial), "patient or organization."),
            c("recipient_kind", Kind("recipient"), Text, Some(Financial), "Patient or Organization."),
            c("recipient", Id("recipient"), Text, Some(Financial), "Id of who is billed."),
            c("payer_name", Path("title"), Text, Some(Identity), "Name of who is billed."),
            c("date", Path("date"), Day, Some(Financial), "Issued."),
            c("created", Path("created"), Moment, Some(Financial), "Made."),
            c("practitioner_roles", Ids("practitioner[]"), Text, None, "Ids of who bills."),
            c("currency", Path("totalGross.currency"), Text, None, "Currency of the amounts."),
            c("net", Path("totalNet.value"), Amount, Some(Financial), "Without tax."),
            c("tax", Path("totalTax.value"), Amount, Some(Financial), "Tax."),
            c("gross", Path("totalGross.value"), Amount, Some(Financial), "With tax."),
            c("paid", Path("totalPaid.value"), Amount, Some(Financial), "Paid."),
            c("balance", Path("totalBalance.value"), Amount, Some(Financial), "Still owed; paid if not above zero."),
            UPDATED,
        ],
    },
    Table {
        name: "invoice-lines",
        kind: "InvoiceLine",
        about: "Lines of invoices. Their free text is never exported; the item number is.",
        columns: &[
            c("id", Path("id"), Text, None, "Line."),
            c("invoice", Id("invoice"), Text, None, "Invoice number."),
            c("status", Path("status"), Text, Some(Financial), "Empty, or voided, unassigned, write-off, locked."),
            c("code", Path("code"), Text, Some(Financial), "Item number."),
            c("patient", Id("subject"), Text, Some(Financial), "Id of the patient."),
            c("appointment", Id("context"), Text, Some(Financial), "Id of the appointment."),
            c("practitioner_role", Id("performer"), Text, None, "Id of who did it."),
            c("coverage", Id("coverage"), Text, Some(Financial), "Claim details."),
            c(
                "funder",
                Id("extension[url='https://terminology.halaxy.com/StructureDefinition/invoice-line-funder'].valueReference"),
                Text,
                Some(Financial),
                "Id of the organisation that pays.",
            ),
            c("entered", Path("enteredDate"), Day, Some(Financial), "Day it was entered."),
            c("quantity", Path("quantity"), Amount, Some(Financial), "How many."),
            c("base", Of(base_of_line), Amount, Some(Financial), "Unit price."),
            c("surcharge", Of(surcharge_of_line), Amount, Some(Financial), "Surcharge per unit."),
            c("deduction", Of(deduction_of_line), Amount, Some(Financial), "Deduction per unit."),
            c("discount", Of(discount_of_line), Amount, Some(Financial), "Discount per unit."),
            c("tax", Of(tax_of_line), Amount, Some(Financial), "Tax per unit."),
            UPDATED,
        ],
    },
    Table {
        name: "payments",
        kind: "PaymentTransaction",
        about: "Payments, deposits, refunds and failed attempts: look at `type` and `method` before adding up.",
        columns: &[
            c("id", Path("id"), Text, None, "Transaction."),
            c("invoice", Id("invoice"), Text, Some(Financial), "Invoice number."),
            c("patient", Id("subject"), Text, Some(Financial), "Id of the patient."),
            c("organisation", Id("assignedOrganization"), Text, Some(Financial), "Id of the organisation, of a deposit."),
            c("type", Path("type[0].text"), Text, Some(Financial), "Payment, Deposit, Refund, Failed ..."),
            c("method", Path("method[0].text"), Text, Some(Financial), "Cash, the gateway, Discount ..."),
            c("status", Path("status[0].text"), Text, Some(Financial), "Such as Voided."),
            c("amount", Of(base_of_payment), Amount, Some(Financial), "Amount."),
            c("created", Path("created"), Moment, Some(Financial), "When it was entered."),
            UPDATED,
        ],
    },
    Table {
        name: "referrals",
        kind: "Referral",
        about: "Referrals with what is used of them. Comments and attachments are never exported.",
        columns: &[
            c("id", Path("id"), Text, None, "Referral."),
            c("patient", Id("subject"), Text, Some(Appointment), "Id of the patient."),
            c("coverage", Id("coverage"), Text, Some(Appointment), "Claim details."),
            c("performer", Id("performer"), Text, None, "Practitioner referred to."),
            c("requester", Id("requester"), Text, None, "Role that referred."),
            c("definition", Id("referralDefinition"), Text, Some(Appointment), "Id of the referral type."),
            c("starts", Path("period.start"), Day, Some(Appointment), "Valid from."),
            c("ends", Path("period.end"), Day, Some(Appointment), "Valid until."),
            c("active", Path("active"), Flag, Some(Appointment), "As Halaxy says; stays true after it ran out."),
            c("preferred", Path("priority"), Flag, Some(Appointment), "The patient's preferred one."),
            c("sessions", Path("limitQuantity.quantity.value"), Whole, Some(Appointment), "Sessions allowed."),
            c("sessions_used", Path("limitQuantity.quantityUsed"), Whole, Some(Appointment), "Sessions used; may be more."),
            c("amount", Path("limitMoney.amount.value"), Amount, Some(Financial), "Amount allowed."),
            c("amount_used", Path("limitMoney.amountUsed"), Amount, Some(Financial), "Amount used."),
            c("created", Path("created"), Moment, Some(Appointment), "When it was entered."),
            UPDATED,
        ],
    },
    Table {
        name: "schedules",
        kind: "Schedule",
        about: "Calendars in which appointments can be offered.",
        columns: &[
            c("id", Path("id"), Text, None, "Schedule."),
            c("active", Path("active"), Flag, None, "In use."),
            c("actors", Ids("actor[]"), Text, None, "Ids of whose it is."),
            c("starts", Path("planningHorizon.start"), Day, None, "Planned from."),
            c("ends", Path("planningHorizon.end"), Day, None, "Planned until."),
            UPDATED,
        ],
    },
];

/// Whatever stands in a list of the body for each member that refers to a resource of that type.
fn referred<'a>(list: &'a Json, member: &'a str, kind: &'a str) -> impl Iterator<Item = (&'a Json, &'a str)> {
    list.as_array().into_iter().flatten().filter_map(move |item| {
        let (found, id) = reference(Some(if member.is_empty() { item } else { &item[member] }))?;
        (found == kind).then_some((item, id))
    })
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Json {
    words.collect::<Vec<_>>().join("; ").into()
}

fn patients(body: &Json) -> Json {
    joined(referred(&body["participant"], "actor", "Patient").map(|(_, id)| id))
}

fn roles(body: &Json) -> Json {
    joined(referred(&body["participant"], "actor", "PractitionerRole").map(|(_, id)| id))
}

fn service(body: &Json) -> Json {
    joined(referred(&body["supportingInformation"], "", "HealthcareService").map(|(_, id)| id))
}

fn fee(body: &Json) -> Json {
    joined(referred(&body["supportingInformation"], "", "ChargeItemDefinition").map(|(_, id)| id))
}

/// An extension of a participant, by the end of its address.
fn extension<'a>(of: &'a Json, members: [&str; 2], ending: &str) -> Option<&'a Json> {
    let lists = members.into_iter().filter_map(|member| of[member].as_array());
    lists.flatten().find(|one| {
        let url = one["url"].as_str().unwrap_or_default();
        url.rsplit('/').next() == Some(ending)
    })
}

/// There is no status of the appointment itself (halaxy-api.md 7.3); codes are an open set.
fn statuses(body: &Json) -> Json {
    let places = ["modifierExtension", "extension"];
    joined(
        referred(&body["participant"], "actor", "Patient").map(|(participant, _)| {
            let status = extension(participant, places, "appointment-participant-status");
            status.and_then(|one| one["valueCoding"]["code"].as_str()).unwrap_or("")
        }),
    )
}

fn invoices(body: &Json) -> Json {
    let places = ["extension", "modifierExtension"];
    joined(
        referred(&body["participant"], "actor", "Patient").filter_map(|(participant, _)| {
            let invoice = extension(participant, places, "appointment-participant-invoice")?;
            Some(reference(Some(&invoice["valueReference"]))?.1)
        }),
    )
}

/// The amount of a price component; lines spell the list in two ways (halaxy-api.md 7.7).
fn price(of: &Json, kind: &str) -> Json {
    let lists = ["unitPriceComponent", "priceComponent"].into_iter();
    let mut parts = lists.filter_map(|member| of[member].as_array()).flatten();
    parts
        .find(|part| part["type"] == kind)
        .map_or(Json::Null, |part| part["amount"]["value"].clone())
}

fn base_of_fee(body: &Json) -> Json {
    price(&body["propertyGroup"][0], "base")
}

fn tax_of_fee(body: &Json) -> Json {
    price(&body["propertyGroup"][0], "tax")
}

fn base_of_payment(body: &Json) -> Json {
    price(body, "base")
}

fn base_of_line(body: &Json) -> Json {
    price(body, "base")
}

fn surcharge_of_line(body: &Json) -> Json {
    price(body, "surcharge")
}

fn deduction_of_line(body: &Json) -> Json {
    price(body, "deduction")
}

fn discount_of_line(body: &Json) -> Json {
    price(body, "discount")
}

fn tax_of_line(body: &Json) -> Json {
    price(body, "tax")
}
