-- A transaction that is prepared sends when it is committed (where there are any:
-- a server as initdb makes it has none).
\pset format unaligned
\pset tuples_only on
SELECT webchatt.connect_hub('key', name => 'prepared');
SELECT webchatt.add_channel('00000000-0000-0000-0000-0000000000aa', hub => 'prepared');
SET client_min_messages = error;
SELECT current_setting('max_prepared_transactions') <> '0' AS can \gset
\if :can
BEGIN;
SELECT webchatt.send_message('00000000-0000-0000-0000-0000000000aa', 'v', text => 'committed') IS NOT NULL;
PREPARE TRANSACTION 'webchatt regress 1';
BEGIN;
SELECT webchatt.send_message('00000000-0000-0000-0000-0000000000aa', 'w', text => 'given up') IS NOT NULL;
PREPARE TRANSACTION 'webchatt regress 2';
SELECT count(*) FROM webchatt.outbox WHERE channel_id = '00000000-0000-0000-0000-0000000000aa';
COMMIT PREPARED 'webchatt regress 1';
ROLLBACK PREPARED 'webchatt regress 2';
SELECT m.content ->> 'text', m.status, o.op FROM webchatt.outbox o JOIN webchatt.messages m ON m.id = o.message_id
	WHERE o.channel_id = '00000000-0000-0000-0000-0000000000aa';
\endif
DELETE FROM webchatt.messages WHERE channel_id = '00000000-0000-0000-0000-0000000000aa';
DELETE FROM webchatt.channels WHERE id = '00000000-0000-0000-0000-0000000000aa';
DELETE FROM webchatt.hubs WHERE name = 'prepared';
TRUNCATE webchatt.outbox;
