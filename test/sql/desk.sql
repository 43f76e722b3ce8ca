-- The desk: agents, links to sign in, sessions, and the functions that the desk calls.
\set SHOW_CONTEXT never
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
BEGIN;			-- nothing of it stays for the other tests
-- What a statement is refused with, or "done".
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	message := regexp_replace(message, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', '(uuid)');
	RETURN concat_ws(E'\n', state || ' ' || message, 'HINT: ' || nullif(hint, ''));
END
$$;

-- agents
SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('bia.2', 'Bia', avatar_url => 'https://example.com/b.png'), webchatt.create_agent('caio', 'Caio');
SELECT pg_temp.refusal(format('SELECT webchatt.create_agent(%L, %L, %L, %L)', name, display, role, avatar)) FROM (VALUES
	('ana', 'Ana', 'agent', NULL), ('Ana', 'Ana', 'agent', NULL), ('', 'Ana', 'agent', NULL), (NULL, 'Ana', 'agent', NULL), ('-x', 'X', 'agent', NULL),
	(repeat('x', 64), 'X', 'agent', NULL), ('x', '', 'agent', NULL), ('x', ' ', 'agent', NULL), ('x', repeat('x', 51), 'agent', NULL), ('x', NULL, 'agent', NULL),
	('x', 'X', 'root', NULL), ('x', 'X', NULL, NULL), ('x', 'X', 'agent', 'http://example.com/x.png'), ('x', 'X', 'agent', 'https://x" onerror="x'),
	('x', 'X', 'agent', 'javascript:alert(1)')) v (name, display, role, avatar);
SELECT name, display_name, role, avatar_url, disabled_at IS NULL FROM webchatt.agents ORDER BY name;
SELECT webchatt.disable_agent('caio'), webchatt.disable_agent('caio'), webchatt.enable_agent('caio'), webchatt.enable_agent('caio');
SELECT pg_temp.refusal('SELECT webchatt.disable_agent(''nobody'')'), pg_temp.refusal('SELECT webchatt.enable_agent(NULL)');

-- links
SELECT pg_temp.refusal('SELECT webchatt.sign_in_link(''ana'')');
SET webchatt.desk_listen = 'unix:/run/desk, *:8481';
SELECT regexp_replace(webchatt.sign_in_link('ana'), '[A-Za-z0-9_-]{43}$', '(43 characters)');
SET webchatt.desk_listen = '127.0.0.1:8481';
SELECT regexp_replace(webchatt.sign_in_link('ana'), '[A-Za-z0-9_-]{43}$', '(43 characters)');
SET webchatt.desk_url = 'https://desk.example.com';
SELECT webchatt.sign_in_link('bia.2', '1 hour') AS link \gset
SELECT regexp_replace(:'link', '[A-Za-z0-9_-]{43}$', '(43 characters)');
-- only the hash is kept
SELECT agent, expires_at - created_at FROM webchatt.sign_in_links WHERE token_hash = sha256(convert_to(split_part(:'link', '=', 2), 'UTF8'));
SELECT count(*), count(DISTINCT token_hash) FROM webchatt.sign_in_links;
SELECT pg_temp.refusal(format('SELECT webchatt.sign_in_link(%L, %L)', name, valid)) FROM (VALUES
	('nobody', '1 hour'), (NULL, '1 hour'), ('ana', '0'), ('ana', '-1 s'), ('ana', '31 days'), ('ana', NULL)) v (name, valid);
-- what is over goes with the next
UPDATE webchatt.sign_in_links SET expires_at = now() - interval '1 s' WHERE agent = 'ana';
SELECT length(webchatt.sign_in_link('caio')) > 0;
SELECT agent FROM webchatt.sign_in_links ORDER BY agent;
-- who is locked out has none, and gets none
INSERT INTO webchatt.agent_sessions (token_hash, agent, expires_at) VALUES (sha256('1'), 'caio', now() + interval '1 day');
SELECT webchatt.disable_agent('caio');
SELECT (SELECT count(*) FROM webchatt.sign_in_links WHERE agent = 'caio'), (SELECT count(*) FROM webchatt.agent_sessions WHERE agent = 'caio');
SELECT pg_temp.refusal('SELECT webchatt.sign_in_link(''caio'')');
SELECT webchatt.enable_agent('caio');

-- a channel with conversations
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example.com']) AS shop \gset
SELECT webchatt.create_channel('Blog', ARRAY['https://blog.example.com']) AS blog \gset
INSERT INTO webchatt.visitors (channel_id, id, attributes) SELECT :'shop', 'v' || i, jsonb_build_object('page', '/' || i) FROM generate_series(1, 5) i;
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'blog', 'v1');
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at)
SELECT :'shop', format('01900000-0000-7000-8000-00000000%s%s', lpad(v::text, 2, '0'), lpad(n::text, 2, '0'))::uuid, 'v' || v, 'in', 'received',
	jsonb_build_object('text', format('message %s of %s', n, v)), timestamptz '2026-01-01 00:00:00Z' + v * interval '1 h' + n * interval '1 min'
