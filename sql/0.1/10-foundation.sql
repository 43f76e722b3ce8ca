/*
 * webchatt--0.1.sql
 *	  The SQL face of webchatt: what applications see in schema webchatt.
 *
 * Names that begin with an underscore are webchatt's own and may change.
 */
\echo Use "CREATE EXTENSION webchatt" to load this file. \quit

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
		RAISE EXCEPTION 'webchatt needs a database in UTF8, this one is in %',
			pg_catalog.getdatabaseencoding()
			USING ERRCODE = 'feature_not_supported',
				HINT = 'Hubs and browsers speak UTF-8: CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0.';
	END IF;
END
$$;

----------------------------------------------------------------------------
-- Roles
----------------------------------------------------------------------------

DO $$
DECLARE
	r text;
BEGIN
	FOREACH r IN ARRAY ARRAY['webchatt_admin', 'webchatt_agent', 'webchatt_worker'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
			BEGIN
				EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', r);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL;			-- another database's CREATE EXTENSION was faster
			END;
		END IF;
	END LOOP;
END
$$;

REVOKE ALL ON SCHEMA webchatt FROM PUBLIC;
GRANT USAGE ON SCHEMA webchatt TO webchatt_admin, webchatt_agent, webchatt_worker;

----------------------------------------------------------------------------
-- Types
----------------------------------------------------------------------------

/*
 * In the order of design: a status only ever moves to one further down, so
 * evidence that a message was received beats "failed".
 */
CREATE TYPE webchatt.message_status AS ENUM (
	'received',					-- inbound: a row is all there is to it
	'queued', 'held', 'enqueued', 'sent',
	'failed', 'expired', 'cancelled',
	'delivered', 'read');
CREATE TYPE webchatt.message_direction AS ENUM ('in', 'out');
COMMENT ON TYPE webchatt.message_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON TYPE webchatt.message_status IS
	'where a message stands; moves forward only, in this order';
