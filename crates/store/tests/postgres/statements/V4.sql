CREATE TEMPORARY TABLE IF NOT EXISTS incoming AS
         SELECT 0::bigint AS seq, id AS device_public_id, id, provider_id, trip_id, flags, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_duration, trip_distance, accuracy, start_time, end_time, publication_time, parking_verification_url, standard_cost, actual_cost, currency, start_latitude, start_longitude, end_latitude, end_longitude, council_district_start, council_district_end, census_geoid_start, census_geoid_end, orig_cell_id, dest_cell_id, data_provider_id, journey_id, trip_type, parking_category
         FROM api.trips WITH NO DATA;
         CREATE TEMPORARY TABLE IF NOT EXISTS rejected (trip_id uuid);
         TRUNCATE pg_temp.incoming, pg_temp.rejected
-- end

    DELETE FROM pg_temp.incoming i
    USING (
        SELECT ctid AS row_ctid, row_number() OVER (
            PARTITION BY trip_id, provider_id ORDER BY publication_time DESC NULLS LAST, seq DESC
        ) AS rank
        FROM pg_temp.incoming
        WHERE (trip_id, provider_id) IN (
            SELECT trip_id, provider_id FROM pg_temp.incoming GROUP BY trip_id, provider_id HAVING count(*) > 1
        )
    ) AS delivery
    WHERE i.ctid = delivery.row_ctid AND delivery.rank > 1
-- end

    INSERT INTO api.publications AS p
        (schedule_id, load_id, publish_key, publish_sha256, rows, loaded_at, since)
    VALUES ($1, gen_random_uuid(), $2, $3, $4, now(), least($5::timestamptz, CASE WHEN $6 THEN now() END))
    ON CONFLICT (schedule_id) DO UPDATE
    SET load_id = excluded.load_id, publish_key = excluded.publish_key, publish_sha256 = excluded.publish_sha256,
        rows = excluded.rows, loaded_at = excluded.loaded_at,
        since = least(p.since, excluded.since), last_sent = NULL, counts = NULL, error_name = NULL,
        message = NULL
    RETURNING since IS NOT NULL AS is_pending
-- end

    SELECT coalesce(sum(g.inside) FILTER (WHERE g.is_published), 0)::bigint AS rows,
           count(*) FILTER (WHERE g.is_published AND g.rows = 1 AND g.inside = 1) AS as_published,
           count(*) FILTER (WHERE NOT g.is_published AND g.rows = 1 AND g.inside = 1) AS by_quarter_hours
    FROM (
        SELECT grouping(t.published_start) = 0 AS is_published, count(*) AS rows,
               count(*) FILTER (WHERE t.end_time >= $1 AND t.end_time < $2) AS inside
        FROM (
            SELECT end_time, census_geoid_start, census_geoid_end,
                   floor((date_part('epoch', start_time) + floor($3::float8 / 2)) / $3) AS published_start,
                   floor((date_part('epoch', end_time) + floor($3::float8 / 2)) / $3) AS published_end,
                   floor((date_part('epoch', start_time) + floor($4::float8 / 2)) / $4) AS quarter_start,
                   floor((date_part('epoch', end_time) + floor($4::float8 / 2)) / $4) AS quarter_end
            FROM api.trips
            WHERE withdrawn_at IS NULL
                  AND end_time >= $1::timestamptz - interval '1 hour' AND end_time < $2::timestamptz + interval '1 hour'
        ) AS t
        GROUP BY GROUPING SETS (
            (census_geoid_start, census_geoid_end, published_start, published_end),
            (census_geoid_start, census_geoid_end, quarter_start, quarter_end)
        )
    ) AS g
-- end

    SELECT id FROM api.trips
    WHERE schedule_id = $1 AND withdrawn_at IS NOT NULL AND modified_date >= $2 AND id > $3
    ORDER BY id
    LIMIT $4
-- end

    SELECT min(end_time) AS first, max(end_time) AS last FROM api.trips WHERE withdrawn_at IS NULL
-- end

    SELECT not_before, extract(epoch FROM not_before - clock_timestamp())::float8 AS wait
    FROM api.providers
    WHERE provider_name = $1
-- end

    SELECT s.schedule_id, p.provider_name, s.block_start, s.status_id,
           CASE WHEN l.schedule_id IS NULL THEN s.published_at IS NULL ELSE l.since IS NOT NULL END AS is_waiting
    FROM api.schedule s
    JOIN api.providers p USING (provider_id)
    LEFT JOIN api.publications l USING (schedule_id)
    WHERE s.schedule_id = ANY ($1)
    ORDER BY s.block_start, p.provider_name
