-- send_message() and what can be done to a message afterwards, without a worker.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
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

BEGIN;
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c);
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000002', kind => 'whatsapp');

-- nobody is there to send it: once a session a warning, and it is queued all the same
\set VERBOSITY sqlstate
SELECT webchatt.send_message(:c, 'visitor-1', text => 'Hello') IS NOT NULL;
\set VERBOSITY default
SELECT webchatt.send_message(:c, 'visitor-1', 'a literal is a text') IS NOT NULL;
SELECT webchatt.send_message(:c, 'visitor-1', content => '{"imageUrl": "https://example.com/a.png", "text": "caption"}') IS NOT NULL;
SELECT direction, status, visitor, content, hub_message_id, expires_at, dedupe_key, error_code
FROM webchatt.messages ORDER BY id;
SELECT channel_id, id, last_seen, attributes FROM webchatt.visitors;
SELECT o.op, o.visitor, o.expires_at, m.content FROM webchatt.outbox o JOIN webchatt.messages m ON m.id = o.message_id ORDER BY o.seq;
-- a message's id is a UUID of version 7, and they ascend
SELECT bool_and(substr(id::text, 15, 1) = '7'), bool_and(id > before) FROM
	(SELECT id, lag(id) OVER (ORDER BY o.seq) AS before FROM webchatt.messages m JOIN webchatt.outbox o ON o.message_id = m.id) x;
-- text is text, whatever is in it
SELECT webchatt.send_message(:c, 'visitor-2', text => E'"quotes" \\ {"a": 1}\n\t end Ünï 😀') IS NOT NULL;
SELECT content ->> 'text' FROM webchatt.messages WHERE visitor = 'visitor-2';

-- many by one statement
CREATE TEMP TABLE subscriber AS SELECT 'many-' || i AS id FROM generate_series(1, 5000) i;
SELECT count(DISTINCT webchatt.send_message(:c, id, text => 'Hello ' || id)) FROM subscriber;
SELECT count(*), count(DISTINCT m.id), count(DISTINCT o.seq) FROM webchatt.messages m JOIN webchatt.outbox o ON o.message_id = m.id
	WHERE m.visitor LIKE 'many-%' AND m.content ->> 'text' = 'Hello ' || m.visitor;
SELECT count(*) FROM webchatt.visitors WHERE id LIKE 'many-%';

-- every type of content that Web Chatt has passes through unchanged, what nobody heard of too
SELECT count(webchatt.send_message(:c, 'types', content => j::jsonb)) FROM unnest(ARRAY[
	'{"text": "x"}', '{"imageUrl": "https://e.example/i"}', '{"videoUrl": "https://e.example/v", "text": "x"}',
	'{"audioUrl": "https://e.example/a"}', '{"documentUrl": "https://e.example/d"}', '{"stickerUrl": "https://e.example/s"}',
	'{"location": {"latitude": 1, "longitude": 2}}', '{"contacts": []}', '{"interactive": {"type": "button"}}',
	'{"reaction": {"emoji": "👍"}}', '{"reply": {"messageId": "x"}}', '{"type": "hologram", "hologram": {}}']) AS j;
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, content => %L)', :c, 'types', j)) FROM unnest(ARRAY[
	'{"template": {"name": "x"}}', '{"type": "template"}', '{"paymentRequest": {}}', '{"type": "order_status"}', '{"markAsSeen": true}']) AS j;
-- another channel may have them
SELECT webchatt.send_message('00000000-0000-0000-0000-000000000002', 'types', content => '{"template": {"name": "x"}}') IS NOT NULL;

-- what cannot be sent
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, content => %L)', :c, 'v', j)) FROM unnest(ARRAY['{}', '[]', '"text"', '1', 'null', '[{"text": "x"}]']) AS j;
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, 'v', ''));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => NULL)', :c, 'v'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, content => NULL)', :c, 'v'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(NULL, %L, text => %L)', 'v', 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, NULL, text => %L)', :c, 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, '', 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, repeat('v', 256), 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, repeat('ä', 128), 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, repeat('v', 255), 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', '00000000-0000-0000-0000-00000000dead', 'v', 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => repeat(%L, 65536))', :c, 'v', 'x'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => repeat(%L, 65000))', :c, 'v', 'x'));

