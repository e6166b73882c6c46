//! Which block has delivered an old trip, and which provider an old device belongs to.

use tokio_postgres::Transaction;
use trips::status::BlockStatus;
use trips::words::counted;
use uuid::Uuid;

use super::TakeOver;
use super::inspect::{Inspection, Work};
use super::shape::{PROVIDERS, TRIPS};
use crate::error::{StoreError, failed, failed_to_change};
use crate::schedule::{get, read_count, status_list};

/// The owner of a trip: the block of its provider's hour in which it ended, if the block was
/// loaded.
pub(super) const OWNER_OF_TRIP: &str = "pg_temp.mds_owner";

/// Defines [`OWNER_OF_TRIP`]. Returns whether there is a schedule that can own trips.
pub(super) async fn define(
    transaction: &Transaction<'_>,
    trips: &Work,
    options: &TakeOver,
) -> Result<bool, StoreError> {
    let doing = failed_to_change("finding the owners of trips");
    let schedule = transaction
        .query_one(
            "SELECT to_regclass('api.schedule') IS NOT NULL AND to_regclass('api.providers') IS NOT NULL AS is_there",
            &[],
        )
        .await
        .map_err(doing)?;
    if !get::<bool>(&schedule, "is_there")? {
        return Ok(false);
    }
    let (names, ids): (Vec<&str>, Vec<Uuid>) = options
        .provider_ids
        .iter()
        .map(|(name, id)| (name.as_str(), *id))
        .unzip();
    let id = trips.value("provider_id").unwrap_or("NULL::uuid");
    let name = trips.value("provider_name").unwrap_or("NULL::text");
    transaction
        .batch_execute(
            "ALTER TABLE api.providers ADD COLUMN IF NOT EXISTS mds_provider_id uuid;
             CREATE TEMP TABLE mds_owners (mds_id uuid PRIMARY KEY, number int NOT NULL) ON COMMIT DROP",
        )
        .await
        .map_err(doing)?;
    transaction
        .execute(
            &format!(
                "INSERT INTO mds_owners
                 SELECT DISTINCT ON (mds_id) mds_id, number FROM (
                     SELECT given.id AS mds_id, p.provider_id AS number, 1 AS rank
                     FROM unnest($1::text[], $2::uuid[]) AS given (name, id)
                     JOIN api.providers p ON p.provider_name = given.name
                     UNION ALL
                     SELECT mds_provider_id, provider_id, 2 FROM api.providers
                     UNION ALL
                     SELECT t.id, p.provider_id, 3
                     FROM (SELECT DISTINCT {id} AS id, {name} AS name FROM api.trips) AS t
                     JOIN api.providers p ON p.provider_name = lower(t.name)
                 ) AS found
                 WHERE mds_id IS NOT NULL
                 ORDER BY mds_id, rank, number"
            ),
            &[&names, &ids],
        )
        .await
        .map_err(doing)?;
    transaction.batch_execute(NAME_IDS).await.map_err(doing)?;
    transaction
        .batch_execute(&format!(
            "CREATE FUNCTION {OWNER_OF_TRIP}(provider uuid, ended timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
             BEGIN
                 RETURN (SELECT s.schedule_id FROM mds_owners o
                         JOIN api.schedule s ON s.provider_id = o.number
                              AND s.block_start = date_trunc('hour', ended, 'UTC')
                         WHERE o.mds_id = provider AND s.status_id IN ({loaded}));
             END $$",
            loaded = status_list(BlockStatus::LOADED)
        ))
        .await
        .map_err(doing)?;
    Ok(true)
}

/// Tells the providers' ids, also of providers that no run will plan again: the way out for trips
/// without a block needs them.
const NAME_IDS: &str = "
    UPDATE api.providers p SET mds_provider_id = o.mds_id
    FROM mds_owners o
    WHERE p.mds_provider_id IS NULL AND o.number = p.provider_id
      AND NOT EXISTS (SELECT FROM mds_owners other WHERE other.number = o.number AND other.mds_id <> o.mds_id)";