-- end

    SELECT schedule_id, load_id, publish_key, publish_sha256, rows, loaded_at, since, last_sent, counts
    FROM api.publications
    WHERE since IS NOT NULL AND requested_at IS NOT NULL AND schedule_id <> ALL ($1)
    ORDER BY requested_at, schedule_id
    LIMIT $2
-- end

    UPDATE api.providers
    SET next_request_at = greatest(next_request_at, not_before, clock_timestamp()) + make_interval(secs => $2)
    WHERE provider_name = $1
      AND (not_before IS NULL OR not_before <= clock_timestamp() + make_interval(secs => $3))
      AND greatest(next_request_at, not_before, clock_timestamp())
          <= clock_timestamp() + make_interval(secs => $4)
    RETURNING extract(epoch FROM next_request_at - make_interval(secs => $2) - clock_timestamp())::float8 AS wait
-- end

    UPDATE api.providers
    SET not_before = greatest(not_before, clock_timestamp() + make_interval(secs => $2))
    WHERE provider_name = $1
-- end

    UPDATE api.publications p
    SET load_id = gen_random_uuid(), since = least(p.since, now()), last_sent = NULL, counts = NULL,
        requested_at = coalesce(p.requested_at, clock_timestamp())
    FROM (
        SELECT DISTINCT t.schedule_id
        FROM pg_temp.incoming i
        JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
        WHERE t.schedule_id <> $1 AND t.modified_date = now()
    ) AS other
    WHERE p.schedule_id = other.schedule_id
-- end

    UPDATE api.publications p
    SET requested_at = coalesce(p.requested_at, clock_timestamp()), error_name = NULL, message = NULL,
        since = CASE WHEN again THEN 'epoch' ELSE p.since END,
        last_sent = CASE WHEN again THEN NULL ELSE p.last_sent END,
        counts = CASE WHEN again THEN NULL ELSE p.counts END,
        forced_by = CASE WHEN again THEN $3 ELSE p.forced_by END
    FROM (SELECT $2 AND forced_by IS DISTINCT FROM $3 AS again FROM api.publications WHERE schedule_id = $1) AS request
    WHERE p.schedule_id = $1 AND (p.since IS NOT NULL OR again)
-- end

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
        s.status_id = $5 OR s.updated_at < clock_timestamp() - interval '1 hour'
        OR EXISTS (SELECT FROM api.run_blocks r WHERE r.run_id = s.run_id AND r.schedule_id = s.schedule_id)
    )
-- end

    UPDATE api.trips t
    SET withdrawn_at = it.since, modified_date = now()
    FROM (
        SELECT t.provider_id, t.trip_id, min(later) AS since
        FROM pg_temp.incoming i
        JOIN api.trips t ON t.provider_id = i.provider_id AND t.trip_id = i.trip_id
        JOIN api.schedule s ON s.schedule_id = t.schedule_id
        CROSS JOIN unnest(s.loaded_deliveries) AS later
        WHERE t.seen_at = $1 AND t.withdrawn_at IS NULL AND later > $1
        GROUP BY t.provider_id, t.trip_id
    ) AS it
    WHERE t.provider_id = it.provider_id AND t.trip_id = it.trip_id
-- end

    UPDATE pg_temp.incoming i
    SET device_public_id = d.id
    FROM api.devices d
    WHERE d.device_id = i.device_id AND d.provider_id = i.provider_id AND d.id <> i.device_public_id
-- end

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
            WINDOW device AS (
                PARTITION BY device_id, provider_id ORDER BY start_time, end_time, seq
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS trip
        WHERE trip.earlier OR trip.later
    ))
-- end

    UPDATE pg_temp.incoming i
    SET flags = ARRAY(
        SELECT name FROM unnest($2::text[]) WITH ORDINALITY AS flag (name, n)
        WHERE name = $1 OR name = ANY (i.flags)
        ORDER BY n
    )
    WHERE lower(i.vehicle_type) <> ALL ($3) AND NOT $1 = ANY (i.flags)
-- end

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
    WHERE v.seq = i.seq
-- end

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
        propulsion_type = excluded.propulsion_type, record = excluded.record
-- end

    WITH missing AS MATERIALIZED (
        SELECT DISTINCT i.device_id, i.provider_id, i.device_public_id, d.id AS known_as
        FROM pg_temp.incoming i
        LEFT JOIN api.devices d ON d.device_id = i.device_id AND d.provider_id = i.provider_id
        WHERE d.id IS DISTINCT FROM i.device_public_id
    ), inserted AS (
        INSERT INTO api.devices (id, provider_id, device_id)
        SELECT device_public_id, provider_id, device_id FROM missing WHERE known_as IS NULL
        ORDER BY device_id, provider_id
        ON CONFLICT (provider_id, device_id) DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM missing) AS missing, (SELECT count(*) FROM inserted) AS inserted
