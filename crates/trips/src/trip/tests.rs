//! The rules, one by one, on whole trips.

mod fixture;
mod flags;
mod rejects;
mod values;
