-- Roles for partner-billing on Postgres, where the connector migrates its own tables (destination.migrate: auto, the
-- default). Where another role is to own them, use postgres-roles-manual.sql instead.
--
-- Run it in the database that is to hold the dataset, as a superuser or as the owner of the database with CREATEROLE:
--   psql --dbname billing --file postgres-roles.sql
-- Running it again changes nothing. The dataset is csp (destination.dataset): put another name in its place here too.
-- Then give the loader a password (\password partner_billing_loader), put its connection string into destination.url,
-- and let people read: GRANT partner_billing_reader TO somebody;

BEGIN;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner_billing_loader') THEN
    CREATE ROLE partner_billing_loader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner_billing_reader') THEN
    CREATE ROLE partner_billing_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  -- Temporary tables are where a snapshot is staged before it is published.
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO partner_billing_loader', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO partner_billing_reader', current_database());
END
$$;

-- Whoever is no superuser may act for the loader only as its member; taken back below.
GRANT partner_billing_loader TO CURRENT_USER;

-- The loader owns the dataset, and so whatever it creates in it; it may create nothing elsewhere.
CREATE SCHEMA IF NOT EXISTS csp AUTHORIZATION partner_billing_loader;

-- The reader sees every table and view, those to come too, and changes none.
GRANT USAGE ON SCHEMA csp TO partner_billing_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA csp TO partner_billing_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE partner_billing_loader IN SCHEMA csp
  GRANT SELECT ON TABLES TO partner_billing_reader;

REVOKE partner_billing_loader FROM CURRENT_USER;

COMMIT;
