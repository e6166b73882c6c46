//! Whole runs of the real `mds` against real parts on loopback.

mod config;
mod files;
mod flags;
mod kill;
mod logs;
mod repeat;
mod run;
mod support;
