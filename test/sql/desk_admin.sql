-- The desk for admins: webhooks and their log, API keys, remote hubs, rejects, channels, sessions.
\set SHOW_CONTEXT never
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
SET timezone = 'UTC';
SET webchatt.public_url = 'https://chat.example.com';
BEGIN;			-- nothing of it stays for the other tests
-- What a call of the desk is refused with, or what it answers, without ids and times.
CREATE FUNCTION pg_temp.plain(said text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(regexp_replace(said, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '(uuid)', 'g'),
		'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+[+-][0-9:]+', '(time)', 'g'), '(whsec|wck)_[A-Za-z0-9_-]{43}', '(\1)', 'g')
$$;
CREATE FUNCTION pg_temp.call(name text, args jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE format('SELECT webchatt.desk_%I($1)', name) INTO answer USING args;
	RETURN pg_temp.plain(answer::text);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN pg_temp.plain(concat_ws(E'\n', state || ' ' || message, 'HINT: ' || nullif(hint, '')));
END
$$;
SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('bia', 'Bia');
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example.com']) AS shop \gset
SELECT webchatt.create_channel('Blog', ARRAY['https://blog.example.com']) AS blog \gset
SET webchatt.agent = 'ana';

-- an agent may call none of them
SET ROLE webchatt_agent;
SELECT DISTINCT split_part(pg_temp.call(substr(p.proname, 6)), ' for ', 1)
FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace AND p.proname ~ '^desk_.*(webhook|api_key|hub|reject|agent_session|add_channel|newcomers)';
SELECT count(*) > 20 FROM pg_proc p WHERE p.pronamespace = 'webchatt'::regnamespace AND p.proname ~ '^desk_.*(webhook|api_key|hub|reject|agent_session|add_channel|newcomers)';
SET ROLE webchatt_admin;

-- webhooks
SELECT pg_temp.call('webhooks');
SELECT pg_temp.call('create_webhook', '{"label": "Till", "endpoint": "https://till.example.com/events", "eventType": "Message",
	"headers": [{"key": "Authorization", "value": "Bearer s3cret"}, {"key": "X-Shop", "value": "1"}], "scope": "all"}');
SELECT id AS till FROM webchatt.webhooks WHERE label = 'Till' \gset
SELECT pg_temp.call('create_webhook', '{"label": "Plain", "endpoint": "https://plain.example.com", "eventType": "MessageStatus", "signed": false}');
SELECT id AS plain FROM webchatt.webhooks WHERE label = 'Plain' \gset
SELECT pg_temp.call('create_webhook', '{"label": "x", "endpoint": "https://x.example.com", "eventType": "Message"}'::jsonb || more::jsonb) FROM unnest(ARRAY[
	'{"label": ""}', '{"label": null}', '{"label": 1}', '{"endpoint": "ftp://x"}', '{"endpoint": "http://x.example.com"}', '{"eventType": "Other"}', '{"headers": {}}',
	'{"headers": [1]}', '{"headers": [{"key": "a b", "value": "1"}]}', '{"headers": [{"key": "X-A"}]}', '{"headers": [{"key": "Host", "value": "x"}]}', '{"signed": "yes"}']) more;
-- a list has no secret, nor what is sent in headers
SELECT webchatt.desk_webhooks()::text ~ 's3cret|whsec', webchatt.desk_webhook(jsonb_build_object('id', :'till'))::text ~ 's3cret|whsec';
SELECT pg_temp.call('webhook', jsonb_build_object('id', :'till'));
SELECT w ->> 'label', webchatt.desk_webhooks('{"limit": 1}') -> 'next' IS NOT NULL FROM jsonb_array_elements(webchatt.desk_webhooks('{"limit": 1}') -> 'webhooks') w;
SELECT w ->> 'label', p ->> 'next' FROM webchatt.desk_webhooks(jsonb_build_object('limit', 1, 'before', webchatt.desk_webhooks('{"limit": 1}') -> 'next')) p, jsonb_array_elements(p -> 'webhooks') w;
SELECT pg_temp.call('webhook', a) FROM unnest(ARRAY['{}', '{"id": "x"}', '{"id": "00000000-0000-4000-8000-000000000000"}']::jsonb[]) a;
-- a header's value is kept where none is given, on the same server only
SELECT webchatt.desk_alter_webhook(jsonb_build_object('id', :'till', 'endpoint', 'https://till.example.com/other',
	'headers', '[{"key": "authorization"}, {"key": "X-Shop", "value": "2"}]'::jsonb)) ->> 'headers', (SELECT headers FROM webchatt.webhooks WHERE id = :'till');
SELECT pg_temp.call('alter_webhook', jsonb_build_object('id', :'till', 'headers', '[{"key": "X-New"}]'::jsonb));
SELECT pg_temp.call('alter_webhook', jsonb_build_object('id', :'till', 'endpoint', 'https://elsewhere.example.com', 'headers', '[{"key": "authorization"}]'::jsonb));
SELECT w ->> 'headers', (w ->> 'secret') ~ '^whsec_' FROM webchatt.desk_alter_webhook(jsonb_build_object('id', :'till', 'endpoint', 'https://elsewhere.example.com')) w;
SELECT w ->> 'state', w ->> 'active', w ->> 'reason', w ->> 'label', w ->> 'secret' FROM webchatt.desk_alter_webhook(jsonb_build_object('id', :'till', 'active', false, 'label', 'Till 2')) w;
SELECT w ->> 'state', w ->> 'active' FROM webchatt.desk_alter_webhook(jsonb_build_object('id', :'till', 'active', true)) w;
-- {id} alone has it asked again: the worker sees that somebody touched it
UPDATE webchatt.webhooks SET modified_at = '2026-01-01' WHERE id = :'till';
SELECT webchatt.desk_alter_webhook(jsonb_build_object('id', :'till')) ->> 'state';
SELECT modified_at > '2026-01-02' FROM webchatt.webhooks WHERE id = :'till';
SELECT (webchatt.desk_redefine_webhook_secret(jsonb_build_object('id', :'till')) ->> 'secret') ~ '^whsec_[A-Za-z0-9_-]{43}$';
SELECT pg_temp.call('redefine_webhook_secret', jsonb_build_object('id', :'plain'));
-- what it is behind, and its log
RESET ROLE;
INSERT INTO webchatt.feed (seq, event_type, channel_id, visitor, message_id, created_at)
SELECT n, CASE WHEN n % 2 = 0 THEN 'Message' ELSE 'MessageStatus' END, :'shop', 'v', gen_random_uuid(), timestamptz '2026-01-01 00:00Z' + n * interval '1 s' FROM generate_series(1, 10) n;
UPDATE webchatt.webhook_progress SET done_upto = 0, failing_since = '2026-01-01', last_error = 'HTTP 500' WHERE webhook_id = :'till';
UPDATE webchatt.webhooks SET verified_at = now() WHERE id = :'till';
INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint, good, status_code, answer, error, duration_us, sent_at)
SELECT :'till', format('01900000-0000-7000-8000-0000000000%s', lpad(n::text, 2, '0'))::uuid, s, gen_random_uuid(), 'Message', gen_random_uuid(), 1, 'https://till.example.com',
	good, CASE WHEN good THEN 200 ELSE 500 END, '<b>no</b>', CASE WHEN good THEN NULL ELSE 'HTTP 500' END, 1500, timestamptz '2026-01-01 00:00Z' + n * interval '1 min'
