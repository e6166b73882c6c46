-- What hours that are asked for again need, and the vehicles of MDS 2.0, whose trips name only the device.

ALTER TABLE api.schedule
    ADD COLUMN IF NOT EXISTS extracted_at  timestamptz,
    ADD COLUMN IF NOT EXISTS published_at  timestamptz,
    ADD COLUMN IF NOT EXISTS trips_new     bigint,
    ADD COLUMN IF NOT EXISTS trips_changed bigint,
    ADD COLUMN IF NOT EXISTS trips_gone    bigint;
COMMENT ON COLUMN api.schedule.extracted_at IS 'when the provider was last asked and answered';
COMMENT ON COLUMN api.schedule.published_at IS
    'when the portal was last brought up to what is loaded; null if a load has changed something since';
COMMENT ON COLUMN api.schedule.trips_new IS 'trips that the answer before did not have; null after the first answer';
COMMENT ON COLUMN api.schedule.trips_changed IS 'trips that the answer before had otherwise; null after the first answer';
COMMENT ON COLUMN api.schedule.trips_gone IS 'trips that only the answer before had; null after the first answer';
UPDATE api.schedule
SET extracted_at = CASE WHEN payload IS NULL THEN NULL ELSE updated_at END,
    published_at = CASE WHEN status_id = 8 THEN updated_at END
WHERE payload IS NOT NULL OR status_id = 8;

CREATE TABLE IF NOT EXISTS api.vehicles (
    provider_id     uuid NOT NULL,
    device_id       uuid NOT NULL,
    fetched_at      timestamptz NOT NULL,
    seen_at         timestamptz NOT NULL,
    vehicle_id      text,
    vehicle_type    text,
    propulsion_type text,
    record          json NOT NULL,
    PRIMARY KEY (provider_id, device_id, fetched_at)
);
COMMENT ON TABLE api.vehicles IS
    'MDS 2.0: what a provider said of its devices. A row begins when something changed and says when it was last so.';

CREATE TABLE IF NOT EXISTS api.vehicle_lists (
    provider_id uuid PRIMARY KEY,
    fetched_at  timestamptz NOT NULL
);
COMMENT ON TABLE api.vehicle_lists IS 'MDS 2.0: when each provider was last asked for all its vehicles';

CREATE TABLE IF NOT EXISTS api.vehicles_wanted (
    provider_id uuid NOT NULL,
    device_id   uuid NOT NULL,
    asked_at    timestamptz NOT NULL,
    PRIMARY KEY (provider_id, device_id)
);
COMMENT ON TABLE api.vehicles_wanted IS 'MDS 2.0: devices of trips that the provider knows nothing of; asked for again';

-- Few rows: only what the repair of MDS 2.0's trips looks for.
CREATE INDEX IF NOT EXISTS trips_without_vehicle ON api.trips (provider_id, device_id) WHERE vehicle_type IS NULL;
