-- Rejects, and an application's triggers: they run as webchatt_worker.
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
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c);
SET LOCAL client_min_messages = error;
SELECT webchatt.set_webhook_secret(:c, NULL);

CREATE SCHEMA shop;
CREATE TABLE shop.journal (line text);
CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO shop.journal VALUES (format('%s as %s in %s', new.content ->> 'text', current_user, current_setting('search_path')));
	RETURN NULL;
END
$$;
CREATE TRIGGER note AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION shop.note();
CREATE FUNCTION pg_temp.event(n int) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea","messageId":"m%s","from":"v","content":{"text":"text %s"}}', n, n);
$$;

-- webchatt_worker may not
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', pg_temp.event(1)));
SELECT count(*) FROM webchatt.messages;
-- the first way: a grant
GRANT USAGE ON SCHEMA shop TO webchatt_worker;
GRANT INSERT ON shop.journal TO webchatt_worker;
SELECT webchatt.ingest(pg_temp.event(1));
-- the second: the function runs as its owner
REVOKE ALL ON shop.journal FROM webchatt_worker;
REVOKE ALL ON SCHEMA shop FROM webchatt_worker;
ALTER FUNCTION shop.note() SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
SELECT webchatt.ingest(pg_temp.event(2));
SELECT replace(line, session_user, 'the owner') FROM shop.journal ORDER BY line;

-- a trigger that answers; what is sent goes by the same role, whoever sends
CREATE FUNCTION shop.answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 'Thank you for ' || (new.content ->> 'text'), dedupe_key => new.hub_message_id);
	RETURN NULL;
END
$$;
CREATE TRIGGER answer AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION shop.answer();
SELECT webchatt.ingest(pg_temp.event(3));
SELECT direction, content ->> 'text' FROM webchatt.messages ORDER BY id;

-- one that raises: ingest() raises it too, the worker keeps the event
CREATE FUNCTION shop.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'not today' USING HINT = 'Come back tomorrow.';
END
$$;
CREATE TRIGGER refuse AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.content ->> 'text' = 'text 4') EXECUTE FUNCTION shop.refuse();
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', pg_temp.event(4)));
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason, hint)
	VALUES (:c, 'Message', 'm4', 'v', pg_temp.event(4), 'P0001', 'not today', 'Come back tomorrow.') RETURNING id AS reject \gset
SELECT pg_temp.refusal(format('SELECT webchatt.retry_reject(%s)', :reject));
SELECT event_type, event_key, visitor, sqlstate, reason, hint, tries FROM webchatt.rejects;
DROP TRIGGER refuse ON webchatt.messages;
SELECT webchatt.retry_reject(:reject);
SELECT count(*) FROM webchatt.rejects;
SELECT direction, content ->> 'text' FROM webchatt.messages WHERE content ->> 'text' LIKE '%4' ORDER BY id;
SELECT left(pg_temp.refusal(format('SELECT webchatt.retry_reject(%s)', :reject)), 5);
SELECT pg_temp.refusal('SELECT webchatt.retry_reject(0)');
SELECT webchatt.retry_reject(NULL) IS NULL;
-- one that was stored meanwhile is a repeat, and no reject any more
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason)
	VALUES (:c, 'Message', 'm4', 'v', pg_temp.event(4), 'P0001', 'not today') RETURNING id AS reject \gset
SELECT webchatt.retry_reject(:reject), (SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'm4');
SELECT count(*) FROM webchatt.rejects;
-- a status
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, sqlstate, reason)
	VALUES (:c, 'MessageStatus', 'h1 read', '{"eventType":"MessageStatus","messageId":"h1","status":"read"}', 'P0001', 'not today') RETURNING id AS reject \gset
SELECT webchatt.retry_reject(:reject);
SELECT hub_message_id, status FROM webchatt.early_statuses;
SELECT count(*) FROM webchatt.rejects;
ROLLBACK;
