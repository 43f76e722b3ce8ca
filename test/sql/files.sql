-- Files by SQL, and by the functions that the desk calls: what is kept, what is refused, and by whom.
\set SHOW_CONTEXT never
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
	RETURN concat_ws(E'\n', state || ' ' || message, 'HINT: ' || nullif(hint, ''));
END
$$;
SET webchatt.public_url = 'https://chat.example.com';
SELECT webchatt.create_agent('ana', 'Ana'), webchatt.create_agent('bia', 'Bia');
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example.com']) AS shop \gset
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'shop', 'v1');

-- a file is kept in pieces, and is what its bytes say
SELECT webchatt.add_file(:'shop', 'folder/shoe "1".png', '\x89504e470d0a1a0a'::bytea || convert_to(repeat('x', 600000), 'UTF8'), author => 'order bot') AS url \gset
SELECT :'url' ~ '^https://chat.example.com/files/[A-Za-z0-9_-]{43}/shoe%20%221%22.png$';
SELECT name, type, size, received, state, author, visitor, messages FROM webchatt.file_overview;
SELECT start, length(data) FROM webchatt.file_chunks ORDER BY start;
SELECT sha256(webchatt.file_bytes(:'url')) = sha256, length(webchatt.file_bytes(id)) FROM webchatt.files;
SELECT webchatt.file_bytes('https://elsewhere.example.com/a.png') IS NULL, webchatt.file_bytes(NULL) IS NULL;
CREATE TEMP TABLE made AS SELECT i, webchatt.add_file(:'shop', n.name, CASE WHEN i = 7 THEN '\x00' ELSE convert_to('<html>', 'UTF8') END) AS url
FROM unnest(ARRAY['', '/', '..', '.a.html', E'a\nb', repeat('é', 200), 'C:' || chr(92) || 'a.png']) WITH ORDINALITY AS n (name, i);
SELECT f.name, f.type FROM made m JOIN webchatt.files f ON f.id = webchatt._file_id(m.url) ORDER BY m.i;

-- what is refused
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[
	$$SELECT webchatt.add_file('00000000-0000-4000-8000-000000000000', 'a', 'a')$$,
	$$SELECT webchatt.add_file(NULL, 'a', 'a')$$,
	format($$SELECT webchatt.add_file(%L, 'a', '')$$, :'shop'),
	format($$SELECT webchatt.add_file(%L, 'a', NULL)$$, :'shop'),
	format($$SELECT webchatt.add_file(%L, 'a', 'a', author => '')$$, :'shop'),
	$$SET webchatt.file_types = 'image/*,'$$,
	$$SET webchatt.file_types = 'IMAGE/PNG'$$,
	$$SET webchatt.file_types = '*/png'$$]) s;
SET webchatt.max_file_size = 16;
SELECT pg_temp.refusal(format($$SELECT webchatt.add_file(%L, 'a', convert_to(repeat('x', 16385), 'UTF8'))$$, :'shop'));
RESET webchatt.max_file_size;

-- a message names it, wherever in its content the URL stands; one that is deleted counts for nothing
SELECT webchatt.send_message(:'shop', 'v1', jsonb_build_object('type', 'image', 'imageUrl', :'url')) AS first \gset
SELECT webchatt.send_message(:'shop', 'v1', text => 'Look: ' || :'url' || '.') AS second \gset
SELECT webchatt.send_message(:'shop', 'v1', jsonb_build_object('type', 'interactive', 'interactive', jsonb_build_object('type', 'button', 'header',
	jsonb_build_object('type', 'image', 'image', jsonb_build_object('link', :'url')), 'body', jsonb_build_object('text', 'x'),
	'action', jsonb_build_object('buttons', jsonb_build_array(jsonb_build_object('type', 'reply', 'reply', jsonb_build_object('id', 'a', 'title', 'A'))))))) IS NOT NULL;
SELECT webchatt.send_message(:'shop', 'v1', text => 'https://chat.example.com/files/' || repeat('A', 43)) IS NOT NULL;
SELECT messages FROM webchatt.file_overview WHERE url = :'url';
DELETE FROM webchatt.messages WHERE id IN (:'first', :'second');
SELECT messages FROM webchatt.file_overview WHERE url = :'url';

