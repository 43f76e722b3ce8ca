-- Taking messages back: from every status, on a local channel and on a remote hub's; and who is told.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE FUNCTION pg_temp.refusal(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s | %s', SQLSTATE, message, hint);
END $$;

BEGIN;
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example']) AS channel \gset
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'channel', '01a206db-149d-7000-8199-51c107a6ffef');
\set v '''01a206db-149d-7000-8199-51c107a6ffef'''
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content)
SELECT :'channel', format('01a206db-149d-7000-8000-0000000000%s', lpad(n::text, 2, '0'))::uuid, :v,
	CASE s WHEN 'received' THEN 'in' ELSE 'out' END::webchatt.message_direction, s, '{"text": "x"}'
FROM unnest(enum_range(NULL::webchatt.message_status)) WITH ORDINALITY AS u (s, n);
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id)
SELECT channel_id, visitor, 1, id FROM webchatt.messages WHERE status = 'held';
-- from every status
SELECT status, pg_temp.refusal(format('DO $do$ BEGIN IF NOT webchatt.retract_message(%L, %L) THEN RAISE EXCEPTION ''there is nothing''; END IF; END $do$', channel_id, id)) AS outcome
FROM (SELECT * FROM webchatt.messages ORDER BY id OFFSET 0) m;
SELECT direction, status, count(*) FROM webchatt.messages GROUP BY 1, 2 ORDER BY 1, 2;
SELECT status, count(*) FROM webchatt.statuses GROUP BY 1;
SELECT count(*) AS held FROM webchatt.held;
SELECT op, sign(hub_id) AS lane, count(*) FROM webchatt.outbox WHERE op IN ('k', 'y', 'e') GROUP BY 1, 2 ORDER BY 1, 2;
-- a second time, and what is not there
SELECT webchatt.retract_message(:'channel', id) FROM webchatt.messages WHERE status = 'retracted' LIMIT 1;
SELECT webchatt.retract_message(:'channel', '00000000-0000-7000-8000-000000000000');
SELECT pg_temp.refusal(format('SELECT webchatt.retract_message(%L, NULL)', :'channel'));
SELECT pg_temp.refusal('SELECT webchatt.retract_message(NULL, ''00000000-0000-7000-8000-000000000000'')');
SELECT pg_temp.refusal('SELECT webchatt.retract_message(''00000000-0000-0000-0000-000000000009'', ''00000000-0000-7000-8000-000000000000'')');
-- it is over for good: no other status, no retry, no cancelling
SELECT webchatt.retry_message(:'channel', id), webchatt.cancel_message(:'channel', id) FROM webchatt.messages WHERE status = 'retracted' LIMIT 1;
SELECT max(s) FROM unnest(enum_range(NULL::webchatt.message_status)) s;
-- by the desk
SELECT webchatt.send_message(:'channel', :v, text => 'oops') AS id \gset
SELECT webchatt.desk_retract(jsonb_build_object('channel', :'channel', 'id', :'id'));
SELECT webchatt.desk_retract(jsonb_build_object('channel', :'channel', 'id', :'id'));
-- a desk that has it already hears of it
SELECT c -> 'messages' AS messages, c -> 'retracted' @> jsonb_build_array(:'id') AS told
FROM unnest(ARRAY[:'id', '00000000-0000-7000-8000-000000000000']) after, webchatt.desk_conversation(jsonb_build_object('channel', :'channel', 'visitor', :v, 'after', after, 'limit', 1)) c WHERE after = :'id' OR c -> 'retracted' <> '[]';
-- on a remote hub
SELECT webchatt.connect_hub('key', name => 'remote');
SELECT webchatt.add_channel('00000000-0000-0000-0000-0000000000bb', hub => 'remote');
SELECT webchatt.send_message('00000000-0000-0000-0000-0000000000bb', 'v', text => 'x') AS id \gset
SELECT webchatt.retract_message('00000000-0000-0000-0000-0000000000bb', :'id');
SELECT webchatt.retract_message('00000000-0000-0000-0000-0000000000bb', :'id');
SELECT webchatt.send_message('00000000-0000-0000-0000-0000000000bb', 'v', text => 'y') AS id \gset
UPDATE webchatt.messages SET status = 'sent' WHERE id = :'id';
SELECT pg_temp.refusal(format('SELECT webchatt.retract_message(%L, %L)', '00000000-0000-0000-0000-0000000000bb', :'id')) ~ '^0A000: message \S+ is with a remote hub' AS refused;

-- tokens that are deleted: a few are named, many are looked for
INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor)
SELECT :'channel', sha256(n::text::bytea), :v FROM generate_series(1, 200) n;
SELECT max(seq) AS seq FROM webchatt.outbox \gset
DELETE FROM webchatt.visitor_tokens WHERE token_hash = sha256('1');
DELETE FROM webchatt.visitor_tokens WHERE token_hash = sha256('1');
SELECT op, visitor = :v AS visitor, note = encode(sha256('1'), 'hex') AS note FROM webchatt.outbox WHERE seq > :seq;
SAVEPOINT s;
DELETE FROM webchatt.visitor_tokens WHERE token_hash IN (sha256('2'), sha256('3'));
ROLLBACK TO s;
SELECT count(*) FROM webchatt.outbox WHERE seq > :seq;
DELETE FROM webchatt.visitors WHERE id = :v;
SELECT op, count(*) FROM webchatt.outbox WHERE op IN ('x', 'b') AND seq > :seq GROUP BY 1 ORDER BY 1;
ROLLBACK;
