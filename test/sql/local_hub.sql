-- The local hub: channels, keys, the widget's script, what visitors wrote.
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

SET LOCAL webchatt.public_url = 'https://chat.example.com';
-- a channel

SELECT webchatt.create_channel('Shop', ARRAY['https://WWW.example.com:443', 'http://localhost:3000/']) AS c \gset
SELECT '''' || :'c' || '''' AS c \gset
SELECT h.name, h.kind, h.api_url, h.api_key, c.kind, c.display_name FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id;
SELECT origin FROM webchatt.origins WHERE channel_id = :c ORDER BY 1;
SELECT public_key ~ '^wpk_[A-Za-z0-9_-]{22}$' FROM webchatt.channels WHERE id = :c;
SELECT state, state_reason FROM webchatt.hubs;
-- another one hangs on the same hub
SELECT webchatt.create_channel('Second', '{https://second.example}') IS NOT NULL;
SELECT count(*) FROM webchatt.hubs;

SELECT pg_temp.refusal($$SELECT webchatt.create_channel(NULL, '{https://a.example}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel(' ', '{https://a.example}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel(repeat('n', 51), '{https://a.example}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{https://a.example,NULL}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{https://a.example/shop}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{a.example}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{null}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', '{"null"}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel('x', ARRAY(SELECT 'https://a' || i || '.example' FROM generate_series(1, 6) i))$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_channel(repeat('n', 50), ARRAY(SELECT 'https://a' || i || '.example' FROM generate_series(1, 5) i))$$);
-- the hub that webchatt brings is nobody else's
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => 'local')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel(gen_random_uuid(), hub => 'local')$$);
SELECT pg_temp.refusal($$INSERT INTO webchatt.hubs (name, kind) VALUES ('local-2', 'local')$$);
SELECT split_part(pg_temp.refusal($$INSERT INTO webchatt.hubs (name) VALUES ('half')$$), E'\n', 1);

-- the script, and another key

SELECT regexp_replace(webchatt.widget_script(:c), 'wpk_[A-Za-z0-9_-]{22}', 'KEY');
SELECT webchatt.widget_script(:c) LIKE '%' || public_key || '%' FROM webchatt.channels WHERE id = :c;
SET LOCAL webchatt.public_url = 'http://localhost:8480/chat';
SELECT regexp_replace(webchatt.widget_script(:c), 'wpk_[A-Za-z0-9_-]{22}', 'KEY');
SELECT webchatt._escape_html('<a b="c" d=''e''>&amp;');
SELECT public_key AS old FROM webchatt.channels WHERE id = :c \gset
SELECT webchatt.regenerate_public_key(:c) AS new \gset
SELECT public_key = :'new', public_key <> :'old', public_key ~ '^wpk_[A-Za-z0-9_-]{22}$' FROM webchatt.channels WHERE id = :c;
SELECT pg_temp.refusal($$SELECT webchatt.regenerate_public_key('00000000-0000-0000-0000-000000000001')$$);
SELECT pg_temp.refusal($$SELECT webchatt.widget_script(NULL)$$);
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000002');
SELECT pg_temp.refusal($$SELECT webchatt.regenerate_public_key('00000000-0000-0000-0000-000000000002')$$);
SELECT pg_temp.refusal($$SELECT webchatt.widget_script('00000000-0000-0000-0000-000000000002')$$);

SELECT regexp_replace(pg_temp.refusal(format('SELECT webchatt.set_webhook_secret(%L, NULL)', :c)), '[0-9a-f-]{36}', 'ID');

-- keys of the REST API: shown once, kept as a hash

SELECT webchatt.create_api_key('billing') AS key \gset
SELECT :'key' ~ '^wck_[A-Za-z0-9_-]{43}$';
SELECT label, key_hash = sha256(convert_to(:'key', 'UTF8')), revoked_at IS NULL FROM webchatt.api_keys;
SELECT webchatt.revoke_api_key('billing'), webchatt.revoke_api_key('billing');
SELECT label, revoked_at IS NULL FROM webchatt.api_keys;
SELECT pg_temp.refusal($$SELECT webchatt.create_api_key('billing')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_api_key(' ')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_api_key(NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_api_key(repeat('l', 101))$$);
SELECT channels, scopes FROM webchatt.api_keys WHERE label = 'billing';
SELECT webchatt.create_api_key('one', channels => ARRAY[:c, :c]::uuid[], scopes => '{send}') IS NOT NULL;
SELECT channels = ARRAY[:c]::uuid[], scopes FROM webchatt.api_keys WHERE label = 'one';
SELECT pg_temp.refusal(format('SELECT webchatt.create_api_key(%L, %L, %L)', 'two', c, s)) FROM (VALUES ('{}', NULL), ('{NULL}', NULL), ('{00000000-0000-0000-0000-000000000002}', NULL),
	(NULL, '{}'), (NULL, '{send,admin}'), (NULL, '{NULL}')) v (c, s);
SELECT pg_temp.refusal($$SELECT webchatt.revoke_api_key('nobody')$$);
SELECT pg_temp.refusal($$SELECT webchatt._random_token('x', 15)$$);
SELECT count(DISTINCT webchatt._random_token('', 16)) FROM generate_series(1, 100);

-- visitors: only those who have connected can be written to

SET LOCAL client_min_messages = error;
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, '0190a000-0000-7000-8000-000000000001', 'x')) LIKE '42704 channel % has no visitor 0190a000-0000-7000-8000-000000000001%';
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:c, '0190a000-0000-7000-8000-000000000001');
SELECT webchatt.send_message(:c, '0190a000-0000-7000-8000-000000000001', text => 'x') IS NOT NULL;
SELECT op, h.kind FROM webchatt.outbox o JOIN webchatt.hubs h ON h.id = o.hub_id;
-- other contents than Web Chatt's are refused as on a remote hub
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, content => %L)', :c, '0190a000-0000-7000-8000-000000000001', '{"template": {}}')), 40);

