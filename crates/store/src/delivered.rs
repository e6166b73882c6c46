//! What a new response of a provider is compared with before it is believed: the block's trips in
//! `api.trips`, and the address that has returned trips before.

use uuid::Uuid;

use crate::claim::Claim;
use crate::error::{StoreError, failed};
use crate::schedule::{get, read_count};
use crate::values::values;

/// The trips that a block has loaded, and how many of them a response lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadedTrips {
    /// Number of trips in `api.trips` that the block delivered and that are not withdrawn.
    pub loaded: u64,
    /// Number of these that the response lacks.
    pub missing: u64,
}

impl Claim {
    /// Counts the trips that the block has loaded and those of them that are not among `delivered`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn compare_with_loaded(&self, delivered: &[Uuid]) -> Result<LoadedTrips, StoreError> {
        let row = self
            .session
            .query_opt(
                "comparing a response with the loaded trips",
                "SELECT count(*) AS loaded, count(*) FILTER (WHERE sent.trip_id IS NULL) AS missing
                 FROM api.trips t
                 LEFT JOIN (SELECT DISTINCT unnest($2::uuid[]) AS trip_id) AS sent ON sent.trip_id = t.trip_id
                 WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL",
                values![self.row.schedule_id, delivered],
            )
            .await?;
        let Some(row) = row else {
            return Ok(LoadedTrips::default());
        };
        Ok(LoadedTrips {
            loaded: read_count(&row, "loaded")?,
            missing: read_count(&row, "missing")?,
        })
    }

    /// Whether the portal must still receive something of the block.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn waits_for_upload(&self) -> Result<bool, StoreError> {
        let row = self
            .session
            .query_opt(
                "looking for rows that wait for an upload",
                "SELECT FROM api.publications WHERE schedule_id = $1 AND since IS NOT NULL",
                values![self.row.schedule_id],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Whether this address of the block's provider, by its hash, has returned an hour before.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn has_answered(&self, address: &str) -> Result<bool, StoreError> {
        let row = self
            .session
            .query_opt(
                "looking up a provider's address",
                "SELECT p.answered_address IS NOT DISTINCT FROM $2 AS known
                 FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1",
                values![self.row.schedule_id, address],
            )
            .await?;
        row.map_or(Ok(false), |row| get(&row, "known"))
    }

    /// Records that this address of the block's provider, by its hash, has returned an hour.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn note_answer(&self, address: &str) -> Result<(), StoreError> {
        self.session
            .client()?
            .execute_typed(
                "UPDATE api.providers p SET answered_address = $2, answered_at = clock_timestamp()
                 FROM api.schedule s
                 WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id
                   AND p.answered_address IS DISTINCT FROM $2",
                values![self.row.schedule_id, address],
            )
            .await
            .map_err(failed("recording a provider's address"))?;
        Ok(())
    }
}
