//! The write transaction: its life, and what it does to links.

use crate::{
    body::{Scope, spread},
    codes,
    db::{Among, Args, Insert},
    error::Result,
    pool::Conn,
    records::{Found, LinkRow, LookupKey},
};
use bridge_core::{Entity, Lane, Link, Time};
use std::collections::BTreeSet;

/// The write transaction. A practice has one at a time; dropped without [`Tx::commit`] it leaves nothing.
pub struct Tx {
    pub(crate) inner: Conn,
    pub(crate) scope: Scope,
}

/// The `entity` of a stored link stays: membership changes only together with the entities.
pub(crate) const OBSERVED: Insert = Insert {
    head: "INSERT INTO link (practice, system, kind, remote_id, entity, generation, state, known_at, look, asked, held, body)",
    columns: 12,
    tail: "ON CONFLICT (practice, system, kind, remote_id) DO UPDATE SET generation = excluded.generation, state = excluded.state, \
           known_at = excluded.known_at, look = excluded.look, asked = excluded.asked, held = excluded.held, body = excluded.body",
};
const DIRTY: Among = Among {
    head: "UPDATE entity SET revision = revision + 1, dirty_since = CASE WHEN dirty = 1 THEN dirty_since ELSE ? END, \
           lane = CASE WHEN dirty = 1 AND lane < ? THEN lane ELSE ? END, dirty = 1 WHERE practice = ? AND id",
    tail: "",
};
const TOUCHED: Among = Among {
    head: "UPDATE entity SET revision = revision + 1 WHERE practice = ? AND id",
    tail: "",
};

impl Tx {
    pub(crate) fn parts(&mut self) -> (&mut Conn, &Scope) {
        (&mut self.inner, &self.scope)
    }

    /// Makes everything done in this transaction lasting, all or nothing.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await
    }

    /// Leaves nothing of what was done in this transaction. Dropping does the same a little later.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await
    }

    /// As [`crate::Store::entities`], within this transaction.
    pub async fn entities(&mut self, ids: &[String]) -> Result<Vec<Entity>> {
        let (conn, scope) = self.parts();
        scope.entities(conn, ids).await
    }

    /// As [`crate::Store::links`], within this transaction.
    pub async fn links(&mut self, system: &str, kind: &str, remote_ids: &[String]) -> Result<Vec<LinkRow>> {
        let (conn, scope) = self.parts();
        scope.links(conn, system, kind, remote_ids).await
    }

    /// As [`crate::Store::entity_of`], within this transaction.
    pub async fn entity_of(&mut self, system: &str, kind: &str, remote_id: &str) -> Result<Option<String>> {
        let (conn, scope) = self.parts();
        scope.entity_of(conn, system, kind, remote_id).await
    }

    /// As [`crate::Store::find_keys`], within this transaction.
    pub async fn find_keys(&mut self, keys: &[LookupKey]) -> Result<Vec<Found>> {
        let (conn, scope) = self.parts();
        scope.find_keys(conn, keys).await
    }

    /// Saves what was observed of records, new or known, loaded in this same transaction. Their
    /// entities get the next revision and wait for reconcile in `lane`, unless they wait in an
    /// earlier lane already. Never changes which entity a known record belongs to: that is
    /// [`Tx::save_entities`].
    pub async fn save_links(&mut self, links: &[Link], lane: Lane, now: Time) -> Result<()> {
        self.upsert_links(links).await?;
        self.mark_dirty(&owners(links), lane, now).await
    }

    /// As [`Tx::save_links`] for facts that call for no reconcile (a read that showed nothing
    /// new, a look asked for): the entities get the next revision only.
    pub async fn touch_links(&mut self, links: &[Link]) -> Result<()> {
        self.upsert_links(links).await?;
        let (conn, scope) = self.parts();
        let practice = |args: &mut Args| {
            args.shared(&scope.practice);
        };
        TOUCHED
            .run(conn, &owners(links), practice, |args, id| {
                args.text(id);
            })
            .await?;
        Ok(())
    }

    /// Lets reconcile judge these entities again.
    pub async fn mark_dirty(&mut self, ids: &[String], lane: Lane, now: Time) -> Result<()> {
        let (conn, scope) = self.parts();
        let lane = codes::lane(lane);
        DIRTY
            .run(
                conn,
                ids,
                |args| {
                    args.int(now).int(lane).int(lane).shared(&scope.practice);
                },
                |args, id| {
                    args.text(id);
                },
            )
            .await?;
        Ok(())
    }

    async fn upsert_links(&mut self, links: &[Link]) -> Result<()> {
        let (conn, scope) = self.parts();
        let rows = spread(links.iter().collect(), |link| (link, scope.seal_link(link)));
        OBSERVED
            .run(conn, rows, |args, (link, body)| {
                bind_link(args, scope, link, None, body)
            })
            .await?;
        Ok(())
    }
}

pub(crate) fn bind_link(args: &mut Args, scope: &Scope, link: &Link, entity: Option<&str>, body: Vec<u8>) {
    args.shared(&scope.practice)
        .text(&link.system)
        .text(&link.kind)
        .text(&link.remote_id)
        .text_or_null(entity)
        .int(link.generation)
        .text(codes::link_state(link.state))
        .int(link.known_at)
        .int(link.look.into())
        .int(link.asked)
        .int((link.held.is_some() || link.units.values().any(|unit| unit.held.is_some())).into())
        .blob(body);
}

fn owners(links: &[Link]) -> Vec<String> {
    links
        .iter()
        .filter_map(|link| link.entity.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
