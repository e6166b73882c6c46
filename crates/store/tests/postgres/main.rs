//! The store on a real Postgres, a database to each test.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod broken;
mod claims;
mod fixture;
mod loading;
mod migrations;
mod overlap;
mod parallel;
mod roundtrip;
mod runs;
mod schedule;
mod secrecy;
mod tls;
