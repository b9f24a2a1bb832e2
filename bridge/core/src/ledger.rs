//! The ledger: what a practice's invoices and payments mean in its books, exact to the cent.
//!
//! [`facts`] is what Halaxy shows ([`reading`] gathers it), [`chart`] what the books allow, [`document`] what is posted and what
//! the books show of it. Halaxy is never written; the books are only ever added to, voided or allocated.

pub mod adopt;
pub mod chart;
pub mod document;
pub mod entry;
pub mod facts;
pub mod fit;
pub mod hold;
pub mod money;
pub mod month;
pub mod plan;
pub mod position;
pub mod prove;
pub mod reading;
pub mod recode;
pub mod rules;
pub mod settlement;
pub mod share;
pub mod sheet;
pub mod statement;
pub mod target;
pub mod tasks;
mod tight;

pub use chart::{Account, Books, Category, TaxRate};
pub use document::{Contact, Document, DocumentKind, DocumentLine, Shown, ShownLine, Status};
pub use entry::{Effect, Entry, EntryState, Purpose};
pub use facts::{
    Charge, Cover, CoverPayer, Facts, Invoice, InvoiceKind, Line, LineStatus, Organisation, Party, Payment,
    PaymentKind, Price, PriceKind, Role,
};
pub use hold::{Held, Source, Why};
pub use money::{Cents, Currency, MoneyError};
pub use plan::{Given, Plan};
pub use prove::{Evidence, Proof};
pub use reading::{Fact, FactKind, Fault, Gathered, ReadFacts, Unreadable};
pub use recode::{Choice, Recoding};
pub use rules::{Approve, Mode, Naming, PayerType, Rules};
pub use target::{Charged, Moved, Target, Way};