FROM (VALUES (1, 2, false), (2, 2, true), (3, 4, false), (4, 99, false), (5, 6, false)) v (n, s, good);
SET ROLE webchatt_admin;
SELECT w ->> 'state', w ->> 'behind', w ->> 'behindSince', w ->> 'lastError', w -> 'last' FROM webchatt.desk_webhook(jsonb_build_object('id', :'till')) w;
CREATE FUNCTION pg_temp.log(args jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(CASE WHEN l IS NOT NULL THEN concat_ws(' ', right(l ->> 'id', 2), l ->> 'statusCode', CASE WHEN (l -> 'kept')::boolean THEN 'kept' END, CASE WHEN (l -> 'delivered')::boolean THEN 'delivered' END,
		CASE WHEN (l -> 'retrying')::boolean THEN 'retrying' END) END, ', ' ORDER BY n), '(none)') || coalesce(' ... ' || right(p ->> 'next', 2), '')
	FROM webchatt.desk_webhook_log(args) p LEFT JOIN LATERAL jsonb_array_elements(p -> 'log') WITH ORDINALITY e (l, n) ON true GROUP BY p
$$;
SELECT pg_temp.log(jsonb_build_object('id', :'till') || more) FROM unnest(ARRAY['{}', '{"failed": true}', '{"limit": 2}', '{"limit": 2, "before": "01900000-0000-7000-8000-000000000004"}',
	'{"limit": 2, "before": "01900000-0000-7000-8000-000000000002"}', '{"failed": true, "limit": 2}', '{"failed": true, "limit": 2, "before": "01900000-0000-7000-8000-000000000004"}']::jsonb[]) more;