-- end

    WITH moved AS (DELETE FROM pg_temp.incoming WHERE seq IS NULL RETURNING trip_id)
    INSERT INTO pg_temp.rejected SELECT trip_id FROM moved
-- end

    WITH refused AS (
        UPDATE api.publications p
        SET requested_at = NULL, error_name = $3, message = $4
        WHERE p.schedule_id = $1 AND p.load_id = $2
        RETURNING p.schedule_id
    )
    UPDATE api.schedule s
    SET status_id = CASE WHEN s.status_id = ANY ($6) THEN $5 ELSE s.status_id END,
        message = $3 || ': ' || $4, published_at = NULL, updated_at = clock_timestamp()
    FROM refused
    WHERE s.schedule_id = refused.schedule_id
-- end

    WITH sent AS (
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::jsonb[])
            AS sent (schedule_id, load_id, since, counts)
    ), ended AS (
        UPDATE api.publications p
        SET since = NULL, requested_at = NULL, last_sent = NULL, counts = NULL
        FROM sent
        WHERE p.schedule_id = sent.schedule_id AND p.load_id = sent.load_id AND p.since = sent.since
        RETURNING p.schedule_id, sent.counts
    )
    UPDATE api.schedule s
    SET status_id = CASE WHEN s.status_id <> ALL ($7) THEN s.status_id WHEN s.records_total = 0 THEN $6 ELSE $5::int END,
        message = CASE WHEN s.status_id = ANY ($7) THEN NULL ELSE s.message END,
        socrata_status = ended.counts, published_at = clock_timestamp(), updated_at = clock_timestamp()
    FROM ended
    WHERE s.schedule_id = ended.schedule_id
-- end

    WITH totals AS (
        SELECT date_trunc('hour', (end_time AT TIME ZONE 'UTC') + make_interval(secs => $3)) AS hour, schedule_id,
               count(*) AS trips, sum(trip_duration) AS seconds, max(modified_date) AS newest,
               min(end_time) AS first_end, max(end_time) AS last_end
        FROM api.trips
        WHERE end_time >= $1 AND end_time < $2 AND withdrawn_at IS NULL
        GROUP BY 1, 2
    )
    SELECT t.hour AT TIME ZONE 'UTC' AS hour, p.provider_name, sum(t.trips)::bigint AS trips,
           sum(t.seconds)::text AS seconds, max(t.newest) AS newest, min(t.first_end) AS first_end,
           max(t.last_end) AS last_end
    FROM totals t
    LEFT JOIN api.schedule s USING (schedule_id)
    LEFT JOIN api.providers p ON p.provider_id = s.provider_id
    GROUP BY t.hour, p.provider_name
    ORDER BY t.hour, p.provider_name
-- end
COPY pg_temp.incoming (seq, device_public_id, id, provider_id, trip_id, flags, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_duration, trip_distance, accuracy, start_time, end_time, publication_time, parking_verification_url, standard_cost, actual_cost, currency, start_latitude, start_longitude, end_latitude, end_longitude, council_district_start, council_district_end, census_geoid_start, census_geoid_end, orig_cell_id, dest_cell_id, data_provider_id, journey_id, trip_type, parking_category) FROM STDIN (FORMAT binary)
-- end
INSERT INTO api.providers AS p (provider_name, mds_provider_id)
                 SELECT name, id FROM unnest($1::text[], $2::uuid[]) AS given (name, id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.providers known
                     WHERE known.provider_name = given.name AND known.mds_provider_id = given.id
                 )
                 ORDER BY name
                 ON CONFLICT (provider_name) DO UPDATE SET mds_provider_id = excluded.mds_provider_id
-- end
INSERT INTO api.run_blocks (run_id, schedule_id, step, outcome, error_name, message)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (run_id, schedule_id) DO UPDATE
                 SET step = excluded.step, outcome = excluded.outcome, error_name = excluded.error_name,
                     message = excluded.message, updated_at = clock_timestamp()
