-- An interrupted upload goes on only in the form, and into the dataset, in which it has begun.

ALTER TABLE api.publications ADD COLUMN IF NOT EXISTS last_sent_form text;
COMMENT ON COLUMN api.publications.last_sent_form IS
    'SHA-256, in hex, of what decides where and in which form the rows up to last_sent went: the dataset''s address, rounding, time zone and devices'' ids. An upload in another form begins anew.';

-- What two older columns tell as well by now.
COMMENT ON COLUMN api.audits.run_id IS
    'The run that was planned to publish again what differed; null if none was, only zeros if a run has left it to a person.';
COMMENT ON COLUMN api.schedule.error_payload IS
    'How often each reject reason was found: {"reasons": {"missing_field:device_id": 3}}. A member "note" says what the archived response may lack.';
