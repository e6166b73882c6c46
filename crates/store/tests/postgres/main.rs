//! The store on a real Postgres. Each test has its own database.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod audit;
mod big_loads;
mod broken;
mod claims;
mod delivered;
mod deliveries;
mod fixture;
mod indexes;
mod loading;
mod locks;
mod lone_rows;
mod migrations;
mod orders;
mod overlap;
mod pace;
mod parallel;
mod publications;
mod reaching;
mod recorder;
mod refused_at_start;
mod roundtrip;
mod runs;
mod schedule;
mod secrecy;
mod silence;
mod statements;
mod status;
mod takeover;
mod takeover_entangled;
mod takeover_names;
mod takeover_odd;
mod takeover_readers;
mod takeover_texts;
mod takeover_values;
mod tls;
mod trip_report;
mod updates;
mod vehicles;
mod views;
mod whole;
mod withdrawals;
