----------------------------------------------------------------------------
-- What others hung on our tables, which a dump leaves out
----------------------------------------------------------------------------

CREATE TABLE webchatt.own_extras (
	kind text COLLATE "C" NOT NULL,
	relation text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	PRIMARY KEY (kind, relation, name)
);
COMMENT ON TABLE webchatt.own_extras IS 'webchatt''s own: what it hung on its tables itself, so that webchatt.extras shows the rest';
COMMENT ON COLUMN webchatt.own_extras.kind IS 'as in webchatt.extras';
COMMENT ON COLUMN webchatt.own_extras.relation IS 'as in webchatt.extras';
COMMENT ON COLUMN webchatt.own_extras.name IS 'as in webchatt.extras';

CREATE FUNCTION webchatt._extras() RETURNS TABLE (kind text, relation text, name text, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH r AS MATERIALIZED (SELECT c.*, format('%I.%I', n.nspname, c.relname) AS q FROM pg_depend d
		JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'v')
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'webchatt')),
	x (step, kind, oid, name, statement) AS (
		SELECT 1, 'index', r.oid, i.relname::text, pg_get_indexdef(i.oid)
		FROM r JOIN pg_index ix ON ix.indrelid = r.oid JOIN pg_class i ON i.oid = ix.indexrelid
		WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = r.oid)
		UNION ALL
		SELECT 2, 'constraint', r.oid, k.conname, format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.q, k.conname, pg_get_constraintdef(k.oid))
		FROM r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'u', 'x', 'f') AND k.conparentid = 0
		UNION ALL
		SELECT 3, 'trigger', r.oid, t.tgname, pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ''
			ELSE format('; ALTER TABLE %s %s TRIGGER %I', r.q,
				CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname) END
		FROM r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
		UNION ALL
		SELECT 4, 'rule', r.oid, u.rulename, rtrim(pg_get_ruledef(u.oid), ';')
		FROM r JOIN pg_rewrite u ON u.ev_class = r.oid AND u.rulename <> '_RETURN'
		UNION ALL
		SELECT 5, 'policy', r.oid, p.polname, format('CREATE POLICY %I ON %s%s FOR %s TO %s%s%s', p.polname, r.q,
			CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END,
			CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
			(SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ') FROM unnest(p.polroles) o),
			' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
		FROM r JOIN pg_policy p ON p.polrelid = r.oid
		UNION ALL
		SELECT 6, 'row security', r.oid, 'enabled', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', r.q) FROM r WHERE r.relrowsecurity
		UNION ALL
		SELECT 6, 'row security', r.oid, 'forced', format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', r.q) FROM r WHERE r.relforcerowsecurity
		UNION ALL
		SELECT 7, 'storage option', r.oid, prefix || o, format('ALTER %s %s SET (%s%s = %L)', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
			r.q, prefix, split_part(o, '=', 1), substr(o, strpos(o, '=') + 1))
		FROM r LEFT JOIN pg_class t ON t.oid = r.reltoastrelid
		CROSS JOIN LATERAL (SELECT '' AS prefix, unnest(r.reloptions) AS o UNION ALL SELECT 'toast.', unnest(t.reloptions)) s
		UNION ALL
		SELECT 7, 'statistics target', r.oid, a.attname, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', r.q, a.attname, a.attstattarget)
		FROM r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget >= 0 AND r.relkind = 'r'
		UNION ALL
		SELECT 7, 'replica identity', r.oid, r.relreplident::text,
			format('ALTER TABLE %s REPLICA IDENTITY %s', r.q, CASE r.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
				ELSE 'USING INDEX ' || (SELECT quote_ident(i.relname) FROM pg_index ix JOIN pg_class i ON i.oid = ix.indexrelid
					WHERE ix.indrelid = r.oid AND ix.indisreplident) END)
		FROM r WHERE r.relkind = 'r' AND r.relreplident <> 'd'
		UNION ALL
		-- some of pg_dump's versions have it: which one dumps, nobody here knows
		SELECT 8, 'publication', r.oid, p.pubname, format('DO %L', format('BEGIN IF NOT EXISTS (SELECT FROM pg_publication_rel m JOIN pg_publication p ON p.oid = m.prpubid '
				'WHERE p.pubname = %L AND m.prrelid = %L::regclass) THEN ALTER PUBLICATION %I ADD TABLE %s%s%s; END IF; END', p.pubname, r.q, p.pubname, r.q,
			(SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a
			 WHERE a.attrelid = r.oid AND a.attnum::text = ANY (regexp_split_to_array(to_jsonb(m) ->> 'prattrs', '[^0-9]+'))),
			(SELECT ' WHERE (' || (to_jsonb(v) ->> 'rowfilter') || ')' FROM pg_publication_tables v
			 WHERE v.pubname = p.pubname AND format('%I.%I', v.schemaname, v.tablename) = r.q)))
		FROM r JOIN pg_publication_rel m ON m.prrelid = r.oid JOIN pg_publication p ON p.oid = m.prpubid
		-- (from 19 on a row may be of what is not published)
		WHERE NOT coalesce((to_jsonb(m) ->> 'prexcept')::boolean, false))
	SELECT x.kind, r.relname::text, x.name, x.statement || ';' FROM x JOIN r ON r.oid = x.oid
	ORDER BY x.step, r.relname, x.kind, x.name
$$;
COMMENT ON FUNCTION webchatt._extras() IS 'webchatt''s own: everything that hangs on its tables and views, its own things as well';

----------------------------------------------------------------------------
-- When a dump is loaded
----------------------------------------------------------------------------

/*
 * CREATE EXTENSION comes before the data.  So when a dump runs this script, it leaves a
 * note for the worker to wait, and sets foreign keys aside: pg_restore -j loads an extension's
 * tables in any order.  pg_dump and pg_restore set row_security in every form, and people do not.
 */
CREATE TABLE webchatt.restores (
	begun_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE webchatt.restores IS
	'webchatt''s own: a row while a dump is being loaded that made this extension; the worker waits until it is gone. webchatt.finish_restore() ends it by hand';
COMMENT ON COLUMN webchatt.restores.begun_at IS 'when the extension was made';

CREATE TABLE webchatt.foreign_keys_due (
	relation text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	definition text NOT NULL
);
COMMENT ON TABLE webchatt.foreign_keys_due IS 'webchatt''s own: foreign keys that are set aside until a restore is over';
COMMENT ON COLUMN webchatt.foreign_keys_due.relation IS 'the table in schema webchatt';
COMMENT ON COLUMN webchatt.foreign_keys_due.name IS 'what the foreign key is called';
COMMENT ON COLUMN webchatt.foreign_keys_due.definition IS 'what it says';

-- no key: what a dump brings never collides with what is here.  Its name puts it behind all
-- others in a dump, so a restore that is broken off has not brought it
CREATE TABLE webchatt.z_installations (
	id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	made_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE webchatt.z_installations IS
	'webchatt''s own: which CREATE EXTENSION the data began with; a row comes with a dump''s data, which is how the worker knows that it came';
COMMENT ON COLUMN webchatt.z_installations.id IS 'made at random';
COMMENT ON COLUMN webchatt.z_installations.made_at IS 'when that was';

CREATE FUNCTION webchatt._forget_restores() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'webchatt_forget_restores';
COMMENT ON FUNCTION webchatt._forget_restores() IS 'webchatt''s own: no session is waited for any longer that loads a dump';

CREATE FUNCTION webchatt._end_restore() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k webchatt.foreign_keys_due;
BEGIN
	FOR k IN DELETE FROM webchatt.foreign_keys_due RETURNING * LOOP
		EXECUTE format('ALTER TABLE webchatt.%I ADD CONSTRAINT %I %s', k.relation, k.name, k.definition);
	END LOOP;
	DELETE FROM webchatt.restores;
	IF NOT EXISTS (SELECT FROM webchatt.z_installations) THEN
		INSERT INTO webchatt.z_installations DEFAULT VALUES;
	END IF;
END
$$;
COMMENT ON FUNCTION webchatt._end_restore() IS 'webchatt''s own: puts back what was set aside for a restore';

CREATE FUNCTION webchatt.finish_restore() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM webchatt._end_restore();
	PERFORM webchatt._forget_restores();
END
$$;
COMMENT ON FUNCTION webchatt.finish_restore() IS
	'says that all data of a dump is loaded, where the worker cannot know it: it waits no longer. Foreign keys are checked and put back, so an error says which rows are missing';

CREATE FUNCTION webchatt._begin_restore() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	k record;
BEGIN
	INSERT INTO webchatt.restores DEFAULT VALUES;
	FOR k IN SELECT c.relname, f.conname, pg_get_constraintdef(f.oid) AS definition
		FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
		WHERE f.contype = 'f' AND c.relnamespace = 'webchatt'::regnamespace ORDER BY f.oid LOOP
		INSERT INTO webchatt.foreign_keys_due (relation, name, definition) VALUES (k.relname, k.conname, k.definition);
		EXECUTE format('ALTER TABLE webchatt.%I DROP CONSTRAINT %I', k.relname, k.conname);
	END LOOP;
END
$$;
COMMENT ON FUNCTION webchatt._begin_restore() IS 'webchatt''s own: what CREATE EXTENSION does when a dump runs it';
