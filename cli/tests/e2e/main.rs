//! Whole executions of the state machine on this machine: an interpreter runs the deployed
//! definition, and the functions' binaries run on a Lambda Runtime API. `mds run --on aws` and
//! Airflow start executions, and their results are compared with those of a local `mds run`. `make
//! e2e` builds and installs what these tests need.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../it/runbook.rs"]
mod runbook;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "these tests use only a part of it"
)]
#[path = "../it/support.rs"]
mod support;

mod airflow;
mod aws;
mod bucket;
mod chaos;
mod configuration;
mod failover;
mod failures;
mod night;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the attacks on `mds` use the rest of it"
)]
mod of_chaos;
mod page;
mod rehearsal;
mod same;
mod whole;

// The modules of `cli/tests/chaos` name each other from the root of their binary.
use of_chaos::{database, disturbances, end, feed, network, schedule, seeds, weather};