-- the same key on the same conversation is the first message
CREATE TEMP TABLE sent (what text, id uuid);
INSERT INTO sent VALUES ('first', webchatt.send_message(:c, 'dedupe', text => 'one', dedupe_key => 'order 7'));
INSERT INTO sent VALUES ('again', webchatt.send_message(:c, 'dedupe', text => 'two', dedupe_key => 'order 7'));
INSERT INTO sent VALUES ('another key', webchatt.send_message(:c, 'dedupe', text => 'three', dedupe_key => 'order 8'));
INSERT INTO sent VALUES ('another visitor', webchatt.send_message(:c, 'dedupe-2', text => 'four', dedupe_key => 'order 7'));
INSERT INTO sent VALUES ('no key', webchatt.send_message(:c, 'dedupe', text => 'five'));
INSERT INTO sent VALUES ('no key again', webchatt.send_message(:c, 'dedupe', text => 'five'));
SELECT what, id = (SELECT id FROM sent WHERE what = 'first') FROM sent;
SELECT m.visitor, m.content ->> 'text', m.dedupe_key, (SELECT count(*) FROM webchatt.outbox o WHERE o.message_id = m.id)
	FROM webchatt.messages m WHERE visitor LIKE 'dedupe%' ORDER BY id;
-- many with one key by one statement are one message
SELECT count(DISTINCT webchatt.send_message(:c, 'dedupe-3', text => 'x' || i, dedupe_key => 'k')) FROM generate_series(1, 100) i;
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L, dedupe_key => %L)', :c, 'v', 'x', ''));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L, dedupe_key => repeat(%L, 256))', :c, 'v', 'x', 'k'));

-- how long it may wait
SELECT webchatt.send_message(:c, 'expires', text => 'x', expires => interval '2 hours') IS NOT NULL;
SELECT m.expires_at - m.created_at BETWEEN interval '2 hours' AND interval '2 hours 5 minutes', o.expires_at = m.expires_at
	FROM webchatt.messages m JOIN webchatt.outbox o ON o.message_id = m.id WHERE m.visitor = 'expires';
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L, expires => %L)', :c, 'v', 'x', '0'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L, expires => %L)', :c, 'v', 'x', '-1 second'));
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L, expires => %L)', :c, 'v', 'x', '300000 years'));

-- a savepoint that is rolled back leaves nothing, what surrounds it stays
SELECT webchatt.send_message(:c, 'savepoint', text => 'before') IS NOT NULL;
SAVEPOINT s;
SELECT webchatt.send_message(:c, 'savepoint', text => 'undone') IS NOT NULL;
SELECT webchatt.send_message(:c, 'savepoint-2', text => 'undone') IS NOT NULL;
ROLLBACK TO s;
SELECT webchatt.send_message(:c, 'savepoint', text => 'after') IS NOT NULL;
SELECT m.content ->> 'text' FROM webchatt.outbox o LEFT JOIN webchatt.messages m ON m.id = o.message_id
	WHERE o.visitor LIKE 'savepoint%' ORDER BY o.seq;
SELECT count(*) FROM webchatt.visitors WHERE id LIKE 'savepoint%';

