//! Which records are the same person. The first law is that nobody is taken for somebody else; the
//! second, that most people are found without anybody looking; the third, that what is left is
//! short and says why.
//!
//! 1. [`person`]: a record becomes names without marks and titles, a date in parts, numbers by the
//!    providers' rules, all of fixed size.
//! 2. [`blocking`]: opaque keys under which an [`index`] finds candidates, several per record, so
//!    that each way of being written differently leaves some of them alike.
//! 3. [`compare`]: candidates are compared field by field, in levels, with counts of who else
//!    holds the same phone, mailbox and name. Levels say what was found and not what it weighs.
//! 4. [`weights`]: how often each level is found in two records of *one* person, of two people of
//!    one *household*, and of *strangers*. What a household shares (phone, mailbox and address are
//!    weighed together) tells one person from a stranger and not from a relative; only given name
//!    and birth date (weighed together too) do that. [`learn`] adapts the shipped table to a
//!    practice's own records without being told who is who.
//! 5. [`decide`]: everybody who may be the same person competes on both sides; a link needs a
//!    winner whose probability is high. [`guards`] stand against a link whatever the weights say.
//! 6. [`reasons`]: why, in plain words. [`batch`]: everybody at once. [`units`]: the
//!    records that the bridge holds, as matching sees them.
//!
//! A decision looks at nothing but the candidates of a record and their candidates, so one record
//! is decided in microseconds and a batch is the same decision for each: neither the order of rows
//! nor the number of threads changes an answer.

pub mod batch;
pub mod blocking;
pub mod blocks;
pub mod compare;
pub mod decide;
pub mod given_names;
pub mod guards;
pub mod index;
pub mod learn;
mod normalise;
pub mod person;
pub mod reasons;
pub mod units;
pub mod weights;
