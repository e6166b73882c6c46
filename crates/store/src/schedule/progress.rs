//! Column `socrata_status` of `api.schedule`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far the upload of a block's `publish.json` has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishProgress {
    /// The entity tag of the `publish.json` that is uploaded. The upload of another file starts at
    /// its first row.
    pub object: String,
    /// Number of rows, from the start of the file, that the portal has accepted.
    pub rows_done: u64,
    /// Rows that the portal has created.
    pub created: u64,
    /// Rows that the portal has updated.
    pub updated: u64,
    /// Rows that the portal has refused.
    pub errors: u64,
}

impl PublishProgress {
    /// Reads the column. Older tools stored other JSON here, which says nothing about an upload of
    /// ours and reads as `None`.
    pub(super) fn read(column: Option<Value>) -> Option<Self> {
        column.and_then(|json| serde_json::from_value(json).ok())
    }
}

#[cfg(test)]
mod tests;
