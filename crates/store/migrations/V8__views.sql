-- Views for other tools, what they need to know of the configuration, and a comment on every table and column.

CREATE TABLE IF NOT EXISTS api.city (
    id        int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    time_zone text NOT NULL
);

ALTER TABLE api.providers
    ADD COLUMN IF NOT EXISTS active_from timestamptz,
    ADD COLUMN IF NOT EXISTS lag_hours   int,
    ADD COLUMN IF NOT EXISTS enabled     boolean;

-- Filled by every migration, as the description is.
ALTER TABLE api.schedule_status ADD COLUMN IF NOT EXISTS state text;

-- A condition on provider and block_start reaches the index of the schedule and the series of hours, so that a month of
-- ten years does not read the other months. Hours without a row are made for enabled providers alone: of the others
-- nothing is expected.
CREATE VIEW api.hours AS
SELECT h.provider, h.block_start, h.block_start + interval '1 hour' AS block_end,
       h.block_start AT TIME ZONE c.time_zone AS civil_start,
       (h.block_start + interval '1 hour') AT TIME ZONE c.time_zone AS civil_end,
       (h.block_start AT TIME ZONE c.time_zone)::date AS day,
       to_char((h.block_start + interval '1 hour') AT TIME ZONE c.time_zone, 'YYYY-MM-DD-HH24')
           || CASE WHEN h.block_start AT TIME ZONE c.time_zone = (h.block_start + interval '1 hour') AT TIME ZONE c.time_zone
              THEN 'b' ELSE '' END AS label,
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

CREATE VIEW api.days AS
SELECT provider, day, count(*) AS hours,
       count(*) FILTER (WHERE state = 'whole') AS whole,
       count(*) FILTER (WHERE state = 'empty') AS empty,
       count(*) FILTER (WHERE state = 'under way') AS under_way,
       count(*) FILTER (WHERE state = 'not published yet') AS not_published_yet,
       count(*) FILTER (WHERE state = 'missing') AS missing,
       count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'all rejected') AS all_rejected,
       coalesce(sum(trips_fetched), 0)::bigint AS trips_fetched,
       coalesce(sum(trips_loaded), 0)::bigint AS trips_loaded,
       coalesce(sum(trips_rejected), 0)::bigint AS trips_rejected,
       coalesce(sum(trips_duplicate), 0)::bigint AS trips_duplicate,
       coalesce(sum(trips_late), 0)::bigint AS trips_late
FROM api.hours
GROUP BY provider, day;

-- A provider is that of the trip's block, as in the monthly reports. An id can belong to several entries of the
-- providers file, so a join by the id could count a trip twice.
CREATE VIEW api.trips_counted AS
SELECT coalesce(p.provider_name, (
           SELECT min(entry.provider_name) FROM api.providers entry WHERE entry.mds_provider_id = t.provider_id
       ), lower(t.provider_name), t.provider_id::text) AS provider,
       t.trip_id, t.id AS public_trip_id, t.device_id, t.vehicle_type, t.propulsion_type,
       t.start_time, t.end_time,
       t.start_time AT TIME ZONE c.time_zone AS civil_start,
       t.end_time AT TIME ZONE c.time_zone AS civil_end,
       (t.start_time AT TIME ZONE c.time_zone)::date AS start_day,
       (t.end_time AT TIME ZONE c.time_zone)::date AS end_day,
       t.trip_duration AS duration_seconds, t.trip_distance AS distance_metres,
       t.standard_cost, t.actual_cost, coalesce(t.currency, 'USD') AS currency,
       t.council_district_start, t.council_district_end, t.census_geoid_start, t.census_geoid_end,
       t.orig_cell_id, t.dest_cell_id, t.flags, t.schedule_id, t.modified_date
FROM api.trips t
LEFT JOIN api.schedule s USING (schedule_id)
LEFT JOIN api.providers p ON p.provider_id = s.provider_id
LEFT JOIN api.city c ON c.id = 1
WHERE t.withdrawn_at IS NULL;

