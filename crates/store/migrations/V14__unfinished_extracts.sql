-- An extract that is killed after it stored the archive leaves nothing undone: the next load records what is there, and the
-- next run asks for the vehicles and the telemetry.

ALTER TABLE api.schedule ADD COLUMN IF NOT EXISTS replacing_since timestamptz;
ALTER TABLE api.schedule ADD COLUMN IF NOT EXISTS side_data_since timestamptz;
COMMENT ON COLUMN api.schedule.replacing_since IS
    'Since when the archive may be a newer one than this row tells, because a process was about to replace it; null once the archive is recorded.';
COMMENT ON COLUMN api.schedule.side_data_since IS
    'MDS 2.0: when the provider was requested for the archive, until it has been requested for the vehicles and the telemetry of its trips, too.';

-- Nearly no block has something left to be requested.
CREATE INDEX IF NOT EXISTS schedule_side_data ON api.schedule (side_data_since) WHERE side_data_since IS NOT NULL;
