//! Wrong attempts as all processes of a practice count them: rows of the store under salted digests, since an address could
//! be guessed from a plain one.

use super::AccessError;
use super::chance;
use super::desk::Access;
use super::throttle::{OF_ADDRESS, OF_NAME, ROOM, Wrong};
use bridge_core::Time;
use bridge_store::Tx;

/// Part of the store with wrong attempts.
const WRONG: &str = "access/wrong";
/// Part of the store with what the digests are salted with.
const SALT: &str = "access/salt";
/// Rows that nobody needs any more are looked for once in so many new ones.
const SWEEP: u8 = 32;

impl Access {
    /// Counts an attempt as a wrong one, unless it comes too early: from when on, then.
    pub(super) async fn count(&self, name: &str, from: &str, now: Time) -> Result<Option<Time>, AccessError> {
        let mut tx = self.store.begin().await?;
        let keys = self.wrong_keys(&mut tx, name, from).await?;
        let mut known = vec![];
        for (key, free) in keys.iter().zip([OF_NAME, OF_ADDRESS]) {
            let wrong: Wrong = self.one(WRONG, key).await?.unwrap_or_default();
            if let Some(until) = wrong.until(free, now) {
                return Ok(Some(until));
            }
            known.push(wrong);
        }
        let mut draw = [0];
        self.chance.fill(&mut draw);
        if draw[0] % SWEEP == 0 {
            self.sweep_wrong(&mut tx, now).await?;
        }
        for (key, wrong) in keys.iter().zip(known) {
            self.put(&mut tx, WRONG, key, &wrong.again(now)).await?;
        }
        tx.commit().await?;
        Ok(None)
    }

    /// It was right: the name starts anew, and the address has one wrong attempt less.
    pub(super) async fn right(&self, name: &str, from: &str) -> Result<(), AccessError> {
        self.throttle.right(name, from);
        let mut tx = self.store.begin().await?;
        let [of_name, of_address] = self.wrong_keys(&mut tx, name, from).await?;
        tx.drop_ledger(WRONG, &[of_name]).await?;
        if let Some(wrong) = self.one::<Wrong>(WRONG, &of_address).await? {
            self.put(&mut tx, WRONG, &of_address, &wrong.less()).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn wrong_keys(&self, tx: &mut Tx, name: &str, from: &str) -> Result<[String; 2], AccessError> {
        let salt = match self.one::<String>(SALT, SALT).await? {
            Some(salt) => salt,
            None => {
                let salt = chance::token(&*self.chance);
                self.put(tx, SALT, SALT, &salt).await?;
                salt
            }
        };
        Ok([("name", name), ("from", from)].map(|(of, text)| chance::digest(&format!("{salt}/{of}/{text}"))))
    }

    /// Forgets what is old; the older half, if there is too much of it.
    async fn sweep_wrong(&self, tx: &mut Tx, now: Time) -> Result<(), AccessError> {
        let mut rows: Vec<(String, Wrong)> = self.rows(WRONG).await?;
        rows.sort_by_key(|(_, wrong)| std::cmp::Reverse(wrong.last()));
        let keep = if rows.len() >= ROOM { ROOM / 2 } else { ROOM };
        let gone = rows.into_iter().enumerate();
        let gone = gone.filter(|(place, (_, wrong))| *place >= keep || wrong.old(now));
        let gone: Vec<String> = gone.map(|(_, (key, _))| key).collect();
        Ok(tx.drop_ledger(WRONG, &gone).await?)
    }
}