FROM generate_series(1, 5) v, generate_series(1, 5) n;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at) VALUES
	(:'blog', '01900000-0000-7000-8000-000000000f01', 'v1', 'in', 'received', '{"imageUrl": "https://example.com/i.png", "text": "look"}', '2026-01-01 00:30:00Z');
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at, author) VALUES
	(:'shop', '01900000-0000-7000-8000-000000000409', 'v4', 'out', 'read', jsonb_build_object('text', repeat('x', 300)), '2026-01-01 05:00:00Z', 'ana');
-- (what the worker would have made of it)
INSERT INTO webchatt.conversations (channel_id, visitor, state, assignee, waiting_since, closed_upto, last_id, last_at)
SELECT m.channel_id, m.visitor, CASE m.visitor WHEN 'v5' THEN 'closed' ELSE 'open' END::webchatt.conversation_state, CASE m.visitor WHEN 'v2' THEN 'ana' WHEN 'v4' THEN 'ana' END,
	CASE WHEN m.visitor NOT IN ('v4', 'v5') THEN min(m.created_at) END, CASE m.visitor WHEN 'v5' THEN max(m.id::text)::uuid END, max(m.id::text)::uuid, max(m.created_at)
FROM webchatt.messages m GROUP BY m.channel_id, m.visitor;

-- who calls has to be said
SELECT pg_temp.refusal('SELECT webchatt.desk_me()');
SET webchatt.agent = 'nobody';
SELECT pg_temp.refusal('SELECT webchatt.desk_me()');

-- what an agent does
SET webchatt.agent = 'ana';
SET ROLE webchatt_agent;
SET timezone = 'UTC';
SELECT jsonb_pretty(replace(replace(webchatt.desk_me()::text, :'shop', '(shop)'), :'blog', '(blog)')::jsonb - 'version');
SELECT webchatt.desk_me() ->> 'version' = extversion FROM pg_extension WHERE extname = 'webchatt';
CREATE FUNCTION pg_temp.inbox(args jsonb) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s %s %s unanswered=%s since=%s last=%s %s %s %s %s', c ->> 'displayName', c ->> 'visitor', c ->> 'state', coalesce(c ->> 'assignee', '-'),
		c ->> 'unanswered', coalesce(c ->> 'waitingSince', '-'), c ->> 'lastDirection', c ->> 'lastType', left(c ->> 'lastText', 20), c ->> 'attributes', c ->> 'present')
	FROM jsonb_array_elements(webchatt.desk_inbox(args) -> 'conversations') WITH ORDINALITY l (c, n) ORDER BY n
