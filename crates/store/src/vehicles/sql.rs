//! The SQL statements that store vehicles and reopen blocks for them.

/// Inserts a row for each vehicle that differs from its row before `$2`, and sets `seen_at` of the
/// others.
///
/// `$2` is the time of the request, which all batches of a list have in common. A device that is on
/// the list twice has what the list says last, in one batch as in two.
pub(super) const STORE: &str = "
    WITH given AS (
        SELECT DISTINCT ON (device_id) *
        FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY
            AS given (device_id, vehicle_id, vehicle_type, propulsion_type, record, n)
        ORDER BY device_id, n DESC
    ), last AS (
        SELECT DISTINCT ON (v.device_id) v.device_id, v.fetched_at, v.vehicle_id, v.vehicle_type, v.propulsion_type
        FROM given JOIN api.vehicles v ON v.provider_id = $1 AND v.device_id = given.device_id
        WHERE v.fetched_at < $2
        ORDER BY v.device_id, v.fetched_at DESC
    ), same AS (
        UPDATE api.vehicles v SET seen_at = greatest(v.seen_at, $2)
        FROM last JOIN given USING (device_id)
        WHERE v.provider_id = $1 AND v.device_id = last.device_id AND v.fetched_at = last.fetched_at
          AND (last.vehicle_id, last.vehicle_type, last.propulsion_type)
              IS NOT DISTINCT FROM (given.vehicle_id, given.vehicle_type, given.propulsion_type)
        RETURNING v.device_id
    ), revised AS (
        DELETE FROM api.vehicles v USING same
        WHERE v.provider_id = $1 AND v.device_id = same.device_id AND v.fetched_at = $2
    ), found AS (
        DELETE FROM api.vehicles_wanted w USING given WHERE w.provider_id = $1 AND w.device_id = given.device_id
    )
    INSERT INTO api.vehicles (provider_id, device_id, fetched_at, seen_at, vehicle_id, vehicle_type, propulsion_type, record)
    SELECT $1, device_id, $2, $2, vehicle_id, vehicle_type, propulsion_type, record::json
    FROM given
    WHERE device_id NOT IN (SELECT device_id FROM same)
    ORDER BY device_id
    ON CONFLICT (provider_id, device_id, fetched_at) DO UPDATE
    SET vehicle_id = excluded.vehicle_id, vehicle_type = excluded.vehicle_type,
        propulsion_type = excluded.propulsion_type, record = excluded.record";

/// Sets blocks of this claim's provider (`$1` is the claimed block, `$2` the provider's MDS id)
/// back to a status (`$3`) from which the next run loads and publishes them again. The blocks have
/// one of the statuses `$4`, and trips whose vehicle became known after the load.
///
/// A load gives a trip a type if any row of its device has one, so a block is reopened once. What a
/// load cannot change is left alone: withdrawn trips, and trips that the block kept although its
/// last load knew the vehicle. That load is put back by an hour, which is longer than it takes to
/// store a list, so a load that missed the list by a moment does not count as one that knew it.
///
/// A block that another run still works on is left to the next list, since its next step needs the
/// status that it has. `$5` is the status of a block that no step is left for.
pub(super) const REOPEN: &str = "
    UPDATE api.schedule s
    SET status_id = $3, updated_at = clock_timestamp(),
        message = 'vehicles of its trips are known now: to be loaded again'
    WHERE s.status_id = ANY ($4) AND s.payload IS NOT NULL AND s.schedule_id IN (
        SELECT b.schedule_id
        FROM api.schedule b
        JOIN api.trips t ON t.schedule_id = b.schedule_id
        JOIN api.vehicles v ON v.provider_id = $2 AND v.device_id = t.device_id
        WHERE b.provider_id = (SELECT provider_id FROM api.schedule WHERE schedule_id = $1)
          AND t.vehicle_type IS NULL AND t.withdrawn_at IS NULL AND v.vehicle_type IS NOT NULL
          AND (b.loaded_at IS NULL OR v.fetched_at > b.loaded_at - interval '1 hour')
    ) AND (
        s.schedule_id = $1 OR s.status_id = $5 OR s.updated_at < clock_timestamp() - interval '1 hour'
        OR EXISTS (SELECT FROM api.run_blocks r WHERE r.run_id = s.run_id AND r.schedule_id = s.schedule_id)
    )";
