-- Hours before a provider's start of which nothing was archived or loaded are not expected; trips that came late are added
-- up over all responses of an hour; and costs that cannot be read are named beside those that were not sent.

ALTER TABLE api.schedule ADD COLUMN IF NOT EXISTS trips_late bigint;
COMMENT ON COLUMN api.schedule.trips_late IS
    'Trips that came only with a later response than the hour''s first, added up over all its responses; null until a later response could be compared.';

-- What the last response had is all that is known of the ones before it. Hours that were requested once stay as they are.
UPDATE api.schedule SET trips_late = trips_new WHERE trips_new IS NOT NULL AND trips_late IS NULL;

-- A condition on provider and block_start still reaches the index of the schedule: what is asked of the hours before the
-- start is in the same row.
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
           s.trips_late, s.message, s.updated_at, s.schedule_id
    FROM api.providers p
    JOIN api.schedule s USING (provider_id)
    LEFT JOIN api.schedule_status st USING (status_id)
    WHERE (s.block_start < date_trunc('hour', now() - coalesce(p.lag_hours, 30) * interval '1 hour', 'UTC')
           OR st.state NOT IN ('missing', 'not published yet'))
      AND (p.active_from IS NULL OR s.block_start >= p.active_from OR s.status_id NOT IN (0, 1, -2)
           OR s.payload IS NOT NULL OR s.loaded_at IS NOT NULL)
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

COMMENT ON VIEW api.hours IS
    'Every hour since a provider''s start that is due or pulled, planned or not, and earlier ones that were archived or loaded.';
COMMENT ON COLUMN api.hours.trips_late IS
    'Trips that came only with a later response than the hour''s first, added up over all its responses; null until a later response could be compared.';
COMMENT ON COLUMN api.days.trips_late IS 'Trips that came only with a later response than their hour''s first.';

COMMENT ON COLUMN api.trips.standard_cost IS
    'Price without discounts, in the currency''s minor unit; null if none was sent or it cannot be read, and in rows of the Python tool 0 may mean none as well.';
COMMENT ON COLUMN api.trips.actual_cost IS
    'Price paid, in the currency''s minor unit; null if none was sent or it cannot be read, and in rows of the Python tool 0 may mean none as well.';
COMMENT ON COLUMN api.trips_counted.standard_cost IS
    'Price without discounts, in the currency''s minor unit; null if none was sent or it cannot be read, and in rows of the Python tool 0 may mean none as well.';
COMMENT ON COLUMN api.trips_counted.actual_cost IS
    'Price paid, in the currency''s minor unit; null if none was sent or it cannot be read, and in rows of the Python tool 0 may mean none as well.';
