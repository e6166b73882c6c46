-- The monthly reports that were made, so that the next one of a month can say what has changed since.

CREATE TABLE IF NOT EXISTS api.trip_reports (
    month     date NOT NULL,
    made_at   timestamptz NOT NULL,
    filters   jsonb NOT NULL,
    providers jsonb NOT NULL,
    PRIMARY KEY (month, made_at)
);
COMMENT ON TABLE api.trip_reports IS 'The reports of a month''s trips that were made, one row each.';
COMMENT ON COLUMN api.trip_reports.month IS 'first day of the civil month';
COMMENT ON COLUMN api.trip_reports.made_at IS 'when the report was made; its counts are those of this time';
COMMENT ON COLUMN api.trip_reports.filters IS 'which trips its second count includes';
COMMENT ON COLUMN api.trip_reports.providers IS 'by provider: trips, and trips after the filters';
