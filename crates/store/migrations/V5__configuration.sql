-- A run has one configuration: which one.

ALTER TABLE api.runs
    ADD COLUMN IF NOT EXISTS settings_etag text,
    ADD COLUMN IF NOT EXISTS providers_etag text;
COMMENT ON COLUMN api.runs.settings_etag IS 'entity tag of the settings file that the run began with';
COMMENT ON COLUMN api.runs.providers_etag IS 'entity tag of the providers file that the run began with';

-- How far behind each provider is: the first block that is not done is found without reading those that are.

CREATE INDEX IF NOT EXISTS schedule_not_done ON api.schedule (provider_id, block_start) INCLUDE (status_id)
    WHERE status_id NOT IN (7, 8);
