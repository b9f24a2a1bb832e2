//! Codes that change every half minute (RFC 6238 over HMAC-SHA-1 with six digits, which is what every
//! authenticator app takes), and the text that such apps read from a QR code.

use super::SECOND;
use super::chance::Chance;
use bridge_core::Time;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha1::Sha1;

/// How long a code is shown, microseconds.
const STEP: Time = 30 * SECOND;
/// Steps before and after now whose codes are taken: clocks of phones are off, and people type slowly.
const WINDOW: i64 = 1;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the app on the phone and we share: 160 bits, as RFC 4226 asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret([u8; 20]);

impl Secret {
    /// A new one.
    pub fn new(chance: &dyn Chance) -> Secret {
        let mut bytes = [0; 20];
        chance.fill(&mut bytes);
        Secret(bytes)
    }

    /// The step in which a typed code is taken: a step may be used once, so it must lie after `used`.
    pub fn step_of(&self, typed: &str, now: Time, used: i64) -> Option<i64> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let now = now.div_euclid(STEP);
        let steps = (now - WINDOW..=now + WINDOW).filter(|step| *step > used);
        // Every step is compared, so that the time tells nothing.
        steps.fold(None, |found, step| {
            if super::chance::same(&self.code(step), &typed) {
                Some(step)
            } else {
                found
            }
        })
    }

    /// The code that is shown at a time.
    pub fn code_at(&self, now: Time) -> String {
        self.code(now.div_euclid(STEP))
    }

    fn code(&self, step: i64) -> String {
        let Ok(mut mac) = <Hmac<Sha1> as KeyInit>::new_from_slice(&self.0) else {
            unreachable!("a key of HMAC may have any length");
        };
        mac.update(&step.to_be_bytes());
        let hash: [u8; 20] = mac.finalize().into_bytes().into();
        let at = usize::from(hash[19] & 15);
        let word = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
        format!("{:06}", word % 1_000_000)
    }

    /// For typing it into an app by hand: RFC 4648 base 32, in groups of four.
    pub fn spelled(&self) -> String {
        let text = self.base32();
        let groups: Vec<&str> = (0..text.len())
            .step_by(4)
            .map(|at| &text[at..text.len().min(at + 4)])
            .collect();
        groups.join(" ")
    }

    /// What an app reads from the QR code.
    pub fn address(&self, practice: &str, email: &str) -> String {
        let encode = |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let plain = |text: &str| encode(text).replace('+', "%20");
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}",
            issuer = plain(practice),
            account = plain(email),
            secret = self.base32()
        )
    }

    fn base32(&self) -> String {
        let (mut text, mut bits, mut held) = (String::with_capacity(32), 0u32, 0);
        for byte in self.0 {
            bits = bits << 8 | u32::from(byte);
            held += 8;
            while held >= 5 {
                held -= 5;
                text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor_secret() -> Secret {
        Secret(*b"12345678901234567890")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, SHA-1: the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(vendor_secret().code_at(seconds * SECOND), code);
        }
        assert_eq!(vendor_secret().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(vendor_secret().spelled().starts_with("GEZD GNBV "));
    }

    #[test]
    fn a_code_is_taken_a_step_early_or_late_and_once() {
        let (secret, now) = (vendor_secret(), 1_234_567_890 * SECOND);
        let shown = secret.code_at(now);
        for late in [-STEP, 0, STEP] {
            assert!(secret.step_of(&shown, now + late, 0).is_some());
        }
        for late in [-2 * STEP, 2 * STEP] {
            assert_eq!(secret.step_of(&shown, now + late, 0), None);
        }
        let used = secret
            .step_of(&format!(" {} {}", &shown[..3], &shown[3..]), now, 0)
            .unwrap_or(0);
        assert_eq!(secret.step_of(&shown, now, used), None);
        assert_eq!(secret.step_of(&shown, now + STEP, used), None);
        assert!(secret.step_of(&secret.code_at(now + STEP), now + STEP, used).is_some());
        assert_eq!(secret.step_of("", now, 0), None);
    }

    #[test]
    fn apps_are_told_whose_code_it_is() {
        let address = vendor_secret().address("Sampleton Clinic & Co", "dana+x@sampleton.example");
        assert!(address.starts_with("otpauth://totp/Sampleton%20Clinic%20%26%20Co:dana%2Bx%40sampleton.example?"));
        assert!(address.ends_with("&issuer=Sampleton%20Clinic%20%26%20Co"));
    }
}
