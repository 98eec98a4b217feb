-- Roles for partner-billing on Postgres, where one role owns the tables and migrates them and another one only loads
-- (destination.migrate: manual). Where the connector migrates its own tables, use postgres-roles.sql instead.
--
-- Run it in the database that is to hold the dataset, as a superuser or as the owner of the database with CREATEROLE:
--   psql --dbname billing --file postgres-roles-manual.sql
-- Running it again changes nothing. The dataset is csp (destination.dataset): put another name in its place here too.
-- Then give owner and loader a password (\password partner_billing_owner), and put the loader's connection string into
-- destination.url of the configuration that is run every night. Whoever upgrades the connector runs
-- `partner-billing migrate` with a configuration whose destination.url is the owner's; `migrate --sql` shows what it does.
-- Let people read: GRANT partner_billing_reader TO somebody;

BEGIN;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner_billing_owner') THEN
    CREATE ROLE partner_billing_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner_billing_loader') THEN
    CREATE ROLE partner_billing_loader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'partner_billing_reader') THEN
    CREATE ROLE partner_billing_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
  END IF;
  -- Temporary tables are where a snapshot is staged before it is published.
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO partner_billing_loader', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO partner_billing_owner', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO partner_billing_reader', current_database());
END
$$;

-- Whoever is no superuser may act for the owner only as its member; taken back below.
GRANT partner_billing_owner TO CURRENT_USER;

CREATE SCHEMA IF NOT EXISTS csp AUTHORIZATION partner_billing_owner;

-- The loader changes rows, and no table.
GRANT USAGE ON SCHEMA csp TO partner_billing_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA csp TO partner_billing_loader;
ALTER DEFAULT PRIVILEGES FOR ROLE partner_billing_owner IN SCHEMA csp
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO partner_billing_loader;

-- The reader sees every table and view, those to come too, and changes none.
GRANT USAGE ON SCHEMA csp TO partner_billing_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA csp TO partner_billing_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE partner_billing_owner IN SCHEMA csp
  GRANT SELECT ON TABLES TO partner_billing_reader;

REVOKE partner_billing_owner FROM CURRENT_USER;

COMMIT;