SELECT pg_temp.log(jsonb_build_object('id', :'plain'));
SELECT jsonb_object_keys(l) FROM (SELECT webchatt.desk_webhook_log(jsonb_build_object('id', :'till', 'limit', 1)) -> 'log' -> 0 AS l) x ORDER BY 1;
SELECT right(r ->> 'id', 2), r ->> 'success', r ->> 'newId' IS NOT NULL FROM jsonb_array_elements(webchatt.desk_retry_webhook_log(jsonb_build_object('id', :'till',
	'ids', '["01900000-0000-7000-8000-000000000005", "01900000-0000-7000-8000-000000000004", "nonsense"]'::jsonb)) -> 'results') r;
SELECT pg_temp.log(jsonb_build_object('id', :'till', 'limit', 1)), webchatt.desk_webhook(jsonb_build_object('id', :'till')) ->> 'retries';
SELECT pg_temp.call('retry_webhook_log', jsonb_build_object('id', :'till') || more) FROM unnest(ARRAY['{}', '{"ids": []}', '{"ids": [1]}', '{"ids": "x"}', '{"failed": 1}']::jsonb[]) more;
SELECT pg_temp.call('retry_webhook_log', jsonb_build_object('id', :'till', 'ids', (SELECT jsonb_agg('x'::text) FROM generate_series(1, 101))));
SELECT pg_temp.call('delete_webhook', jsonb_build_object('id', :'plain')), pg_temp.call('delete_webhook', jsonb_build_object('id', :'plain'));
-- no plan reads or sorts a whole log
RESET ROLE;
SET LOCAL jit = off;
INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint, good, status_code, duration_us, sent_at)
SELECT :'till', gen_random_uuid(), n, gen_random_uuid(), 'Message', gen_random_uuid(), 1, '', true, 200, 1, now() FROM generate_series(1000, 3000) n;
CREATE FUNCTION pg_temp.read_rows() RETURNS bigint LANGUAGE sql AS $$
	SELECT pg_stat_get_xact_tuples_returned('webchatt.webhook_log'::regclass) + pg_stat_get_xact_tuples_fetched('webchatt.webhook_log'::regclass)
$$;
SELECT pg_temp.read_rows() AS before \gset
SELECT jsonb_array_length(webchatt.desk_webhook_log(jsonb_build_object('id', :'till', 'limit', 10)) -> 'log');
SELECT jsonb_array_length(webchatt.desk_webhook_log(jsonb_build_object('id', :'till', 'limit', 10, 'failed', true)) -> 'log');
SELECT pg_temp.read_rows() - :before < 200;
SET ROLE webchatt_admin;

-- API keys
SELECT pg_temp.call('api_keys');
SELECT pg_temp.call('create_api_key', '{"label": "all"}'), pg_temp.call('create_api_key', jsonb_build_object('label', 'some', 'channels', jsonb_build_array(:'shop'), 'scopes', '["send"]'::jsonb));
SELECT pg_temp.call('create_api_key', a) FROM unnest(ARRAY['{}', '{"label": " "}', '{"label": "all"}', '{"label": "x", "scopes": []}', '{"label": "x", "scopes": ["all"]}', '{"label": "x", "scopes": "send"}',
	'{"label": "x", "scopes": [1]}', '{"label": "x", "channels": []}', '{"label": "x", "channels": ["x"]}', '{"label": "x", "channels": ["00000000-0000-4000-8000-000000000000"]}']::jsonb[]) a;
