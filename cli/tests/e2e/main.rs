//! Whole executions: the definition that is deployed, interpreted, with the functions' own binaries
//! on a Lambda runtime API, `mds run --on aws` in front of it, and the same through `mds run` on
//! this machine to compare with. `make e2e` builds and installs what they need.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "what these tests need of the commands' support"
)]
#[path = "../it/support.rs"]
mod support;

mod airflow;
mod aws;
mod failures;
mod same;
mod whole;
