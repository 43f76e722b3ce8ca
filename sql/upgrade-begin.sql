\echo Use "ALTER EXTENSION webchatt UPDATE" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

-- what is new belongs to the owner of what is there, whichever superuser says ALTER EXTENSION
DO $$
DECLARE
	owner text;
BEGIN
	SELECT r.rolname INTO owner FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner WHERE e.extname = 'webchatt' AND r.rolsuper;
	IF owner <> current_user THEN
		PERFORM set_config('role', owner, true);
	END IF;
END
$$;

-- what is there
CREATE TABLE webchatt._upgrade_had AS
SELECT d.classid, d.objid FROM pg_depend d
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'webchatt');

/*
 * The server's library is older than this script where the package was replaced and the server
 * not restarted yet: it knows some of the functions not at all, and the others otherwise.
 */
DO $$
DECLARE
	library text := '@FROM@';
BEGIN
	BEGIN
		EXECUTE 'CREATE OR REPLACE FUNCTION webchatt._library_version() RETURNS text LANGUAGE c STABLE AS ''MODULE_PATHNAME'', ''webchatt_library_version''';
		library := webchatt._library_version();
	EXCEPTION WHEN undefined_function THEN
		NULL;
	END;
	IF string_to_array(library, '.')::int[] < string_to_array('@TO@', '.')::int[] THEN
		RAISE EXCEPTION 'the library of this server is webchatt %, which is older than @TO@', library
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Install webchatt @TO@ if that is not done yet, restart the server, then ALTER EXTENSION webchatt UPDATE again. Until then everything goes on as before.';
	END IF;
	IF EXISTS (SELECT FROM webchatt.restores) THEN
		RAISE EXCEPTION 'a dump is being loaded into this database'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Wait until SELECT state FROM webchatt.status says something else, or end it by webchatt.finish_restore().';
	END IF;
END
$$;

/* What others hung on it, and who may do what with it by their will. */
CREATE TABLE webchatt._upgrade_extras AS
SELECT x.kind, x.relation, x.name FROM webchatt._extras() x
WHERE x.relation !~ '^_upgrade_' AND NOT EXISTS (SELECT FROM webchatt.own_extras o WHERE (o.kind, o.relation, o.name) = (x.kind, x.relation, x.name));

CREATE VIEW webchatt._upgrade_acls AS
SELECT 'pg_class'::regclass AS classoid, c.oid AS objoid, 0 AS objsubid, c.relacl AS acl FROM pg_class c
UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl FROM pg_attribute a WHERE a.attacl IS NOT NULL
UNION ALL SELECT 'pg_proc'::regclass, p.oid, 0, p.proacl FROM pg_proc p
UNION ALL SELECT 'pg_type'::regclass, t.oid, 0, t.typacl FROM pg_type t;

CREATE TABLE webchatt._upgrade_init AS
SELECT a.*, i.initprivs FROM webchatt._upgrade_acls a JOIN webchatt._upgrade_had h ON h.classid = a.classoid AND h.objid = a.objoid
LEFT JOIN pg_init_privs i ON i.classoid = a.classoid AND i.objoid = a.objoid AND i.objsubid = a.objsubid;
