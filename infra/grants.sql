-- The rights of the login of the four functions and of `mds run`, `audit`, `report` and `status`: to read and write rows, not to
-- change tables. Nothing else logs in as this role.
--
-- 1. As an administrator, who may create roles (on RDS the master user): CREATE ROLE mds_runtime LOGIN PASSWORD '…';
-- 2. `mds migrate` by the owner's login (the settings that begin with MIGRATION_DATABASE_).
-- 3. This file, by the same login, after the first migration and after each upgrade:
--    psql "$OWNER_URL" --set ON_ERROR_STOP=1 --file infra/grants.sql
-- 4. The login of mds_runtime in DATABASE_URL or DATABASE_SECRET.
--
-- It can be applied any number of times.

BEGIN;

-- Each load copies its rows to a temporary table first.
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO mds_runtime', current_database());
END
$$;

GRANT USAGE ON SCHEMA api TO mds_runtime;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA api TO mds_runtime;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA api TO mds_runtime;

-- Only a migration writes to these.
REVOKE INSERT, UPDATE ON api.schema_history, api.schedule_status FROM mds_runtime;

-- States of vehicles that repeat the one before, devices that have been found, runs that are pruned, and signs of processes that
-- have ended. No trip and no row of the schedule is ever deleted.
GRANT DELETE ON api.vehicles, api.vehicles_wanted, api.runs, api.run_blocks, api.signs_of_life TO mds_runtime;

-- Tables of later migrations, so that a run can go on between steps 2 and 3 of an upgrade.
ALTER DEFAULT PRIVILEGES IN SCHEMA api GRANT SELECT, INSERT, UPDATE ON TABLES TO mds_runtime;
ALTER DEFAULT PRIVILEGES IN SCHEMA api GRANT USAGE ON SEQUENCES TO mds_runtime;

COMMIT;