-- One row for each trip and flag: a condition on end_time reaches the index of the trips, which counts by civil day would
-- not.
CREATE VIEW api.flags AS
SELECT t.provider, t.trip_id, t.end_time, t.civil_end, t.end_day, flag.name AS flag
FROM api.trips_counted t
CROSS JOIN LATERAL unnest(t.flags) AS flag (name);

COMMENT ON TABLE api.providers IS
    'One row for each provider that was ever planned; configuration columns are written by plans.';
COMMENT ON COLUMN api.providers.provider_id IS 'Key.';
COMMENT ON COLUMN api.providers.provider_name IS 'The provider''s short name.';
COMMENT ON COLUMN api.providers.mds_provider_id IS 'The provider''s id in MDS, as configured.';
COMMENT ON COLUMN api.providers.answered_address IS
    'SHA-256, in hex, of the address that last answered an hour with 200.';
COMMENT ON COLUMN api.providers.answered_at IS 'When that address first answered an hour with 200.';
COMMENT ON COLUMN api.providers.next_request_at IS
    'The earliest time of the next request, after the provider''s delay.';
COMMENT ON COLUMN api.providers.not_before IS 'No request before this time: what Retry-After said.';
COMMENT ON COLUMN api.providers.active_from IS
    'The first hour that is expected, as configured; null if the entry has none: then it is the first hour in api.schedule.';
COMMENT ON COLUMN api.providers.lag_hours IS
    'How many hours after its end an hour is due, as configured; null before the first plan of this version.';
COMMENT ON COLUMN api.providers.enabled IS
    'Whether runs for all providers include it; null before the first plan of this version.';

COMMENT ON TABLE api.city IS 'One row: what the views know of the settings.';
COMMENT ON COLUMN api.city.id IS 'Always 1.';
COMMENT ON COLUMN api.city.time_zone IS 'The city''s time zone, by its name.';

COMMENT ON TABLE api.schedule_status IS 'The statuses of a block.';
COMMENT ON COLUMN api.schedule_status.status_id IS 'The status.';
COMMENT ON COLUMN api.schedule_status.description IS 'Its name, as in Statuses of a block.';
COMMENT ON COLUMN api.schedule_status.state IS 'The state that api.hours and mds status have for it.';

COMMENT ON TABLE api.schedule IS 'One row for each block: one clock hour of one provider.';
COMMENT ON COLUMN api.schedule.schedule_id IS 'Key.';
COMMENT ON COLUMN api.schedule.provider_id IS 'Row of api.providers.';
COMMENT ON COLUMN api.schedule.block_start IS 'Start of the hour.';
COMMENT ON COLUMN api.schedule.block_end IS 'End of the hour.';
COMMENT ON COLUMN api.schedule.date IS 'Civil date of the start.';
COMMENT ON COLUMN api.schedule.year IS 'Civil year of the start.';
COMMENT ON COLUMN api.schedule.month IS 'Civil month of the start.';
COMMENT ON COLUMN api.schedule.day IS 'Civil day of the start.';
COMMENT ON COLUMN api.schedule.hour IS 'Civil hour of the start.';
COMMENT ON COLUMN api.schedule.status_id IS 'See Statuses of a block.';
COMMENT ON COLUMN api.schedule.payload IS 'Key of the archive; null before there is one.';
COMMENT ON COLUMN api.schedule.message IS
    'How the last step ended, for people: the HTTP status and counts, or the error''s name and text.';
COMMENT ON COLUMN api.schedule.payload_trips_count IS 'Trips in the archive.';
COMMENT ON COLUMN api.schedule.records_total IS 'Trips fetched, as of the last load; null before one.';
COMMENT ON COLUMN api.schedule.records_processed IS 'Trips loaded.';
COMMENT ON COLUMN api.schedule.records_error_count IS 'Trips rejected.';
COMMENT ON COLUMN api.schedule.records_duplicate_count IS 'Deliveries of a trip other than the one that counts.';
COMMENT ON COLUMN api.schedule.error_payload IS
    'How often each reject reason was found: {"reasons": {"missing_field:device_id": 3}}.';
