-- Statuses: forward only, appended, whatever the order that they come in.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
BEGIN;
\set c '''6cbd6789-1d2b-47e0-9391-5eb91d2839ea'''
SELECT webchatt.connect_hub('key');
SELECT webchatt.add_channel(:c);
SET LOCAL client_min_messages = error;
SELECT webchatt.set_webhook_secret(:c, NULL);

-- messages as the worker leaves them when the hub has taken them
CREATE FUNCTION pg_temp.sent(visitor text, hub_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	new_id uuid := webchatt.send_message('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', visitor, text => 'x');
BEGIN
	UPDATE webchatt.messages SET status = 'sent' WHERE id = new_id;
	INSERT INTO webchatt.statuses (channel_id, message_id, status, hub_message_id)
	VALUES ('6cbd6789-1d2b-47e0-9391-5eb91d2839ea', new_id, 'sent', hub_id);
END
$$;
CREATE FUNCTION pg_temp.status(hub_id text, status text, more text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := webchatt.ingest(format('{"eventType":"MessageStatus","messageId":"%s","status":"%s"%s}', hub_id, status, more));
BEGIN
	RETURN result || ': ' || (SELECT concat_ws(' ', m.status, m.error_code, m.error_message) FROM webchatt.messages m
		JOIN webchatt.statuses s ON s.message_id = m.id WHERE s.hub_message_id = hub_id LIMIT 1);
END
$$;
SELECT pg_temp.sent('a', 'h-a'), pg_temp.sent('b', 'h-b'), pg_temp.sent('c', 'h-c'), pg_temp.sent('d', 'h-d'), pg_temp.sent('e', 'h-e');

-- in order
SELECT pg_temp.status('h-a', 'sent');
SELECT pg_temp.status('h-a', 'delivered', ',"timestamp":1700000042');
SELECT pg_temp.status('h-a', 'read', ',"reader":"v"');
-- backwards and repeated: kept, and the message stays where it is
SELECT pg_temp.status('h-b', 'read');
SELECT pg_temp.status('h-b', 'delivered');
SELECT pg_temp.status('h-b', 'read');
SELECT pg_temp.status('h-b', 'enqueued');
-- failed, with the hub's code; evidence of receipt beats it, and clears the error
SELECT pg_temp.status('h-c', 'failed', ',"errorCode":"130472","errorMessage":"not now"');
SELECT pg_temp.status('h-c', 'sent');
SELECT pg_temp.status('h-c', 'delivered');
SELECT pg_temp.status('h-c', 'failed', ',"errorCode":1');
-- after it was received nothing fails any more
SELECT pg_temp.status('h-d', 'delivered');
SELECT pg_temp.status('h-d', 'failed', ',"errorCode":"x"');
-- a word that nobody knows is kept; with an error code it means failed
SELECT pg_temp.status('h-e', 'teleported');
SELECT pg_temp.status('h-e', 'bounced', ',"errorCode":130472');
SELECT s.hub_message_id, s.status, extract(epoch FROM nullif(s.at, now())), s.error_code, s.error_message, s.extra
	FROM webchatt.statuses s ORDER BY s.id;

-- the hub's words, and what they mean to a message
CREATE TEMP TABLE words AS SELECT w, 'w-' || w AS hub_id FROM unnest(ARRAY['queued', 'accepted', 'enqueued', 'sent',
	'delivered', 'read', 'failed', 'error', 'undelivered', 'rejected', 'expired', 'Delivered', 'typing']) w;
SELECT w, webchatt.ingest(format('{"eventType":"MessageStatus","messageId":"%s","status":"%s"}', hub_id, w)) FROM words;
SELECT status, means FROM webchatt.early_statuses ORDER BY status COLLATE "C";

-- an expired message that the hub says was read, was read
SELECT pg_temp.sent('f', 'h-f');
UPDATE webchatt.messages SET status = 'expired' WHERE visitor = 'f';
SELECT pg_temp.status('h-f', 'read');
-- delivered and read say that the visitor is there, sent does not
SELECT DISTINCT visitor FROM webchatt.outbox WHERE op = 'v' ORDER BY 1;
-- the same id on another channel is another message
SELECT webchatt.add_channel('00000000-0000-0000-0000-000000000002');
SELECT webchatt.set_webhook_secret('00000000-0000-0000-0000-000000000002', NULL);
SELECT webchatt.ingest('{"eventType":"MessageStatus","messageId":"h-a","status":"failed"}', NULL, '00000000-0000-0000-0000-000000000002');
SELECT channel_id, hub_message_id, status FROM webchatt.early_statuses WHERE hub_message_id = 'h-a';
SELECT status FROM webchatt.messages WHERE visitor = 'a';
ROLLBACK;
