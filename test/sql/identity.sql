-- Which user of the site a visitor is: secrets, tokens, attributes, joining.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || regexp_replace(message, '[0-9a-f]{8}-[0-9a-f-]{27}', '(uuid)', 'g'), 'HINT: ' || nullif(hint, ''));
END
$$;
SELECT '''' || webchatt.create_channel('Shop', '{https://www.example.com}') || '''' AS c \gset
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea') IS NOT NULL;

-- secrets
SELECT identity FROM webchatt.channels WHERE id = :c;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[
	format('SELECT webchatt.set_identity(%L, %L)', :c, 'required'),
	format('SELECT webchatt.set_identity(%L, %L)', :c, 'perhaps'),
	format('SELECT webchatt.set_identity(%L, NULL)', :c),
	format('SELECT webchatt.set_identity_secret(%L, %L)', :c, 'short'),
	format('SELECT webchatt.set_identity_secret(%L, %L)', :c, repeat('x', 40) || ' '),
	format('SELECT webchatt.set_identity_secret(%L, keep_old => %L)', :c, '-1 s'),
	'SELECT webchatt.set_identity_secret(gen_random_uuid())',
	'SELECT webchatt.set_identity_secret(''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'')',
	format('SELECT webchatt.identity_token(%L, %L)', :c, '1')]) s;
SELECT webchatt.set_identity_secret(:c) ~ '^wis_[A-Za-z0-9_-]{43}$';
SELECT identity FROM webchatt.channels WHERE id = :c;
SELECT webchatt.set_identity_secret(:c, repeat('k', 32), keep_old => '1 hour');
SELECT secret, old_secret ~ '^wis_', old_secret_until = now() + '1 hour' FROM webchatt.identity_secrets WHERE channel_id = :c;
-- the same again changes nothing
SELECT webchatt.set_identity_secret(:c, repeat('k', 32), keep_old => '9 hours');
SELECT secret, old_secret ~ '^wis_', old_secret_until = now() + '1 hour' FROM webchatt.identity_secrets WHERE channel_id = :c;
SELECT webchatt.set_identity_secret(:c, repeat('n', 32), keep_old => '0');
SELECT secret, old_secret FROM webchatt.identity_secrets WHERE channel_id = :c;
SELECT webchatt.set_identity(:c, 'required');
SELECT identity FROM webchatt.channels WHERE id = :c;

