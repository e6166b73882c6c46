//! `docs/CONTRACT.md` and the code name the same things. Every comparison goes both ways: a name
//! that only one of the two has fails.

mod command_line;
mod configuration;
mod data;
mod events;
mod names;
mod objects;
mod page;
mod runbook;
mod tables;
