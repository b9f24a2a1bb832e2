//! How much each level weighs: how often it is found in two records of one person, of two people
//! of one household, and of strangers. Shipped values hold until a practice's own data teach others.

use super::compare::{
    BornLevel, CardLevel, Comparison, ContactLevel, GivenLevel, MiddleLevel, PlaceLevel, SexLevel, SurnameLevel,
};

use serde::{Deserialize, Serialize};

/// Who two records may be to each other.
pub const ONE: usize = 0;
/// Two people of one household.
pub const KIN: usize = 1;
/// Two strangers.
pub const STRANGERS: usize = 2;

/// Fewer pairs of a household than this share of the pairs of one person: there are no households.
const HOUSEHOLDS: f32 = 0.15;

const CONTACTS: usize = ContactLevel::ALL.len();
const PLACES: usize = PlaceLevel::ALL.len();
/// Combinations of phone, mailbox and address.
pub(super) const CONTACT_CELLS: usize = CONTACTS * CONTACTS * PLACES;

/// Logarithms of the three shares, per level.
pub(super) type Column = Vec<[f32; 3]>;

/// A table of weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Which table this is: results name it.
    pub version: String,
    /// Given name and birth date together: twins share the one, namesakes of a family the other.
    pub(super) identity: Column,
    /// Strangers' given names by themselves.
    pub(super) given: Column,
    pub(super) surname: Column,
    pub(super) middle: Column,
    pub(super) born: Column,
    pub(super) sex: Column,
    pub(super) card: Column,
    /// Phone, mailbox and address together: households share them together. Strangers' column unused.
    pub(super) contact: Column,
    /// Phone, mailbox and address of strangers, each by itself.
    pub(super) phone: Column,
    pub(super) email: Column,
    pub(super) place: Column,
    /// How many records of the other system, on average, are this person and are of the household.
    pub(super) prior: [f32; 2],
}

/// A line of the table that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the table of weights: {problem}")]
pub struct WeightsError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

pub(super) fn identity_cell(given: GivenLevel, born: BornLevel) -> usize {
    given as usize * BornLevel::ALL.len() + born as usize
}

pub(super) fn contact_cell(phone: ContactLevel, email: ContactLevel, place: PlaceLevel) -> usize {
    (phone as usize * CONTACTS + email as usize) * PLACES + place as usize
}

/// The natural logarithm of a share that is never quite nothing.
fn ln(share: f64) -> f32 {
    share.max(1e-9).ln() as f32
}

impl Weights {
    /// The shipped table.
    ///
    /// # Panics
    /// Never: the table is part of the program and a test reads it.
    pub fn shipped() -> Self {
        match Self::parse(include_str!("shipped_weights.txt")) {
            Ok(weights) => weights,
            Err(error) => unreachable!("{error}"),
        }
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`WeightsError`] for a line that is not `FIELD LEVEL.. SHARE SHARE SHARE`.
    pub fn parse(text: &str) -> Result<Self, WeightsError> {
        let column = |n: usize| vec![[ln(1e-6); 3]; n];
        let mut w = Self {
            version: String::new(),
            identity: column(GivenLevel::ALL.len() * BornLevel::ALL.len()),
            given: column(GivenLevel::ALL.len()),
            surname: column(SurnameLevel::ALL.len()),
            middle: column(MiddleLevel::ALL.len()),
            born: column(BornLevel::ALL.len()),
            sex: column(SexLevel::ALL.len()),
            card: column(CardLevel::ALL.len()),
            contact: column(CONTACT_CELLS),
            phone: column(CONTACTS),
            email: column(CONTACTS),
            place: column(PLACES),
            prior: [0.5, 1.0],
        };
        for (i, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            let bad = |problem: &str| WeightsError {
                line: i + 1,
                problem: problem.to_string(),
            };
            let Some((field, rest)) = words.split_first() else {
                continue;
            };
            if *field == "version" {
                w.version = rest.join(" ");
                continue;
            }
            let levels: Vec<&str> = rest.iter().copied().take_while(|t| t.parse::<f64>().is_err()).collect();
            let shares: Vec<f64> = rest[levels.len()..].iter().filter_map(|t| t.parse().ok()).collect();
            if *field == "prior" {
                let [one, kin] = shares[..] else {
                    return Err(bad("`prior` takes two numbers"));
                };
                w.prior = [ln(one), ln(kin)];
                continue;
            }
            let [one, kin, strangers] = shares[..] else {
                return Err(bad("three shares are needed"));
            };
            let cell = w.cell(field, &levels).ok_or_else(|| bad("no such field and level"))?;
            *cell = [ln(one), ln(kin), ln(strangers)];
        }
        Ok(w)
    }

    /// How many records of the other system, on average, are this person, and are of the household.
    pub fn prior(&self) -> [f32; 2] {
        self.prior.map(f32::exp)
    }