-- tokens: the HMAC of "a.b" with the key "k", by another program
SELECT encode(webchatt._sign('k', 'a', 'b'), 'hex');
SELECT t[1], cardinality(t), (SELECT jsonb_object_agg(k, v) - 'exp' FROM jsonb_each(convert_from(decode(rpad(translate(t[2], '-_', '+/'), (length(t[2]) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb) j (k, v)),
	t[3] = webchatt._base64url(webchatt._sign(repeat('n', 32), t[1], t[2]))
FROM string_to_array(webchatt.identity_token(:c, 'user "7" ☕', '1 day', name => 'Ana', avatar => 'https://example.com/a.png'), '.') t;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[
	format('SELECT webchatt.identity_token(%L, NULL)', :c),
	format('SELECT webchatt.identity_token(%L, %L)', :c, ''),
	format('SELECT webchatt.identity_token(%L, %L)', :c, repeat('x', 256)),
	format('SELECT webchatt.identity_token(%L, %L)', :c, E'a\nb'),
	format('SELECT webchatt.identity_token(%L, %L, %L)', :c, '1', '0'),
	format('SELECT webchatt.identity_token(%L, %L, %L)', :c, '1', '2 years'),
	format('SELECT webchatt.identity_token(%L, %L, NULL)', :c, '1')]) s;
-- a year of 366 days of 24 hours, also where clocks are put forward and back, and however it is said
CREATE FUNCTION pg_temp.good_for(channel uuid, valid_for interval) RETURNS boolean LANGUAGE sql AS $$
	SELECT (convert_from(decode(rpad(translate(t[2], '-_', '+/'), (length(t[2]) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'exp')::bigint
		BETWEEN floor(extract(epoch FROM now() AT TIME ZONE 'UTC' + valid_for)) AND floor(extract(epoch FROM clock_timestamp())) + 366 * 86400
	FROM string_to_array(webchatt.identity_token(channel, '1', valid_for), '.') t
$$;
SELECT z.n, set_config('TimeZone', z.n, true) IS NOT NULL, pg_temp.good_for(:c, '366 days'), pg_temp.good_for(:c, '8784 hours'), pg_temp.good_for(:c, '1 year'), pg_temp.good_for(:c, '1 second'),
	pg_temp.refusal(format('SELECT webchatt.identity_token(%L, %L, %L)', :c, '1', '366 days 1 second')), pg_temp.refusal(format('SELECT webchatt.identity_token(%L, %L, %L)', :c, '1', '1 year 6 days'))
FROM unnest('{UTC,America/New_York,Australia/Lord_Howe,Asia/Tokyo}'::text[]) z (n);
RESET TimeZone;

-- the site's role may be given the token, and not the secret
CREATE ROLE regress_webchatt_site;
GRANT USAGE ON SCHEMA webchatt TO regress_webchatt_site;
SET LOCAL ROLE regress_webchatt_site;
SELECT pg_temp.refusal(format('SELECT webchatt.identity_token(%L, %L)', :c, '1'));
RESET ROLE;
GRANT EXECUTE ON FUNCTION webchatt.identity_token(uuid, text, interval, text, text, text) TO regress_webchatt_site;
SET LOCAL ROLE regress_webchatt_site;
SELECT webchatt.identity_token(:c, '1') ~ '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]{43}$';
SELECT pg_temp.refusal('SELECT secret FROM webchatt.identity_secrets');
SELECT pg_temp.refusal(format('SELECT webchatt._sign(%L, %L, %L)', 'a', 'b', 'c'));
RESET ROLE;
SET LOCAL ROLE webchatt_agent;
SELECT pg_temp.refusal('SELECT secret FROM webchatt.identity_secrets');
SELECT pg_temp.refusal(format('SELECT webchatt.identity_token(%L, %L)', :c, '1'));
SELECT pg_temp.refusal(format('SELECT webchatt.set_identity_secret(%L)', :c));
RESET ROLE;
SET LOCAL ROLE webchatt_admin;
SELECT pg_temp.refusal('SELECT secret FROM webchatt.identity_secrets');
RESET ROLE;

-- what a page says of attributes
SELECT m.* FROM (VALUES
	('{"plan": "free"}'::jsonb, '{"plan": "free"}'::jsonb, '{"plan": "pro", "city": "Porto"}'::jsonb),
	('{"plan": "gold"}', '{"plan": "free"}', '{"plan": "pro"}'),
	('{"vip": true}', '{}', '{"vip": "yes"}'),
	('{"plan": "free", "vip": 1}', '{"plan": "free"}', '{"plan": null, "vip": null, "none": null}'),
	('{}', '{}', jsonb_build_object('long', repeat('x', 2100), 'short', 'y'))) x (a, g, n),
	LATERAL webchatt._merge_attributes(x.a, x.g, x.n) m;
SELECT (SELECT count(*) FROM jsonb_object_keys(m.merged_given))
FROM webchatt._merge_attributes('{}', '{}', (SELECT jsonb_object_agg('n' || n, n::text) FROM generate_series(1, 30) n)) m;

-- joining: a, without a name, turns out to be the user whose visitor is v
INSERT INTO webchatt.visitors (channel_id, id, user_id, name, attributes, first_seen) VALUES
	(:c, 'v', 'u1', NULL, '{"plan": "free"}', now() - interval '1 day'), (:c, 'a', NULL, 'Ana', '{"plan": "pro", "city": "Porto"}', now() - interval '2 days'), (:c, 'b', NULL, NULL, '{}', now());
INSERT INTO webchatt.visitor_tokens (channel_id, token_hash, visitor) SELECT :c, sha256(convert_to(x, 'UTF8')), x FROM unnest('{a,v}'::text[]) x;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id, dedupe_key) VALUES
	(:c, '01900000-0000-7000-8000-000000000001', 'v', 'in', 'received', '{"text": "one"}', 'v/1', NULL),
	(:c, '01900000-0000-7000-8000-000000000002', 'a', 'in', 'received', '{"text": "two"}', 'a/2', NULL),
	(:c, '01900000-0000-7000-8000-000000000003', 'v', 'out', 'sent', '{"text": "three"}', NULL, 'k'),
	(:c, '01900000-0000-7000-8000-000000000004', 'a', 'in', 'received', '{"text": "four"}', 'a/1', NULL),
	(:c, '01900000-0000-7000-8000-000000000005', 'a', 'out', 'held', '{"text": "five"}', NULL, 'k');
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) VALUES (:c, 'a', 5, '01900000-0000-7000-8000-000000000005');
INSERT INTO webchatt.notes (id, channel_id, visitor, text) VALUES (gen_random_uuid(), :c, 'a', 'a note');
INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason) VALUES (:c, 'Message', 'a/9', 'a', '{"from": "a"}', '22000', 'no');
SET LOCAL ROLE webchatt_worker;
SELECT * FROM webchatt._identify(:c, 'u1', 'a', sha256('a'), sha256('new'));
SELECT stays, moved, again, released, late FROM webchatt._move_joined(:c, 'a', 2);
SELECT stays, moved, again, released, late FROM webchatt._move_joined(:c, 'a', 2);
RESET ROLE;
SELECT visitor, content ->> 'text', hub_message_id, dedupe_key FROM webchatt.messages WHERE channel_id = :c ORDER BY id;
SELECT visitor, seq FROM webchatt.held WHERE channel_id = :c;
SELECT visitor, text FROM webchatt.notes WHERE channel_id = :c;
SELECT visitor, event_key FROM webchatt.rejects WHERE channel_id = :c;
SELECT id, user_id, verified, name, attributes, joined_to FROM webchatt.visitors WHERE channel_id = :c ORDER BY id;
SELECT v.id, count(*) FROM webchatt.visitor_tokens t JOIN webchatt.visitors v ON v.channel_id = t.channel_id AND v.id = t.visitor GROUP BY 1;
-- what is written to the old one later comes to the user, and what comes twice is there once
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, hub_message_id) VALUES
	(:c, '01900000-0000-7000-8000-000000000006', 'a', 'in', 'received', '{"text": "two"}', 'a/2'),
	(:c, '01900000-0000-7000-8000-000000000007', 'a', 'in', 'received', '{"text": "six"}', 'a/6');
SET LOCAL ROLE webchatt_worker;
SELECT stays, moved, again, released, late FROM webchatt._move_joined(:c, 'a', 10);
RESET ROLE;
SELECT count(*) FILTER (WHERE content ->> 'text' = 'two'), count(*) FILTER (WHERE visitor = 'a'), count(*) FROM webchatt.messages WHERE channel_id = :c;
SELECT moving, looks FROM webchatt.joins WHERE channel_id = :c;
-- what is sent to the old one under a key that the user's conversation has is not sent again, however often
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, dedupe_key) VALUES
	(:c, '01900000-0000-7000-8000-000000000008', 'a', 'out', 'held', '{"text": "three"}', 'k');
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) VALUES (:c, 'a', 8, '01900000-0000-7000-8000-000000000008');
SELECT webchatt._move_joined(:c, 'a', 10) IS NOT NULL;
INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, dedupe_key) VALUES
	(:c, '01900000-0000-7000-8000-000000000009', 'a', 'out', 'held', '{"text": "three"}', 'k'),
	(:c, '01900000-0000-7000-8000-000000000010', 'a', 'out', 'held', '{"text": "other"}', 'k2');
