-- A currency that was sent and cannot be read has a code of its own.

COMMENT ON COLUMN api.trips.currency IS
    'ISO 4217 code; null means US dollars. XXX: one was sent and cannot be read.';
COMMENT ON COLUMN api.trips_counted.currency IS
    'ISO 4217 code; USD if none was sent, XXX if one was sent and cannot be read: costs of such a trip are in no known currency.';