$$;
SELECT pg_temp.inbox('{}');
SELECT pg_temp.inbox('{"filter": "mine"}');
SELECT pg_temp.inbox('{"filter": "closed"}');
SELECT pg_temp.inbox(jsonb_build_object('channel', :'blog'));
SELECT length(c ->> 'lastText'), c ->> 'lastStatus', c ->> 'lastAuthor', c ->> 'lastAt' FROM jsonb_array_elements(webchatt.desk_inbox('{"filter": "mine"}') -> 'conversations') c WHERE c ->> 'visitor' = 'v4';
SELECT webchatt.desk_inbox() -> 'waiting', webchatt.desk_inbox() -> 'next';
-- by pages, each way
WITH RECURSIVE pages AS (
	SELECT f.filter, f.channel, 1 AS n, webchatt.desk_inbox(jsonb_build_object('filter', f.filter, 'channel', f.channel, 'limit', 2)) AS page
	FROM (VALUES ('open', NULL), ('open', :'shop'), ('mine', NULL), ('mine', :'shop')) f (filter, channel)
	UNION ALL
	SELECT p.filter, p.channel, p.n + 1, webchatt.desk_inbox(jsonb_build_object('filter', p.filter, 'channel', p.channel, 'limit', 2, 'after', p.page -> 'next'))
	FROM pages p WHERE p.page ->> 'next' IS NOT NULL)
SELECT filter, channel IS NOT NULL, string_agg((SELECT string_agg(concat_ws('/', c ->> 'displayName', c ->> 'visitor'), ' ' ORDER BY k)
	FROM jsonb_array_elements(page -> 'conversations') WITH ORDINALITY e (c, k)), ' | ' ORDER BY n)
FROM pages GROUP BY 1, 2 ORDER BY 1, 2;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_inbox(%L)', a)) FROM unnest(ARRAY['{"filter": "all"}', '{"filter": 1}', '{"limit": 0}', '{"limit": 101}', '{"limit": 1.5}',
	'{"limit": "5"}', '{"after": "x"}', '{"channel": "x"}', '{"channel": 1}']) a;
-- a conversation
CREATE FUNCTION pg_temp.ids(args jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(right(m ->> 'id', 4), ' ' ORDER BY n), '(none)') || CASE WHEN (c -> 'more')::boolean THEN ' ...' ELSE '' END
	FROM webchatt.desk_conversation(args) c LEFT JOIN LATERAL jsonb_array_elements(c -> 'messages') WITH ORDINALITY l (m, n) ON true GROUP BY c
$$;
SELECT pg_temp.ids(jsonb_build_object('channel', :'shop', 'visitor', 'v1') || more) FROM unnest(ARRAY['{}', '{"limit": 2}', '{"limit": 5}',
	'{"limit": 2, "before": "01900000-0000-7000-8000-000000000104"}', '{"limit": 2, "before": "01900000-0000-7000-8000-000000000103"}', '{"before": "01900000-0000-7000-8000-000000000101"}',
	'{"limit": 2, "after": "01900000-0000-7000-8000-000000000102"}', '{"limit": 3, "after": "01900000-0000-7000-8000-000000000102"}', '{"after": "01900000-0000-7000-8000-000000000105"}']::jsonb[]) more;
SELECT jsonb_pretty(webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'limit', 1)) #- '{visitor,channel}' #- '{visitor,firstSeen}' #- '{messages,0,statusAt}');
SELECT pg_temp.refusal(format('SELECT webchatt.desk_conversation(%L)', a)) FROM (VALUES ('{}'), ('{"channel": "01900000-0000-7000-8000-000000000000"}'),
	('{"channel": "01900000-0000-7000-8000-000000000000", "visitor": "v1"}'), ('{"channel": "01900000-0000-7000-8000-000000000000", "visitor": 7}')) v (a);
