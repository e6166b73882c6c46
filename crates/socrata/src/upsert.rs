//! The result of an upload.

use serde::{Deserialize, Serialize};
use trips::json::Object;

use crate::error::SocrataError;

/// How many rows of an upload the portal took and refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upsert {
    /// Rows whose identifier was new.
    pub created: u64,
    /// Rows that replaced one with the same identifier.
    pub updated: u64,
    /// Rows that the upload deleted.
    pub deleted: u64,
    /// Rows that the portal refused: they are missing there, or are still there if they were to be
    /// deleted. Real portals also count deletions of rows here that they do not have.
    pub errors: u64,
}

/// A portal may leave out a count of 0.
#[derive(Deserialize)]
struct Response {
    #[serde(rename = "Rows Created")]
    created: Option<u64>,
    #[serde(rename = "Rows Updated")]
    updated: Option<u64>,
    #[serde(rename = "Rows Deleted")]
    deleted: Option<u64>,
    #[serde(rename = "Errors")]
    errors: Option<u64>,
}

impl Upsert {
    /// Reads the body of a 200 to an upload of `rows` rows, of which `deletions` delete one. If
    /// every other row is written, deletions may be missing in the counts: those of rows that the
    /// portal does not have.
    ///
    /// # Errors
    ///
    /// [`SocrataError::Rejected`] for a body without counts, and for counts that are not those of
    /// these rows: nobody knows then which rows the portal has.
    pub(crate) fn read(body: &[u8], rows: u64, deletions: u64) -> Result<Self, SocrataError> {
        let no_counts = || SocrataError::malformed("it returned status 200 without counts of rows");
        let Object(response): Object<Response> =
            serde_json::from_slice(body).map_err(|_| no_counts())?;
        if response.created.is_none() && response.updated.is_none() && response.deleted.is_none() {
            return Err(no_counts());
        }
        let upsert = Self {
            created: response.created.unwrap_or(0),
            updated: response.updated.unwrap_or(0),
            deleted: response.deleted.unwrap_or(0),
            errors: response.errors.unwrap_or(0),
        };
        if upsert.is_of(rows, deletions) {
            return Ok(upsert);
        }
        Err(SocrataError::malformed(format!(
            "it counted {} created, {} updated, {} deleted and {} refused rows, but {rows} were sent, {deletions} of them to be deleted",
            upsert.created, upsert.updated, upsert.deleted, upsert.errors
        )))
    }

    /// Whether the counts can be those of such an upload.
    fn is_of(&self, rows: u64, deletions: u64) -> bool {
        let Some(counted) = self.rows() else {
            return false;
        };
        let (written, to_write) = (self.created + self.updated, rows.saturating_sub(deletions));
        if self.deleted > deletions || written > to_write {
            return false;
        }
        counted == rows || counted < rows && written == to_write
    }

    /// How many deletions of such an upload the portal does not confirm, while every other row is
    /// written; 0 if a row was refused that may have been another one.
    #[must_use]
    pub fn unconfirmed_deletions(&self, rows: u64, deletions: u64) -> u64 {
        if self.created + self.updated == rows.saturating_sub(deletions) {
            deletions.saturating_sub(self.deleted)
        } else {
            0
        }
    }

    /// The number of rows that the counts speak of; `None` if no upload has that many.
    fn rows(&self) -> Option<u64> {
        self.created
            .checked_add(self.updated)?
            .checked_add(self.deleted)?
            .checked_add(self.errors)
    }
}

#[cfg(test)]
mod tests;