INSERT INTO webchatt.held (channel_id, visitor, seq, message_id) VALUES (:c, 'a', 9, '01900000-0000-7000-8000-000000000009'), (:c, 'a', 10, '01900000-0000-7000-8000-000000000010');
SELECT webchatt._move_joined(:c, 'a', 10) IS NOT NULL;
SELECT visitor, content ->> 'text', status, dedupe_key, error_message FROM webchatt.messages WHERE channel_id = :c AND direction = 'out' ORDER BY id;
SELECT visitor, seq FROM webchatt.held WHERE channel_id = :c ORDER BY seq;
-- another one, who is nobody yet, becomes a user; somebody else on a user's device does not
SET LOCAL ROLE webchatt_worker;
SELECT * FROM webchatt._identify(:c, 'u2', 'b', NULL, sha256('b2'));
SELECT * FROM webchatt._identify(:c, 'u3', 'b', sha256('b2'), sha256('b3'));
RESET ROLE;
SELECT id, user_id FROM webchatt.visitors WHERE channel_id = :c ORDER BY id;
SELECT count(*) FROM webchatt.visitor_tokens WHERE channel_id = :c AND visitor = 'b';
-- who is erased takes with them who they were
DELETE FROM webchatt.visitors WHERE channel_id = :c AND id = 'v';
SELECT id FROM webchatt.visitors WHERE channel_id = :c;
SELECT pg_temp.refusal(format('INSERT INTO webchatt.visitors (channel_id, id, user_id) VALUES (%L, %L, %L)', :c, 'x', 'u2'));
ROLLBACK;
