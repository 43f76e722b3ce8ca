-- ingest(): a hub's event by the rules of the HTTP door; the cases of
-- test/cases/events.jsonl are put to it in test/t/inbound_webhooks.t.
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

-- HMAC-SHA256 (RFC 2104) in hex; keys of at most 64 bytes
CREATE FUNCTION pg_temp.hmac(key text, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k bytea := convert_to(key, 'UTF8');
	ipad bytea := decode(repeat('36', 64), 'hex');
	opad bytea := decode(repeat('5c', 64), 'hex');
BEGIN
	FOR i IN 0 .. octet_length(k) - 1 LOOP
		ipad := set_byte(ipad, i, get_byte(k, i) # 54);
		opad := set_byte(opad, i, get_byte(k, i) # 92);
	END LOOP;
	RETURN encode(sha256(opad || sha256(ipad || convert_to(message, 'UTF8'))), 'hex');
END
$$;
CREATE FUNCTION pg_temp.signature(key text, body text, t bigint DEFAULT extract(epoch FROM clock_timestamp())::bigint)
RETURNS text LANGUAGE sql AS $$
	SELECT format('t=%s,v1=%s', t, pg_temp.hmac(key, t || '.' || body));
$$;
-- the known vector
SELECT pg_temp.signature('whsec_test_1', '{"eventType":"Message"}', 1700000000);

SELECT webchatt.connect_hub('key');
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
\set two '''00000000-0000-0000-0000-000000000002'''
SELECT webchatt.add_channel(:c, kind => 'whatsapp');
\set message '{"eventType":"Message","channelId":"6cbd6789-1d2b-47e0-9391-5eb91d2839ea",\n "messageId":"abc123de-f456-789a-bcde-f01234567890","from":"5511993986082","timestamp":1700000000,\n "channel":"whatsapp","content":{"type":"text","text":"Hello, I''d like to know more about your products"}}'
\set status '{"eventType":"MessageStatus","messageId":"c3d4e5f6-a7b8-9012-cdef-345678901234","status":"delivered",\n "timestamp":1700000042,"channel":"whatsapp"}'

-- no secret yet: refused
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', :'message'));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', pg_temp.signature('x', :'message')));

-- signed
SELECT webchatt.set_webhook_secret(:c, 'whsec_test_1');
SELECT webchatt.ingest(:'message', pg_temp.signature('whsec_test_1', :'message'));
SELECT channel_id, visitor, direction, status, content, hub_message_id, extract(epoch FROM hub_time), extra FROM webchatt.messages;
SELECT id, last_seen IS NOT NULL FROM webchatt.visitors;
-- a repeat is acknowledged and changes nothing, whatever else it says
SELECT webchatt.ingest(:'message', pg_temp.signature('whsec_test_1', :'message'));
SELECT webchatt.ingest(body, pg_temp.signature('whsec_test_1', body), :c)
	FROM replace(:'message', 'Hello', 'Good bye') body;
SELECT count(*), min(content ->> 'text') FROM webchatt.messages;
-- a status of a message that nobody knows waits
SELECT webchatt.ingest(:'status', pg_temp.signature('whsec_test_1', :'status'));
SELECT webchatt.ingest(:'status', pg_temp.signature('whsec_test_1', :'status'), :c);
SELECT hub_message_id, status, means, extract(epoch FROM at), extra FROM webchatt.early_statuses;

-- signatures
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', :'message'));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', '{"eventType":"Message"}', pg_temp.signature('whsec_test_1', '{"eventType":"Message"}')));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L, %L)', '{"eventType":"Message"}', 't=1700000000,v1=02c492c045f07d4684a51f4842726514dba122b3f366f1dc5ebe3efe52c63917', :c));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', pg_temp.signature('another', :'message')));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message' || ' ', pg_temp.signature('whsec_test_1', :'message')));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', upper(pg_temp.signature('whsec_test_1', :'message'))));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', ''));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', 'sha256=00'));
-- the clock: 300 seconds unless the setting says otherwise
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', pg_temp.signature('whsec_test_1', :'message', extract(epoch FROM now())::bigint - 400)));
SET LOCAL webchatt.signature_tolerance = '10min';
SELECT webchatt.ingest(:'message', pg_temp.signature('whsec_test_1', :'message', extract(epoch FROM now())::bigint - 400));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', pg_temp.signature('whsec_test_1', :'message', extract(epoch FROM now())::bigint + 1200)));
RESET webchatt.signature_tolerance;
-- rotation: both are good until the old one's time is over
SELECT webchatt.set_webhook_secret(:c, 'whsec_test_2');
SELECT webchatt.ingest(:'message', pg_temp.signature('whsec_test_1', :'message')), webchatt.ingest(:'message', pg_temp.signature('whsec_test_2', :'message'));
UPDATE webchatt.hub_webhooks SET old_secret_until = now() - interval '1 second';
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'message', pg_temp.signature('whsec_test_1', :'message')));
SELECT webchatt.ingest(:'message', pg_temp.signature('whsec_test_2', :'message'));
-- one secret for each of the hub's webhooks
SELECT webchatt.set_webhook_secret(:c, 'whsec_statuses', event_type => 'MessageStatus');
SELECT webchatt.ingest(:'status', pg_temp.signature('whsec_statuses', :'status'));

