-- Two hours of a day have one name no more where the clocks go back by two or three hours, as in Antarctica/Troll each
-- autumn; and a currency that was sent and cannot be read has a code of its own.

CREATE OR REPLACE VIEW api.hours AS
SELECT h.provider, h.block_start, h.block_start + interval '1 hour' AS block_end,
       h.block_start AT TIME ZONE c.time_zone AS civil_start,
       (h.block_start + interval '1 hour') AT TIME ZONE c.time_zone AS civil_end,
       (h.block_start AT TIME ZONE c.time_zone)::date AS day,
       to_char((h.block_start + interval '1 hour') AT TIME ZONE c.time_zone, 'YYYY-MM-DD-HH24')
           || CASE WHEN (h.block_start + interval '1 hour') AT TIME ZONE c.time_zone IN (
                  h.block_start AT TIME ZONE c.time_zone,
                  (h.block_start - interval '1 hour') AT TIME ZONE c.time_zone,
                  (h.block_start - interval '2 hours') AT TIME ZONE c.time_zone
              ) THEN 'b' ELSE '' END AS label,
       h.state, h.status_id, h.trips_fetched, h.trips_loaded, h.trips_rejected, h.trips_duplicate, h.trips_late,
       h.message, h.updated_at, h.schedule_id
FROM (
    SELECT p.provider_name AS provider, s.block_start, st.state, s.status_id,
           s.records_total AS trips_fetched, s.records_processed AS trips_loaded,
           s.records_error_count AS trips_rejected, s.records_duplicate_count AS trips_duplicate,
           s.trips_new AS trips_late, s.message, s.updated_at, s.schedule_id
    FROM api.providers p
    JOIN api.schedule s USING (provider_id)
    LEFT JOIN api.schedule_status st USING (status_id)
    WHERE s.block_start < date_trunc('hour', now() - coalesce(p.lag_hours, 30) * interval '1 hour', 'UTC')
       OR st.state NOT IN ('missing', 'not published yet')
    UNION ALL
    SELECT p.provider_name, expected.block_start, 'missing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM api.providers p
    CROSS JOIN LATERAL (
        SELECT coalesce(p.active_from, (
            SELECT s.block_start FROM api.schedule s WHERE s.provider_id = p.provider_id ORDER BY s.block_start LIMIT 1
        )) AS hour
    ) AS first
    CROSS JOIN LATERAL generate_series(
        first.hour,
        date_trunc('hour', now() - coalesce(p.lag_hours, 30) * interval '1 hour', 'UTC') - interval '1 hour',
        interval '1 hour'
    ) AS expected (block_start)
    WHERE p.enabled AND NOT EXISTS (
        SELECT FROM api.schedule s WHERE s.provider_id = p.provider_id AND s.block_start = expected.block_start
    )
) AS h
LEFT JOIN api.city c ON c.id = 1;

COMMENT ON COLUMN api.trips.currency IS
    'ISO 4217 code; null means US dollars. XXX: one was sent and cannot be read.';
COMMENT ON COLUMN api.trips_counted.currency IS
    'ISO 4217 code; USD if none was sent, XXX if one was sent and cannot be read: costs of such a trip are in no known currency.';
