//! Vehicles of MDS 2.0: their history in `api.vehicles`, when each provider's list was last
//! requested (`api.vehicle_lists`), and the devices still unknown (`api.vehicles_wanted`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use trips::status::BlockStatus;
use trips::vehicle::Vehicle;
use uuid::Uuid;

use crate::claim::Claim;
use crate::error::{Busy, StoreError, failed};
use crate::lock_session::VEHICLES_SPACE;
use crate::named_locks::NamedLock;
use crate::schedule::{get, status_code};
use crate::values::values;

mod sql;

use sql::{REOPEN, STORE};

/// A device that a provider is requested for by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDevice {
    /// Its id in `api.trips`.
    pub device_id: Uuid,
    /// The whole number that the provider uses in place of the id.
    pub sent_id: Option<String>,
}

impl Claim {
    /// Locks a provider's list of vehicles, so that one process at a time requests it.
    ///
    /// The claim holds the lock until [`unlock_all`](Self::unlock_all) or until the claim ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another session still holds the lock after `wait`;
    /// [`StoreError::Unavailable`] if the connection, and with it the claim, is lost.
    pub async fn lock_vehicles(
        &mut self,
        provider: Uuid,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let lock = NamedLock {
            space: VEHICLES_SPACE,
            name: provider.to_string(),
        };
        self.lock(lock, wait, Busy::Vehicles { provider }).await
    }

    /// Reads from `api.vehicle_lists` when the provider's list of vehicles was last requested.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn vehicles_listed_at(
        &self,
        provider: Uuid,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.session
            .query_opt(
                "looking up when vehicles were listed",
                "SELECT fetched_at FROM api.vehicle_lists WHERE provider_id = $1",
                values![provider],
            )
            .await?
            .map(|row| get(&row, "fetched_at"))
            .transpose()
    }

    /// Records in `api.vehicle_lists` that the provider's list of vehicles was requested.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn mark_vehicles_listed(
        &self,
        provider: Uuid,
        fetched_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.session
            .query_opt(
                "recording a list of vehicles",
                "INSERT INTO api.vehicle_lists (provider_id, fetched_at) VALUES ($1, $2)
                 ON CONFLICT (provider_id) DO UPDATE SET fetched_at = excluded.fetched_at",
                values![provider, fetched_at],
            )
            .await?;
        Ok(())
    }

    /// Stores a provider's vehicles in `api.vehicles` and removes them from `api.vehicles_wanted`.
    /// Returns the number of vehicles that are new or have changed.
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
        self.session
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
            .map_err(failed("storing vehicles"))
    }

    /// Returns those of the devices that `api.vehicles` does not know, in the order of their ids,
    /// without those that were requested at or after `asked_before` according to
    /// `api.vehicles_wanted`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn unknown_devices(
        &self,
        provider: Uuid,
        devices: &[WantedDevice],
        asked_before: DateTime<Utc>,
    ) -> Result<Vec<WantedDevice>, StoreError> {
        let (ids, sent_ids) = columns(devices);
        self.session
            .client()?
            .query(
                "SELECT device_id, sent_id FROM unnest($2::uuid[], $4::text[]) AS given (device_id, sent_id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.vehicles v WHERE v.provider_id = $1 AND v.device_id = given.device_id
                 ) AND NOT EXISTS (
                     SELECT FROM api.vehicles_wanted w
                     WHERE w.provider_id = $1 AND w.device_id = given.device_id AND w.asked_at >= $3
                 )
                 ORDER BY device_id",
                &[&provider, &ids, &asked_before, &sent_ids],
            )
            .await
            .map_err(failed("looking for unknown devices"))?
            .iter()
            .map(wanted)
            .collect()
    }

    /// Reads from `api.vehicles_wanted` the devices that were last requested before `asked_before`:
    /// at most `max`, the oldest request first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn wanted_devices(
        &self,
        provider: Uuid,
        asked_before: DateTime<Utc>,
        max: i64,
    ) -> Result<Vec<WantedDevice>, StoreError> {
        self.session
            .client()?
            .query(
                "SELECT device_id, sent_id FROM api.vehicles_wanted WHERE provider_id = $1 AND asked_at < $2
                 ORDER BY asked_at, device_id LIMIT $3",
                &[&provider, &asked_before, &max],
            )
            .await
            .map_err(failed("looking for wanted devices"))?
            .iter()
            .map(wanted)
            .collect()
    }

    /// Records in `api.vehicles_wanted` that the provider did not know these devices at `asked_at`.
    /// `None` means that they are yet to be requested.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn add_wanted_devices(
        &self,
        provider: Uuid,
        devices: &[WantedDevice],
        asked_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let (ids, sent_ids) = columns(devices);
        self.session
            .client()?
            .execute(
                "INSERT INTO api.vehicles_wanted AS w (provider_id, device_id, sent_id, asked_at)
                 SELECT $1, device_id, sent_id, coalesce($3, '-infinity'::timestamptz)
                 FROM unnest($2::uuid[], $4::text[]) AS given (device_id, sent_id)
                 ORDER BY device_id
                 ON CONFLICT (provider_id, device_id) DO UPDATE
                 SET asked_at = greatest(w.asked_at, excluded.asked_at),
                     sent_id = coalesce(excluded.sent_id, w.sent_id)",
                &[&provider, &ids, &asked_at, &sent_ids],
            )
            .await
            .map_err(failed("recording unknown devices"))?;
        Ok(())
    }

    /// Sets loaded blocks of the claimed block's provider back to [`BlockStatus::Archived`] in
    /// `api.schedule` if vehicles of their trips have become known after the load. Returns the
    /// number of blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub async fn reopen_for_vehicles(&self, provider: Uuid) -> Result<u64, StoreError> {
        self.session
            .client()?
            .execute(
                REOPEN,
                &[
                    &self.row.schedule_id,
                    &provider,
                    &status_code(BlockStatus::Archived),
                    &BlockStatus::LOADED.map(status_code).as_slice(),
                    &status_code(BlockStatus::Published),
                ],
            )
            .await
            .map_err(failed("reopening blocks for their vehicles"))
    }
}

fn columns(devices: &[WantedDevice]) -> (Vec<Uuid>, Vec<Option<&str>>) {
    let columns = devices.iter();
    columns
        .map(|device| (device.device_id, device.sent_id.as_deref()))
        .unzip()
}

fn wanted(row: &Row) -> Result<WantedDevice, StoreError> {
    Ok(WantedDevice {
        device_id: get(row, "device_id")?,
        sent_id: get(row, "sent_id")?,
    })
}
