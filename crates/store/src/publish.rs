//! Reads a block's trips for the portal.

use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use trips::public_row::PublicTrip;
use uuid::Uuid;

use crate::connect::Store;
use crate::devices::DeviceIds;
use crate::error::{StoreError, failed};
use crate::fence::Fence;
use crate::schedule::{get, read_count};
use crate::values::values;

/// The columns that [`read`] reads by their positions: of `api.trips t`, and the public id of the
/// trip's device, which is `d.id` unless another expression is given.
macro_rules! public_columns {
    () => {
        $crate::publish::public_columns!("d.id")
    };
    ($device_id:expr) => {
        concat!(
            "SELECT t.id AS trip_id, ",
            $device_id,
            " AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time, t.end_time,
                t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
                t.census_geoid_end, t.trip_id AS provider_trip, t.device_id AS provider_device"
        )
    };
}
pub(crate) use public_columns;

/// What helps if a public id is one of the provider's. A load leaves an id as it is.
pub const NEW_PUBLIC_IDS: &str = "give such rows new ids: UPDATE api.trips SET id = gen_random_uuid() WHERE id IN \
     (trip_id, device_id); UPDATE api.devices SET id = gen_random_uuid() WHERE id = device_id OR id IN (SELECT trip_id \
     FROM api.trips); then start the same run again, and let `mds audit --rows --repair --accept-losses` replace what the \
     portal has under the former ids";

/// Counts the devices, and the newest trips, whose public id is one of the provider's. An index
/// finds the newest; to look at every trip would take minutes.
const SHOWN_IDS: &str = "
    SELECT (SELECT count(*) FROM api.devices WHERE id = device_id) AS devices,
           (SELECT count(*) FROM (
                SELECT id, trip_id, device_id FROM api.trips ORDER BY end_time DESC LIMIT 100000
            ) AS t WHERE t.id IN (t.trip_id, t.device_id)) AS trips";

/// The number of the device's public id among these columns; null if it has none.
const DEVICE_ID: usize = 1;

/// The number of the provider's id of the device among these columns.
const PROVIDER_DEVICE: usize = 13;

/// Gives the devices of the block `$1` public ids that have none. Only a table that another program
/// has written has such trips: a load gives every device its id.
const NAME_DEVICES: &str = "
    INSERT INTO api.devices (id, provider_id, device_id)
    SELECT gen_random_uuid(), t.provider_id, t.device_id
    FROM (SELECT DISTINCT provider_id, device_id FROM api.trips WHERE schedule_id = $1) AS t
    WHERE NOT EXISTS (
        SELECT FROM api.devices d WHERE d.device_id = t.device_id AND d.provider_id = t.provider_id
    )
    ORDER BY t.device_id, t.provider_id
    ON CONFLICT (provider_id, device_id) DO NOTHING";

/// Of `api.trips t`, the trips of which the block `$1` is the owner. A trip that another block owns
/// is published by that block, and a withdrawn one by none. The fixed order makes a repeated load
/// write the same file as one that was not interrupted.
macro_rules! of_the_block {
    () => {
        "
      WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL
      ORDER BY t.end_time, t.id"
    };
}

/// Selects a block's trips as they are in `api.trips`, with their public ids.
///
/// The limit leaves no other plan than to look each trip's device up in the index: statistics that
/// were gathered in the middle of a first load say that there are hardly any trips and devices, and
/// a join could read all of them again and again. Between two look-ups of one device, the database
/// remembers it.
const PUBLISH_ROWS: &str = concat!(
    public_columns!(),
    " FROM api.trips t
      LEFT JOIN LATERAL (
          SELECT id FROM api.devices WHERE device_id = t.device_id AND provider_id = t.provider_id LIMIT 1
      ) AS d ON true",
    of_the_block!()
);

/// As [`PUBLISH_ROWS`], without the public ids of devices, and with the trip's provider.
const PUBLISH_ROWS_WITHOUT_DEVICES: &str = concat!(
    public_columns!("NULL::uuid"),
    ", t.provider_id FROM api.trips t",
    of_the_block!()
);

/// The number of the trip's provider among these columns.
const PROVIDER_ID: usize = 14;

/// Work in a transaction that may read a block's trips for the portal.
pub trait BlockRows: Fence {
    /// Reads the trips of which the block is the owner, as `api.trips` has them, in order of their
    /// end times. Withdrawn ones are not among them.
    ///
    /// The exclusive borrow keeps other statements away until the stream is dropped: they would
    /// wait for rows that nobody takes meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; in the stream also [`StoreError::UnknownDevice`] for a trip
    /// whose device is unknown. After [`name_devices`](Self::name_devices), the rows can be read
    /// again.
    fn public_rows(
        &mut self,
    ) -> impl Future<Output = Result<BoxStream<'_, Result<PublicTrip, StoreError>>, StoreError>> + Send;