-- at the desk
CREATE FUNCTION pg_temp.piece(id text, start int, bytes bytea) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.refusal(format('SELECT webchatt.desk_file_piece(%L)', jsonb_build_object('id', id, 'offset', start, 'data', translate(encode(bytes, 'base64'), E'\n', ''))))
$$;
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal($$SELECT webchatt.desk_begin_file('{"channel":"x","name":"a","size":1}')$$);
SET webchatt.agent = 'ana';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_begin_file(%L)', a)) FROM unnest(ARRAY['{}', '{"channel":"00000000-0000-4000-8000-000000000000","name":"a","size":1}',
	format('{"channel":"%s","name":"a","size":0}', :'shop'), format('{"channel":"%s","name":"a","size":"1"}', :'shop'), format('{"channel":"%s","size":1}', :'shop')]) a;
SELECT webchatt.desk_begin_file(jsonb_build_object('channel', :'shop', 'name', 'list.txt', 'size', 40000)) AS begun \gset
SELECT :'begun'::jsonb ->> 'id' AS id \gset
SELECT :'begun'::jsonb - 'id' - 'url';
SELECT webchatt.desk_file_piece(jsonb_build_object('id', :'id', 'offset', 0, 'data', translate(encode(convert_to(repeat('x', 30000), 'UTF8'), 'base64'), E'\n', '')));
SELECT webchatt.desk_file_piece(jsonb_build_object('id', :'id', 'offset', 0, 'data', 'eHh4'));
SELECT pg_temp.piece(:'id', 30000, 'x'), pg_temp.piece(:'id', 30000, convert_to(repeat('x', 20000), 'UTF8'));
SELECT pg_temp.refusal(format('SELECT webchatt.desk_file_piece(%L)', jsonb_build_object('id', :'id') || a::jsonb)) FROM unnest(ARRAY['{}', '{"offset":0}', '{"offset":0,"data":"="}', '{"offset":-1,"data":"eHh4"}',
	'{"offset":0,"data":"eHh"}']) a;
SET webchatt.agent = 'bia';
SELECT pg_temp.refusal(format('SELECT webchatt.desk_file_piece(%L)', jsonb_build_object('id', :'id', 'offset', 30000, 'data', 'eHh4'))) ~ '^42704 there is no file';
SELECT webchatt.desk_drop_file(jsonb_build_object('id', :'id'));
SET webchatt.agent = 'ana';
SELECT webchatt.desk_file_piece(jsonb_build_object('id', :'id', 'offset', 30000, 'data', translate(encode(convert_to(repeat('x', 10000), 'UTF8'), 'base64'), E'\n', ''))) - 'url';
SELECT author, type, state, sha256 = sha256(convert_to(repeat('x', 40000), 'UTF8')) FROM webchatt.files WHERE id = :'id';
SELECT webchatt.desk_drop_file(jsonb_build_object('id', :'id')), webchatt.desk_drop_file(jsonb_build_object('id', :'id'));
SELECT webchatt.add_file(:'shop', 'by an agent.txt', 'x') IS NOT NULL;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['DELETE FROM webchatt.files', $$INSERT INTO webchatt.file_chunks VALUES (NULL, NULL, 0, '')$$, $$SELECT webchatt.delete_file('x')$$]) s;
RESET ROLE;

-- who began it goes on with it: no application or SQL under the same label, no later agent of the same name
SELECT webchatt.add_file(:'shop', 'labelled.txt', 'x', author => 'ana') AS labelled \gset
SET LOCAL ROLE webchatt_agent;
SELECT webchatt.desk_drop_file(jsonb_build_object('id', webchatt._file_id(:'labelled')));
SELECT webchatt.desk_begin_file(jsonb_build_object('channel', :'shop', 'name', 'half.txt', 'size', 40000)) ->> 'id' AS half \gset
RESET ROLE;
INSERT INTO webchatt.files (channel_id, id, author, bringer, name, size) VALUES (:'shop', repeat('k', 43), 'ana', 'key 1', 'a key of that label.txt', 1);
DELETE FROM webchatt.agents WHERE name = 'ana';
INSERT INTO webchatt.agents (name, display_name, created_at) VALUES ('ana', 'Another Ana', now() + interval '1 second');
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_file_piece(%L)', jsonb_build_object('id', id, 'offset', 0, 'data', 'eHh4'))) ~ '^42704 there is no file',
	webchatt.desk_drop_file(jsonb_build_object('id', id)) FROM unnest(ARRAY[:'half', repeat('k', 43)]) id;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY['SELECT webchatt._make_file(NULL, NULL, NULL, NULL, NULL)', 'SELECT webchatt._make_whole_file(NULL, NULL, NULL, NULL)',
	'SELECT webchatt._take_file_piece(NULL, NULL, NULL, NULL)', 'SELECT webchatt._put_file_piece(NULL, NULL, NULL)', 'SELECT webchatt._drop_file(NULL, NULL)']) s;
