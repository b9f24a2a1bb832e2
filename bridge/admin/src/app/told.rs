//! What was shown that is about no single person, such as a report of the books: a line in the history before it is shown, or
//! taken along as a file. A page that looks again by itself adds none while it shows what it showed.

use super::call::Call;
use super::{App, Refused};
use crate::access::Viewed;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Things remembered; then all are forgotten, and lines are written once more.
const MOST: usize = 4_096;

/// What was shown to whom last: by user and thing, its version.
#[derive(Default)]
pub struct Told(Mutex<BTreeMap<(String, String), String>>);

impl Told {
    /// Whether that was shown already, in this version.
    fn knows(&self, of: &(String, String), version: &str) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(of).is_some_and(|known| known == version)
    }

    fn keep(&self, of: (String, String), version: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MOST {
            told.clear();
        }
        told.insert(of, version.into());
    }
}

/// Notes that this is shown. If that fails, nothing may be shown.
///
/// # Errors
/// The store's.
pub async fn shown(app: &App, call: &Call, thing: &str, version: &str) -> Result<(), Refused> {
    let of = (call.known()?.user.id.clone(), thing.to_owned());
    if call.by_itself && app.told.knows(&of, version) {
        return Ok(());
    }
    noted(call, &format!("{thing} was shown")).await?;
    app.told.keep(of, version);
    Ok(())
}

/// Notes that this is taken along as a file.
///
/// # Errors
/// The store's.
pub async fn taken(call: &Call, thing: &str, form: &str) -> Result<(), Refused> {
    noted(call, &format!("{thing} was taken along as {form}")).await
}

async fn noted(call: &Call, words: &str) -> Result<(), Refused> {
    let viewed = Viewed {
        entity: None,
        record: None,
        units: vec![],
    };
    let user = &call.known()?.user;
    Ok(call.shelf.access.viewed(user, words, vec![viewed]).await?)
}
