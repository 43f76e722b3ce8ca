-- Notes to colleagues and canned answers, in SQL and by the functions that the desk calls.
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
SELECT webchatt.create_agent('ana', 'Ana', 'admin'), webchatt.create_agent('bia', 'Bia'), webchatt.create_agent('caio', 'Caio');
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example.com']) AS shop \gset
SELECT webchatt.create_channel('Blog', ARRAY['https://blog.example.com']) AS blog \gset
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'shop', 'v1'), (:'shop', 'v2');
SELECT webchatt.send_message(:'shop', 'v1', text => 'one') AS first \gset

-- a note has its place among the messages, and is not one
SELECT webchatt.add_note(:'shop', 'v1', 'They asked this last week.', author => 'bia') AS note \gset
SELECT webchatt.send_message(:'shop', 'v1', text => 'two') AS second \gset
SELECT :'first'::uuid < :'note'::uuid, :'note'::uuid < :'second'::uuid, substr(:'note', 15, 1);
SELECT visitor, author, text, at IS NOT NULL FROM webchatt.notes WHERE id = :'note';
SELECT count(*) FROM webchatt.messages WHERE channel_id = :'shop';
SELECT DISTINCT op, visitor FROM webchatt.outbox WHERE channel_id = :'shop' AND op = 't';
-- what is no note
SELECT pg_temp.refusal(format('SELECT webchatt.add_note(%L, %L, %L, author => %L)', channel, visitor, text, author)) FROM (VALUES
	(:'shop', 'nobody', 'x', NULL), (NULL, 'v1', 'x', NULL), (:'shop', NULL, 'x', NULL), (:'shop', 'v1', NULL, NULL), (:'shop', 'v1', '', NULL), (:'shop', 'v1', E' \n\t', NULL),
	(:'shop', 'v1', repeat('x', 4001), NULL), (:'shop', 'v1', 'x', ''), (:'shop', 'v1', 'x', repeat('x', 256)), (:'shop', 'v1', repeat('ä', 4000), repeat('x', 255)))
	v (channel, visitor, text, author);
DELETE FROM webchatt.notes WHERE id <> :'note';

-- at the desk, as an agent
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_note(%L)', jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'text', 'x')));
SET LOCAL webchatt.agent = 'bia';
SELECT webchatt.desk_add_note(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'text', 'Give them a voucher')) ->> 'id' AS own \gset
SELECT pg_temp.refusal(format('SELECT webchatt.desk_add_note(%L)', jsonb_build_object('channel', :'shop', 'visitor', 'v1') || more)) FROM (VALUES
	('{"text": ""}'::jsonb), ('{}'), ('{"text": 1}'), ('{"text": "x", "visitor": "v9"}')) v (more);
-- messages and notes come in pages of both
SELECT m ->> 'note' AS what, m ->> 'direction', m ->> 'text', m #>> '{content,text}' FROM (
	SELECT jsonb_array_elements(c -> 'messages') || '{"note": false}' AS m FROM webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1')) c
	UNION ALL SELECT jsonb_array_elements(c -> 'notes') || '{"note": true}' FROM webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1')) c) x ORDER BY m ->> 'id';
SELECT c -> 'noteCount', c -> 'more' FROM webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1')) c;
SELECT limited, jsonb_path_query_array(c, '$.messages[*].content.text'), jsonb_path_query_array(c, '$.notes[*].text'), c -> 'more'
FROM (VALUES (1), (2), (3), (4)) l (limited), webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'limit', limited)) c ORDER BY limited;
SELECT limited, jsonb_path_query_array(c, '$.messages[*].content.text'), jsonb_path_query_array(c, '$.notes[*].text'), c -> 'more'
FROM (VALUES (1), (2), (3)) l (limited), webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'limit', limited, 'after', :'first')) c ORDER BY limited;
SELECT jsonb_path_query_array(c, '$.messages[*].content.text'), jsonb_path_query_array(c, '$.notes[*].text'), c -> 'more'
FROM webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'before', :'note')) c;
SELECT jsonb_path_query_array(n, '$.notes[*].text'), n -> 'more' FROM webchatt.desk_notes(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'limit', 1)) n;
SELECT jsonb_path_query_array(n, '$.notes[*].text'), n -> 'more' FROM webchatt.desk_notes(jsonb_build_object('channel', :'shop', 'visitor', 'v1', 'before', :'own')) n;
-- one's own may be deleted, others' by admins
SET LOCAL webchatt.agent = 'caio';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_delete_note(%L)', jsonb_build_object('id', :'own')));
SELECT webchatt.desk_delete_note('{"id": "019a0000-0000-7000-8000-000000000000"}');
SET LOCAL webchatt.agent = 'bia';
SELECT webchatt.desk_delete_note(jsonb_build_object('id', :'own')), webchatt.desk_delete_note(jsonb_build_object('id', :'own'));
SET LOCAL ROLE webchatt_admin;
SET LOCAL webchatt.agent = 'ana';
SELECT webchatt.desk_delete_note(jsonb_build_object('id', :'note'));
-- nor does anybody read what row security hides
RESET ROLE;
SELECT webchatt.add_note(:'shop', 'v1', 'secret') AS note \gset
ALTER TABLE webchatt.notes ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE webchatt_agent;
SELECT c -> 'notes', c -> 'noteCount' FROM webchatt.desk_conversation(jsonb_build_object('channel', :'shop', 'visitor', 'v1')) c;
SELECT webchatt.delete_note(:'note');
SELECT pg_temp.refusal(format('SELECT webchatt.add_note(%L, %L, %L)', :'shop', 'v1', 'x'));
RESET ROLE;
ALTER TABLE webchatt.notes DISABLE ROW LEVEL SECURITY;
-- they go with the visitor
DELETE FROM webchatt.visitors WHERE id = 'v1';
SELECT count(*) FROM webchatt.notes;

