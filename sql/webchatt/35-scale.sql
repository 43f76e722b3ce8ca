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