COMMENT ON COLUMN api.schedule.rerun_flag IS 'Whether trips were rejected.';
COMMENT ON COLUMN api.schedule.socrata_status IS
    'What the portal counted of the last upload: {"created", "updated", "deleted", "errors"}.';
COMMENT ON COLUMN api.schedule.run_id IS 'The run that changed the row last.';
COMMENT ON COLUMN api.schedule.updated_at IS 'When the row changed last.';
COMMENT ON COLUMN api.schedule.extracted_at IS
    'When the provider was last requested for the hour and returned it. Of an archive that was taken over: as archived_at.';
COMMENT ON COLUMN api.schedule.archived_at IS
    'When the provider was requested for what the archive holds; null for archives from before this column. Of an archive that was taken over: as its extract.json says, or when the object was written.';
COMMENT ON COLUMN api.schedule.loaded_at IS 'When the archive was last loaded; null if it never was.';
COMMENT ON COLUMN api.schedule.loaded_deliveries IS
    'When the provider was requested for each delivery of the hour that was loaded, apart from loads that withdraw nothing.';
COMMENT ON COLUMN api.schedule.published_at IS
    'When the portal received what is loaded; null if a load has changed something since.';
COMMENT ON COLUMN api.schedule.trips_new IS
    'Trips that the previous response did not have; null after a first response.';
COMMENT ON COLUMN api.schedule.trips_changed IS 'Trips that the previous response had with another content.';
COMMENT ON COLUMN api.schedule.trips_gone IS 'Trips that only the previous response had.';

COMMENT ON TABLE api.trips IS
    'One row for each trip, by provider_id and trip_id, as last delivered. A withdrawn trip keeps its row with withdrawn_at set.';
COMMENT ON COLUMN api.trips.id IS 'The trip''s public id.';
COMMENT ON COLUMN api.trips.provider_id IS 'The provider''s id in MDS, as the trip names it.';
COMMENT ON COLUMN api.trips.provider_name IS 'The provider''s name, as sent.';
COMMENT ON COLUMN api.trips.device_id IS 'The device.';
COMMENT ON COLUMN api.trips.vehicle_id IS 'The number seen on the vehicle.';
COMMENT ON COLUMN api.trips.vehicle_type IS 'MDS vehicle type, as sent.';
COMMENT ON COLUMN api.trips.propulsion_type IS 'MDS propulsion types, joined with ,.';
COMMENT ON COLUMN api.trips.trip_id IS 'The trip.';
COMMENT ON COLUMN api.trips.trip_duration IS 'Seconds.';
COMMENT ON COLUMN api.trips.trip_distance IS 'Metres.';
COMMENT ON COLUMN api.trips.accuracy IS 'Accuracy of the route in metres.';
COMMENT ON COLUMN api.trips.start_time IS 'When the trip began.';
COMMENT ON COLUMN api.trips.end_time IS 'When the trip ended.';
COMMENT ON COLUMN api.trips.publication_time IS 'When the provider made the trip available.';
COMMENT ON COLUMN api.trips.parking_verification_url IS 'A picture of the parked vehicle.';
COMMENT ON COLUMN api.trips.standard_cost IS
    'Price without discounts, in the currency''s minor unit; null if not sent.';
COMMENT ON COLUMN api.trips.actual_cost IS 'Price paid, in the currency''s minor unit; null if not sent.';
COMMENT ON COLUMN api.trips.currency IS 'ISO 4217 code; null means US dollars.';
COMMENT ON COLUMN api.trips.start_latitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN api.trips.start_longitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN api.trips.end_latitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN api.trips.end_longitude IS 'Degrees, WGS84.';
COMMENT ON COLUMN api.trips.council_district_start IS 'Label of the layer council_district; null outside of it.';
COMMENT ON COLUMN api.trips.council_district_end IS
    'For the end: label of the layer council_district; null outside of it.';
