//! The admin app as browsers meet it: every route for every role, and what people try.
#![allow(clippy::unwrap_used)]

mod access;
mod affairs;
mod attacks;
mod books;
mod bound;
mod closing;
#[path = "../common/mod.rs"]
mod common;
mod office;
mod pages;
mod person;
mod progress;
mod provider;
mod review;
mod routes;
mod scope;
mod sign_on;
mod support;
mod told;
mod weight;
