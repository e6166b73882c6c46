-- The ledger of what the portal must receive. A load writes it in its own transaction; an upload carries what is waiting.

CREATE TABLE IF NOT EXISTS api.publications (
    schedule_id    bigint PRIMARY KEY,
    load_id        uuid NOT NULL,
    publish_key    text NOT NULL,
    publish_sha256 text NOT NULL,
    rows           bigint NOT NULL,
    loaded_at      timestamptz NOT NULL,
    since          timestamptz,
    requested_at   timestamptz,
    forced_by      uuid,
    last_sent      uuid,
    counts         jsonb,
    error_name     text,
    message        text
);
COMMENT ON TABLE api.publications IS 'What the portal must receive of each loaded block.';
COMMENT ON COLUMN api.publications.load_id IS 'changes with each load of the block';
COMMENT ON COLUMN api.publications.publish_key IS 'key of the object that holds the block''s rows for the portal';
COMMENT ON COLUMN api.publications.publish_sha256 IS 'SHA-256, in hex, of that object''s JSON';
COMMENT ON COLUMN api.publications.rows IS 'number of rows in that object';
COMMENT ON COLUMN api.publications.loaded_at IS 'time of the load''s transaction';
COMMENT ON COLUMN api.publications.since IS
    'the portal must receive the block''s trips with this modified_date or a later one; null if it has them all';
COMMENT ON COLUMN api.publications.requested_at IS 'since when a step waits for the upload; null if none does';
COMMENT ON COLUMN api.publications.forced_by IS 'the run that last entered all of the block''s rows again';
COMMENT ON COLUMN api.publications.last_sent IS 'the last public id, in their order, that an interrupted upload has sent';
COMMENT ON COLUMN api.publications.counts IS 'what the portal has counted of an interrupted upload';
COMMENT ON COLUMN api.publications.error_name IS 'why the portal refused the block''s rows by themselves; null if it did not';
COMMENT ON COLUMN api.publications.message IS 'the text of that error';

-- Few rows: only what an upload looks for.
CREATE INDEX IF NOT EXISTS publications_waiting ON api.publications (requested_at)
    WHERE since IS NOT NULL AND requested_at IS NOT NULL;
