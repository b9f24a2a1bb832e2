//! The promises a history can break, by name.

use std::fmt;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// When edits and faults stop, records agree or the difference is in review.
    Convergence,
    /// When edits and faults stop, the bridge comes to rest.
    Quiet,
    /// Every edit is agreed, was overruled by name, or is in review.
    NoLostEdit,
    /// Nothing is created twice.
    NoDuplicateCreate,
    /// What was removed does not come back by itself.
    NoResurrection,
    /// Our own writes cause no further writes.
    EchoSilence,
    /// An older observation never replaces a newer one.
    Order,
    /// A removal that meets an edit the removed record never got is a card.
    RemovalCard,
    /// An edit that our write overwrote is shown where it can be proved.
    OverwriteCard,
    /// `newest` never chooses a value typed before the loser's.
    Newest,
    /// The same entity gives the same plan, and a plan stands until something happens.
    Purity,
    /// A person's value never reaches another person's record.
    OwnValues,
    /// An edit that needs a person's consent is not agreed without it.
    Consent,
    /// An opt-out that nobody took back is everywhere.
    OptOut,
    /// A write holds what is agreed when it goes out.
    FreshValues,
    /// A person's answer ends the question.
    ReviewEnds,
    /// A change costs a bounded number of calls.
    BoundedCalls,
    /// A directed scenario ends as it must.
    Scenario,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Promise::Convergence => "convergence",
            Promise::Quiet => "quiet",
            Promise::NoLostEdit => "no lost edit",
            Promise::NoDuplicateCreate => "no duplicate create",
            Promise::NoResurrection => "no resurrection",
            Promise::EchoSilence => "echo silence",
            Promise::Order => "order",
            Promise::RemovalCard => "removal card",
            Promise::OverwriteCard => "overwrite card",
            Promise::Newest => "newest",
            Promise::Purity => "purity",
            Promise::OwnValues => "value of another person",
            Promise::Consent => "consent",
            Promise::OptOut => "opt-out everywhere",
            Promise::FreshValues => "fresh values",
            Promise::ReviewEnds => "review ends",
            Promise::BoundedCalls => "bounded calls",
            Promise::Scenario => "scenario",
        })
    }
}

/// A promise that was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise.
    pub promise: Promise,
    /// Where and how.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}
