-- What a report has seen, so that the next one of its month misses no trip of a load that was under way.

ALTER TABLE api.trip_reports
    ADD COLUMN IF NOT EXISTS settled_until timestamptz,
    ADD COLUMN IF NOT EXISTS snapshot      text;
COMMENT ON COLUMN api.trip_reports.settled_until IS
    'All changes with an earlier modified_date had been committed when the report was made; null for reports of before.';
COMMENT ON COLUMN api.trip_reports.snapshot IS
    'The report''s pg_snapshot: which transactions it saw. It tells which of the later changes the report has; null for reports of before.';
