//! The four use-cases of mds-etl, as functions over clients and stores: [`plan()`], [`extract()`],
//! [`sync_db()`] and [`sync_socrata()`], with [`summarize()`] to close a run and [`run_local()`] to
//! run a whole plan in one process.
//!
//! The Lambda functions and the command line call these same functions. What goes in and comes out
//! of them are the events of docs/CONTRACT.md, "Events and errors": keys, counts and names, never a
//! trip.

mod context;
mod convert;
mod error;
mod event;
mod extract;
mod load_worker;
mod manifest;
mod object_stream;
mod plan;
mod probe;
mod run;
mod run_step;
mod source;
mod step;
mod summarize;
mod sync_db;
mod sync_socrata;

pub use context::Context;
pub use error::{ErrorName, PipelineError};
pub use event::{
    BlockItem, ExtractOutput, ManifestLocation, PlanRequest, SyncDbOutput, SyncSocrataOutput,
};
pub use extract::{extract, extract_to};
pub use manifest::read_manifest;
pub use plan::{Plan, PlannedBlock, plan, single_block};
pub use probe::{Answer, Finding, ProbeReport, ProbedHour, Purpose, Verdict, probe};
pub use run::{BlockOutcome, RunObserver, RunOptions, run_local};
pub use run_step::{run_step, step_within};
pub use source::Source;
pub use summarize::summarize;
pub use sync_db::sync_db;
pub use sync_socrata::sync_socrata;