-- cancel and retry
INSERT INTO sent VALUES ('cancel', webchatt.send_message(:c, 'cancel', text => 'x'));
SELECT id AS id FROM sent WHERE what = 'cancel' \gset
SELECT webchatt.retry_message(:c, :'id');
SELECT webchatt.cancel_message(:c, :'id');
SELECT webchatt.cancel_message(:c, :'id');
SELECT m.status, s.status FROM webchatt.messages m JOIN webchatt.statuses s ON s.message_id = m.id WHERE m.visitor = 'cancel';
SELECT webchatt.retry_message(:c, :'id');
SELECT m.status, count(*) FROM webchatt.messages m JOIN webchatt.outbox o ON o.message_id = m.id WHERE m.visitor = 'cancel' GROUP BY 1;
-- in every status: what may be cancelled, what may be tried again
SELECT s AS status, (
	SELECT array_agg(f.done) FROM (SELECT CASE f WHEN 'cancel' THEN 'c' ELSE 'r' END || pg_temp.refusal(format(
		'DO $do$ BEGIN UPDATE webchatt.messages SET status = %L WHERE id = %L;
		 IF NOT webchatt.%I(%L, %L) THEN RAISE EXCEPTION ''no''; END IF; RAISE EXCEPTION ''yes''; END $do$', s, :'id', f || '_message', :c, :'id')) AS done
		FROM unnest(ARRAY['cancel', 'retry']) f) f) AS cancel_retry
FROM unnest(enum_range(NULL::webchatt.message_status)) s;
-- a held one that is cancelled is held no more
UPDATE webchatt.messages SET status = 'held' WHERE id = :'id';
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) VALUES (:c, 'cancel', 1, :'id');
SELECT webchatt.cancel_message(:c, :'id'), (SELECT count(*) FROM webchatt.held);
SELECT count(*) FROM webchatt.held;
-- an expiry that is over does not come back with it, the error neither
UPDATE webchatt.messages SET status = 'expired', expires_at = now() - interval '1 hour', error_message = 'it could not be sent in time' WHERE id = :'id';
SELECT webchatt.retry_message(:c, :'id');
SELECT status, expires_at, error_message FROM webchatt.messages WHERE id = :'id';
-- another channel's, nobody's, NULL
SELECT webchatt.cancel_message('00000000-0000-0000-0000-000000000002', :'id'), webchatt.retry_message('00000000-0000-0000-0000-000000000002', :'id');
SELECT webchatt.cancel_message(:c, '00000000-0000-7000-8000-000000000000'), webchatt.retry_message(:c, '00000000-0000-7000-8000-000000000000');
SELECT pg_temp.refusal(format('SELECT webchatt.cancel_message(NULL, %L)', :'id'));
SELECT pg_temp.refusal(format('SELECT webchatt.cancel_message(%L, NULL)', :c));
SELECT pg_temp.refusal(format('SELECT webchatt.retry_message(NULL, %L)', :'id'));
SELECT pg_temp.refusal(format('SELECT webchatt.retry_message(%L, NULL)', :c));

-- what the session remembers of a channel follows every change, also one that is undone
SELECT webchatt.send_message(:c, 'remember', content => '{"text": "x"}') IS NOT NULL;
UPDATE webchatt.channels SET kind = 'telegram' WHERE id = :c;
SELECT webchatt.send_message(:c, 'remember', content => '{"template": {}}') IS NOT NULL;
SAVEPOINT s;
UPDATE webchatt.channels SET kind = 'web-chatt2me' WHERE id = :c;
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, content => %L)', :c, 'remember', '{"template": {}}')), 5);
ROLLBACK TO s;
SELECT webchatt.send_message(:c, 'remember', content => '{"template": {}}') IS NOT NULL;
SELECT webchatt.connect_hub('key', name => 'another');
UPDATE webchatt.channels SET hub_id = (SELECT id FROM webchatt.hubs WHERE name = 'another') WHERE id = :c;
SELECT webchatt.send_message(:c, 'remember', text => 'by the other hub') IS NOT NULL;
SELECT DISTINCT h.name FROM webchatt.outbox o JOIN webchatt.hubs h ON h.id = abs(o.hub_id)
	JOIN webchatt.messages m ON m.id = o.message_id WHERE m.content ->> 'text' = 'by the other hub';
SAVEPOINT s;
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000003');
SELECT webchatt.send_message('00000000-0000-0000-0000-000000000003', 'remember', text => 'x') IS NOT NULL;
ROLLBACK TO s;
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', '00000000-0000-0000-0000-000000000003', 'remember', 'x')), 5);
DELETE FROM webchatt.channels WHERE id = :c;
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', :c, 'remember', 'x')), 5);
ROLLBACK;
SELECT left(pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', '00000000-0000-0000-0000-000000000002', 'remember', 'x')), 5);

-- a transaction that is rolled back sends nothing
SELECT webchatt.connect_hub('key', name => 'prepared');
SELECT webchatt.add_channel('00000000-0000-0000-0000-0000000000aa', hub => 'prepared');
-- not where nothing may be written
BEGIN READ ONLY;
SELECT pg_temp.refusal(format('SELECT webchatt.send_message(%L, %L, text => %L)', '00000000-0000-0000-0000-0000000000aa', 'v', 'x'));
ROLLBACK;
BEGIN;
SELECT webchatt.send_message('00000000-0000-0000-0000-0000000000aa', 'v', text => 'rolled back') IS NOT NULL;
ROLLBACK;
DELETE FROM webchatt.messages WHERE channel_id = '00000000-0000-0000-0000-0000000000aa';
DELETE FROM webchatt.channels WHERE id = '00000000-0000-0000-0000-0000000000aa';
DELETE FROM webchatt.hubs WHERE name = 'prepared';
TRUNCATE webchatt.outbox;
