//! Where an account's refresh token lives when it changes with every use: sealed, in the store.

use adapter_kit::{TokenStore, TokenStoreError};
use async_trait::async_trait;
use bridge_core::Time;
use bridge_store::Store;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The latest refresh token of one account. It descends from the token in the configuration; when
/// somebody connects the account anew and configures another, the kept one counts for nothing.
pub struct KeptToken {
    store: Store,
    name: String,
    origin: String,
    /// Another process renews it; this one only reads the access token beside it.
    beside: bool,
}

impl KeptToken {
    /// For that system, whose configured first token is `configured`.
    pub fn new(store: &Store, system: &str, configured: Option<&SecretString>) -> Self {
        let text = configured.map_or("", |token| token.expose_secret());
        let digest = Sha256::digest(text);
        Self {
            store: store.clone(),
            name: format!("refresh_token/{system}"),
            origin: bridge_core::hex(&digest),
            beside: false,
        }
    }

    /// For a process beside the one that drives: it never renews.
    pub fn beside(self) -> Self {
        Self { beside: true, ..self }
    }

    /// Whether there is a token at all.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the store does not answer.
    pub async fn is_there(&self) -> Result<bool, TokenStoreError> {
        Ok(self.kept().await?.is_some())
    }

    async fn kept(&self) -> Result<Option<SecretString>, TokenStoreError> {
        let kept = self.store.secret(&self.name).await.map_err(failed)?;
        let token = kept.as_deref().and_then(|kept| kept.split_once('\n'));
        Ok(token
            .filter(|(origin, _)| *origin == self.origin)
            .map(|(_, token)| token.into()))
    }

    async fn put(&self, name: &str, kept: &str) -> Result<(), TokenStoreError> {
        let mut tx = self.store.begin().await.map_err(failed)?;
        tx.put_secret(name, kept).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    fn access_name(&self) -> String {
        self.name.replacen("refresh_token", "access_token", 1)
    }
}

#[async_trait]
impl TokenStore for KeptToken {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        let kept = self.kept().await?;
        if self.beside && kept.is_some() {
            return Err(TokenStoreError("the running service renews this sign-in".into()));
        }
        Ok(kept)
    }

    async fn store(&self, refresh_token: &SecretString) -> Result<(), TokenStoreError> {
        let kept = format!("{}\n{}", self.origin, refresh_token.expose_secret());
        self.put(&self.name, &kept).await
    }

    async fn access(&self) -> Option<(SecretString, Time)> {
        let kept = self.store.secret(&self.access_name()).await.ok()??;
        let mut parts = kept.splitn(3, '\n');
        let (origin, until, token) = (parts.next()?, parts.next()?, parts.next()?);
        let until = until.parse().ok()?;
        (origin == self.origin).then(|| (token.into(), until))
    }

    async fn keep_access(&self, token: &SecretString, until: Time) {
        let kept = format!("{}\n{until}\n{}", self.origin, token.expose_secret());
        // Without it others wait, and the next start renews once more.
        if self.put(&self.access_name(), &kept).await.is_err() {
            tracing::warn!("an access token could not be kept");
        }
    }
}

fn failed(error: bridge_store::StoreError) -> TokenStoreError {
    TokenStoreError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_store::Key;

    #[tokio::test]
    async fn a_rotated_token_survives_and_a_newly_configured_one_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let key = Key::generate();
        let open = async || Store::open(&url, &key, "clinic", 0).await.unwrap();
        let shown = |token: Option<SecretString>| token.map(|t| t.expose_secret().to_string());
        let (first, second) = (SecretString::from("first"), SecretString::from("second"));

        let store = open().await;
        let kept = KeptToken::new(&store, "crm", Some(&first));
        assert_eq!(
            shown(kept.load().await.unwrap()),
            None,
            "the configured one is used first"
        );
        kept.store(&"rotated".into()).await.unwrap();
        store.close().await;

        let store = open().await;
        let again = KeptToken::new(&store, "crm", Some(&first));
        assert_eq!(shown(again.load().await.unwrap()).as_deref(), Some("rotated"));
        let other = KeptToken::new(&store, "books", Some(&first));
        assert_eq!(shown(other.load().await.unwrap()), None);
        let anew = KeptToken::new(&store, "crm", Some(&second));
        assert_eq!(shown(anew.load().await.unwrap()), None, "connected anew");
    }

    #[tokio::test]
    async fn beside_the_driver_the_access_token_is_read_and_never_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let store = Store::open(&url, &Key::generate(), "clinic", 0).await.unwrap();
        let client = SecretString::from("client");
        let driver = KeptToken::new(&store, "books", Some(&client));
        assert!(!driver.is_there().await.unwrap());
        driver.store(&"refresh".into()).await.unwrap();
        driver.keep_access(&"access".into(), 77).await;
        let beside = KeptToken::new(&store, "books", Some(&client)).beside();
        let (token, until) = beside.access().await.unwrap();
        assert_eq!((token.expose_secret(), until), ("access", 77));
        assert!(beside.load().await.is_err() && beside.is_there().await.unwrap());
        let other = KeptToken::new(&store, "books", Some(&"another client".into()));
        assert!(other.access().await.is_none() && !other.is_there().await.unwrap());
    }
}
