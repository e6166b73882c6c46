//! The statements of a load.

use std::sync::LazyLock;

use trips::trip::Flag;

use crate::claim::update_schedule;
use crate::copy::TRIP_DATA;

/// The sorts and hashes of a big block stay in memory: an hour of 100,000 trips needs some 40 MB. A
/// small one takes no more than before.
pub(super) const WORK_IN_MEMORY: &str = "SET LOCAL work_mem = '64MB'";

/// Nobody else gathers statistics on a temporary table, and without them a big block is joined row
/// by row. Only of the columns that are joined on, and from a tenth of the usual sample: all of it
/// takes longer than the joins.
pub(super) const GATHER_STATISTICS: &str = "
    SET LOCAL default_statistics_target = 10;
    ANALYZE pg_temp.incoming (provider_id, trip_id, device_id)";

/// Devices that are not known under the public id that follows from their key, and so are new, or
/// were given another id before ids followed from keys: how many they are, and how many were new.
/// Entered in a fixed order, so that loads at the same time wait for each other and never in a
/// circle; and in a transaction of its own, so that they don't wait for each other's uploads. The
/// id that tells devices apart is compared first, as in [`DROP_DUPLICATES`].
pub(super) const ENTER_DEVICES: &str = "
    WITH other AS MATERIALIZED (
        SELECT DISTINCT i.device_id, i.provider_id, i.device_public_id, d.id AS known_as
        FROM pg_temp.incoming i
        LEFT JOIN api.devices d ON d.device_id = i.device_id AND d.provider_id = i.provider_id
        WHERE d.id IS DISTINCT FROM i.device_public_id
    ), entered AS (
        INSERT INTO api.devices (id, provider_id, device_id)
        SELECT device_public_id, provider_id, device_id FROM other WHERE known_as IS NULL
        ORDER BY device_id, provider_id
        ON CONFLICT (provider_id, device_id) DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM other) AS other, (SELECT count(*) FROM entered) AS entered";

/// A device keeps the public id that it has.
pub(super) const TAKE_KNOWN_DEVICE_IDS: &str = "
    UPDATE pg_temp.incoming i
    SET device_public_id = d.id
    FROM api.devices d
    WHERE d.device_id = i.device_id AND d.provider_id = i.provider_id AND d.id <> i.device_public_id";

/// Only what was delivered several times is put in order, which is little or nothing. In partitions
/// the id that tells trips apart comes first: all of a block have the same provider, and comparing
/// it first makes a sort twice as slow.
pub(super) const DROP_DUPLICATES: &str = "
    DELETE FROM pg_temp.incoming i
    USING (
        SELECT ctid AS place, row_number() OVER (
            PARTITION BY trip_id, provider_id ORDER BY publication_time DESC NULLS LAST, seq DESC
        ) AS rank
        FROM pg_temp.incoming
        WHERE (trip_id, provider_id) IN (
            SELECT trip_id, provider_id FROM pg_temp.incoming GROUP BY trip_id, provider_id HAVING count(*) > 1
        )
    ) AS delivery
    WHERE i.ctid = delivery.place AND delivery.rank > 1";

