//! Compares `statemachine.asl.json` with the code that it calls.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod definition;
mod errors;
mod paths;
