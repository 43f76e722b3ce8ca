-- What a channel's widget is set to: webchatt.configure_widget().
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
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
SELECT webchatt.create_channel('Shop', ARRAY['https://www.example.com', 'https://shop.example.com', 'http://localhost:3000']) AS c \gset
SELECT webchatt.connect_hub('key', name => 'far') IS NOT NULL;
SELECT webchatt.add_channel('0190a0b0-0000-7000-8000-000000000001', hub => 'far') AS remote \gset
-- what a member is refused with
CREATE FUNCTION pg_temp.tried(settings jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT settings::text || E'\n' || pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', (SELECT id FROM webchatt.channels WHERE display_name = 'Shop'), settings))
$$;

-- nothing at first; a call changes what it names, null takes one away
SELECT webchatt.widget_settings(:'c');
SELECT webchatt.configure_widget(:'c', '{"title": "Help", "sound": true}');
SELECT webchatt.configure_widget(:'c', '{"title": "Ask us", "theme": "dark"}');
SELECT webchatt.configure_widget(:'c', '{"theme": null, "chips": null}');
SELECT webchatt.widget_settings(:'c');
SELECT webchatt.configure_widget(:'c', '{}');

-- all that there is
SELECT jsonb_pretty(webchatt.configure_widget(:'c', '{"title": "Help", "greeting": "Hello!\nHow can we help?", "theme": "auto",
	"colors": {"accent": "#7A1F5c", "on-accent": "#ffffff", "link": "var(--webchatt-text)"}, "logo": "https://cdn.example.com:8443/l.png?v=2", "position": "left", "lang": "pt-BR",
	"strings": {"write": "Ask…", "rating.sent": ""}, "proactive": [{"after": 20, "text": "Hi"}, {"after": 0, "path": "/pricing*", "text": "Hi"}],
	"questions": [{"name": "name", "label": "Your name"}, {"name": "email", "label": "E-mail", "type": "email", "required": true}], "chips": ["Where is my order?"],
	"hours": {"timeZone": "Europe/Lisbon", "weekdays": {"mon": [["09:00", "12:30"], ["12:30", "24:00"]], "sun": [["00:00", "23:59"]]}, "holidays": ["2026-12-25", "2028-02-29"], "text": "Back at nine."},
	"sound": false, "titleFlash": true, "emoji": true, "transcript": false, "rating": true, "preview": false, "hideOn": {"paths": ["/checkout*", "/"], "phones": true},
	"launcher": "#help > a[href=\"#chat\"]", "domain": "example.com"}'));
SELECT webchatt.configure_widget(:'c', (SELECT jsonb_object_agg(k, NULL) FROM jsonb_object_keys(webchatt.widget_settings(:'c')) k));

-- what is refused, by the member that is wrong
SELECT pg_temp.tried(s) FROM unnest(ARRAY['{"tittle": "x"}', '{"tittle": null}', '{"title": ""}', '{"title": " "}', '{"title": 5}', '{"title": "a\nb"}', '{"greeting": "\u0007"}',
	'{"theme": "blue"}', '{"position": true}', '{"lang": "de_DE"}', '{"colors": []}', '{"colors": {"accent": "red"}}', '{"colors": {"shadow": "#000000"}}', '{"colors": {"accent": "#000000;}"}}',
	'{"logo": "http://example.com/l.png"}', '{"logo": "https://user@example.com/l.png"}', '{"logo": "https://example.com/\")"}', '{"strings": {"a-b": "x"}}', '{"strings": {"write": null}}',
	'{"sound": "yes"}', '{"launcher": ""}']::jsonb[]) s;
SELECT split_part(pg_temp.tried(s), E'\n', 2) FROM unnest(ARRAY[
	jsonb_build_object('title', repeat('t', 51)), jsonb_build_object('greeting', repeat('g', 501)), jsonb_build_object('launcher', repeat('l', 201)),
	jsonb_build_object('strings', jsonb_build_object('write', repeat('s', 501))),
	jsonb_build_object('strings', (SELECT jsonb_object_agg('w' || i, 'x') FROM generate_series(1, 201) i))]) s;
SELECT pg_temp.tried(s) FROM unnest(ARRAY['{"proactive": {}}', '{"proactive": []}', '{"proactive": ["x"]}', '{"proactive": [{"after": 1, "text": "x"}, {"after": 1.5, "text": "x"}]}',
	'{"proactive": [{"after": 86401, "text": "x"}]}', '{"proactive": [{"after": -1, "text": "x"}]}', '{"proactive": [{"text": "x"}]}', '{"proactive": [{"after": 1, "text": "x", "path": "pricing"}]}',
	'{"proactive": [{"after": 1, "text": "x", "path": "/a?b"}]}', '{"proactive": [{"after": 1, "text": "x", "path": "/******"}]}',
	'{"questions": [{"name": "Name", "label": "x"}]}', '{"questions": [{"name": "a", "label": "x"}, {"name": "a", "label": "y"}]}', '{"questions": [{"name": "a"}]}',
	'{"questions": [{"name": "a", "label": "x", "type": "number"}]}', '{"questions": [{"name": "a", "label": "x", "required": 1}]}', '{"questions": [{"name": "a", "label": "x", "hint": "x"}]}',
	'{"chips": ["a", ""]}', '{"hideOn": {"paths": ["/a", "b"]}}', '{"hideOn": {"phones": null}}', '{"hideOn": {"tablets": true}}']::jsonb[]) s;
SELECT pg_temp.tried(s) FROM unnest(ARRAY['{"hours": {"timeZone": "Europe/Lisbon"}}', '{"hours": {"timeZone": "Europe/Lisboa", "weekdays": {"mon": [["09:00", "17:00"]]}}}',
	'{"hours": {"timeZone": "posix/UTC", "weekdays": {"mon": [["09:00", "17:00"]]}}}', '{"hours": {"timeZone": "UTC", "weekdays": {}}}', '{"hours": {"timeZone": "UTC", "weekdays": {"monday": []}}}',
	'{"hours": {"timeZone": "UTC", "weekdays": {"mon": []}}}', '{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["17:00", "09:00"]]}}}', '{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["9:00", "17:00"]]}}}',
	'{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["09:00", "17:00"], ["16:00", "18:00"]]}}}', '{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["09:00"]]}}}',
	'{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["09:00", "17:00"]]}, "holidays": ["2026-02-29"]}}', '{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["09:00", "17:00"]]}, "holidays": [20261225]}}',
	'{"hours": {"timeZone": "UTC", "weekdays": {"mon": [["09:00", "17:00"]]}, "text": ""}}',
	'{"domain": "example.org"}', '{"domain": "ample.com"}', '{"domain": "com"}', '{"domain": "https://example.com"}', '{"domain": "Example.com"}', '{"domain": "localhost"}', '{"domain": "sh_p.example.com"}']::jsonb[]) s;
-- a refusal changes nothing
SELECT webchatt.widget_settings(:'c');
SELECT pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', :'c', 'null'));
SELECT pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, NULL)', :'c'));
SELECT pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', :'c', '[]'));
SELECT pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', '0190a0b0-0000-7000-8000-000000000002', '{}'));
SELECT split_part(pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', :'remote', '{}')), E'\n', 1);
SELECT split_part(pg_temp.refusal(format('SELECT webchatt.widget_settings(%L)', :'remote')), E'\n', 1);
-- at the desk
SELECT webchatt.desk_configure_widget(jsonb_build_object('id', :'c', 'settings', '{"title": "Help"}'::jsonb));
SELECT webchatt.desk_widget_settings(jsonb_build_object('id', :'c'));
SELECT webchatt.desk_configure_widget(jsonb_build_object('id', :'c', 'settings', '{"title": null}'::jsonb));
SELECT split_part(pg_temp.refusal($$SELECT webchatt.desk_configure_widget('{}')$$), E'\n', 1);
-- all together
SELECT pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', :'c', jsonb_build_object('strings', (SELECT jsonb_object_agg('w' || i, repeat('x', 480)) FROM generate_series(1, 40) i))));
-- by hand it is no object of the size that fits, either
SELECT split_part(pg_temp.refusal($$UPDATE webchatt.channels SET widget = '[]' WHERE display_name = 'Shop'$$), E'\n', 1);
-- who may
GRANT webchatt_agent TO CURRENT_USER;
SET ROLE webchatt_agent;
SELECT split_part(pg_temp.refusal(format('SELECT webchatt.configure_widget(%L, %L)', :'c', '{}')), E'\n', 1);
RESET ROLE;
ROLLBACK;