-- what a visitor wrote can be marked as read

INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
SELECT :c, i, '0190a000-0000-7000-8000-000000000001', 'in', 'received', '{"type": "text", "text": "x"}'
FROM unnest('{0190a000-0000-7000-8000-00000000000a,0190a000-0000-7000-8000-00000000000b,0190a000-0000-7000-8000-00000000000c}'::uuid[]) i;
SELECT webchatt.mark_read(:c, '0190a000-0000-7000-8000-000000000001', '0190a000-0000-7000-8000-00000000000b');
SELECT id, status FROM webchatt.messages WHERE direction = 'in' ORDER BY id;
SELECT webchatt.mark_read(:c, '0190a000-0000-7000-8000-000000000001'), webchatt.mark_read(:c, '0190a000-0000-7000-8000-000000000001');
SELECT id, status FROM webchatt.messages WHERE direction = 'in' ORDER BY id;
SELECT op, message_id FROM webchatt.outbox WHERE op = 'm' ORDER BY seq;
SELECT webchatt.mark_read(:c, 'nobody');
SELECT pg_temp.refusal($$SELECT webchatt.mark_read('00000000-0000-0000-0000-000000000001', 'x')$$);
SELECT pg_temp.refusal(format('SELECT webchatt.mark_read(%L, NULL)', :c));
-- typing needs a worker, and a local channel
SELECT webchatt.send_typing(:c, '0190a000-0000-7000-8000-000000000001');
SELECT pg_temp.refusal($$SELECT webchatt.send_typing('00000000-0000-0000-0000-000000000002', '0190a000-0000-7000-8000-000000000001')$$);
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_typing(%L, %L)', :c, 'x')), 70);
SELECT pg_temp.refusal($$SELECT webchatt.send_typing(NULL, 'x')$$);
SELECT count(*) FROM webchatt.outbox WHERE op NOT IN ('c', 'd', 's', 'm');
SELECT count(*) FROM webchatt.presence;
ROLLBACK;
