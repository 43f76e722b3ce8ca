-- The last hour, what there is to look at, and the settings: where no worker runs.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
LOAD 'webchatt';
BEGIN;			-- nothing of it stays for the other tests

-- a row a minute, and nothing in it
SELECT count(*), count(DISTINCT at), max(at) - min(at), count(messages_in), count(slowest_turn_ms) FROM webchatt.last_hour;
SELECT at = date_trunc('minute', at), at <= clock_timestamp(), at > clock_timestamp() - interval '62 min' FROM webchatt.last_hour GROUP BY 1, 2, 3;
SELECT jsonb_array_length(h), h -> 0 ->> 'in', h -> 0 ->> 'slowestMs', (h -> 0 ->> 'at')::timestamptz < (h -> 60 ->> 'at')::timestamptz FROM webchatt.desk_last_hour() h;

-- what there is to look at: (the disk is what it is)
SELECT what, CASE WHEN what <> 'disk' THEN level END FROM webchatt.health;
SELECT (figures ->> 'free')::bigint BETWEEN 1 AND (figures ->> 'size')::bigint, (figures ->> 'database')::bigint > 1000000 FROM webchatt.health WHERE what = 'disk';
SELECT figures - 'server' FROM webchatt.health WHERE what = 'version';
SELECT jsonb_array_length(d -> 'checks') = (SELECT count(*) FROM webchatt.health), d -> 'checks' -> 0 ->> 'level', (d ->> 'now')::timestamptz <= clock_timestamp()
	FROM webchatt.desk_health() d;
-- a hub that is stopped, what was rejected, who is held
SELECT webchatt.connect_hub('key', name => 'there') IS NULL;
UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'the hub refused the API key (401)', state_since = now() WHERE name = 'there';
SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', hub => 'there');
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, sqlstate, reason)
	VALUES ('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'Message', 'x', '{}', 'P0001', 'no');
SELECT what, level, figures #> '{hubs,there,reason}', figures -> 'rejects' FROM webchatt.health WHERE what IN ('hubs', 'rejects');
-- a webhook that is paused by itself, and one that somebody paused
SET webchatt.webhook_allowed_addresses = '127.0.0.1';
SELECT webchatt.create_webhook('mine', 'http://127.0.0.1:1/', 'Message') IS NOT NULL;
SELECT level, figures #>> '{feeds,0,state}' FROM webchatt.health WHERE what = 'feeds';
UPDATE webchatt.webhook_progress SET last_error = 'no answer';
SELECT level, figures #>> '{feeds,0,state}' FROM webchatt.health WHERE what = 'feeds';
UPDATE webchatt.webhooks SET active = false;
SELECT level, figures #>> '{feeds,0,state}' FROM webchatt.health WHERE what = 'feeds';
UPDATE webchatt.webhooks SET paused_reason = 'nothing could be delivered';
SELECT level, figures #>> '{feeds,0,state}' FROM webchatt.health WHERE what = 'feeds';

-- the settings: all of them, as they come, and no worker that would have them
SELECT count(*) = (SELECT count(*) FROM pg_settings WHERE name LIKE 'webchatt.%'), count(value), count(source), bool_or(pending) FROM webchatt.settings;
SELECT name, default_value, unit, secret, effect FROM webchatt.settings
	WHERE name ~ '[.](databases|listen|max_in_flight|hold_for|send_timeout|ca_file|max_body_size|hello_rate|idle_timeout|agent)$' ORDER BY place;
-- a number is said as in postgresql.conf
SELECT name FROM webchatt.settings JOIN pg_settings USING (name) WHERE vartype = 'integer' AND webchatt._setting_value(substr(name, 10), boot_val || coalesce(pg_settings.unit, ''))
	IS DISTINCT FROM default_value;
SELECT webchatt._setting_value('ack_timeout', v) FROM unnest(ARRAY['10000', '10s', '1min', '90s', '1500', 'x', '1 week']) v;
SELECT webchatt._setting_value('max_body_size', v) FROM unnest(ARRAY['2MB', '1025', '0']) v;
SELECT webchatt._setting_value('max_visitors', '20000'), webchatt._setting_value('listen', '*:1'), webchatt._setting_value('nothing', '1');
SELECT change FROM webchatt.settings WHERE name IN ('webchatt.databases', 'webchatt.agent');
SELECT change = format('ALTER DATABASE %I SET webchatt.listen = ''...''; SELECT pg_reload_conf();', current_database()) FROM webchatt.settings WHERE name = 'webchatt.listen';
SELECT s ->> 'name', s ->> 'section', s ->> 'default', s ->> 'what', s ->> 'pending' FROM jsonb_array_elements(webchatt.desk_settings()) s LIMIT 2;

-- the widget's script with more in its configuration: nothing of it ends the attribute
SET webchatt.public_url = 'https://chat.example.com';
SELECT webchatt.create_channel('Shop', '{https://www.example.com}') AS shop \gset
UPDATE webchatt.channels SET public_key = repeat('K', length(public_key)) WHERE id = :'shop';
SELECT webchatt.widget_script(:'shop', '{}') = webchatt.widget_script(:'shop');
SELECT webchatt.widget_script(:'shop', '{"title": "Tea & \"Co\" ''s </script><b>", "colors": {"accent": "#7a1f5c", "on-accent": "#ffffff", "link": "var(--webchatt-text)"}, "position": "left", "lang": "pt-BR", "theme": "dark", "dir": "rtl",
	"greeting": "\u00e9\ud83c\udf75\n--> ]]>", "strings": {"send": "Go"}, "attributes": {"plan": "''"}}');
SELECT webchatt.desk_widget_script(jsonb_build_object('id', :'shop', 'config', '{"title": "Help"}'::jsonb));
CREATE FUNCTION pg_temp.refusal(config jsonb, channel uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	RETURN webchatt.widget_script(channel, config);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' HINT: ', sqlstate || ' ' || sqlerrm, nullif(hint, ''));
END
$$;
SELECT pg_temp.refusal(config::jsonb, :'shop') FROM unnest(ARRAY['[]', '"x"', '{"webChatId": "x"}', '{"colors": "red"}', '{"colors": {"accent": 1}}', '{"colors": {"accent": "#12345g"}}', '{"colors": {"x;y": "#123456"}}', '{"colors": {"link": "url(//x)"}}', '{"title": ""}',
	'{"title": null}', '{"title": ["x"]}', '{"position": "top"}', '{"theme": "blue"}', '{"dir": "up"}', '{"lang": "english!"}', '{"strings": "x"}', '{"strings": {"send": 1}}']) config;
SELECT pg_temp.refusal(jsonb_build_object('title', repeat('x', 51)), :'shop'), pg_temp.refusal(jsonb_build_object('greeting', repeat('x', 501)), :'shop');
SELECT pg_temp.refusal(NULL, :'shop');
SELECT pg_temp.refusal('{}', '6cbd6789-1d2b-47e0-9391-5eb91d2839ea');

-- whom it is for
CREATE ROLE regress_webchatt_agent IN ROLE webchatt_agent;
SET LOCAL ROLE regress_webchatt_agent;
SELECT count(*) FROM webchatt.last_hour;
SAVEPOINT s;
SELECT * FROM webchatt.health;
ROLLBACK TO s;
SELECT * FROM webchatt.settings;
ROLLBACK TO s;
SELECT webchatt.desk_health();
ROLLBACK TO s;
SELECT webchatt.desk_settings();
ROLLBACK TO s;
SELECT webchatt.desk_widget_script('{}');
ROLLBACK;
