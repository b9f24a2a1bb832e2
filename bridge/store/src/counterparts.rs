//! Which record of another system stands for the same entity.

use crate::{
    db::{Among, Args, Columns},
    error::Result,
    open::Store,
};
use std::collections::BTreeMap;

/// A link that waits for a person counts as none: it may be of somebody else.
const COUNTERPARTS: Among = Among {
    head: "SELECT l.remote_id, o.remote_id FROM link l JOIN link o ON o.practice = l.practice AND o.entity = l.entity \
           WHERE o.system = ? AND o.state = 'live' AND o.held = 0 \
           AND l.practice = ? AND l.system = ? AND l.kind = ? AND l.held = 0 AND l.remote_id",
    tail: "",
};

impl Store {
    /// For records of a system and kind, by id: the live record that stands for the same entity in another system, where
    /// there is one and neither link is in doubt.
    ///
    /// # Errors
    /// [`crate::StoreError`] if the store cannot be read.
    pub async fn counterparts(
        &self,
        system: &str,
        kind: &str,
        other: &str,
        ids: &[String],
    ) -> Result<BTreeMap<String, String>> {
        let mut conn = self.read().await?;
        let head = |args: &mut Args| {
            args.text(other).shared(&self.scope.practice).text(system).text(kind);
        };
        let rows = COUNTERPARTS
            .fetch(&mut conn, ids, head, |args, id| {
                args.text(id);
            })
            .await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}