SELECT k ->> 'label', k -> 'scopes', k -> 'channels' = jsonb_build_array(:'shop'), k -> 'revokedAt', k -> 'link', k -> 'webhooks'
FROM jsonb_array_elements(webchatt.desk_api_keys() -> 'keys') WITH ORDINALITY e (k, n) ORDER BY n;
SELECT webchatt.desk_api_keys()::text ~ 'wck_|hash';
SELECT k ->> 'label', p ->> 'next' IS NULL FROM webchatt.desk_api_keys(jsonb_build_object('limit', 1, 'before', webchatt.desk_api_keys('{"limit": 1}') -> 'next')) p, jsonb_array_elements(p -> 'keys') k;
SELECT pg_temp.call('revoke_api_key', '{"label": "some"}'), pg_temp.call('revoke_api_key', '{"label": "some"}'), pg_temp.call('revoke_api_key', '{"label": "none"}');
SELECT k ->> 'label', k -> 'revokedAt' <> 'null' FROM jsonb_array_elements(webchatt.desk_api_keys() -> 'keys') WITH ORDINALITY e (k, n) ORDER BY n;
-- a webhook whose key was revoked says so
RESET ROLE;
UPDATE webchatt.webhooks SET key_id = (SELECT id FROM webchatt.api_keys WHERE label = 'some') WHERE id = :'till';
SET ROLE webchatt_admin;
SELECT w ->> 'state', w ->> 'reason', w ->> 'apiKey' FROM webchatt.desk_webhook(jsonb_build_object('id', :'till')) w;

-- hubs
SELECT pg_temp.call('hubs');
SELECT pg_temp.call('connect_hub', '{"name": "hub-b", "apiKey": "k3y-of-b", "apiUrl": "https://b.example.com"}');
SELECT pg_temp.call('connect_hub', '{"name": "chatt2me", "apiKey": "k3y"}');
SELECT pg_temp.call('connect_hub', '{"name": "hub-b", "apiKey": "x"}');
SELECT pg_temp.call('connect_hub', '{"name": "x", "apiKey": "x"}'::jsonb || more) FROM unnest(ARRAY['{"name": "No"}', '{"name": "local"}', '{"name": null}', '{"apiKey": "a b"}', '{"apiKey": null}',
	'{"apiUrl": "x"}', '{"apiUrl": "http://b.example.com"}', '{"inbound": "mail"}', '{"known": 1}']::jsonb[]) more;
UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'the hub refused the key' WHERE name = 'hub-b';
SELECT h ->> 'name', h ->> 'state', h ->> 'reason' FROM jsonb_array_elements(webchatt.desk_hubs() -> 'hubs') WITH ORDINALITY e (h, n) ORDER BY n;
-- another key keeps the URL, and starts it again
SELECT h ->> 'state', h ->> 'apiUrl', h ->> 'inbound' FROM webchatt.desk_connect_hub('{"name": "hub-b", "apiKey": "n3w", "known": true}') h;
SELECT h ->> 'inbound', h -> 'link' ->> 'phase' FROM webchatt.desk_connect_hub('{"name": "hub-b", "apiKey": "n3w", "known": true, "inbound": "link"}') h;
SELECT webchatt.desk_hubs()::text ~ 'k3y|n3w', webchatt.desk_hub('{"name": "hub-b"}')::text ~ 'k3y|n3w';
SELECT h ->> 'name', p ->> 'next' FROM webchatt.desk_hubs('{"limit": 1}') p, jsonb_array_elements(p -> 'hubs') h;
SELECT h ->> 'name', p ->> 'next' FROM webchatt.desk_hubs('{"limit": 1, "after": "chatt2me"}') p, jsonb_array_elements(p -> 'hubs') h;
SELECT pg_temp.call('hub', '{"name": "local"}'), pg_temp.call('hub', '{"name": "none"}');
SELECT pg_temp.call('reconcile_webhooks', '{"name": "chatt2me"}'), pg_temp.call('rotate_webhook_secret', '{"name": "chatt2me"}');
SELECT w ->> 'eventType', w ->> 'state', w ->> 'desired', w ->> 'endpoint' FROM jsonb_array_elements(webchatt.desk_register_webhooks('{"name": "chatt2me"}') -> 'webhooks') w;
RESET ROLE;
UPDATE webchatt.hub_webhooks SET secret = 's1gning', state = 'verified', hub_webhook_id = 'h1', verified_at = now();
INSERT INTO webchatt.repairs (hub_id, hub_webhook_id, event_type, event_key, log_id, failed_at, status_code, state)
SELECT h.id, 'h1', 'Message', n, n, now(), 500, CASE WHEN n < 3 THEN 'waiting' ELSE 'given up' END FROM webchatt.hubs h, generate_series(1, 3) n WHERE h.name = 'chatt2me';
SET ROLE webchatt_admin;
SELECT pg_temp.call('reconcile_webhooks', '{"name": "chatt2me"}') ~ 's1gning';
SELECT r ->> 'eventType', r ->> 'found', r ->> 'waiting', r ->> 'givenUp' FROM jsonb_array_elements(webchatt.desk_hub('{"name": "chatt2me"}') -> 'repair') r;
SELECT w ->> 'desired' FROM jsonb_array_elements(webchatt.desk_rotate_webhook_secret('{"name": "chatt2me", "atOnce": true}') -> 'webhooks') w;
SELECT overlap FROM webchatt.hub_webhooks;
SELECT pg_temp.plain(webchatt.desk_rotate_webhook_secret('{"name": "chatt2me"}') ->> 'name');
SELECT overlap FROM webchatt.hub_webhooks;
SELECT w ->> 'desired', w ->> 'state' FROM jsonb_array_elements(webchatt.desk_unregister_webhooks('{"name": "chatt2me"}') -> 'webhooks') w;

