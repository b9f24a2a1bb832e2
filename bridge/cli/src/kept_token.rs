//! Where an account's refresh token lives when it changes with every use: sealed, in the store.

use adapter_kit::{TokenStore, TokenStoreError};
use async_trait::async_trait;
use bridge_store::Store;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The latest refresh token of one account. It descends from the token in the configuration; when
/// somebody connects the account anew and configures another, the kept one counts for nothing.
pub struct KeptToken {
    store: Store,
    name: String,
    origin: String,
}

impl KeptToken {
    /// For that system, whose configured first token is `configured`.
    pub fn new(store: &Store, system: &str, configured: Option<&SecretString>) -> Self {
        let text = configured.map_or("", |token| token.expose_secret());
        let digest = Sha256::digest(text);
        Self {
            store: store.clone(),
            name: format!("refresh_token/{system}"),
            origin: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

#[async_trait]
impl TokenStore for KeptToken {
    async fn load(&self) -> Result<Option<SecretString>, TokenStoreError> {
        let kept = self.store.secret(&self.name).await.map_err(failed)?;
        let token = kept.as_deref().and_then(|kept| kept.split_once('\n'));
        Ok(token
            .filter(|(origin, _)| *origin == self.origin)
            .map(|(_, token)| token.into()))
    }

    async fn store(&self, refresh_token: &SecretString) -> Result<(), TokenStoreError> {
        let kept = format!("{}\n{}", self.origin, refresh_token.expose_secret());
        let mut tx = self.store.begin().await.map_err(failed)?;
        tx.put_secret(&self.name, &kept).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
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
}
