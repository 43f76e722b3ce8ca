-- Hubs, channels, origins, secrets: what is taken and what is refused.
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

-- hubs

SELECT webchatt.connect_hub('key-1');
SELECT name, api_url, api_key, state, state_reason FROM webchatt.hubs;
-- named arguments, a slash at the end, a path
SELECT webchatt.connect_hub(api_key => 'key-2', api_url => 'http://127.0.0.1:8080/base/', name => 'second_hub-2');
-- one that is there: another key and URL, and it starts again
UPDATE webchatt.hubs SET state = 'stopped', state_reason = 'the hub refused the API key (401)' WHERE name = 'chatt2me';
SELECT webchatt.connect_hub('key-3', 'https://hub.example.com');
SELECT name, api_url, api_key, state, state_reason FROM webchatt.hubs ORDER BY id;
-- what a slash or a short name does to a URL
SELECT webchatt.connect_hub('key', u, 'short', insecure => true) FROM unnest(ARRAY['http://h', 'http://h/', 'http://h:1', 'https://h/v', 'https://h//']) u;
SELECT api_url FROM webchatt.hubs WHERE name = 'short';

-- nothing goes in clear over a network without a word
SELECT left(pg_temp.refusal(format('SELECT webchatt.connect_hub(%L, %L, %L)', 'key', u, 'clear')), 29), u FROM unnest(ARRAY['http://localhost', 'http://localhost:8480/x', 'http://127.0.0.1:1', 'http://127.8.8.8', 'http://[::1]:8480',
	'http://localhost.example.com', 'http://127.0.0.1.example.com', 'HTTP://hub.example', 'http://10.0.0.1', 'https://hub.example']) u;
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'http://hub.example', 'clear')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub(NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('with blank')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub(E'line\r\nX-Injected: 1')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('schlüssel')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub(repeat('k', 513))$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', '')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'hub.example.com')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'ftp://hub.example.com')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https://')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https:///v1')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https://user:secret@hub.example.com')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https://hub.example.com?x=1')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https://hub.example.com/#x')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', E'https://hub.example.com\r\nHost: x')$$);
SELECT left(pg_temp.refusal(format('SELECT webchatt.connect_hub(%L, %L, %L)', 'key', u, 'clear')), 29), u FROM unnest(ARRAY['https://h:0', 'https://h:00000/x',
	'https://h:65536', 'https://h:99999/', 'https://h:', 'https://h:x', 'https://[::1]:0', 'https://[::1', 'https://h:65535', 'https://[::1]:1/v']) u;
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => '')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => 'Upper')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => '-first')$$);
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('key', name => repeat('n', 64))$$);
SELECT left(pg_temp.refusal($$SELECT webchatt.connect_hub('key', 'https://h.example/' || repeat('p', 1024))$$), 12);
-- a key is never in what is said
SELECT pg_temp.refusal($$SELECT webchatt.connect_hub('s3cret key')$$) LIKE '%s3cret%';

-- channels

\set channel '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
SELECT webchatt.add_channel(:channel, display_name => 'Shop', origins => ARRAY['https://www.example.com', 'http://localhost:3000']);
SELECT c.id, h.name, c.kind, c.display_name FROM webchatt.channels c JOIN webchatt.hubs h ON h.id = c.hub_id;
SELECT origin FROM webchatt.origins ORDER BY origin;
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000002', hub => 'second_hub-2', kind => 'whatsapp');
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000003', display_name => repeat('ä', 50));
SELECT char_length(display_name), octet_length(display_name) FROM webchatt.channels WHERE id = '00000000-0000-0000-0000-000000000003';

SELECT pg_temp.refusal($$SELECT webchatt.add_channel(NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('6cbd6789-1d2b-47e0-9391-5eb91d2839ea')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('no-uuid')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', hub => 'nowhere')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', hub => NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', kind => NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', kind => 'Web Chatt')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', kind => '../x')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', display_name => repeat('x', 51))$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', display_name => '')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', display_name => '   ')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', origins => '{}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000004', origins => '{example.com}')$$);
-- nothing of what was refused is there
SELECT count(*) FROM webchatt.channels;

-- origins of a channel

