-- The views, without a worker; and the settings' check hooks.
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
SET LOCAL client_min_messages = error;

-- status: one row, whatever there is
SELECT state ~ '^no', (launcher_pid IS NOT NULL) = (state ~ '^no worker'), worker_pid, net_pid, listening, confined, started_at, last_error, corridor, hubs,
	queued, oldest_queued, oldest_age, in_flight, events_waiting, connections, events, sends FROM webchatt.status;
SELECT webchatt.connect_hub('key');
SELECT webchatt.connect_hub('key', name => 'stopped');
UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'the hub refused the API key (401)', state_since = '2026-01-01 00:00+00' WHERE name = 'stopped';
SELECT hubs -> 'chatt2me', (hubs -> 'stopped') - 'since', (hubs #>> '{stopped,since}')::timestamptz = '2026-01-01 00:00+00' FROM webchatt.status;
SELECT hubs::text LIKE '%key"%' FROM webchatt.status;

-- inbox and conversation
SELECT webchatt.add_channel(:c, display_name => 'Shop');
SELECT webchatt.set_webhook_secret(:c, NULL);
CREATE FUNCTION pg_temp.says(visitor text, what text) RETURNS text LANGUAGE sql AS $$
	SELECT webchatt.ingest(format('{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"%s %s","from":"%s","content":{"type":"text","text":"%s"}}', visitor, what, visitor, what));
$$;
-- what a worker would write
CREATE FUNCTION pg_temp.noted() RETURNS void LANGUAGE sql AS $$
	INSERT INTO webchatt.conversations AS c (channel_id, visitor, answered_upto, waiting_since, last_id, last_at)
	SELECT n.channel_id, n.visitor, a.id, w.created_at, n.id, n.created_at
	FROM (SELECT DISTINCT ON (channel_id, visitor) * FROM webchatt.messages ORDER BY channel_id, visitor, id DESC) n
	LEFT JOIN LATERAL (SELECT m.id FROM webchatt.messages m WHERE m.channel_id = n.channel_id AND m.visitor = n.visitor
		AND m.direction = 'out' AND m.final ORDER BY m.id DESC LIMIT 1) a ON true
	LEFT JOIN LATERAL (SELECT m.created_at FROM webchatt.messages m WHERE m.channel_id = n.channel_id AND m.visitor = n.visitor
		AND m.direction = 'in' AND m.id > coalesce(a.id, '00000000-0000-0000-0000-000000000000') ORDER BY m.id LIMIT 1) w ON true
	ON CONFLICT (channel_id, visitor) DO UPDATE SET answered_upto = excluded.answered_upto,
		waiting_since = excluded.waiting_since, last_id = excluded.last_id, last_at = excluded.last_at
$$;
SELECT pg_temp.says('ann', 'Hello'), pg_temp.says('bob', 'Hi'), pg_temp.says('ann', 'Anybody?');
SELECT webchatt.send_message(:c, 'ann', text => 'Yes') IS NOT NULL, webchatt.send_message(:c, 'cy', content => '{"imageUrl": "https://e.example/i"}') IS NOT NULL;
-- all in one transaction: the order in time is that of the ids
UPDATE webchatt.messages m SET created_at = now() + r.n * interval '1 second' FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM webchatt.messages) r WHERE r.id = m.id;
SELECT pg_temp.noted();
SELECT visitor, channel, unanswered, last_direction, last_status, last_content FROM webchatt.inbox;
SELECT pg_temp.says('ann', 'Thanks');
UPDATE webchatt.messages SET created_at = now() + interval '1 minute' WHERE content ->> 'text' = 'Thanks';
SELECT pg_temp.noted();
SELECT visitor, unanswered, last_content ->> 'text' FROM webchatt.inbox;
SELECT direction, status, body FROM webchatt.conversation(:c, 'ann');
SELECT direction, status, body, content FROM webchatt.conversation(:c, 'cy');
SELECT count(*) FROM webchatt.conversation(:c, 'nobody');

-- who answered, and whether that was the answer
CREATE FUNCTION pg_temp.ann() RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.noted(); SELECT concat_ws(' ', unanswered, last_direction, last_author, last_content ->> 'text') FROM webchatt.inbox WHERE visitor = 'ann' $$;
SELECT webchatt.send_message(:c, 'ann', text => 'A person reads this too', author => 'order bot', final => false) IS NOT NULL, pg_temp.ann();
SELECT webchatt.send_message(:c, 'ann', text => 'It is on its way', author => 'ana') IS NOT NULL, pg_temp.ann();
SELECT webchatt.send_message(:c, 'ann', text => 'Anything else?', author => 'order bot', final => false) IS NOT NULL, pg_temp.ann();
SELECT pg_temp.says('ann', 'No'), pg_temp.ann();
SELECT webchatt.send_message(:c, 'cy', text => 'first, and not final', final => false) IS NOT NULL;
SELECT webchatt.send_message(:c, 'di', text => 'first, and not final', final => false) IS NOT NULL;
SELECT pg_temp.noted();
SELECT visitor, unanswered FROM webchatt.inbox WHERE visitor IN ('ann', 'cy', 'di') ORDER BY visitor;
SELECT body, author FROM webchatt.conversation(:c, 'ann') WHERE author IS NOT NULL;
SELECT pg_temp.refusal('SELECT webchatt.send_message(''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'', ''ann'', text => ''x'', author => '''')'),
	pg_temp.refusal('SELECT webchatt.send_message(''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'', ''ann'', text => ''x'', author => repeat(''x'', 256))'),
	pg_temp.refusal('SELECT webchatt.send_message(''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'', ''ann'', text => ''x'', final => NULL)');
ROLLBACK;
