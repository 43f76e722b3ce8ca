-- What each role may and may not.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
-- What a statement is refused with, or "done".
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END
$$;
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c);
SELECT webchatt.set_webhook_secret(:c, 'whsec_1');
SELECT webchatt.create_channel('Local', '{https://www.example.com}') IS NOT NULL;
SELECT '''' || id || '''' AS l FROM webchatt.channels WHERE public_key IS NOT NULL \gset
SELECT webchatt.create_api_key('there') IS NOT NULL;
SET LOCAL client_min_messages = error;
SELECT webchatt.send_message(:c, 'v', text => 'x') AS id \gset
CREATE ROLE regress_webchatt_nobody;
CREATE ROLE regress_webchatt_agent IN ROLE webchatt_agent;
CREATE ROLE regress_webchatt_admin IN ROLE webchatt_admin;

-- nothing is anybody's, and the roles cannot log in
SELECT rolname, rolsuper, rolcanlogin, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname LIKE 'webchatt%' ORDER BY 1;
SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'webchatt'::regnamespace AND a.grantee = 0;
-- but what an index is on, which is computed as whoever writes a row
SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
	WHERE p.pronamespace = 'webchatt'::regnamespace AND a.grantee = 0;
SELECT n.nspname FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'webchatt' AND a.grantee = 0;
-- the worker's role, as which triggers run, owns nothing that they could change
SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'webchatt_worker'::regrole AND deptype = 'o'
	AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()));
-- nothing that we made refers to an object that is neither PostgreSQL's nor ours
SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0)
FROM pg_depend e JOIN pg_depend d ON d.classid = e.classid AND d.objid = e.objid OR d.classid = 'pg_rewrite'::regclass
	AND d.objid IN (SELECT r.oid FROM pg_rewrite r WHERE r.ev_class = e.objid)
CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) o
WHERE e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'
	AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'webchatt')
	AND coalesce(o.schema, 'pg_catalog') NOT IN ('pg_catalog', 'webchatt')
	AND d.refclassid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass);
-- what is written in SQL, or runs as its owner, has a search_path of its own
SELECT p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'webchatt'::regnamespace AND (p.prosecdef OR l.lanname IN ('sql', 'plpgsql'))
	AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);

