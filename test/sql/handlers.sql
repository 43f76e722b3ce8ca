-- Functions that are called for each message and status: who may register, as whom they run, in which order.
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
\set d '''6cbd6789-1d2b-47e0-9391-5eb91d283900'''
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c), webchatt.add_channel(:d);
SET LOCAL client_min_messages = error;
SELECT webchatt.set_webhook_secret(:c, NULL), webchatt.set_webhook_secret(:d, NULL);
CREATE FUNCTION pg_temp.event(n text, channel text) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"eventType":"Message","channelId":"%s","messageId":"m%s","from":"v","content":{"text":"text %s"}}', channel, n, n);
$$;
CREATE ROLE regress_webchatt_shop;
CREATE ROLE regress_webchatt_ana IN ROLE webchatt_admin, regress_webchatt_shop;
CREATE ROLE regress_webchatt_bea IN ROLE webchatt_admin;
GRANT USAGE ON SCHEMA webchatt TO regress_webchatt_shop;
CREATE SCHEMA shop AUTHORIZATION regress_webchatt_shop;
GRANT USAGE ON SCHEMA shop TO regress_webchatt_bea;
SET LOCAL ROLE regress_webchatt_shop;
CREATE TABLE shop.journal (n int GENERATED ALWAYS AS IDENTITY, line text);
CREATE FUNCTION shop.note(message webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO shop.journal (line) VALUES (format('%s %s as %s in %s', message.direction, message.content ->> 'text', current_user, current_setting('search_path')));
END
$$;
CREATE FUNCTION shop.afterwards(message webchatt.messages) RETURNS void LANGUAGE sql AS $$
	INSERT INTO shop.journal (line) VALUES ('then ' || (message.content ->> 'text'))
$$;
CREATE FUNCTION shop.status(s webchatt.statuses) RETURNS void LANGUAGE sql SET search_path = shop AS $$
	INSERT INTO journal (line) VALUES ('status ' || s.status)
$$;
CREATE FUNCTION shop.wrong(message jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION shop.wrong(message webchatt.messages) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.refuse(message webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'not today' USING HINT = 'Come back tomorrow.';
END
$$;
RESET ROLE;

-- who may
SET LOCAL ROLE regress_webchatt_shop;
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.note(webchatt.messages)')$$);
SET LOCAL ROLE regress_webchatt_bea;
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.note(webchatt.messages)')$$);
SELECT pg_temp.refusal($$INSERT INTO webchatt.registrations (event, schema_name, function_name, direction, owner) VALUES ('message', 'shop', 'note', 'in', 'x')$$);
SET LOCAL ROLE regress_webchatt_ana;
SELECT webchatt.on_message('shop.note(webchatt.messages)', NULL) AS note \gset
SELECT webchatt.on_message('shop.note(webchatt.messages)', NULL) = :note;
SELECT webchatt.on_message('shop.afterwards(webchatt.messages)', channel => :c) AS afterwards \gset
SELECT webchatt.on_status('shop.status(webchatt.statuses)') AS status \gset
-- what not
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.wrong(jsonb)')$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.wrong(webchatt.messages)')$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_status('shop.note(webchatt.messages)')$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.note(webchatt.messages)', 'sideways')$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_message('shop.note(webchatt.messages)', channel => '00000000-0000-0000-0000-000000000009')$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_message(NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.on_message(0)$$);
CREATE FUNCTION pg_temp.note(webchatt.messages) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
SELECT regexp_replace(pg_temp.refusal($$SELECT webchatt.on_message('pg_temp.note(webchatt.messages)')$$), 'pg_temp_[0-9]+', 'pg_temp');
SELECT event, function, direction, channel_id, owner, problem FROM webchatt.handlers;
RESET ROLE;

-- as their owner, in their order, with a search_path of ours; in and out, one channel or all
SELECT webchatt.ingest(pg_temp.event('1', :c));
SELECT webchatt.ingest(pg_temp.event('1', :c));
SELECT webchatt.ingest(pg_temp.event('2', :d));
SELECT webchatt.send_message(:c, 'v', text => 'out') AS id \gset
SELECT webchatt.cancel_message(:c, :'id');
SELECT line FROM shop.journal ORDER BY n;
-- also what is inserted by hand
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES (:d, gen_random_uuid(), 'v', 'in', 'received', '{"text": "by hand"}');
SELECT line FROM shop.journal ORDER BY n DESC LIMIT 1;
-- by a superuser: then it leaves nothing in their session
SET LOCAL ROLE regress_webchatt_shop;
CREATE FUNCTION shop.trap(message webchatt.messages) RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE trap (n int); END';
SET LOCAL ROLE regress_webchatt_ana;
SELECT webchatt.on_message('shop.trap(webchatt.messages)') AS trap \gset
RESET ROLE;
SELECT pg_temp.refusal(format('INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES (%L, gen_random_uuid(), %L, %L, %L, %L)', :d, 'v', 'in', 'received', '{}'));
SELECT webchatt.remove_handler(:trap);
-- but not what a dump brings back
SELECT set_config('search_path', '', true);
SET LOCAL check_function_bodies = off;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content) VALUES (:d, pg_catalog.gen_random_uuid(), 'v', 'in', 'received', '{"text": "from a dump"}');
RESET search_path;
RESET check_function_bodies;
SELECT line FROM shop.journal ORDER BY n DESC LIMIT 1;

-- one that raises, one that is gone, one of the same name that is somebody else's
SET LOCAL ROLE regress_webchatt_ana;
SELECT webchatt.on_message('shop.refuse(webchatt.messages)') AS refuse \gset
RESET ROLE;
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', pg_temp.event('3', :c)));
SAVEPOINT s;
DROP FUNCTION shop.refuse(webchatt.messages);
SELECT regexp_replace(pg_temp.refusal(format('SELECT webchatt.ingest(%L)', pg_temp.event('3', :c))), '(number |handler\()[0-9]+', '\1N', 'g');
SELECT function, problem FROM webchatt.handlers WHERE problem IS NOT NULL;
CREATE ROLE regress_webchatt_stranger;
CREATE FUNCTION shop.refuse(message webchatt.messages) RETURNS void LANGUAGE sql AS 'SELECT';
ALTER FUNCTION shop.refuse(webchatt.messages) OWNER TO regress_webchatt_stranger;
SELECT function, problem FROM webchatt.handlers WHERE problem IS NOT NULL;
ALTER FUNCTION shop.refuse(webchatt.messages) OWNER TO regress_webchatt_bea;
SELECT function, problem FROM webchatt.handlers WHERE problem IS NOT NULL;
SELECT webchatt.ingest(pg_temp.event('3', :c));
ROLLBACK TO s;
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', pg_temp.event('4', :c)));
SELECT webchatt.remove_handler(:refuse), webchatt.remove_handler(:refuse);
SELECT webchatt.ingest(pg_temp.event('4', :c));
SELECT line FROM shop.journal ORDER BY n DESC LIMIT 2;

-- what others hang on our tables
SELECT * FROM webchatt.extras;
CREATE FUNCTION shop.trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER one AFTER INSERT ON webchatt.messages FOR EACH ROW WHEN (new.direction = 'in') EXECUTE FUNCTION shop.trigger('x');
CREATE TRIGGER two AFTER INSERT ON webchatt.statuses FOR EACH STATEMENT EXECUTE FUNCTION shop.trigger();
ALTER TABLE webchatt.statuses DISABLE TRIGGER two;
CREATE INDEX by_text ON webchatt.messages USING gin (content) WHERE direction = 'in';
ALTER TABLE webchatt.visitors ADD CONSTRAINT adult CHECK (coalesce((attributes ->> 'age')::int, 18) >= 18);
CREATE POLICY few ON webchatt.messages AS RESTRICTIVE FOR UPDATE TO regress_webchatt_ana, regress_webchatt_bea USING (visitor = 'v') WITH CHECK (true);
ALTER TABLE webchatt.messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE webchatt.messages SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_enabled = off);
ALTER TABLE webchatt.messages ALTER COLUMN visitor SET STATISTICS 500;
CREATE RULE nothing AS ON DELETE TO webchatt.visitors DO INSTEAD NOTHING;
CREATE PUBLICATION regress_webchatt FOR TABLE webchatt.statuses;
SELECT kind, relation, name, statement FROM webchatt.extras;
ROLLBACK;