-- end
INSERT INTO api.runs (run_id, stage, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
-- end
INSERT INTO api.schedule (provider_id, block_start, block_end, date, year, month, day, hour)
                 SELECT $1, block_start, block_start + interval '1 hour', civil::date,
                        extract(year FROM civil), extract(month FROM civil),
                        extract(day FROM civil), extract(hour FROM civil)
                 FROM unnest($2::timestamptz[], $3::timestamptz[], $4::bigint[]) AS span (first, last, seconds),
                      generate_series(first, last, interval '1 hour') AS block_start,
                      LATERAL (
                          SELECT (block_start AT TIME ZONE 'UTC') + seconds * interval '1 second' AS civil
                      ) AS clock
                 WHERE NOT EXISTS (
                     SELECT FROM api.schedule known
                     WHERE known.provider_id = $1 AND known.block_start = block_start.block_start
                       AND known.block_start BETWEEN $5 AND $6
                 )
                 ORDER BY block_start
                 ON CONFLICT (provider_id, block_start) DO NOTHING
-- end
INSERT INTO api.schedule_status AS s (status_id, description)
             SELECT * FROM unnest($1::int[], $2::text[])
             ON CONFLICT (status_id) DO UPDATE SET description = excluded.description
             WHERE s.description <> excluded.description
-- end
INSERT INTO api.vehicles_wanted AS w (provider_id, device_id, sent_id, asked_at)
                 SELECT $1, device_id, sent_id, coalesce($3, '-infinity'::timestamptz)
                 FROM unnest($2::uuid[], $4::text[]) AS given (device_id, sent_id)
                 ORDER BY device_id
                 ON CONFLICT (provider_id, device_id) DO UPDATE
                 SET asked_at = greatest(w.asked_at, excluded.asked_at),
                     sent_id = coalesce(excluded.sent_id, w.sent_id)
-- end
SELECT ARRAY(SELECT loaded FROM unnest(loaded_deliveries) AS loaded WHERE loaded > $2) AS later,
                        coalesce($2 = ANY (loaded_deliveries), false) AS known
                 FROM api.schedule WHERE schedule_id = $1
-- end
SELECT FROM api.publications WHERE schedule_id = $1 AND load_id = $2 AND since = $3
-- end
SELECT b.schedule_id, p.provider_name, s.block_start, b.step, b.error_name, b.message
                 FROM api.run_blocks b
                 JOIN api.schedule s USING (schedule_id)
                 JOIN api.providers p USING (provider_id)
                 WHERE b.run_id = $1 AND b.outcome = 'failed'
                 ORDER BY s.block_start, p.provider_name
                 LIMIT $2
-- end
SELECT count(*) AS loaded, count(*) FILTER (WHERE sent.trip_id IS NULL) AS missing
                 FROM api.trips t
                 LEFT JOIN (SELECT DISTINCT unnest($2::uuid[]) AS trip_id) AS sent ON sent.trip_id = t.trip_id
                 WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL
-- end
SELECT count(*) AS trips FROM api.trips WHERE withdrawn_at IS NULL
-- end
SELECT created_at FROM api.runs WHERE run_id = $1
-- end
SELECT device_id, sent_id FROM api.vehicles_wanted WHERE provider_id = $1 AND asked_at < $2
                 ORDER BY asked_at, device_id LIMIT $3
-- end
SELECT device_id, sent_id FROM unnest($2::uuid[], $4::text[]) AS given (device_id, sent_id)
                 WHERE NOT EXISTS (
                     SELECT FROM api.vehicles v WHERE v.provider_id = $1 AND v.device_id = given.device_id
                 ) AND NOT EXISTS (
                     SELECT FROM api.vehicles_wanted w
                     WHERE w.provider_id = $1 AND w.device_id = given.device_id AND w.asked_at >= $3
                 )
                 ORDER BY device_id
-- end
SELECT id, end_time, schedule_id FROM api.trips WHERE id = ANY ($1) AND withdrawn_at IS NULL
-- end
SELECT min(since) AS since FROM api.publications WHERE since IS NOT NULL
-- end
SELECT p.answered_address IS NOT DISTINCT FROM $2 AS known
                 FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1
-- end
SELECT provider_id FROM api.providers WHERE provider_name = $1
-- end
SELECT r.block_count,
                        count(*) FILTER (WHERE b.outcome = 'done') AS done,
                        count(*) FILTER (WHERE b.outcome = 'not_ready') AS not_ready,
                        count(*) FILTER (WHERE b.outcome = 'failed') AS failed,
                        coalesce(sum(s.records_total), 0)::bigint AS fetched,
                        coalesce(sum(s.records_processed), 0)::bigint AS loaded,
                        coalesce(sum(s.records_error_count), 0)::bigint AS rejected,
                        coalesce(sum(s.records_duplicate_count), 0)::bigint AS duplicates
                 FROM api.runs r
                 LEFT JOIN api.run_blocks b USING (run_id)
                 LEFT JOIN api.schedule s USING (schedule_id)
                 WHERE r.run_id = $1
                 GROUP BY r.run_id
-- end
SELECT s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at FROM api.schedule s JOIN api.providers p USING (provider_id)
                      WHERE p.provider_name = $1 AND s.block_start >= $2 AND s.block_start < $3
                      ORDER BY s.block_start
-- end
SELECT s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at FROM api.schedule s JOIN api.providers p USING (provider_id) WHERE s.schedule_id = $1
-- end
SELECT t.id AS trip_id, d.id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
                t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
                t.census_geoid_end FROM api.trips t JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
      WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL
      ORDER BY t.end_time, t.id
-- end
SELECT t.id AS trip_id, d.id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
                t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
                t.census_geoid_end FROM api.trips t JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
      WHERE t.schedule_id = $1 AND t.withdrawn_at IS NULL AND t.modified_date >= $2 AND t.id > $3
      ORDER BY t.id
      LIMIT $4
-- end
SELECT t.id AS trip_id, d.id AS device_id, t.vehicle_type, t.trip_duration, t.trip_distance, t.start_time,
                t.end_time, t.modified_date, t.council_district_start, t.council_district_end, t.census_geoid_start,
                t.census_geoid_end, t.schedule_id
     FROM unnest($1::timestamptz[], $2::timestamptz[]) AS span (first, until)
     JOIN api.trips t ON t.end_time >= span.first AND t.end_time < span.until
     JOIN api.devices d ON d.device_id = t.device_id AND d.provider_id = t.provider_id
     WHERE t.withdrawn_at IS NULL
     ORDER BY t.id
-- end
SELECT v.provider_name, s.block_start, s.status_id, s.socrata_status, p.error_name, p.message,
                        CASE WHEN p.schedule_id IS NOT NULL THEN p.since IS NOT NULL END AS is_pending
                 FROM api.schedule s
                 JOIN api.providers v USING (provider_id)
                 LEFT JOIN api.publications p USING (schedule_id)
                 WHERE s.schedule_id = $1
-- end
UPDATE api.providers p SET answered_address = $2, answered_at = clock_timestamp()
                 FROM api.schedule s
                 WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id
                   AND p.answered_address IS DISTINCT FROM $2
-- end
UPDATE api.publications SET last_sent = $4, counts = $5 WHERE schedule_id = $1 AND load_id = $2 AND since = $3
-- end
UPDATE api.runs SET planned_at = clock_timestamp(), block_count = $2 WHERE run_id = $1
-- end
UPDATE api.schedule s SET updated_at = clock_timestamp(), status_id = $2, run_id = $3, message = $4,
                 published_at = CASE WHEN $5 THEN NULL ELSE published_at END FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at
-- end
UPDATE api.schedule s SET updated_at = clock_timestamp(), status_id = $2, run_id = $3, payload = $4, payload_trips_count = $5, message = $6,
                 records_total = $7, records_processed = $7, records_error_count = $7, records_duplicate_count = $7,
                 error_payload = NULL, rerun_flag = false,
                 extracted_at = coalesce($12, clock_timestamp()), archived_at = coalesce($11, s.archived_at),
                 trips_new = $8, trips_changed = $9, trips_gone = $10 FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at
-- end
UPDATE api.schedule s SET updated_at = clock_timestamp(), status_id = CASE WHEN $10 AND published_at IS NOT NULL THEN $11 ELSE $2::int END,
     published_at = CASE WHEN $9 THEN NULL ELSE published_at END,
     socrata_status = CASE WHEN $9 OR published_at IS NULL THEN NULL ELSE socrata_status END,
     loaded_at = clock_timestamp(), run_id = $3, payload_trips_count = $4, records_total = $4, records_processed = $5,
     records_error_count = $6::bigint, records_duplicate_count = $7, rerun_flag = $6::bigint > 0, error_payload = $8,
     message = NULL,
     loaded_deliveries = CASE WHEN $12::timestamptz IS NULL THEN loaded_deliveries
                              ELSE array_append(coalesce(loaded_deliveries, '{}'), $12) END FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at
-- end
UPDATE api.schedule s SET updated_at = clock_timestamp(), status_id = CASE WHEN s.status_id = ANY ($4) THEN $5 ELSE s.status_id END,
                 run_id = $2, message = $3, extracted_at = clock_timestamp(),
                 trips_new = 0, trips_changed = 0, trips_gone = 0 FROM api.providers p WHERE s.schedule_id = $1 AND p.provider_id = s.provider_id RETURNING s.schedule_id, p.provider_name, s.block_start, s.status_id, s.payload, s.message, s.payload_trips_count,
         s.records_total, s.records_processed, s.records_error_count, s.records_duplicate_count, s.rerun_flag,
         s.run_id, s.updated_at, s.extracted_at, s.published_at, s.archived_at, s.loaded_at
-- end
WITH written AS (
             INSERT INTO api.trips AS t (id, provider_id, trip_id, provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_duration, trip_distance, accuracy, start_time, end_time, publication_time, parking_verification_url, standard_cost, actual_cost, currency, start_latitude, start_longitude, end_latitude, end_longitude, council_district_start, council_district_end, census_geoid_start, census_geoid_end, orig_cell_id, dest_cell_id, data_provider_id, journey_id, trip_type, parking_category, flags, mds_version, schedule_id,
                                         delivered_at, withdrawn_at)
             SELECT i.id, i.provider_id, i.trip_id, i.provider_name, i.device_id, i.vehicle_id, i.vehicle_type, i.propulsion_type, i.trip_duration, i.trip_distance, i.accuracy, i.start_time, i.end_time, i.publication_time, i.parking_verification_url, i.standard_cost, i.actual_cost, i.currency, i.start_latitude, i.start_longitude, i.end_latitude, i.end_longitude, i.council_district_start, i.council_district_end, i.census_geoid_start, i.census_geoid_end, i.orig_cell_id, i.dest_cell_id, i.data_provider_id, i.journey_id, i.trip_type, i.parking_category, i.flags, $2::text, $1::bigint,
                    $3::timestamptz, (CASE WHEN cardinality($4::timestamptz[]) > 0
               THEN (SELECT min(later) FROM unnest($4) AS later WHERE later > $3) END)
             FROM pg_temp.incoming i
             WHERE NOT EXISTS (
                 SELECT FROM api.trips t
                 WHERE t.provider_id = i.provider_id AND t.trip_id = i.trip_id AND NOT (CASE WHEN ((coalesce(i.publication_time, '-infinity'), $3, $1)
          >= (coalesce(t.publication_time, '-infinity'), coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), coalesce(t.schedule_id, 0)))
               THEN t.delivered_at IS DISTINCT FROM $3 OR t.schedule_id IS DISTINCT FROM $1 OR ((t.provider_name, t.device_id, t.vehicle_id, t.vehicle_type, t.propulsion_type, t.trip_duration, t.trip_distance, t.accuracy, t.start_time, t.end_time, t.publication_time, t.parking_verification_url, t.standard_cost, t.actual_cost, t.currency, t.start_latitude, t.start_longitude, t.end_latitude, t.end_longitude, t.council_district_start, t.council_district_end, t.census_geoid_start, t.census_geoid_end, t.orig_cell_id, t.dest_cell_id, t.data_provider_id, t.journey_id, t.trip_type, t.parking_category) IS DISTINCT FROM (i.provider_name, i.device_id, i.vehicle_id, i.vehicle_type, i.propulsion_type, i.trip_duration, i.trip_distance, i.accuracy, i.start_time, i.end_time, i.publication_time, i.parking_verification_url, i.standard_cost, i.actual_cost, i.currency, i.start_latitude, i.start_longitude, i.end_latitude, i.end_longitude, i.council_district_start, i.council_district_end, i.census_geoid_start, i.census_geoid_end, i.orig_cell_id, i.dest_cell_id, i.data_provider_id, i.journey_id, i.trip_type, i.parking_category) OR (t.schedule_id = $1 AND t.flags IS DISTINCT FROM i.flags))
                    OR t.withdrawn_at IS DISTINCT FROM (CASE WHEN cardinality($4::timestamptz[]) > 0
               THEN (SELECT min(later) FROM unnest($4) AS later WHERE later > greatest(t.seen_at, $3)) END)
               ELSE greatest(coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), t.seen_at) < $3 END)
             )
             UNION ALL
             SELECT t.id, t.provider_id, t.trip_id, t.provider_name, t.device_id, t.vehicle_id, t.vehicle_type, t.propulsion_type, t.trip_duration, t.trip_distance, t.accuracy, t.start_time, t.end_time, t.publication_time, t.parking_verification_url, t.standard_cost, t.actual_cost, t.currency, t.start_latitude, t.start_longitude, t.end_latitude, t.end_longitude, t.council_district_start, t.council_district_end, t.census_geoid_start, t.census_geoid_end, t.orig_cell_id, t.dest_cell_id, t.data_provider_id, t.journey_id, t.trip_type, t.parking_category, t.flags, t.mds_version, t.schedule_id, NULL, $3
             FROM api.trips t
             WHERE $5::boolean AND (t.schedule_id = $1 AND coalesce(greatest(t.delivered_at, t.seen_at) < $3, coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity') <= $3))
               AND NOT EXISTS (
                   SELECT FROM pg_temp.incoming i WHERE i.provider_id = t.provider_id AND i.trip_id = t.trip_id
               )
               AND NOT EXISTS (SELECT FROM pg_temp.rejected r WHERE r.trip_id = t.trip_id)
             ORDER BY trip_id, provider_id
             ON CONFLICT (provider_id, trip_id) DO UPDATE
             SET (provider_name, device_id, vehicle_id, vehicle_type, propulsion_type, trip_duration, trip_distance, accuracy, start_time, end_time, publication_time, parking_verification_url, standard_cost, actual_cost, currency, start_latitude, start_longitude, end_latitude, end_longitude, council_district_start, council_district_end, census_geoid_start, census_geoid_end, orig_cell_id, dest_cell_id, data_provider_id, journey_id, trip_type, parking_category, flags, mds_version, schedule_id, delivered_at, seen_at, withdrawn_at, modified_date) = (
                 SELECT CASE WHEN it.is_newer THEN excluded.provider_name ELSE t.provider_name END, CASE WHEN it.is_newer THEN excluded.device_id ELSE t.device_id END, CASE WHEN it.is_newer THEN excluded.vehicle_id ELSE t.vehicle_id END, CASE WHEN it.is_newer THEN excluded.vehicle_type ELSE t.vehicle_type END, CASE WHEN it.is_newer THEN excluded.propulsion_type ELSE t.propulsion_type END, CASE WHEN it.is_newer THEN excluded.trip_duration ELSE t.trip_duration END, CASE WHEN it.is_newer THEN excluded.trip_distance ELSE t.trip_distance END, CASE WHEN it.is_newer THEN excluded.accuracy ELSE t.accuracy END, CASE WHEN it.is_newer THEN excluded.start_time ELSE t.start_time END, CASE WHEN it.is_newer THEN excluded.end_time ELSE t.end_time END, CASE WHEN it.is_newer THEN excluded.publication_time ELSE t.publication_time END, CASE WHEN it.is_newer THEN excluded.parking_verification_url ELSE t.parking_verification_url END, CASE WHEN it.is_newer THEN excluded.standard_cost ELSE t.standard_cost END, CASE WHEN it.is_newer THEN excluded.actual_cost ELSE t.actual_cost END, CASE WHEN it.is_newer THEN excluded.currency ELSE t.currency END, CASE WHEN it.is_newer THEN excluded.start_latitude ELSE t.start_latitude END, CASE WHEN it.is_newer THEN excluded.start_longitude ELSE t.start_longitude END, CASE WHEN it.is_newer THEN excluded.end_latitude ELSE t.end_latitude END, CASE WHEN it.is_newer THEN excluded.end_longitude ELSE t.end_longitude END, CASE WHEN it.is_newer THEN excluded.council_district_start ELSE t.council_district_start END, CASE WHEN it.is_newer THEN excluded.council_district_end ELSE t.council_district_end END, CASE WHEN it.is_newer THEN excluded.census_geoid_start ELSE t.census_geoid_start END, CASE WHEN it.is_newer THEN excluded.census_geoid_end ELSE t.census_geoid_end END, CASE WHEN it.is_newer THEN excluded.orig_cell_id ELSE t.orig_cell_id END, CASE WHEN it.is_newer THEN excluded.dest_cell_id ELSE t.dest_cell_id END, CASE WHEN it.is_newer THEN excluded.data_provider_id ELSE t.data_provider_id END, CASE WHEN it.is_newer THEN excluded.journey_id ELSE t.journey_id END, CASE WHEN it.is_newer THEN excluded.trip_type ELSE t.trip_type END, CASE WHEN it.is_newer THEN excluded.parking_category ELSE t.parking_category END, CASE WHEN it.is_newer THEN excluded.flags ELSE t.flags END, CASE WHEN it.is_newer THEN excluded.mds_version ELSE t.mds_version END, CASE WHEN it.is_newer THEN excluded.schedule_id ELSE t.schedule_id END, CASE WHEN it.is_newer THEN excluded.delivered_at ELSE t.delivered_at END, it.seen_at, it.withdrawn_at,
                        CASE WHEN it.has_new_content OR (t.withdrawn_at IS NULL) <> (it.withdrawn_at IS NULL)
                             THEN now() ELSE t.modified_date END
                 FROM (
                     SELECT it.is_newer,
                            CASE WHEN it.is_newer THEN nullif(greatest(it.last, $3), $3)
                                 WHEN excluded.delivered_at IS NULL THEN t.seen_at
                                 ELSE $3 END AS seen_at,
                            CASE WHEN it.is_newer THEN (CASE WHEN cardinality($4::timestamptz[]) > 0
               THEN (SELECT min(later) FROM unnest($4) AS later WHERE later > greatest(it.last, $3)) END)
                                 WHEN excluded.delivered_at IS NULL THEN $3
                                 ELSE nullif(greatest(t.withdrawn_at, $3), $3) END AS withdrawn_at,
                            it.is_newer AND ((t.provider_name, t.device_id, t.vehicle_id, t.vehicle_type, t.propulsion_type, t.trip_duration, t.trip_distance, t.accuracy, t.start_time, t.end_time, t.publication_time, t.parking_verification_url, t.standard_cost, t.actual_cost, t.currency, t.start_latitude, t.start_longitude, t.end_latitude, t.end_longitude, t.council_district_start, t.council_district_end, t.census_geoid_start, t.census_geoid_end, t.orig_cell_id, t.dest_cell_id, t.data_provider_id, t.journey_id, t.trip_type, t.parking_category) IS DISTINCT FROM (excluded.provider_name, excluded.device_id, excluded.vehicle_id, excluded.vehicle_type, excluded.propulsion_type, excluded.trip_duration, excluded.trip_distance, excluded.accuracy, excluded.start_time, excluded.end_time, excluded.publication_time, excluded.parking_verification_url, excluded.standard_cost, excluded.actual_cost, excluded.currency, excluded.start_latitude, excluded.start_longitude, excluded.end_latitude, excluded.end_longitude, excluded.council_district_start, excluded.council_district_end, excluded.census_geoid_start, excluded.census_geoid_end, excluded.orig_cell_id, excluded.dest_cell_id, excluded.data_provider_id, excluded.journey_id, excluded.trip_type, excluded.parking_category) OR (t.schedule_id = $1 AND t.flags IS DISTINCT FROM excluded.flags)) AS has_new_content
                     FROM (
                         SELECT excluded.delivered_at IS NOT NULL AND ((coalesce(excluded.publication_time, '-infinity'), $3, $1)
          >= (coalesce(t.publication_time, '-infinity'), coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), coalesce(t.schedule_id, 0))) AS is_newer, greatest(coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), t.seen_at) AS last
                         OFFSET 0
                     ) AS it
                     OFFSET 0
                 ) AS it
             )
             WHERE CASE WHEN excluded.delivered_at IS NULL
                        THEN (t.schedule_id = $1 AND coalesce(greatest(t.delivered_at, t.seen_at) < $3, coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity') <= $3)) AND ($3 < t.withdrawn_at) IS NOT FALSE
                        ELSE (CASE WHEN ((coalesce(excluded.publication_time, '-infinity'), $3, $1)
          >= (coalesce(t.publication_time, '-infinity'), coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), coalesce(t.schedule_id, 0)))
               THEN t.delivered_at IS DISTINCT FROM $3 OR t.schedule_id IS DISTINCT FROM $1 OR ((t.provider_name, t.device_id, t.vehicle_id, t.vehicle_type, t.propulsion_type, t.trip_duration, t.trip_distance, t.accuracy, t.start_time, t.end_time, t.publication_time, t.parking_verification_url, t.standard_cost, t.actual_cost, t.currency, t.start_latitude, t.start_longitude, t.end_latitude, t.end_longitude, t.council_district_start, t.council_district_end, t.census_geoid_start, t.census_geoid_end, t.orig_cell_id, t.dest_cell_id, t.data_provider_id, t.journey_id, t.trip_type, t.parking_category) IS DISTINCT FROM (excluded.provider_name, excluded.device_id, excluded.vehicle_id, excluded.vehicle_type, excluded.propulsion_type, excluded.trip_duration, excluded.trip_distance, excluded.accuracy, excluded.start_time, excluded.end_time, excluded.publication_time, excluded.parking_verification_url, excluded.standard_cost, excluded.actual_cost, excluded.currency, excluded.start_latitude, excluded.start_longitude, excluded.end_latitude, excluded.end_longitude, excluded.council_district_start, excluded.council_district_end, excluded.census_geoid_start, excluded.census_geoid_end, excluded.orig_cell_id, excluded.dest_cell_id, excluded.data_provider_id, excluded.journey_id, excluded.trip_type, excluded.parking_category) OR (t.schedule_id = $1 AND t.flags IS DISTINCT FROM excluded.flags))
                    OR t.withdrawn_at IS DISTINCT FROM (CASE WHEN cardinality($4::timestamptz[]) > 0
               THEN (SELECT min(later) FROM unnest($4) AS later WHERE later > greatest(t.seen_at, $3)) END)
               ELSE greatest(coalesce(
    t.delivered_at,
    (SELECT coalesce(s.archived_at, s.extracted_at) FROM api.schedule s WHERE s.schedule_id = t.schedule_id),
    '-infinity'), t.seen_at) < $3 END) END
             RETURNING xmax = 0 AS inserted, withdrawn_at = $3 AS withdrawn, seen_at = $3 AS seen,
                       modified_date = now() AS modified, schedule_id IS NOT DISTINCT FROM $1 AS own
         )
         SELECT count(*) FILTER (WHERE inserted) AS inserted,
                count(*) FILTER (WHERE NOT inserted AND modified AND withdrawn IS NOT TRUE) AS updated,
                count(*) FILTER (WHERE withdrawn) AS withdrawn,
                count(*) FILTER (WHERE seen) AS seen,
                count(*) FILTER (WHERE own AND NOT modified) AS moved,
                count(*) FILTER (WHERE modified AND NOT own) AS others
         FROM written
-- end
