-- Webhooks at remote hubs that keep themselves: what is asked of a hub and what
-- its answers do, by hand and without a worker; hostile answers among them.
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
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END
$$;
BEGIN;
SET LOCAL client_min_messages = error;
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''

-- how a hub's events come
SELECT webchatt.connect_hub('key');
SELECT webchatt.connect_hub('key', 'https://other.example', 'linked', 'link');
SELECT name, inbound FROM webchatt.hubs ORDER BY id;
SELECT webchatt.connect_hub('key-2', 'https://other.example', 'linked');
SELECT webchatt.connect_hub('key-2', 'https://other.example', 'linked', NULL);
SELECT inbound FROM webchatt.hubs WHERE name = 'linked';
SELECT webchatt.connect_hub('key-2', 'https://other.example', 'linked', inbound => 'webhook');
SELECT inbound FROM webchatt.hubs WHERE name = 'linked';
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', inbound => 'pigeon')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', inbound => '')$$);
SELECT webchatt.add_channel(:c);
SELECT webchatt.create_channel('Local', '{https://www.example.com}') IS NOT NULL;

-- what is refused
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks()');
SET LOCAL webchatt.public_url = 'http://chat.example.com';
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks(NULL::text)');
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks(''nowhere'')');
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks(''local'')');
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks(NULL::uuid)');
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks(''00000000-0000-0000-0000-00000000dead'')');
SELECT pg_temp.refusal(format('SELECT webchatt.register_webhooks(%L::uuid)', id)) FROM webchatt.channels WHERE public_key IS NOT NULL;
SELECT pg_temp.refusal('SELECT webchatt.reconcile_webhooks()');
SELECT pg_temp.refusal('SELECT webchatt.rotate_webhook_secret()');
SELECT pg_temp.refusal('SELECT webchatt.unregister_webhooks()');
SELECT pg_temp.refusal('SELECT * FROM webchatt.wait_for_webhooks(''nowhere'')');
SELECT pg_temp.refusal('SELECT webchatt.wait_for_link(''nowhere'')');
SELECT pg_temp.refusal('SELECT * FROM webchatt.wait_for_webhooks(timeout => NULL)');
SELECT pg_temp.refusal('SELECT * FROM webchatt.wait_for_webhooks(timeout => ''-1 s'')');
SELECT pg_temp.refusal('SELECT * FROM webchatt.wait_for_webhooks()');
SELECT pg_temp.refusal('SELECT webchatt.wait_for_link()');
SELECT pg_temp.refusal(format('SELECT webchatt.wait_for_status(%L, gen_random_uuid(), NULL)', :c));
SELECT pg_temp.refusal(format('SELECT webchatt.wait_for_status(%L, %L, ''sent'')', :c, webchatt.send_message(:c, 'v', text => 'x')));
SET LOCAL client_min_messages = notice;
SELECT webchatt.register_webhooks('linked');
SELECT webchatt.connect_hub('key-2', 'http://other.example', 'linked', inbound => 'link', insecure => true);
SELECT webchatt.register_webhooks('linked');
SET LOCAL client_min_messages = error;
SELECT webchatt.unregister_webhooks('linked');
SELECT count(*) FROM webchatt.hub_webhooks;
-- who may: those who configure
SET LOCAL ROLE webchatt_admin;
SELECT webchatt.register_webhooks(), (SELECT count(*) FROM webchatt.hub_webhooks), (SELECT count(*) FROM webchatt.repair);
SELECT webchatt.rotate_webhook_secret(), webchatt.reconcile_webhooks(), webchatt.unregister_webhooks();
RESET ROLE;
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal('SELECT webchatt.register_webhooks()');
SELECT pg_temp.refusal('SELECT * FROM webchatt.repair');
SELECT pg_temp.refusal('SELECT * FROM webchatt.repairs');
SELECT pg_temp.refusal('SELECT webchatt._hub_call(1)');
SELECT count(*) FROM webchatt.overdue;
RESET ROLE;
ROLLBACK;
-- without a worker, and where nothing can be seen to come
SELECT regexp_replace(pg_temp.refusal('SELECT webchatt._may_wait(''1 s'', 0)'), 'DETAIL: no[^\n]*', 'DETAIL: why');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT regexp_replace(pg_temp.refusal('SELECT webchatt._may_wait(''1 s'', 0)'), 'DETAIL: no[^\n]*', 'DETAIL: why');
ROLLBACK;