RESET ROLE;
-- nor does the name turn around what is behind it
SELECT webchatt.add_file(:'shop', 'invoice' || chr(8238) || 'fdp.exe', 'x') ~ '/invoicefdp.exe$', webchatt.add_file(:'shop', chr(8203) || '.', 'x') ~ '/file$';

-- an operator's row security: who sees some channels only (doc/files.md)
SELECT webchatt.create_channel('Other', ARRAY['https://other.example.com']) AS other \gset
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'other', 'v9');
SELECT webchatt.add_file(:'other', 'secret.txt', 'y') AS secret \gset
SELECT webchatt.send_message(:'other', 'v9', text => :'secret') IS NOT NULL;
SELECT set_config('my.shop', :'shop', true) IS NOT NULL;
CREATE POLICY agents ON webchatt.channels TO webchatt_agent USING (id::text = current_setting('my.shop'));
CREATE POLICY agents ON webchatt.messages TO webchatt_agent USING (channel_id::text = current_setting('my.shop'));
CREATE POLICY agents ON webchatt.files TO webchatt_agent USING (EXISTS (SELECT FROM webchatt.channels c WHERE c.id = channel_id));
CREATE POLICY agents ON webchatt.file_chunks TO webchatt_agent
	USING (EXISTS (SELECT FROM webchatt.files f WHERE f.channel_id = file_chunks.channel_id AND f.id = file_id));
CREATE POLICY agents ON webchatt.file_uses TO webchatt_agent
	USING (EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = message_channel_id AND m.id = message_id));
SELECT format('ALTER TABLE webchatt.%I ENABLE ROW LEVEL SECURITY', t) FROM unnest(ARRAY['channels', 'messages', 'files', 'file_chunks', 'file_uses']) t \gexec
SET LOCAL ROLE webchatt_agent;
SELECT replace(pg_temp.refusal(format(s, :'other')), :'other', '(other)') FROM unnest(ARRAY['SELECT webchatt.add_file(%L, ''a'', ''a'')', 'SELECT webchatt._begin_file(%L, ''a'', 1)',
	'SELECT webchatt.desk_begin_file(jsonb_build_object(''channel'', %L::text, ''name'', ''a'', ''size'', 1))']) s;
SELECT webchatt.file_bytes(:'secret') IS NULL, (SELECT count(*) FROM webchatt.file_uses), (SELECT count(*) FROM webchatt.file_chunks c WHERE c.data = 'y');
SELECT count(*) FROM webchatt.files WHERE name = 'secret.txt';
SELECT webchatt.add_file(:'shop', 'seen.txt', 'z') AS seen \gset
SELECT webchatt.file_bytes(:'seen');
SELECT webchatt.desk_begin_file(jsonb_build_object('channel', :'shop', 'name', 'mine.txt', 'size', 3)) ->> 'id' AS mine \gset
RESET ROLE;
-- what was begun while the channel was seen does not go on when it is no more
ALTER POLICY agents ON webchatt.channels USING (false);
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal(format('SELECT webchatt.desk_file_piece(%L)', jsonb_build_object('id', :'mine', 'offset', 0, 'data', 'eHh4'))) ~ '^42704 there is no file',
	webchatt.desk_drop_file(jsonb_build_object('id', :'mine'));
RESET ROLE;
SELECT (SELECT count(*) FROM webchatt.file_overview WHERE name = 'secret.txt' AND messages = 1), webchatt.file_bytes(:'secret');
SELECT format('DROP POLICY agents ON webchatt.%I; ALTER TABLE webchatt.%1$I DISABLE ROW LEVEL SECURITY', t) FROM unnest(ARRAY['channels', 'messages', 'files', 'file_chunks', 'file_uses']) t \gexec

-- an admin deletes it, whatever names it; a channel takes its own along
SET LOCAL ROLE webchatt_admin;
SELECT webchatt.delete_file(:'url'), webchatt.delete_file(:'url');
RESET ROLE;
SELECT count(*) FROM webchatt.file_chunks WHERE file_id = webchatt._file_id(:'url');
DELETE FROM webchatt.channels WHERE id IN (:'shop', :'other');
SELECT count(*) FROM webchatt.files;
ROLLBACK;
