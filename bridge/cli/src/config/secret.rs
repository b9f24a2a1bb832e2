//! Where a secret is: the configuration never holds one.

use std::path::PathBuf;

/// A secret by reference: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; surrounding white space is not part of the secret.
    File(PathBuf),
}

impl SecretRef {
    /// `env:NAME` or `file:PATH`; paths are taken as they are.
    pub fn parse(text: &str) -> Option<SecretRef> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Some(SecretRef::Env(name.into())),
            Some(("file", path)) if !path.is_empty() => Some(SecretRef::File(path.into())),
            _ => None,
        }
    }

    /// The secret.
    ///
    /// # Errors
    /// What is missing and how to give it; never the secret.
    pub fn load(&self) -> Result<secrecy::SecretString, String> {
        match self {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_string().into()),
                _ => Err(format!("the environment variable {name} is not set")),
            },
            SecretRef::File(path) => match std::fs::read_to_string(path) {
                Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_string().into()),
                Ok(_) => Err(format!("{} is empty", path.display())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        }
    }
}

/// Where the store is: an address, or where an address with a password in it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH` or `postgres://..`.
    Plain(String),
    /// What holds such an address.
    Secret(SecretRef),
}

impl StoreUrl {
    /// The address.
    ///
    /// # Errors
    /// What is missing and how to give it; never the address.
    pub fn load(&self) -> Result<secrecy::SecretString, String> {
        match self {
            StoreUrl::Plain(url) => Ok(url.as_str().into()),
            StoreUrl::Secret(reference) => reference.load(),
        }
    }
}
