//! Posting rules that cover the whole invented practice.

use adapter_sandbox::Sandbox;
use adapter_sandbox::practice_month::{FEES, PayerType, ROLES, Treatment};
use bridge_core::ledger::Rules;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const METHODS: [&str; 9] = [
    "EFTPOS",
    "HICAPS",
    "Medicare",
    "DVA",
    "NDIS",
    "Cash",
    "Braintree",
    "Direct deposit",
    "BPAY",
];

/// How invoices are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// Each by itself.
    Invoice,
    /// All in daily summaries.
    Summary,
    /// Patients in daily summaries, all others each by itself.
    Hybrid,
    /// Each by itself, money straight into bank accounts: what is paid in advance or too much goes the books' bank way.
    Banks,
}

impl Modes {
    /// All of them.
    pub const ALL: [Modes; 4] = [Modes::Invoice, Modes::Summary, Modes::Hybrid, Modes::Banks];

    /// Whether invoices of that payer (`Patient/900001`) are in daily summaries; for some type of payer, or money that is
    /// for no invoice.
    pub fn sums(self, payer: &str, of: Option<PayerType>) -> bool {
        match self {
            Modes::Invoice | Modes::Banks => false,
            Modes::Summary => true,
            // Of a participant whose plan is managed the manager pays.
            Modes::Hybrid => payer.starts_with("Patient/") && of != Some(PayerType::NdisPlan),
        }
    }

    /// Whether any are.
    pub fn summarises(self) -> bool {
        matches!(self, Modes::Summary | Modes::Hybrid)
    }

    /// The account that money of a method arrives in.
    pub fn clearing_of(self, method: &str) -> String {
        let clearing = clearing_of(method);
        match self {
            Modes::Banks => clearing.replacen("65", "66", 1),
            _ => clearing.to_owned(),
        }
    }

    fn toml(self) -> &'static str {
        match self {
            Modes::Invoice | Modes::Banks => "{}",
            Modes::Summary => r#"{ other = "summary" }"#,
            Modes::Hybrid => r#"{ patient = "summary", ndis_self = "summary", other = "invoice" }"#,
        }
    }
}

/// The account that a fee category is coded to.
pub fn account_of(category: &str) -> String {
    let categories: BTreeSet<&str> = FEES.iter().map(|fee| fee.category).collect();
    let place = categories.iter().position(|known| *known == category).unwrap();
    format!("{}", 211 + place)
}

/// The clearing account of a method.
fn clearing_of(method: &str) -> &'static str {
    match method {
        "EFTPOS" => "651",
        "HICAPS" => "652",
        "Medicare" => "653",
        "DVA" => "654",
        "NDIS" => "655",
        "Cash" => "656",
        "Braintree" => "657",
        "Direct deposit" | "BPAY" => "658",
        other => panic!("no such method: {other}"),
    }
}

/// The account that holds an agent's fees, by role.
pub fn held_of(role: &str) -> &'static str {
    match ROLES.iter().find(|of| of.id == role).unwrap().practitioner {
        "PR-500003" => "851",
        _ => "852",
    }
}

/// Accounts that the practice's bookkeeper adds to the chart.
pub(super) fn furnish(sandbox: &Sandbox) {
    let mut accounts: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for fee in FEES {
        let kind = if fee.category == "Bonds held" {
            "CURRLIAB"
        } else {
            "REVENUE"
        };
        accounts.insert(account_of(fee.category), (fee.category, kind));
    }
    accounts.insert("630".into(), ("Patient debtors", "CURRENT"));
    accounts.insert("658".into(), ("Transfer Clearing", "CURRENT"));
    for method in METHODS {
        accounts.insert(Modes::Banks.clearing_of(method), (method, "BANK"));
    }
    for (code, (name, kind)) in accounts {
        let body = json!({"Code": code, "Name": name, "Type": kind, "TaxType": "BASEXCLUDED",
            "EnablePaymentsToAccount": kind == "CURRENT"});
        sandbox.person_create("books", "accounts", &body).unwrap();
    }
}

/// The rules of the whole practice.
pub fn rules(modes: Modes) -> Rules {
    let mut text = format!(
        r#"
start_from = "2026-09-01"
mode = {}
rounding_cents = 1
[accounts]
bad_debts = "406"
deposits = "850"
patient_debtors = "630"
rounding = "860"
opening = "970"
no_tax = "BASEXCLUDED"
[tracking.Practitioner]
by = "practitioner"
options = {{ PR-500001 = "Dr Alder", PR-500002 = "Dr Banksia", PR-500003 = "Dr Casuarina", PR-500004 = "Dr Dryandra" }}
[tracking.Location]
by = "location"
options = {{ CL-200001 = "Sampleton", CL-200002 = "Testville" }}
[[organisation]]
organisation = ["FD-150023"]
payer = "organisation"
[[organisation]]
organisation = ["FD-150011", "FD-150012", "FD-150013"]
payer = "ndis_plan"
[[practitioner]]
practitioner = ["PR-500003"]
name = "Dr Kim Mocker"
standing = "agent"
held_account = "851"
[[practitioner]]
practitioner = ["PR-500004"]
name = "Jo Placeholder"
standing = "agent"
held_account = "852"
"#,
        modes.toml()
    );
    for method in METHODS {
        text += &format!(
            "[[method]]\nmethod = [\"{method}\"]\naccount = \"{}\"\n",
            modes.clearing_of(method)
        );
    }
    for fee in FEES {
        let tax = match fee.treatment {
            Treatment::Gst => "OUTPUT",
            Treatment::GstFree => "EXEMPTOUTPUT",
            Treatment::BasExcluded => "BASEXCLUDED",
        };
        let (item, account) = (fee.code, account_of(fee.category));
        text += &format!("[[rule]]\nitem = [\"{item}\"]\naccount = \"{account}\"\ntax = \"{tax}\"\n");
    }
    Rules::parse("ledger.toml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}
