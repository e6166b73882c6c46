//! [`ManyDevices`]: the devices of a big load, which are inserted while the load goes on.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{StoreError, failed};
use crate::schedule::get;
use crate::values::{Parameter, values};

/// Inserts those of these devices that are new. The order is the same in all loads.
const INSERT: &str = "
    INSERT INTO api.devices (id, provider_id, device_id)
    SELECT given.id, given.provider_id, given.device_id
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS given (id, provider_id, device_id)
    WHERE NOT EXISTS (
        SELECT FROM api.devices d WHERE d.device_id = given.device_id AND d.provider_id = given.provider_id
    )
    ORDER BY given.device_id, given.provider_id
    ON CONFLICT (provider_id, device_id) DO NOTHING";

/// Looks each of these devices up in the index, and selects those that have another public id than
/// the given one, or none. The limit leaves no other plan.
const WITH_OTHER_ID: &str = "
    SELECT given.device_id, given.provider_id, d.id
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS given (id, provider_id, device_id)
    LEFT JOIN LATERAL (
        SELECT id FROM api.devices WHERE device_id = given.device_id AND provider_id = given.provider_id LIMIT 1
    ) AS d ON true
    WHERE d.id IS DISTINCT FROM given.id";

/// A device of a load. Devices are sorted by their keys, which the order of the fields sees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Device {
    pub(crate) device_id: Uuid,
    pub(crate) provider_id: Uuid,
    /// Its public id if the device is new.
    pub(crate) public_id: Uuid,
}

impl Device {
    fn key(&self) -> DeviceKey {
        (self.device_id, self.provider_id)
    }
}

/// A device and its provider.
type DeviceKey = (Uuid, Uuid);

/// The public ids of devices that have another one than was given, or none.
type OtherIds = HashMap<DeviceKey, Option<Uuid>>;

/// The devices of a load: each once, and sorted.
#[derive(Debug, Clone)]
pub(crate) struct ManyDevices(Arc<[Device]>);

impl ManyDevices {
    pub(crate) fn new(devices: Arc<[Device]>) -> Self {
        Self(devices)
    }

    /// Inserts those that are new. A device that has another public id, from before ids followed
    /// from keys, keeps it. Returns the ids that the table has.
    pub(crate) async fn insert(self, store: &Store) -> Result<DeviceIds, StoreError> {
        let client = store.client().await?;
        let (ids, providers, devices) = self.columns();
        let columns = values![ids, providers, devices];
        let inserted = client.execute_typed(INSERT, columns).await;
        let inserted = inserted.map_err(failed("inserting devices"))?;
        // Only one that was there before can have another id.
        let others = match inserted < self.0.len() as u64 {
            true => other_ids(&client, columns).await?,
            false => OtherIds::default(),
        };
        Ok(DeviceIds {
            devices: self.0,
            others,
        })
    }

    /// The public ids, the providers and the devices.
    fn columns(&self) -> (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) {
        let column = |value: fn(&Device) -> Uuid| self.0.iter().map(value).collect();
        (
            column(|it| it.public_id),
            column(|it| it.provider_id),
            column(|it| it.device_id),
        )
    }
}

async fn other_ids(client: &Client, columns: &[Parameter<'_>]) -> Result<OtherIds, StoreError> {
    let doing = failed("looking for devices");
    let rows = client
        .query_typed_raw(WITH_OTHER_ID, columns.to_vec())
        .await;
    let rows = rows.map_err(doing)?.map_err(doing);
    let ids = rows.and_then(async |row| Ok(((get(&row, 0)?, get(&row, 1)?), get(&row, 2)?)));
    ids.try_collect().await
}

/// The public ids that a load's devices have.
#[derive(Debug)]
pub(crate) struct DeviceIds {
    devices: Arc<[Device]>,
    others: OtherIds,
}

impl DeviceIds {
    /// The public id of a device; `None` if it is none of the load's, or has no id.
    pub(crate) fn of(&self, device_id: Uuid, provider_id: Uuid) -> Option<Uuid> {
        let key = (device_id, provider_id);
        if let Some(id) = self.others.get(&key) {
            return *id;
        }
        let found = self.devices.binary_search_by_key(&key, Device::key).ok()?;
        self.devices.get(found).map(|device| device.public_id)
    }
}

#[cfg(test)]
mod tests;
