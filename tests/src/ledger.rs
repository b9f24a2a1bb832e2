//! A practice with books: the real ledger over the adapters of Halaxy and of Xero, both at stand-ins that are called in
//! process, on one clock that moves only when told or waited for.

mod desk;
mod life;
mod own;
mod planter;
mod rules;
mod year;

pub use desk::{Desk, call_count};
pub use life::{Day, FROM, TO, equal, held, live, prove};
pub use own::{Debtors, Truth};
pub use planter::{Planter, plant_and_prove};
pub use rules::{Modes, rules};
pub use year::{Year, YearDay, year};
