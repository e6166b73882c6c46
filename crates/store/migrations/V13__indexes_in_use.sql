-- Indexes that no statement and no view reads. Every new block and every new device paid for them.

DROP INDEX IF EXISTS api.schedule_unfinished;
DROP INDEX IF EXISTS api.devices_public_id;
