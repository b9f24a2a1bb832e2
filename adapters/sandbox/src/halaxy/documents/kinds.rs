//! What differs between the kinds of documents: ids, search parameters, orders (halaxy-api.md sections 5 and 7.0).

/// One kind of document.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The resource type.
    pub name: &'static str,
    /// Place among [`KINDS`].
    pub place: usize,
    /// Prefix of new ids.
    pub prefix: &'static str,
    /// The number before that of the first new id.
    pub first: u64,
    /// Search parameters besides `_id` and `_lastUpdated`; what is not here is passed over without a word.
    pub filters: &'static [(&'static str, By)],
    /// What it can be sorted by.
    pub sorts: &'static [&'static str],
    /// Has a member `created` that is given at creation.
    pub dated: bool,
}

/// What a search parameter compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// When it was made.
    Created,
    /// A reference in this member.
    Link(&'static str),
    /// As before, and the value must name the type, or the search is refused (422).
    TypedLink(&'static str),
    /// The funder's extension.
    Funder,
    /// A word in this member, to the letter but for case.
    Word(&'static str),
    /// A text that begins so.
    Text(&'static str),
    /// A code in this concept.
    Code(&'static str),
    /// An amount, with a prefix.
    Amount(&'static str),
    /// The amount of any price component.
    Price,
    /// A moment in this member, with a prefix.
    Moment(&'static str),
    /// Somebody who takes part in an appointment.
    Part,
    /// The status of a patient's part in an appointment.
    PartStatus,
}

macro_rules! kinds {
    ($($place:literal $name:literal $prefix:literal $first:literal $sorts:expr, $dated:literal, $filters:expr;)*) => {
        /// The kinds, in the order of their shelves.
        pub(crate) const KINDS: [Kind; 15] = [$(Kind {
            name: $name, place: $place, prefix: $prefix, first: $first, filters: $filters, sorts: $sorts, dated: $dated,
        }),*];
    };
}

kinds! {
    0 "Organization" "OG-" 160_000 &[], false, &[("name", By::Text("name"))];
    1 "Practitioner" "PR-" 500_000 &[], false, &[];
    2 "PractitionerRole" "PR-" 700_000 &[], false,
        &[("practitioner", By::Link("practitioner")), ("organization", By::Link("organization"))];
    3 "ChargeItemDefinition" "" 310_000 &[], false,
        &[("title", By::Text("title")), ("code", By::Code("code")), ("publisher", By::Text("publisher")),
          ("created", By::Created)];
    4 "Coverage" "" 850_000 &[], false,
        &[("beneficiary", By::Link("beneficiary")), ("patient", By::Link("beneficiary"))];
    5 "Invoice" "" 600_000 &["created"], true,
        &[("status", By::Word("status")), ("created", By::Created), ("recipient", By::TypedLink("recipient")),
          ("practitioner-role", By::Link("practitioner")), ("total-paid", By::Amount("totalPaid")),
          ("total-balance", By::Amount("totalBalance"))];
    6 "InvoiceLine" "" 610_000 &[], false,
        &[("invoice", By::Link("invoice")), ("subject", By::Link("subject")), ("performer", By::Link("performer")),
          ("coverage", By::Link("coverage")), ("referral", By::Link("referral")), ("funder", By::Funder),
          ("amount", By::Price), ("created", By::Created)];
    7 "PaymentTransaction" "" 620_000 &[], true, &[("created", By::Created)];
    8 "Appointment" "" 400_000 &["date"], true,
        &[("date", By::Moment("start")), ("patient", By::Part), ("practitioner-role", By::Part),
          ("part-status", By::PartStatus), ("created", By::Created)];
    9 "Schedule" "" 810_000 &[], false, &[];
    10 "Slot" "" 820_000 &[], false,
        &[("start", By::Moment("start")), ("end", By::Moment("end")), ("status", By::Word("status")),
          ("schedule", By::Link("schedule")), ("practitioner-role", By::Link("actor"))];
    11 "HealthcareService" "" 300_000 &[], false, &[];
    12 "Referral" "" 870_000 &["created"], true,
        &[("subject", By::Link("subject")), ("coverage", By::Link("coverage")), ("created", By::Created)];
    13 "ReferralDefinition" "" 880_000 &[], false, &[];
    14 "DocumentReference" "" 890_000 &[], false, &[];
}

/// Invoices.
pub(crate) const INVOICE: &Kind = &KINDS[5];
/// Lines.
pub(crate) const LINE: &Kind = &KINDS[6];
/// Payments.
pub(crate) const PAYMENT: &Kind = &KINDS[7];

/// Practitioners at a place.
pub(crate) const ROLE: &Kind = &KINDS[2];
/// Fees.
pub(crate) const FEE: &Kind = &KINDS[3];
/// Appointments.
pub(crate) const APPOINTMENT: &Kind = &KINDS[8];
/// Schedules.
pub(crate) const SCHEDULE: &Kind = &KINDS[9];
/// Slots.
pub(crate) const SLOT: &Kind = &KINDS[10];

/// The kind of that name.
pub(crate) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