    /// Whether records of one household are common beside records of one person.
    pub fn households(&self) -> bool {
        self.prior[KIN] > self.prior[ONE] + HOUSEHOLDS.ln()
    }

    fn cell(&mut self, field: &str, levels: &[&str]) -> Option<&mut [f32; 3]> {
        macro_rules! place {
            ($level:ty, $code:expr) => {
                <$level>::ALL.iter().position(|l| l.code() == $code)
            };
        }
        if let ("contact", [phone, email, place]) = (field, levels) {
            let (phone, email) = (place!(ContactLevel, *phone)?, place!(ContactLevel, *email)?);
            let place = place!(PlaceLevel, *place)?;
            return self.contact.get_mut(contact_cell(
                ContactLevel::ALL[phone],
                ContactLevel::ALL[email],
                PlaceLevel::ALL[place],
            ));
        }
        if let ("identity", [given, born]) = (field, levels) {
            let (given, born) = (place!(GivenLevel, *given)?, place!(BornLevel, *born)?);
            return self
                .identity
                .get_mut(identity_cell(GivenLevel::ALL[given], BornLevel::ALL[born]));
        }
        let [level] = levels else { return None };
        match field {
            "given" => self.given.get_mut(place!(GivenLevel, *level)?),
            "surname" => self.surname.get_mut(place!(SurnameLevel, *level)?),
            "middle" => self.middle.get_mut(place!(MiddleLevel, *level)?),
            "born" => self.born.get_mut(place!(BornLevel, *level)?),
            "sex" => self.sex.get_mut(place!(SexLevel, *level)?),
            "card" => self.card.get_mut(place!(CardLevel, *level)?),
            "phone" => self.phone.get_mut(place!(ContactLevel, *level)?),
            "email" => self.email.get_mut(place!(ContactLevel, *level)?),
            "place" => self.place.get_mut(place!(PlaceLevel, *level)?),
            _ => None,
        }
    }

    /// Natural logarithms of how likely the comparison is, times how likely the case is beforehand,
    /// for one person, two of a household, and strangers among `records` on a side.
    pub fn likelihoods(&self, c: &Comparison, records: f32) -> [f32; 3] {
        let mut sum = [self.prior[0], self.prior[1], records.max(1.0).ln()];
        let fields = [
            self.surname[c.surname as usize],
            self.middle[c.middle as usize],
            self.sex[c.sex as usize],
            self.card[c.card as usize],
        ];
        for field in fields {
            for (sum, part) in sum.iter_mut().zip(field) {
                *sum += part;
            }
        }
        let identity = self.identity[identity_cell(c.given, c.born)];
        sum[ONE] += identity[ONE];
        sum[KIN] += identity[KIN];
        sum[STRANGERS] += self.given[c.given as usize][STRANGERS] + self.born[c.born as usize][STRANGERS];
        let contact = self.contact[contact_cell(c.phone, c.email, c.place)];
        sum[ONE] += contact[ONE];
        sum[KIN] += contact[KIN];
        sum[STRANGERS] += self.place[c.place as usize][STRANGERS];
        let chance = |share: f32, level: &[f32; 3]| {
            if share > 0.0 { share.ln() } else { level[STRANGERS] }
        };
        let (p, e) = (
            chance(c.phone_share, &self.phone[c.phone as usize]),
            chance(c.email_share, &self.email[c.email as usize]),
        );
        // a crowd's phone and mailbox go together
        let crowd = c.phone == ContactLevel::Crowd && c.email == ContactLevel::Crowd;
        sum[STRANGERS] += if crowd { p.max(e) } else { p + e };
        // agreement on a common name is likelier among strangers than on a rare one
        if c.given_share > 0.0 {
            sum[STRANGERS] += c.given_share.ln() - self.given[GivenLevel::Same as usize][STRANGERS];
        }
        if c.surname_share > 0.0 {
            sum[STRANGERS] += c.surname_share.ln() - self.surname[SurnameLevel::Same as usize][STRANGERS];
            if c.given_share > 0.0 {
                // names of one community go together
                sum[STRANGERS] += 1.0;
            }
        }
        sum
    }

    /// Natural logarithm of the odds that two records are of one person.
    pub fn odds(&self, c: &Comparison, records: f32) -> f32 {
        let [one, kin, strangers] = self.likelihoods(c, records);
        let most = kin.max(strangers);
        one - most - ((kin - most).exp() + (strangers - most).exp()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_can_be_read() {
        let weights = Weights::parse(include_str!("shipped_weights.txt")).expect("readable");
        assert!(!weights.version.is_empty());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Weights::parse("version 1\ngiven nonsense 1 2 3").expect_err("no such level");
        assert_eq!(error.line, 2);
    }
}
