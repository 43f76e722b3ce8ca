-- The local hub's webhooks, from SQL and as the REST API has them.
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
-- Ids by the names that the test gives them, and nothing that is another each time.
CREATE TEMP TABLE names (id uuid, name text);
CREATE FUNCTION pg_temp.masked(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n record;
BEGIN
	FOR n IN SELECT * FROM names LOOP
		t := replace(t, n.id::text, n.name);
	END LOOP;
	t := replace(t, webchatt._application_id()::text, '<application>');
	t := regexp_replace(t, 'whsec_[A-Za-z0-9_-]{43}', '<secret>', 'g');
	t := regexp_replace(t, '20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z', '<time>', 'g');
	t := regexp_replace(t, '"id": "[0-9a-f-]{36}"', '"id": "<new>"', 'g');
	RETURN regexp_replace(t, '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}', '<new log>', 'g');
END
$$;
-- One request of the REST API.
CREATE FUNCTION pg_temp.rest(method text, below text DEFAULT '', query text DEFAULT '', request text DEFAULT '') RETURNS text
LANGUAGE sql AS $$
	SELECT pg_temp.masked(status || coalesce(' ' || body::text, ''))
	FROM webchatt._rest((SELECT id FROM webchatt.api_keys WHERE label = 'tests'), method, '/v1/organization/webhook' || below, query, request)
$$;
-- made in SQL

SELECT webchatt._application_id() = webchatt._application_id(), webchatt._application_id()::text ~ '^.{14}4.{4}8';
SELECT id AS first, secret FROM webchatt.create_webhook('Shop: what visitors write', 'https://shop.example.com/events', 'Message') \gset
INSERT INTO names VALUES (:'first', 'first');
SELECT :'secret' ~ '^whsec_[A-Za-z0-9_-]{43}$';
SELECT label, endpoint, event_type, headers, scope, secret = :'secret', active, paused_reason, verified_at FROM webchatt.webhooks;
SELECT webhook_id = :'first', done_upto = coalesce(pg_sequence_last_value('webchatt.feed_seq_seq'), 0), failures, lost FROM webchatt.webhook_progress;
SELECT id AS second FROM webchatt.create_webhook(label => 'S', endpoint => 'https://shop.example.com:8443', event_type => 'MessageStatus',
	headers => '[{"key": "Authorization", "value": "Bearer s3cret", "more": 1}, {"value": "a b", "key": "X-Shop"}]', signed => false, scope => 'all') \gset
INSERT INTO names VALUES (:'second', 'second');
SELECT endpoint, event_type, headers, scope, secret FROM webchatt.webhooks WHERE id = :'second';
-- what was published before is not for a new one
INSERT INTO webchatt.feed (event_type, channel_id, visitor, message_id)
SELECT 'Message', '6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'v', ('01900000-0000-7000-8000-00000000000' || n)::uuid FROM generate_series(1, 3) n;
SELECT id AS third FROM webchatt.create_webhook('third', 'https://third.example.com', 'Message', NULL, NULL, '') \gset
INSERT INTO names VALUES (:'third', 'third');
SELECT p.done_upto = max(e.seq) FROM webchatt.webhook_progress p, webchatt.feed e WHERE p.webhook_id = :'third' GROUP BY p.done_upto;
SELECT headers, scope, secret IS NOT NULL FROM webchatt.webhooks WHERE id = :'third';

-- labels, event types, scopes

SELECT pg_temp.refusal($$SELECT webchatt.create_webhook(NULL, 'https://a.example', 'Message')$$);
SELECT pg_temp.refusal(format('SELECT webchatt.create_webhook(%L, %L, %L)', l, 'https://a.example', 'Message'))
FROM unnest(ARRAY['', '  ', repeat('l', 201), E'two\nlines', repeat('ä', 200)]) l;
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'https://a.example', NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'https://a.example', 'message')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'https://a.example', 'any')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'https://a.example', 'Message', scope => repeat('s', 1025))$$);

-- endpoints

SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', NULL, 'Message')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'nonsense', 'Message')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'http://a.example/', 'Message')$$);
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('l', 'https://[::::]/', 'Message')$$);
CREATE FUNCTION pg_temp.endpoint(e text) RETURNS text LANGUAGE sql AS $$
	SELECT split_part(split_part(pg_temp.refusal(format('SELECT webchatt._check_endpoint(%L)', e)), E'\n', 1), ' ', 1) $$;
