//! What people do with the CRM's companies.

use serde_json::Value;

use crate::control::{Author, ControlError};
use crate::plain::member_at_fault;
use crate::sandbox::{Crm, Sandbox};

/// Whether a system and kind name the CRM's companies.
pub(crate) fn are_companies(system: &str, kind: &str) -> bool {
    (system, kind) == ("crm", "companies")
}

impl Crm {
    /// Its companies as it shows them.
    pub(crate) fn company_records(&self, with_removed: bool) -> Vec<Value> {
        match self {
            Crm::Hubspot(hubspot) => hubspot
                .companies
                .as_ref()
                .map(|all| all.records(with_removed))
                .unwrap_or_default(),
            Crm::Plain(plain) => plain.companies.all(with_removed),
        }
    }
}

impl Sandbox {
    pub(crate) fn create_company(&self, body: &Value) -> Result<String, ControlError> {
        self.at_crm(|crm, cx| match (crm, body.as_object()) {
            (Crm::Hubspot(hubspot), _) => match &mut hubspot.companies {
                Some(all) => all.person_create(body, Author::Person, cx),
                None => Err(ControlError::NotFound),
            },
            (Crm::Plain(plain), Some(sent)) => plain.companies.add(sent, cx.now).map_err(member_at_fault),
            (Crm::Plain(_), None) => Err(ControlError::Refused("a JSON object is expected".into())),
        })
    }

    pub(crate) fn edit_company(&self, id: &str, patch: &Value) -> Result<(), ControlError> {
        self.at_crm(|crm, cx| match (crm, patch.as_object()) {
            (Crm::Hubspot(hubspot), _) => match &mut hubspot.companies {
                Some(all) => all.person_edit(id, patch, Author::Person, cx),
                None => Err(ControlError::NotFound),
            },
            (Crm::Plain(plain), Some(sent)) => {
                let there = plain.companies.change(id, sent, cx.now).map_err(member_at_fault)?;
                there.then_some(()).ok_or(ControlError::NotFound)
            }
            (Crm::Plain(_), None) => Err(ControlError::Refused("a JSON object is expected".into())),
        })
    }

    pub(crate) fn delete_company(&self, id: &str) -> Result<(), ControlError> {
        self.at_crm(|crm, cx| match crm {
            Crm::Hubspot(hubspot) => match &mut hubspot.companies {
                Some(all) => all.person_delete(id, cx),
                None => Err(ControlError::NotFound),
            },
            Crm::Plain(plain) => {
                let there = plain.companies.remove(id, cx.now);
                there.then_some(()).ok_or(ControlError::NotFound)
            }
        })
    }
}
