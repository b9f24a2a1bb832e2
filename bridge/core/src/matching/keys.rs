//! What is compared: folded names, birth date, phones, mailbox and address of one record, the
//! keys under which it is found, and what contradicts.

use crate::value::Values;
use std::collections::BTreeSet;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A blocking key: its kind and folded content.
pub(super) type Key = (char, String);

/// Short forms common in Australia, grouped with the names they may stand for.
const SHORT_FORMS: &[&str] = &[
    "abigail abby gail",
    "alexander alex xander sandy",
    "alison ali",
    "amanda mandy",
    "amelia millie",
    "andrew andy drew",
    "angela ange",
    "anthony antonio tony",
    "barbara barb",
    "belinda bel",
    "benjamin ben",
    "beverley bev",
    "bradley brad",
    "caitlin cait",
    "cameron cam",
    "catherine katherine kathleen cath kath kathy cathy kate katie",
    "charles charlie chuck",
    "charlotte charlie lottie",
    "christine christina chris tina",
    "christopher chris",
    "daniel dan danny",
    "danielle dani",
    "david dave",
    "dianne diana di",
    "dimitrios jim dimitri",
    "donald don",
    "dorothy dot dotty",
    "douglas doug",
    "edward ted ed eddie",
    "eleni helen",
    "elizabeth liz beth betty libby eliza liza",
    "francesco francis frank fran",
    "frederick fred",
    "geoffrey geoff",
    "georgios george georgia",
    "giovanni ioannis john",
    "giuseppe joseph joe",
    "gregory greg",
    "harrison harry henry",
    "isabella bella izzy",
    "jacob jake",
    "james jim jimmy jamie",
    "jennifer jen jenny",
    "jessica jess",
    "joanne giovanna jo",
    "john jack johnny",
    "jonathan jon",
    "joshua josh",
    "judith judy",
    "kenneth ken",
    "kevin kev",
    "konstantinos con kon costa",
    "lachlan lachie",
    "laurence lawrence laurie",
    "leslie les",
    "louise lou",
    "lynette lyn",
    "madison maddison maddie maddy",
    "margaret maggie marg peggy meg",
    "matilda tilly",
    "matthew matt",
    "maureen mo",
    "maxwell max",
    "melissa mel",
    "michael mick mike",
    "michelle shell",
    "natalie nat",
    "nathan nath",
    "nicholas nikolaos nick",
    "nicole nic nikki",
    "norman norm",
    "olivia liv",
    "oliver ollie",
    "pamela pam",
    "patricia pat trish",
    "patrick paddy pat",
    "peter pete panagiotis",
    "phillip philip phil",
    "rachel rach",
    "raymond ray",
    "rebecca bec becky becca",
    "reginald reg",
    "robert bob rob bobby",
    "rodney rod",
    "ronald ron",
    "rosemary rose rosie",
    "samantha sam",
    "samuel sam salvatore",
    "sandra sandy",
    "simone sim",
    "stanley stan",
    "stephanie steph",
    "stephen steven steve",
    "susan sue suzie",
    "terrence terry",
    "theodore theo teddy",
    "thomas tom tommy",
    "timothy tim",
    "trevor trev",
    "valerie val",
    "vanessa ness",
    "vasiliki vicki victoria",
    "vincenzo vincent vince",
    "william bill will billy",
    "zachary zac zach",
];

/// Letters and single spaces only, lower case, without marks.
fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let letters: String = plain
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphabetic() { c } else { ' ' })
        .filter(|c| *c != '\'')
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Soundex-like code of a folded word: spelling variants of one surname mostly agree.
fn sound(word: &str) -> String {
    let code = |c: char| match c {
        'b' | 'f' | 'p' | 'v' => '1',
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
        'd' | 't' => '3',
        'l' => '4',
        'm' | 'n' => '5',
        'r' => '6',
        _ => '0',
    };
    let mut letters = word.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut out = String::from(first);
    let mut last = code(first);
    for c in letters {
        let now = code(c);
        if now != '0' && now != last {
            out.push(now);
        }
        if !matches!(c, 'h' | 'w') {
            last = now;
        }
    }
    out.truncate(4);
    while out.len() < 4 {
        out.push('0');
    }
    out
}

/// Whether two given names may be spellings or forms of one.
fn similar(a: &str, b: &str) -> bool {
    if a.chars().count() == 1 || b.chars().count() == 1 {
        return a.chars().next() == b.chars().next();
    }
    let prefix = |x: &str, y: &str| y.starts_with(&x.chars().take(3).collect::<String>());
    prefix(a, b) || prefix(b, a) || short_form(a, b) || alike(a, b)
}

fn short_form(a: &str, b: &str) -> bool {
    SHORT_FORMS.iter().any(|group| {
        let has = |name: &str| group.split(' ').any(|n| n == name);
        has(a) && has(b)
    })
}