-- who answers is told of an answer that they have not seen
SELECT webchatt.send_message(:'shop', 'v2', text => 'hello') AS first \gset
SELECT webchatt.send_message(:'shop', 'v2', text => 'from a bot', author => 'bot', final => false) IS NOT NULL;
SET LOCAL ROLE webchatt_agent;
SET LOCAL webchatt.agent = 'bia';
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'text', 'one', 'key', '1', 'seen', :'first')) ? 'id';
SET LOCAL webchatt.agent = 'caio';
SELECT r #>> '{meanwhile,author}', r ? 'id' FROM webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'text', 'two', 'key', '1', 'seen', :'first')) r;
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'text', 'two', 'key', '1')) ? 'id';
SET LOCAL webchatt.agent = 'bia';
-- but not of what was sent before: the same key is the same message
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'text', 'one', 'key', '1', 'seen', :'first')) ? 'id';
SELECT webchatt.desk_send(jsonb_build_object('channel', :'shop', 'visitor', 'v2', 'text', 'three', 'key', '3', 'seen', :'first')) #>> '{meanwhile,author}';
SELECT content ->> 'text' FROM webchatt.messages WHERE visitor = 'v2' ORDER BY id;
RESET ROLE;
-- how many messages are unread
-- (what the worker would have made of it)
CREATE FUNCTION pg_temp.unread(wanted text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM webchatt.conversations;
	INSERT INTO webchatt.conversations (channel_id, visitor, last_id, last_at) SELECT DISTINCT m.channel_id, m.visitor, m.id, m.created_at
	FROM webchatt.messages m WHERE m.id = (SELECT x.id FROM webchatt.messages x WHERE x.visitor = wanted ORDER BY x.id DESC LIMIT 1);
	PERFORM set_config('webchatt.agent', 'bia', true);
	RETURN webchatt.desk_inbox() #>> '{conversations,0,unread}';
END
$$;
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'shop', 'v3'), (:'shop', 'v4');
SELECT pg_temp.unread('v2');
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
SELECT :'shop', format('01900000-0000-7000-8000-%s', lpad(v::text || lpad(n::text, 5, '0'), 12, '0'))::uuid, 'v' || v, 'in', 'received', '{"text": "x"}' FROM generate_series(3, 4) v, generate_series(1, CASE v WHEN 3 THEN 7 ELSE 120 END) n;
SELECT pg_temp.unread('v3'), pg_temp.unread('v4');
SELECT webchatt.mark_read(:'shop', 'v3', '01900000-0000-7000-8000-000000300005'), pg_temp.unread('v3');
SELECT webchatt.send_message(:'shop', 'v3', text => 'from a bot', final => false) IS NOT NULL, pg_temp.unread('v3');
SELECT webchatt.send_message(:'shop', 'v3', text => 'answer') IS NOT NULL, pg_temp.unread('v3');

-- who may be the same person
SELECT webchatt.create_channel('Forum', ARRAY['https://forum.example.com']) AS forum \gset
INSERT INTO webchatt.visitors (channel_id, id, attributes) VALUES (:'forum', 'w1', '{"email": "Zoe.Q@example.com"}'), (:'blog', 'w2', '{"email": " zoe.q@example.com ", "user_id": "u-77"}'),
	(:'shop', 'w3', '{"user_id": "U-77", "email": ""}'), (:'shop', 'w4', '{"email": "q.zoe@example.com"}'), (:'shop', 'w5', '{"note": "zoe.q@example.com"}'), (:'shop', 'w6', '{"email": "zoe.q@example.com"}'), (:'shop', 'w7', '{"email": 7}');
SELECT count(webchatt.send_message(channel_id, id, text => 'to ' || id)) FROM webchatt.visitors WHERE id ~ '^w[1-57]';
SET LOCAL ROLE webchatt_agent;
SELECT v.id, r ->> 'visitor', r ->> 'displayName', r ->> 'by', r ->> 'state', r ->> 'lastText' FROM webchatt.visitors v,
	jsonb_array_elements(webchatt.desk_related(jsonb_build_object('channel', v.channel_id, 'visitor', v.id))) r WHERE v.id ~ '^w' ORDER BY 1, 2;
