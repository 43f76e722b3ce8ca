----------------------------------------------------------------------------
-- Row security: an operator may turn it on for people, the worker is not meant
----------------------------------------------------------------------------

/*
 * A policy that lets the worker through on every table.  It is asleep until somebody says
 * ALTER TABLE ... ENABLE ROW LEVEL SECURITY; then the worker goes on, and the others have
 * the policies that were made for them.
 */
-- again, by upgrades
DO $$
DECLARE
	t text;
BEGIN
	FOR t IN SELECT c.relname FROM pg_catalog.pg_depend d
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid AND c.relkind OPERATOR(pg_catalog.=) 'r'
		WHERE d.deptype OPERATOR(pg_catalog.=) 'e' AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
			AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=) (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'webchatt')
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid OPERATOR(pg_catalog.=) c.oid AND p.polname OPERATOR(pg_catalog.=) 'webchatt_worker')
	LOOP
		EXECUTE pg_catalog.format('CREATE POLICY webchatt_worker ON webchatt.%I TO webchatt_worker USING (true) WITH CHECK (true)', t);
		EXECUTE pg_catalog.format('COMMENT ON POLICY webchatt_worker ON webchatt.%I IS %L', t,
			'webchatt''s own: lets the worker through where row security is on');
	END LOOP;
END
$$;

/*
 * A view runs with its owner's rights, who no policy binds, or one (FORCE ROW LEVEL SECURITY) that has the worker see
 * nothing; from PostgreSQL 15 on it can run with its reader's.
 */
-- again, by upgrades
DO $$
BEGIN
	IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 150000 THEN
		EXECUTE 'ALTER VIEW webchatt.inbox SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.file_overview SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.presence SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt._feed_bodies SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.search_coverage SET (security_invoker = on)';
		EXECUTE 'ALTER VIEW webchatt.retention SET (security_invoker = on)';
	END IF;
END
$$;

----------------------------------------------------------------------------
-- What pg_dump takes along: all but the outbox, whose rows carry this
-- cluster's transaction ids; what a dump held as queued is queued
-- anew by the trigger on messages when it is loaded
----------------------------------------------------------------------------

-- again, by upgrades
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['hubs', 'hubs_id_seq', 'channels', 'origins', 'hub_webhooks', 'hub_webhooks_id_seq', 'api_keys', 'api_keys_id_seq', 'agents', 'passkeys', 'passkeys_id_seq',
		'visitors', 'visitor_tokens', 'identity_secrets', 'joins', 'files', 'file_chunks', 'file_uses', 'conversations', 'notes', 'canned_answers', 'search_languages', 'ratings', 'closings', 'unread', 'conversation_links', 'erasures', 'redactions',
		'messages', 'statuses', 'statuses_id_seq', 'early_statuses', 'rejects', 'rejects_id_seq',
		'held', 'outbox_seq', 'feed', 'feed_seq_seq', 'webhooks', 'webhooks_n_seq', 'webhook_progress',
		'webhook_log', 'webhook_retries', 'links',
		'hub_reconciliation', 'repairs', 'repairs_id_seq', 'overdue_candidates', 'overdue_scan',
		'registrations', 'registrations_id_seq', 'retentions', 'archives', 'archive_tasks', 'z_installations'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(('webchatt.' || t)::pg_catalog.regclass, '');
	END LOOP;
END
$$;

-- whatever hangs on our tables from here on is somebody else's: see webchatt.extras
INSERT INTO webchatt.own_extras (kind, relation, name) SELECT e.kind, e.relation, e.name FROM webchatt._extras() e;
-- made later, where pg_trgm is
-- not by upgrades: sql/upgrade-end.sql
INSERT INTO webchatt.own_extras (kind, relation, name) VALUES ('index', 'search_parts', 'search_parts_said');

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
