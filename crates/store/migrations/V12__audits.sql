-- What the last audit of each provider has found, so that the status page can say how the portal stands.

CREATE TABLE IF NOT EXISTS api.audits (
    provider_name text PRIMARY KEY,
    audited_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    time_min      timestamptz NOT NULL,
    time_max      timestamptz NOT NULL,
    run_id        uuid,
    database_rows bigint NOT NULL,
    missing       bigint NOT NULL,
    different     bigint NOT NULL,
    waiting       bigint NOT NULL,
    extra         bigint NOT NULL
);

COMMENT ON TABLE api.audits IS
    'How the portal differed from the database: the last audit of each provider. One of older hours does not replace it.';
COMMENT ON COLUMN api.audits.provider_name IS
    'The provider''s short name; empty for rows of the portal that belong to no provider.';
COMMENT ON COLUMN api.audits.audited_at IS 'When the audit ended.';
COMMENT ON COLUMN api.audits.time_min IS 'The first instant that was compared.';
COMMENT ON COLUMN api.audits.time_max IS 'The first instant after those that were compared.';
COMMENT ON COLUMN api.audits.run_id IS
    'The run that was planned to publish again what differed; null if none was.';
COMMENT ON COLUMN api.audits.database_rows IS 'Rows that the portal should have.';
COMMENT ON COLUMN api.audits.missing IS 'Rows that only the database had.';
COMMENT ON COLUMN api.audits.different IS 'Rows that the portal had with another content.';
COMMENT ON COLUMN api.audits.waiting IS
    'Of the two counts before, rows of blocks whose publishing was still to come.';
COMMENT ON COLUMN api.audits.extra IS 'Rows that only the portal had.';
