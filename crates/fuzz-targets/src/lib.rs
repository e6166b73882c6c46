#![doc = include_str!("../README.md")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a target fails by a panic"
)]

pub mod corpus;
pub mod json;
pub mod mutate;
mod outcome;
pub mod run;
mod targets;

pub use targets::{TARGETS, Target, target};

/// Runs the target of this name over one input.
///
/// # Panics
///
/// There is no such target, or it finds something.
pub fn run(name: &str, input: &[u8]) {
    let target = target(name).expect("there is a target of this name");
    (target.check)(input);
}
