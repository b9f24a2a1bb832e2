//! The table itself, row by row as in halaxy-api.md section 7.0.

use super::shapes::{self as s};
use super::{Check, Endpoint, GROUPS, Input, Operation as Op, Place, Rules};
use Check::{
    Amount, Code, Date, Email, Flag, Id, Ids, Instant, Number, OneOf, Phone, Reference, Sort, Text, When, Word,
};
use Place::{Make, Member, Path, Query, Scope};

const fn may(name: &'static str, check: Check, place: Place, about: &'static str) -> Input {
    Input {
        name,
        required: false,
        check,
        place,
        about,
    }
}

const fn must(name: &'static str, check: Check, place: Place, about: &'static str) -> Input {
    Input {
        name,
        required: true,
        check,
        place,
        about,
    }
}

/// What every search takes.
pub(super) const SEARCH: &[Input] = &[
    may("id", Ids("record"), Query("_id"), "only these records"),
    may(
        "changed",
        When,
        Query("_lastUpdated"),
        "changed then; twice for a range",
    ),
    may("count", Number(1, 100), Query("_count"), "rows of a page"),
    may("page", Number(1, 1_000_000), Query("page"), "which page, from 1"),
    may(
        "total",
        OneOf(&["none", "accurate"]),
        Query("_total"),
        "whether all rows are counted",
    ),
    may(
        "summary",
        OneOf(&["true", "false", "text", "data", "count"]),
        Query("_summary"),
        "how much of each is shown",
    ),
];

/// What operations that answer in pages take.
pub(super) const PAGES: &[Input] = &[
    may("count", Number(1, 100), Query("_count"), "rows of a page"),
    may("page", Number(1, 1_000_000), Query("page"), "which page, from 1"),
];

const PATIENT: Check = Reference(&["Patient"]);
const ROLE: Check = Reference(&["PractitionerRole"]);
const PRACTITIONER: Check = Reference(&["Practitioner"]);
const ORGANIZATION: Check = Reference(&["Organization"]);
const LOCATIONS: &[&str] = &["clinic", "telehealth", "online", "phone", "organization"];
/// Halaxy's words for a professional contact, as a search tells them from the practice's own people.
const PROFILES: &[&str] = &["hx-practitioner", "hx-external-practitioner"];
const ROLE_PROFILES: &[&str] = &["hx-practitioner-role", "hx-external-practitioner-role"];

const fn get(resource: &'static str) -> Input {
    must("id", Id(resource), Path, "which record")
}

const fn created() -> Input {
    may("created", When, Query("created"), "made then; twice for a range")
}

const fn rules(needs: &'static [(&'static str, &'static str)]) -> Rules {
    Rules {
        needs,
        passed_over: &[],
        only: &[],
        together: None,
    }
}

const PASSED_OVER: &[&str] = &["active", "identifier", "generalPractitioner", "managingOrganization"];

macro_rules! rows {
    ($($group:literal {
        $($action:literal $op:ident $method:literal $resource:literal $path:literal, $own:expr, $rules:expr, $about:literal,
          $note:literal, $example:expr, $body:literal;)*
    })*) => {
        /// All endpoints, in the order of their groups.
        pub static ENDPOINTS: &[Endpoint] = &[$($(Endpoint {
            action: $action, group: GROUPS[$group], resource: $resource, operation: Op::$op, method: $method, path: $path,
            own: $own, rules: $rules, about: $about, note: $note, example: $example, example_body: $body,
        },)*)*];
    };
}

const NONE: Rules = rules(&[]);

