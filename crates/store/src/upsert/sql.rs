//! The SQL statements of a load. They work on the temporary table `incoming` and on `api.devices`,
//! `api.trips`, `api.vehicles` and `api.schedule`.

use crate::schedule::update_schedule;

/// Empties the temporary tables of a load that had few trips. What the database knows of the
/// statements that it has prepared stays valid, other than after `TRUNCATE`.
pub(crate) const EMPTY_STAGE: &str = "DELETE FROM pg_temp.incoming; DELETE FROM pg_temp.rejected";

/// Empties the temporary tables of a load and gives their space back.
pub(crate) const EMPTY_LARGE_STAGE: &str = "TRUNCATE pg_temp.incoming, pg_temp.rejected";

/// Autovacuum does not analyze temporary tables, and without statistics Postgres joins a big block
/// row by row. The statement analyzes only the join columns, with a tenth of the usual sample: a
/// full `ANALYZE` takes longer than the joins.
pub(super) const GATHER_STATISTICS: &str = "
    BEGIN;
    SET LOCAL default_statistics_target = 10;
    ANALYZE pg_temp.incoming (provider_id, trip_id, device_id);
    COMMIT";

/// Moves the rows that hold nothing but the id of a rejected trip out of the trips to load.
pub(super) const SET_REJECTED_ASIDE: &str = "
    WITH moved AS (DELETE FROM pg_temp.incoming WHERE seq IS NULL RETURNING trip_id)
    INSERT INTO pg_temp.rejected SELECT trip_id FROM moved";

/// Inserts new devices. A device that has another public id, from before ids followed from keys,
/// keeps it. Each is looked up in the index: the limit leaves no other plan, such as a join with
/// all devices.
///
/// The fixed order prevents deadlocks between concurrent loads. The statement runs in its own
/// transaction, so that loads don't wait for each other's `publish.json`. `device_id` is compared
/// first for the reason given at [`DELETE_DUPLICATES`].
pub(super) const INSERT_DEVICES: &str = "
    INSERT INTO api.devices (id, provider_id, device_id)
    SELECT i.device_public_id, i.provider_id, i.device_id
    FROM (SELECT DISTINCT device_public_id, provider_id, device_id FROM pg_temp.incoming) AS i
    LEFT JOIN LATERAL (
        SELECT true AS is_known FROM api.devices d
        WHERE d.device_id = i.device_id AND d.provider_id = i.provider_id
        LIMIT 1
    ) AS d ON true
    WHERE d.is_known IS NULL
    ORDER BY i.device_id, i.provider_id
    ON CONFLICT (provider_id, device_id) DO NOTHING";

/// Deletes all deliveries of a trip but the newest. The inner query limits the sort to trips with
/// several deliveries, which are few. `$1` are the trips that may have several, or null.
///
/// `trip_id` comes first in the sort: all trips of a block have the same provider, so comparing
/// `provider_id` first would make the sort twice as slow.
pub(super) const DELETE_DUPLICATES: &str = "
    DELETE FROM pg_temp.incoming i
    WHERE i.ctid = ANY (ARRAY(
        SELECT row_ctid
        FROM (
            SELECT ctid AS row_ctid, row_number() OVER (
                PARTITION BY trip_id, provider_id ORDER BY publication_time DESC NULLS LAST, seq DESC
            ) AS rank
            FROM pg_temp.incoming
            WHERE CASE WHEN $1 IS NULL THEN (trip_id, provider_id) IN (
                      SELECT trip_id, provider_id FROM pg_temp.incoming GROUP BY trip_id, provider_id HAVING count(*) > 1
                  ) ELSE trip_id = ANY ($1) END
        ) AS delivery
        WHERE delivery.rank > 1
    ))";

/// Adds the flag `$1` to trips whose vehicle type is none of `$3`; `$2` lists all flags in their
/// order. Trips of MDS 2.0 get their type from `api.vehicles` after they were checked.
pub(super) const FLAG_VEHICLE_TYPES: &str = "
    UPDATE pg_temp.incoming i
    SET flags = ARRAY(
        SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS flag (name, n)
        WHERE name = $1 OR name = ANY (i.flags)
        ORDER BY n
    )
    WHERE lower(i.vehicle_type) <> ALL ($3) AND NOT $1 = ANY (i.flags)";

