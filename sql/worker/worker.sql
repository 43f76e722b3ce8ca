-- What the worker asks before its turns, as the superuser that it starts as: PostgreSQL's own is named in full.

-- name: database_settings()
-- A change of these (ALTER DATABASE ... SET) is not told to who is connected already.
SELECT setconfig::pg_catalog.text
FROM pg_catalog.pg_db_role_setting
WHERE setrole OPERATOR(pg_catalog.=) 0
	AND setdatabase OPERATOR(pg_catalog.=)
		(SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database());

-- name: settings_by_source()
-- Ours that are not as they come, and where from.
SELECT pg_catalog.substr(name, 10), setting, source
FROM pg_catalog.pg_settings
WHERE name OPERATOR(pg_catalog.~~) 'webchatt.%' AND source OPERATOR(pg_catalog.<>) 'default'
ORDER BY name;

-- name: other_restore()
-- A pg_restore, of somebody who may, that has not come to our tables yet.
SELECT pid
FROM pg_catalog.pg_stat_activity
WHERE datid OPERATOR(pg_catalog.=)
		(SELECT oid FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
	AND application_name OPERATOR(pg_catalog.=) 'pg_restore'
	AND pg_catalog.pg_has_role(usesysid, (SELECT relowner FROM pg_catalog.pg_class
		WHERE oid OPERATOR(pg_catalog.=) 'webchatt.hubs'::pg_catalog.regclass), 'USAGE')
LIMIT 1;

-- name: end_restore()
-- All is there: put back what was set aside.
SELECT webchatt._end_restore();

-- name: distributed_table()
-- One of our tables that Citus has taken.
SELECT webchatt._distributed_table();
