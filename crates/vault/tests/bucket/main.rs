//! Objects in a bucket on loopback, over the real protocol.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod conditions;
mod failures;
mod network;
mod objects;
mod python;
mod rotation;
mod sealed;
mod support;
