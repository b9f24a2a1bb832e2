//! Posting rules that cover the whole invented practice.

use adapter_sandbox::Sandbox;
use adapter_sandbox::practice_month::{FEES, ROLES, Treatment};
use bridge_core::ledger::Rules;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// How invoices are posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// Each by itself.
    Invoice,
    /// All in daily summaries.
    Summary,
    /// Patients in daily summaries, all others each by itself.
    Hybrid,
}

impl Modes {
    /// All of them.
    pub const ALL: [Modes; 3] = [Modes::Invoice, Modes::Summary, Modes::Hybrid];

    /// Whether invoices of that payer (`Patient/900001`) are in daily summaries.
    pub fn sums(self, payer: &str) -> bool {
        match self {
            Modes::Invoice => false,
            Modes::Summary => true,
            Modes::Hybrid => payer.starts_with("Patient/"),
        }
    }

    fn toml(self) -> &'static str {
        match self {
            Modes::Invoice => "{}",
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
pub fn clearing_of(method: &str) -> &'static str {
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
    let methods = [
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
    for method in methods {
        text += &format!(
            "[[method]]\nmethod = [\"{method}\"]\naccount = \"{}\"\n",
            clearing_of(method)
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