RESET ROLE;
ALTER TABLE webchatt.visitors ENABLE ROW LEVEL SECURITY;
CREATE POLICY not_all ON webchatt.visitors TO webchatt_agent USING (id <> 'w1');
SET LOCAL ROLE webchatt_agent;
SELECT count(*) FROM webchatt.visitors v, jsonb_array_elements(webchatt.desk_related(jsonb_build_object('channel', v.channel_id, 'visitor', v.id))) r WHERE r ->> 'visitor' = 'w1';
RESET ROLE;
ALTER TABLE webchatt.visitors DISABLE ROW LEVEL SECURITY;

-- canned answers
SET LOCAL ROLE webchatt_agent;
SET LOCAL webchatt.agent = 'bia';
SELECT webchatt.set_canned_answer('hello', 'Hello {name}, this is {agent}.', author => 'bia'), webchatt.set_canned_answer('hello', 'Hello from the shop', channel => :'shop'),
	webchatt.set_canned_answer('hours', 'We open at nine.'), webchatt.set_canned_answer('map', content => '{"location": {"latitude": 1, "longitude": 2}}');
SELECT webchatt.set_canned_answer('hours', 'We open at ten.', author => 'caio');
SELECT name, channel_id IS NULL, text, content, created_by FROM webchatt.canned_answers ORDER BY 1, 2;
SELECT pg_temp.refusal(format('SELECT webchatt.set_canned_answer(%L, %L, %L, %L)', name, text, content, channel)) FROM (VALUES
	('Hello', 'x', NULL, NULL), ('', 'x', NULL, NULL), (NULL, 'x', NULL, NULL), ('-a', 'x', NULL, NULL), (repeat('x', 41), 'x', NULL, NULL), ('a b', 'x', NULL, NULL),
	('a', NULL, NULL, NULL), ('a', 'x', '{"text": "x"}', NULL), ('a', ' ', NULL, NULL), ('a', repeat('x', 4001), NULL, NULL), ('a', NULL, '{}', NULL), ('a', NULL, '[1]', NULL),
	('a', 'x', NULL, '019a0000-0000-7000-8000-000000000000')) v (name, text, content, channel);
SELECT a ->> 'name', (a ->> 'channel') IS NULL, a ->> 'text' FROM jsonb_array_elements(webchatt.desk_canned_answers() -> 'answers') a;
SELECT a ->> 'name', a ->> 'text' FROM jsonb_array_elements(webchatt.desk_canned_answers(jsonb_build_object('channel', :'shop')) -> 'answers') a;
SELECT a ->> 'name', a ->> 'text' FROM jsonb_array_elements(webchatt.desk_canned_answers(jsonb_build_object('channel', :'blog', 'filter', 'HE')) -> 'answers') a;
SELECT webchatt.desk_canned_answers('{"limit": 1}') ->> 'next' AS next \gset
SELECT split_part(:'next', ' ', 1), jsonb_path_query_array(c, '$.answers[*].name'), c ->> 'next' FROM webchatt.desk_canned_answers(jsonb_build_object('after', :'next')) c;
SELECT pg_temp.refusal('SELECT webchatt.desk_canned_answers(''{"after": "x"}'')');
SELECT pg_temp.refusal(format('SELECT webchatt.desk_set_canned_answer(%L)', args)) FROM (VALUES
	('{"name": "hours", "text": "twice"}'), ('{"name": "map", "text": "x", "oldName": "hours"}'), ('{"name": "open", "text": "At eleven.", "oldName": "hours"}'),
	('{"name": "open", "content": {"text": "At noon."}, "oldName": "open"}'), ('{"name": "bye", "text": "Bye"}'), ('{"name": "Bye!", "text": "Bye"}'), ('{"name": "bye"}')) v (args);
SELECT name, text, content, created_by FROM webchatt.canned_answers WHERE channel_id IS NULL ORDER BY 1;
SELECT webchatt.desk_delete_canned_answer('{"name": "bye"}'), webchatt.desk_delete_canned_answer('{"name": "bye"}'),
	webchatt.delete_canned_answer('hello', :'blog'), webchatt.delete_canned_answer('hello', :'shop');
SELECT name FROM webchatt.canned_answers ORDER BY 1;
-- a thousand of them, and no more
SELECT count(webchatt.set_canned_answer('n' || i, 'x')::text) FROM generate_series(1, 997) i;
SELECT pg_temp.refusal('SELECT webchatt.set_canned_answer(''one-more'', ''x'')'), pg_temp.refusal('SELECT webchatt.set_canned_answer(''n1'', ''y'')');
-- and those of a channel go with it
RESET ROLE;
SELECT webchatt.delete_canned_answer('n1'), webchatt.set_canned_answer('here', 'x', channel => :'blog');
DELETE FROM webchatt.channels WHERE id = :'blog';
SELECT count(*) FROM webchatt.canned_answers WHERE name = 'here';
ROLLBACK;
