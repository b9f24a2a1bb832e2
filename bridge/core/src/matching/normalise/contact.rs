//! Phone numbers, mailboxes and Medicare cards.

use crate::matching::person::{Mailbox, Word, hash_text, hash32, hash64};

/// Local parts that stand for "no mailbox".
const NO_MAILBOX: &[&str] = &[
    "noemail",
    "noreply",
    "donotreply",
    "none",
    "no",
    "na",
    "nil",
    "nomail",
    "unknown",
    "test",
    "null",
    "x",
    "xx",
    "xxx",
    "email",
    "noaddress",
    "notprovided",
    "notgiven",
    "declined",
    "refused",
    "nobody",
];

/// Providers that ignore dots in the local part.
const DOTLESS: &[&str] = &["gmail.com", "googlemail.com"];

/// Domains of one provider under which a mailbox is the same, and mistypings that are no provider's.
const SAME_PROVIDER: &[(&str, &str)] = &[
    ("googlemail.com", "gmail.com"),
    ("gmail.con", "gmail.com"),
    ("gmail.co", "gmail.com"),
    ("gmail.cm", "gmail.com"),
    ("gmail.om", "gmail.com"),
    ("gmail.com.au", "gmail.com"),
    ("gmial.com", "gmail.com"),
    ("gamil.com", "gmail.com"),
    ("gmal.com", "gmail.com"),
    ("gmai.com", "gmail.com"),
    ("gmaill.com", "gmail.com"),
    ("gnail.com", "gmail.com"),
    ("gmil.com", "gmail.com"),
    ("hotmial.com", "hotmail.com"),
    ("hotmal.com", "hotmail.com"),
    ("hotmai.com", "hotmail.com"),
    ("hotmail.con", "hotmail.com"),
    ("hotmail.co", "hotmail.com"),
    ("hotamil.com", "hotmail.com"),
    ("homail.com", "hotmail.com"),
    ("outlok.com", "outlook.com"),
    ("outlook.con", "outlook.com"),
    ("outllook.com", "outlook.com"),
    ("iclould.com", "icloud.com"),
    ("icloud.con", "icloud.com"),
    ("icoud.com", "icloud.com"),
    ("me.com", "icloud.com"),
    ("mac.com", "icloud.com"),
    ("yaho.com", "yahoo.com"),
    ("yahoo.con", "yahoo.com"),
    ("bigpond.net.au", "bigpond.com"),
    ("bigpond.com.au", "bigpond.com"),
    ("bigpond.net", "bigpond.com"),
    ("bigpond.con", "bigpond.com"),
];

/// National numbers without leading zero; foreign ones by hash. Numbers nobody has are dropped.
pub(super) fn phones(raw: &[&str; 3], out: &mut [u64; 3]) {
    let mut at = 0;
    for text in raw {
        let Some(number) = phone(text) else { continue };
        if !out[..at].contains(&number) {
            out[at] = number;
            at += 1;
        }
    }
}

fn phone(text: &str) -> Option<u64> {
    let mut digits = [0u8; 18];
    let mut len = 0;
    for d in text.bytes().filter(u8::is_ascii_digit) {
        *digits.get_mut(len)? = d - b'0';
        len += 1;
    }
    let mut d = &digits[..len];
    if let [0, 0, rest @ ..] = d
        && d.len() > 10
    {
        d = rest;
    }
    if let [6, 1, rest @ ..] = d
        && d.len() > 9
    {
        d = rest;
    }
    while let [0, rest @ ..] = d {
        d = rest;
    }
    // 0400 000 000, 0411 111 111, 1234567890
    let tail = d.iter().rev().take_while(|x| **x == d[d.len() - 1]).count();
    let run = d.windows(2).filter(|w| (w[0] + 1) % 10 == w[1]).count();
    if d.len() < 8 || tail >= 6 || run + 1 >= d.len() {
        return None;
    }
    let number = d
        .iter()
        .fold(0u64, |n, x| n.wrapping_mul(10).wrapping_add(u64::from(*x)));
    Some(number)
}

/// The part of a phone number that a local caller dials.
pub(in crate::matching) fn local_number(phone: u64) -> u64 {
    phone % 100_000_000
}

