//! Vehicles of MDS 2.0: what was said of them and when, who is missing, and the trips that wait for
//! them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use trips::vehicle::Vehicle;
use uuid::Uuid;

use crate::claim::Claim;
use crate::error::{Busy, StoreError, failed};
use crate::schedule::get;
use crate::session::VEHICLES_SPACE;

/// A snapshot is a row only if it says something else than the last one.
const STORE: &str = "
    WITH given AS (
        SELECT DISTINCT ON (device_id) *
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY
            AS given (device_id, vehicle_id, vehicle_type, propulsion_type, record, n)
        ORDER BY device_id, n DESC
    ), last AS (
        SELECT DISTINCT ON (v.device_id) v.device_id, v.fetched_at, v.vehicle_id, v.vehicle_type, v.propulsion_type
        FROM given JOIN api.vehicles v ON v.provider_id = $1 AND v.device_id = given.device_id
        ORDER BY v.device_id, v.fetched_at DESC
    ), same AS (
        UPDATE api.vehicles v SET seen_at = $2
        FROM last JOIN given USING (device_id)
        WHERE v.provider_id = $1 AND v.device_id = last.device_id AND v.fetched_at = last.fetched_at
          AND (last.vehicle_id, last.vehicle_type, last.propulsion_type)
              IS NOT DISTINCT FROM (given.vehicle_id, given.vehicle_type, given.propulsion_type)
        RETURNING v.device_id
    ), found AS (
        DELETE FROM api.vehicles_wanted w USING given WHERE w.provider_id = $1 AND w.device_id = given.device_id
    )
    INSERT INTO api.vehicles (provider_id, device_id, fetched_at, seen_at, vehicle_id, vehicle_type, propulsion_type, record)
    SELECT $1, device_id, $2, $2, vehicle_id, vehicle_type, propulsion_type, record::json
    FROM given
    WHERE device_id NOT IN (SELECT device_id FROM same)
    ON CONFLICT DO NOTHING";

/// Blocks with trips whose vehicle was not known when they were loaded and is now go back to 2, so
/// that whoever comes next loads and publishes them anew.
const REOPEN: &str = "
    UPDATE api.schedule s
    SET status_id = 2, updated_at = clock_timestamp(),
        message = 'vehicles of its trips have become known: to be loaded again'
    WHERE s.status_id IN (5, 6, 8, -8) AND s.payload IS NOT NULL AND s.schedule_id IN (
        SELECT t.schedule_id
        FROM api.trips t
        WHERE t.provider_id = $1 AND t.vehicle_type IS NULL AND EXISTS (
            SELECT FROM api.vehicles v
            WHERE v.provider_id = $1 AND v.device_id = t.device_id AND v.vehicle_type IS NOT NULL
        )
    )";

impl Claim {
    /// Waits for one's turn to ask a provider for all its vehicles, over all processes, and takes
    /// it. It ends with [`unlock_all`](Self::unlock_all) or the claim.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if it is not one's turn within `wait`.
    pub async fn lock_vehicles(
        &mut self,
        provider: Uuid,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let name = provider.to_string();
        let busy = Busy::Vehicles { provider };
        self.lock(VEHICLES_SPACE, &name, wait, busy).await
    }

