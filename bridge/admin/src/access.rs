//! Who may use the admin app: people with a role, how they sign in, and for how long.
//!
//! What is decided stands in small pure parts, with the time and chance as parameters; [`Access`] keeps it
//! in the store, sealed, and is the only part that reads or writes there.
//!
//! | module | what |
//! |---|---|
//! | [`role`] | what each role may see |
//! | [`bound`] | which locations of the practice somebody is bound to |
//! | [`password`] | argon2id, and which passwords are taken |
//! | [`totp`], [`recovery`] | the second factor, and what replaces a lost phone |
//! | [`throttle`] | delays that grow with wrong attempts |
//! | [`session`], [`invitation`] | how long somebody stays signed in, and links that let somebody in once |
//! | [`sign_on`] | signing in by an identity provider (OpenID Connect) |
//! | [`user`] | one person |

pub mod bound;
pub mod chance;
mod desk;
pub mod invitation;
pub mod password;
pub mod recovery;
pub mod role;
pub mod session;
mod shared;
pub mod sign_on;
mod signing;
pub mod throttle;
pub mod totp;
pub mod user;

pub use desk::{Accepted, Access, Joining, Signed, Viewed};

use bridge_core::Time;
use bridge_store::StoreError;

/// A second, in microseconds.
pub const SECOND: Time = 1_000_000;
/// A minute.
pub const MINUTE: Time = 60 * SECOND;
/// An hour.
pub const HOUR: Time = 60 * MINUTE;

/// Why somebody is not let in, or something about people is not done. Says nothing that would help to guess.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// E-mail, password or code do not match; which of them is not said.
    #[error("that does not match: check what you typed and try again")]
    Wrong,
    /// Too many wrong attempts.
    #[error("too many attempts: try again later")]
    TooMany {
        /// From when on it may be tried again.
        until: Time,
    },
    /// A link that is used, over, or never was.
    #[error("this link does not work any more: each can be used once, and only for a while")]
    Link,
    /// A password that is too easy to guess.
    #[error("{0}")]
    Password(#[from] password::Weak),
    /// What was typed cannot be a name or an e-mail address.
    #[error("{0}")]
    Typed(&'static str),
    /// Somebody uses this e-mail address already.
    #[error("somebody with this e-mail address is here already")]
    Taken,
    /// Nobody could manage people any more.
    #[error("this is the last administrator: make somebody else one first")]
    LastAdmin,
    /// There is no such person (any more).
    #[error("there is no such person")]
    Nobody,
    /// The practice has an administrator already.
    #[error("the practice is set up already: an administrator can invite you, or reset your access")]
    SetUp,
    /// The identity provider does not let somebody in.
    #[error(transparent)]
    SignOn(#[from] sign_on::SignOnError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not understood.
    #[error("a stored row of `{0}` is not understood")]
    Damaged(&'static str),
}

/// Lower case and without white space around it: two spellings of an address are one sign-in.
pub fn address(typed: &str) -> Result<String, AccessError> {
    let email = typed.trim().to_lowercase();
    let sound = match email.split_once('@') {
        Some((local, domain)) => !local.is_empty() && domain.contains('.') && !domain.contains('@'),
        None => false,
    };
    let printable = email
        .chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && !unseen(c));
    if sound && printable && email.len() <= 200 {
        Ok(email)
    } else {
        Err(AccessError::Typed(
            "write an e-mail address, such as dana@practice.example",
        ))
    }
}

/// A name as it is shown and kept.
pub fn name(typed: &str) -> Result<String, AccessError> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(|c| c.is_control() || unseen(c)) {
        return Err(AccessError::Typed("write a name of at most 80 characters"));
    }
    Ok(name)
}

/// What is not seen and may make one name look like another: marks of direction (Unicode standard annex 9), and spaces
/// without width. Joiners stay, since names are written with them.
fn unseen(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_can_be_made_to_look_like_another() {
        for typed in [
            "Dana\u{202e}xoF",
            "Dana\u{200b} Fox",
            "\u{2066}Dana Fox",
            "Dana\u{0} Fox",
            "\u{feff}Dana",
        ] {
            assert!(name(typed).is_err(), "{typed:?}");
            assert!(
                address(&format!("{typed}@practice.example").replace(' ', "")).is_err(),
                "{typed:?}"
            );
        }
        for typed in ["Dána O’Fox-Ünal", "علی\u{200c}رضا", "Ngọc Trần", "श्\u{200d}री"] {
            assert_eq!(name(typed).unwrap_or_default(), typed);
        }
    }
}
