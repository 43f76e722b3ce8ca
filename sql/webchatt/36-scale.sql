----------------------------------------------------------------------------
-- More than one machine (doc/scale.md)
----------------------------------------------------------------------------

CREATE FUNCTION webchatt._distributed_table() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found text;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
		EXECUTE $q$SELECT c.relname FROM pg_catalog.pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
			WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'webchatt') LIMIT 1$q$ INTO found;
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION webchatt._distributed_table() IS 'webchatt''s own: one of its tables that Citus has taken, so that nothing can work; null: none';

/* Tables that have no secret in any column: a column list would need PostgreSQL 15, and would not have what is added later. */
CREATE FUNCTION webchatt._published_tables() RETURNS SETOF pg_catalog.pg_class
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.* FROM pg_class c
	WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'webchatt') AND c.relkind = 'r'
		AND c.relname IN ('channels', 'visitors', 'conversations', 'closings', 'messages', 'statuses', 'notes', 'ratings', 'unread')
	ORDER BY c.relname
$$;
COMMENT ON FUNCTION webchatt._published_tables() IS 'webchatt''s own: the tables of webchatt.create_publication(), none of which has a secret';

CREATE FUNCTION webchatt.create_publication(name text DEFAULT 'webchatt') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t pg_class;
BEGIN
	IF create_publication.name IS NULL OR create_publication.name = '' THEN
		RAISE EXCEPTION 'the publication needs a name' USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for "webchatt".';
	END IF;
	FOR t IN SELECT * FROM webchatt._published_tables() LOOP
		IF NOT pg_has_role(t.relowner, 'USAGE') THEN
			RAISE EXCEPTION 'only who owns webchatt.% can publish it', t.relname
				USING ERRCODE = 'insufficient_privilege', HINT = format('Call it as %I, who installed webchatt.', pg_get_userbyid(t.relowner));
		ELSIF t.relreplident NOT IN ('d', 'f', 'i') THEN
			-- PostgreSQL would refuse each UPDATE from then on, the worker's too
			RAISE EXCEPTION 'webchatt.% has no replica identity', t.relname
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('ALTER TABLE webchatt.%I REPLICA IDENTITY DEFAULT', t.relname);
		END IF;
	END LOOP;
	EXECUTE format('CREATE PUBLICATION %I FOR TABLE ', create_publication.name)
		|| (SELECT string_agg(format('webchatt.%I', p.relname), ', ') FROM webchatt._published_tables() p);
END
$$;
COMMENT ON FUNCTION webchatt.create_publication(text) IS
	'publishes channels, visitors, conversations, closings, messages, statuses, notes, ratings and unread for logical replication, and nothing that has a secret (doc/scale.md). For the owner of these tables, who needs CREATE on the database';

CREATE FUNCTION webchatt.subscriber_tables() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'CREATE SCHEMA webchatt;'
	UNION ALL
	(SELECT format('CREATE TABLE webchatt.%I (%s, PRIMARY KEY (%s));', t.relname, (
		SELECT string_agg(format('%I %s', a.attname, CASE WHEN y.typtype = 'e' THEN 'text' ELSE format_type(a.atttypid, a.atttypmod) END), ', ' ORDER BY a.attnum)
		-- what is generated is not replicated
		FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), (
		SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(i.indkey::int2[], a.attnum))
		FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = t.oid AND i.indisprimary))
	FROM webchatt._published_tables() t)
$$;
COMMENT ON FUNCTION webchatt.subscriber_tables() IS
	'the statements that make the tables of webchatt.create_publication() in the subscriber''s database, which has no extension webchatt: plain tables, enums as text';
