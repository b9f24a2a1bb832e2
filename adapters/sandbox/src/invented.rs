//! Invented people for the demo, for when there are no files: families, shared mailboxes, gaps and small differences.
//!
//! Nobody here exists: mailboxes lie under example.org and example.com, and phone numbers start from the range
//! +61 491 570 xxx that is set aside for fiction.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::people::CsvPerson;

const GIVEN_F: [&str; 24] = [
    "Miriam", "Ayla", "Beatrix", "Coralie", "Dunja", "Edwina", "Farida", "Greta", "Hanako", "Ingrid", "Jocasta",
    "Kalinda", "Leonie", "Mirrin", "Noor", "Odette", "Priya", "Quilla", "Rosalba", "Saoirse", "Thandi", "Ursula",
    "Violetta", "Zuzana",
];
const GIVEN_M: [&str; 24] = [
    "Anselm", "Bruno", "Caspian", "Dmitri", "Elio", "Fergus", "Gideon", "Hamish", "Ivo", "Jarrah", "Koa", "Lorcan",
    "Matteo", "Nikolai", "Osman", "Piers", "Quentin", "Rafferty", "Stellan", "Tobias", "Ulric", "Viktor", "Wendell",
    "Yusuf",
];
const SURNAMES: [&str; 40] = [
    "Samplewood",
    "Testerton",
    "Mockridge",
    "Fictiva",
    "Inventson",
    "Dummett-Lane",
    "Pretendi",
    "Nowhereman",
    "Placehold",
    "Figment",
    "Sandboxer",
    "Specimen",
    "Exempla",
    "Makebelieve",
    "Standinsky",
    "Trialova",
    "Imagini",
    "Fabricate",
    "Notreal",
    "Prototypou",
    "Examplar",
    "Demoski",
    "Phantomley",
    "Draftsmith",
    "Sketchford",
    "Modelli",
    "Replicar",
    "Shamrockson",
    "Simulacre",
    "Facsimile",
    "Paragonis",
    "Archetypa",
    "Illustrati",
    "Conjectural",
    "Hypothesi",
    "Theorema",
    "Quotidian",
    "Lorem-Ipsum",
    "Dolorsit",
    "Amethyst",
];
const STREETS: [&str; 10] = [
    "Test Street",
    "Sample Road",
    "Mock Lane",
    "Example Avenue",
    "Placeholder Parade",
    "Dummy Crescent",
    "Trial Court",
    "Fixture Way",
    "Specimen Place",
    "Draft Close",
];
const SUBURBS: [(&str, &str, &str); 6] = [
    ("Sampleton", "VIC", "3999"),
    ("Mockville", "NSW", "2999"),
    ("Testbury", "QLD", "4999"),
    ("Exampleford", "SA", "5999"),
    ("Dummy Bay", "TAS", "7999"),
    ("Fictional Springs", "WA", "6999"),
];

/// What relatives share.
struct Household {
    surname: &'static str,
    street: String,
    suburb: (&'static str, &'static str, &'static str),
    mailbox: Option<String>,
}

/// Makes about `n` patients and about as many contacts of the same people. Most pairs match in everything that counts; some
/// relatives share a mailbox, some people stand on one side only, and a few pairs differ in a field. The ids are
/// `P0001...` and `C0001...`; the same seed gives the same people.
pub fn invented_people(seed: u64, n: usize) -> (Vec<CsvPerson>, Vec<CsvPerson>) {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x5EED_F00D);
    let (mut patients, mut contacts) = (Vec::new(), Vec::new());
    let mut serial = 0_usize;
    while patients.len() < n {
        let household = household(&mut rng, serial);
        let members = match rng.random_range(0..10) {
            0..6 => 1,
            6..8 => 2,
            8 => 3,
            _ => 4,
        };
        for member in 0..members {
            if patients.len() >= n {
                break;
            }
            serial += 1;
            let person = member_of(&household, member, serial, &mut rng);
            place(person, serial, &mut patients, &mut contacts, &mut rng);
        }
    }
    (patients, contacts)
}

