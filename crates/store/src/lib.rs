//! Postgres: the schedule of blocks, the trips, and the runs (docs/CONTRACT.md, Postgres).
//!
//! - [`Store`] holds the pool of connections: migrations, planning, the record of runs.
//! - [`Claim`] is a block that nobody else may work on until it is released or its connection ends.
//! - [`LoadStage`], [`CopySink`] and [`Upsert`] take a claimed block's trips from binary COPY to
//!   the table, in one transaction that also says so in the schedule.
//!
//! A claim is a session's advisory lock, so the database must be reached directly or through a
//! pooler in session mode: one in transaction mode would give the session, and with it the lock, to
//! somebody else.

mod claim;
mod connect;
mod copy;
mod error;
mod load;
mod migrate;
mod overview;
mod publish;
mod runs;
mod schedule;
mod session;
mod upsert;
mod vehicles;

pub use claim::{Archived, Claim};
pub use connect::{Store, StoreOptions};
pub use copy::{CopyEncoder, EncodeError, LoadRow, PointLabels};
pub use error::{Busy, DatabaseFailure, StoreError};
pub use load::{CopySink, LoadStage};
pub use overview::ProviderOverview;
pub use publish::PublishRow;
pub use runs::{FailedBlock, Outcome, RunRecord, RunSummary};
pub use schedule::ScheduleRow;
pub use upsert::{LoadCounts, LoadRequest, Upsert};
