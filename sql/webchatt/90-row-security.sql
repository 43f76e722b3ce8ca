----------------------------------------------------------------------------
-- Row security: an operator may turn it on for people, the worker is not meant
----------------------------------------------------------------------------

/*
 * A policy that lets the worker through on every table.  It is asleep until somebody says
 * ALTER TABLE ... ENABLE ROW LEVEL SECURITY; then the worker goes on, and the others have
 * the policies that were made for them.
 */
DO $$
DECLARE
	t text;
BEGIN
	FOR t IN SELECT c.relname FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid AND c.relkind OPERATOR(pg_catalog.=) 'r'
		WHERE d.deptype OPERATOR(pg_catalog.=) 'e' AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=) (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'webchatt')
	LOOP
		EXECUTE pg_catalog.format('CREATE POLICY webchatt_worker ON webchatt.%I TO webchatt_worker USING (true) WITH CHECK (true)', t);
		EXECUTE pg_catalog.format('COMMENT ON POLICY webchatt_worker ON webchatt.%I IS %L', t,
			'webchatt''s own: lets the worker through where row security is on');
	END LOOP;
END
$$;

/* A view runs with its owner's rights, who no policy binds; from PostgreSQL 15 on it can run with its reader's. */
DO $$
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 150000 THEN
		EXECUTE 'ALTER VIEW webchatt.inbox SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.presence SET (security_invoker = on)';
	END IF;
END
$$;