/// At least 70 % of the letters agree, as a share of matching bigrams and single letters.
fn alike(a: &str, b: &str) -> bool {
    let (x, y): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = vec![0; y.len() + 1];
    for cx in &x {
        let mut diagonal = 0;
        for (j, cy) in y.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if cx == cy { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    20 * row[y.len()] >= 7 * (x.len() + y.len())
}

/// One record as matching sees it.
pub(super) struct Features {
    given: Vec<String>,
    family: Vec<String>,
    birth_date: Option<String>,
    phones: BTreeSet<String>,
    email: Option<String>,
    mailbox: String,
    street: Option<(String, String)>,
    number: Option<String>,
}

impl Features {
    pub(super) fn of(values: &Values) -> Self {
        let name = |part: &str| {
            let text = values
                .get("official_name")
                .and_then(|v| v.part(part))
                .unwrap_or_default();
            fold(text)
                .split(' ')
                .filter(|t| !t.is_empty())
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let text = |unit: &str| values.get(unit).and_then(|v| v.as_text());
        let phones = ["mobile", "phone"]
            .iter()
            .filter_map(|u| text(u))
            .map(|p| {
                let d = digits(p);
                let d = d.strip_prefix("0061").or(d.strip_prefix("61")).unwrap_or(&d);
                d.trim_start_matches('0').to_string()
            })
            .filter(|p| p.len() >= 8)
            .collect();
        let email = text("email").map(|e| e.trim().to_lowercase());
        let mailbox = email
            .as_deref()
            .and_then(|e| e.split('@').next())
            .map(|m| m.chars().filter(char::is_ascii_alphabetic).collect())
            .unwrap_or_default();
        let street = values
            .get("home_address")
            .and_then(|v| v.part("line"))
            .and_then(|line| {
                let folded = fold(line);
                let word = folded
                    .split(' ')
                    .find(|w| !matches!(*w, "unit" | "flat" | "lot" | "" | "po" | "box"))?;
                let number = digits(line);
                (!number.is_empty()).then(|| (number, sound(word)))
            });
        Self {
            given: name("given"),
            family: name("family"),
            birth_date: text("birth_date").map(str::to_string),
            phones,
            email,
            mailbox,
            street,
            number: text("halaxy_number").map(str::to_string),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = &String> {
        self.given.iter().chain(&self.family)
    }

    fn full_name(&self) -> Option<String> {
        let mut tokens: Vec<&str> = self.tokens().map(String::as_str).collect();
        tokens.sort_unstable();
        (tokens.len() > 1).then(|| tokens.join(" "))
    }

    /// Keys that say "same person" where each side has exactly one record under them.
    pub(super) fn exact(&self) -> Vec<Key> {
        let Some(born) = &self.birth_date else { return vec![] };
        if self.given.is_empty() || self.family.is_empty() || self.given.iter().all(|g| g.chars().count() == 1) {
            return vec![];
        }
        let who = format!("{}|{}|{born}", self.given.join(" "), self.family.join(" "));
        let phones = self.phones.iter().map(|p| ('P', format!("{who}|{p}")));
        phones
            .chain(self.email.iter().map(|e| ('E', format!("{who}|{e}"))))
            .collect()
    }

    /// Keys that alone make a candidate: e-mail, phone, full name.
    pub(super) fn strong(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.phones.iter().map(|p| ('p', p.clone())).collect();
        keys.extend(self.email.iter().map(|e| ('e', e.clone())));
        keys.extend(self.full_name().map(|n| ('n', n)));
        keys
    }

    /// All keys under which a possible counterpart is found, strong ones included.
    pub(super) fn weak(&self) -> Vec<Key> {
        let mut keys = self.strong();
        if let Some(born) = &self.birth_date {
            let mut parts: Vec<&str> = born.split('-').collect();
            parts[1..].sort_unstable();
            keys.push(('b', parts.join("")));
        }
        for a in self.tokens().filter(|t| t.chars().count() > 2) {
            for b in self.tokens().filter(|b| *b != a) {
                let initial: String = b.chars().take(1).collect();
                keys.push(('s', format!("{}{initial}", sound(a))));
            }
        }
        let family = self.family.join("");
        if let Some(first) = self.given.first() {
            let initial: String = first.chars().take(1).collect();
            if !family.is_empty() {
                for spelling in [
                    format!("{first}{family}"),
                    format!("{family}{first}"),
                    format!("{initial}{family}"),
                    format!("{family}{initial}"),
                ] {
                    keys.push(('m', spelling));
                }
            }
            if let Some((number, street)) = &self.street {
                keys.push(('a', format!("{number}{street}{initial}")));
            }
            if let Some(rest) = self.mailbox.strip_prefix(first.as_str()).filter(|r| r.len() > 3) {
                keys.push(('f', rest.to_string()));
            }
        }
        if family.chars().count() > 3 {
            keys.push(('f', family));
        }
        if self.mailbox.len() > 3 {
            keys.push(('m', self.mailbox.clone()));
            for part in [
                &self.mailbox[1..],
                &self.mailbox[..self.mailbox.len() - 1],
                &self.mailbox[..],
            ] {
                keys.push(('f', part.to_string()));
            }
        }
        let both = !self.given.is_empty() && !self.family.is_empty();
        let names: Vec<&String> = if both {
            self.given.iter().collect()
        } else {
            self.tokens().collect()
        };
        for name in names.iter().filter(|n| n.chars().count() > 1) {
            keys.push(('g', name.chars().take(3).collect()));
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// Whether something speaks against a resemblance found under a weak key.
    pub(super) fn contradicts(&self, other: &Features, key: &Key) -> bool {
        if let (Some(a), Some(b)) = (&self.birth_date, &other.birth_date)
            && (key.0 == 'g' || !near_dates(a, b))
        {
            return true;
        }
        !self.name_supports(other)
    }

    /// Whether a given name of one may be a name of the other. A nameless record contradicts nobody.
    pub(super) fn name_supports(&self, other: &Features) -> bool {
        let none = |f: &Features| f.given.is_empty() && f.family.is_empty();
        if none(self) || none(other) {
            return true;
        }
        // An initial may belong to a name behind a short form: A. for Amanda, who is called Mandy.
        let initials = |f: &Features| !f.given.is_empty() && f.given.iter().all(|g| g.chars().count() == 1);
        if !self.family.is_empty() && self.family == other.family && (initials(self) || initials(other)) {
            return true;
        }
        let supports = |a: &Features, b: &Features| a.given.iter().any(|g| b.tokens().any(|t| similar(g, t)));
        supports(self, other) || supports(other, self) || self.given.is_empty() && other.given.is_empty()
    }

    pub(super) fn same_birth_date(&self, other: &Features) -> bool {
        self.birth_date.is_some() && self.birth_date == other.birth_date
    }

    /// The patient's number that the record has or refers to.
    pub(super) fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// The evidence of an exact match, in words.
    pub(super) fn evidence(&self, other: &Features) -> String {
        let mut same = vec!["same name", "same birth date"];
        if self.phones.intersection(&other.phones).next().is_some() {
            same.push("same phone");
        }
        if self.email.is_some() && self.email == other.email {
            same.push("same e-mail");
        }
        format!("{}; nobody else in either system has these", same.join(", "))
    }

    /// A score that orders the queue, and what agrees and differs.
    pub(super) fn compare(&self, other: &Features) -> (f64, Vec<String>) {
        let (mut score, mut reasons) = (0.0, vec![]);
        let mut note = |points: f64, text: &str| {
            score += points;
            reasons.push(text.to_string());
        };
        match (&self.birth_date, &other.birth_date) {
            (Some(a), Some(b)) if a == b => note(0.3, "same birth date"),
            (Some(a), Some(b)) if near_dates(a, b) => note(0.1, "birth dates differ slightly"),
            (Some(_), Some(_)) => note(-0.3, "birth dates differ"),
            _ => {}
        }
        if self.full_name().is_some() && self.full_name() == other.full_name() {
            note(0.3, "same full name");
        } else if !self.family.is_empty() && self.family == other.family {
            note(0.1, "same family name");
            if self.name_supports(other) {
                note(0.1, "given names may be forms of one");
            }
        } else if self.name_supports(other) {
            note(0.05, "given names may be forms of one");
        } else {
            note(-0.1, "names differ");
        }
        if self.phones.intersection(&other.phones).next().is_some() {
            note(0.2, "same phone");
        }
        if self.email.is_some() && self.email == other.email {
            note(0.2, "same e-mail");
        }
        if self.street.is_some() && self.street == other.street {
            note(0.1, "same street address");
        }
        (score.clamp(0.0, 1.0), reasons)
    }
}

/// Two ISO dates that one slip tells apart: one part differs, day and month are swapped, or one is
/// a first of January put in for "unknown".
fn near_dates(a: &str, b: &str) -> bool {
    let (x, y): (Vec<&str>, Vec<&str>) = (a.split('-').collect(), b.split('-').collect());
    if x.len() != 3 || y.len() != 3 {
        return false;
    }
    let same = x.iter().zip(&y).filter(|(p, q)| p == q).count();
    let swapped = x[0] == y[0] && x[1] == y[2] && x[2] == y[1];
    let placeholder = |d: &[&str]| d[1..] == ["01", "01"];
    same >= 2 || swapped || placeholder(&x) || placeholder(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_one_slip_apart_are_near() {
        assert!(near_dates("1980-03-04", "1980-04-03"));
        assert!(near_dates("1980-03-04", "1981-03-04"));
        assert!(near_dates("1980-01-01", "1954-07-30"));
        assert!(!near_dates("1980-03-04", "1954-07-30"));
    }

    #[test]
    fn given_names_have_forms() {
        assert!(similar("james", "jim"));
        assert!(similar("cooepr", "cooper"));
        assert!(similar("j", "james"));
        assert!(!similar("liam", "laura"));
    }
}
