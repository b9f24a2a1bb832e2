//! What the books were told of whom: a line of the history for each patient whom a posted document is about.

use super::Ledger;
use super::keep::State;
use bridge_core::ledger::{DocumentKind, Entry, EntryState, Party, Source};
use bridge_store::{About, Telling};
use std::collections::{BTreeMap, BTreeSet};

impl Ledger {
    fn patient(&self, id: &str) -> About {
        About::record(&self.settings.source, "Patient", id)
    }

    /// Of entries that were sent, those that turned out to be in the books; to be asked before they are kept. Documents
    /// that add up a day's invoices, and journals, name nobody.
    pub(super) fn told_by(&self, state: &State, settled: &[Entry]) -> Vec<Telling> {
        let was_sent = |entry: &&Entry| {
            let before = state.entries.get(entry.key()).map(|kept| kept.entry.state);
            before == Some(EntryState::Sent) && matches!(entry.state, EntryState::Posted | EntryState::Void)
        };
        let posted: Vec<&Entry> = settled.iter().filter(was_sent).collect();
        let names_somebody = |entry: &Entry| entry.shares.is_empty() && entry.document.kind != DocumentKind::Journal;
        let facts = state.gathered.facts();
        let invoices_of = |entry: &Entry| -> BTreeSet<String> {
            let invoice = |source: &Source| match source {
                Source::Invoice(id) => Some(id.clone()),
                Source::Payment(id) => facts.payments.get(id)?.invoice.clone(),
            };
            entry.sources.iter().filter_map(invoice).collect()
        };
        let named = posted.iter().filter(|entry| names_somebody(entry));
        let invoices: BTreeSet<String> = named.flat_map(|entry| invoices_of(entry)).collect();
        let mut patients: BTreeMap<&str, BTreeSet<About>> = BTreeMap::new();
        if !invoices.is_empty() {
            for line in facts.lines.values() {
                if let (Some(invoice), Some(patient)) = (&line.invoice, &line.patient)
                    && invoices.contains(invoice)
                {
                    patients.entry(invoice).or_default().insert(self.patient(patient));
                }
            }
        }
        let telling = |entry: &&Entry| {
            let document = &entry.document;
            let mut about = BTreeSet::new();
            if names_somebody(entry) {
                for invoice in invoices_of(entry) {
                    about.extend(patients.get(invoice.as_str()).into_iter().flatten().cloned());
                    if let Some(Party::Patient(id)) = facts.invoices.get(&invoice).and_then(|i| i.payer.as_ref()) {
                        about.insert(self.patient(id));
                    }
                }
                about.extend(document.contact.as_deref().and_then(|key| self.debtor(key)));
            }
            let kind = document.kind.name();
            let mut units = vec![format!("{kind}.date"), format!("{kind}.amounts")];
            units.extend(document.contact.as_ref().map(|_| format!("{kind}.contact")));
            units.extend((!document.lines.is_empty()).then(|| format!("{kind}.lines")));
            Telling {
                system: self.settings.books.clone(),
                remote_id: entry.remote_id.clone(),
                units,
                purpose: format!("ledger: {}", document.key),
                certain: true,
                about,
            }
        };
        posted.iter().map(telling).collect()
    }

    /// A debtor that was made in the books.
    pub(super) fn told_contact(&self, key: &str, remote_id: &str) -> Telling {
        Telling {
            system: self.settings.books.clone(),
            remote_id: Some(remote_id.to_owned()),
            units: vec!["contact.name".into(), "contact.key".into()],
            purpose: format!("ledger: contact {key}"),
            certain: true,
            about: self.debtor(key).into_iter().collect(),
        }
    }

    /// The patient whom our key of a contact stands for.
    fn debtor(&self, key: &str) -> Option<About> {
        let id = key
            .strip_prefix(self.settings.rules.prefix.as_str())?
            .strip_prefix("P-")?;
        Some(self.patient(id))
    }
}
