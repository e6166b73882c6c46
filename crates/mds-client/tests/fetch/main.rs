//! Fetching an hour over real HTTP: statuses, pages, bodies, credentials, and what leaks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod bodies;
mod credentials;
mod pages;
mod raw;
mod secrets;
mod support;
