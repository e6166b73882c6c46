-- A process that is frozen holds no block for ever, and an uploader reads no object that is as its load has left it.

CREATE TABLE IF NOT EXISTS api.signs_of_life (
    pid     int PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE api.signs_of_life IS
    'Which sessions that hold locks belong to processes that are alive.';
COMMENT ON COLUMN api.signs_of_life.pid IS 'The session, as in pg_stat_activity.';
COMMENT ON COLUMN api.signs_of_life.seen_at IS 'When its process last showed that it is alive.';

ALTER TABLE api.publications ADD COLUMN IF NOT EXISTS publish_etag text;
COMMENT ON COLUMN api.publications.publish_etag IS
    'Entity tag of that object as the load has left it; null if it is not known. Another object is read before anything is published.';
