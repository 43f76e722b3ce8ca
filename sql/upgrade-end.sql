-- what PostgreSQL gave to PUBLIC, and the owner's default privileges to anybody, of what is new
DO $$
DECLARE
	o record;
	g text;
BEGIN
	FOR o IN SELECT x.* FROM (
			SELECT 'pg_class'::regclass AS class, c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass AS name, c.relacl AS acl, c.relowner AS owner
			FROM pg_class c WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
			UNION ALL SELECT 'pg_proc'::regclass, p.oid, 'ROUTINE ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
			FROM pg_proc p
			UNION ALL SELECT 'pg_type'::regclass, t.oid, 'TYPE ' || t.oid::regtype, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
			FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') x
		JOIN pg_depend d ON d.classid = x.class AND d.objid = x.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'webchatt')
		WHERE NOT EXISTS (SELECT FROM webchatt._upgrade_had h WHERE h.classid = x.class AND h.objid = x.oid) LOOP
		IF o.acl IS NOT NULL THEN
			EXECUTE format('GRANT ALL ON %s TO %s', o.name, o.owner::regrole);
		END IF;
		FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
			FROM aclexplode(o.acl) a WHERE a.grantee <> o.owner LOOP
			EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', o.name, g);
		END LOOP;
	END LOOP;
END
$$;

-- @rights

/*
 * A GRANT in an extension's script has PostgreSQL take all rights on the object for the extension's
 * own, those that users gave as well: a dump would leave them out.  So what it keeps as the
 * extension's becomes what it was, with what was granted and without what was revoked here.
 */
UPDATE pg_init_privs i SET initprivs = x.initprivs
FROM (
	SELECT o.classoid, o.objoid, o.objsubid, array_agg(format('%s=%s/%s', o.grantee, o.letters, o.grantor)::aclitem) AS initprivs
	FROM (
		SELECT r.classoid, r.objoid, r.objsubid, CASE r.grantee WHEN 0 THEN '' ELSE r.grantee::regrole::text END AS grantee, r.grantor::regrole AS grantor,
			string_agg(CASE r.privilege_type WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' WHEN 'DELETE' THEN 'd' WHEN 'TRUNCATE' THEN 'D'
				WHEN 'REFERENCES' THEN 'x' WHEN 'TRIGGER' THEN 't' WHEN 'MAINTAIN' THEN 'm' WHEN 'EXECUTE' THEN 'X' WHEN 'USAGE' THEN 'U' END
				|| CASE WHEN r.is_grantable THEN '*' ELSE '' END, '') AS letters
		FROM (
			SELECT b.classoid, b.objoid, b.objsubid, e.* FROM webchatt._upgrade_init b, aclexplode(b.initprivs) e
			UNION (
				SELECT a.classoid, a.objoid, a.objsubid, e.* FROM webchatt._upgrade_acls a, aclexplode(a.acl) e
				EXCEPT SELECT b.classoid, b.objoid, b.objsubid, e.* FROM webchatt._upgrade_init b, aclexplode(b.acl) e)
			EXCEPT (
				SELECT b.classoid, b.objoid, b.objsubid, e.* FROM webchatt._upgrade_init b, aclexplode(b.acl) e
				EXCEPT SELECT a.classoid, a.objoid, a.objsubid, e.* FROM webchatt._upgrade_acls a, aclexplode(a.acl) e)) r
		GROUP BY r.classoid, r.objoid, r.objsubid, r.grantee, r.grantor) o
	GROUP BY o.classoid, o.objoid, o.objsubid) x
JOIN webchatt._upgrade_had h ON h.classid = x.classoid AND h.objid = x.objoid
JOIN webchatt._upgrade_acls now ON now.classoid = x.classoid AND now.objoid = x.objoid AND now.objsubid = x.objsubid
LEFT JOIN webchatt._upgrade_init b ON b.classoid = x.classoid AND b.objoid = x.objoid AND b.objsubid = x.objsubid
WHERE i.classoid = x.classoid AND i.objoid = x.objoid AND i.objsubid = x.objsubid AND i.privtype = 'e'
	AND now.acl IS DISTINCT FROM b.acl AND i.initprivs IS DISTINCT FROM x.initprivs;

-- what is ours and what is others', of all that hangs on our tables: see webchatt.extras
DELETE FROM webchatt.own_extras;
INSERT INTO webchatt.own_extras (kind, relation, name)
SELECT x.kind, x.relation, x.name FROM webchatt._extras() x
WHERE x.relation !~ '^_upgrade_' AND NOT EXISTS (SELECT FROM webchatt._upgrade_extras u WHERE (u.kind, u.relation, u.name) = (x.kind, x.relation, x.name));
-- made later, where pg_trgm is
INSERT INTO webchatt.own_extras (kind, relation, name) VALUES ('index', 'search_parts', 'search_parts_said') ON CONFLICT DO NOTHING;

DROP TABLE webchatt._upgrade_init;
DROP VIEW webchatt._upgrade_acls;
DROP TABLE webchatt._upgrade_extras;
DROP TABLE webchatt._upgrade_had;
