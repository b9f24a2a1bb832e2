//! What of patients' appointments and invoices the desk may show: whatever the configuration follows.

use crate::config::{Config, HALAXY};
use crate::ledger::currency_of;
use adapter_halaxy::{HalaxyMirror, MoneyReader};
use bridge_engine::affairs::{AffairsReader, AffairsSettings, Invoices};
use bridge_store::Store;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Reads what is followed; nothing where the home system is another product than Halaxy.
pub fn reader(config: &Config, store: Store) -> Option<AffairsReader> {
    let home = config
        .systems
        .get(&config.home)
        .filter(|home| home.connector == HALAXY)?;
    let mirrored = |kind: &str| config.mirror.kinds.contains(kind);
    let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
    let settings = AffairsSettings {
        system: config.home.clone(),
        kind: home.mapping.kind.clone(),
        rules: Arc::new(HalaxyMirror),
        reader: Arc::new(MoneyReader::new(zone.clone(), currency_of(config.country.code()))),
        zone,
        statuses: config
            .diary
            .as_ref()
            .map(|diary| diary.rules.statuses.clone())
            .unwrap_or_default(),
        appointments: mirrored("Appointment"),
        invoices: match &config.ledger {
            Some(_) => Some(Invoices::Ledger),
            None => mirrored("Invoice").then_some(Invoices::Mirror),
        },
    };
    Some(AffairsReader::new(store, settings))
}