-- a page of large messages ends early
RESET ROLE;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
SELECT :'blog', format('01900000-0000-7000-8000-00000001000%s', n)::uuid, 'v1', 'in', 'received', jsonb_build_object('text', repeat('y', 400000)) FROM generate_series(1, 4) n;
SET ROLE webchatt_agent;
SELECT pg_temp.ids(jsonb_build_object('channel', :'blog', 'visitor', 'v1') || more) FROM unnest(ARRAY['{}', '{"after": "01900000-0000-7000-8000-000000000f01"}', '{"before": "01900000-0000-7000-8000-000000010002"}']::jsonb[]) more;
-- sending
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'text', 'hello', 'key', 'k1')) ->> 'id' AS sent \gset
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'text', 'hello', 'key', 'k1')) ->> 'id' = :'sent';
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'content', '{"imageUrl": "https://example.com/i.png"}'::jsonb)) ->> 'id' <> :'sent';
SELECT direction, status, content, author, dedupe_key FROM webchatt.messages WHERE visitor = 'v1' AND author = 'ana' ORDER BY id;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_send(%L)', jsonb_build_object('channel', :'shop', 'visitor', 'v1') || a::jsonb)) FROM unnest(ARRAY['{}', '{"text": "a", "content": {"text": "b"}}',
	'{"text": 7}', '{"content": "x"}', '{"text": "x", "visitor": "nobody"}', '{"text": "x", "channel": "01900000-0000-7000-8000-000000000000"}']) a;
SELECT webchatt.desk_cancel(jsonb_build_object('channel', :'shop', 'id', :'sent')), webchatt.desk_cancel(jsonb_build_object('channel', :'shop', 'id', :'sent')), webchatt.desk_retry(jsonb_build_object('channel', :'shop', 'id', :'sent'));
SELECT pg_temp.refusal(format('SELECT webchatt.%s(%L)', f, jsonb_build_object('channel', :'shop', 'id', '01900000-0000-7000-8000-00000000ffff'))) FROM unnest(ARRAY['desk_cancel', 'desk_retry']) f;
-- orders
SELECT webchatt.desk_close(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'upto', '01900000-0000-7000-8000-000000000103')),
	webchatt.desk_reopen(jsonb_build_object('channel', :'shop', 'visitor', 'v1')), webchatt.desk_assign(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'assignee', 'bia.2')),
	webchatt.desk_assign(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'assignee', NULL)), webchatt.desk_read(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'upto', '01900000-0000-7000-8000-000000000105'));
RESET ROLE;
SELECT op, CASE op WHEN 'l' THEN right(message_id::text, 4) END, coalesce(regexp_replace(note, '^[0-9]{16} ', 'now, by '), '-') FROM webchatt.outbox WHERE op IN ('l', 'o', 'a') ORDER BY seq;
SET ROLE webchatt_agent;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_assign(%L)', jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'assignee', 'nobody')));
SELECT pg_temp.refusal(format('SELECT webchatt.desk_close(%L)', jsonb_build_object('channel', :'shop', 'visitor', 'nobody')));
SELECT jsonb_agg(a ->> 'name') FROM jsonb_array_elements(webchatt.desk_agents()) a;
RESET ROLE;

-- what an agent may not: whatever is for admins, and the sessions of others
SET ROLE webchatt_agent;
SELECT count(*) > 10 AS many, string_agg(p.proname, ' ') FILTER (WHERE pg_temp.refusal(format('SELECT webchatt.%I(''{}'')', p.proname)) !~ '^42501 permission denied for function') AS some FROM pg_proc p
WHERE p.pronamespace = 'webchatt'::regnamespace AND p.proname LIKE 'desk\_%' AND NOT has_function_privilege('webchatt_agent', p.oid, 'EXECUTE');
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['SELECT webchatt.create_agent(''x'', ''X'', ''admin'')', 'SELECT webchatt.sign_in_link(''ana'')', 'SELECT webchatt.disable_agent(''ana'')', 'SELECT webchatt.end_agent_session(1)',
	'UPDATE webchatt.agents SET role = ''admin''', 'SELECT * FROM webchatt.agent_sessions', 'SELECT * FROM webchatt.sign_in_links', 'DELETE FROM webchatt.agent_sessions']) s;
