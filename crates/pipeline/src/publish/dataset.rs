//! What the portal's dataset must be like, checked before the first upload of a process.

use socrata::{ColumnKind, DatasetInfo, SocrataClient, SocrataError};

use crate::error::{Dependency, PipelineError};

/// The column by which an upload replaces a row.
const IDENTIFIER: &str = "trip_id";

/// The columns of the published row (docs/CONTRACT.md, "The published row").
const COLUMNS: [(&str, ColumnKind); 18] = [
    ("trip_id", ColumnKind::Text),
    ("device_id", ColumnKind::Text),
    ("vehicle_type", ColumnKind::Text),
    ("trip_duration", ColumnKind::Number),
    ("trip_distance", ColumnKind::Number),
    ("start_time", ColumnKind::Time),
    ("end_time", ColumnKind::Time),
    ("modified_date", ColumnKind::Time),
    ("start_time_us_central", ColumnKind::Time),
    ("end_time_us_central", ColumnKind::Time),
    ("year", ColumnKind::Number),
    ("month", ColumnKind::Number),
    ("hour", ColumnKind::Number),
    ("day_of_week", ColumnKind::Number),
    ("council_district_start", ColumnKind::Label),
    ("council_district_end", ColumnKind::Label),
    ("census_geoid_start", ColumnKind::Label),
    ("census_geoid_end", ColumnKind::Label),
];

/// The columns of which an audit's queries need numbers and times.
const AUDITED: [&str; 4] = [
    "trip_duration",
    "trip_distance",
    "end_time",
    "modified_date",
];

/// Checks that an upload would replace rows by their id, and that every column is there.
///
/// # Errors
///
/// `ConfigInvalid` with what to change in the dataset; those of a request to the portal.
pub(crate) async fn check_dataset(client: &SocrataClient) -> Result<(), PipelineError> {
    let info = match client.dataset_info().await {
        Ok(info) => info,
        // No block has a part in this request.
        Err(error @ SocrataError::Rejected { .. }) => {
            return Err(PipelineError::from(error).refused_by(Dependency::Portal));
        }
        Err(error) => return Err(error.into()),
    };
    Ok(check_info(&info)?)
}

/// As [`check_dataset`], of what the portal has said about it.
pub(crate) fn check_info(info: &DatasetInfo) -> Result<(), SocrataError> {
    info.check(IDENTIFIER, &COLUMNS)
}

/// The columns that an audit sums up or compares, and that the dataset has as texts.
pub(crate) fn not_audited(info: &DatasetInfo) -> Vec<&'static str> {
    let mut columns = info.held_as_text(&COLUMNS);
    columns.retain(|name| AUDITED.contains(name));
    columns
}