    /// When the provider was last asked for all its vehicles.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn vehicles_listed_at(
        &self,
        provider: Uuid,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.held
            .query_opt(
                "looking up the age of a list of vehicles",
                "SELECT fetched_at FROM api.vehicle_lists WHERE provider_id = $1",
                &[&provider],
            )
            .await?
            .map(|row| get(&row, "fetched_at"))
            .transpose()
    }

    /// Notes that the provider was asked for all its vehicles.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn vehicles_listed(
        &self,
        provider: Uuid,
        fetched_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.held
            .query_opt(
                "noting a list of vehicles",
                "INSERT INTO api.vehicle_lists (provider_id, fetched_at) VALUES ($1, $2)
                 ON CONFLICT (provider_id) DO UPDATE SET fetched_at = excluded.fetched_at",
                &[&provider, &fetched_at],
            )
            .await?;
        Ok(())
    }

    /// Keeps what a provider says of its vehicles, and answers of how many it says something new.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn store_vehicles(
        &self,
        provider: Uuid,
        fetched_at: DateTime<Utc>,
        vehicles: &[Vehicle],
    ) -> Result<u64, StoreError> {
        let devices: Vec<Uuid> = vehicles.iter().map(|it| it.device_id).collect();
        let ids: Vec<_> = vehicles.iter().map(|it| it.vehicle_id.as_deref()).collect();
        let types: Vec<_> = vehicles
            .iter()
            .map(|it| it.vehicle_type.as_deref())
            .collect();
        let propulsions: Vec<_> = vehicles
            .iter()
            .map(|it| it.propulsion_type.as_deref())
            .collect();
        let records: Vec<_> = vehicles.iter().map(|it| it.record.as_str()).collect();
        self.held
            .client()?
            .execute(
                STORE,
                &[
                    &provider,
                    &fetched_at,
                    &devices,
                    &ids,
                    &types,
                    &propulsions,
                    &records,
                ],
            )
            .await
            .map_err(failed("keeping vehicles"))
    }

    /// Which of the devices nothing is known of, and were not asked for since `asked_before`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn unknown_devices(
        &self,
        provider: Uuid,
        devices: &[Uuid],
        asked_before: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let doing = failed("looking for unknown devices");
        self.held
            .client()?
            .query(
                "SELECT device_id FROM unnest($2::uuid[]) AS given (device_id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.vehicles v WHERE v.provider_id = $1 AND v.device_id = given.device_id
                 ) AND NOT EXISTS (
                     SELECT FROM api.vehicles_wanted w
                     WHERE w.provider_id = $1 AND w.device_id = given.device_id AND w.asked_at >= $3
                 )
                 ORDER BY device_id",
                &[&provider, &devices, &asked_before],
            )
            .await
            .map_err(doing)?
            .iter()
            .map(|row| get(row, "device_id"))
            .collect()
    }

    /// Devices that the provider knew nothing of when it was asked before `asked_before`, the
    /// oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn wanted_devices(
        &self,
        provider: Uuid,
        asked_before: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.held
            .client()?
            .query(
                "SELECT device_id FROM api.vehicles_wanted WHERE provider_id = $1 AND asked_at < $2
                 ORDER BY asked_at, device_id LIMIT $3",
                &[&provider, &asked_before, &most],
            )
            .await
            .map_err(failed("looking for wanted devices"))?
            .iter()
            .map(|row| get(row, "device_id"))
            .collect()
    }

    /// Notes that the provider knows nothing of these devices, or, without a time, that it is still
    /// to be asked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn want_devices(
        &self,
        provider: Uuid,
        devices: &[Uuid],
        asked_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        self.held
            .client()?
            .execute(
                "INSERT INTO api.vehicles_wanted AS w (provider_id, device_id, asked_at)
                 SELECT $1, device_id, coalesce($3, '-infinity'::timestamptz)
                 FROM unnest($2::uuid[]) AS given (device_id)
                 ON CONFLICT (provider_id, device_id) DO UPDATE SET asked_at = greatest(w.asked_at, excluded.asked_at)",
                &[&provider, &devices, &asked_at],
            )
            .await
            .map_err(failed("noting unknown devices"))?;
        Ok(())
    }

    /// Sets blocks back to 2 that have trips whose vehicles have become known since they were
    /// loaded, and answers how many those are.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn reopen_for_vehicles(&self, provider: Uuid) -> Result<u64, StoreError> {
        self.held
            .client()?
            .execute(REOPEN, &[&provider])
            .await
            .map_err(failed("looking for trips without vehicles"))
    }
}
