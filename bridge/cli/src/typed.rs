//! Values that a person types, by the configuration's units.

use crate::config::Config;
use bridge_core::{Value, typed};

/// As [`bridge_core::typed::value`], for the units and the country of a configuration.
///
/// # Errors
/// What is wrong with the text and how to write it. The text itself is not repeated.
pub fn value(config: &Config, unit: &str, text: &str) -> Result<Value, String> {
    typed::value(&config.entity, config.country, unit, text)
}