/// A trip overlaps an earlier one if any of those ends after it begins, and a later one if the next
/// begins before it ends. `$1` is the flag, `$2` all flags in their order. Both are looked for in
/// one pass, and the few rows are found by their places instead of a join with all.
pub(super) const FLAG_OVERLAPS: &str = "
    UPDATE pg_temp.incoming i
    SET flags = ARRAY(
        SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS flag (name, n)
        WHERE name = $1 OR name = ANY (i.flags)
        ORDER BY n
    )
    WHERE i.ctid = ANY (ARRAY(
        SELECT place
        FROM (
            SELECT ctid AS place,
                   max(end_time) OVER device > start_time AS earlier,
                   lead(start_time) OVER device < end_time AS later
            FROM pg_temp.incoming
            WINDOW device AS (
                PARTITION BY device_id, provider_id ORDER BY start_time, end_time, seq
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS trip
        WHERE trip.earlier OR trip.later
    ))";

/// Trips as they were are left out beforehand: `ON CONFLICT` would lock, and so write, each of
/// them. It looks again, since another load may have come between. `$1` is the block, `$2` the MDS
/// version.
pub(super) static UPSERT_TRIPS: LazyLock<String> = LazyLock::new(|| {
    let changed = |new: &str| {
        format!(
            "(({}) IS DISTINCT FROM ({})
              OR (t.schedule_id = $1 AND t.flags IS DISTINCT FROM {new}.flags)
              OR ('{outside}' = ANY (t.flags) AND NOT '{outside}' = ANY ({new}.flags)))",
            columns("t."),
            columns(&format!("{new}.")),
            outside = Flag::OutsideHour.as_str(),
        )
    };
    format!(
        "WITH done AS (
             INSERT INTO api.trips AS t (id, provider_id, trip_id, {data}, flags, mds_version, schedule_id)
             SELECT i.id, i.provider_id, i.trip_id, {incoming}, i.flags, $2::text, $1::bigint
             FROM pg_temp.incoming i
             WHERE NOT EXISTS (
                 SELECT FROM api.trips t
                 WHERE t.provider_id = i.provider_id AND t.trip_id = i.trip_id AND NOT {changed_before}
             )
             ORDER BY i.trip_id, i.provider_id
             ON CONFLICT (provider_id, trip_id) DO UPDATE
             SET {assignments}, flags = excluded.flags, mds_version = excluded.mds_version,
                 schedule_id = excluded.schedule_id, modified_date = excluded.modified_date
             WHERE {changed_since}
             RETURNING xmax = 0 AS inserted
         )
         SELECT count(*) FILTER (WHERE inserted) AS inserted, count(*) FILTER (WHERE NOT inserted) AS updated
         FROM done",
        data = columns(""),
        incoming = columns("i."),
        changed_before = changed("i"),
        changed_since = changed("excluded"),
        assignments = TRIP_DATA
            .map(|column| format!("{column} = excluded.{column}"))
            .join(", "),
    )
});

fn columns(prefix: &str) -> String {
    TRIP_DATA
        .map(|column| format!("{prefix}{column}"))
        .join(", ")
}

/// What a trip does not say of its vehicle, as it was said by the trip's end; of a device that was
/// not known yet, as it was said first. `$1` is the provider's id in MDS.
pub(super) const JOIN_VEHICLES: &str = "
    UPDATE pg_temp.incoming i
    SET vehicle_id = coalesce(i.vehicle_id, v.vehicle_id),
        vehicle_type = coalesce(i.vehicle_type, v.vehicle_type),
        propulsion_type = coalesce(i.propulsion_type, v.propulsion_type)
    FROM (
        SELECT DISTINCT ON (i.seq) i.seq, v.vehicle_id, v.vehicle_type, v.propulsion_type
        FROM pg_temp.incoming i
        JOIN api.vehicles v ON v.provider_id = $1 AND v.device_id = i.device_id
        ORDER BY i.seq, v.fetched_at > i.end_time,
                 CASE WHEN v.fetched_at <= i.end_time THEN v.fetched_at END DESC, v.fetched_at
    ) AS v
    WHERE v.seq = i.seq";

/// `$9` says whether there is something to publish: a row that the load changed, or somebody's
/// wish. If there is not, and the portal has what was loaded before, the block is published.
pub(super) const NOTE_LOAD: &str = update_schedule!(
    "status_id = CASE WHEN $2 IN (5, 6) AND NOT $9 AND published_at IS NOT NULL THEN 8 ELSE $2 END,
     published_at = CASE WHEN $9 THEN NULL ELSE published_at END,
     socrata_status = CASE WHEN $9 OR published_at IS NULL THEN NULL ELSE socrata_status END,
     run_id = $3, payload_trips_count = $4, records_total = $4, records_processed = $5,
     records_error_count = $6::bigint, records_duplicate_count = $7, rerun_flag = $6::bigint > 0, error_payload = $8,
     message = NULL"
);