COMMENT ON COLUMN api.trips.census_geoid_start IS 'Label of the layer census_geoid; null outside of it.';
COMMENT ON COLUMN api.trips.census_geoid_end IS 'For the end: label of the layer census_geoid; null outside of it.';
COMMENT ON COLUMN api.trips.orig_cell_id IS 'Label of the layer cell for the start; null outside of it.';
COMMENT ON COLUMN api.trips.dest_cell_id IS 'Label of the layer cell for the end; null outside of it.';
COMMENT ON COLUMN api.trips.data_provider_id IS 'MDS 2.0: the vendor of the data.';
COMMENT ON COLUMN api.trips.journey_id IS 'MDS 2.0: the journey that the trip belongs to.';
COMMENT ON COLUMN api.trips.trip_type IS 'MDS 2.0: trip types, joined with ,.';
COMMENT ON COLUMN api.trips.parking_category IS 'MDS 2.0: where the vehicle was parked.';
COMMENT ON COLUMN api.trips.flags IS 'What is odd, see Flags.';
COMMENT ON COLUMN api.trips.mds_version IS 'Version of the response that the row comes from.';
COMMENT ON COLUMN api.trips.schedule_id IS 'The owner: the block that delivered what the row holds.';
COMMENT ON COLUMN api.trips.modified_date IS 'When the row changed last.';
COMMENT ON COLUMN api.trips.delivered_at IS
    'When the provider was requested for the delivery that the row holds; null for rows from before this column.';
COMMENT ON COLUMN api.trips.seen_at IS
    'When the provider was last requested for a delivery that has the trip but does not count, because its publication_time is earlier; null if delivered_at is later.';
COMMENT ON COLUMN api.trips.withdrawn_at IS
    'When the provider was requested for the hour and no longer returned the trip; null for a trip that counts.';

COMMENT ON TABLE api.devices IS 'The public id of each device.';
COMMENT ON COLUMN api.devices.id IS 'The device''s public id.';
COMMENT ON COLUMN api.devices.provider_id IS 'The provider''s id in MDS.';
COMMENT ON COLUMN api.devices.device_id IS 'The device.';

COMMENT ON TABLE api.publications IS 'What the portal must receive of each loaded block.';
COMMENT ON COLUMN api.publications.schedule_id IS 'The block.';
COMMENT ON COLUMN api.publications.load_id IS 'Changes with each load of the block.';
COMMENT ON COLUMN api.publications.publish_key IS 'Key of the publish.json with the block''s rows.';
COMMENT ON COLUMN api.publications.publish_sha256 IS
    'SHA-256, in hex, of that object''s JSON. An object with other content is not published.';
COMMENT ON COLUMN api.publications.rows IS 'Rows in that object.';
COMMENT ON COLUMN api.publications.loaded_at IS 'Time of the load''s transaction.';
COMMENT ON COLUMN api.publications.since IS
    'The portal must receive the block''s trips whose modified_date is this or later; null if it has them all.';
COMMENT ON COLUMN api.publications.requested_at IS 'Since when a step waits for the upload; null if none does.';
COMMENT ON COLUMN api.publications.forced_by IS 'The run that last entered all of the block''s rows again.';
COMMENT ON COLUMN api.publications.last_sent IS
    'The last public id, in their order, that an interrupted upload has sent.';
COMMENT ON COLUMN api.publications.counts IS 'What the portal has counted of an interrupted upload.';
COMMENT ON COLUMN api.publications.error_name IS
    'Why the portal refused the block''s rows by themselves; null if it did not.';
COMMENT ON COLUMN api.publications.message IS 'The text of that error.';

