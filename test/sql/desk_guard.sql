-- Whose session ends when: whatever is changed of an agent, and however.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
SET webchatt.desk_listen = '127.0.0.1:8481';
BEGIN;			-- nothing of it stays for the other tests
SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('bia', 'Bia'), webchatt.create_agent('caio', 'Caio');
CREATE FUNCTION pg_temp.sign_in() RETURNS void LANGUAGE sql AS $$
	DELETE FROM webchatt.agent_sessions;
	DELETE FROM webchatt.sign_in_links;
	INSERT INTO webchatt.agent_sessions (token_hash, agent, expires_at) SELECT sha256(convert_to(name, 'UTF8')), name, now() + interval '1 day' FROM webchatt.agents;
	INSERT INTO webchatt.sign_in_links (token_hash, agent, expires_at) SELECT sha256(convert_to(name, 'UTF8')), name, now() + interval '1 day' FROM webchatt.agents;
	DELETE FROM webchatt.outbox_0;
	DELETE FROM webchatt.outbox_1;
	DELETE FROM webchatt.outbox_2;
$$;
-- Who is left with a session and a link, and whether the worker is told.
CREATE FUNCTION pg_temp.left_after(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.sign_in();
	EXECUTE statement;
	RETURN format('%s | %s | told %s', (SELECT string_agg(agent, ' ' ORDER BY agent) FROM webchatt.agent_sessions), (SELECT string_agg(agent, ' ' ORDER BY agent) FROM webchatt.sign_in_links),
		(SELECT count(*) FROM webchatt.outbox WHERE op = 'u'));
END
$$;
SELECT s, pg_temp.left_after(s) FROM unnest(ARRAY[
	-- nothing that matters
	'UPDATE webchatt.agents SET display_name = ''Bia B.'', avatar_url = ''https://example.com/b.png'' WHERE name = ''bia''',
	'UPDATE webchatt.agents SET role = ''agent'' WHERE name = ''bia''',
	'UPDATE webchatt.agent_sessions SET last_seen = now()', 'DELETE FROM webchatt.agent_sessions WHERE agent = ''nobody''', 'SELECT webchatt.end_agent_session(0)',
	-- locked out, by the function or by hand; and let in again
	'SELECT webchatt.disable_agent(''bia'')', 'UPDATE webchatt.agents SET disabled_at = NULL WHERE name = ''bia''',
	'UPDATE webchatt.agents SET disabled_at = now() WHERE name = ''bia''', 'SELECT webchatt.enable_agent(''bia'')',
	-- another role, another name
	'UPDATE webchatt.agents SET role = ''agent'' WHERE name = ''ana''', 'UPDATE webchatt.agents SET role = ''admin'' WHERE name = ''ana''',
	'UPDATE webchatt.agents SET name = ''bea'' WHERE name = ''bia''',
	-- ended, each way
	'SELECT webchatt.end_agent_session(id) FROM webchatt.agent_sessions WHERE agent = ''caio''', 'DELETE FROM webchatt.agent_sessions WHERE agent = ''caio''',
	'UPDATE webchatt.agent_sessions SET expires_at = now() WHERE agent = ''caio''', 'TRUNCATE webchatt.agent_sessions',
	'DELETE FROM webchatt.agents WHERE name = ''caio''']) s;
-- also by somebody who may change agents, and nothing else
CREATE ROLE regress_desk_hr;
GRANT USAGE ON SCHEMA webchatt TO regress_desk_hr;
GRANT SELECT, UPDATE ON webchatt.agents TO regress_desk_hr;
SELECT pg_temp.left_after('SET ROLE regress_desk_hr; UPDATE webchatt.agents SET disabled_at = now() WHERE name = ''bea''; RESET ROLE');
-- how large a content is, written out: as measured, or a little more; and no further than asked
SELECT c, webchatt._content_size(c::jsonb, 1000) - octet_length(c::jsonb::text) BETWEEN 0 AND 20 FROM unnest(ARRAY['{}', '[]', '"x"', '7', 'null', '{"text": "h\u00e9llo \"\\ \u0001\n"}', '[1e-20, 12345.678, true, false, null, [], {"a": {"b": [1]}}]']) c;
SELECT webchatt._content_size(to_jsonb(array_fill(1e-16000, ARRAY[200])), 100000), webchatt._content_size(NULL, 1);
SELECT c, webchatt._content_line(c::jsonb, 3) FROM unnest(ARRAY['{}', '7', '[]', '{"text": "abcdef"}', '{"text": ["a"], "caption": "caption"}', '{"text": {"text": "a"}}', '{"interactive": {"body": {"text": "body"}}}',
	'{"interactive": {"button_reply": {"title": "button"}}}', '{"interactive": {"list_reply": {"title": "list"}}}']) c;
ROLLBACK;