    /// Gives the devices of the block's trips public ids that have none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    fn name_devices(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Store {
    /// How many devices, and how many of the newest 100,000 trips, have an id of the provider for
    /// their public id. Their rows are never published.
    ///
    /// # Errors
    ///
    /// [`StoreError::LacksRight`], [`StoreError::Unavailable`].
    pub async fn count_shown_ids(&self) -> Result<(u64, u64), StoreError> {
        let row = self.client().await?.query_one(SHOWN_IDS, &[]).await;
        let row = row.map_err(failed("looking for ids of the provider"))?;
        let count = |column| read_count(&row, column);
        Ok((count("devices")?, count("trips")?))
    }
}

/// Gives the devices of a block public ids that have none.
pub(crate) async fn name_devices(client: &Client, schedule_id: i64) -> Result<(), StoreError> {
    client
        .execute_typed(NAME_DEVICES, values![schedule_id])
        .await
        .map_err(failed("naming the devices of a block"))?;
    Ok(())
}

/// Rows for the portal on their way from the database. The connection answers nothing else before
/// they are taken.
pub(crate) type PublicRows = BoxStream<'static, Result<PublicTrip, StoreError>>;

/// Reads the trips of which a block is the owner, as the connection sees them now.
pub(crate) async fn rows(client: &Client, schedule_id: i64) -> Result<PublicRows, StoreError> {
    let doing = failed("reading the rows to publish");
    let rows = client
        .query_typed_raw(PUBLISH_ROWS, [(schedule_id, Type::INT8)])
        .await
        .map_err(doing)?;
    Ok(rows.map(move |row| read(&row.map_err(doing)?)).boxed())
}

/// As [`rows`], for a load that knows the public ids of its devices: to look up those of 100,000
/// trips takes as long as everything else. The block may have a trip of another device; then the
/// stream ends with [`StoreError::UnknownDevice`].
pub(crate) async fn rows_of_devices(
    client: &Client,
    schedule_id: i64,
    devices: DeviceIds,
) -> Result<PublicRows, StoreError> {
    let doing = failed("reading the rows to publish");
    let rows = client
        .query_typed_raw(PUBLISH_ROWS_WITHOUT_DEVICES, [(schedule_id, Type::INT8)])
        .await
        .map_err(doing)?;
    let trips = rows.map(move |row| {
        let row = row.map_err(doing)?;
        let device_id = devices.of(get(&row, PROVIDER_DEVICE)?, get(&row, PROVIDER_ID)?);
        read_with_device(&row, device_id.ok_or(StoreError::UnknownDevice)?)
    });
    Ok(trips.boxed())
}

/// As [`rows`], taken off the connection; `None` if they are more than `most`, or if the device of
/// one has no public id.
pub(crate) async fn few_rows(
    client: &Client,
    schedule_id: i64,
    most: u64,
) -> Result<Option<Vec<PublicTrip>>, StoreError> {
    let mut rows = rows(client, schedule_id).await?;
    let mut few = Vec::new();
    loop {
        match rows.try_next().await {
            Ok(Some(_)) if few.len() as u64 == most => return Ok(None),
            Ok(Some(row)) => few.push(row),
            Ok(None) => return Ok(Some(few)),
            Err(StoreError::UnknownDevice) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// Reads the columns of `public_columns!` by position: finding each column by name would take
/// longer than everything else.
///
/// # Errors
///
/// [`StoreError::UnknownDevice`] for a trip whose device has no public id.
pub(crate) fn read(row: &Row) -> Result<PublicTrip, StoreError> {
    let device_id: Option<Uuid> = get(row, DEVICE_ID)?;
    read_with_device(row, device_id.ok_or(StoreError::UnknownDevice)?)
}

/// Like [`read`]; a device without a public id gets the nil UUID, which nobody publishes.
pub(crate) fn read_unnamed(row: &Row) -> Result<PublicTrip, StoreError> {
    let device_id: Option<Uuid> = get(row, DEVICE_ID)?;
    read_with_device(row, device_id.unwrap_or_default())
}

fn read_with_device(row: &Row, device_id: Uuid) -> Result<PublicTrip, StoreError> {
    let trip_id = get(row, 0)?;
    let of_provider: [Uuid; 2] = [get(row, 12)?, get(row, PROVIDER_DEVICE)?];
    Ok(PublicTrip {
        trip_id,
        device_id,
        has_provider_id: [trip_id, device_id]
            .iter()
            .any(|id| of_provider.contains(id)),
        vehicle_type: get(row, 2)?,
        trip_duration: get(row, 3)?,
        trip_distance: get(row, 4)?,
        start_time: get(row, 5)?,
        end_time: get(row, 6)?,
        modified_date: get(row, 7)?,
        council_district_start: get(row, 8)?,
        council_district_end: get(row, 9)?,
        census_geoid_start: get(row, 10)?,
        census_geoid_end: get(row, 11)?,
    })
}
