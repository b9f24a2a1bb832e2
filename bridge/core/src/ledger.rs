//! The ledger: what a practice's invoices and payments mean in its books, exact to the cent.
//!
//! [`facts`] is what Halaxy shows ([`reading`] gathers it), [`chart`] what the books allow, [`document`] what is posted and what
//! the books show of it. Halaxy is never written; the books are only ever added to, voided or allocated.

pub mod chart;
pub mod document;
pub mod facts;
pub mod money;
pub mod reading;

pub use chart::{Account, Books, Category, TaxRate};
pub use document::{Contact, Document, DocumentKind, DocumentLine, Shown, ShownLine, Status};
pub use facts::{
    Charge, Cover, CoverPayer, Facts, Invoice, InvoiceKind, Line, LineStatus, Organisation, Party, Payment,
    PaymentKind, Price, PriceKind, Role,
};
pub use money::{Cents, Currency, MoneyError};
pub use reading::{Fact, FactKind, Fault, Gathered, ReadFacts, Unreadable};
