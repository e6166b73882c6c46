-- A wait that a provider asked for ends with the address that asked for it.

ALTER TABLE api.providers ADD COLUMN IF NOT EXISTS held_off_address text;
COMMENT ON COLUMN api.providers.held_off_address IS
    'SHA-256, in hex, of the addresses (mds_api_url and that of the login) that asked for the wait until not_before, which holds for no others; null if it holds for all.';
