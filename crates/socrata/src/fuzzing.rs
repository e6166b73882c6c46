//! Ways into the parsers that only fuzzing needs.

use crate::client::total;
use crate::error::SocrataError;
use crate::metadata::DatasetInfo;
use crate::upsert::Upsert;

/// Reads the answer to an upload of this many rows, of which so many delete one.
///
/// # Errors
///
/// [`SocrataError::Rejected`].
pub fn upsert(body: &[u8], rows: u64, deletions: u64) -> Result<Upsert, SocrataError> {
    Upsert::read(body, rows, deletions)
}

/// Reads the description of a dataset.
///
/// # Errors
///
/// [`SocrataError::Rejected`].
pub fn dataset_info(body: &[u8]) -> Result<DatasetInfo, SocrataError> {
    DatasetInfo::read(body)
}

/// Reads the answer to a count of rows.
///
/// # Errors
///
/// [`SocrataError::Rejected`].
pub fn count(body: &[u8]) -> Result<u64, SocrataError> {
    total(body)
}
