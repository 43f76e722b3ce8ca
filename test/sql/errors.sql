-- What people read when something is wrong: no places in functions of ours.
\pset format unaligned
\pset tuples_only on
SELECT webchatt.normalize_origin('https://www.example.com');
SELECT webchatt.connect_hub('key', 'nonsense');
SELECT webchatt.connect_hub('key', 'http://hub.example');
SELECT webchatt.add_channel(NULL);
SELECT webchatt.create_channel('x', '{https://www.example.com/path}');
SELECT webchatt.create_channel(repeat('x', 51), '{https://www.example.com}');
SELECT webchatt.set_origins(NULL, '{}');
SELECT webchatt.create_webhook('l', 'http://a.example/', 'Message');
SELECT webchatt.alter_webhook('00000000-0000-0000-0000-000000000000');
SELECT webchatt.revoke_api_key('nobody');
SELECT webchatt.end_sessions('00000000-0000-0000-0000-000000000000', 'v');
SELECT webchatt.register_webhooks('nobody');
SELECT webchatt.wait_for_webhooks('nobody');
SELECT webchatt.send_message('00000000-0000-0000-0000-000000000000', 'v', text => 'x');
-- those of functions that call ours stay
DO $$
BEGIN
	PERFORM webchatt.add_channel(NULL);
END
$$;
-- and those of others are left alone
DO $$
BEGIN
	PERFORM 1 / 0;
END
$$;
-- whatever the session's settings do to backslashes
BEGIN;
SELECT current_setting('server_version_num')::int < 190000 AS has_backslashes \gset
\if :has_backslashes
SET LOCAL standard_conforming_strings = off;
\endif
SET LOCAL webchatt.public_url = 'https://chat.example.com';
SELECT webchatt.create_channel('Shop', '{https://www.example.com}') AS c \gset
SELECT webchatt.widget_script(:'c') ~ '^<script src="https://chat.example.com/chat-widget.umd.js" data-config=';
SET LOCAL webchatt.public_url = '';
SET LOCAL webchatt.listen = '0.0.0.0:8480 , [::]:8481';
SELECT webchatt.widget_script(:'c') ~ '^<script src="http://localhost:8480/';
SELECT webchatt.create_webhook('l', 'https://[2001:4860:4860::8888]:8443/x', 'Message') IS NOT NULL, webchatt.create_webhook('l', 'https://a.example/', 'Message') IS NOT NULL;
SAVEPOINT s;
SELECT webchatt.create_webhook('l', e'https://a.example/\\', 'Message');
ROLLBACK TO s;
SELECT webchatt.create_webhook('l', 'https://127.1/', 'Message');
ROLLBACK;
