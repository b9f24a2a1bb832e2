//! The invented practice: what it charges for, who pays, and who works there.

/// How tax treats a fee. GST-free and BAS-excluded both show no tax in Halaxy and differ in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum Treatment {
    /// Ten per cent on top.
    Gst,
    /// No tax, reported.
    GstFree,
    /// No tax, not reported.
    BasExcluded,
}

/// Who owes an invoice, by the way it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum PayerType {
    /// The patient.
    Patient,
    /// Medicare, bulk billed.
    Medicare,
    /// Department of Veterans' Affairs.
    Dva,
    /// An NDIS participant who manages the plan.
    NdisSelf,
    /// An NDIS plan manager.
    NdisPlan,
    /// The NDIS agency.
    NdisAgency,
    /// An insurer.
    Insurer,
    /// An employer or another organisation.
    Organisation,
}

/// A fee, as posting rules need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Fee {
    /// Id of the `ChargeItemDefinition`.
    pub id: &'static str,
    /// Item number; lines carry it, and no other fee has it.
    pub code: &'static str,
    /// Title.
    pub title: &'static str,
    /// Fee category.
    pub category: &'static str,
    /// Its tax.
    pub treatment: Treatment,
    /// Price of a unit without tax, in cents.
    pub cents: i64,
}

macro_rules! fees {
    ($($id:literal $code:literal $title:literal $category:literal $treatment:ident $cents:literal;)*) => {
        /// All fees.
        pub const FEES: &[Fee] = &[$(Fee {
            id: $id, code: $code, title: $title, category: $category, treatment: Treatment::$treatment, cents: $cents,
        }),*];
    };
}

fees! {
    "310001" "80110" "Psychology session" "Psychology" GstFree 22_000;
    "310002" "10960" "Physiotherapy visit" "Allied health" GstFree 11_050;
    "310003" "00023" "Standard consult" "Consultations" GstFree 8_995;
    "310004" "00036" "Long consult" "Consultations" GstFree 15_405;
    "310005" "B23" "Bulk-billed consult" "Bulk billing" GstFree 4_285;
    "310006" "B36" "Bulk-billed long consult" "Bulk billing" GstFree 8_295;
    "310007" "DVA10" "Veterans' visit" "Veterans" GstFree 7_480;
    "310008" "15_056" "NDIS support, hour" "NDIS supports" GstFree 19_399;
    "310009" "15_799" "NDIS travel, kilometre" "NDIS travel" GstFree 99;
    "310010" "RPT01" "Report for a third party" "Reports" Gst 35_000;
    "310011" "MSG60" "Remedial massage" "Massage" Gst 9_545;
    "310012" "ORTH" "Orthotic insole" "Products" Gst 4_545;
    "310013" "NOSHOW" "Missed appointment" "Missed appointments" Gst 5_005;
    "310014" "DISB" "Disbursement at cost" "Disbursements" BasExcluded 2_370;
    "310015" "BOND" "Equipment bond" "Bonds held" BasExcluded 10_000;
}

/// Places in [`FEES`] that invoices of a payer type draw from.
pub(super) fn fees_of(payer: PayerType) -> &'static [usize] {
    match payer {
        PayerType::Patient => &[0, 1, 2, 3, 10, 11, 12, 13, 14],
        PayerType::Medicare => &[4, 5],
        PayerType::Dva => &[6],
        PayerType::NdisSelf | PayerType::NdisPlan | PayerType::NdisAgency => &[7, 7, 8, 8, 0],
        PayerType::Insurer => &[0, 1, 9, 13],
        PayerType::Organisation => &[9, 10, 1, 11],
    }
}

/// Payer types by their share of a hundred invoices.
pub(super) const PAYERS: [(PayerType, u32); 8] = [
    (PayerType::Patient, 45),
    (PayerType::Medicare, 20),
    (PayerType::Dva, 5),
    (PayerType::NdisSelf, 6),
    (PayerType::NdisPlan, 8),
    (PayerType::NdisAgency, 4),
    (PayerType::Insurer, 7),
    (PayerType::Organisation, 5),
];

/// Organisations: id, name, and which payer type they are.
pub(super) const ORGANISATIONS: [(&str, &str, PayerType); 11] = [
    ("FD-150001", "Medicare", PayerType::Medicare),
    ("FD-150002", "Department of Veterans' Affairs", PayerType::Dva),
    ("FD-150003", "NDIA", PayerType::NdisAgency),
    ("FD-150011", "Sample Plan Partners", PayerType::NdisPlan),
    ("FD-150012", "Mock Plan Management", PayerType::NdisPlan),
    ("FD-150013", "Test Plan Care", PayerType::NdisPlan),
    ("FD-150021", "Example WorkCover", PayerType::Insurer),
    ("FD-150022", "Specimen Insurance", PayerType::Insurer),
    ("FD-150023", "Fixture Motor Accidents", PayerType::Insurer),
    ("OG-160001", "Placeholder Logistics", PayerType::Organisation),
    ("OG-160002", "Demo Council", PayerType::Organisation),
];

/// A practitioner at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RoleAt {
    /// Id of the `PractitionerRole`.
    pub id: &'static str,
    /// Id of the `Practitioner`.
    pub practitioner: &'static str,
    /// The practitioner's name as Halaxy shows it.
    pub name: &'static str,
    /// Id of the clinic.
    pub location: &'static str,
    /// The fees are the practitioner's own; the practice holds them and takes its service fee.
    pub agent: bool,
}

/// Four practitioners at two clinics; two of them in agent mode.
pub const ROLES: [RoleAt; 8] = [
    role("PR-700001", "PR-500001", "Dr Alex Tester", "CL-200001", false),
    role("PR-700002", "PR-500001", "Dr Alex Tester", "CL-200002", false),
    role("PR-700003", "PR-500002", "Robin Sampler", "CL-200001", false),
    role("PR-700004", "PR-500002", "Robin Sampler", "CL-200002", false),
    role("PR-700005", "PR-500003", "Dr Kim Mocker", "CL-200001", true),
    role("PR-700006", "PR-500003", "Dr Kim Mocker", "CL-200002", true),
    role("PR-700007", "PR-500004", "Jo Placeholder", "CL-200001", true),
    role("PR-700008", "PR-500004", "Jo Placeholder", "CL-200002", true),
];

const fn role(
    id: &'static str,
    practitioner: &'static str,
    name: &'static str,
    location: &'static str,
    agent: bool,
) -> RoleAt {
    RoleAt {
        id,
        practitioner,
        name,
        location,
        agent,
    }
}

/// The clinics: id and name.
pub const LOCATIONS: [(&str, &str); 2] = [("CL-200001", "Sampleton Clinic"), ("CL-200002", "Mockville Clinic")];

/// How patients pay at the desk or later.
pub(super) const DESK: [&str; 6] = ["EFTPOS", "EFTPOS", "Cash", "Braintree", "Direct deposit", "BPAY"];

/// How a payer type pays.
pub(super) fn method_of(payer: PayerType) -> Option<&'static str> {
    match payer {
        PayerType::Patient | PayerType::NdisSelf => None,
        PayerType::Medicare => Some("Medicare"),
        PayerType::Dva => Some("DVA"),
        PayerType::NdisPlan | PayerType::Insurer | PayerType::Organisation => Some("Direct deposit"),
        PayerType::NdisAgency => Some("NDIS"),
    }
}
