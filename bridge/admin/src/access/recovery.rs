//! Codes on paper, for whoever has lost the phone: each lets its owner in once.

use super::chance::{self, Chance};

/// How many are handed out.
pub const COUNT: usize = 10;
/// No letters that look like digits or each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";

/// New codes as people write them down, `k7qm-2ndx-9fhw`: 59 bits or more each.
pub fn codes(chance: &dyn Chance) -> Vec<String> {
    let code = |_| {
        let mut bytes = [0; 12];
        chance.fill(&mut bytes);
        let letters: Vec<char> = bytes
            .iter()
            .map(|b| char::from(ALPHABET[usize::from(b & 31)]))
            .collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.join("-")
    };
    (0..COUNT).map(code).collect()
}

/// What is kept of a code, however it was typed.
pub fn digest(typed: &str) -> String {
    let letters: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    chance::digest(&letters.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_different_and_known_however_they_are_typed() {
        let codes = codes(&chance::System);
        let different: std::collections::BTreeSet<&String> = codes.iter().collect();
        assert_eq!(different.len(), COUNT);
        for code in &codes {
            assert_eq!(code.len(), 14);
            let otherwise = code.to_uppercase().replace('-', " ");
            assert_eq!(digest(code), digest(&otherwise));
        }
    }
}
