//! Fetching an hour over real HTTP: statuses, pages, bodies, credentials, and what errors print.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bodies;
mod credentials;
mod pages;
mod secrets;
mod statuses;
mod support;
