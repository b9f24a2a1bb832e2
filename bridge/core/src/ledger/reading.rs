//! How bodies become [`Facts`]: one record at a time, the latest body of each, and what could not be read.

use super::facts::{Charge, Cover, Facts, Invoice, Line, Organisation, Payment, Role};
use super::money::MoneyError;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One record, read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// An invoice or quote.
    Invoice(Invoice),
    /// A line of one.
    Line(Line),
    /// A row of payments.
    Payment(Payment),
    /// A fee.
    Charge(Charge),
    /// Claim details.
    Cover(Cover),
    /// A funder, clinic or other organisation.
    Organisation(Organisation),
    /// A practitioner at a location.
    Role(Role),
    /// A practitioner, who lends a name to roles that show none.
    Practitioner {
        /// Id.
        id: String,
        /// Name.
        name: String,
    },
}

/// What a record can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// [`Fact::Invoice`].
    Invoice,
    /// [`Fact::Line`].
    Line,
    /// [`Fact::Payment`].
    Payment,
    /// [`Fact::Charge`].
    Charge,
    /// [`Fact::Cover`].
    Cover,
    /// [`Fact::Organisation`].
    Organisation,
    /// [`Fact::Role`].
    Role,
    /// [`Fact::Practitioner`].
    Practitioner,
}

/// Reads the bodies of one product.
pub trait ReadFacts: Send + Sync {
    /// The product's kinds that it reads, what others refer to first.
    fn kinds(&self) -> &'static [(&'static str, FactKind)];

    /// Takes one body apart.
    ///
    /// # Errors
    /// [`Unreadable`]: the record is held, everything else goes on.
    fn read(&self, kind: &str, body: &Json) -> Result<Fact, Unreadable>;

    /// What records of a kind are; `None` if they are not read.
    fn fact_kind(&self, kind: &str) -> Option<FactKind> {
        let known = self.kinds().iter().find(|(name, _)| *name == kind);
        known.map(|(_, of)| *of)
    }
}

impl Fact {
    /// The record's id.
    pub fn id(&self) -> &str {
        match self {
            Fact::Invoice(x) => &x.id,
            Fact::Line(x) => &x.id,
            Fact::Payment(x) => &x.id,
            Fact::Charge(x) => &x.id,
            Fact::Cover(x) => &x.id,
            Fact::Organisation(x) => &x.id,
            Fact::Role(x) => &x.id,
            Fact::Practitioner { id, .. } => id,
        }
    }
}

/// Why a record is no fact. Names no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {id}: {member} {fault}")]
pub struct Unreadable {
    /// Kind, as the product calls it.
    pub kind: String,
    /// The record's id; `?` if it shows none.
    pub id: String,
    /// The member at fault, as a path.
    pub member: String,
    /// What is wrong with it.
    pub fault: Fault,
    /// The invoice it concerns, as far as the record says: that one is held with it.
    pub invoice: Option<String>,
}

/// What is wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not there, and nothing else tells it.
    #[error("is missing")]
    Missing,
    /// It is something else than expected.
    #[error("is not {0}")]
    Shape(&'static str),
    /// It is no amount.
    #[error("cannot be used: {0}")]
    Money(MoneyError),
    /// It is in another currency than its siblings.
    #[error("is in another currency than the rest of the record")]
    Currencies,
    /// It holds a word that the bridge does not know and cannot pass over.
    #[error("holds a word that is not known")]
    Word,
    /// The kind has nothing to do with money.
    #[error("is of a kind that the ledger does not read")]
    Kind,
}

impl Unreadable {
    /// What a person does about it.
    pub fn remedy(&self) -> String {
        let what = match &self.fault {
            Fault::Missing | Fault::Shape(_) => {
                "open the record in Halaxy and save it again; if it stays, report it with its kind, id and member"
            }
            Fault::Money(MoneyError::Currency(_)) | Fault::Currencies => {
                "the books keep one currency: change the record in Halaxy to the practice's currency"
            }
            Fault::Money(_) => "correct the amount in Halaxy: whole cents, and no more than 15 digits",
            Fault::Word => {
                "a new kind of price in Halaxy: report the word, and leave the invoice held until it is known"
            }
            Fault::Kind => "leave this kind out of the ledger's kinds",
        };
        format!("{} {}: {what}", self.kind, self.id)
    }
}

/// Facts as they are gathered. The latest body of a record stands; a body that cannot be read takes the place of
/// what was known of the record, since stale money is worse than none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    facts: Facts,
    names: BTreeMap<String, String>,
    unreadable: BTreeMap<(String, String), Unreadable>,
}

impl Gathered {
    /// The facts so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The facts, when nothing more is to come.
    pub fn into_facts(self) -> Facts {
        self.facts
    }

    /// Records whose latest body could not be read.
    pub fn unreadable(&self) -> impl Iterator<Item = &Unreadable> {
        self.unreadable.values()
    }

    /// The ids of the records of a kind that are not known to be gone, those that cannot be read among them.
    pub fn ids(&self, reader: &dyn ReadFacts, of: FactKind) -> Vec<String> {
        let f = &self.facts;
        let mut ids: Vec<String> = match of {
            FactKind::Invoice => f
                .invoices
                .values()
                .filter(|x| !x.removed)
                .map(|x| x.id.clone())
                .collect(),
            FactKind::Line => f.lines.keys().cloned().collect(),
            FactKind::Payment => f
                .payments
                .values()
                .filter(|x| !x.removed)
                .map(|x| x.id.clone())
                .collect(),
            FactKind::Charge => f.charges.keys().cloned().collect(),
            FactKind::Cover => f.covers.keys().cloned().collect(),
            FactKind::Organisation => f.organisations.keys().cloned().collect(),
            FactKind::Role => f.roles.keys().cloned().collect(),
            FactKind::Practitioner => self.names.keys().cloned().collect(),
        };
        let unread = self
            .unreadable
            .keys()
            .filter(|(kind, _)| reader.fact_kind(kind) == Some(of));
        ids.extend(unread.map(|(_, id)| id.clone()));
        ids
    }

