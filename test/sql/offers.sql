-- Buttons and lists: what a visitor could not answer is not offered, by the limits that the door holds replies to.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
CREATE FUNCTION pg_temp.sent(channel uuid, visitor text, content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM webchatt.send_message(channel, visitor, content::jsonb);
	RETURN 'sent';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s | %s | %s', SQLSTATE, message, detail, hint);
END $$;
BEGIN;
SELECT webchatt.create_channel('Shop', ARRAY['https://shop.example']) AS channel \gset
\set v '''01a206db-149d-7000-8199-51c107a6ffef'''
INSERT INTO webchatt.visitors (channel_id, id) VALUES (:'channel', :v);
SELECT webchatt.connect_hub('key', name => 'remote');
SELECT webchatt.add_channel('00000000-0000-0000-0000-0000000000bb', hub => 'remote');
CREATE FUNCTION pg_temp.buttons(VARIADIC options text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"interactive": {"type": "button", "body": {"text": "Which?"}, "action": {"buttons": [%s]}}}', array_to_string(options, ', '))
$$;
CREATE FUNCTION pg_temp.rows(VARIADIC options text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('{"type": "interactive", "interactive": {"type": "list", "action": {"button": "Choose", "sections": [{"rows": []}, {"title": "Two", "rows": [%s]}]}}}', array_to_string(options, ', '))
$$;
SELECT what, pg_temp.sent(:'channel', :v, content) FROM (VALUES
	('good ones', pg_temp.buttons('{"type": "reply", "reply": {"id": "a", "title": "A"}}', '{"id": "b", "title": "B"}')),
	('just fits', pg_temp.buttons(format('{"id": "%s", "title": "%s"}', repeat('i', 256), repeat('é', 128)))),
	('a title of 300 bytes', pg_temp.buttons('{"id": "a", "title": "A"}', format('{"type": "reply", "reply": {"id": "b", "title": "%s"}}', repeat('x', 300)))),
	('a title of 258 bytes', pg_temp.buttons(format('{"id": "a", "title": "%s"}', repeat('é', 129)))),
	('an id too long', pg_temp.buttons(format('{"id": "%s", "title": "A"}', repeat('x', 257)))),
	('a blank title', pg_temp.buttons('{"id": "a", "title": " \u00a0\u3000"}')),
	('a blank id', pg_temp.buttons('{"id": "\t", "title": "A"}')),
	('no id', pg_temp.buttons('{"title": "A"}')),
	('an id that is no text', pg_temp.buttons('{"id": 7, "title": "A"}')),
	('no title: its id is shown', pg_temp.buttons('{"id": "a"}')),
	('what is no option', pg_temp.buttons('1', 'null', '[]')),
	('101 buttons', pg_temp.buttons(VARIADIC (SELECT array_agg(format('{"id": "%s", "title": "A"}', n)) FROM generate_series(1, 101) n))),
	('100 buttons', pg_temp.buttons(VARIADIC (SELECT array_agg(format('{"id": "%s", "title": "A"}', n)) FROM generate_series(1, 100) n))),
	('a good list', pg_temp.rows('{"id": "a", "title": "A", "description": "d"}')),
	('a row''s title', pg_temp.rows(format('{"id": "a", "title": "%s"}', repeat('x', 257)))),
	('a row''s description', pg_temp.rows('{"id": "a", "title": "A"}', format('{"id": "b", "title": "B", "description": "%s"}', repeat('x', 1025)))),
	('a blank one', pg_temp.rows('{"id": "a", "title": "A", "description": "  "}')),
	('one that just fits', pg_temp.rows(format('{"id": "b", "title": "B", "description": "%s"}', repeat('x', 1024)))),
	('101 rows', pg_temp.rows(VARIADIC (SELECT array_agg(format('{"id": "%s", "title": "A"}', n)) FROM generate_series(1, 101) n))),
	('101 sections', format('{"interactive": {"action": {"sections": [%s]}}}', (SELECT string_agg('{}', ',') FROM generate_series(1, 101)))),
	('odd shapes', '{"interactive": {"type": "button"}}'), ('more of them', '{"interactive": [], "text": "x"}'),
	('and more', '{"interactive": {"action": {"buttons": {"id": 1}, "sections": [1, {"rows": 2}]}}}'),
	('a description of a button comes back in no reply', pg_temp.buttons(format('{"id": "a", "title": "A", "description": "%s"}', repeat('x', 2000))))
) AS c (what, content);
-- another hub's rules are its own
SELECT pg_temp.sent('00000000-0000-0000-0000-0000000000bb', 'v', pg_temp.buttons(format('{"id": "a", "title": "%s"}', repeat('x', 300))));
ROLLBACK;
