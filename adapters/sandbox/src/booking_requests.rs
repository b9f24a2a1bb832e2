//! What people do with the plain CRM's booking requests.

use serde_json::{Map, Value};

use crate::control::ControlError;
use crate::plain::Plain;
use crate::sandbox::{Crm, Sandbox, System};

/// The kind of record; only the plain CRM has it.
pub(crate) const KIND: &str = "booking_requests";

impl Crm {
    /// Its booking requests as it shows them.
    pub(crate) fn booking_requests(&self) -> Result<Vec<Value>, ControlError> {
        match self {
            Crm::Plain(plain) => Ok(plain.bookings.all().collect()),
            Crm::Hubspot(_) => Err(ControlError::NotFound),
        }
    }
}

fn members(body: &Value) -> Result<Map<String, Value>, ControlError> {
    let members = body.as_object().cloned();
    members.ok_or_else(|| ControlError::Refused("a JSON object is expected".into()))
}

fn refused(member: String) -> ControlError {
    ControlError::Refused(format!("{member}: unknown, or no text"))
}

impl Sandbox {
    pub(crate) fn ask_for_booking(&self, body: &Value) -> Result<String, ControlError> {
        let sent = members(body)?;
        self.at_plain(|plain, now| plain.bookings.add(&sent, now).map_err(refused))
    }

    pub(crate) fn change_booking_request(&self, id: &str, patch: &Value) -> Result<(), ControlError> {
        let sent = members(patch)?;
        self.at_plain(
            |plain, now| match plain.bookings.change(id, &sent, now).map_err(refused)? {
                true => Ok(()),
                false => Err(ControlError::NotFound),
            },
        )
    }

    pub(crate) fn drop_booking_request(&self, id: &str) -> Result<(), ControlError> {
        self.at_plain(|plain, _| match plain.bookings.remove(id) {
            true => Ok(()),
            false => Err(ControlError::NotFound),
        })
    }

    fn at_plain<T>(&self, act: impl FnOnce(&mut Plain, i64) -> Result<T, ControlError>) -> Result<T, ControlError> {
        let state = &mut *self.state();
        let now = self.clock().now_micros() + state.ahead(System::Crm);
        match &mut state.crm {
            Crm::Plain(plain) => act(plain, now),
            Crm::Hubspot(_) => Err(ControlError::NotFound),
        }
    }
}
