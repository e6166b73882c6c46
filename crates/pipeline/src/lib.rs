#![doc = include_str!("../README.md")]

mod archive_check;
mod archived;
mod audit;
mod block_report;
mod context;
mod convert;
mod database;
mod doctor;
mod error;
mod event;
mod extract;
mod fenced;
mod hashing;
mod judge;
mod load_worker;
mod manifest;
mod migration;
mod object_stream;
mod pace;
mod patience;
mod plan;
mod privacy;
mod probe;
mod publish;
mod run;
mod run_step;
mod source;
mod span;
mod status;
mod step;
mod summarize;
mod sync_db;
mod sync_socrata;
mod trip_report;
mod trips_file;

pub use archive_check::open_archive;
pub use audit::{
    Audit, AuditDepth, AuditProgress, AuditReport, BlockDifference, HourDifference, PeriodCounts,
    audit,
};
pub use context::Context;
pub use doctor::{Check, DoctorReport, Outcome, Verdict as DoctorVerdict, examine, examine_portal};
pub use error::{Dependency, ErrorName, PipelineError, to_json};
pub use event::{
    BlockItem, ExtractOutput, ManifestLocation, PlanRequest, SyncDbOutput, SyncSocrataOutput,
    read_event,
};
pub use extract::{extract, extract_to};
pub use judge::{FileVerdict, HIDDEN, Judged, judge_providers, judge_settings, quietly};
pub use manifest::read_manifest;
pub use migration::{
    HOW_TO_MOVE_IN, Migrated, MigrationRequest, OTHER_TABLES, migrate, name_other_tables,
    newest_migration,
};
pub use plan::{
    AuditSummary, Forgotten, HoursBehind, MAX_CONCURRENCY, Nothing, NothingReason, Plan,
    PlannedBlock, PlannedProvider, forget, hours_behind, hours_in_range, plan, plan_patiently,
    plan_repair, provider_starts, single_block,
};
pub use privacy::{AloneRows, MonthPrivacy, PrivacyReport, privacy_report};
pub use probe::{
    Conclusion, Finding, HourOutcome, ProbeReport, ProbedHour, Purpose, Verdict, probe,
};
#[cfg(feature = "fuzzing")]
pub use publish::fuzzing;
pub use publish::not_loaded;
pub use run::{BlockOutcome, GaveUp, RunEnd, RunObserver, RunOptions, run_local};
pub use run_step::{run_step, step_within};
pub use source::Source;
pub use span::step_span;
pub use status::{
    DayStatus, HourStatus, OlderHours, PortalDifferences, Problem, ProviderStatus, StatusReport,
    StatusRequest, UnusableEntry, odd_providers, put_status_page, status_page_key, status_report,
};
pub use step::record_not_begun;
pub use store::{
    ColumnChange, FailureGroup, HoursAre, MigrationReport, Obstacle, ProviderSummary, RunSummary,
    RunTrips, TableChange,
};
pub use summarize::{run_summary, successful, summarize};
pub use sync_db::sync_db;
pub use sync_socrata::sync_socrata;
pub use trip_report::{
    ProviderTrips, ReportFilters, SinceReport, TripFigures, TripReport, TripReportRequest,
    VehicleTrips, record_trip_report, trip_report,
};
pub use trips_file::check_trips_file;