-- channels
SELECT webchatt.add_channel(:two);
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L)', :'status', pg_temp.signature('whsec_test_2', :'status')));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L, %L)', :'message', pg_temp.signature('whsec_test_2', :'message'), '00000000-0000-0000-0000-00000000dead'));
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L)', replace(:'message', '6cbd6789', '00000000')));
SELECT webchatt.set_webhook_secret(:two, NULL);
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, NULL, %L)', :'message', :two));
-- unsigned is taken there, a wrong signature is not
SELECT webchatt.ingest(:'status', NULL, :two);
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(%L, %L, %L)', :'status', pg_temp.signature('x', :'status'), :two));

-- what is kept as it came
SELECT webchatt.ingest('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m1","from":"v1",
	"content":{"type":"hologram","deep":[1,{"a":null}]},"future":{"x":[1,2]},"another":true}');
SELECT content, extra, hub_time FROM webchatt.messages WHERE hub_message_id = 'm1';

-- what is no event
CREATE TEMP TABLE bad (body text);
INSERT INTO bad VALUES (''), ('{'), ('[]'), ('"x"'), ('{}'), ('{"eventType":1}'), ('{"eventType":"Typing"}'),
	('{"eventType":"Message"}'), ('{"eventType":"Message","channelId":"x"}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002"}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":""}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m2"}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m2","from":"v"}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m2","from":"v","content":"x"}'),
	('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m2","from":"v","content":{},"timestamp":"x"}'),
	('{"eventType":"MessageStatus","messageId":"m2"}'),
	(repeat('[', 65) || repeat(']', 65)),
	(format('{"eventType":"Message","channelId":"00000000-0000-0000-0000-000000000002","messageId":"m2","from":"%s","content":{}}', repeat('v', 256)));
SELECT left(body, 60), pg_temp.refusal(format('SELECT webchatt.ingest(%L, NULL, %L)', body, :two)) FROM bad;
SELECT pg_temp.refusal('SELECT webchatt.ingest(NULL)');
SELECT pg_temp.refusal(format('SELECT webchatt.ingest(repeat(%L, 256 * 1024 + 1))', ' '));
SELECT count(*) FROM webchatt.messages WHERE hub_message_id = 'm2';
-- the bodies are in no message of an error
SELECT pg_temp.refusal('SELECT webchatt.ingest(''{"eventType":"Message","from":"confidential"}'')') LIKE '%confidential%';

-- a visitor who showed up: the worker is told, so that what is held goes out
SELECT op, visitor FROM webchatt.outbox WHERE op = 'v' ORDER BY seq DESC LIMIT 1;
ROLLBACK;
