//! Every target over its seeds and over a few changes of them; and parsers beside those of Python.
//!
//! `make test` runs a few seconds of it. `make fuzz-stable RUNS=1000000` runs as many changes of
//! each target as you like, `MDS_FUZZ_FIRST=17 RUNS=1` one of them again.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod beside_python;
mod targets;