CREATE TEMP TABLE deed (n int GENERATED ALWAYS AS IDENTITY, what text, statement text);
GRANT SELECT ON deed TO PUBLIC;
INSERT INTO deed (what, statement) VALUES
	('read the API keys', 'SELECT api_key FROM webchatt.hubs'),
	('read the signing secrets', 'SELECT secret, old_secret FROM webchatt.hub_webhooks'),
	('read the identity secrets', 'SELECT secret, old_secret FROM webchatt.identity_secrets'),
	('read the hubs'' names', 'SELECT name FROM webchatt.hubs'),
	('read channels', 'SELECT * FROM webchatt.channels'),
	('read visitors', 'SELECT * FROM webchatt.visitors'),
	('read messages', 'SELECT * FROM webchatt.messages'),
	('read statuses', 'SELECT * FROM webchatt.statuses'),
	('read rejects', 'SELECT * FROM webchatt.rejects'),
	('read the inbox', 'SELECT * FROM webchatt.inbox'),
	('read the status', 'SELECT state, hubs FROM webchatt.status'),
	('read a conversation', format('SELECT * FROM webchatt.conversation(%L, %L)', :c, 'v')),
	('read the outbox', 'SELECT * FROM webchatt.outbox'),
	('read who is connected', 'SELECT * FROM webchatt.presence'),
	('read the visitors'' tokens', 'SELECT * FROM webchatt.visitor_tokens'),
	('read the hashes of API keys', 'SELECT key_hash FROM webchatt.api_keys'),
	('create_channel', 'SELECT webchatt.create_channel(''Local'', ''{https://a.example}'')'),
	('regenerate_public_key', format('SELECT webchatt.regenerate_public_key(%L)', :l)),
	('widget_script', format('SELECT webchatt.widget_script(%L)', :l)),
	('create_api_key', 'SELECT webchatt.create_api_key(''mine'')'),
	('revoke_api_key', 'SELECT webchatt.revoke_api_key(''there'')'),
	('mark_read', format('SELECT webchatt.mark_read(%L, %L)', :c, 'v')),
	('close_conversation', format('SELECT webchatt.close_conversation(%L, %L)', :c, 'v')),
	('reopen_conversation', format('SELECT webchatt.reopen_conversation(%L, %L)', :c, 'v')),
	('assign_conversation', format('SELECT webchatt.assign_conversation(%L, %L, %L)', :c, 'v', 'ana')),
	('change a conversation by hand', 'UPDATE webchatt.conversations SET assignee = NULL'),
	('send_typing', format('SELECT webchatt.send_typing(%L, %L)', :l, gen_random_uuid())),
	('make a random token', 'SELECT webchatt._random_token(''x'', 16)'),
	('connect_hub', 'SELECT webchatt.connect_hub(''key'')'),
	('add_channel', 'SELECT webchatt.add_channel(gen_random_uuid())'),
	('set_origins', format('SELECT webchatt.set_origins(%L, %L)', :c, '{https://a.example}')),
	('set_webhook_secret', format('SELECT webchatt.set_webhook_secret(%L, %L)', :c, 'x')),
	('normalize_origin', 'SELECT webchatt.normalize_origin(''https://a.example'')'),
	('send_message text', format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, 'v', 'x')),
	('send_message jsonb', format('SELECT webchatt.send_message(%L, %L, content => %L)', :c, 'v', '{"text": "x"}')),
	('cancel_message', format('SELECT webchatt.cancel_message(%L, %L)', :c, :'id')),
	('retry_message', format('SELECT webchatt.retry_message(%L, %L)', :c, :'id')),
	('ingest', format('SELECT webchatt.ingest(%L)', '{}')),
	('retry_reject', 'SELECT webchatt.retry_reject(0)'),
	('change a visitor''s attributes', 'UPDATE webchatt.visitors SET attributes = ''{"name": "x"}'''),
	('change a visitor''s last_seen', 'UPDATE webchatt.visitors SET last_seen = now()'),
	('insert a message', format('INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES (%L, gen_random_uuid(), ''v'', ''in'', ''received'', ''{}'')', :c)),
	('change a message', 'UPDATE webchatt.messages SET content = content'),
	('delete messages', 'DELETE FROM webchatt.messages'),
	('delete statuses', 'DELETE FROM webchatt.statuses'),
	('rename a channel', 'UPDATE webchatt.channels SET display_name = ''x'''),
	('change a key', 'UPDATE webchatt.hubs SET api_key = ''x'' WHERE kind = ''remote'''),
	('insert into the outbox', 'INSERT INTO webchatt.outbox_0 (xid, seq, hub_id, op) VALUES (pg_current_xact_id(), 0, 0, ''c'')'),
	('put a trigger on messages', 'CREATE TRIGGER mine AFTER INSERT ON webchatt.messages EXECUTE FUNCTION webchatt._messages_inserted()'),
	('put a trigger on statuses', 'CREATE TRIGGER mine AFTER INSERT ON webchatt.statuses EXECUTE FUNCTION webchatt._messages_inserted()'),
	('put a trigger on hubs', 'CREATE TRIGGER mine AFTER INSERT ON webchatt.hubs EXECUTE FUNCTION webchatt._messages_inserted()'),
	('put a trigger on webhooks', 'CREATE TRIGGER mine AFTER INSERT ON webchatt.hub_webhooks EXECUTE FUNCTION webchatt._messages_inserted()'),
	('put a trigger on the outbox', 'CREATE TRIGGER mine AFTER INSERT ON webchatt.outbox_0 EXECUTE FUNCTION webchatt._messages_inserted()'),
	('set webchatt.listen', 'SET LOCAL webchatt.listen = ''127.0.0.1:1''');
-- what a role may: the statement's own errors count as that, and nothing stays
CREATE FUNCTION pg_temp.may(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	BEGIN
		EXECUTE statement;
		RAISE EXCEPTION USING ERRCODE = 'RR000', MESSAGE = 'yes';
	EXCEPTION WHEN insufficient_privilege THEN
		RESET ROLE;
		RETURN '-';
	WHEN OTHERS THEN
		RESET ROLE;
		RETURN CASE sqlstate WHEN 'RR000' THEN 'yes' ELSE sqlstate END;
	END;
END
$$;
\pset tuples_only off
\pset footer off
SELECT what, pg_temp.may('regress_webchatt_nobody', statement) AS nobody, pg_temp.may('regress_webchatt_agent', statement) AS agent,
	pg_temp.may('regress_webchatt_admin', statement) AS admin, pg_temp.may('webchatt_worker', statement) AS worker
FROM deed ORDER BY n;
\pset tuples_only on
-- a hidden object in front of ours is not seen by what runs as its owner
CREATE SCHEMA mine;
CREATE TABLE mine.channels (id uuid);
CREATE FUNCTION mine.char_length(text) RETURNS int LANGUAGE sql AS 'SELECT 1 / 0';
SET LOCAL search_path = mine, pg_catalog;
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000002', display_name => 'x');
SELECT webchatt.set_origins('00000000-0000-0000-0000-000000000002', '{https://a.example}');
ROLLBACK;
