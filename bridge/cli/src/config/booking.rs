//! `[booking]`: how appointments are booked, and where requests are taken from.

use super::SystemConfig;
use super::reader::{Reader, Table};
use bridge_core::Class;
use bridge_core::booking::Defaults;
use bridge_core::booking::request::{LOCATIONS, LONGEST};
use bridge_core::config_problem::Keys;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often requests are looked for unless said otherwise.
const EVERY: Duration = Duration::from_secs(30);

/// How appointments are booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingConfig {
    /// Whether there is such a section: only then the service goes on with requests by itself.
    pub said: bool,
    /// The system that requests are taken from, if any.
    pub from: Option<String>,
    /// How often requests are looked for, and open ones gone on with.
    pub every: Duration,
    /// What is asked for unless a request says otherwise, and names for ids.
    pub defaults: Defaults,
    /// Parameter of `$book` that refuses a second booking of one time, where the account is known to take one.
    pub refuse_double: Option<String>,
}

impl Default for BookingConfig {
    fn default() -> Self {
        BookingConfig {
            said: false,
            from: None,
            every: EVERY,
            defaults: Defaults::default(),
            refuse_double: None,
        }
    }
}

impl<'s> Reader<'s> {
    pub(super) fn booking(
        &mut self,
        table: Option<Table<'_, 's>>,
        systems: &BTreeMap<String, SystemConfig>,
    ) -> BookingConfig {
        let mut booking = BookingConfig::default();
        let Some((table, span)) = table else {
            return booking;
        };
        booking.said = true;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let from = keys.optional_text("from");
        let every = keys.optional_text("every");
        let minutes = keys.optional("minutes");
        let location = keys.optional_text("location");
        let mut text = |key| keys.optional_text(key).map(|(text, _)| text.to_string());
        booking.defaults.role = text("practitioner");
        booking.defaults.service = text("service");
        booking.defaults.fee = text("fee");
        booking.refuse_double = text("refuse_double");
        let names = keys.optional("names");
        self.problems.extend(keys.finish());
        if let Some((name, at)) = from {
            let system = systems.get(name);
            let takes = system.is_some_and(|system| system.file.as_ref().is_some_and(|file| file.requests.is_some()));
            if !takes {
                self.note(
                    at,
                    format!("bookings cannot be asked for in `{name}`"),
                    "Name a system whose connector has a section [requests], e.g. one with connector = \"hubspot\".",
                );
            } else if system.is_some_and(|system| !system.may_receive.contains(&Class::Appointment)) {
                self.note(
                    at,
                    format!("`{name}` may not be told of appointments, and answers to requests name them"),
                    format!("Add \"appointment\" to may_receive in [systems.{name}]."),
                );
            } else {
                booking.from = Some(name.to_string());
            }
        }
        booking.every = self
            .duration("every", every)
            .unwrap_or(EVERY)
            .max(Duration::from_secs(1));
        if let Some(value) = minutes {
            let read = value
                .get_ref()
                .as_integer()
                .and_then(|n| n.as_str().parse::<u32>().ok());
            booking.defaults.minutes = read.filter(|minutes| (1..=LONGEST).contains(minutes));
            if booking.defaults.minutes.is_none() {
                self.note(
                    value.span(),
                    "`minutes` must be a number from 1 to 1440",
                    "Write minutes = 60.",
                );
            }
        }
        if let Some((location, at)) = location {
            match LOCATIONS.contains(&location) {
                true => booking.defaults.location = Some(location.to_string()),
                false => self.note(
                    at,
                    format!("`{location}` is no location"),
                    format!("Choose among {}.", LOCATIONS.join(", ")),
                ),
            }
        }
        if let Some(value) = names {
            let Some(table) = value.get_ref().as_table() else {
                let example = "Write names = { \"Dr Tester\" = \"PR-700001\" }.";
                self.note(value.span(), "`names` must be a table", example);
                return booking;
            };
            for (name, id) in table.iter() {
                match id.get_ref().as_str() {
                    Some(id) => drop(
                        booking
                            .defaults
                            .names
                            .insert(name.get_ref().to_string(), id.to_string()),
                    ),
                    None => self.note(
                        id.span(),
                        "a name must stand for an id",
                        "Write \"Dr Tester\" = \"PR-700001\".",
                    ),
                }
            }
        }
        booking
    }
}