/// Mailboxes after the provider's rules; the ones that stand for none are dropped.
pub(super) fn emails(raw: &[&str; 2], out: &mut [Mailbox; 2]) {
    let mut at = 0;
    for text in raw {
        let Some(mailbox) = mailbox(text) else { continue };
        if !out[..at].iter().any(|m| m.hash == mailbox.hash) {
            out[at] = mailbox;
            at += 1;
        }
    }
}

fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim().trim_matches(['<', '>', '"']).to_ascii_lowercase();
    let (local, domain) = text.rsplit_once('@')?;
    let domain = domain.trim_end_matches('.').trim_start_matches("mailto:");
    let local = local.split('+').next().unwrap_or(local);
    let domain = SAME_PROVIDER
        .iter()
        .find(|(alias, _)| *alias == domain)
        .map_or(domain, |(_, name)| name);
    let plain: String = local.chars().filter(char::is_ascii_alphanumeric).collect();
    if domain.is_empty() || NO_MAILBOX.contains(&plain.as_str()) || !domain.contains('.') {
        return None;
    }
    let dotless = local.replace('.', "");
    let local = if DOTLESS.contains(&domain) {
        dotless.as_str()
    } else {
        local
    };
    if local.is_empty() {
        return None;
    }
    Some(Mailbox {
        hash: hash64(b'@', &[hash_text(local), hash_text(domain)]).max(1),
        exact: hash32(local),
        marks: local.len().saturating_sub(plain.len()).min(9) as u8,
        local: Word::new(&plain),
        provider: hash32(domain.split('.').next().unwrap_or(domain)),
    })
}

/// Whether a number is a Medicare card's: ten digits, the ninth checks the eight before it.
/// Source: the Medicare card number's published check digit, weights 1 3 7 9 1 3 7 9 modulo 10.
pub(super) fn is_medicare(number: u64) -> bool {
    let digits: Vec<u64> = number.to_string().bytes().map(|b| u64::from(b - b'0')).collect();
    let sum: u64 = digits.iter().zip([1, 3, 7, 9, 1, 3, 7, 9]).map(|(d, w)| d * w).sum();
    digits.len() == 10 && (2..=6).contains(&digits[0]) && sum % 10 == digits[8]
}

/// Card number and the person's number on it. A shorter number passes as a personal one.
pub(super) fn card(text: &str) -> (u64, u8) {
    let (card, irn) = text.split_once('/').unwrap_or((text, ""));
    let digits = |t: &str| -> (u64, usize) {
        t.bytes()
            .filter(u8::is_ascii_digit)
            .take(18)
            .fold((0, 0), |(n, c), d| (n * 10 + u64::from(d - b'0'), c + 1))
    };
    let ((mut number, count), (mut irn, _)) = (digits(card), digits(irn));
    if count == 11 {
        irn = if irn == 0 { number % 10 } else { irn };
        number /= 10;
    }
    if count < 6 { (0, 0) } else { (number, irn.min(99) as u8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_many_spellings() {
        let expected = Some(412_345_678);
        for text in [
            "0412345678",
            "0412 345 678",
            "+61412345678",
            "61412345678",
            "412345678",
            "+61 (0) 412 345 678",
            "0061412345678",
        ] {
            assert_eq!(phone(text), expected, "{text}");
        }
        assert_eq!(phone("(02) 9123 4567"), phone("+61 2 9123 4567"));
    }

    #[test]
    fn numbers_nobody_has_are_none() {
        for text in ["0400000000", "0000000000", "0411111111", "1234567890", "0", "n/a", ""] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn mailboxes_follow_their_provider() {
        let same = |a: &str, b: &str| mailbox(a).is_some() && mailbox(a) == mailbox(b);
        assert!(same("Jo.Smith@gmail.com", "josmith+crm@googlemail.com"));
        assert!(same("jo@bigpond.com", "jo@bigpond.net.au"));
        assert!(!same("jo.smith@outlook.com", "josmith@outlook.com"));
        assert_eq!(mailbox("noemail@noemail.com"), None);
        assert_eq!(mailbox("none"), None);
    }

    #[test]
    fn a_card_has_a_number_for_each_person() {
        assert_eq!(card("2428 77813 2/1"), (2_428_778_132, 1));
        assert_eq!(card("24287781321"), (2_428_778_132, 1));
        assert_eq!(card("2428778132"), (2_428_778_132, 0));
        assert_eq!(card(""), (0, 0));
    }
}
