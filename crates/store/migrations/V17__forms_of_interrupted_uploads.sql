-- An interrupted upload goes on only in the form, and into the dataset, in which it has begun. And an audit tells what
-- no run mends.

ALTER TABLE api.publications ADD COLUMN IF NOT EXISTS last_sent_form text;
COMMENT ON COLUMN api.publications.last_sent_form IS
    'SHA-256, in hex, of what decides where and in which form the rows up to last_sent went: the dataset''s address, rounding, time zone and devices'' ids. An upload in another form begins anew.';

ALTER TABLE api.audits ADD COLUMN IF NOT EXISTS rows_left bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN api.audits.rows_left IS
    'Of the rows that differed, those that the run which was to mend them has left to a person: no later run does more.';

-- What an older column tells as well by now.
COMMENT ON COLUMN api.schedule.error_payload IS
    'How often each reject reason was found: {"reasons": {"missing_field:device_id": 3}}. A member "note" says what the archived response may lack.';