-- from here on one hub, driven by hand
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL webchatt.public_url = 'https://chat.example.com';
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c);
SELECT id AS h FROM webchatt.hubs \gset
INSERT INTO webchatt.hub_reconciliation (hub_id, tag) VALUES (:h, '0badcafe');
-- What is asked next, or in how many ms to ask again.
CREATE FUNCTION pg_temp.call() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(nullif(concat_ws(' ', c.method, c.path, c.body), ''), 'nothing') FROM webchatt.hubs h, webchatt._hub_call(h.id) c WHERE h.name = 'chatt2me'
$$;
CREATE FUNCTION pg_temp.answer(status int, body text DEFAULT '', error text DEFAULT '', retry_after int DEFAULT 0) RETURNS void LANGUAGE sql AS $$
	SELECT webchatt._hub_answered(h.id, status, body, error, retry_after) FROM webchatt.hubs h WHERE h.name = 'chatt2me'
$$;
-- A webhook as the hub shows it.
CREATE FUNCTION pg_temp.hook(id text, type text DEFAULT 'Message', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('id', id, 'label', 'webchatt contrib_regression 0badcafe', 'eventType', type, 'active', true, 'isVerified', true,
		'endpoint', 'https://chat.example.com/webhooks/hubs/chatt2me', 'createdDate', '2026-01-01T00:00:00Z') || more
$$;
CREATE FUNCTION pg_temp.page(VARIADIC of jsonb[]) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('data', to_jsonb(of), 'pagination', jsonb_build_object('offset', 0, 'limit', 50, 'total', cardinality(of)))::text
$$;
-- No pauses: they are not what is looked at here.
CREATE FUNCTION pg_temp.rest() RETURNS void LANGUAGE sql AS $$
	UPDATE webchatt.hub_reconciliation SET not_before = NULL, repair_not_before = NULL, retry_at = NULL;
	UPDATE webchatt.hub_webhooks SET next_try = NULL, repair_at = NULL
$$;
CREATE VIEW pg_temp.hooks AS SELECT event_type, desired, state, hub_webhook_id, secret, old_secret, last_error, tries FROM webchatt.hub_webhooks ORDER BY 1;
\set empty '{"data": [], "pagination": {"offset": 0, "limit": 50, "total": 0, "totalPages": 0}}'

-- from nothing
SELECT webchatt.register_webhooks();
SELECT * FROM pg_temp.hooks;
SELECT event_type, endpoint, label FROM webchatt.hub_webhooks ORDER BY 1;
SELECT pg_temp.call();
-- asked again before there is an answer: the same
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT state, asked_at IS NOT NULL FROM webchatt.hub_webhooks WHERE event_type = 'Message';
SELECT pg_temp.answer(201, pg_temp.hook('m-1', more => '{"isVerified": false, "signingSecret": "whsec_m"}')::text);
SELECT pg_temp.call();
-- an answer that nobody waits for changes nothing
SELECT pg_temp.answer(201, pg_temp.hook('s-1', 'MessageStatus', '{"data": {"secret": "whsec_s"}}')::text);
SELECT pg_temp.answer(201, pg_temp.hook('x', 'MessageStatus', '{"secret": "whsec_x"}')::text);
SELECT * FROM pg_temp.hooks;
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
-- the logs of what failed before: nothing
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
-- it is not verified yet: asked after 1, 2, 5, ... s
SELECT poll_at - now(), again_at - now() FROM webchatt.hub_webhooks WHERE event_type = 'Message';
UPDATE webchatt.hub_webhooks SET poll_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT poll_at - now(), polls FROM webchatt.hub_webhooks WHERE event_type = 'Message';
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"isVerified": false}')::text);
UPDATE webchatt.hub_webhooks SET poll_at = now(), polls = 6 WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"isVerified": false}')::text);
SELECT poll_at - now(), polls, last_error FROM webchatt.hub_webhooks WHERE event_type = 'Message';
-- another webchatt says what it met
UPDATE webchatt.hub_webhooks SET poll_at = now(), polls = 0 WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"isVerified": false, "lastError": "chat.example.com is at\nan address"}')::text);
SELECT poll_at - now(), polls, last_error FROM webchatt.hub_webhooks WHERE event_type = 'Message';
-- and after some minutes by another query, so that it is verified anew
UPDATE webchatt.hub_webhooks SET again_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"isVerified": false, "endpoint": "https://chat.example.com/webhooks/hubs/chatt2me?again=1"}')::text);
SELECT actual_endpoint, again_at - now(), poll_at - now() FROM webchatt.hub_webhooks WHERE event_type = 'Message';
UPDATE webchatt.hub_webhooks SET poll_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"endpoint": "https://chat.example.com/webhooks/hubs/chatt2me?again=1"}')::text);
SELECT * FROM pg_temp.hooks;
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
-- nothing more to do for a minute
SELECT wait_ms FROM webchatt._hub_call(:h);
SELECT next_round - now(), look_at - now() FROM webchatt.hub_reconciliation k JOIN webchatt.hub_webhooks w USING (hub_id);
-- for what follows: a round, an error, logs
CREATE FUNCTION pg_temp.log(id text, message text, at text DEFAULT '2026-01-01T00:00:00Z', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('id', id, 'statusCode', 0, 'status', 'Failed', 'createdDate', at, 'messageId', message) || more
$$;
CREATE VIEW pg_temp.broken AS SELECT event_type, event_key, log_id, status_code, answer, state, tries, new_log_id FROM webchatt.repairs ORDER BY id;
CREATE FUNCTION pg_temp.drift(VARIADIC of jsonb[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	step text;
BEGIN
	PERFORM webchatt.reconcile_webhooks();
	UPDATE webchatt.hub_webhooks SET look_at = now() + interval '5 minutes';
	RETURN NEXT pg_temp.call();
	PERFORM pg_temp.answer(200, pg_temp.page(VARIADIC of));
	RETURN NEXT pg_temp.call();
END
$$;
CREATE FUNCTION pg_temp.errors(status int, body text DEFAULT '', error text DEFAULT '', retry_after int DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k webchatt.hub_reconciliation;
	said text;
BEGIN
	PERFORM webchatt.reconcile_webhooks();
	UPDATE webchatt.hub_webhooks SET last_error = NULL, look_at = now() + interval '5 minutes';
	PERFORM pg_temp.call();
	PERFORM pg_temp.answer(status, body, error, retry_after);
	SELECT * INTO k FROM webchatt.hub_reconciliation;
	SELECT string_agg(DISTINCT coalesce(w.last_error, '-'), ' / ') INTO said FROM webchatt.hub_webhooks w WHERE w.hub_id IS NOT NULL;
	RETURN format('%s; paused: %s, listed: %s', said, k.not_before > now(), k.listed IS NOT NULL);
END
$$;
CREATE FUNCTION pg_temp.look(VARIADIC of jsonb[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.rest();
	UPDATE webchatt.hub_webhooks SET look_at = CASE event_type WHEN 'Message' THEN now() ELSE now() + interval '5 minutes' END;
	IF pg_temp.call() NOT LIKE '%/webhook-log?%' THEN
		RETURN 'no look';
	END IF;
	PERFORM pg_temp.answer(200, pg_temp.page(VARIADIC of));
	RETURN pg_temp.call();
END
$$;
CREATE FUNCTION pg_temp.again(code int, n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	asked text;
BEGIN
	UPDATE webchatt.repairs SET next_try = NULL WHERE state = 'waiting';
	UPDATE webchatt.hub_webhooks SET look_at = now() + interval '5 minutes';
	PERFORM pg_temp.rest();
	asked := pg_temp.call();
	IF asked NOT LIKE '%/retry%' THEN
		RETURN asked;
	END IF;
	PERFORM pg_temp.answer(200, format('{"results": [{"webhookLogId": "%s", "success": true, "newLogId": "x%s"}]}', (SELECT log_id FROM webchatt.repairs WHERE state = 'asked'), n));
	PERFORM pg_temp.rest();
	UPDATE webchatt.hub_webhooks SET look_at = CASE event_type WHEN 'Message' THEN now() ELSE now() + interval '5 minutes' END;
	PERFORM pg_temp.call();
	PERFORM pg_temp.answer(200, pg_temp.page(pg_temp.log('x' || n, 'b', '2026-01-05', format('{"statusCode": %s, "responseBody": "said %s"}', code, n)::jsonb)));
	RETURN (SELECT concat_ws(' ', state, tries, log_id, answer, next_try - now()) FROM webchatt.repairs WHERE message_id = 'b');
END
$$;
CREATE FUNCTION pg_temp.look_at_statuses(VARIADIC of jsonb[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.rest();
	UPDATE webchatt.hub_webhooks SET look_at = CASE event_type WHEN 'Message' THEN now() + interval '5 minutes' ELSE now() END;
	PERFORM pg_temp.call();
	PERFORM pg_temp.answer(200, pg_temp.page(VARIADIC of));
	RETURN pg_temp.call();
END
$$;
CREATE FUNCTION pg_temp.log_page(first int, last int, at timestamptz, step interval) RETURNS text LANGUAGE sql AS $$
	SELECT jsonb_build_object('data', jsonb_agg(pg_temp.log('l' || i, 'm' || i, (at + i * step)::text) ORDER BY i), 'pagination', '{"total": 500}'::jsonb)::text FROM generate_series(first, last) i
$$;
CREATE FUNCTION pg_temp.strange(body text, status int DEFAULT 200) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.rest();
	UPDATE webchatt.hub_webhooks SET look_at = CASE event_type WHEN 'Message' THEN now() ELSE now() + interval '5 minutes' END;
	UPDATE webchatt.hub_reconciliation SET look = NULL, repair_error = NULL;
	PERFORM pg_temp.call();
	PERFORM pg_temp.answer(status, body);
	RETURN (SELECT concat_ws('; ', repair_error, repair_not_before > now(), look - '{began,webhook}'::text[]) FROM webchatt.hub_reconciliation) || ' ' || (SELECT count(*) FROM webchatt.repairs);
END
$$;
SAVEPOINT registered;

-- drift: each against what the list says
SELECT pg_temp.drift(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.drift(pg_temp.hook('m-1', more => '{"active": false}'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
SELECT pg_temp.call();
SELECT pg_temp.drift(pg_temp.hook('m-1', more => '{"endpoint": "https://elsewhere.example/x", "active": false, "requiresSignature": false}'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT * FROM pg_temp.hooks;
-- an answer that says nothing is taken for what was asked; a new secret in it counts
SELECT pg_temp.answer(200, '{"secret": "whsec_m2"}');
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
UPDATE webchatt.hub_webhooks SET poll_at = now() WHERE state = 'verifying';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
-- others' are others', whatever they look like
SELECT pg_temp.drift(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'), pg_temp.hook('o-1', more => '{"label": "webchatt contrib_regression 0badcaff"}'),
	pg_temp.hook('o-2', more => '{"label": null}'), pg_temp.hook('../..', more => '{"label": "x"}'), '"text"', '[]', 'null', '{"id": 7}');
-- duplicates: the one that we know stays
SELECT pg_temp.drift(pg_temp.hook('m-0', more => '{"createdDate": "2025-01-01"}'), pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(204);
SELECT pg_temp.call();
SELECT pg_temp.drift(pg_temp.hook('m-0'), pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(404, '{"errorMessage": "no such webhook"}');
SELECT pg_temp.call();
-- ours is not verified, the other is: it stays until ours is
SELECT pg_temp.drift(pg_temp.hook('m-0'), pg_temp.hook('m-1', more => '{"isVerified": false}'), pg_temp.hook('s-1', 'MessageStatus'));
-- an id that is not known: the verified one, else the oldest, and its secret is asked for
UPDATE webchatt.hub_webhooks SET hub_webhook_id = NULL, secret = NULL, state = 'waiting' WHERE event_type = 'Message';
SELECT pg_temp.drift(pg_temp.hook('m-8', more => '{"isVerified": false, "createdDate": "2025-01-01"}'), pg_temp.hook('m-9'), pg_temp.hook('m-7', more => '{"createdDate": "2025-06-01"}'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(200, '{"signatureSecret": "whsec_7"}');
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
ROLLBACK TO registered;
-- not in the list: asked for by its id, for a list may change while it is read
SELECT pg_temp.drift(pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
SELECT pg_temp.call();
SELECT pg_temp.drift(pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(404);
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
ROLLBACK TO registered;
-- given another label by somebody: not ours any more
SELECT pg_temp.drift(pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"label": "mine"}')::text);
SELECT pg_temp.call();
ROLLBACK TO registered;
-- gone between the list and the call
SELECT pg_temp.drift(pg_temp.hook('m-1', more => '{"active": false}'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(404);
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
ROLLBACK TO registered;
-- another public URL
SET LOCAL webchatt.public_url = 'https://new.example.com';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.page(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus')));
SELECT pg_temp.call();
-- a hub that keeps to the old one
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
SELECT * FROM pg_temp.hooks;
ROLLBACK TO registered;
-- an empty one changes nothing
SET LOCAL webchatt.public_url = '';
SELECT pg_temp.call();
ROLLBACK TO registered;

-- pages
SELECT webchatt.reconcile_webhooks();
SELECT pg_temp.call();
SELECT pg_temp.answer(200, (SELECT jsonb_build_object('data', jsonb_agg(pg_temp.hook('o-' || i, more => '{"label": "x"}')), 'pagination', '{"total": 71}'::jsonb) FROM generate_series(1, 50) i)::text);
SELECT pg_temp.call();
SELECT pg_temp.answer(200, (SELECT jsonb_build_object('data', jsonb_agg(pg_temp.hook('o-' || i, more => '{"label": "x"}')), 'pagination', '{"total": 71}'::jsonb) FROM generate_series(51, 70) i)::text);
-- (a hub whose pages are shorter than asked for)
SELECT pg_temp.call();
SELECT pg_temp.answer(200, '{"data": [], "pagination": {"total": 1000000}}');
SELECT pg_temp.call();
ROLLBACK TO registered;

-- secrets: lost, by a hub that redefines, and one that has to be turned off and on
UPDATE webchatt.hub_webhooks SET secret = NULL WHERE event_type = 'Message';
SELECT pg_temp.drift(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(404);
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1')::text);
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.hook('m-1', more => '{"secret": "whsec_on"}')::text);
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
-- rotated: this hub is known to redefine nothing
SELECT webchatt.rotate_webhook_secret(keep_old => '2 hours');
SELECT pg_temp.refusal($$SELECT webchatt.rotate_webhook_secret(keep_old => NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.rotate_webhook_secret(keep_old => '-1 s')$$);
SELECT pg_temp.drift(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(200, '{"signingSecret": "whsec_m3"}');
SELECT pg_temp.call();
SELECT pg_temp.answer(200, '{}');
SELECT pg_temp.call();
SELECT pg_temp.answer(200);
SELECT pg_temp.call();
-- a hub that gives no secret
SELECT pg_temp.answer(200, '{"secret": 7, "signingSecret": "", "data": {"secret": null}}');
SELECT * FROM pg_temp.hooks;
SELECT event_type, old_secret_until - now() FROM webchatt.hub_webhooks ORDER BY 1;
ROLLBACK TO registered;

-- unregistered
SELECT webchatt.unregister_webhooks();
SELECT pg_temp.refusal('SELECT webchatt.rotate_webhook_secret()');
SELECT pg_temp.drift(pg_temp.hook('m-1'), pg_temp.hook('m-2'), pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(204);
SELECT pg_temp.call();
SELECT pg_temp.answer(404);
SELECT pg_temp.call();
SELECT pg_temp.answer(200, '{}');
SELECT pg_temp.call();
SELECT * FROM pg_temp.hooks;
ROLLBACK TO registered;
-- half done: what the hub was asked for may come yet
UPDATE webchatt.hub_webhooks SET hub_webhook_id = NULL, secret = NULL, state = 'creating', asked_at = now() - interval '20 s' WHERE event_type = 'Message';
SELECT webchatt.unregister_webhooks();
SELECT pg_temp.drift(pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(204);
SELECT pg_temp.call();
SELECT event_type, state, next_try - now() FROM webchatt.hub_webhooks ORDER BY 1;
UPDATE webchatt.hub_webhooks SET next_try = now();
SELECT pg_temp.drift(pg_temp.hook('m-late'));
SELECT pg_temp.answer(204);
UPDATE webchatt.hub_webhooks SET asked_at = now() - interval '2 minutes';
SELECT pg_temp.call();
SELECT count(*) FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL;
ROLLBACK TO registered;

-- errors: in words, and with a pause
SELECT pg_temp.errors(0, '', 'hub.example.com: Connection refused');
SELECT pg_temp.errors(0);
SELECT pg_temp.errors(500);
SELECT pg_temp.errors(500, '{"errorMessage": "broken\u0007 it is\n"}');
SELECT pg_temp.errors(500, '{"errorMessage": {"a": 1}}');
SELECT pg_temp.errors(500, '<html>');
SELECT pg_temp.errors(502, '["x"]');
SELECT pg_temp.errors(404);
SELECT pg_temp.errors(400, '{"errorMessage": "no"}');
SELECT pg_temp.errors(401);
SELECT pg_temp.errors(307);
SELECT pg_temp.errors(200);
SELECT pg_temp.errors(200, 'null');
SELECT pg_temp.errors(200, '[1, 2');
SELECT pg_temp.errors(200, '"text"');
SELECT pg_temp.errors(200, '[]');
SELECT pg_temp.errors(200, '{"data": null}');
SELECT pg_temp.errors(200, '{"data": {}}');
SELECT pg_temp.errors(200, '{"data": "\u0000"}');
SELECT pg_temp.errors(200, repeat('[', 100000)) LIKE '%strange%';
SELECT pg_temp.errors(200, jsonb_build_object('data', jsonb_agg(pg_temp.hook('m-' || i)))::text) FROM generate_series(1, 1001) i;
SELECT pg_temp.errors(200, '{"data": [], "pagination": {"total": "many"}}');
SELECT pg_temp.errors(200, '{"data": [], "pagination": {"total": 1e400}}');
UPDATE webchatt.hub_reconciliation SET list_offset = 10050, listed = '[]';
SELECT pg_temp.errors(200, (SELECT jsonb_build_object('data', jsonb_agg(pg_temp.hook('o' || i, more => '{"label": "x"}'))) FROM generate_series(1, 50) i)::text);
-- the pause: doubled up to five minutes, or what the hub asks for
UPDATE webchatt.hub_reconciliation SET tries = 0;
SELECT pg_temp.errors(503, '', '', 7000);
SELECT not_before - now() FROM webchatt.hub_reconciliation;
SELECT pg_temp.errors(429, '', '', 2147483647);
SELECT not_before - now() FROM webchatt.hub_reconciliation;
UPDATE webchatt.hub_reconciliation SET tries = 0;
DO $$
BEGIN
	FOR i IN 0 .. 12 LOOP
		PERFORM pg_temp.errors(500);
		IF NOT (SELECT not_before - now() BETWEEN least(300, 2 ^ i) * interval '0.75 s' AND least(300, 2 ^ i) * interval '1.25 s' FROM webchatt.hub_reconciliation) THEN
			RAISE EXCEPTION 'failure % is followed by a pause of %', i, (SELECT not_before - now() FROM webchatt.hub_reconciliation);
		END IF;
	END LOOP;
END
$$;
SELECT pg_temp.call();
-- the first success after it has the logs looked at
SELECT pg_temp.rest();
UPDATE webchatt.hub_webhooks SET look_at = now() + interval '4 minutes';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.page(pg_temp.hook('m-1'), pg_temp.hook('s-1', 'MessageStatus')));
SELECT pg_temp.call();
-- 401: the worker stops the hub, and nothing is asked
UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'the hub refused the API key (401)';
SELECT pg_temp.call();
ROLLBACK TO registered;

-- about one webhook: the other goes on
UPDATE webchatt.hub_webhooks SET hub_webhook_id = NULL, secret = NULL, state = 'waiting';
SELECT pg_temp.drift(VARIADIC '{}');
SELECT pg_temp.answer(400, '{"errorMessage": "endpoint must be https"}');
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT event_type, state, last_error, tries, next_try > now(), asked_at IS NULL FROM webchatt.hub_webhooks ORDER BY 1;
-- answers to a creation that are none
SELECT pg_temp.answer(201, 'null');
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT pg_temp.answer(201, '{"id": "a b", "secret": "s"}');
SELECT * FROM pg_temp.hooks;
-- a hub that makes something else of the label: by its tag it is still ours
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT pg_temp.answer(201, pg_temp.hook('m-2', more => '{"label": "WEBCHATT 0badcafe", "secret": "whsec_x"}')::text);
SELECT event_type, label FROM webchatt.hub_webhooks WHERE hub_id IS NOT NULL ORDER BY 1;
SELECT pg_temp.call();
SELECT pg_temp.answer(201, pg_temp.hook('s-2', 'MessageStatus', '{"label": "WEBCH", "secret": "whsec_x"}')::text);
SELECT event_type, state, hub_webhook_id, last_error, next_try - now() FROM webchatt.hub_webhooks ORDER BY 1;
ROLLBACK TO registered;
-- the worker could not take an answer in
SELECT pg_temp.drift(pg_temp.hook('m-1'));
SELECT webchatt._hub_failed(:h, 'out of luck');
SELECT * FROM pg_temp.hooks;
SELECT not_before > now(), asked FROM webchatt.hub_reconciliation;
ROLLBACK TO registered;

-- repair ------------------------------------------------------------------

-- several attempts of a message are one event; what is here, or was rejected, is not asked for
SELECT webchatt.set_webhook_secret(:c, NULL);
SELECT webchatt.ingest('{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"here","from":"v","content":{"text":"x"}}');
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, sqlstate, reason) VALUES (:c, 'Message', 'rejected', '{}', 'P0001', 'no');
SELECT pg_temp.look(pg_temp.log('l4', 'b', '2026-01-04'), pg_temp.log('l3', 'a', '2026-01-03', '{"statusCode": 503, "responseBody": "busy\n"}'), pg_temp.log('l2', 'a', '2026-01-02'),
	pg_temp.log('l1', 'here'), pg_temp.log('l0', 'rejected'), pg_temp.log('ok', 'c', more => '{"status": "Success", "statusCode": 200}'));
SELECT * FROM pg_temp.broken;
SELECT hub, event_type, last_look = now(), next_look - now(), found, already_here, asked, repaired, waiting, given_up, last_error FROM webchatt.repair;
-- asked for; lineage
SELECT pg_temp.answer(200, '{"results": [{"webhookLogId": "l3", "success": true, "newLogId": "n3"}, {"webhookLogId": "l4", "success": false}, {"webhookLogId": "l9", "success": true, "newLogId": "n9"}, 7, {}]}');
SELECT * FROM pg_temp.broken WHERE state <> 'repaired';
-- it came
SELECT webchatt.ingest('{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"a","from":"v","content":{"text":"x"}}');
SELECT pg_temp.call();
SELECT * FROM pg_temp.broken WHERE state <> 'repaired';
-- the other fails with an answer that counts, again and again: five times and no more
SELECT pg_temp.again(500, n) FROM generate_series(1, 6) n;
SELECT found, already_here, asked, repaired, waiting, given_up, last_error FROM webchatt.repair WHERE event_type = 'Message';
ROLLBACK TO registered;
-- what did not reach us does not count; then one at a time, with a pause
SELECT pg_temp.look(pg_temp.log('l2', 'b', '2026-01-02'), pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(200, '{"results": [{"webhookLogId": "l1", "success": true, "newLogId": "n1"}, {"webhookLogId": "l2", "success": true, "newLogId": "n2"}]}');
UPDATE webchatt.repairs SET asked_at = asked_at - interval '1 s';
UPDATE webchatt.hub_webhooks SET look_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.page(pg_temp.log('n2', 'b', '2026-01-04'), pg_temp.log('n1', 'a', '2026-01-03')));
SELECT * FROM pg_temp.broken;
SELECT repair_pause, repair_at - now() FROM webchatt.hub_webhooks WHERE event_type = 'Message';
SELECT pg_temp.call();
UPDATE webchatt.hub_webhooks SET repair_at = now(), look_at = now() + interval '5 minutes';
UPDATE webchatt.hub_reconciliation SET retry_at = NULL;
SELECT pg_temp.call();
SELECT webchatt.set_webhook_secret(:c, NULL);
SELECT webchatt.ingest('{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"a","from":"v","content":{"text":"x"}}');
SELECT pg_temp.answer(200, '{"results": [{"webhookLogId": "n1", "success": true, "newLogId": "n11"}]}');
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT repair_pause FROM webchatt.hub_webhooks WHERE event_type = 'Message';
ROLLBACK TO registered;
-- what our own door refused for good
SELECT pg_temp.look(pg_temp.log('l1', 'a', more => '{"statusCode": 404, "responseBody": "{\"errorCode\":\"unknown_channel\"}"}'), pg_temp.log('l2', 'b', more => '{"statusCode": 404, "responseBody": "nginx"}'));
SELECT * FROM pg_temp.broken;
ROLLBACK TO registered;
-- statuses: each log an event, unless the hub names the delivery; repaired when it does not fail again
SELECT pg_temp.look_at_statuses(pg_temp.log('l4', 'a', '2026-01-04', '{"deliveryId": "d"}'), pg_temp.log('l3', 'a', '2026-01-03', '{"deliveryId": "d"}'), pg_temp.log('l2', 'a', '2026-01-02'), pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(200, '{"results": [{"webhookLogId": "l1", "success": true, "newLogId": "n1"}, {"webhookLogId": "l2", "success": true, "newLogId": "n2"}, {"webhookLogId": "l4", "success": true, "newLogId": "n4"}]}');
-- too soon to tell
SELECT pg_temp.look_at_statuses(VARIADIC '{}');
UPDATE webchatt.repairs SET asked_at = asked_at - interval '61 s';
SELECT pg_temp.look_at_statuses(pg_temp.log('n2', 'a', '2026-01-06', '{"statusCode": 500}'));
SELECT * FROM pg_temp.broken;
ROLLBACK TO registered;
-- pages: down to the last look, less ten minutes; the hub's clock is its own
UPDATE webchatt.hub_webhooks SET log_seen = '2026-01-01 12:00+00';
SELECT pg_temp.rest();
UPDATE webchatt.hub_webhooks SET look_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.log_page(1, 50, '2026-01-01 13:00+00', '-1 min'));
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.log_page(51, 100, '2026-01-01 13:00+00', '-1 min'));
SELECT left(pg_temp.call(), 80);
SELECT log_seen AT TIME ZONE 'UTC', looked_at = now() FROM webchatt.hub_webhooks WHERE event_type = 'Message';
SELECT count(*), min(failed_at) AT TIME ZONE 'UTC', count(*) FILTER (WHERE state = 'asked') FROM webchatt.repairs;
ROLLBACK TO registered;
-- wanted again while it is read (webchatt-net was away): another look follows it
UPDATE webchatt.hub_webhooks SET look_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
UPDATE webchatt.hub_webhooks SET look_at = NULL WHERE event_type = 'Message';
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
SELECT pg_temp.answer(200, :'empty');
SELECT pg_temp.call();
ROLLBACK TO registered;
-- the oldest first: all of it has to be read
UPDATE webchatt.hub_webhooks SET log_seen = '2026-01-01 12:00+00', look_at = now() WHERE event_type = 'Message';
SELECT pg_temp.call();
SELECT pg_temp.answer(200, pg_temp.log_page(1, 50, '2025-01-01 13:00+00', '1 min'));
SELECT pg_temp.call();
ROLLBACK TO registered;
-- times of all kinds
SELECT webchatt._time_in(e) AT TIME ZONE 'UTC' FROM unnest(ARRAY['{"createdDate": "2026-01-01T00:00:00.123Z"}', '{"createdDate": "2026-01-01T00:00:00+02:00"}', '{"createdDate": 1700000000}', '{"createdDate": 1700000000123}',
	'{"createdDate": "soon", "sendAt": "2026-01-01"}', '{"createdDate": "infinity"}', '{"createdDate": null}', '{"createdDate": {}}', '{"createdDate": 1e300}', '{"createdDate": "2026-01-01 BC"}', '{}']::jsonb[]) e;
-- strange logs
SELECT pg_temp.strange(b) FROM unnest(ARRAY['', '7', '{"data": 7}', '{"data": [7]}', '{"data": [{"id": 7}]}', '{"data": [{"id": "a/b"}]}', '{"data": [{"id": ".."}]}', '{"data": [{}]}', '{"data": [', '{"data": ["\u0000"]}',
	'{"data": [{"id": "a", "statusCode": "many", "messageId": 7, "deliveryId": [], "responseBody": {"a": "b"}, "createdDate": "x"}], "pagination": 7}']) b;
SELECT event_type, event_key, message_id, delivery_id, status_code, answer, state FROM webchatt.repairs;
SELECT pg_temp.strange(pg_temp.log_page(1, 1001, now(), '-1 s'));
SELECT pg_temp.strange('', 404);
SELECT pg_temp.strange('{"errorMessage": "status is not one"}', 400);
SELECT log_word FROM webchatt.hub_reconciliation;
SELECT pg_temp.strange('{"errorMessage": "status is not one"}', 400);
SELECT log_word FROM webchatt.hub_reconciliation;
ROLLBACK TO registered;
-- a hub that refuses many at a time is asked one by one; a log that is gone is given up
SELECT pg_temp.look(pg_temp.log('l2', 'b', '2026-01-02'), pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(404);
SELECT * FROM pg_temp.broken;
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT pg_temp.answer(404);
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT pg_temp.answer(200, '{"success": true, "newLogId": "n2"}');
SELECT * FROM pg_temp.broken;
-- no answer: nobody's try is used up
ROLLBACK TO registered;
SELECT pg_temp.look(pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(0, '', 'timed out');
SELECT * FROM pg_temp.broken;
SELECT repair_error FROM webchatt.hub_reconciliation;
SELECT DISTINCT last_error FROM webchatt.repair;
ROLLBACK TO registered;
-- strange answers to a call for retries
SELECT pg_temp.look(pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(200, 'null');
SELECT state, tries FROM webchatt.repairs;
SELECT pg_temp.rest();
SELECT pg_temp.call();
SELECT pg_temp.answer(200, '{"newLogId": "../x", "success": "maybe"}');
SELECT state, tries, new_log_id FROM webchatt.repairs;
ROLLBACK TO registered;
-- refused as wrongly signed, for longer than an answer takes: another secret is asked for, once an hour
UPDATE webchatt.hub_webhooks SET changed_at = now() - interval '1 day', looked_at = now() - interval '5 minutes', log_seen = '2026-01-01';
SELECT pg_temp.look(pg_temp.log('l1', 'a', more => '{"statusCode": 401}'));
SELECT * FROM pg_temp.hooks;
SELECT mistrusted_at = now() FROM webchatt.hub_webhooks WHERE event_type = 'Message';
ROLLBACK TO registered;
-- its webhook is gone: what failed there cannot be had
SELECT pg_temp.look(pg_temp.log('l1', 'a'));
SELECT pg_temp.answer(200, '{"results": []}');
SELECT pg_temp.drift(pg_temp.hook('s-1', 'MessageStatus'));
SELECT pg_temp.answer(404);
SELECT * FROM pg_temp.broken;
-- after thirty days it is forgotten
UPDATE webchatt.repairs SET done_at = now() - interval '31 days';
UPDATE webchatt.hub_reconciliation SET list_offset = NULL, listed = NULL, heeded = wanted, next_round = now() + interval '1 hour';
UPDATE webchatt.hub_webhooks SET state = 'verified', secret = 's', actual_endpoint = endpoint, hub_webhook_id = coalesce(hub_webhook_id, 'm-3');
SELECT pg_temp.look(VARIADIC '{}');
SELECT count(*) FROM webchatt.repairs;
ROLLBACK TO registered;

-- overdue -----------------------------------------------------------------

SELECT webchatt.send_message(:c, 'sent', text => 'x') AS sent, webchatt.send_message(:c, 'fresh', text => 'x') AS fresh, webchatt.send_message(:c, 'enqueued', text => 'x') AS enqueued,
	webchatt.send_message(:c, 'unanswered', text => 'x') AS unanswered, webchatt.send_message(:c, 'delivered', text => 'x') AS delivered \gset
UPDATE webchatt.messages SET status = CASE visitor WHEN 'enqueued' THEN 'enqueued' WHEN 'unanswered' THEN 'queued' WHEN 'delivered' THEN 'delivered' ELSE 'sent' END::webchatt.message_status,
	status_at = now() - CASE visitor WHEN 'fresh' THEN interval '1 minute' WHEN 'sent' THEN interval '3 hours' ELSE interval '2 hours' END;
INSERT INTO webchatt.overdue_candidates (channel_id, message_id, quiet_since) SELECT channel_id, id, status_at FROM webchatt.messages WHERE direction = 'out';
SELECT visitor, status, age >= interval '1 hour', reason, unanswered FROM webchatt.overdue;
UPDATE webchatt.overdue_candidates SET unanswered = 2, unanswered_at = now() - interval '1 minute', quiet_since = now() - interval '1 minute' WHERE message_id = :'unanswered';
SELECT visitor, status, reason, unanswered FROM webchatt.overdue;
SET LOCAL webchatt.overdue_after = '150 min';
SELECT visitor FROM webchatt.overdue;
SELECT overdue FROM webchatt.status;
ROLLBACK;