/// Notes the trips of which nobody knows the provider: they will have no block.
pub(super) async fn note_unknown_providers(
    transaction: &Transaction<'_>,
    inspection: &mut Inspection,
    options: &TakeOver,
) -> Result<(), StoreError> {
    let (trips, providers) = (inspection.work_on(&TRIPS), inspection.work_on(&PROVIDERS));
    let (Some(trips), Some(providers)) = (trips, providers) else {
        return Ok(());
    };
    let (Some(id), Some(known)) = (trips.value("provider_id"), providers.value("provider_name"))
    else {
        return Ok(());
    };
    let name = trips.value("provider_name").unwrap_or("NULL::text");
    let known_id = providers.value("mds_provider_id").unwrap_or("NULL::uuid");
    let (names, ids): (Vec<&str>, Vec<Uuid>) = options
        .provider_ids
        .iter()
        .map(|(name, id)| (name.as_str(), *id))
        .unzip();
    let query = format!(
        "WITH known AS (SELECT lower(btrim(({known})::text)) AS name, ({known_id})::uuid AS id FROM api.providers)
         SELECT t.id::text AS id, coalesce(min(t.name), '') AS name, sum(t.trips)::bigint AS trips
         FROM (SELECT ({id})::uuid AS id, ({name})::text AS name, count(*) AS trips FROM api.trips GROUP BY 1, 2) AS t
         WHERE NOT EXISTS (SELECT FROM known WHERE known.id = t.id)
           AND NOT EXISTS (SELECT FROM unnest($1::text[], $2::uuid[]) AS given (name, id)
                           JOIN known ON known.name = given.name WHERE given.id = t.id)
         GROUP BY t.id
         HAVING NOT bool_or(coalesce(lower(t.name), '') IN (SELECT known.name FROM known))
         ORDER BY 3 DESC, 1
         LIMIT 20"
    );
    let rows = transaction.query(&query, &[&names, &ids]).await;
    let rows = rows.map_err(failed("looking for the providers of trips"))?;
    for row in &rows {
        let (id, name): (String, String) = (get(row, "id")?, get(row, "name")?);
        let trips = read_count(row, "trips")?;
        inspection.notes.push(format!(
            "of {name:?}, {} without a block, since no row of api.providers is known to be the provider {id}; before the \
             migration, give the providers file an entry under the provider_name of that row with \
             \"provider_id\": \"{id}\", and \"enabled\": false if it has left",
            counted(trips, "trip").with("stays", "stay")
        ));
    }
    Ok(())
}

/// Notes how many trips have no owner: no run publishes them, and no repair of an audit.
pub(super) async fn count_trips_without_block(
    transaction: &Transaction<'_>,
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let count = "SELECT count(*) AS trips FROM api.trips WHERE schedule_id IS NULL";
    let row = transaction.query_one(count, &[]).await;
    let row = row.map_err(failed_to_change("counting trips without a block"))?;
    let trips = read_count(&row, "trips")?;
    if trips > 0 {
        notes.push(format!(
            "{} no block, since the schedule does not have the hour of the end as loaded, or nobody knows the provider: they are counted, but no \
             run publishes them; docs/MIGRATING.md, \"Trips without a block\", has the way out",
            counted(trips, "trip").with("has", "have")
        ));
    }
    Ok(())
}

/// Gives devices without a provider those of their trips. A device with trips of several providers
/// gets a row for each, with the same public id.
pub(super) async fn name_providers_of_devices(
    transaction: &Transaction<'_>,
    notes: &mut Vec<String>,
) -> Result<(), StoreError> {
    let doing = failed_to_change("finding the providers of devices");
    transaction
        .batch_execute(
            "CREATE TEMP TABLE mds_device_providers ON COMMIT DROP AS
                 SELECT device_id, provider_id, row_number() OVER (PARTITION BY device_id ORDER BY provider_id) AS n
                 FROM (SELECT DISTINCT device_id, provider_id FROM api.trips) AS d;
             INSERT INTO api.devices (id, provider_id, device_id)
                 SELECT d.id, p.provider_id, d.device_id
                 FROM api.devices d JOIN mds_device_providers p USING (device_id)
                 WHERE p.n > 1 AND d.provider_id IS NULL;
             UPDATE api.devices d SET provider_id = p.provider_id
                 FROM mds_device_providers p
                 WHERE p.device_id = d.device_id AND p.n = 1 AND d.provider_id IS NULL",
        )
        .await
        .map_err(doing)?;
    let without = transaction
        .execute(
            "UPDATE api.devices SET provider_id = '00000000-0000-0000-0000-000000000000' WHERE provider_id IS NULL",
            &[],
        )
        .await
        .map_err(doing)?;
    if without > 0 {
        notes.push(format!(
            "{} no trip that tells the provider and got the provider_id 00000000-0000-0000-0000-000000000000",
            counted(without, "device").with("has", "have")
        ));
    }
    Ok(())
}
