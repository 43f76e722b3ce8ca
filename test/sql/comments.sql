-- Everything in the schema says what it is.
\pset format unaligned
\pset tuples_only on
SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'webchatt')
	AND NOT (d.classid = 'pg_type'::regclass AND (SELECT typtype <> 'e' FROM pg_type WHERE oid = d.objid))
	AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
ORDER BY 1;
-- columns too; id and channel_id speak for themselves
SELECT c.oid::regclass || '.' || a.attname
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind IN ('r', 'v', 'p')
	AND col_description(c.oid, a.attnum) IS NULL AND NOT a.attname IN ('id', 'channel_id') AND c.relname !~ '^outbox_[0-9]$'
ORDER BY c.relname, a.attnum;
-- and the roles are those of the design
SELECT count(*) FROM pg_roles WHERE rolname IN ('webchatt_admin', 'webchatt_agent', 'webchatt_worker');
