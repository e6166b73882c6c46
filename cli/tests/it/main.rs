//! Runs of the real `mds` binary against real services on loopback.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod adoption;
#[cfg(feature = "sandbox")]
mod again;
mod archive;
mod archive_command;
mod as_json;
mod audit;
mod belief;
mod config;
mod config_edit;
mod config_provider;
mod config_schema;
mod config_versions;
mod contract;
mod database;
mod deletions;
mod deliveries;
mod doctor;
mod drill;
mod fence;
mod files;
mod first_contact;
mod flags;
mod flat;
mod held_back;
mod hours;
mod init;
mod kill;
mod late;
mod ledger;
#[cfg(feature = "sandbox")]
mod leftovers;
mod logs;
mod mistaken;
mod moving_in;
mod nothing;
mod odd;
mod on_aws;
mod pace;
mod portal;
mod probe;
mod probe_hours;
mod product;
mod prompts;
mod providers;
mod public_data;
mod publishing;
#[path = "../../../tools/testing/python.rs"]
mod python;
mod refusals;
mod repeat;
mod run;
mod runbook;
mod sealed;
mod slips;
mod status;
mod statuses;
mod summaries;
mod support;
mod trip_report;
mod turns;
mod unfinished;
mod upgrade;
mod vehicles;
mod views;
mod way_out;