rows! {
0 {
    "list-patients" List "GET" "Patient" "Patient", &[
        may("name", Text, Query("name"), "any part of the name begins so"),
        may("given", Text, Query("given"), "given name begins so"),
        may("family", Text, Query("family"), "family name begins so"),
        may("email", Email, Query("email"), "e-mail address"),
        may("phone", Phone, Query("phone"), "phone number, local or international"),
        may("birth-date", When, Query("birthdate"), "birth date"),
        may("status", Code, Query("status"), "status, e.g. current"),
        may("active", Flag, Query("active"), "active or not"),
        created(),
        may("practitioner", PRACTITIONER, Query("general-practitioner"), "their practitioner"),
        may("sort", Sort(&["_lastUpdated", "name", "created"]), Query("_sort"), "order"),
    ], NONE, "Search patients.", "", &[("family", "Samplewood"), ("count", "10")], "";
    "get-patient" Get "GET" "Patient" "Patient/{id}", &[get("Patient")], NONE, "Read one patient.",
        "After a merge another id may answer.", &[("id", "900001")], "";
    "create-patient" Create "POST" "Patient" "Patient", &[
        may("given", Text, Make(s::given), "given name"),
        may("family", Text, Make(s::family), "family name"),
        may("birth-date", Date, Member("/birthDate"), "birth date"),
        may("gender", Code, Member("/gender"), "male, female, other, or the practice's own word"),
        may("mobile", Phone, Make(s::mobile), "mobile number"),
        may("email", Email, Make(s::email), "e-mail address"),
    ], Rules { needs: &[("/name", "give --given and --family, or a body with an official name")],
        passed_over: PASSED_OVER, only: &[], together: Some(s::patient) },
        "Make a patient.", "Halaxy looks for no duplicates: the same call twice makes two patients.",
        &[("given", "Miriam"), ("family", "Samplewood"), ("birth-date", "1988-04-17")], "";
    "update-patient" Update "PATCH" "Patient" "Patient/{id}", &[
        get("Patient"),
        may("birth-date", Date, Member("/birthDate"), "birth date"),
        may("gender", Code, Member("/gender"), "male, female, other, or the practice's own word"),
        may("deceased", Flag, Member("/deceasedBoolean"), "deceased or not"),
    ], Rules { needs: &[], passed_over: PASSED_OVER, only: &[], together: Some(s::patient) },
        "Change members of a patient.", "Lists (names, telecom, addresses) are replaced whole: send complete ones in the body.",
        &[("id", "900001"), ("gender", "female")], "";
    "replace-patient" Replace "PUT" "Patient" "Patient/{id}", &[
        get("Patient"),
        must("confirm", Word("wipe-what-is-left-out"), Place::Word, "says that what the body leaves out is to be wiped"),
    ], Rules { needs: &[("/name", "put the whole patient into --body, with an official name")],
        passed_over: PASSED_OVER, only: &[], together: Some(s::patient) },
        "Replace a patient whole.", "Wipes every writable member that the body leaves out, attachments excepted.",
        &[("id", "900001"), ("confirm", "wipe-what-is-left-out")],
        r#"{"name":[{"use":"official","given":["Miriam"],"family":"Samplewood"}],"birthDate":"1988-04-17"}"#;
    "export-patient-ids" Special "GET" "Patient" "Patient/$export-ids", &[], NONE, "The ids of all patients the key may see.",
        "The only way to see what was removed.", &[], "";
}
1 {
    "list-practitioners" List "GET" "Practitioner" "Practitioner", &[
        may("name", Text, Query("name"), "any part of the name begins so"),
        may("given", Text, Query("given"), "given name begins so"),
        may("family", Text, Query("family"), "family name begins so"),
        may("email", Email, Query("email"), "e-mail address"),
        may("active", Flag, Query("active"), "active or not"),
        may("profile", OneOf(PROFILES), Query("_profile"), "own staff, or professional contacts"),
        may("sort", Sort(&["name"]), Query("_sort"), "order"),
    ], NONE, "Search practitioners and professional contacts.", "", &[("family", "Tester")], "";
    "get-practitioner" Get "GET" "Practitioner" "Practitioner/{id}", &[get("Practitioner")], NONE, "Read one practitioner.",
        "", &[("id", "PR-500001")], "";
    "create-practitioner" Create "POST" "Practitioner" "Practitioner", &[
        may("given", Text, Make(s::given), "given name"),
        may("family", Text, Make(s::family), "family name"),
        may("work-phone", Phone, Make(s::work_phone), "phone at work"),
        may("email", Email, Make(s::email), "e-mail address"),
    ], rules(&[("/name", "give --given and --family")]), "Make a professional contact.",
        "Never one of the practice's own staff: the id begins with EP-. Practitioners cannot be changed afterwards.",
        &[("given", "Alex"), ("family", "Tester")], "";
    "list-practitioner-roles" List "GET" "PractitionerRole" "PractitionerRole", &[
        may("practitioner", PRACTITIONER, Scope("practitioner", "practitioner"), "whose roles"),
        may("organization", ORGANIZATION, Scope("organization", "organization"), "roles where"),
        may("provider-number", Text, Query("provider-number"), "provider number"),
        may("profile", OneOf(ROLE_PROFILES), Query("_profile"), "own staff, or professional contacts"),
        may("include", OneOf(&["PractitionerRole:practitioner", "PractitionerRole:organization"]), Query("_include"), "what else is fetched"),
    ], NONE, "Search who works where.", "A role is what appointments are booked with.", &[("practitioner", "PR-500001")], "";
    "get-practitioner-role" Get "GET" "PractitionerRole" "PractitionerRole/{id}", &[get("PractitionerRole")], NONE,
        "Read one role.", "PractitionerRole/PR-5 and Practitioner/PR-5 have nothing to do with each other.", &[("id", "PR-700001")], "";
    "create-practitioner-role" Create "POST" "PractitionerRole" "PractitionerRole", &[
        may("practitioner", PRACTITIONER, Member("/practitioner"), "the professional contact, EP-"),
        may("organization", ORGANIZATION, Member("/organization"), "the contact's practice, SP-"),
    ], rules(&[("/practitioner", "give --practitioner"), ("/organization", "give --organization")]),
        "Say where a professional contact works.", "Contacts only; some accounts answer 422.",
        &[("practitioner", "EP-500002"), ("organization", "SP-160002")], "";
    "list-organizations" List "GET" "Organization" "Organization", &[
        may("name", Text, Query("name"), "name begins so"),
        may("profile", Code, Query("_profile"), "kind of organisation"),
    ], NONE, "Search clinics, funders and contacts' practices.", "", &[("name", "Sampleton")], "";
    "get-organization" Get "GET" "Organization" "Organization/{id}", &[get("Organization")], NONE, "Read one organisation.", "",
        &[("id", "CL-200001")], "";
    "create-organization" Create "POST" "Organization" "Organization", &[
        may("name", Text, Member("/name"), "name"),
        may("work-phone", Phone, Make(s::work_phone), "phone"),
        may("email", Email, Make(s::email), "e-mail address"),
    ], rules(&[("/name", "give --name")]), "Make a professional contact's practice.",
        "Its id begins with SP-; clinics and funders are made in Halaxy only.", &[("name", "Sampleton Specialists")], "";
}
2 {
    "list-appointments" List "GET" "Appointment" "Appointment", &[
        may("date", When, Query("date"), "when it is; twice for a range"),
        may("patient", PATIENT, Scope("patient", "participant"), "whose"),
        may("practitioner", PRACTITIONER, Query("practitioner"), "with whom"),
        may("practitioner-role", ROLE, Scope("practitioner-role", "participant"), "with whom and where"),
        may("organization", ORGANIZATION, Query("organization"), "where"),
        may("status", Code, Query("part-status"), "status of a patient's part, e.g. booked"),
        created(),
        may("sort", Sort(&["date"]), Query("_sort"), "order"),
        may("include", OneOf(&["Appointment:patient", "Appointment:practitioner-role"]), Query("_include"), "what else is fetched"),
    ], NONE, "Search appointments.", "Cancelled ones are among them; those without a patient are calendar blocks.",
        &[("date", "ge2026-03-01"), ("date", "lt2026-04-01")], "";
    "get-appointment" Get "GET" "Appointment" "Appointment/{id}", &[get("Appointment")], NONE, "Read one appointment.",
        "The status is kept for each patient, under participant[].modifierExtension.", &[("id", "400001")], "";
    "find-appointments" Special "GET" "Appointment" "Appointment/$find", &[
        must("start", Instant, Query("start"), "free from then"),
        must("end", Instant, Query("end"), "free until then"),
        must("duration", Number(1, 1440), Query("duration"), "minutes"),
        may("practitioner-role", ROLE, Query("practitioner-role"), "with whom and where"),
        may("practitioner", PRACTITIONER, Query("practitioner"), "with whom"),
        may("organization", ORGANIZATION, Query("organization"), "where"),
        may("show", OneOf(&["first-available"]), Query("show"), "only the first"),
        may("emergency", Flag, Query("emergency"), "urgent times too"),
        may("apply-buffer-time", Flag, Query("apply-buffer-time"), "keep the time between appointments"),
        may("sort", Sort(&["start"]), Query("_sort"), "order"),
    ], NONE, "Find free times.", "Follows the practice's rules for online booking.",
        &[("start", "2026-03-04T08:00:00+11:00"), ("end", "2026-03-04T18:00:00+11:00"), ("duration", "60"), ("practitioner-role", "PR-700001")], "";
    "book-appointment" Special "POST" "Appointment" "Appointment/$book", &[
        may("patient", PATIENT, Make(s::book_patient), "who comes"),
        may("start", Instant, Make(s::book_start), "begin"),
        may("end", Instant, Make(s::book_end), "end"),
        may("practitioner-role", ROLE, Make(s::book_with), "with whom and where"),
        may("description", Text, Make(s::book_description), "the comment in the calendar"),
        may("appointment", Reference(&["Appointment"]), Make(s::book_into), "join this one instead of making one"),
        may("service", Reference(&["HealthcareService"]), Make(s::book_service), "appointment type"),
        may("fee", Reference(&["ChargeItemDefinition"]), Make(s::book_fee), "fee; an invoice is raised by it"),
        may("location", OneOf(LOCATIONS), Make(s::book_location), "where it takes place"),
        may("status", Code, Make(s::book_status), "status; booked if not said"),
    ], Rules { needs: &[("patient-id", "give --patient"), ("location-type", "give --location, e.g. clinic")],
        passed_over: &[], only: &["parameter"], together: Some(s::booking) },
        "Book an appointment.", "May raise an invoice and send reminders to the patient. A taken time is refused (409).",
        &[("patient", "900001"), ("start", "2026-03-04T11:00:00+11:00"), ("end", "2026-03-04T12:00:00+11:00"),
          ("practitioner-role", "PR-700001"), ("location", "clinic")], "";
    "update-appointment" Update "PATCH" "Appointment" "Appointment/{id}", &[
        get("Appointment"),
        may("start", Instant, Member("/start"), "begin"),
        may("end", Instant, Member("/end"), "end"),
        may("description", Text, Member("/description"), "the comment in the calendar"),
        may("patient", PATIENT, Make(s::participant), "whose status changes"),
        may("status", Code, Make(s::participant_status), "the new status, e.g. cancelled"),
    ], Rules { needs: &[], passed_over: &["status", "created", "cancellationReason"], only: &[], together: Some(s::appointment) },
        "Move an appointment, or change a patient's status.",
        "`cancelled (no charge)` reads back as `cancelled`; appointments are never deleted. May send messages to the patient.",
        &[("id", "400001"), ("patient", "900001"), ("status", "confirmed")], "";
}
3 {
    "list-schedules" List "GET" "Schedule" "Schedule", &[], NONE, "List schedules.", "", &[], "";
    "get-schedule" Get "GET" "Schedule" "Schedule/{id}", &[get("Schedule")], NONE, "Read one schedule.", "", &[("id", "810001")], "";
    "create-schedule" Create "POST" "Schedule" "Schedule", &[
        may("practitioner-role", ROLE, Make(s::actor), "whose, and where"),
        may("from", Date, Member("/planningHorizon/start"), "first day"),
        may("to", Date, Member("/planningHorizon/end"), "last day"),
    ], rules(&[("/actor", "give --practitioner-role"), ("/planningHorizon/start", "give --from"), ("/planningHorizon/end", "give --to")]),
        "Make a schedule.", "Which members Halaxy demands is not documented; these are the ones it shows.",
        &[("practitioner-role", "PR-700001"), ("from", "2026-03-01"), ("to", "2026-06-30")], "";
    "generate-schedule" Special "POST" "Schedule" "Schedule/{id}/$generate", &[
        get("Schedule"),
        may("from", Instant, Member("/period/start"), "from then"),
        may("to", Instant, Member("/period/end"), "until then, at least 24 hours later"),
        may("update-horizon", Flag, Member("/updatePlanningHorizon"), "move the schedule's end along"),
    ], Rules { needs: &[], passed_over: &[], only: &["period", "updatePlanningHorizon"], together: Some(s::generation) },
        "Generate the slots of a schedule.", "Without --from and --to all slots are made anew.",
        &[("id", "810001"), ("from", "2026-03-09T00:00:00+11:00"), ("to", "2026-03-14T00:00:00+11:00")], "";
    "list-slots" List "GET" "Slot" "Slot", &[
        may("start", When, Query("start"), "begins then; twice for a range"),
        may("end", When, Query("end"), "ends then; twice for a range"),
        may("status", OneOf(&["free", "busy"]), Query("status"), "free or busy"),
        may("duration", Number(1, 1440), Query("duration"), "minutes"),
        may("schedule", Reference(&["Schedule"]), Scope("schedule", "schedule"), "of which schedule"),
        may("practitioner", PRACTITIONER, Query("practitioner"), "whose"),
        may("practitioner-role", ROLE, Query("practitioner-role"), "whose, and where"),
        may("organization", ORGANIZATION, Query("organization"), "where"),
    ], NONE, "Search slots.", "An overbooked slot cannot be booked, whatever its status.", &[("status", "free")], "";
    "get-slot" Get "GET" "Slot" "Slot/{id}", &[get("Slot")], NONE, "Read one slot.", "", &[("id", "820001")], "";
}
4 {
    "list-healthcare-services" List "GET" "HealthcareService" "HealthcareService", &[], NONE, "List appointment types.", "", &[], "";
    "get-healthcare-service" Get "GET" "HealthcareService" "HealthcareService/{id}", &[get("HealthcareService")], NONE,
        "Read one appointment type.", "", &[("id", "300001")], "";
    "list-charge-item-definitions" List "GET" "ChargeItemDefinition" "ChargeItemDefinition", &[
        may("title", Text, Query("title"), "title begins so"),
        may("code", Text, Query("code"), "item number"),
        may("publisher", Text, Query("publisher"), "funder's name begins so"),
        may("type", OneOf(&["0", "1", "2"]), Query("context-type"), "0 appointment, 1 item, 2 pro rata"),
        may("status", OneOf(&["1", "2"]), Query("property-group-status"), "1 current, 2 archived; not always obeyed"),
        created(),
    ], NONE, "Search fees.", "", &[("title", "Standard")], "";
    "get-charge-item-definition" Get "GET" "ChargeItemDefinition" "ChargeItemDefinition/{id}", &[get("ChargeItemDefinition")], NONE,
        "Read one fee.", "", &[("id", "310001")], "";
}
5 {
    "list-coverages" List "GET" "Coverage" "Coverage", &[
        may("patient", PATIENT, Scope("beneficiary", "beneficiary"), "whose claims"),
    ], NONE, "Search claim details.", "", &[("patient", "900001")], "";
    "get-coverage" Get "GET" "Coverage" "Coverage/{id}", &[get("Coverage")], NONE, "Read claim details.", "", &[("id", "850001")], "";
    "create-coverage" Create "POST" "Coverage" "Coverage", &[
        may("beneficiary", PATIENT, Member("/beneficiary"), "who gets the benefit: the claimant, or the patient"),
        may("subscriber", PATIENT, Member("/subscriber"), "who is treated"),
        may("payor", Reference(&["Organization", "Patient"]), Member("/payor/0"), "who pays: Organization/FD-.. or Patient/.."),
        may("number", Text, Member("/subscriberID"), "number of the card or the member"),
        may("reference-number", Text, Member("/dependent"), "the person's number on the card"),
        may("from", Date, Member("/period/start"), "valid from"),
        may("to", Date, Member("/period/end"), "valid until"),
        may("status", OneOf(&["active", "cancelled"]), Member("/status"), "active or cancelled"),
    ], rules(&[("/beneficiary", "give --beneficiary"), ("/subscriber", "give --subscriber"), ("/payor", "give --payor")]),
        "Make claim details.", "Beneficiary and subscriber mean the reverse of what FHIR usually means. Nothing checks eligibility.",
        &[("beneficiary", "900001"), ("subscriber", "900001"), ("payor", "Organization/FD-150001"), ("status", "active")], "";
    "update-coverage" Update "PATCH" "Coverage" "Coverage/{id}", &[
        get("Coverage"),
        may("status", OneOf(&["active", "cancelled"]), Member("/status"), "active or cancelled"),
        may("number", Text, Member("/subscriberID"), "number of the card or the member"),
        may("to", Date, Member("/period/end"), "valid until"),
    ], NONE, "Change claim details.", "Which members may change is not documented.", &[("id", "850001"), ("status", "cancelled")], "";
}
6 {
    "list-invoices" List "GET" "Invoice" "Invoice", &[
        may("status", Code, Query("status"), "status; it tells nothing of being paid"),
        created(),
        may("recipient", Reference(&["Patient", "Organization"]), Scope("recipient", "recipient"), "Patient/.. or Organization/.."),
        may("practitioner", PRACTITIONER, Query("practitioner"), "whose"),
        may("practitioner-role", ROLE, Scope("practitioner-role", "practitioner"), "whose, and where"),
        may("organization", ORGANIZATION, Query("organization"), "where"),
        may("total-paid", Amount, Query("total-paid"), "amount paid"),
        may("total-balance", Amount, Query("total-balance"), "amount owed, e.g. gt0"),
        may("sort", Sort(&["created"]), Query("_sort"), "order"),
        may("include", OneOf(&["Invoice:recipient", "Invoice:practitioner"]), Query("_include"), "what else is fetched"),
    ], NONE, "Search invoices.", "There is no search by the date of issue. Paid means a balance of nothing.", &[("total-balance", "gt0")], "";
    "get-invoice" Get "GET" "Invoice" "Invoice/{id}", &[get("Invoice")], NONE, "Read one invoice.", "Notes may be HTML.", &[("id", "600001")], "";
    "list-invoice-lines" List "GET" "InvoiceLine" "InvoiceLine", &[
        may("invoice", Reference(&["Invoice"]), Scope("invoice", "invoice"), "of which invoice"),
        may("patient", PATIENT, Scope("subject", "subject"), "for whom"),
        may("performer", ROLE, Scope("performer", "performer"), "by whom"),
        may("coverage", Reference(&["Coverage"]), Query("coverage"), "under which claim details"),
        may("referral", Reference(&["Referral"]), Query("referral"), "under which referral"),
        may("funder", ORGANIZATION, Query("funder"), "who funds it"),
        may("amount", Amount, Query("amount"), "price"),
        created(),
        may("include", OneOf(&["InvoiceLine:subject", "InvoiceLine:performer", "InvoiceLine:invoice"]), Query("_include"), "what else is fetched"),
    ], NONE, "Search lines of invoices.", "The join of an invoice with its appointment.", &[("invoice", "600001")], "";
    "get-invoice-line" Get "GET" "InvoiceLine" "InvoiceLine/{id}", &[get("InvoiceLine")], NONE, "Read one line.", "", &[("id", "610001")], "";
    "list-payments" List "GET" "PaymentTransaction" "PaymentTransaction", &[created()], NONE, "List payments, refunds and deposits.",
        "No search by patient or invoice. Rows `Discount` and `Failed` are no money.", &[("created", "ge2026-03-01")], "";
    "get-payment" Get "GET" "PaymentTransaction" "PaymentTransaction/{id}", &[get("PaymentTransaction")], NONE, "Read one payment.", "", &[("id", "620001")], "";
}
7 {
    "list-referrals" List "GET" "Referral" "Referral", &[
        may("patient", PATIENT, Scope("subject", "subject"), "whose"),
        may("coverage", Reference(&["Coverage"]), Scope("coverage", "coverage"), "under which claim details"),
        created(),
        may("sort", Sort(&["_lastUpdated", "created"]), Query("_sort"), "order"),
        may("include", OneOf(&["Referral:subject", "Referral:coverage"]), Query("_include"), "what else is fetched"),
    ], NONE, "Search referrals.", "`active` stays true after the end of the period.", &[("patient", "900001")], "";
    "get-referral" Get "GET" "Referral" "Referral/{id}", &[get("Referral")], NONE, "Read one referral.", "Used sessions may exceed the limit.", &[("id", "870001")], "";
    "create-referral" Create "POST" "Referral" "Referral", &[
        may("patient", PATIENT, Member("/subject"), "whose"),
        may("coverage", Reference(&["Coverage"]), Member("/coverage"), "claim details"),
        may("performer", PRACTITIONER, Member("/performer"), "who treats, PR-"),
        may("requester", ROLE, Member("/requester"), "who referred, EP-"),
        may("definition", Reference(&["ReferralDefinition"]), Member("/referralDefinition"), "kind of referral"),
        may("from", Date, Member("/period/start"), "valid from"),
        may("to", Date, Member("/period/end"), "valid until"),
        may("sessions", Number(1, 1000), Member("/limitQuantity/quantity/value"), "sessions allowed"),
        may("preferred", Flag, Member("/priority"), "the one to use first"),
        may("comment", Text, Member("/comment"), "comment"),
    ], Rules { needs: &[("/subject", "give --patient")], passed_over: &[], only: &[], together: Some(s::attachments) },
        "Make a referral.", "Later only files can be added.",
        &[("patient", "900001"), ("performer", "PR-500001"), ("from", "2026-03-01"), ("sessions", "10")], "";
    "add-referral-files" Update "PATCH" "Referral" "Referral/{id}", &[get("Referral")],
        Rules { needs: &[("/attachments", "put `\"attachments\": [{contentType, data, title}]` into --body")], passed_over: &[], only: &["attachments"], together: Some(s::attachments) },
        "Add files to a referral.", "Files are added to those there are, and never shown again; nothing else can be changed.",
        &[("id", "870001")], r#"{"attachments":[{"contentType":"application/pdf","title":"Referral","data":"JVBERi0xLjQK"}]}"#;
    "list-referral-definitions" List "GET" "ReferralDefinition" "ReferralDefinition", &[], NONE, "List kinds of referrals.", "", &[], "";
    "get-referral-definition" Get "GET" "ReferralDefinition" "ReferralDefinition/{id}", &[get("ReferralDefinition")], NONE, "Read one kind of referral.", "", &[("id", "880001")], "";
}
8 {
    "create-note" Create "POST" "DocumentReference" "DocumentReference", &[
        may("patient", PATIENT, Member("/subject"), "about whom"),
        may("author", ROLE, Member("/author/0"), "who wrote it: a role of the practice, PR-"),
        may("status", OneOf(&["preliminary", "final"]), Member("/docStatus"), "draft or published"),
        may("title", Text, Member("/description"), "title"),
        may("date", Instant, Member("/date"), "when"),
    ], Rules { needs: &[("/subject", "give --patient"), ("/docStatus", "give --status preliminary or --status final"),
            ("/description", "give --title"), ("/content", "put `\"content\": [{\"attachment\": {contentType, data}}]` into --body")],
        passed_over: &[], only: &[], together: Some(s::note) },
        "Write a clinical note.", "Notes can never be read back, listed or removed. The text goes into --body only, so that no shell keeps it.",
        &[("patient", "900001"), ("author", "PR-700001"), ("status", "preliminary"), ("title", "Summary")],
        r#"{"content":[{"attachment":{"contentType":"text/html","data":"<p>Synthetic note.</p>"}}]}"#;
}
9 {
    "show-capabilities" Special "GET" "CapabilityStatement" "metadata", &[], NONE, "What each resource permits.", "", &[], "";
    "list-search-parameters" List "GET" "SearchParameter" "SearchParameter", &[], NONE, "What can be searched for.", "", &[], "";
}
}