SELECT pg_temp.endpoint(e), e FROM unnest(ARRAY['', 'https://', 'https:///x', 'https://a b', 'https://a/ b', 'ftp://a/', 'HTTPS://a/', '//a/', 'a.example',
	'https://user@a/', 'https://user:p@a/', 'https://a@10.0.0.1/', 'https://a/#f', 'https://a#f', 'https://a\b/', E'https://a/\n', E'https://a/\r\nX: y',
	'https://a:/', 'https://a:0/', 'https://a:65536/', 'https://a:99999/', 'https://a:1x/', 'https://a..b/', 'https://.a/', 'https://ä.example/', 'https://a%2e/',
	'https://127.1/', 'https://2130706433/', 'https://0x7f000001/', 'https://0x7f.1/', 'https://a.0x1/', 'https://a.1/', 'https://0177.0.0.1/', 'https://1.2.3/',
	'https://1.2.3.4.5/', 'https://256.1.1.1/', 'https://1.1.1.1./', 'https://[1.1.1.1]/', 'https://[]/', 'https://[::1/', 'https://::1/', 'https://[::1%25lo]/', 'https://[g::]/']) e;
-- an address is a host as any other: which may be called says webchatt-net
SELECT pg_temp.endpoint(e), e FROM unnest(ARRAY['https://127.0.0.1/', 'https://10.0.0.1:8443/x', 'https://[fd12:3456::1]:8443/', 'https://[::ffff:127.0.0.1]/', 'http://127.0.0.1/']) e;
SELECT pg_temp.endpoint(e), left(e, 60) FROM unnest(ARRAY['https://a.example', 'https://a.example/', 'https://a.example:65535/x?y=%20&z', 'https://a.example?q', 'https://A-b_c.example/',
	'https://1.1.1.1/', 'https://172.32.0.1/', 'https://11.0.0.1/', 'https://[2001:4860:4860::8888]:443/x', 'https://localhost/', 'https://xn--4ca.example/', 'https://a.example./',
	'https://1x.example/', 'https://a.example/@/x', 'https://a.example/' || repeat('p', 2030)]) e;
SELECT pg_temp.endpoint('https://a.example/' || repeat('p', 2031));
-- what the operator allows
SET LOCAL webchatt.webhook_allowed_addresses = '127.0.0.1, 10.1.0.0/16,fd00::/8, ::1';
SELECT pg_temp.endpoint(e), e FROM unnest(ARRAY['http://127.0.0.1:8080/x', 'https://127.0.0.1/', 'http://a.example/', 'http://10.1.255.255/', 'http://[fd12::1]/', 'http://[::1]:1/',
	'https://1.1.1.1/', 'https://10.2.0.1/', 'http://1.1.1.1/', 'http://127.0.0.2/', 'http://127.1/', 'http://[g::]/']) e;
SET LOCAL webchatt.webhook_allowed_addresses = '';

-- headers