-- rejects
CREATE FUNCTION pg_temp.rejects(args jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(CASE WHEN r IS NOT NULL THEN concat_ws(' ', r ->> 'id', r ->> 'eventType', coalesce(r ->> 'hub', '-'), coalesce(r ->> 'displayName', '-'), r ->> 'visitor', r ->> 'reason', length(r ->> 'body') || '/' || (r ->> 'length')) END, E'\n' ORDER BY n), '(none)')
		|| coalesce(' ... ' || (p ->> 'next'), '')
	FROM webchatt.desk_rejects(args) p LEFT JOIN LATERAL jsonb_array_elements(p -> 'rejects') WITH ORDINALITY e (r, n) ON true GROUP BY p
$$;
SELECT pg_temp.rejects('{}');
SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'chatt2me', 'whatsapp', 'Phone') AS phone \gset
RESET ROLE;
INSERT INTO webchatt.rejects (id, channel_id, event_type, event_key, visitor, body, sqlstate, reason, context)
SELECT n, :'phone', 'Message', 'm' || n, '55119', jsonb_build_object('eventType', 'Message', 'channelId', :'phone', 'messageId', 'm' || n, 'from', '55119',
	'content', jsonb_build_object('type', 'text', 'text', repeat('<b>', 200)))::text, 'P0001', 'not on Sundays', 'in some function' FROM generate_series(1, 4) n;
INSERT INTO webchatt.rejects (id, channel_id, hub_id, event_type, event_key, body, raw, sqlstate, reason)
SELECT 5, '00000000-0000-0000-0000-000000000000', id, 'unreadable', 'x', '{"a"', '\x00', '22023', 'no event' FROM webchatt.hubs WHERE name = 'chatt2me';
SET ROLE webchatt_admin;
SELECT pg_temp.rejects('{}');
SELECT pg_temp.rejects(a) FROM unnest(ARRAY['{"limit": 2}', '{"limit": 2, "before": 4}', '{"limit": 2, "before": 2}']::jsonb[]) a;
SELECT pg_temp.call('rejects', a) FROM unnest(ARRAY['{"before": "x"}', '{"limit": 101}', '{"before": 1e30}']::jsonb[]) a;
SELECT length(r ->> 'body') > 600, r ->> 'context', r ->> 'odd' FROM webchatt.desk_reject('{"id": 2}') r;
SELECT r ->> 'odd', r ->> 'channel', r ->> 'hub', r ->> 'body' FROM webchatt.desk_reject('{"id": 5}') r;
SELECT pg_temp.call('reject', '{"id": 6}'), pg_temp.call('reject', '{}');
-- each by itself: what fails keeps none of the others
SELECT jsonb_pretty(webchatt.desk_retry_reject('{"ids": [5, 1, 6, 2]}'));
SELECT pg_temp.rejects('{}');
SELECT visitor, count(*) FROM webchatt.messages WHERE channel_id = :'phone' GROUP BY 1;
SELECT current_user, pg_temp.call('drop_reject', '{"ids": [5, 77]}'), pg_temp.call('drop_reject', '{"ids": []}'), pg_temp.call('retry_reject', '{"ids": ["1"]}'), pg_temp.call('retry_reject');
SELECT pg_temp.rejects('{}');
-- an operator's row security holds
RESET ROLE;
ALTER TABLE webchatt.rejects ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON webchatt.rejects USING (id = 3);
SET ROLE webchatt_admin;
SELECT pg_temp.rejects('{}');
SELECT pg_temp.call('drop_reject', '{"ids": [3, 4]}'), pg_temp.call('reject', '{"id": 4}');
RESET ROLE;
ALTER TABLE webchatt.rejects DISABLE ROW LEVEL SECURITY;
SET ROLE webchatt_admin;
SELECT pg_temp.rejects('{}');

