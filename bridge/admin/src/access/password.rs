//! Passwords: argon2id at the cost that OWASP's password storage cheat sheet names first (19 MiB, two passes,
//! one lane), computed beside whoever serves, a few at a time, so that guessing takes neither all memory nor
//! all cores.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::sync::Semaphore;

use super::chance::Chance;

/// Fewest characters.
pub const SHORTEST: usize = 12;
/// Most characters; more would be work for us and no safety for them.
pub const LONGEST: usize = 128;
/// Memory of one computation, in KiB.
pub const MEMORY: u32 = 19 * 1024;
/// Passes.
pub const PASSES: u32 = 2;

/// Computed at once.
const AT_ONCE: usize = 2;
/// What the most guessed long passwords are made of.
const COMMON: [&str; 14] = [
    "password",
    "passwort",
    "welcome",
    "qwerty",
    "letmein",
    "iloveyou",
    "sunshine",
    "football",
    "baseball",
    "princess",
    "changeme",
    "administrator",
    "halaxy",
    "bridge",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error("a password needs 12 characters or more; four words that do not belong together make a good one")]
    Short,
    /// Too long.
    #[error("a password has 128 characters at most")]
    Long,
    /// What anybody would try first.
    #[error("this password is easily guessed; four words that do not belong together make a good one")]
    Guessed,
    /// The two that were typed are not the same.
    #[error("the two passwords are not the same")]
    Differ,
}

/// Whether a password is taken for a person of that name and address.
///
/// # Errors
/// [`Weak`].
pub fn taken(password: &str, email: &str, name: &str) -> Result<(), Weak> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Weak::Short);
    }
    if length > LONGEST {
        return Err(Weak::Long);
    }
    let lower = password.to_lowercase();
    let own = email.split('@').chain(name.split_whitespace()).map(str::to_lowercase);
    let known = COMMON.iter().map(|word| (*word).to_string()).chain(own);
    // What is left besides words that anybody would try must be worth something.
    let rest = known
        .filter(|word| word.len() > 2)
        .fold(lower, |rest, word| rest.replace(&word, ""));
    let different: std::collections::BTreeSet<char> = rest.chars().collect();
    let runs = rest
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[1].wrapping_sub(pair[0]) <= 1)
        .count();
    if different.len() < 5 || runs * 2 > rest.len() {
        return Err(Weak::Guessed);
    }
    Ok(())
}

/// Computes and checks. Clones share the room for computations.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    room: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::costing(MEMORY, PASSES)
    }
}

impl Passwords {
    /// At another cost than the usual one: `memory` in KiB.
    pub fn costing(memory: u32, passes: u32) -> Self {
        Self {
            params: Params::new(memory, passes, 1, None).unwrap_or_default(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// What is kept of a password; an empty text, which no password matches, if it cannot be computed.
    pub async fn hash(&self, password: &SecretString, chance: &dyn Chance) -> String {
        let mut salt = [0; 16];
        chance.fill(&mut salt);
        let (argon, password) = (self.argon(), password.clone());
        let computed = self.compute(move || {
            let hash: Result<PasswordHash, _> =
                argon.hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).unwrap_or_default()
        });
        computed.await.unwrap_or_default()
    }

    /// Whether the password is the one. Takes as long if there is nobody to have one, or whoever is meant has none: people
    /// who come in by an identity provider.
    pub async fn matches(&self, password: &SecretString, hash: Option<String>) -> bool {
        let (argon, password) = (self.argon(), password.clone());
        let hash = hash.filter(|hash| !hash.is_empty());
        let computed = self.compute(move || {
            let typed = password.expose_secret().as_bytes();
            match hash {
                Some(hash) => argon.verify_password(typed, hash.as_str()).is_ok(),
                None => {
                    let made: Result<PasswordHash, _> = argon.hash_password_with_salt(typed, &[0; 16]);
                    // Only the time counts.
                    std::hint::black_box(made.is_ok());
                    false
                }
            }
        });
        computed.await.unwrap_or(false)
    }

    fn argon(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.room.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;
    impl Chance for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn passwords_that_anybody_would_try_are_not_taken() {
        let try_it = |password: &str| taken(password, "dana.fox@sampleton.example", "Dana Foxworth");
        assert_eq!(try_it("short"), Err(Weak::Short));
        assert_eq!(try_it(&"ab3".repeat(60)), Err(Weak::Long));
        for guessed in [
            "password1234",
            "Password123!",
            "aaaaaaaaaaaaaa",
            "123456789012",
            "abcdefghijklmn",
            "Foxworth12345",
            "dana.fox1234",
            "sampleton.example1",
            "ababababababab",
        ] {
            assert_eq!(try_it(guessed), Err(Weak::Guessed), "{guessed}");
        }
        for good in ["kettle orbit plum sail", "tulpe-9-wagen-grau", "Xq7#vR2!mLp9zT"] {
            assert_eq!(try_it(good), Ok(()), "{good}");
        }
    }

    #[tokio::test]
    async fn only_the_password_itself_matches_and_it_is_not_kept() {
        let passwords = Passwords::costing(64, 1);
        let right: SecretString = "kettle orbit plum sail".into();
        let hash = passwords.hash(&right, &Zeros).await;
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(!hash.contains("kettle"));
        assert!(passwords.matches(&right, Some(hash.clone())).await);
        assert!(!passwords.matches(&"kettle orbit plum sai".into(), Some(hash)).await);
        assert!(!passwords.matches(&right, None).await);
        assert!(!passwords.matches(&right, Some(String::new())).await);
    }

    #[tokio::test]
    async fn who_has_no_password_takes_as_long_as_who_has_one() {
        let passwords = Passwords::costing(2_048, 1);
        let typed: SecretString = "kettle orbit plum sail".into();
        let hash = passwords.hash(&typed, &Zeros).await;
        let least = async |hash: Option<String>| {
            let mut least = std::time::Duration::MAX;
            for _ in 0..5 {
                let begun = std::time::Instant::now();
                passwords.matches(&typed, hash.clone()).await;
                least = least.min(begun.elapsed());
            }
            least
        };
        let real = least(Some(hash)).await;
        for nothing in [None, Some(String::new())] {
            let took = least(nothing).await;
            assert!(took * 4 > real, "{took:?} against {real:?}");
        }
    }
}