RESET ROLE;
-- (who is an agent in the database only, and says to be somebody)
CREATE ROLE regress_desk_agent LOGIN;
GRANT webchatt_agent TO regress_desk_agent;
SET SESSION AUTHORIZATION regress_desk_agent;
SELECT pg_temp.refusal('SELECT webchatt.desk_sessions()'), pg_temp.refusal('SELECT webchatt.desk_end_session(''{"id": 1}'')'), pg_temp.refusal('SELECT webchatt.desk_sign_out()');
RESET SESSION AUTHORIZATION;
DROP ROLE regress_desk_agent;
-- nobody but our roles may call any
SELECT count(*) FROM pg_proc p, LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE p.pronamespace = 'webchatt'::regnamespace AND p.proname LIKE '%desk%' AND a.grantee = 0;

-- sessions
DELETE FROM webchatt.agent_sessions;
INSERT INTO webchatt.agent_sessions (id, token_hash, agent, last_seen, expires_at, client, user_agent) VALUES
	(1001, sha256('1'), 'ana', now(), now() + interval '1 day', '127.0.0.1', 'one'), (1002, sha256('2'), 'ana', now() - interval '11 h', now() + interval '1 day', '::1', 'two'),
	(1003, sha256('3'), 'ana', now() - interval '13 h', now() + interval '1 day', NULL, 'idle'), (1004, sha256('4'), 'ana', now(), now() - interval '1 s', NULL, 'over'),
	(1005, sha256('5'), 'bia.2', now(), now() + interval '1 day', NULL, 'another''s');
SET ROLE webchatt_admin;
SELECT s ->> 'id', s ->> 'client', s ->> 'userAgent', s -> 'current' FROM jsonb_array_elements(webchatt.desk_sessions()) s;
SELECT webchatt.desk_end_session('{"id": 1005}'), webchatt.desk_end_session('{"id": 1002}'), webchatt.desk_end_session('{"id": 1002}'), webchatt.desk_sign_out();
SELECT webchatt.end_agent_session(1005), webchatt.end_agent_session(1005);
SELECT id FROM webchatt.agent_sessions ORDER BY id;

-- what an admin does
SELECT webchatt.desk_create_channel('{"displayName": "New", "origins": ["https://New.example.com:443"]}') AS made \gset
SELECT :'made'::jsonb ->> 'displayName', :'made'::jsonb -> 'origins', :'made'::jsonb -> 'local', :'made'::jsonb ->> 'hub', :'made'::jsonb ->> 'publicKey' LIKE 'wpk\_%', :'made'::jsonb ->> 'widgetScript' LIKE '<script%';
SELECT webchatt.desk_set_channel(jsonb_build_object('id', :'made'::jsonb -> 'id', 'displayName', 'Newer')) ->> 'displayName',
	webchatt.desk_set_channel(jsonb_build_object('id', :'made'::jsonb -> 'id', 'origins', '["https://a.example.com", "https://b.example.com"]'::jsonb)) -> 'origins';
SELECT webchatt.desk_regenerate_public_key(jsonb_build_object('id', :'made'::jsonb -> 'id')) ->> 'publicKey' <> :'made'::jsonb ->> 'publicKey';
SELECT c ->> 'displayName', c -> 'origins' FROM jsonb_array_elements(webchatt.desk_channels()) c;
SELECT jsonb_pretty(webchatt.desk_check_channel(jsonb_build_object('displayName', repeat('x', 51), 'origins', '["https://a.example.com", "https://a.example.com/shop", ""]'::jsonb)));
SELECT webchatt.desk_check_channel('{"displayName": "x", "origins": ["https://a.example.com"]}'), webchatt.desk_check_channel('{}');
SELECT pg_temp.refusal(format('SELECT webchatt.%s(%L)', f, a)) FROM (VALUES ('desk_create_channel', '{"displayName": "x", "origins": []}'), ('desk_create_channel', '{"origins": ["https://a.example.com"]}'),
	('desk_create_channel', '{"displayName": "x", "origins": ["ftp://a"]}'), ('desk_create_channel', '{"displayName": "x", "origins": [1]}'), ('desk_create_channel', '{"displayName": "x", "origins": "https://a"}'),
	('desk_set_channel', '{"id": "01900000-0000-7000-8000-000000000000", "displayName": "x"}'), ('desk_regenerate_public_key', '{}')) v (f, a);