COMMENT ON TABLE api.trip_reports IS 'The reports of a month''s trips that were made, one row each.';
COMMENT ON COLUMN api.trip_reports.month IS 'First day of the civil month.';
COMMENT ON COLUMN api.trip_reports.made_at IS 'When the report was made.';
COMMENT ON COLUMN api.trip_reports.filters IS 'Which trips its second count includes.';
COMMENT ON COLUMN api.trip_reports.providers IS 'By provider: trips, and counted, the trips after the filters.';

COMMENT ON TABLE api.vehicles IS
    'MDS 2.0: what providers returned about their devices. A new row begins when something has changed.';
COMMENT ON COLUMN api.vehicles.provider_id IS 'The provider''s id in MDS.';
COMMENT ON COLUMN api.vehicles.device_id IS 'The device.';
COMMENT ON COLUMN api.vehicles.fetched_at IS 'When the provider first returned this.';
COMMENT ON COLUMN api.vehicles.seen_at IS 'When the provider last returned this.';
COMMENT ON COLUMN api.vehicles.vehicle_id IS 'The number seen on the vehicle.';
COMMENT ON COLUMN api.vehicles.vehicle_type IS 'MDS vehicle type.';
COMMENT ON COLUMN api.vehicles.propulsion_type IS 'MDS propulsion types, joined with ,.';
COMMENT ON COLUMN api.vehicles.record IS 'The whole record, as sent; null if it has more than 64 KiB.';

COMMENT ON TABLE api.vehicle_lists IS 'MDS 2.0: when each provider was last asked for all its vehicles.';
COMMENT ON COLUMN api.vehicle_lists.provider_id IS 'The provider''s id in MDS.';
COMMENT ON COLUMN api.vehicle_lists.fetched_at IS
    'When all its vehicles were last requested, whether or not the list was read to its end.';

COMMENT ON TABLE api.vehicles_wanted IS
    'MDS 2.0: devices of trips that the provider does not know. They are requested again after a day.';
COMMENT ON COLUMN api.vehicles_wanted.provider_id IS 'The provider''s id in MDS.';
COMMENT ON COLUMN api.vehicles_wanted.device_id IS 'The device.';
COMMENT ON COLUMN api.vehicles_wanted.asked_at IS 'When it was last requested; -infinity if it has not been yet.';
COMMENT ON COLUMN api.vehicles_wanted.sent_id IS
    'The whole number that the provider uses in place of device_id; null if it uses UUIDs.';

COMMENT ON TABLE api.runs IS 'One row for each run.';
COMMENT ON COLUMN api.runs.run_id IS 'Key.';
COMMENT ON COLUMN api.runs.stage IS 'staging or production.';
COMMENT ON COLUMN api.runs.request IS 'The plan request.';
COMMENT ON COLUMN api.runs.settings_etag IS
    'Entity tag of the settings file that the run has; null for runs of before.';
COMMENT ON COLUMN api.runs.providers_etag IS
    'Entity tag of the providers file that the run has; null for runs of before.';
COMMENT ON COLUMN api.runs.created_at IS 'When planning began.';
COMMENT ON COLUMN api.runs.planned_at IS 'When the plan was complete; null if it never was.';
COMMENT ON COLUMN api.runs.block_count IS 'Blocks of the plan.';

COMMENT ON TABLE api.run_blocks IS 'How each block of a run ended. A block without a row has not ended.';
COMMENT ON COLUMN api.run_blocks.run_id IS 'The run.';
COMMENT ON COLUMN api.run_blocks.schedule_id IS 'The block.';
COMMENT ON COLUMN api.run_blocks.step IS 'The last step.';
COMMENT ON COLUMN api.run_blocks.outcome IS 'done, not_ready or failed.';
COMMENT ON COLUMN api.run_blocks.error_name IS 'See Error names; null if done.';
COMMENT ON COLUMN api.run_blocks.message IS 'What the error says.';
COMMENT ON COLUMN api.run_blocks.updated_at IS 'When the row changed last.';