/// Adds the flag `$1` to trips of one device that overlap; `$2` lists all flags in their order.
/// `$3` are the devices whose trips may overlap, or null.
///
/// A trip overlaps an earlier one if any earlier one ends after its start, and a later one if the
/// next one starts before its end. One pass over the window finds both. The rows found are few, and
/// their `ctid`s are faster than a join with the whole table.
pub(super) const FLAG_OVERLAPS: &str = "
    UPDATE pg_temp.incoming i
    SET flags = ARRAY(
        SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS flag (name, n)
        WHERE name = $1 OR name = ANY (i.flags)
        ORDER BY n
    )
    WHERE i.ctid = ANY (ARRAY(
        SELECT row_ctid
        FROM (
            SELECT ctid AS row_ctid,
                   max(end_time) OVER device > start_time AS earlier,
                   lead(start_time) OVER device < end_time AS later
            FROM pg_temp.incoming
            WHERE $3 IS NULL OR device_id = ANY ($3)
            WINDOW device AS (
                PARTITION BY device_id, provider_id ORDER BY start_time, end_time, seq
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS trip
        WHERE trip.earlier OR trip.later
    ))";

/// Fills in vehicle columns that a trip lacks. Each comes from the device's last row in
/// `api.vehicles` fetched by the trip's end that has the column, or else from the first later one
/// that has it. `$1` is the provider's MDS id.
///
/// So a trip has a type if any row of its device has one, which is what reopens a block: `REOPEN`
/// of `crate::vehicles`. A block is never reopened for a type that this does not find.
pub(super) const JOIN_VEHICLES: &str = "
    UPDATE pg_temp.incoming i
    SET vehicle_id = coalesce(i.vehicle_id, v.vehicle_id),
        vehicle_type = coalesce(i.vehicle_type, v.vehicle_type),
        propulsion_type = coalesce(i.propulsion_type, v.propulsion_type)
    FROM (
        SELECT seq,
               (array_agg(vehicle_id ORDER BY n) FILTER (WHERE vehicle_id IS NOT NULL))[1] AS vehicle_id,
               (array_agg(vehicle_type ORDER BY n) FILTER (WHERE vehicle_type IS NOT NULL))[1] AS vehicle_type,
               (array_agg(propulsion_type ORDER BY n) FILTER (WHERE propulsion_type IS NOT NULL))[1]
                   AS propulsion_type
        FROM (
            SELECT i.seq, v.vehicle_id, v.vehicle_type, v.propulsion_type, row_number() OVER (
                PARTITION BY i.seq
                ORDER BY v.fetched_at > i.end_time, abs(extract(epoch FROM v.fetched_at - i.end_time))
            ) AS n
            FROM pg_temp.incoming i
            JOIN api.vehicles v ON v.provider_id = $1 AND v.device_id = i.device_id
        ) AS record
        GROUP BY seq
    ) AS v
    WHERE v.seq = i.seq";

/// Records the load in the block's row. Its parameters:
///
/// - `$1`: the block.
/// - `$2`, `$3`: its status and the run.
/// - `$4` to `$7`: the numbers of trips that were fetched, loaded, rejected and delivered again.
/// - `$8`: the reject reasons.
/// - `$9`: the portal must receive rows.
/// - `$10`: the portal needs nothing, and the trips are loaded. A block that was published before
///   then has the status `$11`, "published".
/// - `$12`: when the provider was requested for the delivery, or null if no trip can be missing
///   from it.
/// - `$13`: the status while the portal needs something of the block, or null if that makes no
///   difference.
/// - `$14`: the trips are the archive's, so what its response may lack is still to be said.
pub(super) const RECORD_LOAD: &str = update_schedule!(
    "status_id = CASE WHEN $10 AND published_at IS NOT NULL THEN $11
                      WHEN $13::int IS NOT NULL AND EXISTS (
                          SELECT FROM api.publications u WHERE u.schedule_id = $1 AND u.since IS NOT NULL
                      ) THEN $13
                      ELSE $2::int END,
     published_at = CASE WHEN $9 THEN NULL ELSE published_at END,
     socrata_status = CASE WHEN $9 OR published_at IS NULL THEN NULL ELSE socrata_status END,
     loaded_at = clock_timestamp(), run_id = $3, payload_trips_count = $4, records_total = $4, records_processed = $5,
     records_error_count = $6::bigint, records_duplicate_count = $7, rerun_flag = $6::bigint > 0,
     error_payload = NULLIF(coalesce($8::jsonb, '{}')
         || jsonb_strip_nulls(jsonb_build_object('note', CASE WHEN $14 THEN s.error_payload -> 'note' END)), '{}'),
     message = CASE WHEN $14 THEN s.error_payload ->> 'note' END,
     loaded_deliveries = CASE WHEN $12::timestamptz IS NULL THEN loaded_deliveries
                              ELSE array_append(coalesce(loaded_deliveries, '{}'), $12) END"
);