/// Puts a person on one side or on both.
fn place(
    person: CsvPerson,
    serial: usize,
    patients: &mut Vec<CsvPerson>,
    contacts: &mut Vec<CsvPerson>,
    rng: &mut StdRng,
) {
    let drawn = rng.random_range(0..100);
    // One in ten has no contact; for one in twelve there is a contact of somebody who is no patient.
    if drawn >= 10 {
        let mut contact = person.clone();
        contact.id = format!("C{serial:04}");
        if drawn >= 90 {
            differ(&mut contact, rng);
        }
        contacts.push(contact);
    }
    patients.push(CsvPerson {
        id: format!("P{serial:04}"),
        ..person
    });
    if rng.random_range(0..12) == 0 {
        let household = household(rng, serial + 5_000);
        let mut lead = member_of(&household, 0, serial + 5_000, rng);
        lead.id = format!("C{serial:04}L");
        lead.street.clear();
        lead.postcode.clear();
        lead.date_of_birth.clear();
        contacts.push(lead);
    }
}

fn household(rng: &mut StdRng, serial: usize) -> Household {
    let surname = SURNAMES.choose(rng).copied().unwrap_or(SURNAMES[0]);
    let suburb = SUBURBS.choose(rng).copied().unwrap_or(SUBURBS[0]);
    let street = format!(
        "{} {}",
        rng.random_range(1..180),
        STREETS.choose(rng).copied().unwrap_or(STREETS[0])
    );
    let mailbox = rng
        .random_bool(0.3)
        .then(|| format!("family.{}{serial}@example.org", plain(surname)));
    Household {
        surname,
        street,
        suburb,
        mailbox,
    }
}

fn member_of(household: &Household, member: usize, serial: usize, rng: &mut StdRng) -> CsvPerson {
    let woman = rng.random_bool(0.5);
    let given = if woman {
        GIVEN_F.choose(rng)
    } else {
        GIVEN_M.choose(rng)
    };
    let given = given.copied().unwrap_or("Sample");
    let year = if member < 2 {
        rng.random_range(1945..2000)
    } else {
        rng.random_range(2008..2024)
    };
    let own_mailbox = format!("{}.{}{serial}@example.com", plain(given), plain(household.surname));
    CsvPerson {
        id: String::new(),
        given_name: given.to_owned(),
        surname: household.surname.to_owned(),
        date_of_birth: format!("{year}-{:02}-{:02}", rng.random_range(1..13), rng.random_range(1..29)),
        sex: if woman { "F" } else { "M" }.to_owned(),
        phone: format!("0{}", 491_570_000 + serial),
        email: household.mailbox.clone().unwrap_or(own_mailbox),
        street: household.street.clone(),
        suburb: household.suburb.0.to_owned(),
        state: household.suburb.1.to_owned(),
        postcode: household.suburb.2.to_owned(),
        medicare: String::new(),
    }
}

/// One field stands differently in the CRM.
fn differ(contact: &mut CsvPerson, rng: &mut StdRng) {
    match rng.random_range(0..7) {
        0 => contact.street = format!("{} Elsewhere Street", rng.random_range(1..99)),
        1 => contact.phone.clear(),
        2 => contact.date_of_birth.clear(),
        3 => contact.phone = format!("+61 {}", &contact.phone[1..]),
        // An initial without a birth date is for a person to decide.
        4 | 5 => {
            contact.given_name.truncate(1);
            contact.date_of_birth.clear();
        }
        _ => contact.email = contact.email.to_uppercase(),
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::invented_people;
    use std::collections::HashMap;

    #[test]
    fn the_same_seed_gives_the_same_people() {
        assert_eq!(invented_people(7, 60), invented_people(7, 60));
        assert_ne!(invented_people(7, 60), invented_people(8, 60));
    }

    #[test]
    fn there_are_pairs_families_and_loners_and_nobody_is_real() {
        let (patients, contacts) = invented_people(1, 200);
        assert_eq!(patients.len(), 200);
        let by_number: HashMap<&str, _> = contacts.iter().map(|person| (&person.id[1..], person)).collect();
        let paired = patients
            .iter()
            .filter(|person| by_number.contains_key(&person.id[1..]))
            .count();
        assert!((150..200).contains(&paired), "{paired}");
        assert!(contacts.iter().any(|person| person.id.ends_with('L')));
        let mut mailboxes: HashMap<&str, usize> = HashMap::new();
        for person in &patients {
            *mailboxes.entry(&person.email).or_default() += 1;
            assert!(person.email.ends_with("@example.org") || person.email.ends_with("@example.com"));
            assert!(person.phone.starts_with("049157"), "{}", person.phone);
        }
        assert!(mailboxes.values().any(|count| *count > 1));
        let same = |person: &&crate::CsvPerson| {
            by_number.get(&person.id[1..]).is_some_and(|contact| {
                contact.email == person.email
                    && contact.phone == person.phone
                    && contact.date_of_birth == person.date_of_birth
            })
        };
        assert!(patients.iter().filter(same).count() > 140);
    }
}
