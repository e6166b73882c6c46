#![doc = include_str!("../README.md")]

mod audit;
mod checkup;
mod claim;
mod connect;
mod copy;
mod delivered;
mod devices;
mod error;
mod failure_text;
mod fence;
mod hour_totals;
mod hours;
mod in_order;
mod life;
mod load;
mod lock_session;
mod lone_rows;
mod migrate;
mod named_locks;
mod overview;
mod pace;
mod portal_state;
mod publications;
mod publish;
mod request_slots;
mod runs;
mod schedule;
mod screen;
mod takeover;
mod trip_report;
mod upsert;
mod values;
mod vehicles;
mod views;
mod whole;
mod work;

pub use audit::{KnownBlock, LiveTrip, OwnedTrip, OwnedTrips, OwnerBlock};
pub use checkup::ServerInfo;
pub use claim::Claim;
pub use connect::{
    Address, Authorities, Login, ReadLogin, ReadLoginError, SecretLogin, Store, StoreOptions,
};
pub use copy::{CopyEncoder, EncodeError, LoadRow};
pub use delivered::LoadedTrips;
pub use error::{Busy, DatabaseFailure, StoreError};
pub use failure_text::split_failure;
pub use fence::Fence;
pub use hour_totals::HourTotals;
pub use hours::{Found, HourRow};
pub use life::MAX_SILENCE;
pub use load::{CopySink, LoadStage};
pub use lone_rows::LoneRows;
pub use overview::ProviderOverview;
pub use pace::{HeldOff, Turn};
pub use portal_state::{AuditFinding, LastAudit};
pub use publications::{
    Entering, LiveRows, Publication, PublicationEntry, PublicationFile, PublicationState,
    PublishTurn, Sent,
};
pub use publish::{BlockRows, NEW_PUBLIC_IDS};
pub use request_slots::{RequestSlot, RequestSlots};
pub use runs::{
    BlockEnd, FailedBlock, FailureGroup, NotedBlock, Outcome, ProviderSummary, Pruned,
    RemovedBlock, RunConfig, RunEntry, RunRecord, RunSummary, RunTrips, UnfinishedBlock,
};
pub use schedule::{ArchiveRecord, PlannedBlocks, ScheduleRow, ScheduledBlock};
pub use screen::{Screen, Screened};
pub use takeover::{ColumnChange, HoursAre, MigrationReport, Obstacle, TableChange, TakeOver};
pub use trip_report::{
    HoursDue, MadeReport, ReportedCounts, Seen, TripCounts, TripFilters, TripGroup,
};
pub use upsert::{LoadCounts, LoadRequest, Upsert, Writing, WrittenLoad};
pub use vehicles::WantedDevice;
pub use views::ProviderFacts;
pub use whole::{DoneWhen, ExpectedHours, UndoneHours};
