/*
 * 01-roles-types.sql
 *	  The SQL face of webchatt: what applications see in schema webchatt.
 *
 * Names that begin with an underscore are webchatt's own and may change.
 */
\echo Use "CREATE EXTENSION webchatt" to load this file. \quit

/*
 * CREATE EXTENSION takes a schema that is there already, whoever's it is.  So the
 * names in views, checks and defaults are PostgreSQL's own, or begin with webchatt.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

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
-- The schema: ours alone
----------------------------------------------------------------------------

DO $$
DECLARE
	schema record;
	problem text;
BEGIN
	SELECT n.oid, n.nspowner, u.rolname, u.rolsuper, n.xmin = pg_current_xact_id_if_assigned()::xid AS fresh,
		EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner) AS open
	INTO STRICT schema FROM pg_namespace n JOIN pg_roles u ON u.oid = n.nspowner WHERE n.nspname = 'webchatt';
	IF NOT schema.rolsuper THEN
		problem := format('it belongs to %s, who is no superuser', quote_ident(schema.rolname));
	ELSIF schema.open AND NOT schema.fresh THEN
		problem := 'others may create objects in it';
	ELSIF EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = schema.oid
		AND d.classid NOT IN ('pg_extension'::regclass, 'pg_default_acl'::regclass)) THEN
		problem := 'it is not empty';
	ELSE
		RETURN;
	END IF;
	RAISE EXCEPTION 'schema webchatt is there already, and cannot be used: %', problem
		USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'What others put into the schema could run with the rights of whoever uses webchatt.',
			HINT = 'SELECT pg_describe_object(classid, objid, 0) FROM pg_depend WHERE refclassid = ''pg_namespace''::regclass AND refobjid = ''webchatt''::regnamespace shows what it holds. If nobody needs it, DROP SCHEMA webchatt CASCADE, and create the extension again.';
END
$$;

----------------------------------------------------------------------------
-- The library: of the same version
----------------------------------------------------------------------------

-- not by upgrades: they ask for theirs
DO $$
DECLARE
	library text := 'of another version';
	script text;
BEGIN
	SELECT e.extversion INTO script FROM pg_extension e WHERE e.extname = 'webchatt';
	BEGIN
		EXECUTE 'CREATE FUNCTION webchatt._library_version() RETURNS text LANGUAGE c STABLE AS ''MODULE_PATHNAME'', ''webchatt_library_version''';
		library := 'webchatt ' || webchatt._library_version();
	EXCEPTION WHEN undefined_function THEN
		NULL;
	END;
	IF library <> 'webchatt ' || script THEN
		RAISE EXCEPTION 'the library of this server is %, and the script to install is that of webchatt %', library, script
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'If another version was installed a moment ago, restart the server. Otherwise install library and scripts anew: they belong together.';
	END IF;
END
$$;

CREATE OR REPLACE FUNCTION webchatt._library_version() RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'webchatt_library_version';
COMMENT ON FUNCTION webchatt._library_version() IS 'webchatt''s own: the version of the library that this server has loaded';

----------------------------------------------------------------------------
-- Roles
----------------------------------------------------------------------------

DO $$
DECLARE
	r text;
	problem text;
	hint text;
BEGIN
	FOREACH r IN ARRAY ARRAY['webchatt_admin', 'webchatt_agent', 'webchatt_worker'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I NOLOGIN', r);
			EXCEPTION WHEN duplicate_object OR unique_violation THEN
				NULL;			-- another database's CREATE EXTENSION was faster
			END;
		END IF;
		-- one that somebody else made may do more than ours
		SELECT concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' END, CASE WHEN rolsuper THEN 'SUPERUSER' END,
			CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
			CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END)
		INTO STRICT problem FROM pg_roles WHERE rolname = r;
		hint := format('ALTER ROLE %I NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS; and give people roles of their own: GRANT %I TO ...', r, r);
		IF problem = '' THEN
			SELECT 'member of ' || string_agg(quote_ident(rolname), ', ' ORDER BY rolname) INTO problem FROM pg_roles
			WHERE rolname <> r AND pg_has_role(r, oid, 'MEMBER')
				AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolname ~ '^pg_');
			hint := format('REVOKE these roles FROM %I.', r);
		END IF;
		IF r = 'webchatt_worker' AND problem IS NULL THEN
			SELECT 'had by ' || string_agg(quote_ident(u.rolname), ', ' ORDER BY u.rolname) INTO problem
			FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member
			WHERE m.roleid = r::regrole AND NOT u.rolsuper;
			hint := 'REVOKE webchatt_worker FROM them: it reads the secrets, and nobody needs to be it.';
		END IF;
		IF problem <> '' THEN
			RAISE EXCEPTION 'role % is there already, and may do more than it should: %', r, problem
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = hint;
		END IF;
	END LOOP;
END
$$;


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
	'delivered', 'read',
	'retracted');				-- outbound: taken back, whatever it was before
CREATE TYPE webchatt.message_direction AS ENUM ('in', 'out');
COMMENT ON TYPE webchatt.message_direction IS 'in: from the visitor; out: to the visitor';
COMMENT ON TYPE webchatt.message_status IS
	'where a message stands; moves forward only, in this order';
CREATE TYPE webchatt.conversation_state AS ENUM ('open', 'closed');
COMMENT ON TYPE webchatt.conversation_state IS
	'open: it goes on; closed: by webchatt.close_conversation(), until the visitor writes again. The inbox is in this order';