COMMENT ON VIEW api.hours IS
    'Every hour of each provider since its start that is due or pulled, with its state; hours that no run has planned too.';
COMMENT ON COLUMN api.hours.provider IS 'The provider''s short name.';
COMMENT ON COLUMN api.hours.block_start IS 'Start of the hour, an instant. Conditions on it are fast.';
COMMENT ON COLUMN api.hours.block_end IS 'End of the hour, an instant.';
COMMENT ON COLUMN api.hours.civil_start IS 'Start of the hour in the city''s civil time.';
COMMENT ON COLUMN api.hours.civil_end IS 'End of the hour in the city''s civil time.';
COMMENT ON COLUMN api.hours.day IS 'Civil day of the start.';
COMMENT ON COLUMN api.hours.label IS
    'The hour''s label, as in logs and commands: civil time of its end. b marks the second of two equal hours.';
COMMENT ON COLUMN api.hours.state IS
    'whole, empty, under way, not published yet, missing, failed or all rejected, as in mds status.';
COMMENT ON COLUMN api.hours.status_id IS 'The status; null if no run has planned the hour.';
COMMENT ON COLUMN api.hours.trips_fetched IS 'Trips that the provider returned, as of the last load; null before one.';
COMMENT ON COLUMN api.hours.trips_loaded IS 'Trips loaded; null before a load.';
COMMENT ON COLUMN api.hours.trips_rejected IS 'Trips rejected; null before a load.';
COMMENT ON COLUMN api.hours.trips_duplicate IS
    'Deliveries of a trip other than the one that counts; null before a load.';
COMMENT ON COLUMN api.hours.trips_late IS 'Trips that the previous response did not have; null after a first response.';
COMMENT ON COLUMN api.hours.message IS 'How the last step ended, for people.';
COMMENT ON COLUMN api.hours.updated_at IS 'When the row of the schedule changed last.';
COMMENT ON COLUMN api.hours.schedule_id IS 'Row of api.schedule; null if no run has planned the hour.';

COMMENT ON VIEW api.days IS 'The hours of api.hours by provider and civil day, as numbers by state.';
COMMENT ON COLUMN api.days.provider IS 'The provider''s short name.';
COMMENT ON COLUMN api.days.day IS 'Civil day of the hours'' starts.';
COMMENT ON COLUMN api.days.hours IS
    'Hours of the day that are due or pulled; a whole day has 24, at a change of the clock 23 or 25.';
COMMENT ON COLUMN api.days.whole IS 'Hours whose trips are all loaded and published.';
COMMENT ON COLUMN api.days.empty IS 'Hours in which the provider had no trips.';
COMMENT ON COLUMN api.days.under_way IS 'Hours that are archived or loaded, and not published yet.';
COMMENT ON COLUMN api.days.not_published_yet IS 'Hours that the provider does not have yet.';
COMMENT ON COLUMN api.days.missing IS 'Hours of which nothing has been pulled.';
COMMENT ON COLUMN api.days.failed IS 'Hours in which a step failed.';
COMMENT ON COLUMN api.days.all_rejected IS 'Hours in which every trip was rejected.';
COMMENT ON COLUMN api.days.trips_fetched IS 'Trips that the provider returned, as of the last loads.';
COMMENT ON COLUMN api.days.trips_loaded IS 'Trips loaded.';
COMMENT ON COLUMN api.days.trips_rejected IS 'Trips rejected.';
COMMENT ON COLUMN api.days.trips_duplicate IS 'Deliveries of a trip other than the one that counts.';
COMMENT ON COLUMN api.days.trips_late IS 'Trips that came only with a later response.';

COMMENT ON VIEW api.trips_counted IS
    'The trips that count, one row each, with the provider''s short name and civil times. Withdrawn trips are left out.';