SELECT webchatt.set_origins(:channel, ARRAY['HTTPS://Shop.Example.COM:443/', 'https://shop.example.com', 'http://[::1]:8080']);
SELECT origin FROM webchatt.origins WHERE channel_id = :channel ORDER BY origin;
SELECT webchatt.set_origins(:channel, ARRAY['https://1.example', 'https://2.example', 'https://3.example', 'https://4.example', 'https://5.example']);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', '{}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', ARRAY['https://a.example', NULL])$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', ARRAY['https://1.example', 'https://2.example', 'https://3.example', 'https://4.example', 'https://5.example', 'https://6.example'])$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', '{https://www.example.com/shop}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', '{www.example.com}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins('00000000-0000-0000-0000-00000000dead', '{https://www.example.com}')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_origins(NULL, '{https://www.example.com}')$$);
SELECT count(*) FROM webchatt.origins WHERE channel_id = :channel;

-- secrets

SELECT webchatt.set_webhook_secret(:channel, 'whsec_1');
SELECT event_type, secret, old_secret, old_secret_until IS NULL AS no_end, accept_unsigned FROM webchatt.hub_webhooks WHERE channel_id = :channel;
-- rotated: the old one stays valid for a day, or as long as one says
SELECT webchatt.set_webhook_secret(:channel, 'whsec_2');
SELECT secret, old_secret, old_secret_until - now() FROM webchatt.hub_webhooks WHERE channel_id = :channel;
-- the same again changes nothing
SELECT webchatt.set_webhook_secret(:channel, 'whsec_2', '2 hours');
SELECT secret, old_secret, old_secret_until - now() FROM webchatt.hub_webhooks WHERE channel_id = :channel;
SELECT webchatt.set_webhook_secret(:channel, 'whsec_3', interval '1 hour');
SELECT secret, old_secret, old_secret_until - now() FROM webchatt.hub_webhooks WHERE channel_id = :channel;
-- not at all
SELECT webchatt.set_webhook_secret(:channel, 'whsec_4', keep_old => '0');
SELECT secret, old_secret FROM webchatt.hub_webhooks WHERE channel_id = :channel;
-- one for each webhook of the hub
SELECT webchatt.set_webhook_secret(:channel, 'whsec_m', event_type => 'Message');
SELECT webchatt.set_webhook_secret(:channel, 'whsec_s', event_type => 'MessageStatus');
SELECT event_type, secret FROM webchatt.hub_webhooks WHERE channel_id = :channel ORDER BY 1;
-- unsigned: said aloud
-- not while another webhook of the channel is signed
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', NULL)$$);
DELETE FROM webchatt.hub_webhooks WHERE channel_id = :channel AND event_type <> 'any';
SELECT webchatt.set_webhook_secret(:channel, NULL);
SELECT event_type, secret, old_secret, accept_unsigned FROM webchatt.hub_webhooks WHERE channel_id = :channel ORDER BY 1;
-- and signed again
SELECT webchatt.set_webhook_secret(:channel, 'whsec_5');
-- a secret for one webhook ends that another may be unsigned
SAVEPOINT one;
SELECT webchatt.set_webhook_secret(:channel, NULL);
SELECT webchatt.set_webhook_secret(:channel, 'whsec_m', event_type => 'Message');
SELECT event_type, secret, accept_unsigned FROM webchatt.hub_webhooks WHERE channel_id = :channel ORDER BY 1;
ROLLBACK TO one;
SELECT event_type, secret, old_secret, accept_unsigned FROM webchatt.hub_webhooks WHERE channel_id = :channel ORDER BY 1;

SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('00000000-0000-0000-0000-00000000dead', 'x')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret(NULL, 'x')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', '')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', repeat('s', 513))$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'x', NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'x', '-1 day')$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'x', event_type => NULL)$$);
SELECT pg_temp.refusal($$SELECT webchatt.set_webhook_secret('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', 'x', event_type => 'message')$$);

-- every change told the worker so, and nothing else did
SELECT op, hub_id, count(*) > 0 FROM webchatt.outbox GROUP BY 1, 2;

-- a channel that goes takes its origins and secrets along
DELETE FROM webchatt.channels WHERE id = :channel;
SELECT (SELECT count(*) FROM webchatt.origins), (SELECT count(*) FROM webchatt.hub_webhooks);
-- a hub that has channels stays
SELECT left(pg_temp.refusal($$DELETE FROM webchatt.hubs WHERE name = 'chatt2me'$$), 5);
ROLLBACK;
