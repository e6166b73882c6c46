-- What a row needs to know of its delivery, so that the newest one wins in any order of loading; and what a provider has
-- to be asked for, and when.

ALTER TABLE api.trips
    ADD COLUMN IF NOT EXISTS delivered_at timestamptz,
    ADD COLUMN IF NOT EXISTS seen_at      timestamptz,
    ADD COLUMN IF NOT EXISTS withdrawn_at timestamptz;
COMMENT ON TABLE api.trips IS
    'One trip a row by (provider_id, trip_id), as last delivered. A withdrawn trip keeps its row with withdrawn_at set.';
COMMENT ON COLUMN api.trips.delivered_at IS
    'when the provider was requested for the delivery that the row holds; null for rows from before this column';
COMMENT ON COLUMN api.trips.seen_at IS
    'the last request that returned the trip, if its delivery is later than delivered_at and yet older than the row';
COMMENT ON COLUMN api.trips.withdrawn_at IS
    'when the provider was requested for the hour and no longer returned the trip; null for a trip that counts';

ALTER TABLE api.schedule
    ADD COLUMN IF NOT EXISTS archived_at       timestamptz,
    ADD COLUMN IF NOT EXISTS loaded_at         timestamptz,
    ADD COLUMN IF NOT EXISTS loaded_deliveries timestamptz[];
COMMENT ON COLUMN api.schedule.archived_at IS
    'when the provider was requested for what the archive holds; null for archives from before this column';
COMMENT ON COLUMN api.schedule.loaded_at IS 'when the archive was last loaded; null if it never was';
COMMENT ON COLUMN api.schedule.loaded_deliveries IS
    'when the provider was requested for each of the deliveries that were loaded and from which trips can be missing';

ALTER TABLE api.providers
    ADD COLUMN IF NOT EXISTS answered_address text,
    ADD COLUMN IF NOT EXISTS answered_at      timestamptz,
    ADD COLUMN IF NOT EXISTS next_request_at  timestamptz,
    ADD COLUMN IF NOT EXISTS not_before       timestamptz;
COMMENT ON COLUMN api.providers.answered_address IS
    'SHA-256, in hex, of the address that last answered an hour with 200; a 404 of another address is not believed';
COMMENT ON COLUMN api.providers.answered_at IS 'when that address first answered an hour with 200';
COMMENT ON COLUMN api.providers.next_request_at IS 'the earliest time of the next request, after the provider''s delay';
COMMENT ON COLUMN api.providers.not_before IS 'no request before this time: what Retry-After said';

ALTER TABLE api.vehicles_wanted
    ADD COLUMN IF NOT EXISTS sent_id text;
COMMENT ON COLUMN api.vehicles_wanted.sent_id IS
    'the id that the provider uses in place of device_id, a whole number; null if it uses UUIDs';