COMMENT ON COLUMN api.trips_counted.provider IS 'The provider''s short name, that of the trip''s block.';
COMMENT ON COLUMN api.trips_counted.trip_id IS 'The trip, as the provider names it.';
COMMENT ON COLUMN api.trips_counted.public_trip_id IS 'The trip''s public id, trip_id of the portal.';
COMMENT ON COLUMN api.trips_counted.device_id IS 'The device, as the provider names it.';
COMMENT ON COLUMN api.trips_counted.vehicle_type IS 'MDS vehicle type, as sent.';
COMMENT ON COLUMN api.trips_counted.propulsion_type IS 'MDS propulsion types, joined with commas.';
COMMENT ON COLUMN api.trips_counted.start_time IS 'When the trip began, an instant.';
COMMENT ON COLUMN api.trips_counted.end_time IS 'When the trip ended, an instant. Conditions on it are fast.';
COMMENT ON COLUMN api.trips_counted.civil_start IS 'When the trip began, in the city''s civil time.';
COMMENT ON COLUMN api.trips_counted.civil_end IS 'When the trip ended, in the city''s civil time.';
COMMENT ON COLUMN api.trips_counted.start_day IS 'Civil day of the start.';
COMMENT ON COLUMN api.trips_counted.end_day IS 'Civil day of the end; the monthly reports count by it.';
COMMENT ON COLUMN api.trips_counted.duration_seconds IS 'Duration in seconds.';
COMMENT ON COLUMN api.trips_counted.distance_metres IS 'Distance in metres.';
COMMENT ON COLUMN api.trips_counted.standard_cost IS
    'Price without discounts, in the currency''s minor unit; null if not sent.';
COMMENT ON COLUMN api.trips_counted.actual_cost IS 'Price paid, in the currency''s minor unit; null if not sent.';
COMMENT ON COLUMN api.trips_counted.currency IS 'ISO 4217 code; USD if none was sent.';
COMMENT ON COLUMN api.trips_counted.council_district_start IS 'Council district of the start; null outside of all.';
COMMENT ON COLUMN api.trips_counted.council_district_end IS 'Council district of the end; null outside of all.';
COMMENT ON COLUMN api.trips_counted.census_geoid_start IS 'Census tract of the start; null outside of all.';
COMMENT ON COLUMN api.trips_counted.census_geoid_end IS 'Census tract of the end; null outside of all.';
COMMENT ON COLUMN api.trips_counted.orig_cell_id IS 'Cell of the start; null outside of all.';
COMMENT ON COLUMN api.trips_counted.dest_cell_id IS 'Cell of the end; null outside of all.';
COMMENT ON COLUMN api.trips_counted.flags IS 'What is odd about the trip.';
COMMENT ON COLUMN api.trips_counted.schedule_id IS 'The block that delivered what the row holds.';
COMMENT ON COLUMN api.trips_counted.modified_date IS 'When the row changed last.';

COMMENT ON VIEW api.flags IS 'What is odd about the trips that count: one row for each trip and flag.';
COMMENT ON COLUMN api.flags.provider IS 'The provider''s short name.';
COMMENT ON COLUMN api.flags.trip_id IS 'The trip, as the provider names it.';
COMMENT ON COLUMN api.flags.end_time IS 'When the trip ended, an instant. Conditions on it are fast.';
COMMENT ON COLUMN api.flags.civil_end IS 'When the trip ended, in the city''s civil time.';
COMMENT ON COLUMN api.flags.end_day IS 'Civil day of the end.';
COMMENT ON COLUMN api.flags.flag IS 'The flag''s name.';

-- The migration tool's own.
COMMENT ON TABLE api.schema_history IS 'Which migrations have been applied.';
COMMENT ON COLUMN api.schema_history.version IS 'Number of the migration.';
COMMENT ON COLUMN api.schema_history.name IS 'Name of the migration.';
COMMENT ON COLUMN api.schema_history.applied_on IS 'When it was applied, RFC 3339.';
COMMENT ON COLUMN api.schema_history.checksum IS 'Checksum of the migration''s text.';
