//! Bodies as facts: as documented, as seen in the wild, and what is refused with member and remedy.

mod invoices;
mod parties;
mod payments;
mod support;
