//! `statemachine.asl.json` against the code that it calls.

#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod definition;
mod errors;
mod paths;