CREATE FUNCTION pg_temp.headers(h text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.refusal(format('SELECT webchatt._check_headers(%L)', h)) $$;
SELECT pg_temp.headers(h) FROM unnest(ARRAY['{}', '"x"', 'null', '[1]', '[{}]', '[{"key": "a"}]', '[{"key": "a", "value": 1}]', '[{"key": null, "value": "b"}]',
	'[{"key": "a", "value": "b"}, {"key": "", "value": "b"}]', '[{"key": "a b", "value": "c"}]', '[{"key": "a:", "value": "c"}]', '[{"key": "ä", "value": "c"}]', '[{"key": "a\r\nb", "value": "c"}]',
	'[{"key": "X-Secret", "value": "s3cret\r\nX: y"}]', '[{"key": "X-Secret", "value": "s3cret\u00e9"}]', '[{"key": "a", "value": ""}]', '[{"key": "a", "value": " b"}]', '[{"key": "a", "value": "b "}]',
	'[{"key": "Host", "value": "x"}]', '[{"key": "a", "value": "b"}, {"key": "A", "value": "c"}]']) h;
SELECT pg_temp.headers(jsonb_build_array(jsonb_build_object('key', k, 'value', 'v'))::text) LIKE '22023 header % is one of those that webchatt sets itself%', k
FROM unnest(ARRAY['HOST', 'content-type', 'Content-Length', 'Content-', 'transfer-encoding', 'Connection', 'X-Hub-Signature', 'x-hub-anything', 'X-Validation-Token', 'Expect', 'Upgrade', 'TE', 'Proxy-Connection']) k;
SELECT pg_temp.headers((SELECT jsonb_agg(jsonb_build_object('key', 'k' || n, 'value', 'v')) FROM generate_series(1, 21) n)::text);
SELECT jsonb_array_length(webchatt._check_headers((SELECT jsonb_agg(jsonb_build_object('key', 'k' || n, 'value', 'v')) FROM generate_series(1, 20) n)));
SELECT webchatt._check_headers('[{"key": "A!#$%&''*+-.^_`|~9", "value": "! ~"}]');
SELECT pg_temp.headers(jsonb_build_array(jsonb_build_object('key', repeat('k', 128), 'value', repeat('v', 1024)))::text);
SELECT left(pg_temp.headers(jsonb_build_array(jsonb_build_object('key', repeat('k', 129), 'value', 'v'))::text), 50);
SELECT left(pg_temp.headers(jsonb_build_array(jsonb_build_object('key', 'k', 'value', repeat('v', 1025)))::text), 50);

-- changed in SQL

UPDATE webchatt.webhooks SET verified_at = now(), active = false, paused_reason = 'nobody answered for a day';
SELECT webchatt.alter_webhook(:'first');
SELECT label, endpoint, headers, scope, secret = :'secret', active, paused_reason, verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', label => 'renamed', headers => '[{"key": "a", "value": "b", "c": 1}]', active => true, scope => 'some');
SELECT label, endpoint, headers, scope, active, paused_reason, verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', endpoint => 'https://shop.example.com/events', scope => '', headers => '[]');
SELECT endpoint, headers, scope, verified_at IS NOT NULL FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', endpoint => 'https://shop.example.com/other');
SELECT endpoint, verified_at FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', active => false);
SELECT active, paused_reason FROM webchatt.webhooks WHERE id = :'first';
-- signing: on when it is on, off, on
SELECT webchatt.alter_webhook(:'first', signed => true) IS NULL;
SELECT secret = :'secret' FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', signed => false) IS NULL;
SELECT secret FROM webchatt.webhooks WHERE id = :'first';
SELECT pg_temp.refusal(format('SELECT webchatt.redefine_webhook_secret(%L)', :'first')) = replace($$55000 webhook ? does not sign
HINT: Turn signing on (requiresSignature; in SQL webchatt.alter_webhook(id, signed => true)), which gives a secret.$$, '?', :'first');
SELECT webchatt.alter_webhook(:'first', signed => true) AS again \gset
SELECT :'again' ~ '^whsec_' AND :'again' <> :'secret', (SELECT secret = :'again' FROM webchatt.webhooks WHERE id = :'first');
SELECT webchatt.redefine_webhook_secret(:'first') AS redefined \gset
SELECT :'redefined' ~ '^whsec_' AND :'redefined' <> :'again', (SELECT secret = :'redefined' FROM webchatt.webhooks WHERE id = :'first');
SELECT pg_temp.refusal(format('SELECT webchatt.alter_webhook(%L, %s)', :'first', a)) FROM unnest(ARRAY[
	$$label => ''$$, $$endpoint => 'http://a.example/'$$, $$endpoint => ''$$, $$headers => '{}'$$, $$scope => repeat('s', 1025)$$]) a;
SELECT pg_temp.refusal(s) FROM unnest(ARRAY[
	$$SELECT webchatt.alter_webhook('00000000-0000-4000-8000-000000000000', label => 'x')$$, $$SELECT webchatt.alter_webhook(NULL)$$,
	$$SELECT webchatt.delete_webhook('00000000-0000-4000-8000-000000000000')$$, $$SELECT webchatt.delete_webhook(NULL)$$,
	$$SELECT webchatt.redefine_webhook_secret('00000000-0000-4000-8000-000000000000')$$,
	$$SELECT * FROM webchatt.retry_webhook_log('00000000-0000-4000-8000-000000000000', '{}')$$, $$SELECT * FROM webchatt.retry_webhook_log(NULL, '{}')$$]) s;
SELECT webchatt.delete_webhook(:'third');
SELECT count(*) FROM webchatt.webhook_progress WHERE webhook_id = :'third';

-- retries: attempts 1 to 5, of events 1 to 3 and of two that are no longer kept

INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint, good, status_code, answer, error, duration_us, sent_at)
SELECT :'first', ('01900000-0000-7000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid, CASE WHEN n <= 3 THEN s.seq + n - 1 ELSE 1000000 + n END,
	('01900000-0000-7000-8000-0000000002' || lpad(n::text, 2, '0'))::uuid, 'Message', ('01900000-0000-7000-8000-00000000000' || n)::uuid, n,
	'https://shop.example.com/events', n % 2 = 0, CASE n % 3 WHEN 0 THEN 0 WHEN 1 THEN 500 ELSE 200 END,
	CASE WHEN n % 3 > 0 THEN 'answer ' || n END, CASE WHEN n % 3 = 0 THEN 'connection refused' END, n * 1234, '2026-01-02 03:04:05.678+00'::timestamptz + n * interval '1 s'
FROM generate_series(1, 5) n, (SELECT min(seq) AS seq FROM webchatt.feed) s;
INSERT INTO names SELECT id, 'log ' || attempt FROM webchatt.webhook_log;
INSERT INTO names SELECT delivery_id, 'delivery ' || attempt FROM webchatt.webhook_log;
INSERT INTO names SELECT message_id, 'message ' || attempt FROM webchatt.webhook_log;
SELECT pg_temp.masked(webhook_log_id::text), success, new_log_id IS NOT NULL FROM webchatt.retry_webhook_log(:'first',
	ARRAY['01900000-0000-7000-8000-000000000101', '01900000-0000-7000-8000-000000000104', '00000000-0000-4000-8000-000000000000', NULL,
		'01900000-0000-7000-8000-000000000102', '01900000-0000-7000-8000-000000000101']::uuid[]);
-- what waits already is not asked for twice
SELECT r.seq - (SELECT min(seq) FROM webchatt.feed), r.log_id::text ~ '^.{14}7', r.asked_at = now() FROM webchatt.webhook_retries r WHERE webhook_id = :'first' ORDER BY seq;
SELECT new_log_id = (SELECT log_id FROM webchatt.webhook_retries ORDER BY seq LIMIT 1)
FROM webchatt.retry_webhook_log(:'first', '{01900000-0000-7000-8000-000000000101}');
-- another webhook's log is not this one's
SELECT success FROM webchatt.retry_webhook_log(:'second', '{01900000-0000-7000-8000-000000000101}');
SELECT count(*) FROM webchatt.retry_webhook_log(:'first', '{}');
SELECT pg_temp.refusal(format('SELECT webchatt.retry_webhook_log(%L, NULL)', :'first'));
SELECT pg_temp.refusal(format('SELECT webchatt.retry_webhook_log(%L, array_fill(gen_random_uuid(), ARRAY[101]))', :'first'));
SELECT count(*), count(*) FILTER (WHERE success) FROM webchatt.retry_webhook_log(:'first', array_fill(gen_random_uuid(), ARRAY[100]));
DELETE FROM webchatt.webhook_retries;

-- whose they are: by the REST API a key sees those that it made, and none that were made in SQL

SELECT webchatt.create_channel('One', '{https://www.example.com}') AS one \gset
SELECT webchatt.create_api_key('tests', NULL, '{webhooks,send}') IS NOT NULL, webchatt.create_api_key('others', ARRAY[:'one'::uuid]) IS NOT NULL;
SELECT id AS k FROM webchatt.api_keys WHERE label = 'tests' \gset
SELECT id AS o FROM webchatt.api_keys WHERE label = 'others' \gset
SELECT pg_temp.rest('GET');
SELECT pg_temp.rest(m, '/' || :'first' || b, '', '{"label": "mine now", "endpoint": "https://mallory.example/"}') FROM (VALUES ('GET', ''), ('PATCH', ''), ('DELETE', ''), ('POST', '/signature'),
	('GET', '/webhook-log'), ('POST', '/webhook-log/01900000-0000-7000-8000-000000000101/retry'), ('POST', '/webhook-log/retry')) v (m, b);
SELECT label, endpoint FROM webchatt.webhooks WHERE id = :'first';
UPDATE webchatt.webhooks SET key_id = :o;
SELECT pg_temp.rest('GET'), pg_temp.rest('PATCH', '/' || :'first', '', '{"endpoint": "https://mallory.example/"}');
SELECT status, body -> 'pagination' -> 'total' FROM webchatt._rest(:o, 'GET', '/v1/organization/webhook', '', '');
-- nor does one that is revoked, or not for webhooks
SELECT (webchatt._rest(k, 'GET', '/v1/organization/webhook', '', '')).* FROM unnest(ARRAY[0, -1, NULL]) k;
UPDATE webchatt.webhooks SET key_id = :k;
SELECT count(*), bool_and(active) FROM webchatt.webhooks;
SAVEPOINT revoked;
SELECT webchatt.revoke_api_key('tests'), webchatt.revoke_api_key('tests');
SELECT DISTINCT active, paused_reason FROM webchatt.webhooks ORDER BY 2;
SELECT DISTINCT state FROM webchatt.feeds WHERE kind = 'webhook';
SELECT webchatt.alter_webhook(:'first', active => true);
SELECT state FROM webchatt.feeds WHERE label = 'renamed';
SELECT pg_temp.rest('GET');
ROLLBACK TO revoked;
SAVEPOINT scopes;
UPDATE webchatt.api_keys SET scopes = '{send,link}' WHERE id = :k;
SELECT pg_temp.rest('GET'), (SELECT state FROM webchatt.feeds WHERE label = 'renamed');
ROLLBACK TO scopes;
-- another origin gets neither headers nor secret
SELECT webchatt._origin_of(e) FROM unnest(ARRAY['https://A.example', 'https://a.example:443/x?y:8', 'http://a.example:80', 'https://[2001:DB8::1]:0444/', 'HTTPS://b.example?x']) e;
SAVEPOINT moved;
SELECT webchatt.alter_webhook(:'first', headers => '[{"key": "k", "value": "s3cret"}]'), secret AS old FROM webchatt.webhooks WHERE id = :'first' \gset
SELECT webchatt.alter_webhook(:'first', endpoint => e), headers, secret = :'old', verified_at FROM webchatt.webhooks w, unnest(ARRAY['https://shop.example.com/elsewhere', 'https://SHOP.example.com:443/']) e WHERE w.id = :'first';
SELECT headers <> '[]', secret = :'old' FROM webchatt.webhooks WHERE id = :'first';
SELECT pg_temp.masked(webchatt.alter_webhook(:'first', endpoint => 'https://shop.example.com:8443/'));
SELECT headers, secret <> :'old' FROM webchatt.webhooks WHERE id = :'first';
SELECT secret AS old FROM webchatt.webhooks WHERE id = :'first' \gset
SELECT pg_temp.rest('PATCH', '/' || :'first', '', '{"endpoint": "https://elsewhere.example/", "headers": [{"key": "k", "value": "new"}], "requiresSignature": true}') ~ '"signingSecret": "<secret>"';
SELECT headers, secret <> :'old' FROM webchatt.webhooks WHERE id = :'first';
SELECT webchatt.alter_webhook(:'first', endpoint => 'https://third.example/', signed => false), webchatt.alter_webhook(:'second', endpoint => 'https://third.example/');
SELECT label, headers, secret FROM webchatt.webhooks WHERE id IN (:'first', :'second') ORDER BY n;
ROLLBACK TO moved;

-- the REST API: make

SELECT pg_temp.rest('GET', '', 'limit=1&offset=0');
SELECT pg_temp.rest('POST', '', '', '{"label": "B", "endpoint": "https://b.example/", "eventType": "Message", "authenticationProtocol": "NoAuthentication", "requiresSignature": true}');
SELECT id AS b FROM webchatt.webhooks WHERE label = 'B' \gset
INSERT INTO names VALUES (:'b', 'B');
SELECT pg_temp.rest('GET', '/' || :'b');
SELECT pg_temp.rest('GET', '/' || upper(:'b')) LIKE '200 %';
SELECT pg_temp.rest('POST', '', 'x=y', '{"label": "C", "endpoint": "https://c.example/", "eventType": "MessageStatus", "headers": [{"key": "a", "value": "s3cret"}], "scope": "s", "unknown": {}}') ~ 's3cret|signingSecret|<secret>';
SELECT headers, scope, secret FROM webchatt.webhooks WHERE label = 'C';
SELECT pg_temp.rest('POST', '', '', r) FROM unnest(ARRAY['', '{}', '[]', '{"label": null}', '{"label": 7}', '{"label": "x"}', '{"label": "x", "endpoint": ["https://b.example"]}', '{"label": "x", "endpoint": "http://b.example"}',
	'{"label": "x", "endpoint": "https://[::::]"}', '{"label": "x", "endpoint": "https://b.example", "eventType": "Other"}', '{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "headers": {"a": "b"}}',
	'{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "headers": [{"key": "Host", "value": "b"}]}', '{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "requiresSignature": "yes"}',
	'{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "requiresSignature": 1}', '{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "authenticationProtocol": "Oauth20"}',
	'{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "authenticationProtocol": 1}', '{"label": "x", "endpoint": "https://b.example", "eventType": "Message", "scope": {}}']) r;
SELECT count(*) FROM webchatt.webhooks WHERE label = 'x';

-- list

DELETE FROM webchatt.webhooks WHERE id NOT IN (SELECT id FROM names);
SELECT jsonb_path_query_array(substr(pg_temp.rest('GET', '', q), 5)::jsonb, '$.data[*].label'), substr(pg_temp.rest('GET', '', q), 5)::jsonb -> 'pagination', q
FROM unnest(ARRAY['', 'offset=0&limit=20', 'limit=1', 'limit=2&offset=1', 'offset=2', 'offset=3', 'limit=50', 'x=1&&limit=2&y', 'limits=7', 'offset=100000']) q;
SELECT pg_temp.rest('GET', '', q) FROM unnest(ARRAY['limit=0', 'limit=51', 'limit=', 'limit=x', 'limit=-1', 'limit=9999999999', 'offset=-1', 'offset=100001', 'offset=1.5', 'offset=%31']) q;

-- change

SELECT pg_temp.rest('PATCH', '/' || :'b', '', '{"label": "B2", "active": false, "scope": "t", "headers": [{"key": "k", "value": "v"}], "eventType": "Message"}');
SELECT headers FROM webchatt.webhooks WHERE id = :'b';
UPDATE webchatt.webhooks SET verified_at = '2026-01-02 03:04:05.678901+00', paused_reason = 'no answer for a day' WHERE id = :'b';
UPDATE webchatt.webhook_progress SET failures = 17 WHERE webhook_id = :'b';
SELECT webchatt._rest_webhook(w) ->> 'verifiedAt' FROM webchatt.webhooks w WHERE id = :'b';
SELECT pg_temp.rest('PATCH', '/' || :'b', '', '{"label": null, "headers": null, "active": null}');
SELECT pg_temp.rest('PATCH', '/' || :'b', '', '{"active": true, "scope": null, "headers": []}');
SELECT pg_temp.rest('PATCH', '/' || :'b', '', '{"endpoint": "https://b2.example/"}');
SELECT pg_temp.rest('PATCH', '/' || :'b', '', '');
SELECT headers FROM webchatt.webhooks WHERE id = :'b';
SELECT pg_temp.rest('PATCH', '/' || :'b', '', '{"requiresSignature": ' || s || '}') LIKE '%<secret>%', s FROM unnest(ARRAY['true', 'false', 'false', 'true', 'true', 'null']) s;
SELECT pg_temp.rest('POST', '/' || :'b' || '/signature') LIKE '200 %"signingSecret": "<secret>"%';
SELECT pg_temp.rest('PATCH', '/' || :'b', '', r) FROM unnest(ARRAY['{"eventType": "MessageStatus"}', '{"eventType": 1}', '{"label": ""}', '{"label": 1}', '{"endpoint": "http://b.example"}', '{"headers": "x"}', '{"active": "false"}',
	'{"active": 0}', '{"requiresSignature": "x"}', '{"authenticationProtocol": "JWT"}', '[]', '{"scope": 1}']) r;
SELECT pg_temp.rest('POST', '/' || :'second' || '/signature');

-- logs, newest first

SELECT pg_temp.rest('GET', '/' || :'first' || '/webhook-log', 'limit=2&offset=1');
SELECT jsonb_path_query_array(r.body, '$.data[*].attempt'), jsonb_path_query_array(r.body, '$.data[*].status'), r.body -> 'pagination', q
FROM unnest(ARRAY['', 'status=Success', 'status=Failed', 'status=Error', 'status=Failed&limit=2&offset=1', 'limit=1&status=Success', 'offset=5']) q,
	webchatt._rest(:k, 'GET', '/v1/organization/webhook/' || :'first' || '/webhook-log', q, '') r;
SELECT (x ->> 'sendAt'), (x ->> 'createdDate'), x -> 'durationMs', x -> 'responseBody', x -> 'errorMessage', x -> 'statusCode'
FROM webchatt._rest(:k, 'GET', '/v1/organization/webhook/' || :'first' || '/webhook-log', '', '') r, jsonb_array_elements(r.body -> 'data') x;
SELECT pg_temp.rest('GET', '/' || :'second' || '/webhook-log');
SELECT pg_temp.rest('GET', '/' || :'second' || '/webhook-log', q) FROM unnest(ARRAY['status=', 'status=success', 'status=Failed%20', 'limit=0', 'offset=x']) q;

-- retries

SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/01900000-0000-7000-8000-000000000101/retry');
SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/01900000-0000-7000-8000-000000000104/retry');
SELECT pg_temp.rest('POST', '/' || :'second' || '/webhook-log/01900000-0000-7000-8000-000000000101/retry');
SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/nonsense/retry');
SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/retry', '', '{"webhookLogIds": ["01900000-0000-7000-8000-000000000101", "nonsense", "01900000-0000-7000-8000-000000000105",
	"00000000-0000-4000-8000-000000000000", "01900000-0000-7000-8000-000000000103"]}');
SELECT count(*) FROM webchatt.webhook_retries;
SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/retry', '', '{"webhookLogIds": []}');
SELECT pg_temp.rest('POST', '/' || :'first' || '/webhook-log/retry', '', r) FROM unnest(ARRAY['', '{}', '{"webhookLogIds": "x"}', '{"webhookLogIds": [1]}', '{"webhookLogIds": null}', '{"webhookLogIds": [null]}',
	'{"webhookLogIds": [' || repeat('"x",', 100) || '"x"]}']) r;
SELECT jsonb_array_length(r.body -> 'results') FROM webchatt._rest(:k, 'POST', '/v1/organization/webhook/' || :'first' || '/webhook-log/retry', '', '{"webhookLogIds": [' || repeat('"x",', 99) || '"x"]}') r;

-- paths

SELECT pg_temp.rest(m, p), m, p FROM unnest(ARRAY['GET', 'POST', 'PATCH', 'DELETE']) m,
	unnest(ARRAY['/00000000-0000-4000-8000-000000000000', '/nonsense', '/', '//', '/x/', 's', '/x/y', '/x/webhook-log/', '/x/webhook-log/y', '/x/webhook-log/y/z', '/x/webhook-log/y/retry/', '/x/webhook-log/retry/x/y', '/id/signature']) p
WHERE pg_temp.rest(m, p) NOT LIKE '404 {"errorCode": "not\_found", "errorMessage": "There is nothing for %"}';
SELECT pg_temp.rest(m, p) FROM (VALUES ('PATCH', ''), ('DELETE', ''), ('POST', '/' || :'b'), ('GET', '/' || :'b' || '/signature'), ('POST', '/' || :'b' || '/webhook-log'), ('GET', '/' || :'b' || '/webhook-log/retry'),
	('PUT', ''), ('GET', '/id')) v (m, p);
SELECT webchatt._rest(:k, 'GET', p, '', '') FROM unnest(ARRAY['', '/', '/v1/organization', '/v1/organization/member', '/v1/organization/webhooks', '/v1/organization/webhook-log']) p;

-- remove, and the most that there may be

SELECT pg_temp.rest('DELETE', '/' || :'b');
SELECT pg_temp.rest('DELETE', '/' || :'b');
SELECT pg_temp.rest('GET', '/' || :'b');
SELECT count(webchatt.create_webhook('one of many', 'https://many.example', 'Message')) FROM generate_series(1, 98);
UPDATE webchatt.webhooks SET key_id = :k;
SELECT pg_temp.refusal($$SELECT webchatt.create_webhook('one too many', 'https://many.example', 'Message')$$);
SELECT pg_temp.rest('POST', '', '', '{"label": "one too many", "endpoint": "https://many.example", "eventType": "Message"}');
SELECT jsonb_array_length(r.body -> 'data'), r.body -> 'pagination' FROM webchatt._rest(:k, 'GET', '/v1/organization/webhook', 'limit=50&offset=50', '') r;

-- no key takes all places

SELECT webchatt.delete_webhook(id) IS NOT NULL FROM webchatt.webhooks ORDER BY n DESC LIMIT 1;
UPDATE webchatt.webhooks SET key_id = NULL WHERE n IN (SELECT n FROM webchatt.webhooks ORDER BY n OFFSET 20);
SELECT pg_temp.rest('POST', '', '', '{"label": "one too many", "endpoint": "https://many.example", "eventType": "Message"}');
UPDATE webchatt.webhooks SET key_id = NULL WHERE n = (SELECT max(n) FROM webchatt.webhooks WHERE key_id = :k);
SELECT status FROM webchatt._rest(:k, 'POST', '/v1/organization/webhook', '', '{"label": "the last", "endpoint": "https://many.example", "eventType": "Message"}');
UPDATE webchatt.webhooks SET key_id = NULL WHERE label = 'the last';

-- who may: the administrator all of it, the worker what it answers, an agent nothing

SET LOCAL ROLE webchatt_admin;
SELECT webchatt.delete_webhook(id) IS NOT NULL FROM webchatt.webhooks ORDER BY n DESC LIMIT 1;
SELECT id AS mine FROM webchatt.create_webhook('the administrator''s', 'https://a.example', 'Message') \gset
SELECT webchatt.alter_webhook(:'mine', label => 'x', signed => false), webchatt.alter_webhook(:'mine', signed => true) IS NOT NULL, webchatt.redefine_webhook_secret(:'mine') IS NOT NULL;
SELECT success FROM webchatt.retry_webhook_log(:'first', '{01900000-0000-7000-8000-000000000102}');
SELECT webchatt.delete_webhook(:'mine');
SET LOCAL ROLE webchatt_worker;
SELECT status FROM webchatt._rest(:k, 'POST', '/v1/organization/webhook', '', '{"label": "the worker''s", "endpoint": "https://a.example", "eventType": "Message", "requiresSignature": true}');
SELECT id AS mine FROM webchatt.webhooks WHERE label = 'the worker''s' \gset
SELECT status FROM webchatt._rest(:k, 'PATCH', '/v1/organization/webhook/' || :'mine', '', '{"requiresSignature": false}');
SELECT status FROM webchatt._rest(:k, 'PATCH', '/v1/organization/webhook/' || :'mine', '', '{"requiresSignature": true}');
SELECT status FROM webchatt._rest(:k, 'POST', '/v1/organization/webhook/' || :'mine' || '/signature', '', '');
SELECT status FROM webchatt._rest(:k, 'GET', '/v1/organization/webhook/' || :'first' || '/webhook-log', '', '');
SELECT status FROM webchatt._rest(:k, 'POST', '/v1/organization/webhook/' || :'first' || '/webhook-log/01900000-0000-7000-8000-000000000103/retry', '', '');
SELECT status FROM webchatt._rest(:k, 'DELETE', '/v1/organization/webhook/' || :'mine', '', '');
SET LOCAL ROLE webchatt_agent;
SELECT left(pg_temp.refusal(s), 5) FROM unnest(ARRAY[$$SELECT webchatt.create_webhook('l', 'https://a.example', 'Message')$$, $$SELECT webchatt._rest(1, 'GET', '/v1/organization/webhook', '', '')$$,
	$$SELECT webchatt.delete_webhook(NULL)$$, $$SELECT * FROM webchatt.webhooks$$]) s;
RESET ROLE;
ROLLBACK;
