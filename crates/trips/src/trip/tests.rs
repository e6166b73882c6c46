//! The rules, one by one, on whole trips.

mod ahead;
mod fixture;
mod flags;
mod rejects;
mod values;
