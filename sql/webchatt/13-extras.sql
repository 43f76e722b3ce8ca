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
		SELECT 8, 'publication', r.oid, p.pubname, format('ALTER PUBLICATION %I ADD TABLE %s%s%s', p.pubname, r.q,
			(SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a
			 WHERE a.attrelid = r.oid AND a.attnum::text = ANY (regexp_split_to_array(to_jsonb(m) ->> 'prattrs', '[^0-9]+'))),
			(SELECT ' WHERE (' || (to_jsonb(v) ->> 'rowfilter') || ')' FROM pg_publication_tables v
			 WHERE v.pubname = p.pubname AND format('%I.%I', v.schemaname, v.tablename) = r.q))
		FROM r JOIN pg_publication_rel m ON m.prrelid = r.oid JOIN pg_publication p ON p.oid = m.prpubid)
	SELECT x.kind, r.relname::text, x.name, x.statement || ';' FROM x JOIN r ON r.oid = x.oid
	ORDER BY x.step, r.relname, x.kind, x.name
$$;
COMMENT ON FUNCTION webchatt._extras() IS 'webchatt''s own: everything that hangs on its tables and views, its own things as well';

CREATE VIEW webchatt.extras AS
SELECT e.kind, e.relation, e.name, e.statement FROM webchatt._extras() e
WHERE NOT EXISTS (SELECT FROM webchatt.own_extras o WHERE o.kind OPERATOR(pg_catalog.=) e.kind
	AND o.relation OPERATOR(pg_catalog.=) e.relation AND o.name OPERATOR(pg_catalog.=) e.name);
COMMENT ON VIEW webchatt.extras IS
	'triggers, indexes, constraints, policies, rules, options and publications that others put on webchatt''s tables: a dump leaves them out, so keep the statements beside it (psql -Atc ''SELECT statement FROM webchatt.extras''), and run them when it is restored';
COMMENT ON COLUMN webchatt.extras.kind IS 'index, constraint, trigger, rule, policy, row security, storage option, statistics target, replica identity or publication';
COMMENT ON COLUMN webchatt.extras.relation IS 'the table or view in schema webchatt';
COMMENT ON COLUMN webchatt.extras.name IS 'what it is called; of an option the option';
COMMENT ON COLUMN webchatt.extras.statement IS 'what makes it anew';

GRANT SELECT ON webchatt.extras TO webchatt_admin;
GRANT SELECT ON webchatt.own_extras TO webchatt_worker;