SELECT l ->> 'link' LIKE 'https://desk.example.com/desk/#sign-in=%', (l ->> 'expiresAt')::timestamptz > now() FROM webchatt.desk_create_agent('{"name": "davi", "displayName": "Davi"}') l;
SELECT l ->> 'link' LIKE 'https://desk.example.com/desk/#sign-in=%' FROM webchatt.desk_sign_in_link('{"name": "davi"}') l;
SELECT webchatt.desk_disable_agent('{"name": "davi"}'), webchatt.desk_enable_agent('{"name": "davi"}');
SELECT pg_temp.refusal('SELECT webchatt.desk_disable_agent(''{"name": "ana"}'')');
SELECT a ->> 'name', a ->> 'role', a -> 'sessions', a -> 'disabledAt' FROM jsonb_array_elements(webchatt.desk_list_agents()) a;
SELECT webchatt.desk_status() ? 'queued';
RESET ROLE;

-- an operator's row security holds: ana sees the shop only
ALTER TABLE webchatt.conversations ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_desk ON webchatt.conversations TO webchatt_agent USING (current_setting('webchatt.agent') <> 'ana' OR channel_id = (SELECT id FROM webchatt.channels WHERE display_name = 'Shop'));
SET ROLE webchatt_agent;
SELECT string_agg(c ->> 'displayName', ' ') FROM jsonb_array_elements(webchatt.desk_inbox() -> 'conversations') c;
SET webchatt.agent = 'bia.2';
SELECT string_agg(c ->> 'displayName', ' ') FROM jsonb_array_elements(webchatt.desk_inbox() -> 'conversations') c;
RESET ROLE;
DROP POLICY regress_desk ON webchatt.conversations;
ALTER TABLE webchatt.conversations DISABLE ROW LEVEL SECURITY;

-- no page of the inbox or of a conversation reads a whole table, not even a small one
CREATE TEMP TABLE scans AS SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'webchatt';
SELECT count(webchatt.desk_inbox(a || jsonb_build_object('limit', 2))) FROM unnest(ARRAY['{}', '{"filter": "mine"}', '{"filter": "closed"}', jsonb_build_object('channel', :'shop'),
	jsonb_build_object('channel', :'shop', 'filter', 'mine'), jsonb_build_object('after', webchatt.desk_inbox('{"limit": 2}') -> 'next')]::jsonb[]) a;
SELECT count(webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1') || a)) FROM unnest(ARRAY['{}', '{"before": "01900000-0000-7000-8000-000000000104"}', '{"after": "01900000-0000-7000-8000-000000000104"}']::jsonb[]) a;
SELECT n.relname, n.seq_scan - s.seq_scan FROM pg_stat_xact_user_tables n JOIN scans s USING (relname) WHERE n.schemaname = 'webchatt' AND n.seq_scan > s.seq_scan AND relname IN ('messages', 'conversations', 'visitors');

-- renamed and removed
UPDATE webchatt.agents SET name = 'bia' WHERE name = 'bia.2';
SELECT count(*) FROM webchatt.sign_in_links WHERE agent LIKE 'bia%';
DELETE FROM webchatt.agents;
SELECT (SELECT count(*) FROM webchatt.sign_in_links), (SELECT count(*) FROM webchatt.agent_sessions);
ROLLBACK;