    /// Takes the latest body of a record.
    ///
    /// # Errors
    /// [`Unreadable`], which is kept as well.
    pub fn take(&mut self, reader: &dyn ReadFacts, kind: &str, body: &Json) -> Result<(), Unreadable> {
        match reader.read(kind, body) {
            Ok(fact) => {
                self.unreadable.remove(&(kind.to_owned(), fact.id().to_owned()));
                self.put(fact);
                Ok(())
            }
            Err(unreadable) => {
                if let Some(of) = reader.fact_kind(kind) {
                    self.forget(of, &unreadable.id);
                }
                let key = (kind.to_owned(), unreadable.id.clone());
                self.unreadable.insert(key, unreadable.clone());
                Err(unreadable)
            }
        }
    }

    /// The fact of a record as it is known now, if it could be read.
    pub fn fact(&self, of: FactKind, id: &str) -> Option<Fact> {
        let f = &self.facts;
        match of {
            FactKind::Invoice => f.invoices.get(id).cloned().map(Fact::Invoice),
            FactKind::Line => f.lines.get(id).cloned().map(Fact::Line),
            FactKind::Payment => f.payments.get(id).cloned().map(Fact::Payment),
            FactKind::Charge => f.charges.get(id).cloned().map(Fact::Charge),
            FactKind::Cover => f.covers.get(id).cloned().map(Fact::Cover),
            FactKind::Organisation => f.organisations.get(id).cloned().map(Fact::Organisation),
            FactKind::Role => f.roles.get(id).cloned().map(Fact::Role),
            FactKind::Practitioner => self.names.get(id).map(|name| Fact::Practitioner {
                id: id.to_owned(),
                name: name.clone(),
            }),
        }
    }

    /// Puts many facts in the place of what was known of their records: what was kept, at a start. In one go, since trees
    /// that are filled one by one stay half empty.
    pub fn put_all(&mut self, facts: Vec<Fact>) {
        let (mut invoices, mut lines, mut payments) = (Vec::new(), Vec::new(), Vec::new());
        for fact in facts {
            match fact {
                Fact::Invoice(x) => invoices.push((x.id.clone(), x)),
                Fact::Line(x) => lines.push((x.id.clone(), x)),
                Fact::Payment(x) => payments.push((x.id.clone(), x)),
                other => self.put(other),
            }
        }
        self.facts.invoices.append(&mut invoices.into_iter().collect());
        self.facts.lines.append(&mut lines.into_iter().collect());
        self.facts.payments.append(&mut payments.into_iter().collect());
    }

    /// Puts a fact in the place of what was known of the record.
    pub fn put(&mut self, fact: Fact) {
        let f = &mut self.facts;
        match fact {
            Fact::Invoice(x) => drop(f.invoices.insert(x.id.clone(), x)),
            Fact::Line(x) => drop(f.lines.insert(x.id.clone(), x)),
            Fact::Payment(x) => drop(f.payments.insert(x.id.clone(), x)),
            Fact::Charge(x) => drop(f.charges.insert(x.id.clone(), x)),
            Fact::Cover(x) => drop(f.covers.insert(x.id.clone(), x)),
            Fact::Organisation(x) => drop(f.organisations.insert(x.id.clone(), x)),
            Fact::Role(mut role) => {
                if role.name.is_empty()
                    && let Some(name) = role.practitioner.as_ref().and_then(|id| self.names.get(id))
                {
                    role.name.clone_from(name);
                }
                f.roles.insert(role.id.clone(), role);
            }
            Fact::Practitioner { id, name } => {
                // Roles took the former name over from here, unless they show one of their own.
                let former = self.names.insert(id.clone(), name.clone());
                for role in f
                    .roles
                    .values_mut()
                    .filter(|role| role.practitioner.as_ref() == Some(&id))
                {
                    if role.name.is_empty() || former.as_ref() == Some(&role.name) {
                        role.name.clone_from(&name);
                    }
                }
            }
        }
    }

    /// A record is gone, as a direct read has confirmed. Invoices and payments stay, marked as removed, since what
    /// was posted of them has to be taken back; everything else is forgotten.
    pub fn gone(&mut self, reader: &dyn ReadFacts, kind: &str, id: &str) {
        self.unreadable.remove(&(kind.to_owned(), id.to_owned()));
        match reader.fact_kind(kind) {
            Some(FactKind::Invoice) => {
                if let Some(invoice) = self.facts.invoices.get_mut(id) {
                    invoice.removed = true;
                }
            }
            Some(FactKind::Payment) => {
                if let Some(payment) = self.facts.payments.get_mut(id) {
                    payment.removed = true;
                }
            }
            Some(of) => self.forget(of, id),
            None => {}
        }
    }

    fn forget(&mut self, of: FactKind, id: &str) {
        let f = &mut self.facts;
        match of {
            FactKind::Invoice => drop(f.invoices.remove(id)),
            FactKind::Line => drop(f.lines.remove(id)),
            FactKind::Payment => drop(f.payments.remove(id)),
            FactKind::Charge => drop(f.charges.remove(id)),
            FactKind::Cover => drop(f.covers.remove(id)),
            FactKind::Organisation => drop(f.organisations.remove(id)),
            FactKind::Role => drop(f.roles.remove(id)),
            FactKind::Practitioner => drop(self.names.remove(id)),
        }
    }
}
