-- A run has one configuration: which one.

ALTER TABLE api.runs
    ADD COLUMN IF NOT EXISTS settings_etag text,
    ADD COLUMN IF NOT EXISTS providers_etag text;
COMMENT ON COLUMN api.runs.settings_etag IS 'entity tag of the settings file that the run began with';
COMMENT ON COLUMN api.runs.providers_etag IS 'entity tag of the providers file that the run began with';
