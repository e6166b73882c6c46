-- An interrupted upload goes on only in the form, and into the dataset, in which it has begun.

ALTER TABLE api.publications ADD COLUMN IF NOT EXISTS last_sent_form text;
COMMENT ON COLUMN api.publications.last_sent_form IS
    'SHA-256, in hex, of what decides where and in which form the rows up to last_sent went: the dataset''s address, rounding, time zone and devices'' ids. An upload in another form begins anew.';
