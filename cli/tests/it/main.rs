//! Whole runs of the real `mds` against real parts on loopback.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod archive;
mod config;
mod contract;
mod files;
mod flags;
mod flat;
mod hours;
mod kill;
mod late;
mod leftovers;
mod logs;
mod portal;
mod probe;
mod providers;
mod refusals;
mod repeat;
mod run;
mod support;
