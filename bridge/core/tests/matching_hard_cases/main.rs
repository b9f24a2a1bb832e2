//! Hard cases by name: what must happen to the people whom a case is known for, and to everybody who
//! stands beside them. Each test is called as the case is in the labelled data that matching is measured by.

#[path = "../town/mod.rs"]
mod town;

mod families;
mod names;
mod others;
mod particulars;
mod support;
