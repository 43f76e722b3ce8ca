
----------------------------------------------------------------------------
-- Over all parts: every function for those who configure
----------------------------------------------------------------------------

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA webchatt TO webchatt_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA webchatt TO webchatt_admin, webchatt_worker;

----------------------------------------------------------------------------
-- What pg_dump takes along: all but the outbox, whose rows carry this
-- cluster's transaction ids; what a dump held as queued is queued
-- anew by the trigger on messages when it is loaded
----------------------------------------------------------------------------

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['hubs', 'hubs_id_seq', 'channels', 'origins', 'hub_webhooks', 'hub_webhooks_id_seq', 'api_keys', 'api_keys_id_seq',
		'visitors', 'visitor_tokens',
		'messages', 'statuses', 'statuses_id_seq', 'early_statuses', 'rejects', 'rejects_id_seq',
		'held', 'outbox_seq', 'feed', 'feed_seq_seq', 'webhooks', 'webhooks_n_seq', 'webhook_progress',
		'webhook_log', 'webhook_retries', 'links',
		'hub_keeping', 'repairs', 'repairs_id_seq', 'overdue_candidates', 'overdue_scan',
		'registrations', 'registrations_id_seq', 'z_installations'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(('webchatt.' || t)::pg_catalog.regclass, '');
	END LOOP;
END
$$;

----------------------------------------------------------------------------
-- Who may do what is said by the GRANTs of all parts and by nothing else: sql/assemble
-- puts them behind this, which takes back what PostgreSQL gives to PUBLIC and what
-- the installer's default privileges gave to anybody
----------------------------------------------------------------------------

DO $$
DECLARE
	o record;
	g text;
BEGIN
	FOR o IN SELECT 'SCHEMA webchatt' AS name, n.nspacl AS acl, n.nspowner AS owner FROM pg_namespace n WHERE n.nspname = 'webchatt'
		UNION ALL SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relacl, c.relowner
		FROM pg_class c WHERE c.relnamespace = 'webchatt'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
		UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure, coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
		FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace
		UNION ALL SELECT 'TYPE ' || t.oid::regtype, coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
		FROM pg_type t WHERE t.typnamespace = 'webchatt'::regnamespace AND (t.typtype IN ('e', 'd', 'r')
			OR t.typtype = 'c' AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') LOOP
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

-- whatever hangs on our tables from here on is somebody else's: see webchatt.extras
INSERT INTO webchatt.own_extras (kind, relation, name) SELECT e.kind, e.relation, e.name FROM webchatt._extras() e;

-- a dump brings its own z_installations, and is not over with this
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_settings s WHERE s.name = 'row_security' AND s.source = 'session')
		OR current_setting('application_name') = 'pg_restore' THEN
		PERFORM webchatt._begin_restore();
	ELSE
		INSERT INTO webchatt.z_installations DEFAULT VALUES;
	END IF;
END
$$;