-- channels
SELECT c ->> 'local', c ->> 'hub', c ->> 'kind', c ->> 'displayName' FROM webchatt.desk_add_channel('{"id": "6cbd6789-1d2b-47e0-9391-5eb91d2839eb", "hub": "hub-b", "displayName": "B"}') c;
SELECT pg_temp.call('add_channel', '{"id": "6cbd6789-1d2b-47e0-9391-5eb91d2839ec", "hub": "hub-b"}'::jsonb || more) FROM unnest(ARRAY['{"id": "x"}', '{"id": "6cbd6789-1d2b-47e0-9391-5eb91d2839eb"}', '{"hub": "local"}',
	'{"hub": "none"}', '{"kind": "?"}', '{"displayName": " "}']::jsonb[]) more;
SELECT webchatt.desk_pause_newcomers(jsonb_build_object('id', :'shop', 'paused', true)) ->> 'newcomersPaused', webchatt.desk_pause_newcomers(jsonb_build_object('id', :'shop', 'paused', false)) ->> 'newcomersPaused';
SELECT pg_temp.call('pause_newcomers', jsonb_build_object('id', :'shop')), pg_temp.call('pause_newcomers', jsonb_build_object('id', :'phone', 'paused', true));

-- sessions of any agent
RESET ROLE;
INSERT INTO webchatt.agent_sessions (id, token_hash, agent, expires_at, last_seen, client, user_agent) VALUES (1, sha256('1'), 'bia', now() + interval '1 day', now(), '192.0.2.1', '<b>Browser</b>'),
	(2, sha256('2'), 'bia', now() + interval '1 day', now(), '192.0.2.2', NULL), (3, sha256('3'), 'bia', now() - interval '1 s', now(), '192.0.2.3', NULL),
	(4, sha256('4'), 'bia', now() + interval '1 day', now() - interval '13 hours', '192.0.2.4', NULL), (5, sha256('5'), 'ana', now() + interval '1 day', now(), '192.0.2.5', NULL);
SET ROLE webchatt_admin;
SELECT pg_temp.call('agent_sessions', '{"name": "bia"}');
SELECT s ->> 'id', p ->> 'next' FROM webchatt.desk_agent_sessions('{"name": "bia", "limit": 1}') p, jsonb_array_elements(p -> 'sessions') s;
SELECT s ->> 'id', p ->> 'next' FROM webchatt.desk_agent_sessions('{"name": "bia", "limit": 1, "before": 2}') p, jsonb_array_elements(p -> 'sessions') s;
-- the list of agents counts those alone
SELECT a ->> 'name', a ->> 'sessions' FROM jsonb_array_elements(webchatt.desk_list_agents()) a ORDER BY 1;
SELECT pg_temp.call('agent_sessions', '{"name": "nobody"}'), pg_temp.call('agent_sessions');
SELECT pg_temp.call('end_agent_session', '{"id": 1}'), pg_temp.call('end_agent_session', '{"id": 1}'), pg_temp.call('end_agent_session', '{"id": "1"}');
SELECT id FROM webchatt.agent_sessions ORDER BY id;
ROLLBACK;
