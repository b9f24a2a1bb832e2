//! Taking one write back.

use crate::error::EngineError;
use crate::step::Engine;
use crate::take_back::KEPT;
use bridge_core::undo::undo_write;
use bridge_core::{Lane, Time, Values};
use bridge_store::AuditEntry;

fn no(why: &str) -> EngineError {
    EngineError::NotPossible(why.into())
}

impl Engine {
    /// Takes back the write that was sent to a system at a moment, as the history tells of it: what stood there before
    /// is put back with the next step, and held there. Returns the units.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] if there was none, [`EngineError::NotPossible`] if it is older than 30 days, was not taken
    /// by the system or created the record, [`EngineError::Decision`] if somebody edited the record since.
    pub async fn take_back_write(
        &self,
        id: &str,
        system: &str,
        at: Time,
        by: &str,
    ) -> Result<Vec<String>, EngineError> {
        let now = self.clock.now();
        if now - at > crate::deliver::micros(KEPT) {
            return Err(no("writes can be taken back for 30 days; this one is older"));
        }
        let audit = self.store.audit(id).await?;
        let mut lines = audit.iter().filter(|e| e.system.as_deref() == Some(system));
        let sent = lines.find(|e| e.event == "sent" && e.at == at);
        let sent = sent.ok_or_else(|| EngineError::NotFound(format!("a write to {system} at that moment")))?;
        let taken = lines.find(|e| e.event == "sent" || e.event == "applied");
        if taken.is_none_or(|e| e.event != "applied") {
            return Err(no("the system did not take this write"));
        }
        let values = |member: &str| -> Values {
            let body = sent.body.as_ref().and_then(|body| body.get(member)).cloned();
            body.and_then(|body| serde_json::from_value(body).ok())
                .unwrap_or_default()
        };
        if sent.remote_id.is_none() {
            return Err(no(
                "the record was created; archive it there, nothing is removed from here",
            ));
        }
        let mut tx = self.store.begin().await?;
        let Some(before) = tx.entities(&[id.to_string()]).await?.pop() else {
            return Err(EngineError::NotFound(format!("entity {id}")));
        };
        let mut after = before.clone();
        let units = undo_write(
            &self.settings.schema,
            &mut after,
            system,
            &values("sent"),
            &values("before"),
        )?;
        if units.is_empty() {
            return Err(no("it is not known what stood there before"));
        }
        if !tx
            .save_entities(&[(Some(before), after)], Lane::Requested, now)
            .await?
            .is_empty()
        {
            return Err(EngineError::Changed);
        }
        tx.append_audit(&[AuditEntry {
            at: now,
            entity: Some(id.into()),
            system: Some(system.into()),
            event: "taken back".into(),
            units: units.clone(),
            reason: format!("by {by}, what was written"),
            ..AuditEntry::default()
        }])
        .await?;
        tx.commit().await?;
        self.bell.notify_one();
        Ok(units)
    }
}
